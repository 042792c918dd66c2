"""Birthdays and the newest changes are found without reading every member; a check-in writes one index less."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Facts are found by gathering and registration, or by person; nobody asks for a registration without its gathering."""
    op.drop_index("fact_registration", "fact")
    op.create_index("person_clock", "person", ["clock"])
    op.create_index("person_birthday", "person", [sa.text("substr(birth_date, 6, 5)")], sqlite_where=sa.text("birth_date IS NOT NULL"))
