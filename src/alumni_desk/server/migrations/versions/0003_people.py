"""Invitations from laptops, grants that were ended, and what was decided about conflicts and parcels set aside."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    for name in ("name", "email", "created_by", "succeeds"):
        op.add_column("invitation", sa.Column(name, sa.Text))
    op.add_column("invitation", sa.Column("cancelled_at", sa.BigInteger))
    op.add_column("grant", sa.Column("ended_at", sa.BigInteger))
    op.add_column("conflict", sa.Column("decided_at", sa.BigInteger))
    op.add_column("quarantine", sa.Column("released_at", sa.BigInteger))
