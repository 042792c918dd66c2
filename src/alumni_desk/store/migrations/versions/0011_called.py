"""Last and first name of scripts without spaces are found as one word whatever somebody is called."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Mark whom that is about, and some more, so that their words are made anew before COMMIT."""
    op.execute("INSERT INTO search_stale (id) SELECT id FROM person WHERE preferred_name IS NOT NULL AND first_name GLOB '*[^a-zA-Z]*'"
               " AND last_name GLOB '*[^a-zA-Z]*' ON CONFLICT DO NOTHING")
