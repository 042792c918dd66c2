"""How facts of the door are undone: never rewritten, only followed by newer facts; and which of them a laptop that is at a door may take back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from alumni_desk.errors import Refused
from alumni_desk.store import driver
from alumni_desk.store.at_door import is_at_door
from alumni_desk.store.listed import texts
from alumni_desk.words import _

METHOD = "undo"
DOOR_TAKES_BACK_S = 120
"""So long a laptop at a door takes back a check-in that it made; a leader's takes any back."""
_LATE = timedelta(seconds=DOOR_TAKES_BACK_S + 10)
"""Whoever is asked at the last moment may still say it."""

_WRITTEN_HERE = "SELECT 1 FROM operation WHERE table_name = 'fact' AND row_id = ? AND queue <> 'peer'"  # what laptops here brought lies beside it


def refuse_at_door(connection: sa.Connection, ins: Mapping[str, str | None], at: datetime, name: str | None = None) -> list[str]:
    """Those of these check-ins (id -> when) that a laptop at a door may take back: its own of the last two minutes.

    Raises Refused ``not_its_own`` or ``too_long_ago`` if that is none of them.
    """
    own = [one for one in ins if driver.row(connection, _WRITTEN_HERE, (one,)) is not None]
    if not own:
        raise Refused("not_its_own", _("{name} was checked in on another laptop. A leader can take it back; tell them who it is.").format(
            name=name or _("This guest")))
    found = [one for one in own if abs(at - datetime.fromisoformat(ins[one] or "")) <= _LATE]
    if not found:
        raise Refused("too_long_ago", _("{name} was checked in more than two minutes ago. A leader can take it back; tell them who it is.").format(
            name=name or _("This guest")))
    return found


def facts_back(connection: sa.Connection, table: sa.Table, facts: Sequence[Mapping[str, Any]], at: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The facts that undo these, and the ids of those that need none: an ``in`` or badge is voided, what closed one is answered by a new one.

    An ``in`` that is closed already is left, unless what closed it was taken back, too: then the one that came of that goes with it. Nobody who is in
    gets a second ``in``, nor anybody one who was taken off the list since; who comes back keeps the time of what is answered.
    Raises Refused as ``refuse_at_door``.
    """
    at_door = is_at_door(connection)
    if at_door:
        for fact in (one for one in facts if one["kind"] == "in"):
            refuse_at_door(connection, {fact["id"]: fact["at"]}, datetime.fromisoformat(at))
    there = _around(connection, table, facts)
    closed = {one for fact in there.values() if fact["kind"] in ("out", "void") for one in texts(fact["closes"])}
    inside = {(fact["gathering"], fact["person"]) for fact in there.values() if fact["kind"] == "in" and fact["id"] not in closed}
    returned = {(fact["gathering"], fact["person"], fact["at"]): fact["id"] for fact in there.values()
                if fact["kind"] == "in" and fact["method"] == METHOD and fact["id"] not in closed
                and not (at_door and driver.row(connection, _WRITTEN_HERE, (fact["id"],)) is None)}
    off = set(connection.exec_driver_sql("SELECT id FROM registration WHERE gone AND id IN (SELECT value FROM json_each(?))",
                                         (json.dumps([one["registration"] for one in there.values()]),)).scalars())
    newer: list[dict[str, Any]] = []
    late: list[str] = []
    for fact in facts:
        if fact["kind"] in ("in", "badge"):
            stands = fact["id"] if fact["id"] not in closed else None
            if stands is None and fact["kind"] == "in" and fact["method"] != METHOD:
                stands = returned.pop((fact["gathering"], fact["person"], fact["at"]), None)
            if stands is None:
                late.append(fact["id"])
            else:
                newer.append({**_of(fact, at), "kind": "void", "closes": json.dumps([*dict.fromkeys((fact["id"], stands))])})
            continue
        again = 0
        for one in [there[name] for name in texts(fact["closes"]) if name in there]:
            whose = (one["gathering"], one["person"])
            if one["kind"] == "in" and (whose in inside or one["registration"] in off):
                continue
            newer.append({**_of(one, one["at"] or at), "kind": one["kind"], "closes": None})  # they came when they came, and not when it was put right
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


def _of(fact: Mapping[str, Any], at: str) -> dict[str, Any]:
    return {name: fact[name] for name in ("gathering", "registration", "person", "station", "by")} | {"at": at, "method": METHOD, "reason": None}
