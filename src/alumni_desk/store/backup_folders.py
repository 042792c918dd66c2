"""Where backups lie: the folder that was chosen or the profile's own, what stands in its way, which are in it and which may go."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from alumni_desk.errors import BadInput, StoreProblem
from alumni_desk.store.backup_head import ENDING, Backup, listed, opened_with
from alumni_desk.store.cut_off import clear, deleted
from alumni_desk.store.disk import ENOUGH, FULL, gone_after, with_logs
from alumni_desk.store.profile import Profile, alone, private
from alumni_desk.store.rotation import Made, kept
from alumni_desk.store.troubles import disk_said
from alumni_desk.words import _, ngettext, number

log = logging.getLogger(__name__)

Trouble = Literal["away", "full", "failing"]


def backups(profile: Profile, key: bytes | None = None, *, now: datetime | None = None) -> list[Backup]:
    """The backups in the profile's folder, newest first, whatever the clock said, by what their heads say; ``is_whole`` reads the rest.

    ``key``: the desk's, if it is known. While the chosen folder takes none: those that are in it, and those that go to the profile's own.
    """
    found = [one for folder in dict.fromkeys((chosen_folder(profile), folder_in_use(profile))) for one in listed_in(folder, key)]
    found.sort(key=lambda one: one.age, reverse=True)
    rules = kept(_judged(found), (now or datetime.now()).astimezone())
    return [replace(one, rule=rules.get(one.file.name)) for one in found]


def everywhere(profile: Profile, key: bytes | None) -> list[Backup]:
    """The backups in every folder that was used, newest first, by their heads alone."""
    return sorted((one for folder in folders(profile) for one in listed_in(folder, key)), key=lambda one: one.age, reverse=True)


def counted(found: Sequence[Backup]) -> list[Backup]:
    """Those that count as this desk's: all but what another key locked, of another chapter or a former one of this. Of a damaged one nobody knows."""
    return [one for one in found if one.ours or one.damaged]


def others_words(found: Sequence[Backup]) -> str:
    """How many of the backups in a folder do not count as this desk's, in a sentence; nothing if all do."""
    others = len(found) - len(counted(found))
    return ngettext("{n} more there is of another chapter, or was made under a former key of this one.",
                    "{n} more there are of another chapter, or were made under a former key of this one.", others).format(n=number(others)) if others else ""


def next_number(profile: Profile, key: bytes) -> int:
    """What the next backup is numbered with. The clock may be wrong, and a stick with the newest ones away: it is kept here, too."""
    kept_here = _told(profile).get("number")
    number = 1 + max((kept_here if isinstance(kept_here, int) else 0, *(one.number for one in everywhere(profile, key) if one.ours)))
    if profile.path.is_dir():
        try:
            _tell(profile, number=number)
        except StoreProblem as problem:  # the profile's disk is full: the backup may go elsewhere, and those that are there tell the number, too
            log.warning("the number of a backup was not kept: %s", problem.code)
    return number


def listed_in(folder: Path, key: bytes | None) -> list[Backup]:
    """The backups in a folder, by their heads alone; none if it is not there or cannot be read."""
    return [listed(file, key) for file in _files_in(folder)]


def _files_in(folder: Path) -> list[Path]:
    try:
        return sorted(one for one in folder.iterdir() if one.name.endswith(ENDING))
    except OSError:  # away, or failing: trouble() says so where it matters
        return []


def thin_out(profile: Profile, key: bytes, now: datetime) -> list[Path]:
    """Delete the backups made by themselves, of this desk, that no rule keeps. Returns those that are gone; what cannot be deleted stays, and is said."""
    there = [one for one in backups(profile, key, now=now) if one.ours]
    judged = _judged(there)
    stay = kept(judged, now)
    over = [one.file for one in there if one.file.name in {made.name for made in judged} - stay.keys()]
    over = [one for one in over if is_reached(profile, one.parent)]  # a folder that can only be read keeps what it has
    said = _told(profile)
    left = [one for one in over if not deleted(one, quietly=str(one) in said.get("left", []))]
    if said.get("left", []) != (now_left := [str(one) for one in left]):
        _tell(profile, left=now_left)
    return [one for one in over if one not in left]


def _judged(found: list[Backup]) -> list[Made]:
    # Damaged ones stay and take no place: nobody knows what they were.
    return [Made(one.file.name, one.at.astimezone(), one.why.startswith("before_"), one.number)
            for one in found if one.why != "by_hand" and one.ours and not one.damaged]


def own_folder(profile: Profile) -> Path:
    """Where backups go if nobody chose another folder."""
    return profile.path / "backups"


def chosen_folder(profile: Profile) -> Path:
    """The folder that the user chose, there or not; else the profile's own. Kept in a file: it is needed when the database cannot be read."""
    said = _told(profile).get("folder")
    return Path(said) if isinstance(said, str) and said else own_folder(profile)


def folders(profile: Profile) -> list[Path]:
    """Every folder that backups made by themselves were put into, there or not (a stick that was taken out); the one that was chosen first."""
    own = own_folder(profile)
    return list(dict.fromkeys(one for one in (chosen_folder(profile), own, *_paths(profile, "former")) if one != own or own.is_dir()))


def owed(profile: Profile) -> list[Path]:
    """The folders whose backups still may hold somebody who was erased."""
    return _paths(profile, "owed")


def unlisted(profile: Profile) -> list[Path]:
    """The folders that could not take the list of who was erased."""
    return _paths(profile, "unlisted")


def held(profile: Profile) -> list[Path]:
    """The files that may hold somebody who was erased, and that could not be deleted where others could."""
    return _paths(profile, "held")


def hold(profile: Profile, files: Iterable[Path]) -> None:
    """Keep which files these are."""
    said, now = _told(profile), [str(one) for one in files]
    if said.get("held", []) != now:
        _tell(profile, held=now)


def owe(profile: Profile, owing: Iterable[Path], without_list: Iterable[Path] | None = None) -> None:
    """Keep which folders these are: ``owed``, and ``unlisted`` (None: as they are). One that was used before and has no backup any more is forgotten."""
    still, bare = [str(one) for one in owing], [str(one) for one in (unlisted(profile) if without_list is None else without_list)]
    former = [str(one) for one in _paths(profile, "former") if str(one) in (*still, *bare) or not _is_folder(one) or _files_in(one)]
    said = _told(profile)
    if (said.get("owed", []), said.get("unlisted", []), said.get("former", [])) != (still, bare, former):
        _tell(profile, owed=still, unlisted=bare, former=former)


def _told(profile: Profile) -> dict[str, Any]:
    try:
        said = json.loads((profile.path / "backups.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _paths(profile: Profile, name: str) -> list[Path]:
    said = _told(profile).get(name)
    return [Path(one) for one in said if isinstance(one, str) and one] if isinstance(said, list) else []


def _tell(profile: Profile, **news: Any) -> None:
    """Keep these by their names, and what else is kept as it is by now: a sync that erases, the backup of the day and a command may be at it at once."""
    file = profile.path / "backups.json"
    part = file.with_name("backups.json.part")
    with disk_said(), alone(profile.path / "backups.lock"):
        said = {**_told(profile), **news}
        with open(part, "w", encoding="utf-8", opener=private) as stream:
            json.dump(said, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, file)


def is_reached(profile: Profile, folder: Path) -> bool:
    """Whether a folder is there and may be written, as far as the system says beforehand."""
    return _is_folder(folder) and os.access(folder, os.W_OK) and is_mounted(disk_of(profile, folder))


def is_mounted(disk: str) -> bool:
    """Whether a disk, by where it is put in, is there; the empty folder that some systems keep in its place is not. True of no name: this computer's own."""
    return not disk or os.path.ismount(disk)


def disk_of(profile: Profile, folder: Path) -> str:
    """Where the disk is put in that a folder lay on when it was chosen; empty if it is the chapter's own, or nobody knows."""
    disks = _told(profile).get("disks")
    said = disks.get(str(folder)) if isinstance(disks, dict) else None
    return said if isinstance(said, str) else ""


def note_disk(profile: Profile, folder: Path) -> None:
    """Keep on which disk a folder lies that has just taken something."""
    here, there = _put_in_at(profile.path), _put_in_at(folder)
    disk = there if there != here else ""
    if disk_of(profile, folder) != disk:
        disks = _told(profile).get("disks")
        _tell(profile, disks={**(disks if isinstance(disks, dict) else {}), str(folder): disk})


def _put_in_at(path: Path) -> str:
    whole = path.resolve()
    return next((str(one) for one in (whole, *whole.parents) if os.path.ismount(one)), "")


def can_be_listed(folder: Path, disk: str = "") -> bool:
    """Whether a folder is there and tells what is in it; else nobody knows which backups it holds. ``disk``: see ``disk_of``."""
    if not is_mounted(disk):
        return False
    try:
        next(folder.iterdir(), None)
    except OSError:
        return False
    return True


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # its disk fails, or nobody may look there
        return False


def trouble(profile: Profile) -> Trouble | None:
    """Why backups do not go to the chosen folder now; None: they do. ``full`` and ``failing`` hold until one could be made there again."""
    chosen = chosen_folder(profile)
    if chosen == own_folder(profile):
        return None
    if not is_reached(profile, chosen):
        return "away"
    failed = _told(profile).get("failed")
    return None if failed is None else "full" if failed == "disk_full" else "failing"


def note_failed(profile: Profile, failed: str | None) -> None:
    """Keep why the chosen folder did not take the newest backup, as a code; None: it did."""
    if _told(profile).get("failed") != failed:
        _tell(profile, failed=failed)


def trouble_words(profile: Profile, named: Callable[[Path], str] = str) -> list[str]:
    """What stands in the way of backups and of what is owed to whoever was erased, a sentence each. ``named``: how a folder is written."""
    there, chosen, used = trouble(profile), chosen_folder(profile), folder_in_use(profile)
    said = {"away": _("{chosen}, which was chosen for them, is not there or cannot be written; until it is, they go to {folder}."),
            "full": _("{chosen}, which was chosen for them, was full; until there is room, they go to {folder}."),
            "failing": _("{chosen}, which was chosen for them, could not be written the last time; until it can, they go to {folder}.")}
    words = [said[there].format(chosen=named(chosen), folder=named(used))] if there is not None else []
    if away := owed(profile):
        words.append(_("Backups in {folder} may still hold somebody who was erased: they are deleted once that can be done, or delete them yourself.").format(
            folder=", ".join(map(named, away))))
    if stuck := held(profile):
        words.append(ngettext(
            "{file} may still hold somebody who was erased, and could not be deleted: whether it can be is tried again and again, or delete it yourself.",
            "{file} may still hold somebody who was erased, and could not be deleted: whether they can be is tried again and again, or delete them yourself.",
            len(stuck)).format(file=_named(stuck, named)))
    if left := [one for one in _paths(profile, "left") if one not in stuck and os.path.lexists(one)]:
        words.append(ngettext("{file}, which is no longer needed, could not be deleted: delete it yourself, or ask whoever may.",
                              "{file}, which are no longer needed, could not be deleted: delete them yourself, or ask whoever may.",
                              len(left)).format(file=_named(left, named)))
    if bare := unlisted(profile):
        words.append(_("In {folder} it could not be noted who was erased: a backup that you made by hand and keep there may bring them back on another "
                       "computer. It is done once there is room.").format(folder=", ".join(map(named, bare))))
    return words


def _named(files: Sequence[Path], named: Callable[[Path], str]) -> str:
    return ", ".join(map(named, files[:_NAMED])) + (", …" if len(files) > _NAMED else "")


_NAMED = 3


def folder_in_use(profile: Profile) -> Path:
    """The chosen folder, or the profile's own while that one takes none (a stick that was taken out, or is full)."""
    return chosen_folder(profile) if trouble(profile) is None else own_folder(profile)


def choose_folder(profile: Profile, folder: Path | None) -> None:
    """Keep backups there from now on; None: in the profile's own folder. Those that lie elsewhere stay, and it is kept where.

    Raises StoreProblem if nothing can be written there or there is no room for one, BadInput ``not_a_folder`` if it is something else, ``no_folder`` if
    even what it should lie in is not there: a path with a typing error, a stick that is not in, and ``folder_cleared`` if the program itself deletes it.
    """
    if folder is not None:
        if _is_cleared(profile, folder):
            raise BadInput("folder_cleared", _("The program itself uses {folder}, and deletes what is in it. Choose another folder."), folder=folder)
        if not _is_folder(folder.parent):
            raise BadInput("no_folder", _("There is no folder {folder}. Make it first, or choose another one."), folder=folder)
        if not _is_folder(folder) and os.path.lexists(folder):
            raise BadInput("not_a_folder", _("{folder} is a file, and backups need a folder. Choose another one, or make one."), folder=folder)
        _try_folder(profile, folder)
    before = chosen_folder(profile)
    former = [str(one) for one in dict.fromkeys((*_paths(profile, "former"), before)) if one not in (folder, own_folder(profile))]
    _tell(profile, folder=str(folder) if folder else None, former=former, failed=None)
    if folder is not None:
        note_disk(profile, folder)


def _is_cleared(profile: Profile, folder: Path) -> bool:
    """Whether a folder has a name in the profile by which the program makes one for a while: of a restore, a comparison, what a laptop takes."""
    try:
        first, *_below = folder.resolve().relative_to(profile.path.resolve()).parts
    except (ValueError, OSError):  # elsewhere, or the profile itself
        return False
    return first.casefold() in ("restoring", "snapshots") or first.casefold().startswith("compare-")


def _try_folder(profile: Profile, folder: Path) -> None:
    new = not _is_folder(folder)
    probe = folder / ".alumni-desk-writable"
    try:
        folder.mkdir(exist_ok=True)
        with gone_after(probe), open(probe, "wb", buffering=0) as stream:
            stream.write(bytes(4096))
        clear(folder)
        if shutil.disk_usage(folder).free < _needed(profile):
            raise _no_room(profile, folder)
    except (OSError, StoreProblem) as error:
        if new and _is_folder(folder):
            folder.rmdir()
        if isinstance(error, StoreProblem):
            raise
        if error.errno in FULL:
            raise _no_room(profile, folder) from None
        raise StoreProblem("backup_file", _("Nothing can be written into {folder} ({reason}). Choose another folder."), folder=folder,
                           reason=error.strerror or type(error).__name__) from None


def _needed(profile: Profile) -> int:
    """Bytes that have to be free for a backup: as many as the database, and some for its head and for looking at it."""
    return sum(one.stat().st_size for one in with_logs(profile.database) if one.exists()) + ENOUGH


def _no_room(profile: Profile, folder: Path) -> StoreProblem:
    there = next(one for one in (folder, *folder.parents) if one.exists())  # a new one is gone again
    return StoreProblem("disk_full", _(
        "There is no room for a backup in {folder}: it needs {needed} MB, and {free} MB are free there. So backups go where they went before. Make room there, "
        "or choose another folder."), folder=folder, needed=number(-(-_needed(profile) // MEGABYTE)), free=number(shutil.disk_usage(there).free // MEGABYTE))


MEGABYTE = 1_000_000


def of_head_key(folder: Path, opens: bytes) -> list[str]:
    """The names of the backups in a folder whose heads this opens: those of one desk, though its key is gone."""
    return [one.file.name for one in listed_in(folder, None) if opened_with(one.header, opens) is not None]
