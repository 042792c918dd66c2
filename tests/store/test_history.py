"""The history of a record: every value that was seen, who and when, restorable one by one."""

from __future__ import annotations

import pytest

from alumni_desk.errors import NotFound, Refused
from alumni_desk.gatherings.actions import add_guests, cancel_gathering, change_gathering, new_gathering, set_rsvp, take_back_rsvp
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.chapter import change_chapter
from alumni_desk.members.lists import member, member_rows
from alumni_desk.members.merging import merge_people, unmerge
from alumni_desk.segments.activity import deeds, past_values
from alumni_desk.store.desk import Desk
from alumni_desk.store.done import actions
from alumni_desk.store.history import history, restore
from alumni_desk.store.undo import undo


def test_every_value_with_who_and_when(desk: Desk) -> None:
    desk.set_setting("person_name", "Priya")
    ana = add_member(desk, first_name="Ana", last_name="Lima", email="one@example.org").id
    change_member(desk, ana, email="two@example.org")
    change_member(desk, ana, email="three@example.org")
    versions = [one for one in history(desk, "person", ana) if one.field == "email"]
    assert [(one.value, one.who, one.here, one.now, one.restorable) for one in versions] == [
        ("three@example.org", "Priya", True, True, False), ("two@example.org", "Priya", True, False, True), ("one@example.org", "Priya", True, False, True)]
    assert [one.event for one in versions] == ["member_changed", "member_changed", "member_added"] and versions[0].at >= versions[1].at


def test_a_value_is_dated_as_what_was_done(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima", city="Boston").id
    desk.clock.correct(10 * 365 * 86_400_000)
    change_member(desk, ana, city="Porto")
    desk.clock.correct(0)
    change_member(desk, ana, city="Lisbon")  # its clock comes after the one of ten years ahead
    versions = [one for one in history(desk, "person", ana) if one.field == "city"]
    assert [one.value for one in versions] == ["Lisbon", "Porto", "Boston"] and versions[0].now
    assert [one.at[:19] for one in versions] == [one.at[:19] for one in actions(desk, 3)]
    undo(desk)  # what stands again is dated by the undo
    assert [one.value for one in history(desk, "person", ana) if one.field == "city" and one.now] == ["Porto"]


def test_a_value_is_put_back_and_that_can_be_undone(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima", email="one@example.org").id
    change_member(desk, ana, email="two@example.org")
    [_now, older] = [one for one in history(desk, "person", ana) if one.field == "email"]
    assert restore(desk, "person", ana, older.id).tables == {"person": {ana}}
    assert member(desk, ana).fields["email"] == "one@example.org" and actions(desk)[0].event == "value_restored"
    undo(desk)
    assert member(desk, ana).fields["email"] == "two@example.org"


def test_what_was_put_back_of_a_gathering_or_the_chapter_is_told_of_it(desk: Desk) -> None:
    dinner = new_gathering(desk, name="Winter Dinner", start="2026-12-12T18:30", place="Hall").id
    change_gathering(desk, dinner, place="Club")
    cancel_gathering(desk, dinner, reason="snow")
    past = past_values(desk, "gathering", dinner)
    assert [(one.field, one.text) for one in past if one.field in ("Status", "Answer")] == [("Status", "Cancelled"), ("Status", "Planned")]
    restore(desk, "gathering", dinner, next(one.version for one in past if one.text == "Hall"))
    assert deeds(desk)[0].what == "Put back the place of Winter Dinner"
    change_chapter(desk, name="Boston and around")
    restore(desk, "chapter", str(desk.scope), next(one.version for one in past_values(desk, "chapter", str(desk.scope)) if one.text == "Boston"))
    assert deeds(desk)[0].what == "Put back the name of the chapter"


def test_an_address_comes_back_as_a_whole(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima", street="1 Elm Street", city="Boston").id
    change_member(desk, ana, street="2 Oak Road", city="Salem")
    older = next(one for one in history(desk, "person", ana) if one.field == "city" and one.value == "Boston")
    restore(desk, "person", ana, older.id)
    fields = member(desk, ana).fields
    assert (fields["street"], fields["city"]) == ("1 Elm Street", "Boston")


def test_a_wish_is_not_put_back(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima", solicit_codes="do_not_call").id
    change_member(desk, ana, solicit_codes="do_not_email")
    older = [one for one in history(desk, "person", ana) if one.field == "solicit_codes"][-1]
    assert not older.restorable
    with pytest.raises(Refused) as refused:
        restore(desk, "person", ana, older.id)
    assert refused.value.code == "only_by_hand"
    with pytest.raises(NotFound):
        restore(desk, "person", ana, "email@0")
    with pytest.raises(NotFound):
        history(desk, "person", "nobody")


def test_a_member_keeps_a_name(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    change_member(desk, ana, first_name="")
    change_member(desk, ana, first_name="Anna", last_name="")
    none = next(one for one in history(desk, "person", ana) if one.field == "first_name" and one.value is None)
    with pytest.raises(Refused, match="needs a name"):
        restore(desk, "person", ana, none.id)
    assert [row.name for row in member_rows(desk)] == ["Anna"]


def test_a_merge_is_not_put_back(desk: Desk) -> None:
    ana, anna = (add_member(desk, first_name=name, last_name="Lima").id for name in ("Ana", "Anna"))
    merge_people(desk, ana, anna)
    unmerge(desk, ana)
    merge_people(desk, anna, ana)
    older = [one for one in history(desk, "person", ana) if one.field == "merged_into"][-1]
    assert older.value == anna and not older.restorable
    with pytest.raises(Refused, match="removed, merged or made a member") as refused:
        restore(desk, "person", ana, older.id)
    assert refused.value.code == "only_by_hand" and [one.id for one in member_rows(desk)] == [ana]


def test_what_this_laptop_wrote_over_is_its_own(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima", city="Oslo").id
    change_member(desk, ana, street="1 Elm Street", city="Rome")
    versions = history(desk, "person", ana)
    assert all(one.here for one in versions)
    assert [(one.field, one.value) for one in versions if one.field in ("street", "city")] == [
        ("street", "1 Elm Street"), ("city", "Rome"), ("city", "Oslo")]
    restore(desk, "person", ana, next(one.id for one in versions if one.value == "Oslo"))
    fields = member(desk, ana).fields
    assert fields["city"] == "Oslo" and not fields.get("street"), "an address comes back as a whole"


def test_answers_of_one_minute_are_told_apart_and_come_back_with_their_moment(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    dinner = new_gathering(desk, name="Winter Dinner", start="2030-12-12T18:30").id
    [place] = add_guests(desk, dinner, [ana], status="invited").registrations
    for status in ("yes", "maybe", "no"):
        set_rsvp(desk, dinner, [place], status)
    past = [one for one in past_values(desk, "registration", place) if one.field == "Answered"]
    assert [one.text.partition(" · ")[0] for one in past] == ["Not coming", "Maybe", "Coming"]
    assert all(" · " in one.text for one in past) and not any(one.restorable for one in past)
    moments = {one.id.partition("@")[2]: one.value for one in history(desk, "registration", place) if one.field == "answered_at"}
    coming = next(one for one in past_values(desk, "registration", place) if (one.field, one.text) == ("Answer", "Coming"))
    assert coming.restorable
    restore(desk, "registration", place, coming.version)
    now = {one.field: one.value for one in history(desk, "registration", place) if one.now}
    assert (now["status"], now["answered_at"]) == ("yes", moments[coming.version.partition("@")[2]])
    undo(desk)
    now = {one.field: one.value for one in history(desk, "registration", place) if one.now}
    assert now["status"] == "no" and now["answered_at"] == max(moments.values())
    restore(desk, "registration", place, next(one.id for one in history(desk, "registration", place) if one.value == "invited"))
    now = {one.field: one.value for one in history(desk, "registration", place) if one.now}
    assert (now["status"], now["answered_at"]) == ("invited", None)


def test_an_answer_that_was_taken_back_stands_with_the_moment_before(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", last_name="Lima").id
    dinner = new_gathering(desk, name="Winter Dinner", start="2030-12-12T18:30").id
    [place] = add_guests(desk, dinner, [ana], status="yes").registrations
    take_back_rsvp(desk, dinner, set_rsvp(desk, dinner, [place], "no").before)
    restored = next(one for one in history(desk, "registration", place) if one.field == "status" and one.now)
    assert restored.value == "yes"
    assert {one.text.partition(" · ")[0] for one in past_values(desk, "registration", place) if one.field == "Answered"} == {"Not coming", "Coming"}


def test_that_an_address_fails_is_said_of_no_other_address(desk: Desk) -> None:
    ana = add_member(desk, first_name="Ana", email="old@example.org").id
    with desk.writing("member_changed") as writing:
        writing.change("person", ana, email_status="bounced")
    change_member(desk, ana, email="new@example.org")
    assert not member_rows(desk)[0].email_fails
    undo(desk)
    assert member_rows(desk)[0].email_fails
    change_member(desk, ana, email="new@example.org")
    with desk.writing("member_changed") as writing:
        writing.change("person", ana, email_status="bounced")
    old = next(one for one in history(desk, "person", ana) if one.value == "old@example.org" and one.restorable)
    restore(desk, "person", ana, old.id)
    assert member_rows(desk)[0].email == "old@example.org" and not member_rows(desk)[0].email_fails
