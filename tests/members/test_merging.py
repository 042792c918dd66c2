"""Two entries of one person: one list entry afterwards, nothing lost, and apart again when that was wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alumni_desk.errors import KnownError, Refused
from alumni_desk.exchange.importing import run_import
from alumni_desk.members.actions import add_member, bring_back, change_member, remove_members
from alumni_desk.members.lists import member, member_rows
from alumni_desk.members.merging import merge_people, unmerge
from alumni_desk.segments.activity import deeds
from alumni_desk.store.checking import verify
from alumni_desk.store.erasing import erase
from alumni_desk.store.undo import ahead, redo, undo


def names(desk: Any) -> list[str]:
    """The list."""
    return sorted(row.name for row in member_rows(desk))


@pytest.fixture
def two(desk: Any) -> tuple[str, str]:
    """Ana, as the office's list and as an event's list have her."""
    office = add_member(desk, first_name="Ana", last_name="Lima", class_year="1998", email="ana@office.example", city="Boston", solicit_codes="do_not_call").id
    event = add_member(desk, first_name="Ana", last_name="Lima Souza", email="ana@event.example", mobile="+1 617 555 0143", city="Lowell", street="1 Main",
                       former_names="Souza", solicit_codes="do_not_mail").id
    with desk.writing("degrees") as writing:
        for person, school in ((office, "Law"), (event, "Law"), (event, "Arts")):
            writing.add("education", person=person, school=school)
    return office, event


def test_what_the_other_alone_knew_comes_along_and_nothing_is_written_over(desk: Any, two: tuple[str, str]) -> None:
    office, event = two
    done = merge_people(desk, event, office)
    assert (done.id, done.other, names(desk)) == (office, event, ["Ana Lima"])
    one = member(desk, office)
    fields = one.fields
    assert (fields["email"], fields["other_emails"], fields["mobile"]) == ("ana@office.example", ["ana@event.example"], "+1 617 555 0143")
    assert (fields["city"], fields["street"]) == ("Boston", None), "half of another address is no address"
    assert (set(fields["solicit_codes"]), fields["former_names"], fields["class_year"]) == ({"do_not_call", "do_not_mail"}, ["Souza"], 1998)
    assert sorted(degree.school for degree in one.degrees) == ["Arts", "Law"]
    assert "Merged Ana Lima" in deeds(desk)[0].what
    assert verify(desk).ok


@pytest.mark.parametrize(("email", "fails"), [("ana@example.org", False), (None, True)])
def test_that_an_address_fails_comes_along_with_that_address_alone(desk: Any, email: str | None, fails: bool) -> None:
    whole, part = add_member(desk, last_name="Lima", email=email).id, add_member(desk, last_name="Lima", email="old@example.org").id
    with desk.writing("member_changed") as writing:
        writing.change("person", part, email_status="bounced")
    merge_people(desk, part, whole)
    row = next(one for one in member_rows(desk) if one.id == whole)
    assert (row.email, row.email_fails) == (email or "old@example.org", fails)


def test_activity_names_both_and_nobody_who_was_erased(desk: Any, two: tuple[str, str]) -> None:
    office, event = two
    other, gone = (add_member(desk, first_name="Dee", last_name=name).id for name in ("Delta", "Echo"))
    merge_people(desk, event, office)  # brings something along
    merge_people(desk, gone, other)  # brings nothing
    unmerge(desk, event)
    assert [one.what for one in deeds(desk, 3)] == ["Took Ana Lima Souza apart from Ana Lima ’98", "Merged Dee Echo with Dee Delta",
                                                    "Merged Ana Lima Souza with Ana Lima ’98"]
    erase(desk, [office])
    said = [one.what for one in deeds(desk, 3)]
    assert "Merged Dee Echo with Dee Delta" in said and not any("’98" in one for one in said)
    erase(desk, [event, gone, other])
    assert not any(name in one.what for one in deeds(desk) for name in ("Lima", "Dee", "Echo", "Delta"))


def test_undo_and_unmerge_take_them_apart_and_leave_what_was_changed_since(desk: Any, two: tuple[str, str]) -> None:
    office, event = two
    merge_people(desk, event, office)
    undo(desk)
    assert names(desk) == ["Ana Lima", "Ana Lima Souza"] and member(desk, office).fields["mobile"] is None
    redo(desk)
    assert names(desk) == ["Ana Lima"]
    change_member(desk, office, mobile="+1 617 555 0199")
    assert unmerge(desk, event).other == office
    assert names(desk) == ["Ana Lima", "Ana Lima Souza"]
    assert (member(desk, office).fields["mobile"], member(desk, office).fields["other_emails"]) == ("+1 617 555 0199", [])
    assert [degree.school for degree in member(desk, office).degrees] == ["Law"]
    with pytest.raises(KnownError, match="part of no other"):
        unmerge(desk, event)


def test_nobody_lives_with_themselves(desk: Any, two: tuple[str, str]) -> None:
    office, event = two
    cy = add_member(desk, first_name="Cy", last_name="Lima").id
    with desk.writing("household_added") as writing:
        home = writing.add("household", name="Lima and Lima")
        for person in (event, cy):
            writing.change("person", person, household=home)
    merge_people(desk, event, office)
    assert member(desk, office).in_household == ((cy, "Cy Lima"),)
    assert [one for one, _name in member(desk, cy).in_household] == [office]


def test_a_degree_that_goes_back_takes_what_it_is_found_by_along(desk: Any) -> None:
    anna, ana = (add_member(desk, first_name=name, last_name="Lima").id for name in ("Anna", "Ana"))
    with desk.writing("degrees") as writing:
        writing.add("education", person=ana, school="Law", name_at_graduation="Zimmermann")
    for apart in (lambda: unmerge(desk, ana), lambda: undo(desk)):
        merge_people(desk, ana, anna)  # nothing comes along but the degree
        assert [row.id for row in member_rows(desk, "zimmermann")] == [anna]
        apart()
        assert [row.id for row in member_rows(desk, "zimmermann")] == [ana] and verify(desk).ok


def test_undo_right_after_taking_apart_merges_again_and_touches_nothing_that_was_done_before(desk: Any, two: tuple[str, str]) -> None:
    office, event = two
    other = add_member(desk, first_name="Dee", last_name="Delta").id
    merge_people(desk, event, office)
    change_member(desk, other, city="Lowell")
    merged = member(desk, office)
    unmerge(desk, event)
    assert (deeds(desk)[0].what, deeds(desk)[0].undoable) == ("Took Ana Lima Souza apart from Ana Lima ’98", True)
    assert undo(desk).event == "people_unmerged"
    assert (names(desk), member(desk, office).fields, member(desk, office).degrees) == (["Ana Lima", "Dee Delta"], merged.fields, merged.degrees)
    assert member(desk, other).fields["city"] == "Lowell"
    assert redo(desk).event == "people_unmerged" and names(desk) == ["Ana Lima", "Ana Lima Souza", "Dee Delta"]
    undo(desk)
    assert [undo(desk).event for _ in range(2)] == ["member_changed", "people_merged"], "what was done before comes next, the merge as well"
    assert names(desk) == ["Ana Lima", "Ana Lima Souza", "Dee Delta"] and member(desk, office).fields["mobile"] is None
    redo(desk)
    unmerge(desk, event)
    assert names(desk) == ["Ana Lima", "Ana Lima Souza", "Dee Delta"] and verify(desk).ok


def test_a_merge_that_was_made_long_ago_can_be_taken_apart(desk: Any, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    office, event = two
    merge_people(desk, event, office)
    late = desk.now() + timedelta(days=40)
    monkeypatch.setattr(desk, "now", lambda: late)
    unmerge(desk, event)
    assert names(desk) == ["Ana Lima", "Ana Lima Souza"] and member(desk, office).fields["mobile"] is None


def test_whoever_is_merged_into_a_merged_one_goes_where_that_one_went_and_nobody_into_themselves(desk: Any, two: tuple[str, str]) -> None:
    office, event = two
    third = add_member(desk, first_name="Anna", last_name="Lima").id
    merge_people(desk, event, office)
    assert merge_people(desk, third, event).id == office
    for other, into in ((office, office), (office, event), (office, third)):
        with pytest.raises(KnownError, match="one entry already"):
            merge_people(desk, other, into)
    with pytest.raises(KnownError, match="Take it apart first"):
        merge_people(desk, event, add_member(desk, first_name="B", last_name="C").id)
    assert names(desk) == ["Ana Lima", "B C"]


@pytest.mark.parametrize("why", ["removed", "erased"])
def test_a_merge_is_not_done_again_into_an_entry_that_is_gone(desk: Any, why: str) -> None:
    one, other = (add_member(desk, first_name="Ana", last_name=name).id for name in ("Lima", "Souza"))
    merge_people(desk, one, other)
    undone = undo(desk)
    remove_members(desk, [other]) if why == "removed" else erase(desk, [other], remake_backups=False)
    assert ahead(desk, undone.of)[0] is False
    with pytest.raises(Refused) as refused:
        redo(desk, undone.of)
    assert refused.value.code == ("off_the_list" if why == "removed" else "erased_since") and names(desk) == ["Ana Lima"]


def test_the_entry_that_another_became_part_of_stays_where_its_own_addition_is_undone(desk: Any, tmp_path: Path) -> None:
    old = add_member(desk, first_name="Ana", last_name="Lima").id
    (tmp_path / "list.csv").write_text("First Name,Last Name,Class Year\nAna,Lima Souza,1998\nBo,Berg,1999\n", "utf-8")
    imported = run_import(desk, tmp_path / "list.csv").changed
    new = next(row.id for row in member_rows(desk) if row.name == "Ana Lima Souza")
    merge_people(desk, old, new)
    undone = undo(desk, imported.action)
    assert names(desk) == ["Ana Lima Souza"] and [(one.row, one.why) for one in undone.left] == [(new, "in_use")]


@pytest.mark.parametrize("whose", [0, 1])
def test_what_parted_somebody_from_one_who_was_erased_is_not_offered_to_be_undone(desk: Any, two: tuple[str, str], whose: int) -> None:
    merge_people(desk, two[1], two[0])
    unmerge(desk, two[1])
    erase(desk, [two[whose]], remake_backups=False)
    said = {one.event: (one.undoable, one.reason) for one in deeds(desk, look=True)}
    assert said["people_unmerged"] == said["people_merged"] == (False, "Erased since")


def test_what_parted_somebody_from_one_who_was_removed_is_offered_once_that_one_is_back(desk: Any, two: tuple[str, str]) -> None:
    merge_people(desk, two[1], two[0])
    apart = unmerge(desk, two[1]).changed.action
    remove_members(desk, [two[0]])

    def offered() -> bool:
        return next(one.undoable for one in deeds(desk, look=True) if one.id == apart)

    assert not offered()
    with pytest.raises(Refused) as refused:
        undo(desk, apart)
    assert refused.value.code == "off_the_list"
    bring_back(desk, [two[0]])
    assert offered() and undo(desk, apart).event == "people_unmerged"
