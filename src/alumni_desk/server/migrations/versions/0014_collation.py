"""Keys are compared byte by byte: by the rules of a language, as most PostgreSQL databases have it, each comparison costs many times as much."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_KEYS = {
    "chapter": ("scope", "id"),
    "person": ("scope", "id", "merged_into"),
    "education": ("scope", "id"),
    "household": ("scope", "id"),
    "gathering": ("scope", "id"),
    "registration": ("scope", "id", "code"),
    "fact": ("scope", "id", "registration"),
    "import_run": ("scope", "id"),
    "feed_head": ("scope",),
    "feed_chain": ("scope",),
    "feed": ("scope", "audience", "table_name", "row_id"),
    "operation_result": ("scope", "id"),
    "clamped": ("scope", "replica", "original"),
    "replica": ("scope", "replica"),
    "quarantine": ("scope", "id"),
    "erased": ("scope", "table_name", "row_id"),
    "conflict": ("scope", "operation", "field"),
    "overtaken": ("scope", "row_id", "table_name", "field", "clock", "by"),
    "audit": ("scope",),
    "server_state": ("key",),
    "account": ("id",),
    "device": ("id",),
    "grant": ("scope", "account"),
    "device_cursor": ("scope", "device"),
    "invitation": ("code_hash",),
    "invitation_failure": ("id",),
}


def upgrade() -> None:
    """Say so of every column that an index holds. SQLite compares so anyway."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, columns in _KEYS.items():  # a table's at once: its indexes are made anew each time
        op.execute(f'ALTER TABLE "{table}" ' + ", ".join(f'ALTER COLUMN "{one}" TYPE text COLLATE "C"' for one in columns))
