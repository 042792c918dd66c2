"""The first page is left, or drawn anew, while what it asked for is under way: it waits for the answer, and no answer meets a page that is gone."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication
from tests.desktop.test_lock import words_of

from alumni_desk.desktop.first_run import FirstRun
from alumni_desk.desktop.front import Front
from alumni_desk.desktop.join_form import JoinForm
from alumni_desk.desktop.opening import Opening
from alumni_desk.desktop.wiring import ways_of
from alumni_desk.errors import NetworkProblem
from alumni_desk.schema import open_desk
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile

SILENT = "The server does not answer. Try again."


@pytest.fixture
def joining(qapp: QApplication, profile: Profile, qtbot: Any) -> Iterator[Any]:
    """A first page on which somebody has pressed Join, and a server that answers when ``answer`` is set: that it is not there."""
    desk = open_desk(profile, passphrase="three words will do")
    answer = threading.Event()

    def join(desk: Desk, url: str, code: str, laptop: str) -> None:
        assert answer.wait(30)
        raise NetworkProblem("unreachable", SILENT)

    window, ready = Front(100, lambda percent: None), []
    opening = Opening(window, replace(ways_of(profile), open=lambda password: desk, join=join), lambda *given: ready.append(given))

    def until(condition: Any) -> None:
        qtbot.waitUntil(lambda: bool(condition()), timeout=15_000)

    def page(kind: Any) -> Any:
        return next((one for one in window.findChildren(kind) if one.isVisible()), None)

    window.show()
    opening.begin()
    until(lambda: page(FirstRun) is not None)
    opening._ask_join()
    form = page(JoinForm)
    form.joined.emit("https://desk.example.org", "CODE", "Laptop", False)
    yield SimpleNamespace(window=window, opening=opening, form=form, page=page, until=until, answer=answer, ready=ready)
    answer.set()
    opening.close()
    window.close()
    window.deleteLater()


def test_a_join_under_way_is_not_left_by_back(joining: Any) -> None:
    joining.window.back.click()
    QTest.keyClick(joining.window, Qt.Key.Key_Escape)
    assert joining.page(JoinForm) is joining.form and "Joining …" in words_of(joining.window)
    joining.answer.set()
    joining.until(lambda: SILENT in words_of(joining.form))
    joining.window.back.click()
    joining.until(lambda: joining.page(FirstRun) is not None)


def test_that_a_join_failed_is_said_also_where_another_page_is_shown_by_then(joining: Any) -> None:
    joining.opening.first_run()
    joining.until(lambda: joining.page(JoinForm) is None)
    joining.answer.set()
    joining.until(lambda: SILENT in words_of(joining.window))
    next(one for one in joining.window.findChildren(QAbstractButton) if one.isVisible() and one.text() == "Back").click()
    joining.until(lambda: joining.page(FirstRun) is not None)
    assert joining.ready == []
