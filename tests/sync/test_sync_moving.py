"""Moving to another server: everything is there afterwards, under the clocks that it had, whoever moves first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alumni_desk.checkin.actions import check_in
from alumni_desk.errors import KnownError
from alumni_desk.exchange.exporting import export_ndjson
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.members.actions import add_member, change_member, remove_members
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.store.history import history
from alumni_desk.sync import conflicts, moving
from alumni_desk.sync.engine import join, status, sync_once

MakeDesk = Callable[[str], Desk]


def code_of(work: Callable[[], Any]) -> str:
    """The code of the problem that this raises."""
    with pytest.raises(KnownError) as raised:
        work()
    return raised.value.code


def everything(desk: Desk, out: Path) -> list[str]:
    """Every row but the chapter's own, which has another id at another server."""
    export_ndjson(desk, out)
    return sorted(line.replace(desk.scope, "SCOPE") for line in out.read_text("utf-8").splitlines() if '"table":"chapter"' not in line)


def clocks(desk: Desk) -> dict[str, Any]:
    """Each person's clocks."""
    person = desk.tables["person"]
    with desk.reading() as connection:
        return {row.id: (row.clock, row.clocks) for row in connection.execute(sa.select(person))}


def test_a_chapter_moves_to_another_server_with_everything(office: Any, make_server: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    first, second, stranger = make_desk("first"), make_desk("second"), make_desk("stranger")
    join(first, office.url, office.invite())
    join(second, office.url, office.invite())
    sync_once(first)
    ana = add_member(first, first_name="Ana", last_name="Żółć", email="ana@example.org", city="Boston").id
    bo = add_member(first, first_name="Bo", last_name="Li").id
    evening = new_gathering(first, name="Dinner", start="2026-11-12T19:00", end="2026-11-12T22:00").id
    add_guests(first, evening, [ana, bo])
    sync_once(first)
    sync_once(second)
    change_member(second, ana, city="Salem")
    check_in(second, evening, person_id=ana)
    sync_once(second)
    change_member(second, bo, city="Lowell")  # still to send when the first one moves
    before = clocks(second)
    other = make_server()
    moved = moving.move(first, other.url, other.invite("Great Lakes"))
    assert moved.scope == first.scope and status(first).waiting > 0
    sync_once(first)
    assert status(first).waiting == 0
    moving.move(second, other.url, other.invite("Great Lakes"))
    for desk in (second, first, second):
        assert sync_once(desk).refused == 0
    join(stranger, other.url, other.invite("Great Lakes"))
    sync_once(stranger)
    lists = [everything(desk, tmp_path / f"{n}.ndjson") for n, desk in enumerate((first, second, stranger))]
    assert lists[0] == lists[1] == lists[2]
    assert any("Salem" in line for line in lists[0]) and any("Lowell" in line for line in lists[0]) and any('"in"' in line for line in lists[0])
    assert clocks(stranger) == {**before, **{one: clock for one, clock in clocks(second).items() if one == bo}}


def test_whoever_moves_later_makes_nobody_fetch_again_what_is_there(office: Any, make_server: Any, make_desk: MakeDesk) -> None:
    first, second = make_desk("first"), make_desk("second")
    for desk in (first, second):
        join(desk, office.url, office.invite())
    ana = add_member(first, first_name="Ana", last_name="Li", city="Boston").id
    add_guests(first, new_gathering(first, name="Dinner", start="2027-11-12T19:00").id, [ana, add_member(first, first_name="Bo", last_name="Li").id])
    for desk in (first, second):
        sync_once(desk)
    other = make_server()
    moving.move(first, other.url, other.invite("Great Lakes"))
    sync_once(first)
    change_member(second, ana, city="Salem")
    moving.move(second, other.url, other.invite("Great Lakes"))
    assert sync_once(second).refused == 0
    assert sync_once(first).pulled == 1, "who has changed"
    assert sync_once(first, check=True).identical and sync_once(second, check=True).identical


def test_what_the_present_server_has_not_got_keeps_a_chapter_from_moving_unless_it_is_said(make_server: Any, make_desk: MakeDesk) -> None:
    desk, old, new = make_desk("one"), make_server(), make_server()
    join(desk, old.url, old.invite("Boston"))
    sync_once(desk)
    add_member(desk, first_name="Ana", last_name="Li")
    old.kill()
    invitation = new.invite("Boston")
    with pytest.raises(KnownError, match="alumni-desk move URL CODE --anyway") as raised:
        moving.move(desk, new.url, invitation)
    assert raised.value.code == "move_unsent"
    assert status(desk).state != "alone"
    moving.move(desk, new.url, invitation, anyway=True)
    assert sync_once(desk).refused == 0 and status(desk).state == "synced"


def test_a_move_to_the_same_server_is_refused(office: Any, make_desk: MakeDesk) -> None:
    desk = make_desk("one")
    join(desk, office.url, office.invite())
    sync_once(desk)
    assert code_of(lambda: moving.move(desk, office.url, office.invite())) == "move_same_server"
    assert sync_once(desk).refused == 0


def test_a_volunteers_invitation_moves_no_chapter_and_is_not_used_up(office: Any, make_server: Any, make_desk: MakeDesk) -> None:
    desk, there, other = make_desk("desk"), make_desk("there"), make_server()
    join(desk, office.url, office.invite())
    join(there, other.url, other.invite("Boston"))
    gathering = new_gathering(there, name="Dinner", start="2027-06-01 18:00")
    sync_once(there)
    code = other.invite("Boston", "door", gathering.id)
    assert code_of(lambda: moving.move(desk, other.url, code)) == "move_role"
    assert join(make_desk("volunteer"), other.url, code).role == "door"


def two_values(office: Any, first: Desk, second: Desk) -> str:
    """A member whose city two leaders changed without seeing each other: the first laptop's won."""
    join(first, office.url, office.invite())
    join(second, office.url, office.invite())
    kay = add_member(first, first_name="Kay", last_name="Li", city="Boston").id
    sync_once(first)
    sync_once(second)
    change_member(second, kay, city="Bath")
    change_member(first, kay, city="Aachen")
    for desk in (first, second, first):
        sync_once(desk)
    assert [len(conflicts.conflicts(desk)) for desk in (first, second)] == [1, 1]
    return kay


def card(desk: Desk) -> conflicts.Conflict:
    """The one card."""
    found = conflicts.conflicts(desk)
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("first_to_go", [0, 1])
def test_what_is_to_be_decided_goes_along_and_is_decided_once(office: Any, make_server: Any, make_desk: MakeDesk, first_to_go: int) -> None:
    desks = [make_desk("first"), make_desk("second")]
    kay = two_values(office, *desks)
    other = make_server()
    one, two = desks[first_to_go], desks[1 - first_to_go]
    moving.move(one, other.url, other.invite("Great Lakes"))
    assert {card(one).yours.value["city"], card(one).theirs.value["city"]} == {"Aachen", "Bath"}, "before the first contact, too"
    assert sync_once(one).conflicts == 1 and verify(one).ok
    assert {card(one).yours.value["city"], card(one).theirs.value["city"]} == {"Aachen", "Bath"}
    with one.reading() as connection:
        assert connection.exec_driver_sql("SELECT city FROM person WHERE id = ?", (kay,)).scalar() == "Aachen"
    moving.move(two, other.url, other.invite("Great Lakes"))
    for desk in (two, one):
        assert sync_once(desk).refused == 0
    assert card(one).id == card(two).id and (card(two).yours.here or card(two).theirs.here)
    assert card(desks[1]).yours.value["city"] == "Bath" and card(desks[1]).yours.here
    conflicts.decide(two, card(two).id, "yours" if two is desks[1] else "theirs")
    for desk in (two, one):
        sync_once(desk)
        assert conflicts.conflicts(desk) == []
        with desk.reading() as connection:
            assert connection.exec_driver_sql("SELECT city FROM person WHERE id = ?", (kay,)).scalar() == "Bath"
    assert sync_once(one, check=True).identical and sync_once(two, check=True).identical


def test_what_is_decided_before_the_first_contact_stays_decided(office: Any, make_server: Any, make_desk: MakeDesk) -> None:
    first, second = make_desk("first"), make_desk("second")
    two_values(office, first, second)
    other = make_server()
    moving.move(first, other.url, other.invite("Great Lakes"))
    conflicts.decide(first, card(first).id, "yours")
    moving.move(second, other.url, other.invite("Great Lakes"))
    for desk in (first, second, first, second):
        sync_once(desk)
    assert conflicts.conflicts(first) == [] == conflicts.conflicts(second)


def test_whoever_was_removed_and_changed_is_still_to_be_decided_on(office: Any, make_server: Any, make_desk: MakeDesk) -> None:
    first, second = make_desk("first"), make_desk("second")
    join(first, office.url, office.invite())
    join(second, office.url, office.invite())
    kay = add_member(first, first_name="Kay", last_name="Li").id
    sync_once(first)
    sync_once(second)
    remove_members(first, [kay])
    change_member(second, kay, city="Bath")
    for desk in (first, second, first):
        sync_once(desk)
    assert card(first).field == conflicts.GONE
    other = make_server()
    moving.move(first, other.url, other.invite("Great Lakes"))
    sync_once(first)
    assert card(first).field == conflicts.GONE
    with first.reading() as connection:
        assert connection.exec_driver_sql("SELECT gone FROM person WHERE id = ?", (kay,)).scalar()


@pytest.mark.parametrize("first_to_go", [0, 1])
def test_a_card_names_who_wrote_both_values_though_only_one_has_moved(office: Any, make_server: Any, make_desk: MakeDesk, first_to_go: int) -> None:
    desks = [make_desk("first"), make_desk("second")]
    for desk, name in zip(desks, ("Priya", "Tomás"), strict=True):
        desk.set_setting("you", name)
        desk.set_setting("device_name", f"{name}’s laptop")
    two_values(office, *desks)
    mover, other = desks[first_to_go], make_server()
    before = card(mover).theirs
    assert before.device
    moving.move(mover, other.url, other.invite("Great Lakes"))
    for _turn in range(3):
        assert (card(mover).theirs.who, card(mover).theirs.device) == (before.who, before.device) and card(mover).yours.here
        sync_once(mover)


def test_what_others_wrote_is_theirs_after_a_move(office: Any, make_server: Any, make_desk: MakeDesk) -> None:
    first, second = make_desk("first"), make_desk("second")
    two_values(office, first, second)
    ana = add_member(second, first_name="Ana", last_name="Li").id
    sync_once(second)
    sync_once(first)
    other = make_server()
    for desk in (first, second):
        moving.move(desk, other.url, other.invite("Great Lakes"))
        sync_once(desk)
    sync_once(first)
    assert not any(one.here for one in history(first, "person", ana)) and all(one.here for one in history(second, "person", ana))
