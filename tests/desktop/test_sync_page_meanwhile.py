"""The Sync page while something that was asked for there is under way: it is asked for once, and goes on being said whatever else is drawn."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from PySide6.QtWidgets import QWidget
from tests.desktop.conftest import Hands
from tests.desktop.test_sync_page import told_of, words

from alumni_desk.desktop.set_aside_sheet import SetAsideSheet
from alumni_desk.errors import StoreProblem
from alumni_desk.sync import keeping, set_aside


def test_that_the_chapters_server_is_being_made_is_said_until_it_is_there_or_why_not(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, asked = threading.Event(), []

    def begin(desk: Any) -> Any:
        asked.append(desk)
        assert answer.wait(30)
        raise StoreProblem("keeps_unmade", "The disk does not want it.")

    monkeypatch.setattr(keeping, "begin", begin)
    page = hands.page("sync")
    hands.until(lambda: page._facts is not None and page.kept.may_keep())
    hands.click(page.kept.keep)
    hands.until(lambda: asked)
    page._draw()  # as after whatever is saved meanwhile
    hands.until(lambda: "The server is being made …" in words(page))
    assert not page.kept.keep.isEnabled()
    page.kept.keep_here()  # by the palette
    answer.set()
    hands.until(lambda: "The disk does not want it." in words(page))
    assert page.kept.keep.isEnabled()
    page._draw()
    hands.until(lambda: "The disk does not want it." in words(page))
    hands.rest()
    assert len(asked) == 1


def test_where_its_server_is_not_made_after_a_join_nothing_ends_as_a_fault(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()

    def begin(desk: Any) -> Any:
        assert answer.wait(30)
        raise StoreProblem("keeps_unmade", "The disk does not want it.")

    monkeypatch.setattr(keeping, "begin", begin)
    page = hands.page("sync")
    hands.until(lambda: page._facts is not None and page.kept.may_keep())
    gone: QWidget = page.kept.keep
    hands.click(gone)
    told_of(hands.desk, 1)  # a command has joined a server
    page.refresh()
    hands.until(lambda: page._facts is not None and page._facts.state != "alone" and not page.kept.may_keep())
    answer.set()
    hands.rest()
    assert "The disk does not want it." in hands.shell.toast.words.text()


def test_what_is_set_aside_is_looked_at_once_however_often_it_is_asked_for(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = threading.Event()

    def asked(desk: Any) -> list[set_aside.SetAside]:
        assert answer.wait(30)
        return [set_aside.SetAside("lot", "old", "Old laptop", None, "2026-11-10T10:00:00+00:00", "revoked", "Removed.", 1, ("Ana",), 0)]

    told_of(hands.desk, 1)
    page = hands.page("sync")
    hands.until(lambda: "Old laptop" in words(page.people))
    monkeypatch.setattr(set_aside, "set_aside", asked)
    page.people.table.look.emit("old")
    page.people.table.look.emit("old")
    answer.set()
    hands.rest()
    assert len(hands.open_dialogs(SetAsideSheet)) == 1
    hands.dialog(SetAsideSheet).accept()
    page.people.table.look.emit("old")
    hands.rest()
    assert len(hands.open_dialogs(SetAsideSheet)) == 1
    hands.dialog(SetAsideSheet).accept()
