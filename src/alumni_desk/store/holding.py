"""One window to a profile: whoever has it open holds a lock that ends with the program, however it ends, and says who they are."""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import json
import os
from datetime import UTC, datetime
from typing import IO, NamedTuple

from alumni_desk.errors import StoreProblem
from alumni_desk.store.profile import Profile, computer_name, locked, private
from alumni_desk.words import _, clock_time, day


class Holder(NamedTuple):
    """Who has a profile open, as they said themselves; all empty if nobody can tell."""

    pid: int = 0
    user: str = ""
    computer: str = ""
    since: str = ""  # UTC, ISO 8601


class Hold:
    """The right to show a profile in a window. The command line beside it needs none."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._lock = profile.path / "window.lock"
        self._said = profile.path / "window.json"
        self._handle: IO[bytes] | None = None

    def take(self) -> bool:
        """Take it unless another program has it. Where no lock can be made at all it counts as taken: opening will say what is wrong."""
        if self._handle is not None:
            return True
        try:
            self._lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = open(self._lock, "a+b", opener=private)  # noqa: SIM115  kept open: it is the lock
        except OSError:
            return True
        if not locked(handle.fileno()):
            handle.close()
            return False
        self._handle = handle
        me = {"pid": os.getpid(), "user": _user(), "computer": computer_name(), "since": datetime.now(UTC).isoformat(timespec="seconds")}
        # A disk that is full keeps nobody from looking.
        with contextlib.suppress(OSError), open(self._said, "w", encoding="utf-8", opener=private) as stream:
            json.dump(me, stream, ensure_ascii=False)
        return True

    def require(self) -> None:
        """Take it, or raise StoreProblem ``window_elsewhere`` that says who has it."""
        if not self.take():
            raise StoreProblem("window_elsewhere", _(
                "This chapter is open in another window of Alumni Desk ({who}) that does not answer. Work there, or end it, then try again."),
                who=told(self.holder()))

    def holder(self) -> Holder:
        """Who has it."""
        try:
            said = json.loads(self._said.read_text("utf-8"))
            return Holder(int(said["pid"]), str(said["user"]), str(said["computer"]), str(said["since"]))
        except (OSError, ValueError, KeyError, TypeError):
            return Holder()

    def release(self) -> None:
        """Give it back."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                self._said.unlink(missing_ok=True)
            self._handle.close()
            self._handle = None

    @property
    def address(self) -> str:
        """A name under which the window that holds it can be spoken to: the same for every way to write the profile's folder."""
        where = f"{_user()}\0{os.path.normcase(os.path.realpath(self.profile.path))}"
        return "alumni-desk-" + hashlib.sha256(where.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def told(holder: Holder) -> str:
    """A holder in words: “ana on OFFICE, since Thu 12 Nov 18:40, process 4711”."""
    if not holder.pid:
        return _("nobody says whose")
    try:
        since = datetime.fromisoformat(holder.since).astimezone()
    except ValueError:
        return _("{user} on {computer}, process {pid}").format(user=holder.user, computer=holder.computer, pid=holder.pid)
    return _("{user} on {computer}, since {day} {time}, process {pid}").format(
        user=holder.user, computer=holder.computer, day=day(since.date()), time=clock_time(since), pid=holder.pid)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "?"
