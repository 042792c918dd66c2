"""Hand-outs: a leader's laptop makes a gathering's list for its door; a door's laptop works from it until the server brings its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from alumni_desk.errors import Refused
from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.clocks import pack, unpack
from alumni_desk.protocol.handout import NOT_YET, Handout, SealedHandout, close_handout, open_handout, verify_handout
from alumni_desk.protocol.messages import Block
from alumni_desk.protocol.policy import projected, readable
from alumni_desk.store import fates
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import ERASE
from alumni_desk.sync import erasing, operations, pull, state
from alumni_desk.sync.erasing import rows_erased
from alumni_desk.sync.pull import cursor_of
from alumni_desk.sync.session import refuse_another
from alumni_desk.sync.shapes import shapes
from alumni_desk.sync.venue import joined_lists
from alumni_desk.sync.venue.credentials import Me, as_now
from alumni_desk.sync.venue.timing import now_ms
from alumni_desk.sync.views import settle
from alumni_desk.words import _

_ROWS = {
    "chapter": "SELECT * FROM chapter WHERE id = :scope",
    "gathering": "SELECT * FROM gathering WHERE id = :gathering AND NOT gone",
    "registration": "SELECT * FROM registration AS r WHERE gathering = :gathering AND NOT gone AND (status IS NOT 'cancelled' OR EXISTS"
                    " (SELECT 1 FROM fact AS f WHERE f.gathering = r.gathering AND f.registration = r.id)) ORDER BY id",
    "person": "WITH RECURSIVE these(id) AS (SELECT person FROM registration AS r WHERE gathering = :gathering AND NOT gone AND (status IS NOT 'cancelled'"
              " OR EXISTS (SELECT 1 FROM fact AS f WHERE f.gathering = r.gathering AND f.registration = r.id))"
              " UNION SELECT merged_into FROM person AS p JOIN these ON these.id = p.id"
              " WHERE merged_into IS NOT NULL) SELECT p.* FROM person AS p JOIN these ON these.id = p.id ORDER BY p.id",  # whoever is on it stays, by name
    "fact": "SELECT * FROM fact WHERE gathering = :gathering ORDER BY id",
}
"""The gathering's audience, as the server has it (``server.audiences.members``)."""

_OFF = ("SELECT * FROM registration AS r WHERE gathering = :gathering AND (gone OR status = 'cancelled' AND NOT EXISTS"
        " (SELECT 1 FROM fact AS f WHERE f.gathering = r.gathering AND f.registration = r.id)) ORDER BY id")


@dataclass(frozen=True)
class HandedOut:
    """A hand-out that was looked at: its gathering, how many guests are on it, when it was made (milliseconds since 1970), and whether it was taken.
    ``leads``: this is a leader's laptop, whose own list does not follow a hand-out."""

    gathering: str
    name: str
    guests: int
    number: int
    taken: bool
    leads: bool = False


def leads_words() -> str:
    """What to say on a leader's laptop where somebody opens a hand-out."""
    return _("Nothing was changed here: a hand-out is for laptops at the door. A leader’s laptop gets what is new by a sync, or by a "
             "transfer file.")


def make_handout(desk: Desk, me: Me, gathering: str) -> SealedHandout:
    """The gathering's list as it is now; the one that is here again where nothing has changed. Raises Refused for who may not, or has another place by now."""
    if not me.leads:
        raise Refused("handout_leader", _("Only a leader’s laptop makes hand-outs. Ask the chapter’s leader, or take theirs along as a file."))
    with desk.reading() as connection:
        there = newest(connection, gathering)
        number = max(now_ms(desk), newest_number(connection, gathering) + 1)
        inside = Handout(gathering, number, _blocks(connection, me.membership.scope, gathering), cursor_of(connection, me.membership.scope).sequence,
                         _off(connection, gathering), _erased(connection))
    if there is not None and there.device == me.membership.device and there.chain == me.credentials.chain:
        before = open_handout(there, me.keys)
        if before is not None and msgspec.structs.replace(before, number=number) == inside:
            return there
    made = close_handout(inside, me.keys, me.key, server=me.membership.server, scope=me.membership.scope, device=me.membership.device,
                         chain=me.credentials.chain)
    with desk.applying() as applying:
        refuse_another(applying.connection, me.membership)  # a command may have switched or erased meanwhile
        _keep(applying.connection, made, empty=_names_gone(applying.connection, inside, leads=True))
    return made


def _blocks(connection: sa.Connection, scope: str, gathering: str) -> list[Block]:
    there = {name: _rows(connection, name, question, scope=scope, gathering=gathering) for name, question in _ROWS.items()}
    facts = joined_lists.since(connection, shapes()["fact"], there["fact"])
    came: dict[str, int] = {}
    for row in there["fact"]:
        came[str(row["registration"])] = min(facts[row["id"]], came.get(str(row["registration"]), NOT_YET))
    since = {"fact": facts, "registration": joined_lists.since(connection, shapes()["registration"], there["registration"], came)}
    found = []
    for name, rows in there.items():
        shape = shapes()[name]
        columns = ["id", "clock", "clocks", *readable("door", shape)]
        seen = [one for one in projected("door", shape, rows) if one is not None and one["clock"] is not None]
        found.append(Block(name, ["sequence", *columns], [[since.get(name, {}).get(one["id"], 0), *(one[column] for column in columns)] for one in seen]))
    return found


def _rows(connection: sa.Connection, name: str, question: str, **wanted: str) -> list[dict[str, Any]]:
    return [operations.typed(shapes()[name], dict(row)) for row in connection.execute(sa.text(question), wanted).mappings()]


def _off(connection: sa.Connection, gathering: str) -> list[Block]:
    """Places that were taken off the list here and that a door may have still: that they are, and nothing else of them."""
    shape, names = shapes()["registration"], ("gone", "status")
    rows = {str(row["id"]): row for row in _rows(connection, "registration", _OFF, gathering=gathering)}
    found = []
    for row_id in sorted(operations.lying_over(connection, "registration", rows)):
        clocks = {key: clock for key, clock in unpack(rows[row_id]["clocks"]).items() if key in {shape.clock_keys[name] for name in names}}
        if clocks:
            found.append([0, row_id, max(clocks.values()), pack(clocks), *(rows[row_id][name] for name in names)])
    return [Block("registration", ["sequence", "id", "clock", "clocks", *names], found)] if found else []


def _erased(connection: sa.Connection) -> list[str]:
    """Whom the server has erased, as far as is known here; of an order that waits still it may say no."""
    waits = f"SELECT o.row_id {fates.FROM_WAITING} WHERE o.kind = 'command' AND o.fields = '{ERASE}'"
    return [str(one) for one in connection.exec_driver_sql(f"SELECT id FROM erased WHERE id NOT IN ({waits}) ORDER BY id").scalars()]


def list_marks(connection: sa.Connection, scope: str, gathering: str) -> Iterator[sa.Row[Any]]:
    """The rows of a list without its check-ins, each by its id and the clocks of its fields; and how many people were erased, which moves no clock."""
    for name, question in _ROWS.items():
        if name != "fact":
            yield from connection.execute(sa.text(f"SELECT id, clocks FROM ({question})"), {"scope": scope, "gathering": gathering})
    yield from connection.execute(sa.text("SELECT count(*) FROM erased"))


def newest(connection: sa.Connection, gathering: str) -> SealedHandout | None:
    """The newest hand-out of a gathering, if it is here still: with whoever leaves a list it goes, too."""
    content = connection.exec_driver_sql("SELECT content FROM handout WHERE gathering = ?", (gathering,)).scalar()
    return None if not content else msgspec.msgpack.decode(content, type=SealedHandout)


def newest_number(connection: sa.Connection, gathering: str) -> int:
    """The number of the newest that was ever here; 0: there was none."""
    return int(connection.exec_driver_sql("SELECT number FROM handout WHERE gathering = ?", (gathering,)).scalar() or 0)


def came_from(connection: sa.Connection, gathering: str) -> tuple[str, int] | None:
    """Whose laptop made the newest hand-out of a gathering (empty where it is gone), and when, in milliseconds since 1970; None: there was none."""
    number, one = newest_number(connection, gathering), newest(connection, gathering)
    return None if not number else ((one.chain[0].who or one.chain[0].name) if one is not None and one.chain else "", number)


def _keep(connection: sa.Connection, one: SealedHandout, *, empty: bool = False) -> None:
    content = b"" if empty else msgspec.msgpack.encode(one)
    connection.exec_driver_sql("INSERT INTO handout (gathering, number, content) VALUES (?, ?, ?) ON CONFLICT (gathering)"
                               " DO UPDATE SET number = excluded.number, content = excluded.content", (one.gathering, one.number, content))


def _names_gone(connection: sa.Connection, inside: Handout, leads: bool) -> bool:
    """Whether a list says something about somebody who was erased, or who is not on the list of this door any more: it is neither kept nor handed on."""
    erased = rows_erased(connection, {inside.gathering})
    for block in inside.blocks:
        if block.table in ("person", "registration"):
            here = set() if leads else set(connection.exec_driver_sql(f'SELECT id FROM "{block.table}"').scalars())
            for row in joined_lists.rows_of(block):
                if ((block.table, row["id"]) in erased or not (leads or row["id"] in here)) and erasing.emptied(block.table, row) != row:
                    return True
    return False


def check_handout(one: SealedHandout, me: Me | None, now: int) -> None:
    """Whether somebody who may has made a hand-out; ``me`` is None where no chapter is known yet, and then whether it is whole. Raises Refused."""
    trouble = me.trouble(one.chain, now) if me is not None else None
    if trouble == "ended":
        raise Refused("handout_ended", _(
            "By this laptop’s clock the access of the laptop that made this hand-out has ended. Look whether the date and time are right here, or ask for a "
            "hand-out of another leader’s laptop."))
    if trouble is not None or not verify_handout(one) or (me is not None and one.server != me.membership.server):
        raise Refused("handout_forged", _("This hand-out was not made by a leader of this chapter, so it was not opened. Ask for another one."))


def take_handout(desk: Desk, me: Me, one: SealedHandout) -> HandedOut:
    """Keep a hand-out, and work from it where this laptop is at that door. An older one than the one that is here changes nothing. Raises Refused."""
    check_handout(one, me, now_ms(desk))
    with desk.applying() as applying:
        connection = applying.connection
        inside = open_handout(one, as_now(connection, me).keys)
        if inside is None:
            raise Refused("handout_not_ours", _("This hand-out is for the door of another gathering, so this laptop cannot open it."))
        guests, name = _told(inside)
        taken = newest_number(connection, one.gathering) < one.number
        if taken:
            if not me.leads:
                _work_from(connection, me.membership.scope, inside)
            _keep(connection, one, empty=_names_gone(connection, inside, me.leads))  # last: with whoever leaves the list the one before goes
    if taken:
        erasing.finish(desk)  # of who is not on it any more nothing stays
    return HandedOut(one.gathering, name, guests, one.number, taken, me.leads)


def _told(inside: Handout) -> tuple[int, str]:
    guests, name = 0, ""
    for block in inside.blocks:
        if block.table == "registration":
            guests = len(block.rows)
        elif block.table == "gathering" and block.rows:
            name = str(dict(zip(block.columns, block.rows[0], strict=True)).get("name") or "")
    return guests, name


def _work_from(connection: sa.Connection, scope: str, inside: Handout) -> None:
    """Its rows become what lies under the operations here. The cursor stays, and the server's list replaces all of it."""
    reached = pull.reached(connection, scope)
    erasing.after_list(connection, inside.erased)
    if inside.sequence >= reached:
        _instead(connection, scope, inside)
    else:
        joined_lists.lay(connection, scope, inside, reached)
    state.keep(connection, state.Rebuilding(reached))


def _instead(connection: sa.Connection, scope: str, inside: Handout) -> None:
    """The list of somebody who has heard all that is known here: what is not on it goes. But of whom another list says that they are erased it brings
    nothing: what is here of them stays as it is."""
    seen: set[tuple[str, str]] = set()
    unheard = rows_erased(connection, {inside.gathering}) - {row for one in inside.erased
                                                             for row in (("person", one), ("registration", registration_id(inside.gathering, one)))}
    for block in inside.blocks:
        shape = shapes().get(block.table)
        if shape is None:
            continue
        newer = {str(row["id"]): joined_lists.base(shape, row) for row in joined_lists.rows_of(block)}
        seen.update((block.table, row_id) for row_id in newer)
        newer = {row_id: row for row_id, row in newer.items() if (block.table, row_id) not in unheard}
        over: dict[str, Sequence[operations.Overlay]] = dict.fromkeys(newer, ())
        over.update(operations.lying_over(connection, shape.name, newer))
        settle(connection, shape, scope, over, frozenset(), newer)
    pull.drop_unseen(connection, scope, seen)
