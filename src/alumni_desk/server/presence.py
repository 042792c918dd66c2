"""Whether a server on a file may speak at all: the file must still be where it was opened, and its chapter must not be on its way to another server.

Asked before a call is carried out and again before it is answered: what was written to a file that nobody will open again is nowhere.
"""

from __future__ import annotations

from alumni_desk.server.database import Database
from alumni_desk.server.refusals import Refusal
from alumni_desk.sync import moving_mark

_ANYBODY = ("challenge", "session")
"""Calls by which the laptop that moves the chapter says who it is."""


def check(database: Database, name: str, device: str) -> None:
    """Raises a Refusal where this call of a device is not to be answered."""
    if database.path is None:
        return
    if not database.is_there():
        raise Refusal(503, "not_here")
    if moving_mark.stands(database.path.parent) and name not in _ANYBODY:
        mark = moving_mark.read(database.path.parent)
        if mark is not None and (not device or mark.device != device):
            raise Refusal(503, "moving", retry_after=5)
