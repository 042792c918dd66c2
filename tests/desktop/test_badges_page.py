"""The badges page by hand: what was said of one gathering's sheets stays with it; clicks on the paper; names that need a look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QLabel

from alumni_desk.desktop import printing
from alumni_desk.desktop.app import build
from alumni_desk.desktop.badge_looks import LooksSheet
from alumni_desk.desktop.badge_parts import NamesSheet
from alumni_desk.desktop.controls import Button
from alumni_desk.desktop.fonts import px
from alumni_desk.gatherings.actions import add_guest_of, add_guests, cancel_gathering, new_gathering
from alumni_desk.gatherings.lists import gathering_rows, guest_rows
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import member_rows
from alumni_desk.schema import open_desk
from alumni_desk.store.profile import Profile


@pytest.fixture
def two_gatherings(hands: Any) -> tuple[str, str]:
    """Two gatherings, the first with everybody and a guest without a name."""
    first, second = (new_gathering(hands.desk, name=name, start="2026-11-12T18:30", end="2026-11-12T21:00").id for name in ("Dinner", "Concert"))
    people = [row.id for row in member_rows(hands.desk)]
    added = add_guests(hands.desk, first, people)
    add_guest_of(hands.desk, first, added.registrations[0])
    add_guests(hands.desk, second, people[:1])
    return first, second


def test_badges_say_how_many_and_why_fewer_than_coming(hands: Any, two_gatherings: tuple[str, str]) -> None:
    page = hands.page("badges", gathering=two_gatherings[0])
    assert page.new.accessibleName() == "Not yet printed · 3" and page.all.accessibleName() == "Everyone coming · 3"
    assert page.unnamed.isVisible() and page.unnamed.text().startswith("1 more guest is coming whose name is still to come")
    page.gathering.set_key(two_gatherings[1])
    page.gathering.activated.emit(page.gathering.currentIndex())
    hands.rest()
    assert page.new.accessibleName() == "Not yet printed · 1" and not page.unnamed.isVisible()


def test_another_gathering_begins_its_badges_anew(hands: Any, tmp_path: Path, two_gatherings: tuple[str, str]) -> None:
    """What was asked and said of one gathering's sheets must not be answered for another's."""
    page = hands.page("badges", gathering=two_gatherings[0])
    page.sheets.start_at.setValue(6)
    page.blanks.setChecked(True)
    page.sheets._skip.add(6)
    hands.rest()
    page.sheets._turn(1)
    page.save_as(tmp_path / "badges.pdf")
    hands.rest()
    assert page.sheets.notice.count() == 1 and page.sheets._page == 1
    page.gathering.set_key(two_gatherings[1])
    page.gathering.activated.emit(page.gathering.currentIndex())
    hands.rest()
    assert page.sheets.notice.count() == 0 and page.sheets._page == 0 and page.sheets.start_at.value() == 1
    assert not page.blanks.isChecked() and not page.sheets._skip
    page.came_out()
    hands.rest()
    assert not any(guest.badge_printed for which in two_gatherings for guest in guest_rows(hands.desk, which))
    hands.page("badges", gathering=two_gatherings[0])
    assert page.sheets.notice.count() == 1  # the question waits for its own gathering
    page.came_out()
    hands.until(lambda: sum(guest.badge_printed for guest in guest_rows(hands.desk, two_gatherings[0])) == 3)
    hands.rest()


def test_a_click_says_the_first_free_label_and_ctrl_skips_a_damaged_one(hands: Any, two_gatherings: tuple[str, str]) -> None:
    page = hands.page("badges", gathering=two_gatherings[0])
    hands.until(lambda: len(page.sheets.paper._marks) == 6)
    assert [mark.kind for mark in page.sheets.paper._marks] == ["start", *["free"] * 5]
    press = lambda n, held=Qt.KeyboardModifier.NoModifier: QTest.mouseClick(
        page.sheets.paper, Qt.MouseButton.LeftButton, held, page.sheets.paper.place_of(page.sheets.paper._marks[n - 1]).center().toPoint())
    press(3)
    assert page.sheets.start_at.value() == 3
    hands.rest()
    press(4, Qt.KeyboardModifier.ControlModifier)
    hands.rest()
    hands.until(lambda: page.sheets.paper._marks[3].kind == "skipped")
    assert [mark.kind for mark in page.sheets.paper._marks] == ["used", "used", "start", "skipped", "free", "free"]
    assert page._laid.wanted.skip == {4} and page._laid.report.pages == 1


def test_roll_labels_are_called_labels(hands: Any, two_gatherings: tuple[str, str]) -> None:
    page = hands.page("badges", gathering=two_gatherings[0])
    page.stock.set_key("roll-62x100")
    page.stock.activated.emit(page.stock.currentIndex())
    hands.rest()
    assert page.sheets.sheet.text() == "Label 1 of 3" and page.foot_words.text().startswith("3 labels of 62 × 100 mm")


def test_chosen_names_in_another_order(hands: Any, two_gatherings: tuple[str, str]) -> None:
    page = hands.page("badges", gathering=two_gatherings[0])
    page.order.set_key("year")
    page.order.activated.emit(page.order.currentIndex())
    hands.rest()
    assert [one.class_year for one in page._laid.people] == [1998, 2004, 2012]
    hands.click(page.some)
    sheet = hands.dialog(NamesSheet)
    assert not sheet.done_button.isEnabled() and sheet.list.count() == 3
    sheet.search.setText("zolc")
    assert sheet.list.count() == 1
    sheet.list.item(0).setCheckState(Qt.CheckState.Checked)
    hands.click(sheet.done_button)
    hands.rest()
    assert [one.big for one in page._laid.people] == ["Łukasz"] and page.some.accessibleName() == "Choose names · 1"
    hands.click(page.some)
    sheet = hands.dialog(NamesSheet)
    sheet.reject()
    hands.rest()
    assert page.some.isChecked() and len(page._laid.people) == 1


def test_a_name_that_needs_a_look_is_mended_beside_it(hands: Any, two_gatherings: tuple[str, str]) -> None:
    person = add_member(hands.desk, first_name="Jirayu", preferred_name="J", last_name="Rattanakul").id
    add_guests(hands.desk, two_gatherings[1], [person])
    page = hands.page("badges", gathering=two_gatherings[1])
    mend = next(button for button in page.findChildren(Button) if button.text() == "Use Jirayu" and button.isVisible())
    assert mend.accessibleName() == "Use Jirayu: J Rattanakul"
    hands.click(mend)
    hands.until(lambda: any(one.big == "Jirayu" for one in page._laid.people))
    hands.rest()
    badge = next(one for one in page._laid.people if one.person == person)
    assert badge.name == "Jirayu Rattanakul" and not page._laid.report.looks
    hands.until(lambda: hands.shell.toast.link.isVisible())
    hands.click(hands.shell.toast.link)
    hands.until(lambda: any(one.big == "J" for one in page._laid.people))


@pytest.mark.parametrize("percent", [100, 125, 150])
def test_badges_fit_the_window_at_large_text(hands_of: Any, tmp_path: Path, percent: int) -> None:
    with open_desk(Profile(tmp_path / "sizes")) as desk:
        desk.make_chapter("Boston")
        gathering = new_gathering(desk, name="Autumn Reception", start="2026-11-12T18:30", end="2026-11-12T21:00").id
        add_guests(desk, gathering, [add_member(desk, first_name=f"Name {n}", last_name="Long").id for n in range(14)])
        room = build(desk, theme="light", percent=percent)
        room.shell.resize(1280, 800)
        room.shell.show()
        made = hands_of(room)
        page = made.page("badges", gathering=gathering)
        page.save_as(tmp_path / "out.pdf")
        made.rest()
        assert room.shell.minimumSizeHint().width() <= 1280 and room.shell.width() == 1280
        for label in (page.sheets.sheet, page.sheets.free_words):
            assert label.width() >= label.sizeHint().width(), label.text()
        assert page.gathering.width() > page.gathering.fontMetrics().horizontalAdvance("Autumn Reception") + px(44)
        for part in (page.blanks, page.new, page.all, page.some):
            assert part.width() >= part.sizeHint().width() and part.parentWidget().width() <= page.width()
            assert part.visibleRegion().boundingRect().width() == part.width()
        room.close()
        room.shell.close()
        room.shell.deleteLater()


def test_a_roster_says_whose_name_is_to_be_written_by_hand(hands: Any, tmp_path: Path, two_gatherings: tuple[str, str]) -> None:
    add_guests(hands.desk, two_gatherings[1], [add_member(hands.desk, first_name="ᏣᎳᎩ", last_name="ᎠᏂ").id])
    page = hands.page("gatherings", gathering=two_gatherings[1])
    hands.until(lambda: page.view.it is not None and len(page.view.it.guests) == 2)
    page.save_roster(page.view.it, tmp_path / "roster.pdf")
    sheet = hands.dialog(LooksSheet)
    said = [label.text() for label in sheet.findChildren(QLabel)]
    assert any("ᏣᎳᎩ ᎠᏂ" in text for text in said) and "Ꮳ Ꮃ Ꭹ Ꭰ Ꮒ cannot be printed" in said
    assert any("with a pen" in text for text in said)
    assert not [button for button in sheet.findChildren(Button) if button.text().startswith("Change")]
    hands.click(sheet.close_button)
    hands.rest()


def test_a_roster_with_a_long_name_alone_asks_for_no_pen(hands: Any, tmp_path: Path, two_gatherings: tuple[str, str]) -> None:
    add_guests(hands.desk, two_gatherings[1], [add_member(hands.desk, first_name="Q" * 120, last_name="W" * 120).id])
    page = hands.page("gatherings", gathering=two_gatherings[1])
    hands.until(lambda: page.view.it is not None and len(page.view.it.guests) == 2)
    page.save_roster(page.view.it, tmp_path / "roster.pdf")
    sheet = hands.dialog(LooksSheet)
    said = [label.text() for label in sheet.findChildren(QLabel)]
    assert any(text.startswith("Long: ") for text in said) and not any("with a pen" in text for text in said)
    hands.click(sheet.close_button)
    hands.rest()


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Of what was printed the title and how many pages."""
    found: list[tuple[str, int]] = []
    monkeypatch.setattr(printing, "print_pdf", lambda window, pdf, paper, title, *rest: found.append((title, printing.page_count(pdf))))
    return found


def test_print_right_after_another_gathering_was_chosen_prints_none_of_the_one_before(
        hands: Any, two_gatherings: tuple[str, str], printed: list[tuple[str, int]]) -> None:
    page = hands.page("badges", gathering=two_gatherings[0])
    page.gathering.set_key(two_gatherings[1])
    page.gathering.activated.emit(page.gathering.currentIndex())
    for _time in range(2):
        hands.click(page.print_button)
        page.print_them()
    hands.rest()
    assert not printed
    hands.click(page.print_button)
    assert printed == [("Concert", 1)]


def test_print_right_after_other_sheets_were_chosen_prints_those(hands: Any, two_gatherings: tuple[str, str], printed: list[tuple[str, int]]) -> None:
    page = hands.page("badges", gathering=two_gatherings[0])
    page.sheets.start_at.setValue(6)
    page.blanks.click()
    hands.click(page.print_button)
    hands.rest()
    assert printed == [("Dinner", page._laid.report.pages)] and page._laid.report.pages == 3


def test_print_as_the_gathering_goes_prints_nothing(hands: Any, two_gatherings: tuple[str, str], printed: list[tuple[str, int]]) -> None:
    page = hands.page("badges", gathering=two_gatherings[0])
    laid = page._laid
    cancel_gathering(hands.desk, two_gatherings[0])
    page._listed(gathering_rows(hands.desk))
    assert page._laid is not laid
    hands.click(page.print_button)
    page.print_them()
    page.save()
    hands.rest()
    cancel_gathering(hands.desk, two_gatherings[1])
    page._listed(gathering_rows(hands.desk))
    page.print_them()
    assert not printed


def test_what_is_saved_as_pdf_is_what_was_asked_for_whatever_comes_while_a_file_is_chosen(
        hands: Any, two_gatherings: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = hands.page("badges", gathering=two_gatherings[0])
    pdf = page._laid.pdf

    def chosen(*_words: Any) -> tuple[str, str]:
        cancel_gathering(hands.desk, two_gatherings[0])
        page._listed(gathering_rows(hands.desk))
        hands.rest()
        return str(tmp_path / "Dinner badges.pdf"), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", chosen)
    page.save()
    hands.rest()
    assert page._laid.wanted.gathering == two_gatherings[1]
    assert (tmp_path / "Dinner badges.pdf").read_bytes() == pdf
