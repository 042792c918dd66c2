"""Two people change one field at once: a card, decided on here, gone there, and open again when that is undone."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from tests.store.test_erasing import findings
from tests.sync.conftest import RunningServer
from tests.sync.test_sync_listening import SOON, listening

from alumni_desk.cli.main import run as main
from alumni_desk.desktop.decide_part import sides_of, what_words
from alumni_desk.desktop.paint import isolated
from alumni_desk.errors import KnownError
from alumni_desk.gatherings.actions import add_guests, new_gathering, set_rsvp
from alumni_desk.gatherings.records import registration_id
from alumni_desk.members.actions import add_member
from alumni_desk.members.chapter import change_chapter
from alumni_desk.segments.activity import deeds
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import erase
from alumni_desk.store.history import history, restore
from alumni_desk.store.undo import redo, undo
from alumni_desk.sync import conflicts, conflicts_kept, session, state
from alumni_desk.sync.engine import join, sync_once, wire_of
from alumni_desk.sync.pull import pull

MakeDesk = Callable[[str], Desk]


def change(desk: Desk, row: str, **fields: Any) -> None:
    """One edit of a person."""
    with desk.writing("member_changed") as writing:
        writing.change("person", row, **fields)


def value(desk: Desk, row: str, name: str) -> Any:
    """A field as the desk shows it."""
    person = desk.tables["person"]
    with desk.reading() as connection:
        return connection.execute(sa.select(person.c[name]).where(person.c.id == row)).scalar_one()


def rest(*desks: Desk) -> None:
    """Everybody knows everything."""
    for _turn in range(2):
        for desk in desks:
            sync_once(desk)


@pytest.fixture
def clash(office: Any, make_desk: MakeDesk) -> tuple[Desk, Desk, Desk, str]:
    """Priya and Tomás have changed one address and one list at once; Hana looks on. The later change, Tomás's, is shown."""
    desks = make_desk("priya"), make_desk("tomas"), make_desk("hana")
    for desk, who in zip(desks, ("Priya", "Tomás", "Hana"), strict=True):
        desk.set_setting("person_name", who)
        join(desk, office.url, office.invite(), device_name=f"{who}’s laptop")
    with desks[0].writing("member_added") as writing:
        selam = writing.add("person", standing="member", first_name="Selam", last_name="Tesfaye", email="selam@example.com", former_names=["Abebe"])
    rest(*desks)
    change(desks[0], selam, email="selam.t@example.org", former_names=["Abebe", "Haile"])
    change(desks[1], selam, email="s.tesfaye@example.net", former_names=["Abebe", "Bekele"])
    rest(*desks)
    return (*desks, selam)


def card(desk: Desk, field: str) -> conflicts.Conflict:
    """The card of a field."""
    return next(one for one in conflicts.conflicts(desk) if one.field == field)


def fields(desk: Desk) -> list[str]:
    """Which fields are to be decided on."""
    return sorted(one.field for one in conflicts.conflicts(desk))


def test_the_card_says_whose_value_is_whose(clash: tuple[Desk, Desk, Desk, str]) -> None:
    priya, tomas, hana, _selam = clash
    for desk in clash[:3]:
        assert fields(desk) == ["email", "former_names"]
    ours, theirs = card(priya, "email"), card(tomas, "email")
    assert (ours.yours.value, ours.yours.who, ours.yours.here, ours.yours.shown) == ("selam.t@example.org", "Priya", True, False)
    assert (ours.theirs.value, ours.theirs.device, ours.theirs.here, ours.theirs.shown) == ("s.tesfaye@example.net", "Tomás’s laptop", False, True)
    assert (theirs.yours, theirs.theirs.value) == (ours.theirs.__class__(**{**vars(ours.theirs), "here": True}), "selam.t@example.org")
    assert card(hana, "email").yours.value == "s.tesfaye@example.net" and ours.name.startswith("Selam Tesfaye")


def test_a_card_between_two_others_is_nobodys_own_by_the_command_as_in_the_window(
        clash: tuple[Desk, Desk, Desk, str], capsys: pytest.CaptureFixture[str]) -> None:
    priya, _tomas, hana, selam = clash

    def run(desk: Desk, *words: str) -> tuple[int, str]:
        code = main(["--profile", str(desk.profile.path), *words])
        told = capsys.readouterr()
        return code, told.out + told.err

    of_others, own = card(hana, "email"), card(priya, "email")
    assert [side.title for side in sides_of(of_others)][:2] == ["One of two", "The other"]
    lines = run(hana, "conflicts")[1]
    assert "  first: s.tesfaye@example.net (Tomás" in lines and "  second: selam.t@example.org (Priya" in lines
    assert "yours" not in lines and "theirs" not in lines
    for word in ("yours", "theirs"):
        code, said = run(hana, "conflict", of_others.id, word)
        assert code == 1 and "first or second" in said and card(hana, "email") == of_others
    code, said = run(priya, "conflict", own.id, "first")
    assert code == 1 and "yours or theirs" in said and card(priya, "email") == own
    assert run(hana, "conflict", of_others.id, "second")[0] == 0
    assert value(hana, selam, "email") == "selam.t@example.org"


def test_a_card_of_ids_names_whose_they_are(clash: tuple[Desk, Desk, Desk, str], capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody merged with two people; a guest with two hosts: on the Sync page and by the command names, with the class year."""
    priya, selam = clash[0], clash[3]
    one, other = (add_member(priya, first_name=first, last_name="Chen", class_year=year).id for first, year in (("Li", "2004"), ("Bo", "1998")))
    dinner = new_gathering(priya, name="Dinner", start="2030-01-12T19:00", end="2030-01-12T22:00").id
    add_guests(priya, dinner, [selam, one, other])
    guest, first, second = (registration_id(dinner, who) for who in (selam, one, other))
    with priya.applying() as applying:
        kept = conflicts_kept.read_kept(applying.connection, conflicts_kept.KEPT, conflicts_kept.Kept)
        assert kept is not None
        row = next(row for row in kept.rows if row.field == "email")
        rows = [msgspec.structs.replace(row, field="merged_into", value=other),
                msgspec.structs.replace(row, table="registration", row=guest, field="host", value=second)]
        conflicts_kept.write_kept(applying.connection, conflicts_kept.KEPT, msgspec.structs.replace(kept, rows=rows))
        for table, row_id, values in (("person", selam, {"merged_into": one}), ("registration", guest, {"host": first})):
            applying.connection.execute(sa.update(priya.tables[table]).where(priya.tables[table].c.id == row_id).values(values))
    assert fields(priya) == ["host", "merged_into"]
    for field in ("host", "merged_into"):
        assert {side.value for side in sides_of(card(priya, field))[:2]} == {isolated("Li Chen ’04"), isolated("Bo Chen ’98")}
    assert main(["--profile", str(priya.profile.path), "conflicts"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("Li Chen ’04") == shown.count("Bo Chen ’98") == 2 and not any(id_ in shown for id_ in (one, other, first, second))


def answers(desk: Desk, guest: str) -> tuple[Any, ...]:
    """What a guest answered, and when."""
    table = desk.tables["registration"]
    with desk.reading() as connection:
        return tuple(connection.execute(sa.select(table.c.status, table.c.answered_at).where(table.c.id == guest)).one())


@pytest.mark.parametrize("choice", ["yours", "theirs"])
def test_an_answer_and_when_it_was_given_are_one_card(clash: tuple[Desk, Desk, Desk, str], choice: conflicts.Choice) -> None:
    priya, tomas, hana, selam = clash
    dinner = new_gathering(priya, name="Dinner", start="2030-01-12T19:00", end="2030-01-12T22:00").id
    add_guests(priya, dinner, [selam])
    rest(priya, tomas, hana)
    guest = registration_id(dinner, selam)
    set_rsvp(priya, dinner, [guest], "no")
    set_rsvp(tomas, dinner, [guest], "maybe")
    given = {"yours": answers(priya, guest), "theirs": answers(tomas, guest)}
    assert given["yours"][1] != given["theirs"][1]
    rest(priya, tomas, hana)
    for desk in clash[:3]:
        assert fields(desk) == ["email", "former_names", "status"]
    conflicts.decide(priya, card(priya, "status").id, choice)
    assert answers(priya, guest) == given[choice] and "status" not in fields(priya)
    rest(priya, tomas, hana)
    for desk in clash[:3]:
        assert answers(desk, guest) == given[choice] and fields(desk) == ["email", "former_names"]
        assert sync_once(desk).conflicts == 2
    undo(priya)
    rest(priya, tomas, hana)
    assert [fields(desk) for desk in clash[:3]] == [["email", "former_names", "status"]] * 3


def test_a_card_of_a_guest_says_for_which_gathering_and_one_of_a_degree_that_it_is_one(clash: tuple[Desk, Desk, Desk, str],
                                                                                      capsys: pytest.CaptureFixture[str]) -> None:
    priya, tomas, hana, selam = clash
    dinners = [new_gathering(priya, name=name, start=f"2030-0{month}-12T19:00").id for month, name in enumerate(("Winter Dinner", "Spring Dinner"), 1)]
    for dinner in dinners:
        add_guests(priya, dinner, [selam])
    with priya.writing("member_changed") as writing:
        degree = writing.add("education", person=selam, school="Michigan Tech")
    rest(priya, tomas, hana)
    for desk, answer, year in ((priya, "no", 1998), (tomas, "maybe", 1999)):
        for dinner in dinners:
            set_rsvp(desk, dinner, [registration_id(dinner, selam)], answer)
        with desk.writing("member_changed") as writing:
            writing.change("education", degree, class_year=year, school=f"School {year}")
            writing.change("person", selam, class_year=year)
    rest(priya, tomas, hana)
    whats = {"Answer (Winter Dinner)", "Answer (Spring Dinner)", "Class year", "Class year (degree, School 1999)", "School (degree)", "E-mail", "Former names"}
    assert {one.what for one in conflicts.conflicts(hana)} == whats
    assert what_words(card(hana, "status")).startswith("Answer (") and conflicts.one_of(hana, card(hana, "school").id).what == "School (degree)"
    main(["--profile", str(hana.profile.path), "conflicts"])
    assert ": Answer (Winter Dinner)\n" in capsys.readouterr().out


def test_the_same_answer_at_two_moments_is_nothing_to_decide(clash: tuple[Desk, Desk, Desk, str]) -> None:
    priya, tomas, hana, selam = clash
    dinner = new_gathering(priya, name="Dinner", start="2030-01-12T19:00", end="2030-01-12T22:00").id
    add_guests(priya, dinner, [selam])
    rest(priya, tomas, hana)
    guest = registration_id(dinner, selam)
    for desk in (priya, tomas):
        set_rsvp(desk, dinner, [guest], "no")
    rest(priya, tomas, hana)
    for desk in clash[:3]:
        assert fields(desk) == ["email", "former_names"] and answers(desk, guest) == answers(priya, guest)
        with desk.reading() as connection:
            kept = conflicts_kept.read_kept(connection, conflicts_kept.KEPT, conflicts_kept.Kept)
        assert kept is not None and {row.table for row in kept.rows} == {"person"}, "the server, too, has been told"


@pytest.mark.skipif(os.name != "posix", reason="a system where a program cannot choose its time zone")
def test_the_command_says_moments_by_this_computers_clock_and_json_in_utc(
        clash: tuple[Desk, Desk, Desk, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--profile", str(clash[0].profile.path), "conflicts"]
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        assert main(words) == 0
        shown = capsys.readouterr().out
        assert main([*words, "--json"]) == 0
        for one in json.loads(capsys.readouterr().out):
            for side in (one["yours"], one["theirs"]):
                at = datetime.fromisoformat(side["at"])
                assert side["at"].endswith("Z") and f"{at + timedelta(hours=5, minutes=45):%Y-%m-%d %H:%M}" in shown
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_one_decides_vanishes_on_the_others(clash: tuple[Desk, Desk, Desk, str]) -> None:
    priya, tomas, hana, selam = clash
    done = conflicts.decide(priya, card(priya, "email").id, "yours")
    assert done.changed.action and fields(priya) == ["former_names"]
    rest(priya, tomas, hana)
    for desk in clash[:3]:
        assert fields(desk) == ["former_names"] and value(desk, selam, "email") == "selam.t@example.org"


def test_history_has_what_lost_also_where_it_never_stood(clash: tuple[Desk, Desk, Desk, str]) -> None:
    priya, tomas, hana, selam = clash
    for desk in clash[:3]:
        emails = {one.value: (one.who, one.device) for one in history(desk, "person", selam) if one.field == "email"}
        assert emails["selam.t@example.org"][0] == "Priya" and "s.tesfaye@example.net" in emails
    conflicts.decide(tomas, card(tomas, "email").id, "yours")
    rest(priya, tomas, hana)
    said = [(one.value, one.id) for one in history(tomas, "person", selam) if one.field == "email"]
    assert len({name for _value, name in said}) == len(said) and [value for value, _name in said].count("selam.t@example.org") == 1
    old = next(one for one in history(tomas, "person", selam) if one.value == "selam.t@example.org")
    assert old.restorable and restore(tomas, "person", selam, old.id) and value(tomas, selam, "email") == "selam.t@example.org"


def only_pull(desk: Desk) -> None:
    """The rows are here, and the cards are as the last sync brought them."""
    with desk.reading() as connection:
        membership = state.read(connection, state.Membership)
    assert membership is not None
    wire = wire_of(desk)
    session.resume(desk, wire)
    pull(desk, wire, membership)
    wire.close()


@pytest.mark.parametrize("choice", ["yours", "theirs"])
def test_a_card_goes_with_the_row_where_somebody_listens(clash: tuple[Desk, Desk, Desk, str], choice: conflicts.Choice) -> None:
    priya, tomas, _hana, selam = clash
    with listening(tomas) as heard:
        conflicts.decide(priya, card(priya, "email").id, choice)
        sync_once(priya)
        while "email" in fields(tomas):
            heard.came.get(timeout=SOON)
        assert value(tomas, selam, "email") == value(priya, selam, "email")
    assert fields(tomas) == ["former_names"] and heard.trouble.empty()


def test_what_another_has_decided_is_not_decided_again_unseen(clash: tuple[Desk, Desk, Desk, str]) -> None:
    priya, tomas, _hana, selam = clash
    shown = card(tomas, "email")
    conflicts.decide(priya, card(priya, "email").id, "theirs")
    sync_once(priya)
    only_pull(tomas)
    with pytest.raises(KnownError, match="Priya") as refused:
        conflicts.decide(tomas, shown.id, "theirs", shown)
    assert refused.value.code == "conflict_changed" and value(tomas, selam, "email") == "s.tesfaye@example.net"
    sync_once(tomas)
    with pytest.raises(KnownError, match="Priya decided this a moment ago") as refused:
        conflicts.decide(tomas, shown.id, "theirs", shown)
    assert refused.value.code == "conflict_decided" and value(tomas, selam, "email") == "s.tesfaye@example.net"


def test_what_another_has_only_changed_is_decided_once_it_was_seen(clash: tuple[Desk, Desk, Desk, str]) -> None:
    priya, tomas, _hana, selam = clash
    shown = card(priya, "email")
    change(tomas, selam, email="s.t@example.net")
    sync_once(tomas)
    only_pull(priya)
    with pytest.raises(KnownError, match="Tomás"):
        conflicts.decide(priya, shown.id, "yours")
    sync_once(priya)
    with pytest.raises(KnownError, match="Tomás"):
        conflicts.decide(priya, shown.id, "yours", shown)
    conflicts.decide(priya, shown.id, "yours", card(priya, "email"))
    assert value(priya, selam, "email") == "selam.t@example.org"


def test_both_are_kept_where_a_field_has_room_for_both(clash: tuple[Desk, Desk, Desk, str]) -> None:
    priya, tomas, hana, selam = clash
    conflicts.decide(priya, card(priya, "former_names").id, "both")
    conflicts.decide(priya, card(priya, "email").id, "both")
    rest(priya, tomas, hana)
    assert fields(hana) == [] and value(hana, selam, "former_names") == '["Abebe","Haile","Bekele"]'
    assert value(hana, selam, "email") == "selam.t@example.org" and value(hana, selam, "other_emails") == '["s.tesfaye@example.net"]'


def test_one_value_is_not_both(clash: tuple[Desk, Desk, Desk, str]) -> None:
    priya, tomas, _hana, selam = clash
    change(priya, selam, city="Boston")
    change(tomas, selam, city="Lowell")
    rest(priya, tomas)
    with pytest.raises(KnownError, match="keep one of the two"):
        conflicts.decide(priya, card(priya, "address").id, "both")
    assert "address" in fields(priya)


def address(desk: Desk, row: str) -> list[Any]:
    """An address as the desk shows it."""
    return [value(desk, row, name) for name in ("street", "city", "postal_code", "country")]


def apart(clash: tuple[Desk, Desk, Desk, str]) -> tuple[list[Any], list[Any]]:
    """Priya gives Selam another address, and Tomás corrects a line of the one that both know. The address of each."""
    priya, tomas, hana, selam = clash
    change(priya, selam, street="1 Main St", city="Chicago", postal_code="60601")
    rest(priya, tomas, hana)
    change(priya, selam, street="Rue X", city="Paris", postal_code="75001", country="France")
    change(tomas, selam, street="2 Main St")
    found = address(priya, selam), address(tomas, selam)
    assert sum(one.clashes for one in (sync_once(priya), sync_once(tomas))) == 1
    rest(priya, tomas, hana)
    return found


@pytest.mark.parametrize("choice", ["yours", "theirs"])
def test_an_address_is_one_card_that_is_decided_as_a_whole(clash: tuple[Desk, Desk, Desk, str], choice: conflicts.Choice) -> None:
    priya, tomas, hana, selam = clash
    hers, his = apart(clash)
    for desk in clash[:3]:
        assert fields(desk) == ["address", "email", "former_names"]
    one = card(priya, "address")
    assert (conflicts.said(one, one.yours), conflicts.said(one, one.theirs)) == ("Rue X, Paris, 75001, France", "2 Main St, Chicago, 60601")
    assert one.what == "Address" and not one.both and (one.yours.shown, one.theirs.shown) == (False, True)
    done = conflicts.decide(priya, one.id, choice)
    wanted = hers if choice == "yours" else his
    rest(priya, tomas, hana)
    for desk in clash[:3]:
        assert fields(desk) == ["email", "former_names"] and address(desk, selam) == wanted
    undo(priya, done.changed.action)
    rest(priya, tomas, hana)
    for desk in clash[:3]:
        assert fields(desk) == ["address", "email", "former_names"] and address(desk, selam) == his
    conflicts.decide(priya, one.id, choice)
    conflicts.reopen(priya, one.id)
    assert card(priya, "address") == one
    rest(priya, tomas, hana)
    change(tomas, selam, street="3 Oak St", city="Salem", postal_code="01970")
    rest(priya, tomas, hana)
    assert (conflicts.said(one, card(hana, "address").yours), conflicts.said(one, card(hana, "address").theirs)) == (
        "3 Oak St, Salem, 01970", "Rue X, Paris, 75001, France")


def test_an_address_of_which_a_former_server_kept_what_differs_is_one_card_too(clash: tuple[Desk, Desk, Desk, str]) -> None:
    priya, tomas, hana, selam = clash
    hers, _his = apart(clash)
    with priya.applying() as applying:
        kept = conflicts_kept.read_kept(applying.connection, "conflicts", conflicts_kept.Kept)
        assert kept is not None
        rows = [row for row in kept.rows if row.field != "region"]
        assert len(rows) == len(kept.rows) - 1
        conflicts_kept.write_kept(applying.connection, "conflicts", conflicts_kept.Kept(kept.head, rows))
    street = next(conflicts_kept.card_id(row) for row in rows if row.field == "street")
    conflicts.decide(priya, street, "yours")
    assert address(priya, selam) == hers and fields(priya) == ["email", "former_names"]
    conflicts.reopen(priya, street.partition(":")[0])
    assert "address" in fields(priya)
    conflicts.decide(priya, street.partition(":")[0], "yours")
    rest(priya, tomas, hana)
    assert fields(hana) == ["email", "former_names"]


def test_an_undone_decision_is_open_again_here_at_once_and_there_after_the_next_sync(clash: tuple[Desk, Desk, Desk, str]) -> None:
    priya, tomas, hana, selam = clash
    done = conflicts.decide(priya, card(priya, "email").id, "yours")
    rest(priya, tomas, hana)
    assert fields(hana) == ["former_names"]
    undo(priya, done.changed.action)
    assert fields(priya) == ["email", "former_names"] and value(priya, selam, "email") == "s.tesfaye@example.net"
    rest(priya, tomas, hana)
    assert fields(hana) == fields(priya) == ["email", "former_names"]


def sides(desk: Desk, name: str = "employer") -> set[tuple[Any, ...]]:
    """Both sides of each card of a field: the value, who wrote it, whether here."""
    return {(one.value, one.who, one.here) for card in conflicts.conflicts(desk) if card.field == name for one in (card.yours, card.theirs)}


def apart_on_the_employer(clash: tuple[Desk, Desk, Desk, str]) -> tuple[Desk, Desk, Desk, str]:
    """Both know of Acme; Priya writes Bolt, and Tomás, a moment later, Cargo, which wins."""
    priya, tomas, hana, selam = clash
    change(priya, selam, employer="Acme")
    rest(priya, tomas, hana)
    change(priya, selam, employer="Bolt")
    change(tomas, selam, employer="Cargo")
    return clash


def test_after_a_decision_was_undone_each_value_has_its_own_name_again(clash: tuple[Desk, Desk, Desk, str]) -> None:
    """Elsewhere, too: Priya put Tomás’s back, which is no value of hers."""
    priya, tomas, hana, _selam = apart_on_the_employer(clash)
    rest(priya, tomas, hana)
    conflicts.decide(priya, card(priya, "employer").id, "yours")
    rest(priya, tomas, hana)
    undo(priya)
    rest(priya, tomas, hana)
    for desk in (priya, tomas, hana):
        assert sides(desk) == {("Bolt", "Priya", desk is priya), ("Cargo", "Tomás", desk is tomas)}


def test_of_a_copied_disk_only_what_was_written_here_is_of_this_laptop(office: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    one = make_desk("one")
    one.set_setting("person_name", "Priya")
    join(one, office.url, office.invite(), device_name="Priya’s laptop")
    selam = add_member(one, first_name="Selam", employer="Acme").id
    sync_once(one)
    one.close()
    shutil.copytree(tmp_path / "desk-one", tmp_path / "desk-copy")
    one, copy = make_desk("one"), make_desk("copy")
    change(one, selam, employer="Bolt")
    change(copy, selam, employer="Cargo")
    rest(one, copy)
    for desk, mine, other in ((one, "Bolt", "Cargo"), (copy, "Cargo", "Bolt")):
        found = card(desk, "employer")
        assert (found.yours.value, found.yours.here) == (mine, True)
        assert (found.theirs.value, found.theirs.here, found.theirs.device) == (other, False, "a copy of this laptop")


def test_who_won_and_took_that_back_is_named_beside_the_one_who_lost(clash: tuple[Desk, Desk, Desk, str]) -> None:
    """What he put back was Priya’s, too, but long before."""
    priya, tomas, hana, _selam = apart_on_the_employer(clash)
    rest(priya, tomas, hana)
    undo(tomas)
    assert sides(tomas) == {("Bolt", "Priya", False), ("Acme", "Tomás", True)}
    rest(priya, tomas, hana)
    for desk in (priya, tomas, hana):
        assert sides(desk) == {("Bolt", "Priya", desk is priya), ("Acme", "Tomás", desk is tomas)}


def test_who_lost_and_took_that_back_has_no_card_of_two_values_of_their_own(clash: tuple[Desk, Desk, Desk, str]) -> None:
    """Nor have the others: what is to be decided is between what she put back and Tomás’s."""
    priya, tomas, hana, _selam = apart_on_the_employer(clash)
    sync_once(tomas)
    undo(priya)  # before she hears of his
    sync_once(priya)
    assert sides(priya) == {("Acme", "Priya", True), ("Cargo", "Tomás", False)}
    for _turn in range(2):
        sync_once(hana)
        assert sides(hana) == {("Acme", "Priya", False), ("Cargo", "Tomás", False)}
        rest(priya, tomas, hana)
    redo(priya)
    rest(priya, tomas, hana)
    for desk in (priya, tomas, hana):
        assert sides(desk) == {("Bolt", "Priya", desk is priya), ("Cargo", "Tomás", desk is tomas)}


def test_to_keep_what_is_shown_is_a_deed_of_its_own_that_undo_takes_back(clash: tuple[Desk, Desk, Desk, str]) -> None:
    priya, tomas, hana, selam = clash
    change(priya, selam, city="Boston")
    before = card(priya, "email")
    done = conflicts.decide(priya, before.id, "theirs")
    assert done.changed.action and fields(priya) == ["former_names"]
    rest(priya, tomas, hana)
    assert fields(hana) == ["former_names"] and value(hana, selam, "email") == "s.tesfaye@example.net"
    undone = undo(priya)
    assert undone.of == done.changed.action and value(priya, selam, "city") == "Boston"
    assert fields(priya) == ["email", "former_names"] and card(priya, "email") == before
    rest(priya, tomas, hana)
    assert fields(hana) == fields(tomas) == ["email", "former_names"] and value(hana, selam, "email") == "s.tesfaye@example.net"
    redo(priya)
    rest(priya, tomas, hana)
    assert fields(hana) == fields(priya) == ["former_names"]
    conflicts.reopen(priya, before.id)
    assert fields(priya) == ["email", "former_names"]


def test_whoever_lost_and_writes_anew_has_decided(clash: tuple[Desk, Desk, Desk, str]) -> None:
    priya, tomas, hana, selam = clash
    change(priya, selam, email="selam@later.example.org")
    assert fields(priya) == ["former_names"] and fields(tomas) == ["email", "former_names"]
    rest(priya, tomas, hana)
    for desk in clash[:3]:
        assert fields(desk) == ["former_names"] and value(desk, selam, "email") == "selam@later.example.org"
    undo(priya)
    assert fields(priya) == ["email", "former_names"] and value(priya, selam, "email") == "s.tesfaye@example.net"
    rest(priya, tomas, hana)
    assert fields(hana) == fields(tomas) == ["email", "former_names"]


def test_whoever_won_and_writes_anew_is_named_and_the_value_that_lost_is_still_there(clash: tuple[Desk, Desk, Desk, str]) -> None:
    priya, tomas, hana, selam = clash
    change(tomas, selam, email="tomas@later.example.net")
    mine = card(tomas, "email")
    assert (mine.yours.value, mine.yours.here, mine.theirs.value) == ("tomas@later.example.net", True, "selam.t@example.org")
    rest(priya, tomas, hana)
    theirs = card(priya, "email")
    assert (theirs.yours.value, theirs.yours.who, theirs.theirs.value, theirs.theirs.who) == (
        "selam.t@example.org", "Priya", "tomas@later.example.net", "Tomás")


@pytest.mark.parametrize("first", ["removal", "edit"])
@pytest.mark.parametrize("choice", ["yours", "theirs"])
def test_who_is_removed_while_somebody_changes_them_later_is_a_card(clash: tuple[Desk, Desk, Desk, str], first: str, choice: conflicts.Choice) -> None:
    priya, tomas, hana, selam = clash
    change(priya, selam, gone=True)
    change(tomas, selam, notes="Edited after", city="Newer")
    change(tomas, selam, notes="And again")
    rest(*((priya, tomas, hana) if first == "removal" else (tomas, priya, hana)))
    for desk in clash[:3]:
        assert fields(desk) == ["gone"] and value(desk, selam, "gone")
    mine = card(tomas, "gone")
    assert (mine.yours.value, mine.yours.here, mine.theirs.value, mine.theirs.who, mine.theirs.shown) == (False, True, True, "Priya", True)
    assert (conflicts.said(mine, mine.yours), conflicts.said(mine, mine.theirs)) == ("kept, with the change", "removed")
    assert card(priya, "gone").yours.value is True
    conflicts.decide(tomas, mine.id, choice)
    assert "gone" not in fields(tomas) and deeds(tomas, 1)[0].what == "Decided whether Selam Tesfaye is on the list"
    undo(tomas)
    assert fields(tomas) == ["gone"] and value(tomas, selam, "gone"), "the card is there again"
    conflicts.decide(tomas, mine.id, choice)
    with pytest.raises(KnownError, match="on the list or is not"):
        conflicts.decide(priya, mine.id, "both")
    rest(tomas, priya, hana)
    for desk in clash[:3]:
        assert "gone" not in fields(desk) and bool(value(desk, selam, "gone")) is (choice == "theirs") and value(desk, selam, "notes") == "And again"
    undo(tomas)
    rest(tomas, priya, hana)
    for desk in clash[:3]:
        assert fields(desk) == ["gone"] and value(desk, selam, "gone")


def test_who_is_removed_after_a_change_that_was_seen_is_no_card(clash: tuple[Desk, Desk, Desk, str]) -> None:
    priya, tomas, hana, selam = clash
    change(tomas, selam, notes="Edited before")
    rest(tomas, priya, hana)
    change(priya, selam, gone=True)
    rest(priya, tomas, hana)
    assert fields(hana) == fields(priya) == []


def test_a_sync_says_how_many_are_open_and_not_how_many_it_brought_up(clash: tuple[Desk, Desk, Desk, str]) -> None:
    priya, tomas, hana, selam = clash
    assert [sync_once(desk).conflicts for desk in (priya, tomas, hana, hana)] == [2, 2, 2, 2]
    conflicts.decide(priya, card(priya, "email").id, "yours")
    assert [sync_once(desk).conflicts for desk in (priya, tomas, hana)] == [1, 1, 1]
    change(tomas, selam, city="Boston")
    change(priya, selam, city="Lowell")
    found = [sync_once(tomas), sync_once(priya)]
    assert [(one.clashes, one.conflicts) for one in found] == [(0, 1), (1, 2)]


def test_the_same_two_values_are_one_card_and_no_address_is_kept_twice(clash: tuple[Desk, Desk, Desk, str]) -> None:
    priya, tomas, hana, selam = clash
    change(hana, selam, other_emails=["s.tesfaye@example.net", "old@example.org"])
    rest(hana, priya, tomas)
    hers, his = card(priya, "email").id, card(tomas, "email").id
    both = conflicts.decide(priya, hers, "both")
    one = conflicts.decide(tomas, his, "yours")
    assert value(tomas, selam, "email") == "s.tesfaye@example.net" and value(tomas, selam, "other_emails") == '["old@example.org"]'
    undo(priya, both.changed.action)
    undo(tomas, one.changed.action)
    rest(priya, tomas, hana)
    for desk in clash[:3]:
        assert fields(desk).count("email") == 1
    conflicts.decide(priya, card(priya, "email").id, "both")
    rest(priya, tomas, hana)
    for desk in clash[:3]:
        assert "email" not in fields(desk) and value(desk, selam, "email") not in value(desk, selam, "other_emails")


def test_of_both_the_e_mail_is_not_among_the_others(clash: tuple[Desk, Desk, Desk, str]) -> None:
    priya, tomas, hana, selam = clash
    conflicts.decide(priya, card(priya, "email").id, "both")
    conflicts.decide(tomas, card(tomas, "email").id, "yours")
    rest(priya, tomas, hana)
    assert fields(hana).count("email") == 1
    conflicts.decide(tomas, card(tomas, "email").id, "yours")
    rest(tomas, priya, hana)
    for desk in clash[:3]:
        assert "email" not in fields(desk) and value(desk, selam, "email") == "s.tesfaye@example.net"
        assert "s.tesfaye@example.net" not in (value(desk, selam, "other_emails") or "")


@pytest.mark.parametrize("decider", [0, 2])
def test_after_an_undo_in_another_run_of_the_program_each_value_is_still_whose_it_is(clash: tuple[Desk, Desk, Desk, str], decider: int) -> None:
    who, desks = clash[decider], clash[:3]

    def run(desk: Desk, *words: str) -> None:
        assert main(["--profile", str(desk.profile.path), *words]) == 0

    def sides(desk: Desk) -> list[tuple[Any, ...]]:
        one = card(desk, "email")
        return [(side.value, side.who, side.at, side.here, side.shown) for side in (one.yours, one.theirs)]

    before = [sides(desk) for desk in desks]
    run(who, "conflict", card(who, "email").id, "both")
    run(who, "undo")
    for desk in (who, *desks, who, *desks):
        run(desk, "sync")
    assert [sides(desk) for desk in desks] == before


def test_two_sides_that_say_the_same_are_no_card_and_the_server_is_told(clash: tuple[Desk, Desk, Desk, str], office: Any) -> None:
    priya, tomas, hana, selam = clash
    change(hana, selam, email="selam.t@example.org")
    assert fields(hana) == ["former_names"]
    sync_once(hana)
    assert [sync_once(desk).conflicts for desk in (tomas, priya, hana)] == [1, 1, 1]
    undo(hana)
    rest(hana, tomas, priya)
    for desk in clash[:3]:
        assert fields(desk) == ["email", "former_names"], "whoever wrote it took it back"


def test_who_decided_is_named_before_the_next_sync(clash: tuple[Desk, Desk, Desk, str]) -> None:
    _priya, tomas, _hana, selam = clash
    change(tomas, selam, email="tomas@later.example.net")
    assert card(tomas, "email").yours.who == "Tomás"


def test_a_decision_says_what_it_is_about(clash: tuple[Desk, Desk, Desk, str]) -> None:
    priya, tomas, _hana, _selam = clash
    for desk, name in ((priya, "Boston Alumni"), (tomas, "Alumni of Boston")):
        change_chapter(desk, name=name)
    rest(priya, tomas)
    conflicts.decide(priya, card(priya, "name").id, "yours")
    assert deeds(priya, 1)[0].what == "Decided on the name of the chapter"


@pytest.mark.parametrize("choice", ["yours", "theirs"])
def test_what_was_decided_stays_decided_at_a_restored_server(make_server: Callable[..., RunningServer], make_desk: MakeDesk, tmp_path: Path,
                                                             choice: conflicts.Choice) -> None:
    server = make_server()
    desks = one, two = make_desk("one"), make_desk("two")
    for desk in desks:
        join(desk, server.url, server.invite())
    ana = add_member(one, first_name="Ana").id
    rest(one, two)
    change(one, ana, email="one@example.org")
    change(two, ana, email="two@example.org")
    rest(one, two)
    assert fields(one) == fields(two) == ["email"]
    server.run("server", "backup", str(tmp_path / "kept"))
    conflicts.decide(one, card(one, "email").id, choice)
    wanted = value(one, ana, "email")
    rest(one, two)
    assert fields(one) == fields(two) == []
    server.kill()
    server.run("server", "restore", str(tmp_path / "kept"), "--replace")
    server.start()
    rest(one, two)
    rest(two, one)
    for desk in desks:
        assert fields(desk) == [] and value(desk, ana, "email") == wanted


def test_nothing_is_asked_where_nothing_has_changed(clash: tuple[Desk, Desk, Desk, str], monkeypatch: pytest.MonkeyPatch) -> None:
    from alumni_desk.sync.wire import Wire

    priya, *_rest = clash
    sync_once(priya)
    asked: list[str] = []
    real = Wire.call
    monkeypatch.setattr(Wire, "call", lambda self, name, *rest: (asked.append(name), real(self, name, *rest))[1])
    sync_once(priya)
    assert asked == ["hello"]


def test_a_card_about_somebody_who_is_erased_as_it_comes_is_not_kept(office: Any, make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, real = make_desk("one"), make_desk("two"), session.call
    for desk in (one, two):
        join(desk, office.url, office.invite())
    who = add_member(one, first_name="Ana", last_name="Lovelace").id
    rest(one, two)
    change(one, who, notes="Quetzalcoatlus")
    change(two, who, notes="Archaeopteryx")
    rest(two)

    def call(desk: Desk, wire: Any, membership: Any, called: str, *more: Any) -> Any:
        reply = real(desk, wire, membership, called, *more)
        if called == "conflicts":
            assert len(reply.conflicts) == 1
            monkeypatch.setattr(session, "call", real)
            erase(one, [who])
        return reply

    monkeypatch.setattr(session, "call", call)
    sync_once(one)
    assert session.call is real and not conflicts.conflicts(one)
    for said in ("Quetzalcoatlus", "Archaeopteryx"):
        assert findings(one.profile, one.key, said) == []
