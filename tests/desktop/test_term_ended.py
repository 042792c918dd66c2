"""Who has handed over the chapter may end what is being typed; it is said on every page, and before that a hand-over empties this laptop."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
from tests.desktop.conftest import Hands
from tests.desktop.test_sync_together import Window, all_words, button, details, laptop, make_server, window
from tests.sync.test_keeping import names

from alumni_desk.desktop import sync_bridge
from alumni_desk.desktop.invite_sheet import InviteSheet
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.store import recovery, removal
from alumni_desk.store.desk import Desk
from alumni_desk.sync import leaving
from alumni_desk.sync.engine import join, sync_once

__all__ = ["laptop", "make_server", "window"]


def shot(hands: Hands, name: str) -> None:
    if os.environ.get("SHOTS"):
        hands.rest()
        hands.shell.grab().save(f"{os.environ['SHOTS']}/{name}.png")


def succeeded(laptop: Any, lead: Desk) -> Desk:
    """The successor's laptop, which has joined."""
    made = leaving.hand_over(lead)
    desk: Desk = laptop("successor")
    join(desk, made.url, made.code)
    return desk


def typing(hands: Hands) -> MemberForm:
    """A member's form, half typed."""
    hands.page("members").add({"first_name": "Half", "last_name": "Typed"})
    hands.until(lambda: hands.shell.findChildren(MemberForm))
    return hands.shell.findChildren(MemberForm)[0]


def test_a_form_that_is_open_is_waited_for_and_what_it_saves_goes_along(make_server: Any, laptop: Any, window: Window) -> None:
    office = make_server()
    lead = laptop("lead", office)
    recovery.recovery_key(lead)
    recovery.note_read_back(lead)
    hands = window(lead)
    gone: list[str] = []
    hands.room.bridge.removed.connect(gone.append)
    form = typing(hands)
    successor = succeeded(laptop, lead)
    hands.room.bridge.sync_now()
    hands.until(hands.shell.over.isVisible)
    assert "your successor has joined" in hands.shell.over.words.text() and "save or close it" in hands.shell.over.words.text()
    shot(hands, "term-over")
    hands.until(lambda: not hands.room.bridge.busy)
    assert not gone and removal.removed(lead.profile) is None and form.isVisible()
    form.done_button.click()
    hands.until(lambda: gone)
    assert "handed over" in gone[0] and removal.removed(lead.profile) is not None
    sync_once(successor)
    assert names(successor) == {"Half"}


def test_it_waits_for_nobody_who_has_gone_home(make_server: Any, laptop: Any, window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync_bridge, "STAYS", timedelta(seconds=1))
    office = make_server()
    lead = laptop("lead", office)
    hands = window(lead)
    gone: list[str] = []
    hands.room.bridge.removed.connect(gone.append)
    typing(hands)
    succeeded(laptop, lead)
    hands.room.bridge.sync_now()
    hands.until(lambda: gone)


def test_the_dialog_says_before_that_this_laptop_is_emptied(make_server: Any, laptop: Any, window: Window) -> None:
    office = make_server()
    hands = window(laptop("lead", office))
    page = details(hands)
    button(page, "Hand over the chapter").click()
    sheet = hands.dialog(InviteSheet)
    assert "This laptop is emptied when your successor has joined" in all_words(sheet)
    assert not sheet.door.button.isVisible() and "Everything in the chapter" in all_words(sheet) and sheet.wish().role == "leader"
    shot(hands, "hand-over")
    if os.environ.get("SHOTS"):
        hands.rest()
        sheet.grab().save(f"{os.environ['SHOTS']}/hand-over-sheet.png")
    assert hands.room.bridge.half_typed() == 0, "who is being invited holds nothing up"
    sheet.reject()
    hands.rest()
