"""The policy: every cell of role × table × field has one answer, and strangers have none."""

from __future__ import annotations

import pytest

from alumni_desk.protocol.policy import ROLES, may_send, rule
from alumni_desk.protocol.values import fits, is_id
from alumni_desk.schema import synced_tables
from alumni_desk.store.synced import data_columns


@pytest.mark.parametrize("role", ["admin", "leader"])
def test_leaders_and_admins_read_every_field_and_never_make_a_sample_of_a_chapter(role: str) -> None:
    for table in synced_tables():
        for column in data_columns(table):
            cell = rule(role, table.name, column.name)
            assert cell.read == "yes"
            assert cell.write == ("no" if (table.name, column.name) == ("chapter", "sample") else "yes")


def test_a_role_without_a_rule_may_nothing() -> None:
    for table in synced_tables():
        for column in data_columns(table):
            assert rule("stranger", table.name, column.name) == ("no", "no")
    assert not may_send("stranger", "put") and not may_send("stranger", "fact")


def test_an_unknown_field_is_for_leaders_eyes_only() -> None:
    assert rule("leader", "person", "favourite_colour", known=False) == ("yes", "no")
    assert rule("stranger", "person", "favourite_colour", known=False) == ("no", "no")


def test_who_leads_may_command_and_the_door_may_not() -> None:
    assert {role: may_send(role, "command") for role in ROLES} == {"admin": True, "leader": True, "door": False}


@pytest.mark.parametrize(("value", "kind", "good"), [
    ("Zoë", "text", True), ("a\0b", "text", False), ("\ud800", "text", False), ("é" * 32_768, "text", True), ("é" * 32_769, "text", False),
    (2**63 - 1, "integer", True), (2**63, "integer", False), (True, "integer", False), (1, "boolean", False), (False, "boolean", True),
    (None, "text", True), (1, "text", False), ("1", "integer", False),
])
def test_what_a_column_can_hold(value: object, kind: str, good: bool) -> None:
    assert fits(value, kind) is good  # type: ignore[arg-type]


@pytest.mark.parametrize(("text", "good"), [
    ("0190a6a2-7b1c-7def-8123-456789abcdef", True), ("0190A6A2-7B1C-7DEF-8123-456789ABCDEF", False), ("x", False), (7, False),
    ("0190a6a2-7b1c-7def-8123-456789abcdef\n", False),
])
def test_ids_have_one_written_form(text: object, good: bool) -> None:
    assert is_id(text) is good
