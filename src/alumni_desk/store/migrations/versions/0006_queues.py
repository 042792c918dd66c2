"""What waits is found by its queue: what people did, however much of what files brought waits with it."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The index of what waits tells the queues apart."""
    op.drop_index("operation_fate", "operation")
    op.create_index("operation_fate", "operation", ["fate", "sequence", "queue"])
