"""Answers and attendance of people, not of entries: whoever is on a list twice, under entries that were merged, counts once."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from alumni_desk.members.roots import merged_on, root_of
from alumni_desk.store import driver
from alumni_desk.store.listed import each as listed

_ORDER = ("yes", "waitlisted", "maybe", "no", "cancelled")


def answer_of(answers: Iterable[tuple[bool, str | None]]) -> str:
    """The answer of somebody who is on a list under several entries: that of the entry which stands for them, marked true, else the likeliest to come."""
    said = [(own, status) for own, status in answers if status and status != "invited"]
    kept = [status for own, status in said if own] or [status for _own, status in said] or ["invited"]
    return min(kept, key=lambda one: _ORDER.index(one) if one in _ORDER else len(_ORDER))


def answers_once(connection: Any, found: Mapping[str, dict[str, int]]) -> None:
    """Of answers that were counted by entries (gathering → answer → how many), count each person's once."""
    for gathering, several in _twice(connection, found, "SELECT r.gathering, r.person, r.status FROM json_each(?) AS wanted"
                                     " CROSS JOIN registration AS r ON r.person = wanted.value WHERE NOT r.gone").items():
        for answers in several:
            counts = found[gathering]
            for _own, status in answers:
                counts[status or "invited"] -= 1
            counts[answer_of(answers)] = counts.get(answer_of(answers), 0) + 1


def came_once(connection: Any, found: dict[str, int]) -> None:
    """Of attendance that was counted by registrations (gathering → how many), count each person's once."""
    for gathering, several in _twice(
            connection, found, "SELECT DISTINCT r.gathering, r.person, r.id FROM json_each(?) AS wanted CROSS JOIN registration AS r ON r.person = wanted.value"
            " CROSS JOIN fact AS f ON f.gathering = r.gathering AND f.registration = r.id WHERE f.kind = 'in' AND NOT f.gone AND NOT EXISTS"
            f" (SELECT 1 FROM fact AS void, {listed('void.closes')} AS closed WHERE void.gathering = f.gathering AND void.kind = 'void'"
            " AND closed.value = f.id)").items():  # fmt: skip
        found[gathering] -= sum(len(each) - 1 for each in several)


class Inside(NamedTuple):
    """How full a gathering is that goes on, in people: who is in, who has come (some went out again), and how many of those had not said yes."""

    here: int
    came: int
    beside: int


def inside(connection: Any, gatherings: Collection[str]) -> dict[str, Inside]:
    """Of those of some gatherings where anybody was checked in: how many are in, and have come."""
    if not gatherings:
        return {}
    wanted = json.dumps(sorted(gatherings))
    found = {gathering: Inside(*counts) for gathering, *counts in driver.rows(
        connection, f"SELECT gathering, sum(here), count(*), sum(status IS NOT 'yes') FROM ({_CAME}) GROUP BY gathering", (wanted,) * 3)}
    several = _twice(connection, found, "SELECT r.gathering, r.person, coalesce(r.status, 'invited') || ' ' || coalesce(c.here, '') FROM json_each(?) AS wanted"
                     " CROSS JOIN registration AS r ON r.person = wanted.value"
                     f" LEFT JOIN ({_CAME}) AS c ON c.registration = r.id WHERE NOT r.gone", (wanted,) * 3) if found else {}
    for gathering, people in several.items():
        here, came, beside = found[gathering]
        for entries in people:
            said = [str(what).partition(" ") for _own, what in entries]
            ins = [in_now for _status, _space, in_now in said if in_now]
            here -= max(ins.count("1") - 1, 0)
            came -= max(len(ins) - 1, 0)
            beside -= sum(status != "yes" for status, _space, in_now in said if in_now)
            if ins and answer_of([(own, str(what).partition(" ")[0]) for own, what in entries]) != "yes":
                beside += 1
        found[gathering] = Inside(here, came, beside)
    return found


_CAME = ("SELECT f.gathering, f.registration, r.status, max(f.id NOT IN (SELECT closed.value FROM fact AS away, " + listed("away.closes") + " AS closed"
         " WHERE away.gathering IN (SELECT value FROM json_each(?)) AND away.kind = 'out' AND NOT away.gone AND closed.value IS NOT NULL)) AS here"
         " FROM fact AS f JOIN registration AS r ON r.id = f.registration AND NOT r.gone"
         " WHERE f.gathering IN (SELECT value FROM json_each(?)) AND f.kind = 'in' AND NOT f.gone AND f.id NOT IN (SELECT closed.value FROM fact AS void, "
         + listed("void.closes") + " AS closed WHERE void.gathering IN (SELECT value FROM json_each(?)) AND void.kind = 'void' AND NOT void.gone"
         " AND closed.value IS NOT NULL) GROUP BY f.gathering, f.registration")
"""Every place on the lists of some gatherings whose person has come: its answer, and whether they are in now. What closes facts is read once for all."""


def _twice(connection: Any, gatherings: Mapping[str, object], question: str,
           more: tuple[str, ...] = ()) -> dict[str, list[list[tuple[bool, Any]]]]:  # fmt: skip
    """What a question finds about those who are on a list under several entries, by gathering, together for each person; true: under the one that stays."""
    merged = merged_on(connection)
    if not merged or not gatherings:
        return {}
    told: dict[tuple[str, str], list[tuple[bool, Any]]] = {}
    for gathering, person, what in driver.rows(connection, question, (json.dumps(sorted({*merged, *merged.values()})), *more)):
        if gathering in gatherings:
            root = root_of(merged, person)
            told.setdefault((gathering, root), []).append((person == root, what))
    found: dict[str, list[list[tuple[bool, Any]]]] = {}
    for (gathering, _root), each in told.items():
        if len(each) > 1:
            found.setdefault(gathering, []).append(each)
    return found
