"""The middle of the badges page: the sheet as it will be printed, turned by its arrows, and the first label that is free."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.badges.stocks import Stock, stocks
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.badge_laying import Laid, label_marks
from alumni_desk.desktop.badge_parts import Question, SheetStrip
from alumni_desk.desktop.controls import IconButton, Label, Number
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.paper_view import PaperView
from alumni_desk.paper.preview import page_picture
from alumni_desk.words import _, number

MOST_IN_SMALL = 60
"""Sheets; more are turned by the arrows alone."""
WIDTH = 1100
"""Pixels of a preview page: sharp up to twice its size on screen."""


class BadgeSheets(QWidget):
    """``changed``: another label is the first free one, or one is damaged."""

    changed = Signal()

    def __init__(self, lanes: Lanes) -> None:
        super().__init__()
        self._lanes = lanes
        self._laid: Laid | None = None
        self._page = 0
        self._skip: set[int] = set()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self._bar = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._bar.setContentsMargins(px(16), px(10), px(16), px(10))
        self._bar.setSpacing(px(8))
        turn = QHBoxLayout()
        turn.setSpacing(px(8))
        self.before = IconButton(_("Sheet before"), "caret-left")
        self.before.clicked.connect(lambda: self._turn(-1))
        turn.addWidget(self.before)
        self.sheet = Label("", "strong")
        turn.addWidget(self.sheet)
        self.after = IconButton(_("Next sheet"), "caret-right")
        self.after.clicked.connect(lambda: self._turn(1))
        turn.addWidget(self.after)
        turn.addStretch(1)
        self._bar.addLayout(turn, 1)
        first = QHBoxLayout()
        first.setSpacing(px(8))
        self.free_words = Label(_("First free label"))
        first.addWidget(self.free_words)
        self.start_at = Number(_("First free label"), 1, stocks()[0].per_sheet)
        self.start_at.setFixedWidth(px(72))
        self.start_at.valueChanged.connect(lambda n: self.changed.emit())
        first.addWidget(self.start_at)
        first.addStretch(1)
        self._bar.addLayout(first)
        column.addLayout(self._bar)
        self.notice = QVBoxLayout()
        self.notice.setContentsMargins(px(16), 0, px(16), px(8))
        column.addLayout(self.notice)
        desk = QHBoxLayout()
        desk.setSpacing(0)
        self.strip = SheetStrip()
        self.strip.turned.connect(self._turn_to)
        self.strip.hide()
        desk.addWidget(self.strip)
        self.paper = PaperView()
        self.paper.clicked.connect(self._label_clicked)
        desk.addWidget(self.paper, 1)
        column.addLayout(desk, 1)

    def minimumSizeHint(self) -> QSize:
        return QSize(px(216), super().minimumSizeHint().height())  # its rows break where they must

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit(event.size().width())

    def _fit(self, width: int) -> None:
        """Where it is narrow the first free label goes below the sheet's number, and the sheets in small are left out."""
        narrow = width < px(420)
        self._bar.setDirection(QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight)
        self._show_strip()

    def _show_strip(self) -> None:
        laid = self._laid
        shown = laid is not None and bool(laid.report.badges) and 1 < laid.report.pages <= MOST_IN_SMALL and not laid.wanted.stock.roll
        self.strip.setVisible(shown and self.paper.parentWidget().width() >= px(420))

    @property
    def skipped(self) -> frozenset[int]:
        """Damaged labels of the first sheet, from 1."""
        return frozenset(n for n in self._skip if n > self.start_at.value())

    def begin_anew(self) -> None:
        """What was said of the sheets of another gathering does not hold for this one."""
        self._page = 0
        self._skip.clear()
        self._start_at_one()

    def show_stock(self, chosen: Stock) -> None:
        """Other labels."""
        self.start_at.blockSignals(True)
        self.start_at.setRange(1, chosen.per_sheet)
        self.start_at.blockSignals(False)
        self._start_at_one()
        self._skip.clear()
        for widget in (self.free_words, self.start_at):
            widget.setVisible(not chosen.roll)

    def _start_at_one(self) -> None:
        self.start_at.blockSignals(True)
        self.start_at.setValue(1)
        self.start_at.blockSignals(False)

    def show_laid(self, laid: Laid) -> None:
        """Show these."""
        self._laid = laid
        self._page = max(0, min(self._page, laid.report.pages - 1))
        self.strip.show_sheets(laid.report.pages if laid.report.pages <= MOST_IN_SMALL else 0, {look.page for look in laid.report.looks})
        self._show_strip()
        if self.strip.isVisibleTo(self):
            self._draw_small(laid, 0)
        self._show_page()

    def ask(self, question: Question | None) -> None:
        """Put a question above the sheet, or none."""
        while self.notice.count():
            old = self.notice.takeAt(0).widget()
            if old is not None:
                old.hide()
                old.deleteLater()
        if question is not None:
            self.notice.addWidget(question)

    def _draw_small(self, laid: Laid, page: int) -> None:
        """The sheets in small, one after the other, so that the large one never waits for them."""
        if laid is not self._laid or page >= laid.report.pages:
            return

        def drawn(png: bytes) -> None:
            if laid is self._laid:
                self.strip.set_picture(page, png)
                self._draw_small(laid, page + 1)

        self._lanes.read_long(lambda job: page_picture(laid.pdf, page, 150), drawn)

    def _label_clicked(self, number: int, skip: bool) -> None:
        """The first free label, or with Ctrl one that is damaged."""
        if skip and number > self.start_at.value():
            self._skip ^= {number}
            self.changed.emit()
        elif not skip:
            self._skip.discard(number)
            self.start_at.setValue(number)

    def _turn_to(self, page: int) -> None:
        if self._laid is not None and page != self._page:
            self._page = page
            self._show_page()

    def _turn(self, step: int) -> None:
        if self._laid is not None:
            self._page = max(0, min(self._laid.report.pages - 1, self._page + step))
            self._show_page()

    def _show_page(self) -> None:
        laid, page = self._laid, self._page
        if laid is None:
            return
        if not laid.report.badges:
            self.sheet.setText(_("Nothing to print"))
            self.before.setEnabled(False)
            self.after.setEnabled(False)
            self.paper.show_picture(None, [], _("Nothing to print"))
            return
        said = _("Label {n} of {pages}") if laid.wanted.stock.roll else _("Sheet {n} of {pages}")
        self.sheet.setText(said.format(n=number(page + 1), pages=number(laid.report.pages)))
        self.strip.set_page(page)
        self.before.setEnabled(page > 0)
        self.after.setEnabled(page + 1 < laid.report.pages)
        self._lanes.read_long(lambda job: page_picture(laid.pdf, page, WIDTH), lambda png: self._pictured(laid, page, png))

    def _pictured(self, laid: Laid, page: int, png: bytes) -> None:
        if laid is not self._laid or page != self._page:
            return
        hint = _("Click the first free label. Ctrl+click skips a damaged one.") if page == 0 and not laid.wanted.stock.roll else ""
        self.paper.show_picture(png, label_marks(laid.wanted, page), ", ".join(person.big for person in laid.people[:12]), hint)
