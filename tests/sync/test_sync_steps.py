"""What one change costs a desk does not depend on how many members it has: nothing goes through all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from alumni_desk.store.desk import Desk
from alumni_desk.sync.engine import join, sync_once

MakeDesk = Callable[[str], Desk]


class Steps:
    """Counts what SQLite does for a desk, writing and reading, in its own small steps."""

    def __init__(self, desk: Desk) -> None:
        self.count = 0
        for engine in (desk._writers, desk._readers):
            sa.event.listen(engine, "checkout", self._watch)
        self._watch(desk._opened().connection.dbapi_connection)

    def _watch(self, raw: Any, *_more: Any) -> None:
        raw.set_progress_handler(self._step, 10)

    def _step(self) -> int:
        self.count += 1
        return 0


def test_a_change_costs_both_laptops_the_same_with_few_members_and_with_many(office: Any, make_desk: MakeDesk) -> None:
    one, two = make_desk("one"), make_desk("two")
    join(one, office.url, office.invite())
    sync_once(one)
    join(two, office.url, office.invite())
    sync_once(two)
    watched = {"writes it": Steps(one), "hears of it": Steps(two)}

    def steps(more: int) -> dict[str, int]:
        """Of one change, once there are so many members more."""
        with one.writing("import", queue="load") as writing:
            writing.add_many("person", [{"standing": "member", "last_name": f"Name {n}", "city": "Boston"} for n in range(more)])
        for desk in (one, two):
            sync_once(desk)
        with one.reading() as connection:
            person = str(connection.exec_driver_sql("SELECT id FROM person LIMIT 1").scalar())
        found = dict.fromkeys(watched, 0)
        for city in ("Lowell", "Salem"):  # the second is counted: whatever is done once is done
            with one.writing("changed") as writing:
                writing.change("person", person, city=city)
            for part in watched.values():
                part.count = 0
            for desk in (one, two):
                sync_once(desk)
            found = {name: part.count for name, part in watched.items()}
        return found

    few, many = steps(100), steps(3_000)
    for name in watched:
        assert 0 < many[name] < few[name] * 1.5 + 100, f"who {name}: {few[name]} steps, with 30 times as many members {many[name]}"
