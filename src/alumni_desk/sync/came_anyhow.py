"""Somebody was let in whom another laptop had taken off the list meanwhile. Nobody may be inside and count nowhere: a leader's laptop that hears of both puts
them back on the list, and every laptop hears of that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta

from alumni_desk.store.desk import Desk
from alumni_desk.store.listed import each

EVENT, BACK = "guests_came_anyhow", "gathering_came_anyhow"
LATEST = timedelta(days=60)
"""Of gatherings that began so long ago at most: a door's laptop may come late to the server."""


def put_back(desk: Desk) -> int:
    """Put back on its list whoever was let in, if that was not taken back, and is off it; and the gathering whose planning was undone meanwhile. For a desk
    that has the whole chapter. Returns how many rows."""
    since = f"{desk.now() - LATEST:%Y-%m-%d}"
    gatherings, guests = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    with desk.reading() as connection:
        for gathering, gathering_gone, guest, guest_gone in connection.exec_driver_sql(_OFF, (since,)):
            if gathering_gone:
                gatherings[gathering] = [gathering]
            if guest_gone:
                guests[gathering].append(guest)
    return _put_back(desk, "gathering", BACK, gatherings) + _put_back(desk, "registration", EVENT, guests)


def _put_back(desk: Desk, table: str, event: str, found: Mapping[str, Sequence[str]]) -> int:
    for gathering, rows in found.items():
        with desk.writing(event, gathering=gathering) as writing:
            for row in rows:
                writing.change(table, row, gone=False)
    return sum(map(len, found.values()))


# CROSS: in this order, for what has been taken off lists is nowhere by itself. Whoever was removed as a member, too, or was a guest whose addition was undone,
# counts there and stays no member, as who is removed after they came.
_OFF = ("SELECT DISTINCT g.id, g.gone, r.id, r.gone FROM gathering AS g CROSS JOIN fact AS f INDEXED BY fact_gathering_registration ON f.gathering = g.id"
        " CROSS JOIN registration AS r ON r.id = f.registration JOIN person AS p ON p.id = r.person"
        " WHERE g.starts >= ? AND f.kind = 'in' AND NOT f.gone AND (g.gone OR r.gone) AND p.standing IS NOT 'moved'"
        " AND p.id NOT IN (SELECT id FROM erased) AND NOT EXISTS"
        f" (SELECT 1 FROM fact AS void, {each('void.closes')} AS closed WHERE void.gathering = g.id AND void.kind = 'void' AND NOT void.gone"
        " AND closed.value = f.id) ORDER BY g.id, r.id")
