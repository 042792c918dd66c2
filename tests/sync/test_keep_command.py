"""``keep`` without a window, as a process: whoever is invited finds the way and the members."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sync.test_keeping import free_port

from alumni_desk.desktop.sync_facts import look_up
from alumni_desk.schema import open_desk
from alumni_desk.store.profile import Profile


def words(folder: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "alumni_desk", "--profile", str(folder), *more]


def said(folder: Path, *more: str) -> Any:
    """What a command answers in JSON."""
    done = subprocess.run(words(folder, *more, "--json"), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextlib.contextmanager
def kept(folder: Path, *more: str) -> Iterator[tuple[str, list[str]]]:
    """The chapter while a command keeps it: at which address; and a list that gets, at its end, what it said on stderr."""
    process = subprocess.Popen(words(folder, "keep", "--host", "127.0.0.1", "--json", *more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    errors: list[str] = []
    try:
        yield json.loads(process.stdout.readline())["url"], errors
    finally:
        process.send_signal(signal.SIGTERM)
        errors.append(process.communicate(timeout=40)[1])
        assert process.returncode == 0


@pytest.fixture
def keeper(tmp_path: Path) -> Path:
    """A desk of one member that no server has."""
    said(tmp_path / "keeper", "member", "add", "first_name=Kay")
    return tmp_path / "keeper"


def first_names(folder: Path) -> set[str]:
    return {one["name"].split()[0] for one in said(folder, "members")}


def test_whoever_joins_by_its_invitation_finds_everybody_who_is_here(keeper: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "way.alumnidesk", tmp_path / "other"
    with kept(keeper) as (url, _errors):
        assert url.startswith("http://127.0.0.1:") and said(keeper, "status")["waiting"] == 0
        assert said(keeper, "invite", "--name", "Sam", "--save", str(file))["url"] == url
        said(other, "join", str(file))
        said(other, "sync")
        assert first_names(other) == {"Kay"}
    said(keeper, "member", "add", "first_name=Lee")
    with kept(keeper):  # what was added meanwhile, too
        said(other, "sync")
        assert first_names(other) == {"Kay", "Lee"}


def test_a_chapter_that_is_kept_here_never_gets_into_an_office_s_database(keeper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALUMNI_DESK_DATABASE", "postgresql+psycopg://nobody@127.0.0.1:1/office")
    with kept(keeper):
        assert (keeper / "server.db").exists() and said(keeper, "status")["waiting"] == 0


def test_the_commands_of_a_server_say_whose_server_it_is(keeper: Path) -> None:
    with kept(keeper):
        pass
    for words in (["server", "stats"], ["server", "init"], ["serve", "--port", "0"]):
        done = subprocess.run([sys.executable, "-m", "alumni_desk", "--profile", str(keeper), *words], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 1 and "on which this laptop keeps its chapter" in done.stderr, done.stderr


def test_a_chapter_that_nobody_has_named_is_named_and_then_not_called_another_one(keeper: Path) -> None:
    with kept(keeper, "--chapter", "Great Lakes"):  # it began with its first member, who said no name for it
        assert said(keeper, "chapter")["name"] == said(keeper, "invite", "--name", "Sam")["chapter"] == "Great Lakes"
    done = subprocess.run(words(keeper, "keep", "--host", "127.0.0.1", "--chapter", "Ohio"), capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1 and done.stderr.startswith("This chapter is called “Great Lakes” already"), done.stderr
    with kept(keeper, "--chapter", "Great Lakes") as (url, _errors):
        assert url


def test_the_port_that_was_given_last_is_kept_and_a_given_one_wins(keeper: Path, tmp_path: Path) -> None:
    first, second, other = free_port(), free_port(), tmp_path / "other"
    with kept(keeper, "--port", str(first)) as (url, errors):
        assert url == f"http://127.0.0.1:{first}"
        said(other, "join", url, said(keeper, "invite", "--name", "Sam")["code"])
    assert errors == [""]
    with kept(keeper, "--port", str(second)) as (url, errors):
        assert url == f"http://127.0.0.1:{second}"
        said(keeper, "member", "add", "first_name=Lee")
        assert said(keeper, "sync")["waiting"] == 0, "it finds its own server there, too"
        made = said(keeper, "invite", "--name", "Sam")
        assert made["url"] == url
        with open_desk(Profile(keeper)) as desk:
            assert look_up(desk).ports == (first, second), "the window says so"
        said(other, "join", made["url"], made["code"])
        said(other, "sync")
        assert first_names(other) == {"Kay", "Lee"}
        assert said(keeper, "laptops") and said(keeper, "sync")["waiting"] == 0
        with open_desk(Profile(keeper)) as desk:
            assert look_up(desk).ports is None, "every other one has found it"
    assert f"port {first}: each learns of port {second} by a new invitation" in errors[0] and "one address alone is not announced" in errors[0]
    for more in ((), ("--anyway",)):
        with kept(keeper, *more) as (url, errors):
            assert url == f"http://127.0.0.1:{second}" and said(keeper, "sync")["waiting"] == 0
        assert errors == [""]
    with kept(keeper, "--port", str(first), "--host", "0.0.0.0") as (_url, errors):
        assert said(keeper, "sync")["waiting"] == 0
    assert f"In the same network they find it at port {first} by themselves" in errors[0], errors


def test_a_port_that_is_taken_is_not_remembered(keeper: Path) -> None:
    first = free_port()
    with kept(keeper, "--port", str(first)):
        pass
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(words(keeper, "keep", "--host", "127.0.0.1", "--port", port), capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 1 and f"port {port} is in use" in done.stderr
    with kept(keeper) as (url, _errors):
        assert url == f"http://127.0.0.1:{first}"
