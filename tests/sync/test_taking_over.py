"""Whoever kept the chapter is gone for good: another laptop, or its own backup on a new computer, keeps it in its place."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alumni_desk.errors import KnownError
from alumni_desk.gatherings.actions import new_gathering
from alumni_desk.members.actions import add_member
from alumni_desk.schema import open_desk
from alumni_desk.store import backup
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile
from alumni_desk.sync import inviting, keeping, moving, session, taking_over
from alumni_desk.sync.engine import join, status, sync_once
from alumni_desk.sync.restoring import restore

from .test_keeping import MakeDesk, alone, free_port, names

Take = Callable[[Desk], keeping.Keeping]


@pytest.fixture
def take() -> Iterator[Take]:
    """Takes over, and ends it after the test."""
    begun: list[keeping.Keeping] = []

    def make(desk: Desk) -> keeping.Keeping:
        begun.append(taking_over.take_over(desk, port=free_port(), host="127.0.0.1"))
        return begun[-1]

    yield make
    for one in begun:
        if one.running:
            one.stop()


def code_of(work: Callable[[], Any]) -> str:
    with pytest.raises(KnownError) as raised:
        work()
    return raised.value.code


def invited(desk: Desk, serving: keeping.Keeping) -> tuple[str, str]:
    return serving.url, inviting.invite(desk, "leader").code


def test_another_leaders_laptop_takes_the_place_of_the_one_that_is_gone(make_desk: MakeDesk, take: Take) -> None:
    keeper, lead, third = alone(make_desk, "keeper"), make_desk("lead"), make_desk("third")
    first = keeping.begin(keeper, port=free_port(), host="127.0.0.1")
    sync_once(keeper)
    for one in (lead, third):
        join(one, *invited(keeper, first))
        sync_once(one)
    assert code_of(lambda: take(lead)) == "keeps_answers" and not list(lead.profile.path.glob("server*"))
    first.stop()  # and never comes again
    add_member(lead, first_name="Bo", last_name="Li")
    add_member(third, first_name="Cy", last_name="Li")
    assert code_of(lambda: keeping.begin(lead)) == "keeps_joined"
    serving = take(lead)
    assert keeping.keeps(lead) and sync_once(lead).refused == 0 and status(lead).short == "Saved here · ready for others"
    moving.move(third, *invited(lead, serving), anyway=True)
    assert sync_once(third).refused == 0
    sync_once(lead)
    assert names(lead) == names(third) == {"Ana", "Bo", "Cy"}
    serving.stop()
    again = keeping.start(lead, host="127.0.0.1")
    try:
        assert sync_once(third).waiting == 0, "it is kept as any other"
    finally:
        again.stop()


def test_at_a_door_nothing_is_taken_over(make_desk: MakeDesk, make_server: Any, take: Take) -> None:
    office, lead, door = make_server(), make_desk("lead"), make_desk("door")
    join(lead, office.url, office.invite())
    gathering = new_gathering(lead, name="Pub Night", start="2027-06-01T19:00", end="2027-06-01T23:00").id
    sync_once(lead)
    join(door, office.url, office.invite(role="door", gathering=gathering))
    office.kill()
    assert code_of(lambda: take(door)) == code_of(lambda: keeping.begin(door)) == "keeps_leaders_alone"
    for words in (["keep"], ["keep", "--anyway"], ["keep", "--chapter", "Boston"]):
        said = subprocess.run([sys.executable, "-m", "alumni_desk", "--profile", str(door.profile.path), *words], capture_output=True, text=True, check=False,
                              timeout=60)
        assert said.returncode == 1 and "Only a leader’s laptop can keep the chapter" in said.stderr and "--anyway" not in said.stderr, words
    serving = take(lead)
    assert keeping.keeps(lead) and serving.running, "an office’s server that is gone is the same"


@pytest.fixture
def restored(make_desk: MakeDesk, tmp_path: Path) -> Iterator[Desk]:
    """The backup of a laptop that kept the chapter, on a new computer."""
    keeper = alone(make_desk, "keeper")
    serving = keeping.begin(keeper, port=free_port(), host="127.0.0.1")
    sync_once(keeper)
    other = make_desk("other")
    join(other, *invited(keeper, serving))
    sync_once(other)
    serving.stop()
    file = tmp_path / "keeper.alumnidesk"
    backup.back_up(keeper, file, passphrase="three small words")
    keeper.close()
    profile = Profile(tmp_path / "desk-new")
    restore(profile, file, passphrase="three small words")
    with open_desk(profile) as desk:
        yield desk


def test_the_backup_of_who_kept_it_claims_nothing_and_keeps_it_again(restored: Desk, make_desk: MakeDesk, take: Take) -> None:
    stands = status(restored)
    assert stands.state == "invitation" and stands.sentence == session.elsewhere_words(kept=True) and "keep --anyway" in stands.sentence
    assert not keeping.keeps(restored) and code_of(lambda: keeping.start(restored)) == "keeps_none"
    assert code_of(lambda: keeping.begin(restored)) == "keeps_joined"
    keeping.forget_former(restored)
    assert not list(restored.profile.path.glob("server*")), "no empty server stands under the old claim"
    assert code_of(lambda: sync_once(restored)) == "sync_elsewhere"
    serving = take(restored)
    assert sync_once(restored).refused == 0 and status(restored).state == "synced" and keeping.keeps(restored)
    other = make_desk("other")
    moving.move(other, *invited(restored, serving), anyway=True)
    sync_once(other)
    assert names(other) == names(restored) == {"Ana"}


def test_killed_on_the_way_nothing_stays_and_it_is_done_again(restored: Desk, take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        """The end of the program."""

    def killed(*_: object, **_more: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(moving, "move", killed)
        patch.setattr(keeping, "forget_server", lambda desk: None)
        with pytest.raises(Killed):
            take(restored)
    assert (restored.profile.path / "server.db").exists() and not keeping.keeps(restored)
    keeping.look_after(restored)
    assert not list(restored.profile.path.glob("server*")) and status(restored).state == "invitation"
    take(restored)
    assert sync_once(restored).refused == 0


def test_what_others_begin_beside_it_does_not_take_its_server_away(restored: Desk, take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that looks after a former server comes in the middle of it."""
    moved = moving.move

    def beside(desk: Desk, *more: Any, **named: Any) -> Any:
        keeping.look_after(desk)
        assert keeping.has_server(desk) and code_of(lambda: taking_over.take_over(desk)) == "move_under_way"
        return moved(desk, *more, **named)

    monkeypatch.setattr(moving, "move", beside)
    take(restored)
    assert sync_once(restored).refused == 0


def test_a_kept_server_whose_file_is_gone_is_not_begun_empty(make_desk: MakeDesk, take: Take) -> None:
    keeper = alone(make_desk, "keeper")
    keeping.begin(keeper, port=free_port(), host="127.0.0.1").stop()
    for file in keeper.profile.path.glob("server*"):
        file.unlink()
    assert code_of(lambda: keeping.start(keeper, host="127.0.0.1")) == "keeps_lost" and not keeping.has_server(keeper)
    take(keeper)
    assert sync_once(keeper).refused == 0 and keeping.keeps(keeper)


def test_by_command(restored: Desk) -> None:
    """``keep`` says how, ``keep --anyway`` does it and serves; beside it the others are invited."""
    words = [sys.executable, "-m", "alumni_desk", "--profile", str(restored.profile.path)]
    done = subprocess.run([*words, "keep"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1 and "keep --anyway" in done.stderr
    process = subprocess.Popen([*words, "keep", "--anyway", "--host", "127.0.0.1", "--port", str(free_port())], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith("This laptop keeps the chapter, at ")
        assert sync_once(restored).waiting == 0
        assert inviting.invite(restored, "leader").code
    finally:
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[1]
    assert (process.returncode, said) == (0, "")
