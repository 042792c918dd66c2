"""Phone numbers are found by any of their last digits."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Mark everybody, so that the search index is made anew in its new form before COMMIT."""
    op.execute("INSERT INTO search_words (search_words) VALUES ('delete-all')")
    op.execute("DELETE FROM search_person")
    op.execute("INSERT INTO search_stale (id) SELECT id FROM person WHERE true ON CONFLICT DO NOTHING")
