"""A place of a page that holds one thing, in turn for another."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from alumni_desk.desktop.widgets import keyboard_of


class Place(QWidget):
    """Empty until something is put there."""

    def __init__(self) -> None:
        super().__init__()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._held: QWidget | None = None

    def put(self, widget: QWidget) -> None:
        """Hold this instead; the keyboard stays with the part that it is in."""
        again = keyboard_of(self)
        before, self._held = self._held, widget
        self._column.addWidget(widget)
        widget.show()  # at once: a layout would show it with the next turn, and until then the place has no height
        again(widget)  # before the other goes: the page would follow the keyboard elsewhere
        if before is not None:
            self._column.removeWidget(before)
            before.hide()
            before.deleteLater()
