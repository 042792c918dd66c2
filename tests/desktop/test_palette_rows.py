"""The buttons of single lines of the Sync page in the palette: found by their words, where they can be pressed, and remembered by nobody."""

from __future__ import annotations

from datetime import date
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from tests.desktop.conftest import Hands
from tests.desktop.test_palette_holds_everything import deed, offered
from tests.desktop.test_sync_together import Window, disagree, laptop, make_server, office, window

from alumni_desk.desktop.end_term import ChaptersSheet
from alumni_desk.desktop.members_table import first_of, rest_of
from alumni_desk.desktop.palette import RECENT, Palette, look_up
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.gatherings.actions import new_gathering
from alumni_desk.gatherings.lists import find_gatherings
from alumni_desk.members.actions import add_member
from alumni_desk.sync import inviting

__all__ = ["laptop", "make_server", "office", "window"]


def found(hands: Hands, typed: str) -> Palette:
    """The palette, with what was found of a few letters."""
    hands.shell.palette_wanted.emit()
    palette: Palette = hands.dialog(Palette)
    QTest.keyClicks(palette.field, typed)
    hands.until(lambda: palette._known is not None and palette._known.query == typed)
    hands.rest()
    return palette


def lines(palette: Palette) -> list[str]:
    return [one.words for row in range(palette.lines.rowCount()) if (one := palette.lines.choice(row)) is not None]


def test_a_sign_that_is_no_word_finds_only_what_holds_it(hands: Hands) -> None:
    for name in ("Dinner", "Picnic 🎉"):
        new_gathering(hands.desk, name=name, start="2027-05-12 18:30", end="2027-05-12 21:30")
    assert [one.name for one in find_gatherings(hands.desk, "🎉")] == ["Picnic 🎉"]
    assert not look_up(hands.desk, " 🦉 ", []).gatherings and not look_up(hands.desk, "…", []).people
    assert len(find_gatherings(hands.desk, " ")) == 2


def test_list_and_palette_find_a_member_by_an_emoji(hands: Hands) -> None:
    add_member(hands.desk, first_name="Ana 🎓", last_name="Lima")
    assert [one.name for one in look_up(hands.desk, "🎓", []).people] == ["Ana 🎓 Lima"] and not look_up(hands.desk, "🦉", []).people
    first = first_of(hands.desk, "🎓", date(2026, 11, 10), 9)
    assert [one.row.name for one in first.lines] == ["Ana 🎓 Lima"]
    assert rest_of(hands.desk, first.found.question, "🎓", first.found.ids, lambda: False) == list(first.found.ids)


def test_a_laptop_an_invitation_and_a_card_are_a_few_letters_away(office: Any, laptop: Any, window: Window) -> None:
    one, two = laptop("Priya’s", office), laptop("Tomás’s", office)
    disagree(one, two, 2)
    inviting.invite(one, "leader", name="Kwame")
    hands = window(one)
    page = hands.page("sync")
    hands.until(lambda: len(page.decide.cards) == 2 and len(page.people.table.buttons) == 1 and page.people._open)
    palette = found(hands, "")
    assert not [words for words in lines(palette) if "Tomás’s" in words or "Kwame" in words or "Selam" in words], "only where it is looked for"
    palette.reject()
    palette = found(hands, "remove tom")
    assert [words.replace("\u2068", "").replace("\u2069", "").split(" (")[0] for words in lines(palette)] == ["Remove Tomás’s"]
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    hands.dialog(Sheet).reject()
    hands.rest()
    palette = found(hands, "take back kwame")
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    hands.until(lambda: {each.state for each in inviting.invitations(one) if each.name == "Kwame"} == {"cancelled"})
    hands.rest()
    card = page.decide.cards[1]
    person, name = page.decide._found[1], card.name.strip("\u2068\u2069")
    palette = found(hands, f"keep yours {name.split()[0]}")
    hands.until(lambda: lines(palette))
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    hands.until(lambda: len(page.decide._found) == 1)
    assert page.decide._found[0].id != person.id
    hands.rest()
    assert not one.setting(RECENT), "a name would be kept with it"
    hands.page("today")
    assert "" not in offered(hands), "nothing can be pressed there"


def test_leaving_and_another_chapter_are_offered_to_whom_they_are_open(office: Any, laptop: Any, window: Window) -> None:
    leader = window(laptop("Priya’s", office))
    page = leader.page("sync")
    leader.until(lambda: page._facts is not None and page._facts.leads)
    there = offered(leader)
    assert there["sync:leave"] == "Leave the chapter" and "sync:switch" not in there
    deed(leader, "sync:leave")
    sheet = leader.dialog(Sheet)
    assert sheet.heading.text().startswith("Leave ")
    sheet.reject()
    leader.rest()
    admin = window(laptop("Office", office, "admin"))
    page = admin.page("sync")
    admin.until(lambda: page._facts is not None and page._facts.admin)
    assert offered(admin)["sync:switch"] == "Work on another chapter"
    deed(admin, "sync:switch")
    admin.dialog(ChaptersSheet).reject()
    admin.rest()
