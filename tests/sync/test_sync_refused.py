"""What the server does not take is told: whose it was, what, why and what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from alumni_desk.cli.main import run
from alumni_desk.store import erasing
from alumni_desk.store.desk import Desk
from alumni_desk.sync import operations
from alumni_desk.sync.engine import join, sync_once
from alumni_desk.sync.refused import refused, why

MakeDesk = Callable[[str], Desk]


def test_a_refused_change_is_listed(office: Any, make_desk: MakeDesk, capsys: pytest.CaptureFixture[str]) -> None:
    desk = make_desk("one")
    join(desk, office.url, office.invite())
    sync_once(desk)
    assert refused(desk) == []
    with desk.writing("member_added") as writing:
        person = writing.add("person", standing="member", first_name="Ana", last_name="Lima", class_year=1998)
        gathering = writing.add("gathering", name="Dinner")
    with desk.writing("guests_added") as writing:
        odd = writing.add("registration", gathering=gathering, person=person, status="yes", meal="Fish")  # its id does not stand for the two
    assert run(["--profile", str(desk.profile.path), "sync"]) == 0
    said = capsys.readouterr().out
    assert "1 change was not taken" in said and "Ana Lima" in said and "Meal" in said
    [one] = refused(desk)
    assert one.name.startswith("Ana Lima") and "Meal" in one.what and one.reason == "registration" and one.why == why("registration")
    with desk.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM registration WHERE id = ?", (odd,)).scalar() == 0
    assert run(["--profile", str(desk.profile.path), "refused", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"id": one.id, "at": one.at, "what": one.what, "reason": "registration"}]
    assert refused(desk, after=one.at) == []


def test_somebody_who_is_not_here_any_more_is_called_as_was_typed(desk: Desk) -> None:
    with desk.writing("member_added") as writing:
        person = writing.add("person", standing="member", first_name="Ana", last_name="Lima")
    with desk.applying() as applying:
        applying.connection.exec_driver_sql("DELETE FROM person WHERE id = ?", (person,))
        [row] = applying.connection.exec_driver_sql("SELECT rowid FROM operation WHERE row_id = ?", (person,)).scalars()
        operations.mark_refused(applying.connection, [(1, "erased", row)], "2026-11-10T10:00:00.000Z")
    [one] = refused(desk)
    assert one.name == "Ana Lima" and "erased" in one.why


def test_of_somebody_who_was_erased_no_field_is_named(desk: Desk) -> None:
    """What was written about them is out of the change: what is left of it is not what anybody changed."""
    with desk.writing("member_added") as writing:
        person = writing.add("person", standing="member", first_name="Ana", last_name="Lima", city="Lowell", constituent_codes=["parent"])
    with desk.applying() as applying:
        [row] = applying.connection.exec_driver_sql("SELECT rowid FROM operation WHERE row_id = ?", (person,)).scalars()
        operations.mark_refused(applying.connection, [(1, "moved:Munich", row)], "2026-11-10T10:00:00.000Z")
    [one] = refused(desk)
    assert one.what.startswith("Ana Lima: ") and "Ties to the school" in one.what
    erasing.erase(desk, [person])
    [one] = refused(desk)
    assert one.name == one.what == "somebody who was erased"


def test_every_reason_of_the_server_has_a_sentence() -> None:
    for reason in ("too_large", "denied", "field", "kind", "erased", "moved:Munich", "moved:", "transaction", "fact_is_there", "unknown_field", ""):
        assert why(reason).endswith(".") and why(reason).count(".") >= 2
