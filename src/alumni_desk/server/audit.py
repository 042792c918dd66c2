"""The audit: who did what when, by ids, field names and salted hashes, never by values. Each entry's hash holds the one before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from alumni_desk.server.asking import tell
from alumni_desk.server.bulk import put_rows

_ENCODER = msgspec.json.Encoder(order="deterministic")
_PAGE = 1_000


@dataclass(frozen=True)
class Note:
    """An entry to be: what, when (milliseconds), by which device."""

    event: str
    at: int
    device: str | None = None
    details: dict[str, Any] | None = None


def note(connection: sa.Connection, tables: sa.MetaData, scope: str, event: str, *, at: int, device: str | None = None,
         details: dict[str, Any] | None = None) -> None:
    """Add an entry. The caller holds the scope's head, so that entries have one order."""
    note_all(connection, tables, scope, [Note(event, at, device, details)])


def note_all(connection: sa.Connection, tables: sa.MetaData, scope: str, notes: Sequence[Note]) -> None:
    """Add several, in this order."""
    head = tables.tables["feed_head"]
    last = connection.execute(sa.select(head.c.audited, head.c.audit_hash).where(head.c.scope == scope)).one()
    number, digest = note_after(connection, tables, scope, last.audited, last.audit_hash, notes)
    connection.execute(sa.update(head).where(head.c.scope == scope).values(audited=number, audit_hash=digest))


def note_after(connection: sa.Connection, tables: sa.MetaData, scope: str, number: int, digest: str, notes: Sequence[Note]) -> tuple[int, str]:
    """Add several after the entry with this number and hash. Returns those of the last one: they belong into the scope's head."""
    rows: list[dict[str, str | int | None]] = []
    for one in notes:
        number += 1
        text = _ENCODER.encode(one.details).decode() if one.details else None
        digest = entry_hash(digest, scope, number, one.at, one.device, one.event, text)
        rows.append({"scope": scope, "number": number, "made_at": one.at, "device": one.device, "event": one.event, "details": text, "hash": digest})
    if len(rows) == 1:  # as it is: of thousands of operations it is a long text
        tell(connection, f"INSERT INTO audit ({', '.join(rows[0])}) VALUES ({', '.join('?' * len(rows[0]))})", *rows[0].values())
    else:
        put_rows(connection, tables.tables["audit"], rows)
    return number, digest


def entry_hash(before: str, scope: str, number: int, at: int, device: str | None, event: str, details: str | None) -> str:
    """An entry's hash over itself and the one before it. Hexadecimal."""
    return hashlib.blake2b(_ENCODER.encode([before, scope, number, at, device, event, details]), digest_size=32).hexdigest()


@dataclass(frozen=True)
class Broken:
    """Where a chapter's audit is not what was written: the first entry that does not fit."""

    scope: str
    number: int


@dataclass(frozen=True)
class Checked:
    """An audit that was gone through: entries, the last hash of each scope (to be noted elsewhere), and where it is broken."""

    entries: int
    last: dict[str, str]
    broken: list[Broken]


def check(connection: sa.Connection, tables: sa.MetaData) -> Checked:
    """Go through every chapter's audit. ``connection`` is a snapshot."""
    head, audit = tables.tables["feed_head"], tables.tables["audit"]
    heads = {row.scope: row for row in connection.execute(sa.select(head.c.scope, head.c.audited, head.c.audit_hash).order_by(head.c.scope))}
    count, broken, last = 0, [], {}
    strays = connection.execute(sa.select(audit.c.scope).distinct().where(audit.c.scope.not_in(sa.select(head.c.scope)))).scalars()
    broken += [Broken(scope, 1) for scope in strays]
    for scope, row in heads.items():
        number, digest, wrong = 0, "", None
        for entry in entries(connection, tables, scope):
            count += 1
            number += 1
            digest_here = entry_hash(digest, scope, number, entry.made_at, entry.device, entry.event, entry.details)
            if wrong is None and (entry.number != number or entry.hash != digest_here):
                wrong = number
            digest = entry.hash
        if wrong is None and (number, digest) != (row.audited, row.audit_hash):
            wrong = min(number, row.audited) + 1
        if wrong is not None:
            broken.append(Broken(scope, wrong))
        last[scope] = row.audit_hash
    return Checked(count, last, broken)


def entries(connection: sa.Connection, tables: sa.MetaData, scope: str) -> Iterator[sa.Row[Any]]:
    """A chapter's entries in order, a page at a time."""
    audit = tables.tables["audit"]
    after = None
    while True:
        query = sa.select(audit).where(audit.c.scope == scope).order_by(audit.c.number).limit(_PAGE)
        rows = connection.execute(query if after is None else query.where(audit.c.number > after)).all()
        yield from rows
        if len(rows) < _PAGE:
            return
        after = rows[-1].number


def newest(connection: sa.Connection, tables: sa.MetaData, scope: str | None, limit: int) -> list[sa.Row[Any]]:
    """The newest entries, of one chapter or of all."""
    audit = tables.tables["audit"]
    query = sa.select(audit).order_by(audit.c.made_at.desc(), audit.c.scope, audit.c.number.desc()).limit(limit)
    return list(connection.execute(query if scope is None else query.where(audit.c.scope == scope)))


_FIELDS = 6
"""So many field names of one part stand in a line; who wants all takes the JSON."""


def in_short(details: Mapping[str, Any]) -> str:
    """What an entry says, in one line for a terminal: ids, names of fields and counts, without hashes.

    >>> in_short({"operations": 1, "chain": "5a", "what": [{"status": "ok", "kind": "put", "table": "person", "fields": ["city"], "each": [["o", "r", "h"]]}]})
    'operations 1; person r: city'
    """
    words = []
    for name, value in details.items():
        if name == "what":
            words += [_part(one) for one in value]
        elif name != "chain":
            words.append(f"{name} {len(value) if isinstance(value, list) else value}")
    return "".join(letter if letter.isprintable() else "?" for letter in "; ".join(words))  # a laptop may send what a terminal would obey


def _part(what: Mapping[str, Any]) -> str:
    rows = [one if isinstance(one, str) else one[1] for one in what["each"]]
    fields = list(what.get("fields", ()))
    usual = ("ok", "put", None)
    words = [*(what.get(name) for name in ("status", "kind") if what.get(name) not in usual), what["table"], rows[0] if len(rows) == 1 else f"×{len(rows)}"]
    return " ".join(words) + (": " + ", ".join(fields[:_FIELDS]) + (" …" if len(fields) > _FIELDS else "") if fields else "")
