"""The push transaction: lock the scope's head, drop what is known, judge, apply, touch the feed, commit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.canonical import body_hash, chained, json_text, operation_of
from alumni_desk.protocol.clocks import pack
from alumni_desk.protocol.messages import ACCEPTED, Cursor, Operation, Parcel, PushReply, Result, Status
from alumni_desk.protocol.values import is_id
from alumni_desk.server import audit, erasing, feed
from alumni_desk.server.audiences import Touched, moves
from alumni_desk.server.bulk import chunks, one_of, put_rows, rows_by_id
from alumni_desk.server.clamping import Assigned, is_clock, replica
from alumni_desk.server.judging import beyond_the_door, refusal, unlike_its_id
from alumni_desk.server.merging import Clash, Row, lay_fact, lay_put, row_from
from alumni_desk.server.replicas import authors, keep_replicas
from alumni_desk.sync.shapes import Shape, shapes


@dataclass
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
    clashes: list[Clash] = field(default_factory=list)
    conflicts: int = 0
    twin: Item | None = None

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
                  journal: erasing.Journal | None = None) -> list[PushReply]:
    """The same for what several laptops sent to one scope, with the outcome that it has one after the other; far fewer words to the database."""
    groups = [_items(sent.parcels) for sent in those]
    if len(those) > 1 and _meet(groups):
        return [push_together(connection, tables, [sent], scope=scope, now=now, journal=journal)[0] for sent in those]
    locked = feed.lock_head(connection, tables, scope)
    if locked is None:
        raise LookupError("scope without a feed")
    before_it = Cursor(locked.sequence, locked.chain) if len(those) == 1 and those[0].gathering is None and those[0].role in ("admin", "leader") else None
    items = [item for group in groups for item in group]
    _drop_known(connection, tables, scope, items)
    known = shapes()
    for sent, group in zip(those, groups, strict=True):
        for item in group:
            if item.open and item.operation is not None:
                refused = refusal(item.operation, len(item.body), role=sent.role, scope=scope, audience=item.audience, shapes=known,
                                  gathering=sent.gathering)
                if refused:
                    item.end(*refused)
    _refuse_erased(connection, tables, scope, items)
    rows = _load_rows(connection, tables, scope, items, known)
    _refuse_registrations(items, rows)
    for sent, group in zip(those, groups, strict=True):
        if sent.gathering is not None:
            mine = {name: rows[name] for item in group if item.open and item.operation and (name := (item.operation.table, item.operation.row)) in rows}
            _refuse_beyond_the_door(group, rows, known, sent.role, sent.gathering, _replicas_of(connection, tables, scope, sent.device, mine))
    _refuse_whole_transactions(items)
    counts = _assign_clocks(connection, tables, scope, items, now)
    before = {name: dict(row.values) if row.existed else None for name, row in rows.items()}
    _apply(items, rows, known, counts)
    sequences = _write_rows(connection, tables, locked, rows, before)
    erased = {item.operation.row for item in items if item.open and item.operation and item.operation.kind == "command"}
    if erased:
        sequences.update(erasing.erase(connection, tables, locked, erased, now, journal))
    fresh = [[item for item in group if item.operation is not None and item.status != "duplicate" and item.reason != "other_content"] for group in groups]
    for item in (item for group in fresh for item in group):
        operation = item.operation
        if operation is not None:
            item.sequence = sequences.get((operation.table, operation.row), locked.sequence)
    told = False
    if any(fresh):
        locked.chain = chained(locked.chain, [item.hash for group in fresh for item in group])
        if not sequences:
            locked.sequence += 1  # a place of its own for the chain, so that every cursor has one hash
        _keep_results(connection, tables, scope, [(sent.device, group) for sent, group in zip(those, fresh, strict=True)], now)
        feed.move_head(connection, tables, locked)
        told = keep_replicas(connection, tables, locked, {
            replica(item.operation.clock): sent.device for sent, group in zip(those, fresh, strict=True) for item in group
            if item.operation and item.status in ACCEPTED})
        audit.note_all(connection, tables, scope, [audit.Note("push", now, sent.device, _for_audit(group, locked.chain))
                                                   for sent, group in zip(those, fresh, strict=True) if group])
    named = authors(connection, tables, scope, before_it.sequence, locked.sequence) if told and before_it is not None else {}
    for item in items:
        if item.twin is not None:
            twin = item.twin
            item.first, item.reason, item.sequence, item.clock = twin.first or twin.status, twin.reason, twin.sequence, twin.clock
    return [PushReply(results=[_result(item) for item in group], head=locked.sequence, time=now, chain=locked.chain, before=before_it, replicas=named)
            for group in groups]


def _result(item: Item) -> Result:
    return Result(id=item.operation.id if item.operation else "", status=item.status, sequence=item.sequence, reason=item.reason,
                  first=item.first, clock=item.clock, conflicts=item.conflicts or len(item.clashes))


def _meet(groups: Sequence[Sequence[Item]]) -> bool:
    """Whether two laptops speak of the same row, under the same operation, transaction or replica, or command: it matters who comes first."""
    seen: dict[str, int] = {}
    for number, group in enumerate(groups):
        for item in group:
            one = item.operation
            if one is not None and one.kind == "command":
                return True
            if one is not None and any(seen.setdefault(name, number) != number for name in (one.row, one.id, one.transaction, replica(one.clock))):
                return True
    return False


def _for_audit(fresh: Sequence[Item], chain: str) -> dict[str, Any]:
    """What a push did, by ids, field names and salted hashes; what is alike stands once."""
    alike: dict[tuple[str, str, str, tuple[str, ...]], list[tuple[str, str, str]]] = defaultdict(list)
    for item in fresh:
        if item.operation is not None:
            key = (item.status, item.operation.kind, item.operation.table[:64], tuple(name[:64] for name in list(item.operation.fields)[:64]))
            alike[key].append((item.operation.id, item.operation.row[:64], item.hash.hex()))
    return {"operations": len(fresh), "accepted": sum(item.status in ACCEPTED for item in fresh), "chain": chain,
            "what": [{"status": status, "kind": kind, "table": table, "fields": fields, "each": each}
                     for (status, kind, table, fields), each in alike.items()]}


def _items(parcels: Sequence[Parcel]) -> list[Item]:
    items = []
    for number, parcel in enumerate(parcels):
        for body, salt, digest in zip(parcel.bodies, parcel.salts, parcel.hashes, strict=True):
            item = Item(body=body or b"", salt=salt, hash=digest, parcel=number, audience=parcel.audience, operation=None)
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


def _drop_known(connection: sa.Connection, tables: sa.MetaData, scope: str, items: Sequence[Item]) -> None:
    """The same operation again gets its first result; the same id with another content is no operation."""
    result = tables.tables["operation_result"]
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
    for part in chunks(list(by_id)):
        for row in connection.execute(sa.select(result).where(result.c.scope == scope, one_of(connection, result.c.id, part))):
            item = by_id[row.id]
            if body_hash(bytes(row.salt), item.body) != bytes(row.hash):
                item.end("invalid", "other_content")
                continue
            item.end("duplicate", row.reason)
            item.first, item.sequence, item.clock, item.conflicts = row.status, row.sequence, row.clock, row.conflicts


def _refuse_erased(connection: sa.Connection, tables: sa.MetaData, scope: str, items: Sequence[Item]) -> None:
    erased = tables.tables["erased"]
    ids = {item.operation.row for item in items if item.open and item.operation}
    whose = {str(item.operation.fields["person"]) for item in items if item.operation and _names_person(item.operation)}
    people = erasing.people_erased(connection, tables, scope, sorted(whose)) if whose else set()
    gone: set[tuple[str, str]] = set()
    for part in chunks(ids):
        query = sa.select(erased.c.table_name, erased.c.row_id).where(erased.c.scope == scope, one_of(connection, erased.c.row_id, part))
        gone.update((row.table_name, row.row_id) for row in connection.execute(query))
    for item in items:
        if item.open and item.operation and item.operation.kind != "command" and (
                (item.operation.table, item.operation.row) in gone or (_names_person(item.operation) and item.operation.fields["person"] in people)):
            item.end("erased", "erased")


def _names_person(operation: Operation) -> bool:
    """Whether a put is on a row about somebody else's: a registration, a degree."""
    return operation.kind == "put" and bool(operation.fields.get("person"))


def _load_rows(connection: sa.Connection, tables: sa.MetaData, scope: str, items: Sequence[Item],
               known: Mapping[str, Shape]) -> dict[tuple[str, str], Row]:
    wanted: dict[str, dict[str, None]] = defaultdict(dict)
    for item in items:
        if item.open and item.operation and item.operation.kind != "command":
            wanted[item.operation.table][item.operation.row] = None
    rows: dict[tuple[str, str], Row] = {}
    for name, ids in wanted.items():
        there = rows_by_id(connection, tables.tables[name], scope, ids)
        for row_id in ids:
            rows[name, row_id] = row_from(there.get(row_id), shape=known[name], scope=scope, row_id=row_id)
    return rows


def _refuse_registrations(items: Sequence[Item], rows: Mapping[tuple[str, str], Row]) -> None:
    said: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for item in items:
        operation = item.operation
        if item.open and operation and operation.table == "registration":
            if unlike_its_id(operation, [rows[operation.table, operation.row].values, *said[operation.row]]):
                item.end("invalid", "registration")
            else:
                said[operation.row].append(operation.fields)


def _replicas_of(connection: sa.Connection, tables: sa.MetaData, scope: str, device: str, rows: Mapping[tuple[str, str], Row]) -> set[str]:
    """Under which of the replicas that wrote in these rows this device writes."""
    table = tables.tables["replica"]
    named = {replica(clock) for row in rows.values() for clock in row.clocks.values()}
    found: set[str] = set()
    for part in chunks(named):
        query = sa.select(table.c.replica).where(table.c.scope == scope, table.c.device == device, table.c.replica.in_(part))
        found.update(connection.execute(query).scalars())
    return found


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
    """A transaction's puts stand or fall together within an audience; facts are judged singly."""
    failed = {(item.operation.transaction, item.audience) for item in items
              if item.operation and item.operation.kind != "fact" and item.status not in ACCEPTED and item.status != "duplicate"
              and item.reason != "other_content"}
    for item in items:
        if item.open and item.operation and item.operation.kind != "fact" and (item.operation.transaction, item.audience) in failed:
            item.end("denied", "transaction")


def _assign_clocks(connection: sa.Connection, tables: sa.MetaData, scope: str, items: Sequence[Item], now: int) -> dict[str, str]:
    """Make clocks that run ahead count as others. Returns what the clocks count as that are named in this push, of those that ran ahead."""
    clamped = tables.tables["clamped"]
    originals: dict[str, list[str]] = defaultdict(list)
    seen: dict[str, set[str]] = defaultdict(set)
    for item in items:
        if item.open and item.operation:
            originals[replica(item.operation.clock)].append(item.operation.clock)
            for clock in item.operation.before.values():
                if clock and is_clock(clock):
                    seen[replica(clock)].add(clock)
    ran_ahead: set[str] = set()
    for part in chunks(list({**originals, **seen})):
        ran_ahead.update(connection.execute(sa.select(clamped.c.replica).distinct().where(clamped.c.scope == scope, clamped.c.replica.in_(part))).scalars())
    replicas = {name: Assigned() for name in originals}
    for name in ran_ahead & originals.keys():
        replicas[name].know(_pairs_around(connection, clamped, scope, name, min(originals[name]), max(originals[name])))
    for item in sorted((item for item in items if item.open), key=lambda one: one.operation.clock if one.operation else ""):
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


def _apply(items: Sequence[Item], rows: Mapping[tuple[str, str], Row], known: Mapping[str, Shape], counts: Mapping[str, str]) -> None:
    """Lay the operations over their rows in the order of their clocks, ties by id: arrival order is never used."""
    waiting = [item for item in items if item.open and item.operation and item.operation.kind != "command"]
    waiting.sort(key=lambda one: (one.clock or one.operation.clock, one.operation.id) if one.operation else ("", ""))
    for item in waiting:
        operation = item.operation
        if operation is None:
            continue
        row, shape = rows[operation.table, operation.row], known[operation.table]
        clock = item.clock or operation.clock
        if operation.kind == "fact":
            if not lay_fact(row, operation, clock):
                item.end("invalid", "fact_is_there")
            continue
        won, item.clashes = lay_put(row, operation, clock, shape, counts)
        if not won:
            item.status = "stale"


def _write_rows(connection: sa.Connection, tables: sa.MetaData, locked: feed.LockedHead,
                rows: Mapping[tuple[str, str], Row], before: Mapping[tuple[str, str], dict[str, Any] | None]) -> dict[tuple[str, str], int]:
    changed: dict[str, list[dict[str, Any]]] = defaultdict(list)
    entries = []
    touched: dict[tuple[str, str], Touched] = {}
    for (name, row_id), row in rows.items():
        if row.changed:
            row.values["clocks"] = pack(row.clocks)
            changed[name].append(row.values)
            entries.append((name, row_id, bool(row.values["gone"])))
            touched[name, row_id] = Touched(before[name, row_id], row.values)
    for name, values in changed.items():
        put_rows(connection, tables.tables[name], values)
    return feed.touch(connection, tables, locked, entries, moves(connection, tables, locked.scope, touched))


def _keep_results(connection: sa.Connection, tables: sa.MetaData, scope: str, those: Sequence[tuple[str, Sequence[Item]]], now: int) -> None:
    results: list[dict[str, Any]] = []
    conflicts: list[dict[str, Any]] = []
    for device, items in those:
        for item in items:
            operation = item.operation
            if operation is None:
                continue
            results.append({"scope": scope, "id": operation.id, "salt": item.salt, "hash": item.hash, "status": item.status,
                            "reason": item.reason, "sequence": item.sequence, "clock": item.clock, "conflicts": len(item.clashes),
                            "device": device, "received_at": now})
            conflicts.extend({"scope": scope, "operation": operation.id, "field": clash.field, "table_name": operation.table,
                              "row_id": operation.row, "winner_clock": clash.winner_clock, "loser_clock": clash.loser_clock,
                              "loser_value": json_text(clash.loser_value), "device": device, "made_at": now,
                              "decided_at": None} for clash in item.clashes)
    put_rows(connection, tables.tables["operation_result"], results)
    put_rows(connection, tables.tables["conflict"], conflicts)
