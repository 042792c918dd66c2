"""Imports a guest list into a gathering: known people are registered, unknown ones become guests, not members."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from alumni_desk.exchange.importing import ImportResult, Progress, chosen, take_rows
from alumni_desk.exchange.mapping import Entry
from alumni_desk.exchange.people import People
from alumni_desk.exchange.recognise import Recognised
from alumni_desk.exchange.rejects import rejects_file
from alumni_desk.gatherings.actions import refuse_cancelled
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.roots import stand_in
from alumni_desk.protocol.codes import badge_code_of
from alumni_desk.store.desk import Desk
from alumni_desk.store.search import fold
from alumni_desk.store.writing import Writing
from alumni_desk.words import _


@dataclass(frozen=True)
class Likely:
    """A name in the file without an address that proves it, and the one member who is called just so."""

    key: str
    name: str
    member: str
    class_year: int | None


@dataclass(frozen=True)
class GuestsTried:
    """What an import of guests would do; ``likely``: who among ``result.guests`` may be a member after all."""

    result: ImportResult
    likely: tuple[Likely, ...]


class _TakeBack(Exception):
    """Ends the transaction of a try."""


def try_guests(desk: Desk, gathering_id: str, path: Path | str, as_: str | None = None, *, rejects: Path | None = None,
               progress: Progress | None = None, cancelled: Callable[[], bool] | None = None) -> GuestsTried:
    """What ``import_guests`` would do, found by doing it and taking it all back. Raises as it does."""
    return _import(desk, gathering_id, path, as_, None, rejects, progress, cancelled, {}, keep=False)


def import_guests(desk: Desk, gathering_id: str, path: Path | str, as_: str | None = None, *,
                  recognised: Recognised | None = None, rejects: Path | None = None, progress: Progress | None = None,
                  cancelled: Callable[[], bool] | None = None, same: Mapping[str, str] | None = None) -> ImportResult:
    """Registers the people of a file for a gathering; ``guests`` counts those who were new to the desk.

    Counts are of registrations. The answer is the file's (attending, refunded …), else yes for a new registration; one that nobody understands is none.
    ``same``: names (``Likely.key``) that somebody has said are this member.
    """
    return _import(desk, gathering_id, path, as_, recognised, rejects, progress, cancelled, same or {}, keep=True).result


def _import(desk: Desk, gathering_id: str, path: Path | str, as_: str | None, recognised: Recognised | None, rejects: Path | None,
            progress: Progress | None, cancelled: Callable[[], bool] | None, same: Mapping[str, str], *, keep: bool) -> GuestsTried:
    table, found = chosen(path, as_, recognised)
    with ExitStack() as files:
        file = files.enter_context(rejects_file(rejects, table, found)) if rejects is not None else None
        try:
            with desk.writing("guests_added", gathering=gathering_id) as writing:
                refuse_cancelled(writing, gathering_id)
                guests = Guests(writing, gathering_id, same)
                result = take_rows(table, found, guests.take, guests.write, file, progress, cancelled)
                result = replace(result, guests=guests.new_people)
                likely = guests.likely()
                if not keep:
                    raise _TakeBack
        except _TakeBack:
            return GuestsTried(result, likely)
    return GuestsTried(replace(result, changed=writing.changed), likely)


class Guests(People):
    """Rows become registrations of one gathering."""

    def __init__(self, writing: Writing, gathering_id: str, same: Mapping[str, str]) -> None:
        super().__init__(writing, has_education=False)
        self.new_people = 0
        self._same = same
        self._unknown: dict[str, tuple[str, int | None]] = {}
        self._named: Counter[str] = Counter()
        self._gathering = gathering_id
        self._registration = writing.tables["registration"]
        self._new: dict[str, dict[str, Any]] = {}
        self._changes: dict[str, dict[str, Any]] = {}

    def take(self, entries: list[Entry]) -> list[str]:
        """What became of each entry's registration: added, updated, unchanged, or why there is none."""
        self.load(entries)
        people: list[str | None] = []
        for entry in entries:
            candidate = self.match(entry)
            found = candidate[0] if candidate else None
            if found is None and not entry.fields.get("deceased"):
                found = self._said_to_be(entry)
                if found is None:
                    found = self.add(replace(entry, educations=[]), standing="guest")
                    self.new_people += 1
            if found is not None:
                self.index.claim(found)
            people.append(found)
        # Somebody may be on the list by an entry that is part of theirs by now.
        places = [[registration_id(self._gathering, one) for one in (person, *self.index.parts.get(person, ()))] if person is not None else []
                  for person in people]
        table = self._registration
        query = sa.select(table.c.id, table.c.status, table.c.gone).where(table.c.id.in_([one for some in places for one in some]))
        there = {row.id: {"status": row.status, "gone": row.gone} for row in self.writing.connection.execute(query)}
        return [self._answer(entry, person, some, there) for entry, person, some in zip(entries, people, places, strict=True)]

    def _answer(self, entry: Entry, person: str | None, places: list[str], there: dict[str, dict[str, Any]]) -> str:
        """Note an answer wherever somebody is on the list, else put them there. Returns what became of it, or why nothing did."""
        if person is None:
            return _("has died, says the file")
        on_it = [one for one in places if one in there and not there[one]["gone"]]
        if not on_it and person in self.known and self.known[person].fields.get("deceased"):
            return _("has died, says the member list")
        on_it = on_it or places[:1]
        found = {self._register(entry, person, one, there) for one in on_it}
        return next(one for one in ("added", "updated", "unchanged") if one in found)

    def _said_to_be(self, entry: Entry) -> str | None:
        """Who somebody has said this is. A name that nobody knows is remembered."""
        name = " ".join(str(entry.fields[part]) for part in ("first_name", "last_name") if entry.fields.get(part))
        key = fold(name)
        if " " not in key:
            return None
        self._unknown.setdefault(key, (name, entry.fields.get("class_year")))
        self._named[key] += 1
        member = self._same.get(key)
        return None if member is None else self.index.listed_as(member)  # merged or removed since it was asked, perhaps

    def likely(self) -> tuple[Likely, ...]:
        """Names that nobody knew, once in the file and borne by exactly one member (of the same class, where both say one). Entries that were merged are one
        member."""
        once = {key for key, times in self._named.items() if times == 1}
        bearers: dict[str, dict[str, int | None]] = defaultdict(dict)
        stands_in = stand_in(self.writing.connection)
        person = self._person
        query = sa.select(person.c.id, person.c.first_name, person.c.preferred_name, person.c.last_name, person.c.class_year).where(
            person.c.standing == "member", person.c.gone.is_(False), person.c.deceased.is_not(True))
        for row in self.writing.connection.execute(query) if once else ():
            for first in {row.first_name, row.preferred_name} - {None}:
                key = fold(f"{first} {row.last_name or ''}".strip())
                root = stands_in.get(row.id, row.id)
                if key in once and root is not None:
                    bearers[key][root] = row.class_year if root == row.id else bearers[key].get(root, row.class_year)
        found = []
        for key, members in bearers.items():
            name, year = self._unknown[key]
            [(member, their_year), *others] = members.items()
            if not others and (year is None or their_year is None or year == their_year):
                found.append(Likely(key, name, member, their_year))
        return tuple(sorted(found, key=lambda one: one.key))

    def _register(self, entry: Entry, person: str, id_: str, there: dict[str, dict[str, Any]]) -> str:
        before = there.get(id_)
        answered = f"{self.writing.now:%Y-%m-%dT%H:%M:%S}.{self.writing.now.microsecond // 1000:03d}Z"
        new = entry.answer or ("invited" if entry.unclear else "yes")
        if before is None:
            status = new
            there[id_] = {"status": status, "gone": False}
            self._new[id_] = {"id": id_, "gathering": self._gathering, "person": person, "status": status,
                              "answered_at": None if status == "invited" else answered, "code": badge_code_of(id_),
                              "walk_in": False}
            return "added"
        wanted = new if before["gone"] else entry.answer or before["status"]
        if wanted == before["status"] and not before["gone"]:
            return "unchanged"
        if id_ in self._new:
            self._new[id_].update(status=wanted, answered_at=None if wanted == "invited" else answered)
        else:
            changes = self._changes.setdefault(id_, {})
            changes.update(status=wanted, answered_at=None if wanted == "invited" else answered)
            if before["gone"]:
                changes.update(gone=False, walk_in=False)
        there[id_] = {"status": wanted, "gone": False}
        return "updated"

    def write(self) -> None:
        """Writes the batch: people first, then their registrations."""
        self.flush()
        if self._new:
            self.writing.add_many("registration", list(self._new.values()))
        for id_, changes in self._changes.items():
            self.writing.change("registration", id_, **changes)
        self._new.clear()
        self._changes.clear()
