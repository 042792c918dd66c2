"""The recovery key: shown, printed or saved, and two groups read back from the paper. Comes before the first real member is saved."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import QLocale, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.controls import Button, Field, Label, hairline
from alumni_desk.desktop.dates import month_long
from alumni_desk.desktop.fonts import font_of, px, text_size
from alumni_desk.desktop.front import front_column, front_head, text_size_choice
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import breakable, paint_ground, paint_ring, paint_text
from alumni_desk.desktop.sheet import PlainSheet, Sheet
from alumni_desk.desktop.widgets import Glyph
from alumni_desk.errors import BadInput, KnownError
from alumni_desk.protocol.codes import read_recovery_group
from alumni_desk.store import recovery
from alumni_desk.store.desk import Desk
from alumni_desk.words import _, clock_time, day_full, ngettext

VOLUNTEER = "door"


@dataclass(frozen=True)
class Paper:
    """What goes on the paper, and how far reading it back came before."""

    chapter: str
    key: str
    begun: recovery.Begun | None = None
    replaces: bool = False
    """Whether another one lies on paper, which holds until this one was read back."""


def wanted(desk: Desk) -> bool:
    """Whether a paper has to exist before a member is saved: not for made-up people, not under a door grant, not once it was read back."""
    from alumni_desk.sync import state

    with desk.reading() as connection:
        sample = connection.exec_driver_sql("SELECT sample FROM chapter LIMIT 1").scalar()
        membership = state.read(connection, state.Membership)
    grant = membership is not None and membership.role == VOLUNTEER
    return not sample and not grant and recovery.standing(desk).read_back is None


def paper_of(desk: Desk, key: str | None = None) -> Paper:
    """The desk's recovery key (made now, the first time), or the one that is to be the next, and the name of its chapter."""
    replaces = key is not None and recovery.standing(desk).replacing
    key = key or recovery.recovery_key(desk)
    with desk.reading() as connection:
        chapter = connection.exec_driver_sql("SELECT name FROM chapter LIMIT 1").scalar()
    return Paper(chapter or "", key, recovery.begun(desk), replaces)


def before_saving(owner: QWidget, desk: Desk, lanes: Lanes, save: Callable[[], object], not_now: Callable[[], None],
                  failed: Callable[[KnownError], None], saves: Callable[[], bool] = lambda: True) -> None:  # fmt: skip
    """Save at once if there is a paper; else ask for it first. ``not_now``: it was cancelled; what was typed is kept. ``saves``: whether it is about
    somebody at all, asked off the screen."""

    def with_answer(paper: Paper | None) -> None:
        if paper is None:
            save()
            return
        page = RecoveryPage(owner, desk, lanes, paper)
        page.accepted.connect(lambda: save())
        page.rejected.connect(not_now)
        page.open()

    lanes.write(lambda: paper_of(desk) if wanted(desk) and saves() else None, with_answer, failed)


def before_it_saves(sheet: Sheet, desk: Desk, lanes: Lanes, save: Callable[[], object]) -> None:
    """The same for a sheet that is busy with saving somebody."""
    before_saving(sheet, desk, lanes, save, lambda: sheet.tell(not_yet()), sheet.complain)


def not_yet() -> str:
    """Said where somebody came back from the paper without it."""
    return _("Nothing is saved yet: the recovery key comes first.")


class RecoveryPage(PlainSheet):
    """Fills its window. ``accepted`` once two groups were read back; Back or Esc leaves it, and nothing is saved: the next one goes on there."""

    is_form = False

    def __init__(self, parent: QWidget, desk: Desk, lanes: Lanes, paper: Paper, *, foot: str | None = None,
                 choose: Callable[[], tuple[int, int]] | None = None) -> None:  # fmt: skip
        super().__init__(parent, _("A new key to keep on paper") if paper.replaces else _("One key to keep on paper"))
        self._desk, self._lanes, self._paper = desk, lanes, paper
        so_far = paper.begun or recovery.Begun((choose or _two_groups)())
        self.asked, self._how, self._at = so_far.asked, so_far.how, so_far.at
        self._kept = ""  # how and when it was, in words
        self._file = ""  # the one it lies in, if it does
        self._foot_words = _("No member is saved before this is done") if foot is None else foot
        self._in_view = QTimer(self)  # once what is said has its place
        self._in_view.setSingleShot(True)
        self._in_view.timeout.connect(self._show_wanted)
        self.setObjectName("page")  # a page has no border
        self._fill_window(parent)
        # The sheet's own title bar gives way to a page.
        for part in (self.whole.takeAt(0), self.whole.takeAt(0), self.whole.takeAt(0)):
            _drop(part)
        self._build()
        self.print_button.setFocus()
        self._go_on(so_far)

    def _go_on(self, so_far: recovery.Begun) -> None:
        """From where somebody went back."""
        for number in so_far.right:
            self.lines[number].fill()
        if so_far.how:
            self._done(_kept_words(so_far.how, so_far.at), so_far.file)

    def _note(self) -> None:
        """Keep how far it came, without what was typed."""
        right = tuple(number for number, line in self.lines.items() if line.right())
        if self._how or right:
            so_far = recovery.Begun(self.asked, right, self._how, self._at, self._file)
            self._lanes.write(lambda: recovery.note_begun(self._desk, so_far))

    def reject(self) -> None:
        self._note()
        super().reject()

    def _build(self) -> None:
        bar = QHBoxLayout()
        bar.setContentsMargins(px(24), px(12), px(24), px(12))
        self.back = Button(_("Back"), icon="arrow-left")
        self.back.clicked.connect(self.reject)
        bar.addWidget(self.back)
        bar.addStretch(1)
        self.size_choice = text_size_choice(text_size(), lambda percent: QTimer.singleShot(0, self, lambda: self._set_size(percent)))
        bar.addWidget(self.size_choice)
        self.whole.addLayout(bar)
        scroll, column = front_column(688)
        if self._paper.replaces:
            second = _("The printed one opens your members until you have read this one back from its paper; after that it opens nothing but older backups.")
        else:
            second = _("If this laptop breaks or the password is forgotten, only this recovery key opens your members again, and nobody else has a copy of it.")
        column.addLayout(front_head(self.windowTitle(), second))
        column.addSpacing(px(20))
        self._build_first(column)
        column.addSpacing(px(20))
        self._build_second(column)
        column.addSpacing(px(20))
        self._build_foot(column)
        self.whole.addWidget(scroll, 1)
        self._middle = self._scroll = scroll
        self._look()

    def _set_size(self, percent: int) -> None:
        """Another text size: the page is drawn anew at once, with what was typed; the window under it follows when it is seen again."""
        if (wanted := getattr(self._fills, "size_wanted", None)) is not None:
            wanted.emit(percent)
        typed, trouble = [line.field.text() for line in self.lines.values()], self.said.text() if self.said.isVisible() else ""
        self._in_view.stop()
        while self.whole.count():
            _drop(self.whole.takeAt(0))
        self._build()
        for line, text in zip(self.lines.values(), typed, strict=True):
            line.field.setText(text)
        self.size_choice.setFocus()
        if self._kept:
            self._done(self._kept, self._file)
        self.said.setText(trouble)
        self.said.setVisible(bool(trouble))

    def _fill_window(self, parent: QWidget) -> None:
        window = parent.window()
        while window.parentWidget() is not None:
            window = window.parentWidget().window()
        self._fills = window
        self.setFixedSize(window.size())

    def fit(self) -> None:
        """It fills its window, whatever it holds."""

    def showEvent(self, event: object) -> None:
        self.setFixedSize(self._fills.size())
        super().showEvent(event)
        self.move(self._fills.geometry().topLeft())

    # -- building

    def _step(self, column: QVBoxLayout, number: int, title: str) -> tuple[_StepMark, QVBoxLayout, QHBoxLayout]:
        row = QHBoxLayout()
        row.setSpacing(px(20))
        mark = _StepMark(number)
        row.addSpacing(px(8))
        row.addWidget(mark, 0, Qt.AlignmentFlag.AlignTop)
        inside = QVBoxLayout()
        inside.setSpacing(px(8))
        head = QHBoxLayout()
        head.addWidget(Label(title, "heading"))
        head.addStretch(1)
        inside.addLayout(head)
        row.addLayout(inside, 1)
        column.addLayout(row)
        return mark, inside, head

    def _build_first(self, column: QVBoxLayout) -> None:
        self._first, inside, head = self._step(column, 1, _("Print or save it"))
        self._done_glyph, self._done_words = Glyph("check-circle", "ok", 16), Label("", "small", "ok")
        self._done_glyph.hide()
        head.addWidget(self._done_glyph)
        head.addWidget(self._done_words)
        self.groups = GroupsView(self._paper.key.split("-"))
        inside.addWidget(self.groups)
        inside.addSpacing(px(4))
        row = QHBoxLayout()
        row.setSpacing(px(8))
        self.print_button = Button(_("Print"), "primary", "printer")
        self.print_button.clicked.connect(self.print_it)
        self.save_button = Button(_("Save as file"), icon="floppy-disk")
        self.save_button.clicked.connect(self.save_it)
        row.addWidget(self.print_button)
        row.addWidget(self.save_button)
        row.addSpacing(px(8))
        self._advice = Label(_("Keep it with the chapter’s papers, not on this laptop."), "small", "muted", wrap=True)
        row.addWidget(self._advice, 1)
        inside.addLayout(row)
        self.said = Label("", "small", "danger", wrap=True)  # a whole sentence: beside the title it would be cut
        inside.addWidget(self.said)
        self.said.hide()

    def _build_second(self, column: QVBoxLayout) -> None:
        self._second, inside, _head = self._step(column, 2, _("Read two groups back from the paper"))
        first, second = self.asked
        inside.addWidget(Label(_("Groups {first} and {second} are covered above while you type. Capitals do not matter.").format(
            first=first, second=second), tone="muted", wrap=True))
        inside.addSpacing(px(8))
        row = QHBoxLayout()
        row.setSpacing(px(20))
        self.lines = {number: GroupLine(number, self._paper.key.split("-")[number - 1]) for number in self.asked}
        for line in self.lines.values():
            line.field.textChanged.connect(self._look)
            line.field.returnPressed.connect(self._enter)
            row.addWidget(line)
        row.addStretch(1)
        inside.addLayout(row)

    def _build_foot(self, column: QVBoxLayout) -> None:
        inside = QVBoxLayout()
        inside.setContentsMargins(px(56), 0, 0, 0)
        inside.setSpacing(px(16))
        inside.addWidget(hairline())
        row = QHBoxLayout()
        row.setSpacing(px(16))
        row.addWidget(Label(self._foot_words, tone="muted", wrap=True), 1)
        self.reason = Label("", tone="muted")
        row.addWidget(self.reason)
        self.done_button = Button(_("Continue"), "primary", height=40)
        self.done_button.clicked.connect(self._finish)
        row.addWidget(self.done_button)
        inside.addLayout(row)
        column.addLayout(inside)

    # -- the paper

    def print_it(self) -> None:
        """Print the key by the system's dialog."""
        from alumni_desk.badges.stocks import stock
        from alumni_desk.desktop.printing import print_pdf
        from alumni_desk.paper.recovery_sheet import recovery_pdf

        american = QLocale.system().measurementSystem() == QLocale.MeasurementSystem.ImperialUSSystem
        page = stock("avery-5392" if american else "avery-l4785")
        pdf = recovery_pdf(self._paper.chapter, self._paper.key, _today(), paper=page.paper)
        print_pdf(self, pdf, page, _("Recovery key"), self._lanes, self._printed, self._trouble)

    def _printed(self, file: Path | None) -> None:
        self._is_kept("printed" if file is None else "pdf", file.name if file is not None else "")

    def save_it(self) -> None:
        """Save the key as PDF or text, where the user says; best on a stick."""
        suggestion = Path.home() / _("recovery-key.pdf")
        chosen, _kind = QFileDialog.getSaveFileName(self, _("Save the recovery key"), str(suggestion), _("PDF (*.pdf);;Text (*.txt)"))
        if chosen:
            self.save_to(Path(chosen))

    def save_to(self, file: Path) -> None:
        """Save the key as this file: text if it ends in .txt, else PDF."""
        self._lanes.work(lambda: write_paper(self._paper, file), lambda done: self._is_kept("saved", file.name), self._trouble)

    def _is_kept(self, how: str, file: str) -> None:
        self._how, self._at = how, datetime.now(UTC).isoformat(timespec="seconds")
        self._done(_kept_words(how, self._at), file)
        self._note()

    def _done(self, words: str, file: str) -> None:
        self._kept, self._file = words, file or self._file
        if self._file:
            self._advice.set_tone("warn")
            self._advice.setText(_("Whoever has {file} can open the chapter. Take it on a stick to the chapter’s papers, then delete it here.").format(
                file=self._file))
        self.said.hide()
        self._done_glyph.show()
        self._done_words.setText(words)
        self.print_button.set_words(_("Print again"))
        self.print_button.kind = "secondary"
        self._look()
        self._next_group()

    def _trouble(self, error: KnownError) -> None:
        self.said.setText(breakable(str(error)))
        self.said.show()
        self._look()
        self._bring(self.said)

    def _bring(self, part: QWidget) -> None:
        self._wanted = part
        self._in_view.start(0)

    def _show_wanted(self) -> None:
        inside, layout = self._scroll.widget(), self._scroll.widget().layout()
        layout.activate()
        inside.resize(inside.width(), max(layout.totalHeightForWidth(inside.width()), self._scroll.viewport().height()))
        layout.activate()
        self._scroll.ensureWidgetVisible(self._wanted)

    # -- reading back

    def _look(self) -> None:
        typing = any(line.field.text() for line in self.lines.values())
        self.groups.cover(self.asked if self._kept or typing else ())
        missing = [number for number, line in self.lines.items() if not line.right()]
        self._first.set_done(bool(self._kept))
        self._second.set_done(not missing)
        if not self._kept:
            reason = _("Print or save it first")
        elif missing:
            reason = _("Group {n} is missing").format(n=missing[0]) if not self.lines[missing[0]].wrong() else _("Group {n} is not right").format(n=missing[0])
        else:
            reason = ""
        self.reason.setText(reason)
        self.done_button.setEnabled(not reason)

    def _enter(self) -> None:
        if self.done_button.isEnabled():
            self._finish()
        else:
            self._next_group()

    def _next_group(self) -> None:
        """To the group that is not right yet, or to the end; it is seen, however large the text is."""
        left = next((line for line in self.lines.values() if not line.right()), None)
        (left.field if left is not None else self.done_button).setFocus()
        self._bring(left or self.done_button)

    def _finish(self) -> None:
        self.done_button.setEnabled(False)
        self._lanes.write(lambda: recovery.note_read_back(self._desk, self._paper.key), lambda done: self.accept(), self._trouble)


def write_paper(paper: Paper, file: Path) -> None:
    """Write the key to a file of the user's choice, readable by this user alone. Raises BadInput if it cannot be written."""
    import os

    from alumni_desk.desktop.printing import private_file
    from alumni_desk.paper.recovery_sheet import recovery_pdf, recovery_text

    made = _today()
    text = file.suffix.lower() == ".txt"
    content = recovery_text(paper.chapter, paper.key, made).encode() if text else recovery_pdf(paper.chapter, paper.key, made, saved=True)
    handle = private_file(file)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
    except OSError as error:
        raise BadInput("file_not_written", _("{file} cannot be written ({reason}). Choose another folder."), file=file.name,
                       reason=error.strerror or type(error).__name__) from None


def _kept_words(how: str, at: str) -> str:
    """How and when the key was kept; of another day with its day."""
    moment = datetime.fromisoformat(at).astimezone()
    time = clock_time(moment)
    if moment.date() != datetime.now().date():
        time = _("{day}, {time}").format(day=day_full(moment.date()), time=time)
    words = {"printed": _("Sent to the printer at {time}"), "pdf": _("Saved as PDF at {time}")}.get(how, _("Saved at {time}"))
    return words.format(time=time)


def _today() -> str:
    day = datetime.now().date()
    return f"{day.day} {month_long(day)} {day.year}"


def _two_groups() -> tuple[int, int]:
    chosen = secrets.SystemRandom().sample(range(1, 9), 2)
    return min(chosen), max(chosen)


def _drop(item: object) -> None:
    widget, layout = item.widget(), item.layout()  # type: ignore[attr-defined]
    if widget is not None:
        widget.hide()
        widget.deleteLater()
    while layout is not None and layout.count():
        _drop(layout.takeAt(0))


class _StepMark(QWidget):
    """A step's number on a disc; once it is done, a tick."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number, self._done = number, False
        self.setFixedSize(px(28), px(28))

    def set_done(self, done: bool) -> None:
        self._done = done
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        from alumni_desk.desktop.icons import paint_icon

        colours, painter = look(self), QPainter(self)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        if self._done:
            paint_icon(painter, box, "check-circle", colours.ok)
            return
        paint_ground(painter, box, colours.accent, box.width() / 2)
        paint_text(painter, box, str(self._number), colours.on_accent, "strong", Qt.AlignmentFlag.AlignHCenter, elide=False)


def _large() -> QFont:
    font = font_of("title", tabular=True)
    font.setPixelSize(px(20))
    font.setLetterSpacing(QFont.SpacingType.PercentageSpacing, 108)
    return font


class GroupsView(QWidget):
    """Eight numbered groups in two rows of four; some may be covered."""

    def __init__(self, groups: list[str]) -> None:
        super().__init__()
        self._groups = groups
        self._covered: tuple[int, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._name()

    def sizeHint(self) -> QSize:
        return QSize(px(624), px(112))

    def cover(self, numbers: tuple[int, ...]) -> None:
        """Cover these groups (from 1), show the others."""
        if numbers != self._covered:
            self._covered = numbers
            self._name()
            self.update()

    def shown(self) -> list[str]:
        """What can be read, group by group."""
        return ["•••••" if number in self._covered else group for number, group in enumerate(self._groups, 1)]

    def _name(self) -> None:
        self.setAccessibleName(_("Recovery key"))
        self.setAccessibleDescription(", ".join(f"{number}: {' '.join(group)}" for number, group in enumerate(self.shown(), 1)))

    def paintEvent(self, event: QPaintEvent) -> None:
        colours, painter = look(self), QPainter(self)
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        paint_ring(painter, box, colours.line, 8, 1)
        width, height = box.width() / 4, box.height() / 2
        painter.fillRect(QRectF(box.left(), box.center().y(), box.width(), 1), look(self).line)
        for column in range(1, 4):
            painter.fillRect(QRectF(box.left() + column * width, box.top(), 1, box.height()), colours.line)
        for number, group in enumerate(self.shown()):
            cell = QRectF(box.left() + number % 4 * width, box.top() + number // 4 * height, width, height)
            paint_text(painter, cell.adjusted(px(16), 0, 0, 0), str(number + 1), colours.muted, "small", elide=False)
            painter.setFont(_large())
            painter.setPen(colours.muted if number + 1 in self._covered else colours.text)
            painter.drawText(cell.adjusted(px(36), 0, 0, 0), int(Qt.AlignmentFlag.AlignVCenter), group)


class GroupLine(QWidget):
    """One group to type, and below it whether it is right."""

    def __init__(self, number: int, group: str) -> None:
        super().__init__()
        self._group = group
        self.setFixedWidth(px(144))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(4))
        name = _("Group {n}").format(n=number)
        column.addWidget(Label(name, "label"))
        self.field = Field(name, height=40)
        self.field.setFont(_large())
        self.field.setStyleSheet(f"font-size: {px(20)}px")
        self.field.textEdited.connect(lambda text: self.field.setText(read_recovery_group(text)[:5]))
        self.field.textChanged.connect(lambda text: self._say())
        column.addWidget(self.field)
        row = QHBoxLayout()
        row.setSpacing(px(6))
        self._glyph, self.below = Glyph("check-circle", "ok", 16), Label("", "small", "muted")
        self._glyph.hide()
        row.addWidget(self._glyph)
        row.addWidget(self.below, 1)
        column.addLayout(row)
        self._say()

    def right(self) -> bool:
        """Whether the group was typed as it is."""
        return self.field.text() == self._group

    def fill(self) -> None:
        """It was typed as it is before."""
        self.field.setText(self._group)

    def wrong(self) -> bool:
        """Whether it was typed to its end, and is not as it is."""
        return len(self.field.text()) == 5 and not self.right()

    def _say(self) -> None:
        left = 5 - len(self.field.text())
        self.field.set_wrong(self.wrong())
        self._glyph.setVisible(self.right() or self.wrong())
        if self.right():
            self._glyph.set_icon("check-circle", "ok")
            words, tone = _("Right"), "ok"
        elif self.wrong():
            self._glyph.set_icon("warning", "danger")
            words, tone = _("Not as on the paper"), "danger"
        else:
            words, tone = ngettext("{n} more to come", "{n} more to come", left).format(n=left) if left < 5 else "", "muted"
        self.below.setText(words)
        self.below.set_tone(tone)  # type: ignore[arg-type]
        self.field.setAccessibleDescription(words)

