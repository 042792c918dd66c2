"""Leading a list in: what its columns mean, what would happen, then doing it. Nothing is saved before the last step."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QProgressBar, QStackedWidget, QVBoxLayout, QWidget
from shiboken6 import isValid

from alumni_desk.desktop.background import Job, Lanes
from alumni_desk.desktop.controls import WINDOW, Button, Choice, Elided, IconButton, Label, Link, QuietChoice, Radio, hairline, shortcut
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.import_preview import PersonPreview, StepLine, value_words
from alumni_desk.desktop.paint import Pill, isolated, tip
from alumni_desk.desktop.recovery_page import before_saving
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.desktop.widgets import Glyph, IconLine, Scroll, StatusPill, Turning
from alumni_desk.errors import KnownError, Refused, StoreProblem
from alumni_desk.exchange.importing import Cancelled, ImportResult, chosen, dry_run, examine, people, run_import
from alumni_desk.exchange.mapping import Entry
from alumni_desk.exchange.recognise import Column, Recognised, Sure, asks, labels
from alumni_desk.store.backup import before
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, ngettext, number

STEPS = (_("File"), _("Columns"), _("Check"), _("Import"))
PILLS = {Sure.SURE: Pill("check", _("Sure"), "ok"), Sure.GUESS: Pill("eye", _("Guess"), "warn"), Sure.REFUSED: Pill("prohibit", _("Refused"), "danger"),
         Sure.UNMAPPED: Pill("x", _("Not read"), "muted")}


SURE_SHOWN = 4
"""So many sure columns are shown; the rest fold into a link."""
PREVIEWED = 50
"""So many people are read for the preview."""


@dataclass(frozen=True)
class Examined:
    """A file before its import."""

    recognised: Recognised
    people: tuple[Entry, ...]


class ImportSheet(PlainSheet):
    """1040 × 720. ``imported(result)`` when it is done; ``stopped(sentence)`` when somebody ended it in its midst."""

    imported = Signal(object)
    stopped = Signal(str)

    def __init__(self, parent: QWidget | None, desk: Desk, lanes: Lanes, file: Path) -> None:
        super().__init__(parent, _("Import members"), width=1040)
        self._desk, self._lanes, self._file = desk, lanes, file
        self._recognised: Recognised | None = None
        self._people: tuple[Entry, ...] = ()
        self._at = 0
        self._person = 0
        self._job: Job | None = None
        self._beside = False
        self._checked = False
        self._rows = 0  # so many rows the file has; none: not counted yet
        self._unfolded = False
        middle = _Middle()
        across = QHBoxLayout(middle)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        self.steps = self._step_list()
        across.addWidget(self.steps)
        self._steps_line = hairline("v")
        across.addWidget(self._steps_line)
        self.pages = QStackedWidget()
        across.addWidget(self.pages, 1)
        self.preview = Scroll(margins=(24, 20, 24, 20))
        self.preview.setFixedWidth(px(304))
        self._preview_inside: QWidget | None = None
        self._preview_line = hairline("v")
        across.addWidget(self._preview_line)
        across.addWidget(self.preview)
        self.set_middle(middle)
        self.whole.addWidget(hairline())
        self.whole.addLayout(self._foot())
        for keys, button in (("Alt+N", self.next), ("Alt+B", self.back)):
            shortcut(keys, self, partial(_press, button), WINDOW)
        self._show(_message(_("Reading {file} …").format(file=file.name)), 0)
        self._examine()

    # -- frame

    def _step_list(self) -> QWidget:
        box = QWidget()
        box.setObjectName("sidebar")
        box.setFixedWidth(px(208))
        column = QVBoxLayout(box)
        column.setContentsMargins(px(8), px(20), px(8), px(20))
        column.setSpacing(px(4))
        self._step_lines: list[StepLine] = []
        self._steps_column = column
        column.addStretch(1)
        return box

    def _show_steps(self) -> None:
        for line in self._step_lines:
            self._steps_column.removeWidget(line)
            line.hide()
            line.deleteLater()
        self._step_lines = []
        for place, words in enumerate(STEPS):
            second = self._file.name if place == 0 else self._doubt_words() if place == 1 == self._at else ""
            line = StepLine(place, words, second, self._at)
            self._steps_column.insertWidget(place, line)
            self._step_lines.append(line)

    def _foot(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setContentsMargins(px(24), px(12), px(24), px(12))
        row.setSpacing(px(12))
        self.cancel = Button(_("Cancel"))
        self.cancel.clicked.connect(self.reject)
        row.addWidget(self.cancel)
        row.addStretch(1)
        self.said = Label("", tone="muted")
        row.addWidget(self.said)
        self.back = Button(_("Back"))
        self.back.clicked.connect(self._back)
        row.addWidget(self.back)
        self.next = Button(_("Next"), "primary")
        self.next.clicked.connect(self._next)
        row.addWidget(self.next)
        return row

    def _show(self, page: QWidget, at: int) -> None:
        old = self.pages.currentWidget()
        if self._preview_inside is not None:
            self.preview.column.addWidget(self._preview_inside)  # not to be lost with the page that it stands on
        self.pages.addWidget(page)
        self.pages.setCurrentWidget(page)
        if old is not None:
            self.pages.removeWidget(old)
            old.deleteLater()
        self._at = at
        self._show_steps()
        self.back.setVisible(at == 2)
        self.next.setVisible(at in (1, 2))
        self.next.setEnabled(True)
        beside = at in (1,) and bool(self._people)
        self._beside = beside
        self._arrange()
        self.said.setText(_("Nothing is saved yet") if at < 3 else "")

    def fit(self) -> None:
        super().fit()
        self._arrange()

    def _arrange(self) -> None:
        """Steps and preview beside the columns; where there is no room the preview stands below them, and the title says the step."""
        width = self.width()
        steps, preview = width >= px(700), self._beside and width >= px(900)
        self.steps.setVisible(steps)
        self._steps_line.setVisible(steps)
        self.preview.setVisible(preview)
        self._preview_line.setVisible(preview)
        step = _("Import members: {step}, {n} of {steps}").format(step=STEPS[self._at], n=self._at + 1, steps=len(STEPS))
        self.heading.setText(_("Import members") if steps else step)
        page = self.pages.currentWidget()
        below = page.column if isinstance(page, Scroll) and self._beside and not preview else None
        if self._preview_inside is not None:
            home = below if below is not None else self.preview.column
            if home.indexOf(self._preview_inside) < 0:
                home.addWidget(self._preview_inside)

    def reject(self) -> None:
        """Cancel: an import that runs is stopped, and nothing of it stays."""
        if self._job is not None:
            self._job.cancel()
            self.said.setText(_("Stopping …"))
            return
        super().reject()

    # -- the file

    def _examine(self, as_: str | None = None) -> None:
        self._lanes.read_long(lambda job: self._read(as_), self._examined, self._refused)

    def _read(self, as_: str | None) -> Examined:
        table, recognised = examine(self._file, as_)
        return Examined(recognised, tuple(people(table, recognised)))

    def _examined(self, it: Examined) -> None:
        self._recognised, self._people = it.recognised, it.people
        self._person = 0
        self._show_columns()

    def _refused(self, error: KnownError) -> None:
        other = Button(_("Choose another file"), "primary")
        other.clicked.connect(self._choose)
        self._people = ()
        self._show(_problem(error, other), 0)

    def _held_up(self, error: KnownError) -> None:
        """A disk stands in the way, not the file: what was chosen stays, and the same is tried again."""
        self._show(_problem(error), 2)
        self.next.set_words(_("Try again"))
        self.next.setFocus()

    def _choose(self) -> None:
        chosen, _kind = QFileDialog.getOpenFileName(self, _("Import members"), str(self._file.parent), _("Lists (*.csv *.txt *.tsv);;All files (*)"))
        if chosen:
            self._file = Path(chosen)
            self._show(_message(_("Reading {file} …").format(file=self._file.name)), 0)
            self._examine()

    # -- columns

    def _show_columns(self) -> None:
        found = self._recognised
        if found is None:
            return
        scroll = Scroll(margins=(24, 20, 24, 20))
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        doubtful = self._doubtful()
        known = sum(column.target is not None for column in found.columns)
        title = ngettext("{n} column recognised", "{n} columns recognised", known).format(n=number(known))
        if doubtful:
            title = ngettext("{title}, {n} needs a look", "{title}, {n} need a look", doubtful).format(title=title, n=number(doubtful))
        scroll.column.addWidget(Label(title, "title", wrap=True))
        scroll.column.addWidget(Label(found.label, tone="muted"))
        scroll.column.addSpacing(px(16))
        grid = QGridLayout()
        grid.setHorizontalSpacing(px(12))
        grid.setVerticalSpacing(px(4))
        grid.setColumnStretch(0, 1)
        for place, words in enumerate((_("In the file"), "", _("In Alumni Desk"), _("How sure"))):
            if words:
                grid.addWidget(Label(words, "label", "muted"), 0, place)
        line = 1
        columns = found.in_order_of_doubt()
        sure = [column for column in columns if column.sure is Sure.SURE and not asks(column)]
        folded = set() if self._unfolded or len(sure) <= SURE_SHOWN + 1 else {column.index for column in sure[SURE_SHOWN:]}
        for column in columns:
            if column.index in folded and column is not sure[SURE_SHOWN]:
                continue
            grid.addWidget(hairline(), line, 0, 1, 4)
            if column.index in folded:
                more = Link(ngettext("Show {n} more, sure", "Show {n} more, all sure", len(folded)).format(n=number(len(folded))))
                more.clicked.connect(self._unfold)
                grid.addWidget(more, line + 1, 0, 1, 4)
            else:
                self._column_row(grid, line + 1, column)
            line += 3
        scroll.column.addLayout(grid)
        scroll.column.addStretch(1)
        self._show(scroll, 1)
        self.next.set_words(_("Next"))
        self._show_person()
        self._say_what_is_missing()
        radio = scroll.findChild(Radio)
        (self.next if self.next.isEnabled() or radio is None else radio).setFocus()

    def _doubtful(self) -> int:
        found = self._recognised
        return sum(column.sure is Sure.GUESS or asks(column) for column in found.columns) if found is not None else 0

    def _doubt_words(self) -> str:
        doubtful = self._doubtful()
        return ngettext("{n} needs a look", "{n} need a look", doubtful).format(n=number(doubtful)) if doubtful else ""

    def _unfold(self) -> None:
        self._unfolded = True
        self._show_columns()

    def _say_what_is_missing(self) -> None:
        found = self._recognised
        asking = next((column.heading for column in found.columns if asks(column) and column.order is None), None) if found is not None else None
        self.next.setEnabled(asking is None)
        self.said.setText(_("Nothing is saved yet") if asking is None else _("Say which comes first in “{heading}”").format(heading=_short(asking, 40)))

    def _column_row(self, grid: QGridLayout, line: int, column: Column) -> None:
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(Elided(column.heading or _("(no heading)")))
        samples = ", ".join(column.samples[:2]) if column.samples else _("Values not read") if column.sure is Sure.REFUSED else _("empty")
        words.addWidget(Elided(isolated(samples), "small", "muted"))
        grid.addLayout(words, line, 0)
        grid.addWidget(Glyph("prohibit" if column.sure is Sure.REFUSED else "arrow-right", "danger" if column.sure is Sure.REFUSED else "muted"), line, 1)
        if column.sure is Sure.REFUSED:
            refused = Label(_("We do not store it"))
            refused.setIndent(px(12))
            refused.setToolTip(tip(column.reason or ""))
            grid.addWidget(refused, line, 2)
        else:
            sure = column.sure is not Sure.GUESS and not asks(column)
            choice = (QuietChoice if sure else Choice)(_("What “{heading}” means").format(heading=column.heading), [("", _("Do not read")), *labels().items()])
            choice.set_key(column.target or "")
            choice.setFixedWidth(px(168))
            choice.activated.connect(lambda n, choice=choice, at=column.index: self._mean(at, choice.key()))
            grid.addWidget(choice, line, 2)
        grid.addWidget(StatusPill(PILLS[column.sure]), line, 3, Qt.AlignmentFlag.AlignRight)
        if asks(column) and column.question is not None:
            grid.addWidget(self._date_question(column), line + 1, 0, 1, 4)
        elif column.reason and column.sure is not Sure.REFUSED:
            grid.addWidget(Label(column.reason, "small", "muted", wrap=True), line + 1, 2, 1, 2)

    def _date_question(self, column: Column) -> QWidget:
        question = column.question
        box = Turning()
        row = box.row
        row.setContentsMargins(0, px(4), 0, px(4))
        row.setSpacing(px(8))
        row.addWidget(Label(_("Which comes first?")))
        if question is not None:
            month, day = value_words("birth_date", question.month_first), value_words("birth_date", question.day_first)
            for order, words in (("mdy", _("Month, {date}").format(date=month)), ("dmy", _("Day, {date}").format(date=day))):
                radio = Radio(words)
                radio.setChecked(column.order == order)
                radio.toggled.connect(lambda on, order=order, at=column.index: self._order(at, order) if on else None)
                row.addWidget(radio)
        row.addStretch(1)
        return box

    def _mean(self, index: int, target: str | None) -> None:
        if self._recognised is not None:
            self._recognised = self._recognised.with_target(index, target or None)
            self._show_columns()
            self._preview_anew()

    def _order(self, index: int, order: Any) -> None:
        if self._recognised is not None:
            self._recognised = self._recognised.with_order(order, index)
            self._say_what_is_missing()
            self._preview_anew()

    def _preview_anew(self) -> None:
        recognised = self._recognised
        if recognised is not None:
            self._lanes.read(lambda: tuple(people(*chosen(self._file, None, recognised))), self._previewed, key="import.preview")

    def _previewed(self, entries: tuple[Entry, ...]) -> None:
        self._people = entries
        self._person = min(self._person, max(0, len(entries) - 1))
        self._show_person()

    def _show_person(self) -> None:
        if self._preview_inside is not None:
            self._preview_inside.hide()
            self._preview_inside.deleteLater()
            self._preview_inside = None
        if not self._people:
            return
        found = self._recognised
        if found is None:
            return
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        top = QHBoxLayout()
        top.setSpacing(px(4))
        top.addWidget(Label(_("As it will be"), "strong", "muted"))
        count = len(self._people)
        words = _("{n} of {count}") if count < PREVIEWED else _("{n} of the first {count}")
        at = Label(words.format(n=number(self._person + 1), count=number(count)), "small", "muted", wrap=True)
        at.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        top.addWidget(at, 1)
        for name, icon, step in ((_("Previous person"), "caret-left", -1), (_("Next person"), "caret-right", 1)):
            button = IconButton(name, icon)
            button.clicked.connect(partial(self._step_person, step, name))
            top.addWidget(button)
        column.addLayout(top)
        column.addWidget(PersonPreview(self._people[self._person], found))
        self._preview_inside = inside
        self.preview.column.addWidget(inside)
        self._arrange()

    def _step_person(self, step: int, name: str, *checked: bool) -> None:
        self._person = (self._person + step) % len(self._people)
        self._show_person()
        again = next((button for button in self.findChildren(IconButton) if button.accessibleName() == name and button.isVisible()), None)
        if again is not None:
            again.setFocus()

    # -- check, import

    def _back(self) -> None:
        self._show_columns()

    def _next(self) -> None:
        if self._at == 1:
            self._try()
        elif self._at == 2 and self._checked:
            self._import()
        elif self._at == 2:
            self._try()

    def _try(self) -> None:
        recognised = self._recognised
        self._checked, self._rows = False, 0
        self._show(self._working(_("Checking every row …")), 2)
        self.next.hide()
        self.back.hide()
        self._job = self._lanes.write_long(lambda job: dry_run(self._desk, self._file, recognised=recognised, progress=job.progress, cancelled=job.cancelled),
                                           self._tried, self._stopped, progress=self._progress)

    def _tried(self, result: ImportResult) -> None:
        self._job = None
        self._rows = result.rows
        scroll = Scroll(margins=(24, 20, 24, 20))
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.column.addWidget(Label(ngettext("{n} row checked", "{n} rows checked", result.rows).format(n=number(result.rows)), "title"))
        scroll.column.addWidget(Label(self._file.name, tone="muted", wrap=True))
        scroll.column.addSpacing(px(12))
        for count, icon, tone, words, second in (
            (result.added, "user-plus", "ok", ngettext("new member", "new members", result.added), _("Nobody here has their number, address or name")),
            (result.updated, "note-pencil", "accent", ngettext("member gets something new", "members get something new", result.updated),
             _("What they have stays; History keeps what was")),
            (result.unchanged, "check", "muted", ngettext("is here already, just the same", "are here already, just the same", result.unchanged), ""),
            (result.rejected, "warning", "warn", ngettext("row cannot be used", "rows cannot be used", result.rejected), ""),
        ):
            scroll.column.addWidget(_sum_line(count, icon, tone if count else "muted", words, second if count else ""))
            scroll.column.addWidget(hairline())
        if result.rejects:
            scroll.column.addSpacing(px(16))
            scroll.column.addWidget(Label(_("Rows that cannot be used"), "strong", "muted"))
        for reject in result.rejects[:50]:
            scroll.column.addWidget(Label(_("Row {row}: {reason}").format(row=reject.row, reason=reject.reason), wrap=True))
        if result.rejected > 50:
            more = result.rejected - 50
            scroll.column.addWidget(Label(ngettext("and {n} more", "and {n} more", more).format(n=number(more)), tone="muted"))
        for heading, cells in result.left_out.items():
            scroll.column.addWidget(IconLine("eye", ngettext("{n} value in “{column}” is left out", "{n} values in “{column}” are left out", cells).format(
                n=number(cells), column=heading)))
        if result.rejected:
            keep = Button(_("Save the unusable rows as a file"))
            keep.clicked.connect(self._keep_rejects)
            self._keep_button = keep
            scroll.column.addWidget(keep, 0, Qt.AlignmentFlag.AlignLeft)
        scroll.column.addStretch(1)
        self._show(scroll, 2)
        doing = result.added + result.updated
        self.next.set_words(ngettext("Import {n} person", "Import {n} people", doing).format(n=number(doing)) if doing else _("Close"))
        self._nothing = not doing
        self._checked = True
        self.next.setFocus()

    def _keep_rejects(self) -> None:
        suggestion = self._file.with_name(f"{self._file.stem}-rejected.csv")
        chosen, _kind = QFileDialog.getSaveFileName(self, _("Save the unusable rows"), str(suggestion), "CSV (*.csv)")
        if chosen:
            self.keep_rejects(Path(chosen))

    def keep_rejects(self, out: Path) -> None:
        """Write the rows that cannot be used, each with its reason, now: whether or not the others are imported."""
        recognised, button = self._recognised, self._keep_button
        button.setEnabled(False)
        self.next.setEnabled(False)
        self.said.setText(_("Writing {file} …").format(file=out.name))
        self._lanes.write_long(lambda job: dry_run(self._desk, self._file, recognised=recognised, rejects=out, cancelled=job.cancelled),
                               lambda result: self._kept(out, button), lambda error: self._not_kept(error, button))

    def _kept(self, out: Path, button: Button) -> None:
        if not isValid(button):  # the sheet was closed meanwhile
            return
        self.next.setEnabled(True)
        button.set_words(_("Saved as {file}").format(file=out.name))
        button.set_icon("check")
        self.said.setText(_("Nothing is saved yet") if not self._nothing else "")

    def _not_kept(self, error: KnownError, button: Button) -> None:
        if not isValid(button):
            return
        self.next.setEnabled(True)
        button.setEnabled(True)
        self.said.setText(str(error))

    def _import(self) -> None:
        if self._nothing:
            super().reject()
            return
        before_saving(self, self._desk, self._lanes, self._import_now, lambda: self.said.setText(_("Nothing is saved yet: the recovery key comes first")),
                      lambda error: self.said.setText(str(error)))  # fmt: skip

    def _import_now(self) -> None:
        recognised = self._recognised
        self._show(self._working(_("Importing …")), 3)

        def work(job: Job) -> ImportResult:
            try:
                before(self._desk, "before_import", self._file.name, cancelled=job.cancelled)
            except Refused as problem:
                raise Cancelled(problem.code, _("The import was cancelled. Nothing was changed.")) from None
            return run_import(self._desk, self._file, recognised=recognised, progress=job.progress, cancelled=job.cancelled)

        self._job = self._lanes.write_long(work, self._done, self._stopped, progress=self._progress)
        self._set_at_work(_("An import goes on, and is saved when it is through"))

    def touched(self) -> bool:
        return self._recognised is not None or super().touched()

    def _set_at_work(self, words: str) -> None:
        self.at_work = words
        self.turned.emit()

    def _working(self, words: str) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(px(24), px(20), px(24), px(20))
        column.addWidget(Label(words, "title"))
        self.bar = QProgressBar()
        self.bar.setAccessibleName(words)
        self.bar.setTextVisible(False)
        self.bar.setRange(0, 0)
        column.addWidget(self.bar)
        self.counted = Label("", tone="muted")
        column.addWidget(self.counted)
        column.addStretch(1)
        return page

    def _progress(self, done: int, total: int) -> None:
        words = _("{done} of {total} rows") if self._rows else _("{done} of about {total} rows")
        total = max(self._rows, done) if self._rows else total
        self.bar.setRange(0, max(total, 1))
        self.bar.setValue(done)
        self.counted.setText(words.format(done=number(done), total=number(total)))

    def _done(self, result: ImportResult) -> None:
        self._job = None
        self.imported.emit(result)
        self.accept()

    def _stopped(self, error: KnownError) -> None:
        self._job = None
        self._set_at_work("")
        if isinstance(error, Cancelled):
            self.said.setText(str(error))
            if self._at == 3:  # before that, nobody expects that anything was saved
                self.stopped.emit(str(error))
            super().reject()
            return
        if isinstance(error, StoreProblem):
            self._held_up(error)
            return
        self._refused(error)


def _press(button: Button) -> None:
    if button.isVisible():
        button.click()


class _Middle(QWidget):
    def sizeHint(self) -> QSize:
        return QSize(px(1040), px(622))

    def minimumSizeHint(self) -> QSize:
        return QSize(px(320), px(120))


def _sum_line(count: int, icon: str, tone: str, words: str, second: str) -> QWidget:
    box = QWidget()
    row = QHBoxLayout(box)
    row.setContentsMargins(0, px(8), 0, px(8))
    row.setSpacing(px(12))
    row.addWidget(Glyph(icon, tone, 18))  # type: ignore[arg-type]
    many = Label(number(count), "heading", "text" if count else "muted")
    many.setMinimumWidth(px(40))
    many.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    row.addWidget(many)
    said = QVBoxLayout()
    said.setSpacing(0)
    said.addWidget(Label(words, tone="text" if count else "muted", wrap=True))
    if second:
        said.addWidget(Label(second, "small", "muted", wrap=True))
    row.addLayout(said, 1)
    return box


def _message(words: str) -> QWidget:
    page = QWidget()
    column = QVBoxLayout(page)
    column.addStretch(1)
    column.addWidget(Label(words, "heading", "muted"), 0, Qt.AlignmentFlag.AlignHCenter)
    column.addStretch(2)
    return page


def _problem(error: KnownError, *below: QWidget) -> QWidget:
    """A page that says what is in the way, however long the sentence, and what may be done."""
    page = Scroll(margins=(24, 20, 24, 20))
    page.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    page.column.addStretch(1)
    page.column.addWidget(Glyph("warning", "warn", 48, name=_("Problem")), 0, Qt.AlignmentFlag.AlignHCenter)
    words = Label(str(error), "heading", wrap=True)
    words.setMaximumWidth(px(480))
    words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    row = QHBoxLayout()  # not by an alignment in the column: that asks for the height of a wider line, and the last line is cut
    row.addStretch(1)
    row.addWidget(words, 1_000)
    row.addStretch(1)
    page.column.addLayout(row)
    for one in below:
        page.column.addWidget(one, 0, Qt.AlignmentFlag.AlignHCenter)
    page.column.addStretch(2)
    return page


def _short(text: str, length: int = 60) -> str:
    return text if len(text) <= length else f"{text[:length - 1]}…"
