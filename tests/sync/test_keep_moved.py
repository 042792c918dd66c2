"""A chapter that one laptop keeps, by a process of its own, moves to an office: what that said to have taken goes along, and it takes nothing more."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from alumni_desk.errors import KnownError
from alumni_desk.members.actions import add_member
from alumni_desk.schema import open_desk
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile
from alumni_desk.sync import keeping, moving, moving_mark, state
from alumni_desk.sync.engine import join, sync_once
from alumni_desk.sync.inviting import invite

from .test_keeping import free_port, names

MakeDesk = Callable[[str], Desk]


class Kept:
    """A laptop's folder with a chapter, and the ``keep`` that runs on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[str] | None = None

    def words(self, *more: str) -> list[str]:
        return [sys.executable, "-m", "alumni_desk", "--profile", str(self.folder), *more]

    def run(self, *more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.words(*more), capture_output=True, text=True, check=False, timeout=120)

    def keep(self) -> str:
        """Begin to keep it; gives the address."""
        self.process = subprocess.Popen(self.words("keep", "--chapter", "Pub", "--port", str(self.port), "--host", "127.0.0.1", "--json"),
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        return str(json.loads(self.process.stdout.readline())["url"])

    def end(self) -> tuple[int, str]:
        """Wait for its end, asking for it where it would go on; gives its exit code and what it said."""
        if self.process is None:
            return 0, ""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        said = self.process.communicate(timeout=60)[1]
        return self.process.returncode, said

    def files(self) -> list[str]:
        """What is left of the server."""
        return sorted(file.name for file in self.folder.glob("serv*"))


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path / "keeper")
    yield made
    made.end()


def ready(url: str) -> int:
    """What ``/readyz`` says; 0 where nothing answers."""
    session = requests.Session()
    session.trust_env = False
    with session:
        try:
            return session.get(f"{url}/readyz", timeout=20).status_code
        except requests.RequestException:
            return 0


def waits_for(true: Callable[[], object]) -> bool:
    """Whether it becomes true within a while."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.05)
    return False


def code_of(work: Callable[[], Any]) -> str:
    with pytest.raises(KnownError) as raised:
        work()
    return raised.value.code


def trouble_of(desk: Desk) -> KnownError:
    """What a sync says."""
    with pytest.raises(KnownError) as raised:
        sync_once(desk)
    return raised.value


def test_a_server_kept_by_another_process_goes_with_the_move(kept: Kept, office: Any, make_desk: MakeDesk) -> None:
    other = make_desk("other")
    url = kept.keep()
    with open_desk(Profile(kept.folder)) as desk:
        join(other, url, invite(desk, "leader").code)
    sync_once(other)
    add_member(other, first_name="Bo", last_name="Li")
    assert sync_once(other).waiting == 0, "the kept server has it, and its laptop has not"
    moved = kept.run("move", office.url, office.invite(), "--json")
    assert moved.returncode == 0 and json.loads(moved.stdout)["others_told"] is True, moved.stderr
    add_member(other, first_name="Cy", last_name="Li")
    assert kept.process is not None and kept.process.stderr is not None
    assert "so this laptop keeps it no more. The other laptops hear so from it as long as this runs" in kept.process.stderr.readline()
    assert code_of(lambda: sync_once(other)) == "sync_moved", "they need not wonder for days"
    assert kept.files() == [] and ready(url) == 503
    moving.move(other, office.url, office.invite())  # whoever kept it has fetched all there was, and will never answer otherwise
    assert kept.process.poll() is None and kept.end() == (0, "")
    assert ready(url) == 0
    with open_desk(Profile(kept.folder)) as desk:
        assert names(desk) == {"Bo"} and sync_once(desk).refused == 0
    assert sync_once(other).refused == 0
    third = make_desk("third")
    join(third, office.url, office.invite())
    sync_once(third)
    assert names(third) == {"Bo", "Cy"}


def test_a_server_that_does_not_run_is_asked_all_the_same(kept: Kept, office: Any, make_desk: MakeDesk) -> None:
    """What others sent it lies in its file alone."""
    other = make_desk("other")
    url = kept.keep()
    with open_desk(Profile(kept.folder)) as desk:
        join(other, url, invite(desk, "leader").code)
    sync_once(other)
    add_member(other, first_name="Bo", last_name="Li")
    sync_once(other)
    kept.end()
    moved = kept.run("move", office.url, office.invite(), "--anyway")
    assert moved.returncode == 0, moved.stderr
    assert "do not hear that it has moved" in moved.stdout and "It has moved" in moved.stdout
    said = trouble_of(other)
    assert said.code == "sync_unreachable" and "If the chapter has moved" in str(said)
    with open_desk(Profile(kept.folder)) as desk:
        assert names(desk) == {"Bo"}
    assert kept.files() == [] and ready(url) == 0


def test_while_it_moves_the_others_are_told_and_nothing_of_theirs_is_taken(kept: Kept, make_desk: MakeDesk) -> None:
    other = make_desk("other")
    url = kept.keep()
    with open_desk(Profile(kept.folder)) as desk:
        join(other, url, invite(desk, "leader").code)
        with desk.reading() as connection:
            here = state.read(connection, state.Membership)
        sync_once(other)
        add_member(other, first_name="Bo", last_name="Li")
        with moving_mark.moving(kept.folder, here.device if here else "") as alone:
            assert alone and code_of(lambda: sync_once(other)) == "sync_moving" and ready(url) == 503
            assert sync_once(desk).refused == 0, "the one that moves it fetches for the last time"
            assert code_of(lambda: keeping.move_away(desk, None, url, "X")) == "move_under_way"
    assert waits_for(lambda: ready(url) == 200), "whoever moved it was killed, and it keeps it on"
    assert sync_once(other).waiting == 0


def test_a_move_that_is_refused_leaves_the_server_as_it_was(kept: Kept, office: Any, make_desk: MakeDesk) -> None:
    url = kept.keep()
    moved = kept.run("move", office.url, "AAAA-AAAA-AAAA-AAAA")
    assert moved.returncode == 1 and ready(url) == 200 and "server.db" in kept.files() and not moving_mark.stands(kept.folder)


def test_killed_after_the_chapter_moved_the_next_command_deletes_the_server(kept: Kept, office: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    url = kept.keep()

    class Killed(BaseException):
        """The end of the program."""

    def killed(*_: object) -> None:
        raise Killed

    with open_desk(Profile(kept.folder)) as desk:
        with monkeypatch.context() as patch:
            patch.setattr(keeping, "forget_former", killed)
            with pytest.raises(Killed):
                keeping.move_away(desk, None, office.url, office.invite())
        assert not keeping.keeps(desk)
    assert waits_for(lambda: kept.files() == []), "the process that kept it sees to it"
    assert waits_for(lambda: ready(url) == 503), "and says to the others that it has moved"
    assert kept.end()[0] == 0
    assert kept.run("sync").returncode == 0


def test_a_server_whose_file_is_gone_or_another_takes_nothing(make_server: Any, make_desk: MakeDesk) -> None:
    for away in ("unlink", "replace"):
        server, desk = make_server(), make_desk(f"desk-{away}")
        join(desk, server.url, server.invite("Boston"))
        sync_once(desk)
        add_member(desk, first_name="Ana", last_name="Li")
        file = server.profile / "server.db"
        assert ready(server.url) == 200
        if away == "unlink":
            file.unlink()
        else:
            (server.profile / "copy").write_bytes(file.read_bytes())
            os.replace(server.profile / "copy", file)
        assert code_of(lambda desk=desk: sync_once(desk)) in ("sync_moved", "sync_unreachable") and ready(server.url) in (0, 503)  # type: ignore[misc]
        with desk.reading() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM operation_now WHERE fate = 'waiting' AND sequence IS NULL").scalar()
        assert server.process.wait(60) == 0, "it ends by itself"
