"""A feed for each gathering, filled from what is there; the indexes by which a push finds whose audience a row is in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# A row has the same place in every feed that it has in the chapter's.
_ENTER = ("INSERT INTO feed (scope, audience, table_name, row_id, sequence, gone)"
          " SELECT f.scope, {gathering}, f.table_name, f.row_id, f.sequence, {false} FROM feed AS f {join}"
          " WHERE f.audience = 'chapter' AND f.table_name = '{table}' {where} ON CONFLICT DO NOTHING")


def upgrade() -> None:
    """Add the indexes and fill the feeds."""
    feed, person = sa.table("feed", sa.column("audience")), sa.table("person", sa.column("merged_into"))
    others = feed.c.audience != sa.literal_column("'chapter'")
    op.create_index("feed_by_row", "feed", ["scope", "table_name", "row_id"], unique=False, sqlite_where=others, postgresql_where=others)
    merged = person.c.merged_into.is_not(None)
    op.create_index("person_merged_into", "person", ["scope", "merged_into"], unique=False, sqlite_where=merged, postgresql_where=merged)
    op.create_index("fact_registration", "fact", ["scope", "registration"], unique=False)
    _enter("gathering", "f.row_id")
    _enter("chapter", "g.id", "JOIN gathering AS g ON g.scope = f.scope")
    _enter("registration", "r.gathering", "JOIN registration AS r ON r.scope = f.scope AND r.id = f.row_id",
           "AND r.gathering IS NOT NULL AND NOT r.gone AND (r.status IS NULL OR r.status <> 'cancelled' OR EXISTS"
           " (SELECT 1 FROM fact AS c WHERE c.scope = r.scope AND c.registration = r.id AND c.gathering = r.gathering))")
    _enter("fact", "c.gathering", "JOIN fact AS c ON c.scope = f.scope AND c.id = f.row_id", "AND c.gathering IS NOT NULL")
    listed = ("JOIN registration AS r ON r.scope = f.scope AND r.person = f.row_id"
              " JOIN feed AS l ON l.scope = r.scope AND l.audience = r.gathering AND l.table_name = 'registration' AND l.row_id = r.id")
    _enter("person", "l.audience", listed)
    merged_into = ("JOIN person AS p ON p.scope = f.scope AND p.merged_into = f.row_id"
                   " JOIN feed AS l ON l.scope = p.scope AND l.audience <> 'chapter' AND l.table_name = 'person' AND l.row_id = p.id")
    while _enter("person", "l.audience", merged_into):
        pass  # whom those were merged into in their turn


def _enter(table: str, gathering: str, join: str = "", where: str = "") -> int:
    connection = op.get_bind()
    false = "false" if connection.dialect.name == "postgresql" else "0"
    sql = _ENTER.format(table=table, gathering=gathering, join=join, where=where, false=false)
    before = connection.exec_driver_sql("SELECT count(*) FROM feed").scalar_one()
    connection.exec_driver_sql(sql)
    return int(connection.exec_driver_sql("SELECT count(*) FROM feed").scalar_one()) - int(before)
