"""The Sync page: what was not taken, what is under way, and a window that closes at once."""

from __future__ import annotations

from typing import Any

from alumni_desk.desktop.controls import Button, Label
from alumni_desk.sync import state


def joined(desk: Any) -> None:
    """As if this desk had joined a server that nobody needs to reach."""
    with desk.applying() as applying:
        state.keep(applying.connection, state.Membership("http://127.0.0.1:9", None, "server", "device", bytes(32), desk.scope, "Boston", "leader"))


def words(page: Any) -> str:
    """All that is to be read on a page."""
    return "\n".join(label.text() for label in page.findChildren(Label) if label.isVisible())


def test_what_the_server_did_not_take_is_shown_until_it_was_seen(hands: Any) -> None:
    joined(hands.desk)
    with hands.desk.applying() as applying:
        applying.connection.exec_driver_sql("UPDATE operation SET fate = 'refused', reason = 'denied', resolved_at = '2026-11-10T10:00:00.000Z'"
                                            " WHERE table_name = 'person'")
    page = hands.page("sync")
    assert "3 changes were not taken" in words(page) and "Ada Obi" in words(page) and "leader" in words(page)
    seen = next(button for button in page.findChildren(Button) if button.text() == "Seen")
    hands.click(seen)
    hands.rest()
    hands.until(lambda: "not taken" not in words(page))
    assert hands.desk.setting("refused_seen") == "2026-11-10T10:00:00.000Z"
