"""What people do with gatherings: plan, change, cancel, put guests on the list, note their answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alumni_desk.errors import BadInput, NotFound, Refused
from alumni_desk.gatherings.fields import check_hours, check_whole, local_zone, read_fields
from alumni_desk.gatherings.kinds import ANSWERS
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import need_name
from alumni_desk.members.fields import read_fields as read_person
from alumni_desk.members.naming import display_name, first_and_last
from alumni_desk.members.roots import merged_on, root_of
from alumni_desk.protocol.codes import badge_code_of
from alumni_desk.store.desk import Desk
from alumni_desk.store.listed import texts
from alumni_desk.store.meanwhile import refuse_unseen
from alumni_desk.store.writing import Changed, Writing
from alumni_desk.words import _


@dataclass(frozen=True)
class Planned:
    """A gathering that was made or changed."""

    id: str
    name: str
    changed: Changed


@dataclass(frozen=True)
class Added:
    """Guests put on a list: the registrations that are new, how many of those asked for were on it already, and how many have died."""

    registrations: tuple[str, ...]
    already: int
    changed: Changed
    deceased: int = 0


@dataclass(frozen=True)
class Answered:
    """Answers that were noted, with what stood before, so that they can be taken back; ``count``: of how many people."""

    before: Mapping[str, str]
    changed: Changed
    count: int = 0


def new_gathering(desk: Desk, **typed: Any) -> Planned:
    """Plan a gathering from typed fields (see ``gatherings.fields``). Raises BadInput."""
    values = {name: value for name, value in read_fields(typed).items() if value is not None}
    values.setdefault("kind", "other")
    values.setdefault("mode", "in_person")
    check_whole(values)
    with desk.writing("gathering_planned") as writing:
        if not values.get("time_zone"):
            chapter = writing.tables["chapter"]
            values["time_zone"] = writing.connection.scalar(sa.select(chapter.c.time_zone).where(~chapter.c.gone).limit(1)) or local_zone()
        check_hours(values)
        gathering = writing.add("gathering", status="planned", **values)
    return Planned(gathering, values["name"], writing.changed)


def change_gathering(desk: Desk, gathering_id: str, opened: Mapping[str, Any] | None = None, **typed: Any) -> Planned:
    """Change fields of a gathering. Raises NotFound or BadInput.

    ``opened``: the columns as a form was opened with them; raises ChangedMeanwhile where one that is written says something else by now.
    """
    values = read_fields(typed)
    with desk.writing("gathering_changed") as writing:
        row = _gathering(writing, gathering_id)
        whole = {**row._mapping, **values}
        check_whole(whole, hours=bool(values.keys() & {"starts", "ends"}))
        if whole["time_zone"] and values.keys() & {"starts", "ends", "time_zone"}:  # an hour that an older version let through hinders no other change
            check_hours(whole)
        if opened is not None:
            # Of a row that is not whole, lists show something in place of these.
            opened = {name: said for name, said in opened.items() if name not in ("name", "kind", "mode", "time_zone") or row._mapping[name]}
            refuse_unseen(writing.connection, writing.tables["gathering"], gathering_id, opened, values)
        writing.change("gathering", gathering_id, **values)
    return Planned(gathering_id, whole["name"], writing.changed)


def cancel_gathering(desk: Desk, gathering_id: str, reason: str | None = None) -> Planned:
    """Call a gathering off; its list and history stay. ``replan_gathering`` undoes it."""
    with desk.writing("gathering_cancelled") as writing:
        row = _gathering(writing, gathering_id)
        kept = row.cancelled_reason if row.status == "cancelled" else None  # said once, it stays until another is said
        writing.change("gathering", gathering_id, status="cancelled", cancelled_reason=(reason or "").strip() or kept)
    return Planned(gathering_id, row.name or "", writing.changed)


def replan_gathering(desk: Desk, gathering_id: str) -> Planned:
    """Take a cancellation back."""
    with desk.writing("gathering_replanned") as writing:
        row = _gathering(writing, gathering_id)
        writing.change("gathering", gathering_id, status="planned", cancelled_reason=None)
    return Planned(gathering_id, row.name or "", writing.changed)


def add_guests(desk: Desk, gathering_id: str, person_ids: Iterable[str], *, status: str = "yes") -> Added:
    """Put people on a gathering's list. Who was taken off comes back; who is on it keeps their answer.

    Those who have died are left out, and entries that were merged are one person. Raises NotFound, or Refused: if nobody else was meant, or the
    gathering is cancelled.
    """
    _known(status)
    with desk.writing("guests_added", gathering=gathering_id) as writing:
        refuse_cancelled(writing, gathering_id)
        merged = merged_on(writing.connection)
        wanted = list(dict.fromkeys(root_of(merged, person) for person in person_ids))
        asked, wanted = len(wanted), _living(writing, wanted)
        there = _registrations(writing, {registration_id(gathering_id, person) for person in (*wanted, *merged)})
        listed = {root_of(merged, person) for person in merged if (row := there.get(registration_id(gathering_id, person))) is not None
                  and not row.gone and row.status != "cancelled"}  # fmt: skip
        added, fresh, at = [], [], _moment(writing.now)
        for person in wanted:
            if person in listed:
                continue
            wanted_id = registration_id(gathering_id, person)
            row = there.get(wanted_id)
            if row is None:
                fresh.append({"id": wanted_id, "gathering": gathering_id, "person": person, "status": status, "code": badge_code_of(wanted_id),
                              "walk_in": False, "answered_at": None if status == "invited" else at})
            elif row.gone or row.status == "cancelled":
                # Who is put on the list is expected, though they once came to the door without being on it.
                writing.change("registration", wanted_id, gone=False, status=status, answered_at=None if status == "invited" else at, walk_in=False)
            else:
                continue
            added.append(wanted_id)
        if fresh:
            writing.add_many("registration", fresh)
    return Added(tuple(added), len(wanted) - len(added), writing.changed, asked - len(wanted))


def add_guest_of(desk: Desk, gathering_id: str, host_registration: str, name: str | None = None, **typed: Any) -> Added:
    """A guest that somebody on the list brings along; without a name, "Name to come". Raises NotFound, BadInput or Refused."""
    fields = {name_: value for name_, value in read_person({**first_and_last(name or "", titled=not typed.get("title")), **typed}).items() if value is not None}
    with desk.writing("guest_of_added", gathering=gathering_id) as writing:
        refuse_cancelled(writing, gathering_id)
        host = _registrations(writing, {host_registration}).get(host_registration)
        if host is None or host.gone or host.gathering != gathering_id:
            raise NotFound("registration_not_found", _("The host is not on this list any more. Look for the name again."))
        # A guest of a guest belongs to the one who answers for the party.
        root = host.host or host.id
        person = writing.add("person", standing="guest", **fields)
        wanted = registration_id(gathering_id, person)
        registration = writing.add("registration", id=wanted, gathering=gathering_id, person=person, host=root, status="yes",
                                   code=badge_code_of(wanted), walk_in=False, answered_at=_moment(writing.now))
    return Added((registration,), 0, writing.changed)


def name_guest(desk: Desk, registration: str, *, opened: Mapping[str, Any] | None = None, **typed: Any) -> Changed:
    """Give a guest without a name theirs, or correct it. Raises NotFound, BadInput, or Refused: somebody who was erased or moved away has none here;
    or ChangedMeanwhile, where a name that is replaced is another than in ``opened``, what a form showed."""
    values = read_person(typed)
    with desk.writing("guest_named") as writing:
        row = _registrations(writing, {registration}).get(registration)
        if row is None or row.gone:
            raise NotFound("registration_not_found", _("This guest is not on the list any more. Look for the name again."))
    with desk.writing("guest_named", gathering=row.gathering) as writing:
        person = root_of(merged_on(writing.connection), row.person)
        row_now = refuse_left(writing, person)
        if row_now is not None and row_now.standing == "member":
            need_name({**row_now._mapping, **values})
        if opened is not None and row_now is not None:
            refuse_unseen(writing.connection, writing.tables["person"], row_now.id, {name: opened[name] for name in values if name in opened}, values)
        writing.change("person", person, **values)
        writing.touched("registration", [registration])
    return writing.changed


def refuse_left(writing: Writing, person: str | None) -> sa.Row[Any] | None:
    """The row of whom a place on a list is about. Raises Refused for who is not to be known here any more: they are called nothing."""
    table = writing.tables["person"]
    row = writing.connection.execute(sa.select(table).where(table.c.id == person)).first()
    erased = writing.connection.exec_driver_sql("SELECT 1 FROM erased WHERE id = ?", (person,)).first() is not None
    if erased or (row is not None and row.standing == "moved"):
        raise Refused("guest_has_left", _("This guest was erased or moved to another chapter, so no name is kept here. Nothing was saved."))
    return row


def set_rsvp(desk: Desk, gathering_id: str, registrations: Sequence[str], status: str) -> Answered:
    """Note the answer of one or many; who is on the list under several entries that were merged has one. Raises NotFound, or BadInput."""
    _known(status)
    with desk.writing("answers_noted", gathering=gathering_id) as writing:
        whose = _of_the_same(writing, gathering_id, registrations)
        there = _registrations(writing, set(whose))
        before: dict[str, str] = {}
        for one in whose:
            row = there.get(one)
            if row is None or row.gone or row.gathering != gathering_id:
                raise NotFound("registration_not_found", _("Somebody chosen is not on this list any more. Look for the name again."))
            if row.status != status:
                before[one] = row.status or "invited"
                writing.change("registration", one, status=status, answered_at=None if status == "invited" else _moment(writing.now))
    return Answered(before, writing.changed, len({whose[one] for one in before}))


def take_back_rsvp(desk: Desk, gathering_id: str, before: Mapping[str, str]) -> Changed:
    """Undo ``set_rsvp``: put the answers back that stood before."""
    with desk.writing("answers_taken_back", gathering=gathering_id) as writing:
        for one, status in before.items():
            writing.change("registration", one, status=status)
    return writing.changed


def remove_guests(desk: Desk, gathering_id: str, registrations: Iterable[str]) -> Changed:
    """Take people off a list, with the guests they would have brought. Their facts stay. ``add_guests`` or ``restore_guests`` undoes it.

    Raises Refused ``guest_is_in`` for somebody who was checked in, if that was not taken back.
    """
    wanted = set(registrations)
    with desk.writing("guests_removed", gathering=gathering_id) as writing:
        table, fact = writing.tables["registration"], writing.tables["fact"]
        wanted |= _of_the_same(writing, gathering_id, sorted(wanted)).keys()
        wanted |= set(writing.connection.scalars(sa.select(table.c.id).where(table.c.host.in_(wanted), ~table.c.gone)))
        came = writing.connection.execute(sa.select(fact.c.id).where(
            fact.c.gathering == gathering_id, fact.c.registration.in_(wanted), fact.c.kind == "in", ~fact.c.gone)).scalars().all()
        if came and not set(came) <= _taken_back(writing, gathering_id):
            raise Refused("guest_is_in", _("Somebody chosen was checked in already, so they stay on the list. Undo the check-in first."))
        for one in sorted(wanted):
            writing.change("registration", one, gone=True)
    return writing.changed


def _taken_back(writing: Writing, gathering_id: str) -> set[str]:
    """The facts of a gathering that were taken back: by whichever entry of a person they are, and the taking back may be by another."""
    fact = writing.tables["fact"]
    return {one for closes in writing.connection.execute(sa.select(fact.c.closes).where(
        fact.c.gathering == gathering_id, fact.c.kind == "void", ~fact.c.gone)).scalars() for one in texts(closes)}


def restore_guests(desk: Desk, gathering_id: str, registrations: Iterable[str]) -> Changed:
    """Undo ``remove_guests``, or the addition of those who were on the list before."""
    with desk.writing("guests_brought_back", gathering=gathering_id) as writing:
        for one in registrations:
            writing.change("registration", one, gone=False)
    return writing.changed


def _gathering(writing: Writing, gathering_id: str) -> sa.Row[Any]:
    table = writing.tables["gathering"]
    row = writing.connection.execute(sa.select(table).where(table.c.id == gathering_id, ~table.c.gone)).first()
    if row is None:
        raise NotFound("gathering_not_found", _("There is no such gathering here. It may have been removed meanwhile."))
    return row


def refuse_cancelled(writing: Writing, gathering_id: str) -> None:
    """Nobody is put on the list of a gathering that does not take place. Raises Refused ``gathering_cancelled``, or NotFound."""
    row = _gathering(writing, gathering_id)
    if row.status == "cancelled":
        raise Refused("gathering_cancelled", _("{name} was cancelled. Plan it again before adding guests."), name=row.name or _("This gathering"))


def _living(writing: Writing, people: Sequence[str]) -> list[str]:
    """Those of some people who have not died. Raises NotFound if one is not here, Refused if nobody is left of them."""
    table = writing.tables["person"]
    found: dict[str, sa.Row[Any]] = {}
    for start in range(0, len(people), 5_000):
        found.update((row.id, row) for row in writing.connection.execute(sa.select(table).where(table.c.id.in_(people[start:start + 5_000]), ~table.c.gone)))
    if len(found) < len(people):
        raise NotFound("member_not_found", _("Somebody chosen is not here any more. Look for the name again."))
    living = [one for one in people if not found[one].deceased]
    if people and not living:
        raise Refused("guest_deceased", _("{name} has died, says the member list, so nobody was added. If that is wrong, correct the member first."),
                      name=display_name(found[people[0]]) or _("This member"))
    return living


def _registrations(writing: Writing, ids: set[str]) -> dict[str, sa.Row[Any]]:
    table, found, wanted = writing.tables["registration"], {}, sorted(ids)
    for start in range(0, len(wanted), 5_000):
        for row in writing.connection.execute(sa.select(table).where(table.c.id.in_(wanted[start:start + 5_000]))):
            found[row.id] = row
    return found


def _of_the_same(writing: Writing, gathering_id: str, registrations: Sequence[str]) -> dict[str, str]:
    """These registrations and those of the same people under entries that were merged, each with its person."""
    whose = dict.fromkeys(registrations, "")
    merged = merged_on(writing.connection)
    table = writing.tables["registration"]
    together: dict[str, list[str]] = {}
    for one, person in writing.connection.execute(sa.select(table.c.id, table.c.person).where(
            table.c.gathering == gathering_id, ~table.c.gone, table.c.person.is_not(None))):
        root = root_of(merged, person)
        together.setdefault(root, []).append(one)
        if one in whose:
            whose[one] = root
    for root in [root for root in whose.values() if root]:
        whose.update(dict.fromkeys(together[root], root))
    return whose


def _known(status: str) -> None:
    if status not in ANSWERS:
        raise BadInput("answer", _("“{value}” is not an answer. There are: {allowed}."), value=status, allowed=", ".join(ANSWERS))


def _moment(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"
