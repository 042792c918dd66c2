"""Real processes: on loopback, and on hosts of their own (network namespaces joined by a bridge) without internet."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.sync.hosts import Laptop, Venue, ip, soon

from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.members.lists import member_rows
from alumni_desk.schema import open_desk
from alumni_desk.store.profile import Profile


def is_seen(laptop: Laptop, gathering: str, count: int) -> bool:
    """Whether a laptop sees so many in."""
    return laptop.here(gathering) == count


def open_chapter(office: Any, first: Laptop, others: list[Laptop], guests: int = 8) -> tuple[str, list[str]]:
    """A chapter at the office: the first laptop has a gathering that is held now, the others have it from the server."""
    first.run("join", office.url, office.invite(), at_home=True)
    first.run("sync", at_home=True)
    rows = ["First Name,Last Name,Email,Class Year", *(f"Guest{n},Żółć{n},g{n}@example.org,1998" for n in range(guests))]
    people = first.profile.with_suffix(".csv")
    people.write_text("\n".join(rows), encoding="utf-8")
    first.run("import", str(people), at_home=True)
    now = datetime.now(UTC)
    with open_desk(Profile(first.profile)) as desk:
        gathering = new_gathering(desk, name="Dinner", start=now.strftime("%Y-%m-%dT%H:%M"), end=(now + timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M"),
                                  time_zone="UTC").id
        ids = [row.id for row in member_rows(desk)]
        add_guests(desk, gathering, ids)
    assert first.run("sync", at_home=True)["waiting"] == 0
    for other in others:
        other.run("join", office.url, office.invite(), at_home=True)
        other.run("sync", at_home=True)
    return gathering, ids


@pytest.mark.skipif(not sys.platform.startswith("linux") or os.geteuid() != 0, reason="a place without a network needs root")
def test_sharing_in_no_network_says_that_nobody_can_reach_it(office: Any, make_laptop: Callable[..., Laptop]) -> None:
    one = make_laptop("one")
    one.run("join", office.url, office.invite())
    with subprocess.Popen(["unshare", "-n", *one.words("share", "--port", "0")], stdout=subprocess.PIPE, text=True) as alone:
        try:
            assert alone.stdout is not None
            said = alone.stdout.readline() + alone.stdout.readline()
        finally:
            alone.send_signal(signal.SIGINT)
    assert said.startswith("Sharing at 127.0.0.1") and "nobody can reach it" in said


def test_two_processes_and_a_check_in_that_shows_on_the_other(office: Any, make_laptop: Callable[..., Laptop]) -> None:
    one, two = make_laptop("one"), make_laptop("two")
    gathering, people = open_chapter(office, one, [two])
    said = one.start("share", "--host", "127.0.0.1", "--port", "0")
    assert set(said) == {"address", "code", "gathering"}
    two.start("join-laptop", said["address"], said["code"], "--stay")
    one.run("check-in", gathering, people[0], "--station", "North")
    soon(lambda: two.here(gathering) == 1)
    two.run("check-in", gathering, people[1])
    soon(lambda: one.here(gathering) == 2)
    assert one.run("check-in", gathering, people[1])["verdict"] == "already_in"
    one.kill(signal.SIGTERM)
    two.kill(signal.SIGTERM)


def test_a_newcomer_is_told_at_which_gatherings_door_it_was_let_in(office: Any, make_laptop: Callable[..., Laptop]) -> None:
    one, door = make_laptop("one"), make_laptop("door")
    gathering, _people = open_chapter(office, one, [])
    shared = one.start("share", "--host", "127.0.0.1", "--port", "0", "--gathering", gathering)
    said = subprocess.run(door.words("join-laptop", shared["address"], shared["code"]), capture_output=True, text=True, check=False, timeout=60)
    assert (said.returncode, said.stdout.splitlines()[0]) == (0, "Let in at the door of Dinner."), said.stderr
    one.kill(signal.SIGTERM)


class Cable:
    """A way to a laptop's port, which can be cut and mended."""

    def __init__(self, to: tuple[str, int]) -> None:
        self.to, self.port = to, 0
        self.mend()

    def mend(self) -> None:
        """Let through whoever comes."""
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listening.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def cut(self) -> None:
        """End all there is; first whoever accepts, so that nobody is let through behind this."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._threads[0].join()
        for one in self._ends:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads[1:]:
            thread.join()

    def _accept(self) -> None:
        with suppress(OSError):  # it is cut
            while True:
                near, _address = self._listening.accept()
                try:
                    far = socket.create_connection(self.to)
                except ConnectionRefusedError:
                    near.close()
                    continue
                self._ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    self._threads.append(threading.Thread(target=self._carry, args=(one, other), daemon=True))
                    self._threads[-1].start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):  # whoever is killed with something unread resets it
            while data := one.recv(65_536):
                other.sendall(data)
        with suppress(OSError):
            other.shutdown(socket.SHUT_WR)


def test_whoever_stays_is_told_when_the_other_laptop_goes_away_and_when_it_is_back(office: Any, make_laptop: Callable[..., Laptop]) -> None:
    one, two = make_laptop("one"), make_laptop("two")
    gathering, people = open_chapter(office, one, [two])
    said = one.start("share", "--host", "127.0.0.1", "--port", "0")
    host, _colon, port = said["address"].rpartition(":")
    cable = Cable((host, int(port)))
    address = f"127.0.0.1:{cable.port}"
    away = f"The laptop at {address} does not answer any more; this one keeps trying, and keeps for it what is done here."
    back = f"The laptop at {address} answers again."

    def told() -> list[str]:
        return [line.replace(said["address"], address) for line in two.told()]  # who looks around finds the way that no cable is in

    try:
        two.start("join-laptop", address, said["code"], "--stay")
        for turn in range(2):
            cable.cut()
            soon(lambda turn=turn: told() == [away, back] * turn + [away])
            with open_desk(Profile(two.profile)) as desk:
                desk.set_setting("door_by", f"Somebody {turn}")  # what is no news for the others is no word that they are there
            two.run("check-in", gathering, people[turn])
            cable.mend()
            soon(lambda turn=turn: told() == [away, back] * (turn + 1))
            soon(lambda turn=turn: one.here(gathering) == turn + 1)
        one.kill(signal.SIGKILL)
        soon(lambda: told() == [away, back] * 2 + [away])
        again = one.start("share", "--host", "127.0.0.1", "--port", port)
        assert again["code"] == said["code"]
        soon(lambda: told() == [away, back] * 3)
    finally:
        two.kill(signal.SIGTERM)
        one.kill(signal.SIGTERM)
        cable.cut()


def test_who_has_joined_goes_on_unaided_when_the_other_shares_again_unless_with_a_new_code(office: Any, make_laptop: Callable[..., Laptop]) -> None:
    one, two = make_laptop("one"), make_laptop("two")
    gathering, people = open_chapter(office, one, [two])
    first = one.start("share", "--host", "127.0.0.1", "--port", "0")
    two.start("join-laptop", first["address"], first["code"], "--stay")
    for turn, end in enumerate((signal.SIGKILL, signal.SIGTERM)):
        one.kill(end)
        again = one.start("share", "--host", "127.0.0.1", "--port", "0", *(["--gathering", gathering] if turn else []))
        assert again["code"] == first["code"] and again["address"] != first["address"]
        soon(lambda again=again: bool(two.told()) and two.told()[-1] == f"The laptop at {again['address']} answers again.", 60)
        one.run("check-in", gathering, people[2 * turn], "--station", "North")
        two.run("check-in", gathering, people[2 * turn + 1], "--station", "South")
        for laptop in (one, two):
            soon(partial(is_seen, laptop, gathering, 2 * turn + 2))
    one.kill(signal.SIGTERM)
    renewed = one.start("share", "--host", "127.0.0.1", "--port", again["address"].rpartition(":")[2], "--gathering", gathering, "--new-code")
    assert renewed["code"] != first["code"]
    soon(lambda: two.told()[-1] == "The other laptop shares with another code now. Join it again, with the code that it shows.", 60)
    assert "letter by letter" in two.run("join-laptop", renewed["address"], first["code"], code=1)
    one.kill(signal.SIGTERM)
    assert one.start("share", "--host", "127.0.0.1", "--port", "0")["code"] == renewed["code"], "the one before is forgotten"
    for laptop in (one, two):
        laptop.kill(signal.SIGTERM)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such shell")
def test_sharing_in_the_background_of_a_script_ends_when_it_is_asked_to(office: Any, make_laptop: Callable[..., Laptop]) -> None:
    laptop = make_laptop("one")
    open_chapter(office, laptop, [])
    script = subprocess.Popen(["sh", "-c", '"$@" & echo $!; wait', "sh", *laptop.words("share", "--host", "127.0.0.1", "--port", "0", "--json")],
                              stdout=subprocess.PIPE, text=True)
    assert script.stdout is not None
    number = int(script.stdout.readline())
    assert "address" in json.loads(script.stdout.readline())
    os.kill(number, signal.SIGTERM)
    assert script.wait(60) == 0
    script.stdout.close()


HEARD_LATE = """
import _thread, runpy, signal, sys, threading, time

main = threading.main_thread().ident

def stack():
    frame = sys._current_frames()[main]
    while frame is not None:
        yield frame.f_code.co_name
        frame = frame.f_back

def end():
    while ["wait", "wait", "wait", "until_ended"] != list(stack())[:4]:
        time.sleep(0.01)
    _thread.interrupt_main(signal.SIGTERM)

threading.Thread(target=end, daemon=True).start()
sys.argv[0] = "alumni-desk"
runpy.run_module("alumni_desk", run_name="__main__")
"""


def test_sharing_ends_with_a_request_to_end_that_came_just_before_it_began_to_wait(office: Any, make_laptop: Callable[..., Laptop]) -> None:
    """Such a signal wakes nobody: Python only notes that it came."""
    laptop = make_laptop("one")
    open_chapter(office, laptop, [])
    words = laptop.words("share", "--host", "127.0.0.1", "--port", "0", "--json")
    done = subprocess.run([sys.executable, "-c", HEARD_LATE, *words[3:]], capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "") and "address" in json.loads(done.stdout)


# Hosts of their own.

def test_who_has_joined_finds_it_at_another_address_too(venue: Venue, office: Any, make_laptop: Callable[..., Laptop]) -> None:
    one, two = make_laptop("one", venue.hosts[0]), make_laptop("two", venue.host())
    gathering, people = open_chapter(office, one, [two])
    first = one.start("share")
    assert first["address"].startswith("10.77.0.1:")
    two.start("join-laptop", first["address"], first["code"], "--stay")
    one.kill(signal.SIGKILL)
    for words in (("addr", "flush", "dev", "eth0"), ("addr", "add", "10.77.0.99/24", "dev", "eth0"), ("route", "replace", "224.0.0.0/4", "dev", "eth0")):
        ip("-n", venue.hosts[0], *words)
    again = one.start("share", "--port", "7999")
    assert (again["address"], again["code"]) == ("10.77.0.99:7999", first["code"])
    soon(lambda: two.told()[-1:] == ["The laptop at 10.77.0.99:7999 answers again."], 90)
    one.run("check-in", gathering, people[0])
    two.run("check-in", gathering, people[1])
    for laptop in (one, two):
        soon(partial(is_seen, laptop, gathering, 2))
        laptop.kill(signal.SIGTERM)


def test_without_a_link_there_is_no_network_though_the_address_is_fixed(venue: Venue, make_laptop: Callable[..., Laptop]) -> None:
    host = venue.hosts[0]
    one = make_laptop("one", host)

    def why() -> str:
        return str(one.run("venue", "find", "--seconds", "0.2")["why"])

    assert why() == "nobody"
    venue.cable(host, plugged=False)
    assert "inet 10.77.0.1" in subprocess.run(["ip", "-n", host, "addr"], capture_output=True, text=True, check=True).stdout and why() == "no_network"
    venue.cable(host, plugged=True)
    soon(lambda: why() == "nobody")
    ip("-n", host, "link", "set", "eth0", "down")
    assert why() == "no_network"


@pytest.mark.long
def test_a_venue_without_internet_a_partition_a_kill_and_then_the_server(venue: Venue, office: Any, make_laptop: Callable[..., Laptop], tmp_path: Path) -> None:
    one, two, three = make_laptop("one", venue.hosts[0]), make_laptop("two", venue.host()), make_laptop("three", venue.host())
    door = make_laptop("door", venue.host())
    gathering, people = open_chapter(office, one, [two, three], guests=14)
    assert "cannot be reached" in one.run("sync", code=1)  # there is no internet here

    said = one.start("share", "--gathering", gathering)
    assert said["address"].startswith("10.77.0.1:")
    assert two.start("join-laptop", said["address"], said["code"], "--stay")["chapter"] == office.chapter
    three.start("join-laptop", said["address"], said["code"], "--stay")
    found = door.run("venue", "find")["laptops"]
    assert [(one["address"], one["reachable"]) for one in found] == [(said["address"], True)]
    assert door.start("join-laptop", said["code"], "--stay")["joined"] is True  # found by itself, let in by a leader's laptop

    # Everybody lets somebody in, and all see all of it.
    everybody = [one, two, three, door]
    for laptop, person in zip(everybody, people, strict=False):
        assert laptop.run("check-in", gathering, person)["verdict"] == "admitted"
    for laptop in everybody:
        soon(partial(is_seen, laptop, gathering, 4))

    # One cable is pulled. Both sides go on, and one guest comes in at both.
    venue.cable(venue.hosts[1], plugged=False)
    two.run("check-in", gathering, people[4])
    two.run("check-in", gathering, people[5])
    one.run("check-in", gathering, people[5])
    door.run("walk-in", gathering, "Grace Hopper", "email=grace@example.org", "consent=yes")
    soon(lambda: three.here(gathering) == 6)
    assert two.here(gathering) == 6
    soon(lambda: any("does not answer any more; this one keeps trying" in line for line in two.told()), 60)
    venue.cable(venue.hosts[1], plugged=True)
    for laptop in (one, two, three, door):
        soon(partial(is_seen, laptop, gathering, 7), 60)
    soon(lambda: two.told()[-1].endswith("answers again."), 60)

    # A Wi-Fi that keeps its guests apart is named.
    three.kill()
    for host in (venue.hosts[0], venue.hosts[2]):
        venue.isolate(host, on=True)
    three.run("check-in", gathering, people[6])
    assert "keeps its guests apart" in three.run("join-laptop", said["address"], said["code"], code=1)
    for host in (venue.hosts[0], venue.hosts[2]):
        venue.isolate(host, on=False)

    # Killed in the middle of it, two goes on where it was.
    check = subprocess.Popen(two.words("check-in", gathering, people[7]), stdout=subprocess.DEVNULL)
    two.kill(signal.SIGKILL)
    check.wait(30)
    two.run("join-laptop", said["address"], said["code"])
    three.run("join-laptop", said["address"], said["code"])
    two.run("join-laptop", said["address"], said["code"])
    assert one.here(gathering) == two.here(gathering) == three.here(gathering) == 9

    # Back at the office, the first one brings what everybody did; the volunteer's laptop is known by its chain.
    for laptop in everybody:
        laptop.kill(signal.SIGTERM)
    two.run("sync", at_home=True)
    fresh = make_laptop("fresh")
    fresh.run("join", office.url, office.invite())
    fresh.run("sync")
    assert fresh.here(gathering) == 9
    for _turn in range(2):
        for laptop in everybody:
            result = laptop.run("sync", at_home=True)
            assert result["waiting"] == 0 and result["refused"] == 0
    files = []
    for laptop in (one, two, three, fresh):
        file = tmp_path / f"{laptop.profile.name}.ndjson"
        laptop.run("export", "--out", str(file), at_home=True)
        files.append(file.read_bytes())
        assert laptop.here(gathering) == 9
    assert len(set(files)) == 1 and b"grace@example.org" in files[0]
    assert door.here(gathering) == 9
