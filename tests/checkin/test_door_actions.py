"""What volunteers do at the door, on a real encrypted desk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from alumni_desk.checkin.actions import check_in, check_out, undo_check_in, walk_in
from alumni_desk.checkin.lists import (
    DoorList,
    DoorStatus,
    arrivals,
    find_at_door,
    headcount,
    last_in,
    stations,
)
from alumni_desk.checkin.verdicts import Outcome, Reason
from alumni_desk.errors import BadInput, NotFound, Refused
from alumni_desk.gatherings.actions import add_guest_of, remove_guests
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import member
from alumni_desk.members.merging import merge_people
from alumni_desk.protocol.codes import badge_code
from alumni_desk.schema import open_desk
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import erase
from alumni_desk.store.profile import Profile


@dataclass
class Evening:
    """A gathering with guests by name, and another one."""

    desk: Desk
    id: str
    other: str
    registrations: dict[str, str]
    people: dict[str, str]
    codes: dict[str, str]


@pytest.fixture
def evening(tmp_path: Path) -> Iterator[Evening]:
    with open_desk(Profile(tmp_path / "profile"), passphrase="a door is not a wall") as desk:
        with desk.writing("gathering_made") as writing:
            if desk.scope is None:
                writing.add("chapter", name="Chapter")
            here = writing.add("gathering", name="Reception", status="planned", time_zone="America/Chicago", capacity=2)
            other = writing.add("gathering", name="Spring Dinner", status="planned", starts="2026-05-14T18:00")
        made = Evening(desk, here, other, {}, {}, {})
        for name, year, status in (("Mei-Ling Chen", 1998, "yes"), ("Li Chen", 2004, "yes"), ("Li Chen", 2019, "yes"),
                                   ("Lina Chowdhury", 2011, "cancelled"), ("Rafael Nogueira", 2006, None)):  # fmt: skip
            first, last = name.split(" ")
            key = f"{name} {year}"
            with desk.writing("guests_added", gathering=here) as writing:
                made.people[key] = writing.add("person", standing="member", first_name=first, last_name=last, class_year=year)
                gathering = here if status else other
                made.codes[key] = badge_code()
                made.registrations[key] = writing.add(
                    "registration", id=registration_id(gathering, made.people[key]), gathering=gathering,
                    person=made.people[key], status=status or "yes", code=made.codes[key], walk_in=False)  # fmt: skip
        yield made


def _facts(evening: Evening) -> list[sa.Row]:
    table = evening.desk.tables["fact"]
    with evening.desk.reading() as connection:
        return list(connection.execute(sa.select(table).order_by(table.c.at, table.c.id)))


def test_welcome_then_already_in_with_when_and_where(evening: Evening) -> None:
    guest = evening.registrations["Mei-Ling Chen 1998"]
    first = check_in(evening.desk, evening.id, guest, station="Main door", by="Tomás")
    assert (first.outcome, first.name, first.station) == (Outcome.ADMITTED, "Mei-Ling Chen", "Main door")
    assert "fact" in first.changed.tables
    again = check_in(evening.desk, evening.id, guest, station="Garden door")
    assert (again.outcome, again.at, again.station, again.by) == (Outcome.ALREADY_IN, first.at, "Main door", "Tomás")
    assert len(_facts(evening)) == 1
    assert first.at is not None and first.at.endswith("Z")


def test_a_code_checks_in_and_another_gatherings_code_says_which(evening: Evening) -> None:
    code = evening.codes["Li Chen 2004"]
    assert check_in(evening.desk, evening.id, code=code.lower()).outcome is Outcome.ADMITTED
    other = check_in(evening.desk, evening.id, code=evening.codes["Rafael Nogueira 2006"])
    assert (other.outcome, other.reason, other.other_gathering) == (Outcome.REFUSED, Reason.OTHER_GATHERING, "Spring Dinner")
    assert other.registration is None
    for unknown in (badge_code(), "4006381333931", ""):
        assert check_in(evening.desk, evening.id, code=unknown).outcome is Outcome.NOT_FOUND
    assert headcount(evening.desk, evening.id).present == 1


def test_a_code_that_two_guests_have_lets_nobody_in(evening: Evening) -> None:
    first, second = evening.registrations["Li Chen 2004"], evening.registrations["Mei-Ling Chen 1998"]
    code = evening.codes["Li Chen 2004"]
    with evening.desk.writing("tampered", gathering=evening.id) as writing:
        writing.change("registration", second, code=code)
    verdict = check_in(evening.desk, evening.id, code=code, let_in=True)
    assert (verdict.outcome, verdict.reason, verdict.registration) == (Outcome.CHOOSE, Reason.SEVERAL, None)
    assert {(one.id, one.name) for one in verdict.candidates} == {(first, "Li Chen"), (second, "Mei-Ling Chen")}
    found = find_at_door(evening.desk, evening.id, code)
    assert found.certain is None and {hit.registration for hit in found.hits} == {first, second}
    merge_people(evening.desk, evening.people["Li Chen 2004"], evening.people["Mei-Ling Chen 1998"])
    assert check_in(evening.desk, evening.id, code=code).outcome is Outcome.ADMITTED, "they are one"


def test_a_badge_is_found_by_the_code_that_it_was_printed_with(evening: Evening) -> None:
    guest, printed = evening.registrations["Li Chen 2004"], evening.codes["Li Chen 2004"]
    now = badge_code()
    with evening.desk.writing("tampered", gathering=evening.id) as writing:
        writing.change("registration", guest, code=now)
    assert [find_at_door(evening.desk, evening.id, one).certain.registration for one in (printed, now)] == [guest, guest]  # type: ignore[union-attr]
    assert check_in(evening.desk, evening.id, code=printed).registration == guest
    with evening.desk.writing("tampered", gathering=evening.id) as writing:
        writing.change("registration", evening.registrations["Mei-Ling Chen 1998"], code=printed)
    assert check_in(evening.desk, evening.id, code=printed).registration == evening.registrations["Mei-Ling Chen 1998"], "whoever has it now comes first"


def test_the_badge_of_somebody_who_is_off_the_list_lets_nobody_else_in(evening: Evening) -> None:
    off, other = evening.registrations["Li Chen 2019"], evening.registrations["Mei-Ling Chen 1998"]
    code, own = evening.codes["Li Chen 2019"], evening.codes["Mei-Ling Chen 1998"]
    for said in (code, own):  # the other had it for a while
        with evening.desk.writing("tampered", gathering=evening.id) as writing:
            writing.change("registration", other, code=said)
    remove_guests(evening.desk, evening.id, [off])
    assert check_in(evening.desk, evening.id, code=code).outcome is Outcome.NOT_FOUND


def test_a_cancelled_guest_needs_a_word_and_counts_when_let_in(evening: Evening) -> None:
    guest = evening.registrations["Lina Chowdhury 2011"]
    asked = check_in(evening.desk, evening.id, guest)
    assert (asked.outcome, asked.reason, asked.changed.tables) == (Outcome.NEEDS_A_WORD, Reason.CANCELLED, {})
    assert headcount(evening.desk, evening.id).registered == 3
    let_in = check_in(evening.desk, evening.id, guest, let_in=True)
    assert (let_in.outcome, let_in.reason) == (Outcome.ADMITTED, Reason.CANCELLED)
    assert _facts(evening)[0].reason == "cancelled"
    count = headcount(evening.desk, evening.id)
    assert (count.present, count.registered) == (1, 4)


def test_a_member_who_is_not_on_the_list(evening: Evening) -> None:
    person = evening.people["Rafael Nogueira 2006"]
    asked = check_in(evening.desk, evening.id, person_id=person)
    assert (asked.outcome, asked.reason, asked.name) == (Outcome.NEEDS_A_WORD, Reason.NOT_ON_THE_LIST, "Rafael Nogueira")
    added = check_in(evening.desk, evening.id, person_id=person, let_in=True)
    assert (added.outcome, added.registration) == (Outcome.ADMITTED, registration_id(evening.id, person))
    count = headcount(evening.desk, evening.id)
    assert (count.present, count.walk_ins, count.registered) == (1, 1, 3)


def test_undo_keeps_both_facts_and_coming_back_is_a_new_one(evening: Evening) -> None:
    guest = evening.registrations["Li Chen 2019"]
    first = check_in(evening.desk, evening.id, guest)
    undone = undo_check_in(evening.desk, evening.id, guest, "wrong Li Chen")
    assert undone.closed == (first.fact,)
    assert headcount(evening.desk, evening.id).present == 0
    with pytest.raises(Refused):
        undo_check_in(evening.desk, evening.id, guest)
    assert check_in(evening.desk, evening.id, guest).outcome is Outcome.ADMITTED
    check_out(evening.desk, evening.id, guest)
    count = headcount(evening.desk, evening.id)
    assert (count.present, count.out) == (0, 1)
    assert DoorList(evening.desk, evening.id).hits[guest].status is DoorStatus.LEFT
    assert check_in(evening.desk, evening.id, guest).outcome is Outcome.ADMITTED
    assert sorted(row.kind for row in _facts(evening)) == ["in", "in", "in", "out", "void"]


def test_the_door_takes_back_only_its_own_fact(evening: Evening) -> None:
    guest, person = evening.registrations["Li Chen 2004"], evening.people["Li Chen 2004"]
    mine = check_in(evening.desk, evening.id, guest, station="Main door")
    with evening.desk.writing("checked_in", gathering=evening.id) as writing:
        writing.add("fact", kind="in", gathering=evening.id, registration=guest, person=person, at="1999-01-01T00:00:00.000Z", station="Terrace")
    undo_check_in(evening.desk, evening.id, guest, facts=[mine.fact or ""])
    assert headcount(evening.desk, evening.id).present == 1
    assert check_in(evening.desk, evening.id, guest).station == "Terrace"


def test_a_walk_in_is_person_registration_and_fact(evening: Evening) -> None:
    verdict = walk_in(evening.desk, evening.id, "Yusuf Al-Amin", email="yusuf@example.org", class_year=2003, city="Detroit", station="Main door")
    assert (verdict.outcome, verdict.reason) == (Outcome.ADMITTED, Reason.NOT_ON_THE_LIST)
    tables = evening.desk.tables
    with evening.desk.reading() as connection:
        person = connection.execute(sa.select(tables["person"]).where(tables["person"].c.id == verdict.person)).one()
        row = connection.execute(sa.select(tables["registration"]).where(tables["registration"].c.id == verdict.registration)).one()
    assert (person.standing, person.consent, person.class_year, person.last_name) == ("guest", "gathering_only", 2003, "Al-Amin")
    assert (row.walk_in, row.status) == (True, "yes") and row.code
    again = walk_in(evening.desk, evening.id, "yusuf al-amin", email="YUSUF@example.org")
    assert (again.outcome, again.person) == (Outcome.ALREADY_IN, verdict.person)
    assert headcount(evening.desk, evening.id).walk_ins == 1


@pytest.mark.parametrize(("typed", "first", "last"), [
    ("Anna van der Berg", "Anna", "van der Berg"), ("Ana Beatriz Souza e Silva", "Ana Beatriz", "Souza e Silva"), ("Maria Lopez Gil", "Maria Lopez", "Gil"),
    ("José Ortega y Gasset", "José", "Ortega y Gasset"), ("Yusuf al Amin", "Yusuf", "al Amin"), ("Van Morrison", "Van", "Morrison"), ("De", "De", None)])
def test_of_a_walk_ins_name_nothing_is_left_out_and_particles_stand_with_the_last_name(evening: Evening, typed: str, first: str, last: str | None) -> None:
    verdict = walk_in(evening.desk, evening.id, typed)
    with evening.desk.reading() as connection:
        there = connection.exec_driver_sql("SELECT first_name, last_name FROM person WHERE id = ?", (verdict.person,)).one()
    assert (*there,) == (first, last) and verdict.name == typed
    added = add_guest_of(evening.desk, evening.id, str(verdict.registration), typed)
    with evening.desk.reading() as connection:
        there = connection.exec_driver_sql("SELECT first_name, last_name FROM person AS p JOIN registration AS r ON r.person = p.id WHERE r.id = ?",
                                           (added.registrations[0],)).one()
    assert (*there,) == (first, last)


@pytest.mark.parametrize(("typed", "title", "first", "last"), [
    ("Dr. Anna Weber", "Dr.", "Anna", "Weber"), ("Prof. Dr. Anna van der Berg", "Prof. Dr.", "Anna", "van der Berg"),
    ("Frau Anna Weber", "Frau", "Anna", "Weber"),
    ("mme Zoé Roux", "mme", "Zoé", "Roux"), ("Ms. Ada Obi", "Ms.", "Ada", "Obi"),
    # Alone with a last name it says whom to ask for, and these may be a name's beginning.
    ("Dr. Weber", None, "Dr.", "Weber"), ("Prof. Dr. Weber", None, "Prof. Dr.", "Weber"), ("Dr.", None, "Dr.", None),
    ("M. Night Shyamalan", None, "M. Night", "Shyamalan"), ("Lady Bird Johnson", None, "Lady Bird", "Johnson"),
    ("Drew Barry More", None, "Drew Barry", "More")])
def test_a_title_at_the_beginning_of_a_name_typed_in_one_line_is_no_first_name(
    evening: Evening, typed: str, title: str | None, first: str, last: str | None,
) -> None:
    verdict = walk_in(evening.desk, evening.id, typed)
    added = add_guest_of(evening.desk, evening.id, str(verdict.registration), typed)
    query = "SELECT title, first_name, last_name FROM person AS p JOIN registration AS r ON r.person = p.id WHERE r.id = ?"
    with evening.desk.reading() as connection:
        there = [connection.exec_driver_sql(query, (one,)).one() for one in (verdict.registration, added.registrations[0])]
    assert [(*one,) for one in there] == [(title, first, last)] * 2 and verdict.name == " ".join(filter(None, (first, last)))


@pytest.mark.parametrize("typed", ["Dr. Anna Weber", "dr anna weber", "Prof. Dr. Weber", "Anna Weber"])
def test_who_was_typed_with_a_title_is_found_by_it_again(evening: Evening, typed: str) -> None:
    verdict = walk_in(evening.desk, evening.id, "Dr. Anna Weber")
    door = DoorList(evening.desk, evening.id)
    found = door.find(typed)
    assert found.text == typed and [hit.person for hit in found.hits] == [verdict.person] and found.certain == found.hits[0]
    assert not door.find("Dr.").hits and not door.find("Dr. Anna Nobody").hits
    other = walk_in(evening.desk, evening.id, "Drew Mo")
    assert [hit.person for hit in DoorList(evening.desk, evening.id).find("dr").hits] == [other.person], "a beginning of a name stays one"


def test_a_title_in_the_name_goes_beside_no_other_and_hides_nobody(evening: Evening) -> None:
    verdict = walk_in(evening.desk, evening.id, "Dr. Anna Weber", email="anna@example.org")
    again = walk_in(evening.desk, evening.id, "Anna Weber", email="anna@example.org")
    assert (again.outcome, again.person) == (Outcome.ALREADY_IN, verdict.person)
    assert walk_in(evening.desk, evening.id, "Prof. Anna Weber", email="anna@example.org").person == verdict.person
    former = walk_in(evening.desk, evening.id, "Dr. Ada Byron", title="Prof.", email="ada@example.org")
    assert walk_in(evening.desk, evening.id, "Dr. Ada Byron", email="ada@example.org").person == former.person
    both = walk_in(evening.desk, evening.id, "Dr. Mo Obi", title="Prof.")
    with evening.desk.reading() as connection:
        there = connection.exec_driver_sql("SELECT title, first_name, last_name FROM person WHERE id = ?", (both.person,)).one()
    assert (*there,) == ("Prof.", "Dr. Mo", "Obi")


@pytest.mark.parametrize("said", [("a" * 301, {}), ("Ana " + "b" * 301, {}), ("Ana Lima", {"employer": "c" * 301})])
def test_a_walk_in_has_no_longer_fields_than_a_member(evening: Evening, said: tuple[str, dict[str, str]]) -> None:
    name, fields = said
    with pytest.raises(BadInput, match="has 301 letters; 300 fit") as refused:
        walk_in(evening.desk, evening.id, name, **fields)
    assert refused.value.code == "too_long"
    assert walk_in(evening.desk, evening.id, "d" * 300).registration is not None


def test_a_walk_in_without_a_name_or_with_an_unknown_field_saves_nothing(evening: Evening) -> None:
    with pytest.raises(BadInput):
        walk_in(evening.desk, evening.id, "  ")
    with pytest.raises(BadInput):
        walk_in(evening.desk, evening.id, "Ana", shoe_size="38")
    with pytest.raises(NotFound):
        walk_in(evening.desk, evening.id, "Ana", person_id="nobody")
    assert _facts(evening) == [] and headcount(evening.desk, evening.id).walk_ins == 0


def test_more_people_than_places_are_let_in_and_flagged(evening: Evening) -> None:
    check_in(evening.desk, evening.id, evening.registrations["Li Chen 2004"])
    check_in(evening.desk, evening.id, evening.registrations["Li Chen 2019"])
    verdict = walk_in(evening.desk, evening.id, "Ana", by="Tomás")
    assert (verdict.outcome, verdict.reason) == (Outcome.ADMITTED, Reason.OVER_CAPACITY)
    assert any((row.reason, row.by) == ("over_capacity", "Tomás") for row in _facts(evening))
    assert check_in(evening.desk, evening.id, evening.registrations["Mei-Ling Chen 1998"]).outcome is Outcome.ADMITTED


@pytest.mark.parametrize("onward", [False, True])
def test_whoever_was_merged_is_in_under_every_registration(evening: Evening, onward: bool) -> None:
    first, second, third = ("Mei-Ling Chen 1998", "Li Chen 2004", "Li Chen 2019")
    with evening.desk.writing("people_merged") as writing:
        writing.change("person", evening.people[first], merged_into=evening.people[third if onward else second])
        if onward:
            writing.change("person", evening.people[third], merged_into=evening.people[second])
    assert check_in(evening.desk, evening.id, evening.registrations[first], station="Main door").outcome is Outcome.ADMITTED
    for again in (check_in(evening.desk, evening.id, evening.registrations[second]), check_in(evening.desk, evening.id, code=evening.codes[second])):
        assert (again.outcome, again.station) == (Outcome.ALREADY_IN, "Main door")
    assert check_in(evening.desk, evening.id, evening.registrations[third]).outcome is (Outcome.ALREADY_IN if onward else Outcome.ADMITTED)


def test_merged_people_are_one_attendee(evening: Evening) -> None:
    keep, lose = evening.people["Li Chen 2004"], evening.people["Li Chen 2019"]
    check_in(evening.desk, evening.id, evening.registrations["Li Chen 2019"])
    check_in(evening.desk, evening.id, evening.registrations["Li Chen 2004"])
    with evening.desk.writing("people_merged") as writing:
        writing.change("person", lose, merged_into=keep)
    assert headcount(evening.desk, evening.id).present == 1
    with evening.desk.writing("people_merged") as writing:
        writing.change("person", keep, merged_into=lose)  # a circle must not hang the door
    assert headcount(evening.desk, evening.id).present == 1


def test_a_note_at_either_place_of_somebody_who_was_merged_is_read_first(evening: Evening) -> None:
    desk, lose, keep = evening.desk, evening.people["Li Chen 2004"], evening.people["Mei-Ling Chen 1998"]
    noted = registration_id(evening.id, lose)
    with desk.writing("note_kept", gathering=evening.id) as writing:
        writing.change("registration", noted, door_note="Has still to pay")
    merge_people(desk, lose, keep)
    for place in (noted, registration_id(evening.id, keep)):
        assert DoorList(desk, evening.id).hits[place].door_note == "Has still to pay"
        verdict = check_in(desk, evening.id, place)
        assert (verdict.outcome, verdict.reason) == (Outcome.NEEDS_A_WORD, Reason.DOOR_NOTE)
    assert check_in(desk, evening.id, registration_id(evening.id, keep), let_in=True).outcome is Outcome.ADMITTED


def test_finding_at_the_door(evening: Evening) -> None:
    found = find_at_door(evening.desk, evening.id, "li chen")
    assert found.certain is None and len(found.namesakes) == 1
    assert find_at_door(evening.desk, evening.id, "chen 19").certain is not None
    listed = find_at_door(evening.desk, evening.id, "li ch")
    assert [h.name for h in listed.hits[:2]] == ["Li Chen", "Li Chen"]
    assert {h.name for h in listed.hits} >= {"Mei-Ling Chen", "Lina Chowdhury"}
    member = find_at_door(evening.desk, evening.id, "nogueira").certain
    assert member is not None and member.status is DoorStatus.NOT_ON_THE_LIST and member.registration is None
    by_code = find_at_door(evening.desk, evening.id, evening.codes["Li Chen 2019"])
    assert by_code.certain is not None and by_code.certain.registration == evening.registrations["Li Chen 2019"]


@pytest.mark.parametrize(("given", "last", "typed"), [
    ("Rory", "Mc Donald", "mcdonald"), ("ゆうこ", "やまだ", "やまだゆうこ"), ("Rory", "McDonald", "mc donald")])
def test_a_guest_is_found_with_fewer_or_more_spaces_than_the_name_has(evening: Evening, given: str, last: str, typed: str) -> None:
    with evening.desk.writing("guests_added", gathering=evening.id) as writing:
        person = writing.add("person", first_name=given, last_name=last, standing="member")
        writing.add("registration", id=registration_id(evening.id, person), gathering=evening.id, person=person, status="yes", walk_in=False)
    assert [hit.person for hit in find_at_door(evening.desk, evening.id, typed).hits] == [person]


def test_a_guest_is_found_by_first_and_preferred_name_as_one_with_the_last(evening: Evening) -> None:
    with evening.desk.writing("guests_added", gathering=evening.id) as writing:
        person = writing.add("person", first_name="伟", last_name="张", preferred_name="大明", standing="member")
        writing.add("registration", id=registration_id(evening.id, person), gathering=evening.id, person=person, status="yes", walk_in=False)
    for typed in ("张伟", "张大明"):
        assert [hit.person for hit in find_at_door(evening.desk, evening.id, typed).hits] == [person], typed


def test_a_guest_is_found_by_the_hosts_name(evening: Evening) -> None:
    with evening.desk.writing("guests_added", gathering=evening.id) as writing:
        person = writing.add("person", standing="guest")
        writing.add("registration", id=registration_id(evening.id, person), gathering=evening.id, person=person, status="yes",
                    host=evening.registrations["Mei-Ling Chen 1998"], walk_in=False)  # fmt: skip
    found = find_at_door(evening.desk, evening.id, "mei")
    assert [hit.host_name for hit in found.hits] == [None, "Mei-Ling Chen ’98"]
    assert found.hits[1].name == "Name to come"


def test_the_column_of_the_door(evening: Evening) -> None:
    check_in(evening.desk, evening.id, evening.registrations["Mei-Ling Chen 1998"], station="Main door")
    check_in(evening.desk, evening.id, evening.registrations["Li Chen 2004"], station="Garden door")
    assert [a.name for a in last_in(evening.desk, evening.id)] == ["Li Chen", "Mei-Ling Chen"]
    assert sum(n for _start, n in arrivals(evening.desk, evening.id)) == 2
    assert dict(stations(evening.desk, evening.id)) == {"Main door": 1, "Garden door": 1}
    door = DoorList(evening.desk, evening.id)
    verdict = check_in(evening.desk, evening.id, evening.registrations["Li Chen 2019"])
    assert door.headcount().present == 2
    assert door.refresh(verdict.changed) and door.headcount().present == 3


def test_an_unknown_gathering_is_said_plainly(evening: Evening) -> None:
    with pytest.raises(NotFound):
        check_in(evening.desk, "nowhere", evening.registrations["Li Chen 2004"])
    with pytest.raises(NotFound):
        check_in(evening.desk, evening.other, evening.registrations["Li Chen 2004"])


def test_who_was_erased_after_being_let_in_is_called_so_and_who_was_removed_keeps_the_name(evening: Evening) -> None:
    from alumni_desk.store import erasing

    erased, removed = list(evening.registrations)[:2]
    for name in (erased, removed):
        check_in(evening.desk, evening.id, evening.registrations[name])
    erasing.erase(evening.desk, [evening.people[erased]])
    with evening.desk.writing("member_removed") as writing:
        writing.change("person", evening.people[removed], gone=True)
    shown = DoorList(evening.desk, evening.id).hits
    assert shown[evening.registrations[erased]].name == "Erased"
    assert removed.startswith(shown[evening.registrations[removed]].name)
    listed = {row.registration: row.name for row in guest_rows(evening.desk, evening.id)}
    assert listed[evening.registrations[erased]] == "Erased" and removed.startswith(listed[evening.registrations[removed]])


@pytest.mark.parametrize(("event", "fields", "said"), [("member_moved", {"standing": "moved"}, "Moved to another chapter"), ("member_erased", {}, "Erased")])
def test_whoever_is_known_by_no_name_any_more_is_called_at_the_door_as_on_the_list(evening: Evening, event: str, fields: dict[str, str], said: str) -> None:
    name = next(iter(evening.registrations))
    guest, nobody = evening.registrations[name], dict.fromkeys(("first_name", "last_name", "preferred_name", "other_script_name", "class_year", "badge_tail"))
    with evening.desk.writing(event) as writing:  # what stays of them here
        writing.change("person", evening.people[name], gone=True, **nobody, **fields)
    listed = {row.registration: row.name for row in guest_rows(evening.desk, evening.id)}
    assert listed[guest] == DoorList(evening.desk, evening.id).hits[guest].name == said
    assert check_in(evening.desk, evening.id, guest).name == check_in(evening.desk, evening.id, guest).name == said
    assert undo_check_in(evening.desk, evening.id, guest).name == said
    with pytest.raises(Refused, match=f"^{said} is not checked in"):
        undo_check_in(evening.desk, evening.id, guest)
    assert [one.name for one in DoorList(evening.desk, evening.id).last_in()] == []


def test_a_walk_in_who_was_merged_meanwhile_is_told_of_where_the_list_has_them(evening: Evening) -> None:
    desk = evening.desk
    rafael, li, mei_ling = (evening.people[name] for name in ("Rafael Nogueira 2006", "Li Chen 2004", "Mei-Ling Chen 1998"))
    away = add_member(desk, first_name="Rafa", last_name="Nogueira").id
    merge_people(desk, rafael, away)
    verdict = walk_in(desk, evening.id, "Rafael Nogueira", person_id=rafael, consent=True, email="rafael@example.org")
    assert (verdict.outcome, verdict.person, member(desk, away).fields["email"]) == (Outcome.ADMITTED, away, "rafael@example.org")
    merge_people(desk, li, mei_ling)
    before = len(guest_rows(desk, evening.id))
    assert check_in(desk, evening.id, person_id=li).outcome is Outcome.ADMITTED
    other = add_member(desk, first_name="Li", last_name="Chen").id
    merge_people(desk, other, mei_ling)
    assert check_in(desk, evening.id, person_id=other).outcome is Outcome.ALREADY_IN and len(guest_rows(desk, evening.id)) == before


def test_nothing_is_written_to_somebody_who_was_erased_meanwhile(evening: Evening) -> None:
    desk, gone = evening.desk, evening.people["Rafael Nogueira 2006"]
    erase(desk, [gone], remake_backups=False)
    with pytest.raises(NotFound):
        check_in(desk, evening.id, person_id=gone, let_in=True)
    verdict = walk_in(desk, evening.id, "Rafael Nogueira", person_id=gone, consent=True, email="rafael@example.org")
    assert (verdict.outcome, verdict.name) == (Outcome.ADMITTED, "Rafael Nogueira") and verdict.person != gone
    with desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT email FROM person WHERE id = ?", (gone,)).scalar() is None
