"""One file that holds a whole server, from either kind of database into either; and the new timeline that begins when it is put back.

Form: the line ``ALUMNI DESK SERVER BACKUP 1``, a line of JSON (the key sealed under a passphrase, when, by which version, SHA-256 of the rest),
then an SQLCipher database under that key, with the server's own tables.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import secrets
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from alumni_desk import __version__
from alumni_desk.errors import BadInput, Refused, StoreProblem
from alumni_desk.protocol.canonical import chained
from alumni_desk.server import audit, feed, journal
from alumni_desk.server.bulk import put_rows
from alumni_desk.server.database import Database, sqlcipher_database
from alumni_desk.server.state import read_state
from alumni_desk.server.tables import all_tables
from alumni_desk.store import cut_off, disk, keys
from alumni_desk.store.disk import refuse_chapters_folder, refuse_other_file
from alumni_desk.words import _

log = logging.getLogger(__name__)

MAGIC = b"ALUMNI DESK SERVER BACKUP 1\n"
_HEADER = 65_536
_ROWS = 2_000
_LEFT_OUT = frozenset({"invitation_failure"})


@dataclass(frozen=True)
class Held:
    """What a backup holds."""

    server: str
    chapters: int
    people: int
    changes: int
    made_at: str  # UTC, ISO 8601


def back_up(database: Database, out: Path, passphrase: str, *, own: bool = False) -> Held:
    """Write the whole server as it is at this moment, while it serves; then say in the feeds how far they are backed up.

    ``own``: the program keeps it by itself, among its own files.
    """
    if out.is_dir():
        raise BadInput("backup_is_folder", _("{file} is a folder. Give the backup a file name."), file=out)
    if not out.absolute().parent.is_dir():  # a disk that is not mounted, perhaps: a folder in its place would fill another one
        raise BadInput("no_folder", _("There is no folder {folder}. Make it first, or choose another one."), folder=out.parent)
    if not own:
        refuse_chapters_folder(out)
        refuse_other_file(out, (MAGIC,))
    key = secrets.token_bytes(32)
    made_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    part = out.with_name(out.name + ".part")
    with _disk(), cut_off.under_way(out) as copy:
        for left in disk.with_logs(copy):
            left.unlink(missing_ok=True)
        target = sqlcipher_database(copy, key)
        try:
            with database.reading() as source, target.writing() as connection:
                _copy(source, connection)
            held, heads = _look(target, made_at)
            with target.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = DELETE")
        finally:
            target.close()
        header = {"key": keys.seal(key, passphrase).as_json(), "made_at": made_at, "version": __version__, "sha256": _digest(copy, 0)}
        with open(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as stream, open(copy, "rb") as content:
            stream.write(MAGIC + json.dumps(header).encode() + b"\n")
            shutil.copyfileobj(content, stream, 1 << 20)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, out)
    try:
        _keep_backed_up(database, heads)
    except sa.exc.OperationalError:
        if database.path is None or not disk.is_full(database.path.parent):
            raise
        log.warning("no room to note how far the chapters are backed up; the backup itself is whole")  # most wanted just then
    return held


def try_to_open(file: Path, passphrase: str) -> None:
    """Nothing, if this is a backup and the password is its own; raises what ``restore`` raises if not."""
    header, _start = _header(file)
    _key(header, passphrase)


def _key(header: dict[str, Any], passphrase: str) -> bytes:
    try:
        return keys.unseal(header.get("key") or {}, passphrase)
    except StoreProblem as problem:
        if problem.code != "passphrase_wrong":
            raise
        raise StoreProblem("passphrase_wrong", _("That is not the password of this backup: the one that was typed, or set in ALUMNI_DESK_PASSPHRASE, when it "
                                                 "was made opens it. Check Caps Lock and the keyboard, and try again.")) from None


def restore(database: Database, file: Path, passphrase: str, journal_file: Path | None, *, now: int) -> Held:
    """Put a backup in the database's place, in one transaction, and begin a new timeline. Nobody may be serving."""
    header, start = _header(file)
    key = _key(header, passphrase)
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}.restoring")
    with _disk(), disk.gone_after(*disk.with_logs(part)):
        with open(file, "rb") as stream, open(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as copy:
            stream.seek(start)
            shutil.copyfileobj(stream, copy, 1 << 20)
        if _digest(part, 0) != header.get("sha256"):
            raise _damaged(file)
        source = sqlcipher_database(part, key)  # an older one is migrated here, in the copy
        try:
            held, _heads = _look(source, str(header.get("made_at", "")))
            with source.reading() as rows, database.writing() as connection:
                _empty(connection)
                _copy(rows, connection)
                begin_timeline(connection, journal_file, now=now)
        finally:
            source.close()
    database.scrub()  # whom the journal erased was in the backup
    return held


def begin_timeline(connection: sa.Connection, journal_file: Path | None, *, now: int) -> int:
    """What every restored database needs, whoever restored it: the journal made true, every open invitation void, a new timeline for each feed.

    Laptops see the new timeline, take everything anew and offer again what they hold. Returns how many lines of the journal were news.
    """
    tables = all_tables()
    server = read_state(connection, tables).get("id", "")
    news = journal.replay(connection, tables, journal_file, server)
    invitation, head = tables.tables["invitation"], tables.tables["feed_head"]
    connection.execute(sa.update(invitation).where(invitation.c.used_at.is_(None), invitation.c.expires_at >= now).values(expires_at=now - 1))
    for scope in connection.execute(sa.select(head.c.scope).order_by(head.c.scope)).scalars().all():
        locked = feed.lock_head(connection, tables, scope)
        if locked is None:
            raise LookupError("scope without a feed")
        timeline = str(uuid.uuid4())
        connection.execute(sa.update(head).where(head.c.scope == scope).values(timeline=timeline, backed_up=0))
        locked.sequence += 1  # the chain goes another way from here: no cursor of the lost timeline fits by chance
        locked.chain = chained(locked.chain, [timeline.encode()])
        feed.move_head(connection, tables, locked)
        audit.note(connection, tables, scope, "restore", at=now, details={"timeline": timeline, "journal": news})
    return news


def is_empty(database: Database) -> bool:
    """Whether no chapter is in it."""
    with database.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(all_tables().tables["feed_head"])).scalar_one() == 0


def _copy(source: sa.Connection, target: sa.Connection) -> None:
    for table in all_tables().sorted_tables:
        if table.name in _LEFT_OUT:
            continue
        result = source.execution_options(yield_per=_ROWS).execute(sa.select(table))
        for rows in result.mappings().partitions(_ROWS):
            put_rows(target, table, [dict(row) for row in rows])


def _empty(connection: sa.Connection) -> None:
    for table in all_tables().sorted_tables:
        connection.execute(sa.delete(table))


def _look(database: Database, made_at: str) -> tuple[Held, dict[str, int]]:
    tables = all_tables().tables
    with database.reading() as connection:
        heads = {row.scope: row.head for row in connection.execute(sa.select(tables["feed_head"].c.scope, tables["feed_head"].c.head))}
        person = tables["person"]
        people = connection.execute(sa.select(sa.func.count()).where(~person.c.gone, person.c.merged_into.is_(None))).scalar_one()
        server = read_state(connection, all_tables()).get("id", "")
    return Held(server, len(heads), int(people), sum(heads.values()), made_at), heads


def _keep_backed_up(database: Database, heads: dict[str, int]) -> None:
    head = all_tables().tables["feed_head"]
    with database.writing() as connection:
        for scope, sequence in heads.items():
            connection.execute(sa.update(head).where(head.c.scope == scope, head.c.backed_up < sequence).values(backed_up=sequence))


def _header(file: Path) -> tuple[dict[str, Any], int]:
    try:
        with open(file, "rb") as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                raise BadInput("backup_unknown", _("{file} is not a backup of an Alumni Desk server."), file=file)
            line = stream.readline(_HEADER)
            return dict(json.loads(line)), stream.tell()
    except (ValueError, TypeError):
        raise _damaged(file) from None
    except OSError as error:
        raise BadInput("backup_unreadable", _("{file} cannot be read ({reason})."), file=file, reason=error.strerror or "?") from None


def _digest(file: Path, start: int) -> str:
    with open(file, "rb") as stream:
        stream.seek(start)
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _damaged(file: Path) -> BadInput:
    return BadInput("backup_damaged", _("{file} is damaged: it is not what was written. Nothing was changed; take another backup."), file=file)


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreProblem("backup_disk", _("The backup cannot be written or read here ({reason}). Nothing was changed."),
                           reason=error.strerror or type(error).__name__) from None


def refuse_to_replace() -> Refused:
    """Why a restore over a server that has chapters wants to be told so."""
    return Refused("server_not_empty", _("There are chapters in this database already. Say --replace to put the backup in their place; "
                                         "what is there is kept beside it as a backup first."))
