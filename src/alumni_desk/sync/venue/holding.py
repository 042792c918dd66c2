"""The set of sealed parcels that a laptop holds, its own and others': nothing leaves it before the server has answered for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.messages import BODY_LIMIT, PARCEL_OPERATIONS, PROTOCOL, Certificate, Sealed
from alumni_desk.protocol.parcels import in_parcels, sign_parcel
from alumni_desk.protocol.sealing import CHAPTER, can_seal, name_of, seal, unseal, verify_sealed
from alumni_desk.store import fates
from alumni_desk.store.desk import Desk
from alumni_desk.sync import came_anyhow, operations, state
from alumni_desk.sync.venue.credentials import Me, as_now
from alumni_desk.sync.venue.laying import lay
from alumni_desk.sync.venue.timing import moment, now_ms

AT_ONCE = 4_000
"""Operations that are sealed in one transaction."""

OFFERED_AFTER = timedelta(days=2)
"""How long a parcel is offered on after the server has answered: laptops without a network want to see it, too."""

KEPT_AFTER = timedelta(days=30)

ERASED = "erased"
"""Why a parcel goes soon: the server says that it holds somebody who was erased."""


@dataclass(frozen=True)
class Held:
    """A parcel that is held. ``place``: where it stands in this laptop's list."""

    place: int
    name: bytes
    device: str
    content: bytes


@dataclass(frozen=True)
class TakenIn:
    """What came of parcels from elsewhere: how many were new, of these how many could be opened here, and how many were refused."""

    new: int = 0
    opened: int = 0
    refused: int = 0

    def __add__(self, other: TakenIn) -> TakenIn:
        return TakenIn(self.new + other.new, self.opened + other.opened, self.refused + other.refused)


def seal_noted(desk: Desk, me: Me) -> int:
    """Seal for laptops without a network what was noted here at doors lately and the server has already; returns how many parcels that made. Of those
    that hear of it both from here and from the server nobody counts it twice: it is known by its id."""
    since = moment(datetime.now(UTC) - OFFERED_AFTER)
    with desk.reading() as connection:
        if not operations.noted(connection, me.membership.scope, since):
            return 0
    with desk.applying() as applying:
        return _seal(applying.connection, me, operations.noted(applying.connection, me.membership.scope, since))


def seal_own(desk: Desk, me: Me) -> int:
    """Seal what people did here since the last time; returns how many parcels that made. Safe to call from several programs at once."""
    count = 0
    while True:
        with desk.reading() as connection:
            if not operations.unsealed(connection, me.membership.scope, 1):
                return count
        with desk.applying() as applying:
            made = _seal_some(applying.connection, me)
        if not made:
            return count
        count += made


def _seal_some(connection: sa.Connection, me: Me) -> int:
    return _seal(connection, me, operations.unsealed(connection, me.membership.scope, AT_ONCE))


def _seal(connection: sa.Connection, me: Me, some: Sequence[operations.Outgoing]) -> int:
    by_audience: dict[str, list[operations.Outgoing]] = {}
    for one in some:
        if can_seal(me.keys, one.audience):
            by_audience.setdefault(one.audience, []).append(one)
    count = 0
    for audience, group in by_audience.items():
        for pieces in in_parcels(group):
            parcel = sign_parcel(me.key, server=me.membership.server, device=me.membership.device, scope=me.membership.scope, audience=audience, pieces=pieces)
            _put(connection, seal(parcel, me.keys, me.key), "own")
            connection.exec_driver_sql("INSERT INTO parcel_operation (operation, parcel) VALUES (?, ?) ON CONFLICT DO NOTHING",
                                       [(one.id, name_of(parcel)) for one in pieces])
            count += 1
    if count:
        keep_chain(connection, me.credentials.chain)
    return count


def take_in(desk: Desk, me: Me, parcels: Sequence[Sealed], chains: Iterable[Sequence[Certificate]]) -> TakenIn:
    """Keep others' parcels; what can be opened here is laid over the rows at once, and so is what came while its writer's access seemed to have passed, if it
    has not. One transaction; the same again changes nothing."""
    chains = list(chains)
    if not parcels and not _could_be_opened(desk, me, chains):
        return TakenIn()
    with desk.applying() as applying:
        connection = applying.connection
        me = as_now(connection, me)
        known = chains_of(connection)
        for chain in _newer(me, chains, known):
            keep_chain(connection, chain)
        taken = TakenIn()
        for sealed in _closed(connection, me):
            taken += _open(desk, connection, me, sealed, known.get(sealed.device, ()))
        for sealed in parcels:
            taken += _take_one(desk, connection, me, sealed, known.get(sealed.device))
    if taken.opened and me.leads:
        came_anyhow.put_back(desk)
    return taken


def _newer(me: Me, chains: Iterable[Sequence[Certificate]], known: dict[str, list[Certificate]]) -> Iterator[Sequence[Certificate]]:
    """Those of the chains that hold, and say something newer than what is known then."""
    for chain in chains:
        if chain and me.trouble(chain, None) is None and _is_newer(chain, known.get(chain[0].device)):
            known[chain[0].device] = list(chain)
            yield chain


def _is_newer(chain: Sequence[Certificate], there: Sequence[Certificate] | None) -> bool:
    return there is None or (len(chain), -chain[0].issued) < (len(there), -there[0].issued)


def _take_one(desk: Desk, connection: sa.Connection, me: Me, sealed: Sealed, chain: Sequence[Certificate] | None) -> TakenIn:
    if chain is None or me.trouble(chain, None) is not None or not _fits(sealed, me) or not verify_sealed(sealed, chain[0].public_key):
        return TakenIn(refused=1)
    if connection.exec_driver_sql("SELECT 1 FROM parcel WHERE name = ?", (name_of(sealed),)).first():
        return TakenIn()
    _put(connection, sealed, "carried")
    return TakenIn(new=1) + _open(desk, connection, me, sealed, chain)


def _could_be_opened(desk: Desk, me: Me, chains: Iterable[Sequence[Certificate]]) -> bool:
    """Whether anything is closed here that may be open by now: a clock was set right, or a certificate says a later end."""
    with desk.reading() as connection:
        known = chains_of(connection)
        for _chain in _newer(me, chains, known):
            pass
        return any(me.trouble(known.get(sealed.device, ()), now_ms(desk)) is None for sealed in _closed(connection, me))


def _closed(connection: sa.Connection, me: Me) -> list[Sealed]:
    """What is only carried here, and is closed to an audience of which this laptop is."""
    audiences = connection.exec_driver_sql("SELECT DISTINCT audience FROM parcel WHERE state = 'carried' AND resolved IS NULL").scalars().all()
    ours = [one for one in audiences if (me.keys.chapter if one == CHAPTER else me.keys.of_gathering(one))]
    return [opened_parcel(content) for content in connection.exec_driver_sql(
        "SELECT content FROM parcel WHERE state = 'carried' AND resolved IS NULL AND scope = ? AND audience IN (SELECT value FROM json_each(?))"
        " ORDER BY rowid", (me.membership.scope, msgspec.json.encode(ours).decode())).scalars()] if ours else []


def _open(desk: Desk, connection: sa.Connection, me: Me, sealed: Sealed, chain: Sequence[Certificate]) -> TakenIn:
    ended = me.trouble(chain, now_ms(desk)) is not None
    parcel = None if ended else unseal(sealed, me.keys, chain[0].public_key)
    if parcel is None:
        return TakenIn()
    name = name_of(sealed)
    connection.exec_driver_sql("UPDATE parcel SET state = 'open' WHERE name = ?", (name,))
    laid = lay(desk, connection, parcel, chain[0])
    connection.exec_driver_sql(  # of several parcels with the same the newest counts: an older one may be answered already
        "INSERT INTO parcel_operation (operation, parcel) VALUES (?, ?) ON CONFLICT (operation) DO UPDATE SET parcel = excluded.parcel"
        " WHERE (SELECT state FROM parcel WHERE name = parcel_operation.parcel) IS NOT 'own'", [(one, name) for one in laid] or [])
    return TakenIn(opened=1)


def _fits(sealed: Sealed, me: Me) -> bool:
    return (sealed.protocol == PROTOCOL and sealed.server == me.membership.server and sealed.scope == me.membership.scope
            and len(sealed.hashes) <= PARCEL_OPERATIONS and len(sealed.box) <= BODY_LIMIT)


def _put(connection: sa.Connection, sealed: Sealed, standing: str) -> None:
    place = last_place(connection) + 1
    connection.exec_driver_sql(
        "INSERT INTO parcel (rowid, name, device, scope, audience, content, state, received) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (place, name_of(sealed), sealed.device, sealed.scope, sealed.audience, msgspec.msgpack.encode(sealed), standing, moment()))
    state.keep(connection, state.ListEnd(place, _began(connection)))


def keep_chain(connection: sa.Connection, chain: Sequence[Certificate]) -> None:
    """Keep a device's certificates, in place of older ones."""
    connection.exec_driver_sql("INSERT INTO chain (device, content) VALUES (?, ?) ON CONFLICT (device) DO UPDATE SET content = excluded.content",
                               (chain[0].device, msgspec.msgpack.encode(list(chain))))


def chains_of(connection: sa.Connection) -> dict[str, list[Certificate]]:
    """The certificates of everybody whose parcels are held, by device."""
    return {row.device: msgspec.msgpack.decode(row.content, type=list[Certificate]) for row in connection.exec_driver_sql("SELECT device, content FROM chain")}


def is_carrying(connection: sa.Connection) -> bool:
    """Whether anything of other laptops of this chapter is here that the server has not answered for."""
    return connection.exec_driver_sql("SELECT 1 FROM parcel WHERE resolved IS NULL AND state <> 'own' AND scope IN (SELECT id FROM scope)"
                                      " LIMIT 1").first() is not None  # an earlier program left those of the chapter before


def names(connection: sa.Connection, scope: str) -> set[bytes]:
    """Every parcel that is here, by name."""
    return set(connection.exec_driver_sql("SELECT name FROM parcel WHERE scope = ?", (scope,)).scalars())


def last_place(connection: sa.Connection) -> int:
    """Where this laptop's list ends, or ended before its last parcels went: whoever has heard up to there is told what comes after."""
    ended = state.read(connection, state.ListEnd)
    return max(int(connection.exec_driver_sql("SELECT max(rowid) FROM parcel").scalar() or 0), ended.place if ended is not None else 0)


def knows_place(connection: sa.Connection, place: int) -> bool:
    """Whether this laptop's list, as it is since the last restore, ever went as far and not only the one before."""
    return place == 0 or _began(connection) <= place <= last_place(connection)


def list_anew(connection: sa.Connection, now_ms: int) -> None:
    """A restore put this list in the place of a longer one: no place of that one is given again, and those who heard it are told by ``knows_place``."""
    last = last_place(connection)
    began = max(now_ms, last + 1)  # by the time, as nobody knows how far a list went whose database is lost
    connection.exec_driver_sql("UPDATE parcel SET rowid = rowid + ?", (began,))  # far beyond each of them: none meets another on the way
    state.keep(connection, state.ListEnd(began + last, began))


def _began(connection: sa.Connection) -> int:
    ended = state.read(connection, state.ListEnd)
    return ended.began if ended is not None else 0


def offered(connection: sa.Connection, scope: str, after: int = 0, *, room: int = BODY_LIMIT // 4, but: frozenset[bytes] | set[bytes] = frozenset(),
            now: datetime | None = None) -> tuple[list[Held], int]:
    """Parcels for others from a place on, as many as there is room for in a message, and the place reached: the list's end where none are left."""
    since = moment((now or datetime.now(UTC)) - OFFERED_AFTER)
    found: list[Held] = []
    reached, size = after, 0
    rows: Any = connection.exec_driver_sql("SELECT rowid, name, device, content FROM parcel WHERE scope = ? AND rowid > ?"
                                           " AND (resolved IS NULL OR resolved > ?) ORDER BY rowid", (scope, after, since))
    for row in rows:
        if row.name not in but:
            if found and size + len(row.content) > room:
                rows.close()
                return found, reached
            found.append(Held(row.rowid, row.name, row.device, row.content))
            size += len(row.content)
        reached = row.rowid
    return found, max(after, last_place(connection))  # what is offered no more may stand at the end


def turns(connection: sa.Connection, scope: str) -> list[tuple[int, int]]:
    """Where in this laptop's list parcels of others follow on what was put or noted here and is not sent yet: the place, and the last operation (its rowid)
    to send first. Whoever made those may have known it; facts the server takes in any order."""
    found: list[tuple[int, int]] = []
    own: tuple[int, int] | None = None
    for place, standing, newest in connection.exec_driver_sql(
            "SELECT rowid, state, (SELECT max(w.operation) FROM parcel_operation AS p JOIN operation AS o ON o.id = p.operation"
            " JOIN waiting AS w ON w.operation = o.rowid WHERE p.parcel = parcel.name AND w.sequence IS NULL AND o.kind <> 'fact')"
            " FROM parcel WHERE scope = ? AND resolved IS NULL ORDER BY rowid", (scope,)):
        if standing != "own":
            found += [] if own is None else [own]
            own = None
        elif newest is not None:  # one's parcels for several audiences lie side by side, and the last may hold the older ones
            own = place, max(newest, own[1] if own is not None else 0)
    return found


def opened_parcel(content: bytes) -> Sealed:
    """A held parcel as it travels."""
    return msgspec.msgpack.decode(content, type=Sealed)


def chains_for(connection: sa.Connection, devices: Iterable[str]) -> list[list[Certificate]]:
    """The certificates that go with parcels of these devices."""
    known = chains_of(connection)
    return [known[device] for device in dict.fromkeys(devices) if device in known]


def settle_own(connection: sa.Connection, scope: str) -> None:
    """One's own parcels of which the server has answered everything are resolved."""
    connection.exec_driver_sql(
        "UPDATE parcel SET resolved = ?, sequence = (SELECT coalesce(max(o.sequence), 0) FROM parcel_operation AS p"
        " JOIN operation_now AS o ON o.id = p.operation WHERE p.parcel = parcel.name) WHERE state = 'own' AND resolved IS NULL AND scope = ? AND NOT EXISTS"
        f" (SELECT 1 {fates.FROM_WAITING} CROSS JOIN parcel_operation AS p ON p.operation = o.id WHERE p.parcel = parcel.name AND w.sequence IS NULL)",
        (moment(), scope))


def forget_settled(connection: sa.Connection, scope: str, backed_up: int, now: datetime | None = None) -> None:
    """What the server resolved, has in a backup and has had for long needs no copy here. What may hold somebody who was erased waits for the backup alone."""
    before = moment((now or datetime.now(UTC)) - KEPT_AFTER)
    erased = f"received <= (SELECT max(at) FROM erased) OR reason = '{ERASED}'"
    old = f"SELECT name FROM parcel WHERE scope = ? AND sequence <= ? AND (resolved < ? OR resolved IS NOT NULL AND ({erased}))"
    if connection.exec_driver_sql(f"SELECT 1 FROM ({old}) JOIN parcel USING (name) WHERE {erased} LIMIT 1", (scope, backed_up, before)).first() is not None:
        state.keep(connection, state.Scrubbing())
    connection.exec_driver_sql(f"DELETE FROM parcel_operation WHERE parcel IN ({old})", (scope, backed_up, before))
    connection.exec_driver_sql(f"DELETE FROM parcel WHERE name IN ({old})", (scope, backed_up, before))


def close(connection: sa.Connection) -> None:
    """Nothing of others is to be read here any more: their parcels stay, sealed, until the server has answered for them."""
    connection.exec_driver_sql("DELETE FROM operation WHERE queue = 'peer'")
    connection.exec_driver_sql("DELETE FROM parcel_operation WHERE parcel IN (SELECT name FROM parcel WHERE state = 'open')")
    connection.exec_driver_sql("UPDATE parcel SET state = 'carried' WHERE state = 'open'")
    connection.exec_driver_sql("DELETE FROM handout")
    known = state.read(connection, state.Credentials)
    if known is not None and known.keys.gathering:
        state.keep(connection, msgspec.structs.replace(known, keys=msgspec.structs.replace(known.keys, gathering=b"")))


def leave(connection: sa.Connection) -> None:
    """Another server: what was sealed for the former one counts for nothing there. What others did is taken along as what the rows show."""
    connection.exec_driver_sql("DELETE FROM operation WHERE queue = 'peer'")
    # What a row was before them would come back by the next change that is made to it here.
    connection.exec_driver_sql("DELETE FROM shadow AS s WHERE NOT EXISTS (SELECT 1 FROM operation AS o INDEXED BY operation_row"
                               f" WHERE o.table_name = s.table_name AND o.row_id = s.row_id AND {fates.WAITS})")
    for table in ("parcel", "parcel_operation", "chain", "handout"):
        connection.exec_driver_sql(f"DELETE FROM {table}")
    state.drop(connection, state.Credentials)


def counts(connection: sa.Connection) -> Mapping[str, int]:
    """How many parcels of others wait here for the server: ``open`` ones and those only ``carried``."""
    rows = connection.exec_driver_sql("SELECT state, count(*) AS n FROM parcel WHERE resolved IS NULL AND state <> 'own' GROUP BY state")
    return {"open": 0, "carried": 0, **{row.state: int(row.n) for row in rows}}
