"""Badges: whose, on which paper, what they will look like; then print or save them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from PySide6.QtCore import QRectF
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.badges.actions import note_printed
from alumni_desk.badges.lists import heading_of
from alumni_desk.badges.people import BadgePerson, badge_people
from alumni_desk.badges.rosters import write_whole
from alumni_desk.badges.sheets import Look, PrintReport, print_badges
from alumni_desk.badges.stocks import Stock, stock, stocks
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.desktop.controls import Button, Choice, IconButton, Label, Number, Radio, Tick, hairline
from alumni_desk.desktop.dates import day_long, distance, parse_wall
from alumni_desk.desktop.deeds import Deed
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.pages import EmptyPage, Go, Notice, Page
from alumni_desk.desktop.paper_view import PaperView
from alumni_desk.desktop.widgets import IconLine, Scroll, small_heading
from alumni_desk.errors import KnownError
from alumni_desk.gatherings.lists import GatheringRow, gathering_rows
from alumni_desk.paper.preview import page_picture
from alumni_desk.store.desk import Changed, Desk
from alumni_desk.words import _, ngettext, number

BLANKS = 6
WIDTH = 1100
"""Pixels of a preview page: sharp up to twice its size on screen."""


@dataclass(frozen=True)
class Wanted:
    """What shall be printed."""

    gathering: str
    stock: Stock
    only_new: bool
    start_at: int
    blanks: int


@dataclass(frozen=True)
class Laid:
    """Badges laid out."""

    wanted: Wanted
    people: tuple[BadgePerson, ...]
    everyone: int
    new: int
    pdf: bytes
    report: PrintReport


def lay_out(desk: Desk, wanted: Wanted, cancelled: Callable[[], bool] | None = None) -> Laid:
    """Lay them out, in memory."""
    everyone = badge_people(desk, wanted.gathering)
    new = badge_people(desk, wanted.gathering, only_new=True)
    people = new if wanted.only_new else everyone
    out = io.BytesIO()
    report = print_badges(people, wanted.stock, out, heading=heading_of(desk, wanted.gathering), start_at=wanted.start_at, blanks=wanted.blanks,
                          cancelled=cancelled)
    return Laid(wanted, tuple(people), len(everyone), len(new), out.getvalue(), report)


class BadgesPage(Page):
    """Print badges."""

    name = "badges"
    icon = "identification-badge"
    title = _("Badges")
    watches = frozenset({"gathering", "registration", "person", "fact", "chapter"})

    def __init__(self, desk: Desk, lanes: Lanes, changes: ChangeBus, go: Go, *, clock: Callable[[], date] = date.today) -> None:
        super().__init__(desk, lanes, changes, go)
        self._clock = clock
        self._rows: dict[str, GatheringRow] = {}
        self._wish: str | None = None
        self._laid: Laid | None = None
        self._page = 0
        self._unsaid: Laid | None = None
        content = QWidget()
        across = QHBoxLayout(content)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        across.addWidget(self._left())
        across.addWidget(hairline("v"))
        across.addLayout(self._middle(), 1)
        across.addWidget(hairline("v"))
        across.addWidget(self._right())
        self.stack.set_content(content)

    def _left(self) -> QWidget:
        box = QFrame()
        box.setFixedWidth(min(px(232), 300))
        column = QVBoxLayout(box)
        column.setContentsMargins(px(16), px(20), px(16), px(20))
        column.setSpacing(px(6))
        column.addWidget(small_heading(_("Gathering")))
        self.gathering = Choice(_("Gathering"))
        self.gathering.activated.connect(lambda n: self._anew())
        column.addWidget(self.gathering)
        self.when = Label("", "small", "muted", wrap=True)
        column.addWidget(self.when)
        column.addSpacing(px(20))
        column.addWidget(small_heading(_("Badge paper")))
        self.stock = Choice(_("Badge paper"), [(one.name, one.words) for one in stocks()])
        self.stock.activated.connect(lambda n: self._other_stock())
        column.addWidget(self.stock)
        self.stock_detail = Label(stocks()[0].detail, "small", "muted", wrap=True)
        column.addWidget(self.stock_detail)
        column.addStretch(1)
        return box

    def _middle(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(0)
        row = QHBoxLayout()
        row.setContentsMargins(px(16), px(10), px(16), px(10))
        row.setSpacing(px(8))
        self.before = IconButton(_("Sheet before"), "caret-left")
        self.before.clicked.connect(lambda: self._turn(-1))
        row.addWidget(self.before)
        self.sheet = Label("", "strong")
        row.addWidget(self.sheet)
        self.after = IconButton(_("Next sheet"), "caret-right")
        self.after.clicked.connect(lambda: self._turn(1))
        row.addWidget(self.after)
        row.addStretch(1)
        self.free_words = Label(_("First free label"))
        row.addWidget(self.free_words)
        self.start_at = Number(_("First free label"), 1, stocks()[0].per_sheet)
        self.start_at.setFixedWidth(px(72))
        self.start_at.valueChanged.connect(lambda n: self._anew())
        row.addWidget(self.start_at)
        column.addLayout(row)
        self._notice = QVBoxLayout()
        self._notice.setContentsMargins(px(16), 0, px(16), px(8))
        column.addLayout(self._notice)
        self.paper = PaperView()
        column.addWidget(self.paper, 1)
        return column

    def _right(self) -> QWidget:
        box = QFrame()
        box.setFixedWidth(min(px(304), 380))
        whole = QVBoxLayout(box)
        whole.setContentsMargins(0, 0, 0, 0)
        scroll = Scroll(margins=(24, 20, 24, 12))
        column = scroll.column
        column.addWidget(Label(_("Who"), "heading"))
        self.new = Radio(_("Not yet printed"))
        self.all = Radio(_("Everyone coming"))
        self.new.setChecked(True)
        for radio in (self.new, self.all):
            column.addWidget(radio)
        self.new.toggled.connect(lambda on: self._anew())
        column.addSpacing(px(8))
        self.blanks = Tick(_("Add {n} blank badges for walk-ins").format(n=BLANKS))
        self.blanks.toggled.connect(lambda on: self._anew())
        column.addWidget(self.blanks)
        column.addSpacing(px(16))
        self._looks = QVBoxLayout()
        self._looks.setSpacing(px(8))
        column.addLayout(self._looks)
        column.addStretch(1)
        whole.addWidget(scroll, 1)
        foot = QVBoxLayout()
        foot.setContentsMargins(px(24), px(12), px(24), px(20))
        foot.setSpacing(px(8))
        self.print_button = Button(_("Print"), "primary", "printer", height=40)
        self.print_button.clicked.connect(self.print_them)
        foot.addWidget(self.print_button)
        self.save_button = Button(_("Save as PDF"), icon="floppy-disk", height=40)
        self.save_button.clicked.connect(self.save)
        foot.addWidget(self.save_button)
        self.foot_words = Label("", "small", "muted", wrap=True)
        foot.addWidget(self.foot_words)
        whole.addLayout(foot)
        return box

    def deeds(self) -> list[Deed]:
        def ready() -> bool:
            return self._laid is not None and bool(self._laid.people)

        return [Deed("print", "printer", _("Print badges"), self.print_them, can=ready),
                Deed("save", "floppy-disk", _("Save badges as PDF"), self.save, can=ready)]

    def first_focus(self) -> QWidget:
        return self.gathering

    def regions(self) -> list[QWidget]:
        return [self.gathering, self.start_at, self.new, self.print_button]

    def open(self, gathering: str | None = None, **what: Any) -> None:
        if gathering is not None:
            self._wish = gathering
            self.refresh()

    def refresh(self) -> None:
        self.lanes.read(lambda: gathering_rows(self.desk), self._listed, key="badges.gatherings")

    def _listed(self, rows: list[GatheringRow]) -> None:
        rows = [row for row in rows if not row.cancelled]
        if not rows:
            self.stack.show_empty(EmptyPage("identification-badge", _("Badges are for a gathering"), _("Plan a gathering"),
                                            lambda: self.go("gatherings", plan=True), step_icon="plus"))
            return
        self.stack.show_content()
        now = datetime.combine(self._clock(), time(12), UTC) if self._clock is not date.today else datetime.now(UTC)
        ahead = [row for row in rows if not row.is_over(now)]
        order = [*ahead, *(row for row in reversed(rows) if row.is_over(now))]
        kept = self._wish or self.gathering.key()
        self._wish = None
        self._rows = {row.id: row for row in order}
        self.gathering.blockSignals(True)
        self.gathering.clear()
        for row in order:
            self.gathering.addItem(row.name, row.id)
        self.gathering.set_key(kept if kept in self._rows else order[0].id)
        self.gathering.blockSignals(False)
        self._anew()

    def _other_stock(self) -> None:
        chosen = stock(self.stock.key() or stocks()[0].name)
        self.stock_detail.setText(chosen.detail)
        self.start_at.blockSignals(True)
        self.start_at.setRange(1, chosen.per_sheet)
        self.start_at.setValue(1)
        self.start_at.blockSignals(False)
        for widget in (self.free_words, self.start_at):
            widget.setVisible(not chosen.roll)
        self._anew()

    def wanted(self) -> Wanted | None:
        """What the controls say."""
        which = self.gathering.key()
        if which is None:
            return None
        return Wanted(which, stock(self.stock.key() or stocks()[0].name), self.new.isChecked(), self.start_at.value(), BLANKS if self.blanks.isChecked() else 0)

    def _anew(self) -> None:
        wanted = self.wanted()
        if wanted is None:
            return
        row = self._rows[wanted.gathering]
        starts = parse_wall(row.starts)
        self.when.setText(f"{day_long(starts.date())}, {distance(starts.date(), self._clock())}" if starts else "")
        self.lanes.read(lambda: lay_out(self.desk, wanted), self._show, self._failed, key="badges")

    def _failed(self, error: KnownError) -> None:
        self.paper.show_picture(None, [], str(error))
        self.said.emit(str(error), None)

    def _show(self, laid: Laid) -> None:
        self._laid = laid
        self._page = max(0, min(self._page, laid.report.pages - 1))
        self.new.setText(_("Not yet printed · {n}").format(n=number(laid.new)))
        self.all.setText(_("Everyone coming · {n}").format(n=number(laid.everyone)))
        count = laid.report.badges
        self.print_button.set_words(ngettext("Print {n} badge", "Print {n} badges", count).format(n=number(count)))
        for button in (self.print_button, self.save_button):
            button.setEnabled(bool(count))
        pages = ngettext("{n} sheet", "{n} sheets", laid.report.pages).format(n=number(laid.report.pages))
        self.foot_words.setText(_("{pages} of {paper}, at 100 %. Then you say whether they came out.").format(pages=pages, paper=laid.wanted.stock.paper)
                                if count else self._nobody(laid))
        self._show_looks(laid.report.looks)
        self._show_page()

    def _nobody(self, laid: Laid) -> str:
        if laid.everyone:
            return _("All badges are printed. Choose “Everyone coming” to print them again.")
        return _("Nobody is coming yet. Put guests on the list first.")

    def _show_looks(self, looks: tuple[Look, ...]) -> None:
        while self._looks.count():
            old = self._looks.takeAt(0).widget()
            if old is not None:
                old.hide()
                old.deleteLater()
        if not looks:
            return
        title = ngettext("{n} name needs a look", "{n} names need a look", len(looks)).format(n=number(len(looks)))
        self._looks.addWidget(IconLine("warning", title, tone="warn"))
        for look in looks[:30]:
            line = QWidget()
            column = QVBoxLayout(line)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(0)
            column.addWidget(Label(look.name, "label", wrap=True))
            column.addWidget(Label(look.reason, "small", "muted", wrap=True))
            self._looks.addWidget(line)

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
        self.sheet.setText(_("Sheet {n} of {pages}").format(n=number(page + 1), pages=number(laid.report.pages)))
        self.before.setEnabled(page > 0)
        self.after.setEnabled(page + 1 < laid.report.pages)
        self.lanes.read_long(lambda job: page_picture(laid.pdf, page, WIDTH), lambda png: self._pictured(laid, page, png))

    def _pictured(self, laid: Laid, page: int, png: bytes) -> None:
        if laid is not self._laid or page != self._page:
            return
        self.paper.show_picture(png, _marks(laid.wanted) if page == 0 else [], ", ".join(person.big for person in laid.people[:12]))

    # -- printing

    def save(self) -> None:
        """Save as PDF."""
        laid = self._laid
        if laid is None:
            return
        name = self._rows[laid.wanted.gathering].name
        suggested = Path.home() / _("{gathering} badges.pdf").format(gathering=name)
        chosen, _kind = QFileDialog.getSaveFileName(self, _("Save badges"), str(suggested), "PDF (*.pdf)")
        if chosen:
            self.save_as(Path(chosen))

    def save_as(self, out: Path) -> None:
        """Write the PDF, then ask whether the badges came out."""
        laid = self._laid
        if laid is not None:
            self.lanes.send(lambda: write_whole(out, laid.pdf), lambda done: self._ask(laid, _("Saved as {file}.").format(file=out.name)))

    def print_them(self) -> None:
        """Print on a printer of this computer."""
        laid = self._laid
        if laid is None:
            return
        from alumni_desk.desktop.printing import print_pdf

        if print_pdf(self, laid.pdf, laid.wanted.stock, self._rows[laid.wanted.gathering].name, self.lanes, lambda: self._ask(laid, _("Sent to the printer."))):
            self.foot_words.setText(_("Printing …"))

    def _ask(self, laid: Laid, words: str) -> None:
        self._unsaid = laid
        self._clear_notice()
        count = len(laid.people)
        question = ngettext("{words} Did the badge come out?", "{words} Did all {n} badges come out?", count).format(words=words, n=number(count))
        notice = Notice("printer", question, "muted", _("Yes, they did"), self.came_out)
        self._notice.addWidget(notice)
        not_yet = Button(_("Not yet"), "quiet")
        not_yet.clicked.connect(lambda: self._clear_notice())
        notice.layout().addWidget(not_yet)

    def came_out(self) -> None:
        """Remember that these badges are printed."""
        laid = self._unsaid
        self._clear_notice()
        if laid is not None:
            self._unsaid = None
            self.lanes.write(lambda: note_printed(self.desk, laid.wanted.gathering, laid.people), self._noted)

    def _noted(self, changed: Changed) -> None:
        n = len(changed.tables.get("fact", ()))
        self.done(changed, ngettext("{n} badge counts as printed", "{n} badges count as printed", n).format(n=number(n)))

    def _clear_notice(self) -> None:
        while self._notice.count():
            old = self._notice.takeAt(0).widget()
            if old is not None:
                old.hide()
                old.deleteLater()


def _marks(wanted: Wanted) -> list[tuple[QRectF, str]]:
    """The labels that are used already, as parts of the page."""
    marks = []
    width, height = wanted.stock.page
    for place in range(wanted.start_at - 1):
        label = wanted.stock.place(place)
        box = QRectF(label.x / width, 1 - (label.y + label.height) / height, label.width / width, label.height / height)
        marks.append((box, _("Label {n} is used").format(n=place + 1)))
    return marks
