"""The check that nothing is missing: it sees every difference, mends it, and says how it went."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from alumni_desk.cli.main import run
from alumni_desk.protocol.digest import PARTS, Sums, differing, part_of
from alumni_desk.protocol.ids import uuid7
from alumni_desk.server.database import postgresql_database
from alumni_desk.store import search
from alumni_desk.store.desk import Desk
from alumni_desk.sync import digest, state
from alumni_desk.sync.engine import join, status, sync_once
from alumni_desk.sync.shapes import shapes
from alumni_desk.words import clock_time, day

MakeDesk = Callable[[str], Desk]


def fill(desk: Desk, count: int = 200) -> list[str]:
    """Members and facts."""
    with desk.writing("import", queue="load") as writing:
        ids = [writing.add("person", standing="member", last_name=f"Ray {n}", class_year=1950 + n, deceased=n % 3 == 0) for n in range(count)]
        for one in ids[:20]:
            writing.add("fact", kind="in", person=one, at="2026-11-12T18:42:00.000Z")
    return ids


def everything(desk: Desk) -> dict[str, list[tuple[Any, ...]]]:
    """Every synced row, clocks and all."""
    with desk.reading() as connection:
        return {name: sorted((tuple(row) for row in connection.execute(sa.select(*(desk.tables[name].c[one] for one in ("scope", *shape.columns))))), key=repr)
                for name, shape in shapes().items()}


@pytest.fixture
def pair(office: Any, make_desk: MakeDesk) -> tuple[Desk, Desk, list[str]]:
    """Two desks that hold the same."""
    one, two = make_desk("one"), make_desk("two")
    join(one, office.url, office.invite())
    ids = fill(one)
    assert sync_once(one).identical is True
    join(two, office.url, office.invite())
    assert sync_once(two).identical is True
    return one, two, ids


def test_a_desk_that_edits_and_one_that_pulls_hold_the_same_bytes(pair: tuple[Desk, Desk, list[str]]) -> None:
    one, two, ids = pair
    random = Random(3)
    for turn in range(6):
        for desk in (one, two):
            with desk.writing("changed") as writing:
                for row in random.sample(ids, 12):
                    writing.change("person", row, **{random.choice(["city", "employer", "street", "postal_code"]): f"{turn} {random.random()}"})
                writing.change("person", random.choice(ids), gone=random.random() < 0.5)
        sync_once(one), sync_once(two)
    assert sync_once(one, check=True).identical and sync_once(two, check=True).identical
    assert everything(one) == everything(two)


@pytest.mark.parametrize("harm", [
    "UPDATE person SET last_name = 'Wrong' WHERE id = ?",
    "UPDATE person SET deceased = NOT deceased WHERE id = ?",
    "UPDATE person SET clocks = NULL WHERE id = ?",
    "UPDATE person SET clock = 'x' WHERE id = ?",
    "DELETE FROM person WHERE id = ?",
    "INSERT INTO person (id, scope, gone, clock) SELECT '00000000-0000-7000-8000-000000000000', scope, 0, 'x' FROM person WHERE id = ?",
    "DELETE FROM fact WHERE person = ?",
])
def test_whatever_differs_is_seen_and_mended(pair: tuple[Desk, Desk, list[str]], harm: str) -> None:
    one, two, ids = pair
    with two.applying() as applying:
        applying.connection.exec_driver_sql(harm, (ids[7],))
    assert everything(one) != everything(two)
    assert sync_once(two).pulled == 0, "nothing is new there, so a common sync does not see it"
    assert everything(one) != everything(two)
    assert sync_once(two, check=True).identical is True
    assert everything(one) == everything(two)
    with two.reading() as connection:
        checked = state.read(connection, state.Checked)
    assert checked is not None and checked.mended == 1
    with two.checking() as connection:
        assert search.is_whole(connection) and search.differences(connection) == 0


@pytest.mark.parametrize("harm", ["UPDATE person SET last_name = 'Wrong' WHERE id = %s", "DELETE FROM person WHERE id = %s"])
def test_what_was_changed_in_the_servers_database_itself_is_seen_where_somebody_asks(pair: tuple[Desk, Desk, list[str]], office: Any, harm: str) -> None:
    one, two, ids = pair
    before = everything(two)
    database = postgresql_database(office.server.database)
    try:
        with database.writing() as connection:
            connection.exec_driver_sql(harm, (ids[7],))
    finally:
        database.close()
    for desk in (one, two):
        sync_once(desk)
        assert everything(desk) == before, "nothing is new there, so a common sync does not see it"
        assert sync_once(desk, check=True).identical is True
    assert everything(one) == everything(two) != before and [status(desk).mended for desk in (one, two)] == [1, 1]
    assert sync_once(one, check=True).identical is True and status(one).mended == 0


def test_all_gone_all_comes_back_and_it_is_said(pair: tuple[Desk, Desk, list[str]]) -> None:
    one, two, ids = pair
    with two.applying() as applying:
        applying.connection.exec_driver_sql("DELETE FROM person")
    assert sync_once(two, check=True).identical is True and everything(one) == everything(two)
    assert status(two).mended == len(ids) and f"Checked: {len(ids)} records were missing or different here" in status(two).checked_sentence
    assert sync_once(two, check=True).identical is True and status(two).checked_sentence.startswith("Checked: nothing missing (")


def test_what_waits_is_not_taken_for_a_difference(pair: tuple[Desk, Desk, list[str]], office: Any) -> None:
    _one, two, ids = pair
    with two.writing("changed") as writing:
        writing.change("person", ids[3], city="Salem")
        writing.add("person", standing="guest", last_name="New")
    with two.reading() as connection:
        membership = state.read(connection, state.Membership)
    assert membership is not None
    from alumni_desk.sync import session
    from alumni_desk.sync.engine import wire_of

    wire = wire_of(two)
    session.resume(two, wire)
    try:
        assert digest.check(two, wire, membership) is True
    finally:
        wire.close()
    with two.reading() as connection:
        assert connection.exec_driver_sql("SELECT city FROM person WHERE id = ?", (ids[3],)).scalar() == "Salem"


def test_it_is_made_once_a_day_and_said(pair: tuple[Desk, Desk, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, ids = pair
    checks: list[str] = []
    real = digest.check
    monkeypatch.setattr(digest, "check", lambda *args: (checks.append("x"), real(*args))[1])
    assert sync_once(two).identical is True and not checks, "nothing changed since the last one"
    standing = status(two)
    assert standing.checked is not None and standing.identical is True and standing.same_now is True
    when = datetime.fromisoformat(standing.checked).astimezone()
    assert standing.checked_sentence == f"Checked: nothing missing ({day(when)}, {clock_time(when)})"
    with one.writing("changed") as writing:
        writing.change("person", ids[3], city="Salem")
    assert (status(one).identical, status(one).same_now) == (True, None), "a change waits that nobody has compared"
    assert sync_once(one).identical is None and sync_once(two).identical is None and not checks
    assert [status(desk).same_now for desk in (one, two)] == [None, None]
    with two.applying() as applying:
        checked = state.read(applying.connection, state.Checked)
        assert checked is not None
        state.keep(applying.connection, state.Checked(at="2026-01-01T00:00:00.000Z", identical=True, cursor=checked.cursor))
    assert sync_once(two).identical is True and len(checks) == 1
    with two.reading() as connection:
        checked = state.read(connection, state.Checked)
        assert checked is not None and checked.members == connection.exec_driver_sql("SELECT count(*) FROM person WHERE NOT gone").scalar()


def test_a_first_upload_by_command_says_whether_all_of_it_is_there(office: Any, make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch,
                                                                   capsys: pytest.CaptureFixture[str]) -> None:
    desk = make_desk("first")
    join(desk, office.url, office.invite())
    fill(desk, 30)
    monkeypatch.setattr(digest, "MANY", 10)
    assert run(["--profile", str(desk.profile.path), "sync", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["identical"] is True and said["pushed"] >= 50 and said["waiting"] == 0


def test_status_means_the_same_by_identical_as_sync(pair: tuple[Desk, Desk, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    one, _two, ids = pair

    def said(*words: str) -> Any:
        assert run(["--profile", str(one.profile.path), *words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    assert said("sync", "--check")["identical"] is True and said("status")["identical"] is True
    checked = said("status")["checked"]
    with one.writing("changed") as writing:
        writing.change("person", ids[0], city="Salem")
    assert (said("status")["checked"], said("status")["identical"]) == (checked, None)
    assert said("sync")["identical"] is None and said("status")["identical"] is None
    assert said("sync", "--check")["identical"] is True and said("status")["identical"] is True


def test_sums_do_not_depend_on_order_and_see_a_row_twice() -> None:
    rows = [(uuid7(), n, None) for n in range(500)]
    one, two, three = Sums(), Sums(), Sums()
    one.add("person", rows)
    two.add("person", rows[::-1])
    three.add("person", [*rows, rows[0]])
    assert differing(one.counts, one.sums, two.counts, two.sums) == []
    assert differing(one.counts, one.sums, three.counts, three.sums) == [part_of(rows[0][0])]
    other = Sums()
    other.add("household", rows)
    assert len(differing(one.counts, one.sums, other.counts, other.sums)) > PARTS / 2
