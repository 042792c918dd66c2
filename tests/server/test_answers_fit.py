"""No answer is larger than a laptop takes, however much there is to be told."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from alumni_desk.protocol.messages import (
    BODY_LIMIT,
    ConflictsReply,
    Cursor,
    DecideRequest,
    Decision,
    DigestReply,
    DigestRequest,
    HelloReply,
    HelloRequest,
    ScopeRequest,
    SetAsideReply,
    unpack,
)

LONG = "x" * 60_000


def test_of_conflicts_between_long_values_the_newest_are_told_and_the_others_once_those_are_decided(office: Any) -> None:
    laptop = office.laptop()
    rows = [{"scope": laptop.scope, "operation": f"01900000-0000-7000-8000-{number:012x}", "field": "notes", "table_name": "person", "row_id": f"id {number}",
             "winner_clock": f"2-{number}-a", "loser_clock": f"1-{number}-b", "loser_value": f'"{LONG}"', "device": laptop.device,
             "made_at": office.time() - number} for number in range(200)]
    with office.server.database.writing() as connection:
        connection.execute(sa.insert(office.server.tables.tables["conflict"]), rows)
    answer, told = office.ask("conflicts", ScopeRequest(laptop.scope), laptop.token), list[str]()
    while (found := unpack(answer.body, ConflictsReply).conflicts) and len(told) < len(rows):
        assert len(answer.body) <= BODY_LIMIT
        told += [one.operation for one in found]
        answer = office.ask("conflicts/decide", DecideRequest(laptop.scope, [Decision(one.operation, one.field, True) for one in found]), laptop.token)
    assert told == [row["operation"] for row in rows]


def test_of_long_changes_that_were_set_aside_as_many_are_told_as_there_is_room_for(office: Any) -> None:
    leader, other = office.laptop(), office.laptop()
    office.call(f"devices/{other.device}/revoke", HelloRequest(), HelloReply, leader.token)
    somebody = other.operation(last_name="Walk-in")
    for _time in range(3):
        other.push(somebody, *(other.operation(row=somebody.row, notes=LONG) for _n in range(70)))
    answer = office.ask("set-aside", ScopeRequest(leader.scope), leader.token)
    assert len(answer.body) <= BODY_LIMIT
    [lot] = unpack(answer.body, SetAsideReply).parcels
    assert lot.operations == 211 and lot.changes
    answer = office.ask(f"set-aside/{lot.id}/changes", ScopeRequest(leader.scope), leader.token)
    assert len(answer.body) <= BODY_LIMIT
    assert 50 < len(unpack(answer.body, SetAsideReply).parcels[0].changes) < 211


def test_of_many_lots_of_long_changes_each_is_told(office: Any) -> None:
    leader, other = office.laptop(), office.laptop()
    office.call(f"devices/{other.device}/revoke", HelloRequest(), HelloReply, leader.token)
    for _time in range(3):
        other.push(*(other.operation(last_name=f"Late {n}", notes=LONG) for n in range(70)))
    answer = office.ask("set-aside", ScopeRequest(leader.scope), leader.token)
    assert len(answer.body) <= BODY_LIMIT
    assert sum(lot.operations for lot in unpack(answer.body, SetAsideReply).parcels) == 210


def test_what_only_calls_itself_a_command_has_no_more_room_than_others(office: Any) -> None:
    leader, other = office.laptop(), office.laptop()
    office.call(f"devices/{other.device}/revoke", HelloRequest(), HelloReply, leader.token)
    for _time in range(3):
        other.push(*(msgspec.structs.replace(other.operation(notes=LONG), kind="command") for _n in range(70)))
    other.push(*(msgspec.structs.replace(other.operation(command="erase"), kind="command") for _n in range(50)))
    answer = office.ask("set-aside", ScopeRequest(leader.scope), leader.token)
    assert len(answer.body) <= BODY_LIMIT
    lots = unpack(answer.body, SetAsideReply).parcels
    assert sum(lot.operations for lot in lots) == 260
    assert sum(one.fields == {"command": "erase"} for lot in lots for one in lot.changes) == 50, "each of those is told"


def test_rows_that_differ_are_told_in_as_many_answers_as_it_takes(office: Any) -> None:
    laptop = office.laptop()
    for _time in range(3):
        laptop.push(*(laptop.operation(last_name=f"Late {n}", notes=LONG) for n in range(70)))
    head = office.call("hello", HelloRequest(), HelloReply, laptop.token).heads[laptop.scope]
    wanted, came = list(range(256)), 0
    while wanted:
        request = DigestRequest(laptop.scope, Cursor(head.sequence, head.chain), {"person": ["id", "notes"]}, want=wanted)
        answer = office.ask("digest", request, laptop.token)
        assert len(answer.body) <= BODY_LIMIT
        reply = unpack(answer.body, DigestReply)
        came += sum(len(block.rows) for block in reply.blocks if block.table == "person")
        wanted = [part for part in wanted if part not in reply.given]
    assert came == 210
