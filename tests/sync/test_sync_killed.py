"""Killed at any moment: nothing that was saved is lost, and nothing counts twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from alumni_desk.errors import NetworkProblem
from alumni_desk.store.desk import Desk
from alumni_desk.sync.engine import join, sync_once

MakeDesk = Callable[[str], Desk]
ROUNDS = 12


def names(desk: Desk) -> list[str]:
    """Everybody's last name, doubles and all."""
    with desk.reading() as connection:
        return sorted(connection.execute(sa.select(desk.tables["person"].c.last_name)).scalars())


def facts(desk: Desk) -> int:
    """How many facts there are."""
    with desk.reading() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(desk.tables["fact"])).scalar_one())


@pytest.mark.long
@pytest.mark.parametrize("kind", ["postgresql", "sqlcipher"])
def test_a_server_killed_in_the_middle_of_pushes(kind: str, request: pytest.FixtureRequest, make_server: Any, make_desk: MakeDesk) -> None:
    server = make_server(request.getfixturevalue("postgres_url") if kind == "postgresql" else None)
    one, two = make_desk("one"), make_desk("two")
    for desk in (one, two):
        join(desk, server.url, server.invite())
    random = Random(5)
    expected: list[str] = []
    killed = 0
    for turn in range(ROUNDS):
        with one.writing("import", queue="load") as writing:
            for n in range(700):
                who = writing.add("person", standing="member", last_name=f"{turn}-{n}")
                writing.add("fact", kind="in", person=who)
                expected.append(f"{turn}-{n}")
        victim = server.process
        timer = threading.Timer(random.uniform(0.02, 0.6), lambda process=victim: process.kill())
        timer.start()
        try:
            sync_once(one)
        except NetworkProblem:
            killed += 1
        timer.join()
        server.kill()
        server.start()
    for desk in (one, two, one):
        assert sync_once(desk).waiting == 0
    assert names(one) == sorted(expected) == names(two)
    assert facts(one) == facts(two) == len(expected)
    assert killed > 0
    with one.reading() as connection:
        assert connection.exec_driver_sql("SELECT DISTINCT fate FROM operation_now").scalars().all() == ["accepted"]
        assert connection.exec_driver_sql("SELECT count(*) FROM shadow").scalar() == 0


@pytest.mark.long
def test_a_desk_killed_in_the_middle_of_syncs(office: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    one, two = make_desk("one"), make_desk("two")
    for desk in (one, two):
        join(desk, office.url, office.invite())
    random = Random(7)
    expected: list[str] = []
    folder = str(one.profile.path)
    for turn in range(ROUNDS):
        with one.writing("import", queue="load") as writing:
            for n in range(500):
                writing.add("person", standing="member", last_name=f"a{turn}-{n}")
                expected.append(f"a{turn}-{n}")
        with two.writing("import", queue="load") as writing:
            for n in range(500):
                writing.add("person", standing="member", last_name=f"b{turn}-{n}")
                expected.append(f"b{turn}-{n}")
        sync_once(two)
        process = subprocess.Popen([sys.executable, "-m", "alumni_desk", "--profile", folder, "sync"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(random.uniform(0.4, 1.6))
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
    for desk in (one, two, one):
        assert sync_once(desk).waiting == 0
    assert names(one) == sorted(expected) == names(two)


def test_a_server_that_stops_gracefully_and_comes_back(make_server: Any, postgres_url: str, make_desk: MakeDesk) -> None:
    server = make_server(postgres_url)
    desk = make_desk("one")
    join(desk, server.url, server.invite())
    sync_once(desk)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 10
    with pytest.raises(NetworkProblem):
        sync_once(desk)
    server.start()
    assert sync_once(desk).waiting == 0
