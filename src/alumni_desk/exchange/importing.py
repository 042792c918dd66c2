"""Imports a list of members: one action, one transaction, nothing changed when it is cancelled or only tried."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from alumni_desk.errors import BadInput, KnownError
from alumni_desk.exchange.cleaning import DateOrder
from alumni_desk.exchange.mapping import MANY, Entry, as_json, entry_maker
from alumni_desk.exchange.matching import Index, differences, known_fields, match
from alumni_desk.exchange.reading import Row, Table, read_table
from alumni_desk.exchange.recognise import KINDS, Recognised, asks, recognise
from alumni_desk.exchange.rejects import Rejects, written_whole
from alumni_desk.protocol.ids import uuid7
from alumni_desk.store.desk import Changed, Desk, Writing
from alumni_desk.words import _

_AT_ONCE = 400  # rows looked up and written together
_NAMED_REJECTS = 200

Progress = Callable[[int, int], object]


class Cancelled(KnownError):
    """The import was cancelled; nothing was changed."""


@dataclass(frozen=True)
class Reject:
    """A row that was not imported, by its number in the file, and why."""

    row: int
    reason: str


@dataclass(frozen=True)
class ImportResult:
    """What an import did, or would do. ``added + updated + unchanged + rejected == rows``.

    ``left_out``: heading to number of cells without a usable value (a date that is none, a bad address).
    ``rejects``: the first of them; the file has all. ``guests``: new people of a guest list.
    """

    recognised: Recognised
    rows: int = 0
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    guests: int = 0
    rejects: tuple[Reject, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    changed: Changed | None = None

    @property
    def unmapped(self) -> tuple[str, ...]:
        """Headings of the columns that were not read."""
        return self.recognised.unmapped


def examine(path: Path | str, as_: str | None = None) -> tuple[Table, Recognised]:
    """The table in a file and what its columns mean, before anything is imported. ``as_``: one of KINDS."""
    if as_ is not None and as_ not in KINDS:
        raise BadInput("import_unknown_kind", _("There is no kind of file called {kind}. Choose one of: {kinds}."),
                       kind=as_, kinds=", ".join(KINDS))
    table = read_table(path)
    recognised = recognise(table.headers, table.sample(), as_)
    who = {"full_name", "first_name", "last_name", "preferred_name", "other_script_name", "email"}
    if not who & {column.target for column in recognised.columns}:
        raise BadInput("import_nobody", _("{file} has no column with names or e-mail addresses. "
                       "Name the columns in its first line, for example First Name, Last Name, E-mail."), file=table.name)
    return table, recognised


def people(table: Table, recognised: Recognised, count: int = 50) -> list[Entry]:
    """The first people as they will be, for the preview."""
    make = entry_maker(recognised, date.today())
    return [make(row.cells) for row in islice((row for row in table.rows() if row.problem is None), count)]


def dry_run(desk: Desk, path: Path | str, as_: str | None = None, *, recognised: Recognised | None = None,
            order: DateOrder | None = None, rejects: Path | None = None, progress: Progress | None = None,
            cancelled: Callable[[], bool] | None = None) -> ImportResult:
    """What ``run_import`` would do, found by doing it and taking it all back."""
    return _import(desk, path, as_, recognised, order, rejects, progress, cancelled, keep=False)


def run_import(desk: Desk, path: Path | str, as_: str | None = None, *, recognised: Recognised | None = None,
               order: DateOrder | None = None, rejects: Path | None = None, progress: Progress | None = None,
               cancelled: Callable[[], bool] | None = None) -> ImportResult:
    """Imports a list of members.

    ``recognised``: columns as somebody confirmed them; ``order``: which of 03/04 is the day, where the file asks;
    ``progress(rows_done, rows_estimated)``; ``cancelled()`` is asked now and then. Raises BadInput, Cancelled.
    """
    return _import(desk, path, as_, recognised, order, rejects, progress, cancelled, keep=True)


class _TakeBack(Exception):
    """Ends the transaction of a dry run."""


def _import(desk: Desk, path: Path | str, as_: str | None, recognised: Recognised | None, order: DateOrder | None,
            rejects: Path | None, progress: Progress | None, cancelled: Callable[[], bool] | None,
            *, keep: bool) -> ImportResult:
    table, found = (read_table(path), recognised) if recognised else examine(path, as_)
    if len(found.columns) != len(table.headers):
        raise BadInput("import_file_changed", _("{file} has changed since it was chosen. Choose it again."),
                       file=table.name)
    if order:
        found = found.with_order(order)
    result = ImportResult(found)
    with ExitStack() as files:
        file = None
        if rejects is not None:
            file = Rejects(files.enter_context(written_whole(Path(rejects), "utf-8-sig")), table.headers, found)
        try:
            with desk.writing("import", queue="load") as writing:
                run_id = _begin(writing, table, found)
                members = Members(writing, has_education=_has_education(found))
                result = take_rows(table, found, members.take, members.flush, file, progress, cancelled)
                writing.change("import_run", run_id, rows=result.rows, added=result.added, updated=result.updated,
                               unchanged=result.unchanged, rejected=result.rejected, finished_at=_now(writing),
                               complete=True)
                if not keep:
                    raise _TakeBack
        except _TakeBack:
            return result
    return replace(result, changed=writing.changed)


def _begin(writing: Writing, table: Table, recognised: Recognised) -> str:
    mapping = {column.heading: column.target for column in recognised.columns if column.target}
    return writing.add("import_run", file_name=table.name, file_hash=table.sha256, recognised=recognised.kind,
                       mapping=json.dumps(mapping, ensure_ascii=False, sort_keys=True, separators=(",", ":")),
                       started_at=_now(writing), complete=False)


def _now(writing: Writing) -> str:
    return writing.now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{writing.now.microsecond // 1000:03d}Z"


def _has_education(recognised: Recognised) -> bool:
    return bool({"school", "degree", "major", "education_year"} & {column.target for column in recognised.columns})


def take_rows(table: Table, recognised: Recognised, take: Callable[[list[Entry]], list[str]],
              flush: Callable[[], None], file: Rejects | None, progress: Progress | None,
              cancelled: Callable[[], bool] | None) -> ImportResult:
    """Passes the file's people on in batches and counts what became of them.

    ``take`` gives for each entry "added", "updated" or "unchanged"; ``flush`` writes a batch.
    """
    make = entry_maker(recognised, date.today())
    estimate = table.estimate() if progress else 0
    counts: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    named: list[Reject] = []
    done = 0
    rows = table.rows()
    while batch := list(islice(rows, _AT_ONCE)):
        if cancelled is not None and cancelled():
            raise Cancelled("import_cancelled", _("The import was cancelled. Nothing was changed."))
        entries = []
        for row in batch:
            entry = make(row.cells) if row.problem is None else Entry({}, problem=row.problem)
            if entry.problem is None:
                entries.append(entry)
                left_out.update(entry.left_out)
            else:
                _reject(row, entry.problem, named, file)
                counts["rejected"] += 1
        counts.update(take(entries))
        flush()
        done += len(batch)
        if progress is not None:
            progress(done, max(done, estimate))
    return ImportResult(recognised, done, counts["added"], counts["updated"], counts["unchanged"], counts["rejected"],
                        rejects=tuple(named), left_out=dict(left_out))


def _reject(row: Row, reason: str, named: list[Reject], file: Rejects | None) -> None:
    if len(named) < _NAMED_REJECTS:
        named.append(Reject(row.number, reason))
    if file is not None:
        file.add(row, reason)


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
        self._has_education = has_education
        self._person, self._education = writing.tables["person"], writing.tables["education"]
        self._columns = [column.name for column in self._person.columns if column.name not in ("clock", "clocks", "scope")]
        self.index.load(writing.connection, self._person)

    def load(self, entries: Sequence[Entry]) -> None:
        """Loads whoever the entries may be about."""
        wanted = {id_ for entry in entries for id_ in self.index.candidates(entry.fields)} - self.known.keys()
        columns = [self._person.c[name] for name in self._columns]
        for some in _batches(sorted(wanted), 500):
            rows = self.writing.connection.execute(sa.select(*columns).where(self._person.c.id.in_(some))).mappings()
            for row in rows:
                self.known[row["id"]] = Known(known_fields(row), [])
            if self._has_education:
                query = sa.select(self._education).where(self._education.c.person.in_(some),
                                                         self._education.c.gone.is_(False))
                for school in self.writing.connection.execute(query).mappings():
                    self.known[school["person"]].educations.append(dict(school))

    def match(self, entry: Entry) -> str | None:
        """The id of the person that the entry is about, if there is one."""
        candidates = self.index.candidates(entry.fields)
        if not candidates:
            return None
        return match(entry.fields, [(id_, self.known[id_].fields) for id_ in candidates if id_ in self.known], self.index)

    def add(self, entry: Entry, **more: Any) -> str:
        """A new person of the entry's values."""
        person_id = uuid7()
        fields = {**entry.fields, **more}
        schools = [{**school, "id": uuid7(), "person": person_id} for school in entry.educations]
        self.known[person_id] = Known(fields, schools, new=True, new_educations=list(schools))
        self.index.add(person_id, fields)
        self.index.claim(person_id)
        return person_id

    def flush(self) -> None:
        """Writes what the batch has changed and forgets the batch."""
        added, schools = [], []
        for person_id, known in self.known.items():
            if known.new:
                added.append({"id": person_id, **_written(known.fields)})
            elif known.changes:
                self.writing.change("person", person_id, **_written(known.changes))
            schools += known.new_educations
            for school_id, changes in known.education_changes.items():
                self.writing.change("education", school_id, **changes)
        if added:
            self.writing.add_many("person", _even(added))
        if schools:
            self.writing.add_many("education", _even(schools))
        self.known.clear()


class Members(People):
    """Rows become members: new ones are added, known ones updated where the row says something else."""

    def take(self, entries: list[Entry]) -> list[str]:
        """What became of each entry: added, updated, unchanged."""
        self.load(entries)
        return [self._take(entry) for entry in entries]

    def _take(self, entry: Entry) -> str:
        found = self.match(entry)
        if found is None:
            more: dict[str, Any] = {"standing": "member"}
            if "constituent_codes" not in entry.fields and ("class_year" in entry.fields or entry.educations):
                more["constituent_codes"] = ["alumnus"]
            self.add(entry, **more)
            return "added"
        known = self.known[found]
        fields = entry.fields
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
            self.index.add(found, known.fields)
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
    return {name: as_json(value) if name in MANY and value is not None else value for name, value in fields.items()}


def _even(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that all have the same fields, as executemany wants them."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [{name: row.get(name) for name in names} for row in rows]


def _batches(items: Sequence[str], size: int) -> list[Sequence[str]]:
    return [items[at:at + size] for at in range(0, len(items), size)]


def questions(recognised: Recognised) -> list[str]:
    """Headings of date columns that still ask which number is the day and have no likelier answer."""
    return [column.heading for column in recognised.columns if asks(column) and column.order is None]
