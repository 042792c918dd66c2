"""What became of operations has tables of its own: each page of them was written a second time when the server had taken them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_KEPT = "id, action, event, transaction_id, scope, audience, kind, table_name, row_id, fields, before, values_before, clock, schema, queue, made_at"


def upgrade() -> None:
    """Tell them apart, then copy the operations without it. Nobody's triggers are there meanwhile."""
    op.create_table("waiting", sa.Column("operation", sa.Integer, primary_key=True), sa.Column("queue", sa.Text, nullable=False),
                    sa.Column("sequence", sa.BigInteger))
    op.create_table("accepted", sa.Column("operation", sa.Integer, primary_key=True), sa.Column("sequence", sa.BigInteger), sa.Column("at", sa.Text))
    op.create_table("refused", sa.Column("operation", sa.Integer, primary_key=True), sa.Column("sequence", sa.BigInteger),
                    sa.Column("reason", sa.Text), sa.Column("at", sa.Text))
    op.execute("INSERT INTO waiting SELECT rowid, queue, sequence FROM operation WHERE fate = 'waiting'")
    op.execute("INSERT INTO refused SELECT rowid, sequence, reason, resolved_at FROM operation WHERE fate = 'refused'")
    op.execute("INSERT INTO accepted SELECT rowid, sequence, resolved_at FROM operation WHERE fate NOT IN ('waiting', 'refused')")
    op.execute("CREATE INDEX waiting_answered ON waiting (sequence) WHERE sequence IS NOT NULL")
    op.create_table(
        "operation_new",
        sa.Column("rowid", sa.Integer, primary_key=True),
        *(sa.Column(name, sa.Integer if name == "schema" else sa.Text, nullable=False) for name in _KEPT.split(", ")))
    op.execute(f"INSERT INTO operation_new (rowid, {_KEPT}) SELECT rowid, {_KEPT} FROM operation ORDER BY rowid")
    op.drop_table("operation")
    op.rename_table("operation_new", "operation")
    op.create_index("operation_row", "operation", ["table_name", "row_id"])
    op.create_index("operation_action", "operation", ["action"])
    op.execute(
        "CREATE VIEW operation_now AS SELECT o.rowid AS rowid, " + ", ".join(f"o.{name} AS {name}" for name in _KEPT.split(", ")) +
        ", CASE WHEN w.operation IS NOT NULL THEN 'waiting' WHEN r.operation IS NOT NULL THEN 'refused'"
        " WHEN a.operation IS NOT NULL THEN 'accepted' END AS fate,"
        " coalesce(w.sequence, r.sequence, a.sequence) AS sequence, r.reason AS reason, coalesce(r.at, a.at) AS resolved_at"
        " FROM operation AS o LEFT JOIN waiting AS w ON w.operation = o.rowid LEFT JOIN refused AS r ON r.operation = o.rowid"
        " LEFT JOIN accepted AS a ON a.operation = o.rowid")
