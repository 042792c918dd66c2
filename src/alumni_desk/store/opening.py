"""Opening a desk: its key, a look at what is there, migrations and triggers."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from alumni_desk.errors import KnownError, StoreProblem
from alumni_desk.protocol.clock import AHEAD_MS, wall_ms
from alumni_desk.store import disk, driver, keys, recovery
from alumni_desk.store.connecting import alone_with, connect, engine_of, reader, roll_back
from alumni_desk.store.desk import Desk, wanted_triggers
from alumni_desk.store.mark import Mark
from alumni_desk.store.patience import Patience
from alumni_desk.store.profile import Profile, alone
from alumni_desk.store.synced import fingerprint
from alumni_desk.store.troubles import changes_lost, database_damaged, database_gone, store_problem, translated
from alumni_desk.words import _

if TYPE_CHECKING:
    import sqlalchemy as sa

    from alumni_desk.store.driver import Raw

log = logging.getLogger(__name__)

REVISION = "0014"
"""The newest of ``store/migrations``. Alembic is imported only when a database is not there yet (0.4 s)."""


def open_with(profile: Profile, metadata: Callable[[], sa.MetaData], version: int, *, passphrase: str | None = None, create: bool = True,
              known: str | None = None, patience: Patience | None = None, anew: bool = False) -> Desk:
    """Open a profile's desk with this schema and version of it; make it the first time unless ``create`` is false.

    ``known``: the fingerprint of the schema's triggers; a database that has them needs no look at the schema.
    ``anew``: to begin again after this laptop's access ended, which goes on being said until that has worked (``removal.begun_again``).
    ``alumni_desk.schema.open_desk`` is what the program calls. Raises StoreProblem: what ``keys.database_key`` raises, ``no_desk``,
    ``database_gone``, ``database_damaged``, ``database_newer`` or what the disk does.
    """
    if not create and not profile.exists and not any((profile.path / name).exists() for name in ("removed.json", "desk.key", "desk.outbox")):
        raise _no_desk(profile)
    disk.refuse_bad_places(profile.path)
    _make_folder(profile)
    if (profile.path / "removed.json").exists():
        _refuse_removed(profile, anew=anew)
    with disk.chapters_files(profile.path), translated(profile.path):
        key = keys.database_key(profile.path, "desk", passphrase=passphrase, patience=patience)
        with alone(profile.path / "desk.lock"):
            if (profile.path / "restoring").exists() or next(profile.path.glob("compare-*"), None) is not None:
                _end_restore(profile)
            last = Mark(profile.path, key).read()  # before the database is looked at: another program may be writing
            if not profile.exists and not (profile.path / keys.BEGUN).exists():
                raise database_gone(profile.path)
            if last is None and (trouble := _trouble_without_mark(profile, key)) is not None:
                raise trouble
            if not create and not profile.exists:
                raise _no_desk(profile)
            first = _as_known(profile, key, known, last) if known is not None else None
            sole = None
            remade: tuple[str, ...] = ()
            if first is None and known is not None and disk.is_full(profile.path):
                sole, first = _without_room(profile, key, known, last)
            if first is None:
                known = None
                with _said_of_opening(profile):
                    remade = _prepare_here(profile, key, wanted_triggers(metadata(), version), last)
            if (begun := profile.path / keys.BEGUN).exists():
                begun.unlink()
    desk = Desk(profile, key, metadata, version, triggers=known, first=first, sole=sole)
    desk.remade = remade
    _correct_clock(desk)
    _go_on_copying(desk)
    if sole is None:
        recovery.keep_in_step(desk)
    return desk


def _no_desk(profile: Profile) -> StoreProblem:
    return StoreProblem("no_desk", _("There is no desk in {folder}."), folder=profile.path)


def _trouble_without_mark(profile: Profile, key: bytes) -> StoreProblem | None:
    from alumni_desk.store import unmarked

    return unmarked.trouble(profile, key)


def _end_restore(profile: Profile) -> None:
    """A program ended in the middle of restoring, or of looking into a backup: what was ready takes its place, and the rest goes."""
    from alumni_desk.store import backup

    if (profile.path / backup.STAGE / "ready").exists():
        backup.take_place(profile)
    else:
        try:
            backup.remove_stage(profile)
        except StoreProblem as problem:
            log.warning("what a restore left stays for now: %s", problem.code)


def _make_folder(profile: Profile) -> None:
    try:
        profile.create()
    except StoreProblem as problem:
        if problem.code != "disk_full" or not profile.exists:
            raise  # a full disk keeps nobody from reading what is there


@contextmanager
def _said_of_opening(profile: Profile) -> Iterator[None]:
    """A full disk in words that fit: somebody wants to look, and has nothing to save."""
    there = profile.exists
    try:
        with translated(profile.path):
            yield
    except StoreProblem as problem:
        if problem.code == "disk_full" and there:
            raise disk.too_full_to_open() from None
        raise


def _without_room(profile: Profile, key: bytes, known: str, last: int | None) -> tuple[Raw | None, Raw | None]:
    """The connection that has the database for this program alone, and one that asks: on a full disk it can be read, and saved to once there is room."""
    sole = alone_with(profile.database, key) if profile.exists else None
    first = _as_known(profile, key, known, last) if sole is not None else None
    if sole is not None and first is None:
        sole.close()
        sole = None
    return sole, first


def _refuse_removed(profile: Profile, *, anew: bool) -> None:
    """This laptop's access ended: finish emptying it, and say so. ``anew``: it is about to begin again, which needs no more than that it is empty."""
    from alumni_desk.store import removal

    if (found := removal.finish(profile)) is not None and not (anew and found.finished):
        raise found.error


def _correct_clock(desk: Desk) -> None:
    """Go by the server's time as it was last seen to differ from this computer's, unless that would be before it was seen: somebody set the clock since."""
    with desk.asking() as connection:
        found = dict(driver.rows(connection, "SELECT key, value FROM sync_state WHERE key IN ('skew', 'last_sync', 'elsewhere')"))
    skew = json.loads(found["skew"]) if "skew" in found else {"ahead_ms": 0}
    if skew["ahead_ms"] and wall_ms() - skew["ahead_ms"] >= skew.get("seen_ms", 0):
        desk.clock.correct(-skew["ahead_ms"])
    last = json.loads(found["last_sync"])["at"] if "last_sync" in found and "elsewhere" not in found else None
    if last is not None and abs(skew["ahead_ms"]) <= AHEAD_MS:  # a clock that was wrong may have been set since
        desk.clock.told = round(datetime.fromisoformat(last).timestamp() * 1000) - skew["ahead_ms"]


def _go_on_copying(desk: Desk) -> None:
    """Who was killed before a large action was copied has left that to whoever opens the desk next."""
    with desk.asking() as connection:
        found = driver.row(connection, "SELECT value FROM sync_state WHERE key = 'unkept'")
    desk.unkept += json.loads(found[0]) if found is not None else []


def open_staged(profile: Profile, key: bytes, metadata: Callable[[], sa.MetaData], version: int) -> Desk:
    """Open a database that lies in a folder without its key file: one on its way to be restored."""
    _prepare(profile, key, wanted_triggers(metadata(), version), None)
    return Desk(profile, key, metadata, version)


def fits(profile: Profile, key: bytes) -> bool:
    """Whether this key opens the profile's database, be the rest of it whole or not."""
    if not profile.exists or profile.database.stat().st_size == 0:  # every key would open that, and begin it anew
        return False
    try:
        connection = connect(profile.database, key)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        finally:
            connection.close()
    except driver.sqlcipher().DatabaseError as error:
        known = store_problem(str(error), profile.path)
        if known is None or known.code != "database_damaged":
            raise (known or error) from None
        return False
    return True


def trouble_of(profile: Profile, key: bytes) -> KnownError | None:
    """Why a database cannot be trusted: ``database_gone``, ``database_damaged`` or ``changes_lost``; None if all is whole. Changes nothing."""
    import sqlcipher3.dbapi2 as sqlcipher

    if not profile.exists:
        return database_gone(profile.path)  # to look at it would make an empty one
    if profile.database.stat().st_size == 0:
        return database_damaged()  # likewise
    last = Mark(profile.path, key).read()
    try:
        connection = connect(profile.database, key)
        try:
            whole = not connection.execute("PRAGMA cipher_integrity_check").fetchall() and connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
            there = connection.execute("SELECT transaction_id FROM capture").fetchone()[0]
        finally:
            connection.close()
    except (sqlcipher.DatabaseError, TypeError) as error:  # no row where there always is one
        known = store_problem(str(error), profile.path)
        if known is not None and known.code in ("disk_full", "database_busy", "read_only"):
            raise known from None
        return database_damaged()
    if not whole:
        return database_damaged()
    if last is None:
        return _trouble_without_mark(profile, key)
    return changes_lost(last - int(there)) if there is not None and int(there) < last else None


def _as_known(profile: Profile, key: bytes, known: str, last: int | None) -> Raw | None:
    """A connection to a database that has this program's form and the triggers that are known, and lacks no commit; None if it has to be looked at closely."""
    if not profile.database.exists():
        return None
    connection: Raw | None = None
    good = False
    try:
        connection = reader(profile.database, key)
        [count] = driver.row(connection, "SELECT transaction_id FROM capture")
        there = dict(driver.rows(connection, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
        good = (driver.row(connection, "SELECT version_num FROM alembic_version")[0] == REVISION and fingerprint(there) == known
                and count is not None and int(count) >= (last or 0))
    except (driver.sqlcipher().Error, TypeError, ValueError):  # a table that is not there, a row that is missing: the close look says what it means
        pass
    finally:
        if connection is not None and not good:
            connection.close()
    return connection if good else None


def _prepare_here(profile: Profile, key: bytes, wanted: Mapping[str, str], last: int | None) -> tuple[str, ...]:
    import sqlalchemy as sa

    try:
        return _prepare(profile, key, wanted, last)
    except sa.exc.OperationalError:
        if not disk.is_full(profile.path) and not disk.can_share(profile.path):
            raise disk.network_drive(profile.path) from None
        raise


def _prepare(profile: Profile, key: bytes, wanted: Mapping[str, str], last: int | None) -> tuple[str, ...]:
    """Bring a database to this program's form: migrations if it is older, triggers as the schema says. ``last``: the commit that must be there. Returns the
    triggers that a database of this form lacked."""
    from alumni_desk.store import capture

    engine = engine_of(profile.database, key, None, None, makes=True)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA query_only = OFF")
            found = _revision(connection)
            if found is None and last:
                raise database_damaged()  # an empty file where a chapter was
            if found is not None:
                _refuse_loss(connection, last)
            if found != REVISION:
                _refuse_newer(found)
                if found is not None:
                    from alumni_desk.store import backup

                    backup.before_update(profile, key)
                _migrate(connection)
            names = {row.name: row.sql for row in connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")}
            if names != dict(wanted):
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    capture.set_triggers(connection, wanted)
                    connection.exec_driver_sql("COMMIT")
                except BaseException:
                    roll_back(connection)
                    raise
            if connection.exec_driver_sql("SELECT 1 FROM capture WHERE transaction_id IS NULL").first():
                connection.exec_driver_sql("UPDATE capture SET transaction_id = ?", (str(last or 0),))
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")  # so that a log lost from now on is seen to be lost
            connection.invalidate()  # it may write: not one for the pool
            return tuple(sorted(wanted.keys() - names.keys())) if found == REVISION else ()
    finally:
        engine.dispose()


def _revision(connection: sa.Connection) -> str | None:
    if connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").first() is None:
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def _refuse_loss(connection: sa.Connection, last: int | None) -> None:
    there = connection.exec_driver_sql("SELECT transaction_id FROM capture").scalar()
    if last is not None and there is not None and int(there) < last:
        raise changes_lost(last - int(there))


def _refuse_newer(found: str | None) -> None:
    if found is not None and found > REVISION:
        raise StoreProblem("database_newer", _("This chapter was opened with a newer Alumni Desk. Install the newest version to work with it."))


def _migrate(connection: sa.Connection) -> None:
    from alembic import command
    from alembic.config import Config

    from alumni_desk.store import capture, search

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        capture.set_triggers(connection, {})  # migrations are nobody's edits
        command.upgrade(config, "head")
        search.refresh(connection)
        connection.exec_driver_sql("COMMIT")
    except BaseException:
        roll_back(connection)
        raise
