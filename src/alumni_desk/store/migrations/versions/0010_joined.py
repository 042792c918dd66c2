"""Names of several words are found as one word, too."""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NAMES = ("first_name", "middle_name", "last_name", "preferred_name", "other_script_name", "former_names")


def upgrade() -> None:
    """Mark whom that is about, and some more, so that their words are made anew before COMMIT."""
    some = " OR ".join(f"{name} GLOB '*[^a-zA-Z]*'" for name in _NAMES)
    op.execute(f"INSERT INTO search_stale (id) SELECT id FROM person WHERE {some} ON CONFLICT DO NOTHING")
    op.execute("INSERT INTO search_stale (id) SELECT person FROM education WHERE person IS NOT NULL AND name_at_graduation GLOB '*[^a-zA-Z]*'"
               " ON CONFLICT DO NOTHING")
