"""A second copy of what waits to be sent, beside the database: if that is ever damaged, nothing that people did goes with it.

Form: the line ``ALUMNI DESK OUTBOX 1``, then records, each a sign, its length in four bytes and a sealed box (XSalsa20-Poly1305, under a key derived
from the database's) of packed JSON. Actions of people are appended as soon as they are saved; large ones (an import) by whoever has time
for it. The file is made anew, without what the server has, after a sync and after a backup.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from alumni_desk.errors import StoreProblem
from alumni_desk.store import driver, fates, keys
from alumni_desk.store.disk import disk_problem
from alumni_desk.store.done import GONE_BACK
from alumni_desk.store.profile import Turns, alone

if TYPE_CHECKING:
    import sqlalchemy as sa

    from alumni_desk.store.desk import Desk

log = logging.getLogger(__name__)

NAME = "desk.outbox"
MAGIC = b"ALUMNI DESK OUTBOX 1\n"
CHUNK = 1_000
_BEGIN = b"\xadREC"
_LENGTH = struct.Struct(">I")
_HEAD = len(_BEGIN) + _LENGTH.size

_NONCE = 24

_encode = msgspec.json.Encoder().encode

_SMALL = 4_096

_WAITING = f"{fates.WAITS} AND o.queue <> 'peer'"  # others' are with them, too


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one box holds: operations and actions as their tables have them, people erased, what the sync knows of the server, and settings (None: gone)."""

    operations: list[dict[str, Any]] = msgspec.field(default_factory=list)
    actions: list[dict[str, Any]] = msgspec.field(default_factory=list)
    erased: dict[str, str] = msgspec.field(default_factory=dict)
    sync: dict[str, str] = msgspec.field(default_factory=dict)
    settings: dict[str, str | None] = msgspec.field(default_factory=dict)


@dataclass
class Found:
    """All that an outbox holds; ``damaged``: records, or an unknown rest of the file, that could not be read."""

    operations: list[dict[str, Any]] = field(default_factory=list)
    actions: list[dict[str, Any]] = field(default_factory=list)
    erased: dict[str, str] = field(default_factory=dict)
    sync: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str | None] = field(default_factory=dict)
    damaged: int = 0


class Outbox:
    """The file of one profile."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self.file = folder / NAME
        self._turns = Turns(folder / "outbox.lock")
        self._key = keys.derived(key, b"alumni outbox")

    def append(self, record: Record) -> bool:
        """Add what was just saved. It is safe in the database already, so trouble here is told to the log and to nobody's face. Returns whether it is added."""
        try:
            with self._turns.alone():
                self._add(self._sealed(record))
        except OSError as error:
            log.warning("the outbox copy was not written: %s", error.strerror)
            return False
        return True

    def close(self) -> None:
        """Let go of the file that turns are taken by."""
        self._turns.close()

    def read(self) -> Found:
        """Everything in it, each operation once, in the order in which it was made."""
        found, seen = Found(), set[str]()
        for record in self._records(found):
            for one in record.operations:
                if one["id"] not in seen:
                    seen.add(one["id"])
                    found.operations.append(one)
            for one in record.actions:
                if one["id"] not in seen:
                    seen.add(one["id"])
                    found.actions.append(one)
            found.erased.update(record.erased)
            found.sync.update(record.sync)
            found.settings.update(record.settings)
        return found

    def opens(self) -> bool:
        """Whether there is anything in it that this key opens."""
        return next(self._records(Found()), None) is not None

    def look(self) -> tuple[int, list[tuple[str, str, str, str]]]:
        """How many parts of it cannot be read, while nobody writes to it; and of each operation in it the id, table, row and clock."""
        found, named = Found(), []
        with self._turns.alone():
            for record in self._records(found):
                named += [(one["id"], one["table_name"], one["row_id"], one["clock"]) for one in record.operations]
        return found.damaged, named

    def make_anew(self, desk: Desk, *, after: int = 0, surely: bool = False) -> None:
        """Write the file again, of what waits now. ``after``: for a desk without a server, where everything waits for ever, only operations that were made
        after this one (its rowid). ``surely``: what it held must not stay; raises StoreProblem where the disk does not let it."""
        part = self.file.with_name(NAME + ".part")
        try:
            with self.one_at_a_time():
                self._make_anew(desk, part, after)
        except OSError as error:
            if surely:
                raise disk_problem(error) from None
            log.warning("the outbox copy was not made anew: %s", error.strerror)

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        """Around what reads from the database what goes into the file: what was read before somebody was erased never comes after what was read then."""
        with alone(self.file.with_name("outbox-anew.lock")):
            yield

    def _make_anew(self, desk: Desk, part: Path, after: int) -> None:
        try:
            with self._turns.alone():
                start = self.file.stat().st_size if self.file.exists() else 0
            with open(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as stream:
                stream.write(MAGIC)
                with desk.reading() as connection:
                    for record in _waiting(connection, after):
                        stream.write(self._sealed(record))
                with self._turns.alone():
                    # What was saved while this was written stands in the file's end.
                    if self.file.exists():
                        with open(self.file, "rb") as before:
                            before.seek(start or len(MAGIC))
                            stream.write(before.read())
                    stream.flush()
                    os.fsync(stream.fileno())
                    os.replace(part, self.file)
        finally:
            part.unlink(missing_ok=True)

    def _add(self, sealed: bytes) -> None:
        # By the system's own calls: a stream of Python's costs as much as all the rest of it.
        handle = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        try:
            left = sealed if os.lseek(handle, 0, os.SEEK_END) else MAGIC + sealed
            while left:
                left = left[os.write(handle, left):]
        finally:
            os.close(handle)

    def _sealed(self, record: Record) -> bytes:
        from nacl.bindings import crypto_secretbox_easy

        content = _encode(record)
        # What one small action was is packed when the file is made anew: packing it at once would take longer than the rest of it.
        nonce = os.urandom(_NONCE)  # as ``SecretBox`` does it; it takes as long again for putting its answer into a form that nobody wants here
        box = nonce + crypto_secretbox_easy(_unpacked(content) if len(content) <= _SMALL else zlib.compress(content, 1), nonce, self._key)
        return _BEGIN + _LENGTH.pack(len(box)) + box

    def _records(self, found: Found) -> Iterator[Record]:
        from nacl.exceptions import CryptoError
        from nacl.secret import SecretBox

        box = SecretBox(self._key)
        if not self.file.exists():
            return
        content = self.file.read_bytes()
        place = len(MAGIC)
        found.damaged += content[:place] != MAGIC
        while place < len(content):
            length = _LENGTH.unpack_from(content, place + len(_BEGIN))[0] if len(content) >= place + _HEAD else 0
            end = place + _HEAD + length
            try:
                if not content.startswith(_BEGIN, place) or end > len(content):
                    raise ValueError
                yield msgspec.json.decode(zlib.decompress(box.decrypt(content[place + _HEAD:end])), type=Record)
                place = end
            except (CryptoError, zlib.error, ValueError, msgspec.MsgspecError):
                # Harmed, or half written when the power went: go on at what looks like the next one.
                found.damaged += 1
                place = content.find(_BEGIN, place + 1) if place + 1 < len(content) else -1
                if place < 0:
                    return


def _unpacked(content: bytes) -> bytes:
    """What ``zlib.compress`` makes at level 0 of a short content: the memory that it takes for packing costs more than all of this."""
    return b"\x78\x01\x01" + _STORED.pack(len(content), len(content) ^ 0xFFFF) + content + zlib.adler32(content).to_bytes(4, "big")


_STORED = struct.Struct("<HH")


def of_actions(connection: sa.Connection, actions: Sequence[str]) -> Iterator[Record]:
    """The operations of these actions, some at a time."""
    for action in actions:
        yield from _records_of(connection, f"FROM operation AS o WHERE o.action = ? AND {_WAITING}", (action,))  # few of all that waits, without a server
        rows = connection.exec_driver_sql("SELECT * FROM action WHERE id = ?", (action,)).mappings()
        yield Record(actions=[_plain(row) for row in rows])


def of_small_action(connection: sa.Connection, action: str) -> Record | None:
    """The same of one small action, in one record; None if it changed nothing."""
    operations = connection.exec_driver_sql(f"SELECT * FROM operation AS o WHERE action = ? AND {_WAITING} ORDER BY rowid", (action,)).mappings().all()
    done = connection.exec_driver_sql("SELECT * FROM action WHERE id = ?", (action,)).mappings().all()
    return Record(operations=[_plain(row) for row in operations], actions=[_plain(row) for row in done]) if operations else None


_UNKEPT = "unkept"
"""Under this key of ``sync_state`` stand the large actions that are to be copied still: whoever is killed before does it at the next opening."""


def note_unkept(connection: sa.Connection, action: str) -> None:
    """In the transaction of a large action: it is to be copied."""
    driver.run(connection, "INSERT INTO sync_state (key, value) VALUES (?1, json_array(?2))"
                           " ON CONFLICT (key) DO UPDATE SET value = json_insert(value, '$[#]', ?2)", (_UNKEPT, action))


def note_kept(connection: sa.Connection, action: str) -> None:
    """A large action was copied."""
    driver.run(connection, "UPDATE sync_state SET value = (SELECT json_group_array(value) FROM json_each(sync_state.value) WHERE value <> ?) WHERE key = ?",
               (action, _UNKEPT))
    driver.run(connection, "DELETE FROM sync_state WHERE key = ? AND value = '[]'", (_UNKEPT,))


def catch_up(desk: Desk) -> None:
    """Add the large actions that were saved since."""
    if desk.emptied() is not None:  # nothing comes into its folder any more
        desk.unkept.clear()
    while desk.unkept:
        action = desk.unkept.pop(0)
        try:
            with desk.outbox.one_at_a_time(), desk.reading() as connection:
                whole = all(map(desk.outbox.append, of_actions(connection, [action])))
            if whole:
                desk.note_kept(action)
        except OSError as error:
            log.warning("the outbox copy was not written: %s", error.strerror)
        except StoreProblem as problem:  # it is copied once more at the next opening
            log.warning("that the outbox copy is whole was not noted: %s", problem.code)


def is_alone(connection: sa.Connection) -> bool:
    """Whether the desk has no server, so that what waits here is the only copy and stays so."""
    return connection.exec_driver_sql("SELECT 1 FROM sync_state WHERE key = 'membership'").first() is None


def _waiting(connection: sa.Connection, after: int) -> Iterator[Record]:
    known = connection.exec_driver_sql("SELECT key, value FROM sync_state WHERE key IN ('membership', 'joining', 'elsewhere', 'ended')")
    yield Record(sync={row.key: row.value for row in known},
                 erased={row.id: row.at for row in connection.exec_driver_sql("SELECT id, at FROM erased")},
                 settings={row.key: row.value for row in connection.exec_driver_sql("SELECT key, value FROM setting")})
    where, parameters = (f"{_WAITING} AND o.rowid > ?", (after,)) if is_alone(connection) else (_WAITING, ())
    yield from _records_of(connection, f"{fates.FROM_WAITING} WHERE {where}", parameters)
    actions = connection.exec_driver_sql(  # and that somebody went back to a backup, which wrote nothing
        f"SELECT * FROM action WHERE id IN (SELECT o.action {fates.FROM_WAITING} WHERE {where}) OR event = ? ORDER BY rowid",
        (*parameters, GONE_BACK)).mappings()
    while part := actions.fetchmany(CHUNK):
        yield Record(actions=[_plain(row) for row in part])


def _records_of(connection: sa.Connection, which: str, parameters: tuple[str | int, ...]) -> Iterator[Record]:
    rows = connection.exec_driver_sql(f"SELECT o.* {which} ORDER BY o.rowid", parameters).mappings()
    while part := rows.fetchmany(CHUNK):
        yield Record(operations=[_plain(row) for row in part])


def _plain(row: Any) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "rowid" and value is not None}
