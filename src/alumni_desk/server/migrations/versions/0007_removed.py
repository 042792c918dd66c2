"""What a row that was removed long ago still says, and the marks of what has gone by their place, for the tidying."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the index."""
    op.add_column("erased", sa.Column("kept", sa.Text))
    gone = sa.table("feed", sa.column("gone", sa.Boolean)).c.gone
    op.create_index("feed_gone", "feed", ["scope", "audience", "sequence"], unique=False, sqlite_where=gone, postgresql_where=gone)
