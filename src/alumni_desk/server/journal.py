"""The journal: what no restore may undo, kept outside the database. Ids and hashes, and chapters' names; nothing about anybody.

One line of JSON each: chapters that were made, laptops that were removed, invitations that were used (and the laptop that each made), members who
moved to another chapter (their rows are sealed beside it), rows erased for good. It is written before the database commits, and all of it is read
and made true again before the server serves.
"""

from __future__ import annotations

import errno
import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from alumni_desk.errors import StoreProblem
from alumni_desk.protocol.values import is_id
from alumni_desk.server import sealed_moves
from alumni_desk.words import _

FILE = "server-journal.jsonl"


def refuse_unwritable(path: Path) -> None:
    """See before a server serves that it can write here. Raises StoreProblem ``server_journal``: nobody could join, nor be removed."""
    if path.is_dir() or not path.parent.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise StoreProblem("server_journal", _(
            "The journal {file} cannot be written, and without it nobody could join or be removed. Give --journal a file in a folder that is there and that "
            "this user may write to; under systemd the unit has to name that folder with ReadWritePaths="), file=path)


def write(path: Path | None, server: str, event: str, **facts: Any) -> None:
    """Add a line and see it on the disk. ``path`` None: a server without a folder of its own, in tests."""
    if path is None:
        return
    if event == "erase":
        sealed_moves.forget(path, facts["row"])
    line = json.dumps({"server": server, "event": event, **facts}, separators=(",", ":")).encode() + b"\n"
    # One write to a file opened for appending: several processes never mix their lines.
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
    try:
        size = os.lseek(handle, 0, os.SEEK_END)
        if size and os.lseek(handle, size - 1, os.SEEK_SET) >= 0 and os.read(handle, 1) != b"\n":
            line = b"\n" + line  # the line before was cut off by a crash
        if os.write(handle, line) < len(line):  # the disk is full: it took a part, and says so only of the next
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(handle)
    finally:
        os.close(handle)


def lines(path: Path | None, server: str) -> Iterator[dict[str, Any]]:
    """This server's lines, the oldest first; a last line that was cut off by a crash was of nothing that was committed."""
    if path is None or not path.exists():
        return
    with open(path, encoding="utf-8", errors="replace") as stream:  # damaged bytes are of a damaged line, and no other
        for text in stream:
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict) and line.get("server") == server and _is_whole(line):
                yield line


def enrolments(told: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By the hash of each invitation that was used the line that says so: of several the last, for what those before it say was never committed."""
    return {line["code_hash"]: line for line in told if line["event"] == "enrol"}


_FACTS = {"chapter": {"at", "scope", "name"}, "enrol": {"at", "code_hash", "device", "account", "scope", "role", "gathering", "public_key"},
          "revoke": {"at", "device"}, "leave": {"at", "account", "scope"}, "move": {"at", "id", "scope", "to", "people"},
          "erase": {"at", "scope", "table", "row"}}


def _is_whole(line: dict[str, Any]) -> bool:
    """Whether a line says all that makes it true; of one that is damaged nobody knows what it said, and a server has to start all the same."""
    try:
        return _FACTS.get(line["event"], set()) <= line.keys() and bytes.fromhex(line.get("public_key", "")) is not None
    except (KeyError, ValueError):
        return False


@dataclass
class _Known:
    """What of a journal the database says already."""

    state: dict[str, str]
    devices: set[str]
    keys: set[bytes]
    removed: set[str]
    invitations: set[str]
    used: set[str]
    gone: set[tuple[str, str]]
    chapters: set[str]

    def has(self, line: dict[str, Any]) -> bool:
        """Whether a line is true already; of one that is not, whoever wrote it may be about to commit."""
        match line["event"]:
            case "chapter":
                return line["scope"] in self.chapters
            case "enrol":
                return line["code_hash"] in self.used or (line["code_hash"] not in self.invitations and (
                    line["device"] in self.devices or bytes.fromhex(line["public_key"]) in self.keys))
            case "revoke":
                return line["device"] in self.removed
            case "move":
                return f"moved:{line['id']}" in self.state
            case "erase":
                return (line["scope"], line["row"]) in self.gone
        return True


def _known(connection: sa.Connection, tables: sa.MetaData) -> _Known:
    state, device, invitation, erased, head = (tables.tables[name] for name in ("server_state", "device", "invitation", "erased", "feed_head"))
    devices = connection.execute(sa.select(device.c.id, device.c.public_key, device.c.revoked_at)).all()
    invitations = connection.execute(sa.select(invitation.c.code_hash, invitation.c.used_at)).all()
    return _Known(
        state={row.key: row.value for row in connection.execute(sa.select(state.c.key, state.c.value))},
        devices={row.id for row in devices}, keys={bytes(row.public_key) for row in devices}, removed={row.id for row in devices if row.revoked_at is not None},
        invitations={row.code_hash for row in invitations}, used={row.code_hash for row in invitations if row.used_at is not None},
        gone={(row.scope, row.row_id) for row in connection.execute(sa.select(erased.c.scope, erased.c.row_id).where(erased.c.kept.is_(None)))},
        chapters=set(connection.execute(sa.select(head.c.scope)).scalars()))


def _hold_all(connection: sa.Connection, tables: sa.MetaData) -> None:
    """Wait until whoever has written a line has committed, or has not: who does holds a chapter's head, or makes one. On SQLite nobody else writes."""
    from alumni_desk.server import feed
    from alumni_desk.server.invitations import INVITING, one_at_a_time

    one_at_a_time(connection, INVITING)
    head = tables.tables["feed_head"]
    for scope in connection.execute(sa.select(head.c.scope).order_by(head.c.scope)).scalars().all():
        feed.lock_head(connection, tables, scope)


def replay(connection: sa.Connection, tables: sa.MetaData, path: Path | None, server: str) -> int:
    """Make every line true in the database; returns how many were not. Safe to repeat, and while others serve."""
    from alumni_desk.server import erasing, moved
    from alumni_desk.server.invitations import make_chapter

    told = list(lines(path, server))
    known = _known(connection, tables)
    if not all(map(known.has, told)):
        _hold_all(connection, tables)
        known = _known(connection, tables)
    device, invitation = tables.tables["device"], tables.tables["invitation"]
    again: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    enrolled, count = enrolments(told), 0
    for line in told:
        event = line["event"]
        if event == "chapter" and line["scope"] not in known.chapters:
            known.chapters.add(line["scope"])
            count += 1
            make_chapter(connection, tables, line["name"], line["at"], line["scope"])  # its laptops bring the rest
        elif event == "enrol" and line is enrolled[line["code_hash"]] and line["code_hash"] not in known.used:
            known.used.add(line["code_hash"])
            count += 1
            if line["device"] not in known.devices and bytes.fromhex(line["public_key"]) not in known.keys:
                known.keys.add(bytes.fromhex(line["public_key"]))
                _enrol_again(connection, tables, line)
            connection.execute(sa.update(invitation).where(invitation.c.code_hash == line["code_hash"]).values(used_at=line["at"], device=line["device"]))
        elif event == "revoke" and line["device"] not in known.removed:
            known.removed.add(line["device"])
            count += connection.execute(sa.update(device).where(device.c.id == line["device"]).values(revoked_at=line["at"])).rowcount
        elif event == "leave":
            grant = tables.tables["grant"]
            ended = sa.update(grant).where(grant.c.account == line["account"], grant.c.scope == line["scope"], grant.c.ended_at.is_(None),
                                           grant.c.created_at <= line["at"])
            count += connection.execute(ended.values(ended_at=line["at"])).rowcount
        elif event == "move" and f"moved:{line['id']}" not in known.state:
            count += 1
            moved.move_again(connection, tables, line, path, bytes.fromhex(known.state["secret"]))
        elif event == "erase" and (line["scope"], line["row"]) not in known.gone:
            known.gone.add((line["scope"], line["row"]))
            count += 1
            if _erase_again(connection, tables, line):
                again[line["scope"]][line["table"]].add(line["row"])
    for scope, rows in again.items():
        erasing.tell_again(connection, tables, scope, rows)
    return count


def _enrol_again(connection: sa.Connection, tables: sa.MetaData, line: dict[str, Any]) -> None:
    """A laptop that joined after the backup goes on as before; what it is called, and whose it is where no invitation says it, comes with its next hello."""
    head, invitation = tables.tables["feed_head"], tables.tables["invitation"]
    if line["scope"] != "*" and connection.execute(sa.select(head.c.scope).where(head.c.scope == line["scope"])).first() is None:
        return  # its chapter was made after the backup, by a version whose journal did not say so: there is nothing to join
    at = line["at"]
    whose = connection.execute(sa.select(invitation.c.name).where(invitation.c.code_hash == line["code_hash"])).scalar()
    connection.execute(sa.insert(tables.tables["account"]).values(id=line["account"], name=whose, created_at=at))
    connection.execute(sa.insert(tables.tables["device"]).values(id=line["device"], account=line["account"], public_key=bytes.fromhex(line["public_key"]),
                                                                 created_at=at))
    connection.execute(sa.insert(tables.tables["grant"]).values(scope=line["scope"], account=line["account"], role=line["role"],
                                                                gathering=line["gathering"], created_at=at, until=line.get("until")))


def _erase_again(connection: sa.Connection, tables: sa.MetaData, line: dict[str, Any]) -> bool:
    """A row that was erased keeps its id and what is about nobody. Returns whether this server knows such rows."""
    from alumni_desk.server import erasing

    name, scope, row = line["table"], line["scope"], line["row"]
    table = tables.tables.get(name)
    if table is None or "clocks" not in table.c or not is_id(row):
        return False
    erasing.clear(connection, tables, scope, name, [row], line["at"])
    erasing.note(connection, tables, scope, [(name, row)], line["at"])
    erasing.forget(connection, tables, scope, {(name, row)})
    return True
