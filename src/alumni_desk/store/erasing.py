"""Erasing a person for good: every field declared to be about a person, in rows, operations, history and kept bases; ids stay.

There is no undo. Whom it was done to is kept as ids, in the database and in a small file beside it and beside the backups, so that a backup
made before does not bring anybody back.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from alumni_desk.errors import KnownError, NotFound, Refused, StoreProblem
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.wall_times import local_now
from alumni_desk.store import backup, backup_folders, came_along, cut_off, driver, fates, search
from alumni_desk.store.backup_head import ENDING
from alumni_desk.store.desk import Desk
from alumni_desk.store.disk import chapters_files, disk_problem
from alumni_desk.store.profile import Profile, private
from alumni_desk.store.synced import clock_key
from alumni_desk.store.troubles import translated
from alumni_desk.store.writing import INSERT_OPERATION, TRANSACTION, Changed, Writing
from alumni_desk.words import _, ngettext, number

log = logging.getLogger(__name__)

FILE = "erased.json"
EVENT = "person_erased"
ERASE = '{"command":"erase"}'
"""What an operation says that orders it."""

UNFINISHED = "scrubbing"
"""Under this key of ``sync_state`` stands that pages, copies and backups may still hold what was taken out (``sync.state.Scrubbing``)."""

EMPTIED = ("fields = '{}' AND kind = 'put' AND (before <> '{}' OR EXISTS (SELECT 1 FROM operation AS o INDEXED BY operation_row"
           " WHERE o.table_name = operation.table_name AND o.row_id = operation.row_id AND o.kind = 'put' AND o.fields <> '{}'))")
"""An operation that says nothing any more and is not sent. Facts and rows that are new say that they are there, each once (a walk-in's contact goes up by
itself)."""

STILL_READ, STILL_WRITTEN = IN_USE = "still_read", "database_busy"
"""What the clean-up says while something reads in the database, or writes: it is tried again, and hinders nothing else."""

# Rows that are about a person, by the column that names them; a household is about everybody in it.
_ABOUT = {
    "person": 'SELECT id FROM person WHERE id IN (SELECT value FROM json_each(?))',
    "education": 'SELECT id FROM education WHERE person IN (SELECT value FROM json_each(?))',
    "registration": 'SELECT id FROM registration WHERE person IN (SELECT value FROM json_each(?))',
    "household": 'SELECT household FROM person WHERE household IS NOT NULL AND id IN (SELECT value FROM json_each(?))',
}


@dataclass(frozen=True)
class Erased:
    """Who was erased, the whole merge group of each, and the backups that were deleted or stay."""

    ids: tuple[str, ...]
    backups_deleted: int
    changed: Changed
    unreached: tuple[Path, ...] = ()  # folders with backups that are not there now: done when they are seen again
    unfinished: KnownError | None = None  # why pages, copies and backups are not written anew yet


def erased_words(done: Erased) -> str:
    """What to say of it."""
    said = _("Erased. What others hold goes with the next sync; delete backups that you made by hand and files that you exported yourself.")
    if done.unfinished is not None and done.unfinished.code == STILL_READ:
        said = _("Erased, and nobody sees them any more. But a backup or another program is reading the chapter: traces of them and the older backups go by "
                 "themselves once that has ended. Delete backups that you made by hand and files that you exported yourself.")
    elif done.unfinished is not None and done.unfinished.code == STILL_WRITTEN:
        said = _("Erased, and nobody sees them any more. But another program has been writing to the chapter for a long time: traces of them and the older "
                 "backups go by themselves once that has ended. Delete backups that you made by hand and files that you exported yourself.")
    elif done.unfinished is not None:
        said = _("Erased, and nobody sees them any more. But the disk did not let all of their traces and the older backups go yet: make room, and open Alumni "
                 "Desk again; it goes on by itself. Delete backups that you made by hand and files that you exported yourself.")
    if done.backups_deleted:
        said += " " + ngettext("{n} older backup that was made by itself was deleted, for it may have held them; a new one is there.",
                               "{n} older backups that were made by themselves were deleted, for they may have held them; a new one is there.",
                               done.backups_deleted).format(n=number(done.backups_deleted))
    if done.unreached:
        said += " " + _("Backups in {folder} could not be reached: they are deleted once they can, or delete them yourself.").format(
            folder=", ".join(str(one) for one in done.unreached))
    return said


def erase(desk: Desk, people: Sequence[str], *, remake_backups: bool = True) -> Erased:
    """Erase these people and whoever was merged with them, here and at once; what is shared learns it by the next sync.

    ``remake_backups``: delete the backups that were made by themselves, which still hold them (sealed), and make a new one. Raises NotFound.
    """
    with desk.reading() as connection:
        ids = _merge_group(connection, people)
        rows = _rows_about(connection, ids)
        ended = _to_come(connection, rows["registration"], desk.now())
        role = _role(connection)
    if not ids or len(set(people) - set(ids)):
        raise NotFound("no_such_person", _("There is nobody with this id. Look them up again."))
    if role not in (None, "leader", "admin"):
        raise Refused("erase_leader", _("Only a leader of the chapter erases somebody. Ask one to do it."))
    with desk.writing(EVENT) as writing:
        if role is not None:
            _command(desk, writing, ids)
        for table, row_ids in rows.items() if role is None else ():
            clear = dict.fromkeys(_about(writing.tables[table]))
            for row_id in row_ids:
                writing.change(table, row_id, **clear, **({"gone": True} if table in ("person", "education") else {}),
                               **({"status": "cancelled"} if row_id in ended else {}))
        with writing.applying() as connection:  # all of it in one transaction: whoever was erased is so wholly, whatever happens next
            _note(connection, dict.fromkeys(ids, _now()))
            clear_rows(connection, writing.tables, rows)
            driver.run_many(connection, "UPDATE registration SET status = 'cancelled' WHERE id = ?", [(one,) for one in ended])  # as the server will
            forget(connection, writing.tables, rows)
            begun = driver.row(connection, "SELECT value FROM sync_state WHERE key = ?", (UNFINISHED,))
            owed = begun is not None and json.loads(begun[0]).get("backups", True)  # of somebody before, whom those backups still hold
            driver.run(connection, "INSERT INTO sync_state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                       (UNFINISHED, json.dumps({"backups": remake_backups or owed})))
    try:
        deleted = finish_begun(desk)
    except KnownError as problem:  # it is saved, and the next opening goes on
        log.warning("what was erased is still in pages, copies or backups: %s", problem.code)
        return Erased(tuple(ids), 0, writing.changed, unfinished=problem)
    left = dict.fromkeys((*backup_folders.owed(desk.profile), *(one.parent for one in backup_folders.held(desk.profile)))) if remake_backups else ()
    return Erased(tuple(ids), deleted, writing.changed, tuple(left))


def _to_come(connection: sa.Connection, registrations: Sequence[str], now: datetime) -> set[str]:
    """Which of these places on lists end with whom they are of: nobody came by them, and the gathering is not over."""
    found = connection.exec_driver_sql(
        "SELECT r.id, coalesce(g.ends, substr(g.starts, 1, 10) || 'T23:59'), g.time_zone FROM registration AS r JOIN gathering AS g ON g.id = r.gathering"
        " WHERE r.id IN (SELECT value FROM json_each(?)) AND NOT r.gone AND r.status IS NOT 'cancelled'"
        " AND NOT EXISTS (SELECT 1 FROM fact AS f WHERE f.gathering = r.gathering AND f.registration = r.id AND f.kind IN ('in', 'out'))",
        (json.dumps(list(registrations)),))
    return {one for one, end, zone in found if end and end > local_now(now, zone)}


def apply(desk: Desk, erased: Mapping[str, str]) -> None:
    """Erase whom a restored database still holds, before anybody sees it."""
    with desk.applying() as applying:
        found = learn(applying.connection, applying.tables, erased)
    if found:
        scrub(desk)


def learn(connection: sa.Connection, tables: Mapping[str, sa.Table], erased: Mapping[str, str]) -> int:
    """Erase these people (id -> when) here, in a transaction that applies; returns how much was held of them. The caller scrubs if it was anything."""
    _note(connection, erased)
    rows = _rows_about(connection, list(erased))
    return clear_rows(connection, tables, rows) + forget(connection, tables, rows)


def clear_rows(connection: sa.Connection, tables: Mapping[str, sa.Table], rows: Mapping[str, Sequence[str]]) -> int:
    """Take every field about a person out of these rows; returns out of how many."""
    held = 0
    for table, row_ids in rows.items():
        names = _about(tables[table])
        sets = ", ".join(f'"{name}" = NULL' for name in names)
        some = " OR ".join(f'"{name}" IS NOT NULL' for name in names)
        for row_id in row_ids:
            held += connection.exec_driver_sql(f'UPDATE "{table}" SET {sets} WHERE id = ? AND ({some})', (row_id,)).rowcount
            if table in ("person", "education"):
                connection.exec_driver_sql(f'UPDATE "{table}" SET gone = 1 WHERE id = ? AND NOT gone', (row_id,))
    return held


def erased_of(connection: sa.Connection, people: Sequence[str]) -> list[str]:
    """Those of these people who were erased, as far as it is known here."""
    return [row[0] for row in driver.rows(connection, "SELECT id FROM erased WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(people)),))]


def people_of(connection: sa.Connection, action: str) -> frozenset[str]:
    """Whom an action was about, also as whose part or whose guest, if it is of few rows: what tells of many names nobody."""
    found = driver.rows(
        connection, "WITH few AS (SELECT table_name, row_id, fields FROM operation WHERE action = ? AND event <> ? LIMIT 50), place(id) AS ("
        "SELECT row_id FROM few WHERE table_name = 'registration' UNION SELECT fields ->> '$.host' FROM few WHERE table_name = 'registration'"
        " UNION SELECT f.registration FROM few JOIN fact AS f ON f.id = row_id WHERE table_name = 'fact')"
        " SELECT row_id FROM few WHERE table_name = 'person' UNION SELECT fields ->> '$.merged_into' FROM few WHERE table_name = 'person'"
        " UNION SELECT e.person FROM few JOIN education AS e ON e.id = row_id WHERE table_name = 'education'"
        " UNION SELECT r.person FROM place JOIN registration AS r ON r.id = place.id", (action, EVENT))
    return frozenset(row[0] for row in found if row[0])


def rows_erased(connection: sa.Connection) -> set[tuple[str, str]]:
    """Every row, as table and id, that is about somebody who was erased, as far as it is known here; of themselves also where there is none."""
    people = list(connection.exec_driver_sql("SELECT id FROM erased").scalars())
    return {*(("person", one) for one in people), *((table, row_id) for table, ids in _rows_about(connection, people).items() for row_id in ids)}


def finish(desk: Desk) -> int:
    """After others' erasures came: no page, copy or backup holds them any more. Returns how many backups were deleted."""
    _keep_list(desk.profile, _listed_in(desk))
    backup_folders.owe(desk.profile, backup_folders.folders(desk.profile))
    backup.remove_stage(desk.profile)
    scrub(desk)
    desk.outbox.make_anew(desk, surely=True)
    backup_folders.owe(desk.profile, backup_folders.folders(desk.profile))  # another one's erasure that ended meanwhile has said they are not
    return _remake(desk)


def finish_begun(desk: Desk) -> int:
    """What was taken out goes from pages, copies and backups, too; ended in the middle of it, the next opening or sync does it. Returns as ``finish``."""
    with desk.asking() as asked:
        if driver.row(asked, "SELECT 1 FROM sync_state WHERE key = ?", (UNFINISHED,)) is None:
            return 0
    with desk.applying() as applying:  # whoever is erased from here on says so anew, and that stays
        found = driver.row(applying.connection, "SELECT value FROM sync_state WHERE key = ?", (UNFINISHED,))
        if found is None:
            return 0
        wanted = json.loads(found[0])
        begun = json.dumps({**wanted, "begun": uuid7()})
        driver.run(applying.connection, "UPDATE sync_state SET value = ? WHERE key = ?", (begun, UNFINISHED))
    count = 0
    if wanted.get("backups", True):
        count = finish(desk)
    else:
        _keep_list(desk.profile, _listed_in(desk))
        backup.remove_stage(desk.profile)
        scrub(desk)
        desk.outbox.make_anew(desk, surely=True)
    with desk.applying() as applying:
        driver.run(applying.connection, "DELETE FROM sync_state WHERE key = ? AND value = ?", (UNFINISHED, begun))
    return count


def catch_up(desk: Desk) -> int:
    """Finish what was begun, and reach the backups in folders that were not there when somebody was erased, and are now. Returns how many were deleted."""
    count = 0
    try:
        count += finish_begun(desk)
    except StoreProblem as problem:
        if problem.code not in IN_USE:
            raise
        log.info("what was erased is still in pages, copies or backups: %s", problem.code)
    count += _try_held(desk.profile)
    if any(_is_open(desk.profile, one) for one in backup_folders.owed(desk.profile)):
        count += _remake(desk)
    elif any(backup_folders.is_reached(desk.profile, one) for one in backup_folders.unlisted(desk.profile)):
        _keep_list(desk.profile, _listed_in(desk))
    return count


def _role(connection: sa.Connection) -> str | None:
    """This laptop's role at its server; None without one."""
    text = connection.exec_driver_sql("SELECT value FROM sync_state WHERE key = 'membership'").scalar()
    return None if text is None else str(json.loads(text)["role"])


def _command(desk: Desk, writing: Writing, people: Sequence[str]) -> None:
    """The server alone erases what everybody shares: it is told whom."""
    at = writing.now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{writing.now.microsecond // 1000:03d}Z"
    writing.connection.exec_driver_sql(INSERT_OPERATION, [
        (uuid7(), writing.action_id, writing.event, writing.transaction_id, writing.scope, "chapter", "command", "person", one, ERASE,
         desk.clock.tick(), desk.schema, "live", at) for one in people])
    writing.touched("person", people)


def known_erased(profile: Profile, *beside: Path) -> dict[str, str]:
    """Who was erased on this computer, as far as the files beside database and backups (and in other folders) know: id -> when."""
    found: dict[str, str] = {}
    for folder in (profile.path, *backup_folders.folders(profile), *beside):
        try:
            said = json.loads((folder / FILE).read_text("utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(said, dict):
            found.update({str(one): str(at) for one, at in said.items()})
    return found


def forget(connection: sa.Connection, tables: Mapping[str, sa.Table], rows: Mapping[str, Sequence[str]]) -> int:
    """Take what is about these rows out of operations (but those that say they are empty), past values and kept bases. Returns out of how many."""
    forget_parcels(connection, rows)
    count = forget_conflicts(connection, rows) + _forget_what_came_along(connection, rows.get("person", ()))
    came, entries = came_along.forget(connection, tables["person"], rows.get("person", ()))
    forget_parcels(connection, {"person": entries})
    count += came
    for table, row_ids in rows.items():
        about = _about(tables[table])
        groups = {clock_key(column) for column in tables[table].columns if column.name in about}
        paths = ", ".join(f"'$.{name}'" for name in about)
        for ids in _parts(row_ids):
            wanted = (table, json.dumps(ids))
            where = "table_name = ? AND row_id IN (SELECT value FROM json_each(?))"
            for sql in (f"UPDATE operation SET fields = json_remove(fields, {paths}) WHERE {where} AND event <> '{EVENT}'"
                        f" AND fields <> json_remove(fields, {paths})",
                        f"UPDATE operation SET values_before = json_remove(values_before, {paths}) WHERE {where}"
                        f" AND values_before <> json_remove(values_before, {paths})",
                        f"UPDATE shadow SET base = json_remove(base, {paths}) WHERE {where} AND base <> json_remove(base, {paths})",
                        f"DELETE FROM past WHERE {where} AND field IN ({', '.join(repr(name) for name in (*about, *groups))})"):
                count += connection.exec_driver_sql(sql, wanted).rowcount
            connection.exec_driver_sql(f"DELETE FROM operation WHERE {where} AND +rowid IN (SELECT operation FROM waiting) AND {EMPTIED}", wanted)
            connection.exec_driver_sql(  # a base is kept only while something lies over it, and the order to erase does not
                f"DELETE FROM shadow WHERE {where} AND NOT EXISTS (SELECT 1 FROM operation AS o INDEXED BY operation_row WHERE o.table_name = shadow.table_name"
                f" AND o.row_id = shadow.row_id AND {fates.WAITS} AND o.kind <> 'command')", wanted)
    return count


def _forget_what_came_along(connection: sa.Connection, people: Sequence[str]) -> int:
    """A merge that the server did not take would have written what these people were into another entry: it goes out of that operation, too."""
    count = 0
    for ids in _parts(people):
        count += connection.exec_driver_sql(
            "UPDATE operation SET fields = '{}' WHERE rowid IN (SELECT operation FROM refused) AND kind = 'put' AND fields <> '{}'"
            " AND transaction_id IN (SELECT m.transaction_id FROM operation AS m INDEXED BY operation_row WHERE m.table_name = 'person'"
            " AND m.row_id IN (SELECT value FROM json_each(?)) AND json_extract(m.fields, '$.merged_into') IS NOT NULL)", (json.dumps(ids),)).rowcount
    return count


def forget_conflicts(connection: sa.Connection, rows: Mapping[str, Sequence[str]]) -> int:
    """Take the cards about these rows away: they hold the values that lost."""
    text = connection.exec_driver_sql("SELECT value FROM sync_state WHERE key = 'conflicts'").scalar()
    kept = json.loads(text) if text else {}
    held = {key: kept[key] for key in ("rows", "before") if kept.get(key)}
    left = {key: [one for one in cards if one["row"] not in rows.get(one["table"], ())] for key, cards in held.items()}
    if left == held:
        return 0
    connection.exec_driver_sql("UPDATE sync_state SET value = ? WHERE key = 'conflicts'", (json.dumps({**kept, **left}, ensure_ascii=False),))
    return sum(len(held[key]) - len(left[key]) for key in held)


def forget_parcels(connection: sa.Connection, rows: Mapping[str, Sequence[str]]) -> None:
    """What the server has needs no sealed copy here; one's own that holds any of these rows is sealed again without it. Others' wait for the server."""
    for table, row_ids in rows.items():
        for ids in _parts(row_ids):
            connection.exec_driver_sql(
                "DELETE FROM parcel WHERE state = 'own' AND name IN (SELECT p.parcel FROM operation AS o JOIN parcel_operation AS p ON p.operation = o.id"
                " WHERE o.table_name = ? AND o.row_id IN (SELECT value FROM json_each(?)))", (table, json.dumps(ids)))
    connection.exec_driver_sql("DELETE FROM parcel WHERE resolved IS NOT NULL")
    connection.exec_driver_sql("DELETE FROM parcel_operation WHERE parcel NOT IN (SELECT name FROM parcel)")
    connection.exec_driver_sql("DELETE FROM handout")


def scrub(desk: Desk) -> None:
    """Write the database anew, so that no page, free or in the log, holds what was taken out. Raises StoreProblem ``still_read`` where something reads in it
    for long meanwhile."""
    with desk.applying() as applying:
        search.merge(applying.connection)
    with translated(desk.profile.path, opened=True), closing(desk.raw()) as raw:
        raw.execute("PRAGMA secure_delete = ON")
        raw.execute("VACUUM")
        if raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:  # what somebody reads still stays in the log
            raise StoreProblem(STILL_READ, _("A backup or another program is reading the chapter, so traces of whoever was erased are still in its files. "
                                             "They go by themselves once that has ended."))


def _remake(desk: Desk) -> int:
    """A new backup, and those that are owed go, with their copies of a damaged database; a folder that cannot be reached stays owed, a file is held."""
    profile = desk.profile
    there = [one for one in backup_folders.owed(profile) if _is_open(profile, one)]
    # What is under way first: one that is whole just now is among the others, and none comes to be whole between the two.
    kept = [one for folder in there for one in cut_off.left_behind(folder) if not cut_off.deleted(one)]
    old = [one.file for folder in there for one in backup_folders.listed_in(folder, desk.key) if one.ours and one.why != "by_hand"]
    backup.by_itself(profile, desk.key, "daily")
    old += profile.path.glob("desk-damaged-*")
    before = backup_folders.held(profile)
    kept += [one for one in old if not cut_off.deleted(one, quietly=one in before)]
    backup_folders.hold(profile, dict.fromkeys((*kept, *(one for one in before if one not in old))))
    backup_folders.owe(profile, [one for one in backup_folders.owed(profile) if one not in there])
    _keep_list(profile, _listed_in(desk))  # a folder that is seen again, or has room again, gets the list, too
    return sum(_is_whole_copy(one) for one in old if one not in kept)


def _try_held(profile: Profile) -> int:
    """Files that could not be deleted before. What was made beside them since holds nobody who was erased, so there is no new backup."""
    before = backup_folders.held(profile)
    kept = [one for one in before if not backup_folders.is_reached(profile, one.parent) or not cut_off.deleted(one, quietly=True)]
    backup_folders.hold(profile, kept)
    return sum(_is_whole_copy(one) for one in before if one not in kept)


def _is_open(profile: Profile, folder: Path) -> bool:
    """Whether it is known what a folder holds, and may be deleted from it as far as the system says beforehand."""
    return backup_folders.is_reached(profile, folder) and backup_folders.can_be_listed(folder)


def _is_whole_copy(file: Path) -> bool:
    return file.suffix in (ENDING, ".db")


def _merge_group(connection: sa.Connection, people: Sequence[str]) -> list[str]:
    return list(connection.exec_driver_sql(
        "WITH RECURSIVE one(id) AS (SELECT id FROM person WHERE id IN (SELECT value FROM json_each(?)) UNION"
        " SELECT p.id FROM one AS o JOIN person AS p ON p.merged_into = o.id OR p.id = (SELECT merged_into FROM person WHERE id = o.id))"
        " SELECT id FROM one ORDER BY id", (json.dumps(list(people)),)).scalars())


def _rows_about(connection: sa.Connection, ids: Sequence[str]) -> dict[str, list[str]]:
    wanted = (json.dumps(list(ids)),)
    return {table: sorted(set(connection.exec_driver_sql(question, wanted).scalars())) for table, question in _ABOUT.items()}


def _about(table: sa.Table) -> list[str]:
    return [column.name for column in table.columns if column.info.get("about")]


def _note(connection: sa.Connection, erased: Mapping[str, str]) -> None:
    if erased:
        connection.exec_driver_sql("INSERT INTO erased (id, at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING", list(erased.items()))


def _listed_in(desk: Desk) -> dict[str, str]:
    with desk.reading() as connection:
        return {row.id: row.at for row in connection.exec_driver_sql("SELECT id, at FROM erased")}


def _keep_list(profile: Profile, erased: Mapping[str, str]) -> None:
    """Ids and moments, beside the database and beside the backups. A folder of another disk that does not take them is noted, and stops nothing."""
    everyone = {**known_erased(profile), **erased}
    own = (profile.path, backup_folders.own_folder(profile))
    with chapters_files(profile.path):
        backup_folders.folder_in_use(profile).mkdir(mode=0o700, parents=True, exist_ok=True)
    without = [one for one in backup_folders.unlisted(profile) if not backup_folders.is_reached(profile, one)]
    reached = [one for one in backup_folders.folders(profile) if backup_folders.is_reached(profile, one)]
    for folder in dict.fromkeys((profile.path, *reached)):
        try:
            _write_list(folder, everyone)
        except OSError as error:
            if folder in own:
                raise disk_problem(error) from None
            log.info("a folder for backups does not take the list of who was erased: %s", error.strerror)
            without.append(folder)
    backup_folders.owe(profile, backup_folders.owed(profile), without)


def _write_list(folder: Path, everyone: Mapping[str, str]) -> None:
    part = folder / f"{FILE}.part"
    try:
        with open(part, "w", encoding="utf-8", opener=private) as stream:
            json.dump(everyone, stream, sort_keys=True)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(part, folder / FILE)
    except OSError:
        with suppress(OSError):  # the first one says what is wrong
            part.unlink(missing_ok=True)
        raise


def _parts(ids: Sequence[str]) -> Iterator[list[str]]:
    yield from (list(ids[start:start + TRANSACTION]) for start in range(0, len(ids), TRANSACTION))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


