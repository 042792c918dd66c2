"""Moving the chapter at the window: whose invitation it is, where it leads and who is there are shown first; what cannot be taken back is asked."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from PySide6.QtWidgets import QWidget
from tests.desktop.conftest import Hands
from tests.desktop.test_sync_together import Window, all_words, asked_whether, button, laptop, make_server, window
from tests.sync.test_keeping import free_port, names

from alumni_desk.desktop.join_form import JoinForm
from alumni_desk.errors import KnownError
from alumni_desk.members.actions import add_member
from alumni_desk.store.desk import Desk
from alumni_desk.sync import inviting, keeping, laptops
from alumni_desk.sync.engine import join, status, sync_once

__all__ = ["laptop", "make_server", "window"]


def shot(hands: Hands, name: str, widget: QWidget) -> None:
    """A picture in both themes, where somebody wants to look at it."""
    if os.environ.get("SHOTS"):
        for theme in ("dark", "light"):
            hands.room.appearance.set_theme(theme)
            hands.rest()
            widget.grab().save(f"{os.environ['SHOTS']}/{name}-{theme}.png")


def read_out(widget: QWidget) -> str:
    """What it says, without the marks that keep names apart."""
    return all_words(widget).replace("\u2068", "").replace("\u2069", "")


def keeper(laptop: Any) -> Desk:
    """A laptop that keeps a chapter of three."""
    desk: Desk = laptop("keeper")
    desk.make_chapter("Great Lakes", "Aldermoor", "America/Chicago")
    for one in ("Xia", "Yan", "Zoe"):
        add_member(desk, first_name=one)
    keeping.begin(desk, port=free_port(), host="127.0.0.1").stop()
    return desk


def asked_to_move(hands: Hands, url: str, code: str) -> JoinForm:
    """Open the form by its button, and fill it."""
    hands.until(lambda: hands.room.bridge.kept_at)
    page = hands.page("sync")
    hands.until(lambda: not hands.room.bridge.busy and "For the others" in all_words(page))
    button(page, "Move to an office’s server").click()
    hands.until(lambda: any(one.isVisible() for one in hands.shell.findChildren(JoinForm)))
    form = next(one for one in hands.shell.findChildren(JoinForm) if one.isVisible())
    assert form.button.text() == "Next"
    form.fill(url, code)
    hands.until(lambda: form.shown is not None and form.button.isEnabled())
    hands.until(lambda: "There already" in all_words(form))
    return form


def test_another_chapters_people_are_named_and_asked_about(make_server: Any, laptop: Any, window: Window) -> None:
    office = make_server()
    lead = laptop("lead", office)
    lead.set_setting("person_name", "Priya Raman")
    for one in ("Ana", "Bo"):
        add_member(lead, first_name=one)
    sync_once(lead)
    desk = keeper(laptop)
    hands = window(desk)
    form = asked_to_move(hands, office.url, inviting.invite(lead, "leader").code)
    said = read_out(form)
    assert "Priya Raman, for" in said and "Boston" in said and "2 people, none of them on this laptop" in said
    assert form.button.text().startswith("Move to Boston there")
    shot(hands, "move-form", form.window())
    form.button.click()
    asked = asked_whether(hands, form)
    said = read_out(asked)
    assert "Boston has 2 people already. A move puts what is here beside them (3 people); whoever leads Boston sees" in said and "taken back" in said
    hands.until(asked.cancel.hasFocus)
    shot(hands, "move-question", asked)
    asked.cancel.click()
    hands.until(lambda: not asked.isVisible())
    assert keeping.keeps(desk) and form.isEnabled() and form.button.isEnabled()
    sync_once(lead)
    assert names(lead) == {"Ana", "Bo"}
    form.button.click()
    asked_whether(hands, form).done_button.click()
    hands.until(lambda: not keeping.keeps(desk) or form.reason.text() != "Moving …")
    assert not keeping.keeps(desk), form.reason.text()
    hands.until(lambda: names(desk) == {"Ana", "Bo", "Xia", "Yan", "Zoe"})


def test_into_an_empty_chapter_there_is_no_question(make_server: Any, laptop: Any, window: Window) -> None:
    office = make_server()
    desk = keeper(laptop)
    hands = window(desk)
    form = asked_to_move(hands, office.url, office.invite("Boston"))
    assert "Nobody yet" in all_words(form) and form.button.text().startswith("Move to Boston there")
    shot(hands, "move-empty", form.window())
    form.laptop.setText("Xia’s laptop")
    form.button.click()
    hands.until(lambda: not keeping.keeps(desk) and desk.device_name == "Xia’s laptop" and status(desk).state == "synced")
    page = hands.shell.current()
    page.refresh()
    hands.until(lambda: "all taken by 127.0.0.1" in all_words(page))
    said = all_words(page).splitlines()
    assert said.index("all taken by 127.0.0.1") < said.index("all taken by this laptop’s own server"), "each by the one that took it then"


def test_a_command_that_moves_the_chapter_beside_the_window_is_seen_there(make_server: Any, laptop: Any, window: Window,
                                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    office = make_server()
    desk = keeper(laptop)
    hands = window(desk)
    hands.until(lambda: hands.room.bridge.kept_at)
    page = hands.page("sync")
    hands.until(lambda: not hands.room.bridge.busy and "This laptop keeps the chapter" in all_words(page))
    heard: list[str] = []
    monkeypatch.setattr(hands.shell, "say", lambda words, *more: heard.append(words))
    command = [sys.executable, "-m", "alumni_desk", "--profile", str(desk.profile.path), "move", office.url, office.invite("Boston")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as moving:
        hands.until(lambda: moving.poll() is not None)
        out, err = moving.communicate()
    assert moving.returncode == 0 and "do not hear" not in out, err
    hands.until(lambda: not keeping.keeps(desk) and status(desk).state == "synced" and not hands.room.bridge.busy)
    hands.until(lambda: "This laptop keeps the chapter" not in all_words(page))
    hands.until(lambda: heard)
    assert heard == ["The chapter is at Boston’s new server"]
    assert hands.room.bridge._parted is not None and hands.room.bridge._parted.running, "the others hear from it that the chapter has moved"


def test_what_was_set_aside_has_to_be_looked_at_first(make_server: Any, laptop: Any, window: Window) -> None:
    office, desk = make_server(), laptop("keeper")
    desk.make_chapter("Great Lakes", "Aldermoor", "America/Chicago")
    serving = keeping.begin(desk, port=free_port(), host="127.0.0.1")
    other = laptop("other")
    join(other, serving.own_url, inviting.invite(desk, "leader").code)
    add_member(other, first_name="Ana")
    [lost] = [one for one in laptops.laptops(desk) if not one.here]
    laptops.remove(desk, lost.id)
    with pytest.raises(KnownError, match="removed"):
        sync_once(other)
    serving.stop()
    hands = window(desk)
    form = asked_to_move(hands, office.url, office.invite("Boston"))
    form.button.click()
    hands.until(lambda: form.isEnabled() and "1 change was set aside at the present server" in form.reason.text())
    shot(hands, "move-set-aside", form.window())
    assert keeping.keeps(desk) and form.button.isEnabled()


def test_who_came_there_since_it_was_looked_at_is_shown_before_anything_moves(make_server: Any, laptop: Any, window: Window) -> None:
    office = make_server()
    lead = laptop("lead", office)
    desk = keeper(laptop)
    hands = window(desk)
    form = asked_to_move(hands, office.url, office.invite("Boston"))
    assert form.shown is not None and not form.shown.others
    add_member(lead, first_name="Ana")
    sync_once(lead)
    form.button.click()
    hands.until(lambda: form.shown is not None and form.shown.others and form.isEnabled())
    hands.until(lambda: "1 person, none of them on this laptop" in all_words(form))
    assert keeping.keeps(desk)
