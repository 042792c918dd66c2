"""How many check-ins a backup and the present hold: those that stand, as the headcount says."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from alumni_desk.checkin.actions import check_in, check_out, undo_check_in
from alumni_desk.checkin.lists import headcount
from alumni_desk.desktop.restore_page import _present
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member
from alumni_desk.segments.comparing import compare
from alumni_desk.store import backup
from alumni_desk.store.desk import Desk


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
