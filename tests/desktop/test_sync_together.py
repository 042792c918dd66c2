"""The Sync page with a real server and other laptops: cards, listening, laptops here, files, the end of a term, quitting."""

from __future__ import annotations

import os
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

import msgspec
import pytest
import shiboken6
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QFileDialog, QLabel, QWidget
from tests.desktop.conftest import Hands
from tests.desktop.test_keys import keeps_the_keyboard
from tests.desktop.test_sync_page import words
from tests.sync.conftest import RunningServer, make_server
from tests.sync.test_keeping import free_port

from alumni_desk.checkin.actions import check_in
from alumni_desk.checkin.lists import headcount
from alumni_desk.desktop.app import Sitting, build
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.carrying import BroughtSheet
from alumni_desk.desktop.dates import moment
from alumni_desk.desktop.deeds import Deeds
from alumni_desk.desktop.door_network import network_words
from alumni_desk.desktop.end_term import ChaptersSheet
from alumni_desk.desktop.erasing_sheets import FirstAsk, SecondAsk, erase_everything
from alumni_desk.desktop.first_run import FirstRun
from alumni_desk.desktop.fonts import px
from alumni_desk.desktop.front import Front
from alumni_desk.desktop.join_form import JoinForm, invitation_in
from alumni_desk.desktop.join_laptop_sheet import JoinLaptopSheet, NotFoundSheet, reason_words
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.opening import Opening
from alumni_desk.desktop.quitting_sheets import FormsSheet, SendingSheet, WaitingSheet
from alumni_desk.desktop.recovery_page import RecoveryPage
from alumni_desk.desktop.sheet import PlainSheet, Sheet
from alumni_desk.desktop.venue_bridge import AtVenue, Nearby
from alumni_desk.desktop.wiring import room_in, ways_of
from alumni_desk.errors import KnownError, NetworkProblem, StoreProblem
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.protocol.codes import long_invitation, new_invitation, read_invitation, short_invitation
from alumni_desk.schema import open_desk
from alumni_desk.server import journal
from alumni_desk.server.opening import open_in_profile
from alumni_desk.store import recovery, removal
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile
from alumni_desk.sync import engine, inviting, keeping, moving, state
from alumni_desk.sync.engine import join, status, sync_once
from alumni_desk.sync.laptops import laptops
from alumni_desk.sync.venue import files
from alumni_desk.sync.venue.files import write_handout, write_parcels
from alumni_desk.sync.venue.finding import Found, told
from alumni_desk.sync.venue.places import Place
from alumni_desk.sync.venue.sharing import Sharing
from alumni_desk.sync.venue.visiting import Visit

__all__ = ["make_server"]

Window = Callable[[Desk], Hands]


@pytest.fixture
def office(make_server: Callable[..., RunningServer]) -> RunningServer:
    """A server process on an encrypted file."""
    return make_server()


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Opens desks by name, joined to the office where one is given."""
    made: list[Desk] = []

    def make(name: str, office: RunningServer | None = None, role: str = "leader", gathering: str | None = None) -> Desk:
        desk = open_desk(Profile(tmp_path / name))
        made.append(desk)
        desk.set_setting("device_name", name)
        if office is not None:
            join(desk, office.url, office.invite(role=role, gathering=gathering), device_name=name)
            sync_once(desk)
        return desk

    yield make
    for desk in made:
        desk.close()


@pytest.fixture
def window(qtbot: Any, hands_of: Callable[[Any], Hands]) -> Iterator[Window]:
    """Opens windows on desks."""
    made: list[Hands] = []

    def make(desk: Desk) -> Hands:
        room = build(desk, theme="light", deeds=Deeds())
        room.shell.resize(1280, 800)
        room.shell.show()
        made.append(hands_of(room))
        made[-1].rest()
        return made[-1]

    yield make
    for hands in made:
        hands.room.close()
        hands.room.shell.close()
        hands.room.shell.deleteLater()


def button(page: QWidget, text: str) -> Any:
    """The button of that text, or whose spoken name begins so, that can be seen."""
    found = [one for one in page.findChildren(QAbstractButton) if one.isVisible() and (one.text() == text or one.accessibleName().startswith(text))]
    assert found, f"no button {text}"
    return found[0]


def said(hands: Hands) -> str:
    """What the toast says."""
    return str(hands.shell.toast.words.text()) if hands.shell.toast.isVisible() else ""


def all_words(widget: QWidget) -> str:
    """Everything that is to be read in a dialog."""
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))


def disagree(one: Desk, two: Desk, people: int) -> list[str]:
    """Two laptops change the e-mail addresses of the same people without seeing each other."""
    ids = [add_member(one, first_name=f"Selam{n}", last_name="Tesfaye", class_year="2007", email="was@example.com").id for n in range(people)]
    sync_once(one)
    sync_once(two)
    for n, person in enumerate(ids):
        change_member(one, person, email=f"mine{n}@example.org")
        change_member(two, person, email=f"theirs{n}@example.net")
    sync_once(one)
    sync_once(two)
    sync_once(one)
    return ids


def emails(desk: Desk) -> dict[str, str]:
    """Of all people."""
    with desk.reading() as connection:
        return {row[0]: row[1] for row in connection.exec_driver_sql("SELECT id, email FROM person")}


# -- to decide


def test_cards_are_decided_without_a_server_and_undo_brings_them_back(office: Any, laptop: Any, window: Window) -> None:
    one, two = laptop("Priya’s", office), laptop("Tomás’s", office)
    ids = disagree(one, two, 5)
    office.kill()
    hands = window(one)
    page = hands.page("sync")
    hands.until(lambda: len(page.decide.cards) == 3)
    assert "To decide" in words(page) and hands.shell.nav.rows.counts["sync"] == "5"
    button(page, "Show all 5").click()
    hands.rest()
    assert len(page.decide.cards) == 5
    first = page.decide.cards[0]
    name = first.accessibleName()
    assert "Selam" in name and "Tomás’s" in words(first) and first.buttons[0].accessibleName().startswith("Keep yours: ")
    button(first, "Decide later").click()
    hands.rest()
    assert page.decide.cards[-1].accessibleName() == name and page.decide.cards[0].accessibleName() != name
    card, before = page.decide._found[0], emails(one)
    wanted = "yours" if card.theirs.shown else "theirs"
    QTest.mouseClick(page.decide.cards[0].findChild(QLabel), Qt.MouseButton.LeftButton)  # a click anywhere in it leads the keys there
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_1 if wanted == "yours" else Qt.Key.Key_2)
    hands.until(lambda: len(page.decide._found) == 4)
    assert emails(one)[card.row] == getattr(card, wanted).value != before[card.row]
    hands.until(lambda: hands.shell.nav.rows.counts["sync"] == "4")
    assert "is kept" in said(hands)
    hands.click(hands.shell.toast.link)
    hands.until(lambda: len(page.decide._found) == 5)
    assert emails(one) == before and set(ids) == {one.row for one in page.decide._found}
    one.set_setting(recovery.READ_BACK, None)  # to decide asked for no key on paper, so to do it again does not, either
    hands.rest()
    hands.click(hands.shell.toast.link)
    hands.until(lambda: len(page.decide._found) == 4 or hands.open_dialogs(RecoveryPage))
    assert not hands.open_dialogs(RecoveryPage) and emails(one)[card.row] == getattr(card, wanted).value


@pytest.mark.parametrize("width", [1280, 1024])
def test_tab_goes_down_the_page_in_the_order_in_which_it_is_read(office: Any, laptop: Any, window: Window, width: int) -> None:
    one, two = laptop("Priya’s", office), laptop("Tomás’s", office)
    laptop("Garden door", office)
    disagree(one, two, 2)
    hands = window(one)
    hands.shell.resize(width, 800)
    page = hands.page("sync")
    hands.until(lambda: len(page.decide.cards) == 2 and "Garden door" in words(page.people))
    button(page, "Details").setFocus()
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Space)
    hands.rest()
    assert QApplication.focusWidget().text() == "Hide the details", "whoever opens them goes on from there"
    hands.until(lambda: page.first_focus().isEnabled())
    hands.shell.chip.setFocus()
    walked: list[QWidget] = []
    while not walked or page.isAncestorOf(walked[-1]):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        walked.append(QApplication.focusWidget())
    gone = [str(one.text()) for one in walked[:-1] if hasattr(one, "text")]
    beside = width > 1200  # else "Laptops here" is of the one column, before the details
    assert gone[:3] == ["Sync now", "Decide later", "Keep yours"]
    assert (gone[-3:] == ["Off", "Join a laptop that shares", "Not found?"]) is beside
    assert gone.count("Keep both") == 2 and gone.count("Remove") == 2
    assert gone.index("Invite someone") < gone.index("Remove") < gone.index("Hide the details") < gone.index("It has moved") < gone.index("Leave")
    main = [one for one in walked[:-1] if not (beside and page.here.isAncestorOf(one))]
    places = [(at.y(), at.x()) for at in (one.mapTo(page.decide.parentWidget(), QPoint()) for one in main)]
    assert places == sorted(places)
    assert walked[:len(main)] == main, "the side column comes after the main one"


def test_a_key_or_click_that_comes_twice_decides_one_card(office: Any, laptop: Any, window: Window) -> None:
    one, two = laptop("one", office), laptop("two", office)
    disagree(one, two, 3)
    office.kill()
    hands = window(one)
    page = hands.page("sync")
    hands.until(lambda: len(page.decide.cards) == 3)
    page.decide.cards[0].buttons[0].setFocus()
    QTest.keyClick(hands.shell, Qt.Key.Key_1)
    hands.until(lambda: len(page.decide.cards) == 2)
    assert QApplication.focusWidget() is page.decide.cards[0]
    for key in (Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_Space, Qt.Key.Key_Return):
        QTest.keyClick(QApplication.focusWidget(), key)
    page.decide.cards[0].buttons[0].click()  # the second click of a double one, on the card that came in the place of the first
    hands.rest()
    assert len(page.decide._found) == 2
    hands.until(lambda: page.decide.heeds)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_1)
    hands.rest()
    assert len(page.decide._found) == 2
    QTest.keyClick(hands.shell, Qt.Key.Key_Tab)
    assert page.decide.cards[0].isAncestorOf(QApplication.focusWidget())
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_1)
    hands.until(lambda: len(page.decide._found) == 1)


def whole_in_view(page: Any, one: QWidget) -> bool:
    """Whether all of it stands within what the page shows."""
    ground = page.stack._content.viewport()
    at = one.mapTo(ground, QPoint())
    return bool(at.y() >= 0 and at.y() + one.height() <= ground.height())


@pytest.mark.parametrize("at", [0, 1, 2])
def test_the_card_to_which_the_focus_comes_is_seen_whole(office: Any, laptop: Any, window: Window, at: int) -> None:
    one, two = laptop("one", office), laptop("two", office)
    disagree(one, two, 5)
    office.kill()
    hands = window(one)
    hands.shell.resize(1280, 700)
    page = hands.page("sync")
    hands.until(lambda: len(page.decide.cards) == 3)

    def card() -> Any:
        return next((card for card in page.decide.cards if card is QApplication.focusWidget() or card.isAncestorOf(QApplication.focusWidget())), None)

    page.decide.cards[0].buttons[0].setFocus()
    for _turn in range(8):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        hands.until(lambda: card() is None or whole_in_view(page, card()))
    page.decide.cards[at].buttons[0].setFocus()
    hands.until(lambda: whole_in_view(page, page.decide.cards[at]))
    bar = page.stack._content.verticalScrollBar()
    bar.setValue(max(1, bar.value()))

    def stands() -> int:
        return int(page.decide.cards[at].mapTo(page, QPoint()).y())

    before, high = stands(), page._status_place.height()
    page._failed(KnownError("sync_pin", "The server is another one now."))
    hands.until(lambda: page._status_place.height() > high)
    hands.until(lambda: stands() == before)  # what is said above it moves nothing under the eyes
    for left in (4, 3):
        hands.until(lambda: page.decide.heeds)
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_1)
        hands.until(lambda left=left: len(page.decide._found) == left)
        hands.rest()
        hands.until(lambda: card() is page.decide.cards[min(at, len(page.decide._found) - 1)] and whole_in_view(page, card()))
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    hands.until(lambda: len(page.decide._found) == 4)
    hands.rest()
    hands.until(lambda: card() is not None and whole_in_view(page, card()))


@pytest.mark.parametrize("at_once", [False, True])
def test_a_card_stays_where_it_stands_when_the_words_above_it_are_more_or_fewer(office: Any, laptop: Any, window: Window, at_once: bool) -> None:
    one, two = laptop("one", office), laptop("two", office)
    disagree(one, two, 5)
    office.kill()
    hands = window(one)
    hands.shell.resize(1280, 700)
    page = hands.page("sync")
    hands.until(lambda: len(page.decide.cards) == 3)
    page._failed(KnownError("sync_pin", "The server is another one now."))
    hands.rest()
    bar = page.stack._content.verticalScrollBar()
    hands.until(bar.maximum)
    page.decide.cards[2].buttons[0].setFocus()
    bar.setValue(bar.maximum())  # a page that gets shorter moves up by itself, and need not be moved once more
    before = page.decide.cards[2].mapTo(page, QPoint()).y()
    if at_once:  # as on a machine that has much to do: the page is as long as it will be before the next turn
        page.decide.moved.connect(lambda by: page._both.widget().resize(page._both.widget().width(), page._both.widget().height() + by))
    failed = page._trouble, page._code
    for trouble, code in (("", ""), failed):
        high = page._status_place.height()
        page._trouble, page._code = trouble, code
        page._draw()
        hands.until(lambda high=high: page._status_place.height() != high)
        hands.rest()
        assert page.decide.cards[2].mapTo(page, QPoint()).y() == before


def test_f6_scrolls_to_the_part_that_it_comes_to(office: Any, laptop: Any, window: Window) -> None:
    one, two = laptop("one", office), laptop("two", office)
    disagree(one, two, 3)
    hands = window(one)
    page = hands.page("sync")
    hands.until(lambda: len(page.decide.cards) == 3 and page.people.isVisible())
    hands.rest()
    page.first_focus().setFocus()
    came: list[QWidget] = []
    for _turn in range(6):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_F6)
        came.append(QApplication.focusWidget())
        hands.until(lambda: not page.isAncestorOf(came[-1]) or whole_in_view(page, came[-1]))
    assert any(page.details.isAncestorOf(one) for one in came)


def test_the_keyboard_stays_where_it_is_on_sync_when_others_change_something(office: Any, laptop: Any, window: Window) -> None:
    one, two = laptop("one", office), laptop("two", office)
    disagree(one, two, 2)
    hands = window(one)
    page = hands.page("sync")
    hands.until(lambda: len(page.decide.cards) == 2 and page.people.isVisible())
    page.details.unfold()
    hands.rest()
    assert keeps_the_keyboard(hands, page) > 15


def test_keeping_what_is_shown_can_be_undone_too(office: Any, laptop: Any, window: Window) -> None:
    one, two = laptop("one", office), laptop("two", office)
    disagree(one, two, 1)
    hands = window(one)
    page = hands.page("sync")
    hands.until(lambda: page.decide.cards)
    card = page.decide._found[0]
    hands.click(page.decide.cards[0].buttons[0 if card.yours.shown else 1])
    hands.until(lambda: not page.decide.isVisible())
    hands.until(lambda: hands.shell.nav.rows.counts["sync"] == "")
    hands.click(hands.shell.toast.link)
    hands.until(lambda: page.decide.isVisible() and page.decide.cards)


# -- listening


def test_another_laptops_change_shows_by_itself(office: Any, laptop: Any, window: Window) -> None:
    one, two = laptop("one", office), laptop("two", office)
    person = add_member(two, first_name="Ada", last_name="Obi", email="a@example.org").id
    sync_once(two)
    sync_once(one)
    hands = window(one)
    heard: list[Any] = []
    hands.room.changes.changed.connect(heard.append)
    hands.until(lambda: hands.room.bridge._listening is not None)
    hands.until(lambda: hands.room.bridge.silent_since is None)
    change_member(two, person, email="new@example.org")
    sync_once(two)
    hands.until(lambda: emails(one).get(person) == "new@example.org" and heard)
    began = time.monotonic()
    hands.room.close()
    assert time.monotonic() - began < 15, "it does not wait until the server answers, which is after 25 s"


def test_a_server_that_goes_away_is_noticed_by_whoever_listens(office: Any, laptop: Any, window: Window) -> None:
    one = laptop("one", office)
    add_member(one, first_name="Ada")
    sync_once(one)
    hands = window(one)
    hands.until(lambda: hands.room.bridge._listening is not None)
    office.kill()
    hands.until(lambda: hands.room.bridge.silent_since is not None)
    office.start()
    hands.room.bridge.sync_now()
    hands.until(lambda: hands.room.bridge.silent_since is None)


# -- laptops here


def dinner(desk: Desk) -> tuple[str, list[str]]:
    """A gathering that is held now, with three guests."""
    now = datetime.now(UTC)
    gathering = new_gathering(desk, name="Founders’ Dinner", start=f"{now:%Y-%m-%dT%H:%M}", end=f"{now + timedelta(hours=3):%Y-%m-%dT%H:%M}",
                              time_zone="UTC").id
    people = [add_member(desk, first_name=f"Guest{n}", last_name="Żółć").id for n in range(3)]
    add_guests(desk, gathering, people)
    return gathering, people


def test_sharing_shows_the_code_and_who_comes_and_lets_volunteers_in(office: Any, laptop: Any, window: Window) -> None:
    one = laptop("one", office)
    gathering, people = dinner(one)
    sync_once(one)
    two = laptop("Tomás’s laptop", office)
    office.kill()
    hands = window(one)
    page = hands.page("sync")
    hands.until(lambda: page.here.isVisible())
    hands.click(page.here.here.switch.findChildren(QAbstractButton)[1])
    hands.until(lambda: hands.room.venue.standing.sharing == "on")
    sharing = hands.room.venue.standing
    hands.until(lambda: all(word in words(page) for word in (sharing.code.split("-")[0], sharing.address, "No other laptop has come yet")))
    address = f"127.0.0.1:{sharing.address.rsplit(':', 1)[1]}"
    visit = Visit(two, address, sharing.code)
    visit.once()
    staying = threading.Thread(target=visit.stay)
    staying.start()
    hands.until(lambda: "Tomás’s laptop\u2069, connected" in words(page))
    heard: list[Any] = []
    hands.room.changes.changed.connect(heard.append)
    check_in(two, gathering, person_id=people[0], station="Garden door")
    hands.until(lambda: heard)
    visit.stop()
    staying.join(10)
    until = hands.room.venue.standing.until
    assert until is not None and timedelta() < until - datetime.now(UTC) <= timedelta(hours=18)
    hands.until(lambda: f"After a restart it goes on by itself until {moment(until)}." in words(page))
    letting = page.here.here.letting
    assert letting is not None
    letting.setFocus()
    letting.set_key(gathering)
    letting.activated.emit(letting.currentIndex())
    hands.until(lambda: hands.room.venue.standing.sharing == "on" and hands.room.venue.standing.gathering == gathering)
    assert hands.room.venue.standing.code == sharing.code, "whoever has joined goes on"
    hands.rest()
    hands.until(lambda: page.here.here.letting is not None and page.here.here.letting.hasFocus())
    new, standing = laptop("volunteer"), hands.room.venue.standing
    newcomer = Visit(new, f"127.0.0.1:{standing.address.rsplit(':', 1)[1]}", standing.code)
    met = newcomer.once()
    newcomer.close()
    assert met.joined and met.role == "door" and met.gathering == gathering
    hands.click(page.here.here.switch.findChildren(QAbstractButton)[0])
    hands.until(lambda: hands.room.venue.standing.sharing == "off" and "once you share with them" in words(page))


def test_joining_a_laptop_says_at_its_field_what_is_wrong_and_stays_together(office: Any, laptop: Any, window: Window) -> None:
    one, two = laptop("one", office), laptop("two", office)
    office.kill()
    hands = window(one)
    page = hands.page("sync")
    hands.until(lambda: page.here.isVisible())
    sharing = Sharing(two, host="127.0.0.1", port=0)
    try:
        button(page, "Join a laptop that shares").click()
        sheet = hands.dialog(JoinLaptopSheet)
        assert not sheet.done_button.isEnabled() and sheet.reason.text() == "The address is missing"
        sheet.form.paste(f"alumnidesk://laptop?at={sharing.address}&code=AAAAA")
        assert "neither the text" in all_words(sheet)
        sheet.form.paste(sharing.qr)
        assert sheet.form.address.text() == sharing.address and sheet.done_button.isEnabled()
        sheet.form.address.setText("127.0.0.1:9")
        hands.click(sheet.done_button)
        hands.until(lambda: "shares nothing" in all_words(sheet))
        sheet.form.address.setText(sharing.address)
        sheet.form._typed()
        hands.click(sheet.done_button)
        hands.until(lambda: hands.room.venue.standing.visiting == sharing.address)
        hands.until(lambda: "Together with the laptop" in words(page) and "two\u2069, connected" in words(page))
        person = add_member(two, first_name="Brought").id
        hands.until(lambda: person in emails(one))
        hands.rest()
        button(page, "Leave the laptop at").click()
        hands.until(lambda: not hands.room.venue.standing.visiting)
    finally:
        sharing.stop()


def test_not_found_names_the_reason_and_offers_a_file_each_way(office: Any, laptop: Any, window: Window, tmp_path: Path, monkeypatch: Any) -> None:
    one, two = laptop("one", office), laptop("two", office)
    office.kill()
    add_member(one, first_name="Carried")
    hands = window(one)
    page = hands.page("sync")
    hands.until(lambda: page.here.isVisible())
    button(page, "Not found?").click()
    sheet = hands.dialog(NotFoundSheet)
    hands.until(lambda: sheet.reason.text() != "Listening …")
    assert "parcel write" not in all_words(sheet)
    assert "Everything also stays here until the server has it." in all_words(sheet)
    file = tmp_path / "carried.alumnidesk"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(file), ""))
    hands.click(sheet.save_button)
    hands.until(lambda: "carried.alumnidesk" in sheet.said.text())
    sheet.reject()
    other = window(two)
    other.room.take_file(file)
    brought = other.dialog(BroughtSheet)
    assert "one" in all_words(brought) and "sealed bundle" in all_words(brought) and len(emails(two)) == 0
    other.click(brought.done_button)
    other.until(lambda: len(emails(two)) == 1)
    other.until(lambda: "taken in" in said(other))


# -- removing


def test_removing_a_laptop_names_the_invitations_that_end_with_it(office: Any, laptop: Any, window: Window) -> None:
    leader, hana = laptop("leader", office), laptop("Hana2", office)
    made = [inviting.invite(hana, "leader", name="Evil") for _n in range(2)]
    hands = window(leader)
    page = details(hands)
    hands.until(lambda: "Evil" in all_words(page))
    button(page, "Remove").click()
    sheet = hands.dialog(Sheet)
    assert "2 open invitations that it made end with it" in all_words(sheet)
    hands.click(sheet.done_button)
    hands.until(lambda: "Hana2" in said(hands) and "is removed; 2 open invitations that it made ended with it" in said(hands))
    hands.until(lambda: "Evil" not in all_words(page))
    with pytest.raises(KnownError, match="was cancelled"):
        join(laptop("thief"), made[0].url, made[0].code)


# -- beginning


def test_a_laptop_that_has_just_joined_fetches_at_once(office: Any, laptop: Any, window: Window) -> None:
    leader, new = laptop("leader", office), laptop("new")
    person = add_member(leader, first_name="There").id
    sync_once(leader)
    join(new, office.url, office.invite(), device_name="new")
    hands = window(new)
    hands.until(lambda: person in emails(new))  # and not a minute later
    assert hands.room.bridge.next_try() is not None


def test_what_a_laptop_keeps_is_said_after_the_window_was_opened_again(laptop: Any, window: Window) -> None:
    keeper = laptop("keeper")
    keeper.make_chapter("Great Lakes", "Aldermoor", "America/Chicago")
    port = free_port()
    keeping.begin(keeper, port=port, host="127.0.0.1").stop()
    hands = window(keeper)
    hands.until(lambda: hands.room.bridge.kept_at)  # before the page is built
    page = hands.page("sync")
    hands.until(lambda: "For the others" in words(page) and str(port) in words(page))
    assert button(page, "Move to an office’s server")
    hands.room.close()
    with hanging_up(port):
        again = window(keeper)
        again.until(lambda: again.room.bridge.not_kept)
        page = again.page("sync")
        again.until(lambda: "It is not kept now" in words(page) and again.room.bridge.not_kept in words(page))


@contextmanager
def hanging_up(port: int) -> Iterator[None]:
    """Another program that listens there, and hangs up on whoever calls."""

    class Taken(socketserver.TCPServer):
        allow_reuse_address = True

    with Taken(("127.0.0.1", port), socketserver.BaseRequestHandler) as taken:
        answering = threading.Thread(target=taken.serve_forever, kwargs={"poll_interval": 0.05})
        answering.start()
        try:
            yield
        finally:
            taken.shutdown()
            answering.join()


# -- files


def test_an_invitation_that_is_dropped_fills_the_form_and_does_nothing_yet(office: Any, laptop: Any, window: Window, desk: Desk, tmp_path: Path) -> None:
    leader = laptop("leader", office)
    made = inviting.invite(leader, "leader", name="Hana")
    file = inviting.save(made, tmp_path / "Hana.alumnidesk")
    hands = window(desk)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file))])
    hands.shell.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier))
    hands.until(lambda: any("Invitation to" in sheet.windowTitle() for sheet in hands.open_dialogs(PlainSheet)))
    sheet = hands.open_dialogs(PlainSheet)[-1]
    form = sheet.findChild(JoinForm)
    assert form.server.text() == made.url and form.code.text().replace("-", "") == made.code.replace("-", "")
    assert status(desk).state == "alone"
    sheet.reject()


def test_a_file_that_is_none_of_ours_says_so(laptop: Any, window: Window, office: Any, tmp_path: Path) -> None:
    hands = window(laptop("one", office))
    file = tmp_path / "letter.alumnidesk"
    file.write_text("Dear all")
    hands.room.take_file(file)
    hands.until(lambda: "no file of Alumni Desk" in said(hands))


# -- quitting


def test_closing_sends_first_where_a_sync_can(office: Any, laptop: Any, window: Window) -> None:
    one = laptop("one", office)
    hands = window(one)
    hands.room.bridge._soon.setInterval(3_600_000)  # the window is closed before it would sync by itself
    add_member(one, first_name="Ada")
    hands.until(lambda: hands.room.bridge.waiting)
    hands.shell.close()
    hands.until(lambda: not hands.shell.isVisible())
    assert status(one).waiting == 0


def test_closing_with_unsent_changes_says_how_many_and_offers_a_file(office: Any, laptop: Any, window: Window, tmp_path: Path, monkeypatch: Any) -> None:
    one = laptop("one", office)
    office.kill()
    hands = window(one)
    add_member(one, first_name="Ada")
    hands.until(lambda: hands.room.bridge.waiting)
    count = hands.room.bridge.waiting
    hands.shell.close()
    assert hands.shell.isVisible()
    sheet = hands.dialog(WaitingSheet)
    assert f"{count} change" in all_words(sheet) and "safe on this laptop" in all_words(sheet)
    file = tmp_path / "way.alumnidesk"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(file), ""))
    hands.click(sheet.save)
    assert not sheet.quit.isEnabled()  # before it is known what came of the file
    hands.until(lambda: "Saved as way.alumnidesk" in all_words(sheet))
    assert file.exists() and sheet.quit.isEnabled()
    hands.click(sheet.stay)
    hands.until(lambda: hands.room.quitting.sheet is None)
    assert hands.shell.isVisible()
    hands.shell.close()
    hands.click(hands.dialog(WaitingSheet).quit)
    hands.until(lambda: not hands.shell.isVisible())


def test_what_goes_up_while_the_question_is_open_is_said_and_only_quitting_is_left(office: Any, laptop: Any, window: Window) -> None:
    one = laptop("one", office)
    office.kill()
    hands = window(one)
    add_member(one, first_name="Ada")
    hands.until(lambda: hands.room.bridge.waiting)
    hands.shell.close()
    sheet = hands.dialog(WaitingSheet)
    office.start()
    hands.room.bridge.sync_now()
    hands.until(lambda: "Everything is at the server now" in all_words(sheet))
    assert "could not be sent" not in all_words(sheet) and "transfer file" not in all_words(sheet) and not sheet.save.isVisible()
    assert sheet.focusWidget() is sheet.quit
    if os.environ.get("SHOTS"):
        sheet.grab().save(f"{os.environ['SHOTS']}/quit-gone-up.png")
    hands.click(sheet.quit)
    hands.until(lambda: not hands.shell.isVisible())


def test_a_locked_window_with_a_form_and_unsent_changes_asks_of_both(office: Any, laptop: Any, window: Window) -> None:
    one = laptop("one", office)
    office.kill()
    hands = window(one)
    add_member(one, first_name="Ada")
    hands.until(lambda: hands.room.bridge.waiting)
    hands.page("members").add()
    QTest.keyClicks(hands.dialog(MemberForm)._fields["first_name"], "Halfway")
    hands.room.lock.lock()
    hands.shell.close()
    hands.click(hands.dialog(FormsSheet).quit)
    sheet = hands.dialog(WaitingSheet)
    hands.click(sheet.save)
    assert "locked" in all_words(sheet) and sheet.quit.isEnabled()
    hands.click(sheet.stay)
    hands.until(lambda: hands.room.quitting.sheet is None)
    hands.shell.close()
    hands.click(hands.dialog(FormsSheet).quit)
    hands.click(hands.dialog(WaitingSheet).quit)
    hands.until(lambda: not hands.shell.isVisible())


def test_what_came_of_a_transfer_file_is_said_when_its_sheet_is_gone(office: Any, laptop: Any, window: Window, tmp_path: Path, monkeypatch: Any) -> None:
    one = laptop("one", office)
    office.kill()
    hands = window(one)
    add_member(one, first_name="Ada")
    hands.until(lambda: hands.room.bridge.waiting)
    go_on = threading.Event()
    right = files.write_parcels
    monkeypatch.setattr(files, "write_parcels", lambda *arguments: (go_on.wait(30), right(*arguments))[1])
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(tmp_path / "way.alumnidesk"), ""))
    hands.shell.close()
    sheet = hands.dialog(WaitingSheet)
    hands.click(sheet.save)
    hands.click(sheet.stay)
    hands.until(lambda: not shiboken6.isValid(sheet))
    go_on.set()
    hands.until(lambda: "Saved as way.alumnidesk" in hands.shell.toast.words.text())


def test_a_silent_server_is_not_waited_for(laptop: Any, office: Any, window: Window) -> None:
    one = laptop("one", office)
    hands = window(one)
    hands.room.bridge._soon.setInterval(3_600_000)
    add_member(one, first_name="Ada")
    hands.until(lambda: hands.room.bridge.waiting)
    hands.room.bridge._busy = True  # as while a sync waits for a server that does not answer
    hands.shell.close()
    hands.click(hands.dialog(SendingSheet).skip)
    hands.dialog(WaitingSheet).reject()
    hands.room.bridge._busy = False


def test_a_laptop_that_works_alone_closes_at_once(desk: Desk, window: Window) -> None:
    hands = window(desk)
    add_member(desk, first_name="Ada")
    hands.shell.close()
    assert not hands.shell.isVisible()


# -- the end of a term


def details(hands: Hands) -> Any:
    page = hands.page("sync")
    hands.until(lambda: page._facts is not None)
    if not page.details.is_open:
        button(page, "Details").click()
        hands.until(lambda: "Version" in words(page))
    return page


def test_leaving_asks_sends_and_empties(office: Any, laptop: Any, window: Window) -> None:
    laptop("other", office)
    one = laptop("one", office)
    hands = window(one)
    gone: list[str] = []
    hands.room.bridge.removed.connect(gone.append)
    page = details(hands)
    assert "Hand over the chapter" in words(page)
    button(page, "Leave the chapter").click()
    hands.click(hands.dialog(Sheet).done_button)
    hands.until(lambda: gone)
    assert "left the chapter" in gone[0] and removal.removed(one.profile) is not None


def test_erasing_asks_twice_and_warns_the_last_leader(office: Any, laptop: Any, window: Window) -> None:
    one = laptop("one", office)
    add_member(one, first_name="Ada")
    hands = window(one)
    gone: list[str] = []
    hands.room.bridge.removed.connect(gone.append)
    erase_everything(hands.shell, one, hands.room.lanes, hands.room.bridge, lambda: None)
    first = hands.dialog(FirstAsk)
    assert first.back_up is None and "stays there" in all_words(first)
    hands.click(first.done_button)
    second = hands.dialog(SecondAsk)
    second.typed.setText("Bostn")
    assert not second.done_button.isEnabled()
    second.typed.setText("boston")
    hands.click(second.done_button)
    hands.until(lambda: any(sheet.back_up is not None for sheet in hands.open_dialogs(FirstAsk)))
    again = hands.dialog(FirstAsk)
    assert "Nobody else looks after this chapter" in all_words(again) and not gone
    hands.click(again.done_button)
    second = hands.dialog(SecondAsk)
    second.typed.setText("Boston")
    hands.click(second.done_button)
    hands.until(lambda: gone)
    assert gone[0].startswith("Everything of this chapter was erased from this laptop on ")
    other = laptop("other", office)
    assert len(emails(other)) == 1, "what waited was sent first"


def test_erasing_a_laptop_that_works_alone_offers_a_backup_first(desk: Desk, window: Window) -> None:
    hands = window(desk)
    saved: list[bool] = []
    erase_everything(hands.shell, desk, hands.room.lanes, hands.room.bridge, lambda: saved.append(True))
    first = hands.dialog(FirstAsk)
    assert "nobody else has a copy" in all_words(first)
    hands.click(first.back_up)
    assert saved and removal.removed(desk.profile) is None
    gone: list[str] = []
    hands.room.bridge.removed.connect(gone.append)
    erase_everything(hands.shell, desk, hands.room.lanes, hands.room.bridge, lambda: None)
    hands.click(hands.dialog(FirstAsk).done_button)
    second = hands.dialog(SecondAsk)
    second.typed.setText("Boston")
    hands.click(second.done_button)
    hands.until(lambda: gone)
    assert "was erased" in gone[0] and not desk.profile.database.exists()


def test_an_admin_chooses_another_chapter(office: Any, laptop: Any, window: Window) -> None:
    laptop("leader", office)
    office.run("server", "invite", "--chapter", "Twin Cities", "--role", "leader")
    one = laptop("admin", office, role="admin")
    hands = window(one)
    page = details(hands)
    button(page, "Choose another chapter").click()
    sheet = hands.dialog(ChaptersSheet)
    hands.until(lambda: len(sheet.choice.radios) == 2)
    other = next(radio for radio in sheet.choice.radios if "Twin Cities" in radio.text() or ("Boston" in radio.text() and "shown now" not in radio.text()))
    name = other.text()
    other.setChecked(True)
    page.details.show_facts(page._facts)  # as after a sync that ends meanwhile
    QApplication.processEvents()
    hands.click(sheet.done_button)
    hands.until(lambda: name in said(hands))


@pytest.mark.parametrize("percent", [90, 150])
def test_long_names_of_chapters_take_lines_and_are_not_cut(office: Any, laptop: Any, window: Window, percent: int) -> None:
    long = "Vereinigung der Ehemaligen der Northgate University in Süddeutschland, Österreich und der deutschsprachigen Schweiz"
    for name in (long, "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"):
        office.run("server", "invite", "--chapter", name, "--role", "leader")
    hands = window(laptop("admin", office, role="admin"))
    hands.room.appearance.set_percent(percent)
    page = details(hands)
    button(page, "Choose another chapter").click()
    sheet = hands.dialog(ChaptersSheet)
    try:
        hands.until(lambda: len(sheet.choice.radios) >= 3)
        [radio] = [one for one in sheet.choice.radios if one.accessibleName().startswith(long)]
        hands.until(lambda: radio.width() < sheet.width() and radio.height() >= radio.heightForWidth(radio.width()) > px(40))  # laid out
        assert sheet._middle.horizontalScrollBar().maximum() == 0
        for one in sheet.choice.radios:
            assert one.height() >= one.heightForWidth(one.width())
            assert one.mapTo(sheet, one.rect().bottomRight()).x() < sheet.width()
        assert [one.isChecked() for one in sheet.choice.radios if "shown now" in one.text()] == [True]
        assert not sheet.done_button.isEnabled()
        hands.click(radio)
        assert sheet.done_button.isEnabled()
    finally:
        sheet.reject()
        hands.room.appearance.set_percent(100)


# -- a volunteer's laptop


def test_at_a_door_there_are_status_laptops_here_and_details_only(office: Any, laptop: Any, window: Window) -> None:
    leader = laptop("leader", office)
    gathering, _people = dinner(leader)
    sync_once(leader)
    hands = window(laptop("door", office, role="door", gathering=gathering))
    page = details(hands)
    text = words(page)
    assert "Laptops here" in text and "Check-in volunteer" in text and page.here.here.letting is None
    for away in ("Laptops of this chapter", "To decide", "History", "Hand over", "Leave the chapter"):
        assert away not in text


def test_laptops_stay_in_their_rows_while_they_are_looked_at(office: Any, laptop: Any, window: Window) -> None:
    laptops = [laptop(name, office) for name in ("one", "two", "three")]
    hands = window(laptops[0])
    page = hands.page("sync")
    hands.until(lambda: len(page.people.table.buttons) == 2)
    before = list(page.people.table.buttons)
    for desk in laptops[1:]:  # whoever the server heard last it tells first
        add_member(desk, first_name="Ada", last_name="Obi")
        sync_once(desk)
        page.people.refresh(0)
        hands.rest()
        assert list(page.people.table.buttons) == before


def test_without_the_server_a_leader_sees_the_laptops_as_it_last_told(office: Any, laptop: Any, window: Window) -> None:
    leader = laptop("leader", office)
    laptop("Garden door", office)
    assert len(laptops(leader)) == 2
    office.kill()
    hands = window(leader)
    page = details(hands)
    hands.room.bridge.sync_now()
    hands.until(lambda: "Garden door" in words(page) and "2 · as of " in words(page))


def test_without_the_server_the_page_goes_on_with_what_it_showed_last(office: Any, laptop: Any, window: Window) -> None:
    leader = laptop("leader", office)
    laptop("Garden door", office)
    hands = window(leader)
    page = details(hands)
    hands.until(lambda: not page.people._asking and page.people._found and not page.people._at)
    hands.rest()
    with leader.applying() as applying:  # what is kept may be a while older than what is shown
        kept = state.read(applying.connection, state.Told)
        assert kept is not None
        then = (datetime.fromisoformat(kept.at) - timedelta(seconds=30)).isoformat()
        rows = [msgspec.structs.replace(one, last_seen=(one.last_seen or 0) - 600_000) for one in kept.laptops]
        state.keep(applying.connection, msgspec.structs.replace(kept, at=then, laptops=rows))
    hands.rest()
    shown = page.people._found
    office.kill()
    hands.room.bridge.sync_now()
    hands.until(lambda: "2 · as of " in words(page))
    assert [(one.name, one.last_seen) for one in page.people._found] == [(one.name, one.last_seen) for one in shown]


def test_everything_on_the_page_has_a_name_and_fits_at_150_per_cent(office: Any, laptop: Any, hands_of: Any) -> None:
    one, two = laptop("This laptop with a rather long name of its own, for the Vice-President", office), laptop("two", office)
    disagree(one, two, 4)
    room = build(one, theme="dark", percent=150)
    room.shell.resize(1280, 800)
    room.shell.show()
    hands = hands_of(room)
    try:
        page = details(hands)
        room.venue.share()
        hands.until(lambda: room.venue.standing.sharing == "on" and page.decide.cards)
        hands.rest()
        scroll = page.stack._content
        assert scroll.horizontalScrollBar().maximum() == 0
        for one_button in page.findChildren(QAbstractButton):
            assert not one_button.isVisible() or one_button.accessibleName() or one_button.text()
        seen: list[QWidget] = []
        for _turn in range(12):
            QTest.keyClick(QApplication.focusWidget() or room.shell, Qt.Key.Key_F6)
            seen.append(QApplication.focusWidget())
        assert any(page.decide.isAncestorOf(place) for place in seen if place) and any(page.here.isAncestorOf(place) for place in seen if place)
    finally:
        room.close()
        room.shell.close()
        room.shell.deleteLater()


def test_a_hand_out_on_a_leaders_laptop_changes_nothing_and_says_so(office: Any, laptop: Any, window: Window, tmp_path: Path) -> None:
    one = laptop("one", office)
    gathering, _people = dinner(one)
    write_handout(one, gathering, tmp_path / "list.alumnidesk")
    hands = window(one)
    hands.room.take_file(tmp_path / "list.alumnidesk")
    sheet = hands.dialog(BroughtSheet)
    assert "changes nothing on a leader’s laptop" in all_words(sheet) and "takes the place" not in all_words(sheet)
    hands.click(sheet.done_button)
    hands.until(lambda: "Nothing was changed here" in said(hands))


def test_a_transfer_file_of_another_chapter_is_refused_in_words(office: Any, laptop: Any, window: Window, make_server: Any, tmp_path: Path) -> None:
    one = laptop("one", office)
    other = laptop("other", make_server())
    add_member(other, first_name="Ada")
    file = write_parcels(other, tmp_path / "x.alumnidesk").file
    hands = window(one)
    hands.room.take_file(file)
    sheet = hands.dialog(BroughtSheet)
    hands.click(sheet.done_button)
    hands.until(lambda: "another chapter" in sheet.reason.text())
    sheet.reject()


def test_a_new_laptop_joins_from_the_first_page(office: Any, laptop: Any, qtbot: Any) -> None:
    leader = laptop("leader", office)
    gathering, _people = dinner(leader)
    sync_once(leader)
    office.kill()
    new = laptop("new")
    ways = ways_of(new.profile)
    front = Front(100, lambda percent: None)
    ready: list[tuple[Any, ...]] = []
    opening = Opening(front, replace(ways, open=lambda password: new), lambda *given: ready.append(given))
    sharing = Sharing(leader, host="127.0.0.1", port=0, gathering=gathering)
    try:
        opening.begin()
        front.show()
        qtbot.waitUntil(lambda: "Welcome to Alumni Desk" in all_words(front) and front.findChild(FirstRun) is not None, timeout=15_000)
        button(front, "Join a laptop that shares here").click()
        qtbot.waitUntil(lambda: any(isinstance(one, JoinLaptopSheet) and one.isVisible() for one in QApplication.topLevelWidgets()))
        sheet = next(one for one in QApplication.topLevelWidgets() if isinstance(one, JoinLaptopSheet) and one.isVisible())
        sheet.form.paste(sharing.qr)
        sheet.done_button.click()
        qtbot.waitUntil(lambda: bool(ready), timeout=15_000)
        assert ready[0][1:] == ("checkin", {"stay_with": (sharing.address, sharing.code)}) and status(new).role == "door"
    finally:
        sharing.stop()
        opening.close()
        front.close()
        front.deleteLater()


def test_each_code_leads_from_the_other_ones_dialog_to_its_own(office: Any, laptop: Any, window: Window) -> None:
    one, two = laptop("one", office), laptop("two", office)
    made = inviting.invite(two, "leader", name="Hana")
    hands = window(one)
    page = hands.page("sync")
    hands.until(lambda: page.here.isVisible())
    sharing = Sharing(two, host="127.0.0.1", port=0)
    try:
        page._ask_again()
        sheet = hands.dialog(PlainSheet)
        form = sheet.findChild(JoinForm)
        form.take_text(sharing.qr)
        hands.until(lambda: form.verdict.way_out is not None and form.verdict.way_out.isVisible())
        hands.click(button(sheet, "Join that laptop"))
        hands.until(lambda: len(hands.open_dialogs(JoinLaptopSheet)) == len(hands.open_dialogs(PlainSheet)) == 1)
        second = hands.dialog(JoinLaptopSheet)
        assert (second.form.address.text(), second.done_button.isEnabled()) == (sharing.address, True)
        second.form.paste(made.qr)
        hands.until(lambda: second.form.code_row.way_out is not None and second.form.code_row.way_out.isVisible())
        hands.click(button(second, "Join with that invitation"))
        hands.until(lambda: not hands.open_dialogs(JoinLaptopSheet) and len(hands.open_dialogs(PlainSheet)) == 1)
        sheet = hands.dialog(PlainSheet)
        form = sheet.findChild(JoinForm)
        hands.until(lambda: "joined Boston already" in all_words(sheet))
        assert form.server.text() == made.url and read_invitation(form.code.text()) == short_invitation(made.code)
        hands.rest()
        sheet.reject()
    finally:
        sharing.stop()


def test_each_code_leads_to_its_own_dialog_on_the_first_page(office: Any, laptop: Any, qtbot: Any) -> None:
    leader = laptop("leader", office)
    gathering, _people = dinner(leader)
    made = inviting.invite(leader, "leader", name="Hana")
    new = laptop("new")
    front = Front(100, lambda percent: None)
    opening = Opening(front, replace(ways_of(new.profile), open=lambda password: new), lambda *given: None)
    sharing = Sharing(leader, host="127.0.0.1", port=0, gathering=gathering)

    def sheets() -> list[JoinLaptopSheet]:
        return [one for one in QApplication.topLevelWidgets() if isinstance(one, JoinLaptopSheet) and one.isVisible()]

    try:
        opening.begin()
        front.show()
        qtbot.waitUntil(lambda: front.findChild(FirstRun) is not None and front.findChild(FirstRun).isVisible(), timeout=15_000)
        opening._ask_join()
        front.findChild(JoinForm).take_text(sharing.qr)
        qtbot.waitUntil(lambda: link.isVisible() if (link := front.findChild(JoinForm).verdict.way_out) is not None else False, timeout=15_000)
        button(front, "Join that laptop").click()
        qtbot.waitUntil(lambda: bool(sheets()), timeout=15_000)
        [sheet] = sheets()
        assert (sheet.form.address.text(), sheet.done_button.isEnabled()) == (sharing.address, True)
        sheet.form.paste(made.qr)
        qtbot.waitUntil(lambda: sheet.form.code_row.way_out is not None and sheet.form.code_row.way_out.isVisible(), timeout=15_000)
        button(sheet, "Join with that invitation").click()
        qtbot.waitUntil(lambda: not sheets() and any(one.isVisible() and one.server.text() == made.url for one in front.findChildren(JoinForm)), timeout=15_000)
        qtbot.waitUntil(lambda: opening.lanes.idle(), timeout=15_000)
    finally:
        sharing.stop()
        opening.close()
        front.close()
        front.deleteLater()


def test_a_new_laptop_stays_with_the_one_that_let_it_in_also_in_another_text_size(office: Any, laptop: Any, qapp: QApplication, qtbot: Any) -> None:
    leader = laptop("leader", office)
    gathering, people = dinner(leader)
    sync_once(leader)
    office.kill()
    new = laptop("new")
    qapp.setQuitOnLastWindowClosed(False)
    sitting = Sitting(qapp, new.profile, replace(ways_of(new.profile), open=lambda password: new), room_in)
    sharing = Sharing(leader, host="127.0.0.1", port=0, gathering=gathering)

    def until(condition: Callable[[], Any]) -> None:
        qtbot.waitUntil(lambda: bool(condition()), timeout=15_000)

    def venue() -> AtVenue:
        return sitting.room.venue.standing if sitting.room is not None else AtVenue()

    try:
        sitting.begin()
        until(lambda: sitting.front is not None and sitting.front.findChild(FirstRun) is not None)
        button(sitting.front, "Join a laptop that shares here").click()
        until(lambda: any(isinstance(one, JoinLaptopSheet) and one.isVisible() for one in QApplication.topLevelWidgets()))
        sheet = next(one for one in QApplication.topLevelWidgets() if isinstance(one, JoinLaptopSheet) and one.isVisible())
        sheet.form.paste(sharing.qr)
        sheet.done_button.click()
        until(lambda: venue().visiting == sharing.address and venue().connected == 1)
        check_in(leader, gathering, person_id=people[0])
        until(lambda: headcount(new, gathering).present == 1)
        check_in(new, gathering, person_id=people[1])
        until(lambda: headcount(leader, gathering).present == 2)
        before = sitting.room
        sitting.appearance.set_percent(125)
        until(lambda: sitting.room is not before and venue().visiting == sharing.address and venue().connected == 1)
        check_in(new, gathering, person_id=people[2])
        until(lambda: headcount(leader, gathering).present == 3)
    finally:
        sharing.stop()
        sitting.appearance.set_percent(100)
        until(lambda: not sitting._size_waits)
        sitting.close()
        qapp.setQuitOnLastWindowClosed(True)


def test_sharing_goes_on_with_the_same_code_in_another_text_size(office: Any, laptop: Any, qapp: QApplication, qtbot: Any) -> None:
    one, two = laptop("one", office), laptop("two", office)
    office.kill()
    qapp.setQuitOnLastWindowClosed(False)
    sitting = Sitting(qapp, one.profile, replace(ways_of(one.profile), open=lambda password: one), room_in)

    def until(condition: Callable[[], Any]) -> None:
        qtbot.waitUntil(lambda: bool(condition()), timeout=15_000)

    try:
        sitting.begin()
        until(lambda: sitting.room is not None and sitting.room.lanes.idle())
        room = sitting.room
        assert room is not None
        room.venue.share()
        until(lambda: room.venue.standing.sharing == "on")
        before = room.venue.standing
        sitting.appearance.set_percent(125)
        until(lambda: sitting.room is not None and sitting.room is not room)
        after = sitting.room.venue.standing if sitting.room is not None else AtVenue()
        assert (after.sharing, after.code, after.address) == ("on", before.code, before.address)
        visit = Visit(two, f"127.0.0.1:{before.address.rsplit(':', 1)[1]}", before.code)
        visit.once()
        staying = threading.Thread(target=visit.stay)
        staying.start()
        until(lambda: sitting.room is not None and sitting.room.venue.standing.connected == 1)
        visit.stop()
        staying.join(10)
    finally:
        sitting.appearance.set_percent(100)
        until(lambda: not sitting._size_waits)
        sitting.close()
        qapp.setQuitOnLastWindowClosed(True)


def test_an_invitation_by_double_click_fills_the_form_of_the_first_page(office: Any, laptop: Any, qtbot: Any, tmp_path: Path) -> None:
    made = inviting.invite(laptop("leader", office), "leader", name="Hana")
    file = inviting.save(made, tmp_path / "Hana.alumnidesk")
    new = laptop("new")
    front = Front(100, lambda percent: None)
    opening = Opening(front, replace(ways_of(new.profile), open=lambda password: new), lambda *given: None)
    try:
        opening.take_file(file)  # before anything is open
        opening.begin()
        front.show()
        qtbot.waitUntil(lambda: "Invitation to" in all_words(front) and front.findChild(JoinForm) is not None, timeout=15_000)
        form = front.findChild(JoinForm)
        assert form.server.text() == made.url
        qtbot.waitUntil(lambda: form.button.isEnabled() and form.button.text() == "Join Boston", timeout=15_000)
        assert status(new).state == "alone"
        letter = tmp_path / "letter.alumnidesk"
        letter.write_text("Dear all")
        opening.take_file(letter)
        qtbot.waitUntil(lambda: "is no invitation" in all_words(front))
    finally:
        opening.close()
        front.close()
        front.deleteLater()


def test_a_new_laptop_that_is_started_by_an_invitation_asks_for_it_once(office: Any, laptop: Any, qapp: QApplication, qtbot: Any, tmp_path: Path) -> None:
    file = inviting.save(inviting.invite(laptop("leader", office), "leader", name="Hana"), tmp_path / "Hana.alumnidesk")
    new = laptop("new")
    qapp.setQuitOnLastWindowClosed(False)
    sitting = Sitting(qapp, new.profile, replace(ways_of(new.profile), open=lambda password: new), room_in)

    def until(condition: Callable[[], Any]) -> None:
        qtbot.waitUntil(lambda: bool(condition()), timeout=15_000)

    def form() -> JoinForm | None:
        return sitting.front.findChild(JoinForm) if sitting.front is not None else None

    try:
        sitting.take_files([file])  # as the program does it, before it begins
        sitting.begin()
        until(lambda: (there := form()) is not None and there.button.isEnabled() and there.button.text() == "Join Boston")
        joining = form()
        assert joining is not None
        joining.button.click()
        until(lambda: sitting.room is not None and sitting.room.lanes.idle() and not sitting.room.bridge.busy and status(new).state == "synced")
        assert sitting._files == []
        assert [one for one in QApplication.topLevelWidgets() if isinstance(one, PlainSheet) and one.isVisible()] == []
    finally:
        sitting.close()
        qapp.setQuitOnLastWindowClosed(True)


@pytest.mark.parametrize("text", ["{code}", "Dear Hana,\n\nCode: {code}\nServer: {url}\n\nIt can be used once, on 1 laptop.", "{qr}", "  {qr}\n"])
def test_an_invitation_is_found_in_whatever_was_copied(text: str) -> None:
    code = new_invitation()
    made = inviting.Invitation("id", code, "https://desk.example.org:8443#sha256=" + "ab" * 32, "2026-12-01T00:00:00Z", "Boston", "leader", None, None, None)
    found = invitation_in(text.format(code=code, url=made.url, qr=made.qr))
    assert found is not None and read_invitation(found[1]) == read_invitation(code)
    assert found[0] == ("" if text == "{code}" else made.url)
    assert invitation_in("Dear Hana, the code is 1234-5678-9012-3456, call 0123 4567 8901 2345") is None


def test_a_scanned_code_is_sent_whole_and_a_typed_one_as_it_was_typed(qtbot: Any, lanes: Lanes) -> None:
    code = new_invitation()
    form = JoinForm("Laptop", lanes=lanes)
    qtbot.addWidget(form)
    asked: list[str] = []
    form.joined.connect(lambda url, code, laptop, carry: asked.append(code))
    form.fill("https://desk.example.org", long_invitation(code, bytes(10)))
    form._join()
    form.code.fill(other := new_invitation())
    form._join()
    assert asked == [long_invitation(code, bytes(10)), other]


def test_the_line_at_the_door_says_what_the_venue_knows() -> None:
    now = datetime(2026, 11, 10, 19, 0, tzinfo=UTC)
    near = (Nearby("Hana", "Garden door", now, True), Nearby("Yusuf", "Terrace", now, True))
    said = network_words(AtVenue(sharing="on", others=near), now - timedelta(minutes=58), now - timedelta(minutes=40), 41, now, "America/Detroit")
    assert said.first == "3 laptops here, no internet since 13:02", "as the clock and the list of that door, whatever the computer's zone"
    assert said.second == "41 changes wait on this laptop, nothing is lost" and said.age == "The guest list is 40 minutes old"
    near = (*near, Nearby("Sana", "Sana’s laptop", now - timedelta(minutes=18), False))
    said = network_words(AtVenue(sharing="on", others=near), now - timedelta(minutes=58), now - timedelta(minutes=5), 41, now, "America/Detroit")
    assert said.first == "3 laptops here, no internet since 13:02"
    assert said.second == "\u2068Sana’s laptop\u2069 has not answered since 13:42 · 41 changes wait on this laptop, nothing is lost"
    near = (*near, Nearby("Ada", "", now - timedelta(minutes=3), False))
    said = network_words(AtVenue(visiting="10.0.0.2:7807", others=near), now - timedelta(minutes=58), now, 0, now, "America/Detroit")
    assert said.second == "\u2068Ada\u2069 has not answered since 13:57, nor has 1 other · Check-in goes on"
    assert network_words(AtVenue(others=near), now - timedelta(minutes=58), now, 0, now, None).second == "Check-in goes on", "it is with nobody any more"
    assert network_words(AtVenue(sharing="on", others=near), None, None, 41, now, None).first == "", "with the internet it is silent"


def test_since_when_is_not_made_up_after_a_restart() -> None:
    now = datetime(2026, 11, 10, 19, 0, tzinfo=UTC)
    silent, synced, alone, together = now - timedelta(minutes=1), now - timedelta(minutes=40), AtVenue(), AtVenue(sharing="on")

    def first(last: datetime | None, venue: AtVenue = alone, *, heard: bool = False) -> str:
        return network_words(venue, silent, last, 0, now, "America/Detroit", heard=heard).first

    assert first(synced, heard=True) == "No internet since 13:59", "this program saw it go"
    assert first(synced) == "No internet, last sync 13:20" and first(synced, together) == "1 laptop here, no internet, last sync 13:20"
    assert first(now - timedelta(days=2, hours=20)) == "No internet, last sync 7 Nov, 18:00"
    assert first(None) == "No internet, no sync with the server yet" and first(None, together) == "1 laptop here, no internet, no sync with the server yet"


def test_a_program_that_begins_without_internet_says_when_it_synced_last(office: Any, laptop: Any, window: Window) -> None:
    one = laptop("one", office)
    add_member(one, first_name="Ada")
    reception = new_gathering(one, name="Reception", start="2030-11-12T18:30", time_zone="UTC").id
    sync_once(one)
    at = status(one).last_sync
    assert at is not None
    office.kill()
    hands = window(one)
    page = hands.page("checkin")
    page.open(gathering=reception)
    hands.until(lambda: page.door is not None)
    said = f"No internet, last sync {datetime.fromisoformat(at):%H:%M}"
    hands.until(lambda: page.door.network.accessibleName().startswith(said))
    hands.room.bridge._trouble(StoreProblem("database_busy", "Another program writes."))  # that is here, and nothing that the server said
    hands.rest()
    hands.room._tell_door()
    assert page.door.network.accessibleName().startswith(said)
    office.start()
    hands.room.bridge.sync_now()
    hands.until(lambda: not page.door.network.isVisible())
    office.kill()
    hands.until(lambda: page.door.network.accessibleName().startswith("No internet since"))
    page.door.close()
    hands.rest()


@pytest.mark.parametrize(("why", "shares", "says"), [("no_network", False, "in no network"), ("nobody", True, "keeps its guests apart"),
                                                     ("nobody", False, "Start sharing on one"), ("closed", False, "firewall")])  # fmt: skip
def test_the_reason_is_named_for_somebody_at_a_window(why: Any, shares: bool, says: str) -> None:
    place = Place("127.0.0.1", 7807)
    search = told((Found("x", place, None, False),) if why == "closed" else (), [] if why == "no_network" else [IPv4Interface("192.168.1.5/24")])
    assert search.why == why
    sentence = reason_words(search, shares=shares)
    assert says in sentence and "parcel write" not in sentence


def test_whom_the_server_lets_in_no_more_does_not_ask_again_and_again(office: RunningServer, laptop: Callable[..., Desk], window: Window) -> None:
    desk = laptop("stranger", office)
    hands = window(desk)
    bridge = hands.room.bridge
    hands.until(lambda: bridge._listens)
    office.kill()
    database = open_in_profile(office.profile, None)
    with database.writing() as connection:  # a server that was restored to a day before this laptop came
        connection.exec_driver_sql("DELETE FROM device")
    (office.profile / journal.FILE).unlink()
    database.close()
    office.start()
    begun: list[int] = []
    bridge.begun.connect(lambda: begun.append(1))
    refused: list[Any] = []
    bridge.failed.connect(refused.append)
    bridge.sync_now()
    hands.until(lambda: [one for one in refused if not isinstance(one, NetworkProblem)] and not bridge._listens and not bridge.busy)
    hands.rest()
    assert len(begun) <= 3 and not bridge._listens


# -- the chapter has moved to another server


@pytest.mark.parametrize("role", ["door", "leader"])
def test_it_has_moved_takes_this_laptop_to_the_new_server(make_server: Any, laptop: Any, window: Window, role: str) -> None:
    """Also where the former one is gone."""
    former, new = make_server(), make_server()
    lead = laptop("Priya’s", former)
    evening = new_gathering(lead, name="Pub Night", start="2027-06-01T19:00", end="2027-06-01T23:00").id
    pat = add_member(lead, first_name="Pat", last_name="Two").id
    add_guests(lead, evening, [pat])
    sync_once(lead)
    other = laptop("Tomás’s", former, role, evening if role == "door" else None)
    moving.move(lead, new.url, new.invite())
    sync_once(lead)
    former.kill()
    check_in(other, evening, person_id=pat)
    hands = window(other)
    page = details(hands)
    button(page, "The server has moved").click()
    hands.until(lambda: any(one.isVisible() for one in hands.shell.findChildren(JoinForm)))
    form = next(one for one in hands.shell.findChildren(JoinForm) if one.isVisible())
    form.fill(new.url, new.invite(role=role, gathering=evening if role == "door" else None))
    hands.until(lambda: form._shown is not None and form.button.isEnabled())
    assert form.button.text().startswith("Move to Boston there" if role == "leader" else "Join Boston"), form.button.text()
    form.button.click()
    if role == "leader":  # its own answer to what may be nowhere else; at a door only its own doings go along, and they do
        before = membership_of(other)
        asked = asked_whether(hands, form)
        assert "Priya’s" not in all_words(asked) and "--anyway" not in all_words(asked) and "is lost" in all_words(asked)
        shot(hands, asked, "moved-without")
        asked.cancel.click()
        hands.until(lambda: form.isEnabled() and form.button.isEnabled())
        assert membership_of(other) == before and "Nothing was moved" in form.reason.text()
        form.button.click()
        asked_whether(hands, form).done_button.click()
    hands.until(lambda: status(other).state == "synced" and membership_of(other).url == new.url)
    sync_once(lead)
    assert headcount(lead, evening).present == 1


def asked_whether(hands: Hands, form: JoinForm) -> Sheet:
    """The question over the form."""
    hands.until(lambda: any(one.isVisible() for one in form.window().findChildren(Sheet)))
    return next(one for one in form.window().findChildren(Sheet) if one.isVisible())


def membership_of(desk: Desk) -> state.Membership:
    with desk.reading() as connection:
        found = state.read(connection, state.Membership)
    assert found is not None
    return found


def shot(hands: Hands, sheet: QWidget, name: str) -> None:
    if os.environ.get("SHOTS"):
        hands.rest()
        sheet.grab().save(f"{os.environ['SHOTS']}/{name}.png")


def test_the_button_of_the_details_that_has_the_keyboard_keeps_it_when_they_are_told_anew(office: Any, laptop: Any, window: Window) -> None:
    hands = window(laptop("Priya’s", office))
    page = hands.page("sync")
    hands.until(lambda: page.details._facts is not None and page.details._facts.leads and page.first_focus().isEnabled())
    hands.rest()
    button(page, "Details").setFocus()
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Space)
    hands.rest()
    for text in ("It has moved", "Hide the details"):
        button(page, text).setFocus()
        before = QApplication.focusWidget()
        page.details.show_facts(page.details._facts)
        hands.rest()
        focus = QApplication.focusWidget()
        assert focus is not None and focus is not before and focus.text() == text


# -- soon


def test_a_change_is_at_the_other_window_by_itself_soon(office: Any, laptop: Any, window: Window) -> None:
    one, two = (laptop(name, office) for name in ("one", "two"))
    writes, looks = window(one), window(two)
    for hands in (writes, looks):
        hands.until(lambda hands=hands: hands.room.bridge.joined and not hands.room.bridge.busy)
        hands.room.bridge._timer.stop()  # what comes every minute is not waited for
    looks.until(lambda: looks.room.bridge._listening is not None and looks.room.bridge._listening.hears)
    page = looks.page("members")
    writes.room.lanes.write(lambda: add_member(one, first_name="Ada", last_name="Obi"), lambda saved: writes.room.changes.tell(saved.changed))
    looks.until(lambda: page.table_model.rowCount() == 1)
    assert writes.room.bridge._soon.interval() < 1_000


def saved_behind_a_sync(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """One member is at the server by a sync that has not ended, another one is saved behind it. Set what is returned, and it ends."""
    bridge = hands.room.bridge
    hands.until(lambda: bridge.joined and not bridge.busy)
    bridge._timer.stop()
    right, ended, go_on = engine.sync_once, threading.Event(), threading.Event()

    def slow(*arguments: Any, **named: Any) -> Any:
        result = right(*arguments, **named)
        if not ended.is_set():
            ended.set()
            go_on.wait(60)
        return result

    monkeypatch.setattr(engine, "sync_once", slow)
    add_member(hands.desk, first_name="Ada", last_name="Obi")
    bridge.look()
    hands.until(ended.is_set)
    add_member(hands.desk, first_name="Grace", last_name="Hopper")
    bridge.look()
    return go_on


def test_what_is_saved_while_a_sync_is_under_way_goes_up_behind_it(office: Any, laptop: Any, window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the sync saw the newer one while it counted what was left, and where the window had counted just as many before."""
    one = laptop("one", office)
    hands = window(one)
    bridge = hands.room.bridge
    bridge._soon.setInterval(0)
    go_on = saved_behind_a_sync(hands, monkeypatch)
    hands.until(lambda: not bridge._soon.isActive() or bridge._busy)
    go_on.set()
    hands.until(lambda: not bridge.busy)
    hands.until(lambda: status(one).waiting == 0)


def test_what_is_saved_behind_a_sync_goes_up_before_the_window_closes(office: Any, laptop: Any, window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sync that is under way when somebody closes had passed over it: that is no server that cannot be reached."""
    one = laptop("one", office)
    hands = window(one)
    bridge = hands.room.bridge
    go_on = saved_behind_a_sync(hands, monkeypatch)
    hands.until(lambda: bridge.waiting == 1)
    hands.shell.close()
    hands.dialog(SendingSheet)
    go_on.set()
    hands.until(lambda: not hands.shell.isVisible() or hands.open_dialogs(WaitingSheet))
    assert not hands.open_dialogs(WaitingSheet) and status(one).waiting == 0


def test_sync_now_by_its_key_leaves_the_keyboard_there(office: Any, laptop: Any, window: Window) -> None:
    laptop("one", office)
    hands = window(laptop("two", office))
    page = hands.page("sync")
    hands.until(lambda: page.first_focus() is not None and page.first_focus().isEnabled())
    hands.shell.activateWindow()
    hands.until(hands.shell.isActiveWindow)
    page.first_focus().setFocus()
    ended: list[Any] = []
    page._bridge.ended.connect(ended.append)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Space)
    hands.until(lambda: ended)
    hands.until(lambda: page.first_focus().isEnabled())
    hands.rest()
    assert QApplication.focusWidget() is page.first_focus()
