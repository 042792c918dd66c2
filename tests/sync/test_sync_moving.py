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
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.store.desk import Desk
from alumni_desk.sync import moving
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
