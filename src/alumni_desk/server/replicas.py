"""Which device a clock's third part stands for, so that a desk's History can name who wrote a value elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import sqlalchemy as sa

from alumni_desk.protocol.messages import Author
from alumni_desk.server.asking import ask
from alumni_desk.server.bulk import chunks, put_rows
from alumni_desk.server.feed import LockedHead

_AUTHORS = ("SELECT replica.replica, account.name, device.name FROM replica JOIN device ON device.id = replica.device"
            " LEFT JOIN account ON account.id = device.account WHERE replica.scope = ? AND replica.sequence > ? AND replica.sequence <= ?")


def keep_replicas(connection: sa.Connection, tables: sa.MetaData, locked: LockedHead, names: Mapping[str, str], known: Collection[str]) -> bool:
    """Note replicas that are not ``known``, each as its device's; whoever wrote under one first keeps it. The caller holds the head. Returns whether any is."""
    put_rows(connection, tables.tables["replica"], [{"scope": locked.scope, "replica": name, "device": names[name], "sequence": locked.sequence}
                                                    for name in sorted(names.keys() - set(known))])
    return bool(names.keys() - set(known))


def known_replicas(connection: sa.Connection, tables: sa.MetaData, scope: str, named: Collection[str]) -> set[str]:
    """Those of these replicas that somebody has."""
    table = tables.tables["replica"]
    found: set[str] = set()
    for part in chunks(sorted(named)):
        found.update(connection.execute(sa.select(table.c.replica).where(table.c.scope == scope, table.c.replica.in_(part))).scalars())
    return found


def replicas_of(connection: sa.Connection, tables: sa.MetaData, scope: str, device: str, named: Collection[str], written: Collection[str]) -> set[str]:
    """Which of the replicas ``named`` are a device's. ``written``: those that it writes under now; what nobody has of them becomes its own.

    Nobody has the replicas of whoever has not come yet, where another laptop brought a chapter from its former server.
    """
    table = tables.tables["replica"]
    whose: dict[str, str] = {}
    for part in chunks(sorted(named)):
        whose.update(connection.execute(sa.select(table.c.replica, table.c.device).where(table.c.scope == scope, table.c.replica.in_(part))).all())
    return {name for name in named if whose.get(name, device if name in written else None) == device}


def authors(connection: sa.Connection, tables: sa.MetaData, scope: str, after: int, until: int) -> dict[str, Author]:
    """Whose the replicas are that first wrote in this part of the feed: each is told once to whoever pulls on."""
    return asked_authors(connection, scope, after, until)()


def asked_authors(connection: sa.Connection, scope: str, after: int, until: int) -> Callable[[], dict[str, Author]]:
    """The same, asked now and answered later."""
    answer = ask(connection, _AUTHORS, scope, after, until)
    return lambda: {name: Author(who, device) for name, who, device in answer()}
