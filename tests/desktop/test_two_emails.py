"""The changes of two laptops meet so that somebody's e-mail stands among the other addresses, too: it is shown once."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QLabel
from tests.desktop.test_sync_together import Window, laptop, make_server, office, window

from alumni_desk.cli.main import run
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.lists import member, member_rows
from alumni_desk.sync.engine import sync_once

__all__ = ["laptop", "make_server", "office", "window"]


def test_an_address_that_came_twice_is_shown_once(office: Any, laptop: Any, window: Window, capsys: Any) -> None:
    one, two = laptop("one", office), laptop("two", office)
    ana = add_member(one, first_name="Ana", email="ana@old.example").id
    bea = add_member(one, first_name="Bea", email="bea@old.example", other_emails=["bea@home.example"]).id
    sync_once(one)
    sync_once(two)
    change_member(one, ana, email="ana@new.example")
    change_member(two, ana, other_emails=["Ana@new.example"])
    for desk in (one, two, one):
        sync_once(desk)
    fields = member(one, ana).fields
    assert (fields["email"], [one.lower() for one in fields["other_emails"]]) == ("ana@new.example", ["ana@new.example"]), "both are kept as they came"
    assert {row.id: row.several_emails for row in member_rows(one)} == {ana: False, bea: True}
    hands = window(one)
    page = hands.page("members", member=ana)

    def said() -> str:
        return " | ".join(label.text().replace("\u200b", "") for label in page.panel.findChildren(QLabel) if label.isVisible()).lower()

    hands.until(lambda: "ana@new.example" in said())
    assert said().count("ana@new.example") == 1 and "also" not in said()
    assert run(["--profile", str(one.profile.path), "member", "show", ana]) == 0
    assert capsys.readouterr().out.lower().count("ana@new.example") == 1
