"""Imports a list of members: one action, one transaction, nothing changed when it is cancelled or only tried."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from pathlib import Path

from alumni_desk.errors import BadInput, KnownError
from alumni_desk.exchange.cleaning import DateOrder
from alumni_desk.exchange.mapping import Entry, entry_maker
from alumni_desk.exchange.people import Members
from alumni_desk.exchange.reading import Row, Table, read_table
from alumni_desk.exchange.recognise import KINDS, Recognised, asks, recognise, settle_dates
from alumni_desk.exchange.rejects import Rejects, rejects_file
from alumni_desk.store.desk import Desk
from alumni_desk.store.writing import Changed, Writing
from alumni_desk.words import _

_AT_ONCE = 400  # rows looked up and written together
_NAMED_REJECTS = 200
_OUTCOMES = frozenset({"added", "updated", "unchanged"})

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
                       "Name the columns in its first line, for example First Name, Last Name, E-mail."),
                       file=table.name)
    return table, settle_dates(recognised, (row.cells for row in table.rows() if row.problem is None))


def examined(path: Path | str, as_: str | None = None) -> tuple[Table, Recognised]:
    """As ``examine``, where nobody is asked about the columns: the file must say by itself what they are."""
    table, recognised = examine(path, as_)
    if not table.has_headings:
        raise BadInput("import_no_headings", _("The first line of {file} looks like a person, not like headings. Put a line of headings above it, "
                       "for example First Name, Last Name, E-mail, and import it again. Nothing was imported."), file=table.name)
    return table, recognised


def chosen(path: Path | str, as_: str | None, recognised: Recognised | None) -> tuple[Table, Recognised]:
    """The table in a file with its columns as somebody confirmed them, or as the file says. Raises BadInput if it has other columns by now."""
    if recognised is None:
        return examined(path, as_)
    table = read_table(path)
    if table.headers != tuple(column.heading for column in recognised.columns):
        raise BadInput("import_file_changed", _("{file} has changed since it was chosen. Choose it again."), file=table.name)
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
    """Ends the transaction of a dry run, or of an import that found everybody as they are."""


def _import(desk: Desk, path: Path | str, as_: str | None, recognised: Recognised | None, order: DateOrder | None,
            rejects: Path | None, progress: Progress | None, cancelled: Callable[[], bool] | None,
            *, keep: bool) -> ImportResult:
    table, found = chosen(path, as_, recognised)
    if order:
        found = found.with_order(order)
    result = ImportResult(found)
    with ExitStack() as files:
        file = files.enter_context(rejects_file(rejects, table, found)) if rejects is not None else None
        try:
            with desk.writing("import", queue="load") as writing:
                run_id = _begin(writing, table, found)
                members = Members(writing, has_education=_has_education(found))
                result = take_rows(table, found, members.take, members.flush, file, progress, cancelled)
                writing.change("import_run", run_id, rows=result.rows, added=result.added, updated=result.updated,
                               unchanged=result.unchanged, rejected=result.rejected, finished_at=_now(writing),
                               complete=True)
                if not keep or not result.added + result.updated:  # what changes nobody is nothing that was done, or could be undone
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

    ``take`` gives for each entry "added", "updated" or "unchanged", or why it cannot be used; ``flush`` writes a batch.
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
        entries, taken = [], []
        for row in batch:
            entry = make(row.cells) if row.problem is None else Entry({}, problem=row.problem)
            if entry.problem is None:
                entries.append(entry)
                taken.append(row)
                left_out.update(entry.left_out)
            else:
                _reject(row, entry.problem, named, file)
                counts["rejected"] += 1
        for row, outcome in zip(taken, take(entries), strict=True):
            if outcome not in _OUTCOMES:
                _reject(row, outcome, named, file)
            counts[outcome if outcome in _OUTCOMES else "rejected"] += 1
        flush()
        done += len(batch)
        if progress is not None:
            progress(done, max(done, estimate))
    if file is not None:
        file.to_disk()  # before the commit: if there is no room for it, nothing is imported
    return ImportResult(recognised, done, counts["added"], counts["updated"], counts["unchanged"], counts["rejected"],
                        rejects=tuple(named), left_out=dict(left_out))


def _reject(row: Row, reason: str, named: list[Reject], file: Rejects | None) -> None:
    if len(named) < _NAMED_REJECTS:
        named.append(Reject(row.number, reason))
    if file is not None:
        file.add(row, reason)


def questions(recognised: Recognised) -> list[str]:
    """Headings of date columns that still ask which number is the day and have no likelier answer."""
    return [column.heading for column in recognised.columns if asks(column) and column.order is None]
