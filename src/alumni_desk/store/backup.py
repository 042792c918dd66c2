"""One file that holds the whole desk and opens in another profile: its key lies in it, sealed under a passphrase, if there is one.

Form: the line ``ALUMNI DESK BACKUP 2``, a line with the SHA-256 of the rest of the line and JSON (who keeps the key, its sealed boxes, when and
why, how much is in it, SHA-256 of the database; and, sealed under a key derived from the database's, what is nobody's business),
then the SQLCipher database, encrypted under its key. Files of form 1 had no sum and no count in their second line.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from alumni_desk import __version__
from alumni_desk.errors import BadInput, KnownError, Refused, StoreProblem
from alumni_desk.store import keys, mark, outbox
from alumni_desk.store.connecting import connect
from alumni_desk.store.desk import Desk
from alumni_desk.store.disk import FULL, disk_full, disk_trouble, is_full, refuse_chapters_folder, refuse_other_file
from alumni_desk.store.opening import trouble_of
from alumni_desk.store.profile import Profile, if_free, private
from alumni_desk.store.rotation import Made, Rule, kept
from alumni_desk.store.troubles import store_problem
from alumni_desk.words import _

log = logging.getLogger(__name__)

MAGIC = b"ALUMNI DESK BACKUP 2\n"
FORMER = b"ALUMNI DESK BACKUP 1\n"
HEADER_LIMIT = 65_536
ENDING = ".alumnidesk"
MEMBERS = "person WHERE standing = 'member' AND NOT gone AND merged_into IS NULL"
"""Who is on the list of members: an entry that became part of another is nobody else."""
STAGE = "restoring"
"""The folder in which a database is made ready before it takes the place of the present one."""

Why = Literal["by_hand", "daily", "before_import", "before_update", "before_restore"]
Opens = Literal["password", "recovery"]
Trouble = Literal["away", "full", "failing"]
Progress = Callable[[int, int], object]
"""Told how many of how many parts of the work are done."""


@dataclass(frozen=True)
class Held:
    """What a backup or a database holds."""

    chapter: str
    members: int
    gatherings: int
    check_ins: int
    made_at: str  # UTC, ISO 8601; empty for a database in use


@dataclass(frozen=True)
class Backup:
    """A backup as a list shows it. ``damaged``: its numbers mean nothing. ``note``: the file that was imported after it."""

    file: Path
    made_at: str
    why: str
    note: str
    members: int
    gatherings: int
    check_ins: int
    size: int
    damaged: bool = False
    ours: bool = True  # opens with this desk's key
    chapter: str = ""
    rule: Rule | None = None  # what keeps it; None: it is not one that goes by itself
    header: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def at(self) -> datetime:
        """When it was made."""
        return datetime.fromisoformat(self.made_at)


def back_up(desk: Desk, out: Path, *, passphrase: str | None = None, progress: Progress | None = None,
            cancelled: Callable[[], bool] | None = None) -> Held:
    """Write the whole desk, as it is at this moment and while it is in use, to one encrypted file.

    ``passphrase``: what opens it elsewhere; without one, the desk's own. Raises StoreProblem ``backup_passphrase`` if the keyring
    keeps the key and none was given; ``disk_full`` and its like; BadInput where something else than an older backup is there. That is replaced only by a
    whole new one.
    """
    boxes = keys.boxes(desk.profile.path, "desk")
    if passphrase:
        boxes = {**boxes, "kept": "passphrase", "key": keys.seal(desk.key, passphrase).as_json()}
    if boxes["key"] is None and boxes.get("recovery") is None:
        raise StoreProblem("backup_passphrase", _(
            "A backup needs a password that opens it on another computer. Set ALUMNI_DESK_PASSPHRASE before the command, or type one."))
    if out.is_dir():
        raise BadInput("backup_is_folder", _("{file} is a folder. Give the backup a file name."), file=out)
    if not out.absolute().parent.is_dir():
        raise BadInput("no_folder", _("There is no folder {folder}. Make it first, or choose another one."), folder=out.parent)
    refuse_chapters_folder(out)
    refuse_other_file(out, (MAGIC, FORMER))
    return _write(desk.profile, desk.key, out, boxes, "by_hand", "", progress, cancelled)


def by_itself(profile: Profile, key: bytes, why: Why, note: str = "", *, now: datetime | None = None, progress: Progress | None = None,
              cancelled: Callable[[], bool] | None = None) -> Path:
    """Make a backup in the folder for them, without asking anybody for anything, and let those go that have had their time.

    A chosen folder that takes none (full, away, failing) stops nobody: it goes to the profile's own, and ``trouble`` says why.
    """
    moment = (now or datetime.now()).astimezone()

    def made_in(folder: Path) -> Path:
        with _disk():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            out = _free_name(folder, moment, why)
        _write(profile, key, out, keys.boxes(profile.path, "desk"), why, note, progress, cancelled, moment)
        return out

    chosen, own = chosen_folder(profile), own_folder(profile)
    if chosen == own or not is_reached(chosen):
        out = made_in(own)
    else:
        try:
            out, failed = made_in(chosen), None
        except StoreProblem as problem:
            out, failed = _made_here(made_in, own, chosen, problem), problem.code
        if _told(profile).get("failed") != failed:
            _tell(profile, {**_told(profile), "failed": failed})
    thin_out(profile, key, moment)
    return out


def _made_here(made_in: Callable[[Path], Path], own: Path, chosen: Path, why_not_there: StoreProblem) -> Path:
    try:
        return made_in(own)
    except StoreProblem as problem:
        if problem.code != "disk_full":
            raise
        words = _("{folder}, the folder for backups, is full, and so is the disk of this computer that they would go to instead, so no backup was made and "
                  "nothing of this was saved. Make room on one of them (a few hundred megabytes) and do it again; what was saved before is safe.")
        if why_not_there.code != "disk_full":
            words = _("{folder}, the folder for backups, cannot be written, and the disk of this computer that they would go to instead is full, so no backup "
                      "was made and nothing of this was saved. Make room there (a few hundred megabytes) and do it again; what was saved before is safe.")
        raise StoreProblem("disk_full", words, folder=chosen) from None


def remove_leftovers(folder: Path) -> None:
    """Delete what backups left behind that were killed in the middle: it holds the whole chapter, and is no backup that anybody sees."""
    for pattern in (f"*{ENDING}.part", f"*{ENDING}.copy*"):
        for one in folder.glob(pattern):
            one.unlink(missing_ok=True)


def remove_stage(profile: Profile) -> None:
    """Delete what a restore left behind that was killed before it was ready: it holds a whole chapter, too. One that is at work keeps its own."""
    stage = profile.path / STAGE
    if not stage.exists():
        return
    with _disk(), if_free(profile.path / "restore.lock") as free:
        if free and not (stage / "ready").exists():
            shutil.rmtree(stage)


def before(desk: Desk, why: Why, note: str = "", *, progress: Progress | None = None, cancelled: Callable[[], bool] | None = None) -> Path | None:
    """A backup before something large; a desk without anybody in it needs none."""
    with desk.reading() as connection:
        if connection.exec_driver_sql("SELECT 1 FROM person LIMIT 1").first() is None:
            return None
    return by_itself(desk.profile, desk.key, why, note, progress=progress, cancelled=cancelled)


def before_update(profile: Profile, key: bytes) -> None:
    """A backup of a database of an older program, before a newer one changes its form."""
    if (profile.path / "desk.key").exists():  # else it is a copy on its way to be restored
        by_itself(profile, key, "before_update", __version__)


def opens_here_alone(profile: Profile) -> bool:
    """Whether only this computer's password store opens the backups made by themselves."""
    return keys.keepers(profile.path, "desk") == {"keyring"}


def is_due(profile: Profile, key: bytes, now: datetime | None = None) -> bool:
    """Whether there is no backup of today yet (one from the future, made under a wrong clock, does not count)."""
    moment = (now or datetime.now()).astimezone()
    return not any(one.ours and not one.damaged and one.why != "by_hand" and one.at.astimezone(moment.tzinfo).date() == moment.date()
                   for one in backups(profile, key))


def daily(desk: Desk, *, progress: Progress | None = None, cancelled: Callable[[], bool] | None = None) -> Path | None:
    """The backup of the day, if it is due; and the outbox copy without what is no longer needed. Returns the new backup."""
    if not is_due(desk.profile, desk.key):
        return None
    made = by_itself(desk.profile, desk.key, "daily", progress=progress, cancelled=cancelled)
    trim_outbox(desk)
    return made


def trim_outbox(desk: Desk, profile: Profile | None = None) -> None:
    """Make the outbox copy anew. Without a server it holds what is younger than the second newest backup, so that one of them may be damaged."""
    now = (datetime.now(UTC) + timedelta(minutes=5)).isoformat(timespec="seconds").replace("+00:00", "Z")
    # One of the future was made while the clock was ahead: what was done since then stands under earlier days.
    ours = [one for one in backups(profile or desk.profile, desk.key) if one.ours and not one.damaged and one.made_at <= now]
    desk.outbox.make_anew(desk, since=ours[1].made_at.removesuffix("Z") if len(ours) > 1 else "")  # the whole second


def backups(profile: Profile, key: bytes | None = None, *, now: datetime | None = None) -> list[Backup]:
    """The backups in the profile's folder, newest first, by what their heads say; ``is_whole`` reads the rest. ``key``: the desk's, if it is known.

    While the chosen folder takes none: those that are in it, and those that go to the profile's own.
    """
    found = [one for folder in dict.fromkeys((chosen_folder(profile), folder_in_use(profile))) for one in listed_in(folder, key)]
    found.sort(key=lambda one: (one.made_at, len(one.file.name), one.file.name), reverse=True)  # …-daily-2 after …-daily
    rules = kept(_judged(found), (now or datetime.now()).astimezone())
    return [replace(one, rule=rules.get(one.file.name)) for one in found]


def everywhere(profile: Profile, key: bytes | None) -> list[Backup]:
    """The backups in every folder that was used, newest first, by their heads alone."""
    return sorted((one for folder in folders(profile) for one in listed_in(folder, key)), key=lambda one: (one.made_at, one.file.name), reverse=True)


def listed_in(folder: Path, key: bytes | None) -> list[Backup]:
    """The backups in a folder, by their heads alone; none if it is not there or cannot be read."""
    return [listed(file, key) for file in _files_in(folder)]


def _files_in(folder: Path) -> list[Path]:
    try:
        return sorted(one for one in folder.iterdir() if one.name.endswith(ENDING))
    except OSError:  # away, or failing: trouble() says so where it matters
        return []


def thin_out(profile: Profile, key: bytes, now: datetime) -> list[Path]:
    """Delete the backups made by themselves, of this desk, that no rule keeps. Returns them."""
    there = [one for one in backups(profile, key, now=now) if one.ours]
    judged = _judged(there)
    stay = kept(judged, now)
    gone = [one.file for one in there if one.file.name in {made.name for made in judged} - stay.keys()]
    for file in gone:
        if not is_reached(file.parent):  # a folder that can only be read keeps what it has
            continue
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("an old backup stays: %s", error.strerror)
    return gone


def _judged(found: list[Backup]) -> list[Made]:
    # Damaged ones stay and take no place: nobody knows what they were.
    return [Made(one.file.name, one.at, one.why.startswith("before_")) for one in found if one.why != "by_hand" and one.ours and not one.damaged]


def is_whole(file: Path) -> bool:
    """Whether every byte of a backup is as it was written."""
    try:
        header, start = read_head(file)
        with open(file, "rb") as stream:
            stream.seek(start)
            return hashlib.file_digest(stream, "sha256").hexdigest() == header.get("sha256")
    except (KnownError, OSError):
        return False


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


def owe(profile: Profile, owing: Iterable[Path], without_list: Iterable[Path] | None = None) -> None:
    """Keep which folders these are: ``owed``, and ``unlisted`` (None: as they are). One that was used before and has no backup any more is forgotten."""
    still, bare = [str(one) for one in owing], [str(one) for one in (unlisted(profile) if without_list is None else without_list)]
    former = [str(one) for one in _paths(profile, "former") if str(one) in (*still, *bare) or not _is_folder(one) or _files_in(one)]
    said = _told(profile)
    if (said.get("owed", []), said.get("unlisted", []), said.get("former", [])) != (still, bare, former):
        _tell(profile, {**said, "owed": still, "unlisted": bare, "former": former})


def _told(profile: Profile) -> dict[str, Any]:
    try:
        said = json.loads((profile.path / "backups.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _paths(profile: Profile, name: str) -> list[Path]:
    said = _told(profile).get(name)
    return [Path(one) for one in said if isinstance(one, str) and one] if isinstance(said, list) else []


def _tell(profile: Profile, said: dict[str, Any]) -> None:
    file = profile.path / "backups.json"
    part = file.with_name("backups.json.part")
    with _disk():
        with open(part, "w", encoding="utf-8", opener=private) as stream:
            json.dump(said, stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, file)


def is_reached(folder: Path) -> bool:
    """Whether a folder is there and may be written, as far as the system says beforehand."""
    return _is_folder(folder) and os.access(folder, os.W_OK)


def can_be_listed(folder: Path) -> bool:
    """Whether a folder is there and tells what is in it; else nobody knows which backups it holds."""
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
    if not is_reached(chosen):
        return "away"
    failed = _told(profile).get("failed")
    return None if failed is None else "full" if failed == "disk_full" else "failing"


def trouble_words(profile: Profile, named: Callable[[Path], str] = str) -> list[str]:
    """What stands in the way of backups and of what is owed to whoever was erased, a sentence each. ``named``: how a folder is written."""
    there, chosen, used = trouble(profile), chosen_folder(profile), folder_in_use(profile)
    said = {"away": _("{chosen}, which was chosen for them, is not there or cannot be written; until it is, they go to {folder}."),
            "full": _("{chosen}, which was chosen for them, was full; until there is room, they go to {folder}."),
            "failing": _("{chosen}, which was chosen for them, could not be written the last time; until it can, they go to {folder}.")}
    words = [said[there].format(chosen=named(chosen), folder=named(used))] if there is not None else []
    if left := owed(profile):
        words.append(_("Backups in {folder} may still hold somebody who was erased: they are deleted once that can be done, or delete them yourself.").format(
            folder=", ".join(map(named, left))))
    if bare := unlisted(profile):
        words.append(_("In {folder} it could not be noted who was erased: a backup that you made by hand and keep there may bring them back on another "
                       "computer. It is done once there is room.").format(folder=", ".join(map(named, bare))))
    return words


def folder_in_use(profile: Profile) -> Path:
    """The chosen folder, or the profile's own while that one takes none (a stick that was taken out, or is full)."""
    return chosen_folder(profile) if trouble(profile) is None else own_folder(profile)


def choose_folder(profile: Profile, folder: Path | None) -> None:
    """Keep backups there from now on; None: in the profile's own folder. Those that lie elsewhere stay, and it is kept where.

    Raises StoreProblem if nothing can be written there or there is no room for one, BadInput ``not_a_folder`` if it is something else, and ``no_folder`` if
    even what it should lie in is not there: a path with a typing error, a stick that is not in.
    """
    if folder is not None:
        if not _is_folder(folder.parent):
            raise BadInput("no_folder", _("There is no folder {folder}. Make it first, or choose another one."), folder=folder)
        if not _is_folder(folder) and os.path.lexists(folder):
            raise BadInput("not_a_folder", _("{folder} is a file, and backups need a folder. Choose another one, or make one."), folder=folder)
        _try_folder(profile, folder)
    before = chosen_folder(profile)
    former = [str(one) for one in dict.fromkeys((*_paths(profile, "former"), before)) if one not in (folder, own_folder(profile))]
    _tell(profile, {**_told(profile), "folder": str(folder) if folder else None, "former": former, "failed": None})


def _try_folder(profile: Profile, folder: Path) -> None:
    full = StoreProblem("disk_full", _("There is no room for a backup in {folder}, so backups go where they went before. Make room there, or choose another "
                                       "folder."), folder=folder)
    new = not _is_folder(folder)
    probe = folder / ".alumni-desk-writable"
    try:
        folder.mkdir(exist_ok=True)
        with _gone_after(probe), open(probe, "wb", buffering=0) as stream:
            stream.write(bytes(4096))
        needs = sum(one.stat().st_size for one in _with_logs(profile.database) if one.exists())
        if shutil.disk_usage(folder).free < 2 * needs:  # the copy of the database, and the backup beside it
            raise full
    except (OSError, StoreProblem) as error:
        if new and _is_folder(folder):
            folder.rmdir()
        if isinstance(error, StoreProblem):
            raise
        if error.errno in FULL:
            raise full from None
        raise StoreProblem("backup_file", _("Nothing can be written into {folder} ({reason}). Choose another folder."), folder=folder,
                           reason=error.strerror or type(error).__name__) from None


def _free_name(folder: Path, moment: datetime, why: str) -> Path:
    stamp = moment.astimezone(UTC).strftime("%Y%m%d-%H%M%S")
    count = 1
    while True:
        out = folder / f"alumni-desk-{stamp}-{why.replace('_', '-')}{'' if count == 1 else f'-{count}'}{ENDING}"
        if not out.exists():
            return out
        count += 1


def _write(profile: Profile, key: bytes, out: Path, boxes: dict[str, Any], why: Why, note: str, progress: Progress | None,
           cancelled: Callable[[], bool] | None, now: datetime | None = None) -> Held:
    part = out.with_name(out.name + ".part")
    copy = out.with_name(out.name + ".copy")
    made_at = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    with _disk(out.parent), _gone_after(part, *_with_logs(copy)):
        _copy_database(profile, key, copy, progress, cancelled)
        try:
            held = look(copy, key, made_at, deep=False)
        except BadInput:  # what it was copied from is damaged, or the disk that it was copied to did not keep it
            raise disk_full() if is_full(out.parent) else trouble_of(profile, key) or disk_trouble() from None
        header = {"version": __version__, "made_at": made_at, "why": why, **boxes, "members": held.members, "gatherings": held.gatherings,
                  "check_ins": held.check_ins, "inside": _sealed_inside(key, {"chapter": held.chapter, "note": note}),
                  "sha256": _digest(copy), "size": copy.stat().st_size}
        text = json.dumps(header).encode()
        with open(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as stream, open(copy, "rb") as source:
            stream.write(MAGIC + hashlib.sha256(text).hexdigest().encode() + b" " + text + b"\n")
            shutil.copyfileobj(source, stream, 1 << 20)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, out)
    return held


def _copy_database(profile: Profile, key: bytes, to: Path, progress: Progress | None, cancelled: Callable[[], bool] | None) -> None:
    def step(status: int, remaining: int, total: int) -> None:
        if cancelled is not None and cancelled():
            raise Refused("backup_cancelled", _("The backup was cancelled. Those that were made before are still there."))
        if progress is not None:
            progress(total - remaining, total)

    for one in _with_logs(to):
        one.unlink(missing_ok=True)
    with closing(connect(profile.database, key)) as source, closing(connect(to, key)) as target:
        target.execute("PRAGMA synchronous = OFF")  # the backup's file is synced as a whole
        source.execute("BEGIN")  # one moment, and no beginning again whenever somebody writes
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        source.backup(target, pages=1_000, progress=step, sleep=0.0)
        source.execute("ROLLBACK")
        target.execute("PRAGMA journal_mode = DELETE")


def look(file: Path, key: bytes, made_at: str = "", *, deep: bool = True) -> Held:
    """What a database holds; raises ``backup_damaged`` if, looked at deeply, any page of it is not as it was written."""
    import sqlcipher3.dbapi2 as sqlcipher

    try:
        with closing(connect(file, key)) as connection:
            wrong = connection.execute("PRAGMA cipher_integrity_check").fetchall() if deep else []
            wrong = wrong or [row for row in connection.execute("PRAGMA integrity_check" if deep else "PRAGMA quick_check") if row[0] != "ok"]
            if wrong:
                raise _damaged(file)
            held = counted(connection, made_at)
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlcipher.DatabaseError as error:
        known = store_problem(str(error), file.parent)
        if known is not None and known.code in ("disk_full", "disk_trouble", "database_busy", "read_only"):
            raise known from None
        raise _damaged(file) from None
    return held


def counted(connection: Any, made_at: str = "") -> Held:
    """What a database holds that a connection of the driver's is open to."""
    chapter = connection.execute("SELECT name FROM chapter WHERE NOT gone LIMIT 1").fetchone()
    members, gatherings, check_ins = (connection.execute(f"SELECT count(*) FROM {question}").fetchone()[0] for question in (
        MEMBERS, "gathering WHERE NOT gone", "fact WHERE kind = 'in'"))
    return Held(str(chapter[0]) if chapter and chapter[0] else "", members, gatherings, check_ins, made_at)


def rekey(file: Path, key: bytes, new: bytes) -> None:
    """Encrypt a database that nobody has open under another key."""
    if key != new:
        with closing(connect(file, key)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute(f"PRAGMA rekey = \"x'{new.hex()}'\"")


def refuse_if_open(profile: Profile, key: bytes) -> None:
    """Raise Refused ``desk_open`` while another program has the desk open: what it saves would go to a file that is no longer the desk's.

    SQLite lets nobody leave the write-ahead log while anybody else is connected, on every system.
    """
    import sqlcipher3.dbapi2 as sqlcipher

    connection = connect(profile.database, key)
    try:
        connection.execute("PRAGMA busy_timeout = 2000")
        mode = connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlcipher.OperationalError as error:
        if "locked" not in str(error):
            raise
        mode = "wal"
    finally:
        connection.close()
    if mode == "wal":
        raise Refused("desk_open", _("This chapter is open in a window or another program, so nothing was changed. Close it there, then restore."))


def take_place(profile: Profile) -> None:
    """Put the database that lies ready in ``restoring`` in the place of the profile's own. Ended in the middle, the next opening ends it.

    What was there stays as ``desk-damaged-….db`` if it could not be read, and its outbox copy as ``….outbox`` if that could not be read either; else
    it is in a backup, and goes.
    """
    ready = profile.path / STAGE / "ready"
    said = json.loads(ready.read_text("utf-8"))
    with _disk():
        if (ready.parent / "desk.db").exists():
            (profile.path / mark.NAME).unlink(missing_ok=True)
            if said.get("outbox") and (profile.path / outbox.NAME).exists():
                os.replace(profile.path / outbox.NAME, profile.path / f"desk-damaged-{said['stamp']}.outbox")
            # The log first: a new database must never meet the old one's log.
            for end in ("-wal", "-shm", ""):
                there = profile.database.with_name(profile.database.name + end)
                if there.exists():
                    os.replace(there, profile.path / f"desk-damaged-{said['stamp']}.db{end}")
            os.replace(ready.parent / "desk.db", profile.database)
        for name in (mark.NAME, outbox.NAME):
            if (ready.parent / name).exists():
                os.replace(ready.parent / name, profile.path / name)
        if not said["keep"]:
            for end in ("", "-wal", "-shm"):
                (profile.path / f"desk-damaged-{said['stamp']}.db{end}").unlink(missing_ok=True)
        ready.unlink()
        shutil.rmtree(ready.parent, ignore_errors=True)


def key_of(header: dict[str, Any], own: bytes | None, passphrase: str | None) -> bytes:
    """The key of a backup: the desk's own if it fits, else what the passphrase or the recovery key opens.

    Raises StoreProblem ``passphrase_needed``, what ``keys.open_sealed`` raises, or ``backup_elsewhere`` (only the computer that made it has its key).
    """
    if own is not None and _inside(header, own) is not None:
        return own
    boxes = {"passphrase": header.get("key"), "recovery": header.get("recovery")}
    if not any(boxes.values()):
        raise StoreProblem("backup_elsewhere", _(
            "This backup opens only on the computer that made it, whose password store has its key. Restore it there, or use one made with Back up."))
    spare = os.environ.get(keys.RECOVERY)
    typed = passphrase or os.environ.get(keys.PASSPHRASE) or spare
    if not typed:
        raise _locked(opened_by(header))
    try:
        return _unlocked(boxes, typed)
    except StoreProblem:
        if not spare or spare == typed:
            raise
        return _unlocked(boxes, spare)


def opened_by(header: Mapping[str, Any]) -> frozenset[Opens]:
    """What opens a backup on any computer; nothing of it: only the password store of the computer that made it has its key."""
    boxes: tuple[tuple[Opens, str], ...] = (("password", "key"), ("recovery", "recovery"))
    return frozenset(what for what, name in boxes if header.get(name) is not None)


def _locked(by: frozenset[Opens]) -> StoreProblem:
    if by == {"password"}:
        words = _("This backup is locked with a password. Type it, or set ALUMNI_DESK_PASSPHRASE before the command.")
    elif by == {"recovery"}:
        words = _("This backup opens with the recovery key of its chapter. Type it, or set ALUMNI_DESK_RECOVERY before the command.")
    else:
        words = _("This backup is locked with a password. Type it or the recovery key of its chapter, or set ALUMNI_DESK_PASSPHRASE or "
                  "ALUMNI_DESK_RECOVERY before the command.")
    return StoreProblem("passphrase_needed", words)


def _unlocked(boxes: Mapping[str, Any], typed: str) -> bytes:
    try:
        return keys.open_sealed(boxes, typed)
    except StoreProblem as problem:
        if problem.code == "passphrase_wrong" and boxes.get("passphrase") is not None:
            raise StoreProblem("passphrase_wrong", _(
                "That is not the password of this backup: the one of the day when it was made opens it. Check Caps Lock and the keyboard, and try again.")
                if boxes.get("recovery") is None else _(
                "That is not the password of this backup: the one of the day when it was made opens it, and so does the recovery key. "
                "Check Caps Lock and the keyboard, and try again.")) from None
        if problem.code == "recovery_wrong":
            raise StoreProblem("recovery_wrong", _(
                "That recovery key has no typing error, but it does not open this backup: it belongs to another chapter or was made on another day. "
                "Look for the paper of then.")) from None
        raise


def unpack(file: Path, header: dict[str, Any], start: int, to: Path) -> None:
    """Write the database in a backup to a file. Raises BadInput ``backup_damaged``."""
    with _disk():
        with open(file, "rb") as source, open(os.open(to, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as stream:
            source.seek(start)
            shutil.copyfileobj(source, stream, 1 << 20)
            stream.flush()
            os.fsync(stream.fileno())
        if to.stat().st_size != header.get("size") or _digest(to) != header.get("sha256"):
            raise _damaged(file)


def read_head(file: Path) -> tuple[dict[str, Any], int]:
    """What a backup says of itself, and where its database begins. Raises BadInput ``backup_unknown``, ``backup_unreadable`` or ``backup_damaged``."""
    try:
        with open(file, "rb") as stream:
            magic = stream.read(len(MAGIC))
            if magic not in (MAGIC, FORMER):
                raise BadInput("backup_unknown", _("{file} is not a backup of Alumni Desk. Choose a file that was made with Back up."), file=file.name)
            line = stream.readline(HEADER_LIMIT)
    except OSError as error:
        raise BadInput("backup_unreadable", _("{file} cannot be read ({reason})."), file=file, reason=error.strerror or type(error).__name__) from None
    text = line
    if magic == MAGIC:
        said, _space, text = line.partition(b" ")
        if hashlib.sha256(text.removesuffix(b"\n")).hexdigest().encode() != said or not text.endswith(b"\n"):
            raise _damaged(file)
    try:
        header = json.loads(text)
    except ValueError:
        raise _damaged(file) from None
    if not isinstance(header, dict) or not isinstance(header.get("made_at"), str) or not _WHEN.fullmatch(header["made_at"]):
        raise _damaged(file)
    return header, len(magic) + len(line)


_WHEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def listed(file: Path, key: bytes | None) -> Backup:
    """A backup as a list shows it, by its head alone."""
    try:
        header, start = read_head(file)
        size = file.stat().st_size
        damaged = size - start != header.get("size")
    except (KnownError, OSError):
        stamp = re.search(r"(\d{8})-(\d{6})-?([a-z-]*?)(?:-\d+)?$", file.stem)
        try:
            size, changed = file.stat().st_size, file.stat().st_mtime
        except OSError:  # the disk fails
            size, changed = 0, 0.0
        made_at = datetime.strptime(stamp[1] + stamp[2], "%Y%m%d%H%M%S").replace(tzinfo=UTC) if stamp else datetime.fromtimestamp(changed, UTC)
        why = stamp[3].replace("-", "_") if stamp and stamp[3] else "by_hand"
        return Backup(file, made_at.strftime("%Y-%m-%dT%H:%M:%SZ"), why, "", 0, 0, 0, size, damaged=True)
    inside = _inside(header, key) if key is not None else None
    said = inside or {}
    members, gatherings, check_ins = (int(header.get(name, 0)) for name in ("members", "gatherings", "check_ins"))
    return Backup(file, header["made_at"], str(header.get("why", "by_hand")), said.get("note", ""), members, gatherings, check_ins, size, damaged,
                  inside is not None, said.get("chapter", ""), header=header)


def head_key(key: bytes) -> bytes:
    """What opens the sealed part of the heads of a desk's backups, and nothing else of them."""
    return keys.derived(key, b"alumni header")


def of_head_key(folder: Path, opens: bytes) -> list[str]:
    """The names of the backups in a folder whose heads this opens: those of one desk, though its key is gone."""
    return [one.file.name for one in listed_in(folder, None) if _opened(one.header, opens) is not None]


def _sealed_inside(key: bytes, said: dict[str, str]) -> str:
    from nacl.secret import SecretBox

    return base64.b64encode(bytes(SecretBox(head_key(key)).encrypt(json.dumps(said).encode()))).decode()


def _inside(header: dict[str, Any], key: bytes) -> dict[str, str] | None:
    return _opened(header, head_key(key))


def _opened(header: dict[str, Any], opens: bytes) -> dict[str, str] | None:
    from nacl.exceptions import CryptoError
    from nacl.secret import SecretBox

    try:
        box = base64.b64decode(header["inside"], validate=True)
        return dict(json.loads(SecretBox(opens).decrypt(box)))
    except (KeyError, TypeError, ValueError, CryptoError):
        return None


def _with_logs(file: Path) -> list[Path]:
    return [file.with_name(file.name + end) for end in ("", "-wal", "-shm", "-journal")]


def _digest(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _damaged(file: Path) -> KnownError:
    return BadInput("backup_damaged", _("The backup {file} is damaged, so nothing was changed. Use another one."), file=file.name)


@contextmanager
def _gone_after(*files: Path) -> Iterator[None]:
    try:
        yield
    finally:
        for one in files:
            one.unlink(missing_ok=True)


@contextmanager
def _disk(folder: Path | None = None) -> Iterator[None]:
    """What the disk does while files are copied, as a sentence."""
    import sqlcipher3.dbapi2 as sqlcipher

    try:
        yield
    except OSError as error:
        import errno

        known = store_problem("disk is full") if error.errno in (errno.ENOSPC, errno.EDQUOT if hasattr(errno, "EDQUOT") else errno.ENOSPC) else None
        raise known or StoreProblem("backup_file", _("The file cannot be written ({reason}). Choose another folder."),
                                    reason=error.strerror or type(error).__name__) from None
    except sqlcipher.DatabaseError as error:
        known = store_problem(str(error), folder)
        if known is None:
            raise
        raise known from None
