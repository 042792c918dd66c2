"""The key file of an open desk: should somebody take it away it is put back as it was, for nothing else opens the chapter the next time."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

from alumni_desk.errors import StoreProblem
from alumni_desk.store import keys
from alumni_desk.words import _

log = logging.getLogger(__name__)


class KeyFile:
    """Knows what the file said when it was last looked at; whoever never looks puts nothing back. Safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._said: dict[str, Any] | None = None
        self._put_back = False
        self._one = threading.Lock()

    def look(self) -> None:
        """Remember what it says now, or put back what it said last. Raises StoreProblem ``key_gone`` where the disk does not take it."""
        with self._one:
            said = keys.content(self._folder, keys.DESK)
            if said is not None:
                self._said = said
            elif self._said is not None:
                from alumni_desk.store.removal import FILE  # with which the key is destroyed for good

                try:
                    self._put_back |= keys.put_back(self._folder, keys.DESK, self._said, unless=self._folder / FILE)
                except StoreProblem:
                    raise StoreProblem("key_gone", _(
                        "The file that leads to the chapter’s key (desk.key) has gone from {folder} and could not be put back, and nothing else opens the "
                        "chapter the next time. Leave the window open, and make room there or see that the folder can be written."),
                        folder=self._folder) from None

    def look_last(self) -> None:
        """The same as the desk is closed, where it was looked at before."""
        if self._said is not None:
            try:
                self.look()
            except StoreProblem as problem:
                log.warning("the key file was not put back: %s", problem.code)

    def was_put_back(self) -> bool:
        """Whether it was put back since this was asked last."""
        with self._one:
            was, self._put_back = self._put_back, False
        return was
