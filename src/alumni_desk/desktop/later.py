"""Pages that nobody has opened yet are built while nobody types or clicks, piece by piece, so that the first page need not wait for them."""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import partial
from importlib import import_module
from types import ModuleType

from PySide6 import QtCore, QtGui, QtWidgets
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.fonts import SCRIPTS, know_scripts
from alumni_desk.desktop.shell import Shell
from alumni_desk.desktop.tokens import Role

EVERY_MS = 40
"""Between two pieces: what was typed or clicked meanwhile comes first."""
QUIET_S = 0.4
"""How long the hands must have rested."""

AHEAD = ("sqlalchemy.util", "sqlalchemy.sql", "sqlalchemy.engine", "sqlalchemy.dialects.sqlite", "msgspec", "alumni_desk.store.capture",
         "alumni_desk.store.search", "alumni_desk.store.finding", "alumni_desk.store.outbox")  # fmt: skip
"""What every page but the first needs, and every change. One by one: another thread that imports slows down what is typed meanwhile."""

TYPES = 40
"""Of Qt's types made at once: some 5 ms."""
IN_LISTS: tuple[Role, ...] = ("body", "strong", "small", "caption", "title", "heading")
"""How names are written."""


class Later(QObject):
    """Ends by itself when every page is there, and whole. ``resting()``: for how many seconds nobody has touched key or mouse."""

    def __init__(self, shell: Shell, lanes: Lanes, resting: Callable[[], float]) -> None:
        super().__init__(shell)
        self._shell, self._lanes, self._resting = shell, lanes, resting
        beside = (partial(import_module, name) for name in AHEAD)
        # Qt's types first: two threads must not make the same one, and a module that a lane imports makes those it names.
        self._types = [partial(_know, module, names[at:at + TYPES]) for module in (QtWidgets, QtGui, QtCore)
                       for names in (dir(module),) for at in range(0, len(names), TYPES)]
        letters = (partial(know_scripts, role, some) for role in IN_LISTS for some in SCRIPTS)
        self._ahead: list[Callable[[], object]] = [*(partial(self._beside, one) for one in beside), *letters]
        self._imported = ""
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def stop(self) -> None:
        """Build no more."""
        self._timer.stop()

    def look(self) -> None:
        """Take one step, if this is a calm moment."""
        step = self._types[0] if self._types else self._ahead[0] if self._ahead else self._next()
        if step is None:
            self.stop()
        elif self._calm():
            if self._types:
                del self._types[0]
            else:
                del self._ahead[:1]
            step()

    def know_types(self, then: Callable[[], object]) -> None:
        """Have all of Qt's types made now, and ``then`` go on: a lane is to import what names them. What is typed meanwhile comes in between."""
        if not self._types:
            then()
            return
        self._types.pop(0)()
        QTimer.singleShot(0, self, partial(self.know_types, then))

    def _next(self) -> Callable[[], object] | None:
        page = self._shell.next_to_build()
        if page is None:
            return self._shell.next_part()
        if self._imported != page.module:
            return partial(self._beside, partial(import_module, page.module), partial(setattr, self, "_imported", page.module))
        return self._shell.next_step(page.name) or partial(self._shell.page, page.name)

    def _beside(self, work: Callable[[], object], then: Callable[[], object] | None = None) -> None:
        """Import something on a lane, beside the window."""
        def done(answer: object) -> None:
            gc.freeze()  # it stays until the end; the collector would soon stop every thread for some 30 ms to look at it
            if then is not None:
                then()

        self._lanes.read_long(lambda job: work(), done)

    def _calm(self) -> bool:
        shell = self._shell
        still = QApplication.mouseButtons() == Qt.MouseButton.NoButton and self._resting() >= QUIET_S
        return shell.isVisible() and not shell.covered() and self._lanes.idle() and still


def _know(module: ModuleType, names: list[str]) -> None:
    """Have PySide6 make types of Qt's. It does so when somebody names one, and all widgets' when the first widget of Qt's own comes to Python."""
    for name in names:
        getattr(module, name)
