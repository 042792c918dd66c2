"""Who wrote what: replicas by device; the audit's last entry in the head; what a laptop has still to send; parcels set aside."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables and columns."""
    op.create_table(
        "replica",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("replica", sa.Text, primary_key=True),
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
    )
    op.create_index("replica_in_order", "replica", ["scope", "sequence"], unique=False)
    op.create_table(
        "quarantine",
        sa.Column("scope", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("operations", sa.BigInteger, nullable=False),
        sa.Column("parcel", sa.LargeBinary, nullable=False),
    )
    op.add_column("device", sa.Column("waiting", sa.BigInteger))
    op.add_column("feed_head", sa.Column("audited", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("feed_head", sa.Column("audit_hash", sa.Text, nullable=False, server_default=""))
    op.execute(
        "UPDATE feed_head SET audited = coalesce((SELECT max(number) FROM audit WHERE audit.scope = feed_head.scope), 0),"
        " audit_hash = coalesce((SELECT hash FROM audit WHERE audit.scope = feed_head.scope ORDER BY number DESC LIMIT 1), '')"
    )
