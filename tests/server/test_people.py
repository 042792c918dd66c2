"""Looking after people and laptops, call by call, on both kinds of database; what it leaves in audit and journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from nacl.signing import SigningKey
from tests.server.conftest import Client, Laptop, Office, Time

from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import (
    ConflictsReply,
    Cursor,
    DecideRequest,
    Decision,
    Done,
    EnrolReply,
    EnrolRequest,
    HelloReply,
    HelloRequest,
    InvitationsReply,
    InviteReply,
    InviteRequest,
    LaptopRow,
    LaptopsReply,
    Operation,
    PullReply,
    PullRequest,
    Released,
    ScopeRequest,
    SetAsideReply,
    pack,
)
from alumni_desk.protocol.proofs import enrol_proof
from alumni_desk.server import audit, moved
from alumni_desk.server.app import make_app
from alumni_desk.server.database import Database
from alumni_desk.server.devices import device_rows
from alumni_desk.server.figures import figures, set_aside
from alumni_desk.server.invitations import invite
from alumni_desk.server.set_aside import parcel_id
from alumni_desk.server.state import open_server
from alumni_desk.server.tidying import tidy_all


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Iterator[Office]:
    """A server with a journal, on each kind of database."""
    time = Time()
    server = open_server(database, tmp_path / "journal.jsonl")
    client = Client(make_app(server, time, rate=10_000, strangers_rate=10_000))
    yield Office(server, client, time)
    client.runner.close()


def events(office: Office) -> list[str]:
    """What the audit says, which must be whole."""
    with office.server.database.reading() as connection:
        assert not audit.check(connection, office.server.tables).broken
        return [row.event for row in audit.newest(connection, office.server.tables, None, 500)]


def journal_lines(office: Office) -> list[dict[str, Any]]:
    """The journal."""
    assert office.server.journal is not None
    return [json.loads(line) for line in office.server.journal.read_text().splitlines()]


def enrol(office: Office, code: str, scope: str) -> Laptop:
    """A laptop that joined with this code."""
    key = SigningKey.generate()
    reply = office.call("enrol", EnrolRequest(code=code, public_key=bytes(key.verify_key), name="laptop", proof=enrol_proof(key, code)), EnrolReply)
    laptop = Laptop(office, key, reply.server, reply.device, scope)
    laptop.begin()
    return laptop


def erase(laptop: Laptop, person: str) -> Operation:
    """The wish to erase somebody."""
    return Operation(id=uuid7(), action=uuid7(), transaction=uuid7(), kind="command", table="person", row=person, fields={"command": "erase"}, before={},
                     clock=laptop.clock(), schema=1)


def test_who_may_invite_whom_and_a_laptop_at_the_door_none_of_it(office: Office) -> None:
    leader = office.laptop()
    gathering = leader.operation("gathering", name="Reception", status="planned")
    leader.push(gathering)
    made = office.call("invite", InviteRequest(leader.scope, "door", gathering.row, hours=2), InviteReply, leader.token)
    door = enrol(office, made.code, leader.scope)
    for name in ("invitations", "laptops", "conflicts", "set-aside", f"invitations/{made.id}/cancel", "set-aside/x/changes", "set-aside/x/release",
                 "set-aside/x/discard"):
        assert office.ask(name, ScopeRequest(leader.scope), door.token).code == "no_grant"
        assert office.ask(name, ScopeRequest("0190a6a2-7b1c-7def-8123-456789abcdef"), leader.token).code == "no_grant"
        assert office.ask(name, ScopeRequest(leader.scope)).status == 401
    assert office.ask("invite", InviteRequest(leader.scope, "leader"), door.token).code == "no_grant"
    assert office.ask("conflicts/decide", DecideRequest(leader.scope, []), door.token).code == "no_grant"
    assert office.ask("invite", InviteRequest(leader.scope, "admin"), leader.token).code == "role"
    assert office.ask(f"devices/{leader.device}/revoke", HelloRequest(), door.token).code == "no_grant"
    rows = office.call("laptops", ScopeRequest(leader.scope), LaptopsReply, leader.token).laptops
    assert {(row.device, row.role, row.gathering) for row in rows} == {(leader.device, "leader", None), (door.device, "door", gathering.row)}
    hello = office.call("hello", HelloRequest(), HelloReply, door.token)
    assert not hello.conflicts and not hello.set_aside
    assert door.push(erase(door, uuid7())).results[0].status == "denied"


def test_an_invitation_is_listed_ends_and_is_forgotten(office: Office) -> None:
    leader = office.laptop()
    first = office.call("invite", InviteRequest(leader.scope, "leader", name="Hana\0 Seo", hours=1), InviteReply, leader.token)
    second = office.call("invite", InviteRequest(leader.scope, "leader", replaces=first.id), InviteReply, leader.token)

    def listed() -> dict[str, Any]:
        return {one.id: one for one in office.call("invitations", ScopeRequest(leader.scope), InvitationsReply, leader.token).invitations}

    assert listed()[first.id].name == "Hana Seo" and listed()[first.id].cancelled is not None and listed()[second.id].cancelled is None
    office.call(f"invitations/{second.id}/cancel", ScopeRequest(leader.scope), InvitationsReply, leader.token)
    assert {"invite", "cancel_invitation"} <= set(events(office))
    office.time.now += 50 * 24 * 3_600_000
    leader.begin()
    assert not listed().keys() & {first.id, second.id}


def test_an_admins_invitation_is_taken_back_by_admins_and_by_who_made_it(office: Office) -> None:
    leader = office.laptop()
    admin = enrol(office, invite(office.server, chapter=leader.scope, role="admin", now=office.time.now).code, leader.scope)
    invite(office.server, chapter=leader.scope, role="admin", now=office.time.now)
    mine = office.call("invite", InviteRequest(leader.scope, "leader"), InviteReply, leader.token)

    def still_open() -> dict[str, str]:
        told = office.call("invitations", ScopeRequest(leader.scope), InvitationsReply, leader.token)
        return {one.role: one.id for one in told.invitations if one.used is None and one.cancelled is None}

    theirs = still_open()["admin"]
    assert office.ask(f"invitations/{theirs}/cancel", ScopeRequest(leader.scope), leader.token).code == "admin_invitation"
    assert office.ask("invite", InviteRequest(leader.scope, "leader", replaces=theirs), leader.token).code == "admin_invitation"
    assert still_open() == {"admin": theirs, "leader": mine.id}, "and what replaces nothing is not made"
    for invitation in (theirs, mine.id):
        office.call(f"invitations/{invitation}/cancel", ScopeRequest(leader.scope), InvitationsReply, admin.token)
    assert still_open() == {}
    made = office.call("invite", InviteRequest(leader.scope, "admin"), InviteReply, admin.token)
    with office.server.database.writing() as connection:  # who made it looks after one chapter alone by now
        connection.exec_driver_sql("UPDATE \"grant\" SET role = 'leader' WHERE scope = '*'")
    office.call(f"invitations/{made.id}/cancel", ScopeRequest(leader.scope), InvitationsReply, admin.token)
    assert still_open() == {}


def test_of_what_was_set_aside_nothing_is_left_to_be_looked_at_once_whom_it_is_about_is_erased(office: Office) -> None:
    leader, other = office.laptop(), office.laptop()
    guest = leader.operation(last_name="Ray")
    leader.push(guest)
    office.call(f"devices/{other.device}/revoke", HelloRequest(), HelloReply, leader.token)
    other.push(other.operation(row=guest.row, city="Salem"))

    def lies() -> list[int]:
        listed = office.call("set-aside", ScopeRequest(leader.scope), SetAsideReply, leader.token).parcels
        counted = office.client.request("GET", "/metrics")[2].decode()
        return [len(listed), len(set_aside(office.server)), figures(office.server, office.time()).set_aside,
                int(next(line for line in counted.splitlines() if line.startswith("alumni_desk_parcels_set_aside ")).split()[1])]

    assert lies() == [1, 1, 1, 1]
    leader.push(msgspec.structs.replace(leader.operation(row=guest.row, command="erase"), kind="command"))
    assert lies() == [0, 0, 0, 0]


def test_whom_a_released_change_erases_is_erased_in_the_chapter_before_too(office: Office) -> None:
    leader, other, before = office.laptop(), office.laptop(), office.laptop("Lisbon")
    guest = before.operation(last_name="Ray")
    before.push(guest)
    moved.move(office.server, guest.row, leader.scope, office.time())
    office.call(f"devices/{other.device}/revoke", HelloRequest(), HelloReply, leader.token)
    other.push(msgspec.structs.replace(other.operation(row=guest.row, command="erase"), kind="command"))
    [aside] = office.call("set-aside", ScopeRequest(leader.scope), SetAsideReply, leader.token).parcels
    office.call(f"set-aside/{aside.id}/release", ScopeRequest(leader.scope), Released, leader.token)
    page = office.call("pull", PullRequest({before.scope: Cursor()}), PullReply, before.token).pages[before.scope]
    assert (page.erased, page.moved) == ({"person": [guest.row]}, {}), "what its laptops keep of words that came too late goes"


def test_parcels_of_a_removed_laptop_are_kept_once_and_judged_when_they_are_released(office: Office) -> None:
    leader, other = office.laptop(), office.laptop()
    late, sample = other.operation(last_name="Late"), other.operation("chapter", row=other.scope, sample=True)
    office.call("hello", HelloRequest(waiting=3), HelloReply, other.token)
    office.call(f"devices/{other.device}/revoke", HelloRequest(), HelloReply, leader.token)

    def to_send() -> list[int | None]:
        listed = office.call("laptops", ScopeRequest(leader.scope), LaptopsReply, leader.token).laptops
        return [row.waiting for row in (*listed, *device_rows(office.server)) if (row.device if isinstance(row, LaptopRow) else row.id) == other.device]

    assert to_send() == [3, 3]
    for left in (1, 0):  # the second time it said how much before, as it always does
        assert [one.status for one in other.push(late, sample).results] == ["quarantined", "quarantined"]
        assert to_send() == [left, left]
    other.begin()  # a new session is good for that alone
    assert office.ask("pull", PullRequest({}), other.token).code == "revoked"
    [aside] = office.call("set-aside", ScopeRequest(leader.scope), SetAsideReply, leader.token).parcels
    assert (aside.device, aside.reason, aside.operations, len(aside.changes)) == (other.device, "revoked", 2, 2)
    assert office.call("hello", HelloRequest(), HelloReply, leader.token).set_aside == {leader.scope: 2}
    assert not any(row.get("last_name") == "Late" for row in leader.rows().values())
    done = office.call(f"set-aside/{aside.id}/release", ScopeRequest(leader.scope), Released, leader.token)
    assert (done.taken, done.refused) == (1, 1)
    assert leader.rows()["person", late.row]["last_name"] == "Late"
    assert office.ask(f"set-aside/{aside.id}/release", ScopeRequest(leader.scope), leader.token).code == "looked_at"
    again = other.push(late, sample).results  # judged: not set aside once more
    assert [(one.status, one.first) for one in again] == [("duplicate", "ok"), ("duplicate", "denied")]
    assert office.call("set-aside", ScopeRequest(leader.scope), SetAsideReply, leader.token).parcels == []
    assert {"revoke", "set_aside", "release"} <= set(events(office))
    forged = other.parcels(other.operation(last_name="Forged"))
    forged.parcels[0].bodies[0] = late and forged.parcels[0].bodies[0][:-1]  # type: ignore[index]
    assert office.ask("push", forged, other.token).code == "forged"


def test_of_a_removed_laptop_only_what_the_server_has_not_is_set_aside(office: Office) -> None:
    leader, other = office.laptop(), office.laptop()
    had, late = other.operation(last_name="Had"), other.operation(last_name="Late")
    other.push(had)
    office.call(f"devices/{other.device}/revoke", HelloRequest(), HelloReply, leader.token)
    assert [(one.status, one.first) for one in other.push(had).results] == [("duplicate", "ok")]
    assert office.call("set-aside", ScopeRequest(leader.scope), SetAsideReply, leader.token).parcels == [], "nothing is left of it"
    assert [one.status for one in other.push(had, late).results] == ["duplicate", "quarantined"]
    assert office.call("hello", HelloRequest(), HelloReply, leader.token).set_aside == {leader.scope: 1}
    [aside] = office.call("set-aside", ScopeRequest(leader.scope), SetAsideReply, leader.token).parcels
    assert (aside.operations, [one.row for one in aside.changes]) == (1, [late.row])
    done = office.call(f"set-aside/{aside.id}/discard", ScopeRequest(leader.scope), Released, leader.token)
    assert (done.taken, done.refused) == (0, 1)
    assert {row.get("last_name") for row in leader.rows().values()} >= {"Had"}


def lots(laptop: Laptop) -> list[tuple[int, list[str]]]:
    """What is set aside: how many changes and their rows, lot by lot, and in all as many as hello says."""
    found = laptop.office.call("set-aside", ScopeRequest(laptop.scope), SetAsideReply, laptop.token).parcels
    count = laptop.office.call("hello", HelloRequest(), HelloReply, laptop.token).set_aside.get(laptop.scope, 0)
    listed = laptop.office.call("laptops", ScopeRequest(laptop.scope), LaptopsReply, laptop.token).laptops
    assert count == sum(one.operations for one in found) == sum(row.set_aside for row in listed)
    return sorted((one.operations, [change.row for change in one.changes]) for one in found)


def test_a_long_parcel_is_listed_with_its_first_changes_and_everybody_it_erases_and_is_told_whole_when_asked(office: Office) -> None:
    leader, other = office.laptop(), office.laptop()
    people = [other.operation(last_name=f"Late {n}") for n in range(30)]
    other.push(*people[:25])
    wishes = [erase(other, one.row) for one in people[:25]]
    office.call(f"devices/{other.device}/revoke", HelloRequest(), HelloReply, leader.token)
    other.push(*people[25:], *wishes)
    [aside] = office.call("set-aside", ScopeRequest(leader.scope), SetAsideReply, leader.token).parcels
    assert aside.operations == 30 and {one.row for one in aside.changes} == {one.row for one in people[:25]}
    [whole] = office.call(f"set-aside/{aside.id}/changes", ScopeRequest(leader.scope), SetAsideReply, leader.token).parcels
    assert (whole.id, whole.operations, len(whole.changes)) == (aside.id, 30, 30) and whole.changes[:25] == aside.changes
    assert {one.row for one in whole.changes} == {one.row for one in people}
    office.call(f"set-aside/{aside.id}/discard", ScopeRequest(leader.scope), Released, leader.token)
    assert office.ask(f"set-aside/{aside.id}/changes", ScopeRequest(leader.scope), leader.token).code == "no_such_parcel"


@pytest.mark.parametrize("deed", ["release", "discard"])
def test_a_change_of_a_removed_laptop_is_set_aside_once_in_whatever_parcels_it_comes(office: Office, deed: str) -> None:
    leader, other = office.laptop(), office.laptop()
    first, second, third = (other.operation(last_name=name) for name in ("First", "Second", "Third"))
    office.call(f"devices/{other.device}/revoke", HelloRequest(), HelloReply, leader.token)
    other.push(first, second)
    assert [one.status for one in other.push(second, third, first).results] == ["quarantined"] * 3
    assert lots(leader) == [(1, [third.row]), (2, [first.row, second.row])]
    [lot] = [one for one in office.call("set-aside", ScopeRequest(leader.scope), SetAsideReply, leader.token).parcels if one.operations == 2]
    office.call(f"set-aside/{lot.id}/{deed}", ScopeRequest(leader.scope), Released, leader.token)
    taken = {"First", "Second"} if deed == "release" else set()
    for _again in range(2):
        other.push(first)
        other.push(second, first, third)
        assert lots(leader) == [(1, [third.row])]
        assert {row.get("last_name") for row in leader.rows().values()} & {"First", "Second", "Third"} == taken


@pytest.mark.parametrize("deed", ["release", "discard"])
def test_what_an_older_server_set_aside_twice_is_decided_on_once(office: Office, deed: str) -> None:
    leader, other = office.laptop(), office.laptop()
    known = [leader.operation(last_name=name) for name in ("First", "Second", "Third")]
    leader.push(*known)
    first, second, third = (other.operation(row=one.row, city="Boston") for one in known)
    office.call(f"devices/{other.device}/revoke", HelloRequest(), HelloReply, leader.token)
    other.push(first, second)
    table = office.server.tables.tables["quarantine"]
    with office.server.database.writing() as connection:  # as often as it came
        [row] = connection.execute(sa.select(table)).mappings().all()
        for those in ((second, third), (second,)):
            parcel = other.parcels(*those).parcels[0]
            connection.execute(sa.insert(table).values({**row, "id": parcel_id(parcel), "operations": len(those), "parcel": pack(parcel)}))
    assert len(lots(leader)) == 3
    office.call(f"set-aside/{row['id']}/{deed}", ScopeRequest(leader.scope), Released, leader.token)
    assert lots(leader) == [(1, [third.row])] and figures(office.server, office.time()).set_aside == 1


def test_conflicts_are_listed_decided_and_opened_again(office: Office) -> None:
    one, two = office.laptop(), office.laptop()
    person = one.operation(last_name="Tesfaye")
    one.push(person)
    one.push(one.operation(row=person.row, email="one@example.org"))
    office.time.now += 1
    two.push(two.operation(row=person.row, email="two@example.org"))

    def found() -> list[Any]:
        return office.call("conflicts", ScopeRequest(one.scope), ConflictsReply, one.token).conflicts

    [card] = found()
    assert {card.value, card.field, card.table, card.row} == {"one@example.org", "email", "person", person.row}
    assert (card.winner_device, card.loser_device) == (two.device, one.device)
    assert office.call("hello", HelloRequest(), HelloReply, one.token).conflicts == {one.scope: 1}
    for decided, left in ((True, 0), (True, 0), (False, 1), (True, 0)):
        reply = office.call("conflicts/decide", DecideRequest(one.scope, [Decision(card.operation, card.field, decided)]), ConflictsReply, two.token)
        assert len(reply.conflicts) == len(found()) == left
    assert sorted(set(events(office)) & {"decide", "reopen"}) == ["decide", "reopen"] and events(office).count("decide") == 2
    office.call("conflicts/decide", DecideRequest(one.scope, [Decision(card.operation, card.field, False)]), ConflictsReply, two.token)
    office.time.now += 91 * 24 * 3_600_000
    one.begin()
    assert found() == []  # nobody decided within 90 days
    tidy_all(office.server, office.time())
    with office.server.database.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(office.server.tables.tables["conflict"])).scalar_one() == 0


def test_an_address_and_a_merged_person_are_counted_once(office: Office) -> None:
    one, two = office.laptop(), office.laptop()
    person, double = one.operation(last_name="Tesfaye"), one.operation(last_name="Tesfaye")
    one.push(person, double)
    before = [one.operation(row=double.row, merged_into=person.row),
              one.operation(row=person.row, email="one@example.org", street="Rua 1", city="Porto", country="Portugal")]
    one.push(*before)
    office.time.now += 1
    two.push(two.operation(row=person.row, email="two@example.org", street="Via 2", city="Roma", country="Italy"))
    assert len(office.call("conflicts", ScopeRequest(one.scope), ConflictsReply, one.token).conflicts) == 4
    [counted] = figures(office.server, office.time()).chapters
    assert (counted.conflicts, counted.people) == (2, 1)  # the e-mail address and where they live
    table = office.server.tables.tables["conflict"]
    with office.server.database.writing() as connection:
        connection.execute(sa.insert(table), [
            {"scope": one.scope, "operation": "an answer", "field": name, "table_name": "registration", "row_id": "a guest", "winner_clock": "2-0-a",
             "loser_clock": "1-0-b", "loser_value": '"there"', "device": one.device, "made_at": office.time()} for name in ("status", "answered_at")])
    assert figures(office.server, office.time()).chapters[0].conflicts == 3  # an answer and when it was given are one, too
    office.time.now += 91 * 24 * 3_600_000
    assert figures(office.server, office.time()).chapters[0].conflicts == 0  # nobody is asked any more


def test_the_whole_merge_group_is_erased_and_no_older_change_brings_it_back(office: Office) -> None:
    one, two = office.laptop(), office.laptop()
    home = one.operation("household", name="The Smiths")
    root = one.operation(last_name="Smith", household=home.row)
    double = one.operation(last_name="Smyth", merged_into=root.row)
    degree = one.operation("education", person=root.row, school="Northgate")
    one.push(home, root, double, degree)
    before = two.operation("household", row=home.row, name="Mr & Mrs Smith")  # made before the erasure, and late
    office.time.now += 1_000
    assert one.push(erase(one, double.row)).results[0].status == "ok"
    rows = two.rows()
    for key in (("person", root.row), ("person", double.row)):
        assert rows[key]["last_name"] is None and rows[key]["gone"] and rows[key]["clock"]
    assert rows["education", degree.row]["school"] is None and rows["household", home.row]["name"] is None
    page = office.call("pull", PullRequest({two.scope: _zero()}), PullReply, two.token).pages[two.scope]
    assert {name: set(ids) for name, ids in page.erased.items()} == {"person": {root.row, double.row}, "education": {degree.row}}
    again = two.push(two.operation(row=root.row, last_name="Smith"), two.operation("education", person=root.row, school="Northgate"), before)
    assert [one.status for one in again.results] == ["erased", "erased", "stale"]
    assert two.push(erase(two, root.row)).results[0].status == "ok"  # what is done is done
    assert {(line["table"], line["row"]) for line in journal_lines(office) if line["event"] == "erase"} >= {
        ("person", root.row), ("person", double.row), ("education", degree.row), ("household", home.row)}
    assert "push" in events(office)
    assert two.push(two.operation("household", row=home.row, name="The others")).results[0].status == "ok"  # of whoever is left


def _zero() -> Any:
    from alumni_desk.protocol.messages import Cursor

    return Cursor()


@pytest.mark.parametrize("fields", [{"command": "merge"}, {"command": "move"}, {"command": "erase", "more": "x"}, {}, {"command": None}])
def test_commands_that_nobody_knows(office: Office, fields: dict[str, Any]) -> None:
    leader = office.laptop()
    wish = erase(leader, uuid7())
    odd = Operation(wish.id, wish.action, wish.transaction, "command", "person", wish.row, fields, {}, wish.clock, 1)
    assert leader.push(odd).results[0].status == "invalid"


def test_who_left_is_not_removed_by_a_leader_and_what_comes_late_still_counts(office: Office) -> None:
    leader, left, former = office.laptop(), office.laptop(), office.laptop()
    office.call("leave", ScopeRequest(left.scope), Done, left.token)
    made = office.call("invite", InviteRequest(former.scope, "leader", hand_over=True), InviteReply, former.token)
    enrol(office, made.code, former.scope)
    for one, name in ((left, "Left"), (former, "Handed over")):
        assert office.ask(f"devices/{one.device}/revoke", HelloRequest(), leader.token).code == "left_already"
        assert one.push(one.operation(last_name=name)).results[0].status == "ok"
    assert not office.call("set-aside", ScopeRequest(leader.scope), SetAsideReply, leader.token).parcels
    assert "revoke" not in events(office)
    elsewhere = office.laptop("Elsewhere")
    with office.server.database.writing() as connection:  # who left one chapter is in another one, which this leader does not look after
        account = connection.execute(sa.text("SELECT account FROM device WHERE id = :id"), {"id": left.device}).scalar()
        connection.execute(sa.insert(office.server.tables.tables["grant"]).values(scope=elsewhere.scope, account=account, role="leader", created_at=1))
    assert office.ask(f"devices/{left.device}/revoke", HelloRequest(), leader.token).code == "left_already"
    office.call(f"devices/{left.device}/revoke", HelloRequest(), HelloReply, elsewhere.token)
    office.call(f"devices/{left.device}/revoke", HelloRequest(), HelloReply, leader.token)  # again is the same


def test_the_last_who_looks_after_a_chapter_does_not_leave_it_an_admin_neither(office: Office) -> None:
    admin = office.laptop(role="admin")
    gathering = admin.operation("gathering", name="Reception", status="planned")
    admin.push(gathering)
    office.laptop(role="leader", chapter="Chicago"), office.laptop(role="door", gathering=gathering.row)
    assert office.ask("leave", ScopeRequest(admin.scope), admin.token).code == "last_leader"
    office.laptop(role="leader")
    assert office.ask("leave", ScopeRequest(admin.scope), admin.token).status == 200


def test_an_admin_who_has_left_is_gone_from_every_chapter_and_looks_after_none(office: Office) -> None:
    admin, leader, elsewhere = office.laptop(role="admin"), office.laptop(), office.laptop("Chicago")
    made = [office.call("invite", InviteRequest(scope, "leader"), InviteReply, admin.token) for scope in (leader.scope, elsewhere.scope)]
    assert office.call("leave", ScopeRequest(admin.scope), Done, admin.token).time
    assert office.call("leave", ScopeRequest(admin.scope), Done, admin.token).time  # again is the same
    assert office.call("hello", HelloRequest(), HelloReply, admin.token).commands == ["leave"]
    for one in (leader, elsewhere):
        [listed] = [row for row in office.call("laptops", ScopeRequest(one.scope), LaptopsReply, one.token).laptops if row.device == admin.device]
        assert listed.ended and listed.invitations == 1
        assert office.ask("leave", ScopeRequest(one.scope), one.token).code == "last_leader"
    key = SigningKey.generate()
    for one in made:
        request = EnrolRequest(code=one.code, public_key=bytes(key.verify_key), name="laptop", proof=enrol_proof(key, one.code))
        assert office.ask("enrol", request).code == "invitation_cancelled"
    late = admin.operation(last_name="Last words")
    assert admin.push(late).results[0].status == "ok"
    assert office.ask("pull", PullRequest({admin.scope: _zero()}), admin.token).status == 403
    assert events(office).count("leave") == 2, "each chapter's audit says so"


def test_an_admin_hands_a_chapter_over_and_a_restore_brings_nothing_back(office: Office) -> None:
    admin, elsewhere = office.laptop(role="admin"), office.laptop("Chicago")
    other = office.call("invite", InviteRequest(elsewhere.scope, "leader"), InviteReply, admin.token)
    made = office.call("invite", InviteRequest(admin.scope, "leader", hand_over=True), InviteReply, admin.token)
    leader = enrol(office, made.code, admin.scope)
    assert office.call("hello", HelloRequest(), HelloReply, admin.token).commands == ["leave"]
    assert office.ask("leave", ScopeRequest(leader.scope), leader.token).code == "last_leader"
    listed = office.call("invitations", ScopeRequest(elsewhere.scope), InvitationsReply, elsewhere.token).invitations
    assert [one.cancelled is not None for one in listed if one.id == other.id] == [True]
    with office.server.database.writing() as connection:  # the database of a moment before
        connection.execute(sa.update(office.server.tables.tables["grant"]).values(ended_at=None))
    open_server(office.server.database, office.server.journal)
    assert office.call("hello", HelloRequest(), HelloReply, admin.token).commands == ["leave"]


def test_what_the_last_leader_s_laptop_was_before_it_joined_anew_looks_after_nobody(office: Office) -> None:
    before, code, key = office.laptop(), office.invite(), SigningKey.generate()
    office.time.now += 1
    request = EnrolRequest(code=code, public_key=bytes(key.verify_key), name="laptop", proof=enrol_proof(key, code), former=before.device,
                           former_proof=enrol_proof(before.key, code))
    anew = Laptop(office, key, before.server, office.call("enrol", request, EnrolReply).device, before.scope)
    anew.begin()
    assert office.ask("leave", ScopeRequest(anew.scope), anew.token).code == "last_leader"
    office.time.now += 1
    before.begin()  # an older copy of its disk is in use again
    assert office.ask("leave", ScopeRequest(anew.scope), anew.token).status == 200


def test_leaving_and_handing_over_outlive_a_restore(office: Office) -> None:
    one, two = office.laptop(), office.laptop()
    assert office.call("leave", ScopeRequest(two.scope), Done, two.token).time
    assert office.call("leave", ScopeRequest(two.scope), Done, two.token).time  # again is the same
    hello = office.call("hello", HelloRequest(), HelloReply, two.token)
    assert hello.commands == ["leave"] and not hello.heads
    late = two.operation(last_name="Last words")
    assert two.push(late).results[0].status == "ok"
    assert office.ask("pull", PullRequest({two.scope: _zero()}), two.token).status == 403
    assert office.ask("leave", ScopeRequest(one.scope), one.token).code == "last_leader"
    made = office.call("invite", InviteRequest(one.scope, "leader", hand_over=True), InviteReply, one.token)
    assert office.call("hello", HelloRequest(), HelloReply, one.token).commands == []
    three = enrol(office, made.code, one.scope)
    assert office.call("hello", HelloRequest(), HelloReply, one.token).commands == ["leave"]
    assert three.rows()["person", late.row]["last_name"] == "Last words"
    with office.server.database.writing() as connection:  # as if an older day had been put back
        connection.execute(sa.update(office.server.tables.tables["grant"]).values(ended_at=None))
    open_server(office.server.database, office.server.journal)
    for laptop in (one, two):
        assert office.call("hello", HelloRequest(), HelloReply, laptop.token).commands == ["leave"]
    assert office.call("hello", HelloRequest(), HelloReply, three.token).commands == []
    assert {"leave", "handed_over"} <= set(events(office))


def test_who_is_erased_comes_to_no_gathering_any_more_and_still_came_to_those_before(office: Office) -> None:
    one = office.laptop()
    person, other = one.operation(last_name="Li"), one.operation(last_name="Wu")
    dinners = [one.operation("gathering", name=name, starts=f"{year}-05-12T18:30", ends=f"{year}-05-12T21:00", time_zone="UTC")
               for name, year in (("Held", "2001"), ("To come", "2101"), ("Begun", "2101"))]
    places = [one.operation("registration", row=registration_id(dinner.row, who.row), gathering=dinner.row, person=who.row, status="yes")
              for dinner in dinners for who in (person, other)]
    came = one.operation("fact", gathering=dinners[2].row, registration=places[4].row, person=person.row, kind="in", at="2026-11-12T18:42:00.000Z")
    one.push(person, other, *dinners, *places, came)
    doors = [office.laptop(role="door", gathering=dinner.row) for dinner in dinners[1:]]
    assert [len([name for name, _row in door.rows() if name == "registration"]) for door in doors] == [2, 2]
    one.push(erase(one, person.row))
    rows = one.rows()
    assert [rows["registration", place.row]["status"] for place in places] == ["yes", "yes", "cancelled", "yes", "yes", "yes"]
    there = [{row for name, row in door.rows() if name == "registration"} for door in doors]
    assert there == [{places[3].row}, {places[4].row, places[5].row}]
