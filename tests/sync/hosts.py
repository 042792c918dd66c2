"""Laptops as real processes, on hosts of their own (network namespaces joined by a bridge) where this computer lets us make some."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from alumni_desk.checkin.lists import DoorList
from alumni_desk.schema import open_desk
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile


class Laptop:
    """A profile, worked on by commands; ``host``: the network namespace that it is in, None: this computer's own."""

    def __init__(self, profile: Path, host: str | None = None) -> None:
        self.profile, self.host = profile, host
        self.running: list[subprocess.Popen[str]] = []
        self.errors = profile.with_suffix(".err")
        self.open: Desk | None = None

    def words(self, *words: str, at_home: bool = False) -> list[str]:
        """The whole command line."""
        into = ["ip", "netns", "exec", self.host] if self.host and not at_home else []
        return [*into, sys.executable, "-m", "alumni_desk", "--profile", str(self.profile), *words]

    def run(self, *words: str, code: int = 0, at_home: bool = False) -> Any:
        """Run a command to its end; its JSON, or what it says where it fails."""
        done = subprocess.run(self.words(*words, "--json", at_home=at_home), capture_output=True, text=True, check=False, timeout=90)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return json.loads(done.stdout) if code == 0 else done.stderr

    def start(self, *words: str) -> Any:
        """Start a command that goes on; the first line of JSON that it says."""
        with self.errors.open("a", encoding="utf-8") as errors:
            process = subprocess.Popen(self.words(*words, "--json"), stdout=subprocess.PIPE, stderr=errors, text=True)
        self.running.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"{words} said nothing"
        return json.loads(line)

    def told(self) -> list[str]:
        """What the commands that go on have said beside their JSON."""
        return self.errors.read_text("utf-8").splitlines()

    def kill(self, how: int = signal.SIGKILL) -> None:
        """End what goes on."""
        for process in self.running:
            process.send_signal(how)
            process.wait(60)
            assert process.stdout is not None
            process.stdout.close()
        self.running = []

    def here(self, gathering: str) -> int:
        """How many people this laptop sees in."""
        if self.open is None:
            self.open = open_desk(Profile(self.profile))
        return DoorList(self.open, gathering).headcount().present


def soon(what: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until it is so."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.005)


@pytest.fixture
def make_laptop(tmp_path: Path) -> Iterator[Callable[..., Laptop]]:
    """Laptops by name; what they run is ended after the test."""
    made: list[Laptop] = []

    def make(name: str, host: str | None = None) -> Laptop:
        made.append(Laptop(tmp_path / name, host))
        return made[-1]

    yield make
    for laptop in made:
        laptop.kill()
        if laptop.open is not None:
            laptop.open.close()


ROOT = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("ip") is not None


def ip(*words: str) -> None:
    """The ip command."""
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=20)


class Venue:
    """A switch with laptops on it, and no way out."""

    def __init__(self) -> None:
        self.hosts: list[str] = []
        self.name = f"ad{secrets.token_hex(3)}"  # each its own: the system takes the cables of the one before away when it has time
        ip("link", "add", self.name, "type", "bridge")
        ip("link", "set", self.name, "up")

    def host(self) -> str:
        """One more host."""
        number = len(self.hosts) + 1
        name, cable = f"{self.name}-{number}", f"{self.name}{number}"
        ip("netns", "add", name)
        self.hosts.append(name)
        ip("link", "add", cable, "type", "veth", "peer", "name", f"{cable}p")
        ip("link", "set", f"{cable}p", "netns", name, "name", "eth0")
        ip("link", "set", cable, "master", self.name, "up")
        for words in (("link", "set", "lo", "up"), ("addr", "add", f"10.77.0.{number}/24", "dev", "eth0"), ("link", "set", "eth0", "up"),
                      ("route", "add", "224.0.0.0/4", "dev", "eth0")):
            ip("-n", name, *words)
        return name

    def cable(self, host: str, *, plugged: bool) -> None:
        """Pull a host's cable, or plug it in."""
        ip("link", "set", host.replace("-", ""), "up" if plugged else "down")

    def isolate(self, host: str, *, on: bool) -> None:
        """As guest Wi-Fi does: hosts that are isolated do not reach each other."""
        ip("link", "set", host.replace("-", ""), "type", "bridge_slave", "isolated", "on" if on else "off")

    def close(self) -> None:
        """Take it down."""
        for host in self.hosts:
            ip("netns", "delete", host)
        ip("link", "delete", self.name)


@pytest.fixture
def venue() -> Iterator[Venue]:
    """A venue, where this computer lets us make one."""
    if not ROOT:
        pytest.skip("network namespaces need root and the ip command")
    try:
        made = Venue()
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespaces here: {error.stderr.strip()}")
    try:
        made.host()
        yield made
    finally:
        made.close()
