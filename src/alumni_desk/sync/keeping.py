"""This laptop keeps the chapter: the same server as an office's, as a process of its own beside the desk, on an encrypted file in the profile.

The desk is one of its laptops like any other. The key of the server's database lies in the desk's own and goes to the process by a pipe; when the
pipe closes, because the window did or was killed, the process ends.
"""

from __future__ import annotations

import json
import queue
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from alumni_desk.errors import KnownError, NetworkProblem, Refused, StoreProblem
from alumni_desk.members.chapter import change_chapter, chapter
from alumni_desk.store import removal
from alumni_desk.store.desk import Desk, unnamed
from alumni_desk.sync import engine, moving, moving_mark, state
from alumni_desk.sync.address import Address, read_address
from alumni_desk.sync.asking import moment
from alumni_desk.sync.kept import NAME, PARTED, Keeps, kept_elsewhere, kept_here, noted
from alumni_desk.sync.reach import LED
from alumni_desk.sync.venue.places import address_for_others
from alumni_desk.words import _

PORT = 8413
READY_SECONDS = 60.0
_ANSWER_SECONDS = 5.0
END_SECONDS = 30.0


class Keeping:
    """The process that serves. ``own_url``: for this laptop, with the pin of its certificate."""

    def __init__(self, process: subprocess.Popen[str], address: Callable[[], str], own_url: str) -> None:
        self.process, self._address, self.own_url = process, address, own_url
        self._parted = False

    @property
    def url(self) -> str:
        """For the other laptops: where this one is now."""
        return self.own_url.replace("127.0.0.1", self._address(), 1)

    @property
    def running(self) -> bool:
        """Whether it still serves."""
        return self.process.poll() is None

    def part(self) -> None:
        """The chapter is at another server: let go of its file, and say so to whoever asks here as long as this runs."""
        if self.process.stdin is None or self.process.stdout is None:
            raise AssertionError("without pipes")
        if self._parted:
            return
        self._parted = True
        with suppress(OSError):  # it has ended: then it holds nothing
            self.process.stdin.write(f"{PARTED}\n")
            self.process.stdin.flush()
            self.process.stdout.readline()

    def stop(self) -> None:
        """End it: what is under way is finished, nothing new is taken."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def name_chapter(desk: Desk, name: str) -> None:
    """Give a chapter that nobody has named yet its name. Raises Refused ``chapter_named`` where it has another one, and as ``change_chapter`` does."""
    with desk.reading() as connection:
        membership = state.read(connection, state.Membership)
    called = chapter(desk).name
    ours = membership is None or keeps(desk)  # else others may call it so
    if not called or (called == unnamed() and ours):
        change_chapter(desk, name=name)
    elif called != " ".join(name.split()):
        raise Refused("chapter_named", _("This chapter is called “{name}” already, and keeping it does not change that. Leave --chapter away; "
                                         "the chapter command calls it something else."), name=called)


def has_name(desk: Desk) -> bool:
    """Whether the chapter has one."""
    return bool(chapter(desk).name)


def keeps(desk: Desk) -> bool:
    """Whether this laptop keeps its chapter."""
    return _kept(desk) is not None


def known_port(desk: Desk) -> int | None:
    """At which port the others know the chapter that this laptop keeps; None where it keeps none, or nobody has been told yet."""
    with desk.reading() as connection:
        kept, membership = kept_here(connection), state.read(connection, state.Membership)
    return kept.port if kept is not None and membership is not None else None


def begin(desk: Desk, *, port: int | None = None, host: str = "0.0.0.0") -> Keeping:
    """Make the server, start it, and join it with everything that is here. Killed anywhere, the same call finishes.

    Raises Refused ``keeps_leaders_alone``, ``keeps_joined``, ``sync_sample`` or ``keeps_no_chapter``, NetworkProblem ``keeps_failed``, and what a join raises.
    """
    with desk.reading() as connection:
        membership = state.read(connection, state.Membership)
    kept = _kept(desk)
    refuse_at_door(membership)
    if membership is not None and kept is None:
        raise Refused("keeps_joined", _("This laptop belongs to a server already. Only one that works alone can begin to keep its chapter; one whose server is "
                                        "gone for good takes its place with “alumni-desk keep --anyway”."))
    if kept is not None and membership is not None:  # what it is called, the others may know better
        return start(desk, host=host, port=port)
    ours = chapter(desk)
    if not ours.name:
        raise Refused("keeps_no_chapter", _("Name the chapter first; then this laptop can keep it for the others."))
    if ours.sample:
        raise Refused("sync_sample", _("The sample chapter is never shared, so that made-up people stay out of the real list. Start with a new profile."))
    if kept is None:
        kept = new_server(desk, port)
    elif port is not None:  # it was ended before it had joined: nobody has been told of the other one
        kept = _note_port(desk, kept, port)
    code = first_invitation(desk, kept, ours.name)
    serving = served_first(desk, kept, lambda: start(desk, host=host), port=port)
    try:
        engine.join(desk, serving.own_url, code, merge=True)
    except BaseException:
        serving.stop()
        raise
    return serving


def refuse_at_door(membership: state.Membership | None) -> None:
    """Raise Refused ``keeps_leaders_alone`` for a laptop that has the door of a gathering: it holds too little of a chapter to keep it."""
    if membership is not None and membership.role not in LED:
        raise Refused("keeps_leaders_alone", _("Only a leader’s laptop can keep the chapter: this one has the door of one gathering and no more."))


def new_server(desk: Desk, port: int | None, *, instead_of: str = "") -> Keeps:
    """Note that this laptop keeps its chapter from now on, or will once it is in the place of another server."""
    kept = Keeps(port if port is not None else _free_port(), secrets.token_hex(32), instead_of)
    desk.set_setting(NAME, msgspec.to_builtins(kept))
    return kept


def served_first(desk: Desk, kept: Keeps, serving: Callable[[], Keeping], *, port: int | None) -> Keeping:
    """Serve for the first time; where another program took the port that was free, on another one, for nobody has been told of it yet."""
    try:
        return serving()
    except NetworkProblem:
        if port is not None:
            raise
    _note_port(desk, kept, _free_port())
    return serving()


def _note_port(desk: Desk, kept: Keeps, port: int) -> Keeps:
    kept = msgspec.structs.replace(kept, port=port)
    desk.set_setting(NAME, msgspec.to_builtins(kept))
    return kept


def noted_on(desk: Desk) -> Keeps:
    """What was noted of the server that is being made."""
    with desk.asking() as connection:
        found = noted(connection)
    assert found is not None
    return found


def first_invitation(desk: Desk, kept: Keeps, name: str) -> str:
    """The code for this laptop itself; makes the server's file, and the chapter in it, where they are not there yet."""
    return str(_run(desk, kept, "server", "invite", "--chapter", name, "--role", "leader")["code"])


def start(desk: Desk, *, host: str = "0.0.0.0", port: int | None = None) -> Keeping:
    """Serve the chapter that this laptop keeps, at the port that was given last.

    Raises Refused ``keeps_none``, StoreProblem ``keeps_lost``, NetworkProblem ``keeps_failed``.
    """
    kept = _kept(desk)
    if kept is None:
        raise Refused("keeps_none", _("This laptop keeps no chapter."))
    if not has_server(desk):
        raise StoreProblem("keeps_lost", _("The server that this laptop kept the chapter on is not on its disk any more. The members are here: let this laptop "
                                           "keep the chapter anew (“alumni-desk keep --anyway”)."))
    look_after(desk)
    here = kept if port is None or port == kept.port else _at_other_port(kept, port)
    serving = serve(desk, here, host=host)
    try:
        _follow(desk, serving, here)
    except BaseException:
        serving.stop()
        raise
    return serving


def _at_other_port(kept: Keeps, port: int) -> Keeps:
    if port == kept.former:  # where the others look for it
        return msgspec.structs.replace(kept, port=port, former=0, since="")
    return msgspec.structs.replace(kept, port=port, former=kept.former or kept.port, since=moment(time.time_ns() // 1_000_000))


def looked_for_at(desk: Desk) -> int | None:
    """At which port other laptops still look for this one, which serves the chapter at another one by now; None where all have found it, as far as it knows."""
    from alumni_desk.sync.laptops import last_told

    kept = _kept(desk)
    if kept is None or not kept.former:
        return None
    told = last_told(desk)
    others = [one for one in told.laptops if not (one.here or one.revoked or one.left or one.replaced or one.over)] if told is not None else []
    return kept.former if told is None or any((one.last_seen or "") < kept.since for one in others) else None


def _follow(desk: Desk, serving: Keeping, kept: Keeps) -> None:
    """Reach the own server from now on where it is kept now: for this computer alone it is not encrypted, for others it is; and at which port."""
    own = read_address(serving.own_url)
    with desk.reading() as connection:
        there = state.read(connection, state.Membership)
    if there is None or (there.url, there.fingerprint) == (own.url, own.fingerprint):  # it has still to join, or nothing is new
        return
    with desk.applying() as applying:
        state.keep(applying.connection, msgspec.structs.replace(there, url=own.url, fingerprint=own.fingerprint))
        # With it: this laptop keeps the chapter as long as both name one port.
        applying.connection.exec_driver_sql("UPDATE setting SET value = ? WHERE key = ?", (msgspec.json.encode(kept).decode(), NAME))
    desk.outbox.make_anew(desk)


def has_server(desk: Desk) -> bool:
    """Whether a server's file is here."""
    return (desk.profile.path / "server.db").exists()


def serve(desk: Desk, kept: Keeps, *, host: str) -> Keeping:
    """Start the process. Raises NetworkProblem ``keeps_failed``."""
    address = address_for_others if host == "0.0.0.0" else lambda: host
    public = f"{_scheme(host)}://{address()}:{kept.port}"
    arguments = ["serve", "--host", host, "--port", str(kept.port), "--public-url", public, "--key-stdin", "--json"]
    process = subprocess.Popen(_command(desk, *arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    said = _first_line(process, kept)
    if said is None:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        raise NetworkProblem("keeps_failed", _("The chapter cannot be kept for the others: port {port} is in use, or this laptop serves it already in another "
                                               "window. Everything is saved here. Close what uses it, then switch it on again."), port=kept.port)
    pin = f"#sha256={said['fingerprint']}" if said["fingerprint"] else ""
    scheme = "https" if pin else "http"
    return Keeping(process, address, f"{scheme}://127.0.0.1:{kept.port}{pin}")


def _scheme(host: str) -> str:
    """How it is served at an address to listen on: on this computer alone without encryption, as ``serve`` does."""
    return "http" if Address(f"https://{f'[{host}]' if ':' in host else host}", None).loopback else "https"


def move_away(desk: Desk, serving: Keeping | None, url: str, code: str, *, anyway: bool = False, merge: bool = False,
              device_name: str | None = None) -> state.Membership:
    """Move the chapter to an office's server, with everything. A laptop that kept it keeps it no more: nothing of its server stays here.

    From the first step that server answers this laptop alone, whichever program serves: what it said to have taken by then is fetched, and goes along.
    ``serving`` goes on afterwards, and says to the others that the chapter has moved; the caller ends it.
    Killed anywhere, ``look_after`` finishes. Raises Refused ``move_under_way``, and what ``start`` and ``moving.move`` raise.
    """
    kept = _kept(desk)
    if kept is None or not has_server(desk):
        moved = moving.move(desk, url, code, anyway=anyway, merge=merge, device_name=device_name)
        forget_former(desk)
        return moved
    with desk.reading() as connection:
        here = state.read(connection, state.Membership)
    with moving_mark.moving(desk.profile.path, here.device if here is not None else "") as alone:
        if not alone:
            raise Refused("move_under_way", _("This chapter is being moved already, in another window or by another command. Wait until that has ended."))
        own: Keeping | None = None
        try:
            if serving is None and not _answers(kept):
                own = start(desk, host="127.0.0.1")
            moved = moving.move(desk, url, code, anyway=anyway, merge=merge, device_name=device_name)
        except BaseException:
            moving_mark.take_away(desk.profile.path)
            raise
        finally:
            if own is not None:
                own.stop()
    if serving is not None:
        serving.part()
    forget_former(desk)
    return moved


def is_serving(desk: Desk) -> bool | None:
    """Whether a program on this computer serves the chapter that it keeps, and so tells the others when it has moved; None where it keeps none."""
    kept = _kept(desk)
    return None if kept is None or not has_server(desk) else _answers(kept)


def _answers(kept: Keeps) -> bool:
    """Whether a program serves already, on this computer."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as asking:
        asking.settimeout(_ANSWER_SECONDS)
        return asking.connect_ex(("127.0.0.1", kept.port)) == 0


def look_after(desk: Desk) -> None:
    """Finish a move that was killed: the chapter has moved, and the server goes, or it has not, and the others may ask again."""
    if _kept(desk) is None:
        forget_former(desk)
    elif moving_mark.is_left_behind(desk.profile.path):
        moving_mark.take_away(desk.profile.path)


def forget_former(desk: Desk) -> None:
    """Once the chapter has moved away, delete the server that this laptop kept it on: later erasures would not reach it. The same with what is left of one
    that was to take another's place. Does nothing else."""
    if not moving_mark.is_held(desk.profile.path):
        forget_server(desk)


def forget_server(desk: Desk) -> None:
    """The same while whoever asks holds the mark's lock."""
    with desk.asking() as connection:
        kept, begun, elsewhere = kept_here(connection), noted(connection), kept_elsewhere(connection)
    if begun is None or kept is not None or (elsewhere and not begun.instead_of):  # a backup's: no server of it was ever here
        return
    if removal.delete_kept_server(desk.profile):
        moving_mark.forget(desk.profile.path)  # a server that still runs says no without it, for its file is gone
        desk.set_setting(NAME, None)


def for_others(desk: Desk, membership: state.Membership) -> str:
    """The server's address as another laptop reaches it: whoever keeps the chapter reaches its own server by one that means that laptop itself elsewhere."""
    kept = _kept(desk)
    if kept is None or not membership.url.startswith("https:"):  # without encryption it is kept for this computer alone
        return membership.url
    return f"https://{address_for_others()}:{kept.port}"


def _kept(desk: Desk) -> Keeps | None:
    with desk.asking() as connection:
        return kept_here(connection)


def _command(desk: Desk, *arguments: str) -> list[str]:
    program = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "alumni_desk"]
    return [*program, "--profile", str(desk.profile.path), *arguments]


def _run(desk: Desk, kept: Keeps, *arguments: str) -> Any:
    done = subprocess.run(_command(desk, *arguments, "--key-stdin", "--json"), input=f"{kept.key}\n", capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise _failed(done.stderr)
    return json.loads(done.stdout)


def _failed(said: str) -> KnownError:
    lines: Sequence[str] = [line for line in said.splitlines() if line.strip()]
    return StoreProblem("keeps_unmade", _("The chapter’s server could not be made on this laptop: {reason} Nothing was changed."),
                        reason=lines[-1] if lines else _("it said nothing."))


def _first_line(process: subprocess.Popen[str], kept: Keeps) -> Any:
    """What the process says once it listens; None if it ends before, or takes too long."""
    if process.stdin is None or process.stdout is None:
        raise AssertionError("without pipes")
    try:
        process.stdin.write(f"{kept.key}\n")
        process.stdin.flush()
    except OSError:
        return None
    lines: queue.Queue[str] = queue.Queue()
    reader = threading.Thread(target=lambda: lines.put(process.stdout.readline() if process.stdout else ""), name="keeping", daemon=True)
    reader.start()
    try:
        line = lines.get(timeout=READY_SECONDS)
    except queue.Empty:
        return None
    reader.join()
    return json.loads(line) if line else None


def _free_port() -> int:
    """The usual port, or another one if that is in use: the other laptops get it with their invitation."""
    for port in (PORT, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trying:
            try:
                trying.bind(("0.0.0.0", port))
                return int(trying.getsockname()[1])
            except OSError:
                continue
    return PORT
