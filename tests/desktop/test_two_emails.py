"""The changes of two laptops meet so that somebody's e-mail stands among the other addresses, too: it is shown once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QLabel, QLineEdit
from tests.desktop.test_sync_together import Window, laptop, make_server, office, window

from alumni_desk.cli.main import run
from alumni_desk.desktop.member_form import MemberForm
from alumni_desk.exchange.exporting import members_csv
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.lists import member, member_rows
from alumni_desk.sync import conflicts
from alumni_desk.sync.conflicts import decide
from alumni_desk.sync.engine import sync_once

__all__ = ["laptop", "make_server", "office", "window"]


def test_an_address_that_came_twice_is_shown_once(office: Any, laptop: Any, window: Window, capsys: Any, tmp_path: Path) -> None:
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
    members_csv(one, tmp_path / "members.csv")
    assert (tmp_path / "members.csv").read_text("utf-8-sig").lower().count("ana@new.example") == 1
    form = MemberForm(page, "Edit", "Save", fields)
    typed = [box.text() for box in form.findChildren(QLineEdit)]
    assert " ".join(typed).lower().count("ana@new.example") == 1 and form.values() == {}
    form.put_in("other_emails", '["ANA@new.example","c@example.org"]')
    assert form.values() == {"other_emails": "c@example.org"}
    form.close()


def test_the_same_address_typed_twice_asks_nobody_and_kept_both_it_is_one(office: Any, laptop: Any) -> None:
    one, two = laptop("one", office), laptop("two", office)
    ana = add_member(one, first_name="Ana").id
    bea = add_member(one, first_name="Bea").id
    sync_once(one)
    sync_once(two)
    change_member(one, ana, email="ana@new.example", other_emails=["b@example.org", "c@example.org"])
    change_member(one, bea, email="bea@new.example", other_emails=["b@example.org"])
    change_member(two, ana, email="Ana@New.example", other_emails=["C@example.org", "b@example.org"])
    change_member(two, bea, email="bea@else.example", other_emails=["B@example.org", "d@example.org"])
    for desk in (one, two, one):
        sync_once(desk)
    assert member(one, ana).fields["email"] == "Ana@New.example"
    cards = {card.field: card.id for card in conflicts.conflicts(one)}
    assert {card.row for card in conflicts.conflicts(one)} == {bea} and cards.keys() == {"email", "other_emails"}
    decide(one, cards["other_emails"], "both")
    decide(one, cards["email"], "both")
    fields = member(one, bea).fields
    addresses = [fields["email"], *fields["other_emails"]]
    assert sorted(address.casefold() for address in addresses) == ["b@example.org", "bea@else.example", "bea@new.example", "d@example.org"]
