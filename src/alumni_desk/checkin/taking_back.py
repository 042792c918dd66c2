"""How facts of the door are undone: never rewritten, only followed by newer facts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

METHOD = "undo"


def facts_back(connection: sa.Connection, table: sa.Table, facts: Sequence[Mapping[str, Any]], at: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The facts that undo these, and the ids of those that need none: an ``in`` or badge is voided, what closed one is answered by a new one.

    An ``in`` that is closed already is left, and nobody who is in gets a second ``in``.
    """
    there = _around(connection, table, facts)
    closed = {one for fact in there.values() if fact["kind"] in ("out", "void") for one in _closes(fact)}
    inside = {(fact["gathering"], fact["person"]) for fact in there.values() if fact["kind"] == "in" and fact["id"] not in closed}
    newer: list[dict[str, Any]] = []
    late: list[str] = []
    for fact in facts:
        if fact["kind"] in ("in", "badge"):
            if fact["id"] in closed:
                late.append(fact["id"])
            else:
                newer.append({**_of(fact, at), "kind": "void", "closes": json.dumps([fact["id"]])})
            continue
        again = 0
        for one in [there[name] for name in _closes(fact) if name in there]:
            whose = (one["gathering"], one["person"])
            if one["kind"] == "in" and whose in inside:
                continue
            newer.append({**_of(one, at), "kind": one["kind"], "closes": None})
            again += 1
            if one["kind"] == "in":
                inside.add(whose)
        if not again:
            late.append(fact["id"])
    return newer, late


def _around(connection: sa.Connection, table: sa.Table, facts: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Every fact about the same people at the same gatherings."""
    people, gatherings = {fact["person"] for fact in facts}, {fact["gathering"] for fact in facts}
    rows = connection.execute(sa.select(table).where(table.c.gathering.in_(gatherings), table.c.person.in_(people), ~table.c.gone)).mappings()
    return {row["id"]: dict(row) for row in rows}


def _closes(fact: Mapping[str, Any]) -> list[str]:
    return json.loads(fact["closes"]) if fact["closes"] else []


def _of(fact: Mapping[str, Any], at: str) -> dict[str, Any]:
    return {name: fact[name] for name in ("gathering", "registration", "person", "station", "by")} | {"at": at, "method": METHOD, "reason": None}
