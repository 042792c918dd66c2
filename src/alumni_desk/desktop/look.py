"""Which theme a widget stands in, read off the palette: no widget has to be told when light turns dark."""

from __future__ import annotations

from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication, QWidget

from alumni_desk.desktop.tokens import DARK, LIGHT, Colours


def look(widget: QWidget | None = None) -> Colours:
    """The colours that a widget (or the application) paints with now."""
    palette = widget.palette() if widget is not None else QApplication.palette()
    return DARK if palette.color(QPalette.ColorRole.Window).lightness() < 128 else LIGHT
