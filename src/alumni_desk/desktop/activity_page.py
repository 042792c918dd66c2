"""Activity: who did what, at this desk and as it has seen others do, what it changed, and the way back."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence, QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QListView, QVBoxLayout, QWidget

from alumni_desk.desktop.activity_detail import SHOWN, Detail, Seen, look_at
from alumni_desk.desktop.activity_list import DEED, Lines
from alumni_desk.desktop.activity_rows import LineDelegate
from alumni_desk.desktop.background import Job, Lanes
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.desktop.controls import WINDOW, Choice, Field, Label, Link, Segments, hairline, shortcut
from alumni_desk.desktop.deeds import Deed as PaletteDeed
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.pages import EmptyPage, Go, Page
from alumni_desk.desktop.undoing import Undoing
from alumni_desk.errors import KnownError
from alumni_desk.segments.activity import CHECK_INS, Deed, deeds, grouped
from alumni_desk.segments.finding import Asked, Found, find
from alumni_desk.segments.others import everyone, has_others
from alumni_desk.store.desk import Desk
from alumni_desk.store.done import DAYS, GONE_BACK
from alumni_desk.words import _, ngettext, number

AT_ONCE = 200
FIND, KIND, KIND_LEAST = 184, 160, 128
"""So much room Find has at least beside the choices, else it stands below them; and the choice of a kind, in that row and anywhere."""

KINDS = {"members": ("member", "value"), "import": ("import",), "gatherings": ("gathering", "guest", "answers"), "door": ("check", "walked"),
         "badges": ("badge",)}


class ActivityPage(Page):
    """The list at the left, one action at the right."""

    name = "activity"
    icon = "clock-counter-clockwise"
    title = _("Activity")
    apart = True

    def __init__(self, desk: Desk, lanes: Lanes, changes: ChangeBus, go: Go, undoing: Undoing) -> None:
        super().__init__(desk, lanes, changes, go)
        self._undoing = undoing
        self._limit = AT_ONCE
        self._asked_whose = False
        self._job: Job | None = None  # that looks for everyone's
        self._again = False
        self._found: list[Deed] = []
        self._looking: Job | None = None  # through all of them
        self._answer: Found | None = None  # what the last look through all of them has found
        self._asked = Asked("mine")
        self._chosen: str | None = None
        self.lines = Lines(self)
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
        self.kind = Choice(_("Kind"), [("", _("Every kind")), ("members", _("Members")), ("import", _("Imports")), ("gatherings", _("Gatherings")),
                                       ("door", _("Check-in")), ("badges", _("Badges"))])
        self.kind.activated.connect(lambda: self._fill())
        self.search = Field(_("Find in the activity"), _("Find a person, file or gathering"), icon="magnifying-glass", hint=_("Ctrl F"))
        self.search.textChanged.connect(lambda: self._fill())
        self.whose = Segments(_("Whose"), [("mine", _("Mine")), ("everyone", _("Everyone"))], "mine")
        self.whose.chosen.connect(lambda key: self.refresh())
        column.addWidget(_Tools(self.whose, self.kind, self.search))
        self.list = QListView()
        self.list.setAccessibleName(_("Activity"))
        self.list.setFrameShape(QListView.Shape.NoFrame)
        self.list.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.list.setResizeMode(QListView.ResizeMode.Adjust)  # a narrower list may need higher rows
        self.list.setModel(self.lines)
        self.painter = LineDelegate(self.list)
        self.painter.pressed.connect(self._turn)
        self.list.setItemDelegate(self.painter)
        self.list.setMouseTracking(True)
        self.list.selectionModel().currentChanged.connect(lambda now, before: self._choose(now.data(DEED)))
        column.addWidget(self.list, 1)
        column.addWidget(hairline())
        foot = QHBoxLayout()
        foot.setContentsMargins(px(24), px(8), px(24), px(8))
        self.foot = Label(_("Your own actions can be undone for {days} days").format(days=DAYS), "small", "muted", wrap=True)
        foot.addWidget(self.foot, 1)
        self.older = Link(_("Show older"))
        self.older.clicked.connect(self._show_older)
        foot.addWidget(self.older)
        column.addLayout(foot)
        shortcut(QKeySequence.StandardKey.Find, self, self.search.setFocus, WINDOW)
        shortcut(Qt.Key.Key_Escape, self.search, self.search.clear)
        return left

    def _right(self) -> QWidget:
        self.detail = Detail()
        self._fit_detail()
        self.detail.turn.connect(self._turn)
        self.detail.more.connect(lambda deed, most: self.lanes.read(lambda: look_at(self.desk, deed, most), self.detail.show_more, key="activity.detail"))
        self.detail.member.connect(lambda person: self.go("members", member=person))
        self.detail.gathering.connect(lambda which: self.go("gatherings", gathering=which))
        return self.detail

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if not self.steps and self._fit_detail():
            self._choose(self.list.currentIndex().data(DEED))  # what stands side by side in it may need to go below

    def _fit_detail(self) -> bool:
        """The list needs the rest of a narrow window; whether that is another width than before."""
        before = self.detail.maximumWidth()
        self.detail.setFixedWidth(min(px(360), 440, max(px(232), self.width() - px(292))))
        return self.detail.maximumWidth() != before

    # -- what every page does

    def deeds(self) -> list[PaletteDeed]:
        """The button of the action that is chosen."""
        button, seen = (self.detail.button, self.detail.seen) if self.isVisible() and not self.steps else (None, None)
        if button is None or seen is None:
            return []
        undone = seen.state == "undone"
        words = (_("Redo the chosen action: {what}") if undone else _("Undo the chosen action: {what}")).format(what=seen.what)
        return [PaletteDeed("chosen", "arrow-clockwise" if undone else "arrow-counter-clockwise", words, button.click, also=_("back mistake"))]

    def first_focus(self) -> QWidget:
        return self.list

    def regions(self) -> list[QWidget]:
        return [self.search, self.list, self.detail]

    def refresh(self) -> None:
        limit = self._limit
        whose = self.whose.on() if self._asked_whose else ""
        self.stack.loading(True)
        self.lanes.read(lambda: look_back(self.desk, limit, whose), self._came, self._failed, key="activity")

    def _failed(self, error: KnownError) -> None:
        self._job = None
        self.stack.show_error(error, _("Try again"), self.refresh)

    def _came(self, both: tuple[str, list[Deed]]) -> None:
        whose, found = both
        self._asked_whose = True
        self.whose.set_on(whose)
        if self._job is None:
            # Not on the reading lane: a large chapter takes a second, and a search must not wait for it. One's own are there meanwhile.
            self._job = self.lanes.read_long(lambda job: (whose, whole(self.desk, self._limit, whose)), self._whole_came, self._failed)
        else:
            self._again = True
        if whose == "mine" or (found and not any(one.rows for one in self._found)):
            self._take(found)

    def _whole_came(self, both: tuple[str, list[Deed]]) -> None:
        whose, found = both
        self._job = None
        if self._again:
            self._again = False
            self.refresh()
        elif self.whose.on() == whose:
            self._take(found)

    def _take(self, found: list[Deed]) -> None:
        self.stack.loading(False)
        self._found = found
        if not found:
            self.stack.show_empty(EmptyPage("clock-counter-clockwise", _("Nothing was done here yet"), promise=_("Whatever you do can be undone from here")))
            return
        self.stack.show_content()
        self._fill()

    def _show_older(self) -> None:
        self._limit += AT_ONCE
        self.refresh()

    def _fill(self) -> None:
        asked = Asked(self.whose.on(), KINDS.get(self.kind.key() or "", ("",)), tuple(self.search.text().casefold().split()))
        narrowed = asked != Asked(asked.whose)
        if not narrowed or (self._answer is not None and self._answer.asked.whose != asked.whose):
            self._answer = None
        self._show(asked)
        limit = self._limit
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
            self.stack.loading(False)
        if narrowed:
            self.stack.loading(True)
            self._looking = self.lanes.read_on(lambda job: find(self.desk, asked, limit, job.cancelled), self._answered, self._not_looked,
                                               key="activity.find")

    def _not_looked(self, error: KnownError) -> None:
        self._looking = None
        self.stack.show_error(error, _("Try again"), self.refresh)

    def _answered(self, answer: Found) -> None:
        """All that there is was looked through, or as far as there is enough of it."""
        if answer.asked == self._asked:
            self._looking = None
            self.stack.loading(False)
            self._answer = answer
            self._show(answer.asked)

    def _show(self, asked: Asked) -> None:
        """What is like that, of what is known by now: what is there, and what the last look through all of them has found."""
        at = self.list.verticalScrollBar().value() if asked == self._asked else 0  # the same list anew: nothing jumps
        self._asked = asked
        here = {one.id for one in self._found}
        known = [*self._found, *(one for one in (self._answer.deeds if self._answer is not None else []) if one.id not in here)]
        shown = grouped([one for one in known if asked.fits(one)], asked.words)
        answered = self._answer is not None and self._answer.asked == asked
        self.older.setVisible(not self._answer.whole if answered else asked == Asked(asked.whose) and len(self._found) >= self._limit)
        self.lines.take(shown)
        self.list.setAccessibleDescription(ngettext("{n} action", "{n} actions", len(shown)).format(n=number(len(shown))))
        row = self.lines.row_of(self._chosen)
        if row < 0:
            row = self.lines.row_of(shown[0].id if shown else None)
        if row >= 0:
            self.list.setCurrentIndex(self.lines.index(row, 0))
        else:
            self._choose(None)
        if at:
            self.list.verticalScrollBar().setValue(at)

    def _choose(self, deed: Deed | None) -> None:
        self._chosen = deed.id if deed is not None else None
        if deed is None:
            looking = self._answer is None or self._answer.asked != self._asked
            self.detail.show_nothing("" if not self._found else _("Looking through what is older …") if looking
                                     else _("Nothing here is like that. Try fewer letters."))
            return
        most = max(SHOWN, self.detail.shown) if self.detail.seen is not None and self.detail.seen.id == deed.id else SHOWN
        self.lanes.read(lambda: look_at(self.desk, deed, most), self._looked, key="activity.detail")

    def _looked(self, seen: Seen) -> None:
        if seen.deed.id == self._chosen:
            self.detail.show_seen(seen)
            if self.lines.put(seen.deed):
                self.list.scheduleDelayedItemsLayout()

    def _open(self, deed: Deed) -> None:
        """The record of what others did, to be changed there."""
        if deed.person is not None and deed.gathering is None:
            self.go("members", member=deed.person)
        elif deed.gathering is not None:
            self.go("gatherings", gathering=deed.gathering)

    def _turn(self, deed: Deed) -> None:
        if deed.event == GONE_BACK:
            self.go("restore")
        elif deed.rows or deed.event in CHECK_INS:
            self._open(deed)
        elif deed.state == "undone" and not deed.stays:
            self._undoing.redo(deed.id)
        elif deed.undoable:
            self._undoing.undo(deed.id)


class _Tools(QWidget):
    """Whose, which kind, and Find: in one row, with Find below them, or each in a line of its own, as there is room."""

    def __init__(self, whose: Segments, kind: Choice, search: Field) -> None:
        super().__init__()
        self._whose, self._kind = whose, kind
        self._all = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        self._all.setContentsMargins(px(24), px(12), px(24), px(12))
        self._all.setSpacing(px(8))
        self._two = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._two.setSpacing(px(8))
        self._two.addWidget(whose, 0, Qt.AlignmentFlag.AlignLeft)
        self._two.addWidget(kind, 1)
        self._all.addLayout(self._two)
        self._all.addWidget(search, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        across, down = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        room = self.width() - 2 * px(24)
        whose = self._whose.sizeHint().width() + px(8)
        one_row = room >= whose + px(KIND + 8 + FIND)
        self._kind.setMinimumWidth(px(KIND if one_row else KIND_LEAST))
        self._kind.setMaximumWidth(px(KIND) if one_row else room)
        self._two.setDirection(across if room >= whose + px(KIND_LEAST) else down)
        self._all.setDirection(across if one_row else down)

    def minimumSizeHint(self) -> QSize:
        return QSize(px(160), super().minimumSizeHint().height())


def look_back(desk: Desk, limit: int, whose: str) -> tuple[str, list[Deed]]:
    """Whose are wanted ("mine", "everyone"; everyone's first where there is anybody else), and one's own to begin with."""
    return whose or ("everyone" if has_others(desk) else "mine"), deeds(desk, limit)


def whole(desk: Desk, limit: int, whose: str) -> list[Deed]:
    """All that is wanted, and of one's own whether an undo would put anything back."""
    return everyone(desk, limit) if whose == "everyone" else deeds(desk, limit, look=True)
