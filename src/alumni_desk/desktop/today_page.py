"""Today: the next gathering first, then what follows it. What has no data yet is left out and the page closed up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget
from shiboken6 import isValid

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.desktop.controls import WINDOW, Button, Elided, Label, Link, hairline, shortcut
from alumni_desk.desktop.dates import (
    day_long,
    day_middle,
    day_short,
    distance,
    first_upper,
    local,
    month_long,
    span,
    weekday_long,
)
from alumni_desk.desktop.deeds import second_line
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.pages import EmptyPage, Go, Page
from alumni_desk.desktop.paint import breakable
from alumni_desk.desktop.today_lists import Ahead, Held, TodayFacts, WeekFacts, today_facts, week_facts
from alumni_desk.desktop.tokens import Tone
from alumni_desk.desktop.widgets import Bar, Card, Columns, DateBlock, IconLine, MainAndSide, heading, keyboard_of, padded, small_heading
from alumni_desk.errors import KnownError
from alumni_desk.segments.activity import Deed, deeds, grouped
from alumni_desk.store import driver
from alumni_desk.store.desk import Desk
from alumni_desk.store.writing import Changed
from alumni_desk.words import _, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.gatherings.counts import Inside

SHOWN = 5
WEEK_AFTER_MS = 50


class TodayPage(Page):
    """The first page of the window."""

    name = "today"
    icon = "sun-horizon"
    title = _("Today")
    watches = frozenset({"gathering", "registration", "fact", "person"})

    def __init__(self, desk: Desk, lanes: Lanes, changes: ChangeBus, go: Go, *, clock: Callable[[], date] = date.today) -> None:
        super().__init__(desk, lanes, changes, go)
        self._clock = clock
        self._first: QWidget | None = None
        self._content: MainAndSide | None = None
        self._week: tuple[date, WeekFacts] | None = None
        self._week_place: QVBoxLayout | None = None
        self._week_asked = 0
        self.title = day_long(clock())
        changes.changed.connect(self._people_changed)
        shortcut(QKeySequence.StandardKey.New, self, self._plan, WINDOW)
        self.keyed = {"gatherings:plan": _("Ctrl N")}

    def _plan(self) -> None:
        self.go("gatherings", plan=True)

    def _people_changed(self, changed: Changed) -> None:
        if not changed.tables or "person" in changed.tables:
            self._week = None
            self._week_asked += 1  # an answer that is on its way is from before

    def refresh(self) -> None:
        self.title = day_long(self._clock())
        self.titled.emit()
        self.stack.loading(True)
        self.lanes.read(lambda: (today_facts(self.desk, self._clock()), lately(self.desk, self._clock())), self._show, self._failed, key="today")

    def first_focus(self) -> QWidget | None:
        return self._first

    def _failed(self, error: KnownError) -> None:
        self.stack.show_error(error, _("Try again"), self.refresh)

    def _show(self, both: tuple[TodayFacts, list[Deed]]) -> None:
        facts, done = both
        if not facts.ahead and not facts.held:
            self.stack.show_empty(self._empty(facts))
            return
        content = MainAndSide(self._main(facts), self._side(facts, done))
        again = keyboard_of(self.stack)
        before, self._content = self._content, content
        self.stack.set_content(content)
        self.stack.show_content()
        if before is not None:
            content.go_on_from(before)
        again(content)
        if self._week is None or self._week[0] != self._clock():
            QTimer.singleShot(WEEK_AFTER_MS, self, self._look_at_week)

    def _look_at_week(self) -> None:
        """Birthdays are looked for among all members: when the page has been painted, and on the long lane, so that no search waits for it."""
        self._week_asked += 1
        asked, today = self._week_asked, self._clock()

        def found(week: WeekFacts) -> None:
            if asked == self._week_asked:
                self._week = (today, week)
                self._fill_week()

        self.lanes.read_long(lambda job: week_facts(self.desk, today), found)

    def _empty(self, facts: TodayFacts) -> QWidget:
        sentence = _("No gathering yet. Plan the first one") if facts.only_members else _("Start with the list you already have")
        if facts.only_members:
            empty = EmptyPage("calendar-blank", sentence, _("Plan a gathering"), self._plan, step_icon="plus")
        else:
            empty = EmptyPage("users", sentence, _("Import a spreadsheet"), lambda: self.go("members", import_file=True),
                              _("Nothing is saved until you have seen it"), "upload-simple")  # fmt: skip
            plan = Link(_("Plan a gathering"))
            plan.clicked.connect(lambda: self._plan())
            empty.below.addWidget(plan, 0, Qt.AlignmentFlag.AlignHCenter)
        self._first = empty.button
        return empty

    def _main(self, facts: TodayFacts) -> QWidget:
        main, column = padded()
        today = self._clock()
        if facts.ahead:
            column.addWidget(self._next(facts.ahead[0], today))
        else:
            column.addWidget(self._nothing_ahead())
        later = facts.ahead[1:3]
        if facts.ahead:
            column.addSpacing(px(24))
            every = Link(_("All gatherings"))
            every.clicked.connect(lambda: self.go("gatherings"))
            column.addWidget(heading(_("Next on the calendar"), right=every))
            column.addSpacing(px(4))
            column.addWidget(self._calendar(later, facts, today))
        column.addStretch(1)
        return main

    def _nothing_ahead(self) -> QWidget:
        card = Card()
        card.column.addWidget(Label(_("No gathering ahead"), "title"))
        card.column.addWidget(Label(_("The next one starts with a day and a place."), tone="muted"))
        card.column.addSpacing(px(8))
        plan = Button(_("Plan a gathering"), "primary", "plus")
        plan.clicked.connect(lambda: self._plan())
        card.column.addWidget(plan, 0, Qt.AlignmentFlag.AlignLeft)
        self._first = plan
        return card

    def _next(self, ahead: Ahead, today: date) -> QWidget:
        card = Card()
        top = QHBoxLayout()
        top.setSpacing(px(20))
        top.addWidget(DateBlock(ahead.starts.date(), large=True, near=True), 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.setSpacing(px(2))
        words.addWidget(Label(first_upper(distance(ahead.starts.date(), today)), tone="muted"))
        words.addWidget(Label(breakable(ahead.name), "title", wrap=True))
        place = " · ".join(part for part in (span(ahead.starts, ahead.ends), ahead.place) if part)
        words.addWidget(Label(breakable(place), tone="muted", wrap=True))
        if ahead.ends is not None and ahead.ends < ahead.starts:
            from alumni_desk.gatherings.fields import crossed_words

            words.addWidget(IconLine("warning", crossed_words(), tone="warn"))
        words.addStretch(1)
        top.addLayout(words, 1)
        deeds = QVBoxLayout()
        deeds.setSpacing(px(8))
        check_in = Button(_("Start check-in"), "primary", "door")
        check_in.clicked.connect(lambda: self.go("checkin", gathering=ahead.id))
        badges = Button(_("Print badges"), icon="printer")
        badges.clicked.connect(lambda: self.go("badges", gathering=ahead.id))
        for button in (check_in, badges):
            deeds.addWidget(button)
        deeds.addStretch(1)
        top.addLayout(deeds)
        self._first = check_in
        card.column.addLayout(top)
        card.column.addSpacing(px(12))
        card.column.addWidget(_coming(ahead))
        return card

    def _calendar(self, later: Sequence[Ahead], facts: TodayFacts, today: date) -> QWidget:
        box = QWidget()
        row = QHBoxLayout(box)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(px(16))
        for ahead in later:
            when = f"{day_middle(ahead.starts.date())} · {distance(ahead.starts.date(), today)}"
            if ahead.inside is not None:
                count = _("{n} of {expected} here").format(n=number(ahead.inside.here), expected=number(ahead.coming + ahead.inside.beside))
            elif not ahead.coming:
                count = _("Nobody has said yes yet")
            elif over := over_words(ahead):
                count = _("{n} coming, {over}").format(n=number(ahead.coming), over=over)
            elif ahead.capacity:
                count = _("{n} coming of {places} places").format(n=number(ahead.coming), places=number(ahead.capacity))
            else:
                count = ngettext("{n} coming", "{n} coming", ahead.coming).format(n=number(ahead.coming))
            row.addWidget(_Column(when, ahead.name, ahead.place, count, _("Open"), partial(self.go, "gatherings", gathering=ahead.id)), 1)
            row.addWidget(hairline("v"))
        free = _free_month(facts, today)
        row.addWidget(self._free(free, facts), 1)
        for _column in range(2 - len(later)):
            row.addStretch(1)
        return box

    def _free(self, month: date, facts: TodayFacts) -> QWidget:
        """A free month, with what was held in it before as the idea."""
        free = _("{month} is free").format(month=month_long(month))
        before = [held for held in facts.year if held.day.month == month.month]
        if not before:
            return _Column(free, _("Nothing planned"), "", "", _("Plan a gathering"), self._plan)
        best = max((held for held in before if held.day.year == before[0].day.year), key=lambda held: held.came)
        came = ngettext("{n} came in {month} {year}", "{n} came in {month} {year}", best.came).format(
            n=number(best.came), month=month_long(best.day), year=best.day.year)
        return _Column(free, best.name, "", came, _("Plan it again"), lambda: self.go("gatherings", like=best.id))

    def _fill_week(self) -> None:
        column = self._week_place
        if column is None or not isValid(column) or self._week is None or column.count():
            return
        today, facts = self._week
        if not facts.birthdays and not facts.fifty:
            return
        column.addWidget(small_heading(_("This week")))
        for one in facts.birthdays[:SHOWN]:
            when = _("birthday today") if one.day == today else _("birthday on {weekday}").format(weekday=weekday_long(one.day))
            line = IconLine("cake", "", when)
            name = Link(one.name, role="body", tone="text")
            name.clicked.connect(lambda checked=False, member=one.member: self.go("members", member=member))
            name.setFixedHeight(px(20))
            line.first.hide()
            line.words.insertWidget(0, name)
            column.addWidget(line)
        more = len(facts.birthdays) - SHOWN
        if more > 0:
            column.addWidget(Label(ngettext("and {n} more birthday", "and {n} more birthdays", more).format(n=number(more)), "small", "muted"))
        if facts.fifty:
            second = ngettext("50 years; {n} member", "50 years; {n} members", facts.fifty).format(n=number(facts.fifty))
            column.addWidget(IconLine("graduation-cap", _("Class of {year}").format(year=today.year - 50), second))
        column.addSpacing(px(24))

    def _side(self, facts: TodayFacts, done: Sequence[Deed]) -> QWidget:
        side, column = padded()
        if facts.held:
            self._turnout(column, facts.held)
            column.addSpacing(px(24))
        self._week_place = QVBoxLayout()
        column.addLayout(self._week_place)
        self._fill_week()
        every = Link(_("All activity"), role="body")
        every.clicked.connect(lambda: self.go("activity"))
        column.addWidget(heading(_("Since yesterday"), right=every))
        for one in done[:SHOWN]:
            column.addWidget(IconLine("note-pencil", breakable(one.what), breakable(second_line(one))))
        if not done:
            column.addWidget(Label(_("Nothing was changed here."), tone="muted", wrap=True))
        elif len(done) > SHOWN:
            column.addWidget(Label(ngettext("and {n} more", "and {n} more", len(done) - SHOWN).format(n=number(len(done) - SHOWN)), "small", "muted"))
        column.addStretch(1)
        return side

    def _turnout(self, column: QVBoxLayout, held: Sequence[Held]) -> None:
        several = ngettext("Turnout, the last gathering", "Turnout, last {n} gatherings", len(held))
        column.addWidget(small_heading(several.format(n=_small(len(held)))))
        spoken = "; ".join(f"{h.name}: {h.came}" for h in held)
        column.addWidget(Columns(spoken, [h.came for h in held], height=104))
        foot = QHBoxLayout()
        if len(held) > 1:
            foot.addWidget(Label(month_long(held[0].day), "small", "muted"))
        foot.addStretch(1)
        last = f"{held[-1].name}, {day_short(held[-1].day)}"
        foot.addWidget(Label(breakable(last), "small", "muted", wrap=True) if len(held) < 2 else Elided(last, "small", "muted"))
        column.addLayout(foot)


def lately(desk: Desk, today: date) -> list[Deed]:
    """What was done here since yesterday morning, the newest first; what begins a chapter is left out."""
    since = today - timedelta(days=1)
    with desk.asking() as connection:  # all of them, or a full evening's check-ins would be told as sixty
        [count] = driver.row(connection, "SELECT count(*) FROM action WHERE undoes IS NULL AND at >= ?", (f"{since - timedelta(days=1)}",)) or [0]
    return [one for one in grouped(deeds(desk, max(60, count), but=("chapter_founded", "sample_made", "chapter_completed"))) if local(one.at).date() >= since]


def _small(n: int) -> str:
    words = {2: _("two"), 3: _("three"), 4: _("four"), 5: _("five"), 6: _("six"), 7: _("seven"), 8: _("eight")}
    return words.get(n, str(n))


def coming_bar(coming: int, not_answered: int, capacity: int | None) -> tuple[list[tuple[float, Tone]], float]:
    """The parts of the bar and its whole: the places, filled by who comes; who has not answered shows only in what is left of them."""
    total = capacity or max(coming + not_answered, 1)
    filled = min(coming, total)
    return [(filled, "warn" if coming > total else "accent"), (min(not_answered, total - filled), "border")], total


def over_words(ahead: Ahead) -> str:
    """How many more come than there are places; empty where there is room for all."""
    over = ahead.coming - ahead.capacity if ahead.capacity else 0
    return ngettext("{n} more than there is room for", "{n} more than there is room for", over).format(n=number(over)) if over > 0 else ""


def to_come_words(expected: int, inside: Inside) -> str:
    """How many of those who said yes have not come yet, and how many went out again."""
    if expected > inside.came:
        parts = [_("{n} to come").format(n=number(expected - inside.came))]
    else:  # whoever has not answered may still come
        parts = [_("Everyone who said yes has come") if expected > inside.beside else _("Nobody had said yes")]
    if out := inside.came - inside.here:
        parts.append(ngettext("{n} went out", "{n} went out", out).format(n=number(out)))
    return " · ".join(parts)


def _counted(count: int, words: str, capacity: int | None) -> tuple[QWidget, QVBoxLayout]:
    """A count with its words, and of how many places; and the column that goes on below it."""
    box = QWidget()
    column = QVBoxLayout(box)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(px(6))
    row = QHBoxLayout()
    row.setSpacing(px(8))
    row.addWidget(Label(number(count), "number"), 0, Qt.AlignmentFlag.AlignBottom)
    row.addWidget(Label(words, "body"), 0, Qt.AlignmentFlag.AlignBottom)
    row.addStretch(1)
    if capacity:
        row.addWidget(Label(ngettext("{n} place", "{n} places", capacity).format(n=number(capacity)), tone="muted"), 0, Qt.AlignmentFlag.AlignBottom)
    column.addLayout(row)
    return box, column


def _here(ahead: Ahead, inside: Inside) -> QWidget:
    """How many are in while it goes on, of those who said yes or came anyhow."""
    expected = ahead.coming + inside.beside
    box, column = _counted(inside.here, _("of {n} here").format(n=number(expected)), ahead.capacity)
    sentence = _("{n} of {expected} here").format(n=number(inside.here), expected=number(expected))
    column.addWidget(Bar(sentence, [(inside.here, "accent")], expected))
    column.addWidget(Label(to_come_words(expected, inside), "small", "muted"))
    return box


def _coming(ahead: Ahead) -> QWidget:
    """How many come, of how many places, and who has not answered."""
    if ahead.inside is not None:
        return _here(ahead, ahead.inside)
    box, column = _counted(ahead.coming, _("coming"), ahead.capacity)
    over, sentence = over_words(ahead), _("{n} coming").format(n=ahead.coming)
    if over:
        sentence = _("{n} coming, {over}").format(n=number(ahead.coming), over=over)
    column.addWidget(Bar(sentence, *coming_bar(ahead.coming, ahead.not_answered, ahead.capacity)))
    if over:
        column.addWidget(IconLine("warning", over, tone="warn"))
    if ahead.not_answered:
        silent = ngettext("{n} has not answered", "{n} have not answered", ahead.not_answered)
        column.addWidget(Label(silent.format(n=number(ahead.not_answered)), "small", "muted"))
    elif ahead.coming or ahead.listed:
        column.addWidget(Label(_("Everyone has answered"), "small", "muted"))
    else:
        column.addWidget(Label(_("Nobody is invited yet"), "small", "muted"))
    return box


def _free_month(facts: TodayFacts, today: date) -> date:
    """The first of the next month in which nothing is planned."""
    taken = {(a.starts.year, a.starts.month) for a in facts.ahead}
    year, month = today.year, today.month
    for _step in range(24):
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        if (year, month) not in taken:
            break
    return date(year, month, 1)


class _Column(QWidget):
    """One of the text columns of the calendar."""

    def __init__(self, when: str, name: str, place: str, count: str, deed: str, act: Callable[[], None]) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(2))
        column.addWidget(Label(when, "small", "muted", wrap=True))
        column.addWidget(Label(breakable(name), "strong", wrap=True))
        if place:
            column.addWidget(Label(breakable(place), "small", "muted", wrap=True))
        if count:
            column.addWidget(Label(count, "small", wrap=True))
        link = Link(deed, role="body")
        link.setAccessibleName(f"{deed}: {name}")
        link.clicked.connect(lambda: act())
        column.addWidget(link)
        column.addStretch(1)

    def minimumSizeHint(self) -> QSize:
        return QSize(px(140), super().minimumSizeHint().height())

