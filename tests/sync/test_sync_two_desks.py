"""Two laptops and a server on PostgreSQL: what they did apart is one list afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from alumni_desk.badges.actions import note_printed
from alumni_desk.badges.people import badge_people
from alumni_desk.checkin.actions import check_in, undo_check_in
from alumni_desk.cli.main import run
from alumni_desk.errors import KnownError, Refused
from alumni_desk.gatherings.actions import add_guests, new_gathering, remove_guests, set_rsvp
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import bring_back, remove_members
from alumni_desk.members.merging import merge_people, unmerge
from alumni_desk.segments.others import others, others_written
from alumni_desk.store.desk import Desk
from alumni_desk.store.history import history, restore
from alumni_desk.store.undo import redo, redoable, undo
from alumni_desk.sync.engine import join, status, sync_once
from alumni_desk.sync.shapes import shapes

MakeDesk = Callable[[str], Desk]


def rows_of(desk: Desk) -> dict[str, list[tuple[Any, ...]]]:
    """Everything synced that a desk shows, clocks left out, sorted."""
    with desk.reading() as connection:
        return {name: sorted((tuple(row) for row in connection.execute(sa.select(*(desk.tables[name].c[column] for column in ("id", "scope", *shape.fields))))),
                             key=repr) for name, shape in shapes().items()}


def until_equal(*desks: Desk) -> None:
    """Sync in turn until nothing moves any more."""
    for _turn in range(6):
        if not any(result.pushed + result.pulled for result in [sync_once(desk) for desk in desks]):
            return
    raise AssertionError("the desks never came to rest")


def person(desk: Desk, last_name: str, **fields: Any) -> str:
    """A new member."""
    with desk.writing("member_added") as writing:
        return writing.add("person", standing="member", last_name=last_name, **fields)


def value(desk: Desk, table: str, row_id: str, name: str) -> Any:
    """A field as the desk shows it."""
    with desk.reading() as connection:
        return connection.execute(sa.select(desk.tables[table].c[name]).where(desk.tables[table].c.id == row_id)).scalar_one()


def change(desk: Desk, table: str, row_id: str, **fields: Any) -> None:
    """One edit."""
    with desk.writing("changed") as writing:
        writing.change(table, row_id, **fields)


def test_a_laptop_whose_clock_runs_ahead_goes_by_the_servers(office: Any, make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    from alumni_desk.protocol import clock as clocks
    from alumni_desk.store import opening
    from alumni_desk.sync import session

    hour = 3_600_000
    real = clocks.wall_ms
    ahead = lambda: real() + hour
    for module in (opening, session):
        monkeypatch.setattr(module, "wall_ms", ahead)
    desk = make_desk("one")
    monkeypatch.setattr(desk.clock, "_now", ahead)
    join(desk, office.url, office.invite())
    before = person(desk, "Before")
    assert sync_once(desk).waiting == 0
    after = person(desk, "After")
    with desk.writing("checked_in") as writing:
        fact = writing.add("fact", kind="in", person=after, at=writing.now.isoformat())
    with desk.reading() as connection:
        made = {row.row_id: row.clock for row in connection.exec_driver_sql("SELECT row_id, clock FROM operation")}
    assert abs(clocks.milliseconds(made[before]) - ahead()) < 120_000
    assert abs(clocks.milliseconds(made[after]) - real()) < 120_000 and made[after][-16:] != made[before][-16:]
    assert abs(datetime.fromisoformat(value(desk, "fact", fact, "at")).timestamp() * 1_000 - real()) < 120_000
    change(desk, "person", before, city="Boston")
    assert sync_once(desk).conflicts == 0
    desk.close()
    again = make_desk("one")  # and so it does after the next start, before any contact
    assert abs(again.clock.offset + hour) < 20_000
    again.close()
    monkeypatch.setattr(opening, "wall_ms", real)  # unless the clock was set right meanwhile
    with make_desk("one") as set_right:
        assert set_right.clock.offset == 0


@pytest.fixture
def pair(office: Any, make_desk: MakeDesk) -> tuple[Desk, Desk]:
    """Two desks of one chapter, caught up."""
    desks = make_desk("one"), make_desk("two")
    for desk in desks:
        assert join(desk, office.url, office.invite()).chapter == office.chapter
    until_equal(*desks)
    return desks


def test_what_one_adds_the_other_sees(pair: tuple[Desk, Desk]) -> None:
    one, two = pair
    ada = person(one, "Lovelace", first_name="Ada", deceased=True, class_year=1998)
    assert status(one).waiting == 1 and status(one).state == "waiting"
    assert sync_once(one).pushed == 1
    assert status(one).state == "synced"
    assert sync_once(two).pulled == 1
    assert value(two, "person", ada, "last_name") == "Lovelace"
    assert value(two, "person", ada, "deceased") is True
    assert rows_of(one) == rows_of(two)


def test_different_fields_of_one_row_merge(pair: tuple[Desk, Desk]) -> None:
    one, two = pair
    ada = person(one, "Lovelace")
    until_equal(one, two)
    change(one, "person", ada, email="ada@example.org")
    change(two, "person", ada, city="London")
    until_equal(one, two)
    for desk in pair:
        assert (value(desk, "person", ada, "email"), value(desk, "person", ada, "city")) == ("ada@example.org", "London")
    assert rows_of(one) == rows_of(two)


@pytest.mark.parametrize("first", [0, 1])
def test_of_one_field_the_greatest_clock_wins_whoever_comes_first(pair: tuple[Desk, Desk], first: int) -> None:
    ada = person(pair[0], "Lovelace")
    until_equal(*pair)
    change(pair[0], "person", ada, email="earlier@example.org")
    change(pair[1], "person", ada, email="later@example.org")
    results = [sync_once(pair[first]), sync_once(pair[1 - first])]
    until_equal(*pair)
    assert [value(desk, "person", ada, "email") for desk in pair] == ["later@example.org"] * 2
    assert sum(result.clashes for result in results) == 1
    assert rows_of(pair[0]) == rows_of(pair[1])


def test_an_edit_that_saw_the_other_is_a_sequence_and_no_conflict(pair: tuple[Desk, Desk]) -> None:
    one, two = pair
    ada = person(one, "Lovelace")
    until_equal(one, two)
    change(one, "person", ada, email="a@example.org")
    until_equal(one, two)
    change(two, "person", ada, email="b@example.org")
    assert sync_once(two).conflicts == 0


def test_a_second_sync_has_nothing_to_do(pair: tuple[Desk, Desk]) -> None:
    person(pair[0], "Lovelace")
    until_equal(*pair)
    result = sync_once(pair[0])
    assert (result.pushed, result.pulled, result.waiting, result.conflicts, result.refused) == (0, 0, 0, 0, 0)


def test_five_hundred_edits_and_three_hundred_check_ins_on_both_sides_while_apart(pair: tuple[Desk, Desk]) -> None:
    one, two = pair
    random = Random(3)
    with one.writing("import", queue="load") as writing:
        ids = [writing.add("person", standing="member", last_name=f"Name {n}", class_year=1950 + n % 70) for n in range(400)]
        dinner = writing.add("gathering", name="Dinner", status="planned")
    with one.writing("guests_added", gathering=dinner) as writing:
        for who in ids:
            writing.add("registration", id=registration_id(dinner, who), gathering=dinner, person=who, status="yes")
    until_equal(one, two)
    for desk in pair:
        for n in range(500):
            who = random.choice(ids)
            change(desk, "person", who, **{random.choice(["email", "city", "employer", "notes"]): f"{desk.profile.path.name} {n}"})
        for who in random.sample(ids, 300):
            with desk.writing("checked_in", gathering=dinner) as writing:
                writing.add("fact", kind="in", gathering=dinner, registration=registration_id(dinner, who), person=who, at="2026-11-24T18:00:00.000Z")
    results = [sync_once(desk) for desk in (one, two, one)]
    assert [result.waiting for result in results] == [0, 0, 0]
    until_equal(one, two)
    assert len(rows_of(one)["fact"]) == 600
    assert rows_of(one) == rows_of(two)


def test_three_laptops_that_push_in_turn_converge(office: Any, make_desk: MakeDesk) -> None:
    desks = [make_desk(name) for name in ("a", "b", "c")]
    for desk in desks:
        join(desk, office.url, office.invite())
    with desks[0].writing("import", queue="load") as writing:
        ids = [writing.add("person", standing="member", last_name=f"Name {n}") for n in range(300)]
    until_equal(*desks)
    for turn, desk in enumerate(desks):
        for n in range(100):
            change(desk, "person", ids[100 * turn + n], city=f"City {turn}")
        sync_once(desk)
    for desk in desks:
        sync_once(desk)
    assert rows_of(desks[0]) == rows_of(desks[1]) == rows_of(desks[2])
    assert sorted({row[2 + shapes()["person"].fields.index("city")] for row in rows_of(desks[0])["person"]}) == ["City 0", "City 1", "City 2"]


def test_deleting_travels_and_an_edit_elsewhere_does_not_resurrect(pair: tuple[Desk, Desk]) -> None:
    one, two = pair
    ada = person(one, "Lovelace")
    until_equal(one, two)
    change(one, "person", ada, gone=True)
    change(two, "person", ada, city="London")
    until_equal(one, two)
    assert [value(desk, "person", ada, "gone") for desk in pair] == [True, True]
    assert rows_of(one) == rows_of(two)


def test_a_refused_change_falls_away_with_its_reason_and_blocks_nobody(pair: tuple[Desk, Desk]) -> None:
    one, two = pair
    with one.reading() as connection:
        chapter = connection.execute(sa.select(one.tables["chapter"].c.id)).scalar_one()
    change(one, "chapter", chapter, sample=True)
    dinner = person(one, "Later")
    with one.writing("broken") as writing:
        wrong = writing.add("registration", gathering=dinner, person=dinner, status="yes")  # an id that a registration cannot have
    result = sync_once(one)
    assert (result.refused, result.pushed, result.waiting) == (2, 1, 0)
    assert value(one, "chapter", chapter, "sample") is None
    with one.reading() as connection:
        assert connection.execute(sa.select(one.tables["registration"].c.id).where(one.tables["registration"].c.id == wrong)).first() is None
        reasons = connection.exec_driver_sql("SELECT reason FROM operation_now WHERE fate = 'refused' ORDER BY rowid").scalars().all()
    assert reasons == ["field", "registration"]
    until_equal(one, two)
    assert rows_of(one) == rows_of(two)


def test_ones_own_write_stays_visible_until_it_is_resolved(pair: tuple[Desk, Desk]) -> None:
    one, two = pair
    ada = person(one, "Lovelace")
    until_equal(one, two)
    change(two, "person", ada, city="Paris", email="two@example.org")
    sync_once(two)
    change(one, "person", ada, city="London")
    from alumni_desk.sync import pull, session, state
    from alumni_desk.sync.address import Address
    from alumni_desk.sync.wire import Wire

    with one.reading() as connection:
        membership = state.read(connection, state.Membership)
    assert membership is not None
    wire = Wire(Address(membership.url, membership.fingerprint))
    session.resume(one, wire)
    pull.pull(one, wire, membership)
    wire.close()
    assert (value(one, "person", ada, "city"), value(one, "person", ada, "email")) == ("London", "two@example.org")
    until_equal(one, two)
    assert [value(desk, "person", ada, "city") for desk in pair] == ["London", "London"]
    with one.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM shadow").scalar() == 0


def test_a_desk_without_a_server_says_so(make_desk: MakeDesk) -> None:
    desk = make_desk("alone")
    with pytest.raises(KnownError) as raised:
        sync_once(desk)
    assert raised.value.code == "sync_alone"
    assert status(desk).state == "alone"


def test_the_history_keeps_what_others_replaced(pair: tuple[Desk, Desk]) -> None:
    one, two = pair
    ana = person(one, "Lima", email="one@example.org")
    until_equal(one, two)
    change(two, "person", ana, email="two@example.org")
    until_equal(one, two)
    change(two, "person", ana, email="three@example.org")
    until_equal(one, two)
    versions = [each for each in history(one, "person", ana) if each.field == "email"]
    assert [(each.value, each.here, each.now) for each in versions] == [
        ("three@example.org", False, True), ("two@example.org", False, False), ("one@example.org", True, False)]


def test_an_address_that_others_replace_is_kept_as_one_and_shown_by_field(pair: tuple[Desk, Desk]) -> None:
    one, two = pair
    ana = person(one, "Lima", street="1 Elm Street", city="Porto", country="Portugal")
    until_equal(one, two)
    change(two, "person", ana, street="2 Elm Street")
    until_equal(one, two)
    change(two, "person", ana, city="Nice", country=None)
    until_equal(one, two)
    with one.reading() as connection:
        kept = connection.exec_driver_sql("SELECT field FROM past WHERE row_id = ?", (ana,)).scalars().all()
    assert kept == ["address", "address"]
    shown = {name: [each.value for each in history(one, "person", ana) if each.field == name] for name in ("street", "city", "country")}
    assert shown == {"street": ["2 Elm Street", "2 Elm Street", "1 Elm Street"], "city": ["Nice", "Porto", "Porto"],
                     "country": [None, "Portugal", "Portugal"]}
    restore(one, "person", ana, next(each.id for each in history(one, "person", ana) if each.field == "street" and each.value == "1 Elm Street"))
    until_equal(one, two)
    assert (value(two, "person", ana, "street"), value(two, "person", ana, "city")) == ("1 Elm Street", "Porto")
    with one.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM past WHERE row_id = ?", (ana,)).scalar() == 2
    assert {each.event for each in others(one)} == {"member_changed"}


def test_the_history_keeps_what_this_laptop_wrote_over(pair: tuple[Desk, Desk]) -> None:
    one, two = pair
    two.set_setting("person_name", "Priya Nair")
    two.set_setting("device_name", "Door laptop")
    ana = person(one, "Lima", city="Porto")
    until_equal(one, two)
    change(two, "person", ana, notes="long important note")
    until_equal(one, two)
    change(one, "person", ana, notes=None)
    until_equal(one, two)
    versions = [each for each in history(one, "person", ana) if each.field == "notes"]
    assert [(each.value, each.who, each.device, each.here, each.now, each.restorable) for each in versions] == [
        (None, None, None, True, True, False), ("long important note", "Priya Nair", "Door laptop", False, False, True)]
    [line] = [each for each in others(one) if each.event == "member_changed"]
    assert (line.who, line.count) == ("Priya Nair", 1)
    [written] = others_written(one, line, 5)
    assert (written.was, written.now, written.stands) == ("", "long important note", False)
    restore(one, "person", ana, versions[1].id)
    until_equal(one, two)
    assert value(two, "person", ana, "notes") == "long important note"
    change(two, "person", ana, city="Nice")
    until_equal(one, two)
    assert [each.value for each in history(two, "person", ana) if each.field == "city"] == ["Nice", "Porto"]
    assert not [each.what for each in others(two) if "city" in each.what]  # what somebody began with is no change


def test_what_was_done_on_another_laptop_is_told_as_it_was_done(pair: tuple[Desk, Desk]) -> None:
    one, two = pair
    ana, bea, cyd, dan = (person(two, name) for name in ("Abel", "Blum", "Chen", "Diaz"))
    ball = new_gathering(two, name="Ball", start="2030-11-12T18:30").id
    add_guests(two, ball, [ana, bea, cyd], status="invited")
    until_equal(one, two)
    set_rsvp(two, ball, [registration_id(ball, ana), registration_id(ball, bea)], "yes")
    remove_guests(two, ball, [registration_id(ball, cyd)])
    merge_people(two, dan, ana)
    remove_members(two, [bea])
    until_equal(one, two)
    told = [(line.event, line.what) for line in others(one)]
    wanted = [("members_removed", "Removed Blum"), ("people_merged", "Merged Diaz with Abel"), ("guests_removed", "Took Chen off the list of Ball"),
              ("answers_noted", "Noted 2 answers for Ball")]
    assert [line for line in told if line in wanted] == wanted and sum(event == "answers_noted" for event, _what in told) == 1
    assert not [what for _event, what in told if "Taken off" in what or "taken off" in what or "merged into" in what]
    bring_back(two, [bea])
    until_equal(one, two)
    assert (others(one)[0].event, others(one)[0].what) == ("members_brought_back", "Brought back Blum")
    assert ("members_removed", "Removed Blum") in [(line.event, line.what) for line in others(one)], "what was done before was done"


def test_a_merge_of_others_that_was_made_otherwise_here_is_told_as_it_was_done(pair: tuple[Desk, Desk]) -> None:
    one, two = pair
    ana, bea, cyd = (person(two, name) for name in ("Abel", "Blum", "Chen"))
    merge_people(two, cyd, ana)
    until_equal(one, two)
    unmerge(one, cyd)
    assert [line.what for line in others(one) if line.event.startswith("people")] == ["Merged Chen with Abel"]
    merge_people(one, cyd, bea)
    assert [line.what for line in others(one) if line.event.startswith("people")] == ["Merged Chen with Abel"]


def test_undo_leaves_what_another_laptop_changed_since(pair: tuple[Desk, Desk]) -> None:
    one, two = pair
    ana, bo = person(one, "Lima"), person(one, "Berg")
    with one.writing("changed") as writing:
        for each in (ana, bo):
            writing.change("person", each, city="Porto", employer="Acme")
    until_equal(one, two)
    change(two, "person", ana, employer="Initech")
    until_equal(one, two)
    undone = undo(one)
    [left] = undone.left
    assert (left.row, left.fields, left.here) == (ana, ("employer",), False)
    assert [value(one, "person", each, name) for each in (ana, bo) for name in ("city", "employer")] == [None, "Initech", None, None]
    until_equal(one, two)
    assert rows_of(one) == rows_of(two)
    redo(one)
    until_equal(one, two)
    assert rows_of(one) == rows_of(two) and value(two, "person", bo, "employer") == "Acme"


def test_redo_goes_on_past_what_another_laptop_changed_since(pair: tuple[Desk, Desk], capsys: pytest.CaptureFixture[str]) -> None:
    one, two = pair
    ana = person(one, "Lima")
    for fields in ({"employer": "Acme"}, {"employer": "Hooli"}, {"employer": "Initech"}, {"notes": "Sings"}):
        change(one, "person", ana, **fields)
    notes, *employers = [undo(one).of for _turn in range(4)]
    until_equal(one, two)
    change(two, "person", ana, employer="Globex")
    until_equal(one, two)

    assert redoable(one) and run(["--profile", str(one.profile.path), "redo"]) == 1
    said = capsys.readouterr().err
    assert "changed the employer since" in said and "“redo ID” does one of that again" in said and "undo ID" not in said

    passed: list[str] = []
    for action in reversed(employers):
        with pytest.raises(Refused) as refused:
            redo(one, passing=passed)
        assert (refused.value.code, refused.value.facts["action"]) == ("all_changed_since", action)
        passed.append(action)
    assert redo(one, passing=passed).of == notes and not redoable(one)
    assert (value(one, "person", ana, "notes"), value(one, "person", ana, "employer")) == ("Sings", "Globex")


def test_what_was_passed_over_brings_nothing_back_into_what_is_off_the_list(pair: tuple[Desk, Desk]) -> None:
    """What was written to somebody who is still off the list would be seen by nobody."""
    one, two = pair
    ana = person(one, "Lima")
    added = undo(one).of
    redo(one)
    change(one, "person", ana, notes="Sings")
    undo(one)
    undo(one)
    with pytest.raises(Refused, match="off the list"):
        redo(one, passing=[added])
    assert not redoable(one, passing=[added]) and redo(one).of == added and redo(one).count == 1
    until_equal(one, two)
    assert value(two, "person", ana, "notes") == "Sings"


def test_what_others_did_for_two_gatherings_or_at_a_door_is_told_apart(pair: tuple[Desk, Desk]) -> None:
    one, two = pair
    ana, bo, cy = (person(two, name) for name in ("Lima", "Nuri", "Roth"))
    dinner, picnic = (new_gathering(two, name=name, start="2026-11-28T19:00").id for name in ("Dinner", "Picnic"))
    add_guests(two, dinner, [ana, bo])
    add_guests(two, picnic, [cy])
    note_printed(two, dinner, badge_people(two, dinner))
    check_in(two, dinner, person_id=ana)
    undo_check_in(two, dinner, registration_id(dinner, ana))
    check_in(two, dinner, person_id=ana)
    until_equal(one, two)
    told = {line.what: (line.event, line.count) for line in others(one) if line.gathering and "Planned" not in line.what}
    assert told == {"Checked in Lima at Dinner": ("checked_in", 1), "Took back the check-in of Lima at Dinner": ("check_in_undone", 1),
                    "Printed 2 badges for Dinner": ("badges_printed", 2), "Added 2 guests to Dinner": ("guests_added", 2),
                    "Added Roth to Picnic": ("guests_added", 1)}
    check_in(two, dinner, person_id=bo)
    check_in(one, picnic, person_id=cy)
    until_equal(one, two)
    [line] = [line for line in others(one) if line.event == "checked_in"]
    assert (line.what, line.count, len(others_written(one, line, 9))) == ("Checked in 2 guests at Dinner", 2, 3)
    assert [line.what for line in others(two)] == ["Checked in Roth at Picnic"]


def test_undo_after_a_redo_leaves_what_another_laptop_changed_since(pair: tuple[Desk, Desk]) -> None:
    one, two = pair
    ana = person(one, "Lima")
    undo(one)
    redo(one)
    until_equal(one, two)
    change(two, "person", ana, city="Nice")
    until_equal(one, two)
    with pytest.raises(Refused, match="changed"):
        undo(one)
    assert value(one, "person", ana, "city") == "Nice"


def test_undo_after_a_redo_leaves_what_another_laptop_changed_before_it_and_sent_later(pair: tuple[Desk, Desk]) -> None:
    one, two = pair
    ana = person(one, "Lima")
    until_equal(one, two)
    change(two, "person", ana, city="Nice")
    undo(one)
    redo(one)
    until_equal(one, two)
    assert value(one, "person", ana, "city") == "Nice"
    with pytest.raises(Refused, match="changed"):
        undo(one)
    until_equal(one, two)
    assert value(one, "person", ana, "city") == "Nice" == value(two, "person", ana, "city")


def test_the_history_names_who_wrote_elsewhere(pair: tuple[Desk, Desk]) -> None:
    one, two = pair
    two.set_setting("person_name", "Priya Nair")
    two.set_setting("device_name", "Door laptop")
    ana = person(one, "Lima", email="one@example.org")
    until_equal(one, two)
    change(two, "person", ana, email="two@example.org")
    until_equal(one, two)
    two.set_setting("person_name", "")
    change(two, "person", ana, email="three@example.org")
    until_equal(one, two)
    assert [(each.value, each.who, each.device, each.here) for each in history(one, "person", ana) if each.field == "email"] == [
        ("three@example.org", "Priya Nair", "Door laptop", False), ("two@example.org", "Priya Nair", "Door laptop", False),
        ("one@example.org", None, None, True)]
