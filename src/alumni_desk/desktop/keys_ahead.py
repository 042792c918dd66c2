"""What is typed before the field stands that it is meant for: kept, and typed there as soon as it does."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget


class KeysAhead(QObject):
    """Until ``give`` no letter reaches anything else in the program."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._kept: list[tuple[int, Qt.KeyboardModifier, str]] = []
        QApplication.instance().installEventFilter(self)

    def give(self, field: QWidget | None) -> None:
        """Type what was kept into the field, or forget it; this is over then."""
        QApplication.instance().removeEventFilter(self)
        if field is not None:
            for key, modifiers, text in self._kept:
                QApplication.sendEvent(field, QKeyEvent(QEvent.Type.KeyPress, key, modifiers, text))
        self.deleteLater()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QKeyEvent) or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return False  # Ctrl+L locks now, too
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()  # no shortcut: it comes as a key
        elif event.type() == QEvent.Type.KeyPress:
            self._kept.append((event.key(), event.modifiers(), event.text()))
        return True
