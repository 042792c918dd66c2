"""What was done at this desk, older values of others, whom to forget."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, and an action for everything that was captured before there was one."""
    op.create_table(
        "action",
        sa.Column("rowid", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("who", sa.Text),
        sa.Column("device", sa.Text),
        sa.Column("gathering", sa.Text),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("undoes", sa.Text),
        sa.Column("undone_by", sa.Text),
    )
    op.create_table(
        "past",
        sa.Column("rowid", sa.Integer, primary_key=True),
        sa.Column("table_name", sa.Text, nullable=False),
        sa.Column("row_id", sa.Text, nullable=False),
        sa.Column("field", sa.Text, nullable=False),
        sa.Column("value", sa.Text),
        sa.Column("clock", sa.Text, nullable=False),
    )
    op.create_table("erased", sa.Column("id", sa.Text, primary_key=True), sa.Column("at", sa.Text, nullable=False))
    op.create_index("action_id", "action", ["id"], unique=True)
    op.create_index("past_row", "past", ["table_name", "row_id"])
    op.create_index("person_merged_into", "person", ["merged_into"], sqlite_where=sa.text("merged_into IS NOT NULL"))
    op.execute(
        "INSERT INTO action (id, event, at, gathering, counts)"
        " SELECT action, event, min(made_at), nullif(max(CASE WHEN audience = 'chapter' THEN '' ELSE audience END), ''),"
        " (SELECT json_group_object(t, n) FROM (SELECT table_name AS t, count(DISTINCT row_id) AS n FROM operation AS o WHERE o.action = a.action GROUP BY 1))"
        " FROM operation AS a GROUP BY action, event ORDER BY min(rowid)")
    _renew_search()


def _renew_search() -> None:
    """The search index in its new form, empty; everybody is marked, so that it is filled before the first COMMIT."""
    op.execute("DROP TABLE search_words")
    op.drop_table("search_person")
    op.create_table(
        "search_person",
        sa.Column("rowid", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("standing", sa.Text),
        sa.Column("sort", sa.Text, nullable=False),
        sa.Column("names", sa.Text, nullable=False),
        sa.Column("other", sa.Text, nullable=False),
    )
    op.drop_index("person_last_name_first_name", "person")  # lists by name are read from the search index
    op.create_index("search_person_id", "search_person", ["id"], unique=True)
    op.create_index("search_person_sort", "search_person", ["sort", "standing", "id"])
    op.execute("CREATE VIRTUAL TABLE search_words USING fts5(names, other, content='search_person', content_rowid='rowid', "
               "prefix='1 2 3', detail=none, tokenize='unicode61 remove_diacritics 0')")
    op.execute("CREATE VIRTUAL TABLE search_words_terms USING fts5vocab(search_words, row)")
    op.execute("INSERT INTO search_stale (id) SELECT id FROM person WHERE true ON CONFLICT DO NOTHING")
