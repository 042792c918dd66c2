"""What was removed: its words go after 30 days, its mark after 400; a laptop that was away for longer takes everything anew."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from nacl.signing import SigningKey

from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.canonical import body_of
from alumni_desk.protocol.codes import badge_code
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import PAGE_BYTES, Cursor, Operation, Page, Result
from alumni_desk.protocol.parcels import Piece, sign_parcel
from alumni_desk.server import audit, feed, removing
from alumni_desk.server.database import Database
from alumni_desk.server.invitations import make_chapter
from alumni_desk.server.pull import pull_page
from alumni_desk.server.push import push
from alumni_desk.server.state import open_server
from alumni_desk.server.tidying import A_DAY, NEARLY_A_DAY, claim, tidy_all

CODE, OTHER_CODE = badge_code(), badge_code()
NOW = 1_790_000_000_000


class Chapter:
    """A server with a chapter, and time that stands still until it is moved."""

    def __init__(self, database: Database) -> None:
        self.server = open_server(database)
        self.key, self.device, self.count, self.now = SigningKey.generate(), uuid7(), 0, NOW
        with database.writing() as connection:
            self.scope = make_chapter(connection, self.server.tables, "Boston", NOW)

    def put(self, table: str, row: str, clock: int = 0, **fields: Any) -> Result:
        """One operation, pushed; ``clock``: its time, if it is not now."""
        self.count += 1
        operation = Operation(uuid7(), uuid7(), uuid7(), "fact" if table == "fact" else "put", table, row, fields, {},
                              f"{clock or self.now:012x}-{self.count:04x}-{'a' * 16}", 1)
        piece = Piece(operation.id, operation.transaction, body_of(operation))
        parcel = sign_parcel(self.key, server=self.server.id, device=self.device, scope=self.scope, audience="chapter", pieces=[piece])
        with self.server.database.writing() as connection:
            return push(connection, self.server.tables, [parcel], scope=self.scope, role="leader", device=self.device, now=self.now).results[0]

    def add(self, table: str = "person", **fields: Any) -> str:
        """A new row."""
        row = uuid7()
        assert self.put(table, row, **fields).status == "ok"
        return row

    def later(self, days: int) -> int:
        """Let days pass, in which somebody does something at last; what the tidying takes away then."""
        self.now += days * A_DAY
        self.add(last_name="Later")
        return tidy_all(self.server, self.now)

    def pull(self, cursor: Cursor) -> Page:
        """All that came after a cursor."""
        with self.server.database.reading() as connection:
            return pull_page(connection, self.server.tables, scope=self.scope, role="leader", cursor=cursor, max_bytes=PAGE_BYTES)

    def ids(self, table: str) -> set[str]:
        """The rows that the server has."""
        rows = self.server.tables.tables[table]
        with self.server.database.reading() as connection:
            return set(connection.execute(sa.select(rows.c.id).where(rows.c.scope == self.scope)).scalars())

    def row(self, table: str, row: str) -> dict[str, Any]:
        """One of them."""
        rows = self.server.tables.tables[table]
        with self.server.database.reading() as connection:
            return dict(connection.execute(sa.select(rows).where(rows.c.scope == self.scope, rows.c.id == row)).mappings().one())

    def entries(self) -> dict[tuple[str, str], bool]:
        """The chapter's feed: whether a row is gone."""
        entries = self.server.tables.tables["feed"]
        with self.server.database.reading() as connection:
            query = sa.select(entries).where(entries.c.scope == self.scope, entries.c.audience == "chapter")
            return {(row.table_name, row.row_id): row.gone for row in connection.execute(query)}


@pytest.fixture
def here(database: Database) -> Chapter:
    """On each kind of database."""
    return Chapter(database)


def test_what_a_removed_row_says_goes_after_thirty_days_and_every_laptop_hears_of_it(here: Chapter) -> None:
    away, stays = here.add(last_name="Away", notes="secret"), here.add(last_name="Stays")
    degree = here.add("education", person=away, school="Northgate")
    here.put("person", away, gone=True)
    caught_up = here.pull(Cursor()).cursor
    assert here.later(29) == 0 and away in here.ids("person")
    assert here.later(2) == 2 and here.ids("person") >= {stays} and not here.ids("person") & {away} and not here.ids("education")
    page = here.pull(caught_up)
    assert page.removed == {"person": [away], "education": [degree]} and not page.reset
    assert here.pull(page.cursor).removed == {} and here.pull(Cursor()).removed == {}
    with here.server.database.reading() as connection:
        assert audit.check(connection, here.server.tables).broken == []
    assert here.later(1) == 0


def test_an_edit_does_not_bring_it_back_nor_does_who_wants_it_back(here: Chapter) -> None:
    away = here.add(last_name="Away")
    here.put("person", away, gone=True)
    here.later(31)
    head = here.pull(Cursor()).cursor.sequence
    assert here.put("person", away, city="Oslo").status == "stale"
    back = here.put("person", away, gone=False)
    assert (back.status, back.reason) == ("denied", "removed")
    assert away not in here.ids("person") and here.entries()["person", away] is True
    assert here.pull(Cursor(head, "")).reset  # of another chain, not that of a removed row
    here.later(400)
    assert ("person", away) not in here.entries()
    assert here.put("person", away, city="Oslo").status == "stale" and away not in here.ids("person")


def test_a_person_is_put_on_a_list_again_after_the_place_there_was_cleared(here: Chapter) -> None:
    talk, who = here.add("gathering", name="Talk"), here.add(last_name="Guest")
    place = registration_id(talk, who)
    here.put("registration", place, gathering=talk, person=who, status="yes", code=CODE, meal="fish")
    here.put("registration", place, gone=True)
    removed = here.now
    here.later(31)
    assert place not in here.ids("registration")
    assert here.put("registration", place, meal="meat").status == here.put("registration", place, gone=True).status == "stale"
    assert here.put("registration", place, clock=removed - 1, gone=False).status == "stale"
    assert place not in here.ids("registration")
    assert here.put("registration", place, gone=False, status="yes").status == "ok"  # by a laptop that had not heard of it
    row = here.row("registration", place)
    assert (row["gathering"], row["person"], row["code"], row["meal"], row["gone"]) == (talk, who, CODE, None, False)
    assert here.later(31) == 0 and here.entries()["registration", place] is False
    here.put("registration", place, gone=True)
    assert here.later(31) == 1
    assert here.put("registration", place, clock=removed, gathering=talk, person=who, status="no").status == "stale"  # as it was first made, late
    assert here.put("registration", place, gathering=talk, person=who, status="maybe", code=OTHER_CODE).status == "ok"  # by one that has nothing of it any more
    row = here.row("registration", place)
    assert (row["status"], row["code"], row["meal"], row["gone"]) == ("maybe", OTHER_CODE, None, False)


def test_what_something_else_names_keeps_what_it_says(here: Chapter) -> None:
    talk, who, root, home = here.add("gathering", name="Talk"), here.add(last_name="Guest"), here.add(last_name="Root"), here.add("household", name="A & B")
    place = registration_id(talk, who)
    here.put("registration", place, gathering=talk, person=who, status="yes")
    here.put("fact", uuid7(), kind="in", gathering=talk, registration=place, person=who, at="2026-09-21T19:00:00.000Z")
    double = here.add(last_name="Double", merged_into=root, household=home)
    for table, row in (("person", who), ("person", root), ("gathering", talk), ("registration", place), ("household", home)):
        here.put(table, row, gone=True)
    assert here.later(31) == 0
    here.put("person", double, gone=True)
    assert here.later(31) == 3  # the double; and the root and the home, which nobody names now
    assert who in here.ids("person") and here.ids("household") == set()


def test_marks_go_after_four_hundred_days_and_who_was_away_longer_begins_again(here: Chapter) -> None:
    gone = [here.add(last_name=f"Gone {n}") for n in range(5)]
    cursor = here.pull(Cursor()).cursor
    for one in gone:
        here.put("person", one, gone=True)
    here.later(31)
    heard = here.pull(cursor).cursor
    assert here.later(360) == 0 and len([one for one in here.entries().values() if one]) == 5
    assert here.later(12) == 5
    entries, rows = here.entries(), sum(len(here.ids(name)) for name in removing.NAMED) + len(here.ids("chapter"))
    assert len(entries) == rows and not any(entries.values())
    assert here.pull(cursor).reset and not here.pull(heard).reset
    with here.server.database.reading() as connection:
        assert 0 < feed.floor_of(connection, here.server.tables, here.scope, "chapter") <= heard.sequence


def test_a_place_on_a_list_that_came_back_and_is_removed_again_is_told_of_as_long_as_it_is_there(here: Chapter) -> None:
    talk, who = here.add("gathering", name="Talk"), here.add(last_name="Guest")
    place = registration_id(talk, who)
    here.put("registration", place, gathering=talk, person=who, status="yes")
    here.put("registration", place, gone=True)
    here.later(31)
    here.put("registration", place, gone=False, status="yes")
    here.later(401)
    here.put("registration", place, gone=True)
    assert here.later(1) == 0  # the mark of the first time is old, and the row is there
    assert place in here.ids("registration") and here.entries()["registration", place] is True
    assert here.later(31) == 1 and place not in here.ids("registration")
    assert here.later(372) > 0 and ("registration", place) not in here.entries()


def test_many_are_cleared_a_few_at_a_time(here: Chapter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removing, "AT_ONCE", 3)
    gone = {here.add(last_name=f"Gone {n}") for n in range(8)}
    for one in gone:
        here.put("person", one, gone=True)
    here.now += 31 * A_DAY
    here.add(last_name="Later")
    counts = []
    while not counts or counts[-1]:
        with here.server.database.writing() as connection:
            counts.append(removing.clear(connection, here.server.tables, here.scope, here.now))
    assert counts == [3, 3, 2, 0] and not gone & here.ids("person")


def erase(here: Chapter, person: str) -> None:
    """The order to erase somebody."""
    command = Operation(uuid7(), uuid7(), uuid7(), "command", "person", person, {"command": "erase"}, {}, f"{here.now:012x}-ffff-{'a' * 16}", 1)
    parcel = sign_parcel(here.key, server=here.server.id, device=here.device, scope=here.scope, audience="chapter",
                         pieces=[Piece(command.id, command.transaction, body_of(command))])
    with here.server.database.writing() as connection:
        assert push(connection, here.server.tables, [parcel], scope=here.scope, role="leader", device=here.device, now=here.now).results[0].status == "ok"


def test_whoever_was_erased_keeps_the_mark_of_that(here: Chapter) -> None:
    erased = here.add(last_name="Erased")
    erase(here, erased)
    assert here.later(31) == 0 and erased in here.ids("person")
    assert here.put("person", erased, city="Oslo").status == "erased"


def test_who_is_erased_after_the_row_went_is_told_of_and_for_ever(here: Chapter) -> None:
    """A laptop may have written of them since, or not have heard of anything for years."""
    gone = here.add(last_name="Gone")
    here.put("person", gone, gone=True)
    here.later(31)
    heard = here.pull(Cursor()).cursor
    erase(here, gone)
    assert here.pull(heard).erased == here.pull(heard).removed == {"person": [gone]}
    here.later(800)
    assert here.pull(Cursor()).erased == {"person": [gone]} and here.put("person", gone, city="Oslo").status == "erased"


def test_one_process_tidies_in_a_day(here: Chapter) -> None:
    assert claim(here.server, NOW) and not claim(here.server, NOW) and not claim(here.server, NOW + NEARLY_A_DAY - 1)
    assert claim(here.server, NOW + NEARLY_A_DAY)
    assert claim(here.server, NOW - 3 * A_DAY), "a clock that was days ahead stops nobody for ever"
