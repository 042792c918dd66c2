"""The index of facts by registration holds those that name one: smaller, and never taken for the way to a fact by its id. One of grants by account."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index anew."""
    named = sa.table("fact", sa.column("registration")).c.registration.is_not(None)
    op.drop_index("fact_registration", table_name="fact")
    op.create_index("fact_registration", "fact", ["scope", "registration"], unique=False, sqlite_where=named, postgresql_where=named)
    op.create_index("grant_by_account", "grant", ["account"], unique=False)
