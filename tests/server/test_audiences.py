"""A gathering's feed against the tables: whatever comes in whatever order, its door has exactly what its audience is, at every moment."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nacl.signing import SigningKey

from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.canonical import body_of
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import Cursor, Operation
from alumni_desk.protocol.parcels import Piece, sign_parcel
from alumni_desk.protocol.policy import project
from alumni_desk.server import feed
from alumni_desk.server.audiences import CHAPTER, members
from alumni_desk.server.bulk import rows_by_id
from alumni_desk.server.database import Database, migrate, sqlcipher_database
from alumni_desk.server.invitations import make_chapter
from alumni_desk.server.pull import pull_page
from alumni_desk.server.push import push
from alumni_desk.server.state import Server, open_server
from alumni_desk.server.tidying import tidy
from alumni_desk.sync.shapes import shapes

NOW = 1_790_000_000_000
DAY = 24 * 3600 * 1000
EXAMPLES = 30

GATHERINGS = ("00000000-0000-4000-8000-00000000000a", "00000000-0000-4000-8000-00000000000b")
PEOPLE = tuple(f"00000000-0000-4000-8000-0000000000{n:02x}" for n in range(1, 6))

person = st.sampled_from(PEOPLE)
gathering = st.sampled_from(GATHERINGS)
PUTS = st.one_of(
    st.tuples(st.just("person"), person, st.fixed_dictionaries({"last_name": st.sampled_from("ABC"), "email": st.sampled_from("xy")})),
    st.tuples(st.just("person"), person, st.fixed_dictionaries({"merged_into": st.one_of(st.none(), person)})),
    st.tuples(st.just("person"), person, st.fixed_dictionaries({"gone": st.booleans()})),
    st.tuples(st.just("gathering"), gathering, st.fixed_dictionaries({"name": st.sampled_from("ABC")})),
    st.tuples(st.just("chapter"), st.none(), st.fixed_dictionaries({"university": st.sampled_from("UV")})),
    st.tuples(st.just("registration"), st.tuples(gathering, person), st.fixed_dictionaries(
        {"status": st.sampled_from(["yes", "no", "cancelled"]), "gone": st.sampled_from([False, False, True])})),
    st.tuples(st.just("fact"), st.tuples(gathering, person), st.fixed_dictionaries({"kind": st.sampled_from(["in", "void"])})),
)
PUSHES = st.lists(st.lists(PUTS, min_size=1, max_size=4), min_size=1, max_size=12)


@dataclass
class Door:
    """The least of a laptop at a door: its cursor, and the rows it has."""

    gathering: str
    cursor: Cursor = field(default_factory=Cursor)
    rows: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def pull(self, server: Server, scope: str, *, max_bytes: int = 1 << 20) -> None:
        """Take every page."""
        while True:
            with server.database.reading() as connection:
                page = pull_page(connection, server.tables, scope=scope, role="door", gathering=self.gathering, cursor=self.cursor, max_bytes=max_bytes)
            if page.reset:
                self.rows.clear()
            for table, ids in page.left.items():
                for row_id in ids:
                    self.rows.pop((table, row_id), None)
            for block in page.blocks:
                for row in block.rows:
                    values = dict(zip(block.columns[1:], row[1:], strict=True))
                    self.rows[block.table, str(values["id"])] = values
            self.cursor = page.cursor
            if not page.more:
                return


class House:
    """A server with a chapter and a leader who pushes."""

    def __init__(self, database: Database) -> None:
        self.server = open_server(database)
        self.key, self.count = SigningKey.generate(), 0
        with database.writing() as connection:
            self.scope = make_chapter(connection, self.server.tables, "Boston", NOW)

    def push(self, puts: list[tuple[str, Any, dict[str, Any]]], now: int = NOW) -> None:
        """One push of a leader's."""
        pieces = []
        for table, which, values in puts:
            self.count += 1
            row, fields = which, dict(values)
            if table == "chapter":
                row = self.scope
            elif table in ("registration", "fact"):
                of, who = which
                row = registration_id(of, who)
                fields.update(gathering=of, person=who)
            if table == "fact":
                row, fields = uuid7(), {**fields, "registration": row}
            operation = Operation(uuid7(), uuid7(), uuid7(), "fact" if table == "fact" else "put", table, row, fields, {},
                                  f"{now:012x}-{self.count:04x}-{'a' * 16}", 1)
            pieces.append(Piece(operation.id, operation.transaction, body_of(operation)))
        parcel = sign_parcel(self.key, server=self.server.id, device=uuid7(), scope=self.scope, audience="chapter", pieces=pieces)
        with self.server.database.writing() as connection:
            reply = push(connection, self.server.tables, [parcel], scope=self.scope, role="leader", device=parcel.device, now=now)
        assert all(one.status == "ok" or one.reason == "merged_already" for one in reply.results), reply.results

    def audience(self, of: str) -> dict[tuple[str, str], dict[str, Any]]:
        """What a door of this gathering has to have, from the tables."""
        found = {}
        with self.server.database.reading() as connection:
            for table, ids in members(connection, self.server.tables, self.scope, of).items():
                for row_id, row in rows_by_id(connection, self.server.tables.tables[table], self.scope, ids).items():
                    seen = project("door", shapes()[table], row)
                    assert seen is not None
                    found[table, row_id] = seen
        return found

    def entries(self) -> list[tuple[Any, ...]]:
        """The gatherings' feeds: audience, table, row, whether it left."""
        entries = self.server.tables.tables["feed"]
        query = sa.select(entries.c.audience, entries.c.table_name, entries.c.row_id, entries.c.gone).where(entries.c.audience != CHAPTER)
        with self.server.database.reading() as connection:
            return sorted(tuple(row) for row in connection.execute(query))


@contextmanager
def house() -> Iterator[House]:
    """A fresh one."""
    with tempfile.TemporaryDirectory() as folder:
        database = sqlcipher_database(Path(folder) / "server.db", secrets.token_bytes(32))
        try:
            yield House(database)
        finally:
            database.close()


def begin(here: House, *, people: bool = False) -> None:
    """The gatherings are known before anybody is invited to their doors; mostly the people are, too."""
    here.push([("gathering", one, {"name": "A"}) for one in GATHERINGS])
    if people:
        here.push([("person", one, {"last_name": "A", "email": "x"}) for one in PEOPLE])


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.booleans(), PUSHES, st.data())
def test_a_door_has_its_audience_at_every_moment(people: bool, pushes: list[list[Any]], data: st.DataObject) -> None:
    with house() as here:
        begin(here, people=people)
        doors = [Door(GATHERINGS[0]), Door(GATHERINGS[1]), Door(GATHERINGS[0])]
        for puts in pushes:
            here.push(puts)
            for door in doors[:2]:
                if data.draw(st.booleans()):
                    door.pull(here.server, here.scope, max_bytes=1)
                    assert door.rows == here.audience(door.gathering)
        for door in doors:
            door.pull(here.server, here.scope)
            assert door.rows == here.audience(door.gathering)
        for of in GATHERINGS:
            _no_longer_than_its_rows(here, of)


def _no_longer_than_its_rows(here: House, of: str) -> None:
    """One entry for each row that is in it or is named by it, and one for each that has left."""
    live = {name for name in here.audience(of)}
    entries = {(table, row): gone for audience, table, row, gone in here.entries() if audience == of}
    assert live <= {name for name, gone in entries.items() if not gone}
    named = {name for name, gone in entries.items() if not gone} - live
    assert all(table == "person" for table, _row in named), "only people may be waited for"


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.booleans(), PUSHES)
def test_a_database_from_before_gets_its_feeds(people: bool, pushes: list[list[Any]]) -> None:
    with house() as here:
        begin(here, people=people)
        for puts in pushes:
            here.push(puts)
        wanted = [entry for entry in here.entries() if not entry[3]]
        as_before(here)
        assert here.entries() == wanted
        for of in GATHERINGS:
            door = Door(of)
            door.pull(here.server, here.scope)
            assert door.rows == here.audience(of)
            here.push([("person", one, {"last_name": "Came later"}) for one in PEOPLE])  # whoever is on a list and had not come
            door.pull(here.server, here.scope)
            assert door.rows == here.audience(of)


def as_before(here: House) -> None:
    """Make the database one of before gatherings had feeds, and migrate it."""
    with here.server.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM feed WHERE audience <> 'chapter'")
        for name in ("registration_code", "feed_by_row", "person_merged_into", "fact_registration", "grant_by_account", "feed_gone"):
            connection.exec_driver_sql(f"DROP INDEX {name}")
        connection.exec_driver_sql("ALTER TABLE erased DROP COLUMN kept")
        connection.exec_driver_sql("ALTER TABLE invitation DROP COLUMN until")
        connection.exec_driver_sql("ALTER TABLE erased DROP COLUMN moved_to")
        connection.exec_driver_sql("ALTER TABLE device DROP COLUMN replaced_at")
        connection.exec_driver_sql("DROP TABLE overtaken")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = ?", (before("0004"),))
    migrate(here.server.database)


def test_whoever_is_on_a_list_and_comes_after_the_migration_is_told_to_the_door() -> None:
    of, (first, second, third, _other, *_rest) = GATHERINGS[0], PEOPLE
    with house() as here:
        begin(here, people=False)
        here.push([("gathering", of, {"name": "A"}), ("registration", (of, first), {"status": "yes", "gone": False}),
                   ("registration", (of, second), {"status": "yes", "gone": False}), ("person", second, {"merged_into": third})])
        as_before(here)
        door = Door(of)
        door.pull(here.server, here.scope)
        assert {row for table, row in door.rows if table == "person"} == {second}
        here.push([("person", first, {"last_name": "A", "email": "x"}), ("person", third, {"last_name": "B", "email": "y"})])
        door.pull(here.server, here.scope)
        assert {row for table, row in door.rows if table == "person"} == {first, second, third} and door.rows == here.audience(of)


def before(revision: str) -> str:
    """The migration that a migration follows."""
    from importlib import import_module

    return str(import_module(f"alumni_desk.server.migrations.versions.{revision}_audiences").down_revision)


def test_whoever_somebody_was_merged_into_comes_along_and_goes_again() -> None:
    first, second, third, other = PEOPLE[:4]
    of = GATHERINGS[0]
    with house() as here:
        begin(here, people=True)
        door = Door(of)
        steps: list[tuple[tuple[str, Any, dict[str, Any]], set[str]]] = [
            (("registration", (of, first), {"status": "yes", "gone": False}), {first}),
            (("person", first, {"merged_into": second}), {first, second}),
            (("person", second, {"merged_into": third}), {first, second, third}),
            (("person", third, {"merged_into": first}), {first, second, third}),  # round in a ring: the desk does nothing with it, nor do we
            (("person", third, {"merged_into": None}), {first, second, third}),
            (("registration", (of, other), {"status": "yes", "gone": False}), {first, second, third, other}),
            (("person", other, {"merged_into": third}), {first, second, third, other}),
            (("registration", (of, first), {"status": "cancelled", "gone": False}), {third, other}),
            (("fact", (of, first), {"kind": "in"}), {first, second, third, other}),
            (("person", first, {"merged_into": None}), {first, third, other}),
            (("person", other, {"merged_into": None}), {first, other}),
        ]
        for put, wanted in steps:
            here.push([put])
            door.pull(here.server, here.scope)
            assert {row for table, row in door.rows if table == "person"} == wanted, put
            assert door.rows == here.audience(of)


def test_marks_of_what_has_left_go_in_time_and_who_was_away_longer_begins_again(database: Database) -> None:
    here = House(database)
    begin(here)
    of, who = GATHERINGS[0], PEOPLE[0]
    here.push([("person", who, {"last_name": "A"}), ("registration", (of, who), {"status": "yes", "gone": False})])
    away, back = Door(of), Door(of)
    away.pull(here.server, here.scope)
    here.push([("registration", (of, who), {"status": "yes", "gone": True})])
    back.pull(here.server, here.scope)
    assert (of, "person", who, True) in here.entries()
    later = NOW + 401 * DAY
    here.push([("gathering", of, {"name": "B"})], later)
    with database.writing() as connection:
        assert tidy(connection, here.server.tables, here.scope, NOW + 399 * DAY) == 0
        assert tidy(connection, here.server.tables, here.scope, later) == 2  # the registration and the person, at the door; the chapter keeps both
    assert not [entry for entry in here.entries() if entry[3]]
    for door in (away, back, Door(of)):
        door.pull(here.server, here.scope)
        assert door.rows == here.audience(of)
    with database.reading() as connection:
        assert feed.floor_of(connection, here.server.tables, here.scope, of) > 0


def test_an_import_of_guests_asks_little(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    here = House(database)
    begin(here)
    people = [uuid7() for _ in range(400)]
    here.push([("person", one, {"last_name": "A"}) for one in people])
    asked: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda connection, cursor, statement, *rest: asked.append(statement))
    here.push([("registration", (GATHERINGS[0], one), {"status": "yes", "gone": False}) for one in people])
    assert len(asked) < 60, f"{len(asked)} questions for 400 guests"
    asked.clear()
    here.push([("fact", (GATHERINGS[0], people[0]), {"kind": "in"})])
    assert sum("registration" in one or '"person"' in one for one in asked if one.startswith("SELECT")) <= 2, "a check-in costs little"
