"""What the dialog says of laptops that are heard, and it says the same as “Not found?” beside it."""

from __future__ import annotations

from ipaddress import IPv4Interface
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel, QWidget

from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.join_laptop_sheet import JoinLaptopForm, NotFoundSheet
from alumni_desk.sync.venue.finding import Found, Search, told
from alumni_desk.sync.venue.places import Place


def all_words(widget: QWidget) -> str:
    """Everything that is to be read."""
    return "\n".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))


def said(search: Search, lanes: Lanes, qtbot: Any) -> tuple[str, str]:
    """What both dialogs say of a search."""
    form = JoinLaptopForm(lambda then, failed: then(search), lanes)
    qtbot.addWidget(form)
    window = QWidget()
    qtbot.addWidget(window)
    other = NotFoundSheet(window, lambda then, failed: then(search), shares=False)
    words = all_words(form), other.reason.text()
    other.reject()
    return words


@pytest.mark.parametrize(("here", "why"), [("10.77.7.2/24", "closed"), ("192.168.1.5/24", "other_network")])
@pytest.mark.parametrize("ours", [True, None])
def test_a_laptop_that_is_heard_and_cannot_be_reached_is_named_in_both(lanes: Lanes, qtbot: Any, here: str, why: str, ours: bool | None) -> None:
    search = told((Found("x", Place("10.77.7.1", 7807), ours, False),), [IPv4Interface(here)])
    assert search.why == why
    first, second = said(search, lanes, qtbot)
    assert "10.77.7.1:7807" in second and second in first
    assert "No laptop that shares was heard" not in first


def test_where_there_is_no_network_both_say_so(lanes: Lanes, qtbot: Any) -> None:
    first, second = said(told((), []), lanes, qtbot)
    assert "in no network" in second and second in first


def test_where_nobody_is_heard_the_address_is_asked_for(lanes: Lanes, qtbot: Any) -> None:
    first, _second = said(told((), [IPv4Interface("10.77.7.2/24")]), lanes, qtbot)
    assert "No laptop that shares was heard. Type the address that the other laptop shows." in first
