"""Works through a batch of rows against everybody in the desk: who is new, who changes, what is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from alumni_desk.exchange.mapping import ADDRESS, MANY, Entry, as_json
from alumni_desk.exchange.matching import Candidate, Index, differences, keys, known_fields, match
from alumni_desk.protocol.ids import uuid7
from alumni_desk.store.writing import Writing

_ALWAYS = ("standing", "first_name", "last_name", "preferred_name", "other_script_name", "class_year", "email",
           "email_status", "other_emails", "external_ids", "deceased", *ADDRESS)
_SCHOOL = ("id", "person", "school", "degree", "major", "class_year", "is_primary", "name_at_graduation")


@dataclass(slots=True)
class Known:
    """A person while a batch is worked on: values as they will be, and what has to be written."""

    fields: dict[str, Any]
    educations: list[dict[str, Any]]
    new: bool = False
    changes: dict[str, Any] = field(default_factory=dict)
    new_educations: list[dict[str, Any]] = field(default_factory=list)
    education_changes: dict[str, dict[str, Any]] = field(default_factory=dict)


class People:
    """Everybody in the desk as a batch of rows needs them: found by keys, loaded in one go, written in one go."""

    def __init__(self, writing: Writing, *, has_education: bool) -> None:
        self.writing = writing
        self.index = Index()
        self.known: dict[str, Known] = {}
        self._parts: dict[str, dict[str, Any]] = {}  # what the entries say that are part of theirs
        self._has_education = has_education
        self._person, self._education = writing.tables["person"], writing.tables["education"]
        self.index.load(writing.connection, self._person)

    def load(self, entries: Sequence[Entry]) -> None:
        """Loads whoever the entries may be about."""
        for entry in entries:
            entry.keys = keys(entry.fields)
        wanted = {id_ for entry in entries for id_ in self.index.candidates(entry.keys)} - self.known.keys()
        if not wanted:
            return
        names = sorted({*_ALWAYS, *(name for entry in entries for name in entry.fields)})
        people = sa.select(self._person.c.id, *[self._person.c[name] for name in names])
        schools = sa.select(*[self._education.c[name] for name in _SCHOOL])
        parts = {part for id_ in wanted for part in self.index.parts.get(id_, ())}
        for some in _batches(sorted(wanted | parts), 500):
            for id_, *values in self.writing.connection.execute(people.where(self._person.c.id.in_(some))):
                fields = known_fields(dict(zip(names, values, strict=True)))
                if id_ in parts:
                    self._parts[id_] = fields
                else:
                    self.known[id_] = Known(fields, [])
            if self._has_education:
                query = schools.where(self._education.c.person.in_(some), self._education.c.gone.is_(False))
                for school in self.writing.connection.execute(query.order_by(self._education.c.id)):
                    if school.person in self.known:
                        self.known[school.person].educations.append(dict(zip(_SCHOOL, school, strict=True)))

    def match(self, entry: Entry) -> Candidate | None:
        """The person that the entry is about, if there is one, and by what they were known: their entry, or one that is part of it."""
        loaded = []
        for id_ in self.index.candidates(entry.keys):
            if id_ in self.known:
                loaded += [(id_, self.known[id_].fields), *((id_, self._parts[part]) for part in self.index.parts.get(id_, ()) if part in self._parts)]
        return match(entry.fields, loaded, self.index) if loaded else None

    def add(self, entry: Entry, **more: Any) -> str:
        """A new person of the entry's values."""
        person_id = uuid7()
        fields = {**entry.fields, **more}
        schools = [{**school, "id": uuid7(), "person": person_id} for school in entry.educations]
        self.known[person_id] = Known(fields, schools, new=True, new_educations=list(schools))
        self.index.add(person_id, entry.keys)
        self.index.claim(person_id)
        return person_id

    def flush(self) -> None:
        """Writes what the batch has changed and forgets the batch."""
        added = {person_id: known.fields for person_id, known in self.known.items() if known.new}
        schools: list[dict[str, Any]] = []
        for person_id, known in self.known.items():
            if known.changes and not known.new:
                self.writing.change("person", person_id, **_written(known.changes))
            schools += known.new_educations
            for school_id, changes in known.education_changes.items():
                self.writing.change("education", school_id, **changes)
        if added:
            names = dict.fromkeys(name for fields in added.values() for name in fields)
            self.writing.add_many("person", [{"id": person_id, **dict.fromkeys(names), **_written(fields)}
                                             for person_id, fields in added.items()])
        if schools:
            self.writing.add_many("education", _even(schools))
        self.known.clear()
        self._parts.clear()


class Members(People):
    """Rows become members: new ones are added, known ones updated where the row says something else."""

    def take(self, entries: list[Entry]) -> list[str]:
        """What became of each entry: added, updated, unchanged."""
        self.load(entries)
        return [self._take(entry) for entry in entries]

    def _take(self, entry: Entry) -> str:
        candidate = self.match(entry)
        if candidate is None:
            more: dict[str, Any] = {"standing": "member"}
            if "constituent_codes" not in entry.fields and ("class_year" in entry.fields or entry.educations):
                more["constituent_codes"] = ["alumnus"]
            self.add(entry, **more)
            return "added"
        found, known_by = candidate
        known = self.known[found]
        fields = entry.fields
        if known_by is not known.fields:  # what an entry said that was merged is no news: whoever merged them has decided what counts
            news = differences(fields, known_by)
            moved = not news.keys().isdisjoint(ADDRESS)  # an address is news as a whole, or not at all
            fields = {name: value for name, value in fields.items() if name in news or (moved and name in ADDRESS)}
        if self.index.claimed(found) and known.fields.get("class_year") and "class_year" in fields:
            # a second row with another degree of the same person: the first one keeps the class year
            fields = {name: value for name, value in fields.items() if name != "class_year"}
        self.index.claim(found)
        changes = differences(fields, known.fields)
        if known.fields.get("standing") != "member":
            changes["standing"] = "member"
        schools = _merge_schools(entry.educations, known, found)
        if changes:
            known.fields.update(changes)
            known.changes.update(changes)
            self.index.add(found, keys(known.fields))
        return "updated" if changes or schools else "unchanged"


def _merge_schools(schools: list[dict[str, Any]], known: Known, person_id: str) -> bool:
    """Adds degrees that the person has not, fills gaps in those that fit; whether anything changed."""
    changed = False
    for school in schools:
        fitting = next((has for has in known.educations if _one_degree(school, has)), None)
        if fitting is None:
            row = {**school, "id": uuid7(), "person": person_id}
            known.educations.append(row)
            known.new_educations.append(row)
            changed = True
            continue
        gaps = {name: value for name, value in school.items() if fitting.get(name) is None}
        if gaps:
            fitting.update(gaps)
            if fitting not in known.new_educations:
                known.education_changes.setdefault(fitting["id"], {}).update(gaps)
            changed = True
    return changed


def _one_degree(school: Mapping[str, Any], has: Mapping[str, Any]) -> bool:
    same = 0
    for name in ("school", "degree", "major", "class_year"):
        ours, theirs = school.get(name), has.get(name)
        if ours is None or theirs is None:
            continue
        if str(ours).casefold() != str(theirs).casefold():
            return False
        same += 1
    return same > 0


def _written(fields: Mapping[str, Any]) -> dict[str, Any]:
    written = dict(fields)
    for name in MANY:
        if written.get(name) is not None:
            written[name] = as_json(written[name])
    return written


def _even(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that all have the same fields, as executemany wants them."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in names} for row in rows]


def _batches(items: Sequence[str], size: int) -> list[Sequence[str]]:
    return [items[at:at + size] for at in range(0, len(items), size)]
