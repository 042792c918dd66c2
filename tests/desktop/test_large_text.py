"""Long names and large letters: nothing is cut, squeezed or drawn as an empty box."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QFontMetricsF
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFrame, QLabel, QMenu, QWidget
from tests.desktop.test_door import Door, door, text_of
from tests.store.test_keyring import Shelf

from alumni_desk.checkin.actions import check_in
from alumni_desk.desktop.app import build
from alumni_desk.desktop.conflict_card import ConflictCard, Side
from alumni_desk.desktop.controls import Button, Field, FormRow, Link
from alumni_desk.desktop.door_hits import STATUS_AT, HitRow, fitted, name_font, name_room, standing_beside
from alumni_desk.desktop.fonts import drawable, metrics_of, px, text_size
from alumni_desk.desktop.lock_page import Locked, LockPage
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.recovery_page import Paper, RecoveryPage
from alumni_desk.desktop.restore_page import MEMBERS, WHEN
from alumni_desk.desktop.setting_rows import SettingRow
from alumni_desk.desktop.theme import Appearance
from alumni_desk.gatherings.actions import add_guests, cancel_gathering, change_gathering, new_gathering, replan_gathering
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.protocol.codes import new_recovery_key
from alumni_desk.schema import open_desk
from alumni_desk.store import backup, backup_folders, keys, recovery
from alumni_desk.store.profile import Profile

__all__ = ["door", "text_of"]
LONG = "O'Hara-🎓 von und zu Extremely Long Surname That Does Not End"
WORD = "Wolfeschlegelsteinhausenbergerdorff"
DAMAGED = "A part of the chapter’s database cannot be read any more. Go back to a backup now; what was done since is kept."
UNKNOWN = "\U0001faff"
"""An emoji that is none yet: no font has it."""


@pytest.fixture(params=[((1280, 800), 100), ((1280, 800), 150), ((1024, 640), 150)], ids=str)
def hands_at(request: pytest.FixtureRequest, tmp_path: Path, hands_of: Callable[..., Any]) -> Iterator[Any]:
    """A window of a size, at a text size."""
    (width, height), percent = request.param
    with open_desk(Profile(tmp_path / "large")) as desk:
        desk.make_chapter(f"Ehemalige {WORD} und Umgebung")
        recovery.recovery_key(desk)
        recovery.note_read_back(desk)
        person = add_member(desk, first_name="Zoë", last_name=LONG, class_year="1998").id
        gathering = new_gathering(desk, name="Autumn Reception", start="2026-11-12T18:30", end="2026-11-12T21:00").id
        add_guests(desk, gathering, [person])
        change_member(desk, person, email="a.rather.long.address.of.zoe@some.subdomain.of.example.org")
        room = build(desk, theme="light", percent=percent)
        room.shell.resize(width, height)
        room.shell.show()
        made = hands_of(room)
        made.person, made.gathering = person, gathering
        yield made
        made.rest()
        room.close()
        room.shell.close()
        room.shell.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    Appearance(QApplication.instance(), "light", 100).deleteLater()  # for whoever comes next


def place(part: QWidget, whole: QWidget) -> QRect:
    return QRect(part.mapTo(whole, QPoint(0, 0)), part.size())


@pytest.mark.parametrize("years", [0, 4])
def test_the_list_of_backups_is_no_wider_than_its_place(hands_at: Any, years: int) -> None:
    hands = hands_at
    at = datetime.now().astimezone()
    backup.by_itself(hands.desk.profile, hands.desk.key, "daily", now=at.replace(month=5, day=25, hour=20, minute=8, year=at.year + years))
    page = hands.page("restore")
    hands.until(lambda: page.table.rowCount() == 1)
    hands.rest()
    assert page.list.horizontalScrollBar().maximum() == 0 and page.detail.geometry().right() < page.width()
    assert page.detail.horizontalScrollBar().maximum() == 0
    words = page.table.index(0, WHEN).data()
    assert metrics_of("strong").horizontalAdvance(words) <= page.list.columnWidth(WHEN) - px(24)
    assert metrics_of("body", True).horizontalAdvance(page.table.index(0, MEMBERS).data()) <= page.list.columnWidth(MEMBERS)


def test_the_check_in_page_scrolls_before_anything_is_squeezed(hands_at: Any) -> None:
    hands = hands_at
    page = hands.page("checkin")
    hands.shell.set_damage(DAMAGED)
    hands.rest()
    inside = page.stack._content.widget()
    rows = inside.findChildren(FormRow)
    assert len(rows) == 3
    parts = [part for row in rows for part in (row.control, row.below) if part.isVisible()] + [page.when, page.button]
    for part in parts:
        needed = part.heightForWidth(part.width()) if isinstance(part, QLabel) else part.sizeHint().height()
        assert part.height() >= needed - 1, part
        assert inside.rect().contains(place(part, inside)), part
    places = [place(part, inside) for part in parts]
    assert not any(one.intersects(other) for n, one in enumerate(places) for other in places[n + 1:])
    assert inside.width() <= page.stack._content.viewport().width()
    page.stack._content.ensureWidgetVisible(page.button)
    assert page.stack._content.viewport().rect().contains(place(page.button, page.stack._content.viewport()))


@pytest.mark.parametrize("key", ["size", "chapter"])
def test_what_the_command_field_leads_to_in_settings_is_seen(hands_at: Any, key: str) -> None:
    hands = hands_at
    next(deed for deed in hands.room._everything() if deed.key == f"settings:{key}").act()
    hands.rest()
    page = hands.shell.current()
    row = page.size_choice if key == "size" else page.chapter
    hands.until(lambda: row.visibleRegion().boundingRect().height() == row.height())


def test_the_detail_of_an_action_is_as_wide_as_its_column(hands_at: Any) -> None:
    hands = hands_at
    check_in(hands.desk, hands.gathering, guest_rows(hands.desk, hands.gathering)[0].registration, station="Main door")
    page = hands.page("activity")
    for event in ("check", "member_changed", "guests_added", "gathering_planned"):
        row = next(n for n in range(page.lines.rowCount()) if (deed := page._found and page.lines._lines[n].deed) and deed.event.startswith(event))
        page.list.setCurrentIndex(page.lines.index(row, 0))
        hands.rest()
        QApplication.processEvents()
        viewport, inside = page.detail.viewport(), page.detail.widget()
        assert inside.width() <= viewport.width(), event
        assert inside.minimumSizeHint().width() <= viewport.width(), event
        for button in inside.findChildren(Button):
            if button.isVisible():
                assert button.width() >= button.sizeHint().width() and inside.rect().contains(place(button, inside)), event


def test_the_window_says_whose_laptop_it_is_without_cutting_a_long_word(hands_at: Any) -> None:
    hands = hands_at
    hands.desk.set_setting("person_name", f"Zoë von {WORD}")
    hands.desk.set_setting("device_name", f"The old laptop of {WORD}")
    hands.shell.resize(1400, 800)  # room for the words beside the icons at every text size
    hands.room._look_at_frame()
    for label in (hands.shell.person, hands.shell.device):
        hands.until(lambda label=label: label.isVisible() and WORD in label.text().replace("\u200b", ""))
        QApplication.processEvents()
        widest = max(label.fontMetrics().horizontalAdvance(word) for word in label.text().replace("\u200b", " ").split())
        assert widest <= label.width() and label.height() >= label.heightForWidth(label.width())


def test_who_did_it_is_no_wider_than_the_detail_of_an_action(hands_at: Any) -> None:
    hands = hands_at
    hands.desk.set_setting("person_name", f"Zoë von und zu {WORD}{WORD}")
    add_member(hands.desk, first_name="Bo")
    page = hands.page("activity")
    row = next(n for n in range(page.lines.rowCount()) if (deed := page.lines._lines[n].deed) and WORD in (deed.who or ""))
    page.list.setCurrentIndex(page.lines.index(row, 0))
    hands.rest()
    QApplication.processEvents()
    assert page.detail.widget().minimumSizeHint().width() <= page.detail.viewport().width()


def test_a_gatherings_name_is_whole_before_its_date_and_place(hands_at: Any) -> None:
    hands = hands_at
    gathering = new_gathering(hands.desk, name="Winter Welcome", start="2026-12-10T18:00", place=f"The boat house on the lake of {WORD} {WORD} {WORD}").id
    hands.page("gatherings", gathering=gathering)
    hands.until(lambda: hands.shell.title.text() == "Winter Welcome")
    hands.rest()
    assert not hands.shell.title.is_cut()
    assert hands.shell.note.is_cut() and hands.shell.note.width() > 0


def test_the_numbers_of_a_gathering_stand_on_one_line(hands_at: Any) -> None:
    hands = hands_at
    change_gathering(hands.desk, hands.gathering, capacity="9000")  # its words take two lines
    page = hands.page("gatherings", gathering=hands.gathering)
    hands.rest()
    box = page.view._cells_box.itemAt(0).widget()
    labels = [label for label in box.findChildren(QLabel) if label.isVisible()]
    assert len({place(label, box).top() for label in labels[::2]}) == 1
    assert len({place(label, box).top() for label in labels[1::2]}) == 1


def test_a_long_name_in_settings_is_shown_from_its_beginning(hands_at: Any) -> None:
    hands = hands_at
    hands.desk.set_setting("person_name", f"Zoë von und zu {WORD} {WORD}")
    page = hands.page("settings")
    hands.until(lambda: WORD in page.you.text() and WORD in page.chapter.text())
    assert (page.you.cursorPosition(), page.chapter.cursorPosition()) == (0, 0)


def test_a_value_to_decide_on_is_never_cut(hands_at: Any) -> None:
    hands = hands_at
    page = hands.page("sync")
    hands.shell.resize(1920, 1080)  # three values side by side
    long = "a.rather.long.address.of.lukasz.and.his.brother@some.subdomain.of.the.university.example.org"
    who = f"Tomás, The old laptop of {WORD}{WORD}, Mon 9 Nov 11:00"
    card = ConflictCard(f"Zoë {WORD}{WORD}{WORD}", "E-mail: two people changed it", [Side("yours", long, who, shown=True), Side("theirs", long, who),
                                                                                     Side("both", "yours first", "nothing is lost")])  # fmt: skip
    page.decide.layout().addWidget(card)
    page.decide.show()
    hands.rest()
    QApplication.processEvents()
    labels = [label for label in card.findChildren(QLabel) if label.isVisible() and label.wordWrap()]
    assert len(labels) == 8
    for label in labels:
        widest = max(label.fontMetrics().horizontalAdvance(word) for word in label.text().replace("\u200b", " ").split())
        assert widest <= label.width() and label.height() >= label.heightForWidth(label.width()), label.text()


def test_between_two_values_to_decide_on_there_is_a_line_however_they_lie(hands_at: Any) -> None:
    hands = hands_at
    page = hands.page("sync")
    card = ConflictCard("Ana Lima", "City: two people changed it", [Side("yours", "Porto", "You", shown=True), Side("theirs", "Faro", "Tomás"),
                                                                 Side("both", "Porto, Faro", "")])  # fmt: skip
    page.decide.layout().addWidget(card)
    page.decide.show()
    for width in (1920, 1024):
        hands.shell.resize(width, 800)
        hands.rest()
        QApplication.processEvents()
        yours, theirs = (place(button, card) for button in card.buttons[:2])
        across = theirs.left() > yours.right()
        assert across is (width == 1920 or text_size() == 100)
        lines = [place(line, card) for line in card.findChildren(QFrame) if line.property("hairline") and line.isVisible()]
        between = [line for line in lines if (yours.right() < line.left() < theirs.left() if across else yours.bottom() < line.top() < theirs.top())]
        assert len(between) == 1 and (between[0].height() if across else between[0].width()) > card.height() // 3 and len(lines) == 3


def test_a_long_folder_of_the_backups_gives_way(hands_at: Any, tmp_path: Path) -> None:
    hands = hands_at
    folder = tmp_path / "a_stick_that_is_called_like_nothing_else_in_the_whole_office" / "Backups"
    folder.parent.mkdir()
    backup_folders.choose_folder(hands.desk.profile, folder)
    backup.by_itself(hands.desk.profile, hands.desk.key, "daily")
    page = hands.page("restore")
    hands.until(lambda: page.table.rowCount() == 1)
    hands.rest()
    assert page.place.text() == page.place.toolTip() == f"in {folder}"
    assert page.place.is_cut() and page.place.height() >= QFontMetricsF(page.place.font()).height()
    assert page.other.width() >= page.other.sizeHint().width() and page.count.width() >= page.count.sizeHint().width()
    assert place(page.place, page).right() < place(page.other, page).left()


def test_the_badges_page_stays_inside_its_window(hands_at: Any) -> None:
    hands = hands_at
    page = hands.page("badges")
    hands.until(lambda: page.gathering.isVisible() and page._laid is not None)

    def inside() -> bool:
        parts = (page.gathering, page.stock, page.sheets.before, page.sheets.start_at, page.new, page.order, page.print_button, page.save_button)
        whole = page.rect().adjusted(0, -10_000, 0, 10_000)  # what is below scrolls
        places = [place(part, page) for part in parts]
        return all(whole.contains(one) for one in places) and not any(one.intersects(other) for n, one in enumerate(places[:-2]) for other in places[n + 1:-2])

    for width in (1280, 1024, 1280):
        hands.shell.resize(width, 800)
        hands.until(lambda width=width: hands.shell.width() == width and inside())
        assert page.rect().contains(place(page.print_button, page))
        hands.until(lambda: page._what.isVisible() and page._line.isVisible() == page._wide)


@pytest.mark.parametrize("width", [1024, 1280])
@pytest.mark.parametrize("count", [1, 2])
def test_what_can_be_done_with_the_chosen_guests_is_read_whole(hands_at: Any, width: int, count: int) -> None:
    """In the bar, or in the menu at its end."""
    hands = hands_at
    add_guests(hands.desk, hands.gathering, [add_member(hands.desk, first_name="Bo", last_name="Vega").id])
    hands.shell.resize(width, 800)
    view = hands.page("gatherings", gathering=hands.gathering).view
    hands.until(lambda: len(view.model.rows) == 2)
    view.list.selectAll() if count == 2 else view.list.selectRow(0)
    hands.until(lambda: view.bar[0].isVisible())
    QApplication.processEvents()
    shown = [button for button in (*view.bar, view.more_button, *view.always, view.door) if button.isVisible()]
    for button in shown:
        assert (button is view.more_button or button.width() >= button.sizeHint().width()) and view.rect().contains(place(button, view)), button.text()
    places = [place(button, view) for button in (view.foot, *shown)]
    assert not any(one.intersects(other) for n, one in enumerate(places) for other in places[n + 1:])
    there = {button.text() for button in shown}
    if view.more_button.isVisible():
        hands.click(view.more_button)
        hands.until(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
        there |= {action.text() for action in QApplication.activePopupWidget().actions()}
        QApplication.activePopupWidget().close()
    wanted = {"Coming", "Not coming", "Take off the list"} | ({"Brings a guest", "Name", "History of this guest", "Show the member"} if count == 1 else set())
    assert wanted <= there and ("Other answer" in there or {"Maybe", "Waiting list", "Not answered"} <= there)


def test_the_bar_has_its_room_too_where_the_gathering_is_cancelled_or_planned_again(hands_at: Any) -> None:
    hands = hands_at
    page = hands.page("gatherings", gathering=hands.gathering)
    view = page.view
    hands.until(lambda: len(view.model.rows) == 1)
    view.list.selectRow(0)
    hands.until(lambda: view.bar[0].isVisible())
    for width in (1024, 1280, 1440, 1600, 1760):
        hands.shell.resize(width, 800)
        hands.until(lambda width=width: hands.shell.width() == width)
        for deed in (cancel_gathering, replan_gathering):
            page.changes.tell(deed(hands.desk, hands.gathering).changed)
            hands.until(lambda deed=deed: view.it.row.cancelled == (deed is cancel_gathering))
            hands.rest()
            before = [button.isHidden() for button in view.bar]
            view._fit_bar()
            assert [button.isHidden() for button in view.bar] == before


@pytest.mark.parametrize("width", [1024, 1280])
def test_what_kept_the_recovery_key_from_a_file_is_read_whole(hands_at: Any, tmp_path: Path, width: int) -> None:
    hands = hands_at
    hands.shell.resize(width, 640)
    page = RecoveryPage(hands.shell, hands.desk, hands.room.lanes, Paper("Boston", new_recovery_key()))
    page.open()
    viewport, inside = page._scroll.viewport(), page._scroll.widget()
    for file in (hands.desk.profile.database, tmp_path / "nowhere" / "the-recovery-key-of-the-chapter-of-great-lakes-for-the-safe.pdf"):
        page.save_to(file)
        hands.until(lambda file=file: file.name in page.said.text().replace("\u200b", ""))
        QApplication.processEvents()
        hands.until(lambda: page.said.height() >= page.said.heightForWidth(page.said.width()))
        assert page.width() <= max(width, hands.shell.width()) and inside.width() <= viewport.width()
        for label in (page.said, page._advice, page.reason):
            words = label.fontMetrics().horizontalAdvance(label.text())
            assert label.height() >= label.heightForWidth(label.width()) if label.wordWrap() else label.width() >= words
            assert inside.rect().contains(place(label, inside)), label.text()
        hands.until(lambda: viewport.rect().contains(place(page.said, viewport)))  # also where it lies below what the window shows
        parts = [place(part, inside) for part in (page.print_button, page.save_button, page._advice, page.said)]
        assert not any(one.intersects(other) for n, one in enumerate(parts) for other in parts[n + 1:])
    page.save_to(tmp_path / "key.txt")
    hands.until(lambda: page._kept)
    assert not page.said.isVisible() and "Saved at" in page._done_words.text()
    page.reject()
    hands.rest()


@pytest.mark.parametrize("percent", [100, 150])
def test_the_lock_page_breaks_a_long_word_of_the_chapters_name(text_of: Callable[[int], None], qtbot: Any, percent: int) -> None:
    text_of(percent)
    whole = QWidget()
    qtbot.addWidget(whole)
    whole.resize(1280, 800)
    page = LockPage(Locked(f"Ehemalige {WORD} und Umgebung", f"Universität {WORD}", "asked", 5, datetime(2026, 11, 26, 20, 30), True, True, True,
                           owner=f"Zoë {WORD}", write_to=f"{WORD}@example.org"), whole)  # fmt: skip
    page.resize(1280, 800)
    whole.show()
    QApplication.processEvents()
    long = [label for label in page.findChildren(QLabel) if WORD in label.text().replace("\u200b", "")]
    assert len(long) == 3
    for label in long:
        assert label.width() <= (px(440) if label.parentWidget() is not page.middle.widget() else 1280)
        widest = max(label.fontMetrics().horizontalAdvance(word) for word in label.text().replace("\u200b", " ").split())
        assert widest <= label.width() and label.height() >= label.heightForWidth(label.width())


def gone(hands: Any, monkeypatch: pytest.MonkeyPatch, **said: Any) -> LockPage:
    """The locked page with a half typed form behind it, after the password store was found to have lost the key."""
    monkeypatch.setattr(keys, "_keyring", Shelf)
    keys.keep_anew(hands.desk.profile.path, "desk", hands.desk.key, None)
    page = hands.page("members")
    page.add()
    form = hands.dialog(MemberForm)
    field = form._fields["first_name"]
    field.setText("Half a na")
    field.setFocus()
    hands.until(lambda: QApplication.focusWidget() is field)
    lock = hands.room.lock
    lock.lock()
    hands.until(lambda: lock.page.locked.keyring and not lock.page.locked.password)
    lock._show_page(replace(lock.page.locked, owner="Priya Raman", write_to="desk@greatlakes.example", standing="Sync goes on, 12 changes to send", **said))
    assert lock.page.locked.drafts == 1 and lock.page.locked.recovery
    QTest.mouseClick(lock.page.store, Qt.MouseButton.LeftButton)
    hands.until(lambda: lock.page.store_said.isVisible())
    hands.rest()
    return lock.page


def unlocked(hands: Any) -> None:
    hands.room.lock.unlock()
    hands.dialog(MemberForm).reject()
    hands.rest()


@pytest.mark.parametrize("at_door", [False, True])
def test_the_locked_page_scrolls_before_anything_is_squeezed(hands_at: Any, monkeypatch: pytest.MonkeyPatch, at_door: bool) -> None:
    hands = hands_at
    page = gone(hands, monkeypatch, door=at_door)
    viewport, inside = page.middle.viewport(), page.middle.widget()
    parts = [part for part in inside.findChildren(QWidget) if part.isVisible() and isinstance(part, QLabel | Button | Field)]
    assert page.restore in parts and page.restore_said in parts and page.entry.button in parts
    for part in parts:
        needed = part.heightForWidth(part.width()) if isinstance(part, QLabel) else part.sizeHint().height()
        assert part.height() >= needed - 1, part
        assert inside.rect().contains(place(part, inside)), part
    places = [place(part, inside) for part in parts if part.parentWidget() is not page.entry.recovery]
    assert not any(one.intersects(other) for n, one in enumerate(places) for other in places[n + 1:])
    fits = inside.sizeHint().height() <= viewport.height()
    assert page.middle.verticalScrollBar().isVisible() != fits and (fits or hands.shell.height() < 960 * text_size() / 150)
    assert not page.middle.horizontalScrollBar().isVisible() and inside.width() <= viewport.width()
    if not at_door:  # never scrolled away
        assert page.size_choice.parentWidget() is page and page.rect().contains(place(page.size_choice, page))
    unlocked(hands)


@pytest.mark.parametrize("at_door", [False, True])
def test_the_keyboard_is_always_in_view_on_the_locked_page(hands_at: Any, monkeypatch: pytest.MonkeyPatch, at_door: bool) -> None:
    hands = hands_at
    page = gone(hands, monkeypatch, door=at_door)
    first = page.first_focus()
    hands.until(lambda: QApplication.focusWidget() is first)

    def in_view(part: QWidget) -> bool:
        return bool(page.rect().contains(place(part, page))) and (
            not page.middle.isAncestorOf(part) or bool(page.middle.viewport().rect().contains(place(part, page.middle.viewport()))))

    assert in_view(first)
    for key, modifiers in ((Qt.Key.Key_Tab, Qt.KeyboardModifier.NoModifier), (Qt.Key.Key_Backtab, Qt.KeyboardModifier.ShiftModifier)):
        seen: list[QWidget] = []
        while (now := QApplication.focusWidget()) not in seen:
            assert now is not None
            seen.append(now)
            hands.until(lambda now=now: in_view(now))
            QTest.keyClick(now, key, modifiers)
        assert {page.entry.recovery, page.entry.button, page.restore} <= set(seen) and (at_door or page.size_choice in seen)
        assert not at_door or any(isinstance(one, Link) and one.text() == "Open check-in" for one in seen)
    hands.shell.resize(hands.shell.minimumSize())  # a smaller window keeps it in view; whoever scrolls away and types sees what is said of it
    hands.until(lambda: in_view(first))
    bar = page.middle.verticalScrollBar()
    bar.setValue(bar.maximum())
    QTest.keyClick(first, Qt.Key.Key_PageUp)
    assert bar.value() < bar.maximum() or not bar.maximum()
    bar.setValue(bar.minimum())
    QTest.keyClicks(first, "AAAAA")
    assert "Group 1" in page.entry.said.text()
    hands.until(lambda: in_view(first) and in_view(page.entry.said))
    # A click beside the field takes the keyboard from nobody, wherever the page is scrolled to.
    QTest.mouseClick(page.middle.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(4, page.middle.viewport().height() - 4))
    assert QApplication.focusWidget() is first
    unlocked(hands)


@pytest.mark.parametrize("percent", [100, 150])
def test_a_long_name_among_the_hits_takes_lines_and_stays_large(text_of: Callable[[int], None], door: Door, percent: int) -> None:
    text_of(percent)
    name = f"Zoë {LONG}"
    view = door.window.hits
    for width in (960, 850, 600):
        found = fitted(name, name_room(width))
        assert "".join(found.lines).replace(" ", "") == name.replace(" ", "") and len(found.lines) > 1 and found.size >= 16
        assert all(QFontMetricsF(name_font(found.size)).horizontalAdvance(line) <= width * STATUS_AT - px(88 + 16) for line in found.lines)
    assert fitted("Mei-Ling Chen", name_room(850)).lines == ("Mei-Ling Chen",) and fitted("Mei-Ling Chen", name_room(850)).size == 20
    person = add_member(door.desk, first_name="Zoë", last_name=LONG).id
    add_guests(door.desk, door.gathering, [person])
    door.window.field.setText("Extremely")
    door.found()
    (row,) = [n for n, one in enumerate(view.hits.rows) if isinstance(one, HitRow)]
    rect = view.visualRect(view.hits.index(row))
    found = fitted(name, name_room(rect.width()))
    assert rect.width() == view.viewport().width() and rect.height() >= len(found.lines) * px(found.line) + px(6 + 22)
    view.setCurrentIndex(view.hits.index(row))
    assert not view.grab().isNull()


def test_the_bar_of_keys_says_what_enter_does_with_whoever_is_in(door: Door) -> None:
    door.window.field.setText("Ada Obi")
    door.found()
    door.wait(lambda: ("Enter", "Check in Ada") in door.window.keys._shown)
    door.press(Qt.Key.Key_Return)
    door.wait(lambda: door.window.state() == "verdict")
    door.settled()
    door.window.field.setText("Ada Ob")
    door.found()
    door.wait(lambda: ("Enter", "Show Ada") in door.window.keys._shown)
    assert not any(words.startswith("Check in") for _key, words in door.window.keys._shown)


@pytest.mark.parametrize("percent", [100, 150])
def test_the_standing_of_the_chosen_person_is_read_whole(text_of: Callable[[int], None], door: Door, percent: int) -> None:
    """At the width that the list has on a screen of 1280: beside the button at 100 %, above it in large letters."""
    text_of(percent)
    width = px(320) if percent == 100 else 255
    assert standing_beside("Not on the list", "Check in · Enter", width) == (percent == 100)
    assert metrics_of("heading").horizontalAdvance("Not on the list") <= width


def test_an_emoji_is_drawn_or_left_out_and_never_a_box(qapp: QApplication, door: Door) -> None:
    metrics = metrics_of("door_name")
    assert all(metrics.inFontUcs4(ord(sign)) for sign in "🎓🦉🎉👩🏽") and not metrics.inFontUcs4(ord(UNKNOWN))
    assert drawable("Zoë 🎓 Obi") == "Zoë 🎓 Obi" and drawable("Łukasz 𠮷 李") == "Łukasz 𠮷 李" and drawable("") == ""
    assert drawable(f"Zoë {UNKNOWN} Obi") == "Zoë Obi" and drawable(f"Zoë{UNKNOWN}") == "Zoë"
    person = add_member(door.desk, first_name="Zoë", last_name=f"Obi {UNKNOWN}").id
    add_guests(door.desk, door.gathering, [person])
    (row,) = [row for row in guest_rows(door.desk, door.gathering) if row.person == person]
    window = door.window
    window.answer.verdict = check_in(door.desk, door.gathering, row.registration, station="Main door")
    window.answer.show(window.answer.showing(window.answer.verdict))
    QApplication.processEvents()
    assert window.panel.showing is not None and UNKNOWN in window.answer.verdict.name
    assert "Zoë Obi" in " ".join(window.panel.lines) and UNKNOWN not in "".join(window.panel.lines)


def test_the_row_of_tools_over_the_activity_has_room_at_every_width(hands_at: Any) -> None:
    hands = hands_at
    page = hands.page("activity")
    hands.until(lambda: page.lines.rowCount() > 2 and page.detail.seen is not None)
    hands.shell.setMinimumSize(640, 480)  # a small screen
    for width in (hands.shell.width(), 1024, 800):
        hands.shell.resize(width, 640)
        hands.until(lambda width=width: hands.shell.width() == width)
        hands.rest()
        left = page.list.parentWidget()
        tools = [page.whose, page.kind, page.search]
        places = [place(part, left) for part in tools]
        for n, one in enumerate(places):
            assert left.rect().contains(one) and not any(one.intersects(other) for other in places[n + 1:]), (width, places)
        assert page.whose.width() >= page.whose.sizeHint().width() and page.search.width() >= px(144) and page.kind.width() >= px(128), (width, places)
        assert not page.list.horizontalScrollBar().isVisible() and not page.detail.horizontalScrollBar().isVisible()
        seen = place(page.detail, page)
        assert page.rect().contains(seen) and not seen.intersects(place(left, page)), (width, seen)


@pytest.mark.parametrize("longer", [False, True])
def test_what_security_says_is_never_cut(hands_at: Any, longer: bool) -> None:
    hands = hands_at
    hands.desk.set_setting(recovery.READ_BACK, "2020-01-01T10:00:00Z")
    settings = hands.page("settings", section="security")
    part = settings.security
    hands.until(part.card.isVisible)
    if longer:  # as another language may say it
        part.card_title.setText(" ".join([part.card_title.text()] * 2))
        part.card_words.setText(" ".join([part.card_words.text()] * 3))
        for row in part.findChildren(SettingRow):
            row.say(" ".join([row.second.text() or row.first.text()] * 3))

    def cut() -> list[str]:
        return [label.text() for label in part.findChildren(QLabel) if label.isVisible() and label.text() and (
            label.height() < label.heightForWidth(label.width()) or not label.parentWidget().rect().contains(label.geometry()))]

    hands.until(lambda: not cut())
    if shots := os.environ.get("SHOTS"):
        hands.shell.grab().save(f"{shots}/security-{hands.shell.width()}-{text_size()}-{longer}.png")
