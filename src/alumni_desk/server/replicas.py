"""Which device a clock's third part stands for, so that a desk's History can name who wrote a value elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import sqlalchemy as sa

from alumni_desk.protocol.messages import Author
from alumni_desk.server.bulk import put_rows
from alumni_desk.server.feed import LockedHead


def keep_replicas(connection: sa.Connection, tables: sa.MetaData, locked: LockedHead, names: Mapping[str, str], known: Collection[str]) -> bool:
    """Note replicas that are not ``known``, each as its device's; whoever wrote under one first keeps it. The caller holds the head. Returns whether any is."""
    put_rows(connection, tables.tables["replica"], [{"scope": locked.scope, "replica": name, "device": names[name], "sequence": locked.sequence}
                                                    for name in sorted(names.keys() - set(known))])
    return bool(names.keys() - set(known))


def authors(connection: sa.Connection, tables: sa.MetaData, scope: str, after: int, until: int) -> dict[str, Author]:
    """Whose the replicas are that first wrote in this part of the feed: each is told once to whoever pulls on."""
    table, device, account = (tables.tables[name] for name in ("replica", "device", "account"))
    query = (sa.select(table.c.replica, account.c.name.label("who"), device.c.name.label("device"))
             .join_from(table, device, device.c.id == table.c.device).join(account, account.c.id == device.c.account, isouter=True)
             .where(table.c.scope == scope, table.c.sequence > after, table.c.sequence <= until))
    return {row.replica: Author(row.who, row.device) for row in connection.execute(query)}
