"""A chapter with a gathering and guests whose names are hard to print."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alumni_desk.gatherings.actions import add_guest_of, add_guests, new_gathering
from alumni_desk.members.actions import add_member
from alumni_desk.schema import open_desk
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile

PEOPLE = [
    {"first_name": "ليلى", "last_name": "الخطيب", "class_year": "2006"},
    {"first_name": "Zihan", "last_name": "An", "other_script_name": "安子涵", "class_year": "2019", "city": "Ann Arbor"},
    {"first_name": "Venkatanarasimhan", "last_name": "Bandaru-Krishnamurthy", "class_year": "1996", "badge_tail": "P'28 GP'52"},
    {"first_name": "=HYPERLINK(\"http://x\")", "last_name": "O'Brien"},
    {"first_name": "Suharto"},
    {"first_name": "Elizabeth", "preferred_name": "Beth", "last_name": "de la Cruz", "class_year": "1998"},
]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """An open desk."""
    monkeypatch.setenv("ALUMNI_DESK_PASSPHRASE", "three words to remember")
    with open_desk(Profile(tmp_path / "desk")) as opened:
        opened.make_chapter("Great Lakes", "Aldermoor University", "America/Chicago")
        yield opened


@pytest.fixture
def gathering(desk: Desk) -> str:
    """A gathering with everybody of ``PEOPLE`` coming, one of them with a guest and one without a name."""
    which = new_gathering(desk, name="Autumn Reception", start="2026-11-12 18:30", end="2026-11-12 21:00").id
    people = [add_member(desk, **fields).id for fields in PEOPLE]
    added = add_guests(desk, which, people)
    add_guest_of(desk, which, added.registrations[1], "Bo Chen")
    add_guest_of(desk, which, added.registrations[1])
    return which
