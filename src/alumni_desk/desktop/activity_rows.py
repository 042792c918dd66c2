"""How a line of Activity is laid out and painted: time, icon, sentence, who; at the right the way back, or why there is none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from alumni_desk.desktop.activity_list import DEED, Index
from alumni_desk.desktop.activity_words import icon_of, reason_of
from alumni_desk.desktop.dates import local
from alumni_desk.desktop.deeds import second_line
from alumni_desk.desktop.fonts import metrics_of, px, text_size
from alumni_desk.desktop.icons import paint_icon
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import paint_ground, paint_text
from alumni_desk.desktop.tokens import Colours, Role
from alumni_desk.segments.activity import Deed
from alumni_desk.words import _

ROW, LINE = 48, 20
WAY_BACK, WAY_BACK_BUTTON = 208, 80
SENTENCE = 200
"""A sentence has at least so much room; where the list is too narrow for that, the way back stands below it."""
MOST_LINES = 6

Run = tuple[str, Role]
"""Words of one line that are painted alike."""

_WORDS = re.compile(r"\s*\S+\s*")


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
        now = (self._view.viewport().width(), text_size())
        if deed is None:
            return QSize(min(px(320), now[0]), px(40))
        if now != self._for:
            self._heights, self._for = {}, now
        key = (deed.id, deed.what, deed.state, deed.stays or deed.reason)
        if key not in self._heights:
            self._heights[key] = round(places(QRectF(0, 0, now[0], 0), deed).height)
        return QSize(min(px(320), now[0]), self._heights[key])

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
    if not second_line(deed) and sentence.height() <= line and not below:  # nobody's name is known here
        sentence.moveTop(row.top() + (px(ROW) - line) / 2)
        second = QRectF(left, sentence.bottom(), sentence.width(), 0)
    words = max(px(ROW), second.bottom() + px(4) - row.top())
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


def paint_lines(painter: QPainter, box: QRectF, lines: Sequence[Sequence[Run]], ink: str) -> None:
    """Lines one below the other."""
    for place, runs in enumerate(lines):
        left = box.left()
        for run, (words, role) in enumerate(runs, 1):
            text = words.rstrip() if run == len(runs) else words  # the blank before a break has no room, and needs none
            if left < box.right():
                paint_text(painter, QRectF(left, box.top() + place * px(LINE), box.right() + 1 - left, px(LINE)), text, ink, role)
                left += advance(text, role)
