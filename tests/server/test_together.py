"""Pushes that wait together are one transaction, and nobody can tell: neither by the answers nor by what is kept."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import PushReply
from alumni_desk.server import audit
from alumni_desk.server.push import Sent, push_together
from alumni_desk.server.together import Together


def together(office: Any, those: Sequence[tuple[Any, Any]]) -> list[PushReply]:
    """What several laptops of one chapter send, in one transaction: pairs of laptop and request."""
    with office.server.database.writing() as connection:
        return push_together(connection, office.server.tables, [Sent(message.parcels, "leader", laptop.device) for laptop, message in those],
                             scope=those[0][0].scope, now=office.time())


def test_each_has_its_own_answer_and_its_own_entry_in_the_audit(office: Any) -> None:
    laptops = [office.laptop() for _n in range(3)]
    operations = [[laptop.operation(last_name=f"Ray {n}-{m}") for m in range(n + 1)] for n, laptop in enumerate(laptops)]
    operations[1].append(laptops[1].operation(unheard_of="x"))
    those = [(laptop, laptop.parcels(*mine)) for laptop, mine in zip(laptops, operations, strict=True)]
    replies = together(office, those)
    assert [[result.id for result in reply.results] for reply in replies] == [[one.id for one in mine] for mine in operations]
    assert [result.status for result in replies[1].results] == ["ok", "ok", "invalid"]
    assert len({(reply.head, reply.chain) for reply in replies}) == 1
    rows = laptops[0].rows()
    assert sorted(values["last_name"] for (table, _id), values in rows.items() if table == "person") == [
        "Ray 0-0", "Ray 1-0", "Ray 1-1", "Ray 2-0", "Ray 2-1", "Ray 2-2"]
    again = together(office, those)
    assert [[result.settled for result in reply.results] for reply in again] == [[result.settled for result in reply.results] for reply in replies]
    with office.server.database.reading() as connection:
        assert audit.check(connection, office.server.tables).broken == []
        noted = [entry.device for entry in audit.entries(connection, office.server.tables, laptops[0].scope) if entry.event == "push"]
    assert noted == [laptop.device for laptop in laptops]


def test_where_two_speak_of_one_row_the_first_comes_first(office: Any) -> None:
    one, two = office.laptop("Boston"), office.laptop("Boston")
    alone, other = office.laptop("Lisbon"), office.laptop("Lisbon")
    found = []
    for first, second, at_once in ((one, two, True), (alone, other, False)):
        row = first.operation(last_name="Ray")
        first.push(row)
        messages = [(laptop, laptop.parcels(laptop.operation(row=row.row, city=city))) for laptop, city in ((first, "Salem"), (second, "Lowell"))]
        replies = together(office, messages) if at_once else [reply for message in messages for reply in together(office, [message])]
        found.append([(result.status, result.conflicts) for reply in replies for result in reply.results])
        assert first.rows()["person", row.row]["city"] == "Salem", "its clock is the greater"
    assert found[0] == found[1] == [("ok", 0), ("stale", 1)]


def test_where_one_names_whom_the_other_makes_the_first_comes_first(office: Any) -> None:
    found = []
    for chapter, at_once in (("Boston", True), ("Lisbon", False)):
        leader, gathering = office.laptop(chapter), uuid7()
        leader.push(leader.operation("gathering", gathering, name="Dinner"))
        door, guest = office.laptop(chapter, "door", gathering), leader.operation(last_name="Ray")
        place = door.operation("registration", registration_id(gathering, guest.row), gathering=gathering, person=guest.row, status="yes")
        those = [Sent(leader.parcels(guest).parcels, "leader", leader.device),
                 Sent(door.parcels(place, audience=gathering).parcels, "door", door.device, gathering)]
        with office.server.database.writing() as connection:
            for group in [those] if at_once else [[one] for one in those]:
                replies = push_together(connection, office.server.tables, group, scope=leader.scope, now=office.time())
        found.append([(one.status, one.reason) for one in replies[-1].results])
    assert found[0] == found[1] == [("denied", "not_on_its_list")]


def test_whoever_waits_meanwhile_goes_together() -> None:
    batches: list[list[int]] = []

    def work(name: str, asked: Sequence[int]) -> list[int]:
        batches.append(list(asked))
        return [one * 2 for one in asked]

    async def ask() -> list[int]:
        line: Together[int, int] = Together(work, 10, asyncio.to_thread)
        first = asyncio.create_task(line.do("x", 0))
        while not batches:
            await asyncio.sleep(0)
        rest = await asyncio.gather(*(line.do("x", n) for n in range(1, 20)))
        await first
        assert not line._queues
        return rest

    assert asyncio.run(ask()) == [n * 2 for n in range(1, 20)]
    assert sorted(n for batch in batches for n in batch) == list(range(20)) and max(map(len, batches)) == 10 and len(batches) <= 4


def test_what_is_still_made_ready_keeps_its_turn() -> None:
    done: list[int] = []

    def work(name: str, asked: Sequence[int]) -> list[int]:
        done.extend(asked)
        return list(asked)

    async def ask() -> None:
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line: Together[int, int] = Together(work, 1, asyncio.to_thread)
        both = [asyncio.create_task(line.do("x", 1, after=ready)), asyncio.create_task(line.do("x", 2))]
        for _turn in range(20):
            await asyncio.sleep(0)
        assert not done
        ready.set_result(None)
        assert await asyncio.gather(*both) == [1, 2]

    asyncio.run(ask())
    assert done == [1, 2]


def test_whoever_is_gone_keeps_nobody_waiting() -> None:
    go = threading.Event()

    def work(name: str, asked: Sequence[int]) -> list[int]:
        assert go.wait(20)
        return list(asked)

    async def ask() -> int:
        line: Together[int, int] = Together(work, 10, asyncio.to_thread)
        gone, here = asyncio.create_task(line.do("x", 1)), asyncio.create_task(line.do("x", 2))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        go.set()
        return await here

    assert asyncio.run(ask()) == 2


def test_the_trouble_of_one_is_nobody_elses() -> None:
    def work(name: str, asked: Sequence[int]) -> list[int]:
        if 3 in asked:
            raise ValueError("three")
        return list(asked)

    async def ask() -> list[Any]:
        line: Together[int, int] = Together(work, 100, asyncio.to_thread)
        return await asyncio.gather(*(line.do("x", n) for n in range(6)), return_exceptions=True)

    assert [str(one) for one in asyncio.run(ask())] == ["0", "1", "2", "three", "4", "5"]


class Ended(BaseException):
    """What no handler of errors takes."""


def test_nobody_waits_for_work_that_was_ended() -> None:
    def work(name: str, asked: Sequence[int]) -> list[int]:
        if 1 in asked:
            raise Ended
        return list(asked) if 2 not in asked else []

    async def aside(work: Any, *asked: Any) -> Any:
        return work(*asked)

    async def ask() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        line: Together[int, int] = Together(work, 10, aside)
        first, second = await asyncio.wait_for(asyncio.gather(line.do("x", 1), line.do("x", 0), return_exceptions=True), 10)
        assert isinstance(first, Ended) and isinstance(second, Ended)
        with pytest.raises(ValueError):
            await asyncio.wait_for(line.do("x", 2), 10)  # an answer too few
        assert await asyncio.wait_for(line.do("x", 3), 10) == 3
        await asyncio.sleep(0)
        assert not line._queues

    asyncio.run(ask())
