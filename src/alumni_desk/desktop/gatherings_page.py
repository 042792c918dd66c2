"""Gatherings: what is ahead, what was held, and one of them with its guests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QDate, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.desktop.controls import WINDOW, Button, Field, FormRow, Label, Link, hairline, shortcut
from alumni_desk.desktop.dates import day_long, day_short, distance, month_long, parse_wall, span, weekday_short
from alumni_desk.desktop.deeds import Deed
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.gathering_form import GatheringForm
from alumni_desk.desktop.gathering_view import GatheringView, Whole, whole
from alumni_desk.desktop.pages import EmptyPage, Go, Page
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.desktop.today_page import to_come_words
from alumni_desk.desktop.widgets import Bar as CountBar
from alumni_desk.desktop.widgets import DateBlock, IconLine, MainAndSide, heading, keyboard_of, padded, small_heading
from alumni_desk.desktop.year_chart import Bar, YearChart
from alumni_desk.errors import KnownError
from alumni_desk.gatherings.actions import Planned, cancel_gathering, change_gathering, new_gathering, replan_gathering
from alumni_desk.gatherings.fields import crossed_words, local_zone
from alumni_desk.gatherings.kinds import kind_word
from alumni_desk.gatherings.lists import GatheringRow, chapter_zone, gathering_rows, guest_rows
from alumni_desk.gatherings.lists import gathering as look_up
from alumni_desk.store import exports
from alumni_desk.store.desk import Desk
from alumni_desk.store.disk import as_file_name
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.badges.sheets import Look
    from alumni_desk.sync.venue.handouts import HandedOut

HELD = 12


class GatheringsPage(Page):
    """The year, and one gathering."""

    name = "gatherings"
    icon = "calendar-blank"
    title = _("Gatherings")
    watches = frozenset({"gathering", "registration", "fact", "person"})

    def __init__(self, desk: Desk, lanes: Lanes, changes: ChangeBus, go: Go, *, clock: Callable[[], date], now: Callable[[], datetime]) -> None:
        super().__init__(desk, lanes, changes, go)
        self._clock, self._now = clock, now
        self._shown: str | None = None
        self._then: Callable[[], object] | None = None  # what is to be done as soon as it is shown
        self._next: GatheringRow | None = None
        self._all_held = False
        self._chapter_zone: str | None = None
        self._first: QWidget | None = None
        self.places = QStackedWidget()
        self._year: QWidget = QWidget()
        self.places.addWidget(self._year)
        self.stack.set_content(self.places)
        self.steps = [self._build_view]
        shortcut(QKeySequence.StandardKey.New, self, self._new, WINDOW)

    def _build_view(self) -> None:
        self.view = GatheringView(self.desk, self.lanes)
        self.view.changed.connect(self.done)
        self.view.wants.connect(self._wants)
        self.view.history_wanted.connect(self._guest_history)
        self.view.member_wanted.connect(lambda person: self.go("members", member=person))
        self.places.addWidget(self.view)

    def deeds(self) -> list[Deed]:
        def one() -> bool:
            return self._shown is not None and self.view.it is not None

        def ahead() -> bool:
            return one() and not self.view.it.row.cancelled

        def guests() -> bool:
            return one() and bool(self.view.chosen())

        def guest() -> bool:
            return one() and len(self.view.chosen()) == 1

        return [Deed("plan", "calendar-blank", _("Plan a gathering"), self.plan, "" if one() else _("Ctrl N"), also=_("new event create party")),
                Deed("guests", "user-plus", _("Add guests to this gathering"), self.view.add, _("Ctrl N"), can=ahead, also=_("invite")),
                Deed("guest_file", "upload-simple", _("Add guests from a file"), self.view.from_file, can=ahead),
                Deed("edit", "note-pencil", _("Edit this gathering"), lambda: self._wants("edit"), can=one),
                Deed("roster", "printer", _("Save the roster of this gathering"), lambda: self._wants("roster"), can=one),
                Deed("history", "clock-counter-clockwise", _("History of this gathering"), lambda: self._wants("history"), can=one,
                     also=_("who changed values before restore")),
                Deed("cancel", "x-circle", _("Cancel this gathering"), lambda: self._wants("cancel"), can=ahead),
                Deed("replan", "calendar-check", _("Plan this gathering again"), lambda: self._wants("cancel"), can=lambda: one() and not ahead()),
                Deed("badges", "identification-badge", _("Badges of this gathering"), lambda: self._wants("badges"), can=one),
                Deed("checkin", "door", _("Start check-in for this gathering"), lambda: self._wants("checkin"), can=ahead),
                Deed("hand_out", "paper-plane-tilt", _("Hand out the list of this gathering to its door"), self.hand_out, can=one, asks=self._may_hand_out,
                     also=_("hand-out save file volunteer laptop stick offline")),
                Deed("coming", "check", _("The chosen guests are coming"), lambda: self.view.answer("yes"), can=guests, also=_("answer yes rsvp")),
                Deed("not_coming", "x", _("The chosen guests are not coming"), lambda: self.view.answer("no"), can=guests, also=_("answer no rsvp")),
                Deed("maybe", "hourglass", _("The chosen guests may come"), lambda: self.view.answer("maybe"), can=guests, also=_("answer maybe rsvp")),
                Deed("waiting", "clock", _("The chosen guests wait for a place"), lambda: self.view.answer("waitlisted"), can=guests,
                     also=_("answer waiting list rsvp")),
                Deed("not_answered", "envelope-simple", _("The chosen guests have not answered"), lambda: self.view.answer("invited"), can=guests,
                     also=_("answer invited rsvp")),
                Deed("bring", "plus", _("The chosen guest brings somebody"), self.view.bring, can=guest, also=_("plus one companion")),
                Deed("name_guest", "note-pencil", _("Name the chosen guest"), self.view.name_one, can=guest, also=_("correct rename")),
                Deed("guest_history", "clock-counter-clockwise", _("History of the chosen guest"), self.view.history, can=guest,
                     also=_("who changed answer before restore registration")),
                Deed("take_off", "x-circle", _("Take the chosen guests off the list"), self.view.remove, _("Delete"), can=guests, also=_("remove")),
                *self._deeds_of_next()]

    def _deeds_of_next(self) -> list[Deed]:
        """What can be done with the next gathering, where none is open: it is opened for that."""
        row = self._next
        if row is None or self._shown is not None:
            return []

        def opened(act: Callable[[], object]) -> Callable[[], None]:
            return lambda: self._show(row.id, act)

        name = {"gathering": row.name}
        return [Deed("next_guests", "user-plus", _("Add guests to {gathering}").format(**name), opened(self.view.add), also=_("invite")),
                Deed("next_guest_file", "upload-simple", _("Add guests to {gathering} from a file").format(**name), opened(self.view.from_file)),
                Deed("next_edit", "note-pencil", _("Edit {gathering}").format(**name), opened(lambda: self._wants("edit"))),
                Deed("next_roster", "printer", _("Save the roster of {gathering}").format(**name), opened(lambda: self._wants("roster"))),
                Deed("next_badges", "identification-badge", _("Badges of {gathering}").format(**name), lambda: self.go("badges", gathering=row.id)),
                Deed("next_checkin", "door", _("Start check-in for {gathering}").format(**name), lambda: self.go("checkin", gathering=row.id)),
                Deed("next_hand_out", "paper-plane-tilt", _("Hand out the list of {gathering} to its door").format(**name), opened(self.hand_out),
                     asks=self._may_hand_out, also=_("hand-out save file volunteer laptop stick offline"))]

    def first_focus(self) -> QWidget | None:
        return self.view.list if self._shown else self._first

    def regions(self) -> list[QWidget]:
        return [self.view.segments, self.view.list] if self._shown else [self._first] if self._first else []

    def open(self, gathering: str | None = None, plan: bool = False, like: str | None = None, **what: Any) -> None:
        if gathering is not None:
            self._show(gathering)
        elif like is not None:
            self.lanes.read(lambda: look_up(self.desk, like), lambda row: self.plan(like=again(row, self._clock())), self._lost)
        elif plan:
            self.plan()

    def refresh(self) -> None:
        if self._shown is not None:
            which = self._shown
            self.lanes.read(lambda: whole(self.desk, which), self._seen, self._lost, key="gathering")
        self.lanes.read(lambda: (gathering_rows(self.desk), chapter_zone(self.desk)), self._listed, key="gatherings")

    # -- the year

    def _listed(self, both: tuple[list[GatheringRow], str | None]) -> None:
        rows, self._chapter_zone = both
        self._next = None
        if not rows:
            empty = EmptyPage("calendar-blank", _("No gathering yet. Plan the first one"), _("Plan a gathering"), self.plan, step_icon="plus")
            self._first = empty.button
            self._set_year(empty)
        else:
            self._set_year(self._year_of(rows))

    def _set_year(self, year: QWidget) -> None:
        again = keyboard_of(self._year)
        self.places.removeWidget(self._year)
        self._year.deleteLater()
        before, self._year = self._year, year
        self.places.insertWidget(0, year)
        if self._shown is None:
            self.places.setCurrentWidget(year)
            if isinstance(year, MainAndSide):
                year.go_on_from(before)
            again(year)

    def _year_of(self, rows: list[GatheringRow]) -> QWidget:
        now = self._now()
        ahead = [row for row in rows if not row.is_over(now)]
        held = [row for row in reversed(rows) if row.is_over(now)]
        self._next = next((row for row in ahead if not row.cancelled), None)
        main, column = padded()
        self._add_year(column, ahead, held)
        if ahead:
            column.addWidget(heading(_("Ahead"), number(sum(not row.cancelled for row in ahead))))
            column.addSpacing(px(4))
            lines = QVBoxLayout()
            lines.setSpacing(0)
            column.addLayout(lines)
            for place, row in enumerate(ahead):
                if place:
                    lines.addWidget(hairline())
                lines.addWidget(self._ahead(row, near=row is self._next))
            column.addSpacing(px(28))
        if held:
            more = None
            if len(held) > HELD and not self._all_held:
                more = Link(_("Show all"))
                more.clicked.connect(self._show_all)
            column.addWidget(heading(_("Held"), number(len(held)), right=more))
            column.addSpacing(px(4))
            column.addLayout(self._held(held if self._all_held else held[:HELD]))
        column.addStretch(1)
        return MainAndSide(main, self._side())

    def _add_year(self, column: QVBoxLayout, ahead: list[GatheringRow], held: list[GatheringRow]) -> None:
        """The twelve months round today."""
        bars = [Bar(row.id, row.name, date.fromisoformat(row.starts[:10]), row.came if row in held else row.coming, row in held, row is self._next)
                for row in (*held, *ahead) if row.starts and not row.cancelled]
        chart = YearChart(bars, self._clock())
        chart.open_gathering.connect(self._show)
        chart.plan_in.connect(lambda month: self.plan(day=month))
        column.addWidget(heading(_("The year"), _year_words(chart)))
        column.addWidget(chart)
        column.addSpacing(px(20))

    def _ahead(self, row: GatheringRow, *, near: bool) -> QWidget:
        box = QWidget()
        across = QHBoxLayout(box)
        across.setContentsMargins(0, px(6), 0, px(6))
        across.setSpacing(px(16))
        starts = parse_wall(row.starts)
        if starts is not None:
            across.addWidget(DateBlock(starts.date(), near=near), 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(Label(row.name, "strong", wrap=True))
        place = ", ".join(part for part in (row.place, row.city) if part) or (_("Online") if row.mode == "online" else kind_word(row.kind))
        words.addWidget(Label(place, tone="muted", wrap=True))
        if starts is not None:
            when = _("{day} {time} · {distance}").format(day=weekday_short(starts.date()), time=f"{starts:%H:%M}",
                                                         distance=distance(starts.date(), self._clock()))
            line = Label(when, tone="muted")
            line.setToolTip(span(starts, parse_wall(row.ends)))
            words.addWidget(line)
        if row.crossed:
            words.addWidget(IconLine("warning", crossed_words(), tone="warn"))
        words.addStretch(1)
        across.addLayout(words, 3)
        across.addLayout(self._coming(row), 2)
        button = Button(_("Open"))
        button.setAccessibleName(_("Open {name}").format(name=row.name))
        button.clicked.connect(lambda checked=False, which=row.id: self._show(which))
        across.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        return box

    def _coming(self, row: GatheringRow) -> QVBoxLayout:
        down = QVBoxLayout()
        down.setSpacing(px(3))
        if row.cancelled:
            down.addWidget(Label(_("Cancelled"), tone="danger"))
        elif not row.listed and row.inside is None:
            down.addWidget(Label(_("Nobody invited yet"), tone="muted"))
        elif row.inside is not None:
            expected = row.coming + row.inside.beside
            sentence = _("{n} of {expected} here").format(n=number(row.inside.here), expected=number(expected))
            down.addWidget(Label(sentence))
            down.addWidget(CountBar(sentence, [(row.inside.here, "accent")], expected))
            down.addWidget(Label(to_come_words(expected, row.inside), "small", "muted"))
        else:
            sentence = _("{n} of {places} coming").format(n=number(row.coming), places=number(row.capacity)) if row.capacity else \
                ngettext("{n} coming", "{n} coming", row.coming).format(n=number(row.coming))
            down.addWidget(Label(sentence))
            if row.capacity:
                down.addWidget(CountBar(sentence, [(row.coming, "accent")], max(row.capacity, row.coming)))
            if row.not_answered:
                down.addWidget(Label(ngettext("{n} has not answered", "{n} have not answered", row.not_answered).format(n=number(row.not_answered)),
                                     "small", "muted"))
        down.addStretch(1)
        return down

    def _held(self, rows: list[GatheringRow]) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(px(16))
        grid.setVerticalSpacing(px(6))
        grid.setColumnStretch(1, 1)
        for place, words in enumerate((_("Date"), _("Gathering"), _("Came"), _("Said yes"))):
            title = Label(words, "label", "muted")
            grid.addWidget(title, 0, place, Qt.AlignmentFlag.AlignRight if place > 1 else Qt.AlignmentFlag.AlignLeft)
        for number_, row in enumerate(rows):
            line = 2 * number_ + 1
            grid.addWidget(hairline(), line, 0, 1, 4)
            starts = parse_wall(row.starts)
            grid.addWidget(Label(self._day_words(starts.date()) if starts else "", tone="muted"), line + 1, 0)
            link = Link(row.name, role="body", tone="text")
            link.clicked.connect(lambda checked=False, which=row.id: self._show(which))
            grid.addWidget(link, line + 1, 1, Qt.AlignmentFlag.AlignLeft)
            came = Label(_("cancelled") if row.cancelled else number(row.came), "strong" if not row.cancelled else "body", "muted" if row.cancelled else "text")
            grid.addWidget(came, line + 1, 2, Qt.AlignmentFlag.AlignRight)
            grid.addWidget(Label(number(row.coming), tone="muted"), line + 1, 3, Qt.AlignmentFlag.AlignRight)
        return grid

    def _day_words(self, day: date) -> str:
        words = f"{weekday_short(day)} {day_short(day)}"
        return words if day.year == self._clock().year else f"{words} {day.year}"

    def _side(self) -> QWidget:
        side, column = padded()
        plan = Button(_("Plan a gathering"), "primary", "plus")
        plan.clicked.connect(lambda: self.plan())
        column.addWidget(plan)
        column.addSpacing(px(20))
        column.addWidget(small_heading(_("Start from a kind")))
        for kind in ("reception", "dinner", "networking", "talk", "workshop", "webinar", "volunteering", "family", "tour", "sports", "holiday"):
            link = Link(kind_word(kind))
            link.clicked.connect(lambda checked=False, kind=kind: self.plan(kind))
            column.addWidget(link, 0, Qt.AlignmentFlag.AlignLeft)
        column.addStretch(1)
        self._first = plan
        return side

    def _show_all(self) -> None:
        self._all_held = True
        self.refresh()

    # -- one gathering

    def _show(self, which: str, then: Callable[[], object] | None = None) -> None:
        self._shown, self._then = which, then
        self.lanes.read(lambda: whole(self.desk, which), self._seen, self._lost, key="gathering")

    def _seen(self, it: Whole) -> None:
        if it.row.id != self._shown:
            return
        self.view.show_whole(it, over=it.row.is_over(self._now()))
        self.places.setCurrentWidget(self.view)
        starts = parse_wall(it.row.starts)
        self.title = it.row.name
        self.note = " · ".join(part for part in (f"{day_long(starts.date())}, {starts:%H:%M}" if starts else "", it.row.place or "") if part)
        self.back = self._to_year
        self.titled.emit()
        then, self._then = self._then, None
        if then is not None:
            then()

    def _lost(self, error: KnownError) -> None:
        self._to_year()
        self.said.emit(str(error), None)

    def _to_year(self) -> None:
        self._shown = self._then = None
        self.title, self.note, self.back = _("Gatherings"), "", None
        self.titled.emit()
        self.places.setCurrentWidget(self._year)
        self.refresh()

    def _wants(self, what: str) -> None:
        it = self.view.it
        if it is None:
            return
        if what == "checkin":
            self.go("checkin", gathering=it.row.id)
        elif what == "badges":
            self.go("badges", gathering=it.row.id)
        elif what == "roster":
            self.roster(it)
        elif what in ("edit", "hours"):
            self.edit(it.row, hours=what == "hours")
        elif what == "history":
            self.history(it.row)
        elif it.row.cancelled:
            self.lanes.write(lambda: replan_gathering(self.desk, it.row.id), lambda made: self.done(made.changed, _("Planned again")))
        else:
            self.ask_cancel(it.row)

    def _new(self) -> None:
        """Ctrl N: a guest of the gathering that is shown, or else a gathering."""
        if self._shown is None:
            self.plan()
        elif self.view.it is not None:
            self.view.add()

    def plan(self, kind: str | None = None, *, day: date | None = None, like: GatheringRow | None = None) -> None:
        """Ask for a new gathering: of a kind, in the month of a day, or like another one."""
        form = GatheringForm(self, _("Plan a gathering"), _("Plan it"), self._clock(), self._zone(), like)
        if day is not None:
            form.start.setDate(QDate(day.year, day.month, 15))
        if kind is not None:
            form.kind.set_key(kind)
            form.mode.set_key("online" if kind == "webinar" else "in_person")

        def made(planned: Planned) -> None:
            form.accept()
            self.done(planned.changed, _("{name} is planned").format(name=planned.name))
            self._show(planned.id)

        def save() -> None:
            values = form.values()
            form.set_busy(_("Saving …"))
            self.lanes.write(lambda: new_gathering(self.desk, **values), made, form.complain)

        form.done_clicked.connect(save)
        form.open()

    def edit(self, row: GatheringRow, *, hours: bool = False) -> None:
        """Change a gathering; ``hours``: when it starts and ends."""
        form = GatheringForm(self, _("Edit {name}").format(name=row.name), _("Save"), self._clock(), row.time_zone, row)

        def saved(planned: Planned) -> None:
            form.accept()
            self.done(planned.changed, _("{name} was saved").format(name=planned.name))

        def save() -> None:
            values = form.changed()
            form.set_busy(_("Saving …"))
            self.lanes.write(lambda: change_gathering(self.desk, row.id, form.opened, **values), saved, form.complain)

        form.done_clicked.connect(save)
        form.open()
        if hours:
            form.start.setFocus()

    def history(self, row: GatheringRow) -> None:
        """Every value that its fields have had, to be put back one by one."""
        self._show_history("gathering", row.id, row.name, lambda: look_up(self.desk, row.id).name)

    def _guest_history(self, registration: str, name: str) -> None:
        it = self.view.it
        if it is None:
            return

        person = next((guest.person for guest in it.guests if guest.registration == registration), "")

        def called() -> str:
            from alumni_desk.desktop.member_panel import was_erased

            off = _("somebody who was erased") if was_erased(self.desk, person) else name
            now = next((row.name for row in guest_rows(self.desk, it.row.id) if registration in (row.registration, *row.others)), off)
            return _guest_at(now, look_up(self.desk, it.row.id).name)

        self._show_history("registration", registration, _guest_at(name, it.row.name), called)

    def _show_history(self, table: str, row_id: str, name: str, called: Callable[[], str]) -> None:
        from alumni_desk.desktop.history_sheet import HistorySheet

        sheet = HistorySheet(self, self.desk, self.lanes, self.changes, table, row_id, name, called)
        sheet.restored.connect(lambda changed: self.done(changed, _("The older value is back")))
        sheet.open()

    def ask_cancel(self, row: GatheringRow) -> None:
        """Call it off, with a reason for those who ask; the toast takes it back."""
        sheet = Sheet(self, _("Cancel {name}?").format(name=row.name), _("Cancel the gathering"), kind="danger", cancel=_("Keep it"))
        reason = Field(_("Reason"), _("The hall is closed"), height=40)
        sheet.column.addWidget(FormRow(_("Reason"), reason, _("Stands where people look for the gathering. Nobody is told by e-mail.")))

        def cancelled(planned: Planned) -> None:
            sheet.accept()
            self.done(planned.changed, _("{name} is cancelled").format(name=planned.name))

        def cancel() -> None:
            why = reason.text()
            sheet.set_busy(_("Cancelling …"))
            self.lanes.write(lambda: cancel_gathering(self.desk, row.id, why), cancelled, sheet.complain)

        sheet.done_clicked.connect(cancel)
        sheet.open()
        reason.setFocus()

    def roster(self, it: Whole) -> None:
        """Save the list as PDF, CSV or XLSX."""
        chosen, _kind = QFileDialog.getSaveFileName(self, _("Save the roster"), str(Path.home() / f"{as_file_name(it.row.name)}.pdf"),
                                                   _("PDF (*.pdf);;Table (*.csv);;Workbook (*.xlsx)"))
        if chosen:
            self.save_roster(it, Path(chosen))

    def _may_hand_out(self) -> bool:
        """Whether this laptop is a leader's, of a chapter that others share; reads the chapter."""
        from alumni_desk.sync import state

        with self.desk.reading() as connection:
            membership = state.read(connection, state.Membership)
        return membership is not None and membership.role != "door"

    def hand_out(self) -> None:
        """Save the list as the gathering's door may see it, for a laptop that the server does not reach."""
        it = self.view.it
        if it is None:
            return
        chosen, _kind = QFileDialog.getSaveFileName(self, _("Hand out the list"), str(Path.home() / f"{as_file_name(it.row.name)}.alumnidesk"),
                                                   _("All files (*)"))
        if chosen:
            self.save_hand_out(it.row.id, Path(chosen))

    def save_hand_out(self, gathering: str, out: Path) -> None:
        """Write the hand-out, off the screen."""
        from alumni_desk.sync.venue.files import write_handout

        def saved(made: HandedOut) -> None:
            self.said.emit(ngettext("The list of {gathering} with {n} guest is in {file}. Only its door and the leaders can open it.",
                                    "The list of {gathering} with {n} guests is in {file}. Only its door and the leaders can open it.", made.guests).format(
                                        gathering=made.name, n=number(made.guests), file=out.name), None)

        self.lanes.write(lambda: write_handout(self.desk, gathering, out), saved, lambda error: self.said.emit(str(error), None))

    def save_roster(self, it: Whole, out: Path) -> None:
        """Write the roster, off the screen."""
        from alumni_desk.badges.lists import heading_of
        from alumni_desk.badges.rosters import awaited, write_roster

        rows = awaited(it.guests)

        def work(job: Any) -> tuple[tuple[Look, ...], str]:
            looks = write_roster(rows, out, heading_of(self.desk, it.row.id))
            return looks, exports.note(self.desk, out)

        def saved(done: tuple[tuple[Look, ...], str]) -> None:
            looks, unnoted = done
            words = _("Roster saved as {file}").format(file=out.name)
            self.said.emit(f"{words}. {unnoted}" if unnoted else words, None)
            if looks:
                from alumni_desk.desktop.badge_looks import LooksSheet

                LooksSheet(self, words, looks).open()

        self.lanes.read_long(work, saved)

    def _zone(self) -> str:
        return self._chapter_zone or local_zone()


def _guest_at(name: str, held: str) -> str:
    return _("{name} at {gathering}").format(name=isolated(name), gathering=isolated(held))


def _year_words(chart: YearChart) -> str:
    held = [bar for bar in chart.bars if bar.held]
    came = sum(bar.count for bar in held)
    parts = []
    if held:
        words = ngettext("{came} came to {n} gathering", "{came} came to {n} gatherings", len(held))
        parts.append(words.format(came=number(came), n=number(len(held))))
    if any(not bar.held for bar in chart.bars):
        parts.append(_("dashed said yes"))
    free = chart.free()
    if free:
        parts.append(_("{month} is free").format(month=month_long(free[0])))
    return " · ".join(parts)


def again(row: GatheringRow, today: date) -> GatheringRow:
    """The same once more: on the same weekday, so many whole years of 52 weeks later that it is ahead."""
    starts = parse_wall(row.starts)
    if starts is None:
        return row
    years = 1
    while starts.date() + timedelta(weeks=52 * years) <= today:
        years += 1
    ends, later = None if row.crossed else parse_wall(row.ends), timedelta(weeks=52 * years)
    return replace(row, starts=f"{starts + later:%Y-%m-%dT%H:%M}", ends=f"{ends + later:%Y-%m-%dT%H:%M}" if ends else None)
