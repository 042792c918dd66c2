"""The log is folded into the database while nobody waits: by the window, once nothing has been written for a while."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from alumni_desk.desktop import changes
from alumni_desk.desktop.background import Lanes
from alumni_desk.desktop.changes import ChangeBus, Watch
from alumni_desk.members.actions import add_member
from alumni_desk.store.connecting import connect
from alumni_desk.store.desk import Desk


def in_the_database_itself(desk: Desk, folder: Path) -> int:
    """How many people are in the database's file, without its log."""
    shutil.copy(desk.profile.database, folder / "alone.db")
    with closing(connect(folder / "alone.db", desk.key)) as raw:
        found = int(raw.execute("SELECT count(*) FROM person").fetchone()[0])
    for one in folder.glob("alone.db*"):
        one.unlink()
    return found


def test_what_was_written_is_in_the_database_itself_soon(desk: Desk, lanes: Lanes, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "POLL_MS", 10)
    add_member(desk, first_name="Ana", last_name="Lima")
    desk.fold()
    assert in_the_database_itself(desk, tmp_path) == 1
    watch = Watch(desk, lanes, ChangeBus())
    qtbot.waitUntil(lambda: watch._seen is not None, timeout=20_000)
    add_member(desk, first_name="Ben", last_name="Lima")
    assert in_the_database_itself(desk, tmp_path) == 1, "no commit folds that little"
    qtbot.waitUntil(lambda: in_the_database_itself(desk, tmp_path) == 2, timeout=20_000)
    watch.stop()
    qtbot.waitUntil(lanes.idle, timeout=20_000)


def test_a_read_that_goes_on_keeps_nobody_waiting_and_loses_nothing(desk: Desk, tmp_path: Path) -> None:
    add_member(desk, first_name="Ana", last_name="Lima")
    with desk.reading() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM person").scalar()
        add_member(desk, first_name="Ben", last_name="Lima")
        desk.fold()
        assert connection.exec_driver_sql("SELECT count(*) FROM person").scalar() == 1
    desk.fold()
    assert in_the_database_itself(desk, tmp_path) == 2
