"""What people are found by lies in the index of words alone: each change to somebody wrote it a second time beside it."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index anew of the texts that lie beside it, then let them go. Their places can be struck out without knowing the words."""
    op.execute("DROP TABLE search_words_terms")
    op.execute("DROP TABLE search_words")
    op.execute("CREATE VIRTUAL TABLE search_words USING fts5(words, content='', contentless_delete=1, prefix='1 2 3', detail=none, "
               "tokenize='unicode61 remove_diacritics 0')")
    # A part is written anew once half of its places are struck out, not a tenth: where thousands change, nobody shall wait for it again and again.
    op.execute("INSERT INTO search_words (search_words, rank) VALUES ('deletemerge', 50)")
    op.execute("CREATE VIRTUAL TABLE search_words_terms USING fts5vocab(search_words, row)")
    op.execute("CREATE VIRTUAL TABLE search_words_places USING fts5vocab(search_words, instance)")
    op.execute("INSERT INTO search_words (rowid, words) SELECT rowid, names || ' ' || other FROM search_person ORDER BY rowid")
    op.execute("ALTER TABLE search_person DROP COLUMN other")
