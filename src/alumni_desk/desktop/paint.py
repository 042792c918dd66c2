"""What we paint ourselves, as functions: the same disc, pill or bar in a widget and in a table's cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from alumni_desk.desktop.fonts import drawable, font_of, metrics_of, px
from alumni_desk.desktop.icons import paint_icon
from alumni_desk.desktop.tokens import FOCUS, RADIUS, Colours, Role, Tone

FSI, PDI = "\u2068", "\u2069"


def isolated(text: str) -> str:
    """Text in whatever script, set so that it never turns around what stands beside it."""
    return f"{FSI}{text}{PDI}" if text else ""


def tip(text: str) -> str:
    """Data for a tooltip: Qt takes what looks like a tag in it for one, and leaves it out, or shows a picture."""
    return f"<qt>{text.replace('&', '&amp;').replace('<', '&lt;')}</qt>" if "<" in text or "&lt;" in text else text


def breakable(text: str) -> str:
    """Text whose longest words may be broken, and addresses after their signs, so that none is cut off where lines wrap."""
    if "@" in text:
        text = _SIGN.sub("\\g<0>\u200b", text)
    return _LONG.sub(lambda found: "\u200b".join(found[0][start:start + _PART] for start in range(0, len(found[0]), _PART)), text)


_PART = 10
_LONG = re.compile(r"\w{18,}")
_SIGN = re.compile(r"[@.](?=\w)")


def paint_ground(painter: QPainter, rect: QRectF | QRect, colour: str, radius: float) -> None:
    """A filled box with round corners."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(QRectF(rect), radius, radius)
    painter.restore()


def paint_ring(painter: QPainter, rect: QRectF | QRect, colour: str, radius: float = RADIUS, width: float = FOCUS) -> None:
    """An outline that lies wholly inside ``rect``: the focus ring, a border."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(colour), width))
    half = width / 2
    painter.drawRoundedRect(QRectF(rect).adjusted(half, half, -half, -half), radius, radius)
    painter.restore()


def paint_text(painter: QPainter, rect: QRectF | QRect, text: str, colour: str, role: Role = "body",
               align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft, *, tabular: bool = False, elide: bool = True) -> float:  # fmt: skip
    """One line of text, centred in the height of ``rect``, cut with an ellipsis if it must be; returns its width."""
    metrics = metrics_of(role, tabular)
    text = drawable(text)
    box = QRectF(rect)
    width = metrics.horizontalAdvance(text)
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, box.width()) if elide and width > box.width() else text
    painter.setFont(font_of(role, tabular=tabular))
    painter.setPen(QColor(colour))
    painter.drawText(box, _flags(align), shown)
    return min(width, box.width())


@lru_cache(maxsize=16)
def _flags(align: Qt.AlignmentFlag) -> int:
    return int(align | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)


def paint_disc(painter: QPainter, rect: QRectF | QRect, text: str, colours: Colours, *, selected: bool = False) -> None:
    """The class year as a face: ’98, or a letter where there is none."""
    box = QRectF(rect)
    side = min(box.width(), box.height())
    disc = QRectF(box.center().x() - side / 2, box.center().y() - side / 2, side, side)
    paint_ground(painter, disc, colours.bg if selected else colours.fill, side / 2)
    font = font_of("strong")
    font.setPixelSize(max(10, round(side * 0.4)))
    painter.setFont(font)
    painter.setPen(QColor(colours.text if side >= px(40) else colours.muted))
    painter.drawText(disc, int(Qt.AlignmentFlag.AlignCenter), text)


class Pill(NamedTuple):
    """A status: icon, word and tone together, never colour alone."""

    icon: str
    word: str
    tone: Tone = "muted"


def pill_colours(tone: Tone, colours: Colours) -> tuple[str, str]:
    """Ground and ink of a pill."""
    pairs = {
        "ok": (colours.ok_soft, colours.ok), "warn": (colours.warn_soft, colours.warn),
        "danger": (colours.danger_soft, colours.danger), "accent": (colours.selected, colours.selected_text),
        "selected_text": (colours.selected, colours.selected_text),
    }  # fmt: skip
    return pairs.get(tone, (colours.fill, colours.muted))


def pill_width(pill: Pill) -> int:
    """How wide a pill wants to be, in px."""
    return round(metrics_of("caption").horizontalAdvance(pill.word)) + px(8 + 14 + 5 + 10)


def paint_pill(painter: QPainter, rect: QRectF | QRect, pill: Pill, colours: Colours) -> None:
    """A status pill at the left of ``rect``, centred in its height."""
    box = QRectF(rect)
    height = px(22)
    width = min(pill_width(pill), box.width())
    ground, ink = pill_colours(pill.tone, colours)
    shape = QRectF(box.left(), box.center().y() - height / 2, width, height)
    paint_ground(painter, shape, ground, height / 2)
    mark = QRectF(shape.left() + px(8), shape.center().y() - px(14) / 2, px(14), px(14))
    paint_icon(painter, mark, pill.icon, ink)
    font = font_of("caption")
    font.setWeight(font_of("label").weight())
    words = QRectF(mark.right() + px(5), shape.top(), shape.right() - mark.right() - px(5) - px(6), height)
    paint_text(painter, words, pill.word, ink, "caption")


def paint_bar(painter: QPainter, rect: QRectF | QRect, parts: Sequence[tuple[float, str]], track: str) -> None:
    """A bar of 8 px: parts are (share of the whole 0..1, colour), from the left; the rest is track."""
    box = QRectF(rect)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(track))
    painter.drawRoundedRect(box, box.height() / 2, box.height() / 2)
    left = box.left()
    for number, (share, colour) in enumerate(parts):
        width = min(max(0.0, share) * box.width(), box.right() - left)
        if width < 0.5:
            continue
        piece = QRectF(left, box.top(), width, box.height())
        painter.setBrush(QColor(colour))
        radius = box.height() / 2 if number == 0 and width >= box.height() else 1
        painter.drawRoundedRect(piece, radius, radius)
        if number == 0 and piece.right() < box.right() - 1:  # only the outer end is round
            painter.drawRect(QRectF(piece.right() - box.height() / 2, box.top(), box.height() / 2, box.height()))
        left += width + 1
    painter.restore()


def paint_meter(painter: QPainter, rect: QRectF | QRect, done: int, total: int, colour: str, track: str) -> None:
    """Equal segments, the first ``done`` of them filled."""
    box = QRectF(rect)
    gap = 3.0
    width = (box.width() - gap * (total - 1)) / max(1, total)
    for number in range(total):
        piece = QRectF(box.left() + number * (width + gap), box.top(), width, box.height())
        paint_ground(painter, piece, colour if number < done else track, 2)


def paint_columns(painter: QPainter, rect: QRectF | QRect, values: Sequence[int], colours: Colours, last: str) -> None:
    """Columns over a base line: all in track, the last in ``last``; the greatest and the last carry their number."""
    box = QRectF(rect)
    if not values:
        return
    top = px(20)
    most = max(max(values), 1)
    step = (box.width() + px(8)) / len(values)
    greatest = values.index(max(values))
    for number, value in enumerate(values):
        height = (box.height() - top - 1) * value / most
        piece = QRectF(box.left() + number * step, box.bottom() - 1 - height, step - px(8), height)
        newest = number == len(values) - 1
        painter.fillRect(piece, QColor(last if newest else colours.track))
        if newest or number == greatest:
            place = QRectF(piece.center().x() - 40, piece.top() - top, 80, top)
            paint_text(painter, place, str(value), colours.text, "small", Qt.AlignmentFlag.AlignHCenter)
    painter.setPen(QPen(QColor(colours.border), 1))
    painter.drawLine(QPointF(box.left(), box.bottom() - 0.5), QPointF(box.right(), box.bottom() - 0.5))
