"""The chapter is called something else: kept, undone, said, and refused in words."""

from __future__ import annotations

import pytest

from alumni_desk.errors import BadInput
from alumni_desk.members.actions import add_member
from alumni_desk.members.chapter import Chapter, change_chapter, chapter
from alumni_desk.schema import open_desk
from alumni_desk.segments.activity import deeds
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile
from alumni_desk.store.undo import undo


def test_a_chapter_is_called_something_else_and_back(desk: Desk) -> None:
    before = chapter(desk)
    saved = change_chapter(desk, name="  Great   Lakes & Ørsted ", university="Aldermoor University", time_zone="Europe/Warsaw")
    assert saved.chapter == chapter(desk) == Chapter("Great Lakes & Ørsted", "Aldermoor University", "Europe/Warsaw")
    assert saved.changed.tables == {"chapter": frozenset({desk.scope})}
    assert deeds(desk)[0].what == "Changed 3 fields of the chapter"
    assert change_chapter(desk, university="").chapter.university == ""
    assert deeds(desk)[0].what == "Changed the university of the chapter"
    undo(desk)
    undo(desk)
    assert chapter(desk) == before


def test_what_is_so_already_is_no_action(desk: Desk) -> None:
    change_chapter(desk, name="Great Lakes")
    count = len(deeds(desk))
    assert not change_chapter(desk, name="Great Lakes ").changed and len(deeds(desk)) == count


@pytest.mark.parametrize(("field", "value", "code"), [
    ("name", " ", "chapter_name"), ("name", "x" * 201, "chapter_name"), ("university", "x" * 201, "university"), ("time_zone", "Mars", "time_zone")])
def test_what_cannot_be_is_said_and_nothing_is_saved(desk: Desk, field: str, value: str, code: str) -> None:
    before = chapter(desk)
    with pytest.raises(BadInput) as said:
        change_chapter(desk, **{field: value})
    assert said.value.code == code and chapter(desk) == before


def test_before_the_first_member_a_chapter_begins_with_what_it_is_called(profile: Profile) -> None:
    with open_desk(profile) as bare:
        with pytest.raises(BadInput):
            change_chapter(bare, name=" ")
        assert not change_chapter(bare, university="").changed and bare.scope is None and chapter(bare) == Chapter(), "nothing is begun for nothing"
        saved = change_chapter(bare, name="Great  Lakes", time_zone="Europe/Warsaw")
        assert saved.chapter == chapter(bare) == Chapter("Great Lakes", "", "Europe/Warsaw") and saved.changed.tables == {"chapter": frozenset({bare.scope})}
        add_member(bare, first_name="Ana")
        assert chapter(bare).name == "Great Lakes"
