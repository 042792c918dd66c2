"""A snapshot: what a grant may see of a scope, at a noted place in its feed, as an SQLCipher file under a key of its own.

Made once for all laptops that see the same, kept while it is near the head, thrown away at an erasure. The file's form is a desk's own, so
that a laptop copies whole tables. Its key is made of the server's secret and the file's name: every process can say it, and none writes it down.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
import threading
import time
import uuid
import weakref
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

from alumni_desk.logs import note_bug
from alumni_desk.protocol.messages import Cursor, SnapshotReply
from alumni_desk.protocol.policy import POLICY_VERSION
from alumni_desk.schema import SCHEMA_VERSION, desk_schema
from alumni_desk.server import erasing, feed, moved
from alumni_desk.server.audiences import CHAPTER
from alumni_desk.server.projection import Projection, columns_for, columns_in_use, rows_in, sees_all
from alumni_desk.server.replicas import authors
from alumni_desk.server.state import Server
from alumni_desk.store import driver
from alumni_desk.sync.shapes import shapes

LOG = logging.getLogger("alumni_desk.server")
BEHIND = 2_000
"""Changes since it was made up to which a snapshot of few rows is near enough to the head; of many rows a twentieth of them."""

PATIENCE_SECONDS = 3.0
"""How long a call waits for one that is being made."""

KEPT_SECONDS = 3_600
"""An older one that a newer has replaced stays so long for whoever is in the middle of fetching it."""

_HALVES = threading.Semaphore(2)  # made at a time by a process


class Made(msgspec.Struct, frozen=True):
    """What a finished snapshot is: written beside its file."""

    name: str
    scope: str
    role: str
    gathering: str | None
    schema: int
    policy: int
    timeline: str
    erased: int
    sequence: int
    chain: str
    rows: int
    size: int
    at: float


class Snapshots:
    """The snapshots of a server: every process of it that has the same folder shares them."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._under_way: dict[tuple[str, Projection], threading.Event] = {}
        self._lock = threading.Lock()
        self._own: Path | None = None

    def offer(self, scope: str, seen: Projection, *, now: int) -> SnapshotReply:
        """A snapshot for this projection; ``making`` if it is still being made."""
        found = self._newest(scope, seen)
        if found is None:
            self._make(scope, seen).wait(PATIENCE_SECONDS)
            found = self._newest(scope, seen)
        if found is None:
            return SnapshotReply(state="making", time=now)
        with self._server.database.reading() as connection:
            named = authors(connection, self._server.tables, scope, 0, found.sequence) if seen.sees_authors else {}
            erased, away = erasing.marked_in(connection, scope, seen.audience, 0, found.sequence)
        return SnapshotReply(state="ready", time=now, name=found.name, key=self._key(found.name), size=found.size, rows=found.rows,
                             cursor=Cursor(found.sequence, found.chain), timeline=found.timeline, replicas=named, erased=erased, moved=away)

    def file(self, scope: str, seen: Projection, name: str) -> Path | None:
        """The file of a snapshot that is still good for whoever asks; None if it is not."""
        for made in self._those_of(scope, seen):
            if made.name == name:
                with self._server.database.reading() as connection:
                    return self._folder / f"{name}.db" if self._is_true(connection, made) else None
        return None

    def forget(self, scope: str) -> None:
        """Throw away every snapshot of a scope: something in it was erased."""
        for made in self._all():
            if made.scope == scope:
                self._remove(made.name)

    def tidy(self) -> None:
        """Throw away, whoever it was made for, what may not be shown any more, and what a process left that ended while it made one."""
        made = {one.name: one for one in self._all()}
        with self._server.database.reading() as connection:
            untrue = {name for name, one in made.items() if not self._is_true(connection, one)}
        for name in untrue:
            self._remove(name)
        for file in self._folder.iterdir():
            with suppress(OSError):  # another process has just thrown it away, or made it whole
                if file.stem not in made and file.stat().st_mtime < time.time() - KEPT_SECONDS:
                    file.unlink()

    @property
    def _folder(self) -> Path:
        if self._server.journal is not None:
            folder = self._server.journal.parent / "snapshots"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return folder
        with self._lock:
            if self._own is None:
                self._own = Path(tempfile.mkdtemp(prefix="alumni-desk-snapshots-"))
                weakref.finalize(self, shutil.rmtree, self._own, ignore_errors=True)
            return self._own

    def _key(self, name: str) -> bytes:
        return hashlib.blake2b(name.encode(), key=self._server.secret, person=b"snapshot", digest_size=32).digest()

    def _all(self) -> Iterator[Made]:
        for file in self._folder.glob("*.made"):
            with suppress(FileNotFoundError, msgspec.DecodeError):  # another process has just thrown it away
                yield msgspec.json.decode(file.read_bytes(), type=Made)

    def _those_of(self, scope: str, seen: Projection) -> list[Made]:
        return [made for made in self._all() if (made.scope, made.role, made.gathering) == (scope, seen.role, seen.gathering)]

    def _newest(self, scope: str, seen: Projection) -> Made | None:
        """The newest one that is true and near the head; the others go once nobody can be fetching them."""
        those = sorted(self._those_of(scope, seen), key=lambda made: made.at, reverse=True)
        found = None
        with self._server.database.reading() as connection:
            for made in those:
                true = self._is_true(connection, made)
                if found is None and true and self._is_near(connection, made):
                    found = made
                elif not true or made.at < time.time() - KEPT_SECONDS:
                    self._remove(made.name)
        return found

    def _is_true(self, connection: sa.Connection, made: Made) -> bool:
        """Whether what it shows may still be shown: the same form, policy and timeline, and nothing erased since."""
        tables = self._server.tables
        return ((made.schema, made.policy) == (SCHEMA_VERSION, POLICY_VERSION) and made.timeline == feed.head_of(connection, tables, made.scope).timeline
                and made.erased == _erased(connection, tables, made.scope)
                and not moved.moved_since(connection, made.scope, made.sequence)
                and feed.is_known(connection, tables, made.scope, Cursor(made.sequence, made.chain)))

    def _is_near(self, connection: sa.Connection, made: Made) -> bool:
        """Whether little has changed since, and nobody has left: whoever comes to a door now has nothing to do with who was on its list once."""
        if made.gathering is not None and feed.has_left(connection, made.scope, made.gathering, made.sequence):
            return False
        if feed.is_too_old(connection, self._server.tables, made.scope, made.gathering or CHAPTER, Cursor(made.sequence, made.chain)):
            return False
        return feed.head_of(connection, self._server.tables, made.scope).sequence - made.sequence <= max(BEHIND, made.rows // 20)

    def _remove(self, name: str) -> None:
        for end in ("made", "db"):
            with suppress(OSError):  # somebody reads it still (Windows), or it is gone
                (self._folder / f"{name}.{end}").unlink()

    def _make(self, scope: str, seen: Projection) -> threading.Event:
        """Make one in the background; whoever asks meanwhile waits for the same."""
        with self._lock:
            there = self._under_way.get((scope, seen))
            if there is not None:
                return there
            done = self._under_way[scope, seen] = threading.Event()
        folder = self._folder
        threading.Thread(target=self._work, args=(folder, scope, seen, done), name="snapshot", daemon=True).start()
        return done

    def _work(self, folder: Path, scope: str, seen: Projection, done: threading.Event) -> None:
        try:
            with _HALVES:
                file = self._write(folder, scope, seen)
            done.set()
            with open(file, "rb") as handle:  # nobody waits for it: what a power cut takes of it a laptop sees, and pulls rows instead
                os.fsync(handle.fileno())
        except Exception as error:
            note_bug(LOG, error, "making a snapshot")
        finally:
            with self._lock:
                del self._under_way[scope, seen]
            done.set()

    def _write(self, folder: Path, scope: str, seen: Projection) -> Path:
        name = uuid.uuid4().hex
        part, file = folder / f"{name}.part", folder / f"{name}.db"
        try:
            with self._server.database.reading() as connection:
                tables = self._server.tables
                head = feed.head_of(connection, tables, scope)
                erased = _erased(connection, tables, scope)
                rows = _fill(connection, tables, scope, seen, part, self._key(name))
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
        made = Made(name=name, scope=scope, role=seen.role, gathering=seen.gathering, schema=SCHEMA_VERSION, policy=POLICY_VERSION, timeline=head.timeline,
                    erased=erased, sequence=head.sequence, chain=head.chain, rows=rows, size=file.stat().st_size, at=time.time())
        note = folder / f"{name}.note"
        note.write_bytes(msgspec.json.encode(made))
        note.replace(folder / f"{name}.made")
        return file


def _erased(connection: sa.Connection, tables: sa.MetaData, scope: str) -> int:
    """How much was ever erased in a scope: another number than then means that a snapshot shows too much."""
    erased = tables.tables["erased"]
    return int(connection.execute(sa.select(sa.func.count()).select_from(erased).where(erased.c.scope == scope, erased.c.kept.is_(None))).scalar_one())


def _fill(connection: sa.Connection, tables: sa.MetaData, scope: str, seen: Projection, file: Path, key: bytes) -> int:
    """Write the tables as a desk has them, then their indexes; returns how many rows there are."""
    count = 0
    quoted = "'" + scope.replace("'", "''") + "'"
    with closing(_new_file(file, key)) as target:
        target.execute("BEGIN")
        for table in desk_schema().sorted_tables:
            shape = shapes().get(table.name)
            if shape is None:
                continue
            target.execute(str(CreateTable(table).compile(dialect=_SQLITE)))
            names = columns_for(seen.role, shape)
            only = columns_in_use(connection, tables, shape, scope) if sees_all(seen.role, shape) else None
            names = only or names
            columns = ", ".join(f'"{name}"' for name in ("scope", *names))
            insert = f"INSERT INTO \"{table.name}\" ({columns}) VALUES ({quoted}, {', '.join('?' * len(names))})"
            for part in rows_in(connection, tables, shape, scope, seen, only=only):
                target.executemany(insert, part)
                count += len(part)
            for index in sorted(table.indexes, key=lambda one: str(one.name)):
                target.execute(str(CreateIndex(index).compile(dialect=_SQLITE)))
        target.execute("COMMIT")
    return count


_SQLITE = sa.create_engine("sqlite://").dialect


def _new_file(file: Path, key: bytes) -> Any:
    os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    target = driver.sqlcipher().connect(str(file), isolation_level=None, check_same_thread=False)
    target.execute("PRAGMA cipher_log_level = NONE")
    target.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "temp_store = MEMORY", "cache_size = -65536", "locking_mode = EXCLUSIVE"):
        target.execute(f"PRAGMA {pragma}")
    return target
