"""Changes that the server did not take: whose, what of them, why, and what to do now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from alumni_desk.members import naming
from alumni_desk.protocol.values import is_id
from alumni_desk.segments.activity import Names, field_word
from alumni_desk.segments.values import value_words
from alumni_desk.store.desk import Desk
from alumni_desk.sync.away import names_of
from alumni_desk.words import _, clock_time

MOVED = "moved:"
"""How the reason begins where somebody belongs to another chapter now, which is called as the rest says."""


@dataclass(frozen=True)
class RefusedChange:
    """One of them. ``at``: ISO 8601 UTC of the answer; ``name``: whose or which; ``what``: that and its fields; ``why``, with what to do, in a sentence."""

    id: str
    at: str
    name: str
    what: str
    reason: str
    why: str


def count_refused(connection: sa.Connection, after: str = "") -> int:
    """How many changes the server did not take, of those answered after a moment."""
    return int(connection.exec_driver_sql("SELECT count(*) FROM refused WHERE at > ?", (after,)).scalar() or 0)


def by_reason(changes: Sequence[RefusedChange]) -> list[tuple[str, list[RefusedChange]]]:
    """The same, with one reason those that have it; the reason that most have first."""
    found: dict[str, list[RefusedChange]] = {}
    for one in changes:
        found.setdefault(one.why, []).append(one)
    return sorted(found.items(), key=lambda each: -len(each[1]))


def refused(desk: Desk, limit: int = 200, after: str = "") -> list[RefusedChange]:
    """The newest of them first; ``after``: of those answered after that moment."""
    with desk.reading() as connection:
        rows = connection.exec_driver_sql(
            # Of a merge that gives way every part says so.
            "SELECT o.id, o.table_name, o.row_id, o.fields, coalesce((SELECT n.reason FROM operation AS m INDEXED BY operation_action"
            " JOIN refused AS n ON n.operation = m.rowid WHERE r.reason = 'transaction' AND m.action = o.action"
            " AND m.transaction_id = o.transaction_id AND n.reason IN ('merged_already', 'merged_erased') LIMIT 1), r.reason) AS reason,"
            " r.at AS resolved_at FROM refused AS r CROSS JOIN operation AS o ON o.rowid = r.operation WHERE r.at > ?"
            " ORDER BY r.at DESC, r.operation DESC LIMIT ?", (after, limit)).all()
        fields = {row.id: msgspec.json.decode(row.fields, type=dict[str, Any]) for row in rows}
        names = Names(connection, {"": [(row.table_name, row.row_id, fields[row.id]) for row in rows]}, set())
        known = names_of(connection)
        return [_told(row, fields[row.id], names, known) for row in rows]


def _told(row: Any, fields: dict[str, Any], names: Names, known: Mapping[str, str]) -> RefusedChange:
    name = known.get(row.row_id) or known.get(str(fields.get("person"))) or _name(row.table_name, row.row_id, fields, names)
    # Of somebody who was erased what was changed is out of it: the fields that are left say nothing of that.
    silent = row.table_name == "fact" or names.was_erased(names.whose(row.table_name, row.row_id) or fields.get("person"))
    words = [] if silent else list(dict.fromkeys(field_word(row.table_name, field) for field in fields if field not in ("standing", "id")))
    what = _("{name}: {fields}").format(name=name, fields=_listed(words)) if words else name
    return RefusedChange(row.id, row.resolved_at, name, what, row.reason or "", why(row.reason or ""))


_LONGEST = 400
"""Letters of a text that are shown of a change."""

Change = tuple[str, str, str, dict[str, Any]]
"""Kind, table, row, fields."""


def change_words(desk: Desk, changes: Sequence[Change], beside: Iterable[Change] = ()) -> list[str]:
    """Changes in words, a line each: whose or which, each field with what was written, and what this desk has there now.

    ``beside``: what came with them and may name whom they are about.
    """
    with desk.reading() as connection:
        names = Names(connection, {"": [(table, row, fields) for _kind, table, row, fields in changes if table in desk.tables]}, set())
        there = _there(desk, connection, changes)
    brought = _Brought([*beside, *changes])
    lines = []
    for kind, table, row, fields in changes:
        name = brought.name(table, row, fields, names) or _name(table, row, fields, names)
        if kind == "command":
            lines.append(_("{name}: to be erased for good").format(name=name))
            continue
        if kind == "fact":
            lines.append(_("{name}: {fields}").format(name=name, fields=_fact_words(fields, names)))
            continue
        words = _written(table, fields, there.get((table, row), {}), names, brought)
        lines.append(_("{name}: {fields}").format(name=name, fields=", ".join(words)) if words else name)
    return lines


def _there(desk: Desk, connection: sa.Connection, changes: Sequence[Change]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """What this desk has now of the rows that changes are about."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for table in {table for kind, table, _row, _fields in changes if kind == "put" and table in desk.tables}:
        rows = [row for _kind, name, row, _fields in changes if name == table]
        columns = desk.tables[table].c
        found |= {(table, str(row["id"])): dict(row) for row in connection.execute(sa.select(desk.tables[table]).where(columns.id.in_(rows))).mappings()}
    return found


def _written(table: str, fields: Mapping[str, Any], there: Mapping[str, Any], names: Names, brought: _Brought) -> list[str]:
    """Each field with what was written into it; the lines of an address are one. A gathering is named, and into whom somebody was merged; what else points
    at another row has its word alone.
    Whose it is stands before the line, and what a badge's code is says nothing to anybody."""
    grouped: dict[str, list[str]] = {}
    for field in fields:
        if field not in ("standing", "id", "code") and (field != "person" or table == "person"):
            grouped.setdefault(field_word(table, field), []).append(field)
    words = []
    for word, group in grouped.items():
        if group == ["gathering"]:
            words.append(_("{field} “{value}”").format(field=word, value=names.gathering(fields["gathering"])))
            continue
        if group == ["merged_into"]:
            into = fields["merged_into"]
            words.append(_("{field} “{value}”").format(field=word, value=brought.person(into, names) or names.person(into)) if into
                         else _("Taken apart again"))
            continue
        if group == ["gone"]:
            words.append(_gone_word(table, bool(fields["gone"])))
            continue
        points = any(is_id(fields[one]) for one in group)
        words.append(word if points else _value(word, _together(table, fields, group), _together(table, there, group)))
    return words


def _gone_word(table: str, gone: bool) -> str:
    """What becomes of a row; a degree goes without whoever has it."""
    if table == "education":
        return _("Degree taken off") if gone else _("Degree back")
    return field_word(table, "gone") if gone else _("Back on the list")


def _together(table: str, values: Mapping[str, Any], group: Sequence[str]) -> str:
    text = ", ".join(filter(None, (value_words(table, one, values.get(one)) for one in group)))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _value(word: str, written: str, now: str) -> str:
    if not now or written == now:
        return _("{field} “{value}”").format(field=word, value=written) if written else _("{field} empty").format(field=word)
    if not written:
        return _("{field} emptied (now “{now}”)").format(field=word, now=now)
    return _("{field} “{value}” (now “{now}”)").format(field=word, value=written, now=now)


class _Brought:
    """Whom changes themselves name: people who are not here yet, and whose the rows are that came with them."""

    def __init__(self, changes: Sequence[Change]) -> None:
        people: dict[str, dict[str, Any]] = {}
        for _kind, table, row, fields in changes:
            if table == "person":
                people.setdefault(row, {}).update(fields)
        self._people = {row: naming.display_name(_Typed(fields)) for row, fields in people.items()}
        self._whose = {row: str(fields["person"]) for _kind, _table, row, fields in changes if fields.get("person")}

    def name(self, table: str, row: str, fields: Mapping[str, Any], names: Names) -> str | None:
        """What they call whom a change is about; None where that is known here, or they do not say."""
        person = row if table == "person" else names.whose(table, row) or fields.get("person") or self._whose.get(row)
        return self.person(person, names)

    def person(self, person: str | None, names: Names) -> str | None:
        """What they call somebody; None where that is known here, or they do not say."""
        return None if person is None or names.has_person(person) else self._people.get(person) or None


def _fact_words(fields: Mapping[str, Any], names: Names) -> str:
    """What was noted at a door, at which, and when by this laptop's time."""
    kind = str(fields.get("kind", ""))
    words = {"in": _("checked in at {gathering}"), "out": _("left {gathering}"), "void": _("check-in at {gathering} taken back"),
             "badge": _("badge printed for {gathering}")}
    said = words[kind].format(gathering=names.gathering(fields.get("gathering"))) if kind in words else kind
    try:
        at = datetime.fromisoformat(str(fields.get("at"))).astimezone()
    except (ValueError, OverflowError):  # nobody has judged yet what stands in it
        return said
    return _("{what}, {time}").format(what=said, time=clock_time(at))


def _name(table: str, row_id: str, fields: dict[str, Any], names: Names) -> str:
    """What the row is called; a row that is not here any more by what was to be written."""
    if table == "gathering" and fields.get("name"):
        return str(fields["name"])
    if table == "import_run":
        return _("An import")
    if table in ("chapter", "household"):
        return str(fields.get("name") or (_("The chapter") if table == "chapter" else _("A household")))
    if table == "person" and not names.has_person(row_id) and (typed := naming.display_name(_Typed(fields))):
        return typed
    return names.of(table, row_id, fields)


class _Typed:
    """The fields of a change, as a person's."""

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields = fields

    def __getattr__(self, name: str) -> Any:
        return self._fields.get(name)


def _listed(words: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(words[:most])
    return shown if len(words) <= most else _("{fields} and {n} more").format(fields=shown, n=len(words) - most)


def why(reason: str) -> str:
    """Why the server did not take a change, and what to do."""
    if reason == "too_large":
        return _("Its texts are longer than 256 KB together. Enter it again with less.")
    if reason in ("denied", "field", "kind"):
        return _("This laptop may not change that. Ask the chapter’s leader to do it.")
    if reason == "not_its_own":
        return _("Another laptop let this guest in, and only a leader takes that back. Tell a leader who it is.")
    if reason == "erased":
        return _("This person was erased for good, at their own wish. Nothing needs to be done.")
    if reason.startswith(MOVED):
        return _moved(reason.removeprefix(MOVED))
    if reason == "removed":
        return _("It was removed more than 30 days ago, and nothing of it is kept. Enter it anew if it is wanted again.")
    if reason == "transaction":
        return _("It belonged to a change of which another part was not taken. Enter it again without that part.")
    if reason == "merged_already":
        return _("Another laptop had merged this entry already, the other way round or into another one, and that stands. What you entered since in the "
                 "entry that gave way is offered to the one that stayed, under “To decide” on the Sync page.")
    if reason == "merged_erased":
        return _("The entry that this one was to be part of was erased for good meanwhile, so they were not merged. This one stays as it is.")
    if reason == "fact_is_there":
        return _("It is at the server already, with something else in it. Look it up there and enter it again.")
    if reason == "code":
        return _("This guest has a badge’s code already, or the code is another guest’s. The one that stands is shown now; only a leader gives another.")
    if reason == "not_on_its_list":
        return _("They are in the chapter, and nobody put them on this gathering’s list. Only a leader does that; ask one.")
    if reason == "fact_kind":
        return _("The server does not know what this says of a guest: it may be older than this program. Ask whoever runs it to update it, then enter it "
                 "again.")
    if reason == "form":
        return _("Something in it cannot be, such as a day that does not exist or an answer that nobody can give. Enter it again.")
    return _("The server could not read it ({reason}). Update Alumni Desk, enter it again, and tell whoever runs the server if it comes back.").format(
        reason=reason or "?")


def _moved(chapter: str) -> str:
    if not chapter:
        return _("This person belongs to another chapter now, so the change was not taken here. Tell the office, which knows which one.")
    return _("This person now belongs to the {chapter} chapter, so the change was not taken here. Tell them what you know.").format(chapter=chapter)
