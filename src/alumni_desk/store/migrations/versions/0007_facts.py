"""A check-in writes one index less: somebody's facts are found by their registrations."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A registration names its person, and an index leads from there to its facts."""
    op.drop_index("fact_person", "fact")
