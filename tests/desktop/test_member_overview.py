"""What a member's Overview says of whom hardly anything is known."""

from __future__ import annotations

import os
from typing import Any

from PySide6.QtTest import QTest
from tests.desktop.test_sync_page import words

from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.members.actions import add_member


def test_of_whom_only_the_name_is_known_the_overview_has_a_first_step(hands: Any) -> None:
    page = hands.page("members")
    lone = add_member(hands.desk, first_name="Cosima", last_name="Lone").id
    other = add_member(hands.desk, first_name="Anna", last_name="Mail", email="anna@example.org").id
    page.open(member=other)
    hands.rest()
    hands.until(lambda: page.panel.shown_for() == other)
    assert page.panel.contact_button is None and "Only the name" not in words(page.panel)
    page.open(member=lone)
    hands.until(lambda: page.panel.shown_for() == lone)
    hands.rest()
    assert "Only the name is known so far" in words(page.panel)
    if os.environ.get("SHOTS"):
        for theme in ("light", "dark"):
            hands.room.appearance.set_theme(theme)
            hands.rest()
            hands.shell.grab().save(f"{os.environ['SHOTS']}/name-alone-{theme}.png")
        hands.room.appearance.set_theme("light")
    hands.click(page.panel.contact_button)
    form = hands.dialog(MemberForm)
    hands.until(lambda: form._fields["email"].hasFocus())
    QTest.keyClicks(form._fields["email"], "cosima@example.org")
    hands.click(form.done_button)
    hands.until(lambda: not hands.open_dialogs(MemberForm))
    hands.until(lambda: "cosima" in words(page.panel) and "Only the name" not in words(page.panel))


def test_a_wish_is_said_also_where_there_is_no_address_that_it_binds(hands: Any) -> None:
    page = hands.page("members")
    lone = add_member(hands.desk, first_name="Cosima", last_name="Lone", solicit_codes=["do_not_email"]).id
    page.open(member=lone)
    hands.rest()
    hands.until(lambda: page.panel.shown_for() == lone)
    assert "No e-mail, please" in words(page.panel) and "Only the name" not in words(page.panel)
