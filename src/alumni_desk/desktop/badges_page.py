"""Badges: whose, on which paper, what they will look like; then print or save them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QFileDialog, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from alumni_desk.badges.actions import note_printed, use_badge_name
from alumni_desk.badges.lists import heading_of
from alumni_desk.badges.people import BADGED, BadgePerson, badge_people
from alumni_desk.badges.rosters import write_whole
from alumni_desk.badges.sheets import Look, PrintReport, print_badges
from alumni_desk.badges.stocks import Stock, stock, stocks
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.badge_parts import BadgeNameSheet, NamesSheet, SheetStrip
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.desktop.controls import Button, Choice, IconButton, Label, Number, Radio, Tick, hairline
from alumni_desk.desktop.dates import day_long, distance, parse_wall
from alumni_desk.desktop.deeds import Deed
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.pages import EmptyPage, Go, Notice, Page
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.paper_view import LabelMark, PaperView
from alumni_desk.desktop.widgets import IconLine, Scroll, small_heading
from alumni_desk.errors import KnownError
from alumni_desk.gatherings.lists import GatheringRow, gathering_rows, guest_rows
from alumni_desk.paper.preview import page_picture
from alumni_desk.store import exports
from alumni_desk.store.desk import Desk
from alumni_desk.store.search import fold
from alumni_desk.store.writing import Changed
from alumni_desk.words import _, ngettext, number

BLANKS = 6
MOST_IN_SMALL = 60
"""Sheets; more are turned by the arrows alone."""
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
    order: str = "last"
    chosen: tuple[str, ...] | None = None
    """Registrations, when names were chosen one by one."""
    skip: frozenset[int] = frozenset()
    """Damaged labels on the first sheet, from 1."""


@dataclass(frozen=True)
class Laid:
    """Badges laid out."""

    wanted: Wanted
    people: tuple[BadgePerson, ...]
    everyone: int
    new: int
    unnamed: int
    pdf: bytes
    report: PrintReport


def lay_out(desk: Desk, wanted: Wanted, cancelled: Callable[[], bool] | None = None) -> Laid:
    """Lay them out, in memory."""
    everyone = badge_people(desk, wanted.gathering)
    new = badge_people(desk, wanted.gathering, only_new=True)
    people = new if wanted.only_new else everyone
    if wanted.chosen is not None:
        people = badge_people(desk, wanted.gathering, registrations=wanted.chosen)
    people = in_order(people, wanted.order)
    unnamed = sum(not (row.named or row.gone) and row.status == "yes" for row in guest_rows(desk, wanted.gathering))
    out = io.BytesIO()
    report = print_badges(people, wanted.stock, out, heading=heading_of(desk, wanted.gathering), start_at=wanted.start_at, skip=wanted.skip,
                          blanks=wanted.blanks, cancelled=cancelled)
    return Laid(wanted, tuple(people), len(everyone), len(new), unnamed, out.getvalue(), report)


def in_order(people: list[BadgePerson], order: str) -> list[BadgePerson]:
    """By last name with guests under their host, as they come; else by first name or class year, those without one last."""
    if order == "first":
        return sorted(people, key=lambda one: fold(one.big))
    if order == "year":
        return sorted(people, key=lambda one: one.class_year or 9999)
    return people


LEFT, RIGHT = 232, 304


class _Middle(QWidget):
    """The middle column; ``resized`` when its width changes."""

    resized = Signal(int)

    def minimumSizeHint(self) -> QSize:
        return QSize(px(216), super().minimumSizeHint().height())  # its rows break where they must

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit(event.size().width())


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
        self._of: str | None = None
        self._unsaid: dict[str, tuple[Laid, str]] = {}
        self._names: tuple[str, ...] = ()
        self._skip: set[int] = set()
        content = QWidget()
        self.stack.set_content(content)  # before it is filled: what moves with all that is in it is styled anew
        across = QHBoxLayout(content)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        self._across, self._line = across, hairline("v")
        self._wide = True
        self.steps = [lambda: across.addWidget(self._left()), lambda: across.addWidget(self._line), lambda: across.addWidget(self._middle(), 1),
                      lambda: across.addWidget(hairline("v")), lambda: across.addWidget(self._right()), self._arrange]

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        """Three columns; where they have no room, what is printed stands above for whom."""
        wide = self.width() >= px(LEFT + RIGHT + 216) + 2
        if wide == self._wide or self._across.count() < 5 - (not self._wide):
            return
        self._wide = wide
        self._line.setVisible(wide)
        if wide:
            self._across.insertWidget(0, self._what)
            self._what.setFixedWidth(px(LEFT))
        else:
            self._what.setMinimumWidth(0)
            self._what.setMaximumWidth(16_777_215)
            self._who.insertWidget(0, self._what)
        beside = px(16) if wide else 0
        self._what.layout().setContentsMargins(beside, px(20) if wide else 0, beside, px(20))

    def _left(self) -> QWidget:
        box = self._what = QFrame()
        box.setFixedWidth(px(LEFT))
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

    def _middle(self) -> QWidget:
        box = _Middle()
        box.resized.connect(self._fit_middle)
        column = QVBoxLayout(box)
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
        self.start_at.valueChanged.connect(lambda n: self._anew())
        first.addWidget(self.start_at)
        first.addStretch(1)
        self._bar.addLayout(first)
        column.addLayout(self._bar)
        self._notice = QVBoxLayout()
        self._notice.setContentsMargins(px(16), 0, px(16), px(8))
        column.addLayout(self._notice)
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
        return box

    def _fit_middle(self, width: int) -> None:
        """Where it is narrow the first free label goes below the sheet's number, and the sheets in small are left out."""
        narrow = width < px(420)
        self._bar.setDirection(QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight)
        self._show_strip()

    def _show_strip(self) -> None:
        laid = self._laid
        shown = laid is not None and bool(laid.report.badges) and 1 < laid.report.pages <= MOST_IN_SMALL and not laid.wanted.stock.roll
        self.strip.setVisible(shown and self.paper.parentWidget().width() >= px(420))

    def _right(self) -> QWidget:
        box = QFrame()
        box.setFixedWidth(px(RIGHT))
        whole = QVBoxLayout(box)
        whole.setContentsMargins(0, 0, 0, 0)
        scroll = Scroll(margins=(24, 20, 24, 12))
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column = self._who = scroll.column
        column.addWidget(Label(_("Who"), "heading"))
        self.new = Radio(_("Not yet printed"))
        self.all = Radio(_("Everyone coming"))
        self.some = Radio(_("Choose names"))
        self.new.setChecked(True)
        for radio in (self.new, self.all, self.some):
            column.addWidget(radio)
        for radio in (self.new, self.all):
            radio.toggled.connect(lambda on: self._anew() if on else None)
        self.some.clicked.connect(self.choose_names)
        self.unnamed = Label("", "small", "muted", wrap=True)
        column.addWidget(self.unnamed)
        column.addSpacing(px(4))
        row = QHBoxLayout()
        row.setSpacing(px(12))
        row.addWidget(Label(_("Order")))
        self.order = Choice(_("Order"), [("last", _("By last name")), ("first", _("By first name")), ("year", _("By class year"))])
        self.order.activated.connect(lambda n: self._anew())
        row.addWidget(self.order, 1)
        column.addLayout(row)
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

        return [Deed("print", "printer", _("Print badges"), self.print_them, can=ready, also=_("printer labels name tags")),
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
        self._skip.clear()
        for widget in (self.free_words, self.start_at):
            widget.setVisible(not chosen.roll)
        self._anew()

    def wanted(self) -> Wanted | None:
        """What the controls say."""
        which = self.gathering.key()
        if which is None:
            return None
        return Wanted(which, stock(self.stock.key() or stocks()[0].name), self.new.isChecked(), self.start_at.value(), BLANKS if self.blanks.isChecked() else 0,
                      self.order.key() or "last", self._names if self.some.isChecked() else None, frozenset(n for n in self._skip if n > self.start_at.value()))

    def _begin_anew(self, gathering: str) -> None:
        """What was said of the sheets of another gathering does not hold for this one."""
        self._of, self._page, self._names = gathering, 0, ()
        self._skip.clear()
        for widget in (self.start_at, self.blanks, self.new):
            widget.blockSignals(True)
        self.start_at.setValue(1)
        self.blanks.setChecked(False)
        if self.some.isChecked():
            self.new.setChecked(True)
        for widget in (self.start_at, self.blanks, self.new):
            widget.blockSignals(False)
        self._show_question()

    def _anew(self) -> None:
        which = self.gathering.key()
        if which is not None and which != self._of:
            self._begin_anew(which)
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
        self.new.set_count(number(laid.new))
        self.all.set_count(number(laid.everyone))
        self.some.set_count(number(len(laid.people)) if laid.wanted.chosen is not None else "")
        self.unnamed.setText(ngettext("{n} more guest is coming whose name is still to come: no badge yet",
                                      "{n} more guests are coming whose names are still to come: no badges yet", laid.unnamed).format(n=number(laid.unnamed)))
        self.unnamed.setVisible(laid.unnamed > 0)
        count = laid.report.badges
        self.print_button.set_words(ngettext("Print {n} badge", "Print {n} badges", count).format(n=number(count)))
        for button in (self.print_button, self.save_button):
            button.setEnabled(bool(count))
        self.foot_words.setText(self._paper_words(laid) if count else self._nobody(laid))
        self.strip.show_sheets(laid.report.pages if laid.report.pages <= MOST_IN_SMALL else 0, {look.page for look in laid.report.looks})
        self._show_strip()
        if self.strip.isVisibleTo(self):
            self._draw_small(laid, 0)
        self._show_looks(laid.report.looks)
        self._show_page()

    @staticmethod
    def _paper_words(laid: Laid) -> str:
        n, paper = laid.report.pages, laid.wanted.stock.paper
        pages = (ngettext("{n} label", "{n} labels", n) if laid.wanted.stock.roll else ngettext("{n} sheet", "{n} sheets", n)).format(n=number(n))
        return _("{pages} of {paper}, at 100 %. Then you say whether they came out.").format(pages=pages, paper=paper)

    def _draw_small(self, laid: Laid, page: int) -> None:
        """The sheets in small, one after the other, so that the large one never waits for them."""
        if laid is not self._laid or page >= laid.report.pages:
            return

        def drawn(png: bytes) -> None:
            if laid is self._laid:
                self.strip.set_picture(page, png)
                self._draw_small(laid, page + 1)

        self.lanes.read_long(lambda job: page_picture(laid.pdf, page, 150), drawn)

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
            self._looks.addWidget(hairline())
            self._looks.addWidget(self._look_row(look))

    def _look_row(self, look: Look) -> QWidget:
        line = QWidget()
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(8))
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(Label(isolated(look.name), "label", wrap=True))
        column.addWidget(Label(look.reason, "small", "muted", wrap=True))
        row.addLayout(column, 1)
        if look.leaves_out:
            words = _("Leave it out")
        else:
            words = _("Use {name}").format(name=look.instead.split(" ")[0]) if look.instead else _("Change it")
        button = Button(words)
        button.setAccessibleName(f"{words}: {look.name}")
        button.clicked.connect(lambda: self._use(look, look.instead) if look.instead else self._ask_name(look))
        row.addWidget(button)
        return line

    def _use(self, look: Look, name: str) -> None:
        words = _("The badge says {name} now").format(name=isolated(name))
        self.lanes.write(lambda: use_badge_name(self.desk, look.registration, name), lambda changed: self.done(changed, words))

    def _ask_name(self, look: Look) -> None:
        sheet = BadgeNameSheet(self, look.name, look.reason)

        def use() -> None:
            self._use(look, sheet.name.text())
            sheet.accept()

        sheet.done_clicked.connect(use)
        sheet.open()

    def choose_names(self) -> None:
        """Choose whose badges are printed."""
        gathering = self.gathering.key()
        if gathering is not None:
            self.lanes.read(lambda: badge_people(self.desk, gathering, statuses=BADGED), self._offer_names, key="badges.names")

    def _offer_names(self, people: list[BadgePerson]) -> None:
        sheet = NamesSheet(self, people, self._names)

        def choose() -> None:
            self._names = tuple(sheet.chosen())
            sheet.accept()

        def closed() -> None:
            if self._names:
                self._anew()
            else:
                self.new.setChecked(True)

        sheet.done_clicked.connect(choose)
        sheet.finished.connect(lambda result: closed())
        sheet.open()

    def _label_clicked(self, number: int, skip: bool) -> None:
        """The first free label, or with Ctrl one that is damaged."""
        if skip and number > self.start_at.value():
            self._skip ^= {number}
            self._anew()
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
        self.lanes.read_long(lambda job: page_picture(laid.pdf, page, WIDTH), lambda png: self._pictured(laid, page, png))

    def _pictured(self, laid: Laid, page: int, png: bytes) -> None:
        if laid is not self._laid or page != self._page:
            return
        hint = _("Click the first free label. Ctrl+click skips a damaged one.") if page == 0 and not laid.wanted.stock.roll else ""
        self.paper.show_picture(png, _marks(laid.wanted, page), ", ".join(person.big for person in laid.people[:12]), hint)

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
            def work() -> None:
                write_whole(out, laid.pdf)
                exports.note(self.desk, out)

            self.lanes.work(work, lambda done: self._ask(laid, _("Saved as {file}.").format(file=out.name)))

    def print_them(self) -> None:
        """Print on a printer of this computer."""
        laid = self._laid
        if laid is None:
            return
        from alumni_desk.desktop.printing import print_pdf

        def printed(file: Path | None) -> None:
            if file is not None:
                self.lanes.work(lambda: exports.note(self.desk, file))
            self._ask(laid, _("Sent to the printer.") if file is None else _("Saved as {file}.").format(file=file.name))

        if print_pdf(self, laid.pdf, laid.wanted.stock, self._rows[laid.wanted.gathering].name, self.lanes, printed):
            self.foot_words.setText(_("Printing …"))

    def _ask(self, laid: Laid, words: str) -> None:
        self._unsaid[laid.wanted.gathering] = (laid, words)
        self._show_question()

    def _show_question(self) -> None:
        """Ask whether the badges of this gathering came out, if they were printed or saved and nobody has said so."""
        while self._notice.count():
            old = self._notice.takeAt(0).widget()
            if old is not None:
                old.hide()
                old.deleteLater()
        if self._of not in self._unsaid:
            return
        laid, words = self._unsaid[self._of]
        count = len(laid.people)
        question = ngettext("{words} Did the badge come out?", "{words} Did all {n} badges come out?", count).format(words=words, n=number(count))
        self._notice.addWidget(_Question(question, self.came_out, self._not_yet))

    def _not_yet(self) -> None:
        self._unsaid.pop(self._of or "", None)
        self._show_question()

    def came_out(self) -> None:
        """Remember that these badges are printed."""
        asked = self._unsaid.pop(self._of or "", None)
        self._show_question()
        if asked is not None:
            laid = asked[0]
            self.lanes.write(lambda: note_printed(self.desk, laid.wanted.gathering, laid.people), self._noted)

    def _noted(self, changed: Changed) -> None:
        n = len(changed.tables.get("fact", ()))
        self.done(changed, ngettext("{n} badge counts as printed", "{n} badges count as printed", n).format(n=number(n)))


class _Question(Notice):
    """A question with its two answers below it, so that it is readable in a narrow column."""

    def __init__(self, question: str, yes: Callable[[], None], no: Callable[[], None]) -> None:
        super().__init__("printer", question, "muted")
        row = self.layout()
        for widget in (self.glyph, self.words):
            row.removeWidget(widget)
        column = QVBoxLayout()
        column.setSpacing(px(8))
        said = QHBoxLayout()
        said.setSpacing(px(12))
        said.addWidget(self.glyph, 0, Qt.AlignmentFlag.AlignTop)
        said.addWidget(self.words, 1)
        column.addLayout(said)
        buttons = QHBoxLayout()
        buttons.setSpacing(px(8))
        for button, act in ((Button(_("Yes, they did")), yes), (Button(_("Not yet"), "quiet"), no)):
            button.clicked.connect(lambda checked=False, act=act: act())
            buttons.addWidget(button)
        buttons.addStretch(1)
        column.addLayout(buttons)
        row.addLayout(column, 1)


def _marks(wanted: Wanted, page: int) -> list[LabelMark]:
    """The labels of a sheet, as parts of the page; on the first one what is used, damaged, and where it starts."""
    if wanted.stock.roll:
        return []
    marks = []
    width, height = wanted.stock.page
    for place in range(wanted.stock.per_sheet):
        label = wanted.stock.place(place)
        box = QRectF(label.x / width, 1 - (label.y + label.height) / height, label.width / width, label.height / height)
        if page == 0 and place + 1 < wanted.start_at:
            marks.append(LabelMark(box, place + 1, "used", _("Label {n} is used").format(n=place + 1)))
        elif page == 0 and place + 1 in wanted.skip:
            marks.append(LabelMark(box, place + 1, "skipped", _("Label {n} is skipped").format(n=place + 1)))
        elif page == 0 and place + 1 == wanted.start_at:
            marks.append(LabelMark(box, place + 1, "start", _("Start here")))
        else:
            marks.append(LabelMark(box, place + 1))
    return marks
