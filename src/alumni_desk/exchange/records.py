"""What is kept of an import: which file, how it was read, what it did, whether it finished."""

from __future__ import annotations

import sqlalchemy as sa

from alumni_desk.store.synced import field, synced

import_run = synced(
    "import_run",
    field("file_name"),
    field("file_hash"),
    field("recognised"),
    field("mapping"),  # JSON object: column in the file -> field here
    field("rows", sa.BigInteger),
    field("added", sa.BigInteger),
    field("updated", sa.BigInteger),
    field("unchanged", sa.BigInteger),
    field("rejected", sa.BigInteger),
    field("started_at"),
    field("finished_at"),
    field("complete", sa.Boolean),
    tells=True,
)

TABLES = (import_run,)
