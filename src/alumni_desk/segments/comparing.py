"""What a backup holds and the present has not, and the other way round: who and which, before anybody goes back."""

from __future__ import annotations

from collections.abc import Set
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from alumni_desk.members.naming import full_name
from alumni_desk.protocol.clocks import repacked
from alumni_desk.store import backup, backup_head
from alumni_desk.store.connecting import connect
from alumni_desk.store.desk import Desk
from alumni_desk.words import _

SHOWN = 200
"""Lines of each list; a longer one says how many more there are."""

_NAME = ("title", "first_name", "middle_name", "last_name", "suffix", "preferred_name")
_MEMBERS = f"SELECT id, clocks, {', '.join(_NAME)} FROM {backup.MEMBERS}"
_GATHERINGS = "SELECT id, clocks, name, starts FROM gathering WHERE NOT gone"
_OF_THEM = (f"SELECT f.id, f.clocks, f.person, {', '.join(f'p.{name}' for name in _NAME)}, g.name AS gathering FROM {{}} AS f"
            " LEFT JOIN person AS p ON p.id = f.person LEFT JOIN gathering AS g ON g.id = f.gathering WHERE {}")
_CHECK_INS = _OF_THEM.format("fact", f"f.id IN (SELECT id FROM {backup.CHECK_INS})")
_GUESTS = _OF_THEM.format("registration", "NOT f.gone")


@dataclass(frozen=True)
class Difference:
    """What only one side has: its name in words, the newest first, ``SHOWN`` at most; and how many there are."""

    lines: tuple[str, ...]
    count: int


@dataclass(frozen=True)
class Compared:
    """``only_then``: the backup has it, the present has not. ``only_now``: going back loses it. ``changed``: both have it, and it says something else
    in one of its fields. By table: person, fact, registration, gathering.
    """

    only_then: dict[str, Difference]
    only_now: dict[str, Difference]
    changed: dict[str, Difference]


def compare(desk: Desk, file: Path) -> Compared:
    """Compare a backup that this desk's key opens with what is here now. Raises BadInput ``backup_damaged``, StoreProblem ``passphrase_needed``."""
    header, start = backup_head.read_head(file)
    key = backup.key_of(header, desk.key, None)
    with backup.to_look_into(desk.profile) as folder:  # encrypted, as the backup is
        copy = folder / "desk.db"
        backup.unpack(file, header, start, copy)
        with closing(connect(copy, key)) as connection:
            then = {table: _rows(connection, question) for table, question in _QUESTIONS.items()}
    raw = desk.raw()
    try:
        _leave_out(then, {one for (one,) in raw.execute("SELECT id FROM erased")})
        now = {table: _rows(raw, question) for table, question in _QUESTIONS.items()}
    finally:
        raw.close()
    return Compared({table: _only(table, then[table], now[table]) for table in _QUESTIONS},
                    {table: _only(table, now[table], then[table]) for table in _QUESTIONS},
                    {table: _changed(table, then[table], now[table]) for table in _QUESTIONS})


_QUESTIONS = {"person": _MEMBERS, "fact": _CHECK_INS, "registration": _GUESTS, "gathering": _GATHERINGS}


def _rows(connection: Any, question: str) -> dict[str, dict[str, Any]]:
    cursor = connection.execute(question)
    names = [one[0] for one in cursor.description]
    return {row[0]: dict(zip(names, row, strict=True)) for row in cursor}


def _leave_out(then: dict[str, dict[str, dict[str, Any]]], erased: Set[str]) -> None:
    """Whoever was erased since is read out of no backup, and comes back out of none; what they were on a list comes back without a name."""
    then["person"] = {one: row for one, row in then["person"].items() if one not in erased}
    for table in ("fact", "registration"):
        for row in then[table].values():
            if row["person"] in erased:
                row.update(dict.fromkeys(_NAME))


def _only(table: str, here: dict[str, dict[str, Any]], there: dict[str, dict[str, Any]]) -> Difference:
    return _listed(table, here.keys() - there.keys(), here)


def _changed(table: str, then: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]) -> Difference:
    return _listed(table, {one for one in then.keys() & now.keys() if repacked(then[one]["clocks"]) != repacked(now[one]["clocks"])}, now)


def _listed(table: str, those: Set[str], rows: dict[str, dict[str, Any]]) -> Difference:
    ids = sorted(those, reverse=True)  # an id begins with when it was made
    return Difference(tuple(_words(table, rows[one]) for one in ids[:SHOWN]), len(ids))


def _words(table: str, row: dict[str, Any]) -> str:
    if table == "gathering":
        return _("{name}, {day}").format(name=row["name"] or _("No name"), day=str(row["starts"] or "")[:10]) if row["starts"] else row["name"] or _("No name")
    name = full_name(SimpleNamespace(**row)) or _("No name")
    return _("{name} at {gathering}").format(name=name, gathering=row["gathering"]) if row.get("gathering") else name
