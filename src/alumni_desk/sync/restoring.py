"""Going back to a backup: what waits to be sent is laid over it, whoever was erased stays erased, and only then it takes the place.

The restored database pulls from an older cursor, so that the next sync brings back whatever the server holds; what was sent and answered
is known to the server by its id. If the present database cannot be read, its waiting operations come from the outbox copy.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from alumni_desk.errors import KnownError, NotFound, Refused, StoreProblem
from alumni_desk.protocol import codes
from alumni_desk.schema import SCHEMA_VERSION, desk_schema
from alumni_desk.store import backup, backup_folders, backup_head, erasing, fates, gone_back, keys
from alumni_desk.store.backup import Held, Progress
from alumni_desk.store.connecting import reader
from alumni_desk.store.desk import Desk
from alumni_desk.store.opening import fits, open_staged, trouble_of
from alumni_desk.store.outbox import NAME, Found, Outbox
from alumni_desk.store.patience import Patience
from alumni_desk.store.profile import Profile, alone
from alumni_desk.sync import join, operations, state
from alumni_desk.sync.door import forget_what_was_read
from alumni_desk.sync.shapes import shapes
from alumni_desk.sync.venue import holding
from alumni_desk.sync.views import bases_of, lay_over, settle
from alumni_desk.words import _, ngettext

log = logging.getLogger(__name__)

_STEPS = 6
_OF_THE_CURSOR = ("session", "timeline", "rebuilding", "conflicts", "list_end")
"""What goes with the cursor that is restored, and the rows up to it: a card is about the two values that were met then. The list of parcels is the backup's,
too, under places that no list of this laptop has had: that is how the others notice."""
NEW = "new"
"""The name of a key that is ready to take the place of one that leads nowhere."""


@dataclass(frozen=True)
class Restored:
    """What was restored. ``carried``: waiting operations laid over it; ``erased``: people erased since who stay so; ``replaced``: where what was
    there lies now; ``from_outbox``: it could not be read, so the outbox copy was used; ``unread``: parts of that copy that were damaged too.
    ``instead_of``: the name of the chapter that was here, if the backup is of another one, else None; ``leaves``: this laptop was joined, and is no longer.
    ``reopened``: the key of what is here was lost and lay in the backup, so nothing had to be replaced; ``held`` is what is here.
    """

    held: Held
    carried: int = 0
    erased: int = 0
    replaced: Path | None = None
    from_outbox: bool = False
    unread: int = 0
    instead_of: str | None = None
    leaves: bool = False
    reopened: bool = False


def restore(profile: Profile, file: Path, *, passphrase: str | None = None, own: str | None = None, desk_key: bytes | None = None,
            dry_run: bool = False, progress: Progress | None = None, cancelled: Callable[[], bool] | None = None,
            patience: Patience | None = None, another: Callable[[Restored], None] | None = None) -> Restored:
    """Put a backup in the place of a profile's desk, which must be closed. If that only lacks its key, and the backup has it, the key is put right instead.

    ``passphrase``: the backup's password or its recovery key. ``own``: the password of a new profile that no keyring can keep. ``desk_key``: the
    key of the desk that is there, if it is known. ``patience``: how long the password store is waited for, in all. ``another``: told of a backup of
    another chapter, or with which this laptop is no longer joined, before anything is replaced; it may raise, and may take its time.

    Raises BadInput ``backup_unknown`` or ``backup_damaged``, StoreProblem ``passphrase_needed``, ``passphrase_wrong`` or ``backup_elsewhere``,
    Refused ``restore_cancelled`` or ``desk_open``; then nothing is changed.
    """
    header, start = backup_head.read_head(file)
    step = _Steps(progress, cancelled)
    patience = patience or Patience()
    if profile.exists:  # before its key is asked for: that may be written anew, and a folder may be read alone
        profile.create()
    known = desk_key if desk_key is not None else _known_key(profile, patience)
    key = backup.key_of(header, known, passphrase, patience)
    with _as_it_was(profile) if dry_run else suppress(_Asked):
        profile.create()
        _end_what_began(profile)
        astray = _is_astray(profile, known, key, passphrase, patience)
        if astray:
            if profile.exists and trouble_of(profile, key) is None:
                return _reopened(profile, header, key, patience, dry_run=dry_run)
            known = key
        with _stage(profile) as stage:
            backup.unpack(file, header, start, stage.database)
            step()
            held = backup.look(stage.database, key, header["made_at"])
            step()
            if dry_run:
                return _tried(profile, stage, key, known if known is not None else _key_here(profile, passphrase, patience), held, file.parent)
            if astray:
                keys.put_right(profile.path, "desk", key, header, patience)
            new_key = known if known is not None else _own_key(profile, stage, passphrase, own, patience)
            backup.rekey(stage.database, key, new_key)
            step()
            present, found = _present(profile, new_key)
            return _finish(profile, stage, new_key, held, present, found, step, file.parent, elsewhere=key != new_key,
                           number=backup_head.number_of(header, new_key), another=another)
    return restore(profile, file, passphrase=passphrase, own=own, desk_key=desk_key, progress=progress, cancelled=cancelled, patience=patience)


class _Asked(Exception):
    """Somebody was asked, and said yes: it is done anew, with what is here by then."""


def salvage(profile: Profile, *, passphrase: str | None = None, desk_key: bytes | None = None, dry_run: bool = False,
            progress: Progress | None = None, cancelled: Callable[[], bool] | None = None, patience: Patience | None = None) -> Restored:
    """Make the best of a desk that does not open: its own database where only the last commits are missing, else the newest whole backup;
    and the outbox copy over it.

    Raises Refused ``nothing_to_salvage`` if the desk opens, NotFound ``no_folder`` or ``no_backup``, StoreProblem if the folder cannot be written.
    """
    if not profile.path.is_dir():
        raise NotFound("no_folder", _("There is no folder {folder}, so there is nothing to save in it. Check what --profile names."), folder=profile.path)
    if profile.exists:
        profile.create()
    patience = patience or Patience()
    try:
        key = desk_key if desk_key is not None else keys.database_key(profile.path, "desk", passphrase=passphrase, patience=patience)
    except StoreProblem as problem:
        if problem.code in _ASTRAY and (file := _with_a_key(profile, passphrase, patience)) is not None:
            return restore(profile, file, passphrase=passphrase, dry_run=dry_run, progress=progress, cancelled=cancelled, patience=patience)
        raise
    step = _Steps(progress, cancelled)
    trouble = trouble_of(profile, key)
    if trouble is None:
        raise Refused("nothing_to_salvage", _("The chapter’s database is whole, so there is nothing to save it from."))
    found = Outbox(profile.path, key).read()
    with _stage(profile) as stage:
        there = [one for one in backup_folders.everywhere(profile, key) if one.ours]
        number = max((one.number for one in there), default=0)
        held = _what_is_left(profile, stage, key) if trouble.code == "changes_lost" else None
        for one in () if held is not None else _past_first(there, found):
            if not one.damaged:
                try:
                    backup.unpack(one.file, one.header, backup_head.read_head(one.file)[1], stage.database)
                    held = backup.look(stage.database, key, one.made_at)
                    with open_staged(stage, key, desk_schema, SCHEMA_VERSION) as desk:
                        other = _is_of_another(desk, found)
                    if not other:
                        number = one.number
                        break
                    held = None  # from before the laptop was switched to the chapter that it has now
                    _remove_staged(stage)
                except KnownError as problem:
                    log.warning("a backup cannot be used: %s", problem.code)
        if held is None and not found.operations:
            raise NotFound("no_backup", _("There is no whole backup in {folder}. Open one that you keep elsewhere."),
                           folder=backup_folders.folder_in_use(profile))
        step()
        number = number if held is not None else 0
        held = held or Held("", 0, 0, 0, "")
        if dry_run:
            with open_staged(stage, key, desk_schema, SCHEMA_VERSION) as desk:
                carried, erased = _bring_over(desk, profile, key, None, found, elsewhere=False)
                return Restored(_count(desk, held.made_at), carried, erased, None, bool(found.operations), found.damaged)
        return _finish(profile, stage, key, held, None, found, step, number=number)


def _past_first(there: Sequence[backup_head.Backup], found: Found) -> list[backup_head.Backup]:
    """The backups that what was done since can be laid over, the newest first: what somebody went back from does not come back. Where the outbox copy holds
    nothing that was done, such a one is better than none."""
    past = [one for one in there if gone_back.is_past(one.number, found.settings.get(gone_back.KEY))]
    return past if found.operations else [*past, *(one for one in there if one not in past)]


_ASTRAY = ("key_lost", "key_damaged", "keyring_silent")


def _is_astray(profile: Profile, known: bytes | None, key: bytes, typed: str | None, patience: Patience) -> bool:
    """Whether the key file is lost or leads nowhere, while this key opens what is here: the database, or at least its outbox copy."""
    if known is not None:
        return key != known and not _opens(profile, known) and _opens(profile, key)
    if (profile.path / "desk.key").exists():
        try:
            keys.database_key(profile.path, "desk", passphrase=typed, patience=patience)
            return False
        except StoreProblem as problem:
            if problem.code not in _ASTRAY and not problem.facts.get("gone"):  # it is whole, and another password opens it
                return False
    return _opens(profile, key)


def _opens(profile: Profile, key: bytes) -> bool:
    return fits(profile, key) or Outbox(profile.path, key).opens()


def _with_a_key(profile: Profile, typed: str | None, patience: Patience) -> Path | None:
    """The newest whole backup that what was typed opens, or the password store."""
    for one in backup_folders.everywhere(profile, None):
        if not one.damaged and backup.is_whole(one.file):
            try:
                backup.key_of(one.header, None, typed, patience)
                return one.file
            except StoreProblem as problem:
                if problem.code == "passphrase_needed":
                    raise
                log.warning("a backup cannot be used: %s", problem.code)
    return None


def _reopened(profile: Profile, header: dict[str, Any], key: bytes, patience: Patience, *, dry_run: bool) -> Restored:
    """Put the key file right: nothing else is missing."""
    if not dry_run:
        keys.put_right(profile.path, "desk", key, header, patience)
    with closing(reader(profile.database, key)) as connection:
        return Restored(backup.counted(connection), reopened=True)


def _tried(profile: Profile, stage: Profile, key: bytes, known: bytes | None, held: Held, beside: Path) -> Restored:
    """What a restore would carry over and leave erased: all of it is done, in the folder where it is made ready, and goes."""
    present, found = _present(profile, known) if known is not None else (None, Found())
    if known is not None:
        backup.rekey(stage.database, key, known)
    with open_staged(stage, known or key, desk_schema, SCHEMA_VERSION) as desk:
        carried, erased = _bring_over(desk, profile, known or key, present, found, beside, elsewhere=key != known)
        instead_of, leaves = _instead_of(desk, present, known or key)
    return Restored(held, carried, erased, None, present is None and bool(found.operations), found.damaged, instead_of, leaves)


class _Steps:
    """Tells how far the work is, and ends it where it may end."""

    def __init__(self, progress: Progress | None, cancelled: Callable[[], bool] | None) -> None:
        self._progress, self._cancelled, self._done = progress, cancelled, 0

    def __call__(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, _STEPS)
        if self._cancelled is not None and self._cancelled():
            raise Refused("restore_cancelled", _("The restore was cancelled. Nothing was changed."))


def _finish(profile: Profile, stage: Profile, key: bytes, held: Held, present: Profile | None, found: Found, step: _Steps,
            *beside: Path, elsewhere: bool = False, number: int = 0, another: Callable[[Restored], None] | None = None) -> Restored:
    """``number``: of the backup that is restored, if it is this desk's own."""
    if present is not None:
        backup.refuse_if_open(profile, key)
    stamp = _free_stamp(profile)
    with open_staged(stage, key, desk_schema, SCHEMA_VERSION) as desk:
        carried, erased = _bring_over(desk, profile, key, present, found, *beside, elsewhere=elsewhere)
        instead_of, leaves = _instead_of(desk, present, key)
        if another is not None and (instead_of is not None or leaves):
            another(Restored(held, carried, erased, instead_of=instead_of, leaves=leaves))
            raise _Asked
        step()
        # Now that nothing speaks against it: what is refused after this backup was made would use up older ones.
        replaced = backup.by_itself(profile, key, "before_restore") if present is not None and _has_chapter(present, key) else None
        newest = max((one.number for one in backup_folders.everywhere(profile, key) if one.ours), default=0)
        onto_nothing = replaced is None if present is not None else not _is_something(profile)
        if present is None and (end := _damaged_end(profile)) is not None:
            replaced = profile.path / f"desk-damaged-{stamp}.db{end}"
        with desk.applying() as applying:
            back = gone_back.GoneBack(held.made_at, replaced.name if replaced is not None else "", onto_nothing, number, newest)
            gone_back.note(applying.connection, applying.now, back)
            _not_fetched_since(applying.connection)
            holding.list_anew(applying.connection, desk.clock.now_ms())
        step()
        backup.trim_outbox(desk, profile)
        counted = _count(desk, held.made_at)
        step()
    if (new := stage.path / f"{NEW}.key").exists():
        with alone(profile.path / "desk.lock"):
            keys.set_aside(profile.path, "desk")
            new.replace(profile.path / "desk.key")
    ready = {"stamp": stamp, "keep": present is None and _damaged_end(profile) is not None, "outbox": bool(found.damaged)}
    (stage.path / "ready.part").write_text(json.dumps(ready), "utf-8")
    (stage.path / "ready.part").replace(stage.path / "ready")
    with alone(profile.path / "desk.lock"):
        backup.take_place(profile)
    _copy_of_the_key(profile, key)
    return Restored(counted, carried, erased, replaced, present is None and bool(found.operations), found.damaged, instead_of, leaves)


def _copy_of_the_key(profile: Profile, key: bytes) -> None:
    """Make the first backup at once where none has this key: if the key file were lost before there is one, nothing would open what was restored."""
    if any(one.ours and not one.damaged for one in backup_folders.everywhere(profile, key)):
        return
    try:
        backup.by_itself(profile, key, "daily")
    except StoreProblem as problem:  # it is restored all the same; the backup of the day says what hinders it
        log.warning("the first backup after a restore was not made: %s", problem.code)


def _has_chapter(present: Profile, key: bytes) -> bool:
    """Whether there is anything to keep of a desk: one where nobody has begun yet is in no backup."""
    with _reading(present, key) as connection:
        return connection.exec_driver_sql("SELECT 1 FROM scope").first() is not None


def _damaged_end(profile: Profile) -> str | None:
    """How the name of what cannot be read goes on after that of the database, as far as that holds anything; None if nothing is there."""
    return next((end for end in ("", "-wal") if (file := profile.database.with_name(profile.database.name + end)).exists() and file.stat().st_size), None)


def _free_stamp(profile: Profile) -> str:
    """The moment, as the names of files have it that are kept; no older one is ever written over, be it of the same second."""
    moment = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    stamp, count = moment, 1
    while any(profile.path.glob(f"desk-damaged-{stamp}*")):
        count += 1
        stamp = f"{moment}-{count}"
    return stamp


def _bring_over(desk: Desk, profile: Profile, key: bytes, present: Profile | None, found: Found, *beside: Path,
                elsewhere: bool) -> tuple[int, int]:
    """Lay over a restored database what is newer here, and erase whom this computer knows to be erased. Returns how many changes, and how many people."""
    carried, erased_before = 0, _erased_in(desk)
    if elsewhere:
        _of_another_computer(desk)
    if present is not None:
        carried = _carry_from(desk, present, key)
    else:
        _keep_settings(desk, found.settings)
        if _is_of_another(desk, found):
            _refuse_unsent(len(found.operations))
            with desk.applying() as applying:
                _note_erased(applying.connection, found)
        elif found.operations or found.sync:
            carried = _carry(desk, found)
    erasing.apply(desk, {**erasing.known_erased(profile, *beside), **_erased_in(desk)})
    return carried, _count_erased(desk, _erased_in(desk).keys() - erased_before.keys())


def _erased_in(desk: Desk) -> dict[str, str]:
    with desk.reading() as connection:
        return {row.id: row.at for row in connection.exec_driver_sql("SELECT id, at FROM erased")}


def _count_erased(desk: Desk, ids: Iterable[str]) -> int:
    question = "SELECT count(*) FROM person WHERE id IN (SELECT value FROM json_each(?))"
    with desk.reading() as connection:
        return int(connection.exec_driver_sql(question, (json.dumps(list(ids)),)).scalar() or 0)


def _count(desk: Desk, made_at: str) -> Held:
    raw = desk.raw()
    try:
        return backup.counted(raw, made_at)
    finally:
        raw.close()


@contextmanager
def _stage(profile: Profile) -> Iterator[Profile]:
    """A folder for the database to be made ready in; gone afterwards, unless the work ended in the middle of taking the place."""
    stage = Profile(profile.path / backup.STAGE)
    _end_what_began(profile)
    with alone(profile.path / "restore.lock"):
        shutil.rmtree(stage.path, ignore_errors=True)
        stage.create()
        try:
            yield stage
        finally:
            if not (stage.path / "ready").exists():
                shutil.rmtree(stage.path, ignore_errors=True)


@contextmanager
def _as_it_was(profile: Profile) -> Iterator[None]:
    """Around a trial: a profile that is not there is not there afterwards, either."""
    lock = profile.path / "restore.lock"
    bare = not _is_something(profile) and not lock.exists()
    new = [one for one in (profile.path, *profile.path.parents) if not one.exists()]
    try:
        yield
    finally:
        if bare and profile.path.is_dir():
            lock.unlink(missing_ok=True)
            for one in new:
                if any(one.iterdir()):  # somebody else began in it meanwhile
                    break
                one.rmdir()


def _end_what_began(profile: Profile) -> None:
    """A restore that ended in the middle of taking the place: its key is there already, its database follows."""
    with alone(profile.path / "restore.lock"):
        if (profile.path / backup.STAGE / "ready").exists():
            backup.take_place(profile)


def _known_key(profile: Profile, patience: Patience, typed: str | None = None) -> bytes | None:
    """The profile's own key, if it can be had without asking anybody, or with what was typed."""
    if not (profile.path / "desk.key").exists():
        return None
    try:
        return keys.database_key(profile.path, "desk", passphrase=typed, patience=patience)
    except StoreProblem:
        return None


def _own_key(profile: Profile, stage: Profile, typed: str | None, own: str | None, patience: Patience) -> bytes:
    """The profile's own key with what was typed for the backup; else a new one, kept as this computer keeps keys, or under the passphrase ``own``.

    The file of a new one lies in the stage until the restored database takes its place.
    """
    if (key := _key_here(profile, typed, patience)) is not None:
        return key
    try:
        return keys.database_key(stage.path, NEW, passphrase=own, patience=patience)
    except StoreProblem as problem:
        # A recovery key opens a backup; it never becomes a password: a new one is asked for.
        if problem.code != "passphrase_wanted" or typed is None or codes.read_recovery_key(typed) is not None:
            raise
        return keys.database_key(stage.path, NEW, passphrase=typed, patience=patience)


def _key_here(profile: Profile, typed: str | None, patience: Patience) -> bytes | None:
    """The key of what is there, with what was typed for the backup; None where nothing is, or its key file is damaged. Raises StoreProblem."""
    if not (profile.path / "desk.key").exists() or not _is_something(profile):
        return None
    try:
        return keys.database_key(profile.path, "desk", passphrase=typed, patience=patience)
    except StoreProblem as problem:
        if problem.code in ("passphrase_wrong", "recovery_wrong", "recovery_none", "recovery_typo"):
            if (key := keys.keyring_key(profile.path, "desk", patience)) is not None:
                return key
            raise StoreProblem("restore_other_password", _(
                "The desk that is here has another password than the backup, so nothing was changed. Restore into another profile "
                "(--profile), or give the desk that is here the backup’s password first.")) from None
        if problem.code != "key_damaged":
            raise
        return None


def _is_something(profile: Profile) -> bool:
    return profile.exists or (profile.path / NAME).exists()


def _present(profile: Profile, key: bytes) -> tuple[Profile | None, Found]:
    """The desk that is there, if it is whole; else what its outbox copy holds."""
    whole = profile.exists and trouble_of(profile, key) is None
    return (profile, Found()) if whole else (None, Outbox(profile.path, key).read())


def _what_is_left(profile: Profile, stage: Profile, key: bytes) -> Held | None:
    """The present database without the commits that are lost: everything up to them is as it was."""
    for end in ("", "-wal"):
        there = profile.database.with_name(profile.database.name + end)
        if there.exists():
            shutil.copyfile(there, stage.database.with_name(stage.database.name + end))
    try:
        return backup.look(stage.database, key)
    except KnownError:
        _remove_staged(stage)
        return None


def _remove_staged(stage: Profile) -> None:
    for end in ("", "-wal", "-shm"):
        stage.database.with_name(stage.database.name + end).unlink(missing_ok=True)


def _carry_from(desk: Desk, present: Profile, key: bytes) -> int:
    """Lay what waits in the present database over the restored one, with what this laptop is to the server."""
    found = Found()
    with _reading(present, key) as connection:
        there = state.read(connection, state.Membership)
        found.sync = {row.key: row.value for row in connection.exec_driver_sql("SELECT key, value FROM sync_state")}
        began = _lacks(connection, "action")  # a program of before there was Activity: nobody was erased, and nobody went back
        found.erased = {} if began else {row.id: row.at for row in connection.exec_driver_sql("SELECT id, at FROM erased")}
        same = there is not None and _same_chapter(desk, connection, there.scope)
        if there is not None:
            _refuse_wider(desk, connection, there) if same else _refuse_unsent(_waiting(connection))
        _keep_settings(desk, {row.key: row.value for row in connection.exec_driver_sql("SELECT key, value FROM setting")})
        if not same:
            # Without a server this is a true step back; and another chapter's changes are none of this one's. That somebody went back before stays known.
            back = [] if began else gone_back.actions_of(connection)
            with desk.applying() as applying:
                here = set(applying.connection.exec_driver_sql("SELECT id FROM action").scalars())
                _insert(applying.connection, "action", [one for one in back if one["id"] not in here])
                _note_erased(applying.connection, found)
            return 0
        made = connection.exec_driver_sql(f"SELECT * FROM {_operations(connection)} WHERE queue <> 'peer' ORDER BY rowid")
        found.operations = [dict(row) for row in made.mappings()]
        found.actions = [] if began else [dict(row) for row in connection.exec_driver_sql("SELECT * FROM action ORDER BY rowid").mappings()]
    return _carry(desk, found)


def _is_of_another(desk: Desk, found: Found) -> bool:
    """Whether the outbox copy is of another chapter than the backup, as far as both had joined a server."""
    with desk.reading() as connection:
        joined = state.read(connection, state.Membership) is not None
        scopes = set(connection.exec_driver_sql("SELECT id FROM scope").scalars())
    here, former = (json.loads(found.sync.get(name, "{}")) for name in ("membership", "former"))
    return joined and "scope" in here and scopes.isdisjoint([here["scope"], *former.get("scopes", [])])


def _waiting(present: sa.Connection) -> int:
    return int(present.exec_driver_sql(
        f"SELECT count(*) FROM {_operations(present)} WHERE fate = 'waiting' AND sequence IS NULL AND queue <> 'peer'").scalar() or 0)


def _operations(present: sa.Connection) -> str:
    """Where each operation stands with what became of it. A database that nobody opened since an update has that in the very table."""
    return "operation" if _lacks(present, fates.VIEW) else fates.VIEW


def _lacks(present: sa.Connection, name: str) -> bool:
    """Whether a database that nobody opened since an update has no such table or view yet."""
    return present.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).first() is None


def _refuse_unsent(count: int) -> None:
    """Another chapter's backup takes the place of what is here; what has still to be sent of it would lie in a file that nobody sends."""
    if count:
        raise Refused("restore_unsent", ngettext(
            "This backup is of another chapter, and {n} change of the one that is here has still to be sent, so nothing was changed. Sync first, or restore "
            "into another profile (--profile).",
            "This backup is of another chapter, and {n} changes of the one that is here have still to be sent, so nothing was changed. Sync first, or restore "
            "into another profile (--profile).", count), n=count)


def _refuse_wider(desk: Desk, present: sa.Connection, there: state.Membership) -> None:
    """A laptop at a door may have that door's list, and this only until its time is over: not what it may have had before."""
    if there.gathering is None:
        return
    ended = state.read(present, state.Ended)
    with desk.reading() as connection:
        before = state.read(connection, state.Membership)
    if ended is None and before is not None and before.gathering == there.gathering:
        return
    name = ended.name if ended is not None else present.exec_driver_sql("SELECT name FROM gathering WHERE id = ?", (there.gathering,)).scalar()
    if ended is not None:
        raise Refused("restore_wider", _(
            "This laptop’s time at the door of {gathering} is over, so it may not have what this backup holds. Nothing was changed. Ask for a new "
            "invitation and join with it; the list comes from the server."), gathering=name or _("a gathering"))
    raise Refused("restore_wider", _(
        "This laptop is at the door of {gathering} and may have that guest list only; this backup holds more, or another one. Nothing was changed. The list "
        "comes from the server: sync, or join with another invitation."), gathering=name or _("a gathering"))


def _note_erased(connection: sa.Connection, found: Found) -> None:
    if found.erased:
        connection.exec_driver_sql("INSERT INTO erased (id, at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING", list(found.erased.items()))


def _keep_settings(desk: Desk, settings: Mapping[str, str | None]) -> None:
    """What was set on this laptop (a PIN, the recovery key that is on paper) is newer than the backup, and stays. None: it was forgotten since."""
    with desk.applying() as applying:
        for key, value in settings.items():
            if value is None:
                applying.connection.exec_driver_sql("DELETE FROM setting WHERE key = ?", (key,))
            else:
                applying.connection.exec_driver_sql(
                    "INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value))


@contextmanager
def _reading(profile: Profile, key: bytes) -> Iterator[sa.Connection]:
    desk = Desk(profile, key, desk_schema, SCHEMA_VERSION)
    try:
        with desk.reading() as connection:
            yield connection
    finally:
        desk.close()


def _same_chapter(desk: Desk, present: sa.Connection, scope: str) -> bool:
    """Whether the backup is of the chapter that is here, be it from before it joined its server: then they have people in common. If it is from before
    it moved to another server, it has an id that the chapter had; or most people, of whom somebody may have moved from one chapter to another."""
    former = state.read(present, state.Former) or state.Former([])
    with desk.reading() as connection:
        if not {scope, *former.scopes}.isdisjoint(connection.exec_driver_sql("SELECT id FROM scope").scalars()):
            return True
        joined = state.read(connection, state.Membership) is not None
        some = list(connection.exec_driver_sql("SELECT id FROM person WHERE NOT gone ORDER BY id LIMIT 1000").scalars())
    common = present.exec_driver_sql("SELECT count(*) FROM person WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(some),)).scalar() or 0
    return bool(common * 2 > len(some) if joined else common)


def _instead_of(desk: Desk, present: Profile | None, key: bytes) -> tuple[str | None, bool]:
    """The name of the chapter that is here if the restored one is another, else None; and whether this laptop was joined and would be no longer."""
    if present is None:
        return None, False
    with _reading(present, key) as connection:
        scope = connection.exec_driver_sql("SELECT id FROM scope ORDER BY rowid LIMIT 1").scalar()
        other = scope is not None and not _same_chapter(desk, connection, str(scope))
        name = connection.exec_driver_sql("SELECT name FROM chapter WHERE NOT gone LIMIT 1").scalar()
        joined = _is_joined(connection)
    with desk.reading() as connection:
        return str(name or "") if other else None, joined and not _is_joined(connection)


def _is_joined(connection: sa.Connection) -> bool:
    return state.read(connection, state.Membership) is not None and state.read(connection, state.Elsewhere) is None


def _carry(desk: Desk, found: Found) -> int:
    """Operations that the restored database does not know lie over its rows; those that the server answered are asked about again.

    Where the backup is from when this laptop had another part of the chapter, nothing that was read then stays: the next sync fetches what it may have now.
    """
    with desk.reading() as connection:
        before = state.read(connection, state.Membership)
    carried = _carry_over(desk, found)
    with desk.reading() as connection:
        now, ended = state.read(connection, state.Membership), state.read(connection, state.Ended)
    if before is not None and now is not None and (before.gathering != now.gathering or ended is not None):
        with desk.applying() as applying:
            forget_what_was_read(applying.connection, now)
            if ended is not None:
                state.keep(applying.connection, ended)
        erasing.scrub(desk)
    return carried


def _carry_over(desk: Desk, found: Found) -> int:
    with desk.applying() as applying:
        connection = applying.connection
        for key, value in found.sync.items():
            if key not in _OF_THE_CURSOR:
                connection.exec_driver_sql("INSERT INTO sync_state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                                           (key, value))
        if "here" not in found.sync:
            state.drop(connection, state.Here)
        if "membership" in found.sync and "elsewhere" not in found.sync:
            state.drop(connection, state.Elsewhere)
        membership = state.read(connection, state.Membership)
        if membership is not None:
            state.drop(connection, state.Session)
            if connection.exec_driver_sql("SELECT 1 FROM scope WHERE id = ?", (membership.scope,)).first() is None:
                join.move_in(connection, membership)
        _note_erased(connection, found)
        known = set(connection.exec_driver_sql("SELECT id FROM operation").scalars())
        _take_as_judged(connection, [one["id"] for one in found.operations if one.get("sequence") == operations.BEFORE_THE_MOVE])
        news = [one for one in found.operations if one["id"] not in known]
        _lay_over(connection, [one for one in news if _waits(one)])
        # What the server took stays known here: for the history, and to be offered again to a server that was restored.
        _insert_resolved(connection, [one for one in news if not _waits(one)])
        actions = set(connection.exec_driver_sql("SELECT id FROM action").scalars())
        done = [one for one in found.actions if one["id"] not in actions]
        _insert(connection, "action", done)
        _note_undone(connection, [one for one in done if one.get("undoes")])
    return sum(map(_waits, news))


def _waits(one: dict[str, Any]) -> bool:
    return bool(one.get("fate", "waiting") == "waiting")  # the outbox copy holds nothing else, and does not say so


def _insert_resolved(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    _insert(connection, "operation", rows)
    known = {row.id: row.rowid for row in connection.exec_driver_sql("SELECT id, rowid FROM operation WHERE id IN (SELECT value FROM json_each(?))",
                                                                     (json.dumps([one["id"] for one in rows]),))}
    connection.exec_driver_sql("DELETE FROM waiting WHERE operation IN (SELECT value FROM json_each(?))", (json.dumps(sorted(known.values())),))
    for fate in ("accepted", "refused"):
        _insert(connection, fate, [{**one, "operation": known[one["id"]], "at": one.get("resolved_at")} for one in rows if one["fate"] == fate])


def _take_as_judged(connection: sa.Connection, ids: Sequence[str]) -> None:
    """What a former server had taken in, or has since a backup of before the chapter moved: it is part of what is here, and not offered again."""
    rows = connection.exec_driver_sql(f"SELECT o.rowid, o.table_name, o.row_id, o.scope {fates.FROM_WAITING} WHERE o.id IN (SELECT value FROM json_each(?))",
                                      (json.dumps(ids),)).all()
    connection.exec_driver_sql("UPDATE accepted SET sequence = ? WHERE operation IN (SELECT rowid FROM operation WHERE id IN (SELECT value FROM json_each(?)))",
                               (operations.BEFORE_THE_MOVE, json.dumps(ids)))
    lying = {name: operations.lying_over(connection, name, {row.row_id for row in rows if row.table_name == name}) for name in {row.table_name for row in rows}}
    judged = {row.rowid for row in rows}
    fates.accept(connection, "rowid IN (SELECT value FROM json_each(?))", (json.dumps(sorted(judged)),), sequence=str(operations.BEFORE_THE_MOVE))
    for name, over in lying.items():
        shape = shapes().get(name)
        if shape is not None:
            newer = {row: lay_over(base, shape, [one for one in over[row] if one.rowid in judged]) for row, base in bases_of(connection, shape, over).items()}
            settle(connection, shape, rows[0].scope, operations.lying_over(connection, name, newer), frozenset(), newer)


def _not_fetched_since(connection: sa.Connection) -> None:
    """What the server has besides is fetched by the next sync: until then nobody says that all is here, or was compared."""
    if state.read(connection, state.Membership) is not None:
        last = state.read(connection, state.LastSync) or state.LastSync()
        state.keep(connection, state.LastSync(at=last.at, trouble=state.RESTORED))
        state.drop(connection, state.Checked)
        if state.read(connection, state.Elsewhere) is None:
            state.keep(connection, state.WentBack())


def _of_another_computer(desk: Desk) -> None:
    """The membership in a backup of another computer stays known; this laptop does not go on as that one. One of its own, if it has one, is laid over it."""
    with desk.applying() as applying:
        if state.read(applying.connection, state.Membership) is not None:
            for kind in (state.Session, state.Joining, state.Credentials, state.Told, state.VenueCodes, state.Here):
                state.drop(applying.connection, kind)
            state.keep(applying.connection, state.Elsewhere())


def _note_undone(connection: sa.Connection, turns: Sequence[dict[str, Any]]) -> None:
    """What these undid or redid says so: a copy of an action may be older than its undoing."""
    for one in turns:
        connection.exec_driver_sql(
            "UPDATE action SET undone_by = ? WHERE undoes IS NULL AND id IN (WITH RECURSIVE back(id) AS (SELECT ? UNION"
            " SELECT a.undoes FROM back AS b JOIN action AS a ON a.id = b.id) SELECT id FROM back)",
            (one["id"] if one["event"] == "undone" else None, one["undoes"]))


def _lay_over(connection: sa.Connection, waiting: Sequence[dict[str, Any]]) -> None:
    if not waiting:
        return
    # A new database has no chapter yet: that of what is carried over.
    connection.exec_driver_sql("INSERT INTO scope (id, cursor, chain) SELECT ?, 0, '' WHERE NOT EXISTS (SELECT 1 FROM scope)", (waiting[0]["scope"],))
    scope = str(connection.exec_driver_sql("SELECT id FROM scope ORDER BY rowid LIMIT 1").scalar())
    # How a chapter was founded here that joined a server's since is nothing to that one.
    waiting = [one for one in waiting if one["table_name"] != "chapter" or one["row_id"] == scope]
    rows: dict[str, dict[str, None]] = defaultdict(dict)
    for one in waiting:
        rows[one["table_name"]][one["row_id"]] = None
    # The bases first: what is carried over says what was before it elsewhere, not here.
    bases = {}
    for table, ids in rows.items():
        shape = shapes().get(table)
        if shape is not None:
            lying = operations.lying_over(connection, table, ids)
            bases[table] = bases_of(connection, shape, {row_id: lying.get(row_id, []) for row_id in ids})
    _insert(connection, "operation", [{**one, "scope": scope, "sequence": None} for one in waiting])
    for table, newer in bases.items():
        settle(connection, shapes()[table], scope, operations.lying_over(connection, table, newer), frozenset(), newer)


def _insert(connection: sa.Connection, table: str, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    names = [row[1] for row in connection.exec_driver_sql(f"PRAGMA table_info({table})") if row[1] != "rowid"]
    marks = ", ".join("?" * len(names))
    quoted = ", ".join(f'"{name}"' for name in names)
    connection.exec_driver_sql(f"INSERT INTO {table} ({quoted}) VALUES ({marks})", [tuple(row.get(name) for name in names) for row in rows])
