"""One file that holds the whole desk and opens in another profile: its key lies in it, sealed under a passphrase.

Form: the line ``ALUMNI DESK BACKUP 1``, a line of JSON (the key sealed under a passphrase and, if there is one, under the recovery key; when,
by which version, SHA-256 of the rest), then the SQLCipher database, encrypted under that key.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alumni_desk import __version__
from alumni_desk.errors import BadInput, KnownError, StoreProblem
from alumni_desk.protocol import codes
from alumni_desk.store import keys
from alumni_desk.store.desk import Desk, connect, store_problem
from alumni_desk.store.profile import Profile, alone
from alumni_desk.words import _

MAGIC = b"ALUMNI DESK BACKUP 1\n"
HEADER_LIMIT = 65_536


@dataclass(frozen=True)
class Held:
    """What a backup or a database holds."""

    chapter: str
    members: int
    gatherings: int
    check_ins: int
    made_at: str  # UTC, ISO 8601; empty for a database in use


def back_up(desk: Desk, out: Path, *, passphrase: str | None = None) -> Held:
    """Write the whole desk, as it is at this moment and while it is in use, to one encrypted file.

    ``passphrase``: what opens it elsewhere; without one, the desk's own. Raises StoreProblem ``backup_passphrase`` if the keyring
    keeps the key and none was given; ``disk_full`` and its like. An older file of that name is replaced only by a whole new one.
    """
    sealed = keys.seal(desk.key, passphrase).as_json() if passphrase else keys.sealed_key(desk.profile.path, "desk")
    if sealed is None:
        raise StoreProblem("backup_passphrase", _(
            "A backup needs a password that opens it on another computer. Set ALUMNI_DESK_PASSPHRASE before the command, or type one."))
    if out.is_dir():
        raise BadInput("backup_is_folder", _("{file} is a folder. Give the backup a file name."), file=out)
    part = out.with_name(out.name + ".part")
    copy = out.with_name(out.name + ".copy")
    made_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    with _disk(), _gone_after(part, copy, copy.with_name(copy.name + "-wal"), copy.with_name(copy.name + "-shm"), copy.with_name(copy.name + "-journal")):
        _copy_database(desk, copy)
        held = _look(copy, desk.key, made_at)
        header = {"key": sealed, "recovery": keys.recovery_box(desk.profile.path, "desk"),
                  "made_at": made_at, "version": __version__, "sha256": _digest(copy), "size": copy.stat().st_size}
        with open(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as stream, open(copy, "rb") as source:
            stream.write(MAGIC + json.dumps(header).encode() + b"\n")
            shutil.copyfileobj(source, stream, 1 << 20)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, out)
    return held


def restore(profile: Profile, file: Path, *, passphrase: str | None = None, own: str | None = None, dry_run: bool = False) -> Held:
    """Put a backup in a profile's place; what was there is kept beside it as ``desk-replaced-….db``. The desk must be closed.

    ``passphrase``: the backup's password or its recovery key. ``own``: the password of a new profile that no keyring can keep.
    Raises BadInput ``backup_unknown`` or ``backup_damaged`` and StoreProblem ``passphrase_needed`` or ``passphrase_wrong``; then nothing is changed.
    """
    header, start = _header(file)
    typed = passphrase or os.environ.get(keys.PASSPHRASE) or os.environ.get(keys.RECOVERY)
    if not typed:
        raise StoreProblem("passphrase_needed", _("This backup is locked with a password. Type it, or set ALUMNI_DESK_PASSPHRASE before the command."))
    key = _unsealed(header, typed)
    profile.create()
    part = profile.path / "desk-restored.db"
    beside = [part.with_name(part.name + end) for end in ("", "-wal", "-shm", "-journal")]
    with alone(profile.path / "restore.lock"), _disk(), _gone_after(*beside):
        for one in beside:
            one.unlink(missing_ok=True)
        _unpack(file, start, part, header)
        held = _look(part, key, str(header.get("made_at", "")))
        if dry_run:
            return held
        _rekey(part, key, _own_key(profile, typed, own))
        _take_place(profile, part)
    return held


def _unsealed(header: dict[str, Any], typed: str) -> bytes:
    """The backup's key, by its password or the recovery key; where neither was typed, by the one in ``ALUMNI_DESK_RECOVERY``."""
    boxes = {"passphrase": header.get("key"), "recovery": header.get("recovery")}
    spare = os.environ.get(keys.RECOVERY)
    try:
        return keys.open_sealed(boxes, typed)
    except StoreProblem:
        if not spare or spare == typed:
            raise
        return keys.open_sealed(boxes, spare)


def _own_key(profile: Profile, typed: str, own: str | None) -> bytes:
    """The profile's own key; for a new profile one that is kept as this computer keeps keys, else under the backup's passphrase."""
    if (profile.path / "desk.key").exists() and profile.exists:
        try:
            return keys.database_key(profile.path, "desk", passphrase=typed)
        except StoreProblem as problem:
            if problem.code not in ("passphrase_wrong", "recovery_wrong", "recovery_none"):
                raise
            if (key := keys.keyring_key(profile.path, "desk")) is not None:
                return key
            raise StoreProblem("restore_other_password", _(
                "The desk that is here has another password than the backup, so nothing was changed. Restore into another profile "
                "(--profile), or give the desk that is here the backup's password first.")) from None
    (profile.path / "desk.key").unlink(missing_ok=True)
    try:
        return keys.database_key(profile.path, "desk", passphrase=own)
    except StoreProblem as problem:
        # A recovery key opens a backup; it never becomes a password: a new one is asked for.
        if problem.code != "passphrase_wanted" or codes.read_recovery_key(typed) is not None:
            raise
        return keys.database_key(profile.path, "desk", passphrase=typed)


def _copy_database(desk: Desk, to: Path) -> None:
    to.unlink(missing_ok=True)
    source, target = desk.raw(), connect(to, desk.key)
    try:
        source.backup(target, pages=2_000, sleep=0.001)
        target.execute("PRAGMA journal_mode = DELETE")
    finally:
        target.close()
        source.close()


def _look(file: Path, key: bytes, made_at: str) -> Held:
    """What a database holds; raises ``backup_damaged`` if any page of it is not as it was written."""
    import sqlcipher3.dbapi2 as sqlcipher

    connection = connect(file, key)
    try:
        wrong = connection.execute("PRAGMA cipher_integrity_check").fetchall() or [
            row for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        if wrong:
            raise _damaged(file)
        chapter = connection.execute("SELECT name FROM chapter WHERE NOT gone LIMIT 1").fetchone()
        counts = [connection.execute(f"SELECT count(*) FROM {question}").fetchone()[0] for question in (
            "person WHERE standing = 'member' AND NOT gone", "gathering WHERE NOT gone", "fact WHERE kind = 'in'")]
        connection.execute("PRAGMA journal_mode = DELETE")
    except sqlcipher.DatabaseError as error:
        known = store_problem(str(error))
        if known is not None and known.code in ("disk_full", "database_busy", "read_only"):
            raise known from None
        raise _damaged(file) from None
    finally:
        connection.close()
    members, gatherings, check_ins = counts
    return Held(str(chapter[0]) if chapter and chapter[0] else "", members, gatherings, check_ins, made_at)


def _rekey(file: Path, key: bytes, new: bytes) -> None:
    if key == new:
        return
    connection = connect(file, key)
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute(f"PRAGMA rekey = \"x'{new.hex()}'\"")
    finally:
        connection.close()
    _look(file, new, "")


def _take_place(profile: Profile, part: Path) -> None:
    with alone(profile.path / "desk.lock"):
        if profile.exists:
            # The last connection that closes folds the log into the file, so that one file is the whole of it.
            stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
            for end in ("", "-wal", "-shm"):
                there = profile.database.with_name(profile.database.name + end)
                if there.exists():
                    os.replace(there, profile.path / f"desk-replaced-{stamp}.db{end}")
        os.replace(part, profile.database)


def _header(file: Path) -> tuple[dict[str, Any], int]:
    try:
        with open(file, "rb") as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                raise BadInput("backup_unknown", _("{file} is not a backup of Alumni Desk. Choose a file that was made with Back up."), file=file.name)
            line = stream.readline(HEADER_LIMIT)
    except OSError as error:
        raise BadInput("backup_unreadable", _("{file} cannot be read ({reason})."), file=file, reason=error.strerror or type(error).__name__) from None
    try:
        header = json.loads(line)
    except ValueError:
        raise _damaged(file) from None
    if not isinstance(header, dict) or not isinstance(header.get("key"), dict):
        raise _damaged(file)
    return header, len(MAGIC) + len(line)


def _unpack(file: Path, start: int, part: Path, header: dict[str, Any]) -> None:
    with open(file, "rb") as source, open(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as stream:
        source.seek(start)
        shutil.copyfileobj(source, stream, 1 << 20)
        stream.flush()
        os.fsync(stream.fileno())
    if part.stat().st_size != header.get("size") or _digest(part) != header.get("sha256"):
        raise _damaged(file)


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
def _disk() -> Iterator[None]:
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
        known = store_problem(str(error))
        if known is None:
            raise
        raise known from None
