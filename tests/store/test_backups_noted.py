"""What is kept of the backups beside the database is noted by several at once: a sync that erases, the backup of the day, a command."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from alumni_desk.store import backup_folders
from alumni_desk.store.profile import Profile

TIMES = 40


def test_what_is_noted_at_the_same_moment_stays(profile: Profile) -> None:
    profile.create()

    def again(change: Callable[[int], object]) -> None:
        for n in range(TIMES):
            change(n)

    with ThreadPoolExecutor(3) as together:
        done = [together.submit(again, change) for change in (
            lambda n: backup_folders.note_failed(profile, f"trouble {n}"),
            lambda n: backup_folders.hold(profile, [Path(f"/stick/{n}.alumnidesk")]),
            lambda n: backup_folders.next_number(profile, bytes(32)))]
    for one in done:
        one.result()
    said = backup_folders._told(profile)
    assert (said["failed"], said["held"], said["number"]) == (f"trouble {TIMES - 1}", [f"/stick/{TIMES - 1}.alumnidesk"], TIMES)
