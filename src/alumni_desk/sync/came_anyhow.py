"""Somebody was let in whom another laptop had taken off the list meanwhile. Nobody may be inside and count nowhere: a leader's laptop that hears of both puts
them back on the list, and every laptop hears of that."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta

import sqlalchemy as sa

from alumni_desk.store.desk import Desk
from alumni_desk.store.listed import each

EVENT = "guests_came_anyhow"
LATEST = timedelta(days=60)
"""Of gatherings that began so long ago at most: a door's laptop may come late to the server."""


def put_back(desk: Desk) -> int:
    """Put back on its list whoever was let in, if that was not taken back, and is off it. For a desk that has the whole chapter. Returns how many."""
    with desk.reading() as connection:
        found = _off_the_list(connection, desk)
    for gathering, registrations in found.items():
        with desk.writing(EVENT, gathering=gathering) as writing:
            for one in registrations:
                writing.change("registration", one, gone=False)
    return sum(map(len, found.values()))


def _off_the_list(connection: sa.Connection, desk: Desk) -> dict[str, list[str]]:
    """Registrations by gathering. Whoever was removed as a member, too, or was a guest whose addition was undone, counts there and stays no member, as
    those do who are removed after they came."""
    since = f"{desk.now() - LATEST:%Y-%m-%d}"
    found: dict[str, list[str]] = defaultdict(list)
    for gathering, registration in connection.exec_driver_sql(_OFF, (since,)):
        found[gathering].append(registration)
    return found


# CROSS: in this order, for what has been taken off lists is nowhere by itself.
_OFF = ("SELECT DISTINCT g.id, r.id FROM gathering AS g CROSS JOIN fact AS f INDEXED BY fact_gathering_registration ON f.gathering = g.id"
        " CROSS JOIN registration AS r ON r.id = f.registration JOIN person AS p ON p.id = r.person"
        " WHERE g.starts >= ? AND NOT g.gone AND f.kind = 'in' AND NOT f.gone AND r.gone AND p.id NOT IN (SELECT id FROM erased) AND NOT EXISTS"
        f" (SELECT 1 FROM fact AS void, {each('void.closes')} AS closed WHERE void.gathering = g.id AND void.kind = 'void' AND NOT void.gone"
        " AND closed.value = f.id) ORDER BY g.id, r.id")
