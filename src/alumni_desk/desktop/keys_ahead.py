"""What is typed before the field stands that it is meant for: kept, and typed there as soon as it does."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QWidget


class KeysAhead(QObject):
    """No letter reaches anything else in the program until ``give``, nor after it until the field's window is the active one: a system takes its time."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._kept: list[tuple[int, Qt.KeyboardModifier, str]] = []
        self._field: QWidget | None = None
        QApplication.instance().installEventFilter(self)

    def give(self, field: QWidget | None) -> None:
        """Type what was kept into the field, or forget it."""
        kept, self._kept, self._field = self._kept, [], field
        for key in kept if field is not None else ():
            self._type(key)
        if self._field is None or self._field.window().isActiveWindow():
            self._over()
        else:
            self._field.destroyed.connect(self._over)

    def _type(self, key: tuple[int, Qt.KeyboardModifier, str]) -> None:
        if self._field is not None:
            QApplication.sendEvent(self._field, QKeyEvent(QEvent.Type.KeyPress, *key))

    def _over(self) -> None:
        QApplication.instance().removeEventFilter(self)
        self._field = None
        self.deleteLater()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if self._field is not None and event.type() == QEvent.Type.WindowActivate and watched is self._field.window():
            self._over()
            return False
        if not isinstance(event, QKeyEvent) or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            return False  # Ctrl+L locks now, too
        if self._field is not None and isinstance(watched, QWidget) and watched.window() is self._field.window():
            return False  # it has arrived
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()  # no shortcut: it comes as a key
        elif event.type() == QEvent.Type.KeyPress:
            key = event.key(), event.modifiers(), event.text()
            if self._field is None:
                self._kept.append(key)
            else:
                self._type(key)
        return True
