"""The push transaction, on both databases: what counts, what is refused, and that nothing counts twice."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.clocks import unpack
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import PARCEL_OPERATIONS, Cursor, Operation, PullReply, PullRequest, PushReply
from alumni_desk.server.audit import entry_hash
from alumni_desk.server.clamping import AHEAD, milliseconds


def change(operation: Operation, **changes: Any) -> Operation:
    """The same operation but for these."""
    return msgspec.structs.replace(operation, **changes)


def test_a_push_is_read_back(office: Any) -> None:
    laptop = office.laptop()
    operation = laptop.operation(last_name="Ó Súilleabháin", class_year=1998, deceased=False)
    (result,) = laptop.push(operation).results
    assert (result.id, result.status) == (operation.id, "ok")
    row = laptop.rows()["person", operation.row]
    assert (row["last_name"], row["class_year"], row["deceased"], row["gone"]) == ("Ó Súilleabháin", 1998, False, False)
    assert row["sequence"] == result.sequence


def test_a_replayed_push_has_its_first_results_and_no_effect(office: Any) -> None:
    laptop = office.laptop()
    first, second = laptop.operation(last_name="A"), laptop.operation("chapter", laptop.scope, sample=True)
    request = laptop.parcels(first, second)
    before = office.call("push", request, PushReply, laptop.token)
    rows = laptop.rows()
    again = office.call("push", request, PushReply, laptop.token)
    assert [result.status for result in before.results] == ["ok", "denied"]
    assert [(result.status, result.first, result.sequence) for result in again.results] == [
        ("duplicate", result.status, result.sequence) for result in before.results]
    assert again.head == before.head
    assert laptop.rows() == rows


def test_the_same_id_with_another_content_is_no_operation(office: Any) -> None:
    laptop = office.laptop()
    operation = laptop.operation(last_name="A")
    laptop.push(operation)
    (result,) = laptop.push(change(operation, fields={"last_name": "B"})).results
    assert (result.status, result.reason) == ("invalid", "other_content")
    twice = laptop.operation(last_name="C")
    results = laptop.push(twice, twice, change(twice, fields={"last_name": "D"})).results
    assert [result.status for result in results] == ["ok", "duplicate", "invalid"]
    rows = laptop.rows()
    assert (rows["person", operation.row]["last_name"], rows["person", twice.row]["last_name"]) == ("A", "C")


def test_a_field_has_the_value_of_the_greatest_clock_in_whatever_order_they_come(office: Any) -> None:
    laptop, other = office.laptop(), office.laptop()
    for order in permutations(range(3)):
        row = uuid7()
        operations = [laptop.operation(row=row, last_name="1", city="1"), other.operation(row=row, last_name="2"),
                      laptop.operation(row=row, email="3", city="3")]
        operations = [change(one, clock=f"{office.time() + n:012x}-0000-{one.clock.rsplit('-', 1)[1]}") for n, one in enumerate(operations)]
        for index in order:
            (other if index == 1 else laptop).push(operations[index])
        found = laptop.rows()["person", row]
        assert (found["last_name"], found["email"], found["city"]) == ("2", "3", "3")


def test_what_is_carried_here_a_second_time_is_nothing_new_to_anybody(office: Any) -> None:
    laptop, other = office.laptop(), office.laptop()
    guest, evening = uuid7(), uuid7()
    there = [laptop.operation(row=guest, last_name="Li", city="Bath"), laptop.operation(row=guest, city="Salem", email="li@example.org"),
             laptop.operation("gathering", evening, name="Dinner"),
             laptop.operation("registration", registration_id(evening, guest), gathering=evening, person=guest, status="yes")]
    laptop.push(*there)
    rows, before = laptop.rows(), office.call("pull", PullRequest({laptop.scope: Cursor()}), PullReply, laptop.token).pages[laptop.scope].cursor
    follower = office.laptop()
    carried = [change(there[0], fields={"last_name": "Li"}), *there[1:]]  # each value under the clock that it has, as a move offers them
    reply = follower.push(*(change(one, id=uuid7(), action=uuid7(), transaction=uuid7()) for one in carried))
    assert {(one.status, one.conflicts) for one in reply.results} == {("ok", 0)}
    assert laptop.rows() == rows, "its place in the feed, too"
    page = office.call("pull", PullRequest({laptop.scope: before}), PullReply, laptop.token).pages[laptop.scope]
    assert (page.blocks, page.cursor) == ([], Cursor(reply.head, reply.chain)) and reply.head > before.sequence
    assert all(before.sequence <= one.sequence <= reply.head for one in reply.results)
    (newer,) = follower.push(change(there[0], id=uuid7(), fields={"class_year": 1998})).results  # under a clock that is there, and yet it says more
    assert laptop.rows()["person", guest] == {**rows["person", guest], "class_year": 1998, "sequence": newer.sequence,
                                              "clocks": laptop.rows()["person", guest]["clocks"]}
    assert other.rows() == laptop.rows()


def test_an_edit_that_loses_is_stale_and_both_values_are_kept(office: Any) -> None:
    laptop, other = office.laptop(), office.laptop()
    early = laptop.operation(email="early@example.org")
    office.time.now += 1000
    late = other.operation(row=early.row, email="late@example.org")
    other.push(late)
    (result,) = laptop.push(early).results
    assert (result.status, result.conflicts) == ("stale", 1)
    with office.server.database.reading() as connection:
        (kept,) = connection.execute(sa.select(office.server.tables.tables["conflict"])).all()
    assert (kept.field, kept.loser_value, kept.operation) == ("email", '"early@example.org"', early.id)


def test_of_whom_a_push_erases_no_value_that_lost_in_it_is_kept(office: Any) -> None:
    """The laptop did not know that the entry it changed is part of the one that it erases."""
    laptop, other = office.laptop(), office.laptop()
    person, early = laptop.operation(last_name="Ray"), laptop.operation(email="early@example.org")
    laptop.push(person)
    office.time.now += 1000
    other.push(other.operation(row=early.row, email="late@example.org"), other.operation(row=early.row, merged_into=person.row))
    erase = change(laptop.operation(row=person.row, command="erase"), kind="command")
    assert [(one.status, one.conflicts) for one in laptop.push(early, erase).results] == [("stale", 0), ("ok", 0)]
    with office.server.database.reading() as connection:
        assert not connection.execute(sa.select(office.server.tables.tables["conflict"])).all()


@pytest.mark.parametrize("wins", [True, False])
@pytest.mark.parametrize(("last", "cards"), [("b2@example.org", 1), ("a@example.org", 0)])
def test_whoever_corrects_themselves_gets_one_card_or_none_where_they_agree(office: Any, last: str, cards: int, wins: bool) -> None:
    laptop, other = office.laptop(), office.laptop()
    first = laptop.operation(email="was@example.org")
    laptop.push(first)
    office.time.now += 1000
    theirs = msgspec.structs.replace(other.operation(row=first.row, email="a@example.org"), before={"email": first.clock})
    office.time.now += 500 if wins else -500
    other.push(theirs)
    one = msgspec.structs.replace(laptop.operation(row=first.row, email="b1@example.org"), before={"email": first.clock})
    two = msgspec.structs.replace(laptop.operation(row=first.row, email=last), before={"email": one.clock})
    laptop.push(one, two)
    with office.server.database.reading() as connection:
        kept = connection.execute(sa.select(office.server.tables.tables["conflict"])).all()
    assert len(kept) == cards and all(row.loser_value in ('"a@example.org"', f'"{last}"') for row in kept)


@pytest.mark.parametrize(("changes", "reason"), [
    ({"table": "pg_catalog"}, "unknown_table"),
    ({"fields": {"shoe_size": 44}}, "unknown_field"),
    ({"fields": {"clock": "x"}}, "unknown_field"),
    ({"fields": {"scope": "x"}}, "unknown_field"),
    ({"fields": {"class_year": "1998"}}, "value"),
    ({"fields": {"last_name": 7}}, "value"),
    ({"fields": {"last_name": "a\0b"}}, "value"),
    ({"fields": {"last_name": "x" * 70_000}}, "value"),
    ({"fields": {"class_year": 2**63}}, "value"),
    ({"fields": {"gone": None}}, "value"),
    ({"fields": {}}, "empty"),
    ({"row": "../../etc"}, "id"),
    ({"id": "no"}, "id"),
    ({"kind": "fact"}, "kind"),
    ({"clock": "later"}, "clock"),
    ({"clock": "zzzzzzzzzzzz-0000-00"}, "clock"),
    ({"clock": "019f00000000-00000000000000000-0123456789abcdef"[:-1]}, "clock"),
    ({"clock": "019f00000000-0-0123456789abcdef"}, "clock"),
    ({"clock": "019f00000000-0000-0"}, "clock"),
    ({"clock": "019f00000000-0000-0123456789abcdef0"}, "clock"),
    ({"clock": "019f00000000-0000-0123456789abcdef\n"}, "clock"),
    ({"table": "chapter", "fields": {"name": "Mine"}}, "chapter"),
])
def test_what_is_malformed_is_invalid_and_has_no_effect(office: Any, changes: dict[str, Any], reason: str) -> None:
    laptop = office.laptop()
    good = laptop.operation(last_name="Good")
    rows = laptop.rows()
    results = laptop.push(change(laptop.operation(last_name="A"), **changes), good).results
    assert [(result.status, result.reason) for result in results] == [("invalid", reason), ("ok", None)]
    assert set(laptop.rows()) == {*rows, ("person", good.row)}


def test_a_command_that_nobody_knows_is_none(office: Any) -> None:
    laptop = office.laptop()
    (result,) = laptop.push(change(laptop.operation(last_name="A"), kind="command")).results
    assert (result.status, result.reason) == ("invalid", "command")


def test_a_transaction_stands_or_falls_together_but_facts_are_judged_singly(office: Any) -> None:
    laptop = office.laptop()
    bad = change(laptop.operation(last_name="A"), fields={"shoe_size": 1})
    put = change(laptop.operation(last_name="B"), transaction=bad.transaction)
    fact = change(laptop.operation("fact", kind="in"), transaction=bad.transaction)
    elsewhere = laptop.operation(last_name="C")
    results = laptop.push(bad, put, fact, elsewhere).results
    assert [(result.status, result.reason) for result in results] == [
        ("invalid", "unknown_field"), ("denied", "transaction"), ("ok", None), ("ok", None)]


def test_a_fact_may_precede_what_it_is_about_and_is_never_rewritten(office: Any) -> None:
    laptop = office.laptop()
    gathering = uuid7()
    fact = laptop.operation("fact", kind="in", gathering=gathering, registration=uuid7(), at="2026-11-24T18:00:00.000Z")
    assert laptop.push(fact, audience=gathering).results[0].status == "ok"
    again = laptop.operation("fact", fact.row, **fact.fields)
    other = laptop.operation("fact", fact.row, **{**fact.fields, "kind": "void"})
    results = laptop.push(again, other, audience=gathering).results
    assert [(result.status, result.reason) for result in results] == [("ok", None), ("invalid", "fact_is_there")]
    assert laptop.rows()["fact", fact.row]["kind"] == "in"


def test_a_registration_cannot_be_put_together_wrongly_in_one_push(office: Any) -> None:
    laptop = office.laptop()
    gathering, person = uuid7(), uuid7()
    row = registration_id(gathering, person)
    parts = [laptop.operation("registration", row, gathering=gathering), laptop.operation("registration", row, person=uuid7()),
             laptop.operation("registration", row, person=person), laptop.operation("registration", row, gathering=uuid7())]
    assert [result.reason for result in laptop.push(*parts).results] == [None, "registration", None, "registration"]
    found = laptop.rows()["registration", row]
    assert (found["gathering"], found["person"]) == (gathering, person)


def test_a_fact_says_what_kind_it_is(office: Any) -> None:
    laptop = office.laptop()
    facts = [laptop.operation("fact", gathering=uuid7()), laptop.operation("fact", kind=None, gathering=uuid7()), laptop.operation("fact", kind="in"),
             laptop.operation("fact", kind="of a later version")]
    assert [result.reason for result in laptop.push(*facts).results] == ["required", "required", None, "fact_kind"]


def test_a_registration_has_the_one_id_that_it_can_have(office: Any) -> None:
    laptop = office.laptop()
    gathering, person = uuid7(), uuid7()
    right = laptop.operation("registration", registration_id(gathering, person), gathering=gathering, person=person, status="yes")
    assert laptop.push(right, audience=gathering).results[0].status == "ok"
    wrong = laptop.operation("registration", gathering=gathering, person=person)
    moved = laptop.operation("registration", right.row, person=uuid7())
    results = laptop.push(wrong, moved).results
    assert [result.reason for result in results] == ["registration", "registration"]


def test_what_is_for_the_chapter_does_not_go_to_a_gathering(office: Any) -> None:
    laptop = office.laptop()
    gathering = uuid7()
    assert laptop.push(laptop.operation(email="a@example.org"), audience=gathering).results[0].reason == "audience"
    assert laptop.push(laptop.operation("fact", kind="in", gathering=uuid7()), audience=gathering).results[0].reason == "audience"
    assert laptop.push(laptop.operation(last_name="A"), audience="everybody").results[0].reason == "audience"
    assert laptop.push(laptop.operation(last_name="A"), audience=gathering).results[0].status == "ok"


def test_clocks_ahead_never_block_and_keep_their_order(office: Any) -> None:
    laptop, other = office.laptop(), office.laptop()
    row, year = uuid7(), 365 * 24 * 3600 * 1000
    later = change(laptop.operation(row=row, city="later"), clock=laptop.clock(office.time() + 2 * year))
    sooner = change(laptop.operation(row=row, city="sooner", email="kept"), clock=laptop.clock(office.time() + year))
    (result,) = laptop.push(later).results
    assert result.status == "clamped" and result.clock is not None and milliseconds(result.clock) == office.time() + AHEAD
    office.time.now += 60_000
    laptop.push(sooner)
    found = laptop.rows()["person", row]
    assert (found["city"], found["email"]) == ("later", "kept")
    assert all(milliseconds(clock) <= office.time() + AHEAD for clock in unpack(found["clocks"]).values())
    office.time.now += AHEAD + 1
    other.push(other.operation(row=row, city="another"))
    assert laptop.rows()["person", row]["city"] == "another"


def test_a_conflict_is_seen_though_the_clock_that_was_seen_ran_ahead(office: Any) -> None:
    one, two = office.laptop(), office.laptop()
    row, hour = uuid7(), 3_600_000
    mine = change(one.operation(row=row, city="Mine"), clock=one.clock(office.time() + hour))
    (result,) = one.push(mine).results
    assert result.status == "clamped"
    office.time.now += AHEAD + 1_000
    (theirs,) = two.push(change(two.operation(row=row, city="Theirs"), before={"address": result.clock})).results
    assert theirs.conflicts == 0  # it saw mine, as the server has it
    again = change(one.operation(row=row, city="Mine again"), clock=one.clock(office.time() + hour), before={"address": mine.clock})
    (result,) = one.push(again).results
    assert result.status == "clamped" and result.conflicts == 1  # it saw mine, by its own clock, and never theirs
    third = change(one.operation(row=row, city="Mine, a third time"), clock=one.clock(office.time() + hour), before={"address": again.clock})
    (result,) = one.push(third).results
    assert result.conflicts == 0
    odd = change(one.operation(row=row, city="Odd"), clock=one.clock(office.time() + hour), before={"address": "no clock", "city": None})
    assert one.push(odd).results[0].status == "clamped"


def test_a_laptop_ahead_costs_a_push_no_more_for_what_it_sent_before(office: Any) -> None:
    laptop, year = office.laptop(), 365 * 24 * 3_600_000
    seen: list[bool] = []

    @sa.event.listens_for(sa.Engine, "before_cursor_execute")
    def count(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if "FROM clamped" in statement:
            seen.append("original" in statement.partition("WHERE")[2] or "DISTINCT" in statement)

    try:
        for turn in range(3):
            results = laptop.push(*(change(laptop.operation(last_name=f"{turn}-{n}"), clock=laptop.clock(office.time() + year)) for n in range(20))).results
            assert {result.status for result in results} == {"clamped"}
            assert sorted(result.clock for result in results) == [result.clock for result in results]
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", count)
    assert seen and all(seen), "every look at the clamped clocks is bounded"


def test_an_unreadable_body_is_invalid_and_blocks_nobody(office: Any) -> None:
    from alumni_desk.protocol.canonical import body_of
    from alumni_desk.protocol.messages import PushRequest
    from alumni_desk.protocol.parcels import Piece, sign_parcel

    laptop = office.laptop()
    good = laptop.operation(last_name="Good")
    pieces = [Piece("x", "t", b"\xc1nonsense"), Piece("y", "t", b""), Piece(good.id, good.transaction, body_of(good))]
    parcel = sign_parcel(laptop.key, server=laptop.server, device=laptop.device, scope=laptop.scope, audience="chapter", pieces=pieces)
    reply = office.call("push", PushRequest([parcel]), PushReply, laptop.token)
    assert [result.status for result in reply.results] == ["invalid", "invalid", "ok"]


def test_the_audit_is_a_chain_without_values(office: Any) -> None:
    laptop = office.laptop()
    for name in ("Lovelace", "Hopper"):
        laptop.push(laptop.operation(last_name=name))
    audit = office.server.tables.tables["audit"]
    with office.server.database.reading() as connection:
        entries = connection.execute(sa.select(audit).order_by(audit.c.number)).all()
    before = ""
    for number, entry in enumerate(entries, 1):
        assert entry.number == number
        assert entry.hash == entry_hash(before, entry.scope, number, entry.made_at, entry.device, entry.event, entry.details)
        assert "Lovelace" not in (entry.details or "")
        before = entry.hash
    assert [entry.event for entry in entries][-2:] == ["push", "push"]


def test_many_operations_go_in_one_push(office: Any) -> None:
    laptop = office.laptop()
    operations = [laptop.operation(last_name=f"Name {n}") for n in range(2 * PARCEL_OPERATIONS + 7)]
    results = laptop.push(*operations).results
    assert [result.id for result in results] == [one.id for one in operations]
    assert {result.status for result in results} == {"ok"}
    sequences = [result.sequence for result in results]
    assert len(set(sequences)) == len(sequences)
    assert len(laptop.rows()) == len(operations) + 1
