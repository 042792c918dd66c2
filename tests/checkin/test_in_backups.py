"""How many check-ins a backup and the present hold: those that stand, as the headcount says."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from alumni_desk.checkin.actions import check_in, check_out, undo_check_in
from alumni_desk.checkin.lists import headcount
from alumni_desk.desktop.restore_page import _present
from alumni_desk.gatherings.actions import add_guests, new_gathering, remove_guests
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member, remove_members
from alumni_desk.segments.comparing import compare
from alumni_desk.store import backup
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import erase


def test_a_check_in_that_was_taken_back_is_not_counted(desk: Desk, tmp_path: Path) -> None:
    dinner = new_gathering(desk, name="Dinner", start="2027-05-12 18:30", end="2027-05-12 21:30").id
    people = [add_member(desk, first_name=name).id for name in ("Ana", "Bo", "Cy")]
    add_guests(desk, dinner, people)
    ana, bo, cy = (registration_id(dinner, person) for person in people)
    for guest in (ana, bo, cy):
        check_in(desk, dinner, guest)
    made = tmp_path / "then.alumnidesk"
    backup.back_up(desk, made)
    undo_check_in(desk, dinner, bo)
    check_out(desk, dinner, cy)  # who left has come all the same
    with closing(desk.raw()) as raw:
        held = backup.counted(raw)
    counted = headcount(desk, dinner)
    assert held.check_ins == _present(desk).check_ins == counted.present + counted.out == 2
    found = compare(desk, made)
    assert found.only_then["fact"].lines == ("Bo at Dinner",) and found.only_now["fact"].count == 0
    undo_check_in(desk, dinner, ana)
    check_in(desk, dinner, ana)
    assert _present(desk).check_ins == 2


def test_somebody_who_was_erased_since_is_not_read_out_of_an_older_backup(desk: Desk, tmp_path: Path) -> None:
    """Going back does not bring them back, either; their place on a list comes back without a name."""
    dinner = new_gathering(desk, name="Dinner", start="2027-05-12 18:30", end="2027-05-12 21:30").id
    ana, bo = (add_member(desk, first_name=name).id for name in ("Ana", "Bo"))
    add_guests(desk, dinner, [ana])
    made = tmp_path / "then.alumnidesk"
    backup.back_up(desk, made)
    remove_guests(desk, dinner, [registration_id(dinner, ana)])
    erase(desk, [ana])
    remove_members(desk, [bo])
    found = compare(desk, made)
    assert found.only_then["person"].lines == ("Bo",) and found.only_then["person"].count == 1
    assert found.only_then["registration"].lines == ("No name at Dinner",)
