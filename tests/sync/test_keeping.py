"""This laptop keeps the chapter: others join it, it ends with its desk, and everything moves to an office later."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alumni_desk.errors import KnownError
from alumni_desk.gatherings.actions import new_gathering
from alumni_desk.members.actions import add_member
from alumni_desk.members.chapter import change_chapter
from alumni_desk.segments.activity import told
from alumni_desk.store import removal
from alumni_desk.store.desk import Desk
from alumni_desk.store.done import actions
from alumni_desk.sync import keeping, state
from alumni_desk.sync.engine import join, status, sync_once, wire_of
from alumni_desk.sync.inviting import invite
from alumni_desk.sync.listening import Listening
from alumni_desk.sync.venue.channel import Newcomer, Welcome
from alumni_desk.sync.venue.credentials import me
from alumni_desk.sync.venue.welcoming import welcome

MakeDesk = Callable[[str], Desk]


def free_port() -> int:
    """A port of the system's choice: the usual one is everybody's who runs these tests beside us."""
    with socket.socket() as trying:
        trying.bind(("0.0.0.0", 0))
        return int(trying.getsockname()[1])


@pytest.fixture
def keep() -> Iterator[Callable[[Desk], keeping.Keeping]]:
    """Begins to keep, and ends it after the test."""
    begun: list[keeping.Keeping] = []

    def make(desk: Desk) -> keeping.Keeping:
        begun.append(keeping.begin(desk, port=free_port(), host="127.0.0.1"))
        return begun[-1]

    yield make
    for one in begun:
        if one.running:
            one.stop()


def alone(make_desk: MakeDesk, name: str) -> Desk:
    desk = make_desk(name)
    with desk.writing("chapter_made") as writing:
        writing.add("chapter", name="Great Lakes", time_zone="America/Chicago")
    add_member(desk, first_name="Ana", last_name="Żółć")
    return desk


def names(desk: Desk) -> set[str]:
    person = desk.tables["person"]
    with desk.reading() as connection:
        return {row.first_name for row in connection.execute(sa.select(person.c.first_name))}


def listens(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def test_where_the_chapter_is_kept_nothing_is_called_saved_in_two_places(make_desk: MakeDesk, keep: Any) -> None:
    """Its server lies on the same disk."""
    desk = alone(make_desk, "keeper")
    serving = keep(desk)
    sync_once(desk)
    stands = status(desk)
    assert (stands.state, stands.waiting, stands.short) == ("synced", 0, "Saved here · ready for others")
    assert stands.sentence == "Saved here; the other laptops get it from this one, which they reach while Alumni Desk is open on it"
    serving.stop()
    with pytest.raises(KnownError):
        sync_once(desk)
    stands = status(desk)
    assert (stands.state, stands.short) == ("trouble", "Saved here · the others cannot sync now")


def test_a_name_that_was_given_before_it_was_kept_is_still_told_of_in_words(make_desk: MakeDesk, keep: Any) -> None:
    """The row that it was written in gave way to the server's."""
    desk = make_desk("keeper")
    add_member(desk, first_name="Ana")
    change_chapter(desk, name="Great Lakes")
    keep(desk)
    assert [deed.what for deed in told(desk, actions(desk)) if deed.event == "chapter_changed"] == ["Changed the chapter’s details"]


def test_a_second_laptop_joins_the_one_that_keeps_the_chapter(make_desk: MakeDesk, keep: Any) -> None:
    desk, other = alone(make_desk, "keeper"), make_desk("other")
    serving = keep(desk)
    assert keeping.keeps(desk) and sync_once(desk).waiting == 0 and status(desk).state == "synced"
    kept = keeping._kept(desk)
    code = keeping._run(desk, kept, "server", "invite", "--chapter", desk.scope, "--role", "leader")["code"]
    join(other, serving.own_url, code)
    sync_once(other)
    assert names(other) == {"Ana"}
    add_member(other, first_name="Bo", last_name="Li")
    sync_once(other)
    sync_once(desk)
    assert names(desk) == {"Ana", "Bo"}
    assert not list(desk.profile.path.glob("server.key")), "its key is nowhere but in the desk's own database"
    serving.stop()
    assert not listens(kept.port)
    again = keeping.start(desk, host="127.0.0.1")
    try:
        assert again.own_url == serving.own_url and sync_once(other).waiting == 0
    finally:
        again.stop()


def test_it_ends_with_the_desk_that_started_it(make_desk: MakeDesk, keep: Any) -> None:
    serving = keep(alone(make_desk, "keeper"))
    serving.process.stdin.close()  # what the system does with the pipe of a process that was killed
    assert serving.process.wait(20) == 0
    serving.process.stdout.close()


def test_everything_moves_to_the_office_and_the_laptop_keeps_it_no_more(make_desk: MakeDesk, keep: Any, office: Any) -> None:
    desk, other = alone(make_desk, "keeper"), make_desk("other")
    serving = keep(desk)
    add_member(desk, first_name="Bo", last_name="Li")
    moved = keeping.move_away(desk, serving, office.url, office.invite())
    assert not keeping.keeps(desk) and desk.scope == moved.scope
    assert not list(desk.profile.path.glob("serv*")) and not (desk.profile.path / "snapshots").exists(), "no erasure would reach it"
    assert desk.setting(keeping.NAME) is None
    assert sync_once(desk).refused == 0
    join(other, office.url, office.invite())
    sync_once(other)
    assert names(other) == {"Ana", "Bo"}


def test_a_port_in_use_is_said_and_nothing_is_lost(make_desk: MakeDesk, keep: Any, tmp_path: Path) -> None:
    desk = alone(make_desk, "keeper")
    serving = keep(desk)
    with pytest.raises(KnownError) as raised:
        keeping.start(desk, host="127.0.0.1")
    assert raised.value.code == "keeps_failed" and serving.running
    assert sync_once(desk).waiting == 0


@pytest.mark.skipif(sys.platform != "linux", reason="one address of this computer beside 127.0.0.1 that is always there")
def test_a_port_that_another_program_took_meanwhile_is_no_trouble_before_anybody_was_told_of_it(make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = make_desk("keeper")
    desk.make_chapter("Great Lakes")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free, ports = keeping._free_port, [taken.getsockname()[1]]
        monkeypatch.setattr(keeping, "_free_port", lambda: ports.pop() if ports else free())
        serving = keeping.begin(desk, host="127.0.0.1")
        try:
            assert serving.running and not ports and not serving.own_url.endswith(f":{taken.getsockname()[1]}")
            assert sync_once(desk).waiting == 0
        finally:
            serving.stop()


def test_kept_at_one_address_of_a_network_it_is_reached_by_this_laptop_too(make_desk: MakeDesk) -> None:
    desk = alone(make_desk, "keeper")
    serving = keeping.begin(desk, port=free_port(), host="127.0.0.2")
    try:
        assert "127.0.0.2" in serving.url and "127.0.0.1" in serving.own_url
        assert sync_once(desk, check=True).identical and keeping.keeps(desk)
        other = make_desk("other")
        join(other, serving.url, invite(desk, "leader").code)
        sync_once(other)
        assert names(other) == names(desk)
    finally:
        serving.stop()


def test_whom_its_leader_lets_in_at_a_venue_is_told_where_others_reach_it(make_desk: MakeDesk, keep: Any) -> None:
    desk = alone(make_desk, "keeper")
    keep(desk).stop()
    dinner = new_gathering(desk, name="Dinner", start=f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT18:00}").id
    serving = keeping.start(desk)
    try:
        sync_once(desk)
        with desk.reading() as connection:
            mine = me(connection)
        reply = welcome(desk, mine, Newcomer(bytes(range(32)), "Kim", "Kim’s laptop"), dinner)
        assert isinstance(reply, Welcome)
        assert f"{reply.url}#sha256={reply.fingerprint}" == serving.url and "127.0.0.1" not in reply.url
    finally:
        serving.stop()


def test_wherever_it_is_kept_now_its_own_laptop_reaches_it(make_desk: MakeDesk, keep: Any, office: Any) -> None:
    """Begun by a command for this computer alone, kept on by the window for the network, and the other way round."""
    desk = alone(make_desk, "keeper")
    keep(desk).stop()
    for host, scheme in (("0.0.0.0", "https://"), ("127.0.0.1", "http://"), ("0.0.0.0", "https://")):
        add_member(desk, first_name="Bo", last_name="Li")
        serving = keeping.start(desk, host=host)
        try:
            assert serving.url.startswith(scheme)
            assert sync_once(desk).waiting == 0 and status(desk).short == "Saved here · ready for others"
            assert invite(desk, "leader").url == serving.url
        finally:
            serving.stop()
    moved = keeping.move_away(desk, None, office.url, office.invite())  # which serves for a moment, to fetch for the last time
    assert desk.scope == moved.scope and sync_once(desk).refused == 0


def test_whoever_listens_hears_that_the_server_is_kept_at_another_address(make_desk: MakeDesk, keep: Any) -> None:
    desk = alone(make_desk, "keeper")
    serving = keep(desk)
    sync_once(desk)
    with desk.reading() as connection:
        membership = state.read(connection, state.Membership)
    assert membership is not None
    silent, wire = threading.Event(), wire_of(desk)
    listening = threading.Thread(target=Listening(desk, wire, membership, lambda count: None, lambda problem: silent.set()).run)
    listening.start()
    try:
        serving.stop()
        assert silent.wait(20)
        serving = keeping.start(desk)
        listening.join(20)
        assert not listening.is_alive(), "it ends, and whoever began it begins it anew there"
    finally:
        wire.close()
        listening.join()
        serving.stop()


def test_a_server_of_its_own_in_the_same_folder_is_nobodys_to_delete(make_desk: MakeDesk, keep: Any, office: Any) -> None:
    desk = alone(make_desk, "keeper")
    serving = keep(desk)
    serving.stop()
    (desk.profile.path / "server.key").write_text("{}")
    assert removal.delete_kept_server(desk.profile) and (desk.profile.path / "server.db").exists()


def test_a_command_keeps_a_chapter_that_it_names_and_keeps_it_again_unnamed(tmp_path: Path) -> None:
    def words(*more: str) -> list[str]:
        return [sys.executable, "-m", "alumni_desk", "--profile", str(tmp_path / "desk"), *more]

    refused = subprocess.run(words("keep", "--host", "127.0.0.1"), capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "--chapter NAME" in refused.stderr
    for more in (["--chapter", "Great Lakes"], []):
        process = subprocess.Popen(words("keep", "--host", "127.0.0.1", "--json", *more), stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None and "url" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        process.stdout.close()
