"""In the gatherings' feeds a place for each person who is named on a list there and has not come yet: 0004 knew only of rows that were there."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Before every place in the feed, and no two in one feed: there is nothing to pull until the row comes, and then it moves to the end like any other.
_AWAIT = ("INSERT INTO feed (scope, audience, table_name, row_id, sequence, gone)"
          " SELECT l.scope, l.audience, 'person', {whom}, -max(l.sequence), {false} FROM feed AS l {join}"
          " WHERE l.audience <> 'chapter' AND l.table_name = '{table}' AND NOT l.gone AND {whom} IS NOT NULL AND l.sequence > 0"
          " AND NOT EXISTS (SELECT 1 FROM person AS q WHERE q.scope = l.scope AND q.id = {whom})"
          " GROUP BY l.scope, l.audience, {whom} ON CONFLICT DO NOTHING")


def upgrade() -> None:
    """Make the places."""
    connection = op.get_bind()
    false = "false" if connection.dialect.name == "postgresql" else "0"
    for table, whom, join in (("registration", "r.person", "JOIN registration AS r ON r.scope = l.scope AND r.id = l.row_id AND r.gathering = l.audience"),
                              ("person", "p.merged_into", "JOIN person AS p ON p.scope = l.scope AND p.id = l.row_id")):
        connection.exec_driver_sql(_AWAIT.format(table=table, whom=whom, join=join, false=false))
