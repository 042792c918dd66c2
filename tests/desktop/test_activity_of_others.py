"""What others did, as this laptop has seen it: listed with who, never undoable here, with the way to the record."""

from __future__ import annotations

import itertools
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from alumni_desk.cli.main import run
from alumni_desk.desktop.activity_list import DEED
from alumni_desk.desktop.activity_rows import places
from alumni_desk.members.actions import add_member, change_member, remove_members
from alumni_desk.protocol.clocks import pack, unpack
from alumni_desk.segments import finding
from alumni_desk.segments.activity import deeds, left_words, written
from alumni_desk.segments.finding import Asked, find
from alumni_desk.segments.others import everyone, has_others, others
from alumni_desk.store.desk import Desk
from alumni_desk.store.undo import changed_since, undo

TOMAS = "aaaaaaaaaaaaaaaa"
START = int(datetime(2026, 11, 9, 12, tzinfo=UTC).timestamp() * 1000)


def clock(ms: int, replica: str = TOMAS) -> str:
    return f"{START + ms:012x}-0000-{replica}"


def of_others(desk: Desk, people: int = 3) -> list[str]:
    """Tomás adds some people in one import, and later changes the mobile of the first two within a minute, and of the third an hour later."""
    ids = [f"00000000-0000-7000-8000-{n:012d}" for n in range(people)]
    person = desk.tables["person"]
    names = [column.info.get("group") or column.name for column in person.columns if column.name not in ("id", "scope", "clock", "clocks")]
    later = {0: 600_000, 1: 630_000, 2: 4_200_000}
    with desk.applying() as applying:
        applying.connection.execute(sa.insert(person), [
            {"id": one, "scope": desk.scope, "standing": "member", "first_name": "Ana", "last_name": f"Nowak{n}", "mobile": "+1 312 555 0101",
             "clock": clock(later.get(n, 0)), "clocks": json.dumps({name: clock(0) for name in names} | {"mobile": clock(later.get(n, 0))})}
            for n, one in enumerate(ids)])
        applying.connection.execute(sa.insert(desk.tables["sync_state"]), {"key": f"replica:{TOMAS}", "value": '["Tomás Silva", "Tomás’s laptop"]'})
    return ids


def test_everyones_are_looked_through_to_the_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What others did first is found behind what they did since, and so is what was done here behind all that."""
    monkeypatch.setattr(finding, "STEP", 2)
    add_member(desk, first_name="Own", last_name="One")
    for n in range(6):
        add_member(desk, first_name="More", last_name=f"No{n}")
    ids = of_others(desk, 30)
    person = desk.tables["person"]
    with desk.applying() as applying:
        for n, one in enumerate(ids):
            clocks = unpack(applying.connection.execute(sa.select(person.c.clocks).where(person.c.id == one)).scalar())
            stamp = clock(3_600_000 * (n + 2))
            applying.connection.execute(sa.update(person).where(person.c.id == one).values(clock=stamp, clocks=pack(clocks | {"mobile": stamp})))
    added = find(desk, Asked("everyone", words=("30", "added")), 2)
    assert [one.what for one in added.deeds] == ["Added 30 members"] and added.whole
    own = find(desk, Asked("everyone", words=("own",)), 2)
    assert [one.undoable for one in own.deeds] == [True] and own.whole
    mobile = find(desk, Asked("everyone", ("member_changed",)), 2)
    assert len(mobile.deeds) == 2 and not mobile.whole
    assert find(desk, Asked("mine", words=("own",)), 2).deeds == own.deeds
    asked = itertools.count()
    given_up = find(desk, Asked("everyone", words=("zzz",)), 2, lambda: next(asked) > 10)
    assert next(asked) < 20 and not given_up.whole, "another letter ends what was looked for before"


def test_others_are_grouped_by_author_field_and_minute(desk: Desk) -> None:
    assert not has_others(desk)
    ours = add_member(desk, first_name="Own", last_name="One")
    of_others(desk, 5)
    assert has_others(desk)
    found = others(desk)
    assert [(one.what, one.count, one.who, one.device) for one in found if one.event == "member_changed" and "mobile" in one.what] == [
        ("Changed the mobile of Ana Nowak2", 1, "Tomás Silva", "Tomás’s laptop"), ("Changed the mobile of 2 members", 2, "Tomás Silva", "Tomás’s laptop")]
    assert [one.what for one in found if "mobile" not in one.what] == ["Added 5 members"]
    assert all(not one.undoable and one.reason == "Only Tomás can undo this" for one in found)
    assert not any("Own" in one.what for one in found)
    mixed = everyone(desk)
    assert mixed[0].at >= mixed[-1].at and any("Own" in one.what and one.undoable for one in mixed)
    assert ours


def test_what_somebody_on_another_laptop_changed_since_is_named_with_who(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Sync").id
    change_member(desk, ana, employer="Mill", city="Boston")
    other = clock(9_000_000_000)
    with desk.applying() as applying:
        applying.connection.execute(sa.insert(desk.tables["sync_state"]), {"key": f"replica:{TOMAS}", "value": '["Tomás Silva", "Tomás’s laptop"]'})
        kept = unpack(applying.connection.exec_driver_sql("SELECT clocks FROM person WHERE id = ?", (ana,)).scalar())
        applying.connection.exec_driver_sql("UPDATE person SET city = 'Salem', clock = ?, clocks = ? WHERE id = ?",
                                            (other, pack({**kept, "address": other}), ana))
    [newest] = deeds(desk, 1)
    assert left_words(desk, changed_since(desk, newest.id), ahead=True) == ["Ana Sync would be left: Tomás Silva changed the address since."]
    assert left_words(desk, undo(desk).left) == ["Ana Sync was left: Tomás Silva changed the address since."]


def test_whom_somebody_removed_on_another_laptop_since_is_not_said_to_be_changed(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Sync").id
    other = clock(9_000_000_000)
    with desk.applying() as applying:
        applying.connection.execute(sa.insert(desk.tables["sync_state"]), {"key": f"replica:{TOMAS}", "value": '["Tomás Silva", "Tomás’s laptop"]'})
        kept = unpack(applying.connection.exec_driver_sql("SELECT clocks FROM person WHERE id = ?", (ana,)).scalar())
        applying.connection.exec_driver_sql("UPDATE person SET gone = 1, city = 'Salem', clock = ?, clocks = ? WHERE id = ?",
                                            (other, pack({**kept, "address": clock(8_000_000_000), "gone": other}), ana))
    [newest] = deeds(desk, 1)
    assert left_words(desk, changed_since(desk, newest.id)) == ["Ana Sync was left: Tomás Silva removed them since."]
    assert left_words(desk, changed_since(desk, newest.id), ahead=True) == ["Ana Sync would be left: Tomás Silva removed them since."]


def test_what_cannot_be_undone_any_more_says_so_among_everyones_too(desk: Desk) -> None:
    of_others(desk)
    ana = add_member(desk, first_name="Ana", last_name="Sync").id
    change_member(desk, ana, city="Boston")
    change_member(desk, ana, city="Salem")
    first = next(one for one in everyone(desk)[1:] if one.event == "member_changed" and not one.rows)
    assert not first.undoable and first.reason == "Changed or in use since, so it stays"


def test_a_removal_is_said_the_right_way_round(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Sync").id
    remove_members(desk, [ana])
    [value] = written(desk, deeds(desk, 1)[0].id)[0]
    assert (value.field, value.was, value.now) == ("Taken off the list", "no", "yes")


def test_the_command_line_says_whose(desk: Desk, capsys: Any) -> None:
    of_others(desk)
    desk.close()
    assert run(["--profile", str(desk.profile.path), "activity", "--everyone", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    theirs = [one for one in found if one["who"] == "Tomás Silva"]
    assert theirs and all(one["undoable"] is one["here"] is False and one["reason"] == "Only Tomás can undo this" for one in theirs)


def test_everyone_is_shown_first_and_the_link_opens_the_member(hands: Any) -> None:
    ids = of_others(hands.desk)
    change_member(hands.desk, ids[0], city="Porto")
    page = hands.page("activity")
    hands.until(lambda: page.whose.on() == "everyone")
    row = next(n for n in range(page.lines.rowCount()) if (deed := page.lines.index(n, 0).data(DEED)) is not None and "Nowak2" in deed.what)
    page.list.setCurrentIndex(page.lines.index(row, 0))
    hands.rest()
    assert page.detail.button is None
    box = places(page.list.visualRect(page.lines.index(row, 0)).toRectF(), page.lines.index(row, 0).data(DEED)).way
    QTest.mouseClick(page.list.viewport(), Qt.MouseButton.LeftButton, pos=box.center().toPoint())
    hands.until(lambda: hands.shell.current().name == "members")
    hands.rest()
    assert hands.shell.current()._chosen == ids[2]
    page = hands.page("activity")
    page.whose._buttons["mine"].click()
    hands.until(lambda: not any((deed := page.lines.index(n, 0).data(DEED)) is not None and deed.rows for n in range(page.lines.rowCount())))


def test_a_large_chapter_is_quick(desk: Desk) -> None:
    of_others(desk, 20_000)
    before = time.process_time()
    assert others(desk, 200)
    assert time.process_time() - before < 2
