"""Marks of rows that were moved to another chapter, and to which; and which laptops joined anew since."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("erased", sa.Column("moved_to", sa.Text))
    op.add_column("device", sa.Column("replaced_at", sa.BigInteger))
