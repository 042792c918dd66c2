"""By which it is found whose a badge's code is, when a door gives a guest one."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index("registration_code", "registration", ["scope", "code"], unique=False)
