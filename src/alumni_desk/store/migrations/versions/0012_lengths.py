"""The index of words keeps no lengths: nobody asks for them, and each change to somebody wrote into one more place."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index anew of the texts that lie beside it."""
    op.execute("DROP TABLE search_words_terms")
    op.execute("DROP TABLE search_words")
    op.execute("CREATE VIRTUAL TABLE search_words USING fts5(names, other, content='search_person', content_rowid='rowid', prefix='1 2 3', detail=none, "
               "columnsize=0, tokenize='unicode61 remove_diacritics 0')")
    op.execute("CREATE VIRTUAL TABLE search_words_terms USING fts5vocab(search_words, row)")
    op.execute("INSERT INTO search_words (search_words) VALUES ('rebuild')")
