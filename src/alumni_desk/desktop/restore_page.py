"""Going back to a backup: which there are, what each holds beside what is here now, and what will happen. The present data is the way back."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, QStandardPaths, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QSizePolicy, QTableView, QVBoxLayout, QWidget
from shiboken6 import isValid

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.desktop.compared_sheet import ComparedSheet
from alumni_desk.desktop.controls import Button, Elided, Label, Link, hairline
from alumni_desk.desktop.dates import day_long, day_short, first_upper, month_long, weekday_short
from alumni_desk.desktop.deeds import Deed
from alumni_desk.desktop.delegates import MUTED, RowDelegate, dress_table
from alumni_desk.desktop.fonts import font_of, px
from alumni_desk.desktop.icons import paint_icon
from alumni_desk.desktop.pages import EmptyPage, Go, Page
from alumni_desk.desktop.paint import paint_text, tip
from alumni_desk.desktop.tokens import Colours
from alumni_desk.desktop.widgets import IconLine, Scroll, keyboard_of
from alumni_desk.errors import KnownError
from alumni_desk.segments.comparing import Compared, compare
from alumni_desk.store import backup, backup_folders, backup_head
from alumni_desk.store.backup_head import Backup
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, ngettext, number, with_year

Index = QModelIndex | QPersistentModelIndex
RestoreIt = Callable[[Backup], None]
SPEED = 8_000_000
"""Bytes a second that a restore gets through on a slow laptop, for the word about how long it takes."""

WHEN, WHY, MEMBERS, GATHERINGS, SIZE, EDGE = range(6)


@dataclass(frozen=True)
class Present:
    """What is here now, to compare with."""

    members: int
    gatherings: int
    check_ins: int
    waiting: int
    alone: bool
    erased: tuple[str, ...]  # when somebody was erased, of each


@dataclass(frozen=True)
class Seen:
    """All that the page shows. ``present``: None if the database cannot be read any more."""

    backups: list[Backup]
    present: Present | None
    folder: Path
    troubles: tuple[str, ...] = ()  # what stands in the way of backups, a sentence each
    gone: bool = False  # the one that was opened from elsewhere


def look_around(desk: Desk, other: Path | None = None) -> Seen:
    """The backups by their heads, and what is here now, as far as that can be read. ``other``: one that was opened from elsewhere."""
    try:
        present = _present(desk)
    except KnownError as problem:
        if problem.code != "database_damaged":
            raise
        present = None
    return Seen(backup_folders.backups(desk.profile, desk.key), present, backup_folders.folder_in_use(desk.profile),
                tuple(backup_folders.trouble_words(desk.profile, folder_words)), other is not None and not os.path.lexists(other))


def _present(desk: Desk) -> Present:
    from alumni_desk.sync import engine

    with desk.reading() as connection:
        members, gatherings, check_ins = (int(connection.exec_driver_sql(f"SELECT count(*) FROM {question}").scalar() or 0) for question in (
            backup.MEMBERS, "gathering WHERE NOT gone", backup.CHECK_INS))
        standing = engine.standing(connection)
        erased = tuple(connection.exec_driver_sql("SELECT at FROM erased").scalars())
    return Present(members, gatherings, check_ins, standing.waiting, standing.state == "alone", erased)


def why_words(one: Backup) -> tuple[str, str]:
    """Why a backup was made, and what else is known of that."""
    if one.why == "before_import":
        return _("Before import"), one.note
    if one.why == "before_update":
        return _("Before update"), _("to {version}").format(version=one.note) if one.note else ""
    if one.why == "before_restore":
        return _("Before going back"), ""
    if one.why == "by_hand":
        return _("By hand"), ""
    return {"weekly": _("Weekly"), "monthly": _("Monthly")}.get(one.rule or "", _("Daily")), ""


def whose_words(one: Backup, *, elsewhere: bool) -> str:
    """What a row says of a backup that this desk's key does not open; nothing of its own. ``elsewhere``: it does not lie where this desk's do."""
    if one.ours or one.damaged:
        return ""
    return _("made elsewhere") if elsewhere else _("of another chapter or key")


def when_words(at: datetime, now: datetime, *, short: bool = False) -> str:
    """Today 09:30; Mon 9 Nov, 23:00; with its year if it is another one. ``short``: 9 Nov, 23:00."""
    local = at.astimezone(now.tzinfo)
    if local.date() == now.date():
        return _("Today {time}").format(time=f"{local:%H:%M}")
    day = with_year(day_short(local.date()) if short else f"{weekday_short(local.date())} {day_short(local.date())}", local, now)
    return _("{day}, {time}").format(day=day, time=f"{local:%H:%M}")


def size_words(size: int) -> str:
    """6.9 MB"""
    return _("{n} MB").format(n=f"{size / 1_000_000:,.1f}") if size >= 100_000 else _("{n} KB").format(n=number(max(1, size // 1_000)))


class BackupTable(QAbstractTableModel):
    """One row for each backup."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Backup] = []
        self.damaged: set[Path] = set()
        self.elsewhere: Path | None = None  # the one that was opened from another place
        self.short = False  # moments without their weekdays
        self.now = datetime.now().astimezone()

    def take(self, rows: list[Backup]) -> None:
        """Show these."""
        self.beginResetModel()
        self.rows, self.now = rows, datetime.now().astimezone()
        self.endResetModel()

    def is_damaged(self, row: int) -> bool:
        """Whether a row is known to be damaged."""
        return self.rows[row].damaged or self.rows[row].file in self.damaged

    def why(self, row: int) -> tuple[str, str]:
        """Why the backup of a row was made, and what else is to be known of it."""
        one = self.rows[row]
        why, note = why_words(one)
        return why, whose_words(one, elsewhere=one.file == self.elsewhere) or note

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else 6

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return (_("When"), _("Why"), _("Members"), _("Gatherings"), _("Size"), "")[section]
            if role == Qt.ItemDataRole.TextAlignmentRole and section >= MEMBERS:
                return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        one, column = self.rows[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            if column >= MEMBERS and self.is_damaged(index.row()):
                return _("Damaged, cannot be used") if column == MEMBERS else ""
            why, note = self.why(index.row())
            return (when_words(one.at, self.now, short=self.short), f"{why} · {note}" if note else why, number(one.members), number(one.gatherings),
                    size_words(one.size), "")[column]
        if role == Qt.ItemDataRole.TextAlignmentRole and column >= MEMBERS:
            return Qt.AlignmentFlag.AlignRight
        if role == MUTED:
            return column == SIZE
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(one.file.name)
        return None


class BackupDelegate(RowDelegate):
    """The chosen row's moment is strong, a note is muted, what is damaged says so across the numbers."""

    def paint_cell(self, painter: QPainter, box: QRectF, index: Index, colours: Colours, selected: bool) -> None:
        model: BackupTable = index.model()  # type: ignore[assignment]
        column = index.column()
        if column == WHEN:
            inset = box.adjusted(px(24), 0, 0, 0)
            paint_text(painter, inset, str(index.data()), colours.text, "strong" if selected else "body")
        elif column == WHY:
            why, note = model.why(index.row())
            paint_text(painter, box, why, colours.text)
            if note:
                past = QFontMetricsF(font_of("body")).horizontalAdvance(f"{why} ")
                paint_text(painter, box.adjusted(past, 0, 0, 0), f"· {note}", colours.muted)
        elif column == MEMBERS and model.is_damaged(index.row()):
            metrics = QFontMetricsF(font_of("body"))
            words = str(index.data())
            if metrics.horizontalAdvance(words) > box.width():
                words = _("Damaged")
            paint_text(painter, box, words, colours.danger, "body", Qt.AlignmentFlag.AlignRight)
            left = box.right() - metrics.horizontalAdvance(words) - px(24)
            if left >= box.left():
                paint_icon(painter, QRectF(left, box.center().y() - px(8), px(16), px(16)), "x-circle", colours.danger)
        else:
            super().paint_cell(painter, box, index, colours, selected)


class RestorePage(Page):
    """The list at the left, one backup at the right. ``restore_it`` does it; without one there is nothing to press.

    ``is_damaged``: whether a part of the database is known to be damaged, though enough of it can be read for this page.
    """

    name = "restore"
    icon = "clock-counter-clockwise"
    title = _("Restore a backup")
    apart = True
    belongs = "settings"

    def __init__(self, desk: Desk, lanes: Lanes, changes: ChangeBus, go: Go, *, restore_it: RestoreIt | None = None,
                 is_damaged: Callable[[], bool] = lambda: False) -> None:  # fmt: skip
        super().__init__(desk, lanes, changes, go)
        self._restore_it, self._is_damaged = restore_it, is_damaged
        self._seen: Seen | None = None
        self._other: Backup | None = None
        self._chosen: Path | None = None
        self._whole: dict[Path, bool] = {}
        self._checking = False
        self.table = BackupTable()
        content = QWidget()
        self.stack.set_content(content)  # before it is filled: what moves with all that is in it is styled anew
        across = QHBoxLayout(content)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        self.steps = [lambda: across.addWidget(self._left(), 1), lambda: across.addWidget(hairline("v")), lambda: across.addWidget(self._right())]

    def _left(self) -> QWidget:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        head = QHBoxLayout()
        head.setContentsMargins(px(24), px(12), px(24), px(12))
        head.setSpacing(px(8))
        self.count, self.place = Label("", "heading"), Elided("", tone="muted")
        self.place.cut_at = Qt.TextElideMode.ElideMiddle  # the last folder of a path says the most
        self.place.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)  # it has what the others leave
        self.other = Button(_("Open another"), icon="folder")
        self.other.clicked.connect(self._ask_other)
        head.addWidget(self.count)
        head.addWidget(self.place, 1)
        head.addWidget(self.other)
        column.addLayout(head)
        self.others = Label("", "small", "muted", wrap=True)
        self.others.setContentsMargins(px(24), 0, px(24), px(12))
        self.others.hide()
        column.addWidget(self.others)
        self.troubles = QWidget()
        self._trouble_lines = QVBoxLayout(self.troubles)
        self._trouble_lines.setContentsMargins(px(24), 0, px(24), px(12))
        self._trouble_lines.setSpacing(px(8))
        self.troubles.hide()
        column.addWidget(self.troubles)
        self.list = QTableView()
        self.list.setModel(self.table)
        dress_table(self.list, _("Backups"), row=36)
        self.list.setProperty("people", "plain")  # its first heading stands where its first cells do
        self.list.setItemDelegate(BackupDelegate(self.list, row=36, tabular=True))
        self.list.setSelectionMode(QTableView.SelectionMode.SingleSelection)
        across_head = self.list.horizontalHeader()
        across_head.setStretchLastSection(False)
        across_head.setMinimumSectionSize(px(16))
        for section, width in ((WHEN, 176), (MEMBERS, 88), (GATHERINGS, 96), (SIZE, 88), (EDGE, 16)):
            self.list.setColumnWidth(section, px(width))
        across_head.setSectionResizeMode(WHY, across_head.ResizeMode.Stretch)
        self.list.selectionModel().currentRowChanged.connect(lambda now, before: self._choose(now.row()))
        column.addWidget(self.list, 1)
        column.addWidget(hairline())
        foot = QHBoxLayout()
        foot.setContentsMargins(px(24), px(8), px(24), px(8))
        foot.addWidget(Label(_("Kept: 12 daily, 10 weekly, 9 monthly, 10 before something large; all locked with your key"), "small", "muted", wrap=True), 1)
        self.now = Link(_("Back up now"))
        self.now.clicked.connect(self._make_now)
        foot.addWidget(self.now)
        column.addLayout(foot)
        return left

    def _right(self) -> QWidget:
        self.detail = BackupDetail()
        self.detail.button.clicked.connect(self._restore)
        self.detail.activity.clicked.connect(lambda: self.go("activity"))
        self.detail.which.connect(self._compare)
        return self.detail

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        self.detail.setFixedWidth(min(px(376), max(px(280), self.width() - px(292))))  # what stands over the list needs the rest
        self._lay_columns()

    def _lay_columns(self) -> None:
        """A moment is never cut; what there is no room for then is left out: the chosen one's stands at the right."""
        metrics, room = QFontMetricsF(font_of("strong")), self.width() - self.detail.width()
        widest = max((metrics.horizontalAdvance(when_words(one.at, self.table.now)) for one in self.table.rows), default=0)
        when = max(px(176), px(24) + ceil(widest) + px(8))
        for section, needs in ((WHY, 168), (GATHERINGS, 384), (SIZE, 444)):
            self.list.setColumnHidden(section, room < when + px(needs))
        self.table.short = room < when + px(104)
        across = self.list.horizontalHeader()
        takes_the_rest = WHEN if self.list.isColumnHidden(WHY) else WHY
        across.setSectionResizeMode(WHEN, across.ResizeMode.Stretch if takes_the_rest == WHEN else across.ResizeMode.Interactive)
        if takes_the_rest == WHY:
            self.list.setColumnWidth(WHEN, when)

    # -- what every page does

    def deeds(self) -> list[Deed]:
        return [Deed("other", "folder", _("Open a backup that lies elsewhere"), self._ask_other, also=_("restore file stick"))]

    def first_focus(self) -> QWidget:
        return self.list

    def regions(self) -> list[QWidget]:
        return [self.other, self.list, self.detail]

    def refresh(self) -> None:
        self.stack.loading(True)
        other = self._other.file if self._other is not None else None
        self.lanes.read(lambda: look_around(self.desk, other), self._came, self._failed, key="restore")

    def _failed(self, error: KnownError) -> None:
        self.stack.show_error(error, _("Try again"), self.refresh)

    def _came(self, seen: Seen) -> None:
        self.stack.loading(False)
        self._seen = seen
        if seen.present is None:
            self.lanes.damage.emit()
        self.now.setVisible(seen.present is not None)
        if seen.gone:
            self._other = None
        other = [self._other] if self._other is not None and self._other.file not in {one.file for one in seen.backups} else []
        rows = other + seen.backups
        if not rows:
            self._show_empty()
            return
        self.stack.show_content()
        self.table.elsewhere = other[0].file if other else None
        count = len(backup_folders.counted(seen.backups))
        self.count.setText(ngettext("{n} backup", "{n} backups", count).format(n=number(count)) if count else _("No backups yet"))
        self.others.setText(backup_folders.others_words(seen.backups))
        self.others.setVisible(bool(self.others.text()))
        where = dict.fromkeys(one.file.parent for one in seen.backups) or [seen.folder]  # two, while the chosen one takes none
        self.place.setText(_("in {folder}").format(folder=", ".join(map(folder_words, where))))
        self._say_troubles(seen.troubles)
        self.table.take(rows)
        self._lay_columns()
        self._span()
        at = next((n for n, one in enumerate(rows) if one.file == self._chosen), 0)
        chosen = self.list.currentIndex().row() == at
        self.list.selectRow(at)
        if chosen:  # it was there before, and may be another one now
            self._choose(at)

    def _say_troubles(self, sentences: tuple[str, ...]) -> None:
        while (line := self._trouble_lines.takeAt(0)) is not None:
            old = line.widget()
            old.hide()
            old.deleteLater()
        for words in sentences:
            self._trouble_lines.addWidget(IconLine("warning", words, tone="warn"))
        self.troubles.setVisible(bool(sentences))

    def _show_empty(self) -> None:
        if self._seen is not None and self._seen.present is None:  # of what cannot be read no backup can be made
            self.stack.show_empty(EmptyPage("clock-counter-clockwise", _("No backups here"), _("Open one that lies elsewhere"), self._ask_other,
                                            _("On a stick, on another disk, on another laptop")))  # fmt: skip
            return
        empty = EmptyPage("clock-counter-clockwise", _("No backups yet"), _("Back up now"), self._make_now, _("From then on one is made every day, by itself"))
        link = Link(_("Open one that lies elsewhere"))
        link.clicked.connect(self._ask_other)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(link)
        row.addStretch(1)
        empty.below.addLayout(row)
        self.stack.show_empty(empty)

    def _span(self) -> None:
        self.list.clearSpans()
        for row in range(len(self.table.rows)):
            if self.table.is_damaged(row):
                self.list.setSpan(row, MEMBERS, 1, 3)

    # -- one backup

    def _choose(self, row: int) -> None:
        if self._seen is None or not 0 <= row < len(self.table.rows):
            return
        one = self.table.rows[row]
        self._chosen = one.file
        self._show_detail(one, self._seen, self._whole.get(one.file))
        self._check_next()

    def _show_detail(self, one: Backup, seen: Seen, whole: bool | None) -> None:
        self.detail.show_backup(one, seen.present, whole, can=self._restore_it is not None, harmed=seen.present is None or self._is_damaged(),
                                elsewhere=one.file == self.table.elsewhere)

    def _check_next(self) -> None:
        """Read the backups through, one at a time so that other long work gets its turn: the chosen one first."""
        if self._checking or not self.isVisible():
            return
        files = sorted((one.file for one in self.table.rows if one.file not in self._whole and not one.damaged), key=lambda file: file != self._chosen)
        if files:
            self._checking = True
            file = files[0]
            self.lanes.read_long(lambda job: (file, backup.is_whole(file), os.path.lexists(file)), self._checked, self._not_checked)

    def _not_checked(self, error: KnownError) -> None:
        self._checking = False

    def _checked(self, found: tuple[Path, bool, bool]) -> None:
        self._checking = False
        file, whole, there = found
        if not there:  # deleted meanwhile: an erasure did, or somebody
            self.refresh()
            return
        self._whole[file] = whole
        if whole == (file in self.table.damaged):  # of one that was put back, or taken away and is here again
            (self.table.damaged.discard if whole else self.table.damaged.add)(file)
            self._span()
            self.list.viewport().update()
        if file == self._chosen and self._seen is not None:
            one = next((one for one in self.table.rows if one.file == file), None)
            if one is not None:
                self._show_detail(one, self._seen, whole)
        self._check_next()

    def showEvent(self, event: Any) -> None:
        self._whole.clear()  # looked at again whenever somebody comes: disks fail in between
        self._stale = True
        super().showEvent(event)

    def _restore(self) -> None:
        one = next((one for one in self.table.rows if one.file == self._chosen), None)
        if one is not None and self._restore_it is not None:
            self._restore_it(one)

    def _compare(self) -> None:
        """Who and which: read out of the backup, off the screen."""
        one = next((one for one in self.table.rows if one.file == self._chosen), None)
        if one is not None:
            self.detail.comparing(True)
            self.lanes.read_long(lambda job: compare(self.desk, one.file), lambda found: self._compared(one, found), self._not_compared)

    def _compared(self, one: Backup, found: Compared) -> None:
        self.detail.comparing(False)
        ComparedSheet(self, one.at.astimezone(), found).open()

    def _not_compared(self, error: KnownError) -> None:
        self.detail.comparing(False)
        self.said.emit(str(error), None)

    def _make_now(self) -> None:
        self.now.setEnabled(False)
        self.lanes.read_long(lambda job: backup.by_itself(self.desk.profile, self.desk.key, "daily", cancelled=job.cancelled), self._made, self._not_made)

    def _made(self, file: Path) -> None:
        self.now.setEnabled(True)
        self._chosen = file
        self.said.emit(_("Backed up"), None)
        self.refresh()

    def _not_made(self, error: KnownError) -> None:
        self.now.setEnabled(True)
        self.said.emit(str(error), None)

    def _ask_other(self) -> None:
        chosen, _kind = QFileDialog.getOpenFileName(self, _("Restore a backup"), str(Path.home()), _("Backup (*.alumnidesk);;All files (*)"))
        if chosen:
            self.open_file(Path(chosen))

    def open(self, file: Path | None = None, **what: object) -> None:
        """``file``: a backup that lies elsewhere."""
        if file is not None:
            self.open_file(file)

    def open_file(self, file: Path) -> None:
        """Show a backup that lies elsewhere at the head of the list."""
        def read() -> Backup:
            backup_head.read_head(file)  # says what is wrong with it, where a list would only say "damaged"
            return backup_head.listed(file, self.desk.key)

        def came(one: Backup) -> None:
            self._other, self._chosen = one, one.file
            self.refresh()

        self.lanes.read(read, came, lambda error: self.said.emit(str(error), None))


class BackupDetail(Scroll):
    """What one backup is, holds and would do. ``which``: somebody asks who and which."""

    which = Signal()

    def __init__(self) -> None:
        super().__init__(margins=(24, 24, 24, 16))
        self.setFixedWidth(px(376))
        self.title, self.second = Label("", "title", wrap=True), Label("", tone="muted", wrap=True)
        self.button = Button("", "primary", "clock-counter-clockwise", height=40)
        self.activity = Link(_("To take a change back for all, use Activity"), role="small")
        self._body = QWidget()
        self._see: Link | None = None
        self._reading = False
        self._note = Label("", "small", "muted", wrap=True)
        self._note.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.column.setSpacing(px(4))
        self.column.addWidget(self.title)
        self.column.addWidget(self.second)
        self.column.addWidget(self._body)
        self.column.addWidget(self.activity, 0, Qt.AlignmentFlag.AlignLeft)
        self.column.addStretch(1)
        self.column.addSpacing(px(12))
        self.column.addWidget(self.button)
        self.column.addWidget(self._note)
        for part in (self.activity, self.button):  # nothing is offered before a backup is chosen
            part.hide()

    def show_backup(self, one: Backup, present: Present | None, whole: bool | None, *, can: bool, harmed: bool = False,
                    elsewhere: bool = False) -> None:  # fmt: skip
        """``whole``: None while it is still being read through; ``harmed``: what is here now is damaged; ``elsewhere``: it lies outside this desk's folder."""
        now = datetime.now().astimezone()
        local = one.at.astimezone(now.tzinfo)
        self.title.setText(_("{day}, {time}").format(day=with_year(day_long(local.date()), local, now), time=f"{local:%H:%M}"))
        self.second.setText(self._second(one, local, now, elsewhere=elsewhere))
        damaged = one.damaged or whole is False
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(0, px(4), 0, 0)
        column.setSpacing(px(8))
        if damaged:
            column.addWidget(IconLine("x-circle", _("Damaged, cannot be used. Choose another one; leave this file where it is."), tone="danger"))
        elif whole is None:
            column.addWidget(IconLine("hourglass", _("Being checked …")))
        else:
            column.addWidget(IconLine("check-circle", _("Checked just now: whole and readable") if one.ours
                                      else elsewhere_words(one), tone="ok"))
        if not damaged:
            column.addSpacing(px(8))
            column.addWidget(self._compared(one, present if one.ours else None, local, 16 if self.width() >= px(376) else 8))
            if present is None:
                column.addWidget(Label(_("What is here now cannot be read any more, so there is nothing to compare it with."), tone="muted", wrap=True))
            elif one.ours:
                self._see = Link(_("See who and which"))
                self._see.clicked.connect(self.which)
                column.addWidget(self._see)
                self.comparing(self._reading)
            column.addSpacing(px(8))
            column.addWidget(Label(_("What happens"), "heading"))
            happens = happenings_of_another() if not one.ours else happenings(one, present) if present is not None else []
            for icon, words in happens if present is not None and not harmed else happenings_after_damage(present):
                column.addWidget(IconLine(icon, words))
        again = keyboard_of(self._body)
        self.column.replaceWidget(self._body, body)
        body.show()
        again(body)
        self._body.hide()
        self._body.deleteLater()
        self._body = body
        self.activity.setVisible(one.ours and not damaged and not harmed and present is not None and not present.alone)
        self.button.show()
        self.button.set_words(_("Restore {day}").format(day=with_year(f"{local.day} {month_long(local.date())}", local, now)))
        self.button.setEnabled(can and not damaged and whole is not None)
        seconds = max(2, round(one.size / SPEED))
        self._note.setText("" if damaged else ngettext("About {n} second; you can go back the same way", "About {n} seconds; you can go back the same way",
                                                       seconds).format(n=number(seconds))
                           if not harmed else ngettext("About {n} second", "About {n} seconds", seconds).format(n=number(seconds)))

    def comparing(self, now: bool) -> None:
        """Who and which is being read, or was."""
        self._reading = now
        if self._see is not None and isValid(self._see):
            self._see.set_words(_("Being read …") if now else _("See who and which"))
            self._see.setEnabled(not now)

    @staticmethod
    def _second(one: Backup, local: datetime, now: datetime, *, elsewhere: bool) -> str:
        why, note = why_words(one)
        days = (now.date() - local.date()).days
        age = _("from today") if days <= 0 else ngettext("{n} day old", "{n} days old", days).format(n=number(days))
        by = _("made by this laptop") if one.ours else _("made elsewhere") if elsewhere else _(
            "of another chapter, or made under a former key of this one")
        return ", ".join(part for part in (f"{why} ({note})" if note else why, age, by) if part)

    @staticmethod
    def _compared(one: Backup, present: Present | None, local: datetime, apart: int) -> QWidget:
        box = QWidget()
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(px(apart))
        grid.setVerticalSpacing(px(6))
        grid.setColumnStretch(0, 1)
        right, wide = Qt.AlignmentFlag.AlignRight, 2 if present is None else 4
        of_today = local.date() == datetime.now(local.tzinfo).date()
        against, today_words = (_("Compared with now"), _("now")) if of_today else (_("Compared with today"), _("today"))
        grid.addWidget(Label(_("What it holds") if present is None else against, "heading"), 0, 0, 1, wide)
        then_words = f"{local:%H:%M}" if of_today else with_year(day_short(local.date()), local)
        for column, words in ((1, then_words), (2, today_words))[:1 if present is None else 2]:
            grid.addWidget(Label(words, "small", "muted"), 1, column, right)
        now = present or Present(0, 0, 0, 0, True, ())
        for row, (words, then, today) in enumerate(((_("Members"), one.members, now.members), (_("Check-ins"), one.check_ins, now.check_ins),
                                                    (_("Gatherings"), one.gatherings, now.gatherings))):
            grid.addWidget(hairline(), 2 + 2 * row, 0, 1, wide)
            grid.addWidget(Label(words), 3 + 2 * row, 0)
            grid.addWidget(Label(number(then), tone="muted"), 3 + 2 * row, 1, right)
            if present is None:
                continue
            grid.addWidget(Label(number(today), tone="muted"), 3 + 2 * row, 2, right)
            difference = then - today
            said = _("as many") if not difference else (_("{n} fewer") if difference < 0 else _("{n} more")).format(n=number(abs(difference)))
            grid.addWidget(Label(said, "strong" if difference else "body", "text" if difference else "muted"), 3 + 2 * row, 3, right)
        return box


def happenings_after_damage(present: Present | None) -> list[tuple[str, str]]:
    """What a restore does if a part of what is here cannot be read any more."""
    found = [("floppy-disk", _("The damaged file stays beside the new one: no backup can be made of what cannot be read")),
             ("paper-plane-tilt", _("What was changed since comes back from a second copy, which reaches back two backups"))]
    if present is None:
        found.append(("arrows-clockwise", _("With a server, the next sync brings back what the office and other laptops hold")))
    elif not present.alone:
        found.append(("arrows-clockwise", _("The next sync brings back what the office and other laptops hold")))
    return [*found, ("prohibit", _("Whoever was erased since stays erased"))]


def elsewhere_words(one: Backup) -> str:
    """What is known of a whole backup of another desk, and what opens it."""
    by = backup_head.opened_by(one.header)
    if by == {"password"}:
        return _("Checked just now: whole. Its password opens it.")
    if by == {"recovery"}:
        return _("Checked just now: whole. The recovery key of its chapter opens it.")
    return _("Checked just now: whole. Its password or its chapter’s recovery key opens it.") if by else _(
        "Checked just now: whole. The password store of the computer that made it opens it.")


def happenings_of_another() -> list[tuple[str, str]]:
    """What a restore does of a backup that this desk's key does not open: whose it is shows only once something else opens it."""
    return [("lock-simple", _("What opens it is asked for; then it says which chapter it is of, and asks before another one takes the place of this one")),
            ("floppy-disk", _("Today’s data is kept as a backup first"))]


def happenings(one: Backup, present: Present) -> list[tuple[str, str]]:
    """What a restore of this backup does, each with its icon."""
    found = [("floppy-disk", _("Today’s data is kept as a backup first"))]
    if present.alone:
        found.append(("clock-counter-clockwise", _("This laptop keeps everything itself, so what was done since is taken back; it stays in that backup")))
    else:
        if present.waiting:
            found.append(("paper-plane-tilt", ngettext("{n} change still to send is carried over", "{n} changes still to send are carried over",
                                                       present.waiting).format(n=number(present.waiting))))
        found.append(("arrows-clockwise", _("The next sync brings back what the office and other laptops hold")))
    erased = sum(at > one.made_at for at in present.erased)
    if erased:
        found.append(("prohibit", ngettext("{n} person erased since stays erased", "{n} people erased since stay erased", erased).format(n=number(erased))))
    return found


def folder_words(folder: Path) -> str:
    """A folder as people say it: Documents, Alumni Desk backups."""
    for place in (QStandardPaths.StandardLocation.DocumentsLocation, QStandardPaths.StandardLocation.HomeLocation):
        above = QStandardPaths.writableLocation(place)
        if above and folder.is_relative_to(above):
            parts = folder.relative_to(above).parts
            return first_upper(", ".join((QStandardPaths.displayName(place), *parts)))
    return str(folder)
