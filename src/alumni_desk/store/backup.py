"""One file that holds the whole desk and opens in another profile: its key lies in it, sealed under a passphrase, if there is one.

Form: the line ``ALUMNI DESK BACKUP 2``, a line with the SHA-256 of the rest of the line and JSON (who keeps the key, its sealed boxes, under which
random name the keyring has it, if it does; when and why, how much is in it, SHA-256 of the database; and, sealed under a key derived from the
database's, what is nobody's business), then the SQLCipher database, encrypted under its key. Files of form 1 had no sum and no count in their second line.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from alumni_desk import __version__
from alumni_desk.errors import BadInput, KnownError, Refused, StoreProblem
from alumni_desk.store import cut_off, keys, mark, outbox
from alumni_desk.store.backup_folders import (
    backups,
    chosen_folder,
    everywhere,
    folders,
    is_reached,
    next_number,
    note_disk,
    note_failed,
    own_folder,
    thin_out,
)
from alumni_desk.store.backup_head import ENDING, FORMER, MAGIC, Opens, damaged_backup, opened_by, read_head, said_inside, sealed_inside
from alumni_desk.store.connecting import connect
from alumni_desk.store.desk import Desk
from alumni_desk.store.disk import disk_full, disk_trouble, is_full, refuse_chapters_folder, refuse_other_file, with_logs
from alumni_desk.store.listed import each
from alumni_desk.store.opening import trouble_of
from alumni_desk.store.patience import Patience
from alumni_desk.store.profile import Profile, alone, if_free
from alumni_desk.store.troubles import disk_said, store_problem
from alumni_desk.words import _, ngettext, number

MEMBERS = "person WHERE standing = 'member' AND NOT gone AND merged_into IS NULL"
"""Who is on the list of members: an entry that became part of another is nobody else."""
CHECK_INS = ("fact WHERE kind = 'in' AND NOT gone AND id NOT IN (SELECT closed.value FROM fact AS void,"
             f" {each('void.closes')} AS closed WHERE void.kind = 'void' AND NOT void.gone AND closed.value IS NOT NULL)")
"""Check-ins that stand: none that was taken back."""
STAGE = "restoring"
"""The folder in which a database is made ready before it takes the place of the present one."""

_COPY, _LOOKED = "compare-", "compare.lock"
"""How the folder begins in which a copy of a backup is looked into, and what is locked as long."""

Why = Literal["by_hand", "daily", "before_import", "before_update", "before_restore"]
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


def back_up(desk: Desk, out: Path, *, passphrase: str | None = None, progress: Progress | None = None,
            cancelled: Callable[[], bool] | None = None) -> Held:
    """Write the whole desk, as it is at this moment and while it is in use, to one encrypted file.

    ``passphrase``: what opens it elsewhere; without one, the desk's own. Raises StoreProblem ``backup_passphrase`` if the keyring
    keeps the key and none was given; ``disk_full`` and its like; BadInput where something else than an older backup is there. That is replaced only by a
    whole new one.
    """
    boxes = keys.boxes(desk.profile.path, "desk")
    if passphrase:
        boxes = {"kept": "passphrase", "key": keys.seal(desk.key, passphrase).as_json(), "recovery": boxes["recovery"]}
    if boxes["key"] is None and boxes.get("recovery") is None:
        raise StoreProblem("backup_passphrase", _(
            "A backup needs a password that opens it on another computer. Set ALUMNI_DESK_PASSPHRASE before the command, or type one."))
    with disk_said():  # a name that is too long, say
        if out.is_dir():
            raise BadInput("backup_is_folder", _("{file} is a folder. Give the backup a file name."), file=out)
        if not out.absolute().parent.is_dir():
            raise BadInput("no_folder", _("There is no folder {folder}. Make it first, or choose another one."), folder=out.parent)
    refuse_chapters_folder(out)
    refuse_other_file(out, (MAGIC, FORMER))
    cut_off.clear(out.absolute().parent)
    return _write(desk.profile, desk.key, out, boxes, "by_hand", "", progress, cancelled)


def by_itself(profile: Profile, key: bytes, why: Why, note: str = "", *, now: datetime | None = None, progress: Progress | None = None,
              cancelled: Callable[[], bool] | None = None) -> Path:
    """Make a backup in the folder for them, without asking anybody for anything, and let those go that have had their time.

    A chosen folder that takes none (full, away, failing) stops nobody: it goes to the profile's own, and ``trouble`` says why.
    """
    moment = (now or datetime.now()).astimezone()

    def made_in(folder: Path) -> Path:
        with disk_said():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            out = _free_name(folder, moment, why)
        _write(profile, key, out, keys.boxes(profile.path, "desk"), why, note, progress, cancelled, moment)
        return out

    for folder in folders(profile):
        if is_reached(profile, folder):
            cut_off.clear(folder)
    chosen, own = chosen_folder(profile), own_folder(profile)
    if chosen == own or not is_reached(profile, chosen):
        out = made_in(own)
    else:
        try:
            out, failed = made_in(chosen), None
            note_disk(profile, chosen)
        except StoreProblem as problem:
            out, failed = _made_here(made_in, own, chosen, problem), problem.code
        note_failed(profile, failed)
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


@contextmanager
def to_look_into(profile: Profile) -> Iterator[Path]:
    """A folder for the copy of a backup that is looked into, which is gone afterwards."""
    with disk_said(), alone(profile.path / _LOOKED), tempfile.TemporaryDirectory(prefix=_COPY, dir=profile.path, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def remove_stage(profile: Profile) -> None:
    """Delete what a restore left behind that was killed before it was ready, or a look into a backup: it holds a whole chapter, too. One that is at work
    keeps its own."""
    if any(profile.path.glob(f"{_COPY}*")):
        with disk_said(), if_free(profile.path / _LOOKED) as free:
            for one in list(profile.path.glob(f"{_COPY}*")) if free else ():  # what is there still: a look may have ended just now
                shutil.rmtree(one)
    stage = profile.path / STAGE
    if not stage.exists():
        return
    with disk_said(), if_free(profile.path / "restore.lock") as free:
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


def former_words(profile: Profile, key: bytes) -> str:
    """How many backups a password opens that is the desk's no longer, in a sentence; nothing if none. The key of the desk lies in them, so it opens that."""
    now = keys.content(profile.path, "desk") or {}
    count = sum(one.ours and not one.damaged and one.header.get("key") not in (None, now.get("passphrase")) for one in everywhere(profile, key))
    return ngettext(
        "{n} backup that was made before still opens with the former password, and so does this chapter with it: if anybody else knows that, delete it.",
        "{n} backups that were made before still open with the former password, and so does this chapter with them: if anybody else knows that, delete them.",
        count).format(n=number(count)) if count else ""


def is_due(profile: Profile, key: bytes, now: datetime | None = None) -> bool:
    """Whether there is no backup of the day yet (one from the future, made under a wrong clock, does not count; nor one before an import, say, which lacks
    what came with it)."""
    moment = (now or datetime.now()).astimezone()
    return not any(one.ours and not one.damaged and one.why == "daily" and one.at.astimezone().date() == moment.date()
                   for one in backups(profile, key))


def daily(desk: Desk, *, progress: Progress | None = None, cancelled: Callable[[], bool] | None = None) -> Path | None:
    """The backup of the day, if it is due; and the outbox copy without what is no longer needed. Returns the new backup."""
    if not is_due(desk.profile, desk.key):
        return None
    made = by_itself(desk.profile, desk.key, "daily", progress=progress, cancelled=cancelled)
    trim_outbox(desk)
    return made


def trim_outbox(desk: Desk, profile: Profile | None = None) -> None:
    """Make the outbox copy anew. Without a server it holds what was done since the second newest backup, so that one of them may be damaged.

    By the operations themselves, for a clock may be wrong; a backup from before this desk went back to an older one is none of its past.
    """
    there = [one.last for one in backups(profile or desk.profile, desk.key) if one.ours and not one.damaged and one.last is not None]
    with desk.reading() as connection:
        known = [last for last in there if connection.exec_driver_sql("SELECT id FROM operation WHERE rowid = ?", (last.rowid,)).scalar() == last.operation]
    desk.outbox.make_anew(desk, after=known[1].rowid if len(known) > 1 else 0)


def is_whole(file: Path) -> bool:
    """Whether every byte of a backup is as it was written."""
    try:
        header, start = read_head(file)
        with open(file, "rb") as stream:
            stream.seek(start)
            return hashlib.file_digest(stream, "sha256").hexdigest() == header.get("sha256")
    except (KnownError, OSError):
        return False


def _free_name(folder: Path, moment: datetime, why: str) -> Path:
    stamp = moment.astimezone(UTC).strftime("%Y%m%d-%H%M%S")
    count = 1
    while True:
        out = folder / f"alumni-desk-{stamp}-{why.replace('_', '-')}{'' if count == 1 else f'-{count}'}{ENDING}"
        if not out.exists() and not cut_off.is_begun(out):
            return out
        count += 1


def _write(profile: Profile, key: bytes, out: Path, boxes: dict[str, Any], why: Why, note: str, progress: Progress | None,
           cancelled: Callable[[], bool] | None, now: datetime | None = None) -> Held:
    made_at = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    with disk_said(out.parent), cut_off.under_way(out) as copy:
        _copy_database(profile, key, copy, progress, cancelled)
        try:
            held = look(copy, key, made_at, deep=False)
            inside = {"chapter": held.chapter, "note": note, "number": str(next_number(profile, key)), "last": _last_of(copy, key)}
        except BadInput:  # what it was copied from is damaged, or the disk that it was copied to did not keep it
            raise disk_full() if is_full(out.parent) else trouble_of(profile, key) or disk_trouble() from None
        header = {"version": __version__, "made_at": made_at, "why": why, **boxes, "members": held.members, "gatherings": held.gatherings,
                  "check_ins": held.check_ins, "inside": sealed_inside(key, inside),
                  "sha256": _digest(copy), "size": copy.stat().st_size}
        text = json.dumps(header).encode()
        _put_before(copy, MAGIC + hashlib.sha256(text).hexdigest().encode() + b" " + text + b"\n")
        os.replace(copy, out)
    return held


def _put_before(file: Path, head: bytes, step: int = 1 << 20) -> None:
    """Write the head of a backup before its database, in the same file: a second one would need as much room again."""
    with open(file, "r+b") as stream:
        end = stream.seek(0, os.SEEK_END)
        while end:  # from its end on: what is written over has been moved already
            start = max(0, end - step)
            stream.seek(start)
            part = stream.read(end - start)
            stream.seek(start + len(head))
            stream.write(part)
            end = start
        stream.seek(0)
        stream.write(head)
        stream.flush()
        os.fsync(stream.fileno())


def _last_of(copy: Path, key: bytes) -> str:
    with closing(connect(copy, key)) as connection:
        row = connection.execute("SELECT rowid, id FROM operation ORDER BY rowid DESC LIMIT 1").fetchone()
    return "" if row is None else f"{row[0]} {row[1]}"


def _copy_database(profile: Profile, key: bytes, to: Path, progress: Progress | None, cancelled: Callable[[], bool] | None) -> None:
    def step(status: int, remaining: int, total: int) -> None:
        if cancelled is not None and cancelled():
            raise Refused("backup_cancelled", _("The backup was cancelled. Those that were made before are still there."))
        if progress is not None:
            progress(total - remaining, total)

    for one in with_logs(to):
        one.unlink(missing_ok=True)
    with closing(connect(profile.database, key)) as source, closing(connect(to, key)) as target:
        target.execute("PRAGMA synchronous = OFF")  # the backup's file is synced as a whole
        target.execute("PRAGMA journal_mode = OFF")  # it is whole or it goes; in a log all of it would be there once more
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
                raise damaged_backup(file)
            held = counted(connection, made_at)
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlcipher.DatabaseError as error:
        known = store_problem(str(error), file.parent)
        if known is not None and known.code in ("disk_full", "disk_trouble", "database_busy", "read_only"):
            raise known from None
        raise damaged_backup(file) from None
    return held


def counted(connection: Any, made_at: str = "") -> Held:
    """What a database holds that a connection of the driver's is open to."""
    chapter = connection.execute("SELECT name FROM chapter WHERE NOT gone LIMIT 1").fetchone()
    members, gatherings, check_ins = (connection.execute(f"SELECT count(*) FROM {question}").fetchone()[0] for question in (
        MEMBERS, "gathering WHERE NOT gone", CHECK_INS))
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
    with disk_said():
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


def key_of(header: dict[str, Any], own: bytes | None, passphrase: str | None, patience: Patience | None = None) -> bytes:
    """The key of a backup: the desk's own if it fits, else what the passphrase or the recovery key opens; or this computer's password store has it.

    Raises StoreProblem ``passphrase_needed``, what ``keys.open_sealed`` raises, or ``backup_elsewhere`` (it has neither, and the store gives out no key).
    """
    if own is not None and said_inside(header, own) is not None:
        return own
    boxes = {"passphrase": header.get("key"), "recovery": header.get("recovery")}
    if not any(boxes.values()):
        return _from_store(header, patience)
    spare = os.environ.get(keys.RECOVERY)
    typed = passphrase or os.environ.get(keys.PASSPHRASE) or spare
    if not typed:
        if "keyring" in header and (key := keys.of_backup(header, lambda found: said_inside(header, found) is not None, patience, search=False).key):
            return key
        raise _locked(opened_by(header))
    try:
        return _unlocked(boxes, typed)
    except StoreProblem:
        if not spare or spare == typed:
            raise
        return _unlocked(boxes, spare)


def _from_store(header: dict[str, Any], patience: Patience | None) -> bytes:
    given = keys.of_backup(header, lambda found: said_inside(header, found) is not None, patience, search=True)
    if given.key is not None:
        return given.key
    if given.gone:
        raise StoreProblem("backup_elsewhere", _(
            "This backup has no password and no recovery key: only the password store of the computer that made it opens it, and the one of this computer "
            "does not have its key. Restore it as the user and on the computer that made it, or use one made with Back up."))
    raise StoreProblem("backup_elsewhere", _(
        "This backup has no password and no recovery key: only the password store of the computer that made it opens it, and the one of this computer gives "
        "out no key: {why}. If it was made here, unlock that (signing in to the computer does) and try again; else restore it where it was made."),
        why=given.why, slow=given.slow)


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
    with disk_said():
        with open(file, "rb") as source, open(os.open(to, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as stream:
            source.seek(start)
            shutil.copyfileobj(source, stream, 1 << 20)
            stream.flush()
            os.fsync(stream.fileno())
        if to.stat().st_size != header.get("size") or _digest(to) != header.get("sha256"):
            raise damaged_backup(file)


def _digest(file: Path) -> str:
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
