"""Every job as somebody types it: what it prints, what it leaves behind, how it ends."""

from __future__ import annotations

import argparse
import io
import json
import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.store.test_keyring import Shelf

from alumni_desk.cli.main import COMMANDS, command_of, parser_for, run
from alumni_desk.schema import open_desk
from alumni_desk.store import keys as store_keys
from alumni_desk.store.backup import back_up
from alumni_desk.store.profile import Profile
from alumni_desk.store.troubles import changes_lost
from alumni_desk.words import day

Do = Callable[..., Any]


@pytest.fixture
def do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Do:
    """Runs a command on one profile. Gives what it printed as JSON, after checking the exit code."""

    def doing(*words: str | Path, code: int = 0, text: bool = False) -> Any:
        capsys.readouterr()
        ended = run(["--profile", str(tmp_path / "profile"), *map(str, words), *([] if text else ["--json"])])
        said = capsys.readouterr()
        assert ended == code, said.err or said.out
        assert "Traceback" not in said.err
        if code:
            assert len(said.err.strip().splitlines()) == 1 and said.err.strip().endswith("."), said.err
        if code and (text or not said.out):
            return said.err.strip()
        return said.out if text else json.loads(said.out)

    return doing


@pytest.fixture
def chapter(do: Do) -> dict[str, str]:
    """A gathering and three members on its list."""
    ids = {name: do("member", "add", f"first_name={name}", f"last_name={last}", f"class_year={year}")["id"]
           for name, last, year in (("Łukasz", "Chen", "1998"), ("Li", "Chen", "2004"), ("Ada", "Obi", "2012"))}
    ids["gathering"] = do("gathering", "new", "Autumn Reception", "--start", "2030-11-12T18:30", "--end", "2030-11-12T21:00", "--capacity", "40",
                          "--place", "Harbor Hall")["id"]
    assert do("guests", "next", "--add", "chen")["added"] == 2
    assert do("guests", "next", "--add", "obi")["added"] == 1
    return ids


def test_a_picture_of_an_invitation_is_for_the_window(do: Do, tmp_path: Path) -> None:
    for name, begins in (("code.png", b"\x89PNG\r\n\x1a\n"), ("photo.jpg", b"\xff\xd8\xff\xe0")):
        (tmp_path / name).write_bytes(begins + bytes(40))
        assert "only the window reads pictures" in do("join", tmp_path / name, code=1)
    (tmp_path / "list.txt").write_text("Anna")
    assert "is not an invitation" in do("join", tmp_path / "list.txt", code=1)


def test_a_profile_without_a_name_is_not_the_usual_one(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--profile", "", "members"], ["--profile=", "members"], ["--profile", " "]):
        with pytest.raises(SystemExit) as ended:
            run(words)
        assert ended.value.code == 2 and "no folder is named" in capsys.readouterr().err


def test_members(do: Do) -> None:
    added = do("member", "add", "first_name=Łukasz", "last_name=Żółć", "class_year=1998", "email=lz@example.org", "city=Gdańsk")
    assert [row["name"] for row in do("members", "lukasz", "zolc")] == ["Łukasz Żółć"]
    assert do("members", "98", "gdansk")[0]["id"] == added["id"]
    assert do("members", "nobody") == []
    do("member", "set", added["id"], "preferred_name=Luk", "city=")
    shown = do("member", "show", "luk")
    assert shown["id"] == added["id"] and shown["fields"]["preferred_name"] == "Luk" and not shown["fields"].get("city")
    do("member", "remove", added["id"])
    assert do("members") == []
    assert "Nobody here is called" in do("member", "show", "luk", code=1)


def test_what_cannot_be_used_is_said_in_one_sentence(do: Do) -> None:
    for words in (("member", "add", "class_year=1998"), ("member", "add", "first_name=Bo", "email=bo"),
                  ("gathering", "new", "X", "--start", "soon", "--end", "later"), ("gathering", "show", "nothing"), ("headcount", "next"),
                  ("check-in", "x", "y"), ("roster", "next", "-o", "x.pdf"), ("sync",), ("restore", "nowhere.desk"), ("import", "nowhere.csv")):
        sentence = do(*words, code=1)
        assert sentence.endswith(".") and len(sentence) < 600, sentence


def test_wrong_usage_is_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start = ["gathering", "new", "X", "--start", "2030-01-02T18:30", "--end", "2030-01-02T20:30"]
    for words, told in (
        (["nonsense"], "nonsense"), (["members", "--limit", "x"], "“x” is not a whole number"), (["members", "--limit", "-3"], "-3 is less than 0"),
        (["activity", "--limit", "0"], "0 is less than 1"), (["gathering", "new"], "NAME"), (["tour", "-o", "x", "--size", "10x10"], "10x10"),
        (["serve", "--port", "99999"], "99999 is more than 65,535"), (["share", "--port", "99999"], "99999 is more than 65,535"),
        (["refused", "--limit", "0"], "0 is less than 1"), (["refused", "--limit", "9" * 20], "is more than"),
        (["members", "--limit", "9" * 5000], "is more than"),
        (["serve", "--host", ""], "not an address"), (["serve", "--host", "é" * 70], "not an address"), (["keep", "--host", " "], "not an address"),
        (["demo", "--members", "-1"], "-1 is less than 0"),
        (["demo", "--today", "soon"], "“soon” is not a day such as"), (["member", "add", "Ana"], "“Ana” is not FIELD=VALUE"),
        (["member", "set", "x", "shoes=42"], "no field “shoes”"), (["gathering", "set", "x", "shoes=42"], "no field “shoes”"),
        (["walk-in", "next", "Ana", "shoes=42"], "no field “shoes”"), (["walk-in", "next", "first_name=Wal", "last_name=Kin"], "the name comes first"),
        (["badges", "next", "-o", "x", "--stock", "paper"], "“paper” is not one of avery"),
        (["badges", "next", "-o", "x", "--start-at", "0"], "0 is less than 1"), ([*start, "--kind", "rave"], "“rave” is not one of reception"),
        (["guests", "next", "--set", "ana", "perhaps"], "“perhaps” is not one of invited"),
    ):
        with pytest.raises(SystemExit) as ended:
            run(["--profile", str(tmp_path), *words])
        assert ended.value.code == 2
        said = capsys.readouterr().err
        assert "usage:" in said and told in said, said


def test_keys_are_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    for command, keys in (("check-in", ("registration", "gathering")), ("guests", ("--guest-of: added, already, id", "deceased"))):
        with pytest.raises(SystemExit):
            run([command, "--help"])
        told = " ".join(capsys.readouterr().out.split()).split("JSON", 1)[1]
        assert all(key in told for key in keys), told


def test_a_profile_that_is_called_like_a_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (["--profile", "sync"], ["--profile=sync"], ["--prof", "sync"]):
        assert run([*words, "members", "--json"]) == 0
        assert capsys.readouterr().out.strip() == "[]"
    assert (tmp_path / "sync").is_dir()
    assert [command_of(words.split()) for words in ("", "--version", "--profile members", "--profile x members", "nonsense members")] == [
        None, None, None, "members", None]


def test_every_command_is_told_from_a_file_and_loads_its_own_module_alone() -> None:
    """A command that is not known as one opens the window where a file stands behind it."""
    parts = next(one for one in parser_for(["--help"])._actions if isinstance(one, argparse._SubParsersAction))
    assert sorted(parts.choices) == sorted(COMMANDS)


def test_move_takes_an_invitations_file_or_says_what_it_wants(do: Do, tmp_path: Path) -> None:
    other = tmp_path / "list.csv"
    other.write_text("First name\nAda", encoding="utf-8")
    assert "is not an invitation of Alumni Desk" in do("move", str(other), code=1, text=True)
    assert "There is no file nofile.inv." in do("join", "nofile.inv", code=1, text=True)
    assert "Give the invitation’s code after the address, or the invitation’s file." in do("move", "https://desk.example.org", code=1, text=True)


def test_every_help_names_its_keys(capsys: pytest.CaptureFixture[str]) -> None:
    deeper = {"member": ("show", "add", "set", "remove"), "gathering": ("new", "show", "set", "cancel"), "server": ("init", "invite", "devices")}
    for command in COMMANDS:
        for words in [[command, part] for part in deeper.get(command, ())] or [[command]]:
            with pytest.raises(SystemExit) as ended:
                run([*words, "--help"])
            assert ended.value.code == 0
            assert "JSON" in capsys.readouterr().out, words


def test_the_door(do: Do, chapter: dict[str, str]) -> None:
    assert do("headcount", "next") == {"registered": 3, "in": 0, "out": 0, "walk_ins": 0}
    choose = do("check-in", "next", "chen", code=1)
    assert choose["verdict"] == "choose" and {one["name"] for one in choose["candidates"]} == {"Łukasz Chen", "Li Chen"}
    first = do("check-in", "next", "lukasz", "--station", "Main door")
    assert first["verdict"] == "admitted" and first["person"]["id"] == chapter["Łukasz"] and first["station"] == "Main door"
    again = do("check-in", "autumn", "lukasz")
    assert again["verdict"] == "already_in" and again["at"] == first["at"]
    assert do("check-in", "next", "zzz", code=1)["verdict"] == "not_found"
    assert do("check-in", "next", "zzz", code=1, text=True).startswith("Nobody here is called that.")
    assert do("check-in", "next", "chen", code=1, text=True).startswith("Several people may be meant")
    code = next(guest["code"] for guest in do("guests", "next") if guest["person"] == chapter["Ada"])
    assert do("check-in", "next", code)["person"]["id"] == chapter["Ada"]
    walked = do("walk-in", "next", "Sam Okonkwo", "class_year=2007", "email=sam@example.org")
    assert walked["verdict"] == "admitted"
    assert do("headcount", "next") == {"registered": 3, "in": 3, "out": 0, "walk_ins": 1}
    do("undo-check-in", "next", "lukasz", "--reason", "wrong Chen")
    assert do("headcount", "next")["in"] == 2
    assert do("check-in", "next", "lukasz")["verdict"] == "admitted"


def test_whom_a_walk_in_comes_with_is_said_by_name_id_or_code(do: Do, chapter: dict[str, str]) -> None:
    ada = next(guest for guest in do("guests", "next") if guest["person"] == chapter["Ada"])
    for n, host in enumerate(("ada", ada["person"], ada["id"], ada["code"])):
        do("walk-in", "next", f"Guest {n}", f"host={host}")
    assert [guest["host"] for guest in do("guests", "next") if guest["walk_in"]] == [ada["id"]] * 4
    bo = do("member", "add", "first_name=Bo", "last_name=Elsewhere")["id"]
    assert "Bo Elsewhere is not on the list" in do("walk-in", "next", "Late Guest", "host=bo elsewhere", code=1, text=True)
    assert "Nobody at this gathering is called" in do("walk-in", "next", "Late Guest", f"host={bo}", code=1, text=True)
    assert do("headcount", "next")["walk_ins"] == 4


def test_a_badge_of_another_gathering(do: Do, chapter: dict[str, str]) -> None:
    do("gathering", "new", "Winter Dinner", "--start", "2031-01-12T18:30", "--end", "2031-01-12T21:00")
    code = do("guests", "next")[0]["code"]
    refused = do("check-in", "winter", code, code=1)
    assert refused["verdict"] == "refused" and refused["gathering"] == "Autumn Reception"
    assert "a badge of another gathering (Autumn Reception)" in do("check-in", "winter", code, code=1, text=True)


def test_members_counted_but_not_shown(do: Do, chapter: dict[str, str]) -> None:
    assert do("members", "--limit", "0", text=True).strip() == "0 of 3 members"
    assert do("members", "zzz", text=True).strip() == "Nobody fits “zzz”."


def test_nobody_who_died_is_put_on_a_list_in_silence(do: Do, chapter: dict[str, str]) -> None:
    dead = do("member", "add", "first_name=Ida", "last_name=Chen", "class_year=1950", "deceased=yes")["id"]
    assert "Ida Chen has died" in do("guests", "next", "--add", dead, code=1)
    assert do("guests", "next", "--add", "chen") == {"added": 0, "already": 2, "deceased": 1}
    assert "1 has died and was left out" in do("guests", "next", "--add", "chen", text=True)
    assert dead not in [guest["person"] for guest in do("guests", "next")]
    do("member", "add", "first_name=Una", "last_name=Sked")
    for nobody in ("", " "):
        assert "Nobody is named after --add" in do("guests", "next", "--add", nobody, code=1)
    assert "Una Sked" not in [guest["name"] for guest in do("guests", "next")]
    asked = do("check-in", "next", "ida", code=1)
    assert (asked["verdict"], asked["reason"]) == ("needs_a_word", "deceased")
    assert "has died, says the member list" in do("check-in", "next", "ida", code=1, text=True)
    do("member", "set", chapter["Ada"], "deceased=yes")
    assert do("check-in", "next", "ada", code=1)["reason"] == "deceased"
    assert do("check-in", "next", "ada", "--let-in")["verdict"] == "admitted"


def test_everybody_who_is_named_in_one_command_is_put_on_the_list(do: Do, chapter: dict[str, str]) -> None:
    do("gathering", "new", "Picnic", "--start", "2031-06-12T12:00", "--end", "2031-06-12T15:00")
    assert "Nobody here is called" in do("guests", "picnic", "--add", "ada", "--add", "nobody such", code=1, text=True)
    assert do("guests", "picnic") == []
    assert do("guests", "picnic", "--add", "ada", "--add", "chen", "--add", "ada")["added"] == len(do("members", "chen")) + 1
    for twice in (("--set", "ada", "no", "--set", "li", "no"), ("--guest-of", "ada", "Bo", "--guest-of", "li")):
        with pytest.raises(SystemExit):
            do("guests", "picnic", *twice)
    assert {(guest["status"], guest["host"]) for guest in do("guests", "picnic")} == {("yes", None)}


def test_what_goes_with_another_option_is_not_left_out_without_a_word(do: Do, chapter: dict[str, str]) -> None:
    for words in (("--status", "maybe"), ("--set", "ada", "no", "--status", "maybe"), ("--import", "people.csv", "--status", "no")):
        assert "--set WHO" in do("guests", "next", *words, code=1, text=True)
    assert "--import" in do("guests", "next", "--add", "li", "--rejects", "rest.csv", code=1, text=True)


def test_nothing_that_is_given_twice_is_left_out_without_a_word(do: Do, chapter: dict[str, str]) -> None:
    for words in (("member", "add", "first_name=Bo", "email=a@example.org", "email=b@example.org"),
                  ("member", "set", chapter["Ada"], "city=Oslo", "city=Bergen"),
                  ("gathering", "set", chapter["gathering"], "place=Garden", "--place", "Hall"),
                  ("walk-in", "next", "Bo", "email=a@example.org", "email=b@example.org")):
        assert "is given twice, and nothing was changed" in do(*words, code=1)
    for words in (("gathering", "set", chapter["gathering"], "--place", "Hall", "--place", "Garden"),
                  ("gathering", "new", "Picnic", "--start", "2031-06-12T12:00", "--start", "2031-06-13T12:00", "--end", "2031-06-13T15:00")):
        with pytest.raises(SystemExit):
            do(*words)
    assert do("members", "bo") == [] and len(do("gatherings")) == 1 and do("headcount", chapter["gathering"])["in"] == 0


def test_a_cancelled_gathering_lets_nobody_in_and_keeps_its_reason(do: Do, chapter: dict[str, str]) -> None:
    do("gathering", "cancel", chapter["gathering"], "--reason", "The hall is closed")
    do("gathering", "cancel", chapter["gathering"])
    assert do("gathering", "show", chapter["gathering"])["cancelled_reason"] == "The hall is closed"
    for words in (("walk-in", chapter["gathering"], "Sam Poe"), ("check-in", chapter["gathering"], "ada")):
        assert "was cancelled, so nobody was let in" in do(*words, code=1)
    assert do("headcount", chapter["gathering"]) == {"registered": 3, "in": 0, "out": 0, "walk_ins": 0}
    do("gathering", "cancel", chapter["gathering"], "--undo")
    do("gathering", "cancel", chapter["gathering"])
    assert do("gathering", "show", chapter["gathering"])["cancelled_reason"] is None


def test_namesakes_are_told_apart(do: Do, chapter: dict[str, str]) -> None:
    told = do("member", "show", "chen", code=1)
    assert f"Łukasz Chen 1998 ({chapter['Łukasz']})" in told and f"Li Chen 2004 ({chapter['Li']})" in told


def test_the_roster_leaves_out_who_is_not_expected(do: Do, chapter: dict[str, str], tmp_path: Path) -> None:
    do("guests", "next", "--set", "ada", "no")
    out = tmp_path / "roster.csv"
    assert do("roster", "next", "-o", out)["rows"] == 2
    assert "Ada" not in out.read_text("utf-8-sig")
    assert "1 who is not coming is left out." in do("roster", "next", "-o", out, text=True)
    do("check-in", "next", "ada", "--let-in")
    assert do("roster", "next", "-o", out)["rows"] == 3


def test_the_roster_tells_whose_name_has_to_be_written_by_hand(do: Do, chapter: dict[str, str], tmp_path: Path) -> None:
    who = do("member", "add", "first_name=ᏣᎳᎩ", "last_name=ᎠᏂ")["id"]
    do("guests", "next", "--add", who)
    out = tmp_path / "roster.pdf"
    [look] = do("roster", "next", "-o", out)["looks"]
    assert look["name"] == "ᏣᎳᎩ ᎠᏂ" and look["reason"] == "Ꮳ Ꮃ Ꭹ Ꭰ Ꮒ cannot be printed"
    assert "ᏣᎳᎩ ᎠᏂ: Ꮳ Ꮃ Ꭹ Ꭰ Ꮒ cannot be printed" in do("roster", "next", "-o", out, text=True)
    assert do("roster", "next", "-o", tmp_path / "roster.csv")["looks"] == []


def test_a_gathering_that_ends_before_it_starts_says_so(do: Do, chapter: dict[str, str], tmp_path: Path) -> None:
    assert "ends before" not in do("gathering", "show", "next", text=True)
    with open_desk(Profile(tmp_path / "profile")) as desk, desk.writing("gathering_changed") as writing:
        writing.change("gathering", chapter["gathering"], starts="2030-11-12T22:30")
    assert "Two people may have changed its hours apart. Set start and end again." in do("gathering", "show", "next", text=True)
    do("gathering", "set", "next", "--place", "There")
    assert do("gathering", "show", "next")["place"] == "There"


def test_a_chapter_of_the_server_has_a_name(do: Do) -> None:
    do("server", "init")
    for name in ("", "  ", "x" * 500):
        assert "A chapter’s name has 1 to 200 letters" in do("server", "invite", "--chapter", name, "--role", "admin", code=1)


def test_one_is_one(do: Do, tmp_path: Path) -> None:
    do("member", "add", "first_name=Ada", "last_name=Obi")
    do("gathering", "new", "Dinner", "--start", "2030-01-02T18:30", "--end", "2030-01-02T20:30", "--capacity", "1")
    do("guests", "next", "--add", "ada")
    do("check-in", "next", "ada")
    assert do("headcount", "next", text=True).strip() == "1 person here · 1 of 1 expected · 0 walk-ins · 0 gone again"
    assert do("badges", "next", "-o", tmp_path / "b.pdf", text=True).startswith("1 badge on 1 sheet: ")
    assert do("verify", text=True).strip() == "Everything is as it should be: 1 member, 1 gathering, 2 facts of the door."
    assert "\n1 place" in do("gathering", "show", "next", text=True)


def test_gatherings_and_answers(do: Do, chapter: dict[str, str], tmp_path: Path) -> None:
    do("gathering", "set", "next", "capacity=50", "place=Old Hall")
    shown = do("gathering", "show", chapter["gathering"])
    assert (shown["capacity"], shown["place"], shown["coming"]) == (50, "Old Hall", 3)
    assert do("guests", "next", "--set", "ada", "no")["status"] == "no"
    assert do("gatherings")[0]["not_coming"] == 1
    signups = tmp_path / "sign-ups.csv"
    signups.write_text("First name,Last name,E-mail\nAda,Obi,\nNew,Person,new@example.org\n", "utf-8")
    taken = do("guests", "next", "--import", signups)
    assert taken["rows"] == 2 and taken["added"] + taken["updated"] + taken["unchanged"] + taken["rejected"] == 2
    assert [row["name"] for row in do("members")].count("New Person") == 0
    assert "New Person" in [row["name"] for row in do("guests", "next")]
    do("gathering", "cancel", "next", "--reason", "The hall is closed")
    assert do("gatherings")[0]["cancelled"]


def test_paper(do: Do, chapter: dict[str, str], tmp_path: Path) -> None:
    import pypdfium2

    out = tmp_path / "badges.pdf"
    made = do("badges", "next", "-o", out, "--start-at", "5")
    assert made["badges"] == 3 and made["pages"] == 2
    document = pypdfium2.PdfDocument(out)
    assert len(document) == 2
    document.close()
    assert "printed" in do("badges", "next", "-o", out, "--only-new", code=1)
    for ending, starts in ((".pdf", b"%PDF"), (".csv", b"\xef\xbb\xbf"), (".xlsx", b"PK")):
        roster = tmp_path / f"roster{ending}"
        assert do("roster", "next", "-o", roster)["rows"] == 3
        assert roster.read_bytes().startswith(starts)
    assert do("roster", "next", "-o", tmp_path / "roster.doc", code=1).endswith(".")
    assert "cannot be written" in do("badges", "next", "-o", tmp_path / "no" / "such" / "b.pdf", code=1)


def test_a_name_like_a_formula_stays_text(do: Do, chapter: dict[str, str], tmp_path: Path) -> None:
    import openpyxl

    do("member", "set", chapter["Ada"], 'first_name==HYPERLINK("http://x","y")', "last_name=+1")
    book, table = tmp_path / "roster.xlsx", tmp_path / "roster.csv"
    do("roster", "next", "-o", book)
    do("roster", "next", "-o", table)
    cells = [cell for row in openpyxl.load_workbook(book).active.iter_rows() for cell in row]  # type: ignore[union-attr]
    assert all(cell.data_type != "f" for cell in cells) and any("HYPERLINK" in str(cell.value) for cell in cells)
    assert '"\'=' in table.read_text("utf-8-sig") or "'=" in table.read_text("utf-8-sig")


def test_backup_restore_verify_status(do: Do, chapter: dict[str, str], tmp_path: Path) -> None:
    assert do("status") == {"state": "alone", "waiting": 0, "last_sync": None, "clock_ahead_seconds": 0, "role": None, "gathering": None,
                            "until": None, "identical": None, "checked": None, "mended": 0}
    assert do("verify")["ok"]
    saved = tmp_path / "saved.desk"
    made = do("backup", saved)
    assert made["members"] == 3 and made["opens"] == ["password"]
    assert b"Chen" not in saved.read_bytes()
    do("member", "remove", chapter["Ada"])
    assert do("restore", saved)["members"] == 3
    assert len(do("members")) == 3


def test_export_is_stable(do: Do, chapter: dict[str, str], tmp_path: Path) -> None:
    one, two = tmp_path / "1.ndjson", tmp_path / "2.ndjson"
    do("export", "-o", one)
    do("export", "-o", two)
    assert one.read_bytes() == two.read_bytes() and one.stat().st_size > 500
    assert b"clocks" not in one.read_bytes()


def test_the_sample_by_command(do: Do) -> None:
    made = do("demo", "--members", "60", "--seed", "3", "--today", "2026-11-10", "--no-window")
    assert made["made"] and made["members"] == 60 and made["gatherings"] == 12
    assert not do("demo", "--no-window")["made"]


def test_words_for_people(do: Do, chapter: dict[str, str]) -> None:
    assert "3" in do("headcount", "next", text=True)
    assert "Autumn Reception" in do("gatherings", text=True)
    assert "Łukasz Chen" in do("members", "lukasz", text=True)
    assert "Saved here" in do("status", text=True)


def test_undo_redo_activity_and_history(do: Do) -> None:
    ana = do("member", "add", "first_name=Ana", "last_name=Lima")["id"]
    do("member", "set", ana, "email=one@example.org")
    do("member", "set", ana, "email=two@example.org")
    newest, older, *_rest = do("activity")
    assert {"id", "at", "who", "what", "count", "undoable", "reason"} <= newest.keys()
    assert newest["what"] == "Changed the e-mail of Ana Lima" and newest["undoable"] and newest["reason"] is None and newest["count"] == 1
    refused = do("undo", older["id"], code=1)
    assert refused["error"] == "all_changed_since" and [(one["name"], one["why"]) for one in refused["left"]] == [("Ana Lima", "changed")]
    assert "Ana Lima" in do("undo", older["id"], code=1, text=True)
    stays = next(one for one in do("activity") if one["id"] == older["id"])
    assert not stays["undoable"] and stays["reason"] == "Changed or in use since, so it stays"
    done = do("undo")
    assert newest.keys() <= done.keys() and (done["what"], done["count"], done["undoable"], done["reason"]) == (newest["what"], 1, False, "Undone already")
    assert done["id"] == newest["id"] and done["state"] == "undone" and done["left"] == []
    assert not do("activity", "--limit", "1")[0]["undoable"]
    assert do("redo")["state"] == "done" and "nothing to redo" in do("redo", code=1)
    versions = [one for one in do("history", "ana lima") if one["field"] == "email"]
    assert [one["value"] for one in versions] == ["two@example.org", "one@example.org", "two@example.org", "one@example.org"]
    assert do("history", ana, "--restore", versions[-1]["id"])["changed"]
    assert do("member", "show", ana)["fields"]["email"] == "one@example.org"
    for turn in ("undo", "redo"):
        assert "no such action" in do(turn, "", code=1, text=True), "an id that is empty is none"
    assert "no such" in do("undo", "nothing", code=1) and "no such value" in do("history", ana, "--restore", "x", code=1)
    assert "Ana Lima" in do("activity", text=True) and "one@example.org" in do("history", ana, text=True)


def test_json_says_whose_an_action_is_where_nobody_has_given_a_name(do: Do, tmp_path: Path) -> None:
    ana = do("member", "add", "first_name=Ana", "last_name=Lima")["id"]
    assert [(one["who"], one["device"], one["here"]) for one in (do("activity")[0], do("activity", "--everyone")[0])] == [(None, None, True)] * 2
    assert "this laptop" in do("activity", "--everyone", text=True)
    assert {(one["who"], one["here"]) for one in do("history", ana)} == {(None, True)}
    do("member", "set", ana, "email=one@example.org")
    older = do("activity")[0]["id"]
    do("member", "set", ana, "email=two@example.org")
    [left] = do("undo", older, code=1)["left"]
    assert (left["who"], left["here"]) == (None, True)
    turned = [do("undo"), do("redo")]
    assert [(one["who"], one["here"]) for one in turned] == [(None, True)] * 2
    with open_desk(Profile(tmp_path / "profile")) as desk, desk.writing("x") as writing:  # as a sync keeps what another one wrote and somebody here wrote over
        writing.connection.exec_driver_sql("INSERT INTO past (table_name, row_id, field, value, clock) VALUES ('person', ?, 'email', ?, ?)",
                                           (ana, '"old@example.org"', "019ab0000000-0000-ffffffffffffffff"))
    assert {(one["value"], one["who"], one["here"]) for one in do("history", ana) if one["value"] == "old@example.org"} == {("old@example.org", None, False)}


def test_backups_by_themselves(do: Do, chapter: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert do("backups") == []
    people = tmp_path / "people.csv"
    people.write_text("First name,Last name\nMei,Lin\n", "utf-8")
    do("import", people, "--dry-run")
    assert do("backups") == []
    do("import", people)
    assert do("undo")["count"] == 1 == do("redo")["count"] == do("activity")[0]["count"]
    [before] = do("backups")
    assert (before["why"], before["note"], before["members"], before["damaged"], before["kept_as"]) == ("before_import", "people.csv", 3, False, "before")
    assert do("restore", before["file"], "--dry-run")["members"] == 3
    done = do("restore", before["file"])
    assert (done["members"], done["carried"], done["from_outbox"]) == (3, 0, False)
    refused = do("undo", code=1)
    assert "which Undo does not take back" in refused and f"“{Path(done['replaced']).name}”" in refused and "choose" not in refused
    assert "in “activity”; “undo ID” takes one of that back" in refused and do("undo", do("activity", "--limit", "2")[1]["id"])["count"]
    assert do("restore", done["replaced"])["members"] == 4
    assert "2 backups" not in do("backups", text=True) and "before a restore" in do("backups", text=True)
    file = Path(before["file"])
    file.write_bytes(file.read_bytes()[:-1])
    assert [one["damaged"] for one in do("backups") if one["id"] == before["id"]] == [True]
    assert "damaged" in do("restore", file, code=1)
    stick = tmp_path / "stick"
    assert [one["why"] for one in do("backups", "--folder", stick, "--now")] == ["daily"]
    assert Path(do("backups")[0]["file"]).parent == stick
    missing = tmp_path / "not mounted" / "backups"
    assert str(missing) in do("backups", "--folder", missing, code=1) and not missing.parent.exists()
    assert "is not there" not in do("backups", text=True)
    shutil.rmtree(stick)
    said = do("backups", text=True)
    assert f"{stick}, which was chosen for them, is not there" in said and str(tmp_path / "profile") in said
    assert run(["--profile", str(tmp_path / "profile"), "backups", "--json"]) == 0
    listed = capsys.readouterr()
    assert json.loads(listed.out) and f"{stick}, which was chosen for them, is not there" in listed.err
    assert "so it was made" in do("backups", "--folder", stick, text=True) and "was made" not in do("backups", "--folder", stick, text=True)
    assert "say which backup" in do("restore", code=1).lower()
    assert "whole" in do("restore", "--salvage", code=1)


def test_how_full_a_gathering_is_stands_by_name(do: Do, chapter: dict[str, str]) -> None:
    now = datetime.now(UTC)
    gathering = do("gathering", "new", "Now", "--start", f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}", "--end", f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M}",
                   "--time-zone", "UTC")["id"]
    do("walk-in", gathering, "Wanda Walker")
    [told] = [one for one in do("gatherings") if one["id"] == gathering]
    assert told["inside"] == {"here": 1, "came": 1, "beside": 0} and told["listed"]
    assert {one["inside"] for one in do("gatherings") if one["id"] != gathering} <= {None}


def test_a_backup_of_another_chapter_says_so(do: Do, chapter: dict[str, str], tmp_path: Path) -> None:
    with open_desk(Profile(tmp_path / "other")) as other:
        other.make_chapter("Lisbon", "Northgate", "Europe/Lisbon")
        back_up(other, tmp_path / "other.alumnidesk")
    here = do("restore", tmp_path / "other.alumnidesk", "--dry-run")["instead_of"]
    said = do("restore", tmp_path / "other.alumnidesk", "--dry-run", text=True)
    assert f"another chapter, “Lisbon”, and would take the place of “{here}”" in said and "joined" not in said
    refused = do("restore", tmp_path / "other.alumnidesk", code=1)
    assert f"another chapter, “Lisbon”, and would take the place of “{here}”" in refused and "--yes" in refused and len(do("members")) == 3
    assert do("backups") == []
    done = do("restore", tmp_path / "other.alumnidesk", "--yes")
    assert (done["chapter"], done["instead_of"], done["leaves"]) == ("Lisbon", here, False)
    assert "in place of “Lisbon”" in do("restore", done["replaced"], "--yes", text=True)


def test_two_chapters_of_one_name_in_one_folder_are_told_apart(do: Do, chapter: dict[str, str], tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    do("backups", "--folder", stick, "--now")
    with open_desk(Profile(tmp_path / "other")) as other:
        with open_desk(Profile(tmp_path / "profile")) as desk, desk.reading() as connection:
            name = str(connection.exec_driver_sql("SELECT name FROM chapter").scalar())
        other.make_chapter(name, "Northgate", "Europe/Lisbon")
        back_up(other, stick / "other.alumnidesk")
    assert sorted((Path(one["file"]).name == "other.alumnidesk", one["ours"]) for one in do("backups")) == [(False, True), (True, False)]
    said = do("backups", text=True)
    assert f"1 backup in {stick}" in said and "1 more there is of another chapter" in said and "made elsewhere: " in said
    tried = do("restore", stick / "other.alumnidesk", "--dry-run", text=True)
    assert f"It is a backup of another chapter that is called “{name}”, too, and would take the place of the one that is here." in tried
    done = do("restore", stick / "other.alumnidesk", "--yes", text=True)
    assert f"of another chapter that is called “{name}”, too, in place of the one that was here" in done


def test_a_trial_where_nothing_was_leaves_nothing(do: Do, chapter: dict[str, str], tmp_path: Path) -> None:
    do("backup", tmp_path / "x.alumnidesk")
    new = tmp_path / "not" / "there"
    assert do("--profile", new, "restore", tmp_path / "x.alumnidesk", "--dry-run")["members"] == 3
    assert not new.parent.exists()
    assert f"There is no folder {new}" in do("--profile", new, "restore", "--salvage", "--dry-run", code=1)
    new.mkdir(parents=True)
    do("--profile", new, "restore", tmp_path / "x.alumnidesk", "--dry-run")
    assert list(new.iterdir()) == []
    do("--profile", new, "restore", tmp_path / "x.alumnidesk")
    assert len(do("--profile", new, "members")) == 3


def test_history_has_several_texts_as_a_list_as_the_member_has(do: Do) -> None:
    ana = do("member", "add", "first_name=Ana", "last_name=Lima", "other_emails=a@example.org; b@example.org")["id"]
    [emails] = [one["value"] for one in do("history", ana) if one["field"] == "other_emails"]
    assert emails == do("member", "show", ana)["fields"]["other_emails"] == ["a@example.org", "b@example.org"]


def test_history_says_who_and_keeps_an_address_together(do: Do) -> None:
    ana = do("member", "add", "first_name=Ana", "last_name=Lima", "street=1 Elm Street", "city=Boston")["id"]
    do("member", "set", ana, "street=2 Oak Road", "city=Salem")
    past = do("history", ana)
    assert all(one["here"] for one in past) and not {"street", "city", "employer", "phone"} & {one["field"] for one in past}
    addresses = [one for one in past if one["field"] == "address"]
    assert [(one["value"]["street"], one["value"]["city"], one["now"]) for one in addresses] == [
        ("2 Oak Road", "Salem", True), ("1 Elm Street", "Boston", False)]
    said = do("history", ana, text=True)
    assert "another laptop" not in said and said.count("Address") == 2 and "1 Elm Street, Boston" in said
    do("history", ana, "--restore", addresses[1]["id"])
    assert do("member", "show", ana)["fields"]["street"] == "1 Elm Street"


def test_history_names_the_gathering_and_the_people_that_a_record_points_at(do: Do) -> None:
    ana = do("member", "add", "first_name=Ana", "last_name=Lima", "class_year=2004")["id"]
    dinner = do("gathering", "new", "Autumn Dinner", "--start", "2030-11-12T18:30", "--end", "2030-11-12T21:00")["id"]
    do("guests", dinner, "--add", ana)
    [guest] = [one["id"] for one in do("guests", dinner)]
    place = do("history", guest)
    assert {one["value"] for one in place if one["field"] in ("gathering", "person")} == {ana, dinner}, "JSON says which, as before"
    said = do("history", guest, text=True)
    assert "Autumn Dinner" in said and "Ana Lima ’04" in said and ana not in said and dinner not in said
    assert next(line for line in said.splitlines() if line.startswith("Answered")).removeprefix("Answered").strip().startswith("Coming · ")


def test_a_whole_email_means_whoever_has_it_and_nobody_whose_begins_like_it(do: Do) -> None:
    others = [do("member", "add", f"first_name=Bo {n}", "last_name=Lima", f"email=m{n}@example.org")["id"] for n in range(70, 75)]
    ana = do("member", "add", "first_name=Ana", "last_name=Lima", "email=M7@example.org", "other_emails=ana@example.com")["id"]
    assert [one["id"] for one in do("members", "m7@example.org")] == [one["id"] for one in do("members", "ana@example.com")] == [ana]
    assert "1 member" in do("members", "m7@example.org", text=True) and {one["id"] for one in do("members", "m7")} == {ana, *others}
    dinner = do("gathering", "new", "Autumn Dinner", "--start", "2030-11-12T18:30", "--end", "2030-11-12T21:00")["id"]
    assert do("guests", dinner, "--add", "m7@example.org")["added"] == 1
    assert [one["person"] for one in do("guests", dinner)] == [ana]
    assert do("guests", dinner, "--add", "m7")["added"] == 5, "no whole e-mail: everybody who fits"
    assert do("guests", dinner, "--set", "m7@example.org", "no")["person"] == ana
    assert do("guests", dinner, "--guest-of", "m7@example.org", "Cy")["added"] == 1
    assert [one["name"] for one in do("guests", dinner) if one["host"]] == ["Cy"]
    again = do("member", "add", "first_name=Ada", "last_name=Lima", "email=m7@example.org")["id"]
    assert {one["id"] for one in do("members", "m7@example.org")} == {ana, again}
    assert do("guests", dinner, "--add", "m7@example.org") == {"added": 1, "already": 1, "deceased": 0}


def test_nobody_fits_and_who_may_be_meant(do: Do) -> None:
    for first, last in (("Ana", "Lovelace"), ("Bo", "Lovelace"), ("Cy", "Lima")):
        do("member", "add", f"first_name={first}", f"last_name={last}")
    close = sorted(do("members", "lovelaec"), key=lambda one: str(one["name"]))
    assert [(one["name"], one["close"]) for one in close] == [("Ana Lovelace", True), ("Bo Lovelace", True)]
    assert [one["name"] for one in do("members", "ana", "lovelaec")] == ["Ana Lovelace"]
    assert sorted((one["name"], one["close"]) for one in do("members", "lovelace")) == [("Ana Lovelace", False), ("Bo Lovelace", False)]
    assert not any(one["close"] for one in do("members"))
    said = do("members", "lovelaec", text=True)
    assert "Ana Lovelace" in said and "Lima" not in said and said.strip().endswith("Nobody fits “lovelaec” as it is spelled; 2 members come close")
    assert do("members", "lovelaec", "--limit", "1", text=True).strip().endswith("2 members come close\n1 of 2 members")
    assert len(do("members", "lovelaec", "--limit", "1")) == 1
    assert do("members", "qqqqqq") == [] and do("members", "qqqqqq", text=True).strip() == "Nobody fits “qqqqqq”."


@pytest.mark.parametrize("harm", ["damaged", "gone", "no key"])
def test_of_a_chapter_that_does_not_open_the_backups_are_listed(do: Do, tmp_path: Path, capsys: pytest.CaptureFixture[str], harm: str) -> None:
    do("member", "add", "first_name=Ana")
    [made] = do("backups", "--now")
    profile = tmp_path / "profile"
    if harm == "damaged":
        (profile / "desk.db").write_bytes(b"\x07" * 8192)
    else:
        (profile / ("desk.db" if harm == "gone" else "desk.key")).unlink()
    [listed] = do("backups", code=1)
    assert (listed["file"], listed["members"], listed["damaged"]) == (made["file"], 1, False)
    assert listed["ours"] is (None if harm == "no key" else True)
    assert run(["--profile", str(profile), "backups"]) == 1
    said = capsys.readouterr()
    assert Path(made["file"]).name in said.out and "restore FILE" in said.out and "1 member" in said.out and "made elsewhere" not in said.out
    assert "estore a backup" in said.err.replace("\n", " ")
    assert do("backups", "--now", code=1) == do("members", code=1)
    assert do("restore", listed["file"])["members"] == 1 and do("backups")[0]["ours"]


def test_backups_that_open_here_alone_say_so(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    shelf = Shelf()
    monkeypatch.setattr(store_keys, "_keyring", lambda: shelf)
    do("member", "add", "first_name=Ana", "last_name=Lima")
    said = do("backups", "--now", text=True)
    assert "only on this computer" in said and "recovery-key" in said and "passphrase" in said
    assert "only on this computer" not in do("backups", text=True)
    do("recovery-key")
    assert "only on this computer" not in do("backups", "--now", text=True)


def test_a_damaged_desk_is_saved_by_a_command(do: Do, chapter: dict[str, str], tmp_path: Path) -> None:
    do("backups", "--now")
    do("member", "add", "first_name=Later")
    database = tmp_path / "profile" / "desk.db"
    database.write_bytes(b"not a database any more" * 1000)
    assert "damaged" in do("members", code=1)
    before = {file: file.read_bytes() for file in (tmp_path / "profile").iterdir() if file.is_file() and not file.name.endswith(".lock")}
    tried = do("restore", "--salvage", "--dry-run")
    assert (tried["restored"], tried["members"], tried["carried"], tried["replaced"]) == (False, 4, 1, None)
    assert "Nothing was changed" in do("restore", "--salvage", "--dry-run", text=True)
    assert before == {file: file.read_bytes() for file in (tmp_path / "profile").iterdir() if file.is_file() and not file.name.endswith(".lock")}
    done = do("restore", "--salvage")
    assert (done["members"], done["carried"], done["from_outbox"]) == (4, 1, True)
    assert Path(done["replaced"]).read_bytes().startswith(b"not a database")
    assert do("verify")["ok"] and len(do("members")) == 4


def test_a_command_that_comes_upon_a_damaged_page_says_so_and_verify_always_does(
        do: Do, chapter: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    """A command reads what it needs; what it says is right, or it says that it cannot read it."""
    right = do("members")
    database = tmp_path / "profile" / "desk.db"
    whole = database.read_bytes()
    endings = set()
    for page in sorted(random.Random(20261126).sample(range(1, len(whole) // 4096), 12)):
        worse = bytearray(whole)
        worse[page * 4096 + 100] ^= 4
        database.write_bytes(worse)
        ended = run(["--profile", str(tmp_path / "profile"), "members", "--json"])
        endings.add(ended)
        out, err = capsys.readouterr()
        assert (json.loads(out) == right) if ended == 0 else ("damaged" in err or "cannot be read any more" in err), page
        said = do("verify", code=1, text=True)
        assert "damaged" in said or "cannot be read any more" in said, page
        database.write_bytes(whole)
    assert do("verify")["ok"] and 1 in endings


def test_erasing(do: Do, chapter: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Nobody was erased" in do("member", "erase", chapter["Ada"], code=1)
    for name in ("Ada Obi", "ada obi", "Ada", "Obi ’12", "Nobody Known"):  # a name that fits one, too: another day it fits another
        assert f"Nobody here has the id “{name}”. Erasing takes the id" in do("member", "erase", name, "--yes", code=1)
    assert [one["id"] for one in do("members", "ada", "obi")] == [chapter["Ada"]]
    done = do("member", "erase", chapter["Ada"], "--yes")
    assert done["erased"] == [chapter["Ada"]] and done["backups_deleted"] == 0
    assert len(do("members")) == 2 and do("members", "obi") == []
    assert do("history", chapter["Ada"]) == [] and "was erased has no history" in do("history", chapter["Ada"], text=True)
    assert do("verify")["ok"]
    assert "cannot be undone" in do("undo", do("activity")[0]["id"], code=1)
    newest = do("activity")[0]
    assert (newest["what"], newest["undoable"], newest["reason"]) == ("Erased one person", False, "Erasing cannot be undone")
    assert "Name to come" not in do("activity", text=True) and "Added somebody who was erased" in do("activity", text=True)
    added = next(one["id"] for one in do("activity", "--limit", "50") if one["what"] == "Added somebody who was erased")
    assert do("undo", added, code=1, text=True).count("nothing to bring back") == 1
    there = len(do("backups"))
    said = do("member", "erase", chapter["Li"], "--yes", text=True)
    assert f"{there} older backup" in said and "a new one is there" in said and [one["why"] for one in do("backups")] == ["daily"]


def test_a_backup_where_there_is_no_folder_and_one_that_a_recovery_key_opens(do: Do, chapter: dict[str, str], tmp_path: Path,
                                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"no folder {tmp_path / 'nowhere'}" in do("backup", tmp_path / "nowhere" / "x", code=1)
    shelf = Shelf()
    monkeypatch.setattr(store_keys, "_keyring", lambda: shelf)
    assert do("passphrase", "--keyring")["kept"] == "keyring"
    monkeypatch.delenv("ALUMNI_DESK_PASSPHRASE")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "A backup needs a password" in do("backup", tmp_path / "x", code=1)
    assert [one["opens"] for one in do("backups", "--now")] == [[]] and "only on this computer" in do("backups", "--now", text=True)
    key = do("recovery-key")["key"]
    assert "recovery key" in do("backup", tmp_path / "x", text=True)
    assert do("backup", tmp_path / "x")["opens"] == ["recovery"]
    with monkeypatch.context() as one:
        one.setenv("ALUMNI_DESK_PASSPHRASE", "a word for it alone")
        assert do("backup", tmp_path / "y")["opens"] == ["password", "recovery"]
    assert [one["opens"] for one in do("backups", "--now")] == [["recovery"]]
    shelf.kept.clear()
    monkeypatch.setenv("ALUMNI_DESK_RECOVERY", key)
    said = do("--profile", tmp_path / "new", "restore", tmp_path / "x", "--dry-run", text=True)
    assert "3 members" in said and f"The backup of {day(datetime.now().date())} " in said


def test_erasing_names_the_folder_that_is_not_there(do: Do, chapter: dict[str, str], tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    do("backups", "--folder", stick, "--now")
    do("backups", "--folder", "default")
    stick.rename(tmp_path / "away")
    assert str(stick) in do("member", "erase", chapter["Ada"], "--yes", text=True)
    (tmp_path / "away").rename(stick)
    do("backups")
    assert not list(stick.glob("*.alumnidesk"))


def test_one_thing_that_is_missing() -> None:
    assert "The last thing that was saved is missing" in str(changes_lost(1)) and "last 2 things that were saved are missing" in str(changes_lost(2))


def test_the_chapter_is_called_something_else(do: Do, chapter: dict[str, str]) -> None:
    assert do("chapter")["name"] == "My chapter"
    assert do("chapter", "--name", "Great Lakes", "--university", "Aldermoor", "--time-zone", "America/Chicago") == do("chapter") == {
        "name": "Great Lakes", "university": "Aldermoor", "time_zone": "America/Chicago", "sample": False}
    assert "Great Lakes" in do("chapter", text=True)
    assert "not a time zone" in do("chapter", "--time-zone", "Mars", code=1, text=True)
    do("undo")
    assert do("chapter")["name"] == "My chapter"


@pytest.mark.parametrize("year", ["99999", "-4", "99999999999999999999"])
def test_a_walk_in_has_a_class_year_that_can_be(do: Do, chapter: dict[str, str], year: str) -> None:
    assert "class year" in do("walk-in", "next", "New One", f"class_year={year}", code=1)
    assert do("headcount", "next")["walk_ins"] == 0
    assert do("walk-in", "next", "New One", "class_year=2003")["person"]["class"] == "’03"


def test_nobody_else_is_taken_back_whose_name_begins_like_the_one_that_was_said(do: Do, chapter: dict[str, str]) -> None:
    do("member", "add", "first_name=Ada", "last_name=Obison")
    do("guests", "next", "--add", "obison")
    do("check-in", "next", "Ada Obison")
    assert do("undo-check-in", "next", "Ada Obi", code=1) == "Ada Obi is not checked in, so there is nothing to undo."
    assert do("headcount", "next")["in"] == 1
    assert do("undo-check-in", "next", "Ada Obis")["person"]["name"] == "Ada Obison"


def test_the_id_of_a_member_who_is_not_on_the_list_is_taken_where_it_was_offered(do: Do, chapter: dict[str, str]) -> None:
    for year in ("1999", "2001"):
        do("member", "add", "first_name=Zed", "last_name=Quill", f"class_year={year}")
    offered = do("check-in", "next", "zed quill", code=1)
    assert offered["verdict"] == "choose"
    first = offered["candidates"][0]["id"]
    assert do("check-in", "next", first, code=1)["reason"] == "not_on_the_list"
    assert do("check-in", "next", first, "--let-in")["person"]["id"] == first and do("headcount", "next")["walk_ins"] == 1


def test_signs_of_no_script_are_said_in_one_sentence(do: Do, chapter: dict[str, str]) -> None:
    for words in (("member", "show"), ("check-in", "next"), ("guests", "next", "--add"), ("history",), ("undo",)):
        assert "signs that belong to no script" in do(*words, "\udcff", code=1), words
