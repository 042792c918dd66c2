"""Whether everything in a desk's database is as it should be: pages, references, search index, waiting operations, what they show."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import sqlalchemy as sa

from alumni_desk.store import driver, fates, search, tampering
from alumni_desk.store.backup import MEMBERS
from alumni_desk.store.connecting import connect
from alumni_desk.store.desk import Desk, wanted_triggers
from alumni_desk.store.erasing import rows_erased
from alumni_desk.store.outbox import is_alone
from alumni_desk.store.tables import CARD_MOVED, FULL_TEXT
from alumni_desk.store.troubles import part_damaged, store_problem
from alumni_desk.words import _, ngettext, number

REFERENCES = (
    ("education", "person", "person"), ("registration", "gathering", "gathering"), ("registration", "person", "person"),
    ("registration", "host", "registration"), ("fact", "gathering", "gathering"), ("fact", "registration", "registration"),
    ("fact", "person", "person"), ("person", "household", "household"), ("person", "merged_into", "person"),
)


@dataclass(frozen=True)
class Findings:
    """What a check found. ``ok`` is false if anything is wrong that a user should act on."""

    pages: int  # pages or structures that are not as they were written
    search: int  # people whom the search would not find, or find wrongly
    operations: int  # operations or kept bases that fit no row
    views: int = 0  # rows that do not show what waits over them
    missing: dict[str, int] = field(default_factory=dict)  # "table.column" -> rows that name something absent; a fact may come before its row
    counts: dict[str, int] = field(default_factory=dict)
    beside: tuple[str, ...] = ()  # of "mark" and "outbox" those files beside the database that were damaged
    gone: tuple[str, ...] = ()  # of the same those that were not there
    mended: bool = True  # and all of them were written anew from the database
    absent: tuple[str, ...] = ()  # tables, "table.column", indexes and triggers that the database should have; then the rest was not looked at
    lost: int = 0  # rows that hold what was written here, though the operation that says so is gone
    actions: int = 0  # actions that are not in the list of them, or of which nothing but that is left
    changed: int = 0  # rows that hold what nobody wrote to them by this program
    remade: tuple[str, ...] = ()  # triggers that were not there when the desk was opened, and were made anew
    alone: bool = False  # this desk has no server, which advice goes by

    @property
    def ok(self) -> bool:
        """Nothing is damaged; rows that name something absent may only be early."""
        return not (self.pages or self.search or self.operations or self.views or self.absent or self.lost or self.actions or self.changed) and self.mended


def verify(desk: Desk) -> Findings:
    """Check the whole database, and the files beside it. Changes nothing in it; reads every page. Where pages are damaged, or a table, index or
    trigger is not there, the rest is not looked at.

    The files beside it are written anew where they are damaged or gone, if it is whole. What another program took out or wrote is found where the rest
    tells of it. It cannot be known of what others wrote and the server has (a row of theirs, a value, how it was before, the base under what waits), for
    nothing here but itself says so; nor that a row of one's own is gone which the server has, but for facts: it may have been removed for good; nor that an
    operation is gone which the server has and the copy of what waits has no more; nor that a value is another one than its operation says, if the server
    has that and it is none of the newest (``tampering.COMPARED``); nor of what was taken out of all places.
    """
    pages = _damaged_pages(desk)
    if pages:
        return Findings(pages, 0, 0)
    absent = _absent(desk)
    if absent:
        return Findings(0, 0, 0, absent=absent)
    torn, copy = desk.outbox.look()  # before the database: whatever stands in it was saved
    found = _look_inside(desk, copy)
    beside = tuple(name for name, damaged in (("mark", desk.mark_is_damaged()), ("outbox", torn)) if damaged)
    gone = tuple(name for name, missing in (("mark", desk.mark_is_gone()), ("outbox", _outbox_is_gone(desk))) if missing)
    return replace(found, beside=beside, gone=gone, mended=found.ok and _mended(desk, (*beside, *gone))) if beside or gone else found


def _mended(desk: Desk, beside: Sequence[str]) -> bool:
    from alumni_desk.store import backup

    if "mark" in beside:
        desk.mend_mark()
    if "outbox" in beside:
        backup.trim_outbox(desk)
    return not (desk.mark_is_damaged() or desk.mark_is_gone() or desk.outbox.look()[0] or _outbox_is_gone(desk))


def _outbox_is_gone(desk: Desk) -> bool:
    """Whether there is no copy of what waits, though something does, or though it should say what this laptop is to the server."""
    if desk.outbox.file.exists():
        return False
    with desk.reading() as connection:
        return not is_alone(connection) or connection.exec_driver_sql(
            "SELECT 1 FROM waiting WHERE queue <> 'peer' LIMIT 1").first() is not None


def _absent(desk: Desk) -> tuple[str, ...]:
    """What the schema has and the database has not: somebody took it out with other programs, or a repair of the file did."""
    wanted = {FULL_TEXT, fates.VIEW, *wanted_triggers(desk.metadata, desk.schema)}
    for table in desk.tables.values():
        wanted.update([table.name, *(str(index.name) for index in table.indexes)])
        wanted.update(f"{table.name}.{column.name}" for column in table.columns)
    with desk.reading() as connection:
        there = set(connection.exec_driver_sql("SELECT name FROM sqlite_master UNION ALL SELECT m.name || '.' || c.name"
                                               " FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table'").scalars())
        guards = {row.name: row.sql for row in connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")}
        there -= {name for name, sql in wanted_triggers(desk.metadata, desk.schema).items() if guards.get(name) != sql}
        there -= {name for name in _ALWAYS_ONE & there if _is_bare(connection, name)}
        if "scope" in there and _is_bare(connection, "scope") and not all(
                _is_bare(connection, name) for name in (*_synced(desk), "operation", "action") if name in there):
            there.remove("scope")
    absent = wanted - there
    return tuple(sorted(one for one in absent if one.partition(".")[0] not in absent or "." not in one))


_ALWAYS_ONE = frozenset({"capture", "capture_rest"})
"""Tables that never lack their row: without it nothing could be saved. The scope has one as soon as there is anything, or a second chapter would begin."""


def _is_bare(connection: sa.Connection, table: str) -> bool:
    return connection.exec_driver_sql(f'SELECT 1 FROM "{table}" LIMIT 1').first() is None


def _synced(desk: Desk) -> list[str]:
    return [name for name, table in desk.tables.items() if table.info.get("synced")]


def _look_inside(desk: Desk, copy: Sequence[tuple[str, str, str, str]]) -> Findings:
    synced = _synced(desk)
    with desk.reading() as connection:  # long, and keeps nobody from writing
        wrong = search.differences(connection)
        known = ", ".join(f"'{name}'" for name in synced)
        loose = int(connection.exec_driver_sql(
            f"SELECT (SELECT count(*) FROM operation WHERE table_name NOT IN ({known}) OR NOT json_valid(fields) OR NOT json_valid(before))"
            " + (SELECT count(*) FROM operation_now WHERE fate IS NULL)"
            " + (SELECT count(*) FROM (SELECT operation FROM waiting UNION ALL SELECT operation FROM accepted UNION ALL SELECT operation FROM refused)"
            " WHERE operation NOT IN (SELECT rowid FROM operation))"
            " + (SELECT count(*) FROM shadow AS s WHERE NOT EXISTS (SELECT 1 FROM operation AS o INDEXED BY operation_row WHERE o.table_name = s.table_name"
            f" AND o.row_id = s.row_id AND {fates.WAITS}))").scalar() or 0)
        for name in synced:
            loose += int(connection.exec_driver_sql(
                f"SELECT count(*) {fates.FROM_WAITING} WHERE o.table_name = '{name}'"
                f' AND NOT EXISTS (SELECT 1 FROM "{name}" AS t WHERE t.id = o.row_id)').scalar() or 0)
        missing = {}
        for table, column, target in REFERENCES:
            count = int(connection.exec_driver_sql(
                f'SELECT count(*) FROM "{table}" AS t WHERE t."{column}" IS NOT NULL AND NOT t.gone'
                f' AND NOT EXISTS (SELECT 1 FROM "{target}" AS o WHERE o.id = t."{column}")').scalar() or 0)
            if count:
                missing[f"{table}.{column}"] = count
        counts = {name: int(connection.exec_driver_sql(f'SELECT count(*) FROM "{name}" WHERE NOT gone').scalar() or 0) for name in synced}
        counts["members"] = int(connection.exec_driver_sql(f"SELECT count(*) FROM {MEMBERS}").scalar() or 0)
        counts["waiting"] = int(connection.exec_driver_sql("SELECT count(*) FROM waiting WHERE queue <> 'peer'").scalar() or 0)
        erased = rows_erased(connection)
        hidden = {name: _hidden(connection, desk.tables[name], {row_id for table, row_id in erased if table == name})
                  for name in synced if desk.tables[name].info["kind"] == "put"}
        views = sum(count for count, _lost in hidden.values())
        alone = is_alone(connection)
        told = tampering.look(connection, desk.tables, copy, {(name, row_id) for name, (_count, ids) in hidden.items() for row_id in ids})
    with desk.checking() as connection:  # SQLite counts this as writing
        wrong += not search.is_whole(connection)
    return Findings(0, wrong, loose + told.rowless, views, missing, counts, lost=len(told.lost), actions=told.actions, changed=told.changed,
                    remade=desk.remade, alone=alone)


def _damaged_pages(desk: Desk) -> int:
    import sqlcipher3.dbapi2 as sqlcipher

    try:
        with contextlib.closing(desk.raw()) as raw:
            count: int = len(raw.execute("PRAGMA cipher_integrity_check").fetchall())
            if count:
                # It reads the file past the log: a page that a full disk or a kill left half written there, and that is whole in the log, is not damaged.
                raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
                count = len(raw.execute("PRAGMA cipher_integrity_check").fetchall())
            count += sum(row[0] != "ok" for row in raw.execute("PRAGMA integrity_check"))
            count += len(raw.execute("PRAGMA foreign_key_check").fetchall())
            return count
    except sqlcipher.DatabaseError as error:
        known = store_problem(str(error))
        if known is None or known.code != "database_damaged":
            raise
        return 1


def look_at_pages(desk: Desk, *, cancelled: Callable[[], bool] = lambda: False) -> None:
    """Read every page that holds anything, as it is on the disk, on a connection of its own. Ends early once ``cancelled`` says so.

    Raises StoreProblem ``part_damaged``, or what the disk does.
    """
    import sqlcipher3.dbapi2 as sqlcipher

    try:
        with contextlib.closing(connect(desk.profile.database, desk.key, cache=_LITTLE_CACHE)) as raw:
            raw.execute("PRAGMA query_only = ON")
            raw.set_progress_handler(cancelled, _STEPS)
            # Unlike the check of the whole file it can be ended, and sees one moment: nobody writes a page while it is read.
            whole = raw.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok"
    except sqlcipher.DatabaseError as error:
        if cancelled():
            return
        known = store_problem(str(error), desk.profile.path)
        if known is None:
            raise
        raise (part_damaged() if known.code == "database_damaged" else known) from None
    if not whole:
        raise part_damaged()


_LITTLE_CACHE = 2_048
_STEPS = 1_000
"""So often it is asked whether somebody waits for the end: after some twenty pages, which a slow disk takes half a second for."""


def _hidden(connection: sa.Connection, table: sa.Table, erased: Set[str] = frozenset()) -> tuple[int, set[str]]:
    """How many rows of a table show something else than what their last waiting operations say: one's own write stays visible. And those rows of them that
    say a clock under which none of these operations is. ``erased``: rows of people whom a restore left erased, whatever was said of them before."""
    said: dict[str, dict[str, Any]] = {}
    under: dict[str, str] = {}
    for row in connection.exec_driver_sql(
            f"SELECT o.row_id, o.fields, o.clock {fates.FROM_WAITING} WHERE o.table_name = ? AND o.event <> ?"
            # By the row: SQLite would look through all that waits for each.
            " AND NOT EXISTS (SELECT 1 FROM operation AS p INDEXED BY operation_row"
            " WHERE p.table_name = o.table_name AND p.row_id = o.row_id AND p.queue = 'peer' AND +p.rowid IN (SELECT operation FROM waiting)) ORDER BY o.rowid",
            (table.name, CARD_MOVED)):
        row_id, fields, clock = row
        if row_id in said:
            said[row_id].update(msgspec.json.decode(fields))
            under[row_id] += clock
        else:
            said[row_id], under[row_id] = msgspec.json.decode(fields), clock
    hidden, lost = 0, set()
    ids, names = list(said), [column.name for column in table.columns]
    columns = ", ".join(f'"{name}"' for name in names)
    for start in range(0, len(ids), 5_000):
        part = msgspec.json.encode(ids[start:start + 5_000]).decode()
        for row in driver.rows(connection, f'SELECT {columns} FROM "{table.name}" WHERE id IN (SELECT value FROM json_each(?))', (part,)):
            shown = dict(zip(names, row, strict=True))
            row_id = shown["id"]
            hidden += row_id not in erased and any(shown[name] != value for name, value in said[row_id].items() if name in shown)
            if not tampering.is_under(under[row_id], shown["clock"], shown["clocks"]):
                lost.add(row_id)
    return hidden, lost


def rebuild_search(desk: Desk) -> int:
    """Make the search index anew. Returns how many people are in it."""
    with desk.applying() as applying:
        return search.rebuild(applying.connection)


_NAMED = 3


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")


def found_words(found: Findings) -> str:
    """What a check found, a sentence a line."""
    def counted(one: str, many: str, n: int) -> str:
        return ngettext(one, many, n).format(n=number(n))

    if found.ok:
        lines = [_("Everything is as it should be: {members}, {gatherings}, {facts}.").format(
            members=counted("{n} member", "{n} members", found.counts["members"]),
            gatherings=counted("{n} gathering", "{n} gatherings", found.counts["gathering"]),
            facts=counted("{n} fact of the door", "{n} facts of the door", found.counts["fact"]))]
    else:
        lines = []
        if found.pages:
            lines.append(counted("{n} part of the file is damaged. Restore a backup; leave the file where it is.",
                                 "{n} parts of the file are damaged. Restore a backup; leave the file where it is.", found.pages))
        if found.absent:
            lines.append(ngettext(
                "{n} part of the database is missing ({names}), so the rest was not checked. Restore a backup; leave the file where it is.",
                "{n} parts of the database are missing ({names}), so the rest was not checked. Restore a backup; leave the file where it is.",
                len(found.absent)).format(n=number(len(found.absent)), names=_some(found.absent)))
        if found.search:
            lines.append(counted("The search would miss {n} person. Mend it with verify --rebuild-search.",
                                 "The search would miss {n} people. Mend it with verify --rebuild-search.", found.search))
        if found.operations and found.alone:
            lines.append(counted("{n} change fits no row. Restore a backup if anything is missing, or leave it so.",
                                 "{n} changes fit no row. Restore a backup if anything is missing, or leave them so.", found.operations))
        elif found.operations:
            lines.append(counted("{n} change fits no row. Back up, and tell whoever runs the server.",
                                 "{n} changes fit no row. Back up, and tell whoever runs the server.", found.operations))
        if found.views and found.alone:
            lines.append(counted("{n} row does not show the last change that was made to it here. Restore a backup, or leave it so.",
                                 "{n} rows do not show the last change that was made to them here. Restore a backup, or leave them so.", found.views))
        elif found.views:
            lines.append(counted("{n} row does not show the last change that was made to it here. Sync, and check again.",
                                 "{n} rows do not show the last change that was made to them here. Sync, and check again.", found.views))
        if found.lost:
            lines.append(counted("{n} row holds what was written here, but the change that says so was taken out of the database: it can neither be sent nor "
                                 "be undone. Restore a backup, or write it anew.",
                                 "{n} rows hold what was written here, but the changes that say so were taken out of the database: they can neither be sent "
                                 "nor be undone. Restore a backup, or write them anew.", found.lost))
        if found.actions:
            lines.append(counted("{n} thing that was done here is not whole in Activity any more, and cannot be undone. Restore a backup if it should be.",
                                 "{n} things that were done here are not whole in Activity any more, and cannot be undone. Restore a backup if they should be.",
                                 found.actions))
        if found.changed:
            lines.append(counted("{n} row holds something that nobody wrote to it here: another program changed it. Restore a backup, or write it anew.",
                                 "{n} rows hold something that nobody wrote to them here: another program changed them. Restore a backup, or write them anew.",
                                 found.changed))
    lines += [_beside_words(name, found.mended) for name in found.beside]
    lines += [_gone_words(name, found.mended) for name in found.gone]
    if found.remade:
        lines.append(ngettext(
            "{n} guard of the database ({names}) was missing and was made anew: what another program wrote without it is in no history.",
            "{n} guards of the database ({names}) were missing and were made anew: what another program wrote without them is in no history.",
            len(found.remade)).format(n=number(len(found.remade)), names=_some(found.remade)))
    lines += [ngettext("{n} row names something in {what} that is not here (yet).", "{n} rows name something in {what} that is not here (yet).",
                       count).format(n=number(count), what=name)
              for name, count in found.missing.items()]
    return "\n".join(lines)


def _gone_words(name: str, mended: bool) -> str:
    """That a file beside the database is not there, and what brings it back."""
    if name == "mark":
        return _("The mark of the last commit (desk.mark) was missing and has been made anew.") if mended else _(
            "The mark of the last commit (desk.mark) is missing. It is made anew with the next change that is saved, or by verify once the rest is mended.")
    return _("The copy of what waits (desk.outbox) was missing and has been made anew from the database.") if mended else _(
        "The copy of what waits (desk.outbox) is missing, and could not be made anew yet: look at the disk, and check again once the rest is mended.")


def _beside_words(name: str, mended: bool) -> str:
    """That a file beside the database is damaged, and what heals it."""
    if name == "mark":
        return _("The mark of the last commit (desk.mark) was damaged and has been written anew.") if mended else _(
            "The mark of the last commit (desk.mark) is damaged. It is written anew with the next change that is saved, or by verify once the rest is mended.")
    return _("The copy of what waits (desk.outbox) was damaged and has been written anew from the database.") if mended else _(
        "The copy of what waits (desk.outbox) is damaged, and could not be written anew yet: look at the disk, and check again once the rest is mended.")
