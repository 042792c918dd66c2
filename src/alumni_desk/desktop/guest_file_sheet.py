"""Guests from a file: what it would do is said first, and a name that one member bears is asked about."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFileDialog, QProgressBar, QWidget
from shiboken6 import isValid

from alumni_desk.desktop.background import Job, Lanes
from alumni_desk.desktop.controls import Button, Label, Tick
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.recovery_page import before_it_saves
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.desktop.widgets import IconLine, small_heading
from alumni_desk.errors import KnownError, Refused, StoreProblem
from alumni_desk.exchange.guests import GuestsTried, import_guests, try_guests
from alumni_desk.exchange.importing import Cancelled, ImportResult
from alumni_desk.store.backup import before
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, ngettext, number

REASONS = 20
ASKED = 200
"""So many names are asked about at most; who comes after them becomes a guest."""


class GuestFileSheet(Sheet):
    """Reads a file, says what it would do, does it. ``taken(result)`` when it is done."""

    taken = Signal(object)

    def __init__(self, parent: QWidget, desk: Desk, lanes: Lanes, gathering: str, file: Path) -> None:
        super().__init__(parent, _("Guests from a file"), _("Add guests"))
        self._desk, self._lanes, self._gathering, self._file = desk, lanes, gathering, file
        self._job: Job | None = None
        self._tried: GuestsTried | None = None
        self._ticks: list[tuple[Tick, str, str]] = []
        self.done_clicked.connect(self._take)
        self._read()

    def _read(self) -> None:
        self._working(_("Reading {file} …").format(file=self._file.name))
        which, file = self._gathering, self._file
        self._job = self._lanes.write_long(lambda job: try_guests(self._desk, which, file, progress=job.progress, cancelled=job.cancelled),
                                           self._show, self._failed, progress=self._progress)

    def reject(self) -> None:
        """Cancel: what runs is stopped, and nothing of it stays."""
        if self._job is not None:
            self._job.cancel()
            self.reason.setText(_("Stopping …"))
            return
        super().reject()

    # -- showing

    def _clear(self) -> None:
        self._ticks = []
        while self.column.count():
            part = self.column.takeAt(0).widget()
            if part is not None:
                part.hide()
                part.deleteLater()

    def _working(self, words: str) -> None:
        self._clear()
        self.column.addWidget(Label(words, "heading", wrap=True))
        self.bar = QProgressBar()
        self.bar.setAccessibleName(words)
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 0)
        self.column.addWidget(self.bar)
        self.done_button.setEnabled(False)

    def _progress(self, done: int, total: int) -> None:
        if isValid(self) and isValid(self.bar):
            self.bar.setRange(0, max(total, 1))
            self.bar.setValue(done)

    def _show(self, tried: GuestsTried) -> None:
        self._job, self._tried = None, tried
        result = tried.result
        self._clear()
        read = ngettext("{n} row of {file}", "{n} rows of {file}", result.rows).format(n=number(result.rows), file=self._file.name)
        self.column.addWidget(Label(read, "heading", wrap=True))
        self._lines: dict[str, IconLine] = {}
        for key, icon, tone in (("members", "users", "ok"), ("guests", "user-plus", "accent"), ("changed", "note-pencil", "accent"),
                                ("there", "check", "muted"), ("rejected", "warning", "warn")):
            self._lines[key] = IconLine(icon, "-", tone=tone)  # type: ignore[arg-type]
            self.column.addWidget(self._lines[key])
        self._show_rejects(result)
        self._ask_likely(tried)
        self.column.addStretch(1)
        self._count()
        (self.done_button if self.done_button.isEnabled() else self.cancel).setFocus()

    def _show_rejects(self, result: ImportResult) -> None:
        for reject in result.rejects[:REASONS]:
            self.column.addWidget(Label(_("Row {row}: {reason}").format(row=reject.row, reason=reject.reason), "small", "muted", wrap=True))
        if result.rejected:
            keep = Button(_("Save the rows left out as a file"))
            keep.clicked.connect(lambda: self._ask_where(keep))
            self.column.addWidget(keep, 0, Qt.AlignmentFlag.AlignLeft)
        for heading, cells in result.left_out.items():
            words = ngettext("{n} value in “{column}” is left out", "{n} values in “{column}” are left out", cells)
            self.column.addWidget(IconLine("eye", words.format(n=number(cells), column=heading)))

    def _ask_likely(self, tried: GuestsTried) -> None:
        if not tried.likely:
            return
        self.column.addSpacing(px(8))
        self.column.addWidget(small_heading(_("Likely the same person")))
        self.column.addWidget(Label(_("The file gives no address that proves it, but exactly one member is called so. "
                                      "Who is ticked is taken as that member; the others become guests."), "small", "muted", wrap=True))  # fmt: skip
        for one in tried.likely[:ASKED]:
            year = f" ’{one.class_year % 100:02d}" if one.class_year else ""
            tick = Tick(f"{one.name}{year}")
            tick.setChecked(True)
            tick.toggled.connect(self._count)
            self._ticks.append((tick, one.key, one.member))
            self.column.addWidget(tick, 0, Qt.AlignmentFlag.AlignLeft)

    def same(self) -> dict[str, str]:
        """Names that are this member, as ticked."""
        return {key: member for tick, key, member in self._ticks if tick.isChecked()}

    def _count(self, *now: object) -> None:
        if self._tried is None:
            return
        result, same = self._tried.result, len(self.same())
        guests = result.guests - same
        known = result.added + result.updated + result.unchanged - guests
        says = {
            "members": (known, ngettext("{n} is known here", "{n} are known here", known)),
            "guests": (guests, ngettext("{n} is new here and becomes a guest, not a member", "{n} are new here and become guests, not members", guests)),
            "changed": (result.updated, ngettext("{n} is on the list with another answer", "{n} are on the list with another answer", result.updated)),
            "there": (result.unchanged, ngettext("{n} is on the list already", "{n} are on the list already", result.unchanged)),
            "rejected": (result.rejected, ngettext("{n} row is left out", "{n} rows are left out", result.rejected)),
        }
        for key, (count, words) in says.items():
            self._lines[key].first.setText(words.format(n=number(count)))
            self._lines[key].setVisible(bool(count))
        doing = result.added + result.updated
        self.done_button.setEnabled(bool(doing))
        self.done_button.set_words(ngettext("Add {n} guest", "Add {n} guests", doing).format(n=number(doing)) if doing else _("Add guests"))
        self.reason.setText(_("Nothing is saved yet") if doing else _("Nothing in it is new here"))

    def _failed(self, error: KnownError) -> None:
        self._job = None
        if isinstance(error, Cancelled):
            super().reject()
            return
        self._clear()
        self.column.addWidget(IconLine("warning", str(error), tone="warn"))
        disk = isinstance(error, StoreProblem)  # then the file is not to blame
        other = Button(_("Try again") if disk else _("Choose another file"))
        other.clicked.connect(self._read if disk else self._choose)
        self.column.addWidget(other, 0, Qt.AlignmentFlag.AlignLeft)
        self.done_button.setEnabled(False)
        self.reason.setText("")
        other.setFocus()

    def _choose(self) -> None:
        chosen, _kind = QFileDialog.getOpenFileName(self, _("Guests from a file"), str(self._file.parent), _("Lists (*.csv *.txt *.tsv);;All files (*)"))
        if chosen:
            self._file = Path(chosen)
            self._read()

    # -- doing

    def _ask_where(self, button: Button) -> None:
        suggestion = self._file.with_name(f"{self._file.stem}-rejected.csv")
        chosen, _kind = QFileDialog.getSaveFileName(self, _("Save the rows left out"), str(suggestion), "CSV (*.csv)")
        if chosen:
            self.keep_rejects(Path(chosen), button)

    def keep_rejects(self, out: Path, button: Button) -> None:
        """Write the rows that are left out, each with its reason."""
        which, file = self._gathering, self._file
        button.setEnabled(False)

        def kept(tried: GuestsTried) -> None:
            if isValid(button):
                button.set_words(_("Saved as {file}").format(file=out.name))
                button.set_icon("check")

        def failed(error: KnownError) -> None:
            if isValid(button):
                button.setEnabled(True)
                self.reason.setText(str(error))

        self._lanes.write_long(lambda job: try_guests(self._desk, which, file, rejects=out, cancelled=job.cancelled), kept, failed)

    def _take(self) -> None:
        self.set_busy(_("Saving …"))
        before_it_saves(self, self._desk, self._lanes, self._take_now)

    def _take_now(self) -> None:
        self.set_busy("")  # from here on it can be stopped
        which, file, same = self._gathering, self._file, self.same()
        self._working(_("Adding the guests …"))
        self.reason.setText("")

        def work(job: Job) -> ImportResult:
            try:
                before(self._desk, "before_import", file.name, cancelled=job.cancelled)
            except Refused as problem:
                raise Cancelled(problem.code, _("The import was cancelled. Nothing was changed.")) from None
            return import_guests(self._desk, which, file, progress=job.progress, cancelled=job.cancelled, same=same)

        self._job = self._lanes.write_long(work, self._done, self._failed, progress=self._progress)

    def _done(self, result: ImportResult) -> None:
        self._job = None
        self.taken.emit(result)
        self.accept()
