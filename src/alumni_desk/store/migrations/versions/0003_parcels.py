"""What laptops hold for each other at a venue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "parcel",
        sa.Column("rowid", sa.Integer, primary_key=True),
        sa.Column("name", sa.LargeBinary, nullable=False),
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("audience", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("received", sa.Text, nullable=False),
        sa.Column("resolved", sa.Text),
        sa.Column("sequence", sa.BigInteger),
        sa.Column("reason", sa.Text),
    )
    op.create_table("parcel_operation", sa.Column("operation", sa.Text, primary_key=True), sa.Column("parcel", sa.LargeBinary, nullable=False))
    op.create_table("handout", sa.Column("gathering", sa.Text, primary_key=True), sa.Column("number", sa.BigInteger, nullable=False),
                    sa.Column("content", sa.LargeBinary, nullable=False))
    op.create_table("chain", sa.Column("device", sa.Text, primary_key=True), sa.Column("content", sa.LargeBinary, nullable=False))
    op.create_index("parcel_name", "parcel", ["name"], unique=True)
    op.create_index("parcel_resolved", "parcel", ["resolved"])
    op.create_index("parcel_operation_parcel", "parcel_operation", ["parcel"])
