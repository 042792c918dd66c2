"""The laptops that joined, for those who look after the server."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from alumni_desk.server.state import Server


@dataclass(frozen=True)
class DeviceRow:
    """A laptop in one chapter. ``last_seen``: milliseconds since 1970."""

    id: str
    name: str | None
    chapter: str | None
    role: str
    last_seen: int | None
    revoked: bool


def device_rows(server: Server) -> list[DeviceRow]:
    """Every device with each chapter it belongs to, the newest first."""
    device, grant, chapter = (server.tables.tables[name] for name in ("device", "grant", "chapter"))
    query = (
        sa.select(device.c.id, device.c.name, chapter.c.name.label("chapter"), grant.c.role, device.c.last_seen, device.c.revoked_at)
        .join_from(device, grant, grant.c.account == device.c.account)
        .join(chapter, (chapter.c.scope == grant.c.scope) & (chapter.c.id == grant.c.scope), isouter=True)
        .order_by(device.c.created_at.desc(), device.c.id)
    )
    with server.database.reading() as connection:
        return [DeviceRow(row.id, row.name, row.chapter, row.role, row.last_seen, row.revoked_at is not None) for row in connection.execute(query)]
