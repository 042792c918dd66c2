"""The push transaction: lock the scope's head, drop what is known, judge, apply, touch the feed, commit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.canonical import body_hash, chained, json_text, operation_of
from alumni_desk.protocol.clocks import pack
from alumni_desk.protocol.messages import ACCEPTED, Cursor, Operation, Parcel, PushReply, Result, Status
from alumni_desk.protocol.values import is_id
from alumni_desk.server import (
    audit,
    carried,
    doors_codes,
    doors_facts,
    doors_people,
    erasing,
    feed,
    long_facts,
    moved,
    overtaken,
    removed_twice,
    removing,
)
from alumni_desk.server.audiences import Concerned, Touched, concerned_by, moves
from alumni_desk.server.beforehand import Beforehand, Known, look
from alumni_desk.server.bulk import add_rows, chunks, in_few_words, put_rows
from alumni_desk.server.clamping import AHEAD, Assigned, is_clock, milliseconds, replica
from alumni_desk.server.judging import beyond_the_door, refusal, unlike_its_id
from alumni_desk.server.merging import Clash, Row, lay_fact, lay_put, row_from
from alumni_desk.server.replicas import authors, keep_replicas, known_replicas, replicas_of
from alumni_desk.sync.carried_clocks import written_as
from alumni_desk.sync.shapes import Shape, shapes

RESULT = ("scope", "id", "salt", "hash", "status", "reason", "sequence", "clock", "conflicts", "device", "received_at")


@dataclass(slots=True)
class Item:
    """One operation on its way through a push."""

    body: bytes
    salt: bytes
    hash: bytes
    parcel: int
    audience: str
    operation: Operation | None
    status: Status = "ok"
    reason: str | None = None
    sequence: int = 0
    clock: str | None = None
    first: Status | None = None
    clashes: Sequence[Clash] = ()
    conflicts: int = 0
    twin: Item | None = None
    passed_over: bool = False  # it is on a row that was removed long ago
    carried: carried.Carried | None = None  # it is base of a former server
    own: Collection[str] = ()  # replicas of its laptop, where that went back to a backup and has not fetched since what it wrote itself
    without: Collection[str] = ()  # fields that are not taken: about somebody who moved to another chapter, or a code that a door does not change

    @property
    def open(self) -> bool:
        """Still to be applied."""
        return self.operation is not None and self.status in ACCEPTED and self.first is None

    def end(self, status: Status, reason: str | None = None) -> None:
        """Settle it."""
        self.status, self.reason = status, reason


@dataclass(frozen=True)
class Sent:
    """What one laptop sent: verified parcels of one scope, and what it may do there. ``gathering``: the only one that it may work at."""

    parcels: Sequence[Parcel]
    role: str
    device: str
    gathering: str | None = None
    counted: bool = False  # it had said how many it had to send
    items: list[Item] | None = None  # its operations, where they were taken out already
    own: frozenset[str] | None = None  # the replicas that are its own, where others' are among them
    seen: Mapping[str, str] | None = None  # while it carries a chapter from its former server: what it knows of that, see ``carried``
    restored: bool = False  # it went back to a backup, and has not fetched since what it wrote itself

    @property
    def operations(self) -> int:
        """How many there are."""
        return sum(len(parcel.bodies) for parcel in self.parcels)


def push(connection: sa.Connection, tables: sa.MetaData, parcels: Sequence[Parcel], *, scope: str, role: str, device: str, now: int,
         gathering: str | None = None, journal: erasing.Journal | None = None) -> PushReply:
    """Judge and apply verified parcels of one scope. ``now`` is the server's time in milliseconds. The caller commits.

    ``gathering``: the only one that the device may work at. ``journal``: where what no restore may bring back is written before that.
    """
    return push_together(connection, tables, [Sent(parcels, role, device, gathering)], scope=scope, now=now, journal=journal)[0]


def push_together(connection: sa.Connection, tables: sa.MetaData, those: Sequence[Sent], *, scope: str, now: int,
                  journal: erasing.Journal | None = None, there: Beforehand | None = None) -> list[PushReply]:
    """The same for what several laptops sent to one scope, with the outcome that it has one after the other; far fewer words to the database.

    ``there``: the database as it is for all of them, where it was asked already.
    """
    groups = [items_of(sent.parcels) if sent.items is None else sent.items for sent in those]
    if len(those) > 1 and _meet(groups):
        return [push_together(connection, tables, [sent], scope=scope, now=now, journal=journal)[0] for sent in those]
    there = there or look(connection, tables, scope, operations_in(groups))
    locked = there.head
    if locked is None:
        raise LookupError("scope without a feed")
    alone = len(those) == 1 and those[0].gathering is None and those[0].role in ("admin", "leader") and not there.removed
    before_it = Cursor(locked.sequence, locked.chain) if alone else None
    items = [item for group in groups for item in group]
    drop_known(items, there.results)
    known = shapes()
    if long_facts.cut(items, known):
        before_it = None  # its rows are not here as they are at the desk: it is to pull them
    for sent, group in zip(those, groups, strict=True):
        for item in group:
            if item.open and item.operation is not None:
                refused = refusal(item.operation, item.body, role=sent.role, scope=scope, audience=item.audience, shapes=known, gathering=sent.gathering)
                if refused:
                    item.end(*refused)
    _refuse_erased(items, there.erased)
    _pass_over_removed(items, there)
    rows = _load_rows(there, scope, items, known)
    moved.refuse(connection, tables, items, there, scope, rows)
    _refuse_registrations(items, rows)
    for sent, group in zip(those, groups, strict=True):
        if sent.gathering is not None:
            mine = {name: rows[name] for item in group if item.open and item.operation and (name := (item.operation.table, item.operation.row)) in rows}
            _refuse_beyond_the_door(group, rows, known, sent.role, sent.gathering, _replicas_of(connection, tables, scope, sent.device, mine, group))
            doors_people.refuse(connection, tables, scope, sent.device, sent.gathering, group, rows, there.removed)
            doors_facts.refuse(connection, tables, scope, sent.device, group)
            doors_codes.leave_out(connection, tables, scope, group, rows, there.removed)
    _refuse_circles(connection, tables, scope, items, rows)
    _refuse_whole_transactions(items)
    taken = [item for item in items if item.open]
    counts = _assign_clocks(connection, tables, scope, taken, now, there.ahead)
    _note_carried(connection, tables, scope, those, groups)
    for sent, group in zip(those, groups, strict=True):
        if sent.restored:
            own = _replicas_of(connection, tables, scope, sent.device, rows, group)
            for item in group:
                item.own = own
    before = {name: dict(row.values) if row.existed else None for name, row in rows.items()}
    overtaken.settle(connection, tables, scope, items, _apply(taken, rows, known, counts, there.removed), now)
    for sent, group in zip(those, groups, strict=True):
        removed_twice.settle(connection, tables, scope, sent.device, group, rows, counts, now)
    changed = _changed(rows, before)
    fresh = [[item for item in group if item.operation is not None and item.status != "duplicate" and item.reason != "other_content"] for group in groups]
    there.replicas.update(known_replicas(connection, tables, scope, _own_named(those)))
    concerned = concerned_by(scope, changed, there.held)
    erased = {item.operation.row for item in items if item.open and item.operation and item.operation.kind == "command"}
    with nullcontext() if concerned or erased else in_few_words(connection, len(items)):
        sequences, cleared = _write_rows(connection, tables, locked, changed, concerned, erased, now, journal)
        for item in items if cleared else ():  # what lost on a row that this very push erases is nobody's to decide on, and is not kept
            if item.clashes and item.operation and (item.operation.table, item.operation.row) in cleared:
                item.clashes = ()
        for item in (item for group in fresh for item in group):
            operation = item.operation
            if operation is not None:
                item.sequence = sequences.get((operation.table, operation.row), locked.sequence)
        told = any(fresh) and _keep(connection, tables, locked, list(zip(those, fresh, strict=True)), now, there, onward=bool(sequences))
    named = authors(connection, tables, scope, before_it.sequence, locked.sequence) if told and before_it is not None else {}
    for item in items:
        if item.twin is not None:
            twin = item.twin
            item.first, item.reason, item.sequence, item.clock = twin.first or twin.status, twin.reason, twin.sequence, twin.clock
    return [PushReply(results=[result_of(item) for item in group], head=locked.sequence, time=now, chain=locked.chain, before=before_it, replicas=named)
            for group in groups]


def _note_carried(connection: sa.Connection, tables: sa.MetaData, scope: str, those: Sequence[Sent], groups: Sequence[Sequence[Item]]) -> None:
    for sent, group in zip(those, groups, strict=True):
        if sent.gathering is not None or sent.seen is None:
            continue
        carried.keep(connection, tables, scope, sent.device, sent.seen)
        known = carried.carried(connection, tables, scope, sent.device, sent.seen)
        for item in group:
            if item.operation is not None and not item.operation.before:
                item.carried = known


def result_of(item: Item) -> Result:
    """What became of an operation, as it is answered."""
    return Result(item.operation.id if item.operation else "", item.status, item.sequence, item.reason, item.first, item.clock,
                  item.conflicts or _cards(item))


def _cards(item: Item) -> int:
    """What of an operation is to be decided on: an address is one."""
    return len({clash.key for clash in item.clashes})


def _meet(groups: Sequence[Sequence[Item]]) -> bool:
    """Whether two laptops speak of the same row or person, under the same operation, transaction, replica or badge's code, or command: it matters who comes
    first."""
    seen: dict[str, int] = {}
    for number, group in enumerate(groups):
        for item in group:
            one = item.operation
            if one is not None and one.kind == "command":
                return True
            if one is not None and any(seen.setdefault(name, number) != number for name in (
                    one.row, one.id, one.transaction, replica(one.clock), *filter(None, [doors_codes.named(one), *_people_named(one)]))):
                return True
    return False


def _people_named(operation: Operation) -> list[str]:
    """Whom a put names on a row that is another's: of a place on a list or a merge it matters whether they are there."""
    return [value for name in ("person", "merged_into") if operation.kind == "put" and isinstance(value := operation.fields.get(name), str)]


def _for_audit(fresh: Sequence[Item], chain: str) -> dict[str, Any]:
    """What a push did, by ids, field names and salted hashes; what is alike stands once."""
    alike: dict[tuple[str, str, str, tuple[str, ...]], list[tuple[str, str, str]]] = defaultdict(list)
    for item in fresh:
        operation = item.operation
        if operation is not None:
            key = (item.status, operation.kind, operation.table[:64], shortened(tuple(operation.fields)))
            alike[key].append((operation.id, operation.row[:64], item.hash.hex()))
    return {"operations": len(fresh), "accepted": sum(item.status in ACCEPTED for item in fresh), "chain": chain,
            "what": [{"status": status, "kind": kind, "table": table, "fields": fields, "each": each}
                     for (status, kind, table, fields), each in alike.items()]}


@lru_cache(maxsize=4_096)
def shortened(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names as the audit holds them, whatever somebody sent. Many rows have the same fields."""
    return tuple(name[:64] for name in names[:64])


def operations_in(groups: Sequence[Sequence[Item]]) -> list[Operation]:
    """The operations of these items, those that can be read."""
    return [item.operation for group in groups for item in group if item.operation is not None]


def items_of(parcels: Sequence[Parcel]) -> list[Item]:
    """The operations of parcels, taken out."""
    items = []
    for number, parcel in enumerate(parcels):
        for body, salt, digest in zip(parcel.bodies, parcel.salts, parcel.hashes, strict=True):
            item = Item(body or b"", salt, digest, number, parcel.audience, None)
            try:
                operation = operation_of(item.body)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                item.end("invalid", "unreadable")
            else:
                if is_id(operation.id):
                    item.operation = operation
                else:
                    item.end("invalid", "id")
            items.append(item)
    return items


def drop_known(items: Sequence[Item], results: Sequence[Known]) -> None:
    """The same operation again gets its first result; the same id with another content is no operation."""
    by_id: dict[str, Item] = {}
    for item in items:
        if item.operation is None:
            continue
        twin = by_id.setdefault(item.operation.id, item)
        if twin is not item:
            if twin.body == item.body:
                item.status, item.twin = "duplicate", twin
            else:
                item.end("invalid", "other_content")
    for known in results:
        item = by_id[known.id]
        if body_hash(known.salt, item.body) != known.hash:
            item.end("invalid", "other_content")
            continue
        item.end("duplicate", known.reason)
        item.first, item.sequence, item.clock, item.conflicts = known.status, known.sequence, known.clock, known.conflicts


def known_among(connection: sa.Connection, tables: sa.MetaData, scope: str, ids: Iterable[str]) -> list[Known]:
    """Which of these operations were judged before, and what became of them."""
    table = tables.tables["operation_result"]
    columns = [table.c[name] for name in Known._fields]
    return [Known(*row) for part in chunks(set(ids)) for row in connection.execute(sa.select(*columns).where(table.c.scope == scope, table.c.id.in_(part)))]


def _refuse_erased(items: Sequence[Item], erased: Collection[tuple[str, str]]) -> None:
    if not erased:
        return
    for item in items:
        if item.open and item.operation and item.operation.kind != "command" and (
                (item.operation.table, item.operation.row) in erased
                or (_names_person(item.operation) and ("person", item.operation.fields["person"]) in erased)):
            item.end("erased", "erased")
        elif item.open and item.operation and item.operation.table == "person" and ("person", item.operation.fields.get("merged_into")) in erased:
            item.end("invalid", "merged_erased")  # whoever is part of somebody who is not there would be on no list any more


def _pass_over_removed(items: Sequence[Item], there: Beforehand) -> None:
    """An edit does not bring back what was removed long ago; nor does whoever wants just that, and hears of it."""
    back: set[str] = set()
    for item in items if there.removed else ():
        one = item.operation
        if not item.open or one is None or one.kind == "command" or (one.table, one.row) not in there.removed:
            continue
        if one.row in there.rows[one.table] or one.row in back:
            continue
        answer = removing.answer(one, there.removed[one.table, one.row])
        if answer == "wanted_back":
            item.end("denied", "removed")
        elif answer == "back":
            back.add(one.row)
        else:
            item.passed_over = answer == "lost"


def _names_person(operation: Operation) -> bool:
    """Whether a put is on a row about somebody else's: a registration, a degree."""
    return operation.kind == "put" and bool(operation.fields.get("person"))


def _load_rows(there: Beforehand, scope: str, items: Sequence[Item], known: Mapping[str, Shape]) -> dict[tuple[str, str], Row]:
    rows: dict[tuple[str, str], Row] = {}
    for item in items:
        if item.open and item.operation and item.operation.kind != "command":
            table, row_id = name = item.operation.table, item.operation.row
            if name not in rows:
                rows[name] = row_from(there.rows[table].get(row_id), shape=known[table], scope=scope, row_id=row_id)
                if name in there.removed and table == "registration" and not rows[name].existed:
                    removing.take_up(rows[name], there.removed[name])
    return rows


def _refuse_registrations(items: Sequence[Item], rows: Mapping[tuple[str, str], Row]) -> None:
    said: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for item in items:
        operation = item.operation
        if operation and operation.table == "registration" and item.open:
            if unlike_its_id(operation, [rows[operation.table, operation.row].values, *said[operation.row]]):
                item.end("invalid", "registration")
            else:
                said[operation.row].append(operation.fields)


def _refuse_circles(connection: sa.Connection, tables: sa.MetaData, scope: str, items: Sequence[Item], rows: Mapping[tuple[str, str], Row]) -> None:
    """Of two merges the opposite ways round the second does nothing: nobody is ever part of themselves. Nor does one of somebody whom another laptop merged
    into another entry meanwhile: what came along would stand in both."""
    table = tables.tables["person"]
    into: dict[str, str | None] = {}

    def after(person: str) -> str | None:
        if person not in into:
            there = rows.get(("person", person))
            into[person] = there.values["merged_into"] if there is not None else connection.execute(
                sa.select(table.c.merged_into).where(table.c.scope == scope, table.c.id == person)).scalar()
        return into[person]

    for item in items:
        operation = item.operation
        if not item.open or operation is None or operation.table != "person" or "merged_into" not in operation.fields:
            continue
        one = target = operation.fields["merged_into"]
        seen = {operation.row}
        while one is not None and one not in seen:
            seen.add(str(one))
            one = after(str(one))
        if one is not None or (target is not None and _is_part_of_another(operation, str(target), after(operation.row), rows)):
            item.end("invalid", "merged_already")
        elif operation.clock >= rows["person", operation.row].clocks.get("merged_into", ""):
            into[operation.row] = None if target is None else str(target)


def _is_part_of_another(operation: Operation, target: str, there: str | None, rows: Mapping[tuple[str, str], Row]) -> bool:
    """Whether whoever shall become part of one entry is part of another, which whoever merged had not heard of."""
    return there not in (None, target) and (operation.before.get("merged_into") or "") < rows["person", operation.row].clocks.get("merged_into", "")


def _replicas_of(connection: sa.Connection, tables: sa.MetaData, scope: str, device: str, rows: Mapping[tuple[str, str], Row],
                 items: Sequence[Item]) -> set[str]:
    """Under which of the replicas that wrote in these rows this device writes, or comes to say that it does."""
    return replicas_of(connection, tables, scope, device, {replica(clock) for row in rows.values() for clock in row.clocks.values()},
                       {replica(item.operation.clock) for item in items if item.open and item.operation})


def _refuse_beyond_the_door(items: Sequence[Item], rows: Mapping[tuple[str, str], Row], known: Mapping[str, Shape], role: str, gathering: str,
                            mine: set[str]) -> None:
    said: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for item in items:
        operation = item.operation
        if not item.open or operation is None or operation.kind != "put":
            continue
        name = (operation.table, operation.row)
        row = rows[name]
        refused = beyond_the_door(operation, role, gathering, known[operation.table], there=[row.values, *said[name]],
                                  mine=all(replica(clock) in mine for clock in row.clocks.values()))
        if refused:
            item.end(*refused)
        else:
            said[name].append(operation.fields)


def _refuse_whole_transactions(items: Sequence[Item]) -> None:
    """A transaction's puts stand or fall together within an audience; facts are judged singly.

    Those of somebody who was erased, or moved, are none here any more, and take nobody with them: the others of an import came to stay. But for those whom
    a merge made part of another entry: what it wrote there was theirs.
    """
    failed = {(item.operation.transaction, item.audience) for item in items
              if item.status not in ACCEPTED and item.status != "duplicate" and item.operation and item.operation.kind != "fact"
              and item.reason != "other_content" and (item.status not in ("erased", "moved") or _merges(item.operation))}
    if not failed:
        return
    for item in items:
        if item.open and item.operation and item.operation.kind != "fact" and (item.operation.transaction, item.audience) in failed:
            item.end("denied", "transaction")


def _merges(operation: Operation) -> bool:
    return operation.table == "person" and operation.fields.get("merged_into") is not None


def _assign_clocks(connection: sa.Connection, tables: sa.MetaData, scope: str, items: Sequence[Item], now: int, ahead: Collection[str]) -> dict[str, str]:
    """Make clocks that run ahead count as others. Returns what the clocks count as that are named in this push, of those that ran ahead.

    ``ahead``: the replicas whose clocks did before.
    """
    clamped = tables.tables["clamped"]
    originals: dict[str, list[str]] = defaultdict(list)
    seen: dict[str, set[str]] = defaultdict(set)
    for item in items:
        if item.operation:
            originals[replica(item.operation.clock)].append(item.operation.clock)
            for clock in item.operation.before.values():
                if clock and is_clock(clock):
                    seen[replica(clock)].add(clock)
    ran_ahead = {*originals, *seen}.intersection(ahead)
    if not ran_ahead and all(milliseconds(max(clocks)) <= now + AHEAD for clocks in originals.values()):
        return {}
    replicas = {name: Assigned() for name in originals}
    for name in ran_ahead & originals.keys():
        replicas[name].know(_pairs_around(connection, clamped, scope, name, min(originals[name]), max(originals[name])))
    for item in sorted(items, key=lambda one: one.operation.clock if one.operation else ""):
        if item.operation:
            assigned = replicas[replica(item.operation.clock)].clock(item.operation.clock, now)
            if assigned != item.operation.clock:
                item.status, item.clock = "clamped", assigned
    put_rows(connection, clamped, [{"scope": scope, "replica": name, "original": original, "assigned": assigned}
                                   for name, one in replicas.items() for original, assigned in one.new.items()])
    counts: dict[str, str] = {}
    for name in (ran_ahead | replicas.keys()) & seen.keys():
        if name in replicas:
            counts.update(replicas[name].pairs)
        for part in chunks(seen[name] - counts.keys() if name in ran_ahead else ()):
            there = sa.select(clamped.c.original, clamped.c.assigned).where(clamped.c.scope == scope, clamped.c.replica == name, clamped.c.original.in_(part))
            counts.update((row.original, row.assigned) for row in connection.execute(there))
    return counts


def _pairs_around(connection: sa.Connection, clamped: sa.Table, scope: str, name: str, first: str, last: str) -> list[tuple[str, str]]:
    """What a replica's clocks from one to another were made to count as, and the next before and after: never all that it ever had."""
    original = clamped.c.original
    query = sa.select(original, clamped.c.assigned).where(clamped.c.scope == scope, clamped.c.replica == name)
    found = [*connection.execute(query.where(original < first).order_by(original.desc()).limit(1)),
             *connection.execute(query.where(original >= first, original <= last)),
             *connection.execute(query.where(original > last).order_by(original).limit(1))]
    return [(row.original, row.assigned) for row in found]


def _apply(items: Sequence[Item], rows: Mapping[tuple[str, str], Row], known: Mapping[str, Shape], counts: Mapping[str, str],
           removed: Collection[tuple[str, str]]) -> overtaken.Replaced:
    """Lay the operations over their rows in the order of their clocks, ties by id: arrival order is never used. Returns the values that they replaced and
    that were not there."""
    unheard: overtaken.Replaced = {}
    waiting = [item for item in items if item.operation and item.operation.kind != "command"]
    waiting.sort(key=lambda one: (one.clock or one.operation.clock, one.operation.id) if one.operation else ("", ""))
    clashing: dict[tuple[str, str, str], list[Item]] = defaultdict(list)  # by table, row and who writes
    for item in waiting:
        operation = item.operation
        if operation is None:
            continue
        if item.passed_over:
            item.status = "stale"
            continue
        if item.without:
            operation = msgspec.structs.replace(operation, fields={name: value for name, value in operation.fields.items() if name not in item.without})
        name, shape = (operation.table, operation.row), known[operation.table]
        row, clock = rows[name], item.clock or operation.clock
        if name in removed and removing.is_put_again(operation, clock, row):
            row.values, row.clocks = row_from(None, shape=shape, scope=row.values["scope"], row_id=operation.row).values, {}
        if operation.kind == "fact":
            if not lay_fact(row, operation, clock):
                item.end("invalid", "fact_is_there")
            continue
        for value in overtaken.named(operation) if operation.before else ():
            if value.clock != written_as(row.clocks.get(value.key, "")):
                unheard.setdefault(value, set()).add(operation.clock)
        won, item.clashes = lay_put(row, operation, clock, shape, counts, item.carried, item.own)
        if not won:
            item.status = "stale"
        before = clashing[*name, replica(clock)]
        for earlier in before:
            earlier.clashes = [clash for clash in earlier.clashes if not _is_taken_back(clash, earlier, operation, shape)]
        if item.clashes:
            before.append(item)
    return unheard


def _is_taken_back(clash: Clash, earlier: Item, operation: Operation, shape: Shape) -> bool:
    """Whether somebody who corrects themselves has nothing more to decide there: what lost they replaced, and that is a card of its own; or they say
    now what lost to them."""
    before = earlier.operation
    if before is None or before.clock == operation.clock or clash.key not in {shape.clock_keys[field] for field in operation.fields}:
        return False  # under one clock it is one value, which came in parts
    lost = clash.loser_clock == (earlier.clock or before.clock)
    return lost or (clash.field in operation.fields and operation.fields[clash.field] == clash.loser_value)


def _changed(rows: Mapping[tuple[str, str], Row], before: Mapping[tuple[str, str], dict[str, Any] | None]) -> dict[tuple[str, str], Touched]:
    changed: dict[tuple[str, str], Touched] = {}
    for name, row in rows.items():
        if row.changed:
            row.values["clocks"] = pack(row.clocks)
            changed[name] = Touched(before[name], row.values)
    return changed


def _write_rows(connection: sa.Connection, tables: sa.MetaData, locked: feed.LockedHead, changed: Mapping[tuple[str, str], Touched], concerned: Concerned,
                erased: set[str], now: int, journal: erasing.Journal | None) -> tuple[dict[tuple[str, str], int], Collection[tuple[str, str]]]:
    """Write the rows that changed and their places in the feeds; erase whom a command says. ``concerned``: gatherings that it may mean something to.
    Returns the sequence that each row got, and which of them say nothing of anybody any more."""
    entries = [(name, row_id, bool(one.after["gone"])) for (name, row_id), one in changed.items()]
    added: dict[str, list[Sequence[Any]]] = defaultdict(list)
    other: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    new = set()
    for name, one in changed.items():
        if one.before is None:
            added[name[0]].append(list(one.after.values()))
            new.add(name)
        else:
            other[name[0]].append(one.after)
    with in_few_words(connection, len(changed)):
        for table, those in added.items():
            add_rows(connection, tables.tables[table], tuple(shapes()[table].blank), those)
        for table, values in other.items():
            put_rows(connection, tables.tables[table], values)
        if not concerned and not erased:
            return feed.touch(connection, tables, locked, entries, new=new), ()
    sequences = feed.touch(connection, tables, locked, entries, moves(connection, tables, locked.scope, changed, concerned), new)
    cleared = erasing.erase(connection, tables, locked, erased, now, journal) if erased else {}
    return {**sequences, **cleared}, cleared


def _own_named(those: Iterable[Sent]) -> dict[str, str]:
    """The device of each replica that a leader's laptop names as its own, while it brings others' too."""
    return {name: sent.device for sent in those if sent.own is not None and sent.gathering is None for name in sent.own}


def _keep(connection: sa.Connection, tables: sa.MetaData, locked: feed.LockedHead, fresh: Sequence[tuple[Sent, Sequence[Item]]], now: int, there: Beforehand, *,
          onward: bool) -> bool:
    """Keep what became of new operations: results, chain, audit, head. Returns whether any was written under a replica that was not known."""
    locked.chain = chained(locked.chain, [item.hash for _sent, group in fresh for item in group])
    if not onward:
        locked.sequence += 1  # a place of its own for the chain, so that every cursor has one hash
    with in_few_words(connection, sum(len(group) for _sent, group in fresh)):
        _keep_results(connection, tables, locked.scope, [(sent.device, group) for sent, group in fresh], now)
        told = keep_replicas(connection, tables, locked, {**_own_named(sent for sent, _group in fresh), **{
            replica(item.operation.clock): sent.device for sent, group in fresh for item in group
            if item.operation and item.status in ACCEPTED and (sent.own is None or replica(item.operation.clock) in sent.own)}}, there.replicas)
        notes = [audit.Note("push", now, sent.device, _for_audit(group, locked.chain)) for sent, group in fresh if group]
        locked.audited, locked.audit_hash = audit.note_after(connection, tables, locked.scope, locked.audited, locked.audit_hash, notes)
        feed.move_head(connection, tables, locked)
    return told


def _keep_results(connection: sa.Connection, tables: sa.MetaData, scope: str, those: Sequence[tuple[str, Sequence[Item]]], now: int) -> None:
    results: list[Sequence[Any]] = []
    conflicts: list[dict[str, Any]] = []
    for device, items in those:
        for item in items:
            operation = item.operation
            if operation is None:
                continue
            results.append((scope, operation.id, item.salt, item.hash, item.status, item.reason, item.sequence, item.clock, _cards(item), device, now))
            conflicts.extend({"scope": scope, "operation": operation.id, "field": clash.field, "table_name": operation.table,
                              "row_id": operation.row, "winner_clock": clash.winner_clock, "loser_clock": clash.loser_clock,
                              "loser_value": json_text(clash.loser_value), "device": device, "made_at": now,
                              "decided_at": None} for clash in item.clashes)
    add_rows(connection, tables.tables["operation_result"], RESULT, results)
    # One that a laptop told after the server went back to a backup is as it was: what meets now is another value.
    put_rows(connection, tables.tables["conflict"], conflicts, replace=False)
