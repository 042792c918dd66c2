"""Until when at most whoever is invited to a door may see it, where that is sooner than a day after the gathering."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("invitation", sa.Column("until", sa.BigInteger))
