"""The lock: nothing of a member is seen or reached while it is closed, drafts come back, check-in goes on without names."""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shiboken6
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QAction, QGuiApplication, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QLabel, QLineEdit, QSpacerItem, QWidget
from tests.conftest import PASSPHRASE
from tests.desktop.conftest import Hands
from tests.desktop.test_door import Door, door
from tests.store.test_keyring import Shelf

from alumni_desk.desktop.away import Away
from alumni_desk.desktop.controls import Link
from alumni_desk.desktop.door_pin import DOOR_PIN, NewPinSheet, PinSheet
from alumni_desk.desktop.first_run import FirstRun
from alumni_desk.desktop.front import Front
from alumni_desk.desktop.import_sheet import ImportSheet
from alumni_desk.desktop.lock_page import LockPage
from alumni_desk.desktop.locking import LOCK_AFTER, LOCK_DOOR, Lock
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.desktop.opening import Opening
from alumni_desk.desktop.password_sheet import PasswordSheet
from alumni_desk.desktop.quitting_sheets import FormsSheet
from alumni_desk.desktop.recovery_page import RecoveryPage
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.desktop.sound import Sounds
from alumni_desk.desktop.stuck_page import StuckPage
from alumni_desk.desktop.tokens import DOOR_REFUSED
from alumni_desk.desktop.unlock import UnlockPage
from alumni_desk.desktop.wiring import ways_of
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import count_members
from alumni_desk.protocol.codes import BADGE_LETTERS, badge_code, read_badge_code
from alumni_desk.schema import open_desk
from alumni_desk.store import backup, keys, pin, recovery
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import erase
from alumni_desk.store.profile import Profile
from alumni_desk.sync.engine import Standing

__all__ = ["door"]

NAMES = ("Łukasz", "Żółć", "Chen", "Obi", "Ada")


def words_of(window: QWidget) -> str:
    """Everything a person or a screen reader finds in a window now."""
    found = [window.windowTitle()]
    for part in [window, *window.findChildren(QWidget)]:
        if part.isVisible():
            found += [part.accessibleName(), part.accessibleDescription(), part.toolTip()]
            if isinstance(part, QLabel | QLineEdit):
                found.append(part.text())
    return "\n".join(found)


def unlock(hands: Hands, typed: str = PASSPHRASE) -> None:
    """Type a password into the locked page and press Enter."""
    page = hands.room.lock.page
    assert page is not None and page.entry is not None
    page.entry.password.setText(typed)
    QTest.keyClick(page.entry.password, Qt.Key.Key_Return)
    hands.until(lambda: not hands.room.lock.locked or not page.entry.password.isReadOnly() or page.entry.waits())


def test_nothing_of_a_member_is_left_while_it_is_locked(hands: Hands) -> None:
    page = hands.page("members")
    page._select(0)
    hands.rest()
    hands.until(lambda: any(name in words_of(hands.shell) for name in NAMES))
    assert "Chen" in words_of(hands.shell)
    before = hands.shell.grab().toImage()
    QTest.keyClick(hands.shell, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    assert hands.room.lock.locked
    assert not any(name in words_of(hands.shell) for name in NAMES)
    hands.shell.grab()
    assert not hands.shell.centralWidget().isVisible()
    for key in (Qt.Key.Key_2, Qt.Key.Key_3, Qt.Key.Key_K):
        QTest.keyClick(hands.shell, key, Qt.KeyboardModifier.ControlModifier)
    page = hands.room.lock.page
    assert page is not None and not any(one.isEnabled() for one in [*hands.shell.findChildren(QShortcut), *hands.shell.findChildren(QAction)]
                                        if not page.isAncestorOf(one.parent()) and one.parent() is not page)
    unlock(hands)
    assert not hands.room.lock.locked
    hands.rest()
    hands.shell.setFocus()
    assert "Members" in hands.shell.windowTitle()
    assert hands.shell.grab().toImage().size() == before.size()
    assert any(name in words_of(hands.shell) for name in NAMES)
    assert all(one.isEnabled() for one in hands.shell.findChildren(QShortcut))


def test_a_draft_is_hidden_and_comes_back_as_it_was(hands: Hands) -> None:
    page = hands.page("members")
    page.add()
    form = hands.dialog(MemberForm)
    form._fields["first_name"].setText("Halfway")
    form._fields["notes"].setPlainText("not finished")
    form._fields["last_name"].setFocus()
    hands.room.lock.lock("idle")
    assert not hands.open_dialogs(MemberForm)
    assert "comes back as it was; nothing of it is saved yet" in words_of(hands.shell) and "Halfway" not in words_of(hands.shell)
    unlock(hands)
    assert hands.dialog(MemberForm) is form
    assert form.values() == {"first_name": "Halfway", "notes": "not finished"}
    form.done_clicked.emit()
    hands.until(lambda: count_members(hands.desk) == 4)
    hands.rest()


def test_dialogs_over_each_other_come_back_in_their_order(hands: Hands) -> None:
    sheets = [PlainSheet(hands.shell, f"Sheet {number}") for number in range(8)]
    for sheet in sheets:
        sheet.open()
    for _turn in range(2):
        hands.room.lock.lock("asked")
        assert not hands.open_dialogs(PlainSheet)
        unlock(hands)
        assert hands.open_dialogs(PlainSheet)
    for sheet in reversed(sheets):
        assert QApplication.activeModalWidget() is sheet
        sheet.reject()


def test_a_page_that_comes_while_it_is_locked_leaves_the_keyboard_with_the_password(hands: Hands) -> None:
    """As one that had still to be made when somebody locked."""
    hands.room.lock.lock("asked")
    page = hands.room.lock.page
    assert page is not None
    entry = page.first_focus()
    hands.until(entry.hasFocus)
    hands.shell.show_page("members")
    assert entry.hasFocus()
    unlock(hands)
    assert hands.shell.current().name == "members"


def test_what_nothing_is_typed_into_is_no_open_form(hands: Hands) -> None:
    hands.desk.set_setting(recovery.READ_BACK, None)
    hands.page("members").add()
    form = hands.dialog(MemberForm)
    form._fields["first_name"].setText("Halfway")
    QTest.mouseClick(form.done_button, Qt.MouseButton.LeftButton)
    paper = hands.dialog(RecoveryPage)
    hands.room.lock.lock()
    assert hands.room.lock.page is not None and hands.room.lock.page.locked.drafts == 1
    assert "An open form comes back as it was" in words_of(hands.shell)
    unlock(hands)
    assert paper.isVisible() and form.isVisible()
    paper.reject()
    form.reject()
    hands.rest()
    RecoveryPage(hands.shell, hands.desk, hands.room.lanes, paper._paper).open()
    hands.room.lock.lock()
    assert hands.room.lock.page.locked.drafts == 0 and "saved yet" not in words_of(hands.shell)
    unlock(hands)
    hands.dialog(RecoveryPage).reject()
    hands.rest()


def half_typed(hands: Hands) -> MemberForm:
    """A form that somebody left, under the lock."""
    hands.page("members").add()
    form: MemberForm = hands.dialog(MemberForm)
    form._fields["first_name"].setText("Halfway")
    hands.room.lock.lock("idle")
    return form


def test_a_locked_window_is_not_closed_over_a_form_without_a_word(hands: Hands) -> None:
    form = half_typed(hands)
    hands.shell.close()
    sheet = hands.dialog(FormsSheet)
    hands.until(sheet.stay.hasFocus)
    said = words_of(sheet)
    assert "An open form is not saved yet: if the window closes now, what was typed into it is lost." in said and "Halfway" not in said
    hands.shell.close()  # asked once
    assert hands.open_dialogs(FormsSheet) == [sheet] and hands.shell.isVisible()
    QTest.keyClick(sheet.stay, Qt.Key.Key_Return)
    assert hands.shell.isVisible() and hands.room.lock.locked and not hands.open_dialogs(FormsSheet)
    page = hands.room.lock.page
    assert page is not None
    hands.until(page.first_focus().hasFocus)
    hands.shell.close()
    QTest.keyClick(hands.dialog(FormsSheet).stay, Qt.Key.Key_Escape)
    assert hands.shell.isVisible()
    unlock(hands)
    assert hands.dialog(MemberForm) is form and form.values() == {"first_name": "Halfway"}
    form.reject()


def test_a_question_over_the_locked_page_goes_when_it_is_unlocked_meanwhile(hands: Hands) -> None:
    form = half_typed(hands)
    hands.shell.close()
    hands.dialog(FormsSheet)
    hands.room.lock.unlock()  # the password store has answered
    assert not hands.open_dialogs(FormsSheet) and hands.dialog(MemberForm) is form
    form.reject()


def test_a_locked_window_is_closed_over_a_form_when_somebody_says_so(hands: Hands) -> None:
    half_typed(hands)
    hands.shell.close()
    sheet = hands.dialog(FormsSheet)
    hands.until(sheet.stay.hasFocus)
    QTest.keyClick(sheet.stay, Qt.Key.Key_Tab, Qt.KeyboardModifier.ShiftModifier)
    assert sheet.quit.hasFocus()
    QTest.keyClick(sheet.quit, Qt.Key.Key_Return)
    hands.until(lambda: not hands.shell.isVisible())


def test_what_the_sync_has_sent_meanwhile_the_locked_page_no_longer_counts(hands: Hands) -> None:
    """And a password that is being typed stays, with the keyboard in its field."""
    hands.room.bridge.standing.emit(Standing("waiting", 1_200, None, "1,200 to send"))
    hands.room.lock.lock()
    page = hands.room.lock.page
    assert page is not None and page.entry is not None and "Sync goes on, 1,200 changes to send" in words_of(hands.shell)
    page.entry.password.setText("half")
    hands.room.bridge.standing.emit(Standing("waiting", 1, None, "1 to send"))
    assert "Sync goes on, 1 change to send" in words_of(hands.shell) and "1,200" not in words_of(hands.shell)
    hands.room.bridge.standing.emit(Standing("synced", 0, None, "Saved here"))
    assert "Sync goes on" in words_of(hands.shell) and "to send" not in words_of(page)
    hands.room.bridge.standing.emit(Standing("alone", 0, None, "Saved here"))
    assert "Sync goes on" not in words_of(hands.shell) and "Meanwhile" not in words_of(hands.shell)
    page = hands.room.lock.page
    assert page is not None and page.entry is not None and page.entry.password.text() == "half"


def test_without_a_form_a_locked_window_closes_at_once(hands: Hands) -> None:
    hands.room.lock.lock()
    hands.shell.close()
    assert not hands.shell.isVisible()


def test_an_import_that_runs_is_called_that_and_no_form_that_comes_back(hands: Hands, tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("First Name,Last Name,Email\n" + "".join(f"Ana{n},Lima{n},ana{n}@example.org\n" for n in range(2_000)))
    sheet = hands.page("members").import_from(file)
    hands.until(lambda: sheet._at == 1)
    sheet._next()
    hands.until(lambda: sheet._at == 2 and sheet.next.isVisible())
    hands.room.lock.lock("idle")
    assert "comes back as it was; nothing of it is saved yet" in words_of(hands.shell)
    unlock(hands)
    hands.rest()
    sheet._next()
    hands.until(lambda: sheet.at_work)
    hands.room.lock.lock("idle")
    said = words_of(hands.shell)
    assert "An import goes on" in said and "comes back" not in said
    hands.until(lambda: count_members(hands.desk) == 2_003)
    hands.until(lambda: "An import goes on" not in words_of(hands.shell))
    assert "comes back" not in words_of(hands.shell)
    unlock(hands)
    hands.rest()
    assert not hands.open_dialogs(ImportSheet) and "2,000 members added" in hands.shell.toast.words.text()


def test_a_form_on_somebody_who_was_erased_while_it_was_locked_does_not_come_back(hands: Hands) -> None:
    page = hands.page("members")
    page._select(0)
    hands.rest()
    page.edit()
    hands.dialog(MemberForm)
    ended: list[int] = []
    hands.dialog(MemberForm).finished.connect(ended.append)
    hands.room.lock.lock("idle")
    erase(hands.desk, [page._chosen], remake_backups=False)
    assert "comes back as it was" in words_of(hands.shell)
    hands.until(lambda: bool(ended))
    assert "comes back" not in words_of(hands.shell) and "erased" not in words_of(hands.shell)
    unlock(hands)
    hands.rest()
    assert not hands.open_dialogs(MemberForm)
    assert hands.shell.toast.isVisible() and "was erased meanwhile" in hands.shell.toast.words.text()


def test_no_key_reaches_what_is_hidden(hands: Hands) -> None:
    page = hands.page("members")
    page.list.setFocus()
    page.add()
    form = hands.dialog(MemberForm)
    field = form._fields["first_name"]
    field.setFocus()
    hands.until(lambda: QApplication.focusWidget() is field)
    QTest.keyClicks(field, "Draft")
    QTest.keyClick(field, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    assert hands.room.lock.locked
    locked = hands.room.lock.page
    assert locked is not None and locked.entry is not None
    hands.until(lambda: QApplication.focusWidget() is locked.entry.password)
    for reached in (field, form._fields["notes"], form, form.done_button, page.list, page.search, hands.shell):
        QTest.keyClicks(reached, "wrong")
        QTest.keyClick(reached, Qt.Key.Key_Return)
    QTest.keyClick(form, Qt.Key.Key_Escape)
    hands.rest()
    assert hands.room.lock.locked and count_members(hands.desk) == 3
    assert field.text() == "Draft" and not form._fields["notes"].toPlainText() and not page.search.text()
    QTest.keyClicks(locked.entry.password, "typed here")
    assert locked.entry.password.text() == "typed here"
    unlock(hands)
    assert hands.dialog(MemberForm) is form
    hands.until(lambda: QApplication.focusWidget() is field)
    QTest.keyClicks(field, "y")
    assert field.text() == "Drafty"
    form.reject()
    hands.rest()


def test_ctrl_l_locks_from_the_palette(hands: Hands) -> None:
    page = hands.page("members")
    palette = hands.room.show_palette()
    assert palette is not None
    hands.until(lambda: QApplication.focusWidget() is palette.field)
    hands.rest()
    QTest.keyClick(palette.field, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    assert hands.room.lock.locked
    unlock(hands)
    hands.rest()
    hands.until(lambda: QApplication.focusWidget() is page.first_focus())


def test_work_that_ends_meanwhile_shows_nothing(hands: Hands) -> None:
    page = hands.page("members")
    page.add()
    form = hands.dialog(MemberForm)
    form._fields["first_name"].setText("Late")
    hands.room.lock.lock()
    form.done_clicked.emit()  # the save that was under way
    hands.until(lambda: count_members(hands.desk) == 4)
    hands.rest()
    page.edit_known = None
    page.add()  # a read that ends now and opens a window
    QTest.qWait(20)
    assert not hands.open_dialogs(MemberForm)
    assert "Late" not in words_of(hands.shell)
    unlock(hands)
    opened = hands.open_dialogs(MemberForm)
    assert len(opened) == 1 and opened[0] is not form
    opened[0].reject()
    hands.rest()


def test_a_dialog_of_the_system_is_closed_by_the_lock(hands: Hands) -> None:
    chooser = QFileDialog(hands.shell)
    chooser.setOption(QFileDialog.Option.DontUseNativeDialog)
    QTimer.singleShot(50, hands.room.lock.lock)
    assert chooser.exec() == 0
    assert hands.room.lock.locked
    unlock(hands)
    chooser.deleteLater()


def test_a_list_that_opens_over_the_window_is_let_go(hands: Hands, qtbot: Any) -> None:
    """What Qt makes by itself is known to Python only while somebody asks: a file dialog's list of names, a box's list of choices."""
    box = QComboBox(hands.shell)
    box.addItems(["Boston", "Nice"])
    box.show()
    hands.shell.activateWindow()
    own = hands.shell.windowHandle()
    for _turn in range(3):
        hands.until(lambda: QGuiApplication.focusWindow() is own)
        box.showPopup()
        hands.until(lambda: QGuiApplication.focusWindow() not in (own, None))
        gc.collect()
        box.hidePopup()
        hands.shell.activateWindow()
    hands.until(lambda: QGuiApplication.focusWindow() is own)
    hands.room.lock.away._touched = 0.0
    QTest.keyClick(own, Qt.Key.Key_Shift)
    assert hands.room.lock.away._touched > 0.0
    box.deleteLater()


def test_a_wrong_password_is_said_and_after_three_it_waits(hands: Hands) -> None:
    hands.room.lock.lock()
    page = hands.room.lock.page
    assert page is not None and page.entry is not None
    for _turn in range(2):
        unlock(hands, "not the password")
        assert "not the password of this chapter" in page.entry.said.text() and hands.room.lock.locked
        assert page.entry.password.selectedText() == "not the password" and page.entry.waits() == 0
    unlock(hands, "not the password")
    assert page.entry.waits() == 2 and "The next try waits 2 seconds." in page.entry.said.text() and not page.entry.button.isEnabled()
    QTest.keyClick(page.entry.password, Qt.Key.Key_Return)
    assert hands.room.lock.locked
    for _second in range(2):
        page.entry._count_down()
    assert page.entry.button.isEnabled()
    unlock(hands)
    assert not hands.room.lock.locked


def test_a_click_beside_the_field_takes_no_letter_from_it(hands: Hands) -> None:
    hands.room.lock.lock()
    page = hands.room.lock.page
    assert page is not None and page.entry is not None
    QTest.mouseClick(page, Qt.MouseButton.LeftButton, pos=QPoint(20, page.height() - 20))
    assert page.entry.password.hasFocus()
    unlock(hands)


def test_where_the_store_comes_first_a_click_beside_the_recovery_key_leaves_it_alone(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf()
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    paper = recovery.recovery_key(hands.desk)
    keys.keep_in_keyring(hands.desk.profile.path, "desk", hands.desk.key, on=True)
    keys.keep_anew(hands.desk.profile.path, "desk", hands.desk.key, None)
    shelf.silent = True  # whatever presses the button, it does not open by it
    hands.room.lock.lock()
    hands.until(lambda: hands.room.lock.page.locked.keyring and not hands.room.lock.page.locked.password)
    page = hands.room.lock.page
    assert page is not None and page.entry is not None
    QTest.mouseClick(page.entry.recovery, Qt.MouseButton.LeftButton)
    for beside, where in ((page.entry.label, QPoint(5, 5)), (page, QPoint(20, page.height() - 20)), (page.entry, QPoint(page.entry.width() - 2, 2))):
        QTest.mouseClick(beside, Qt.MouseButton.LeftButton, pos=where)
        assert page.entry.recovery.hasFocus()
    page.store.setFocus()
    QTest.mouseClick(page.entry.label, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    QTest.keyClicks(QApplication.focusWidget(), " ".join(paper.split("-")))
    assert page.store_said.isHidden()
    QTest.keyClick(page.entry.recovery, Qt.Key.Key_Return)
    hands.until(lambda: not hands.room.lock.locked)


def test_caps_lock_is_said(hands: Hands) -> None:
    hands.room.lock.lock()
    page = hands.room.lock.page
    assert page is not None and page.entry is not None
    QTest.keyClick(page.entry.password, "A")
    assert "Caps Lock" in page.entry.said.text()
    QTest.mouseClick(page.entry.password.eye, Qt.MouseButton.LeftButton)
    assert page.entry.password.echoMode() == QLineEdit.EchoMode.Normal
    page.entry.password.clear()
    unlock(hands)


def test_the_recovery_key_unlocks_and_its_wrong_group_is_named(hands: Hands) -> None:
    hands.room.lock.lock()
    page = hands.room.lock.page
    assert page is not None and page.entry is not None
    entry = page.entry
    QTest.mouseClick(entry.other, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    groups = recovery.recovery_key(hands.desk).split("-")
    wrong = [*groups[:6], groups[6][:4] + ("Z" if groups[6][4] != "Z" else "Y"), groups[7]]
    QTest.keyClicks(entry.recovery, "".join(wrong).lower())
    assert entry.recovery.text() == " ".join(wrong)
    assert entry.said.text() == "Group 7 has a typing error."
    QTest.keyClick(entry.recovery, Qt.Key.Key_Return)
    assert hands.room.lock.locked and "Group 7" in entry.said.text()
    entry.recovery.clear()
    QTest.keyClicks(entry.recovery, " ".join(groups))
    QTest.keyClick(entry.recovery, Qt.Key.Key_Return)
    hands.until(lambda: not hands.room.lock.locked)
    sheet = hands.dialog(PasswordSheet)
    assert "Choose a new password in place of the one that is lost" in words_of(sheet) and not sheet.present.isVisible()
    hands.click(sheet.cancel)
    hands.until(lambda: not hands.open_dialogs(PasswordSheet))
    hands.room.lock.lock()
    unlock(hands)  # by the old one, which Cancel keeps
    assert not hands.room.lock.locked and not hands.open_dialogs(PasswordSheet)


def test_after_the_recovery_key_unlocked_it_a_new_password_is_chosen(hands: Hands) -> None:
    hands.page("members").add()
    hands.dialog(MemberForm)._fields["first_name"].setText("Halfway")
    hands.room.lock.lock()
    page = hands.room.lock.page
    assert page is not None and page.entry is not None
    page.entry.show_recovery(True)
    page.entry.recovery.setText(recovery.recovery_key(hands.desk))
    QTest.keyClick(page.entry.recovery, Qt.Key.Key_Return)
    hands.until(lambda: not hands.room.lock.locked)
    sheet = hands.dialog(PasswordSheet)
    hands.until(sheet.password.hasFocus)
    sheet.password.setText("three other words")
    sheet.again.setText("three other words")
    hands.click(sheet.done_button)
    hands.until(lambda: not hands.open_dialogs(PasswordSheet))
    hands.until(lambda: "new password locks this desk" in hands.shell.toast.words.text())
    assert hands.dialog(MemberForm)._fields["first_name"].text() == "Halfway"
    hands.room.lock.lock()
    unlock(hands)
    assert hands.room.lock.locked
    hands.until(lambda: hands.room.lock.page is not None and hands.room.lock.page.entry is not None and not hands.room.lock.page.entry.waits())
    unlock(hands, "three other words")
    assert not hands.room.lock.locked


def test_the_password_store_unlocks_what_it_keeps(hands: Hands, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    shelf = Shelf()
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    hands.room.lock.lock()
    page = hands.room.lock.page
    assert page is not None and not page.store.isVisible()
    unlock(hands)
    keys.keep_in_keyring(hands.desk.profile.path, "desk", hands.desk.key, on=True)
    shelf.silent = True
    hands.room.lock.lock()
    hands.until(lambda: hands.room.lock.page.locked.keyring)  # what was known of it before was another thing
    page = hands.room.lock.page
    assert page is not None and page.store.isVisible()
    QTest.mouseClick(page.store, Qt.MouseButton.LeftButton)
    hands.until(lambda: page.store_said.isVisible())
    assert "it is locked" in page.store_said.text() and "type the password" in page.store_said.text()
    shelf.silent = False
    QTest.mouseClick(page.store, Qt.MouseButton.LeftButton)
    hands.until(lambda: not hands.room.lock.locked)


class Slow(Shelf):
    """A password store that answers when it is let."""

    def __init__(self, answers: threading.Event) -> None:
        super().__init__()
        self._answers = answers

    def get_password(self, service: str, username: str) -> str | None:
        self._answers.wait(20)
        return super().get_password(service, username)


def test_while_the_store_asks_for_its_own_password_the_page_says_so(hands: Hands, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """It may take long, and its question may stand behind another window."""
    answers = threading.Event()

    shelf = Shelf()
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    keys.keep_in_keyring(hands.desk.profile.path, "desk", hands.desk.key, on=True)
    asking = Slow(answers)
    asking.kept, asking.silent = shelf.kept, True
    monkeypatch.setattr(keys, "_keyring", lambda: asking)

    def asked() -> LockPage:
        page = hands.room.lock.page
        page.store.setFocus()
        QTest.keyClick(page.store, Qt.Key.Key_Return)
        said = " ".join(label.text() for label in page.findChildren(QLabel) if label.isVisible())
        assert "it asks for its password in a window of its own" in said and page.focusWidget() is page.other_way
        return page

    try:
        hands.room.lock.lock()
        hands.until(lambda: hands.room.lock.page.locked.keyring)
        page = asked()
        if os.environ.get("SHOTS"):
            hands.shell.grab().save(f"{os.environ['SHOTS']}/lock-store-asked.png")
        QTest.keyClick(page.other_way, Qt.Key.Key_Return)
        assert page.entry is not None and page.focusWidget() is page.entry.password and page.store.isEnabled() and not page.waiting.isVisible()
        asked()
        answers.set()
        hands.until(lambda: page.store_said.isVisible())
        assert page.focusWidget() is page.store and not page.waiting.isVisible()
        answers.clear()
        asked()
        unlock(hands)
        assert not hands.room.lock.locked, "the password does not wait for the store"
    finally:
        answers.set()


def test_wrong_passwords_never_lead_to_the_button_of_the_store(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_keyring", Shelf)
    keys.keep_in_keyring(hands.desk.profile.path, "desk", hands.desk.key, on=True)
    hands.room.lock.lock()
    hands.until(lambda: hands.room.lock.page.locked.keyring)
    page = hands.room.lock.page
    asked: list[bool] = []
    page.by_store.connect(lambda: asked.append(True))
    for turn in range(5):  # as a scanner types on a page that it does not know
        for by_button in (False, True):
            QTest.keyClicks(QApplication.focusWidget(), "BADGE123")
            if by_button and page.entry.button.isEnabled():
                page.entry.button.setFocus()
            QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
            hands.until(lambda: not page.entry.password.isReadOnly() or page.entry.waits())
            assert page.entry.password.hasFocus() and not asked and hands.room.lock.locked, turn
    while page.entry.waits():
        page.entry._count_down()
    unlock(hands)
    assert not hands.room.lock.locked


def test_a_silent_password_store_names_only_what_there_is(hands: Hands, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    shelf = Shelf()
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    keys.keep_anew(hands.desk.profile.path, "desk", hands.desk.key, None)
    shelf.silent = True
    hands.room.lock.lock()
    hands.until(lambda: not hands.room.lock.page.locked.password)
    page = hands.room.lock.page
    assert page is not None
    QTest.mouseClick(page.store, Qt.MouseButton.LeftButton)
    hands.until(lambda: page.store_said.isVisible())
    assert "it is locked" in page.store_said.text() and "recovery key" in page.store_said.text() and "password." not in page.store_said.text()
    shelf.silent = False
    QTest.mouseClick(page.store, Qt.MouseButton.LeftButton)
    hands.until(lambda: not hands.room.lock.locked)


@pytest.mark.parametrize("paper", [True, False])
def test_a_store_that_has_lost_the_key_leaves_the_other_ways(hands: Hands, monkeypatch: pytest.MonkeyPatch, paper: bool) -> None:
    shelf = Shelf()
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    keys.keep_anew(hands.desk.profile.path, "desk", hands.desk.key, None)
    if not paper:
        file = hands.desk.profile.path / "desk.key"
        file.write_text(json.dumps({"keyring": json.loads(file.read_text())["keyring"]}))
    shelf.kept.clear()
    hands.room.lock.lock()
    hands.until(lambda: not hands.room.lock.page.locked.password and hands.room.lock.page.locked.recovery == paper)
    page = hands.room.lock.page
    wanted: list[bool] = []
    hands.room.lock.backups_wanted.connect(lambda: wanted.append(True))
    QTest.mouseClick(page.store, Qt.MouseButton.LeftButton)
    hands.until(lambda: page.store_said.isVisible())
    hands.room.lock._set_size(100)  # drawn anew it says the same
    page = hands.room.lock.page
    said = page.store_said.text()
    assert "does not have the key of the chapter any more" in said and "nlock" not in said and not page.store.isVisible()
    assert page.restore.isVisible() and ("Type the recovery key, or restore a backup" if paper else "Restore a backup that has a password") in said
    assert page.restore.kind == ("secondary" if paper else "primary")
    QTest.mouseClick(page.restore, Qt.MouseButton.LeftButton)
    assert wanted == [True] and hands.room.lock.locked
    if paper:
        assert page.entry.recovery.hasFocus() or page.restore.hasFocus()
        assert page.entry.button.kind == "primary"
        QTest.keyClicks(page.entry.recovery, recovery.recovery_key(hands.desk))
        QTest.mouseClick(page.entry.button, Qt.MouseButton.LeftButton)
        hands.until(lambda: not hands.room.lock.locked)
    else:
        hands.room.lock.unlock()


@pytest.mark.parametrize("draft", [True, False])
def test_a_store_that_has_lost_the_key_leaves_password_paper_and_quietly_the_backups(hands: Hands, monkeypatch: pytest.MonkeyPatch, draft: bool) -> None:
    """As the first page does, in its words."""
    shelf = Shelf()
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    keys.keep_in_keyring(hands.desk.profile.path, "desk", hands.desk.key, on=True)
    shelf.kept.clear()
    if draft:
        hands.page("members").add()
        form = hands.dialog(MemberForm)
        form._fields["first_name"].setFocus()
        hands.until(form._fields["first_name"].hasFocus)
    hands.room.lock.lock()
    hands.until(lambda: hands.room.lock.page.locked.keyring and hands.room.lock.page.locked.password)
    page = hands.room.lock.page
    assert not page.restore.isVisible() and not page.restore_said.isVisible()
    wanted: list[bool] = []
    hands.room.lock.backups_wanted.connect(lambda: wanted.append(True))
    QTest.mouseClick(page.store, Qt.MouseButton.LeftButton)
    hands.until(lambda: page.store_said.isVisible())
    hands.room.lock._set_size(100)  # drawn anew it says the same
    page = hands.room.lock.page
    hands.rest()
    assert page.store_said.text().endswith("does not have the key of the chapter any more. Type the password.") and not page.store.isVisible()
    assert page.entry.password.hasFocus() and page.entry.button.kind == "primary" and page.entry.other.isVisible()
    first = UnlockPage(lambda typed: None, backup=lambda: None)
    assert first.backup is not None and isinstance(page.restore, Link) and page.restore.text() == first.backup.text()
    first.deleteLater()
    assert page.restore.isVisible() and page.restore_said.isVisible() == draft  # what was half typed would be lost
    assert page.restore.y() > max(page.entry.geometry().bottom(), page.store_said.geometry().bottom())
    for one in (page.entry.button, page.entry.other, page.entry.password.eye, page.restore):  # the last of what may open it
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        assert QApplication.focusWidget() is one
    QTest.keyClick(page.restore, Qt.Key.Key_Return)
    assert wanted == [True] and hands.room.lock.locked
    unlock(hands)
    assert not hands.room.lock.locked
    if draft:
        form.reject()
        hands.rest()


class Clocks:
    """Two clocks that go as told."""

    def __init__(self) -> None:
        self.monotonic, self.wall = 1000.0, 5000.0

    def pass_(self, seconds: float, *, asleep: bool = False) -> None:
        self.monotonic += 0 if asleep else seconds
        self.wall += seconds


@pytest.fixture
def away(qapp: QApplication) -> Iterator[tuple[Away, Clocks, list[str]]]:
    """Somebody who may go away, by clocks that go as told."""
    clocks, heard = Clocks(), []
    made = Away(300, monotonic=lambda: clocks.monotonic, wall=lambda: clocks.wall)
    made._timer.stop()
    made.idle.connect(lambda: heard.append("idle"))
    made.slept.connect(lambda: heard.append("slept"))
    yield made, clocks, heard
    made.stop()


def test_idle_is_after_five_minutes_without_a_key(away: tuple[Away, Clocks, list[str]]) -> None:
    it, clocks, heard = away
    for _second in range(299):
        clocks.pass_(1)
        it.tick()
    assert heard == []
    it.touched()
    for _second in range(299):
        clocks.pass_(1)
        it.tick()
    assert heard == []
    clocks.pass_(1)
    it.tick()
    assert heard == ["idle"]


def test_never_is_never(away: tuple[Away, Clocks, list[str]]) -> None:
    it, clocks, heard = away
    it.after = 0
    for _second in range(5000):
        clocks.pass_(1)
        it.tick()
    assert heard == []


@pytest.mark.parametrize("asleep", [True, False])
def test_a_jump_of_a_clock_is_a_sleep(away: tuple[Away, Clocks, list[str]], asleep: bool) -> None:
    it, clocks, heard = away
    clocks.pass_(1)
    it.tick()
    clocks.pass_(3600, asleep=asleep)
    it.tick()
    assert heard == ["slept"]


def test_a_key_in_the_window_is_somebody(hands: Hands) -> None:
    away = hands.room.lock.away
    window = hands.shell.windowHandle()
    hands.shell.activateWindow()
    hands.until(lambda: away._window is window)
    away._touched = 0.0
    QTest.keyClick(window, Qt.Key.Key_F6)
    hands.until(lambda: away._touched > 0)
    away._touched = 0.0
    QTest.mouseMove(window, QPoint(200, 200))
    hands.until(lambda: away._touched > 0)


def test_idle_locks_and_the_setting_says_when(hands: Hands) -> None:
    lock = hands.room.lock
    hands.until(lambda: lock.away.after == 300)
    settings = hands.page("settings", section="security")
    settings.security.after.set_key("2")
    settings.security.after.activated.emit(1)
    hands.until(lambda: lock.away.after == 120)
    assert hands.desk.setting(LOCK_AFTER) == 2
    lock.away._touched -= 121
    lock.away.tick()
    assert lock.locked and "after 2 minutes without a key" in words_of(hands.shell)
    unlock(hands)
    settings.security.after.set_key("0")
    settings.security.after.activated.emit(0)
    hands.until(lambda: lock.away.after == 0)
    lock.away._touched -= 100_000
    lock.away.tick()
    assert not lock.locked


def test_sleep_locks_unless_it_is_switched_off(hands: Hands) -> None:
    lock = hands.room.lock
    hands.until(lambda: lock.rules.on_sleep)
    lock.away.goes_to_sleep(False)
    assert not lock.locked
    lock.away.goes_to_sleep(True)
    assert lock.locked and "because the laptop slept" in words_of(hands.shell)
    unlock(hands)
    settings = hands.page("settings", section="security")
    settings.security.sleep._buttons["off"].click()
    hands.until(lambda: not lock.rules.on_sleep)
    lock.away.slept.emit()
    assert not lock.locked


@pytest.mark.parametrize("told", [True, False])
def test_a_laptop_that_sleeps_while_the_password_is_tried_stays_locked(hands: Hands, monkeypatch: pytest.MonkeyPatch, told: bool) -> None:
    """The lid is closed right after Enter: whoever opens it is not let in by what was typed before."""
    slept = threading.Event()
    opens = keys.opens

    def late(folder: Path, name: str, key: bytes, typed: str) -> None:
        slept.wait(20)
        opens(folder, name, key, typed)

    monkeypatch.setattr(keys, "opens", late)
    hands.room.lock.lock()
    page = hands.room.lock.page
    assert page is not None and page.entry is not None
    QTest.keyClicks(page.entry.password, PASSPHRASE)
    QTest.keyClick(page.entry.password, Qt.Key.Key_Return)
    if told:
        hands.room.lock.away.goes_to_sleep(True)
    else:  # the clocks alone tell, and only afterwards
        monkeypatch.setattr(hands.room.lock.away, "_wall_ticked", hands.room.lock.away._wall_ticked - 3_600)
        hands.room.lock.away._timer.stop()
    slept.set()
    hands.until(lambda: not hands.room.lock.locked or not page.entry.password.isReadOnly())
    assert hands.room.lock.locked and page.entry.password.text() == "" and page.entry.button.isEnabled()
    unlock(hands)
    assert not hands.room.lock.locked


def test_a_laptop_that_sleeps_while_the_password_store_is_asked_stays_locked(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()

    shelf = Shelf()
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    keys.keep_in_keyring(hands.desk.profile.path, "desk", hands.desk.key, on=True)
    slow = Slow(answers)
    slow.kept = shelf.kept
    monkeypatch.setattr(keys, "_keyring", lambda: slow)
    try:
        hands.room.lock.lock()
        hands.until(lambda: hands.room.lock.page.locked.keyring)
        page = hands.room.lock.page
        QTest.mouseClick(page.store, Qt.MouseButton.LeftButton)
        hands.room.lock.away.locks()
        assert not page.waiting.isVisible() and page.store.isEnabled()
        answers.set()
        hands.rest()
        hands.until(hands.room.lock._lanes.idle)
        assert hands.room.lock.locked
        QTest.mouseClick(page.store, Qt.MouseButton.LeftButton)
        hands.until(lambda: not hands.room.lock.locked)
    finally:
        answers.set()


@pytest.mark.parametrize("leaving", ["idle", "sleep"])
def test_what_was_typed_of_a_password_is_not_left_to_whoever_comes_next(hands: Hands, leaving: str) -> None:
    """Who was called away in the midst of it leaves nothing behind that the eye shows, or that Enter alone opens."""
    hands.room.lock.lock()
    page = hands.room.lock.page
    assert page is not None and page.entry is not None
    for _wrong in range(3):
        unlock(hands, "three other words")
    assert page.entry.waits()
    page.entry.password.setText(PASSPHRASE)
    page.entry.password.set_shown(True)
    hands.room.lock.away.idle.emit() if leaving == "idle" else hands.room.lock.away.slept.emit()
    assert page.entry.password.text() == "" and page.entry.password.echoMode() == QLineEdit.EchoMode.Password
    assert page.entry.waits() and not page.entry.button.isEnabled()


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("dbus-run-session") is None, reason="no message bus on this machine")
def test_what_a_real_message_bus_says_of_the_screen_locks(tmp_path: Path) -> None:
    script = '''
from PySide6.QtGui import QGuiApplication
from PySide6.QtCore import QTimer
from PySide6.QtDBus import QDBusConnection, QDBusMessage
from alumni_desk.desktop.away import Away
app = QGuiApplication([])
away = Away(0)
away.listen()
away.slept.connect(lambda: (print("slept"), app.quit()))
for on in (False, True):
    said = QDBusMessage.createSignal("/org/freedesktop/ScreenSaver", "org.freedesktop.ScreenSaver", "ActiveChanged")
    said.setArguments([on])
    # Whoever owns the name sends it; on this bus of its own that is we.
    QDBusConnection.sessionBus().registerService("org.freedesktop.ScreenSaver")
    QDBusConnection.sessionBus().send(said)
QTimer.singleShot(20_000, app.quit)
app.exec()
away.stop()
'''
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": str(tmp_path)}
    environment.pop("DBUS_SESSION_BUS_ADDRESS", None)
    done = subprocess.run(["dbus-run-session", "--", sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["slept"], done.stderr


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("dbus-run-session") is None, reason="no message bus on this machine")
@pytest.mark.parametrize(("own", "locked"), [("1", 1), ("c2", 1), ("7", 0), ("", 2)])
def test_what_logind_says_under_the_own_path_of_a_session_locks(tmp_path: Path, own: str, locked: int) -> None:
    script = '''
import sys
import threading
from PySide6.QtGui import QGuiApplication
from PySide6.QtCore import QTimer
from PySide6.QtDBus import QDBusConnection, QDBusMessage
from alumni_desk.desktop.away import Away
app = QGuiApplication([])
away = Away(0)
away.listen()
slept = []
away.slept.connect(lambda: slept.append(1))
system = QDBusConnection.systemBus()
assert system.registerService("org.freedesktop.login1")
def say(path, interface, name, *arguments):
    said = QDBusMessage.createSignal(path, interface, name)
    said.setArguments(list(arguments))
    system.send(said)
def heard():  # what was sent before came before
    print(len(slept) - 1)
    app.quit()
away.slept.connect(lambda: QTimer.singleShot(0, heard) if ended else None)
ended = []
for session in ("_31", "c2"):
    say(f"/org/freedesktop/login1/session/{session}", "org.freedesktop.login1.Session", "Lock")
def end():
    ended.append(1)
    say("/org/freedesktop/login1", "org.freedesktop.login1.Manager", "PrepareForSleep", True)
QTimer.singleShot(300, end)
QTimer.singleShot(20_000, app.quit)
app.exec()
away.stop()
'''
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "XDG_RUNTIME_DIR": str(tmp_path), "XDG_SESSION_ID": own}
    environment.pop("DBUS_SESSION_BUS_ADDRESS", None)
    words = ["dbus-run-session", "--", "sh", "-c", 'DBUS_SYSTEM_BUS_ADDRESS="$DBUS_SESSION_BUS_ADDRESS" exec "$0" -c "$1"', sys.executable, script]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == [str(locked)], done.stderr


# -- the door


def covered(door: Door) -> str:
    door.settled()
    return words_of(door.window) + repr(door.window.panel.showing if door.window.state() == "verdict" else "")


def test_the_door_goes_on_without_names(door: Door) -> None:
    door.scan(door.codes["Ada Obi 2012"])
    door.wait(lambda: door.window.state() == "verdict")
    door.settled()
    assert "Ada" in covered(door)
    door.window.set_locked(True)
    door.settled()
    assert door.window.state() == "idle"
    assert not any(name in covered(door) for name in ("Ada", "Obi", "Chen"))
    door.scan(door.codes["Li Chen 2004"])
    door.wait(lambda: door.window.state() == "verdict")
    assert door.window.panel.showing.word == "Welcome" and door.window.panel.showing.offers == ()
    assert not any(name in covered(door) for name in ("Li", "Chen", "2004", "’04"))
    assert len(door.facts()) == 2
    door.scan(door.codes["Ada Obi 2012"])
    door.wait(lambda: door.window.panel.showing.word == "Already in" or door.window.panel.showing.word == "Welcome")
    assert not any(name in covered(door) for name in ("Ada", "Obi", "checked in by"))
    door.scan(door.codes["Eleni Papadopoulou 2001"])
    door.wait(lambda: door.window.panel.showing.word == "One moment, please")
    assert "Eleni" not in covered(door) and "Owes" not in covered(door)
    for key in (Qt.Key.Key_F7, Qt.Key.Key_F5, Qt.Key.Key_F3, Qt.Key.Key_F2):
        door.press(key)
    door.press(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert "Owes" not in covered(door) and door.window.state() == "verdict" and len(door.facts()) == 2
    door.press(Qt.Key.Key_Escape)
    assert door.window.state() == "idle"
    door.window.set_locked(False)
    door.wait(lambda: "Ada" in covered(door))


def test_no_search_at_a_locked_door(door: Door) -> None:
    door.window.set_locked(True)
    door.window.field.setText("chen")  # typed as fast as a test types, it would look like a scan
    door.settled()
    assert door.window.state() == "idle" and "only badges" in door.window.field._note
    door.press(Qt.Key.Key_Return)
    assert door.facts() == [] and door.window.field.text() == ""
    assert door.window.state() == "verdict" and "Only badges are read" in covered(door) and "unlock it and type the name" in covered(door)
    door.scan(door.codes["Li Chen 2019"])
    door.wait(lambda: door.window.panel.showing.word == "Welcome")
    assert len(door.facts()) == 1
    door.wait(lambda: not door.window.scans.muted())
    door.press(Qt.Key.Key_Return)  # nothing is typed: the answer stays
    assert door.window.state() == "verdict" and door.window.panel.showing.word == "Welcome"
    door.window.set_locked(False)


@pytest.mark.parametrize("code", ["misread", "https://alumni.example.org/reunion", "4006381333931"])
def test_a_scan_that_is_no_badge_is_answered_at_a_locked_door(door: Door, code: str) -> None:
    """Nobody could tell whether the scanner had read it, and the answer to the guest before went away."""
    door.window.set_locked(True)
    badge = door.codes["Li Chen 2004"]
    door.scan(badge)
    door.wait(lambda: door.window.state() == "verdict")
    other = next(one for one in (badge[:-1] + letter for letter in BADGE_LETTERS) if read_badge_code(one) is None)
    door.scan(other if code == "misread" else code)
    door.wait(lambda: door.window.panel.showing.word == "Unknown code")
    shown = door.window.panel.showing
    assert shown.colours == DOOR_REFUSED and shown.shape == "cross" and shown.offers == () and "Nobody was checked in" in shown.spoken
    assert "belongs to no badge known here" in covered(door) and "name is hidden" not in covered(door)
    assert not any(name in covered(door) for name in ("Li", "Chen", "2004"))
    assert door.window.field.text() == "" and len(door.facts()) == 1
    door.window.set_locked(False)
    assert door.window.state() == "verdict" and door.window.panel.showing.offers


def test_a_half_typed_walk_in_comes_back(door: Door) -> None:
    door.press(Qt.Key.Key_F2)
    door.window.form.name.setText("Sam Newcomer")
    door.window.set_locked(True)
    assert "Sam" not in covered(door)
    door.scan(door.codes["Li Chen 2019"])
    door.wait(lambda: door.window.state() == "verdict")
    door.settled()
    door.press(Qt.Key.Key_Escape)
    door.window.set_locked(False)
    assert door.window.state() == "walk_in" and door.window.form.name.text() == "Sam Newcomer"
    door.press(Qt.Key.Key_Escape)


def test_ctrl_l_locks_from_the_door_and_asks_to_unlock(door: Door, qtbot: Any) -> None:
    with qtbot.waitSignal(door.window.lock_wanted):
        door.press(Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    door.window.set_locked(True)
    with qtbot.waitSignal(door.window.unlock_wanted):
        door.press(Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    with qtbot.waitSignal(door.window.unlock_wanted):
        door.press(Qt.Key.Key_Escape)
    assert door.window.isVisible()
    door.window.set_locked(False)


def test_the_window_and_its_door_lock_together(hands: Hands) -> None:
    from alumni_desk.gatherings.actions import add_guests, new_gathering
    from alumni_desk.members.lists import member_rows

    gathering = new_gathering(hands.desk, name="Reception", start="2030-11-12T18:30").id
    add_guests(hands.desk, gathering, [row.id for row in member_rows(hands.desk)])
    page = hands.page("checkin")
    page.open(gathering=gathering)
    hands.until(lambda: page.door is not None)
    hands.rest()
    window = page.door
    QTest.keyClick(window.field, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    assert hands.room.lock.locked and window.isVisible() and window._locked
    assert "Check-in keeps scanning; names are hidden" in words_of(hands.shell)
    window.activateWindow()
    hands.until(window.isActiveWindow)
    QTest.keyClick(window.field, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)  # once more: to unlock
    hands.until(hands.shell.isActiveWindow)
    assert hands.room.lock.locked and hands.room.lock.page.entry.password.hasFocus()
    unlock(hands)
    assert not window._locked
    hands.desk.set_setting(DOOR_PIN, pin.made("2468"))
    window.activateWindow()
    hands.until(window.isActiveWindow)
    QTest.keyClick(window.field, Qt.Key.Key_Escape)
    hands.until(lambda: window.leaving.sheet is not None and window.leaving.sheet.isActiveWindow())
    hands.room.lock.lock()  # while somebody is asked for the PIN: the door goes on all the same
    hands.until(window.isActiveWindow)
    assert window.isVisible() and window._locked and not hands.open_dialogs(PinSheet)
    unlock(hands)
    for sheet in hands.open_dialogs(PinSheet):
        sheet.reject()
    hands.desk.set_setting(DOOR_PIN, None)
    hands.desk.set_setting(LOCK_DOOR, False)
    hands.room.lock.read_rules()
    hands.until(lambda: not hands.room.lock.rules.door_goes_on)
    hands.room.lock.lock()
    assert not window.isVisible()
    unlock(hands)
    assert window.isVisible()
    window.close()
    hands.rest()


def open_door(hands: Hands) -> tuple[Any, list[str]]:
    """The door of a gathering with three guests, and their badges' codes."""
    from alumni_desk.gatherings.actions import add_guests, new_gathering
    from alumni_desk.members.lists import member_rows

    gathering = new_gathering(hands.desk, name="Reception", start="2030-11-12T18:30").id
    add_guests(hands.desk, gathering, [row.id for row in member_rows(hands.desk)])
    page = hands.page("checkin")
    page.sounds = Sounds(on=False)
    page.open(gathering=gathering)
    hands.until(lambda: page.door is not None)
    hands.rest()
    with hands.desk.reading() as connection:
        return page.door, [code for [code] in connection.exec_driver_sql("SELECT code FROM registration ORDER BY id")]


def came(hands: Hands) -> int:
    with hands.desk.reading() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM fact").scalar_one())


def locked_page(hands: Hands, window: Any) -> Any:
    """From the door to the locked page, as Ctrl+L and then Esc lead there."""
    QTest.keyClick(window.field, Qt.Key.Key_L, Qt.KeyboardModifier.ControlModifier)
    window.activateWindow()
    hands.until(window.isActiveWindow)
    QTest.keyClick(window.field, Qt.Key.Key_Escape)
    hands.until(hands.shell.isActiveWindow)
    hands.rest()
    page = hands.room.lock.page
    assert page.entry.password.hasFocus()
    return page


def scan(code: str) -> None:
    """A scanner into whatever has the keyboard."""
    QTest.keyClicks(QApplication.focusWidget(), code)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_J, Qt.KeyboardModifier.ControlModifier)


def test_a_badge_read_on_the_locked_page_is_checked_in_and_is_no_wrong_password(hands: Hands) -> None:
    window, codes = open_door(hands)
    page = locked_page(hands, window)
    for number, code in enumerate(codes, 1):
        page.entry.password.setText(PASSPHRASE[:5])
        scan(code)
        hands.until(lambda number=number: came(hands) == number)
        hands.rest()
        assert page.entry.password.text() == PASSPHRASE[:5], "what was typed of the password stays"
        assert "That was a badge: Welcome" in words_of(page) and "Check-in keeps scanning; names are hidden" in words_of(page)
        assert not any(name in words_of(hands.shell) for name in NAMES) and "Caps Lock" not in page.entry.said.text()
    for _turn in range(4):
        scan(badge_code())
        hands.rest()
    assert "Unknown code, nobody was checked in" in words_of(page)
    assert page.entry._wrong == 0 and page.entry.waits() == 0 and page.entry.password.hasFocus()
    hands.until(lambda: not window.scans.muted())
    unlock(hands)
    assert not hands.room.lock.locked and came(hands) == 3
    window.close()
    hands.rest()


def test_a_badge_is_checked_in_on_the_locked_page_while_the_next_try_waits(hands: Hands) -> None:
    window, codes = open_door(hands)
    page = locked_page(hands, window)
    for _turn in range(3):
        unlock(hands, "not the password")
    assert page.entry.waits()
    scan(codes[0])
    hands.until(lambda: came(hands) == 1)
    page.entry._count_down()
    page.entry._count_down()
    page.entry.password.setText(codes[1])  # pasted, or read by a slow scanner
    QTest.keyClick(page.entry.button, Qt.Key.Key_Space)
    hands.until(lambda: came(hands) == 2)
    hands.rest()
    assert page.entry._wrong == 3 and page.entry.waits() == 0 and page.entry.password.text() == ""
    page.sized.emit(125)  # the page is made anew
    hands.until(lambda: hands.room.lock.page is not page)
    assert "That was a badge: Welcome" in words_of(hands.room.lock.page)
    scan(codes[2])
    hands.until(lambda: came(hands) == 3)
    hands.until(lambda: not window.scans.muted())
    hands.room.lock.unlock()
    window.close()
    hands.rest()


def test_without_a_door_a_badge_is_no_try_and_is_said_to_be_one(hands: Hands) -> None:
    hands.room.lock.lock()
    page = hands.room.lock.page
    badge = badge_code()
    for _turn in range(4):
        unlock(hands, badge.lower())
        assert "That was a badge, not a password. Check-in is not open on this laptop, so nobody was checked in." in page.entry.said.text()
        assert page.entry.password.text() == "" and page.entry._wrong == 0 and page.entry.waits() == 0
    other = next(one for one in (badge[:-1] + letter for letter in BADGE_LETTERS) if read_badge_code(one) is None)
    for _turn in range(3):
        unlock(hands, other)
    assert page.entry.waits() == 2, "without its check letter it is a wrong password"
    hands.room.lock.unlock()


def test_a_badge_behind_a_half_typed_password_is_no_try_and_the_half_stays(hands: Hands) -> None:
    hands.room.lock.lock()
    page = hands.room.lock.page
    for _turn in range(4):
        unlock(hands, PASSPHRASE[:7] + badge_code())
        said = page.entry.said.text()
        assert "That was a badge, not a password. Check-in is not open on this laptop" in said and "What you had typed before it is still there." in said
        assert page.entry.password.text() == PASSPHRASE[:7] and page.entry.password.hasFocus() and page.entry._wrong == 0 and page.entry.waits() == 0
        hands.until(lambda: page.entry.said.height() >= page.entry.said.heightForWidth(page.entry.said.width()))  # none of it is cut
    QTest.keyClicks(page.entry.password, PASSPHRASE[7:])
    QTest.keyClick(page.entry.password, Qt.Key.Key_Return)
    hands.until(lambda: not hands.room.lock.locked)


def test_where_check_in_is_hidden_it_is_not_called_closed(hands: Hands) -> None:
    window, codes = open_door(hands)
    hands.desk.set_setting(LOCK_DOOR, False)
    hands.room.lock.read_rules()
    hands.until(lambda: not hands.room.lock.rules.door_goes_on)
    hands.room.lock.lock()
    unlock(hands, PASSPHRASE[:7] + codes[0])
    said = hands.room.lock.page.entry.said.text()
    assert "Nobody was checked in: unlock this laptop first." in said and "still there" in said and came(hands) == 0
    hands.room.lock.unlock()
    window.close()
    hands.rest()


def test_a_badge_on_the_first_page_is_no_try_either(front: Any) -> None:
    front.opening.begin()
    page = front.page()
    for typed in (badge_code(), f"three {badge_code()}", badge_code(), f"three {badge_code()}"):
        page.entry.password.setText(typed)
        QTest.keyClick(page.entry.password, Qt.Key.Key_Return)
        front.until(lambda: "That was a badge" in page.entry.said.text() and not page.entry.password.isReadOnly())
        assert page.entry._wrong == 0 and page.entry.password.text() == ("three " if typed.startswith("three") else "")
        page.entry.said.setText("")
    page.entry.password.setText(PASSPHRASE)
    QTest.keyClick(page.entry.password, Qt.Key.Key_Return)
    front.until(lambda: bool(front.ready))


def test_a_password_that_looks_like_a_badge_unlocks(hands: Hands) -> None:
    chosen = badge_code()
    keys.keep_under(hands.desk.profile.path, "desk", hands.desk.key, chosen)
    window, _codes = open_door(hands)
    page = locked_page(hands, window)
    unlock(hands, chosen)
    assert not hands.room.lock.locked and came(hands) == 0 and page is not None
    window.close()
    hands.rest()


# -- the PIN


@pytest.mark.parametrize("typed", ["2468", "nobody waits at this door"])
def test_the_pin_leads_out_of_the_door_and_so_does_the_password(door: Door, typed: str) -> None:
    door.desk.set_setting(DOOR_PIN, pin.made("2468"))
    door.press(Qt.Key.Key_Escape)
    door.wait(lambda: door.window.leaving.sheet is not None)
    sheet = door.window.leaving.sheet
    assert isinstance(sheet, PinSheet)
    sheet.entry.password.setText("1111")
    QTest.keyClick(sheet.entry.password, Qt.Key.Key_Return)
    door.wait(lambda: "neither the PIN" in sheet.entry.said.text())
    assert door.window.isVisible()
    sheet.entry.password.clear()
    QTest.keyClicks(sheet.entry.password, door.codes["Ada Obi 2012"])  # a guest comes meanwhile
    door.wait(lambda: len(door.facts()) == 1)
    door.settled()
    door.window.scans.muted_until = 0.0
    sheet.entry.password.setText(typed)
    QTest.keyClick(sheet.entry.password, Qt.Key.Key_Return)
    door.wait(lambda: not door.window.isVisible())


def test_the_pin_cannot_be_gone_round(door: Door) -> None:
    door.desk.set_setting(DOOR_PIN, pin.made("2468"))
    door.press(Qt.Key.Key_Escape)
    door.wait(lambda: door.window.leaving.sheet is not None)
    door.window.leaving.sheet.reject()
    assert door.window.isVisible() and door.window.state() == "idle"
    assert "2468" not in pin.made("2468") and pin.fits(pin.made("2468"), " 2468 ") and not pin.fits("nonsense", "2468")
    door.window.leaving.free = True


def test_without_a_pin_esc_leaves_at_once(door: Door) -> None:
    door.press(Qt.Key.Key_Escape)
    door.wait(lambda: not door.window.isVisible())


# -- Settings


def test_the_pin_is_set_in_settings(hands: Hands) -> None:
    settings = hands.page("settings", section="security")
    settings.security.pin.click()
    sheet = hands.dialog(NewPinSheet)
    sheet.first.setText("12")
    sheet._keep()
    assert "Four to twelve digits" in sheet.reason.text()
    sheet.first.setText("2468")
    sheet.again.setText("2468")
    QTest.mouseClick(sheet.done_button, Qt.MouseButton.LeftButton)
    hands.until(lambda: hands.desk.setting(DOOR_PIN) is not None)
    hands.rest()
    assert pin.fits(hands.desk.setting(DOOR_PIN), "2468")


def test_the_password_is_changed_after_the_present_one(hands: Hands) -> None:
    backup.by_itself(hands.desk.profile, hands.desk.key, "daily")
    settings = hands.page("settings", section="security")
    said: list[str] = []
    settings.security.said.connect(said.append)
    settings.security.change_password()
    sheet = hands.dialog(PasswordSheet)
    for field, typed in ((sheet.present, "not this one at all"), (sheet.password, "words of tomorrow"), (sheet.again, "words of tomorrow")):
        field.setText(typed)
    QTest.mouseClick(sheet.done_button, Qt.MouseButton.LeftButton)
    hands.until(lambda: "not the password of this chapter" in sheet.reason.text())
    assert sheet.focusWidget() is sheet.present and sheet.present.selectedText() and sheet.present.property("wrong") is True
    sheet.present.setText(recovery.recovery_key(hands.desk))  # forgotten: the paper does it
    QTest.mouseClick(sheet.done_button, Qt.MouseButton.LeftButton)
    hands.until(lambda: not hands.open_dialogs(PasswordSheet))
    hands.rest()
    assert said[-1].startswith("The new password locks this desk from now on. 1 backup that was made before still opens with the former password")
    hands.room.lock.lock()
    unlock(hands, PASSPHRASE)
    assert hands.room.lock.locked
    unlock(hands, "words of tomorrow")
    assert not hands.room.lock.locked


def test_without_a_password_the_card_says_what_the_paper_is_for_there(hands: Hands) -> None:
    settings = hands.page("settings", section="security")
    hands.until(lambda: settings.security._shown is not None)
    never = settings.security._shown.paper._replace(read_back=None)
    for keepers, words in (({"passphrase", "keyring"}, "a forgotten password cannot be mended"), ({"keyring"}, "password store loses its key")):
        settings.security._show_card(replace(settings.security._shown, keepers=frozenset(keepers), paper_wanted=True, paper=never))
        assert words in settings.security.card_words.text()


def test_an_old_paper_is_asked_for(hands: Hands) -> None:
    settings = hands.page("settings", section="security")
    assert not settings.security.card.isVisible() and not settings.sections.rows.counts.get("security")
    hands.desk.set_setting(recovery.READ_BACK, "2020-01-01T10:00:00Z")
    settings.security.refresh()
    hands.rest()
    assert settings.security.card.isVisible() and settings.security.check.text() == "Check the key"
    assert settings.sections.rows.counts["security"] == "1"
    settings.security.check.click()
    page = hands.dialog(RecoveryPage)
    page.reject()
    hands.rest()


def test_what_is_due_is_counted_before_security_was_opened(hands: Hands) -> None:
    hands.desk.set_setting(recovery.READ_BACK, "2020-01-01T10:00:00Z")
    settings = hands.shell.page("settings")
    settings._parts.pop("security", None)  # nobody was there, and no time was left to build it ahead
    settings.refresh()
    hands.until(lambda: settings.sections.rows.counts.get("security") == "1")
    recovery.note_read_back(hands.desk)
    settings.refresh()
    hands.until(lambda: not settings.sections.rows.counts.get("security"))


# -- opening


@pytest.fixture
def front(qapp: QApplication, profile: Profile, monkeypatch: pytest.MonkeyPatch, qtbot: Any) -> Iterator[Any]:
    """The pages before the window, on a profile whose key three may keep; what they led to."""
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    with open_desk(profile, passphrase=PASSPHRASE) as desk:
        desk.make_chapter("Boston")
        add_member(desk, first_name="Ada")
        paper = recovery.recovery_key(desk)
    monkeypatch.setattr(keys, "_keyring", lambda: None)
    window, ready = Front(100, lambda percent: None), []
    opening = Opening(window, ways_of(profile), lambda desk, page, what: ready.append(desk))
    window.show()

    class Held:
        def __init__(self) -> None:
            self.paper, self.ready, self.opening, self.profile = paper, ready, opening, profile

        def page(self) -> UnlockPage:
            qtbot.waitUntil(lambda: any(one.isVisible() for one in window.findChildren(UnlockPage)), timeout=10_000)
            return next(one for one in window.findChildren(UnlockPage) if one.isVisible())

        def stuck(self) -> StuckPage | None:
            return next((one for one in window.findChildren(StuckPage) if one.isVisible()), None)

        def until(self, condition: Any) -> None:
            qtbot.waitUntil(condition, timeout=10_000)

    yield Held()
    opening.close()
    for desk in ready:
        desk.close()
    window.close()
    window.deleteLater()


def test_a_forgotten_password_yields_to_the_paper_and_a_new_one_is_chosen(front: Any) -> None:
    front.opening.begin()
    page = front.page()
    page.entry.password.setText("forgotten, alas")
    QTest.mouseClick(page.entry.button, Qt.MouseButton.LeftButton)
    front.until(lambda: "not the password" in page.entry.said.text())
    page.entry.show_recovery(True)
    QTest.keyClicks(page.entry.recovery, front.paper)
    QTest.mouseClick(page.entry.button, Qt.MouseButton.LeftButton)
    front.until(lambda: front.page() is not page)
    chooses = front.page()
    assert chooses.choose and "Choose a new password" in words_of(chooses)
    chooses.password.setText("words of tomorrow")
    chooses.again.setText("words of tomorrow")
    QTest.mouseClick(chooses.button, Qt.MouseButton.LeftButton)
    front.until(lambda: bool(front.ready))
    open_desk(front.profile, passphrase="words of tomorrow").close()


def test_a_backup_is_restored_with_the_paper(front: Any, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from alumni_desk.store.backup import back_up

    out = tmp_path / "copy.alumnidesk"
    with open_desk(front.profile, passphrase=PASSPHRASE) as desk:
        back_up(desk, out)
    elsewhere = Profile(tmp_path / "elsewhere")
    window, ready = Front(100, lambda percent: None), []
    opening = Opening(window, ways_of(elsewhere), lambda desk, page, what: ready.append(desk))
    window.show()
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *words: (str(out), ""))
    opening._ask_backup()
    visible = lambda: [one for one in window.findChildren(UnlockPage) if one.isVisible()]
    qtbot.waitUntil(lambda: bool(visible()))
    page = visible()[0]
    page.entry.show_recovery(True)
    QTest.keyClicks(page.entry.recovery, front.paper)
    QTest.mouseClick(page.entry.button, Qt.MouseButton.LeftButton)
    shown = lambda: [one for one in visible() if one.choose]
    qtbot.waitUntil(lambda: bool(shown()), timeout=10_000)
    for field in (shown()[0].password, shown()[0].again):
        field.setText("words of this machine")
    QTest.mouseClick(shown()[0].button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(ready), timeout=15_000)
    assert count_members(ready[0]) == 1
    opening.close()
    ready[0].close()
    window.close()
    window.deleteLater()


def test_no_lock_is_left_behind(hands: Hands) -> None:
    assert isinstance(hands.room.lock, Lock)
    hands.room.lock.lock()
    hands.room.lock.close()
    hands.room.lock.close()


def test_made_up_people_are_locked_by_hand_only(tmp_path: Path, desk: Desk) -> None:
    from alumni_desk.desktop.locking import rules_of

    assert rules_of(desk).minutes == 5 and rules_of(desk).on_sleep
    with open_desk(Profile(tmp_path / "sample")) as sample:
        sample.make_chapter("Sample", sample=True)
        assert rules_of(sample).minutes == 0 and not rules_of(sample).on_sleep


def test_a_silent_password_store_is_asked_again_by_a_button(front: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    shelf = Shelf()
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    keys.keep_anew(front.profile.path, "desk", keys.database_key(front.profile.path, "desk", passphrase=PASSPHRASE), None)
    shelf.silent = True
    front.opening.begin()
    page = front.page()
    assert page.try_again is not None and "it is locked" in page.why
    shelf.silent = False
    page.try_again.click()
    front.until(lambda: bool(front.ready))


def test_a_password_store_that_has_lost_the_key_leads_to_the_paper_or_the_backups(front: Any, monkeypatch: pytest.MonkeyPatch,
                                                                                          caplog: pytest.LogCaptureFixture) -> None:
    shelf = Shelf()
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    keys.keep_anew(front.profile.path, "desk", keys.database_key(front.profile.path, "desk", passphrase=PASSPHRASE), None)
    shelf.kept.clear()
    front.opening.begin()
    page = front.page()
    assert page.try_again is None and "does not have the key of the chapter any more" in page.why and "nlock it" not in page.why
    page.backup.click()
    front.until(lambda: front.stuck() is not None)
    assert "does not have the key" in words_of(front.stuck()) and "A backup holds the key, too" in words_of(front.stuck())
    next(one for one in front.stuck().ways if "Try again" in one.text()).click()
    front.until(lambda: front.stuck() is None)
    page = front.page()
    QTest.keyClicks(page.entry.recovery, front.paper)
    QTest.mouseClick(page.entry.button, Qt.MouseButton.LeftButton)
    front.until(lambda: bool(front.ready))
    assert len(shelf.kept) == 1  # the store has it again


def test_a_locked_password_store_and_no_desk_yet(qapp: QApplication, profile: Profile, monkeypatch: pytest.MonkeyPatch, qtbot: Any,
                                                 caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    shelf = Shelf()
    shelf.silent = True
    monkeypatch.setattr(keys, "_keyring", lambda: shelf)
    window = Front(100, lambda percent: None)
    opening = Opening(window, ways_of(profile), lambda desk, page, what: None)
    opening.begin()
    qtbot.waitUntil(lambda: any(one.isVisible() for one in window.findChildren(UnlockPage)), timeout=10_000)
    page = window.findChild(UnlockPage)
    assert page.choose and "it is locked" in page.why and page.try_again is not None
    shelf.silent = False
    page.try_again.click()
    qtbot.waitUntil(lambda: bool(window.findChildren(FirstRun)), timeout=10_000)
    opening.close()
    window.close()


def test_what_moves_on_the_locked_page_leaves_no_place_behind_that_a_window_is_taken_for(hands: Hands) -> None:
    """Where the old place of a widget in its layout is freed behind Python's back, PySide hands the next window at that address out as that place."""
    hands.room.lock.lock("asked")
    assert hands.room.lock.page is not None and hands.room.lock.page.entry is not None
    entry = hands.room.lock.page.entry
    for on in (True, False):
        before = [box.itemAt(box.indexOf(part)) for box, part in ((entry._row, entry.button), (entry._below, entry.said), (entry._below, entry.other))]
        entry.show_recovery(on)
        entry.was_none("That was a badge", "")
        assert not any(shiboken6.isValid(one) for one in before)
    unlock(hands)


def test_a_window_that_is_taken_for_something_else_ends_no_idle_clock(qtbot: Any) -> None:
    away, place = Away(0), QSpacerItem(1, 1)
    away._watch(place)  # type: ignore[arg-type]
    away._watch(None)
    away.stop()
