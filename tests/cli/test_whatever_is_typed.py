"""Any command with any words: it does it, or says in one sentence why not; JSON is JSON, and nobody reads of the program's insides.

ALUMNI_DESK_TYPED: how many runs, ALUMNI_DESK_TYPED_STEPS: of how many commands, ALUMNI_DESK_TYPED_FIRST: the first seed.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tests.sync.conftest import RunningServer, make_server

from alumni_desk.cli.main import COMMANDS, parser_for, run
from alumni_desk.schema import open_desk
from alumni_desk.store.checking import verify
from alumni_desk.store.profile import Profile

__all__ = ["make_server"]

SEEDS = int(os.environ.get("ALUMNI_DESK_TYPED", "1"))
FIRST = int(os.environ.get("ALUMNI_DESK_TYPED_FIRST", "0"))
STEPS = int(os.environ.get("ALUMNI_DESK_TYPED_STEPS", "40"))

NEVER = frozenset({"demo", "tour", "serve", "keep", "share", "venue"})
"""What opens a window, serves until it is ended, or listens to the room."""

TEXTS = ("", " ", "a", "Ada Obi", "Łukasz", "dinner", "next", "last", "<b>x</b>", "=1+1", "'", '"', "%", "x" * 300, "محمد", "0", "-1", "7", "1e9", "1998",
         "18:30", "2031-06-01", "2031-06-01T18:30", "2031-13-40", "yes", "no", "maybe", "first_name=Zoë", "last_name=", "email=zoe@example.org", "email=x",
         "class_year=1850", "name=Supper", "capacity=-3", "=", "no_field=1", "http://127.0.0.1:9", "https://[::1", "1234-5678",
         "00000000-0000-0000-0000-000000000000",
         "\ud800", "\u202e", "🎉", "Europe/Berlin", "everything", "door", "leader")


FIELDS = ("first_name", "last_name", "email", "class_year", "city", "phones", "birth_date", "solicit_codes", "notes", "deceased", "country", "name", "capacity",
          "starts", "place", "title", "no_field")
FILES = ("list.csv", "odd.bin", "empty", "out.pdf", "out.xlsx", "out.csv", "backup.desk", "no/such/folder/f", ".", "f.parcel")


def leaves(parser: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Every command with its parts."""
    below = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not below:
        yield words, parser
    for action in below:
        for name, child in action.choices.items():
            yield from leaves(child, (*words, name))


class Typist:
    """Somebody who types commands, right ones and wrong ones."""

    def __init__(self, folder: Path, seed: int, invite: Callable[[], str] | None = None) -> None:
        self.folder, self.chance = folder, Random(seed)
        self.profile = folder / "profile"
        self.known: dict[str, list[str]] = {}
        self.url, self.invite = "", invite
        (folder / "list.csv").write_text("First name,Last name,E-mail\nIva,Novak,iva@example.org\n=cmd,Ødegård,x@example.org\n", "utf-8")
        (folder / "odd.bin").write_bytes(b"\x00\xff what is this")
        (folder / "empty").touch()

    def word(self, action: argparse.Action) -> str:
        """Something that fits, or does not."""
        what, meant = self.chance.random(), str(action.metavar or action.dest).upper()
        if what < 0.6:
            if "GATHERING" in meant:
                return self.chance.choice(["next", "Dinner", *self.known.get("gathering", ())])
            if "=" in meant or "FIELD" in meant:
                return self.chance.choice(FIELDS) + "=" + self.chance.choice(TEXTS)
            if any(one in meant for one in ("FILE", "OUT", "FOLDER", "DIR")):
                return str(self.folder / self.chance.choice(FILES))
            if any(one in meant for one in ("WHEN", "START", "END", "UNTIL")):
                return self.chance.choice(("2031-06-01T18:30", "2031-06-01", "18:30", "2019-01-01T09:00", "2031-02-30T10:00"))
            if "URL" in meant or "ADDRESS" in meant:
                return self.chance.choice((self.url or "http://127.0.0.1:9", "http://127.0.0.1:9"))
            if "CODE" in meant and self.invite is not None:
                return self.invite()
            several = [one for kind in ("id", "person", "registration", "name", "code", "fact") for one in self.known.get(kind, ())]
            if several:
                return self.chance.choice(several)
        if what < 0.75:
            return str(self.folder / self.chance.choice(FILES))
        return self.chance.choice(TEXTS)

    def command(self) -> list[str]:
        """A command with its arguments."""
        name = self.chance.choice([one for one in COMMANDS if one not in NEVER])
        path, parser = self.chance.choice(list(leaves(parser_for([name]))))
        while path[0] != name:
            path, parser = self.chance.choice(list(leaves(parser_for([name]))))
        words = list(path)
        for action in parser._actions:
            if isinstance(action, argparse._HelpAction) or action.dest == "json":
                continue
            wanted = not action.option_strings or action.required or self.chance.random() < 0.15
            if action.nargs in ("?", "*") and not action.option_strings:
                wanted = self.chance.random() < 0.6
            if not wanted:
                continue
            if action.option_strings:
                words.append(self.chance.choice(action.option_strings))
            if action.nargs == 0:
                continue
            times = self.chance.choice((1, 1, 2)) if action.nargs in ("+", "*") else action.nargs if isinstance(action.nargs, int) else 1
            for _time in range(times):
                words.append(str(self.chance.choice(list(action.choices))) if action.choices and self.chance.random() < 0.9 else self.word(action))
        return words

    def learn(self, said: Any) -> None:
        """Ids that were told are used again."""
        if isinstance(said, dict):
            for key, value in said.items():
                if isinstance(value, str) and key in ("id", "person", "gathering", "registration", "code", "name", "fact"):
                    self.known.setdefault(key, []).append(value)
                    del self.known[key][:-12]
                self.learn(value)
        elif isinstance(said, list):
            for one in said[:5]:
                self.learn(one)


def type_much(typist: Typist, capsys: pytest.CaptureFixture[str]) -> None:
    """Command after command."""
    at = ["--profile", str(typist.profile)]
    for words in (["member", "add", "first_name=Ada", "last_name=Obi"], ["member", "add", "first_name=Li", "last_name=Chen", "class_year=2004"],
                  ["gathering", "new", "Dinner", "--start", "2031-06-01T18:30", "--end", "2031-06-01T21:00"], ["guests", "next", "--add", "Obi"],
                  ["members"], ["guests", "next"], ["gatherings"]):
        assert run([*at, *words, "--json"]) == 0
        typist.learn(json.loads(capsys.readouterr().out))
    for step in range(STEPS):
        words = typist.command()
        as_json = typist.chance.random() < 0.8
        try:
            code = run([*at, *words, *(["--json"] if as_json else [])])
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        shown = f"{step}: {words} {'--json ' if as_json else ''}-> {code}\n{said.out[:300]}\n{said.err[:600]}"
        assert code in (0, 1, 2), shown
        assert "Something went wrong" not in said.err and "Traceback" not in said.err, shown
        if code == 1:
            lines = said.err.strip().splitlines()
            assert lines and lines[-1].rstrip()[-1:] in ".?!)”:" and len(lines) < 8, shown
        if code == 0 and as_json:
            typist.learn(json.loads(said.out))
    if (typist.profile / "desk.db").exists():
        with open_desk(Profile(typist.profile)) as desk:
            assert verify(desk).ok


@pytest.mark.long
@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_whatever_is_typed_is_done_or_refused_in_a_sentence(
        seed: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    type_much(Typist(tmp_path, seed), capsys)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(FIRST, FIRST + (SEEDS + 1) // 2))
def test_whatever_is_typed_on_a_laptop_of_a_server_too(
        seed: int, make_server: Callable[..., RunningServer], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    server = make_server()
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    typist = Typist(folder, seed, server.invite)
    typist.url = server.url
    assert run(["--profile", str(typist.profile), "join", server.url, server.invite()]) == 0
    assert run(["--profile", str(typist.profile), "sync"]) == 0
    capsys.readouterr()
    type_much(typist, capsys)
