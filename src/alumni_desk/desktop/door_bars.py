"""The door's frame: the field on top, whose door it is, and the bar of keys that work right now."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QKeyEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from alumni_desk.desktop.controls import Button, Label
from alumni_desk.desktop.fonts import font_of, px
from alumni_desk.desktop.icons import paint_icon
from alumni_desk.desktop.look import look
from alumni_desk.desktop.paint import isolated, paint_ring, paint_text, tip
from alumni_desk.desktop.syncchip import ICONS
from alumni_desk.desktop.widgets import Glyph, IconLine
from alumni_desk.words import _


class DoorField(QLineEdit):
    """The one field, 64 high, for names and scans; at its right how many were found."""

    cleared = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(_("Scan a code or type a name"))
        self.setFixedHeight(px(64))
        font = font_of("body")
        font.setPixelSize(px(24))
        self.setFont(font)
        self.setStyleSheet(
            f"QLineEdit, QLineEdit:focus {{ min-height: {px(64) - 4}px; font-size: {px(24)}px; padding: 0 {px(56)}px 0 {px(58)}px; }}")
        self.setMaxLength(200)
        self._note = ""
        self._form = self._locked = False
        self.set_waiting(False)

    def set_waiting(self, form: bool) -> None:
        """Say that scans work while the form is open."""
        self._form = form
        self._say()

    def set_locked(self, locked: bool) -> None:
        """Say that only badges are read."""
        self._locked = locked
        self._say()

    def changeEvent(self, event: QEvent) -> None:
        """Once this laptop's time is over nothing is read."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.EnabledChange:
            self._say()

    def _say(self) -> None:
        if not self.isEnabled():
            self.setPlaceholderText(_("Nothing is read here any more"))
            return
        waits = (_("Scanning still works, this form waits"), _("Scanning still works"))
        ready = self._first_that_fits(waits) if self._form else _("Scan a code or type a name")
        self.setPlaceholderText(_("Scan a badge") if self._locked else ready)

    def _first_that_fits(self, sentences: Sequence[str]) -> str:
        font = font_of("body")
        font.setPixelSize(px(24))
        room = self.width() - px(56 + 58 + 16)
        return next((one for one in sentences if QFontMetricsF(font).horizontalAdvance(one) <= room), sentences[-1])

    def set_note(self, note: str) -> None:
        """How many people were found, or that something is being saved."""
        if note != self._note:
            self._note = note
            self.setAccessibleDescription(note)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        colours, painter = look(self), QPainter(self)
        middle = self.height() / 2
        paint_icon(painter, QRectF(px(22), middle - px(12), px(24), px(24)), "magnifying-glass", colours.text)
        right = self.width() - px(22)
        if self.text():
            paint_icon(painter, self._cross(), "x", colours.text)
            right -= px(36)
        if self._note:
            font = font_of("body")
            font.setPixelSize(px(16))
            width = QFontMetricsF(font).horizontalAdvance(self._note)
            painter.setFont(font)
            painter.setPen(colours.muted)
            painter.drawText(QRectF(right - width - 2, 0, width + 2, self.height()), int(Qt.AlignmentFlag.AlignVCenter), self._note)

    def _cross(self) -> QRectF:
        return QRectF(self.width() - px(44), self.height() / 2 - px(11), px(22), px(22))

    def mousePressEvent(self, event: object) -> None:
        if self.text() and self._cross().adjusted(-8, -8, 8, 8).contains(event.position()):  # type: ignore[attr-defined]
            self.cleared.emit()
        else:
            super().mousePressEvent(event)  # type: ignore[arg-type]


class WhoseDoor(QWidget):
    """At the top right: the gathering, the time, the station, and where the data stands."""

    def __init__(self) -> None:
        super().__init__()
        self._whole = ""
        self.setFixedWidth(px(272))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, px(14), 0, px(10))
        column.setSpacing(px(1))
        first = QHBoxLayout()
        self.name, self.time = Label("", "strong"), Label("", "strong")
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        first.addWidget(self.name, 1)
        first.addWidget(self.time)
        self.station = Label("", tone="muted")
        self.station.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        third = QHBoxLayout()
        third.setSpacing(px(6))
        self._mark = Glyph("check-circle", "ok", 14)
        self.standing = Label(_("Saved here"), "caption", "muted")
        self.standing.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        third.addWidget(self._mark)
        third.addWidget(self.standing, 1)
        column.addLayout(first)
        column.addWidget(self.station)
        column.addLayout(third)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        room = self.width() - px(72)  # the time stands beside it
        self.name.setText(QFontMetricsF(font_of("strong")).elidedText(self._whole, Qt.TextElideMode.ElideRight, room))

    def show_door(self, name: str, station: str, by: str) -> None:
        """Whose door it is."""
        self._whole = name
        self.name.setToolTip(tip(name))
        self._fit()
        self.station.setText(" · ".join(isolated(part) for part in (station, by) if part))

    def set_standing(self, state: str, sentence: str, *, damaged: bool = False) -> None:
        """What the sync chip says."""
        mark, tone = ICONS.get(state, ICONS["alone"])  # type: ignore[call-overload]
        self._mark.set_icon("warning" if damaged else mark, "danger" if damaged else tone)
        self.standing.set_tone("danger" if damaged else "muted")
        self.standing.setText(_("Partly damaged: see the main window") if damaged else sentence)


@dataclass(frozen=True)
class Ending:
    """That this laptop's time at the door will be over in a few minutes, and what brings more."""

    first: str
    second: str


@dataclass(frozen=True)
class Network:
    """What the line above the keys says: of the server and the laptops here, and of the age of the list. All empty: nothing is amiss.

    ``ending`` takes the place of the age.
    """

    first: str = ""
    second: str = ""
    age: str = ""
    ending: Ending | None = None


class NetworkBar(QFrame):
    """Muted, 72 high: no internet is no trouble here. It is gone while the server answers and there is time."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("network")
        self.setMinimumHeight(px(72))
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(px(24), px(12), px(24), px(12))
        self._row.setSpacing(px(24))
        self._shown = Network()
        self.hide()

    def show_network(self, network: Network) -> None:
        """Say something else."""
        if network == self._shown:
            return
        self._shown = network
        while (item := self._row.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        aside = (network.ending.first, network.ending.second) if network.ending else (network.age, _("Someone missing? Add a walk-in, matched later"))
        for icon, first, second in (("wifi-slash", network.first, network.second), ("clock", *aside)):
            if first:
                line = IconLine(icon, first, second)
                line.first.setProperty("role", "label")
                line.words.addStretch(1)  # where the bar beside it is higher
                self._row.addWidget(line, 1)
        self.setAccessibleName(" ".join(part for part in (network.first, network.second, *(aside if network.ending else (network.age,))) if part))
        self.setVisible(bool(network.first or network.ending))

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(self.rect(), QColor(look(self).side))


class KeyEntry(Button):
    """One key and what it does now; a click does the same."""

    def __init__(self, key: str, words: str) -> None:
        self._key = key
        super().__init__(words, "quiet", height=40)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName(f"{key}: {words}")
        self.setToolTip(words)

    def minimumSizeHint(self) -> QSize:
        return QSize(round(QFontMetricsF(self._key_font()).horizontalAdvance(self._key)) + px(32), px(40))

    @staticmethod
    def _key_font() -> QFont:
        return font_of("strong")

    def sizeHint(self) -> QSize:
        key = QFontMetricsF(self._key_font()).horizontalAdvance(self._key)
        words = QFontMetricsF(font_of("body")).horizontalAdvance(self._shown)
        return QSize(math.ceil(key + words) + px(8) + 2, px(40))

    def paintEvent(self, event: QPaintEvent) -> None:
        colours, painter = look(self), QPainter(self)
        width = QFontMetricsF(self._key_font()).horizontalAdvance(self._key)
        paint_text(painter, QRectF(0, 0, width + 2, self.height()), self._key, colours.text, "strong", elide=False)
        left = width + px(8)
        ink = colours.text if self.underMouse() else colours.muted
        paint_text(painter, QRectF(left, 0, self.width() - left, self.height()), self._shown, ink)
        if self.hasFocus():
            paint_ring(painter, self.rect(), colours.accent, 4)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()


class KeyBar(QFrame):
    """The bar at the foot, 48 high. ``pressed(key)`` when an entry is clicked."""

    pressed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(px(48))
        self.setAccessibleName(_("Keys that work now"))
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(px(24), 0, px(24), 0)
        self._row.setSpacing(px(32))
        self._shown: tuple[tuple[str, str], ...] = ()
        self._entries: list[KeyEntry] = []

    def minimumSizeHint(self) -> QSize:
        return QSize(px(320), px(48))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Where the bar is too narrow the entries move together, and then the longest words are cut: they stand on the buttons too."""
        widths = [entry.sizeHint().width() for entry in self._entries]
        room = self.width() - 2 * px(24)
        gap = px(32) if sum(widths) + px(32) * len(widths) <= room else px(16)
        room -= gap * len(widths)
        most = max(widths, default=0)
        while sum(min(width, most) for width in widths) > room and most > px(48):
            most -= 1
        self._row.setSpacing(gap)
        for entry, width in zip(self._entries, widths, strict=True):
            entry.setFixedWidth(min(width, most))

    def show_keys(self, keys: Sequence[tuple[str, str]], last: tuple[str, str]) -> None:
        """Show these (key, words), the last one at the right edge."""
        wanted = (*keys, last)
        if wanted == self._shown:
            return
        self._shown = wanted
        while (item := self._row.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._entries = []
        for number, (key, words) in enumerate(wanted):
            if number == len(wanted) - 1:
                self._row.addStretch(1)
            entry = KeyEntry(key, words)
            entry.clicked.connect(lambda checked=False, key=key: self.pressed.emit(key))
            self._row.addWidget(entry)
            self._entries.append(entry)
        self._fit()

    def shown(self) -> list[str]:
        """The keys that are shown."""
        return [key for key, _words in self._shown]
