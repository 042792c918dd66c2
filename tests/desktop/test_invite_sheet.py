"""Inviting somebody from the Sync page: what works is offered, and what is said of it is true."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPlainTextEdit, QWidget
from tests.conftest import PASSPHRASE
from tests.sync.conftest import make_server

from alumni_desk import __version__
from alumni_desk.desktop import inviting as desktop_inviting
from alumni_desk.desktop import people_part
from alumni_desk.desktop.app import build
from alumni_desk.desktop.controls import Button, Link
from alumni_desk.desktop.invite_sheet import InviteSheet
from alumni_desk.desktop.inviting import door_sees
from alumni_desk.desktop.join_form import JoinForm
from alumni_desk.desktop.set_aside_sheet import SetAsideSheet
from alumni_desk.errors import KnownError, NetworkProblem
from alumni_desk.gatherings.actions import new_gathering
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import count_members
from alumni_desk.protocol.policy import rules
from alumni_desk.schema import open_desk
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import erase
from alumni_desk.store.profile import Profile
from alumni_desk.sync import inviting, laptops, set_aside, switching
from alumni_desk.sync.engine import join, sync_once
from alumni_desk.sync.join import look
from alumni_desk.sync.shapes import shapes

__all__ = ["make_server"]


@pytest.fixture
def hands_on(desk: Desk, qtbot: Any, hands_of: Callable[[Any], Any]) -> Iterator[Callable[[str, str], Any]]:
    """The Sync page of a leader's laptop that has joined."""
    rooms = []

    def begin(url: str, code: str) -> Any:
        join(desk, url, code)
        sync_once(desk)
        room = build(desk, theme="light")
        rooms.append(room)
        room.shell.resize(1280, 800)
        room.shell.show()
        hands = hands_of(room)
        hands.rest()
        hands.page("sync")
        return hands

    yield begin
    for room in rooms:
        room.close()
        room.shell.close()
        room.shell.deleteLater()


@pytest.fixture
def make_second(tmp_path: Path) -> Iterator[Callable[[], Desk]]:
    """Another laptop."""
    made: list[Desk] = []

    def make() -> Desk:
        made.append(open_desk(Profile(tmp_path / "second")))
        return made[-1]

    yield make
    for desk in made:
        desk.close()


def all_words(widget: QWidget) -> str:
    """Everything that is to be read."""
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))


def invited(hands: Any) -> InviteSheet:
    """The dialog, with an invitation that stands."""
    hands.shell.current().people.invite()
    sheet: InviteSheet = hands.dialog(InviteSheet)
    hands.until(lambda: sheet.standing is not None)
    return sheet


def test_where_a_typed_code_cannot_work_the_whole_address_is_there_to_be_copied(
        make_server: Any, hands_on: Any, qtbot: Any, make_second: Callable[[], Desk]) -> None:
    server = make_server(None, ["--host", "0.0.0.0"])
    whole = server.url.replace(server.url.split("//")[1].split(":")[0], "127.0.0.1", 1)
    hands = hands_on(whole, server.invite())
    sheet = invited(hands)
    made = sheet.standing
    assert made is not None and not made.typed and "#sha256=" in made.server
    assert not sheet.first_half.isVisible() and made.code[:4] not in all_words(sheet) and sheet.address.text() == made.server
    assert "types the code" not in all_words(sheet) and "Paste" in all_words(sheet)
    hands.click(next(one for one in sheet.deeds if one.text() == "Copy as text"))
    copied = QGuiApplication.clipboard().text()
    form = JoinForm("Laptop", lanes=hands.room.lanes)
    qtbot.addWidget(form)
    asked: list[tuple[str, str]] = []
    form.joined.connect(lambda url, code, laptop, carry: asked.append((url, code)))
    form.take_text(copied)
    form._join()
    [(url, code)] = asked
    second = make_second()
    assert join(second, url.replace(url.split("//")[1].split(":")[0], "127.0.0.1", 1), code).role == "leader"
    sheet.reject()


def test_where_a_code_can_be_typed_it_is_shown_with_the_servers_name(make_server: Any, hands_on: Any) -> None:
    server = make_server()
    hands = hands_on(server.url, server.invite())
    sheet = invited(hands)
    made = sheet.standing
    assert made is not None and made.typed and sheet.first_half.text().replace(" ", "") == made.code.replace("-", "")[:8]
    assert not sheet.address.isVisible() and made.server in all_words(sheet) and sheet.deeds[-1].isVisible()
    sheet.reject()


def states(desk: Desk) -> dict[str | None, str]:
    """What became of each invitation, by whom it is for."""
    return {one.name: one.state for one in inviting.invitations(desk)}


def test_an_invitation_that_nobody_was_given_ends_with_its_dialog_and_an_open_one_is_listed_and_taken_back(
        make_server: Any, hands_on: Any, desk: Desk, tmp_path: Path) -> None:
    server = make_server()
    hands = hands_on(server.url, server.invite())
    people = hands.shell.current().people
    said: list[str] = []
    people.said.connect(said.append)
    sheet = invited(hands)
    QTest.keyClick(sheet, Qt.Key.Key_Escape)
    hands.until(lambda: bool(said))
    assert said == ["The invitation was given to nobody, so it was taken back."] and set(states(desk).values()) <= {"cancelled", "used"}
    hands.until(lambda: "Open invitations" not in all_words(people))

    sheet = invited(hands)
    QTest.keyClicks(sheet.name, "Kwame")
    hands.until(lambda: states(desk).get("Kwame") == "open" and sheet.state.isVisible())
    people._inviting.save_as(tmp_path / "kwame")
    QTest.keyClick(sheet, Qt.Key.Key_Escape)  # somebody may have the file
    hands.until(lambda: "Kwame" in all_words(people) and len(said) == 2)
    assert said[1:] == ["The invitation stands. It is listed on the Sync page, where it can be taken back."]
    assert "Everything in the chapter · can be used until" in all_words(people) and states(desk)["Kwame"] == "open"
    [back] = [one for one in people.findChildren(Button) if one.text() == "Take back"]
    assert back.accessibleName().startswith("Take back the invitation: ") and "Kwame" in back.accessibleName()
    hands.click(back)
    hands.until(lambda: "Open invitations" not in all_words(people) and len(said) == 3)  # the page may have asked before the answer came
    assert states(desk)["Kwame"] == "cancelled" and said[2:] == ["The invitation is taken back: its code opens nothing any more."]

    sheet = invited(hands)
    sheet.accept()  # Done: whoever closes it so has read the code out
    hands.until(lambda: "Without a name" in all_words(people))
    sheet = invited(hands)
    hands.click(sheet.cancel)
    hands.until(lambda: len(said) == 5)
    assert said[-1] == "The invitation is taken back: its code opens nothing any more."
    assert [one.state for one in inviting.invitations(desk)].count("open") == 1


def test_once_it_was_used_nothing_more_is_done_to_it_and_another_is_offered(make_server: Any, hands_on: Any, desk: Desk,
                                                                            make_second: Callable[[], Desk]) -> None:
    server = make_server()
    hands = hands_on(server.url, server.invite())
    sheet = invited(hands)
    QTest.keyClicks(sheet.name, "Kwame")
    hands.until(lambda: sheet.standing is not None and states(desk).get("Kwame") == "open" and sheet.cancel.isEnabled())
    made = sheet.standing
    assert made is not None
    join(make_second(), server.url, made.code)
    hands.until(lambda: "Kwame has joined" in all_words(sheet))
    assert sheet.state.glyph._icon == "check-circle" and "Valid until" not in all_words(sheet) and "types the code" not in all_words(sheet)
    assert not any(part.isEnabled() for part in (sheet.name, sheet.email, sheet.door, sheet.leader, *sheet.deeds)) and not sheet.cancel.isVisible()
    assert sheet.focusWidget() is sheet.done_button
    shot(sheet, "used")
    hands.click(sheet.next)
    hands.until(lambda: sheet.standing is not None and sheet.cancel.isEnabled())
    assert sheet.standing is not None and sheet.standing.code != made.code and sheet.name.text() == "" and sheet.name.isEnabled()
    assert "Not used yet" in all_words(sheet) and not sheet.next.isVisible() and states(desk)["Kwame"] == "used"
    sheet.reject()
    hands.until(lambda: list(states(desk).values()).count("open") == 0)
    hands.rest()


@pytest.mark.skipif(os.name != "posix", reason="Windows knows one time zone for a process")
def test_by_which_clock_it_ends_is_said_where_the_gathering_has_another(make_server: Any, hands_on: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        server = make_server()
        hands = hands_on(server.url, server.invite())
        day = f"{desk.now() + timedelta(days=20):%Y-%m-%d}"
        new_gathering(desk, name="Dinner", start=f"{day}T18:00", end=f"{day}T22:00", time_zone="America/New_York")
        sync_once(desk)
        sheet = invited(hands)
        assert "At most 24 hours after it ends, by this laptop’s clock (CE" in sheet.until_note.text()
        assert ", once, by this laptop’s clock (CE" in sheet.valid.first.text()
        shot(sheet, "zone")
        sheet.leader.button.setChecked(True)
        hands.until(lambda: sheet.cancel.isEnabled())
        assert "by this laptop’s clock" not in all_words(sheet)
        sheet.reject()
        hands.rest()
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


def shot(sheet: InviteSheet, name: str) -> None:
    if os.environ.get("SHOTS"):
        sheet.window().grab().save(f"{os.environ['SHOTS']}/invite-{name}.png")


def test_after_a_commands_switch_of_chapter_nobody_is_invited_into_the_other(
        make_server: Any, hands_on: Any, desk: Desk) -> None:
    server = make_server()
    for chapter in ("Boston", "Lowell"):
        server.invite(chapter)
    hands = hands_on(server.url, str(server.run("server", "invite", "--role", "admin")["code"]))
    [boston, lowell] = switching.chapters(desk)
    people = hands.shell.current().people
    said: list[str] = []
    people.said.connect(said.append)
    sheet = invited(hands)
    with open_desk(desk.profile, passphrase=PASSPHRASE) as command:
        switching.switch(command, "Lowell")
    QTest.keyClicks(sheet.name, "Kwame")
    hands.until(lambda: "switched this laptop to Lowell" in sheet.note.text())
    assert sheet.name.text() == "Kwame" and not any(one.isEnabled() for one in sheet.deeds)
    assert [one.name for one in inviting.invitations(desk, chapter=lowell.id) if one.by] == []
    assert [one.state for one in inviting.invitations(desk, chapter=boston.id) if one.state == "open" and one.role == "leader" and one.by] == ["open"]
    sheet.reject()  # what stood for Boston is taken back there
    hands.until(lambda: said == ["The invitation was given to nobody, so it was taken back."])
    assert not [one for one in inviting.invitations(desk, chapter=boston.id) if one.state == "open" and one.by]
    hands.rest()


def test_an_admins_invitation_is_listed_and_no_leader_is_offered_to_take_it_back(make_server: Any, hands_on: Any, desk: Desk) -> None:
    server = make_server()
    hands = hands_on(server.url, server.invite())
    people = hands.shell.current().people
    server.invite(role="admin")
    inviting.invite(desk, "leader", name="Kwame")
    people.refresh(0)
    hands.until(lambda: "Every chapter · " in all_words(people))
    [back] = [one for one in people.findChildren(Button) if one.text() == "Take back"]
    assert "Kwame" in back.accessibleName()


def test_the_details_say_which_laptop_has_which_version(make_server: Any, hands_on: Any, make_second: Callable[[], Desk]) -> None:
    server = make_server()
    second = make_second()
    join(second, server.url, server.invite(), device_name="Garden laptop")
    sync_once(second)
    hands = hands_on(server.url, server.invite())
    page = hands.shell.current()
    hands.until(lambda: "Garden laptop" in all_words(page.people))
    page.details.turn()
    hands.until(lambda: f"Alumni Desk {__version__}\nThis laptop, \u2068Garden laptop\u2069" in all_words(page))


def test_whoever_looks_at_another_page_meanwhile_finds_the_laptops_all_the_same(make_server: Any, hands_on: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = make_server()
    hands = hands_on(server.url, server.invite())
    page, asked = hands.shell.current(), []
    hands.rest()
    monkeypatch.setattr(page.people, "refresh", asked.append)
    hands.shell.show_page("today")
    page.out_of_date()
    hands.shell.show_page("sync")
    hands.shell.show_page("today")  # before anything could be looked up
    hands.rest()
    assert not asked
    hands.shell.show_page("sync")
    hands.rest()
    assert asked


def test_while_the_server_hangs_the_laptops_are_shown_as_it_told_them_last(make_server: Any, hands_on: Any, desk: Desk) -> None:
    server = make_server()
    hands = hands_on(server.url, server.invite())
    people = hands.shell.current().people
    hands.until(lambda: "This laptop" in all_words(people))
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        people._found, people._at = [], ""  # as in a window that opens now
        people._draw("")
        assert "This laptop" not in all_words(people)
        people.refresh(0)
        hands.until(lambda: "This laptop" in all_words(people) and "as of" in all_words(people))
        assert people._asking
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    hands.until(lambda: "as of" not in all_words(people))


def test_a_leader_is_not_offered_to_remove_a_network_admins_laptop(make_server: Any, hands_on: Any, make_second: Callable[[], Desk]) -> None:
    server = make_server()
    second = make_second()
    join(second, server.url, server.invite(role="admin"), device_name="Network")
    sync_once(second)
    hands = hands_on(server.url, server.invite())
    people = hands.shell.current().people
    hands.until(lambda: "Network" in all_words(people))
    assert "Remove" not in [one.text() for one in people.findChildren(Button)]
    now = datetime.now(UTC)
    [network] = [one for one in people._found if one.role == "admin"]
    assert people_part.line_of(network, 0, now, admin=True).deed == "remove" and people_part.line_of(network, 0, now).deed == ""
    past = replace(network, role="door", over=True, until=f"{now - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}")
    assert people_part.line_of(past, 0, now).until.endswith(", over")


def test_what_is_set_aside_is_read_before_it_is_decided_on_and_thrown_away_only_when_asked_again(
        make_server: Any, hands_on: Any, desk: Desk, make_second: Callable[[], Desk]) -> None:
    server = make_server()
    second = make_second()
    join(second, server.url, server.invite(), device_name="Old laptop")
    hands = hands_on(server.url, server.invite())
    with second.writing("new") as writing:
        writing.add("person", standing="member", last_name="Unsent", employer="Acme")
    laptops.remove(desk, "Old laptop")
    with pytest.raises(KnownError):
        sync_once(second)
    people = hands.shell.current().people
    people.refresh(0)
    hands.until(lambda: "1 set aside" in all_words(people))
    hands.click(next(one for one in people.findChildren(Button) if one.text() == "Look"))
    sheet = hands.dialog(SetAsideSheet)
    assert "Employer “Acme”" in all_words(sheet)

    def press(words: str) -> None:
        hands.click(next(one for one in sheet.findChildren(Button) if one.text() == words and one.isVisible()))

    press("Throw away")
    assert "Throw 1 change away? There is no undo." in all_words(sheet) and len(set_aside.set_aside(desk)) == 1
    press("Keep it here")
    assert "no undo" not in all_words(sheet)
    press("Throw away")
    press("Throw away for good")
    hands.until(lambda: "Thrown away." in all_words(sheet))
    assert set_aside.set_aside(desk) == []
    sheet.accept()


def test_everything_of_a_long_lot_can_be_seen_before_it_is_decided_on(
        make_server: Any, hands_on: Any, desk: Desk, make_second: Callable[[], Desk]) -> None:
    server = make_server()
    second = make_second()
    join(second, server.url, server.invite(), device_name="Old laptop")
    hands = hands_on(server.url, server.invite())
    with second.writing("new") as writing:
        for n in range(30):
            writing.add("person", standing="member", last_name=f"Late{n:02}")
    laptops.remove(desk, "Old laptop")
    with pytest.raises(KnownError):
        sync_once(second)
    sheet = SetAsideSheet(hands.shell, desk, hands.room.lanes, set_aside.set_aside(desk), lambda: None)
    sheet.open()
    assert "Late19" in all_words(sheet) and "Late20" not in all_words(sheet)
    hands.click(next(one for one in sheet.findChildren(Link) if one.text() == "Show all 30"))
    hands.until(lambda: bool(sheet.findChildren(QPlainTextEdit)))
    [box] = sheet.findChildren(QPlainTextEdit)
    assert [line for line in box.toPlainText().splitlines() if "Late" in line] == box.toPlainText().splitlines()
    assert all(f"Late{n:02}" in box.toPlainText() for n in range(30)) and box.hasFocus() and box.isReadOnly()
    assert "Late19" not in all_words(sheet) and "Show all" not in all_words(sheet)
    assert box.verticalScrollBar().maximum() > 0
    QTest.keyClick(box, Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)
    assert box.verticalScrollBar().value() > 0, "the keys reach the last of them"
    [lot] = set_aside.set_aside(desk)
    set_aside.discard(desk, lot.id)  # another leader, at the same time
    hands.click(next(one for one in sheet.findChildren(Button) if one.text() == "Release: let it count"))
    hands.until(lambda: "decided on another laptop meanwhile" in all_words(sheet))
    assert not any(one.isEnabled() for one in sheet.findChildren(Button) if one.text() in ("Release: let it count", "Throw away"))
    sheet.accept()


def test_what_would_erase_somebody_is_released_only_when_asked_again(
        make_server: Any, hands_on: Any, desk: Desk, make_second: Callable[[], Desk]) -> None:
    server = make_server()
    second = make_second()
    join(second, server.url, server.invite(), device_name="Old laptop")
    person = add_member(second, first_name="Ada", last_name="Obi").id
    sync_once(second)
    hands = hands_on(server.url, server.invite())
    hands.until(lambda: count_members(desk) == 1)
    erase(second, [person])
    laptops.remove(desk, "Old laptop")
    with pytest.raises(KnownError):
        sync_once(second)
    sheet = SetAsideSheet(hands.shell, desk, hands.room.lanes, set_aside.set_aside(desk), lambda: None)
    sheet.open()

    def press(words: str) -> None:
        hands.click(next(one for one in sheet.findChildren(Button) if one.text() == words and one.isVisible()))

    assert "Ada Obi: to be erased for good" in all_words(sheet) and "erases 1 person" not in all_words(sheet)
    press("Release: let it count")
    assert "Releasing this erases 1 person for good, on every laptop, and there is no undo." in all_words(sheet)
    press("Keep it here")
    assert "erases 1 person" not in all_words(sheet) and len(set_aside.set_aside(desk)) == 1
    press("Release: let it count")
    press("Release and erase for good")
    hands.until(lambda: "1 change counts now." in all_words(sheet))
    assert set_aside.set_aside(desk) == []
    sheet.accept()
    hands.until(lambda: count_members(desk) == 0 or hands.room.bridge.sync_now())


def test_what_cannot_be_an_address_is_said_at_its_field_and_the_code_stays(make_server: Any, hands_on: Any, desk: Desk) -> None:
    server = make_server()
    hands = hands_on(server.url, server.invite())
    sheet = invited(hands)
    first = sheet.standing
    QTest.keyClicks(sheet.email, "not an email")
    hands.until(lambda: "“not an email” is not an e-mail address" in all_words(sheet))
    hands.rest()
    assert sheet.standing == first and all(one.isEnabled() for one in sheet.deeds) and sheet.first_half.text() and sheet.wish().email == ""
    QTest.keyClick(sheet.email, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClicks(sheet.email, "hana@example.org")
    assert "is not an e-mail address" not in all_words(sheet)
    hands.until(lambda: sheet.standing != first)
    made = sheet.standing
    assert made is not None and [one.email for one in inviting.invitations(desk) if one.id == made.id] == ["hana@example.org"]
    sheet.reject()


def test_access_to_a_door_can_be_shortened(make_server: Any, hands_on: Any, desk: Desk, make_second: Callable[[], Desk]) -> None:
    server = make_server()
    hands = hands_on(server.url, server.invite())
    end = (datetime.now(UTC) + timedelta(days=2)).replace(second=0, microsecond=0, tzinfo=None)
    new_gathering(desk, name="Dinner", start=f"{end - timedelta(hours=3):%Y-%m-%dT%H:%M}", end=f"{end:%Y-%m-%dT%H:%M}", time_zone="UTC")
    sync_once(desk)
    sheet = invited(hands)
    assert sheet.wish().role == "door" and sheet.wish().until is None and "At most 24 hours" in all_words(sheet)
    assert sheet.until.dateTime() == sheet.until.maximumDateTime()
    first = sheet.standing
    sheet.until.setDateTime(sheet.until.dateTime().addSecs(-20 * 3_600))
    hands.until(lambda: sheet.standing is not None and sheet.standing != first)
    made = sheet.standing
    assert made is not None
    shown = look(make_second(), server.url, made.code)
    assert shown.until is not None and datetime.fromisoformat(shown.until) == (end + timedelta(hours=4)).replace(tzinfo=UTC)
    sheet.leader.button.setChecked(True)
    assert not sheet.until.isVisible() and sheet.wish().until is None
    sheet.reject()


def test_what_the_door_sees_is_said_as_the_policy_has_it() -> None:
    """A field that the door gets to see one day is said here, too."""
    said = {"person": {"standing", "constituent_codes", "title", "first_name", "middle_name", "last_name", "suffix", "preferred_name", "other_script_name",
                       "former_names", "pronunciation", "pronouns", "class_year", "badge_tail", "mobile", "phone", "city", "door_note", "merged_into", "gone"},
            "registration": {"gathering", "person", "host", "status", "answered_at", "badge_name", "badge_tail", "table_name", "meal", "code", "door_note",
                             "walk_in", "gone"}}
    for table, names in said.items():
        read = {name: one.read for name, one in rules("door", shapes()[table]).items() if one.read != "no"}
        assert set(read) == names, f"say in door_sees what else of {table} the door sees"
        assert {name for name, how in read.items() if how == "tail"} == ({"mobile", "phone"} if table == "person" else set())
    words = door_sees(14)
    for word in ("14 guests", "class year", "city", "host", "table", "meal", "code", "notes for the door", "last four digits"):
        assert word in words


def test_while_the_server_is_away_it_is_tried_again_and_the_code_before_can_be_cancelled(make_server: Any, hands_on: Any, monkeypatch: Any) -> None:
    server = make_server()
    hands = hands_on(server.url, server.invite())
    monkeypatch.setattr(desktop_inviting, "AGAIN_MS", 50)
    sheet = invited(hands)
    right, away = inviting.invite, [True]

    def invite(*arguments: Any, **more: Any) -> Any:
        if away:
            raise NetworkProblem("sync_unreachable", "The server cannot be reached.")
        return right(*arguments, **more)

    monkeypatch.setattr(inviting, "invite", invite)
    first = sheet.standing
    QTest.keyClicks(sheet.name, "Kwame")
    hands.until(lambda: "tried again by itself" in all_words(sheet))
    assert sheet.cancel.isEnabled() and not sheet.state.isVisible()
    away.clear()
    hands.until(lambda: sheet.standing is not None and sheet.standing != first and sheet.state.isVisible())
    assert "tried again" not in all_words(sheet)
    sheet.reject()


def test_many_open_invitations_fold_and_all_of_them_are_shown_when_asked(make_server: Any, hands_on: Any, desk: Desk) -> None:
    server = make_server()
    hands = hands_on(server.url, server.invite())
    people = hands.shell.current().people

    def listed() -> set[str]:
        return {name for name in all_words(people).replace("\u2068", "").replace("\u2069", "").splitlines() if name.startswith("Guest ")}

    for n in range(9):
        inviting.invite(desk, "leader", name=f"Guest {n}")
    people.refresh(0)
    hands.until(lambda: len(listed()) == 9)  # for one more nothing is folded
    inviting.invite(desk, "leader", name="Guest 9")
    people.refresh(0)
    hands.until(lambda: len(listed()) == 8)
    [every] = [one for one in people.findChildren(Link) if one.accessibleName() == "Show all 10 invitations"]
    before = set(people.invited.buttons)
    every.setFocus()
    QTest.keyClick(every, Qt.Key.Key_Space)
    hands.until(lambda: len(listed()) == 10 and not [one for one in people.findChildren(Link) if one.text().startswith("Show all")])
    came = [button for invitation, button in people.invited.buttons.items() if invitation not in before]
    assert QApplication.focusWidget() is came[0], "the keyboard goes on with the first that came"
    people.refresh(0)
    hands.until(lambda: not people._asking)
    hands.rest()
    assert len(listed()) == 10, "they stay while the page is there"
