"""Clocks at another server: what those are that the former one made to count as others, because they ran ahead; and which were known of it.

Such a clock keeps the original between milliseconds and replica, and no laptop writes under one of that form.
"""

from __future__ import annotations

import sqlalchemy as sa

from alumni_desk.protocol.clocks import unpack
from alumni_desk.protocol.messages import REPLICAS_SEEN
from alumni_desk.store import fates
from alumni_desk.store.tables import CARRIED, CHAPTER_MOVED
from alumni_desk.sync.shapes import shapes

_COUNTER = 4


def plain(clock: str) -> str:
    """The clock in the form that laptops write, at the moment that it counts as."""
    moment, between, replica = clock.split("-")
    return f"{moment}-{between[-_COUNTER:]}-{replica}"


def counts_as(clock: str, original: str) -> bool:
    """Whether a clock is this one of a laptop, or what a server made it count as."""
    moment, counter, replica = original.split("-")
    return clock == original or clock.partition("-")[2] == f"{moment}{counter}-{replica}"


def written_as(clock: str) -> str:
    """The clock of a laptop that this one is, or that a server made to count as this one."""
    _moment, between, replica = clock.split("-") if clock.count("-") == 2 else ("", clock, "")  # of what was never written there is none
    return clock if not replica or len(between) == _COUNTER else f"{between[:-_COUNTER]}-{between[-_COUNTER:]}-{replica}"


def own_replicas(connection: sa.Connection) -> list[str]:
    """The replicas under which this laptop itself wrote what is here."""
    return list(connection.exec_driver_sql("SELECT DISTINCT substr(clock, -16) FROM operation WHERE queue <> 'peer' AND event NOT IN (?, ?) ORDER BY 1",
                                           CARRIED).scalars())


def carries(connection: sa.Connection) -> bool:
    """Whether what waits here to be sent is, in part, what others had written at a former server."""
    return connection.exec_driver_sql(f"SELECT 1 {fates.FROM_WAITING} WHERE o.event = ? LIMIT 1", (CHAPTER_MOVED,)).first() is not None


_WRITTEN = ("SELECT max(clock) FROM past GROUP BY substr(clock, -16)",
            "SELECT max(clock) FROM operation WHERE queue <> 'peer' GROUP BY substr(clock, -16)",
            "SELECT max(j.value) FROM operation AS o, json_each(o.before) AS j WHERE o.before NOT IN ('', '{}') AND o.queue <> 'peer' AND j.value IS NOT NULL"
            " GROUP BY substr(j.value, -16)")


def seen(connection: sa.Connection) -> dict[str, str]:
    """Of each replica the greatest clock that is known here, in the rows, in what stood there before, and in what was done here."""
    greatest: dict[str, str] = {}

    def note(clock: str) -> None:
        name = clock[-16:]
        greatest[name] = max(greatest.get(name, ""), plain(clock))

    for shape in shapes().values():
        if shape.kind == "put":
            for text in connection.exec_driver_sql(f'SELECT DISTINCT clocks FROM "{shape.name}"').scalars():
                for clock in set(unpack(text).values()):
                    note(clock)
    for question in _WRITTEN:
        for clock in connection.exec_driver_sql(question).scalars():
            note(clock)
    return dict(sorted(greatest.items(), key=lambda one: one[1], reverse=True)[:REPLICAS_SEEN])
