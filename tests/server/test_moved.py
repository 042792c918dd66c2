"""A member moves to another chapter: all of them goes, under the clocks that it has; the old chapter keeps that they came, and answers what is late."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import signal
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from nacl.signing import SigningKey
from tests.sync.hosts import soon

from alumni_desk.errors import Ambiguous, NotFound, Refused
from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.canonical import body_of
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import PAGE_BYTES, Cursor, Operation, Page, Result
from alumni_desk.protocol.parcels import Piece, sign_parcel
from alumni_desk.server import audit, backups, journal, moved, moved_erased, sealed_moves
from alumni_desk.server.audiences import members
from alumni_desk.server.database import Database, postgresql_database, sqlcipher_database
from alumni_desk.server.invitations import make_chapter
from alumni_desk.server.moved_finding import find_member
from alumni_desk.server.projection import Projection
from alumni_desk.server.pull import pull_page
from alumni_desk.server.push import push
from alumni_desk.server.snapshot import Snapshots
from alumni_desk.server.state import now_ms, open_server
from alumni_desk.server.tidying import A_DAY, claim, tidy_all, tidying

NOW = 1_790_000_000_000
PASSPHRASE = "three words to remember"


class Network:
    """A server with two chapters, and time that stands still until it is moved."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.journal = folder / "server-journal.jsonl"
        self.server = open_server(database, self.journal)
        self.key, self.device, self.count, self.now = SigningKey.generate(), uuid7(), 0, NOW
        with database.writing() as connection:
            self.berlin = make_chapter(connection, self.server.tables, "Berlin", NOW)
            self.munich = make_chapter(connection, self.server.tables, "Munich", NOW)

    def operation(self, table: str, row: str, kind: str = "", clock: int = 0, **fields: Any) -> Operation:
        """One of them, not pushed yet."""
        self.count += 1
        return Operation(uuid7(), uuid7(), uuid7(), kind or ("fact" if table == "fact" else "put"), table, row, fields, {},  # type: ignore[arg-type]
                         f"{clock or self.now:012x}-{self.count:04x}-{'a' * 16}", 1)

    def came(self, gathering: str, registration: str, person: str) -> Operation:
        """Somebody was let in."""
        one = self.operation("fact", uuid7())
        fields: dict[str, Any] = {"kind": "in", "gathering": gathering, "registration": registration, "person": person}
        return Operation(one.id, one.action, one.transaction, "fact", "fact", one.row, fields, {}, one.clock, 1)

    def push(self, *operations: Operation, scope: str = "", audience: str = "chapter", role: str = "leader", gathering: str | None = None) -> list[Result]:
        """Push them to a chapter, Berlin unless it is said."""
        scope = scope or self.berlin
        pieces = [Piece(one.id, one.transaction, body_of(one)) for one in operations]
        parcel = sign_parcel(self.key, server=self.server.id, device=self.device, scope=scope, audience=audience, pieces=pieces)
        with self.database.writing() as connection:
            return push(connection, self.server.tables, [parcel], scope=scope, role=role, device=self.device, now=self.now, gathering=gathering,
                        journal=partial(journal.write, self.server.journal, self.server.id)).results

    def add(self, table: str = "person", row: str | None = None, scope: str = "", **fields: Any) -> str:
        """A new row."""
        row = row or uuid7()
        assert self.push(self.operation(table, row, **fields), scope=scope)[0].status == "ok"
        return row

    def move(self, person: str, to: str = "", scope: str | None = None) -> moved.Moved:
        """Hand somebody over, to Munich unless it is said."""
        self.now += 1_000
        return moved.move(self.server, person, to or self.munich, self.now, scope=scope)

    def row(self, table: str, row: str, scope: str) -> dict[str, Any] | None:
        """A row as the server has it."""
        name = self.server.tables.tables[table]
        with self.database.reading() as connection:
            found = connection.execute(sa.select(name).where(name.c.scope == scope, name.c.id == row)).mappings().first()
        return dict(found) if found is not None else None

    def pull(self, scope: str, cursor: Cursor | None = None, gathering: str | None = None) -> Page:
        """All that came after a cursor."""
        with self.database.reading() as connection:
            return pull_page(connection, self.server.tables, scope=scope, role="door" if gathering else "leader", gathering=gathering,
                             cursor=cursor or Cursor(), max_bytes=PAGE_BYTES)

    def party(self, person: str, *, days: int = -10, **fields: Any) -> tuple[str, str]:
        """A gathering in Berlin so many days from now, with somebody on the list."""
        from datetime import UTC, datetime

        at = datetime.fromtimestamp((self.now + days * A_DAY) / 1000, UTC).strftime("%Y-%m-%dT%H:%M")
        gathering = self.add("gathering", name="Party", starts=at, ends=at, time_zone="UTC", status="planned")
        place = registration_id(gathering, person)
        said = self.operation("registration", place, gathering=gathering, person=person, status="yes", **fields)
        assert self.push(said, audience=gathering)[0].status == "ok"
        return gathering, place


@pytest.fixture
def network(database: Database, tmp_path: Path) -> Network:
    """Two chapters on each kind of database."""
    return Network(database, tmp_path)


def values(row: dict[str, Any] | None) -> dict[str, Any]:
    """What a row says, its chapter left out."""
    assert row is not None
    return {name: value for name, value in row.items() if name != "scope" and value not in (None, False)}


def test_all_of_somebody_goes_under_its_clocks_and_nothing_of_them_stays(network: Network) -> None:
    home = network.add("household", name="The Bergs")
    anna = network.add(standing="member", first_name="Anna", last_name="Berg", email="anna@example.org", household=home, class_year=1998)
    double = network.add(standing="member", last_name="Berg-Maier", merged_into=anna)
    school = network.add("education", person=anna, school="TU")
    before = {name: values(network.row(*name, network.berlin)) for name in (("person", anna), ("person", double), ("education", school), ("household", home))}
    done = network.move(double)
    assert set(done.people) == {anna, double}, "the whole merge group goes"
    for name, was in before.items():
        assert values(network.row(*name, network.munich)) == was
        left = values(network.row(*name, network.berlin))
        assert left.keys() <= {"id", "gone", "standing", "merged_into", "person", "clock", "clocks"}, left
    assert values(network.row("person", double, network.berlin))["merged_into"] == anna, "a headcount still knows who is one"
    assert {row[1]: row for block in network.pull(network.munich).blocks if block.table == "person" for row in block.rows}.keys() == {anna, double}
    page = network.pull(network.berlin)
    assert {table: set(ids) for table, ids in page.moved.items()} == {"person": {anna, double}, "education": {school}, "household": {home}}
    assert not network.pull(network.munich).moved
    with network.database.reading() as connection:
        assert not audit.check(connection, network.server.tables).broken


def test_a_household_stays_with_those_who_stay(network: Network) -> None:
    home = network.add("household", name="The Bergs")
    anna, paul = (network.add(standing="member", last_name="Berg", first_name=name, household=home) for name in ("Anna", "Paul"))
    network.move(anna)
    assert values(network.row("household", home, network.berlin))["name"] == "The Bergs"
    assert values(network.row("person", paul, network.berlin))["household"] == home
    assert "household" not in values(network.row("person", anna, network.munich)) and network.row("household", home, network.munich) is None
    network.move(paul)
    assert values(network.row("household", home, network.munich))["name"] == "The Bergs"


def test_whoever_came_is_still_counted_and_is_off_the_lists_to_come(network: Network) -> None:
    anna = network.add(standing="member", last_name="Berg")
    past, came = network.party(anna, meal="vegetarian", badge_name="Anna")
    fact = network.came(past, came, anna)
    assert network.push(fact, audience=past)[0].status == "ok"
    coming, place = network.party(anna, days=10)
    was = network.row("fact", fact.row, network.berlin)
    assert network.move(anna).lists == 1
    assert network.row("fact", fact.row, network.berlin) == was
    left = values(network.row("registration", came, network.berlin))
    assert left["person"] == anna and left["status"] == "yes" and "meal" not in left and "badge_name" not in left
    assert values(network.row("registration", place, network.berlin))["status"] == "cancelled"
    with network.database.reading() as connection:  # the door sees an empty row, and nothing of a list that she is off
        assert anna in members(connection, network.server.tables, network.berlin, past)["person"]
        feed = network.server.tables.tables["feed"]
        there = set(connection.execute(sa.select(feed.c.row_id).where(feed.c.audience == coming, ~feed.c.gone)).scalars())
    assert anna not in there and place not in there
    assert network.push(network.came(coming, place, anna), audience=coming)[0].status == "ok"
    with network.database.reading() as connection:
        assert place in members(connection, network.server.tables, network.berlin, coming)["registration"], "who is let in all the same counts"
    page = network.pull(network.berlin, gathering=past)
    person = next(block for block in page.blocks if block.table == "person")
    assert [dict(zip(person.columns, row, strict=True))["last_name"] for row in person.rows] == [None] and page.moved["person"] == [anna]


def test_late_operations_are_answered_moved_and_late_check_ins_count(network: Network) -> None:
    anna, bo = network.add(standing="member", last_name="Berg"), network.add(standing="member", last_name="Bo")
    _party, place = network.party(anna)
    other, _place = network.party(bo)
    network.move(anna)
    late = [network.operation("person", anna, city="Berlin"), network.operation("education", uuid7(), person=anna, school="FU"),
            network.operation("person", bo, merged_into=anna), network.operation("person", anna, "command", command="erase"),
            network.operation("registration", place, door_note="walks slowly")]
    for one in late:
        said = network.push(one)[0]
        assert (said.status, said.reason) == ("moved", "moved:Munich"), one
        assert network.push(one)[0].settled == "moved", "a durable result"
    assert values(network.row("person", bo, network.berlin))["last_name"] == "Bo" and "city" not in values(network.row("person", anna, network.munich))
    added = registration_id(other, anna)
    transaction = uuid7()
    both = [network.operation("registration", added, gathering=other, person=anna, status="yes", meal="fish"), network.operation("person", bo, city="Bonn")]
    both = [Operation(one.id, one.action, transaction, one.kind, one.table, one.row, one.fields, {}, one.clock, 1) for one in both]
    assert [one.status for one in network.push(*both)] == ["ok", "ok"]
    assert "meal" not in values(network.row("registration", added, network.berlin))
    assert network.push(network.came(other, added, anna), audience=other)[0].status == "ok"
    edit = network.operation("person", anna, city="Munich")
    assert network.push(edit, scope=network.munich)[0].status == "ok"
    network.move(anna, network.berlin)
    assert network.push(network.operation("person", anna, city="Hof"), scope=network.munich)[0].reason == "moved:Berlin"
    assert network.push(network.operation("person", anna, city="Ulm"))[0].status == "ok", "she came back"
    assert values(network.row("person", anna, network.berlin))["last_name"] == "Berg"
    assert not network.pull(network.berlin).moved


def test_a_late_operation_hears_where_they_are_now(network: Network) -> None:
    anna = network.add(standing="member", last_name="Berg")
    with network.database.writing() as connection:
        hof = make_chapter(connection, network.server.tables, "Hof", NOW)
    network.move(anna)
    network.move(anna, hof)
    assert network.push(network.operation("person", anna, city="Berlin"))[0].reason == "moved:Hof"


def test_who_is_not_there_does_not_move(network: Network) -> None:
    anna = network.add(standing="member", last_name="Berg")
    with pytest.raises(Refused):
        network.move(anna, network.berlin)
    with pytest.raises(NotFound):
        network.move(uuid7())
    with pytest.raises(NotFound):
        network.move(anna, uuid7())
    network.move(anna)
    with pytest.raises(NotFound):
        network.move(anna, scope=network.berlin)
    assert network.push(network.operation("person", anna, "command", command="erase"), scope=network.munich)[0].status == "ok"
    with pytest.raises(NotFound):
        network.move(anna, network.berlin)


def test_a_restore_moves_again_with_what_was_written_last(network: Network, tmp_path: Path) -> None:
    bo = network.add(standing="member", last_name="Bo")
    anna = network.add(standing="member", last_name="Berg")
    backups.back_up(network.database, tmp_path / "backup", PASSPHRASE)
    network.push(network.operation("person", anna, city="Potsdam"))
    carla = network.add(standing="member", last_name="Carla")  # the backup does not know her
    for one in (anna, bo, carla):
        network.move(one)
    network.move(bo, network.berlin)
    before = {(one, scope): network.row("person", one, scope) for one in (anna, bo, carla) for scope in (network.berlin, network.munich)}
    assert "Berg" not in network.journal.read_text() and b"Berg" not in b"".join(
        file.read_bytes() for file in sealed_moves.folder_beside(network.journal).iterdir())
    backups.restore(network.database, tmp_path / "backup", PASSPHRASE, network.journal, now=network.now)
    assert {name: network.row("person", *name) for name in before} == before
    assert network.push(network.operation("person", anna, city="Berlin"))[0].status == "moved"
    assert journal_is_true(network)


def journal_is_true(network: Network) -> bool:
    """Whether nothing of the journal is news."""
    with network.database.writing() as connection:
        return journal.replay(connection, network.server.tables, network.journal, network.server.id) == 0


def test_who_is_erased_after_a_move_is_in_no_file(network: Network, tmp_path: Path) -> None:
    anna, bo = (network.add(standing="member", last_name=name) for name in ("Berg", "Bo"))
    backups.back_up(network.database, tmp_path / "backup", PASSPHRASE)
    network.move(anna)
    network.move(bo)
    folder = sealed_moves.folder_beside(network.journal)
    assert len(list(folder.iterdir())) == 2
    assert network.push(network.operation("person", anna, "command", command="erase"), scope=network.munich)[0].status == "ok"
    assert len(list(folder.iterdir())) == 1
    backups.restore(network.database, tmp_path / "backup", PASSPHRASE, network.journal, now=network.now)
    for scope in (network.berlin, network.munich):
        assert "last_name" not in values(network.row("person", anna, scope))
    assert values(network.row("person", bo, network.munich))["last_name"] == "Bo"


def test_who_is_erased_where_they_are_is_erased_in_every_chapter_before(network: Network, tmp_path: Path) -> None:
    anna, bo, stays = (network.add(standing="member", last_name=name) for name in ("Berg", "Berg", "Stays"))
    assert network.push(network.operation("person", bo, merged_into=anna))[0].status == "ok"
    backups.back_up(network.database, tmp_path / "backup", PASSPHRASE)
    network.move(anna)
    late = network.pull(network.berlin).cursor
    with network.database.writing() as connection:
        vienna = make_chapter(connection, network.server.tables, "Vienna", network.now)
    network.move(anna, vienna, network.munich)
    note = partial(journal.write, network.server.journal, network.server.id)
    assert moved_erased.follow(network.server, network.now, note) == 0
    assert network.push(network.operation("person", anna, "command", command="erase"), scope=vienna)[0].status == "ok"
    assert set(network.pull(network.berlin, late).moved.get("person", ())) == set()
    assert moved_erased.follow(network.server, network.now, note, {stays}) == 0
    assert moved_erased.follow(network.server, network.now, note, {anna, bo}) == 4, "two people, two chapters before"
    assert moved_erased.follow(network.server, network.now, note) == 0
    page = network.pull(network.berlin, late)
    assert set(page.erased["person"]) == {anna, bo} and not page.moved
    for scope in (network.berlin, network.munich):
        assert [one.status for one in network.push(network.operation("person", anna, city="Too late"), scope=scope)] == ["erased"]
    assert values(network.row("person", stays, network.berlin))["last_name"] == "Stays"
    assert journal_is_true(network)
    backups.restore(network.database, tmp_path / "backup", PASSPHRASE, network.journal, now=network.now)
    for scope in (network.berlin, network.munich, vienna):
        assert all("last_name" not in values(row) for one in (anna, bo) if (row := network.row("person", one, scope)) is not None)


def test_tidying_makes_up_for_an_erasure_that_did_not_reach_the_chapters_before(network: Network) -> None:
    anna = network.add(standing="member", last_name="Berg")
    network.move(anna)
    assert network.push(network.operation("person", anna, "command", command="erase"), scope=network.munich)[0].status == "ok"
    late = network.pull(network.berlin).cursor
    tidy_all(network.server, network.now)
    assert network.pull(network.berlin, late).erased == {"person": [anna]}


def test_tidying_makes_up_for_all_that_an_erasure_that_was_cut_off_left(network: Network) -> None:
    anna = network.add(standing="member", last_name="Berg")
    snapshots = Snapshots(network.server)
    offered = [snapshots.offer(network.berlin, seen, now=NOW).name for seen in (Projection("leader"), Projection("door", "a gathering long over"))]
    left = network.folder / "snapshots" / f"{'0' * 32}.part"
    left.write_bytes(b"of a process that was killed")
    os.utime(left, (0, 0))
    network.add(standing="member", last_name="Stays", scope=network.munich)
    true = snapshots.offer(network.munich, Projection("leader"), now=NOW).name
    with network.database.reading() as connection:  # whoever reads what was there keeps it in the log
        connection.execute(sa.select(network.server.tables.tables["person"].c.id)).all()
        assert network.push(network.operation("person", anna, "command", command="erase"))[0].status == "ok"
    there = network.folder / "snapshots"
    assert {f"{name}.db" for name in (*offered, true)} <= {file.name for file in there.iterdir()}
    tidy_all(network.server, network.now)
    assert {file.name for file in there.iterdir()} == {f"{true}.db", f"{true}.made"}
    if network.database.path is not None:
        assert network.database.path.with_name(f"{network.database.path.name}-wal").stat().st_size == 0


def test_a_command_that_begins_while_somebody_is_moved_moves_nobody_again(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    anna, write = network.add(standing="member", last_name="Berg"), journal.write
    command = threading.Thread(target=lambda: open_server(network.database, network.journal))

    def waits() -> bool:
        with network.database.asking() as connection:
            return bool(connection.execute(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar())

    def written(*said: Any, **facts: Any) -> None:
        write(*said, **facts)
        command.start()
        soon(lambda: not network.database.postgresql or not command.is_alive() or waits())

    monkeypatch.setattr(journal, "write", written)
    network.move(anna)
    command.join()
    there = network.row("person", anna, network.munich)
    assert there is not None and (there["gone"], there["standing"], there["last_name"]) == (False, "member", "Berg")


def test_a_move_that_never_came_to_be_of_somebody_erased_since_keeps_no_server_from_starting(network: Network) -> None:
    anna, double = network.add(standing="member", last_name="Berg"), network.add(standing="member", last_name="Maier")
    journal.write(network.journal, network.server.id, "move", at=NOW, id=uuid7(), scope=network.berlin, to=network.munich, people=[anna, double])
    assert network.push(network.operation("person", anna, "command", command="erase"))[0].status == "ok"
    for _time in range(2):
        open_server(network.database, network.journal)
    assert network.row("person", anna, network.munich) is None and network.row("person", double, network.munich) is None
    assert values(network.row("person", double, network.berlin))["last_name"] == "Maier"


def test_an_empty_name_is_not_that_of_somebody_who_has_none(network: Network) -> None:
    network.add(standing="member", city="Bonn")
    with network.database.reading() as connection, pytest.raises(NotFound):
        find_member(connection, network.server.tables, " ", None)


def test_somebody_is_found_by_whatever_of_their_names_is_theirs_alone(network: Network) -> None:
    ming = network.add(standing="member", first_name="Ming", last_name="小明", other_script_name="王 小明")
    anna = network.add(standing="member", first_name="Anna", last_name="Berg", preferred_name="Anni")
    hanna = network.add(standing="member", first_name="Hanna", last_name="Berg")

    def found(text: str) -> str:
        with network.database.reading() as connection:
            return find_member(connection, network.server.tables, text, None).id

    assert [found(text) for text in ("Ming", "王 小明", "ming 小明", "小明")] == [ming] * 4
    assert [found(text) for text in ("Anna", "anna  berg", "Anni Berg", "Berg Anna", anna)] == [anna] * 5
    for nobody in ("Min", "Ming Berg", "ann"):
        with pytest.raises(NotFound):
            found(nobody)
    with pytest.raises(Ambiguous) as several:
        found("Berg")
    assert f"Anni Berg ({anna})" in str(several.value) and f"Hanna Berg ({hanna})" in str(several.value)


def test_a_server_that_starts_again_makes_up_for_an_erasure_at_once(network: Network) -> None:
    anna = network.add(standing="member", last_name="Berg")
    Snapshots(network.server).offer(network.berlin, Projection("leader"), now=NOW)
    network.move(anna)
    late = network.pull(network.berlin).cursor
    assert network.push(network.operation("person", anna, "command", command="erase"), scope=network.munich)[0].status == "ok"
    assert claim(network.server, now_ms()), "and the next tidying is tomorrow"
    with tidying(network.server):
        soon(lambda: network.pull(network.berlin, late).erased == {"person": [anna]} and not list((network.folder / "snapshots").iterdir()))


def test_a_file_for_a_first_sync_made_before_a_move_is_not_given_any_more(network: Network) -> None:
    snapshots = Snapshots(network.server)
    anna = network.add(standing="member", last_name="Berg")
    seen = Projection("leader")
    before = snapshots.offer(network.berlin, seen, now=NOW)
    assert before.state == "ready" and snapshots.file(network.berlin, seen, before.name) is not None and not before.moved
    network.move(anna)
    assert snapshots.file(network.berlin, seen, before.name) is None
    after = snapshots.offer(network.berlin, seen, now=NOW)
    assert after.name != before.name and after.moved == {"person": [anna]}
    network.add(last_name="Later")
    assert snapshots.offer(network.berlin, seen, now=NOW).name == after.name


def test_the_tidying_leaves_who_moved_answered(network: Network) -> None:
    anna = network.add(standing="member", last_name="Berg")
    network.move(anna)
    for _time in range(2):
        network.now += 450 * A_DAY
        network.add(last_name="Later")
        tidy_all(network.server, network.now)
    assert network.push(network.operation("person", anna, city="Berlin"))[0].status == "moved"
    assert network.pull(network.berlin).moved["person"] == [anna]


def test_two_opposite_moves_at_once_both_end(network: Network) -> None:
    those = [(network.add(standing="member", last_name=f"B{n}"), network.add(standing="member", last_name=f"M{n}", scope=network.munich)) for n in range(8)]
    trouble: list[BaseException] = []

    def work(place: int, to: str) -> None:
        try:
            for pair in those:
                moved.move(network.server, pair[place], to, NOW)
        except BaseException as error:
            trouble.append(error)

    workers = [threading.Thread(target=work, args=(place, to)) for place, to in ((0, network.munich), (1, network.berlin))]
    for one in workers:
        one.start()
    for one in workers:
        one.join(60)
    assert not trouble and not any(one.is_alive() for one in workers)
    for berliner, municher in those:
        assert values(network.row("person", berliner, network.munich))["last_name"].startswith("B")
        assert values(network.row("person", municher, network.berlin))["last_name"].startswith("M")


def test_a_move_and_an_edit_at_once_lose_nothing(network: Network) -> None:
    """The edit is in the new chapter, or was answered ``moved``: never both, never neither."""
    for n in range(10):
        anna = network.add(standing="member", last_name=f"Berg {n}")
        edit = network.operation("person", anna, city=f"City {n}")
        said: list[Result] = []
        worker = threading.Thread(target=lambda edit=edit, said=said: said.extend(network.push(edit)))
        worker.start()
        network.move(anna)
        worker.join(60)
        there = values(network.row("person", anna, network.munich)).get("city")
        assert (said[0].status, there) in (("ok", f"City {n}"), ("moved", None))


def _move_until_killed(where: Any, key: bytes, people: list[str], berlin: str, munich: str, journal_file: Path, said: Any) -> None:
    database = postgresql_database(where) if isinstance(where, str) else sqlcipher_database(where, key)
    server = open_server(database, journal_file)
    for one in people:
        moved.move(server, one, munich, NOW + 5_000, scope=berlin)
        said.send(one)


@pytest.fixture(params=["sqlcipher", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Where a database is, so that another process may open it."""
    yield tmp_path / "server.db" if request.param == "sqlcipher" else request.getfixturevalue("postgres_url")


def test_a_badge_that_was_printed_ahead_keeps_nobody_on_a_list_to_come_nor_does_what_took_it_back(network: Network) -> None:
    anna = network.add(standing="member", last_name="Berg")
    coming, place = network.party(anna, days=10)
    came = network.came(coming, place, anna)
    printed = Operation(came.id, came.action, came.transaction, "fact", "fact", came.row, {**came.fields, "kind": "badge"}, {}, came.clock, 1)
    undone = network.came(coming, place, anna)
    fields = {**undone.fields, "kind": "void", "closes": f'["{printed.row}"]'}
    undone = Operation(undone.id, undone.action, undone.transaction, "fact", "fact", undone.row, fields, {}, undone.clock, 1)
    assert [one.status for one in network.push(printed, undone, audience=coming)] == ["ok", "ok"]
    assert network.move(anna).lists == 1
    assert values(network.row("registration", place, network.berlin))["status"] == "cancelled"


def test_places_that_end_are_counted_as_people_see_them(network: Network) -> None:
    """Somebody on a list under two entries has one place, and a gathering that was removed has none."""
    anna = network.add(standing="member", last_name="Berg")
    double = network.add(standing="member", last_name="Berg-Maier", merged_into=anna)
    coming, place = network.party(anna, days=10)
    twice = registration_id(coming, double)
    assert network.push(network.operation("registration", twice, gathering=coming, person=double, status="yes"), audience=coming)[0].status == "ok"
    removed, left = network.party(anna, days=20)
    assert network.push(network.operation("gathering", removed, gone=True))[0].status == "ok"
    assert network.move(anna).lists == 1
    assert {values(network.row("registration", one, network.berlin))["status"] for one in (place, twice, left)} == {"cancelled"}


def test_killed_in_the_middle_everybody_is_in_one_chapter_whole(where: Any, tmp_path: Path) -> None:
    key = secrets.token_bytes(32)

    def opened() -> Database:
        return postgresql_database(where) if isinstance(where, str) else sqlcipher_database(where, key)

    database = opened()
    network = Network(database, tmp_path)
    people = [network.add(standing="member", last_name=f"Berg {n}") for n in range(25)]
    context = multiprocessing.get_context("spawn")
    heard, said = context.Pipe(duplex=False)
    worker = context.Process(target=_move_until_killed, args=(where, key, people, network.berlin, network.munich, network.journal, said))
    worker.start()
    for _time in range(5):
        assert heard.poll(120) and heard.recv()
    os.kill(worker.pid or 0, signal.SIGKILL)
    worker.join(60)
    database.close()
    network.database = opened()
    network.server = open_server(network.database, network.journal)  # what the journal had and the database did not is made true
    try:
        for n, one in enumerate(people):
            rows = [row for scope in (network.berlin, network.munich) if (row := network.row("person", one, scope)) is not None and not row["gone"]]
            assert [row["last_name"] for row in rows] == [f"Berg {n}"]
        assert sum(network.row("person", one, network.munich) is not None for one in people) >= 5
        assert journal_is_true(network)
        with network.database.reading() as connection:
            assert not audit.check(connection, network.server.tables).broken
    finally:
        network.database.close()


def test_what_was_written_after_a_move_that_was_never_committed_goes_along(network: Network) -> None:
    anna = network.add(standing="member", last_name="Berg", city="Berlin")
    row = network.row("person", anna, network.berlin)
    assert row is not None
    sealed_moves.Sealed(network.journal, network.server.secret).keep("one", {("person", anna): row})
    journal.write(network.journal, network.server.id, "move", at=NOW, id="one", scope=network.berlin, to=network.munich, people=[anna])
    network.push(network.operation("person", anna, city="Potsdam"))
    assert not journal_is_true(network) and journal_is_true(network)
    assert values(network.row("person", anna, network.munich)) | {"city": "Potsdam", "last_name": "Berg"} == values(network.row("person", anna, network.munich))
