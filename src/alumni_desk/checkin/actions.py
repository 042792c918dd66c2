"""What volunteers do at the door. Each is one transaction that decides and records together; facts are never rewritten."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from alumni_desk.checkin.former_codes import formerly
from alumni_desk.checkin.lists import door_gathering
from alumni_desk.checkin.taking_back import refuse_at_door
from alumni_desk.checkin.verdicts import (
    Candidate,
    Fact,
    Outcome,
    Reason,
    Verdict,
    decide,
    objection,
    open_ins,
)
from alumni_desk.errors import BadInput, NotFound, Refused
from alumni_desk.gatherings.counts import answer_of, inside
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members import naming
from alumni_desk.members.fields import LINE
from alumni_desk.members.roots import merged_among, root_of
from alumni_desk.protocol.codes import badge_code_of, read_badge_code
from alumni_desk.store import driver
from alumni_desk.store.at_door import is_at_door
from alumni_desk.store.desk import Desk
from alumni_desk.store.listed import texts
from alumni_desk.store.search import fold
from alumni_desk.store.writing import Changed, Writing
from alumni_desk.words import _

WALK_IN_FIELDS = frozenset({
    "title", "first_name", "middle_name", "last_name", "suffix", "preferred_name", "other_script_name", "pronunciation",
    "pronouns", "class_year", "city", "email", "mobile", "phone", "employer", "job_title"})  # fmt: skip
"""What may be said of a walk-in besides the name."""

_CONTACTS = ("email", "mobile", "phone")


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo or a check-out closed, and what screens redraw."""

    registration: str
    name: str
    closed: tuple[str, ...]
    changed: Changed


def check_in(desk: Desk, gathering_id: str, registration_id: str | None = None, *, person_id: str | None = None,
             code: str | None = None, station: str | None = None, method: str = "name", by: str | None = None,
             let_in: bool = False, although_cancelled: bool = False) -> Verdict:  # fmt: skip
    """Let one guest in, named by registration, person or badge code, and record it, unless something speaks against it.

    Whoever is in already stays in by the fact that is there. ``let_in`` overlooks on purpose what speaks against it
    (cancelled, not on the list, a note); the fact keeps what was overlooked. The verdict is returned after the commit.
    ``although_cancelled``: the gathering itself; its door says so all the time, and guests who come nevertheless are let in and counted. Without it
    raises Refused ``gathering_cancelled``.
    """
    with desk.writing("checked_in", gathering=gathering_id) as writing:
        _need_open(writing, gathering_id, although_cancelled)
        if code is not None:
            return _by_code(writing, gathering_id, code, station, by, let_in=let_in)
        return _by_id(writing, gathering_id, registration_id, person_id, station, method, by, let_in=let_in)


def undo_check_in(desk: Desk, gathering_id: str, registration_id: str, reason: str | None = None, *,
                  facts: Collection[str] | None = None, station: str | None = None, by: str | None = None) -> Undone:  # fmt: skip
    """Take a check-in back: a ``void`` fact names every open ``in`` of this guest, or only those in ``facts``; at a door those that it may take back."""
    with desk.writing("check_in_undone", gathering=gathering_id) as writing:
        undone = _close(writing, "void", gathering_id, registration_id, reason, facts, station, by)
    return replace(undone, changed=writing.changed)


def check_out(desk: Desk, gathering_id: str, registration_id: str, *, station: str | None = None,
              by: str | None = None) -> Undone:  # fmt: skip
    """Record that a guest has left; they may come back, which is a new check-in."""
    with desk.writing("checked_out", gathering=gathering_id) as writing:
        undone = _close(writing, "out", gathering_id, registration_id, None, None, station, by)
    return replace(undone, changed=writing.changed)


def walk_in(desk: Desk, gathering_id: str, name: str, *, person_id: str | None = None, consent: bool = False,
            host: str | None = None, station: str | None = None, by: str | None = None, although_cancelled: bool = False,
            **fields: Any) -> Verdict:  # fmt: skip
    """Add somebody who is not on the list and let them in: person, registration, fact and contact, all or nothing.

    ``person_id`` names somebody known (the entry that stands for them by now is taken; who was erased meanwhile is new here); otherwise a person of the
    same name and the same e-mail or phone is taken, else a guest is made. ``host`` is a registration. Without ``consent`` the contact is for this
    gathering only. ``although_cancelled``: as in ``check_in``.
    """
    for field in fields:
        if field not in WALK_IN_FIELDS:
            raise BadInput("walk_in_field", _("A walk-in has no “{field}”. Possible: {fields}."), field=field,
                           fields=", ".join(sorted(WALK_IN_FIELDS)))  # fmt: skip
    values = {key: value for key, value in fields.items() if value not in (None, "")}
    _refuse_long(*(value for value in values.values() if isinstance(value, str)))
    with desk.writing("walked_in", gathering=gathering_id) as writing:
        _need_open(writing, gathering_id, although_cancelled)
        person = (_stands_in(writing, person_id) if person_id is not None else None) or _same_person(writing, name, values)
        if person is None:
            person = _new_guest(writing, name, values, consent)
        else:
            _fill_in(writing, person, values, consent)
        return _add_and_let_in(writing, gathering_id, _on_the_list_as(writing, gathering_id, person), host, station, by)


def _need_open(writing: Writing, gathering_id: str, although_cancelled: bool) -> None:
    gathering = door_gathering(writing.connection, writing.tables, gathering_id)
    if gathering.cancelled and not although_cancelled:
        raise Refused("gathering_cancelled", _("{name} was cancelled, so nobody was let in. Plan it again first, or choose the gathering that is held."),
                      name=gathering.name)


class _Guest(NamedTuple):
    """Somebody on the list, with what a verdict and a badge say of them; read in one question, because a queue waits for it."""

    id: str
    gathering: str
    person: str
    status: str | None
    gone: int
    badge_name: str | None
    tail: str | None
    door_note: str | None
    known: str | None  # the person's id again, if their row has arrived
    preferred_name: str | None
    first_name: str | None
    last_name: str | None
    other_script_name: str | None
    class_year: int | None
    badge_tail: str | None
    note: str | None
    deceased: int | None
    standing: str | None
    left: int | None  # the person is gone: erased, or moved to another chapter
    merged: int  # somebody else is this person too

    @property
    def named(self) -> tuple[str, str]:
        """(name, class tail) as the badge says them."""
        if self.known is None:
            return self.badge_name or _("Name to come"), self.tail or ""
        name = self.badge_name or naming.display_name(self) or naming.no_name(self._replace(gone=self.left or 0))
        return name, self.tail or naming.class_tail(self)


_PERSON = """
    p.id, p.preferred_name, p.first_name, p.last_name, p.other_script_name, p.class_year, p.badge_tail, p.door_note, p.deceased, p.standing, p.gone,
    p.merged_into IS NOT NULL OR EXISTS (SELECT 1 FROM person AS m WHERE m.merged_into = {person})"""
_GUEST = f"""
    SELECT r.id, r.gathering, r.person, r.status, r.gone, r.badge_name, r.badge_tail, r.door_note, {_PERSON.format(person='r.person')}
    FROM registration AS r LEFT JOIN person AS p ON p.id = r.person WHERE r."""
_KNOWN_BY = ("known", "preferred_name", "first_name", "last_name", "other_script_name", "class_year", "badge_tail", "note", "deceased", "standing", "left")
_STANDS_FOR_THEM = ("SELECT id, preferred_name, first_name, last_name, other_script_name, class_year, badge_tail, door_note, deceased, standing, gone"
                    " FROM person WHERE id = ? AND NOT gone")
_NOT_A_GUEST = f"SELECT NULL, NULL, p.id, NULL, 0, NULL, NULL, NULL, {_PERSON.format(person='p.id')} FROM person AS p WHERE p.id = ?"


def _by_id(writing: Writing, gathering: str, registration: str | None, person: str | None, station: str | None,
           method: str, by: str | None, *, let_in: bool) -> Verdict:  # fmt: skip
    if registration is None and person is not None:
        row = _registration(writing, registration_id(gathering, person))
        if row is None and (listed := _on_the_list_as(writing, gathering, person)) != person:
            row = _registration(writing, registration_id(gathering, listed))
        if row is None:
            return _not_on_the_list(writing, gathering, person, station, by, let_in=let_in)
    else:
        row = _registration(writing, registration or "")
        if row is None or row.gathering != gathering:
            raise NotFound("registration_not_found", _("This guest is not on the list of this gathering any more."))
    return _let_in(writing, gathering, row, station, method, by, let_in=let_in)


def _by_code(writing: Writing, gathering: str, text: str, station: str | None, by: str | None, *, let_in: bool) -> Verdict:
    code = read_badge_code(text)
    if code is None:
        return Verdict(Outcome.NOT_FOUND, reason=Reason.UNKNOWN_CODE)
    guests = [_as_listed(writing, _Guest(*row)) for row in driver.rows(writing.connection, _GUEST + "code = ? AND NOT r.gone", (code,))]
    if not guests:
        guests = [one for row in formerly(writing.connection, gathering, code) if (one := _registration(writing, row)) is not None]
    if meant := [one for one in guests if one.gathering == gathering]:
        if len(meant) > 1 and not _same_human(writing, meant[0].person) >= {one.person for one in meant}:
            return Verdict(Outcome.CHOOSE, reason=Reason.SEVERAL, candidates=tuple(
                Candidate(one.id, one.person, *one.named, None, one.status or "invited") for one in meant))
        return _let_in(writing, gathering, meant[0], station, "code", by, let_in=let_in)
    if not guests:
        return Verdict(Outcome.NOT_FOUND, reason=Reason.UNKNOWN_CODE)
    other = guests[0]
    where, day = driver.row(writing.connection, "SELECT name, starts FROM gathering WHERE id = ?", (other.gathering,)) or (None, None)
    name, tail = other.named
    here = _registration(writing, registration_id(gathering, _on_the_list_as(writing, gathering, other.person)))
    return Verdict(Outcome.REFUSED, here.id if here is not None else None, other.person, name, tail,
                   reason=Reason.OTHER_GATHERING, other_gathering=where, other_day=day)  # fmt: skip


def _let_in(writing: Writing, gathering: str, row: _Guest, station: str | None, method: str, by: str | None, *,
            let_in: bool, overlooked: Reason | None = None) -> Verdict:  # fmt: skip
    answer, noted = (row.status, False) if overlooked else _said(writing, gathering, row)
    against = overlooked or objection(answer, on_the_list=True, door_note=noted or bool(row.note), deceased=bool(row.deceased))
    name, tail = row.named
    ins = open_ins(_facts(writing, gathering, row))
    outcome = decide(bool(ins), against, let_in=let_in)
    if outcome is Outcome.ALREADY_IN:
        return Verdict(outcome, row.id, row.person, name, tail, at=ins[0].at, station=ins[0].station, by=ins[0].by, changed=writing.changed)
    if outcome is not Outcome.ADMITTED:
        return Verdict(outcome, row.id, row.person, name, tail, reason=against, changed=writing.changed)
    if against is not None and against is not Reason.DOOR_NOTE and _is_full(writing, gathering):
        against = Reason.OVER_CAPACITY
    at = writing.at
    _refuse_long(station, by)
    fact = writing.add("fact", kind="in", gathering=gathering, registration=row.id, person=row.person, at=at,
                       station=station, method=method, by=by, reason=against.value if against else None)  # fmt: skip
    return Verdict(outcome, row.id, row.person, name, tail, at=at, station=station, by=by, fact=fact, reason=against, changed=writing.changed)


def _not_on_the_list(writing: Writing, gathering: str, person: str, station: str | None, by: str | None, *,
                     let_in: bool) -> Verdict:  # fmt: skip
    if let_in:
        return _add_and_let_in(writing, gathering, person, None, station, by)
    row = _known(writing, person)
    name, tail = row.named
    against = objection(None, on_the_list=False, door_note=False, deceased=bool(row.deceased))
    ins = open_ins(_facts(writing, gathering, row))  # perhaps in under the person they were merged with
    outcome = Outcome.ALREADY_IN if ins else Outcome.NEEDS_A_WORD
    verdict = Verdict(outcome, None, person, name, tail, reason=None if ins else against)
    return replace(verdict, at=ins[0].at, station=ins[0].station, by=ins[0].by) if ins else verdict


def _add_and_let_in(writing: Writing, gathering: str, person: str, host: str | None, station: str | None,
                    by: str | None) -> Verdict:  # fmt: skip
    """Put somebody on the list at the door and let them in; who is on it already is only let in."""
    wanted = registration_id(gathering, person)
    row = _registration(writing, wanted, gone_too=True)
    if row is not None and not row.gone:
        return _let_in(writing, gathering, row, station, "walk_in", by, let_in=True)
    _known(writing, person)  # says so if the person is unknown
    fields: dict[str, Any] = {"gathering": gathering, "person": person, "status": "yes", "walk_in": True, "host": host,
                              "answered_at": moment(writing.now)}  # fmt: skip
    if row is None:
        writing.add("registration", id=wanted, code=badge_code_of(wanted), **fields)
    else:
        writing.change("registration", wanted, gone=False, **fields)
    added = _registration(writing, wanted)
    assert added is not None
    return _let_in(writing, gathering, added, station, "walk_in", by, let_in=True, overlooked=Reason.NOT_ON_THE_LIST)


def _close(writing: Writing, kind: str, gathering: str, registration: str, reason: str | None,
           only: Collection[str] | None, station: str | None, by: str | None) -> Undone:  # fmt: skip
    row = _registration(writing, registration)
    if row is None or row.gathering != gathering:
        raise NotFound("registration_not_found", _("This guest is not on the list of this gathering any more."))
    name, _tail = row.named
    facts = _facts(writing, gathering, row)
    ins = [f for f in open_ins(facts) if only is None or f.id in only]
    closing = next((f for f in facts if only is not None and f.kind in ("void", "out") and not f.closes.isdisjoint(only)), None)
    if not ins and closing is not None:
        raise Refused("closed_already", _("{name} is not checked in any more: somebody else put that right already. Nothing is left to undo."), name=name,
                      kind=closing.kind, at=closing.at, station=closing.station, by=closing.by)
    if not ins:
        raise Refused("not_in", _("{name} is not checked in, so there is nothing to undo."), name=name)
    if kind == "void" and is_at_door(writing.connection):
        may = refuse_at_door(writing.connection, {one.id: one.at for one in ins}, writing.now, name)
        ins = [one for one in ins if one.id in may]
    closed = tuple(f.id for f in ins)
    _refuse_long(station, by, reason)
    # Under the entry that was let in, as long as they are two: so they are out by either, should they be taken apart.
    let_in: dict[tuple[str, str], list[str]] = {}
    for one, *entry in driver.rows(writing.connection, "SELECT id, registration, person FROM fact WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id",
                                   (json.dumps(closed),)):
        let_in.setdefault((entry[0], entry[1]), []).append(one)
    for (registered, person), theirs in let_in.items():
        writing.add("fact", kind=kind, gathering=gathering, registration=registered, person=person, closes=theirs,
                    at=moment(writing.now), station=station, reason=reason, by=by)  # fmt: skip
    return Undone(row.id, name, closed, Changed())


def _refuse_long(*said: str | None) -> None:
    """Nobody means a text that no line holds: a fact is for good, and the server takes none; a member's field holds no more, either."""
    for text in said:
        if text and len(text) > LINE:
            raise BadInput("too_long", _("“{beginning}…” has {length} letters; {limit} fit. Nothing was saved."), beginning=text[:20], length=len(text),
                           limit=LINE)


def moment(now: datetime) -> str:
    """A moment as facts keep it: UTC, ISO 8601 with milliseconds and Z."""
    return now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _registration(writing: Writing, wanted: str, *, gone_too: bool = False) -> _Guest | None:
    found = driver.row(writing.connection, _GUEST + "id = ?", (wanted,))
    return _as_listed(writing, _Guest(*found)) if found is not None and (gone_too or not found[4]) else None


def _as_listed(writing: Writing, guest: _Guest) -> _Guest:
    """A guest as their badge calls them: by the entry that stands for them in the list of members, as far as that is here."""
    if not guest.merged:
        return guest
    root = root_of(merged_among(writing.connection, _same_human(writing, guest.person)), guest.person)
    found = driver.row(writing.connection, _STANDS_FOR_THEM, (root,)) if root != guest.person else None
    return guest if found is None else guest._replace(**dict(zip(_KNOWN_BY, found, strict=True)))


def _known(writing: Writing, wanted: str) -> _Guest:
    """A person who is not on the list. NotFound if there is no such person, or they were erased."""
    found = driver.row(writing.connection, _NOT_A_GUEST, (wanted,))
    if found is None or driver.row(writing.connection, "SELECT 1 FROM erased WHERE id = ?", (wanted,)) is not None:
        raise NotFound("person_not_found", _("There is no such person here. They may have been removed meanwhile."))
    return _Guest(*found)


def _stands_in(writing: Writing, person: str) -> str | None:
    """The entry that stands in the list of members for a known one; None for somebody who was erased meanwhile: nothing is written to them any more."""
    everybody = _same_human(writing, person)
    if driver.row(writing.connection, "SELECT 1 FROM erased WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(sorted(everybody)),)) is not None:
        return None
    root = root_of(merged_among(writing.connection, everybody), person)
    return root if driver.row(writing.connection, "SELECT 1 FROM person WHERE id = ? AND NOT gone", (root,)) is not None else person


def _on_the_list_as(writing: Writing, gathering: str, person: str) -> str:
    """Under which of the entries that are this person they are on a gathering's list; under the one that was named if under none."""
    everybody = _same_human(writing, person)
    found = None if len(everybody) == 1 else driver.row(
        writing.connection, "SELECT person FROM registration INDEXED BY registration_person WHERE gathering = ? AND NOT gone"
                            " AND person IN (SELECT value FROM json_each(?)) ORDER BY person = ? DESC, id LIMIT 1",
        (gathering, json.dumps(sorted(everybody)), person))
    return str(found[0]) if found is not None else person


def _same_human(writing: Writing, person: str) -> set[str]:
    """Ids of everybody merged into one with this person, themselves included."""
    found, onward = {person}, [person]
    while onward:
        near = writing.connection.exec_driver_sql(
            "SELECT merged_into FROM person WHERE id IN (SELECT value FROM json_each(?1)) AND merged_into IS NOT NULL"
            " UNION SELECT id FROM person WHERE merged_into IN (SELECT value FROM json_each(?1))", (json.dumps(onward),)).scalars()
        onward = [one for one in near if one not in found]
        found.update(onward)
    return found


def _said(writing: Writing, gathering: str, guest: _Guest) -> tuple[str | None, bool]:
    """What this human answered, and whether there is a note for the door, under whichever of their registrations here."""
    if not guest.merged:
        return guest.status, bool(guest.door_note)
    everybody = _same_human(writing, guest.person)
    root = root_of(merged_among(writing.connection, everybody), guest.person)
    entries = driver.rows(writing.connection, "SELECT person, status, door_note FROM registration INDEXED BY registration_person"
                          " WHERE gathering = ? AND NOT gone AND person IN (SELECT value FROM json_each(?))", (gathering, json.dumps(sorted(everybody))))
    if not entries:
        return guest.status, bool(guest.door_note)
    return answer_of([(person == root, status) for person, status, _note in entries]), any(note for _person, _status, note in entries)


def _facts(writing: Writing, gathering: str, guest: _Guest) -> list[Fact]:
    """Every fact of this human at this gathering, under whichever of their registrations."""
    if not guest.merged:
        found = driver.rows(writing.connection, _FACTS + "= ?", (gathering, guest.person))
    else:
        everybody = json.dumps(sorted(_same_human(writing, guest.person)))
        found = driver.rows(writing.connection, _FACTS + "IN (SELECT value FROM json_each(?))", (gathering, everybody))
    return [Fact(one, kind, frozenset(texts(closes)), at, station, by) for one, kind, closes, at, station, by in found]


# CROSS: in this order, else SQLite begins with all facts of the gathering.
_FACTS = ("SELECT f.id, f.kind, f.closes, f.at, f.station, f.by FROM registration AS r INDEXED BY registration_person"
          " CROSS JOIN fact AS f INDEXED BY fact_gathering_registration ON f.gathering = r.gathering AND f.registration = r.id"
          " WHERE r.gathering = ? AND NOT r.gone AND NOT f.gone AND r.person ")


def _is_full(writing: Writing, gathering: str) -> bool:
    """Whether as many people are here as the gathering has places; counted only when somebody unexpected comes."""
    capacity = door_gathering(writing.connection, writing.tables, gathering).capacity
    if capacity is None:
        return False
    full = inside(writing.connection, [gathering]).get(gathering)
    return full is not None and full.here >= capacity


def _same_person(writing: Writing, name: str, values: dict[str, Any]) -> str | None:
    """Somebody known under this very name with the same e-mail or phone; None unless exactly one is."""
    table = writing.tables["person"]
    same = []
    if email := values.get("email"):
        same.append(sa.func.lower(table.c.email) == str(email).strip().lower())
    for field in ("mobile", "phone"):
        if number := values.get(field):
            same.append(sa.or_(table.c.mobile == number, table.c.phone == number))
    if not same:
        return None
    rows = writing.connection.execute(sa.select(table).where(sa.or_(*same), ~table.c.gone, table.c.merged_into.is_(None))).all()
    parts = naming.first_and_last(name)
    without_title = " ".join(filter(None, (parts.get("first_name"), parts.get("last_name"))))
    wanted = [sorted(fold(one).split()) for one in (name, without_title)]
    found = [row.id for row in rows if sorted(fold(naming.display_name(row)).split()) in wanted
             or sorted(fold(f"{row.first_name or ''} {row.last_name or ''}").split()) in wanted]
    return found[0] if len(found) == 1 else None


def _new_guest(writing: Writing, name: str, values: dict[str, Any], consent: bool) -> str:
    fields: dict[str, Any] = {"standing": "guest", **naming.first_and_last(name, titled=not values.get("title"))}
    if not name.split() and not any(values.get(f) for f in ("first_name", "last_name", "preferred_name", "other_script_name")):
        raise BadInput("walk_in_without_name", _("A walk-in needs a name. Nothing was saved."))
    _refuse_long(fields.get("first_name"), fields.get("last_name"))
    fields.update(values)
    if any(values.get(field) for field in _CONTACTS):
        fields["consent"] = "contact" if consent else "gathering_only"
    return writing.add("person", **fields)


def _fill_in(writing: Writing, person: str, values: dict[str, Any], consent: bool) -> None:
    """Tell a known person's row what it lacks; what it says already stays."""
    row = writing.connection.exec_driver_sql("SELECT * FROM person WHERE id = ?", (person,)).first()
    if row is None:
        raise NotFound("person_not_found", _("There is no such person here. They may have been removed meanwhile."))
    news = {field: value for field, value in values.items() if getattr(row, field) in (None, "")}
    if consent and any(values.get(field) for field in _CONTACTS):
        news["consent"] = "contact"
    if news:
        writing.change("person", person, **news)
