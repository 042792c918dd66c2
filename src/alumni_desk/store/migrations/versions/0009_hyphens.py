"""Names with a hyphen are found as one word, too."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_HYPHENS = ("-", "\u2010", "\u2011")


def upgrade() -> None:
    """Mark whom that is about, so that their words are made anew before COMMIT."""
    names = ("first_name", "middle_name", "last_name", "preferred_name", "other_script_name", "former_names")
    for sign in _HYPHENS:
        some = " OR ".join(f"instr({name}, '{sign}')" for name in names)
        op.execute(f"INSERT INTO search_stale (id) SELECT id FROM person WHERE {some} ON CONFLICT DO NOTHING")
        op.execute(f"INSERT INTO search_stale (id) SELECT person FROM education WHERE person IS NOT NULL AND instr(name_at_graduation, '{sign}')"
                   " ON CONFLICT DO NOTHING")
