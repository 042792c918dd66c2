"""A database whose mark is gone: what lies beside it still tells that there was a chapter, and what was saved last.

Asked only then, for it reads the whole outbox copy.
"""

from __future__ import annotations

from contextlib import closing

from alumni_desk.errors import StoreProblem
from alumni_desk.store import driver
from alumni_desk.store.connecting import reader
from alumni_desk.store.outbox import Outbox
from alumni_desk.store.profile import Profile
from alumni_desk.store.troubles import changes_lost, database_damaged


def trouble(profile: Profile, key: bytes) -> StoreProblem | None:
    """``database_damaged`` if it is gone or empty where a chapter was, ``changes_lost`` if its outbox copy knows newer changes; None if neither is known."""
    outbox = Outbox(profile.path, key)
    if not profile.exists or profile.database.stat().st_size == 0:
        from alumni_desk.store import backup_folders

        was_here = outbox.opens() or any(one.ours for one in backup_folders.everywhere(profile, key))
        return database_damaged() if was_here else None
    copied = outbox.read().operations
    if not copied:
        return None
    try:
        with closing(reader(profile.database, key)) as connection:
            there = dict(driver.rows(connection, "SELECT id, clock FROM operation WHERE queue <> 'peer'"))
    except driver.sqlcipher().Error as error:
        return database_damaged() if "no such table" in str(error) else None  # what else is wrong with it, the opening says
    # What is older than the newest one was let go of since: the server has it.
    newest = max(there.values(), default="")
    lost = {one["transaction_id"] for one in copied if one["id"] not in there and one["clock"] > newest}
    return changes_lost(len(lost)) if lost else None
