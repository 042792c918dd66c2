"""The Sync page of a leader's laptop whose server is gone for good: it offers to keep the chapter, and says what that means."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QAbstractButton
from tests.desktop.test_lock import unlock
from tests.desktop.test_sync_page import words
from tests.desktop.test_sync_together import Window, button, details, laptop, make_server, window
from tests.sync.test_keeping import free_port

from alumni_desk.desktop.join_form import JoinForm
from alumni_desk.desktop.sheet import Sheet
from alumni_desk.schema import open_desk
from alumni_desk.store import backup
from alumni_desk.store.profile import Profile
from alumni_desk.sync import keeping
from alumni_desk.sync.engine import status, sync_once
from alumni_desk.sync.restoring import restore

__all__ = ["laptop", "make_server", "window"]


def shot(hands: Any, name: str) -> None:
    if os.environ.get("SHOTS"):
        hands.rest()
        hands.shell.grab().save(f"{os.environ['SHOTS']}/{name}.png")


def offered(page: Any) -> list[str]:
    """The words of what can be pressed."""
    return [one.text() for one in page.findChildren(QAbstractButton) if one.isVisible()]


def keep_it_here(hands: Any, page: Any) -> Sheet:
    """Choose it, and say yes."""
    button(page, "Keep the chapter on this laptop").click()
    hands.rest()
    sheet = next(one for one in hands.shell.findChildren(Sheet) if one.isVisible())
    shot(hands, "sheet")
    if os.environ.get("SHOTS"):
        sheet.grab().save(f"{os.environ['SHOTS']}/sheet-itself.png")
    sheet.done_button.click()
    return sheet


def test_it_is_offered_where_the_server_is_silent_and_done_in_one(make_server: Any, laptop: Any, window: Window) -> None:
    office = make_server()
    lead = laptop("lead", office)
    hands = window(lead)
    page = details(hands)
    assert "Keep the chapter on this laptop" not in words(page), "not while it answers"
    office.kill()
    hands.room.bridge.sync_now()
    hands.until(lambda: "Keep the chapter on this laptop" in words(page))
    assert "gone for good" in words(page)
    shot(hands, "silent")
    keep_it_here(hands, page)
    hands.until(lambda: hands.room.bridge.kept_at and status(lead).state == "synced" and "For the others" in words(page))
    assert keeping.keeps(lead) and "gone for good" not in words(page)
    shot(hands, "kept")


def test_a_restored_laptop_is_led_to_a_new_invitation_at_once(make_server: Any, laptop: Any, window: Window, tmp_path: Path) -> None:
    """Not after a sync has failed first; and nobody can be invited from it yet."""
    office = make_server()
    lead = laptop("lead", office)
    hands = window(lead)
    page = hands.page("sync")
    hands.until(lambda: "Invite someone" in offered(page))
    hands.room.close()
    file = tmp_path / "lead.alumnidesk"
    backup.back_up(lead, file, passphrase="three small words")
    restore(Profile(tmp_path / "new"), file, passphrase="three small words")
    with open_desk(Profile(tmp_path / "new")) as desk:
        hands = window(desk)
        page = hands.page("sync")
        hands.until(lambda: "needs a new invitation" in words(page))
        hands.until(lambda: "Join again with a new invitation" in offered(page))
        assert "Invite someone" not in offered(page) and page.first_focus().text() == "Join again with a new invitation"
        shot(hands, "restored-laptop")
        hands.room.lock.lock()
        hands.until(lambda: hands.room.lock.locked)
        assert "Sync goes on" not in words(hands.shell)
        unlock(hands)
        hands.until(lambda: not hands.room.lock.locked and "Join again with a new invitation" in offered(page))
        button(page, "Join again").click()
        hands.until(lambda: any(one.isVisible() for one in hands.shell.findChildren(JoinForm)))
        form = next(one for one in hands.shell.findChildren(JoinForm) if one.isVisible())
        form.fill(office.url, office.invite(role="leader"))
        hands.until(lambda: form._shown is not None and form.button.isEnabled())
        form.button.click()
        hands.until(lambda: status(desk).state == "synced" and "Invite someone" in offered(page))
        hands.room.close()


def test_a_restored_keeper_says_what_is_true_once_and_offers_it(laptop: Any, window: Window, tmp_path: Path) -> None:
    keeper = laptop("keeper")
    keeper.make_chapter("Great Lakes", "Aldermoor", "America/Chicago")
    serving = keeping.begin(keeper, port=free_port(), host="127.0.0.1")
    sync_once(keeper)
    serving.stop()
    file = tmp_path / "keeper.alumnidesk"
    backup.back_up(keeper, file, passphrase="three small words")
    restore(Profile(tmp_path / "new"), file, passphrase="three small words")
    with open_desk(Profile(tmp_path / "new")) as desk:
        hands = window(desk)
        page = hands.page("sync")
        hands.room.bridge.sync_now()
        hands.until(lambda: page._trouble)
        hands.rest()
        assert words(page).count("was restored from a backup of the computer that kept the chapter") == 1
        assert "alumni-desk" not in words(page), "nobody types a command in the window"
        assert "The others reach it" not in words(page) and not hands.room.bridge.kept_at
        shot(hands, "restored")
        keep_it_here(hands, page)
        hands.until(lambda: hands.room.bridge.kept_at and status(desk).state == "synced" and "For the others" in words(page))
        hands.room.close()
