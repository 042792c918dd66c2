"""Field words in the middle of a sentence read as a person would say them."""

from __future__ import annotations

import pytest

from alumni_desk.gatherings.actions import add_guests, change_gathering, new_gathering, remove_guests, set_rsvp
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member, bring_back, change_member, remove_members
from alumni_desk.segments.activity import deeds, left_words, past_values
from alumni_desk.segments.in_sentence import in_sentence, nouns_of
from alumni_desk.store.desk import Desk
from alumni_desk.store.history import restore
from alumni_desk.store.undo import changed_since
from alumni_desk.sync.shapes import shapes

ROUGH = ("answered", "in person or online", "asked us", "died on", "deceased", "e-mail fails", "merged into", "taken off the list", "walk-in", "sample")


@pytest.mark.parametrize("table", ["chapter", "person", "education", "household", "gathering", "registration"])
def test_every_field_is_a_noun_in_a_sentence(table: str) -> None:
    for name in shapes()[table].fields:
        word = in_sentence(table, name)
        assert word and word not in ROUGH and "_" not in word and word[0].islower(), f"the {word} of Bob ({table}.{name})"


def test_what_was_put_back_reads_well(desk: Desk) -> None:
    bob = add_member(desk, first_name="Bob", last_name="Berg").id
    dinner = new_gathering(desk, name="Dinner", start="2030-01-12T19:00", end="2030-01-12T22:00", mode="in_person").id
    add_guests(desk, dinner, [bob])
    place = registration_id(dinner, bob)
    set_rsvp(desk, dinner, [place], "yes")
    set_rsvp(desk, dinner, [place], "maybe")
    change_gathering(desk, dinner, mode="online", online_link="https://example.org")
    for table, row, field in (("registration", place, "Answer"), ("gathering", dinner, "In person or online")):
        version = next(one.version for one in past_values(desk, table, row) if one.field == field and not one.now)
        restore(desk, table, row, version)
    assert [one.what for one in deeds(desk, 2)] == ["Put back the way of meeting (in person or online) of Dinner", "Put back the answer of Bob Berg"]
    assert nouns_of([("registration", "answered_at")]) == ["time of the answer"]


def test_what_was_left_reads_well_of_one_and_of_many(desk: Desk) -> None:
    bob = add_member(desk, first_name="Bob", last_name="Berg").id
    change_member(desk, bob, notes="Sings", employer="Acme")
    first = deeds(desk, 1)[0].id
    change_member(desk, bob, notes="Sang", employer="Hooli")
    assert set(left_words(desk, changed_since(desk, first))) == {"Bob Berg was left: the employer, the notes changed here since."}


def test_what_was_removed_since_is_called_so(desk: Desk) -> None:
    bob = add_member(desk, first_name="Bob", last_name="Berg").id
    added = deeds(desk, 1)[0].id
    remove_members(desk, [bob])
    removed = deeds(desk, 1)[0].id
    assert left_words(desk, changed_since(desk, added)) == ["Bob Berg was left: removed here since."]
    assert left_words(desk, changed_since(desk, added), ahead=True) == ["Bob Berg would be left: removed here since."]
    bring_back(desk, [bob])
    assert left_words(desk, changed_since(desk, removed)) == ["Bob Berg was left: brought back here since."]
    dinner = new_gathering(desk, name="Dinner", start="2030-01-12T19:00", end="2030-01-12T22:00", mode="online").id
    add_guests(desk, dinner, [bob])
    guests = deeds(desk, 1)[0].id
    remove_guests(desk, dinner, [registration_id(dinner, bob)])
    assert left_words(desk, changed_since(desk, guests)) == ["Bob Berg was left: taken off the list here since."]
