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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from alumni_desk.protocol.values import is_id
from alumni_desk.server import sealed_moves

FILE = "server-journal.jsonl"


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
            if isinstance(line, dict) and line.get("server") == server:
                yield line


def replay(connection: sa.Connection, tables: sa.MetaData, path: Path | None, server: str) -> int:
    """Make every line true in the database; returns how many were not. Safe to repeat."""
    from alumni_desk.server import erasing, moved
    from alumni_desk.server.invitations import make_chapter

    state = tables.tables["server_state"]
    known = {row.key: row.value for row in connection.execute(sa.select(state.c.key, state.c.value))}
    device, invitation, erased = (tables.tables[name] for name in ("device", "invitation", "erased"))
    there = {row.id: row for row in connection.execute(sa.select(device.c.id, device.c.public_key, device.c.revoked_at))}
    keys = {bytes(row.public_key) for row in there.values()}
    removed = {row.id for row in there.values() if row.revoked_at is not None}
    used = set(connection.execute(sa.select(invitation.c.code_hash).where(invitation.c.used_at.is_not(None))).scalars())
    gone = {(row.scope, row.row_id) for row in connection.execute(sa.select(erased.c.scope, erased.c.row_id).where(erased.c.kept.is_(None)))}
    chapters = set(connection.execute(sa.select(tables.tables["feed_head"].c.scope)).scalars())
    again: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    count = 0
    for line in lines(path, server):
        event = line["event"]
        if event == "chapter" and line["scope"] not in chapters:
            chapters.add(line["scope"])
            count += 1
            make_chapter(connection, tables, line["name"], line["at"], line["scope"])  # its laptops bring the rest
        elif event == "enrol" and line["code_hash"] not in used:
            used.add(line["code_hash"])
            count += 1
            if line["device"] not in there and bytes.fromhex(line["public_key"]) not in keys:
                keys.add(bytes.fromhex(line["public_key"]))
                _enrol_again(connection, tables, line)
            connection.execute(sa.update(invitation).where(invitation.c.code_hash == line["code_hash"]).values(used_at=line["at"], device=line["device"]))
        elif event == "revoke" and line["device"] not in removed:
            removed.add(line["device"])
            count += connection.execute(sa.update(device).where(device.c.id == line["device"]).values(revoked_at=line["at"])).rowcount
        elif event == "leave":
            grant = tables.tables["grant"]
            ended = sa.update(grant).where(grant.c.account == line["account"], grant.c.scope == line["scope"], grant.c.ended_at.is_(None),
                                           grant.c.created_at <= line["at"])
            count += connection.execute(ended.values(ended_at=line["at"])).rowcount
        elif event == "move" and f"moved:{line['id']}" not in known:
            count += 1
            moved.move_again(connection, tables, line, path, bytes.fromhex(known["secret"]))
        elif event == "erase" and (line["scope"], line["row"]) not in gone:
            gone.add((line["scope"], line["row"]))
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
