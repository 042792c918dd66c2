"""Starting the window: the application, the ways to open a profile, what Settings can do. The last thing before Qt takes over."""

from __future__ import annotations

import gc
import linecache
import logging
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from alumni_desk import __version__
from alumni_desk.desktop.app import Room, Sitting, about_of, build
from alumni_desk.desktop.background import Job
from alumni_desk.desktop.deeds import Deeds
from alumni_desk.desktop.display import need_display
from alumni_desk.desktop.interrupts import Interrupts
from alumni_desk.desktop.one_window import Doorbell, ring
from alumni_desk.desktop.opening import Ways
from alumni_desk.desktop.sheet import lost_words
from alumni_desk.errors import StoreProblem
from alumni_desk.logs import note_bug
from alumni_desk.resources import resource
from alumni_desk.schema import open_desk
from alumni_desk.store import keys
from alumni_desk.store.desk import Desk
from alumni_desk.store.holding import Hold
from alumni_desk.store.patience import Patience
from alumni_desk.store.profile import Profile
from alumni_desk.words import _, day, with_year

if TYPE_CHECKING:
    from alumni_desk.desktop.stuck_page import Kept
    from alumni_desk.store.backup_head import Backup
    from alumni_desk.sync.join import Shown
    from alumni_desk.sync.venue.finding import Search

log = logging.getLogger(__name__)

P = ParamSpec("P")

ASKS = {"passphrase_needed": "typed", "passphrase_wrong": "typed", "recovery_needed": "typed", "recovery_wrong": "typed", "recovery_typo": "typed",
        "passphrase_wanted": "chosen"}  # fmt: skip
"""Errors of opening that a password mends, and whether it is typed or chosen."""


SHORTLY_S = 2
"""So long the password store is waited for where it was asked just before."""
LATEST_MS = 5_000
"""When what waits for the first page is done even if none stands, because a password is asked for."""


def run_window(profile: Profile, arguments: Sequence[str] = (), files: Sequence[Path] = (), usable: Callable[[Sitting], None] | None = None) -> int:
    """Open the window on a profile, or bring the one that is open to the front; work until it is closed. Returns the exit code.

    ``usable`` is called when the first page stands.
    """
    gc.disable()  # nothing that starting makes is garbage: looking for some would cost a tenth of the start
    quiet_crashes()
    need_display()
    app = QApplication([sys.argv[0], *arguments])
    hold = Hold(profile)
    if not hold.take() and ring(hold, files):
        return 0
    _say_who_holds(hold)
    app.setApplicationName("Alumni Desk")
    app.setApplicationVersion(__version__)
    app.setDesktopFileName("alumni-desk")
    sitting = Sitting(app, profile, ways_of(profile, hold), room_in)
    sitting.take_files(files)
    sitting.usable.connect(_collect)
    if usable is not None:
        sitting.usable.connect(partial(usable, sitting))
    doorbell = Doorbell(hold)
    doorbell.rung.connect(sitting.come_forward)
    interrupts = Interrupts(app, app.exit)  # not quit, which asks the windows
    QTimer.singleShot(0, sitting.begin)
    sitting.usable.connect(doorbell.hang)  # that needs one more library
    QTimer.singleShot(LATEST_MS, doorbell.hang)
    QTimer.singleShot(LATEST_MS, _collect)
    try:
        return app.exec()
    finally:
        doorbell.close()
        sitting.close()
        interrupts.close()
        hold.release()


def _say_who_holds(hold: Hold) -> None:
    """To whoever started it from a terminal, if the first window does not answer; the window says the same."""
    try:
        hold.require()
    except StoreProblem as error:
        if sys.stderr is not None:  # a program without a terminal has none on Windows
            sys.stderr.write(f"{error}\n")
            sys.stderr.flush()


def _collect() -> None:
    """Collect garbage from now on, among what is made from now on: modules and classes stay until the end anyhow."""
    if not gc.isenabled():
        linecache.clearcache()  # PySide6 has looked into the source text of what was imported
        gc.freeze()
        gc.enable()


def quiet_crashes() -> None:
    """Faults go to the log without their text, which may quote a person; what a program prints, a desktop keeps in its own journal."""

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            note_bug(log, error.with_traceback(trace), "drawing or answering in the window")

    sys.excepthook = hook


def ways_of(profile: Profile, hold: Hold | None = None) -> Ways:
    """How a profile is opened, begun, joined and restored. ``hold``: the right to show it, taken before it is opened."""
    patience = Patience()

    anew = Event()  # somebody begins again where this laptop's access ended

    def opened(password: str | None) -> Desk:
        if hold is not None:
            hold.require()
        desk = open_desk(profile, passphrase=password, patience=patience, anew=anew.is_set())
        if anew.is_set() and desk.scope is not None:
            _begun_again(desk)
        return desk

    def start_again() -> None:
        from alumni_desk.store import removal

        removal.start_again(profile)
        anew.set()

    return Ways(
        open=opened,
        patience=patience,
        wants=lambda error: ASKS.get(error.code, ""),
        start=_beginning(_start),
        sample=_beginning(_sample),
        look=_look,
        join=_beginning(_join),
        restore=lambda file, password, own, key: _restored(profile, Path(file), password, own, key),
        key_holder=lambda: key_holder(profile),
        where=_("They are kept in {folder}.").format(folder=profile.path), folder=profile.path,
        keepers=lambda: keepers(profile),
        begins=lambda: not profile.exists and not (profile.path / "desk.key").exists(),
        made=lambda: profile.exists and bool(keepers(profile)),
        enrol=_enrol,
        find=_find,
        meet=_beginning(_meet),
        salvage=lambda job, password: _salvaged(profile, password, job),
        start_again=start_again,
        kept=lambda password: _kept(profile, password),
    )


def room_in(desk: Desk, sitting: Sitting) -> Room:
    """The window of an open desk, with all that Settings can do."""
    held: list[Room] = []

    def within(work: Callable[[Room], object]) -> Callable[[], None]:
        def do() -> None:
            work(held[0])

        return do

    def go_back(one: Backup, password: str | None) -> None:
        made = one.at.astimezone().date()
        key, when = desk.key, with_year(day(made), made)
        kept = _("What is here now stays as a file beside it.") if held[0].keeping.is_damaged else _("What is here now is kept as a backup first.")
        sitting.leave_for((_("Going back to {day}").format(day=when), kept),
                          lambda job: _gone_back(desk.profile, one.file, password, key, job))

    def restore_it(one: Backup) -> None:
        from alumni_desk.desktop.safekeeping import ask_password

        if one.ours:
            go_back(one, None)
        else:
            ask_password(held[0].shell, desk, held[0].lanes, one.file, lambda typed: go_back(one, typed), held[0].shell.say)

    def back_up(room: Room) -> None:
        from alumni_desk.desktop.safekeeping import back_up_now

        back_up_now(room.shell, desk, room.lanes, room.shell.say)

    def erase(room: Room) -> None:
        from alumni_desk.desktop.erasing_sheets import erase_everything

        erase_everything(room.shell, desk, room.lanes, room.bridge, lambda: back_up(room))

    deeds = Deeds(
        back_up=within(back_up),
        restore=within(lambda room: room.shell.show_page("restore")),
        show_help=within(lambda room: room.show_help()),
        restore_it=restore_it,
        erase=within(erase),
    )
    about = about_of(desk)
    room = build(desk, about=about, deeds=deeds, help_files=help_files(), appearance=sitting.appearance)
    held.append(room)
    # Not inside the answer of the sync that is ending with the room.
    room.bridge.removed.connect(lambda said: QTimer.singleShot(0, lambda: _leave(sitting, room, said)))
    closing = (_("Closing the chapter"), _("Then it says what may open it."))
    room.lock.backups_wanted.connect(lambda: QTimer.singleShot(0, lambda: sitting.leave_for(closing, lambda job: "")))
    return room


def _leave(sitting: Sitting, room: Room, said: str) -> None:
    """This laptop's access ended: the window closes, and what was typed into open forms with it."""
    lost = lost_words(room.shell, room.half_typed_at_door())
    sitting.leave_for((_("This laptop’s access ended"), said), lambda job: lost)


def help_files() -> list[Path]:
    """The pages of the handbook, in reading order."""
    return sorted(resource("help").glob("*.md"))


def key_holder(profile: Profile) -> str:
    """Who holds the key, as a sentence."""
    known = (profile.path / "desk.key").exists()
    by_keyring = keys.keeper(profile.path, "desk") == "keyring" if known else keys.has_keyring()
    if by_keyring:
        return _("This computer’s password store holds the key.")
    return _("The password that you choose is the key.")


def _begun_again(desk: Desk) -> None:
    from alumni_desk.store import removal

    removal.begun_again(desk.profile)


def _beginning(work: Callable[Concatenate[Desk, P], None]) -> Callable[Concatenate[Desk, P], None]:
    """A way to begin. Where this laptop's access ended that goes on being said until one has worked."""
    def begin(desk: Desk, /, *args: P.args, **named: P.kwargs) -> None:
        work(desk, *args, **named)
        _begun_again(desk)

    return begin


def _start(desk: Desk, chapter: str, university: str, you: str) -> None:
    from alumni_desk.gatherings.fields import local_zone

    desk.make_chapter(chapter, university, local_zone())
    desk.set_setting("person_name", you)


def _sample(desk: Desk) -> None:
    from alumni_desk.sample.chapter import make_sample

    make_sample(desk)


def _look(desk: Desk, url: str, code: str) -> Shown:
    from alumni_desk.sync.join import look

    return look(desk, url, code)


def _join(desk: Desk, url: str, code: str, laptop: str) -> None:
    from alumni_desk.sync import engine

    engine.join(desk, url, code, device_name=laptop)


def _find() -> Search:
    from alumni_desk.sync.venue.finding import find

    return find(None)


def _meet(desk: Desk, address: str, code: str) -> None:
    from alumni_desk.sync.venue.visiting import Visit

    visit = Visit(desk, address, code)
    try:
        visit.once()
    finally:
        visit.close()


def keepers(profile: Profile) -> frozenset[str]:
    """Who keeps the key of a profile; nobody while there is none."""
    return keys.keepers(profile.path, "desk") if (profile.path / "desk.key").exists() else frozenset()


def _enrol(desk: Desk, password: str | None) -> None:
    if password is None and "keyring" in keys.keepers(desk.profile.path, "desk"):
        keys.keep_in_keyring(desk.profile.path, "desk", desk.key, on=True)
    elif password is None:
        raise StoreProblem("passphrase_wanted", _("Choose a new password."))
    else:
        keys.keep_under(desk.profile.path, "desk", desk.key, password)


def _restored(profile: Profile, file: Path, password: str, own: str | None, key: bytes | None) -> str:
    from alumni_desk.desktop.safekeeping import restored_words
    from alumni_desk.store import removal
    from alumni_desk.sync import restoring

    removal.refuse_restore(profile)
    said = restored_words(restoring.restore(profile, file, passphrase=password, own=own, desk_key=key))
    removal.begun_again(profile)
    return said


def _kept(profile: Profile, password: str | None) -> tuple[list[Kept], int]:
    """The newest backups that are whole, and how many are damaged, read through; those of other desks are left out where the key is there to tell."""
    from alumni_desk.desktop.restore_page import why_words
    from alumni_desk.desktop.stuck_page import LISTED, Kept
    from alumni_desk.store import backup, backup_folders

    there = (profile.path / "desk.key").exists()
    try:
        key = keys.database_key(profile.path, "desk", passphrase=password, patience=Patience(SHORTLY_S)) if there else None
    except StoreProblem:
        key = None
    kept: list[Kept] = []
    damaged = 0
    for one in backup_folders.everywhere(profile, key):
        if len(kept) == LISTED:
            break
        if one.damaged or not backup.is_whole(one.file):
            damaged += 1
        elif one.ours or key is None:
            kept.append(Kept(one.file, one.at, one.members, one.gatherings, " · ".join(filter(None, why_words(one)))))
    return kept, damaged


def _gone_back(profile: Profile, file: Path, password: str | None, key: bytes, job: Job) -> str:
    from alumni_desk.desktop.safekeeping import restored_words
    from alumni_desk.store import removal
    from alumni_desk.sync import restoring

    removal.refuse_restore(profile)  # a command may have emptied the laptop since the window offered it
    return restored_words(restoring.restore(profile, file, passphrase=password, desk_key=key, progress=job.progress, cancelled=job.cancelled))


def _salvaged(profile: Profile, password: str | None, job: Job) -> str:
    from alumni_desk.desktop.safekeeping import restored_words
    from alumni_desk.sync import restoring

    return restored_words(restoring.salvage(profile, passphrase=password, progress=job.progress, cancelled=job.cancelled))
