"""The audit: who did what when, by ids and counts, never by values. Each entry's hash holds the one before."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import sqlalchemy as sa

_ENCODER = msgspec.json.Encoder(order="deterministic")


def note(connection: sa.Connection, tables: sa.MetaData, scope: str, event: str, *, at: int, device: str | None = None,
         details: dict[str, Any] | None = None) -> None:
    """Add an entry. The caller holds the scope's head, so that entries have one order."""
    audit = tables.tables["audit"]
    last = connection.execute(sa.select(audit.c.number, audit.c.hash).where(audit.c.scope == scope)
                              .order_by(audit.c.number.desc()).limit(1)).first()
    number, before = (last.number + 1, last.hash) if last else (1, "")
    text = _ENCODER.encode(details).decode() if details else None
    connection.execute(sa.insert(audit).values(scope=scope, number=number, made_at=at, device=device, event=event, details=text,
                                               hash=entry_hash(before, scope, number, at, device, event, text)))


def entry_hash(before: str, scope: str, number: int, at: int, device: str | None, event: str, details: str | None) -> str:
    """An entry's hash over itself and the one before it. Hexadecimal."""
    return hashlib.blake2b(_ENCODER.encode([before, scope, number, at, device, event, details]), digest_size=32).hexdigest()
