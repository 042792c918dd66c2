"""Activity: who did what, at this desk and as it has seen others do, what it changed, and the way back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache, partial

from PySide6.QtCore import QAbstractListModel, QEvent, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeySequence, QMouseEvent, QPainter
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QVBoxLayout, QWidget

from alumni_desk.desktop.background import Job, Lanes
from alumni_desk.desktop.changes import ChangeBus
from alumni_desk.desktop.controls import WINDOW, Button, Choice, Field, Label, Link, Segments, hairline, shortcut
from alumni_desk.desktop.dates import day_long, local
from alumni_desk.desktop.deeds import second_line
from alumni_desk.desktop.fonts import metrics_of, px, text_size
from alumni_desk.desktop.icons import paint_icon
from alumni_desk.desktop.look import look
from alumni_desk.desktop.pages import EmptyPage, Go, Page
from alumni_desk.desktop.paint import breakable, isolated, paint_ground, paint_text
from alumni_desk.desktop.tokens import Colours, Role
from alumni_desk.desktop.undoing import Undoing
from alumni_desk.desktop.widgets import IconLine, Scroll
from alumni_desk.errors import KnownError
from alumni_desk.segments.activity import CHECK_INS, Deed, Written, all_changed, deeds, grouped, left_words, standing, staying, written
from alumni_desk.segments.others import everyone, has_others, others_written
from alumni_desk.store.desk import Desk
from alumni_desk.store.done import DAYS, GONE_BACK
from alumni_desk.store.undo import ahead, why_stays
from alumni_desk.words import _, ngettext, number

AT_ONCE = 200
SHOWN = 12
MOST_CHECKED = 5_000
"""Above so many rows nobody waits for the answer whether all of them are as they were; Undo itself finds out."""

FIELD_ICONS = {"mobile": "phone", "phone": "phone", "email": "envelope-simple", "other_emails": "envelope-simple", "street": "map-pin", "city": "map-pin",
               "region": "map-pin", "postal_code": "map-pin", "country": "map-pin", "class_year": "graduation-cap", "employer": "briefcase",
               "job_title": "briefcase", "birth_date": "cake", "household": "house", "consent": "prohibit", "solicit_codes": "prohibit", "status": "check"}
ICONS = {"answers_noted": "check", "answers_taken_back": "check", "guests_removed": "user-minus", "guests_brought_back": "user-plus",
         "guest_of_added": "user-plus", "guest_named": "user", "members_brought_back": "user-plus", "conflict_decided": "git-merge",
         "people_merged": "git-merge", "people_unmerged": "git-merge",
         "gathering_changed": "calendar-blank", "gathering_replanned": "calendar-check", "chapter_founded": "flag", "chapter_changed": "flag",
         "chapter_completed": "flag", "sample_made": "flag",
         "import": "upload-simple", "member_added": "user-plus", "members_removed": "user-minus", "badges_printed": "printer", "checked_in": "door",
         "walked_in": "user-plus", "check_in_undone": "door", "checked_out": "sign-out", "gathering_planned": "calendar-plus",
         "gathering_cancelled": "calendar-x", "guests_added": "user-plus", "value_restored": "clock-counter-clockwise",
         GONE_BACK: "clock-counter-clockwise"}
KINDS = {"members": ("member", "value"), "import": ("import",), "gatherings": ("gathering", "guest", "answers"), "door": ("check", "walked"),
         "badges": ("badge",)}

Index = QModelIndex | QPersistentModelIndex
DEED = Qt.ItemDataRole.UserRole + 1


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
        tools = QHBoxLayout()
        tools.setContentsMargins(px(24), px(12), px(24), px(12))
        tools.setSpacing(px(8))
        self.kind = Choice(_("Kind"), [("", _("Every kind")), ("members", _("Members")), ("import", _("Imports")), ("gatherings", _("Gatherings")),
                                       ("door", _("Check-in")), ("badges", _("Badges"))])
        self.kind.setFixedWidth(px(160))
        self.kind.activated.connect(lambda: self._fill())
        self.search = Field(_("Find in the activity"), _("Find a person, file or gathering"), icon="magnifying-glass", hint=_("Ctrl F"))
        self.search.textChanged.connect(lambda: self._fill())
        self.whose = Segments(_("Whose"), [("mine", _("Mine")), ("everyone", _("Everyone"))], "mine")
        self.whose.chosen.connect(lambda key: self.refresh())
        tools.addWidget(self.whose)
        tools.addWidget(self.kind)
        tools.addWidget(self.search, 1)
        column.addLayout(tools)
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
        self.detail.turn.connect(self._turn)
        self.detail.member.connect(lambda person: self.go("members", member=person))
        self.detail.gathering.connect(lambda which: self.go("gatherings", gathering=which))
        return self.detail

    # -- what every page does

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
        self.older.setVisible(len(found) >= self._limit)
        if not found:
            self.stack.show_empty(EmptyPage("clock-counter-clockwise", _("Nothing was done here yet"), promise=_("Whatever you do can be undone from here")))
            return
        self.stack.show_content()
        self._fill()

    def _show_older(self) -> None:
        self._limit += AT_ONCE
        self.refresh()

    def _fill(self) -> None:
        begins = KINDS.get(self.kind.key() or "", ("",))
        words = self.search.text().casefold().split()
        shown = [one for one in grouped(self._found) if one.event.startswith(begins) and all(word in one.what.casefold() for word in words)]
        self.lines.take(shown)
        self.list.setAccessibleDescription(ngettext("{n} action", "{n} actions", len(shown)).format(n=number(len(shown))))
        row = self.lines.row_of(self._chosen)
        if row < 0:
            row = self.lines.row_of(shown[0].id if shown else None)
        if row >= 0:
            self.list.setCurrentIndex(self.lines.index(row, 0))
        else:
            self._choose(None)

    def _choose(self, deed: Deed | None) -> None:
        self._chosen = deed.id if deed is not None else None
        if deed is None:
            self.detail.show_nothing(_("Nothing here is like that. Try fewer letters.") if self._found else "")
            return
        self.lanes.read(lambda: look_at(self.desk, deed), self._looked, key="activity.detail")

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


def look_back(desk: Desk, limit: int, whose: str) -> tuple[str, list[Deed]]:
    """Whose are wanted ("mine", "everyone"; everyone's first where there is anybody else), and one's own to begin with."""
    return whose or ("everyone" if has_others(desk) else "mine"), deeds(desk, limit)


def whole(desk: Desk, limit: int, whose: str) -> list[Deed]:
    """All that is wanted, and of one's own whether an undo would put anything back."""
    return everyone(desk, limit) if whose == "everyone" else deeds(desk, limit, look=True)


@dataclass(frozen=True)
class Seen:
    """What the detail shows of one action."""

    deed: Deed
    values: tuple[Written, ...]
    sums: dict[str, int]
    total: int
    left: tuple[str, ...] | None  # None: not looked at


def look_at(desk: Desk, deed: Deed) -> Seen:
    """Read it."""
    if deed.rows:
        return Seen(deed, tuple(others_written(desk, deed, SHOWN)), {}, deed.count, None)
    if deed.event == GONE_BACK:
        return Seen(deed, (), {}, 0, (_("Kept as {file}").format(file=deed.kept),) if deed.kept else None)
    values, sums, total = written(desk, deed.id, SHOWN)
    if deed.state == "undone":
        values = [replace(one, stands=False) for one in values]
    left = None
    if deed.count <= MOST_CHECKED and (deed.undoable or deed.state == "undone" or deed.reason == all_changed()):
        goes, would_stay = ahead(desk, deed.id)
        left = tuple(left_words(desk, would_stay, ahead=True))
        if not goes and ((would_stay and deed.undoable) or (deed.state == "undone" and not deed.stays)):  # of a large one the list has not looked at that
            deed = staying(deed, why_stays(would_stay))
        values = standing(values, would_stay) if deed.state == "done" else values
    return Seen(deed, tuple(values), sums, total, left)


@dataclass(frozen=True)
class Line:
    """A line of the list: a day, or an action."""

    day: str = ""
    deed: Deed | None = None


class Lines(QAbstractListModel):
    """The actions under their days."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._lines: list[Line] = []

    def take(self, found: list[Deed]) -> None:
        """Show these."""
        self.beginResetModel()
        self._lines = []
        day = None
        for one in found:
            its_day = local(one.at).date()
            if its_day != day:
                day = its_day
                self._lines.append(Line(day=day_words(day)))
            self._lines.append(Line(deed=one))
        self.endResetModel()

    def put(self, deed: Deed) -> bool:
        """An action as it is known now; whether that is news."""
        row = self.row_of(deed.id)
        if row < 0 or self._lines[row].deed == deed:
            return False
        self._lines[row] = Line(deed=deed)
        self.dataChanged.emit(self.index(row, 0), self.index(row, 0))
        return True

    def row_of(self, action: str | None) -> int:
        """Where an action stands; -1 if it is not shown."""
        return next((n for n, line in enumerate(self._lines) if line.deed is not None and line.deed.id == action), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._lines)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        line = self._lines[index.row()]
        if role == DEED:
            return line.deed
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            if line.deed is None:
                return line.day
            return " · ".join(part for part in (f"{local(line.deed.at):%H:%M}", line.deed.what, second_line(line.deed), reason_of(line.deed)[0]) if part)
        if role == Qt.ItemDataRole.ToolTipRole:
            return line.deed.what if line.deed is not None else None
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        if self._lines[index.row()].deed is None:
            return Qt.ItemFlag.NoItemFlags  # a day is no action: neither a click nor an arrow key stops there
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren


class LineDelegate(QStyledItemDelegate):
    """Rows 48, higher where a sentence needs more lines: time, icon, sentence with its number in semibold, who; at the right Undo, Redo or why not."""

    pressed = Signal(object)

    def __init__(self, view: QListView) -> None:
        super().__init__(view)
        self._view = view
        self._heights: dict[tuple[str, str, str, str | None], int] = {}  # of rows at one width and text size
        self._for = (0, 0)

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        deed: Deed | None = index.data(DEED)
        if deed is None:
            return QSize(px(320), px(40))
        now = (self._view.viewport().width(), text_size())
        if now != self._for:
            self._heights, self._for = {}, now
        key = (deed.id, deed.what, deed.state, deed.stays or deed.reason)
        if key not in self._heights:
            self._heights[key] = round(places(QRectF(0, 0, now[0], 0), deed).height)
        return QSize(px(320), self._heights[key])

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        colours = look(option.widget)
        box = QRectF(option.rect)
        deed: Deed | None = index.data(DEED)
        inner = box.adjusted(px(24), 0, -px(24), 0)
        if deed is None:
            paint_text(painter, inner.adjusted(0, px(8), 0, 0), str(index.data()), colours.muted, "label")
            painter.fillRect(QRectF(inner.left(), box.bottom() - 1, inner.width(), 1), QColor(colours.line))
            return
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(box, QColor(colours.selected))
        else:
            painter.fillRect(QRectF(inner.left(), box.bottom() - 1, inner.width(), 1), QColor(colours.line))
        undone = deed.state == "undone"
        ink = colours.muted if undone else colours.text
        first = QRectF(inner.left(), box.top(), px(48), px(ROW))
        paint_text(painter, first, f"{local(deed.at):%H:%M}", colours.muted, "body", tabular=True)
        paint_icon(painter, QRectF(inner.left() + px(56), first.center().y() - px(9), px(18), px(18)), icon_of(deed), colours.muted)
        at = places(box, deed)
        paint_lines(painter, at.sentence, lines_of(deed, at.sentence.width()), ink)
        paint_lines(painter, at.second, wrapped(((second_line(deed), "small"),), at.second.width()), colours.muted)
        self._paint_way_back(painter, at, deed, colours, selected=selected)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.fillRect(QRectF(0, box.top(), 2, box.height()), QColor(colours.accent))

    def _paint_way_back(self, painter: QPainter, at: Places, deed: Deed, colours: Colours, *, selected: bool) -> None:
        why, way = reason_of(deed)
        if not why:
            paint_ground(painter, at.button, colours.bg if selected else colours.fill, px(6))
            paint_text(painter, at.button, _("Redo") if deed.state == "undone" else _("Undo"), colours.text, "label", Qt.AlignmentFlag.AlignHCenter)
            return
        paint_icon(painter, QRectF(at.why.left() - px(24), at.why.top() + px(2), px(16), px(16)), "prohibit", colours.muted)
        paint_lines(painter, at.why, wrapped(((why, "small"),), at.why.width()), colours.muted)
        if way:
            paint_text(painter, at.way, way, colours.accent, "small")

    def editorEvent(self, event: QEvent, model: object, option: QStyleOptionViewItem, index: Index) -> bool:
        deed: Deed | None = index.data(DEED)
        if isinstance(event, QMouseEvent) and event.type() == QEvent.Type.MouseButtonRelease and deed is not None:
            at = places(QRectF(option.rect), deed)
            if at.button.contains(event.position()) or at.way.contains(event.position()):
                self.pressed.emit(deed)
                return True
        return False


def icon_of(deed: Deed) -> str:
    """The sign of a kind of change: of the field if it is one, else of the event."""
    return FIELD_ICONS.get(deed.field, "") if deed.event == "member_changed" and deed.field in FIELD_ICONS else ICONS.get(deed.event, "note-pencil")


ROW, LINE = 48, 20
WAY_BACK, WAY_BACK_BUTTON = 208, 80
SENTENCE = 200
"""A sentence has at least so much room; where the list is too narrow for that, the way back stands below it."""
MOST_LINES = 6

Run = tuple[str, Role]
"""Words of one line that are painted alike."""


@dataclass(frozen=True)
class Places:
    """Where the parts of a row stand; those it has not are empty."""

    sentence: QRectF
    second: QRectF
    button: QRectF
    why: QRectF
    way: QRectF
    height: float


def places(row: QRectF, deed: Deed) -> Places:
    """How a row is laid out that begins at the top of ``row`` and is as wide."""
    why, way = reason_of(deed)
    left, right = row.left() + px(24 + 88), row.right() - px(24)
    beside = right - px(WAY_BACK if why else WAY_BACK_BUTTON) - px(8)
    below = beside - left < px(SENTENCE)
    line = px(LINE)
    sentence = QRectF(left, row.top() + px(4), (right if below else beside) - left, line)
    sentence.setHeight(line * len(lines_of(deed, sentence.width())))
    second = QRectF(left, sentence.bottom(), sentence.width(), line * len(wrapped(((second_line(deed), "small"),), sentence.width())))
    words = second.bottom() + px(4) - row.top()
    nothing = QRectF()
    if not why:
        top = second.bottom() + px(4) if below else row.top() + (px(ROW) - px(32)) / 2
        button = QRectF(left if below else right - px(WAY_BACK_BUTTON), top, px(WAY_BACK_BUTTON), px(32))
        return Places(sentence, second, button, nothing, nothing, button.bottom() + px(8) - row.top() if below else words)
    start = (left if below else right - px(WAY_BACK)) + px(24)
    its_lines = len(wrapped(((why, "small"),), right - start))
    top = second.bottom() if below else row.top() + (px(4) if its_lines > 1 or way else (px(ROW) - line) / 2)
    reason = QRectF(start, top, right - start, line * its_lines)
    link = QRectF(start, reason.bottom(), reason.width(), line) if way else nothing
    return Places(sentence, second, nothing, reason, link, max(words, (link if way else reason).bottom() + px(4) - row.top()))


def lines_of(deed: Deed, width: float) -> list[list[Run]]:
    """The lines of a sentence, with the part that counts in semibold."""
    before, strong, after = deed.what.partition(deed.strong) if deed.strong else (deed.what, "", "")
    return wrapped(((before, "body"), (strong, "strong"), (after, "body")), width)


def wrapped(parts: Sequence[Run], width: float) -> list[list[Run]]:
    """Text in lines no wider than ``width``, broken at spaces; of more than ``MOST_LINES`` the last is left to be cut."""
    # Mostly it is one line, also if all of it were semibold.
    if advance("".join(text for text, _role in parts), parts[0][1] if len(parts) == 1 else "strong") <= width:
        return [[part for part in parts if part[0]]]
    lines: list[list[Run]] = [[]]
    used = 0.0
    for text, role in parts:
        for word in _WORDS.findall(text):
            if used and used + advance(word.rstrip(), role) > width and len(lines) < MOST_LINES:
                lines.append([])
                used, word = 0.0, word.lstrip()
            used += advance(word, role)
            line = lines[-1]
            if line and line[-1][1] == role:
                line[-1] = (line[-1][0] + word, role)
            else:
                line.append((word, role))
    return lines


def advance(text: str, role: Role) -> float:
    """How wide a text is."""
    return _advance(text, role, text_size())


@lru_cache(maxsize=8_192)  # a list that is filled again asks for the same
def _advance(text: str, role: Role, percent: int) -> float:
    return metrics_of(role).horizontalAdvance(text)


_WORDS = re.compile(r"\s*\S+\s*")


def paint_lines(painter: QPainter, box: QRectF, lines: Sequence[Sequence[Run]], ink: str) -> None:
    """Lines one below the other."""
    for place, runs in enumerate(lines):
        left = box.left()
        for run, (words, role) in enumerate(runs, 1):
            text = words.rstrip() if run == len(runs) else words  # the blank before a break has no room, and needs none
            if left < box.right():
                paint_text(painter, QRectF(left, box.top() + place * px(LINE), box.right() + 1 - left, px(LINE)), text, ink, role)
                left += advance(text, role)


def reason_of(deed: Deed) -> tuple[str, str]:
    """Why an action cannot be undone here, and where it is corrected instead; empty if it can."""
    if deed.rows:
        way = "" if deed.person is None and deed.gathering is None else _("Change it yourself") if deed.count == 1 else _("Change them yourself")
        return deed.reason or "", way
    if deed.event in CHECK_INS:
        return _("Corrected in the gathering"), _("Open the gathering") if deed.gathering is not None else ""
    if deed.event == GONE_BACK:
        return deed.reason or "", _("Backups")
    if deed.state == "undone":
        return deed.stays, ""
    return deed.reason or "", ""


class Detail(Scroll):
    """Width 360: the sentence, who and when, the way back, and what was written."""

    turn = Signal(object)
    member = Signal(str)
    gathering = Signal(str)

    def __init__(self) -> None:
        super().__init__(margins=(24, 24, 24, 24))
        self.setAccessibleName(_("What an action changed"))
        self.setFixedWidth(min(px(360), 440))
        self._inside: QWidget | None = None
        self.button: Button | None = None

    def show_nothing(self, words: str) -> None:
        """No action is chosen."""
        column = self._anew()
        if words:
            column.addWidget(Label(words, tone="muted", wrap=True))
        column.addStretch(1)

    def show_seen(self, seen: Seen) -> None:
        """Show an action."""
        deed = seen.deed
        column = self._anew()
        column.addWidget(Label(breakable(deed.what), "title", wrap=True))
        who = ", ".join(part for part in (deed.who or "", deed.device or _("this laptop")) if part)
        column.addWidget(Label(breakable(who), tone="muted", wrap=True))
        column.addWidget(Label(f"{day_words(local(deed.at).date())}, {local(deed.at):%H:%M}", tone="muted", wrap=True))
        column.addSpacing(px(4))
        column.addLayout(self._deeds(deed))
        why, _way = reason_of(deed)
        if why:
            column.addWidget(IconLine("prohibit", why))
            if seen.left:
                column.addWidget(Label(breakable("\n".join(seen.left)), tone="muted", wrap=True))
        elif seen.left is not None and (seen.left or deed.state != "undone"):  # of what is undone some may have been left: then somebody had changed it
            column.addWidget(IconLine("warning", breakable("\n".join(seen.left)), tone="warn") if seen.left else
                             IconLine("check-circle", _("Nobody has changed this since"), tone="ok"))
        if seen.values:
            self._values(column, seen)
        column.addStretch(1)
        if not why and deed.state != "undone":
            column.addWidget(Label(_("Undoing puts the old values back here and, with the next sync, on the other laptops. "
                                     "Ctrl+Shift+Z brings the new ones back."), "small", "muted", wrap=True))

    def _anew(self) -> QVBoxLayout:
        if self._inside is not None:
            self.column.removeWidget(self._inside)
            self._inside.hide()
            self._inside.deleteLater()
        self._inside, self.button = QWidget(), None
        column = QVBoxLayout(self._inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(px(8))
        self.column.addWidget(self._inside)
        self.verticalScrollBar().setValue(0)
        return column

    def _deeds(self, deed: Deed) -> QBoxLayout:
        buttons: list[QWidget] = []
        why, way = reason_of(deed)
        if not why:
            undone = deed.state == "undone"
            words = _("Redo") if undone else _("Undo all {n}").format(n=number(deed.count)) if deed.count > 1 else _("Undo")
            self.button = Button(words, "primary", "arrow-clockwise" if undone else "arrow-counter-clockwise")
            self.button.clicked.connect(lambda: self.turn.emit(deed))
            buttons.append(self.button)
        if deed.event == GONE_BACK:
            show = Button(_("Backups"), "primary")
            show.clicked.connect(partial(self.turn.emit, deed))
            buttons.append(show)
        elif deed.person is not None:
            show = Button(_("Show the member"))
            show.clicked.connect(partial(self.member.emit, deed.person))
            buttons.append(show)
        elif deed.gathering is not None:
            show = Button(_("Open the gathering"), "primary" if way else "secondary")
            show.clicked.connect(partial(self.gathering.emit, deed.gathering))
            buttons.append(show)
        return self._beside(buttons, sum(button.sizeHint().width() for button in buttons))

    def _beside(self, parts: Sequence[QWidget], width: float) -> QBoxLayout:
        """Parts in a row, or one below the other where there is no room for so much ``width`` and the gaps between."""
        fits = width + px(8) * (len(parts) - 1) <= self._room()
        box = QBoxLayout(QBoxLayout.Direction.LeftToRight if fits else QBoxLayout.Direction.TopToBottom)
        box.setSpacing(px(8) if fits else px(4))
        for part in parts:
            box.addWidget(part, 0, Qt.AlignmentFlag.AlignLeft) if isinstance(part, Button) else box.addWidget(part)
        if fits:
            box.addStretch(1)
        return box

    def _room(self) -> int:
        """How wide what is shown may be."""
        return self.maximumWidth() - 2 * px(24) - self.verticalScrollBar().sizeHint().width()

    def _whose(self, one: Written) -> QBoxLayout:
        """Whose value it is, and at the right edge which; below, where both are too long for that."""
        name, its_field = Label(isolated(breakable(one.name)), "strong", wrap=True), metrics_of("body").horizontalAdvance(one.field)
        beside = its_field <= self._room() * 0.4 or metrics_of("strong").horizontalAdvance(one.name) + px(8) + its_field <= self._room()
        if not beside:
            box = QVBoxLayout()
            box.setSpacing(0)
            box.addWidget(name)
            box.addWidget(Label(breakable(one.field), tone="muted", wrap=True))
            return box
        row = QHBoxLayout()
        row.addWidget(name, 1)
        row.addWidget(Label(one.field, tone="muted"), 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _values(self, column: QVBoxLayout, seen: Seen) -> None:
        column.addSpacing(px(8))
        head = QHBoxLayout()
        head.addWidget(Label(_("What changed"), "heading"))
        head.addStretch(1)
        values = sum(seen.sums.values())
        if values:
            head.addWidget(Label(ngettext("{n} value", "{n} values", values).format(n=number(values)), "small", "muted"))
        column.addLayout(head)
        if len(seen.sums) > 1 and values > 6:
            sums = ", ".join(f"{number(count)} × {word}" for word, count in list(seen.sums.items())[:6])
            column.addWidget(Label(sums, "small", "muted", wrap=True))
        for one in seen.values:
            column.addWidget(hairline())
            column.addLayout(self._whose(one))
            came = _("now") if one.stands else _("then")
            for word, value in ((_("was"), one.was), (came, one.now)) if not one.new else ():
                row = QHBoxLayout()
                row.setSpacing(px(8))
                word_label = Label(word, tone="muted")
                word_label.setFixedWidth(px(36))
                row.addWidget(word_label, 0, Qt.AlignmentFlag.AlignTop)
                row.addWidget(Label(isolated(breakable(value)) if value else _("nothing"), tone="text" if value and word == came else "muted", wrap=True), 1)
                column.addLayout(row)
        more = seen.total - len(seen.values)
        if more:
            column.addWidget(hairline())
            column.addWidget(Label(ngettext("and {n} more", "and {n} more", more).format(n=number(more)), tone="muted"))


def day_words(day: date) -> str:
    """Today, Tuesday 10 November; with its year if it is not this one."""
    words = day_long(day) if day.year == date.today().year else f"{day_long(day)} {day.year}"
    distance = (date.today() - day).days
    if distance == 0:
        return _("Today, {day}").format(day=words)
    if distance == 1:
        return _("Yesterday, {day}").format(day=words)
    return words
