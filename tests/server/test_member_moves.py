"""A laptop asks the server to move a member to another chapter, on both kinds of database: who may, who goes, and what is asked twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.server.conftest import Client, Laptop, Office, Time

from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import EnrolReply, EnrolRequest, InviteReply, InviteRequest, MoveMemberReply, MoveMemberRequest, Operation
from alumni_desk.protocol.proofs import enrol_proof
from alumni_desk.server import audit
from alumni_desk.server.app import make_app
from alumni_desk.server.database import Database
from alumni_desk.server.state import open_server

STRANGER = "0190a6a2-7b1c-7def-8123-456789abcdef"


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Iterator[Office]:
    """A server with a journal, on each kind of database."""
    time = Time()
    server = open_server(database, tmp_path / "journal.jsonl")
    client = Client(make_app(server, time, rate=10_000, strangers_rate=10_000))
    yield Office(server, client, time)
    client.runner.close()


@pytest.fixture
def berlin(office: Office) -> Laptop:
    """A leader's laptop in Berlin."""
    return office.laptop("Berlin")


@pytest.fixture
def munich(office: Office) -> Laptop:
    """A leader's laptop in Munich."""
    return office.laptop("Munich")


def somebody(laptop: Laptop, **fields: str) -> Operation:
    """A member, pushed."""
    made = laptop.operation(standing="member", last_name="Berg", **fields)
    laptop.push(made)
    return made


def listed(laptop: Laptop) -> set[str]:
    """Who is on the chapter's list."""
    return {row for (table, row), values in laptop.rows().items() if table == "person" and not values["gone"]}


def also_joins(laptop: Laptop, code: str) -> None:
    """The same laptop uses an invitation of another chapter, too."""
    proof = enrol_proof(laptop.key, code)
    laptop.office.call("enrol", EnrolRequest(code=code, public_key=bytes(laptop.key.verify_key), name="laptop", proof=proof), EnrolReply)


def test_only_whoever_looks_after_both_may(office: Office, berlin: Laptop, munich: Laptop) -> None:
    person = somebody(berlin).row
    gathering = berlin.operation("gathering", name="Reception", status="planned")
    berlin.push(gathering)
    made = office.call("invite", InviteRequest(berlin.scope, "door", gathering.row, hours=2), InviteReply, berlin.token)
    volunteer = office.laptop("Munich")
    also_joins(volunteer, made.code)
    there = MoveMemberRequest(berlin.scope, munich.scope, [person])
    assert office.ask("move-member", there, berlin.token).code == "no_grant_there"
    assert office.ask("move-member", there, munich.token).code == "no_grant"
    assert office.ask("move-member", there, volunteer.token).code == "no_grant", "at the door of the one, leader of the other"
    assert office.ask("move-member", MoveMemberRequest(berlin.scope, STRANGER, [person]), berlin.token).code == "no_grant_there"
    assert office.ask("move-member", there).status == 401
    assert listed(berlin) == {person} and listed(munich) == set()
    also_joins(berlin, office.invite("Munich"))
    assert office.call("move-member", there, MoveMemberReply, berlin.token).people == [person]
    assert listed(berlin) == set() and listed(munich) == {person}


def test_an_admin_moves_them_and_both_audits_say_by_which_laptop(office: Office, berlin: Laptop, munich: Laptop) -> None:
    person = somebody(berlin, city="Ulm").row
    admin = office.laptop("Berlin", role="admin")
    office.call("move-member", MoveMemberRequest(berlin.scope, munich.scope, [person]), MoveMemberReply, admin.token)
    assert munich.rows()["person", person]["city"] == "Ulm"
    with office.server.database.reading() as connection:
        assert not audit.check(connection, office.server.tables).broken
        for scope in (berlin.scope, munich.scope):
            [moved] = [row for row in audit.newest(connection, office.server.tables, scope, 50) if row.event == "move"]
            assert moved.device == admin.device
    assert office.server.journal is not None and '"move"' in office.server.journal.read_text()


def test_exactly_those_go_who_were_named(office: Office, berlin: Laptop, munich: Laptop) -> None:
    root, part, other = (somebody(berlin).row for _turn in range(3))
    berlin.push(berlin.operation(row=part, merged_into=root))
    admin = office.laptop("Berlin", role="admin")
    for named in ([root], [root, part, other], [root, other]):
        answer = office.ask("move-member", MoveMemberRequest(berlin.scope, munich.scope, named), admin.token)
        assert (answer.status, answer.code) == (409, "group_changed")
    assert listed(munich) == set()
    both = MoveMemberRequest(berlin.scope, munich.scope, [root, part])
    assert office.call("move-member", both, MoveMemberReply, admin.token).people == sorted([root, part])
    again = office.call("move-member", both, MoveMemberReply, admin.token)
    assert again.people == sorted([root, part]) and again.places == 0, "the answer was lost: it is given again"
    assert listed(berlin) == {other} and listed(munich) == {root, part}
    back = MoveMemberRequest(munich.scope, berlin.scope, [root, part])
    office.call("move-member", back, MoveMemberReply, admin.token)
    assert listed(berlin) == {root, part, other} and listed(munich) == set()
    berlin.push(berlin.operation(row=root, gone=True), berlin.operation(row=part, gone=True))
    assert office.ask("move-member", both, admin.token).code == "no_such_person"


def test_what_makes_no_sense_is_refused_and_moves_nobody(office: Office, berlin: Laptop, munich: Laptop) -> None:
    person = somebody(berlin).row
    admin = office.laptop("Berlin", role="admin")
    for scope, to, people, code in ((berlin.scope, munich.scope, [], "people"), (berlin.scope, munich.scope, ["no id"], "people"),
                                    (berlin.scope, munich.scope, [uuid7() for _n in range(201)], "too_many"),
                                    (berlin.scope, berlin.scope, [person], "moved_already"), (berlin.scope, munich.scope, [STRANGER], "no_such_person")):
        assert office.ask("move-member", MoveMemberRequest(scope, to, people), admin.token).code == code
    assert office.ask("move-member", b"\xc1", admin.token).status == 400
    assert listed(berlin) == {person}
