"""The feed of a scope: which rows changed, in which order. Its head's lock makes commit order equal sequence order."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from alumni_desk.protocol.messages import Cursor, Head
from alumni_desk.server.asking import ask, tell
from alumni_desk.server.audiences import CHAPTER, Entry
from alumni_desk.server.bulk import add_rows, put_rows

_LOCK = "SELECT head, chain, audited, audit_hash FROM feed_head WHERE scope = ?"
LOCK = {"postgresql": f"{_LOCK} FOR UPDATE", "sqlite": _LOCK}  # SQLite has one writer at a time


HEAD = "SELECT head, chain, timeline FROM feed_head WHERE scope = ?"
CHAIN_AT = "SELECT chain FROM feed_chain WHERE scope = ? AND sequence >= ? ORDER BY sequence LIMIT 1"
FLOOR = "SELECT value FROM server_state WHERE key = ?"

_LEFT = "SELECT 1 FROM feed WHERE scope = ? AND audience = ? AND sequence > ? AND gone LIMIT 1"

ENTRY = ("scope", "audience", "table_name", "row_id", "sequence", "gone")


@dataclass
class LockedHead:
    """A scope's head inside a push: held until the commit. With it the number and the hash of the last entry of its audit."""

    scope: str
    sequence: int
    chain: str
    audited: int
    audit_hash: str


def begin_feed(connection: sa.Connection, tables: sa.MetaData, scope: str) -> None:
    """Give a new scope its empty feed."""
    head = tables.tables["feed_head"]
    connection.execute(sa.insert(head).values(scope=scope, head=0, chain="", timeline=str(uuid.uuid4())))


def lock_head(connection: sa.Connection, tables: sa.MetaData, scope: str) -> LockedHead | None:
    """Hold the scope's head until the transaction ends; None if there is no such scope."""
    return locked_from(scope, ask(connection, LOCK[connection.dialect.name], scope)())


def locked_from(scope: str, rows: Sequence[Sequence[Any]]) -> LockedHead | None:
    """The same from what ``LOCK`` found."""
    return LockedHead(scope, *rows[0]) if rows else None


def touch(connection: sa.Connection, tables: sa.MetaData, locked: LockedHead, changed: Iterable[tuple[str, str, bool]],
          audiences: Sequence[Entry] = (), new: Container[tuple[str, str]] = ()) -> dict[tuple[str, str], int]:
    """Move rows (table, id, gone) to the end of the chapter's feed, and rows of the gatherings' feeds to the end of theirs.

    Returns the sequence that each changed row got; it has the same in every feed. A row that only entered or left a gathering's gets one of its own.
    ``new``: rows that were not there before, so they are hardly in the chapter's feed.
    """
    added: list[tuple[Any, ...]] = []
    moved: list[tuple[Any, ...]] = []
    sequences: dict[tuple[str, str], int] = {}
    for table, row_id, gone in changed:
        locked.sequence += 1
        sequences[table, row_id] = locked.sequence
        (added if (table, row_id) in new else moved).append((locked.scope, CHAPTER, table, row_id, locked.sequence, gone))
    places = dict(sequences) if audiences else sequences
    for audience, table, row_id, gone in audiences:
        if (table, row_id) not in places:
            locked.sequence += 1
            places[table, row_id] = locked.sequence
        moved.append((locked.scope, audience, table, row_id, places[table, row_id], gone))
    add_rows(connection, tables.tables["feed"], ENTRY, added)
    put_rows(connection, tables.tables["feed"], [dict(zip(ENTRY, entry, strict=True)) for entry in moved])
    return sequences


def move_head(connection: sa.Connection, tables: sa.MetaData, locked: LockedHead) -> None:
    """Write the head, its chain and the end of its audit back, and remember the chain there for the cursors to come."""
    tell(connection, "UPDATE feed_head SET head = ?, chain = ?, audited = ?, audit_hash = ? WHERE scope = ?",
         locked.sequence, locked.chain, locked.audited, locked.audit_hash, locked.scope)
    put_rows(connection, tables.tables["feed_chain"], [{"scope": locked.scope, "sequence": locked.sequence, "chain": locked.chain}])


def head_of(connection: sa.Connection, tables: sa.MetaData, scope: str) -> Head:
    """How far a scope has come."""
    return head_from(ask(connection, HEAD, scope)())


def head_from(rows: Sequence[Sequence[Any]]) -> Head:
    """The same from what ``HEAD`` found."""
    return Head(*rows[0]) if rows else Head(sequence=0, chain="")


def chain_at(connection: sa.Connection, tables: sa.MetaData, scope: str, sequence: int, head: Head | None = None) -> str:
    """The chain's hash after the push that a sequence is part of: a page may end inside one, and what lies before does not tell it from another."""
    if head is not None and head.sequence == sequence:
        return head.chain
    return value_from(ask(connection, CHAIN_AT, scope, sequence)())


def value_from(rows: Sequence[Sequence[Any]]) -> str:
    """The one value that was asked for, ``CHAIN_AT`` or ``FLOOR``; empty where there is none."""
    return str(rows[0][0]) if rows else ""


def is_known(connection: sa.Connection, tables: sa.MetaData, scope: str, cursor: Cursor, head: Head | None = None) -> bool:
    """Whether a cursor is a place in this feed, and not in one that was lost by a restore. ``head``: of the scope, where it was asked for already."""
    if cursor.sequence == 0:
        return True
    head = head or head_of(connection, tables, scope)
    return is_place(cursor, head, lambda: chain_at(connection, tables, scope, cursor.sequence, head))


def is_place(cursor: Cursor, head: Head, chain: Callable[[], str]) -> bool:
    """The same where all is known: the head, and what the chain is at the cursor, asked for if it matters."""
    return cursor.sequence == 0 or (0 < cursor.sequence <= head.sequence and chain() == cursor.chain)


def backed_up(connection: sa.Connection, tables: sa.MetaData, scope: str) -> int:
    """Up to which sequence a backup of the server holds the scope."""
    head = tables.tables["feed_head"]
    return connection.execute(sa.select(head.c.backed_up).where(head.c.scope == scope)).scalar() or 0


def place_before(connection: sa.Connection, tables: sa.MetaData, scope: str, moment: int) -> int | None:
    """Up to which sequence everything in a scope's feeds was entered before a moment (milliseconds since 1970); None: nothing was, as far as is known."""
    result = tables.tables["operation_result"]
    last = connection.execute(sa.select(sa.func.max(result.c.sequence)).where(result.c.scope == scope, result.c.received_at < moment)).scalar()
    if last is None:
        return None
    # What lies between two results was entered with the later one, or came without any.
    newer = connection.execute(sa.select(sa.func.min(result.c.sequence)).where(result.c.scope == scope, result.c.sequence > last)).scalar()
    return int(last if newer is None else newer - 1)


def has_left(connection: sa.Connection, scope: str, audience: str, sequence: int) -> bool:
    """Whether a row has left an audience after a place in its feed."""
    return bool(ask(connection, _LEFT, scope, audience, sequence)())


def is_too_old(connection: sa.Connection, tables: sa.MetaData, scope: str, audience: str, cursor: Cursor) -> bool:
    """Whether marks of what has gone were taken out of this feed after the cursor: what it would not hear of."""
    return is_below(cursor, floor_of(connection, tables, scope, audience))


def is_below(cursor: Cursor, floor: int) -> bool:
    """The same where it is known up to where they were."""
    return 0 < cursor.sequence < floor


def floor_of(connection: sa.Connection, tables: sa.MetaData, scope: str, audience: str) -> int:
    """Up to which sequence an audience's feed does not tell any more what has gone."""
    return int(value_from(ask(connection, FLOOR, floor_key(scope, audience))()) or 0)


def floor_key(scope: str, audience: str) -> str:
    """Under which key of ``server_state`` that stands."""
    return f"floor:{scope}:{audience}"
