"""What was done at this desk, in words: the list of actions, what one of them wrote, and what an undo left."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from alumni_desk.gatherings.fields import field_word as gathering_field
from alumni_desk.members import naming
from alumni_desk.members.fields import ADDRESS, label
from alumni_desk.segments.in_sentence import in_sentence, nouns_of
from alumni_desk.store import driver
from alumni_desk.store.desk import Desk
from alumni_desk.store.done import GONE_BACK, Done, actions, lapsed
from alumni_desk.words import _, clock_time, day_full, ngettext, number

if TYPE_CHECKING:
    from alumni_desk.errors import KnownError
    from alumni_desk.store.driver import Connection
    from alumni_desk.store.gone_back import GoneBack
    from alumni_desk.store.history import Version
    from alumni_desk.store.undo import Left, Undone

CHECK_INS = frozenset({"checked_in", "check_in_undone", "checked_out", "walked_in"})
"""What is corrected at the door or in the gathering; Ctrl+Z elsewhere leaves it alone."""

_SILENT = frozenset({"standing", "constituent_codes", "external_ids", "network_person_id", "merged_into", "gone"})

_SILENT_IN = {"registration": frozenset({"gathering", "person", "host", "code"})}
"""Besides: what a place on a list is about never changes, and what its badge carries is nothing to read."""

_ABOUT_ONE = frozenset({"member_added", "member_changed", "value_restored", "conflict_decided", "people_merged", "people_unmerged"})

_PRINCIPAL = ("person", "registration", "gathering", "fact", "education", "household", "chapter")
_FIRST = 40


@dataclass(frozen=True, slots=True)
class Deed:
    """An action in words. ``strong`` is the part of ``what`` that counts; ``reason`` says why it cannot be undone."""

    id: str
    event: str
    at: str  # UTC, ISO 8601
    who: str | None
    device: str | None
    what: str
    strong: str
    count: int
    state: str  # done | undone | never
    undone_at: str | None
    reason: str | None
    gathering: str | None
    where: str  # what the gathering is called
    person: str | None  # if it is about one person
    field: str = ""  # the one field that was changed, if it was one
    rows: tuple[tuple[str, str, str, str], ...] = ()  # what others wrote: table, row, field, clock
    kept: str = ""  # the file that holds what was there, of somebody who went back to a backup
    stays: str = ""  # why doing it again, of what was undone, would bring nothing back

    @property
    def undoable(self) -> bool:
        """Whether it can be undone now."""
        return self.state == "done" and self.reason is None


class Written(NamedTuple):
    """One value that an action wrote: of whom, which field, what was, what came. A new row is one of these, without values.

    ``stands``: it is still so.
    """

    name: str
    field: str
    was: str
    now: str
    new: bool = False
    row: str = ""
    stands: bool = True


def deeds(desk: Desk, limit: int = 100, *, but: Collection[str] = (), look: bool = False) -> list[Deed]:
    """The newest actions, newest first; ``but``: events to leave out; ``look`` whether an undo of each would put anything back."""
    done = [one for one in actions(desk, limit) if one.event not in but]
    return looked_at(desk, done, told(desk, done)) if look else told(desk, done)


def looked_at(desk: Desk, done: Sequence[Done], found: Sequence[Deed]) -> list[Deed]:
    """Actions with whether an undo of each would put anything back."""
    from alumni_desk.store.undo import stay_changed

    stay = stay_changed(desk, done)
    return [staying(one, stay[one.id]) if one.id in stay else one for one in found]


def staying(deed: Deed, why: str) -> Deed:
    """An action of which an undo, or a redo, would put nothing back; why, as ``undo.why_stays`` says."""
    return replace(deed, stays=all_changed(why)) if deed.state == "undone" else replace(deed, reason=all_changed(why))


def all_changed(why: str = "changed") -> str:
    """Why an action of which an undo or a redo would put nothing back stays as it is."""
    return {"erased": _("Erased since"), "lapsed": _reasons()["lapsed"],
            "off": _("Off the list; bring that back first")}.get(why) or _("Changed or in use since, so it stays")


def told(desk: Desk, done: Sequence[Done]) -> list[Deed]:
    """Actions in words."""
    with desk.asking() as connection:
        wrote = _first_rows(connection, [one.id for one in done])
        names = Names(connection, wrote, {one.gathering for one in done if one.gathering})
        went = lapsed(connection, [one.id for one in done if not wrote[one.id]])
        back = _all_back(connection) if any(one.event == GONE_BACK for one in done) else {}
        return [_gone_back(one, back.get(one.id)) if one.event == GONE_BACK else _deed(one, wrote.get(one.id, []), names, went=one.id in went)
                for one in done]


def _all_back(connection: Connection) -> Mapping[str, GoneBack]:
    from alumni_desk.store.gone_back import told

    return told(connection)


def _gone_back(one: Done, back: GoneBack | None) -> Deed:
    """Going back to a backup, and where what was there before is kept."""
    if back is not None and back.made_at:
        at = datetime.fromisoformat(back.made_at).astimezone()
        strong = _("{day}, {time}").format(day=day_full(at.date()), time=clock_time(at))
        what = _("Went back to the backup of {when}").format(when=strong)
    else:
        strong, what = "", _("Put the chapter right with what was kept") if back is not None else _("Went back to a backup")
    kept = back.kept if back is not None else ""
    why = _("The chapter stands on it") if not kept else _("The damaged file was kept") if kept.endswith(".db") else _("What was there is among the backups")
    return Deed(one.id, one.event, one.at, one.who, one.device, what, strong, 0, one.state, None, why, None, "", None, kept=kept)


def grouped(found: Sequence[Deed], words: Sequence[str] = ()) -> list[Deed]:
    """Runs of check-ins at one gathering on one day as one line for each laptop: a door would fill the list otherwise. Its id is the newest one's. ``words``:
    each line is to hold these.
    """
    lines: list[Deed] = []
    run: dict[tuple[str | None, str | None], int] = {}  # of each laptop its line
    before: tuple[Any, ...] = ()
    for one in found:
        about = (one.gathering, one.state, _day(one.at)) if one.event in ("checked_in", "walked_in") else ()
        if about != before:
            run, before = {}, about
        place = run.get((one.who, one.device))
        if about and place is not None:
            last = lines[place]
            count = last.count + one.count
            strong = ngettext("{n} guest", "{n} guests", count).format(n=number(count))
            what = _("Checked in {guests} at {gathering}").format(guests=strong, gathering=one.where)
            if all(word in what.casefold() for word in words):
                lines[place] = replace(last, what=what, strong=strong, count=count, event="checked_in", person=None, rows=last.rows + one.rows)
                continue
        run[one.who, one.device] = len(lines)
        lines.append(one)
    return lines


def _day(at: str) -> date:
    """The day of a moment by this computer's clock, as the list has it: an evening in America goes on past midnight in Greenwich."""
    return datetime.fromisoformat(at).astimezone().date()


def written(desk: Desk, action: str, limit: int = 50) -> tuple[list[Written], dict[str, int], int]:
    """The first values and new rows that an action wrote, how many values of each field, and how many of both in all."""
    from alumni_desk.protocol.values import is_id
    from alumni_desk.store.undo import rows_of

    found: list[tuple[tuple[str, str, Mapping[str, Any]], Written]] = []  # beside each the row whose name it needs
    sums: dict[str, int] = defaultdict(int)
    fresh: set[str] = set()
    for table, row_id, before, after in rows_of(desk, action, 5_000 + limit):
        if table not in ("person", "gathering", "registration"):
            continue
        if before:
            wrote = [Written("", word, was, now, row=row_id) for word, was, now in _changes(table, before, after)]
            for one in wrote:
                sums[one.field] += 1
        else:
            wrote = [] if row_id in fresh else [Written("", _("New"), "", "", new=True)]
            fresh.add(row_id)
        found += [((table, row_id, after), one) for one in wrote[:max(0, limit - len(found))]]
    with desk.reading() as connection:
        first = [row for row, _one in found]
        others: list[tuple[str, str, Mapping[str, Any]]] = [
            ("person", value, {}) for _row, one in found for value in (one.was, one.now) if is_id(value)]  # a value that names somebody
        names = Names(connection, {action: [*first, *others]}, set())
    shown = [one._replace(name=names.of(*row), was=names.meant(one.was), now=names.meant(one.now)) for row, one in found]
    return shown, dict(sorted(sums.items(), key=lambda one: -one[1])), sum(sums.values()) + len(fresh)


def standing(values: Iterable[Written], left: Iterable[Left]) -> list[Written]:
    """Those values with whether they are still so, by what an undo would leave because it was changed since."""
    changed = {(one.row, field_word(one.table, name)) for one in left for name in one.fields}
    return [one._replace(stands=(one.row, one.field) not in changed) for one in values]


def left_words(desk: Desk, left: Sequence[Left], most: int = 3, *, ahead: bool = False) -> list[str]:
    """What an undo left, a sentence a row: whose, and who changed it since. ``ahead``: what it would leave."""
    shown = left[:most]
    with desk.reading() as connection:
        names = Names(connection, {"": [(one.table, one.row, {}) for one in shown]}, set())
        removed = {(one.table, one.row) for one in shown if one.fields[:1] == ("gone",) and driver.row(
            connection, f'SELECT 1 FROM "{one.table}" WHERE id = ? AND gone', (one.row,)) is not None}
        sentences = [_left(one, names.of(one.table, one.row, {}), ahead=ahead, removed=(one.table, one.row) in removed) for one in shown]
    rest = len(left) - most
    if rest > 0:
        words = ngettext("{n} more would be left too.", "{n} more would be left too.", rest) if ahead else ngettext(
            "{n} more was left too.", "{n} more were left too.", rest)
        sentences.append(words.format(n=number(rest)))
    return sentences


def left_names(desk: Desk, left: Sequence[Left]) -> list[str]:
    """What the rows that an undo left are called."""
    with desk.reading() as connection:
        names = Names(connection, {"": [(one.table, one.row, {}) for one in left]}, set())
        return [names.of(one.table, one.row, {}) for one in left]


def undone_words(desk: Desk, undone: Undone, *, again: bool = False) -> str:
    """What an undo (or redo) did, in a sentence or a few."""
    done = actions(desk, 1, only=undone.of)
    [deed] = told(desk, done)
    off = [] if again or deed.person is None else _off_again(desk, done[0], deed.person)
    if undone.left:
        first = _("Done again in part: {what}.") if again else _("Undone in part: {what}.")
    else:
        first = _("Done again: {what}.") if again else _("Undone: {what}.")
    return " ".join([first.format(what=deed.what), *off, *left_words(desk, undone.left)])


def _off_again(desk: Desk, done: Done, person: str) -> list[str]:
    """That somebody is off the list again, in a sentence, where an action that was undone had brought them back and changed them."""
    with desk.asking() as connection:
        rows = _first_rows(connection, [done.id])
        if done.event != "member_changed" or not _brought_back(rows[done.id]):
            return []
        if driver.row(connection, "SELECT 1 FROM person WHERE id = ? AND gone", (person,)) is None:
            return []
        return [_("{person} is off the list again.").format(person=Names(connection, rows, set()).person(person))]


def not_undone_words(desk: Desk, action: str, why: KnownError, *, again: bool = False) -> str:
    """That an action was not taken back (or done again) and why, and of what was changed or is in use since, which and by whom."""
    [deed] = told(desk, actions(desk, 1, only=action))
    first = (_("Not done again: {what}. {why}") if again else _("Not undone: {what}. {why}")).format(what=deed.what, why=why)
    left: Sequence[Left] = cast("Sequence[Left]", why.facts.get("left", ())) if why.code == "all_changed_since" else ()
    return " ".join([first, *left_words(desk, left, 2)])


class PastValue(NamedTuple):
    """A value in a record's history. ``version`` puts it back (see ``store.history.restore``)."""

    version: str
    field: str
    text: str  # empty: there was nothing
    at: str  # UTC, ISO 8601
    who: str | None
    device: str | None
    here: bool
    event: str | None
    now: bool
    refused: bool
    restorable: bool
    by_hand: bool  # a wish: it changes only where wishes are noted


def past_values(desk: Desk, table: str, row_id: str) -> list[PastValue]:
    """A record's history in words, by field, newest first; fields that changed come first, an address is one. Raises NotFound."""
    from alumni_desk.segments.answers import answers
    from alumni_desk.store.history import history

    lines: dict[tuple[str, str], list[Version]] = {}
    past = history(desk, table, row_id)
    answered = answers(past) if table == "registration" else {}
    for one in past:
        if one.field not in _SILENT | _SILENT_IN.get(table, frozenset()):
            lines.setdefault((field_word(table, one.field), one.id.partition("@")[2]), []).append(one)
    changes = Counter(word for word, _clock in lines)
    named = named_values(desk, (one.value for versions in lines.values() for one in versions))
    found = [_past_value(table, word, versions, named, answered) for (word, _clock), versions in lines.items()]
    return sorted(found, key=lambda one: changes[one.field] < 2)


def named_values(desk: Desk, values: Iterable[Any]) -> dict[str, str]:
    """What those rows are called whose ids stand in a record as values."""
    with desk.reading() as connection:
        return values_named(connection, values)


def values_named(connection: Connection, values: Iterable[Any]) -> dict[str, str]:
    """The same, where a record is being read."""
    from alumni_desk.protocol.values import is_id

    ids = {one for one in values if is_id(one)}
    if not ids:
        return {}
    names = Names(connection, {"": [(table, one, {}) for one in ids for table in ("person", "registration")]}, ids)
    households = dict(_of(connection, "SELECT id, name FROM household", ids))
    return {one: (households[one] or _("A household")) if one in households else names.person(guest) if (guest := names.whose("registration", one))
            else names.meant(one) for one in ids}


def _past_value(table: str, word: str, versions: Sequence[Version], named: Mapping[str, str], answered: Mapping[str, str]) -> PastValue:
    from alumni_desk.segments.answers import answered_words
    from alumni_desk.segments.values import value_words
    from alumni_desk.store.history import ONLY_BY_HAND

    first = versions[0]
    text = ", ".join(part for one in versions if (part := named.get(str(one.value)) or value_words(table, one.field, one.value)))
    restorable = any(one.restorable for one in versions) and not any(one.now for one in versions)
    if first.id in answered:  # it comes back with its answer, not alone
        text, restorable = answered_words(answered[first.id], text), False
    return PastValue(first.id, word, text, first.at, first.who, first.device, first.here, first.event, any(one.now for one in versions), first.refused,
                     restorable, first.field in ONLY_BY_HAND)


class _About(NamedTuple):
    """A row that is about somebody: a guest, a school, a fact."""

    id: str
    person: str | None
    gathering: str | None


class Names:
    """What rows are called, looked up for many at once."""

    def __init__(self, connection: Connection, wrote: Mapping[str, Iterable[tuple[str, str, Mapping[str, Any]]]], gatherings: set[str]) -> None:
        ids: dict[str, set[str]] = defaultdict(set)
        for rows in wrote.values():
            for table, row_id, fields in rows:
                ids[table].add(row_id)
                for name, of in (("person", "person"), ("gathering", "gathering"), ("merged_into", "person")):
                    if fields.get(name):
                        ids[of].add(fields[name])
        self._about = {table: {row_id: _About(row_id, *rest) for row_id, *rest in _of(connection, f"SELECT id, person, {held} FROM {table}", ids[table])}
                       for table, held in (("registration", "gathering"), ("education", "NULL"), ("fact", "gathering"))}
        about = [row for rows in self._about.values() for row in rows.values()]
        people = ids["person"] | {row.person for row in about if row.person}
        self._people = {row[0]: naming.Called(*row) for row in _of(connection, f"SELECT {', '.join(naming.Called._fields)} FROM person", people)}
        self._erased = {row[0] for row in _of(connection, "SELECT id FROM erased", people)}
        self._moved = {row[0] for row in _of(connection, "SELECT id, standing FROM person", people) if row[1] == "moved"}
        # An action that has nothing left was about somebody who was erased; or who moved, where anybody has.
        self.any_moved = driver.row(
            connection, "SELECT 1 FROM sync_state WHERE key = 'away' AND json_array_length(value, '$.rows.person') > 0") is not None
        held = ids["gathering"] | gatherings | {row.gathering for row in about if row.gathering}
        self._gatherings: dict[str, str | None] = dict(_of(connection, "SELECT id, name FROM gathering", held))

    def person(self, person_id: str | None) -> str:
        """What somebody is called, with the class year."""
        row = self._people.get(person_id or "")
        if row is None:
            return _("Somebody")
        if row.id in self._erased:
            return _("somebody who was erased")
        if row.id in self._moved:
            return _("somebody who moved to another chapter")
        return f"{naming.set_apart(naming.display_name(row)) or _('Name to come')} {naming.short_year(row.class_year)}".rstrip()

    def was_erased(self, person_id: str | None) -> bool:
        """Whether somebody was erased."""
        return person_id in self._erased

    def has_person(self, person_id: str) -> bool:
        """Whether somebody is here by this id."""
        return person_id in self._people

    def meant(self, value: str) -> str:
        """A value as it is, or, where it is the id of a person or a gathering, what that is called; any other id says nothing to anybody."""
        from alumni_desk.protocol.values import is_id

        if value in self._gatherings:
            return self.gathering(value)
        return self.person(value) if self.has_person(value) else _("another entry") if is_id(value) else value

    def entry(self, person_id: str | None) -> str:
        """What an entry is called that was merged, or was merged with; of one that is not known here (any more), that it is another."""
        return self.person(person_id) if person_id in self._people else _("another entry")

    def gathering(self, gathering_id: str | None) -> str:
        """What a gathering is called."""
        return self._gatherings.get(gathering_id or "") or _("a gathering")

    def whose(self, table: str, row_id: str) -> str | None:
        """The person that a row is about."""
        if table == "person":
            return row_id
        row = self._about.get(table, {}).get(row_id)
        return row.person if row is not None else None

    def held(self, table: str, row_id: str) -> str | None:
        """The gathering that a guest or a fact belongs to."""
        row = self._about.get(table, {}).get(row_id)
        return row.gathering if row is not None else None

    def of(self, table: str, row_id: str, fields: Mapping[str, Any]) -> str:
        """What a row of any table is called."""
        if table == "gathering":
            return self.gathering(row_id)
        if table == "chapter":
            return _("The chapter")
        return self.person(self.whose(table, row_id) or fields.get("person"))


def _of(connection: Connection, question: str, ids: set[str]) -> list[Any]:
    """The rows that a question has of these ids."""
    return driver.rows(connection, f"{question} WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(sorted(ids)),)) if ids else []


def _first_rows(connection: Connection, ids: Sequence[str]) -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    """The first rows that each action wrote: enough to name it. Of entries that were taken apart what was written over, which says from whom."""
    return {action: [(table, row_id, json.loads(fields)) for table, row_id, fields in driver.rows(
        connection, "SELECT table_name, row_id, CASE event WHEN 'people_unmerged' THEN values_before ELSE fields END FROM operation WHERE action = ?"
        " ORDER BY rowid LIMIT ?", (action, _FIRST))] for action in ids}


def _deed(one: Done, rows: Sequence[tuple[str, str, dict[str, Any]]], names: Names, *, went: bool = False) -> Deed:
    """``went``: nothing is left of it, for what it is about went for good by its age."""
    order = ("registration", *_PRINCIPAL) if one.event.startswith(("guest", "answers")) else _PRINCIPAL
    table = next((name for name in order if one.counts.get(name)), "")
    count = one.counts.get("person" if one.event == "import" else table, 0)
    people = list(dict.fromkeys(who for name, row_id, fields in rows if (who := names.whose(name, row_id) or fields.get("person"))))
    alone = people[0] if len(people) == 1 and count <= 1 else None
    what, strong = _what(one, count, names, alone or (people[0] if people else None), rows, went=went)
    where = names.gathering(one.gathering) if one.gathering else ""
    if went:
        return Deed(one.id, one.event, one.at, one.who, one.device, what, strong, 0, "never", None, _reasons()["lapsed"], one.gathering, where, None)
    if one.event in _ABOUT_ONE and all(names.was_erased(who) for who in people) and (people or not rows):  # with the person went what was written
        why = _("Erased or moved since") if not rows and names.any_moved else _("Erased since")
        return Deed(one.id, one.event, one.at, one.who, one.device, what, strong, 0, "never", None, why, one.gathering, where, None)
    return Deed(one.id, one.event, one.at, one.who, one.device, what, strong, count, one.state, one.undone_at, _why(one), one.gathering, where, alone,
                _one_field(rows), stays=_reasons().get(one.reason or "", "") if one.state == "undone" else "")


def _reasons() -> dict[str, str]:
    return {"stands": _("The chapter stands on it"), "too_old": _("More than 30 days ago"), "lapsed": _("Went for good 30 days after it was removed")}


def _why(one: Done) -> str | None:
    if one.state == "undone":
        return _("Undone already")
    if one.event == "person_erased":
        return _("Erasing cannot be undone")
    if one.event in ("guests_came_anyhow", "gathering_came_anyhow"):
        return _("They were let in")
    return _reasons().get(one.reason or "")


def _what(one: Done, count: int, names: Names, person: str | None, rows: Sequence[tuple[str, str, dict[str, Any]]], *,
          went: bool) -> tuple[str, str]:  # fmt: skip
    """The sentence of an action, and the part of it that stands out."""
    members = ngettext("{n} member", "{n} members", count).format(n=number(count))
    guests = ngettext("{n} guest", "{n} guests", count).format(n=number(count))
    held = one.gathering or next((fields.get("gathering") for _table, _row, fields in rows if fields.get("gathering")), None) or next(
        (row_id for table, row_id, _fields in rows if table == "gathering"), None)
    facts = {"person": _("somebody") if went else names.person(person), "gathering": names.gathering(held), "members": members, "guests": guests,
             "answers": ngettext("{n} answer", "{n} answers", count).format(n=number(count)),
             "badges": ngettext("{n} badge", "{n} badges", one.counts.get("fact", 0)).format(n=number(one.counts.get("fact", 0))),
             "file": _file(rows), "field": _fields(rows), **_merged(rows, names)}
    several = count != 1
    if one.event in _ABOUT_ONE and (not rows or names.was_erased(person)):
        maybe = _("somebody who was erased or has moved") if not rows and names.any_moved else _("somebody who was erased")
        who = _("somebody who was removed") if went else maybe
        gone = {"member_added": _("Added {person}"), "people_merged": _("Merged entries of {person}"), "people_unmerged": _("Took entries of {person} apart")}
        return gone.get(one.event, _("Changed {person}")).format(person=who), ""
    if one.event == "member_changed" and _brought_back(rows):
        more = [(table, row_id, {name: value for name, value in fields.items() if name != "gone"}) for table, row_id, fields in rows]
        back = _("Brought back {person} and changed {field}") if any(fields for _table, _row, fields in more) else _("Brought back {person}")
        return back.format(**{**facts, "field": _fields(more)}), ""
    if one.event == "conflict_decided" and rows and all("gone" in fields for _table, _row, fields in rows):
        return _("Decided whether {person} is on the list").format(**facts), ""
    if one.event == "conflict_decided" and rows and rows[0][0] in ("chapter", "gathering"):
        return (_("Decided on {field} of the chapter") if rows[0][0] == "chapter" else _("Decided on {field} of {gathering}")).format(**facts), ""
    if one.event == "value_restored" and rows and rows[0][0] in ("chapter", "gathering"):
        return (_("Put back {field} of the chapter") if rows[0][0] == "chapter" else _("Put back {field} of {gathering}")).format(**facts), ""
    if one.event == "guests_added" and _only_answers(rows):
        return _("Noted {answers} for {gathering}").format(**facts), facts["answers"]
    sentence, strong = {
        "member_added": (_("Added {person}"), "person"),
        "member_changed": (_("Changed {field} of {person}"), ""),
        "people_merged": (_("Merged {entry} with {other}"), ""),
        "people_unmerged": (_("Took {entry} apart from {other}"), ""),
        "conflict_decided": (_("Decided on {field} of {person}"), ""),
        "members_removed": (_("Removed {members}"), "members") if several else (_("Removed {person}"), ""),
        "person_erased": (ngettext("Erased one person", "Erased {n} people", count).format(n=number(count)), ""),
        "members_brought_back": (_("Brought back {members}"), "members") if several else (_("Brought back {person}"), ""),
        "import": (_("Imported {members} from {file}"), "members"),
        "value_restored": (_("Put back {field} of {person}"), ""),
        "gathering_planned": (_("Planned {gathering}"), "gathering"),
        "gathering_changed": (_("Changed {gathering}"), ""),
        "gathering_cancelled": (_("Cancelled {gathering}"), ""),
        "gathering_replanned": (_("Planned {gathering} again"), ""),
        "guests_added": (_("Added {guests} to {gathering}"), "guests") if several else (_("Added {person} to {gathering}"), ""),
        "guest_of_added": (_("Added somebody’s guest to {gathering}"), ""),
        "guest_named": (_("Named a guest: {person}"), ""),
        "answers_noted": (_("Noted {answers} for {gathering}"), "answers"),
        "answers_taken_back": (_("Took back {answers} for {gathering}"), "answers"),
        "guests_removed": (_("Took {guests} off the list of {gathering}"), "guests"),
        "guests_brought_back": (_("Put {guests} back on the list of {gathering}"), "guests"),
        "guests_came_anyhow": (_("Back on the list of {gathering}, for they were let in: {guests}"), "guests"),
        "gathering_came_anyhow": (_("{gathering} is there again, for somebody was let in"), ""),
        "checked_in": (_("Checked in {person} at {gathering}"), ""),
        "check_in_undone": (_("Took back the check-in of {person} at {gathering}"), ""),
        "checked_out": (_("{person} left {gathering}"), ""),
        "walked_in": (_("Walk-in at {gathering}: {person}"), ""),
        "badges_printed": (_("Printed {badges} for {gathering}"), "badges"),
        "chapter_founded": (_("Started the chapter"), ""),
        # What was written went with the row that it was of, where the chapter took on a server's id.
        "chapter_changed": (_("Changed {field} of the chapter") if rows else _("Changed the chapter’s details"), ""),
        "chapter_completed": (_("Completed the chapter’s details"), ""),
        "sample_made": (_("Made the sample chapter"), ""),
    }.get(one.event, (_("Changed something"), ""))
    return sentence.format(**facts), facts.get(strong, "")


def _merged(rows: Sequence[tuple[str, str, dict[str, Any]]], names: Names) -> dict[str, str]:
    """Which entry became part of which other one."""
    entry, other = next(((row_id, fields["merged_into"]) for table, row_id, fields in rows if table == "person" and fields.get("merged_into")),
                        (rows[0][1] if rows else None, None))
    return {"entry": names.entry(entry), "other": names.entry(other)}


def _brought_back(rows: Sequence[tuple[str, str, dict[str, Any]]]) -> bool:
    """Whether somebody who had been removed came back with what was written."""
    return any(table == "person" and fields.get("gone", True) in (False, 0) for table, _row, fields in rows)


def _only_answers(rows: Sequence[tuple[str, str, dict[str, Any]]]) -> bool:
    """Whether a guest list from a file put nobody on the list: all were on it, and some had answered anew."""
    return bool(rows) and all(table == "registration" and "status" in fields and not fields.keys() & {"person", "gone"} for table, _row, fields in rows)


def _file(rows: Sequence[tuple[str, str, dict[str, Any]]]) -> str:
    return next((fields["file_name"] for table, _row, fields in rows if table == "import_run" and fields.get("file_name")), _("a file"))


def _one_field(rows: Sequence[tuple[str, str, dict[str, Any]]]) -> str:
    """The field that was written, if all that was written is one in words."""
    names = list(dict.fromkeys((field_word(table, name), name) for table, _row, fields in rows for name in fields))
    return names[0][1] if len({word for word, _name in names}) == 1 else ""


def _fields(rows: Sequence[tuple[str, str, dict[str, Any]]]) -> str:
    """What was changed: the e-mail, or 3 fields."""
    words = nouns_of(dict.fromkeys((table, name) for table, _row, fields in rows for name in fields).keys())
    if len(words) == 1:
        return _("the {field}").format(field=words[0])
    return ngettext("{n} field", "{n} fields", len(words)).format(n=number(len(words)))


@lru_cache(maxsize=512)  # an action that wrote many rows asks for the same few
def field_word(table: str, name: str) -> str:
    """What a field is called; the lines of an address are one."""
    if name in ADDRESS and table == "person":
        return _("Address")
    if name == "gone":
        return _("Taken off the list")
    words = {"status": _("Answer"), "host": _("Host"), "badge_name": _("Name on the badge"), "table_name": _("Table"), "meal": _("Meal"), "code": _("Code"),
             "answered_at": _("Answered"), "walk_in": _("Walk-in"), "person": _("Person"), "gathering": _("Gathering"), "standing": _("Standing"),
             "household": _("Household"), "consent": _("Consent"), "badge_tail": _("Family ties"), "merged_into": _("Merged into")}
    return _of_its_table(table).get(name) or words.get(name) or (gathering_field(name) if table == "gathering" else label(name))


def _of_its_table(table: str) -> dict[str, str]:
    """What the fields are called that only one table has, or that mean something else in it."""
    if table == "import_run":
        return {"file_name": _("File"), "file_hash": _("File"), "recognised": _("Kind of list"), "mapping": _("Columns"), "rows": _("Rows in the file"),
                "added": _("Added"), "updated": _("Updated"), "unchanged": _("Unchanged"), "rejected": _("Left out"), "started_at": _("Begun"),
                "finished_at": _("Finished"), "complete": _("Finished")}
    if table == "chapter":
        return {"name": _("Name"), "university": _("University"), "time_zone": _("Time zone"), "sample": _("Sample")}
    if table == "gathering":
        return {"status": gathering_field("status")}
    if table == "education":
        return {"school": _("School"), "degree": _("Degree"), "major": _("Major"), "is_primary": _("Main degree"),
                "name_at_graduation": _("Name at graduation")}
    if table == "household":
        return {"name": _("Name"), "formal_greeting": _("Formal greeting"), "informal_greeting": _("Informal greeting")}
    return {"email_status": _("E-mail fails"), "network_person_id": _("Network’s number")} if table == "person" else {}


def _changes(table: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    """(field in words, was, now); an address is one."""
    from alumni_desk.segments.values import value_words

    grouped: dict[str, list[tuple[str, str]]] = {}
    for name, value in after.items():
        if before.get(name) != value or name in ADDRESS:
            grouped.setdefault(field_word(table, name), []).append((value_words(table, name, before.get(name)), value_words(table, name, value)))
    for word, pairs in grouped.items():
        was = ", ".join(text for text, _now in pairs if text)
        now = ", ".join(text for _was, text in pairs if text)
        if was != now:
            yield word, was, now


def _left(one: Left, name: str, *, ahead: bool, removed: bool) -> str:
    """Whose was left by an undo, or would be (``ahead``), and why. ``removed``: what was removed or brought back since is removed now."""
    in_use = {
        "person": (_("{name} was left: on the guest list of a gathering, or merged with another entry."),
                   _("{name} would be left: on the guest list of a gathering, or merged with another entry.")),
        "gathering": (_("{name} was left: somebody is on its guest list."), _("{name} would be left: somebody is on its guest list.")),
        "registration": (_("{name} was left: checked in since."), _("{name} would be left: checked in since.")),
    }
    left, would_be = {
        "in_use": in_use.get(one.table, (_("{name} was left: something newer stands on it."), _("{name} would be left: something newer stands on it."))),
        "erased": (_("{name}: there is nothing to bring back."), _("{name}: there is nothing to bring back.")),
        "came_along": (_("{name}: what stood in {what} before went with somebody who was erased."),) * 2,
        "off": (_("{name} was left: off the list since."), _("{name} is off the list, so nothing would be seen of it.")),
        "then": (_("{name} was left: something stood on it then."),) * 2,
        "closed": (_("{name} was left: that was taken back already."), _("{name} would be left: that was taken back already.")),
        "who": (_("{name} was left: {who} changed {what} since."), _("{name} would be left: {who} changed {what} since.")),
        "here": (_("{name} was left: {what} changed here since."), _("{name} would be left: {what} changed here since.")),
        "elsewhere": (_("{name} was left: {what} changed on another laptop since."),
                      _("{name} would be left: {what} changed on another laptop since.")),
        "who_listed": (_("{name} was left: {who} {did} since."), _("{name} would be left: {who} {did} since.")),
        "here_listed": (_("{name} was left: {done} here since."), _("{name} would be left: {done} here since.")),
        "elsewhere_listed": (_("{name} was left: {done} on another laptop since."), _("{name} would be left: {done} on another laptop since.")),
    }[_how(one)]
    did, done = _listed(one.table, removed=removed)
    return (would_be if ahead else left).format(name=name, who=one.who, what=_what_of(one), did=did, done=done)


def _how(one: Left) -> str:
    if one.why == "erased" and one.fields:
        return "came_along"
    if one.why in ("in_use", "closed", "erased", "off", "then"):
        return one.why
    return f"{'who' if one.who else 'here' if one.here else 'elsewhere'}{'_listed' if one.fields[:1] == ('gone',) else ''}"


def _listed(table: str, *, removed: bool) -> tuple[str, str]:
    """What somebody did who removed a row or brought it back, and what was done to it."""
    took, back = {
        "person": ((_("removed them"), _("removed")), (_("brought them back"), _("brought back"))),
        "registration": ((_("took them off the list"), _("taken off the list")), (_("put them back on the list"), _("put back on the list"))),
        "education": ((_("removed the degree"), _("the degree removed")), (_("brought the degree back"), _("the degree brought back"))),
    }.get(table, ((_("removed it"), _("removed")), (_("brought it back"), _("brought back"))))
    return took if removed else back


def _what_of(one: Left) -> str:
    words = dict.fromkeys(in_sentence(one.table, field) for field in one.fields if field != "gone")  # of which "changed" says nothing
    return ", ".join([_("the {field}").format(field=word) for word in words][:3])
