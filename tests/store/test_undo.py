"""Undo and redo of whole actions: what nobody changed since goes back, everything else is left and named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from alumni_desk.checkin.actions import check_in, check_out, undo_check_in, walk_in
from alumni_desk.checkin.lists import arrivals, headcount, last_in, local_time
from alumni_desk.errors import NotFound, Refused
from alumni_desk.exchange.guests import import_guests
from alumni_desk.exchange.importing import run_import
from alumni_desk.gatherings.actions import add_guest_of, add_guests, cancel_gathering, new_gathering, remove_guests, set_rsvp
from alumni_desk.gatherings.lists import gathering_rows, guest_rows
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member, change_member, remove_members
from alumni_desk.members.lists import count_members, member, member_rows
from alumni_desk.members.merging import merge_people, unmerge
from alumni_desk.schema import open_desk
from alumni_desk.segments.activity import deeds, left_words, written
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.store.done import actions
from alumni_desk.store.erasing import erase
from alumni_desk.store.profile import Profile
from alumni_desk.store.undo import Left, ahead, changed_since, left_by_undo, redo, redoable, stay_changed, undo

SYNCED = ("person", "education", "gathering", "registration", "fact", "import_run")


def view(desk: Desk, *tables: str) -> dict[str, Any]:
    """What people would see: every row that is not gone, without its clocks."""
    found = {}
    with desk.reading() as connection:
        for name in tables or SYNCED:
            table = desk.tables[name]
            columns = [c for c in table.columns if c.name not in ("clock", "clocks", "scope")]
            found[name] = {row.id: tuple(row) for row in connection.execute(sa.select(*columns).where(~table.c.gone))}
    return found


def here(desk: Desk, gathering: str) -> int:
    return next(row.came for row in gathering_rows(desk) if row.id == gathering)


def test_an_added_member_goes_and_comes_back(desk: Desk) -> None:
    before = view(desk)
    saved = add_member(desk, first_name="Ana", last_name="Lima")
    after = view(desk)
    undone = undo(desk)
    assert (undone.event, undone.count, undone.left) == ("member_added", 1, ())
    assert undone.changed.tables == {"person": {saved.id}}
    assert view(desk) == before and count_members(desk, "lima") == 0
    again = redo(desk)
    assert again.of == undone.of and view(desk) == after and count_members(desk, "lima") == 1
    assert undo(desk).count == 1 and view(desk) == before


def test_only_the_fields_of_the_action_go_back(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima", city="Lisbon").id
    change_member(desk, ana, email="ana@example.org", city="Porto")
    change_member(desk, ana, mobile="+1 617 555 0101")
    [mobile, contact, *_rest] = actions(desk)
    undone = undo(desk, contact.id)
    fields = member(desk, ana).fields
    assert (fields["city"], fields["email"]) == ("Lisbon", None) and fields["mobile"]
    assert undone.left == () and mobile.event == "member_changed"


def test_what_was_changed_since_is_left_and_named(desk: Desk) -> None:
    desk.set_setting("person_name", "Priya")
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    change_member(desk, ana, email="ana@example.org", employer="Acme")
    change_member(desk, ana, email="ana@example.com")
    undone = undo(desk, actions(desk)[1].id)
    [left] = undone.left
    assert (left.table, left.row, left.fields, left.who, left.here, left.why) == ("person", ana, ("email",), "Priya", True, "changed")
    assert member(desk, ana).fields["email"] == "ana@example.com" and member(desk, ana).fields["employer"] is None


def test_a_pair_undone_does_not_block(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    change_member(desk, ana, email="one@example.org")
    change_member(desk, ana, email="two@example.org")
    undo(desk)
    undone = undo(desk)
    assert undone.left == () and member(desk, ana).fields["email"] is None
    undone = undo(desk)
    assert undone.event == "member_added" and undone.left == () and count_members(desk) == 0
    for _turn in range(3):
        redo(desk)
    assert member(desk, ana).fields["email"] == "two@example.org"
    with pytest.raises(Refused, match="nothing to redo"):
        redo(desk)


def imported(desk: Desk, tmp_path: Path, count: int = 3) -> tuple[str, list[str]]:
    """An import's action, and its people."""
    file = tmp_path / "list.csv"
    file.write_text("First Name,Last Name\n" + "".join(f"P{n},Tester{n}\n" for n in range(count)))
    run_import(desk, file)
    return next(one.id for one in actions(desk) if one.event == "import"), sorted(view(desk, "person")["person"])


@pytest.mark.parametrize("turns", [1, 2])
def test_what_was_changed_after_a_redo_is_left_and_named(desk: Desk, tmp_path: Path, turns: int) -> None:
    action, people = imported(desk, tmp_path)
    for _turn in range(turns):
        undo(desk, action)
        redo(desk, action)
    change_member(desk, people[0], city="Nice")
    assert [(one.row, one.why) for one in changed_since(desk, action)] == [(people[0], "changed")]
    undone = undo(desk, action)
    assert [(one.row, one.why) for one in undone.left] == [(people[0], "changed")]
    assert "city" in undone.left[0].fields and set(view(desk, "person")["person"]) == {people[0]}
    assert redo(desk, action).changed.tables["person"] == set(people[1:]) and len(view(desk, "person")["person"]) == 3


def test_a_change_after_a_redo_that_is_undone_itself_does_not_block(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    undo(desk)
    redo(desk)
    change_member(desk, ana, city="Nice")
    undo(desk)
    undone = undo(desk)
    assert undone.event == "member_added" and undone.left == () and count_members(desk) == 0


def test_who_was_left_once_is_tried_and_named_again(desk: Desk, tmp_path: Path) -> None:
    action, people = imported(desk, tmp_path)
    change_member(desk, people[1], city="Nice")
    [changed, *_rest] = actions(desk)
    assert [one.row for one in undo(desk, action).left] == [people[1]]
    assert redo(desk, action).changed.tables["person"] == {people[0], people[2]}
    again = undo(desk, action)
    assert [one.row for one in again.left] == [people[1]] and set(view(desk, "person")["person"]) == {people[1]}
    redo(desk, action)
    undo(desk, changed.id)
    assert changed_since(desk, action) == [] and undo(desk, action).left == () and view(desk, "person")["person"] == {}


def test_a_field_that_was_left_once_is_named_again(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    change_member(desk, ana, employer="Acme", job_title="Clerk")
    [action, *_rest] = actions(desk)
    change_member(desk, ana, employer="Initech")
    for _turn in range(2):
        undone = undo(desk, action.id)
        assert undone.left[0].fields == ("employer",) and member(desk, ana).fields["job_title"] is None
        redo(desk, action.id)
    assert (member(desk, ana).fields["job_title"], member(desk, ana).fields["employer"]) == ("Clerk", "Initech")


def test_who_was_changed_after_coming_back_is_not_removed_by_a_redo(desk: Desk) -> None:
    people = [add_member(desk, first_name=name, last_name="Lima").id for name in ("Ana", "Bo")]
    change_member(desk, people[1], city="Porto")  # before the removal: no reason to leave him
    remove_members(desk, people)
    [removal, *_rest] = actions(desk)
    undo(desk)
    change_member(desk, people[0], city="Nice")
    again = redo(desk, removal.id)
    assert [(one.row, one.why) for one in again.left] == [(people[0], "changed")] and set(view(desk, "person")["person"]) == {people[0]}
    undo(desk, removal.id)
    assert set(view(desk, "person")["person"]) == set(people)


def test_nothing_is_put_back_where_everything_was_changed(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    change_member(desk, ana, last_name="Lima Costa")
    first = actions(desk)[1]
    with pytest.raises(Refused) as refused:
        undo(desk, first.id)
    assert refused.value.code == "all_changed_since" and actions(desk)[1].state == "done"


def test_a_change_of_somebody_who_is_off_the_list_is_not_done_again_and_says_why(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    change_member(desk, ana, city="Porto")
    change_member(desk, ana, city="Faro")
    last = actions(desk)[0].id
    for _turn in range(3):
        undo(desk)
    with pytest.raises(Refused) as refused:
        redo(desk, last)
    assert refused.value.code == "off_the_list" and "taken off the list" in str(refused.value)


def test_a_merge_of_somebody_merged_elsewhere_since_adds_nothing_to_an_entry_off_the_list(desk: Desk) -> None:
    """Of the merge only the address would have come back, into an entry that nobody sees."""
    ana, bea, cleo = (add_member(desk, first_name=name, email=f"{name.lower()}@example.org").id for name in ("Ana", "Bea", "Cleo"))
    merge_people(desk, bea, ana)
    merged = actions(desk)[0].id
    remove_members(desk, [ana])
    undo(desk, merged)
    merge_people(desk, bea, cleo)
    before = view(desk)
    goes, left = ahead(desk, merged)
    assert not goes and {(one.row, one.why) for one in left} == {(bea, "changed"), (ana, "off")}
    with pytest.raises(Refused) as refused:
        redo(desk, merged)
    assert refused.value.code == "all_changed_since" and refused.value.facts["left"] == tuple(left) and view(desk) == before
    with desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT other_emails FROM person WHERE id = ?", (ana,)).scalar() is None


def other_emails(desk: Desk, who: str) -> str | None:
    with desk.reading() as connection:
        return connection.exec_driver_sql("SELECT other_emails FROM person WHERE id = ?", (who,)).scalar()


def test_an_undo_brings_back_what_was_theirs_before_somebody_who_was_erased_was_merged_with_them(desk: Desk) -> None:
    """It had emptied the field, and said that all was undone."""
    ana = add_member(desk, first_name="Ana", email="ana@example.org", other_emails="own@example.org").id
    eve = add_member(desk, first_name="Eve", email="eve@example.org").id
    merge_people(desk, eve, ana)
    change_member(desk, ana, other_emails="own@example.org;new@example.org")
    changed = actions(desk)[0].id
    unmerge(desk, eve)
    erase(desk, [eve], remake_backups=False)
    assert undo(desk, changed).left == () and other_emails(desk, ana) == '["own@example.org"]'
    assert redo(desk, changed).left == () and other_emails(desk, ana) == '["own@example.org","new@example.org"]' and verify(desk).ok


def test_an_address_goes_back_also_after_somebody_else_was_erased(desk: Desk) -> None:
    """Of a new entry only what is filled was written down: what was not had been taken for something that went with somebody who was erased."""
    ada = add_member(desk, first_name="Ada", city="London").id
    zoe = add_member(desk, first_name="Zoë").id
    change_member(desk, ada, city="Ockham", street="1 Mill Lane")
    changed = actions(desk)[0].id
    erase(desk, [zoe], remake_backups=False)
    assert ahead(desk, changed) == (True, []) and changed not in stay_changed(desk, actions(desk))
    assert undo(desk, changed).left == () and member(desk, ada).fields["city"] == "London" and not member(desk, ada).fields["street"]
    assert redo(desk, changed).left == () and member(desk, ada).fields["street"] == "1 Mill Lane" and verify(desk).ok


def test_an_undo_empties_no_field_of_which_nobody_knows_any_more_what_stood_there(desk: Desk) -> None:
    """It went with somebody who was erased, whose addresses were in an entry that was merged into this one."""
    cleo = add_member(desk, first_name="Cleo", email="cleo@example.org").id
    bea = add_member(desk, first_name="Bea", email="bea@example.org", city="Rome").id
    eve = add_member(desk, first_name="Eve", email="eve@example.org").id
    merge_people(desk, eve, bea)
    unmerge(desk, eve)
    merge_people(desk, bea, cleo)
    change_member(desk, cleo, other_emails="new@example.org", employer="Acme")
    changed = actions(desk)[0].id
    change_member(desk, cleo, other_emails="newer@example.org")
    newer = actions(desk)[0].id
    undo(desk, newer)
    erase(desk, [eve], remake_backups=False)
    left = (Left("person", cleo, "erased", ("other_emails",)),)
    assert ahead(desk, changed) == (True, [*left])
    undone = undo(desk, changed)
    assert undone.left == left and other_emails(desk, cleo) == '["new@example.org"]' and not member(desk, cleo).fields["employer"]
    assert left_words(desk, left) == ["Cleo: what stood in the other e-mails before went with somebody who was erased."]
    assert left_by_undo(desk, changed) == [*left] and verify(desk).ok


def test_an_undo_of_nothing_else_than_what_went_with_somebody_who_was_erased_says_so(desk: Desk) -> None:
    cleo = add_member(desk, first_name="Cleo", email="cleo@example.org").id
    bea = add_member(desk, first_name="Bea", email="bea@example.org", city="Rome").id
    eve = add_member(desk, first_name="Eve", email="eve@example.org").id
    merge_people(desk, eve, bea)
    unmerge(desk, eve)
    merge_people(desk, bea, cleo)
    change_member(desk, cleo, other_emails="new@example.org")
    changed = actions(desk)[0].id
    erase(desk, [eve], remake_backups=False)
    assert not ahead(desk, changed)[0] and stay_changed(desk, actions(desk)).get(changed) == "erased"
    with pytest.raises(Refused) as refused:
        undo(desk, changed)
    assert refused.value.code == "erased_since" and other_emails(desk, cleo) == '["new@example.org"]'


def test_what_would_come_back_into_what_is_off_the_list_is_not_done_again(desk: Desk) -> None:
    """Nobody would see anything of it, and it was called done."""
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    change_member(desk, ana, city="Porto")
    changed, added = (one.id for one in actions(desk)[:2])
    undo(desk)
    undo(desk)
    assert redoable(desk) and ahead(desk, added) == (True, [])
    goes, [left] = ahead(desk, changed)
    assert not goes and (left.row, left.why) == (ana, "off") and stay_changed(desk, actions(desk)) == {changed: "off"}
    with pytest.raises(Refused) as refused:
        redo(desk, changed)
    assert refused.value.code == "off_the_list" and [one.state for one in actions(desk)[:2]] == ["undone", "undone"]
    assert redo(desk).of == added and ahead(desk, changed) == (True, []) and redoable(desk)
    assert redo(desk).of == changed and member(desk, ana).fields["city"] == "Porto" and not redoable(desk)


def test_guests_of_a_gathering_that_was_undone_come_back_after_it(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    dinner = new_gathering(desk, name="Dinner", start="2030-01-12T19:00", end="2030-01-12T22:00").id
    add_guests(desk, dinner, [ana])
    guests = actions(desk)[0].id
    undo(desk)
    undo(desk)
    assert stay_changed(desk, actions(desk)) == {guests: "off"} and not ahead(desk, guests)[0]
    redo(desk)
    assert ahead(desk, guests)[0] and redo(desk).of == guests


def test_of_somebody_who_was_erased_since_there_is_nothing_to_bring_back(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    change_member(desk, ana, city="Porto")
    remove_members(desk, [ana])
    erase(desk, [ana], remake_backups=False)
    for action in [one for one in actions(desk) if one.event in ("member_added", "member_changed", "members_removed")]:
        with pytest.raises(Refused) as refused:
            undo(desk, action.id)
        assert refused.value.code == "erased_since" and "erased" in str(refused.value) and "Bring it back" not in str(refused.value)
    assert [deed.what for deed in deeds(desk)][2:4] == ["Changed somebody who was erased", "Added somebody who was erased"]


def test_a_merge_of_people_who_were_erased_since_is_called_that(desk: Desk) -> None:
    one, other = (add_member(desk, first_name="Li", last_name="Chen", email=f"{name}@example.org").id for name in "ab")
    merge_people(desk, other, one)
    unmerge(desk, other)
    merge_people(desk, other, one)
    erase(desk, [one], remake_backups=False)
    for look in (False, True):
        told = [(deed.what, deed.reason, deed.undoable) for deed in deeds(desk, look=look) if deed.event.startswith("people_")]
        merged, apart = "Merged entries of somebody who was erased", "Took entries of somebody who was erased apart"
        assert told == [(merged, "Erased since", False), (apart, "Erased since", False), (merged, "Erased since", False)]


def test_after_something_new_there_is_nothing_to_redo(desk: Desk) -> None:
    add_member(desk, first_name="Ana", last_name="Lima")
    undo(desk)
    add_member(desk, first_name="Bo", last_name="Berg")
    with pytest.raises(Refused) as refused:
        redo(desk)
    assert refused.value.code == "nothing_to_redo"
    assert redo(desk, actions(desk)[1].id).count == 1  # but one may ask for it by name


def test_the_founding_stands_and_old_actions_too(desk: Desk) -> None:
    with pytest.raises(Refused) as refused:
        undo(desk)
    assert refused.value.code == "nothing_to_undo"
    with pytest.raises(Refused) as refused:
        undo(desk, actions(desk)[-1].id)
    assert refused.value.code == "stands"
    add_member(desk, first_name="Ana", last_name="Lima")
    with desk.applying() as applying:
        applying.connection.exec_driver_sql("UPDATE action SET at = '2001-01-01T00:00:00.000Z'")
    with pytest.raises(Refused) as refused:
        undo(desk, actions(desk)[0].id)
    assert refused.value.code == "too_old" and actions(desk)[0].reason == "too_old"
    with pytest.raises(NotFound):
        undo(desk, "no such thing")


def test_what_was_done_while_the_clock_was_behind_is_not_too_old(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    desk.clock.correct(-60 * 86_400_000)
    change_member(desk, ana, city="Porto")
    desk.clock.correct(0)
    assert [one.reason for one in actions(desk, 2)] == [None, None]
    assert undo(desk).event == "member_changed" and member(desk, ana).fields["city"] is None
    assert redo(desk).event == "member_changed" and member(desk, ana).fields["city"] == "Porto"


def test_a_clock_that_was_ahead_makes_nothing_young(desk: Desk) -> None:
    for name in ("Ana", "Bo", "Cy"):
        add_member(desk, first_name=name, last_name="Lima")
    with desk.applying() as applying:
        applying.connection.exec_driver_sql("UPDATE action SET at = '2001-01-01T00:00:00.000Z'")
        applying.connection.exec_driver_sql("UPDATE action SET at = '2096-01-01T00:00:00.000Z' WHERE id = ?", (actions(desk)[1].id,))
    assert [one.reason for one in actions(desk, 3)] == ["too_old", None, "too_old"]


def test_it_goes_on_after_a_restart(profile: Profile) -> None:
    with open_desk(profile) as desk:
        desk.make_chapter("Boston")
        ana = add_member(desk, first_name="Ana", last_name="Lima").id
        change_member(desk, ana, city="Porto")
    with open_desk(profile) as desk:
        assert undo(desk).event == "member_changed"
    with open_desk(profile) as desk:
        assert member(desk, ana).fields["city"] is None and redo(desk).count == 1
    with open_desk(profile) as desk:
        assert member(desk, ana).fields["city"] == "Porto"


def test_a_whole_import_goes_and_comes_back(desk: Desk, tmp_path: Path) -> None:
    add_member(desk, first_name="Ana", last_name="Lima", email="ana@example.org")
    before = view(desk)
    file = tmp_path / "list.csv"
    rows = [f"P{n},Tester{n},p{n}@example.org,{1960 + n % 60},Boston" for n in range(1_200)]
    file.write_text("First Name,Last Name,Email,Class Year,City\n" + "\n".join(rows) + "\nAna,Lima,ana@example.org,1998,Lisbon\n")
    result = run_import(desk, file)
    assert (result.added, result.updated) == (1_200, 1)
    after = view(desk)
    undone = undo(desk)
    assert undone.event == "import" and undone.left == () and view(desk) == before and count_members(desk, "tester1199") == 0
    redo(desk)
    assert view(desk) == after and count_members(desk, "tester1199") == 1
    undo(desk)
    assert view(desk) == before and verify(desk).ok


def test_of_a_large_import_all_that_it_wrote_is_counted(desk: Desk, tmp_path: Path) -> None:
    people = 5_200
    file = tmp_path / "list.csv"
    for city in ("Boston", "Lisbon"):
        file.write_text("First Name,Last Name,Email,City\n" + "".join(f"P{n},Tester{n},p{n}@example.org,{city}\n" for n in range(people)))
        run_import(desk, file)
    changed, added = (one.id for one in deeds(desk, 2))
    shown, sums, count = written(desk, added, 12)
    assert (len(shown), sums, count) == (12, {}, people) and shown[11].name == "P11 Tester11"
    shown, sums, count = written(desk, changed, 12)
    assert (len(shown), list(sums.values()), count) == (12, [people], people) and (shown[0].was, shown[0].now) == ("Boston", "Lisbon")


def test_of_an_import_only_those_that_somebody_touched_stay(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("First Name,Last Name\n" + "".join(f"P{n},Tester{n}\n" for n in range(10)))
    run_import(desk, file)
    [touched, guest, *_others] = sorted(view(desk, "person")["person"])
    change_member(desk, touched, city="Porto")
    evening = new_gathering(desk, name="Dinner", start="2027-01-12T19:00", end="2027-01-12T22:00").id
    add_guests(desk, evening, [guest])
    undone = undo(desk, next(one.id for one in actions(desk) if one.event == "import"))
    assert {(one.row, one.why) for one in undone.left} == {(touched, "changed"), (guest, "in_use")}
    assert set(view(desk, "person")["person"]) == {touched, guest}


def graduates(desk: Desk, tmp_path: Path, count: int = 2) -> tuple[str, list[str]]:
    """People with a degree each out of a file: the action, and their ids."""
    file = tmp_path / "graduates.csv"
    file.write_text("First Name,Last Name,School,Degree\n" + "".join(f"P{n},Tester{n},Law,JD\n" for n in range(count)))
    run_import(desk, file)
    return actions(desk)[0].id, sorted(view(desk, "person")["person"])


def invited(desk: Desk, people: list[str]) -> None:
    """They come to dinner."""
    add_guests(desk, new_gathering(desk, name="Dinner", start="2027-01-12T19:00", end="2027-01-12T22:00").id, people)


def test_an_import_whose_members_are_all_in_use_is_not_called_undone(desk: Desk, tmp_path: Path) -> None:
    action, people = graduates(desk, tmp_path)
    invited(desk, people)
    before = view(desk)
    with pytest.raises(Refused) as refused:
        undo(desk, action)
    assert refused.value.code == "all_changed_since" and {(one.row, one.why) for one in refused.value.facts["left"]} == {(one, "in_use") for one in people}
    assert view(desk) == before and next(one for one in actions(desk) if one.id == action).state == "done"
    assert next(one for one in deeds(desk, look=True) if one.id == action).reason == "Changed or in use since, so it stays"
    assert ahead(desk, action) == (False, changed_since(desk, action))


def test_who_stays_of_an_import_keeps_their_degree(desk: Desk, tmp_path: Path) -> None:
    action, people = graduates(desk, tmp_path)
    before = view(desk)
    invited(desk, people[:1])
    undone = undo(desk, action)
    assert [(one.table, one.row) for one in undone.left] == [("person", people[0])]
    assert len(view(desk, "education")["education"]) == 1 and member(desk, people[0]).degrees and set(view(desk, "person")["person"]) == {people[0]}
    redo(desk, action)
    assert view(desk, "person", "education", "import_run") == {name: before[name] for name in ("person", "education", "import_run")}


def test_a_degree_of_somebody_who_was_removed_is_not_done_again(desk: Desk, tmp_path: Path) -> None:
    """Nothing of it would be seen: the degree is a part of somebody who is off the list."""
    ana = add_member(desk, first_name="Ana", last_name="Lima", email="ana@example.org").id
    file = tmp_path / "degrees.csv"
    file.write_text("First Name,Last Name,E-mail,School,Degree\nAna,Lima,ana@example.org,Law,JD\n")
    run_import(desk, file)
    action = actions(desk)[0].id
    assert len(member(desk, ana).degrees) == 1 and view(desk, "person")["person"].keys() == {ana}
    undo(desk, action)
    remove_members(desk, [ana])
    goes, left = ahead(desk, action)
    assert not goes and [(one.table, one.why) for one in left] == [("education", "off")]
    assert stay_changed(desk, actions(desk))[action] == "off"
    told = next(one for one in deeds(desk, look=True) if one.id == action)
    assert told.stays == "Off the list; bring that back first"
    before = view(desk)
    with pytest.raises(Refused) as refused:
        redo(desk, action)
    assert refused.value.code == "off_the_list" and view(desk) == before
    undo(desk)  # the removal
    assert ahead(desk, action) == (True, []) and redo(desk, action).count
    assert len(member(desk, ana).degrees) == 1


def test_a_degree_comes_back_with_somebody_who_comes_back(desk: Desk, tmp_path: Path) -> None:
    action, people = graduates(desk, tmp_path)
    undo(desk, action)
    assert ahead(desk, action) == (True, []) and redoable(desk) and redo(desk).of == action
    assert all(len(member(desk, one).degrees) == 1 for one in people)


def test_of_an_import_whose_members_were_all_erased_there_is_nothing_to_bring_back(desk: Desk, tmp_path: Path) -> None:
    action, people = graduates(desk, tmp_path)
    for one in people:
        erase(desk, [one], remake_backups=False)
    assert next(one for one in deeds(desk, look=True) if one.id == action).reason == "Erased since"
    with pytest.raises(Refused) as refused:
        undo(desk, action)
    assert refused.value.code == "erased_since"


def test_of_an_import_that_was_undone_nothing_of_who_was_erased_since_comes_back(desk: Desk, tmp_path: Path) -> None:
    """The degrees of theirs had come back, though not they; and an import of nobody else had counted as done again."""
    action, people = graduates(desk, tmp_path)
    undo(desk, action)
    erase(desk, people[:1], remake_backups=False)
    goes, foreseen = ahead(desk, action)
    done = redo(desk, action)
    assert goes and tuple(foreseen) == done.left == (Left("person", people[0], "erased"),)
    with desk.reading() as connection:
        assert set(connection.exec_driver_sql("SELECT person FROM education WHERE NOT gone").scalars()) == set(people[1:])
    undo(desk, action)
    erase(desk, people[1:], remake_backups=False)
    assert not ahead(desk, action)[0]
    with pytest.raises(Refused) as refused:
        redo(desk, action)
    assert refused.value.code == "erased_since"
    with desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM education WHERE NOT gone").scalar() == 0


def test_an_import_that_brought_nothing_new_can_be_taken_off_the_list(desk: Desk, tmp_path: Path) -> None:
    graduates(desk, tmp_path)
    with desk.writing("import") as writing:  # as an earlier program noted it
        writing.add("import_run", file_name="graduates.csv", complete=True)
    newest = actions(desk)[0]
    assert set(newest.counts) == {"import_run"} and undo(desk, newest.id).count == 1 and len(view(desk, "import_run")["import_run"]) == 1


def test_gatherings_guests_and_answers(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    evening = new_gathering(desk, name="Dinner", start="2027-01-12T19:00", end="2027-01-12T22:00").id
    states = [view(desk)]
    registration = registration_id(evening, ana)
    for act in (lambda: add_guests(desk, evening, [ana]), lambda: set_rsvp(desk, evening, [registration], "maybe"),
                lambda: remove_guests(desk, evening, [registration]), lambda: cancel_gathering(desk, evening, "storm")):
        act()
        states.append(view(desk))
    for state in reversed(states[:-1]):
        undo(desk)
        assert view(desk) == state
    for state in states[1:]:
        redo(desk)
        assert view(desk) == state


def test_a_check_in_is_voided_and_comes_back_as_a_new_fact(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    evening = new_gathering(desk, name="Dinner", start="2027-01-12T19:00", end="2027-01-12T22:00").id
    add_guests(desk, evening, [ana])
    check_in(desk, evening, person_id=ana)
    assert here(desk, evening) == 1
    undo(desk)
    assert here(desk, evening) == 0
    redo(desk)
    assert here(desk, evening) == 1
    undo_check_in(desk, evening, registration_id(evening, ana), "wrong Ana")
    assert here(desk, evening) == 0
    undo(desk)
    assert here(desk, evening) == 1
    assert len(view(desk, "fact")["fact"]) == 5 and verify(desk).ok


def test_a_check_out_taken_back_is_a_return(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    evening = new_gathering(desk, name="Dinner", start="2027-01-12T19:00", end="2027-01-12T22:00").id
    add_guests(desk, evening, [ana])
    check_in(desk, evening, person_id=ana)
    check_out(desk, evening, registration_id(evening, ana))
    assert headcount(desk, evening).present == 0
    undo(desk)
    assert headcount(desk, evening).present == 1
    redo(desk)
    assert headcount(desk, evening).present == 0


@pytest.mark.parametrize("how", ["out", "taken back"])
def test_a_check_in_is_undone_after_what_closed_it_was(desk: Desk, how: str) -> None:
    """Undo pressed twice: the second one had said that it was changed or in use since, and left them in."""
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    evening = new_gathering(desk, name="Dinner", start="2027-01-12T19:00", end="2027-01-12T22:00").id
    add_guests(desk, evening, [ana])
    check_in(desk, evening, person_id=ana)
    came = actions(desk)[0].id
    (check_out if how == "out" else undo_check_in)(desk, evening, registration_id(evening, ana))
    undo(desk)
    assert headcount(desk, evening).present == 1 and ahead(desk, came)[0]
    assert undo(desk).of == came
    assert headcount(desk, evening).present == headcount(desk, evening).out == 0 and not any(row.came for row in guest_rows(desk, evening))
    assert redo(desk).of == came and headcount(desk, evening).present == 1
    with pytest.raises(Refused):
        redo(desk)  # what closed the first one does not close this one
    assert headcount(desk, evening).present == 1 and verify(desk).ok
    undo_check_in(desk, evening, registration_id(evening, ana))
    check_in(desk, evening, person_id=ana)
    with pytest.raises(Refused):
        undo(desk, came)  # they came anew since
    assert headcount(desk, evening).present == 1


@pytest.mark.parametrize("out", [False, True])
def test_who_is_in_again_by_a_redo_came_when_they_came(desk: Desk, out: bool) -> None:
    """Of a check-in that was undone and done again, and of a check-out that was undone; what took it back keeps its own time."""
    ana, ben = add_member(desk, first_name="Ana", last_name="Lima").id, add_member(desk, first_name="Ben", last_name="Obi").id
    evening = new_gathering(desk, name="Dinner", start="2027-01-12T19:00", end="2027-01-12T22:00", time_zone="UTC").id
    add_guests(desk, evening, [ana, ben])
    came = check_in(desk, evening, person_id=ana).at
    desk.clock.correct(12 * 60_000)  # twelve minutes later
    if out:
        check_out(desk, evening, registration_id(evening, ana))
    later = check_in(desk, evening, person_id=ben).at
    assert came is not None and later is not None and later > came
    mine = [one.id for one in actions(desk) if one.event == ("checked_out" if out else "checked_in")][-1]
    for _turn in range(2):
        undo(desk, mine)
        redo(desk, mine)
    if out:
        undo(desk, mine)
    second, first = last_in(desk, evening)
    assert (first.person, second.person) == (ana, ben) and first.at == local_time(came, "UTC")
    assert check_in(desk, evening, person_id=ana).at == came
    with desk.reading() as connection:
        facts = connection.exec_driver_sql("SELECT kind, at FROM fact WHERE person = ?", (ana,)).all()
    assert {at for kind, at in facts if kind == "in"} == {came} and all(at > came for kind, at in facts if kind != "in")
    assert sum(count for _start, count in arrivals(desk, evening)) == 2 and verify(desk).ok


def test_a_guest_who_is_in_stays_on_the_list(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    evening = new_gathering(desk, name="Dinner", start="2027-01-12T19:00", end="2027-01-12T22:00").id
    add_guests(desk, evening, [ana])
    added = actions(desk)[0]
    check_in(desk, evening, person_id=ana)
    with pytest.raises(Refused):
        undo(desk, added.id)
    assert here(desk, evening) == 1


def test_a_guest_who_came_and_left_stays_on_the_list(desk: Desk) -> None:
    """They came, so they are on it, as whoever takes guests off a list is told, too."""
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    evening = new_gathering(desk, name="Dinner", start="2027-01-12T19:00", end="2027-01-12T22:00").id
    add_guests(desk, evening, [ana])
    added = actions(desk)[0]
    check_in(desk, evening, person_id=ana)
    check_out(desk, evening, registration_id(evening, ana))
    with pytest.raises(Refused) as refused:
        undo(desk, added.id)
    assert refused.value.code == "all_changed_since" and sum(row.came for row in guest_rows(desk, evening)) == here(desk, evening) == 1
    undo(desk, actions(desk)[0].id)
    undo_check_in(desk, evening, registration_id(evening, ana))
    with pytest.raises(Refused):
        undo(desk, added.id)  # they had come twice: once they left, once that was taken back
    assert sum(row.came for row in guest_rows(desk, evening)) == here(desk, evening) == 1


def test_a_walk_in_goes_as_a_whole(desk: Desk) -> None:
    evening = new_gathering(desk, name="Dinner", start="2027-01-12T19:00", end="2027-01-12T22:00").id
    before = view(desk, "person", "registration")
    walk_in(desk, evening, "Bo Berg", email="bo@example.org", consent=True)
    undone = undo(desk)
    assert undone.left == () and here(desk, evening) == 0 and view(desk, "person", "registration") == before
    redo(desk)
    assert here(desk, evening) == 1


def test_what_goes_together_is_not_said_to_be_left(desk: Desk, tmp_path: Path) -> None:
    """A guest and their place on the list: it was foreseen that the guest would be left for the place's sake, and the place for the check-in's."""
    dinner = new_gathering(desk, name="Dinner", start="2027-01-12T19:00", end="2027-01-12T22:00").id
    host = add_guests(desk, dinner, [add_member(desk, first_name="Ana").id]).registrations[0]
    file = tmp_path / "guests.csv"
    file.write_text("First Name,Last Name,E-mail\nCy,Cole,cy@example.org\nDi,Dole,di@example.org\n")
    for act in (lambda: add_guest_of(desk, dinner, host, "Bo Berg"), lambda: import_guests(desk, dinner, file), lambda: walk_in(desk, dinner, "Eve Eis")):
        act()
        action = actions(desk, 1)[0].id
        for _turn in range(2):
            assert ahead(desk, action) == (True, []) and undo(desk, action).left == ()
            assert ahead(desk, action) == (True, []) and redo(desk, action).left == ()
    talk = new_gathering(desk, name="Talk", start="2027-02-12T19:00", end="2027-02-12T22:00").id
    add_guests(desk, talk, [eve := next(row.person for row in guest_rows(desk, dinner) if row.last_name == "Eis")])
    foreseen = ahead(desk, action)[1]
    assert [(one.row, one.why) for one in foreseen] == [(eve, "in_use")] and list(undo(desk, action).left) == foreseen
    redo(desk, action)
    check_out(desk, dinner, registration_id(dinner, eve))
    assert {(one.table, one.why) for one in ahead(desk, action)[1]} == {("person", "in_use"), ("registration", "in_use")}


def test_a_list_of_what_was_done(desk: Desk) -> None:
    desk.set_setting("person_name", "Priya")
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    change_member(desk, ana, city="Porto")
    undo(desk)
    done = actions(desk)
    one = {"person": 1}
    assert [(it.event, it.state, it.who, dict(it.counts)) for it in done] == [
        ("member_changed", "undone", "Priya", one), ("member_added", "done", "Priya", one), ("chapter_founded", "never", None, {"chapter": 1})]
    assert done[0].undone_at is not None and len(actions(desk, 1)) == 1


def test_what_an_undo_left_is_known_afterwards(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("First Name,Last Name,Email,School\n" + "".join(f"P{n},Tester,p{n}@example.org,MIT\n" for n in range(6)))
    run_import(desk, file)
    action = actions(desk)[0].id
    assert left_by_undo(desk, action) == []
    changed, invited, *_others = (row.id for row in member_rows(desk))
    change_member(desk, changed, city="Porto")
    dinner = new_gathering(desk, name="Dinner", start="2030-01-12T19:00", end="2030-01-12T22:00").id
    add_guests(desk, dinner, [invited])
    undone = undo(desk, action)
    assert set(left_by_undo(desk, action)) == set(undone.left) and {one.row for one in undone.left} == {changed, invited}
    remove_guests(desk, dinner, [registration_id(dinner, invited)])
    assert {one.row for one in left_by_undo(desk, action)} == {changed, invited}
    redo(desk, action)
    assert left_by_undo(desk, action) == []
    assert set(left_by_undo(desk, undo(desk, action).of)) >= {one for one in undone.left if one.row == changed}


def test_of_fields_that_an_undo_left_those_are_named(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    change_member(desk, ana, city="Porto", employer="Mill", notes="Sings")
    action = actions(desk)[0].id
    change_member(desk, ana, employer="Hooli")
    undone = undo(desk, action)
    assert left_by_undo(desk, action) == list(undone.left) == [Left("person", ana, "changed", ("employer",))]
    change_member(desk, ana, notes="Sang", city="Lyon")
    assert [one.fields for one in left_by_undo(desk, action)] == [("employer",)]


class UndoMachine(RuleBasedStateMachine):
    """Members are added, changed and removed; undoing goes through all that stands, in reverse, and redoing brings it back."""

    people = Bundle("people")

    @initialize()
    def begin(self) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory(prefix="undo-")
        self.desk = open_desk(Profile(Path(self.folder.name) / "desk"))
        self.desk.make_chapter("Boston")
        self.back: list[Any] = []  # views before each action that stands
        self.forth: list[Any] = []

    def _acting(self) -> None:
        self.back.append(view(self.desk))
        self.forth = []

    @rule(target=people, name=st.sampled_from(["Ana", "Łukasz", "Bo"]))
    def add(self, name: str) -> Any:
        self._acting()
        return add_member(self.desk, first_name=name, last_name="Lima").id

    @rule(person=people, field=st.sampled_from(["email", "city", "employer", "notes"]), value=st.sampled_from(["a@example.org", "b@example.org", ""]))
    def change(self, person: str, field: str, value: str) -> None:
        if person not in view(self.desk, "person")["person"]:
            return
        before = len(actions(self.desk, 1_000))
        self._acting()
        change_member(self.desk, person, **{field: value})
        if len(actions(self.desk, 1_000)) == before:  # nothing changed: no action
            self.back.pop()

    @rule(person=people)
    def remove(self, person: str) -> None:
        if person in view(self.desk, "person")["person"]:
            self._acting()
            remove_members(self.desk, [person])

    @rule()
    def undo(self) -> None:
        if not self.back:
            return
        self.forth.append(view(self.desk))
        undone = undo(self.desk)
        assert undone.left == () and left_by_undo(self.desk, undone.of) == []
        assert view(self.desk) == self.back.pop()

    @rule()
    def redo(self) -> None:
        if not self.forth:
            return
        self.back.append(view(self.desk))
        assert redo(self.desk).left == ()
        assert view(self.desk) == self.forth.pop()

    @invariant()
    def whole(self) -> None:
        if hasattr(self, "desk"):
            with self.desk.reading() as connection:
                assert connection.exec_driver_sql("SELECT count(*) FROM search_stale").scalar() == 0

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            assert verify(self.desk).ok
            self.desk.close()
            self.folder.cleanup()


TestUndo = UndoMachine.TestCase
TestUndo.settings = settings(max_examples=8, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
