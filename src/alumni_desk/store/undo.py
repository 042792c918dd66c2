"""Undo and redo of whole actions: a value goes back only where nobody has changed it since, and what was left is named.

An action, its undo, the redo of that, the undo of the redo … are a chain, each taking the one before back. What stands of an action is what it or a
redo wrote and no undo took back since, field by field; "since" is since the chain wrote it.

Undo of an action is an action itself (compare-and-set over the fields' clocks), so it travels like any other. A field that was
changed and changed back counts as unchanged: the clock of a value that was put back stands for the clock that it had before.
A fact is taken back by a newer fact, which its table's ``takes_back`` makes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from alumni_desk.errors import NotFound, Refused
from alumni_desk.protocol.clocks import unpack
from alumni_desk.store import driver, fates
from alumni_desk.store.desk import Desk
from alumni_desk.store.done import DAYS, GONE_BACK, NEVER, Done, Young, lapsed, why_not
from alumni_desk.store.history import authors_of
from alumni_desk.store.synced import clock_key
from alumni_desk.store.tables import CARRIED
from alumni_desk.store.writing import TRANSACTION, Changed, Writing
from alumni_desk.words import _

if TYPE_CHECKING:
    import sqlalchemy as sa

_json = msgspec.json.Decoder(dict[str, Any])
DECIDED = "conflict_decided"
"""The event of a decision between two values."""
MOST_LOOKED = 50
"""Of actions of more rows the list does not look whether anything would be put back."""


@dataclass(frozen=True, slots=True)
class Left:
    """A row, or fields of it, that was left as it is: ``changed`` since by somebody, or ``in_use`` by something newer, or ``closed`` (a fact), or of
    somebody who was ``erased`` (with ``fields``: what stood in those may have been); or that nobody would see, because it was taken ``off`` the list.
    ``then``: an undo left it, for what is no more."""

    table: str
    row: str
    why: str
    fields: tuple[str, ...] = ()  # "gone" is first where the newest change removed it or brought it back
    who: str | None = None  # who changed it, or on which laptop; None: nobody knows
    here: bool = True  # changed at this desk


@dataclass(frozen=True)
class Undone:
    """What an undo or redo did. ``of`` is the action somebody meant; ``by`` the action that took it back."""

    of: str
    event: str
    by: str
    count: int  # rows
    left: tuple[Left, ...] = ()
    changed: Changed = field(default_factory=Changed)


def undo(desk: Desk, action: str | None = None, *, but: Collection[str] = (), passing: Collection[str] = ()) -> Undone:
    """Take an action back; without an id the newest one that can be, leaving events in ``but`` and the actions in ``passing`` alone.

    Raises NotFound, Refused ``nothing_to_undo``, ``went_back``, ``undone_already``, ``too_old``, ``stands``, and ``all_changed_since``, ``off_the_list``,
    ``erased_since`` or ``went_for_good`` (with the facts ``action`` and ``left``; ``went_back`` with ``action``, and ``kept``, the file with what was
    here before, empty where nothing was; how to go on is for the window and the command to say).
    """
    with desk.reading() as connection:
        row = _wanted(connection, action) if action is not None else _newest(desk, connection, but, passing, undone=False)
        if row is None:
            raise Refused("nothing_to_undo", _("There is nothing to undo."))
        if action is None:
            _refuse_behind_a_restore(connection, row, passing)
        if row.undone_by is not None:
            raise Refused("undone_already", _("This was undone already."))
        _refuse(desk, connection, row)
        chain = _chain(_links(connection), row.id)
    return _turn(desk, row, chain, "undone")


def _refuse_behind_a_restore(connection: sa.Connection, row: sa.Row[Any], passing: Collection[str]) -> None:
    """Whoever regrets that they went back to a backup, and presses Undo, does not want to lose one thing more. Where a database was put right with what was
    left of it, all that was done is there still."""
    from alumni_desk.store.backup_head import ENDING
    from alumni_desk.store.gone_back import told

    back = driver.row(connection, "SELECT id FROM action WHERE event = ? AND rowid > ? ORDER BY rowid DESC LIMIT 1", (GONE_BACK, row.rowid))
    known = told(connection).get(back[0]) if back is not None and back[0] not in passing else None
    if back is None or known is None:
        return
    if known.kept.endswith(ENDING):
        raise Refused("went_back", _("What came last was going back to a backup, which Undo does not take back."), action=back[0], kept=known.kept)
    if known.onto_nothing:
        raise Refused("went_back", _("What came last was restoring a backup, which Undo does not take back."), action=back[0], kept="")


def redo(desk: Desk, action: str | None = None, *, but: Collection[str] = (), passing: Collection[str] = ()) -> Undone:
    """Do again what was undone; without an id what was undone last, if nothing else was done since, leaving events in ``but`` and the actions in
    ``passing`` alone.

    Raises NotFound, Refused ``nothing_to_redo``, ``not_undone``, ``too_old``, ``all_changed_since``, ``off_the_list``, ``erased_since`` or ``went_for_good``.
    """
    with desk.reading() as connection:
        row = _wanted(connection, action) if action is not None else _newest(desk, connection, but, passing, undone=True)
        if row is None:
            raise Refused("nothing_to_redo", _("There is nothing to redo."))
        if row.undone_by is None:
            raise Refused("not_undone", _("This was not undone, so it cannot be done again."))
        _refuse(desk, connection, row)
        chain = _chain(_links(connection), row.id)
        # Where one was passed over, what stood on it may come next: it may be of somebody who is off the list still.
        goes, left = _outlook(desk, connection, chain, _json.decode(row.counts), again=True) if action or passing else (True, [])
        if not goes and any(one.why == "off" for one in left):
            raise _off_the_list(left, row.id) if why_stays(left) == "off" else _all_changed(left, row.id)
    return _turn(desk, row, chain, "redone")


def redo_saves(desk: Desk, action: str | None = None, *, but: Collection[str] = (), passing: Collection[str] = ()) -> bool:
    """Whether ``redo`` would write into somebody's entry, other than to take them off the list or to decide between two values, which saves nobody; for an
    action that stands, what redo means without it."""
    with desk.reading() as connection:
        row = _wanted(connection, action) if action else None
        if row is None or row.undone_by is None:
            row = _newest(desk, connection, but, passing, undone=True)
        return row is not None and row.event != DECIDED and connection.exec_driver_sql(
            "SELECT 1 FROM operation INDEXED BY operation_action WHERE action = ? AND table_name = 'person' AND json_extract(fields, '$.gone') IS NOT 1"
            " LIMIT 1", (row.id,)).first() is not None


def put_back(writing: Writing, action: str) -> int:
    """Put the values back that an action wrote, where nobody has changed them since, as a part of another action that is under way: the action itself counts as
    done still. Returns how many rows that were."""
    row = _wanted(writing.connection, action)
    return _take_back(writing, _chain(_links(writing.connection), row.id), _json.decode(row.counts))[0]


def changed_since(desk: Desk, action: str) -> list[Left]:
    """What undoing an action (or redoing one that was undone) would leave, because somebody changed it or stands on it since."""
    return ahead(desk, action)[1]


def left_by_undo(desk: Desk, action: str) -> list[Left]:
    """What the undo of an action left, and why that stays: the rows in which something of it stands still. Nothing of an action that is not undone, and of
    facts nothing, of which each is taken back or not by itself."""
    with desk.reading() as connection:
        row = _wanted(connection, action)
        if row.undone_by is None:
            return []
        *chain, undoing = _chain(_links(connection), row.id)
        found, stayed = [], set[str]()
        for table in _in_order(desk.tables, connection, chain):
            if table.info["kind"] == "fact":
                continue
            keys = {column.name: clock_key(column) for column in table.columns}
            back = {row_id: {keys[name] for name in _json.decode(fields)} for row_id, fields in driver.rows(
                connection, "SELECT row_id, fields FROM operation INDEXED BY operation_action WHERE action = ? AND table_name = ?", (undoing, table.name))}
            for batch in _batches(connection, table, chain):
                found += _left_of(connection, table, batch, back, stayed)
    return found


def _left_of(connection: sa.Connection, table: sa.Table, batch: Mapping[str, _Row], back: Mapping[str, Collection[str]], stayed: set[str]) -> list[Left]:
    """Of some rows of an action that was undone those that were left. ``back``: the clock keys that the undo wrote; ``stayed`` as in ``_plans``."""
    from alumni_desk.store.erasing import erased_of

    rows = {row_id: row for row_id, row in batch.items()
            if (row_id not in back if row.inserted else row.last_clocks.keys() - set(back.get(row_id, ())))}
    erased = set(erased_of(connection, list(rows))) if table.name == "person" else set()
    in_use = _in_use(connection, table, rows, ()) - back.keys()
    stayed.update(row_id for row_id in rows if rows[row_id].inserted)
    parts = _parts_of(connection, table, rows, stayed)
    found = []
    for row_id, row in rows.items():
        if row_id in parts or row_id in erased:
            continue
        kept = [key for key in _values_back(connection, table, row_id, row)[1] if key not in back.get(row_id, ())]
        lost = [] if row_id in in_use else _lost(table, row_id, row, [*kept, *back.get(row_id, ())])
        found += lost if lost and not kept else [Left(table.name, row_id, "in_use") if row_id in in_use else
                                                 _named(connection, table, row_id, row, kept) if kept else Left(table.name, row_id, "then")]
    return found


def _off_the_list(left: Collection[Left], action: str) -> Refused:
    return Refused("off_the_list", _("What this is about was taken off the list since, so nothing was put back. Bring it back first, by undoing or redoing "
                                     "that."), left=tuple(left), action=action)


def _all_changed(left: Collection[Left], action: str) -> Refused:
    return Refused("all_changed_since", _("Everything of this was changed or is in use since, so nothing was put back."), left=tuple(left), action=action)


def ahead(desk: Desk, action: str) -> tuple[bool, list[Left]]:
    """Whether undoing an action (or redoing one that was undone) would put anything back, and what it would leave."""
    with desk.reading() as connection:
        row = _wanted(connection, action)
        return _outlook(desk, connection, _chain(_links(connection), row.id), _json.decode(row.counts), again=row.undone_by is not None)


def redoable(desk: Desk, *, but: Collection[str] = (), passing: Collection[str] = (), most: int = MOST_LOOKED) -> bool:
    """Whether redo without an id, asked for again and again, would bring anything back; of more than ``most`` rows it is not looked at, but believed."""
    with desk.reading() as connection:
        links, passed = _links(connection), set(passing)
        while (row := _newest(desk, connection, but, passed, undone=True)) is not None:
            counts = _json.decode(row.counts)
            if sum(counts.values()) > most or _outlook(desk, connection, _chain(links, row.id), counts, again=True)[0]:
                return True
            passed.add(row.id)
    return False


def why_stays(left: Collection[Left]) -> str:
    """Why nothing of an action would be put back: ``erased``, ``off`` or ``changed`` (``stay_changed`` also says ``lapsed``)."""
    whys = {one.why for one in left} or {"erased"}  # nothing is left of what was about somebody who was erased
    return whys.pop() if len(whys) == 1 and whys <= {"erased", "off"} else "changed"


def stay_changed(desk: Desk, done: Sequence[Done], most: int = MOST_LOOKED) -> dict[str, str]:
    """Those of these actions that an undo (or a redo of what was undone) would leave as a whole, and why, as ``why_stays`` says; larger ones than ``most``
    rows, and those at a door, are not looked at."""
    wanted = [one for one in done if one.state != "never" and one.reason is None and sum(one.counts.values()) <= most]
    found = {}
    with desk.reading() as connection:
        links, went = _links(connection), lapsed(connection, [one.id for one in wanted])
        for one in wanted:
            if one.id in went:
                found[one.id] = "lapsed"
                continue
            if any(desk.tables[name].info["kind"] != "put" for name in one.counts):
                continue
            goes, left = _outlook(desk, connection, _chain(links, one.id), one.counts, again=one.state == "undone")
            if not goes and (left or one.state == "undone"):
                found[one.id] = why_stays(left)
    return found


def _outlook(desk: Desk, connection: sa.Connection, chain: Sequence[str], counts: Mapping[str, int], *, again: bool) -> tuple[bool, list[Left]]:
    """``again``: it would be done again. What is written then into what nobody sees does not count: that comes back by another line of the list."""
    goes, found, stayed, leaving = False, [], set[str](), set[str]()
    if erased := _ties_erased(connection, chain):
        return False, [Left("person", one, "erased") for one in erased]
    gathering = None if "gathering" not in desk.tables or "gathering" in counts else driver.row(
        connection, "SELECT g.id FROM action AS a JOIN gathering AS g ON g.id = a.gathering WHERE a.id = ? AND g.gone", (chain[0],))
    if again and gathering is not None:
        return False, [Left("gathering", gathering[0], "off")]
    for table in _in_order(desk.tables, connection, chain):
        if table.info["kind"] == "fact":
            goes = True
            leaving |= _facts_leaving(desk, connection, table, chain[-1])
        elif goes or _counts(table, counts):
            for rows, left in _plans(connection, table, chain, stayed, leaving):
                leaving.update(values[-1] for names, written in rows.items() if "gone" in names for values in written if values[names.index("gone")])
                if gone := _merges_into_gone(connection, rows):
                    return False, [Left("person", one, "off") for one in sorted(gone)]
                off = _off_of(connection, table, rows) if again and not goes else []
                goes = goes or len(off) < sum(map(len, rows.values()))
                found += left if goes else [*left, *(Left(table.name, row_id, "off") for row_id in off)]
    return goes, found


def _facts_leaving(desk: Desk, connection: sa.Connection, table: sa.Table, target: str) -> set[str]:
    """Those of an action's facts that would be taken back: not those that something closed since."""
    import sqlalchemy as sa

    wrote = driver.rows(connection, "SELECT row_id FROM operation INDEXED BY operation_action WHERE action = ? AND table_name = ? LIMIT ?",
                        (target, table.name, TRANSACTION))
    rows = [dict(row) for row in connection.execute(sa.select(table).where(table.c.id.in_([one for (one,) in wrote]))).mappings()]
    try:
        _newer, late = table.info["takes_back"](connection, table, rows, _moment(desk.now()))
    except Refused:  # a door that may not is told when it tries
        return set()
    return {row["id"] for row in rows} - set(late)


def _off_of(connection: sa.Connection, table: sa.Table, rows: Mapping[tuple[str, ...], Sequence[tuple[Any, ...]]]) -> list[str]:
    """Those of the rows to be written that were taken off the list, and would not come back by it; and those that are a part of one that was."""
    if "gone" not in table.columns:
        return []
    ids = [values[-1] for names, written in rows.items() if "gone" not in names for values in written]
    off = driver.rows(connection, f'SELECT id FROM "{table.name}" WHERE gone AND id IN (SELECT value FROM json_each(?))', (msgspec.json.encode(ids).decode(),))
    whole = table.info["part_of"]
    if whole is not None:  # the column is called as the table is
        ids = [values[-1] for written in rows.values() for values in written]
        off += driver.rows(connection, f'SELECT t.id FROM "{table.name}" AS t JOIN "{whole}" AS w ON w.id = t."{whole}" WHERE w.gone'
                                       " AND t.id IN (SELECT value FROM json_each(?))", (msgspec.json.encode(ids).decode(),))
    return list(dict.fromkeys(row_id for (row_id,) in off))


def _merges_into_gone(connection: sa.Connection, rows: Mapping[tuple[str, ...], Sequence[tuple[Any, ...]]]) -> set[str]:
    """The entries that were taken off the list and that these rows would make others a part of: refused as a whole, see ``_refuse_wrong_merges``."""
    into = [values[names.index("merged_into")] for names, written in rows.items() if "merged_into" in names for values in written]
    return _gone_of(connection, [one for one in into if one is not None]) if into else set()


def _gone_of(connection: sa.Connection, people: Sequence[str]) -> set[str]:
    return {one for (one,) in driver.rows(connection, "SELECT id FROM person WHERE gone AND id IN (SELECT value FROM json_each(?))",
                                          (msgspec.json.encode(people).decode(),))}


def _counts(table: sa.Table, counts: Mapping[str, int]) -> bool:
    """Whether to take back rows of this table is to undo the action that wrote so many rows of each: not of what only tells of the rest."""
    return not table.info["tells"] or set(counts) <= {table.name}


def rows_of(desk: Desk, action: str, told: int = 50) -> Iterator[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """What an action wrote: table, row, values before, values after. Of what is new beyond the first ``told`` rows no values come: they are only counted."""
    with desk.asking() as connection:
        rows = driver.each(connection, "SELECT table_name, row_id, values_before, fields FROM operation WHERE action = ? ORDER BY rowid", (action,))
        for at, (table, row_id, said_before, said) in enumerate(rows):
            before = _json.decode(said_before)
            yield table, row_id, before, _json.decode(said) if before or at < told else {}


def _wanted(connection: sa.Connection, action: str) -> sa.Row[Any]:
    row = connection.exec_driver_sql("SELECT * FROM action WHERE id = ? AND undoes IS NULL", (action,)).first()
    if row is None:
        raise NotFound("no_such_action", _("There is no such action here. Look at the list again."))
    return row


def _newest(desk: Desk, connection: sa.Connection, but: Collection[str], passing: Collection[str], *, undone: bool) -> sa.Row[Any] | None:
    left_alone = [*NEVER, *but]
    marks = ", ".join("?" * len(left_alone))
    young = Young.at(connection, desk.now())
    passed = msgspec.json.encode(list(passing)).decode()
    if not undone:
        return connection.exec_driver_sql(
            f"SELECT * FROM action WHERE undoes IS NULL AND undone_by IS NULL AND event NOT IN ({marks}) AND (at >= ? OR rowid >= ?)"
            " AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY rowid DESC LIMIT 1", (*left_alone, *young, passed)).first()
    # What was undone last, unless something new was done after it: then Redo has no meaning any more.
    return connection.exec_driver_sql(
        f"SELECT a.* FROM action AS a JOIN action AS u ON u.id = a.undone_by WHERE a.undoes IS NULL AND a.event NOT IN ({marks})"
        " AND (a.at >= ? OR a.rowid >= ?) AND a.id NOT IN (SELECT value FROM json_each(?))"
        " AND NOT EXISTS (SELECT 1 FROM action AS n WHERE n.undoes IS NULL AND n.event <> ? AND n.rowid > u.rowid) ORDER BY u.rowid DESC LIMIT 1",
        (*left_alone, *young, passed, GONE_BACK)).first()


def _links(connection: sa.Connection) -> dict[str, str]:
    """Which action took which back, newest last."""
    return dict(driver.rows(connection, "SELECT undoes, id FROM action WHERE undoes IS NOT NULL ORDER BY rowid"))


def _chain(links: Mapping[str, str], base: str) -> list[str]:
    """An action and all that took it back and brought it back, in order; the last is the one to take back next."""
    chain = [base]
    while (following := links.get(chain[-1])) is not None:
        chain.append(following)
    return chain


def _standing(chain: Sequence[str]) -> list[str]:
    """Those of a chain that wrote what would be taken back now: the last, and every second before it."""
    return list(chain[::-2])


def _tables_of(connection: sa.Connection, chain: Sequence[str]) -> list[str]:
    """The tables that those wrote to, the one that came last first."""
    return list(connection.exec_driver_sql(
        "SELECT table_name FROM operation INDEXED BY operation_action WHERE action IN (SELECT value FROM json_each(?)) GROUP BY 1 ORDER BY max(rowid) DESC",
        (msgspec.json.encode(_standing(chain)).decode(),)).scalars().all())


def _in_order(tables: Mapping[str, sa.Table], connection: sa.Connection, chain: Sequence[str]) -> list[sa.Table]:
    """Those tables as they are to be taken back: what is a part of a row after that row, and last what only tells of the rest."""
    found = [tables[name] for name in _tables_of(connection, chain)]
    return sorted(found, key=lambda table: (table.info["tells"], table.info["part_of"] is not None))


def _refuse(desk: Desk, connection: sa.Connection, row: sa.Row[Any]) -> None:
    why = why_not(row.event, row.at, row.rowid, Young.at(connection, desk.now()))
    if row.event == "person_erased":
        raise Refused("stands", _("Erasing cannot be undone."))
    if row.event == GONE_BACK:
        raise Refused("stands", _("Going back to a backup is not undone here. To go forth again, go back to the backup that was made before it."))
    if why == "stands":
        raise Refused(why, _("This cannot be undone: the chapter stands on it."))
    if why == "too_old":
        raise Refused(why, _("This is more than {days} days ago, so it cannot be undone any more. Change it by hand."), days=DAYS)


def _turn(desk: Desk, row: sa.Row[Any], chain: Sequence[str], event: str) -> Undone:
    """Take the last of a chain back, which flips whether ``row`` (the action somebody sees) is undone."""
    with desk.writing(event, gathering=row.gathering, queue="load" if row.event == "import" else "live", undoes=chain[-1]) as writing:
        state = writing.connection.exec_driver_sql("SELECT undone_by FROM action WHERE id = ?", (row.id,)).scalar()
        if state != row.undone_by:
            raise Refused("changed_meanwhile", _("Somebody undid or redid this a moment ago. Look at it again."))
        count, left = _take_back(writing, chain, _json.decode(row.counts))
        if not count:
            if lapsed(writing.connection, [row.id]):
                raise Refused("went_for_good", _("What this is about went for good {days} days after it was removed, so there is nothing to bring back."),
                              left=tuple(left), action=row.id, days=DAYS)
            if _were_erased(writing, chain) or {one.why for one in left} == {"erased"}:
                raise Refused("erased_since", _("This was about somebody who was erased since, so there is nothing to bring back."), left=tuple(left),
                              action=row.id)
            if left and all(_is_off(writing.connection, one) for one in left):
                raise _off_the_list(left, row.id)
            if not left and driver.row(writing.connection, "SELECT 1 FROM sync_state WHERE key = 'went_back'") is not None:
                raise Refused("not_here_yet", _("Going back to a backup took away what this is about. The next sync brings it back; undo it then."),
                              left=(), action=row.id)
            raise _all_changed(left, row.id)
        if _ties_erased(writing.connection, chain):
            raise Refused("erased_since", _("This was about somebody who was erased since, so there is nothing to bring back."), left=tuple(left),
                          action=row.id)
        _refuse_wrong_merges(writing, row.id)
        writing.connection.exec_driver_sql("UPDATE action SET undone_by = ? WHERE id = ?", (writing.action_id if event == "undone" else None, row.id))
    return Undone(row.id, row.event, writing.action_id, count, tuple(left), writing.changed)


def _were_erased(writing: Writing, chain: Sequence[str]) -> bool:
    """Whether all that a chain wrote was about people who were erased."""
    from alumni_desk.store.erasing import rows_erased

    connection = writing.connection
    wrote = [(table, row_id) for table, row_id in driver.rows(
        connection, "SELECT DISTINCT table_name, row_id FROM operation INDEXED BY operation_action WHERE action IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(_standing(chain)).decode(),)) if not writing.tables[table].info["tells"]]
    erased = rows_erased(connection)
    if wrote:
        return set(wrote) <= erased
    # What has nothing left was about somebody who was erased; or who moved, where anybody has.
    return bool(erased) and driver.row(
        connection, "SELECT 1 FROM sync_state WHERE key = 'away' AND json_array_length(value, '$.rows.person') > 0") is None


def _is_off(connection: sa.Connection, left: Left) -> bool:
    return bool(connection.exec_driver_sql(f'SELECT gone FROM "{left.table}" WHERE id = ?', (left.row,)).scalar())


def _refuse_wrong_merges(writing: Writing, action: str) -> None:
    """What was merged the other way round meanwhile is not merged this way again: nobody is part of themselves. Nor is anybody made part of an entry that
    was removed: they would be on no list any more."""
    merged = driver.rows(
        writing.connection, "SELECT row_id, fields ->> '$.merged_into' FROM operation INDEXED BY operation_action WHERE action = ? AND table_name = 'person'"
                            " AND json_type(fields, '$.merged_into') = 'text'", (writing.action_id,))
    for person, _into in merged:
        circle = writing.connection.exec_driver_sql(
            "WITH RECURSIVE path (id) AS (SELECT merged_into FROM person WHERE id = ?1 UNION SELECT p.merged_into FROM path JOIN person AS p ON p.id = path.id"
            " WHERE p.merged_into IS NOT NULL) SELECT 1 FROM path WHERE id = ?1", (person,)).first()
        if circle is not None:
            raise Refused("merged_already", _("These entries were merged the other way round meanwhile, so they are one already. Nothing needs to be done."))
    if gone := _gone_of(writing.connection, [into for _person, into in merged]):
        raise _off_the_list([Left("person", one, "off") for one in sorted(gone)], action)


def _ties_erased(connection: sa.Connection, chain: Sequence[str]) -> list[str]:
    """Of the entries that a chain makes part of another, or parts, those that were erased since: nobody becomes part of an entry without a name."""
    return [one for (one,) in driver.rows(  # CROSS: in this order, else SQLite may go through all of an import for everybody who was ever erased.
        connection, "SELECT DISTINCT e.id FROM operation AS o INDEXED BY operation_action CROSS JOIN erased AS e ON e.id IN (o.row_id,"
                    " o.fields ->> '$.merged_into', o.values_before ->> '$.merged_into') WHERE o.action = ? AND o.table_name = 'person'"
                    " AND json_type(o.fields, '$.merged_into') IS NOT NULL", (chain[0],))]


def _take_back(writing: Writing, chain: Sequence[str], counts: Mapping[str, int]) -> tuple[int, list[Left]]:
    count, left, stayed = 0, [], set[str]()
    for table in _in_order(writing.tables, writing.connection, chain):
        if not count and not _counts(table, counts):
            continue
        part = _facts_back(writing, table, chain[-1]) if table.info["kind"] == "fact" else _rows_back(writing, table, chain, stayed)
        count += part[0]
        left += part[1]
    return count, left


def _facts_back(writing: Writing, table: sa.Table, target: str) -> tuple[int, list[Left]]:
    import sqlalchemy as sa

    ids = writing.connection.exec_driver_sql(
        f"SELECT row_id FROM operation AS o INDEXED BY operation_action WHERE action = ? AND table_name = ? AND {fates.NOT_REFUSED} ORDER BY rowid",
        (target, table.name)).scalars().all()
    made, left = 0, []
    for start in range(0, len(ids), TRANSACTION // 2):
        part = ids[start:start + TRANSACTION // 2]
        rows = [dict(row) for row in writing.connection.execute(sa.select(table).where(table.c.id.in_(part))).mappings()]
        newer, late = table.info["takes_back"](writing.connection, table, rows, _moment(writing.now))
        writing.add_many(table.name, newer)
        made += len(rows) - len(late)
        left += [Left(table.name, one, "closed") for one in late]
    return made, left


@dataclass(slots=True)
class _Row:
    """What stands of an action in one row, and how the row is now. ``own``: the clocks that its chain wrote; ``went``: where taking it back removes the
    row again, the clock of the removal that it had taken back; ``gone_since``: where it brings the row back, under which clock that stood there before it
    was removed; ``removed``: the clock of a removal by somebody else since, which says the same as the chain's own; ``forgotten``: the clock keys of which
    it is not known any more what stood there; ``emptied``: under which clock something stood in a field of which an operation says that it was empty."""

    clocks: Mapping[str, str]
    first_values: dict[str, Any] = field(default_factory=dict)
    last_clocks: dict[str, str] = field(default_factory=dict)
    made: bool = False  # the chain put the row there,
    inserted: bool = False  # and it stands
    went: str | None = None
    gone_since: str = ""
    removed: str | None = None
    emptied: dict[str, str] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    own: set[str] = field(default_factory=set)


def _rows_back(writing: Writing, table: sa.Table, chain: Sequence[str], stayed: set[str]) -> tuple[int, list[Left]]:
    count, left = 0, []
    for by_fields, kept in _plans(writing.connection, table, chain, stayed):
        left += kept
        for names, rows in by_fields.items():
            writing.change_many(table.name, names, rows, anew=True)  # what was decided on may have said before what it says now
            count += len(rows)
    return count, left


def _plans(connection: sa.Connection, table: sa.Table, chain: Sequence[str], stayed: set[str],
           leaving: Collection[str] = ()) -> Iterator[tuple[dict[tuple[str, ...], list[tuple[Any, ...]]], list[Left]]]:  # fmt: skip
    """What would be written to take an action back, rows of the same fields together (values, then the id); and what would be left.

    ``stayed``: rows that the chain put there and that stay as a whole, to be added to; what is a part of one stays with it and is not named beside it.
    ``leaving``: rows that go before these, and have not gone yet, as long as it is only looked at what would be written.
    """
    from alumni_desk.store.erasing import erased_of

    for batch in _batches(connection, table, chain):
        by_fields: dict[tuple[str, ...], list[tuple[Any, ...]]] = defaultdict(list)
        erased = set(erased_of(connection, list(batch))) if table.name == "person" else set()  # no undo puts an empty entry of theirs back
        stay = _in_use(connection, table, batch, leaving) | erased
        left = [Left(table.name, row_id, "erased" if row_id in erased else "in_use") for row_id in batch if row_id in stay]
        stayed.update(row_id for row_id in stay if batch[row_id].inserted)
        parts = _parts_of(connection, table, batch, stayed) | _parts_of_erased(connection, table, batch)
        for row_id, row in batch.items():
            if row_id in stay or row_id in parts:
                continue
            values, kept = _values_back(connection, table, row_id, row)
            if values:
                by_fields[tuple(values)].append((*values.values(), row_id))
            if kept:
                left.append(_named(connection, table, row_id, row, kept))
                if row.inserted:
                    stayed.add(row_id)
            left += _lost(table, row_id, row, kept)
        yield by_fields, left


def _parts_of(connection: sa.Connection, table: sa.Table, batch: Mapping[str, _Row], stayed: Collection[str]) -> set[str]:
    """Rows that would go away and that are a part of a row that stays."""
    whole = table.info["part_of"]
    if whole is None or not stayed:
        return set()
    going = [row_id for row_id, row in batch.items() if row.inserted]
    found = driver.rows(connection, f'SELECT id FROM "{table.name}" WHERE id IN (SELECT value FROM json_each(?))'
                                    f' AND "{whole}" IN (SELECT value FROM json_each(?))',
                        (msgspec.json.encode(going).decode(), msgspec.json.encode(list(stayed)).decode()))
    return {row_id for (row_id,) in found}


def _parts_of_erased(connection: sa.Connection, table: sa.Table, batch: Mapping[str, _Row]) -> set[str]:
    """Rows that would come back and that are a part of somebody who was erased, and does not."""
    whole = table.info["part_of"]
    coming = [row_id for row_id, row in batch.items() if "gone" in row.first_values and not row.first_values["gone"]] if whole == "person" else []
    found = driver.rows(connection, f'SELECT t.id FROM "{table.name}" AS t CROSS JOIN erased AS e ON e.id = t."{whole}"'
                                    " WHERE t.id IN (SELECT value FROM json_each(?))", (msgspec.json.encode(coming).decode(),)) if coming else []
    return {row_id for (row_id,) in found}


def _in_use(connection: sa.Connection, table: sa.Table, batch: Mapping[str, _Row], leaving: Collection[str]) -> set[str]:
    """Rows that would go away and that something newer stands on."""
    stays = table.info["stays"]
    going = [row_id for row_id, row in batch.items() if row.inserted or (table.info["audience"] == "row" and row.first_values.get("gone"))]
    found: set[str] = stays(connection, going, leaving) if stays is not None and going else set()
    return found


def _batches(connection: sa.Connection, table: sa.Table, chain: Sequence[str]) -> Iterator[dict[str, _Row]]:
    """The rows in which something of a chain stands, some hundreds at a time, each with what its actions wrote there."""
    standing = _standing(chain)
    ids = connection.exec_driver_sql(
        "SELECT row_id FROM operation AS o INDEXED BY operation_action WHERE action IN (SELECT value FROM json_each(?)) AND table_name = ?"
        f" AND {fates.NOT_REFUSED} GROUP BY row_id ORDER BY min(rowid)", (msgspec.json.encode(standing).decode(), table.name)).scalars().all()
    keys = {column.name: clock_key(column) for column in table.columns}
    all_of_it = "o.action = ?" if len(chain) == 1 else "o.action IN (SELECT value FROM json_each(?))"
    wanted = chain[0] if len(chain) == 1 else msgspec.json.encode(list(chain)).decode()
    wiped = table.name == "person" and driver.row(connection, "SELECT 1 FROM erased LIMIT 1") is not None
    for start in range(0, len(ids), 5_000):
        part = msgspec.json.encode(list(ids[start:start + 5_000])).decode()
        found: dict[str, _Row] = {}
        for row_id, clocks, said, said_before, went, clock, action, decided, clocks_before in driver.rows(
                connection,  # CROSS: in this order, else SQLite begins with all operations of the table.
                "SELECT t.id, t.clocks, o.fields, o.values_before, o.before ->> '$.gone', o.clock, o.action,"
                f" o.event = '{DECIDED}', {'o.before' if wiped else 'NULL'}"
                f' FROM json_each(?) AS j CROSS JOIN "{table.name}" AS t ON t.id = j.value'
                " CROSS JOIN operation AS o INDEXED BY operation_row ON o.table_name = ? AND o.row_id = t.id"
                f" WHERE {all_of_it} AND {fates.NOT_REFUSED} ORDER BY o.rowid",
                (part, table.name, wanted)):
            one = found.get(row_id)
            if one is None:
                one = found[row_id] = _Row(unpack(clocks))
            one.own.add(clock)
            fields = _json.decode(said)
            one.made = one.made or (said_before == "{}" and not fields.get("gone"))
            if action not in standing:  # what it took back does not stand; where it put a row there, that is not to be taken back now
                for name in fields:
                    one.first_values.pop(name, None)
                    one.emptied.pop(name, None)
                    one.last_clocks.pop(keys[name], None)
                if "gone" in fields:
                    one.inserted, one.went = False, None
                continue
            if one.made and chain[0] in standing and not fields.get("gone") and (said_before == "{}" or "gone" in fields):
                one.inserted = True
            if one.inserted:  # it goes away as a whole
                continue
            before = _json.decode(said_before)
            seen = _json.decode(clocks_before) if wiped else {}
            for name in fields:
                if name not in one.first_values and before.get(name) is None and (stood := seen.get(keys[name])) is not None:
                    one.emptied[name] = stood
                one.first_values.setdefault(name, before.get(name))
                one.last_clocks[keys[name]] = clock
            if fields.get("gone"):
                one.gone_since = went or ""
            if "gone" in fields and before.get("gone"):  # whoever decided on a card has seen what was changed after the removal
                one.went = clock if decided else went
        _note_removed(connection, table, found)
        for row_id, one in found.items():
            _note_forgotten(connection, table, row_id, one, keys)
        yield found


def _note_forgotten(connection: sa.Connection, table: sa.Table, row_id: str, row: _Row, keys: Mapping[str, str]) -> None:
    """Where what stood in a field went with somebody who was erased (see ``came_along``), for a merge had brought it: nobody wants it empty. Where what had
    stood before the merge is known, that comes back."""
    for name, clock in row.emptied.items():
        wrote = driver.row(connection, "SELECT fields, before = '{}' FROM operation INDEXED BY operation_row WHERE table_name = ? AND row_id = ? AND clock = ?"
                                       " AND kind = 'put'", (table.name, row_id, clock))
        said = _json.decode(wrote[0]) if wrote is not None else {name: None}
        if name in said or (said and wrote[1]):  # of a row that is new only what is filled is written down
            row.first_values[name] = said.get(name)
        else:
            row.forgotten.add(keys[name])


def _note_removed(connection: sa.Connection, table: sa.Table, found: Mapping[str, _Row]) -> None:
    """Where somebody else removed what the chain removed, too: two wished it, and only one of them takes it back."""
    coming = {row_id: row.gone_since for row_id, row in found.items() if "gone" in row.first_values and not row.first_values["gone"]}
    if not coming:
        return
    for row_id, clock in driver.rows(
            connection, "SELECT p.row_id, p.clock FROM json_each(?) AS j CROSS JOIN past AS p INDEXED BY past_row ON p.table_name = ? AND p.row_id = j.value"
                        " WHERE p.field = 'gone' AND p.value IN ('1', 'true') ORDER BY p.clock",
            (msgspec.json.encode(list(coming)).decode(), table.name)):
        if clock not in found[row_id].own and clock > coming[row_id]:
            found[row_id].removed = clock


def _values_back(connection: sa.Connection, table: sa.Table, row_id: str, row: _Row) -> tuple[dict[str, Any], list[str]]:
    """The values to put back, and the clock keys that somebody has changed since."""
    if row.inserted:
        foreign = _foreign(connection, table, row_id, row, "")
        return ({}, foreign) if foreign else ({"gone": True}, [])
    if row.went is not None and (foreign := _foreign(connection, table, row_id, row, row.went)):
        return {}, foreign
    kept = [key for key, clock in row.last_clocks.items() if (now := row.clocks.get(key)) != clock
            and origin(connection, table.name, row_id, key, now) != origin(connection, table.name, row_id, key, clock)]
    keys = {column.name: clock_key(column) for column in table.columns}
    if row.removed is not None and "gone" not in kept:
        kept.append("gone")
    return {name: value for name, value in row.first_values.items() if keys[name] not in kept and keys[name] not in row.forgotten}, kept


def _lost(table: sa.Table, row_id: str, row: _Row, kept: Collection[str]) -> list[Left]:
    """The fields of a row that are left because nobody knows any more what stood there, as one."""
    lost = set() if row.inserted else row.forgotten.difference(kept)
    return [Left(table.name, row_id, "erased", tuple(column.name for column in table.columns if clock_key(column) in lost))] if lost else []


def _foreign(connection: sa.Connection, table: sa.Table, row_id: str, row: _Row, after: str) -> list[str]:
    """The clock keys of a row that goes away as a whole which somebody changed since: after that clock, and not in the chain itself."""
    if row.own.issuperset(row.clocks.values()):  # of most rows
        return []
    return [key for key, clock in row.clocks.items() if clock not in row.own and clock > after
            and (first := origin(connection, table.name, row_id, key, clock)) is not None and first not in row.own and first > after]


def origin(connection: sa.Connection, table: str, row_id: str, key: str, clock: str | None) -> str | None:
    """The clock that a value stands for: where an undo put it back, the one that it had before what was undone; None if it was empty then."""
    seen: set[str] = set()
    while clock is not None and clock not in seen:
        seen.add(clock)
        found = connection.exec_driver_sql(
            "SELECT (SELECT o.before FROM operation AS o INDEXED BY operation_row WHERE o.table_name = ?1 AND o.row_id = ?2 AND o.action = a.undoes"
            " AND (json_type(o.before, '$.' || json_quote(?4)) IS NOT NULL OR o.before = '{}') ORDER BY o.rowid LIMIT 1)"
            " FROM operation AS p INDEXED BY operation_row JOIN action AS a ON a.id = p.action"
            " WHERE p.table_name = ?1 AND p.row_id = ?2 AND p.clock = ?3 AND a.undoes IS NOT NULL",
            (table, row_id, clock, key)).scalar()
        if found is None:
            return clock
        clock = _json.decode(found).get(key)
    return clock


def _named(connection: sa.Connection, table: sa.Table, row_id: str, row: _Row, kept: Sequence[str]) -> Left:
    newest = max((row.clocks.get(key, "") for key in kept), default="")
    removal = "gone" in kept and newest == row.clocks.get("gone")
    if row.removed is not None and newest in row.own:
        newest = row.removed
    mine = connection.exec_driver_sql(
        "SELECT a.who FROM operation AS o LEFT JOIN action AS a ON a.id = o.action WHERE o.table_name = ? AND o.row_id = ? AND o.clock = ?"
        " AND o.queue <> 'peer' AND o.event NOT IN (?, ?)", (table.name, row_id, newest, *CARRIED)).first()
    who, device = (mine.who, None) if mine else authors_of(connection, [newest.rpartition("-")[2]]).get(newest.rpartition("-")[2], (None, None))
    names = tuple(column.name for column in table.columns if clock_key(column) in kept and column.name not in ("id", "scope", "clock", "clocks"))
    if removal:
        names = ("gone", *(name for name in names if name != "gone"))
    return Left(table.name, row_id, "changed", names, who or device, mine is not None)


def _moment(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"
