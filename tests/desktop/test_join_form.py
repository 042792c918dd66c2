"""Joining at a window: what the invitation is for is shown first, from a real server; nothing is used before Join."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget
from tests.sync.conftest import make_server

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.front import Front
from alumni_desk.desktop.join_form import JoinForm
from alumni_desk.desktop.opening import _framed
from alumni_desk.desktop.sheet import PlainSheet
from alumni_desk.store.desk import Desk
from alumni_desk.sync.engine import join, status
from alumni_desk.sync.join import Shown
from alumni_desk.words import day

__all__ = ["make_server"]


def all_words(widget: QWidget) -> str:
    """Everything that is to be read."""
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))


@pytest.fixture
def form(hands: Any) -> Iterator[JoinForm]:
    """The form on the Sync page of a laptop with three members."""
    hands.page("sync")._open_join("3 members")
    sheet = hands.dialog(PlainSheet)
    found = sheet.findChild(JoinForm)
    assert isinstance(found, JoinForm)
    yield found
    hands.rest()
    if hands.open_dialogs(PlainSheet):
        sheet.reject()


def typed(form: JoinForm, url: str, code: str) -> None:
    """Type both, as a person does."""
    form.code.fill(code)
    form.server.setText(url)
    form.server.textEdited.emit(url)


def test_what_an_invitation_is_for_is_shown_before_anybody_joins(make_server: Callable[..., Any], hands: Any, form: JoinForm) -> None:
    server = make_server()
    assert not form.card.isVisible() and not form.button.isEnabled()
    typed(form, server.url, server.invite())
    assert form.button.text() == "Next" and form.button.isEnabled()
    hands.click(form.button)
    hands.until(form.card.isVisible)
    said = all_words(form)
    assert "Leader of" in said and "Boston" in said and server.url.partition("://")[2] in said and "It works once, until" in said
    assert form.button.text() == "Join Boston" and not form.button.isEnabled(), "what is here already has still to be ticked"
    assert status(hands.desk).state == "alone" and server.run("server", "devices") == []
    form.carry.setChecked(True)
    hands.click(form.button)
    hands.until(lambda: status(hands.desk).state != "alone")
    hands.until(lambda: not hands.open_dialogs(PlainSheet))


def test_another_code_takes_away_what_was_said_of_the_one_before(make_server: Callable[..., Any], hands: Any, form: JoinForm) -> None:
    server = make_server()
    typed(form, server.url, server.invite())
    hands.click(form.button)
    hands.until(form.card.isVisible)
    form.code.groups[3].setText("AAAA")
    form.code.changed.emit()
    assert not form.card.isVisible() and form.button.text() == "Next" and not form.button.isEnabled()


def test_a_long_address_and_a_refusal_have_room(hands: Any, form: JoinForm) -> None:
    """The address is read from its beginning; sentences are not squeezed beside a long name on the button, a few words stand there."""
    url = "https://desk.alumni-network.northgate-university.example.org"
    typed(form, url, "AAAA")
    form.server.editingFinished.emit()
    hands.rest()
    assert form.server.cursorPosition() == 0 and form.server.width() > form.server.fontMetrics().horizontalAdvance(url)
    beside = form.reason.geometry()
    assert beside.right() < form.cancel.x() and beside.top() < form.button.geometry().bottom()
    form.button.set_words("Join Great Lakes and the Upper Peninsula")
    form.refused("sync_unreachable", "The server does not answer at that address. Look whether it is typed as it stands below the code.")
    hands.until(lambda: form.reason.geometry().bottom() < form.button.y())
    assert form.reason.width() > form.foot.width() * 0.8 and form.foot.rect().contains(form.button.geometry())
    form.code.changed.emit()
    hands.until(lambda: form.reason.geometry().right() < form.cancel.x())


def test_letters_flow_on_after_one_backspace_too_many(hands: Any, form: JoinForm) -> None:
    groups = form.code.groups

    def press(*keys: Any) -> None:
        for key in keys:
            box = next(one for one in groups if one.hasFocus())
            (QTest.keyClick if isinstance(key, Qt.Key) else QTest.keyClicks)(box, key)

    groups[0].setFocus()
    press(*"ABCDEFGHJKMNPQRS")
    assert form.code.text() == "ABCD-EFGH-JKMN-PQRS"
    press(*[Qt.Key.Key_Backspace] * 5)
    assert form.code.text() == "ABCD-EFGH-JKMN-" and groups[2].hasFocus()
    press(*"mx5z")
    assert form.code.text() == "ABCD-EFGH-JKMN-MX5Z" and groups[3].hasFocus()
    press(*[Qt.Key.Key_Backspace] * 6, *"wt4y7")
    assert form.code.text() == "ABCD-EFGH-JKMW-T4Y7"
    groups[0].setFocus()
    groups[0].setCursorPosition(4)
    press("X")
    assert form.code.text() == "ABCD-EFGH-JKMW-T4Y7", "a full box is not written over"


def test_a_used_code_says_when_and_what_to_do(make_server: Callable[..., Any], hands: Any, form: JoinForm, second: Desk) -> None:
    server = make_server()
    code = server.invite()
    join(second, server.url, code)
    typed(form, server.url, code)
    hands.click(form.button)
    hands.until(form.another.isVisible)
    said = all_words(form)
    assert f"This invitation was used on {day(date.today())}" in said and "Ask whoever gave it to you" in said and "they can remove that laptop" in said
    assert form.code.groups[0].property("wrong") and not form.card.isVisible()
    hands.click(form.another)
    assert form.code.text() == "---" and not form.another.isVisible() and not form.code.groups[0].property("wrong")


@pytest.fixture
def second(tmp_path: Any) -> Iterator[Desk]:
    """Another laptop."""
    from alumni_desk.schema import open_desk
    from alumni_desk.store.profile import Profile

    with open_desk(Profile(tmp_path / "second")) as desk:
        yield desk


@pytest.mark.parametrize("width", [1280, 1000])
def test_on_the_first_page_nothing_is_cut(qtbot: Any, lanes: Lanes, width: int) -> None:
    front = Front(100, lambda percent: None)
    qtbot.addWidget(front)
    front.resize(width, 800)
    form = JoinForm("Laptop", lanes=lanes, look=lambda *asked: None)
    front.show_view(_framed(form, "Join with an invitation", "Type the code you were given, or paste it."), lambda: None)
    front.show()
    qtbot.waitUntil(lambda: form.code.height() >= form.code.groups[0].height())
    form._offer(Shown("Great Lakes", "door", "https://desk.example.org", "Priya Raman", "Autumn Reception", 84, "2026-11-13T21:00:00Z",
                      "2026-11-12T21:00:00Z", True))
    labels = [one for one in form.findChildren(QLabel) if one.isVisible()]
    qtbot.waitUntil(lambda: form.card.isVisible() and all(one.height() >= one.heightForWidth(one.width()) for one in labels))
