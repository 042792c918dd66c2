"""A gathering whose name is one very long word: it is broken, and nothing beside it is pushed out of view."""

from __future__ import annotations

from typing import Any

import pytest
from tests.desktop.conftest import Hands

from alumni_desk.checkin.actions import walk_in
from alumni_desk.gatherings.actions import new_gathering
from alumni_desk.members.actions import add_member

WORD = "Donaudampfschifffahrtselektrizitaetenhauptbetriebswerkbauunt"


@pytest.fixture
def chapter(desk: Any) -> str:
    """A member who was at such a gathering and is asked to others; made before the window is."""
    member = add_member(desk, first_name="Ada", last_name="Lovelace", email="ada@example.org").id
    for start in ("2026-11-08T18:00", "2026-11-09T18:00", "2026-11-12T18:00"):
        gathering = new_gathering(desk, name=WORD, start=start).id
        walk_in(desk, gathering, "Ada Lovelace", person_id=member, although_cancelled=True)
    return str(member)


def test_the_members_panel_is_no_wider_than_its_place(chapter: str, hands: Hands) -> None:
    page = hands.page("members", member=chapter)
    hands.until(lambda: page.panel.shown_for() == chapter)
    hands.rest()
    assert page.panel.widget().width() <= page.panel.viewport().width()
    assert page.panel.more_button.visibleRegion().boundingRect() == page.panel.more_button.rect()


def test_today_is_no_wider_than_its_place(chapter: str, hands: Hands) -> None:
    from PySide6.QtWidgets import QScrollArea

    hands.shell.resize(1024, 640)
    page = hands.page("today")
    for area in page.findChildren(QScrollArea):
        if area.isVisible():
            assert area.widget().width() <= area.viewport().width()
