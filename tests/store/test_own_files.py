"""No file that somebody asks for takes the place of one of the chapter's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from alumni_desk.badges.rosters import write_whole
from alumni_desk.errors import BadInput, KnownError
from alumni_desk.exchange.exporting import export_ndjson
from alumni_desk.exchange.rejects import written_whole
from alumni_desk.members.actions import add_member
from alumni_desk.members.lists import count_members
from alumni_desk.store.backup import back_up, by_itself
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.sync.inviting import Invitation, save


def _rejects(desk: Desk, out: Path) -> None:
    with written_whole(out, "utf-8") as stream:
        stream.write("First Name\n")


WRITERS: Mapping[str, Callable[[Desk, Path], object]] = {
    "backup": back_up,
    "export": export_ndjson,
    "roster": lambda desk, out: write_whole(out, b"%PDF"),
    "rejects": _rejects,
    "invitation": lambda desk, out: save(
        Invitation("1", "ABCD", "https://desk.example.org", "2026-11-28T12:00:00Z", "Great Lakes", "leader", None, "Ana", None), out),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_among_the_chapters_own_is_refused(desk: Desk, tmp_path: Path, writer: str) -> None:
    write = WRITERS[writer]
    add_member(desk, first_name="Ada", last_name="Byron")
    folder = desk.profile.path
    kept = by_itself(desk.profile, desk.key, "daily")
    link = tmp_path / "link.ndjson"
    link.symlink_to(folder / "desk.key")
    there = {file: file.read_bytes() for file in (folder / "desk.key", kept)}
    roundabout = Path(f"{folder}/../{folder.name}/desk.db")
    for out in (folder / "desk.db", folder / "desk.key", folder / "desk.outbox", folder / "new.ndjson", roundabout, link, kept):
        with pytest.raises(BadInput) as caught:
            write(desk, out)
        assert caught.value.code == "chapters_folder" and "Choose another folder" in str(caught.value), out
    assert {file: file.read_bytes() for file in there} == there and not (folder / "new.ndjson").exists()
    assert count_members(desk) == 1 and verify(desk).ok
    write(desk, tmp_path / "elsewhere.ndjson")
    assert (tmp_path / "elsewhere.ndjson").stat().st_size


@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_beside_the_chapters_folder_may_be_written_again_however_its_path_is_spelled(desk: Desk, tmp_path: Path, writer: str) -> None:
    folder = desk.profile.path
    (folder / "deep" / "er").mkdir(parents=True)
    (tmp_path / "link").symlink_to(folder / "deep")
    for out in (Path(f"{folder}/../out.ndjson"), Path(f"{folder}/deep/../../out.ndjson")):
        for _again in range(2):
            WRITERS[writer](desk, out)
            if writer == "invitation":  # one that is open still is left
                (folder.parent / "out.ndjson").unlink()
                (folder.parent / "out.ndjson").touch()
    for out in (tmp_path / "link" / ".." / "desk.db", Path(f"{folder}/deep/er/../../new.ndjson")):  # a system goes up from where the link leads
        with pytest.raises(BadInput) as caught:
            WRITERS[writer](desk, out)
        assert caught.value.code == "chapters_folder", out


@pytest.mark.parametrize("name", ["x" * 300, "x" * 253, "a file/out.ndjson"])
@pytest.mark.parametrize("writer", WRITERS)
def test_a_name_that_the_disk_does_not_take_is_said_in_a_sentence(desk: Desk, tmp_path: Path, writer: str, name: str) -> None:
    (tmp_path / "a file").touch()
    with pytest.raises(KnownError):
        WRITERS[writer](desk, tmp_path / name)
