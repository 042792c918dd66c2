"""A chapter on a disk that can only be read is copied whole, or not at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from alumni_desk.errors import StoreProblem
from alumni_desk.members.actions import add_member
from alumni_desk.store import disk
from alumni_desk.store.desk import Desk
from alumni_desk.store.unwritable import to_be_looked_at, to_be_read


@pytest.mark.parametrize("often", [1, 1_000])
def test_what_another_computer_writes_while_it_is_copied_is_copied_anew(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, often: int) -> None:
    add_member(desk, first_name="Ana", last_name="Lima")
    profile, copy, copied = desk.profile, shutil.copyfile, []
    desk.close()

    def meanwhile(one: Path, to: Path) -> Any:
        done = copy(one, to)
        copied.append(one.name)
        if one == profile.database and copied.count(one.name) <= often:  # as where it is folded together with its log
            there = one.stat()
            os.utime(one, ns=(there.st_atime_ns, there.st_mtime_ns + 1_000_000_000))
        return done

    monkeypatch.setattr(disk, "can_only_be_read", lambda folder: True)
    monkeypatch.setattr(shutil, "copyfile", meanwhile)
    if often > 1:
        with pytest.raises(StoreProblem, match="Another program"), to_be_read(profile, tmp_path / "out"):
            pass
        with to_be_looked_at(profile) as there:
            assert there == profile
        return
    with to_be_looked_at(profile) as there:
        assert copied.count("desk.db") == 2 and there != profile
        assert there.database.read_bytes() == profile.database.read_bytes() and there.path.stat().st_mode & 0o077 == 0
    assert not there.path.exists()
