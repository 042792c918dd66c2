"""A push of nothing but new rows, as an import makes: judged and written by the many, not operation by operation.

It comes to exactly what ``push.push_together`` makes of it, at a third of the work. Whatever is not as plain as that goes there: rows or operations that
are known already, several operations on one row, clocks that run ahead, a door's gatherings, somebody who was erased.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, compress, repeat
from operator import attrgetter, is_not, itemgetter
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
import sqlalchemy as sa
from msgspec.structs import astuple

from alumni_desk.protocol.canonical import chained
from alumni_desk.protocol.clocks import packed_names
from alumni_desk.protocol.forms import Form
from alumni_desk.protocol.messages import PUSH_OPERATIONS, Cursor, Parcel, PushReply, Result
from alumni_desk.protocol.values import TEXT_LIMIT
from alumni_desk.server import accounts, audit, carried, feed
from alumni_desk.server.asking import ask, by_index, in_one_go
from alumni_desk.server.audiences import CHAPTER, NAMING, NOT_THE_CHAPTERS
from alumni_desk.server.beforehand import Beforehand, replicas_among
from alumni_desk.server.bulk import ESCAPES, MANY, Copy, copied
from alumni_desk.server.clamping import AHEAD, milliseconds, replica
from alumni_desk.server.judging import NAMES, SMALL_MAP, is_open
from alumni_desk.server.push import RESULT, Sent, shortened
from alumni_desk.server.refusals import Refusal
from alumni_desk.server.replicas import authors, keep_replicas
from alumni_desk.sync.shapes import shapes


class _New(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """An operation that makes a row, its fields as they came: what they may be hangs on the table."""

    id: str
    action: str
    transaction: str
    kind: Literal["put"]
    table: str
    row: str
    fields: msgspec.Raw
    before: _Nothing  # what was seen before would say that the row is somewhere
    clock: str
    schema: int


class _Nothing(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """An empty map."""


@dataclass(frozen=True)
class _Rows:
    """Rows of one table, as PostgreSQL copies them in: the fields that any of them has, and the places of those with the same fields."""

    table: str
    names: tuple[str, ...]
    alike: dict[tuple[str, ...], list[int]]
    copy: Copy


@dataclass(frozen=True)
class Fresh:
    """Operations that are well formed and make a row each, as far as can be said without the database."""

    operations: list[_New]
    salts: list[bytes]
    hashes: list[bytes]
    rows: list[_Rows]
    replicas: set[str]
    latest: str


def fresh_of(parcels: Sequence[Parcel]) -> Fresh | None:
    """The operations of parcels, if there are many and all of them may be such; their rows made ready, so that nobody waits for that in their turn."""
    scope = parcels[0].scope
    bodies: list[Any] = []
    salts: list[bytes] = []
    hashes: list[bytes] = []
    for parcel in parcels:
        if (parcel.audience, parcel.scope) != (CHAPTER, scope) or not len(parcel.hashes) == len(parcel.salts) == len(parcel.bodies):
            return None
        bodies += parcel.bodies
        salts += parcel.salts
        hashes += parcel.hashes
    if not MANY <= len(bodies) <= PUSH_OPERATIONS or not all(bodies) or max(map(len, bodies)) > TEXT_LIMIT:
        return None
    try:
        operations = list(map(_decode, bodies))
        rows = _rows_in(operations, scope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    # One zero byte is in each map of many fields; any further one may be a NUL in a text.
    if rows is None or sum(map(bytes.count, bodies, repeat(0))) != sum(len(places) for one in rows for names, places in one.alike.items()
                                                                       if len(names) > SMALL_MAP):
        return None
    if not all(map(NAMES.fullmatch, [f"{one.id} {one.row} {one.clock}" for one in operations])):
        return None
    clocks = [one.clock for one in operations]
    return Fresh(operations, salts, hashes, rows, set(map(replica, clocks)), max(clocks))


_decode = msgspec.msgpack.Decoder(_New).decode


def _rows_in(operations: Sequence[_New], scope: str) -> list[_Rows] | None:
    """The rows that they make, table by table; raises ``msgspec.DecodeError`` for a value that is not of its field's kind."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(operations):
        places[one.table].append(place)
    found = []
    for table, those in places.items():
        mine = [operations[place] for place in those]
        form = _form(table, ()) and _form(table, _names(table, mine[:_PEEK]))
        if form is None:
            return None
        rows = _read(form, mine)
        if rows is None and (form := _form(table, ())) is not None:  # further on there are more fields
            rows = _read(form, mine)
        if form is None or rows is None:
            return None
        there = [bytes(map(is_not, row, _NO_VALUES)) for row in rows]
        alike: dict[bytes, list[int]] = defaultdict(list)
        for place, each in zip(those, there, strict=True):
            alike[each].append(place)
        names = {each: tuple(compress(form.names, each)) for each in alike}
        if not all(names.values()):
            return None
        keys = shapes()[table].clock_keys
        clocks = {each: packed_names(map(keys.__getitem__, some)).partition("?") for each, some in names.items()}
        heads = [f"{one.row}\t{scope}\tf\t{one.clock}\t{before}{one.clock}{after}"  # the columns that every row has
                 for one, (before, _mark, after) in zip(mine, map(clocks.__getitem__, there), strict=True)]
        found.append(_Rows(table, tuple(name for name in form.names if any(name in each for each in names.values())),
                           {names[each]: at for each, at in alike.items()}, _copy(table, form.names, heads, rows)))
    return found


def _names(table: str, some: Sequence[_New]) -> tuple[str, ...]:
    """The fields that any of these has, in alphabetical order; those that the table does not have left out."""
    known = shapes()[table].types.keys() if table in shapes() else ()
    return tuple(sorted({name for one in some for name in _keys(one.fields) if name in known}))


_keys: Any = msgspec.msgpack.Decoder(dict[str, msgspec.Raw]).decode
_PEEK = 100
"""Operations of a push by which it is guessed which fields there are: who reads a row as all of its table's fields reads twice as many."""


def _read(form: _Form, operations: Sequence[_New]) -> list[tuple[str, ...]] | None:
    """Their values as texts, ``_NONE`` itself where there is none; None if there are other fields than those of the form, or one that comes twice."""
    raw: list[Any] = [one.fields for one in operations]
    read = list(map(form.decode, raw))
    if not all(all(map(looks, {value for value in map(attrgetter(name), read) if value is not _NONE})) for name, looks in form.looks.items()):
        return None
    for name in form.other:
        for one in read:
            if (value := getattr(one, name)) is not _NONE:
                setattr(one, name, str(value))
    rows = list(map(astuple, read))
    said = [head[0] & SMALL_MAP if head[0] < _LONG_MAP else head[1] << 8 | head[2] for head in map(memoryview, raw)]  # type: ignore[arg-type,var-annotated]
    # A field that the form does not have is left out as it is read, and of one that comes twice the last is taken.
    if said != [len(form.names) - row.count(_NONE) for row in rows]:
        return None
    return rows


def _copy(table: str, names: Sequence[str], heads: Sequence[str], rows: Sequence[tuple[str, ...]]) -> Copy:
    text = _lines(heads, rows)
    marks = sum(row.count(_NONE) for row in rows)
    if (text.count(b"\t"), text.count(b"\n"), text.count(b"\r"), text.count(b"\\")) != (len(heads) * (len(names) + 4), len(heads), 0, marks):
        # There are texts that hold what means something in it.
        text = _lines(heads, [[value if value is _NONE else value.translate(ESCAPES) for value in row] for row in rows])
    return Copy(table, ("id", "scope", "gone", "clock", "clocks", *names), text)


def _lines(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    lines = map("\t".join, zip(heads, map("\t".join, rows), strict=True))
    return b"\n".join([*map(str.encode, lines), b""])  # each by itself: one letter that needs more room would give all of them that much


_LONG_MAP = 0x90
"""From this byte on more follow that say how many fields a map has."""

_NONE = "\\N"
"""How PostgreSQL's text says that there is no value. It stands for none where it is this very object: somebody may have written the same letters."""

_NO_VALUES = repeat(_NONE)
_TYPES: Mapping[str, Any] = {"text": str, "integer": Annotated[int, msgspec.Meta(le=2**63 - 1)], "boolean": bool}


class _Form(NamedTuple):
    """Fields of a table's rows: their names, what reads them, what some must look like, and which are no texts."""

    names: tuple[str, ...]
    decode: Callable[[Any], Any]
    looks: Mapping[str, Form]
    other: list[str]


@lru_cache(maxsize=256)
def _form(table: str, names: tuple[str, ...]) -> _Form | None:
    """That of these fields, or of all where none are named; None where more has to be looked at than the row itself."""
    shape = shapes().get(table)
    if shape is None or shape.kind != "put" or shape.by_row or table == "chapter" or table in NAMING or not _NOT_ANEW.isdisjoint(names):
        return None
    wanted = names or tuple(sorted(shape.types.keys() - _NOT_ANEW))
    record = msgspec.defstruct("Fields", [(name, _TYPES[shape.types[name]], _NONE) for name in wanted], gc=False)
    return _Form(wanted, msgspec.msgpack.Decoder(record).decode, {name: form for name, form in shape.forms.items() if name in wanted},
                 [name for name in wanted if shape.types[name] != "text"])


_NOT_ANEW = frozenset(("gone", "merged_into"))
"""Fields that a new row is not made with: who is removed or merged is somewhere."""


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
                for name in {one.table for one in fresh.rows}]
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
            or not all(is_open(sent.role, one.table, one.names) for one in fresh.rows)):
        return None
    scope, device, before = locked.scope, sent.device, Cursor(locked.sequence, locked.chain)
    with ThreadPoolExecutor(1, "beside") as beside:  # the next is made ready while the database takes what is
        proving = beside.submit(prove)
        ready = [beside.submit(_entries, fresh, scope, locked.sequence + 1), beside.submit(_results, fresh, scope, locked.sequence + 1, device, now)]
        locked.chain = chained(locked.chain, fresh.hashes)
        details = beside.submit(_for_audit, fresh, locked.chain)
        results = beside.submit(lambda: [Result(one.id, "ok", place) for place, one in enumerate(fresh.operations, before.sequence + 1)])
        if not copied(connection, chain((one.copy for one in fresh.rows), (one.result() for one in ready))):  # some of it is known
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


def _for_audit(fresh: Fresh, chained_to: str) -> dict[str, Any]:
    count, those = len(fresh.operations), fresh.operations
    alike = sorted(((places, one.table, names) for one in fresh.rows for names, places in one.alike.items()), key=itemgetter(0))
    return {"operations": count, "accepted": count, "chain": chained_to,
            "what": [{"status": "ok", "kind": "put", "table": table, "fields": shortened(names),
                      "each": [(those[place].id, those[place].row, fresh.hashes[place].hex()) for place in places]} for places, table, names in alike]}
