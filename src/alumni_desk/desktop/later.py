"""Pages that nobody has opened yet are built while nobody types or clicks, one by one, so that the first page need not wait for them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.shell import Shell

EVERY_MS = 150
"""Between two pages: what was typed or clicked meanwhile comes first."""
QUIET_S = 0.4
"""How long the hands must have rested."""


class Later(QObject):
    """Ends by itself when every page is there. ``resting()``: for how many seconds nobody has touched key or mouse."""

    def __init__(self, shell: Shell, lanes: Lanes, resting: Callable[[], float]) -> None:
        super().__init__(shell)
        self._shell, self._lanes, self._resting = shell, lanes, resting
        self._imported = ""
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def stop(self) -> None:
        """Build no more."""
        self._timer.stop()

    def look(self) -> None:
        """Take one step, if this is a calm moment."""
        page = self._shell.next_to_build()
        if page is None:
            self.stop()
        elif not self._calm():
            return
        elif self._imported != page.module:
            self._lanes.read_long(lambda job: import_module(page.module), lambda module: self._there(page.module))
        else:
            self._shell.page(page.name)

    def _there(self, module: str) -> None:
        self._imported = module

    def _calm(self) -> bool:
        shell = self._shell
        still = QApplication.mouseButtons() == Qt.MouseButton.NoButton and self._resting() >= QUIET_S
        return shell.isVisible() and not shell.covered() and self._lanes.idle() and still
