"""The member list as a table that knows all ids and fetches only the rows that are looked at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from sqlalchemy import Connection

from alumni_desk.desktop.dates import day_short
from alumni_desk.desktop.delegates import MUTED, PERSON, PILL
from alumni_desk.desktop.paint import Pill, tip
from alumni_desk.members.lists import EndedBy, MemberRow, all_members, best_of, rows_on
from alumni_desk.segments.lists import Expected, Seen, expected_on, seen_on
from alumni_desk.store.desk import Desk
from alumni_desk.store.finding import Found, Question
from alumni_desk.words import _

Index = QModelIndex | QPersistentModelIndex
BLOCK = 64
FIRST = BLOCK
"""So many are looked up while somebody types."""
COLUMNS = 5


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of the list with what it says beside the person."""

    row: MemberRow
    seen: Seen | None
    expected: Expected | None


def shown_rows(desk: Desk, ids: Sequence[str], today: date) -> list[Shown]:
    """The lines of some ids, in their order."""
    with desk.reading() as connection:
        return _shown_on(connection, ids, today)


def _shown_on(connection: Connection, ids: Sequence[str], today: date) -> list[Shown]:
    seen, expected = seen_on(connection, ids), expected_on(connection, ids, today)
    return [Shown(row, seen.get(row.id), expected.get(row.id)) for row in rows_on(connection, ids)]


@dataclass(frozen=True, slots=True)
class First:
    """The best answers to a question, and the lines of those that are seen at once."""

    query: str
    found: Found
    lines: list[Shown]


def first_of(desk: Desk, query: str, today: date, at_once: int) -> First:
    """The best answers to what was typed, without a word the first by name; with the lines of so many, which are seen at once."""
    with desk.reading() as connection:
        found = best_of(desk, connection, query, FIRST)
        return First(query, found, _shown_on(connection, found.ids[:at_once], today))


def rest_of(desk: Desk, question: Question | None, query: str, shown: Sequence[str], unwanted: Callable[[], bool],
            ended_by: EndedBy = lambda end: nullcontext()) -> list[str] | None:
    """Everybody who fits, those shown first as they stand; None if it is not wanted any more."""
    if question is None and query.strip():
        return []
    if question is not None and question.code is not None:
        return list(shown)
    ids = [] if question is None else list(shown)  # without a question by name, as what is shown
    there, lacking = set(ids), set(ids)
    for portion in all_members(desk, question, unwanted=unwanted, ended_by=ended_by):
        if unwanted():
            break
        if question is None:
            ids += portion
            continue
        # A portion at a time: what is done with 100,000 at once lets no other thread compute meanwhile.
        lacking.difference_update(portion)
        ids += [one for one in portion if one not in there]
        there.update(portion)
    if unwanted():
        return None
    return [one for one in ids[:len(shown)] if one not in lacking] + ids[len(shown):] if lacking else ids


def status_pill(shown: Shown) -> Pill | None:
    """The one thing that binds most: no contact, then what is broken, then wishes, then the next gathering."""
    row, codes = shown.row, shown.row.solicit_codes
    if row.deceased:
        return Pill("x", _("Deceased"), "muted")
    if "do_not_contact" in codes:
        return Pill("prohibit", _("No contact"), "danger")
    if row.email_fails:
        return Pill("warning", _("E-mail fails"), "warn")
    if row.several_emails:
        return Pill("git-merge", _("Two e-mails"), "warn")
    if codes:
        wishes = {"do_not_call": _("No calls"), "do_not_email": _("No e-mail"), "do_not_mail": _("No letters"), "do_not_solicit": _("Do not ask")}
        for code, words in wishes.items():
            if code in codes:
                return Pill("prohibit", words, "muted")
    if shown.expected is None:
        return None
    day = day_short(shown.expected.day)
    if shown.seen is not None and shown.seen.gathering == shown.expected.gathering:
        return Pill("door", _("Came {day}").format(day=day), "ok")
    return {"yes": Pill("check", _("Coming {day}").format(day=day), "ok"), "maybe": Pill("clock", _("Maybe {day}").format(day=day), "muted"),
            "no": Pill("x", _("Not coming"), "muted"), "waitlisted": Pill("hourglass", _("Waiting list"), "muted")}.get(
                shown.expected.status, Pill("clock", _("Not answered"), "muted"))


class MembersTable(QAbstractTableModel):
    """All ids, and the lines that have come so far. ``wanted(first)`` asks for the block of lines that begins there."""

    wanted = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._ids: list[str] = []
        self._before: list[str] = []
        self._lines: dict[str, Shown] = {}
        self._fresh: set[str] = set()
        self._asked: set[int] = set()
        self._places: dict[str, int] | None = None

    def set_ids(self, ids: list[str]) -> None:
        """Another list; lines that are known already stay, so that nothing flickers."""
        self.beginResetModel()
        self._ids = ids
        self._places = None
        self._asked.clear()
        self.endResetModel()

    def begin(self, ids: Sequence[str], lines: Sequence[Shown]) -> None:
        """The first of another list, with the lines that are seen at once."""
        self.beginResetModel()
        self._before, self._ids = max(self._before, self._ids, key=len), list(ids)
        self._places = None
        self._asked.clear()
        for line in lines:
            self._lines[line.row.id] = line
            self._fresh.add(line.row.id)
        self.endResetModel()

    def let_go(self) -> None:
        """Forget the list before, while nobody types: to free 100,000 ids takes 2 ms."""
        self._before = []

    def go_on(self, ids: Sequence[str]) -> None:
        """The rest of the list, behind what is shown."""
        if ids:
            first = len(self._ids)
            self.beginInsertRows(QModelIndex(), first, first + len(ids) - 1)
            self._ids.extend(ids)
            self._places = None
            self._asked.discard(first - first % BLOCK)  # it was not full when it was asked for
            self.endInsertRows()

    def ids(self) -> list[str]:
        """Whom the list holds, in its order."""
        return self._ids

    def forget(self, members: Collection[str] | None = None) -> None:
        """These (without: all) may have changed: fetch them again when they are looked at, showing the old lines until the new ones come."""
        self._asked.clear()
        if members is None:
            self._fresh.clear()
            if self._ids:
                self.dataChanged.emit(self.index(0, 0), self.index(len(self._ids) - 1, COLUMNS - 1))
        else:
            self._fresh.difference_update(members)
            for row in (self.row_of(member) for member in members):
                if row >= 0:
                    self.dataChanged.emit(self.index(row, 0), self.index(row, COLUMNS - 1))

    def block(self, first: int) -> list[str]:
        """The ids of the block that begins at ``first``."""
        return self._ids[first:first + BLOCK]

    def take(self, lines: Sequence[Shown]) -> None:
        """Lines that were asked for."""
        for line in lines:
            self._lines[line.row.id] = line
            self._fresh.add(line.row.id)
        if self._ids:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._ids) - 1, COLUMNS - 1))

    def id_at(self, row: int) -> str | None:
        """Who stands in a line."""
        return self._ids[row] if 0 <= row < len(self._ids) else None

    def row_of(self, member: str) -> int:
        """In which line somebody stands; -1 for none."""
        if self._places is None:
            self._places = {one: place for place, one in enumerate(self._ids)}
        return self._places.get(member, -1)

    def line(self, member: str) -> Shown | None:
        """The line of somebody, if it has come."""
        return self._lines.get(member)

    def shown_at(self, row: int) -> Shown | None:
        """What stands in a line, if it has come; else it is asked for, with those round it."""
        member = self._ids[row]
        if member not in self._fresh:
            first = row - row % BLOCK
            if first not in self._asked:
                self._asked.add(first)
                self.wanted.emit(first)
        return self._lines.get(member)

    def match(self, start: Index, role: int, value: Any, hits: int = 1, flags: Qt.MatchFlag = Qt.MatchFlag.MatchStartsWith) -> list[QModelIndex]:
        """Whose name begins with the letters typed in the list, among the lines that have come: Qt would ask for each of 100,000, for seconds."""
        wanted, first = str(value).casefold(), max(start.row(), 0)
        for row in chain(range(first, len(self._ids)), range(first)):
            shown = self._lines.get(self._ids[row])
            if shown is not None and shown.row.name.casefold().startswith(wanted):
                return [self.index(row, max(start.column(), 0))]
        return []

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._ids)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else COLUMNS

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return (_("Name"), _("Class"), _("City"), _("Last seen"), _("Status"))[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        shown = self.shown_at(index.row())
        if shown is None:
            return None
        row, column = shown.row, index.column()
        if role == PERSON and column == 0:
            return (row.disc or " ", row.name, row.other_script_name or "")
        if role == PILL and column == 4:
            return status_pill(shown)
        if role == MUTED:
            return column == 3
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            pill = status_pill(shown)
            return (row.name, row.class_label, row.city or "", day_short(shown.seen.day) if shown.seen else "",
                    (pill.word if pill else "") if role == Qt.ItemDataRole.AccessibleTextRole else None)[column]
        if role == Qt.ItemDataRole.ToolTipRole:
            pill = status_pill(shown)
            return tip((row.name, row.class_label, row.city, shown.seen.name if shown.seen else None, pill.word if pill else None)[column] or "") or None
        return None
