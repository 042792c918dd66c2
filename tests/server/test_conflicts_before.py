"""A server that went back to a backup of before a card: what nobody has decided on is there again, once, whoever comes first; and what a server takes up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from tests.sync.test_conflicts import address, card, change, fields, value

from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import Author, ConflictRow, ConflictsReply, DecideRequest, Decision, ScopeRequest
from alumni_desk.server import audit, conflicts_before
from alumni_desk.server.app import make_app
from alumni_desk.server.backups import back_up, restore
from alumni_desk.server.state import now_ms
from alumni_desk.server.tables import all_tables
from alumni_desk.store import erasing
from alumni_desk.store.desk import Desk
from alumni_desk.store.undo import redo, undo
from alumni_desk.sync import conflicts
from alumni_desk.sync import conflicts_before as telling
from alumni_desk.sync.engine import join, sync_once

from .conftest import ADDRESS

WORDS = "three words to remember"
HERS, HIS = "selam.t@example.org", "s.tesfaye@example.net"
A_DAY = 24 * 3_600_000


class Chapter:
    """Priya, Tomás and Hana look after one chapter, with one member. A backup of the server is of today."""

    def __init__(self, office: Any, make_desk: Callable[[str], Desk], file: Path) -> None:
        self.office, self.file = office, file
        office.time = now_ms  # by which the desks go, so that who writes later has the later clock
        office.client.app = make_app(office.server, now_ms, rate=10_000, strangers_rate=10_000)
        self.desks = self.priya, self.tomas, self.hana = make_desk("Priya"), make_desk("Tomás"), make_desk("Hana")
        for desk, who in zip(self.desks, ("Priya", "Tomás", "Hana"), strict=True):
            desk.set_setting("person_name", who)
            join(desk, ADDRESS, office.invite(), device_name=f"{who}’s laptop", wire=office.wire())
        with self.priya.writing("member_added") as writing:
            self.selam = writing.add("person", standing="member", first_name="Selam", last_name="Tesfaye", email="selam@example.com", city="Axum")
        self.rest()
        self.back_up()

    def rest(self, *desks: Desk) -> None:
        """Everybody knows everything."""
        for desk in (desks or self.desks) * 2:
            self.sync(desk)

    def sync(self, desk: Desk, *, check: bool = False) -> Any:
        wire = self.office.wire()
        try:
            return sync_once(desk, wire=wire, check=check)
        finally:
            wire.close()

    def back_up(self) -> None:
        self.file.unlink(missing_ok=True)
        back_up(self.office.server.database, self.file, WORDS)

    def go_back(self) -> None:
        restore(self.office.server.database, self.file, WORDS, None, now=self.office.time())

    def part(self, later: str = "Tomás") -> None:
        """Priya and Tomás write one field while apart; ``later``: who wrote last, and is shown."""
        said = {"Priya": (self.priya, HERS), "Tomás": (self.tomas, HIS)}
        for who in sorted(said, key=lambda one: one == later):
            change(said[who][0], self.selam, email=said[who][1])
        self.rest()

    def opened_again(self, choice: conflicts.Choice = "yours") -> None:
        """Priya decides, and undoes that; all have heard of both."""
        conflicts.decide(self.priya, conflicts.conflicts(self.priya)[0].id, choice)
        self.rest()
        assert self.open() == [[]] * 3
        undo(self.priya)
        self.rest()
        assert [len(one) for one in self.open()] == [1] * 3

    def open(self) -> list[list[str]]:
        return [fields(desk) for desk in self.desks]

    def kept(self) -> list[tuple[str, str, int | None]]:
        """What the server keeps of cards: their names, and when they were decided."""
        table = self.office.server.tables.tables["conflict"]
        with self.office.server.database.reading() as connection:
            return [tuple(row) for row in connection.execute(sa.select(table.c.operation, table.c.field, table.c.decided_at))]

    def noted(self) -> int:
        """How many cards laptops told, by the audit, which is whole."""
        table = self.office.server.tables.tables["audit"]
        with self.office.server.database.reading() as connection:
            assert audit.check(connection, all_tables()).broken == []
            return int(connection.execute(sa.select(sa.func.count()).select_from(table).where(table.c.event == "card")).scalar_one())

    def same(self) -> None:
        """Everybody has the same rows as the server."""
        for desk in self.desks:
            assert self.sync(desk, check=True).identical


@pytest.fixture
def chapter(office: Any, make_desk: Callable[[str], Desk], tmp_path: Path) -> Chapter:
    return Chapter(office, make_desk, tmp_path / "server.backup")


@pytest.mark.parametrize(("later", "choice", "first"), [  # all twelve held when this was written: each takes several seconds
    ("Priya", "yours", "tomas"), ("Priya", "theirs", "priya"), ("Tomás", "theirs", "hana"), ("Tomás", "yours", "tomas")])
def test_a_card_that_was_decided_and_opened_again_comes_back(chapter: Chapter, later: str, choice: conflicts.Choice, first: str) -> None:
    chapter.part(later)
    chapter.opened_again(choice)
    chapter.go_back()
    one = getattr(chapter, first)
    chapter.rest(one, *(desk for desk in chapter.desks if desk is not one))
    for desk in chapter.desks:
        (there,) = conflicts.conflicts(desk)
        assert {(side.who, side.value) for side in (there.yours, there.theirs)} == {("Priya", HERS), ("Tomás", HIS)}
        assert value(desk, chapter.selam, "email") == (HIS if later == "Tomás" else HERS)
    chapter.same()
    conflicts.decide(chapter.hana, conflicts.conflicts(chapter.hana)[0].id, "theirs")
    chapter.rest()
    assert chapter.open() == [[]] * 3 and all(decided for *_name, decided in chapter.kept())
    undo(chapter.hana)
    chapter.rest()
    assert chapter.open() == [["email"]] * 3


def test_all_tell_it_and_there_is_one(chapter: Chapter) -> None:
    chapter.part()
    chapter.opened_again()
    before = [conflicts.conflicts(desk) for desk in chapter.desks]
    chapter.go_back()
    chapter.rest()
    assert [conflicts.conflicts(desk) for desk in chapter.desks] == before and len(chapter.kept()) == chapter.noted() == 1
    for desk in chapter.desks:
        with desk.reading() as connection:
            kept = conflicts.read_kept(connection, conflicts.KEPT, conflicts.Kept)
        assert kept is not None and kept.before == [], "nothing is to be told any more"


def test_it_comes_back_where_whoever_decided_never_comes(chapter: Chapter) -> None:
    chapter.part()
    chapter.opened_again()
    chapter.go_back()
    chapter.sync(chapter.hana)
    assert fields(chapter.hana) == [], "what won is not there yet"
    chapter.rest(chapter.hana, chapter.tomas)
    assert fields(chapter.tomas) == fields(chapter.hana) == ["email"]
    assert {card(chapter.hana, "email").yours.value, card(chapter.hana, "email").theirs.value} == {HERS, HIS}


def test_what_is_undone_after_the_server_went_back_is_open_again(chapter: Chapter) -> None:
    chapter.part()
    conflicts.decide(chapter.priya, card(chapter.priya, "email").id, "yours")
    chapter.rest()
    chapter.go_back()
    chapter.rest()
    assert chapter.open() == [[]] * 3
    undo(chapter.priya)
    chapter.rest()
    assert chapter.open() == [["email"]] * 3
    redo(chapter.priya)
    chapter.rest()
    assert chapter.open() == [[]] * 3


def test_a_backup_of_between_the_decision_and_its_undoing(chapter: Chapter) -> None:
    chapter.part()
    conflicts.decide(chapter.priya, card(chapter.priya, "email").id, "theirs")
    chapter.rest()
    chapter.back_up()
    undo(chapter.priya)
    chapter.rest()
    chapter.go_back()
    chapter.rest()
    assert chapter.open() == [["email"]] * 3


@pytest.mark.parametrize("first", ["priya", "hana"])
@pytest.mark.parametrize("choice", ["yours", "theirs"])
def test_what_was_decided_and_not_heard_of_stays_decided(chapter: Chapter, choice: conflicts.Choice, first: str) -> None:
    chapter.part()
    conflicts.decide(chapter.priya, card(chapter.priya, "email").id, choice)
    chapter.sync(chapter.priya)
    chapter.go_back()
    one = getattr(chapter, first)
    chapter.rest(one, *(desk for desk in chapter.desks if desk is not one))
    chapter.rest()  # the operation that lost may come after whoever decided had been there, and meets what was decided
    assert chapter.open() == [[]] * 3
    chapter.same()


def test_an_address_and_who_was_removed_come_back_too(chapter: Chapter) -> None:
    change(chapter.priya, chapter.selam, street="Rue X", city="Paris")
    change(chapter.tomas, chapter.selam, street="2 Main St")
    chapter.rest()
    his = address(chapter.tomas, chapter.selam)
    chapter.opened_again()
    with chapter.priya.writing("member_added") as writing:
        other = writing.add("person", standing="member", last_name="Other")
    chapter.rest()
    change(chapter.priya, other, gone=True)
    change(chapter.tomas, other, city="Newer")
    chapter.rest()
    conflicts.decide(chapter.priya, card(chapter.priya, "gone").id, "theirs")
    chapter.rest()
    undo(chapter.priya)
    chapter.rest()
    before = chapter.open()
    assert before == [["address", "gone"]] * 3
    chapter.go_back()
    chapter.rest()
    assert chapter.open() == before
    for desk in chapter.desks:
        assert address(desk, chapter.selam) == his and value(desk, other, "gone")
        assert conflicts.said(card(desk, "address"), card(desk, "address").yours) != conflicts.said(card(desk, "address"), card(desk, "address").theirs)


@pytest.mark.parametrize("heard", [True, False])
def test_the_card_of_somebody_who_was_erased_never_comes_back(chapter: Chapter, heard: bool) -> None:
    chapter.part()
    chapter.opened_again()
    chapter.go_back()
    chapter.sync(chapter.priya)
    chapter.sync(chapter.tomas)
    erasing.erase(chapter.priya, [chapter.selam])
    chapter.sync(chapter.priya)
    assert chapter.kept() == []
    if heard:
        chapter.rest()
    else:  # it tells in the moment before it hears
        with chapter.hana.reading() as connection:
            kept = conflicts.read_kept(connection, conflicts.KEPT, conflicts.Kept)
        assert kept is not None and len(kept.rows) == 1
        laptop = chapter.office.laptop()
        reply = chapter.office.call("conflicts/decide", DecideRequest(laptop.scope, [], kept.rows), ConflictsReply, laptop.token)
        assert reply.conflicts == []
        chapter.rest()
    assert chapter.kept() == [] and chapter.open() == [[]] * 3
    for desk in chapter.desks:
        with desk.reading() as connection:
            text = connection.exec_driver_sql("SELECT group_concat(value) FROM sync_state").scalar_one()
        assert HERS not in text and HIS not in text


def test_a_server_that_takes_none_up_stops_no_sync(chapter: Chapter, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of before knows nothing of it: what it does not know it passes over."""
    monkeypatch.setattr(conflicts_before, "take_up", lambda *_all, **_more: [])
    monkeypatch.setattr("alumni_desk.server.conflicts.take_up", lambda *_all, **_more: [])
    chapter.part()
    chapter.opened_again()
    chapter.go_back()
    chapter.rest()
    assert chapter.open() == [[]] * 3
    chapter.same()


def test_many_go_in_several_messages() -> None:
    row = ConflictRow(operation="1", field="notes", table="person", row="2", made=1, winner_clock="", loser_clock="", value="x" * 60_000, winner=Author(),
                      loser=Author())
    for rows, most in (([row] * 100, 36), ([msgspec.structs.replace(row, value="x")] * 2_500, 1_000)):
        found = list(telling.parts(rows))
        assert sum(map(len, found)) == len(rows) and max(map(len, found)) <= most
    assert list(telling.parts([])) == []


# What a server takes up of what it is told.


@pytest.fixture
def told(office: Any) -> tuple[Any, ConflictRow]:
    """A leader's laptop, and a card that it tells: two laptops wrote one address, of which the later is there."""
    one, two = office.laptop(), office.laptop()
    person = one.operation(last_name="Tesfaye")
    one.push(person)
    lost = one.operation(row=person.row, email=HERS)
    office.time.now += 1
    won = two.operation(row=person.row, email=HIS)
    two.push(won)
    return two, ConflictRow(operation=won.id, field="email", table="person", row=person.row, made=office.time(), winner_clock=won.clock,
                            loser_clock=lost.clock, value=HERS, winner=Author(), loser=Author())


def tell(office: Any, laptop: Any, *rows: ConflictRow, decisions: list[Decision] | None = None) -> list[ConflictRow]:
    message = DecideRequest(laptop.scope, decisions or [], list(rows))
    return office.call("conflicts/decide", message, ConflictsReply, laptop.token).conflicts


def test_it_is_kept_as_it_was_and_once(office: Any, told: tuple[Any, ConflictRow]) -> None:
    laptop, row = told
    other = office.laptop()
    (first,) = tell(office, laptop, row, row)
    assert tell(office, other, msgspec.structs.replace(row, value="another", made=row.made - 1)) == [first]
    assert msgspec.structs.replace(first, winner=Author(), loser=Author(), winner_device=None, loser_device=None) == row
    assert first.winner_device == laptop.device and first.loser_device not in (None, laptop.device), "by their clocks, whoever tells it"
    assert tell(office, laptop, row, decisions=[Decision(row.operation, row.field, True)]) == []
    assert tell(office, other, row) == [], "it is decided"
    with office.server.database.reading() as connection:
        table = office.server.tables.tables["audit"]
        notes = connection.execute(sa.select(table.c.device, table.c.details).where(table.c.event == "card")).all()
        assert audit.check(connection, all_tables()).broken == []
    assert [(one.device, msgspec.json.decode(one.details)) for one in notes] == [(laptop.device, {"operation": row.operation, "field": "email"})]


def test_a_door_tells_none(office: Any, told: tuple[Any, ConflictRow]) -> None:
    laptop, row = told
    gathering = laptop.operation("gathering", name="Dinner", starts="2026-10-01T18:00", ends="2026-10-01T22:00", time_zone="UTC")
    laptop.push(gathering)
    door = office.laptop(role="door", gathering=gathering.row)
    assert office.ask("conflicts/decide", DecideRequest(laptop.scope, [], [row]), door.token).code == "no_grant"
    assert office.ask("conflicts/decide", DecideRequest(laptop.scope, [], [row]), office.laptop("Lowell").token).code == "no_grant"
    assert office.call("conflicts", ScopeRequest(laptop.scope), ConflictsReply, laptop.token).conflicts == []


EARLIER, LATER = "000000000001-0000-0123456789abcdef", "fffffffffff0-0000-0123456789abcdef"


@pytest.mark.parametrize("wrong", [
    {"field": "nothing"}, {"table": "nothing"}, {"table": "fact", "field": "note"}, {"table": "replica", "field": "device"}, {"field": "id"},
    {"operation": "1"}, {"row": "1"}, {"row": "0190c0de-0000-7000-8000-000000000000"}, {"value": 7}, {"value": "a\0b"}, {"value": "x" * 70_000},
    {"field": "other_emails", "value": "no list"}, {"winner_clock": LATER}, {"loser_clock": LATER}, {"winner_clock": "x"}, {"loser_clock": ""},
    {"winner_clock": EARLIER, "loser_clock": EARLIER}, {"field": "gone", "value": True}, {"field": "gone", "value": False}, {"made": 0},
], ids=lambda wrong: "-".join(f"{name} {str(said)[:20]!r}" for name, said in wrong.items()))
def test_what_can_be_none_is_not_taken(office: Any, told: tuple[Any, ConflictRow], wrong: dict[str, Any]) -> None:
    laptop, row = told
    assert tell(office, laptop, msgspec.structs.replace(row, **wrong)) == []
    assert len(tell(office, laptop, msgspec.structs.replace(row, **wrong), row)) == 1, "the others are"


def test_it_stays_for_as_long_as_it_would_have(office: Any, told: tuple[Any, ConflictRow]) -> None:
    laptop, row = told
    old = msgspec.structs.replace(row, made=office.time() - 89 * A_DAY)
    assert len(tell(office, laptop, old)) == 1
    office.time.now += A_DAY + 1
    laptop.begin()
    assert tell(office, laptop, old) == []
    ahead = msgspec.structs.replace(row, operation=uuid7(), made=office.time() + 400 * A_DAY)
    (one,) = tell(office, laptop, ahead)
    assert one.made == office.time()


def test_a_household_says_not_whose_it_was(office: Any) -> None:
    one, two = office.laptop(), office.laptop()
    home = one.operation("household", name="The Tesfayes")
    person = one.operation(last_name="Tesfaye", household=home.row)
    one.push(home, person)
    office.time.now += 1
    won = two.operation("household", row=home.row, name="Tesfaye and Berg")
    two.push(won)
    row = ConflictRow(operation=won.id, field="name", table="household", row=home.row, made=office.time(), winner_clock=won.clock,
                      loser_clock=one.clock(office.time() - 1), value="Selam’s", winner=Author(), loser=Author())
    (kept,) = tell(office, one, row)
    office.time.now += 1
    order = one.operation(row=person.row, command="erase")
    one.push(msgspec.structs.replace(order, kind="command"))
    assert tell(office, two) == [], kept
    office.time.now += 1
    two.push(two.operation("household", row=home.row, name="Berg"))
    assert [one.value for one in tell(office, two, row)] == [None], "the two who wrote there later are another one"
