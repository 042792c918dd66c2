"""Badges: whose, on which paper, what they will look like; then print or save them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QVBoxLayout, QWidget
from shiboken6 import isValid

from alumni_desk.badges.actions import note_printed, use_badge_name
from alumni_desk.badges.people import BADGED, BadgePerson, badge_people
from alumni_desk.badges.rosters import write_whole
from alumni_desk.badges.sheets import Look
from alumni_desk.badges.stocks import stock, stocks
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.badge_laying import Laid, Wanted, lay_out
from alumni_desk.desktop.badge_looks import add_looks
from alumni_desk.desktop.badge_parts import BadgeNameSheet, NamesSheet, Question
from alumni_desk.desktop.badge_sheets import BadgeSheets
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.desktop.controls import Button, Choice, Label, Radio, Tick, hairline
from alumni_desk.desktop.dates import day_long, distance, parse_wall
from alumni_desk.desktop.deeds import Deed
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.members_sheets import close_where_erased
from alumni_desk.desktop.pages import EmptyPage, Go, Page
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.widgets import Scroll, small_heading
from alumni_desk.errors import KnownError
from alumni_desk.gatherings.lists import GatheringRow, gathering_rows
from alumni_desk.store import driver, exports
from alumni_desk.store.desk import Desk
from alumni_desk.store.disk import as_file_name
from alumni_desk.store.writing import Changed
from alumni_desk.words import _, ngettext, number

BLANKS = 6


LEFT, RIGHT = 232, 304


class BadgesPage(Page):
    """Print badges."""

    name = "badges"
    icon = "identification-badge"
    title = _("Badges")
    watches = frozenset({"gathering", "registration", "person", "fact", "chapter"})

    def __init__(self, desk: Desk, lanes: Lanes, changes: ChangeBus, go: Go, *, clock: Callable[[], date], now: Callable[[], datetime]) -> None:
        super().__init__(desk, lanes, changes, go)
        self._clock, self._now = clock, now
        self._rows: dict[str, GatheringRow] = {}
        self._wish: str | None = None
        self._laid: Laid | None = None
        self._of: str | None = None
        self._unsaid: dict[str, tuple[Laid, str]] = {}
        self._then: Callable[[], object] | None = None  # what was asked of sheets that are being laid out anew
        self._names: tuple[str, ...] = ()
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
        self.sheets = BadgeSheets(self.lanes)
        self.sheets.changed.connect(self._anew)
        return self.sheets

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
        return [self.gathering, self.sheets.start_at, self.new, self.print_button]

    def open(self, gathering: str | None = None, **what: Any) -> None:
        if gathering is not None:
            self._wish = gathering
            self.refresh()

    def refresh(self) -> None:
        self.lanes.read(lambda: gathering_rows(self.desk), self._listed, key="badges.gatherings")

    def _listed(self, rows: list[GatheringRow]) -> None:
        rows = [row for row in rows if not row.cancelled]
        if not rows:
            self._forget_laid()
            self.stack.show_empty(EmptyPage("identification-badge", _("Badges are for a gathering"), _("Plan a gathering"),
                                            lambda: self.go("gatherings", plan=True), step_icon="plus"))
            return
        self.stack.show_content()
        now = self._now()
        ahead = [row for row in rows if not row.is_over(now)]
        order = [*ahead, *(row for row in reversed(rows) if row.is_over(now))]
        kept = self._wish or self.gathering.key()
        self._wish = None
        self._rows = {row.id: row for row in order}
        self.gathering.blockSignals(True)
        self.gathering.fill([(row.id, row.name) for row in order])
        self.gathering.set_key(kept if kept in self._rows else order[0].id)
        self.gathering.blockSignals(False)
        self._anew()

    def _other_stock(self) -> None:
        chosen = stock(self.stock.key() or stocks()[0].name)
        self.stock_detail.setText(chosen.detail)
        self.sheets.show_stock(chosen)
        self._anew()

    def wanted(self) -> Wanted | None:
        """What the controls say."""
        which = self.gathering.key()
        if which is None:
            return None
        return Wanted(which, stock(self.stock.key() or stocks()[0].name), self.new.isChecked(), self.sheets.start_at.value(),
                      BLANKS if self.blanks.isChecked() else 0, self.order.key() or "last", self._names if self.some.isChecked() else None, self.sheets.skipped)

    def _begin_anew(self, gathering: str) -> None:
        """What was said of the sheets of another gathering does not hold for this one."""
        self._of, self._names = gathering, ()
        self._forget_laid()
        self.sheets.begin_anew()
        for widget in (self.blanks, self.new):
            widget.blockSignals(True)
        self.blanks.setChecked(False)
        if self.some.isChecked():
            self.new.setChecked(True)
        for widget in (self.blanks, self.new):
            widget.blockSignals(False)
        self._show_question()

    def _forget_laid(self) -> None:
        """What is laid out is not what the page shows: nobody means to print that."""
        self._laid = self._then = None
        for button in (self.print_button, self.save_button):
            button.setEnabled(False)

    def _as_wanted(self, then: Callable[[], object]) -> Laid | None:
        """What is laid out, if it is what the controls say; else ``then`` follows once it is."""
        if self._laid is None or self._laid.wanted == self.wanted():
            return self._laid
        self._then = then
        self._anew()
        return None

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
        self._then = None
        self.sheets.paper.show_picture(None, [], str(error))
        self.said.emit(str(error), None)

    def _show(self, laid: Laid) -> None:
        self._laid = laid
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
        self._show_looks(laid.report.looks)
        self.sheets.show_laid(laid)
        if laid.wanted == self.wanted() and self._then is not None:
            then, self._then = self._then, None
            if count and self.isVisible():
                then()

    @staticmethod
    def _paper_words(laid: Laid) -> str:
        n, paper = laid.report.pages, laid.wanted.stock.paper
        pages = (ngettext("{n} label", "{n} labels", n) if laid.wanted.stock.roll else ngettext("{n} sheet", "{n} sheets", n)).format(n=number(n))
        return _("{pages} of {paper}, at 100 %. Then you say whether they came out.").format(pages=pages, paper=paper)

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
        add_looks(self._looks, looks, lambda look: self._use(look, look.instead) if look.instead else self._ask_name(look))

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
        close_where_erased(self, sheet, lambda: _is_of_erased(self.desk, look.registration),
                           _("The guest was erased or moved away meanwhile, so the form was closed and nothing of it is kept."))

    def choose_names(self) -> None:
        """Choose whose badges are printed."""
        gathering = self.gathering.key()
        if gathering is not None:
            self.lanes.read(lambda: badge_people(self.desk, gathering, statuses=BADGED), partial(self._offer_names, gathering), key="badges.names")

    def _offer_names(self, gathering: str, people: list[BadgePerson]) -> None:
        sheet = NamesSheet(self, people, self._names)

        def look() -> None:
            self.lanes.read(lambda: badge_people(self.desk, gathering, statuses=BADGED), lambda now: sheet.show_anew(now) if isValid(sheet) else None)

        def choose() -> None:
            self._names = tuple(sheet.chosen())
            sheet.accept()

        def closed() -> None:
            if self._names:
                self._anew()
            else:
                self.new.setChecked(True)

        told = self.changes.changed.connect(look)
        sheet.done_clicked.connect(choose)
        sheet.finished.connect(lambda result: self.changes.changed.disconnect(told))
        sheet.finished.connect(lambda result: closed())
        sheet.open()
        look()

    # -- printing

    def save(self) -> None:
        """Save as PDF."""
        laid = self._as_wanted(self.save)
        if laid is None:
            return
        name = self._rows[laid.wanted.gathering].name
        suggested = Path.home() / _("{gathering} badges.pdf").format(gathering=as_file_name(name))
        chosen, _kind = QFileDialog.getSaveFileName(self, _("Save badges"), str(suggested), "PDF (*.pdf)")
        if chosen:
            self.save_as(Path(chosen), laid)

    def save_as(self, out: Path, laid: Laid | None = None) -> None:
        """Write the PDF, then ask whether the badges came out. ``laid``: what it was asked for; others may have been laid out while a file was chosen."""
        laid = laid or self._laid
        if laid is not None:
            def work() -> None:
                write_whole(out, laid.pdf)
                exports.note(self.desk, out)

            self.lanes.work(work, lambda done: self._ask(laid, _("Saved as {file}.").format(file=out.name)))

    def print_them(self) -> None:
        """Print on a printer of this computer."""
        laid = self._as_wanted(self.print_them)
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
        if self._of not in self._unsaid:
            self.sheets.ask(None)
            return
        laid, words = self._unsaid[self._of]
        count = len(laid.people)
        question = ngettext("{words} Did the badge come out?", "{words} Did all {n} badges come out?", count).format(words=words, n=number(count))
        self.sheets.ask(Question(question, self.came_out, self._not_yet))

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


def _is_of_erased(desk: Desk, registration: str) -> bool:
    """Whether a place on a list is of somebody who was erased."""
    with desk.asking() as connection:
        return driver.row(connection, "SELECT 1 FROM registration AS r JOIN erased AS e ON e.id = r.person WHERE r.id = ?", (registration,)) is not None
