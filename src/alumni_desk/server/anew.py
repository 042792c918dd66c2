"""A push of nothing but new rows, as an import makes: judged and written by the many, not operation by operation.

It comes to exactly what ``push.push_together`` makes of it, at a third of the work. Whatever is not as plain as that goes there: rows or operations that
are known already, several operations on one row, clocks that run ahead, a door's gatherings, somebody who was erased.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.canonical import chained, operation_of
from alumni_desk.protocol.clocks import packed_names
from alumni_desk.protocol.forms import Form
from alumni_desk.protocol.messages import PUSH_OPERATIONS, Cursor, Operation, Parcel, PushReply, Result
from alumni_desk.protocol.values import TEXT_LIMIT
from alumni_desk.server import accounts, audit, carried, feed
from alumni_desk.server.asking import ask, by_index, in_one_go
from alumni_desk.server.audiences import CHAPTER, NAMING, NOT_THE_CHAPTERS
from alumni_desk.server.beforehand import Beforehand, replicas_among
from alumni_desk.server.bulk import ESCAPES, MANY, Copy, copied
from alumni_desk.server.clamping import AHEAD, milliseconds, replica
from alumni_desk.server.judging import NAMES, SMALL_MAP, is_open, kinds
from alumni_desk.server.push import RESULT, Sent, shortened
from alumni_desk.server.refusals import Refusal
from alumni_desk.server.replicas import authors, keep_replicas
from alumni_desk.sync.shapes import shapes


@dataclass
class _Form:
    """What rows of one table with the same fields have in common; and which operations make such rows, by their places."""

    table: str
    names: tuple[str, ...]
    kinds: tuple[type, ...]
    zeros: int
    forms: Mapping[str, Form]
    places: list[int] = field(default_factory=list)
    columns: Sequence[Sequence[Any]] = ()  # their values, field by field


@dataclass(frozen=True)
class Fresh:
    """Operations that are well formed and make a row each, as far as can be said without the database."""

    operations: list[Operation]
    salts: list[bytes]
    hashes: list[bytes]
    forms: list[_Form]
    replicas: set[str]
    latest: str


def fresh_of(parcels: Sequence[Parcel]) -> Fresh | None:
    """The operations of parcels, if there are many and all of them may be such."""
    bodies: list[Any] = []
    salts: list[bytes] = []
    hashes: list[bytes] = []
    for parcel in parcels:
        if parcel.audience != CHAPTER or not len(parcel.hashes) == len(parcel.salts) == len(parcel.bodies):
            return None
        bodies += parcel.bodies
        salts += parcel.salts
        hashes += parcel.hashes
    if not MANY <= len(bodies) <= PUSH_OPERATIONS or not all(bodies) or max(map(len, bodies)) > TEXT_LIMIT:
        return None
    try:
        operations = list(map(operation_of, bodies))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    forms = _forms(operations, bodies)
    if forms is None:
        return None
    named = [f"{one.id} {one.row} {one.clock}" for one in operations]
    each = len({one.id for one in operations}), len({(one.table, one.row) for one in operations})
    if not all(map(NAMES.fullmatch, named)) or each != (len(named), len(named)):
        return None
    clocks = [one.clock for one in operations]
    return Fresh(operations, salts, hashes, forms, set(map(replica, clocks)), max(clocks))


def _forms(operations: Sequence[Operation], bodies: Sequence[bytes]) -> list[_Form] | None:
    found: dict[tuple[str, tuple[str, ...]], _Form] = {}
    for place, (one, body) in enumerate(zip(operations, bodies, strict=True)):
        key = one.table, tuple(one.fields)
        form = found.get(key)
        if form is None:
            form = _form(*key)
            if form is None:
                return None
            found[key] = form
        # What was seen before says that the row is somewhere: there is no use in trying.
        if one.kind != "put" or one.before or body.count(0) > form.zeros:
            return None
        form.places.append(place)
    for form in found.values():
        form.columns = list(zip(*[operations[place].fields.values() for place in form.places], strict=True))
        if not all(map(_fit, form.kinds, form.columns)) or not all(
                all(map(looks, set(column))) for name, column in zip(form.names, form.columns, strict=True) if (looks := form.forms.get(name)) is not None):
            return None
    return list(found.values())


def _fit(kind: type, column: Sequence[Any]) -> bool:
    """Whether all values of a field are of its kind."""
    return set(map(type, column)) == {kind} and (kind is not int or max(column) < 2**63)


def _form(table: str, names: tuple[str, ...]) -> _Form | None:
    """None where more has to be looked at than the row itself."""
    shape = shapes().get(table)
    if shape is None or shape.kind != "put" or shape.by_row or table == "chapter" or table in NAMING or not {"gone", "merged_into"}.isdisjoint(names):
        return None
    types, _numbers = kinds(table, names)
    if not types or list(names) != sorted(names):
        return None
    return _Form(table, names, types, zeros=len(names) > SMALL_MAP, forms={name: form for name, form in shape.forms.items() if name in names})


def glance(connection: sa.Connection, tables: sa.MetaData, scope: str, fresh: Fresh, *, devices: Collection[str], now: int) -> Beforehand | None:
    """Hold the scope's head and ask what little has to be known beforehand; that rows and operations are new shows when they are written.

    None: there is more to look at.
    """
    with in_one_go(connection):
        by_index(connection)
        head = ask(connection, feed.LOCK[connection.dialect.name], scope)
        whose = ask(connection, accounts.question_of(tables, connection.dialect), list(devices))
        erased = ask(connection, "SELECT 1 FROM erased WHERE scope = ? LIMIT 1", scope)
        held = [ask(connection, f"SELECT 1 FROM feed WHERE scope = ? AND table_name = ? {NOT_THE_CHAPTERS} LIMIT 1", scope, name)
                for name in {form.table for form in fresh.forms}]
        ahead, known = replicas_among(connection, scope, fresh.replicas)
        more = bool(erased()) or any(one() for one in held) or any(one() for one in ahead)
        there = Beforehand(head=feed.locked_from(scope, head()), callers=accounts.callers_from(tables, whose(), now),
                           replicas={row[0] for one in known for row in one()})
    return None if more or there.head is None else there


def push_anew(connection: sa.Connection, tables: sa.MetaData, fresh: Fresh, sent: Sent, there: Beforehand, now: int, *,
              prove: Callable[[], bool]) -> PushReply | None:
    """Judge and write them; None, and nothing has happened, if they are not for this way. The caller commits.

    ``prove`` says whether they are signed as they must be. If not, a Refusal is raised, and the caller commits nothing.
    """
    locked = there.head
    if (locked is None or sent.gathering is not None or sent.role not in ("admin", "leader") or milliseconds(fresh.latest) > now + AHEAD
            or not all(is_open(sent.role, form.table, form.names) for form in fresh.forms)):
        return None
    scope, device, before = locked.scope, sent.device, Cursor(locked.sequence, locked.chain)
    names = list(dict.fromkeys(form.table for form in fresh.forms))
    with ThreadPoolExecutor(1, "beside") as beside:  # the next is made ready while the database takes what is
        ready = [beside.submit(_rows, fresh, scope, name) for name in names]
        proving = beside.submit(prove)
        ready += [beside.submit(_entries, fresh, scope, locked.sequence + 1), beside.submit(_results, fresh, scope, locked.sequence + 1, device, now)]
        locked.chain = chained(locked.chain, fresh.hashes)
        details = beside.submit(_for_audit, fresh, locked.chain)
        results = beside.submit(lambda: [Result(one.id, "ok", place) for place, one in enumerate(fresh.operations, before.sequence + 1)])
        if not copied(connection, (one.result() for one in ready)):  # some of it is known
            locked.chain = before.chain
            return None
        if not proving.result():
            raise Refusal(403, "forged")
        locked.sequence += len(fresh.operations)
        with in_one_go(connection):
            own = fresh.replicas if sent.own is None else fresh.replicas & sent.own
            told = keep_replicas(connection, tables, locked, dict.fromkeys(own, device), there.replicas)
            if sent.seen is not None:
                carried.keep(connection, tables, scope, device, sent.seen)
            note = audit.Note("push", now, device, details.result())
            locked.audited, locked.audit_hash = audit.note_after(connection, tables, scope, locked.audited, locked.audit_hash, [note])
            feed.move_head(connection, tables, locked)
        return PushReply(results=results.result(), head=locked.sequence, time=now, chain=locked.chain, before=before,
                         replicas=authors(connection, tables, scope, before.sequence, locked.sequence) if told else {})


def _entries(fresh: Fresh, scope: str, first: int) -> Copy:
    """Their places in the chapter's feed."""
    return Copy("feed", feed.ENTRY, "".join([f"{scope}\t{CHAPTER}\t{one.table}\t{one.row}\t{place}\tf\n"
                                             for place, one in enumerate(fresh.operations, first)]))


def _results(fresh: Fresh, scope: str, first: int, device: str, now: int) -> Copy:
    """What became of them."""
    return Copy("operation_result", RESULT, "".join([
        f"{scope}\t{one.id}\t\\\\x{salt.hex()}\t\\\\x{digest.hex()}\tok\t\\N\t{place}\t\\N\t0\t{device}\t{now}\n"
        for place, (one, salt, digest) in enumerate(zip(fresh.operations, fresh.salts, fresh.hashes, strict=True), first)]))


def _rows(fresh: Fresh, scope: str, table: str) -> Copy:
    """The rows of a table as PostgreSQL copies them in."""
    forms = [form for form in fresh.forms if form.table == table]
    names = sorted({name for form in forms for name in form.names})
    keys = shapes()[table].clock_keys
    lines: list[str] = []
    marks = 0
    for form in forms:
        before, _mark, after = packed_names(map(keys.__getitem__, form.names)).partition("?")
        heads = [f"{one.row}\t{scope}\tf\t{one.clock}\t{before}{one.clock}{after}" for one in map(fresh.operations.__getitem__, form.places)]
        here = dict(zip(form.names, map(_as_texts, form.kinds, form.columns), strict=True))
        marks += len(form.places) * (len(names) - len(here))
        lines += map("\t".join, zip(heads, *[here.get(name) or repeat("\\N") for name in names], strict=False))
    text = b"\n".join([*map(str.encode, lines), b""])  # each by itself: one letter that needs more room would give all of them that much
    if (text.count(b"\t"), text.count(b"\n"), text.count(b"\r"), text.count(b"\\")) != (len(lines) * (len(names) + 4), len(lines), 0, marks):
        text = _escaped(fresh, scope, forms, names).encode()
    return Copy(table, ("id", "scope", "gone", "clock", "clocks", *names), text)


def _as_texts(kind: type, column: Sequence[Any]) -> Iterable[str]:
    return column if kind is str else map(str, column)


def _escaped(fresh: Fresh, scope: str, forms: Sequence[_Form], names: Sequence[str]) -> str:
    """The same where texts hold what means something in it."""
    keys = shapes()[forms[0].table].clock_keys
    lines = []
    for form in forms:
        clocks = packed_names(map(keys.__getitem__, form.names))
        for one in map(fresh.operations.__getitem__, form.places):
            fields = one.fields
            values = [str(fields[name]).translate(ESCAPES) if name in fields else "\\N" for name in names]
            lines.append("\t".join([one.row, scope, "f", one.clock, clocks.replace("?", one.clock), *values]))
    return "\n".join([*lines, ""])


def _for_audit(fresh: Fresh, chain: str) -> dict[str, Any]:
    count, those = len(fresh.operations), fresh.operations
    return {"operations": count, "accepted": count, "chain": chain,
            "what": [{"status": "ok", "kind": "put", "table": form.table, "fields": shortened(form.names),
                      "each": [(those[place].id, those[place].row, fresh.hashes[place].hex()) for place in form.places]} for form in fresh.forms]}
