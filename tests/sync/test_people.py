"""A leader looks after people and laptops: invitations, the chapter's laptops, and what they may not do."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alumni_desk.cli.main import run
from alumni_desk.desktop.door_page import keep
from alumni_desk.errors import KnownError
from alumni_desk.protocol.codes import new_invitation
from alumni_desk.store.desk import Desk
from alumni_desk.sync import door as doors
from alumni_desk.sync import inviting, laptops, moving, set_aside, state
from alumni_desk.sync.engine import join, status, sync_once

MakeDesk = Callable[[str], Desk]


def code_of(call: Callable[[], object]) -> str:
    """The code of the error that a call raises."""
    with pytest.raises(KnownError) as raised:
        call()
    assert str(raised.value).endswith(".")
    return raised.value.code


@pytest.fixture
def leader(office: Any, make_desk: MakeDesk) -> Desk:
    """A leader's desk with a gathering, caught up."""
    desk = make_desk("leader")
    join(desk, office.url, office.invite(), device_name="Priya's laptop")
    with desk.writing("made") as writing:
        writing.add("gathering", name="Autumn Reception", starts="2027-11-12T18:00", ends="2027-11-12T21:00", status="planned")
    sync_once(desk)
    return desk


def gathering_of(desk: Desk) -> str:
    """The id of the one gathering."""
    with desk.reading() as connection:
        return str(connection.exec_driver_sql("SELECT id FROM gathering").scalar_one())


def test_a_command_says_until_when_access_to_a_door_is_and_that_a_later_moment_was_too_late(leader: Desk, capsys: Any) -> None:
    gathering, profile = gathering_of(leader), str(leader.profile.path)
    late = ": --until was later than a day after the gathering"
    for wanted, ends, why in ((None, "2027-11-13T21:00:00Z", ""), ("2027-11-12T22:00+00:00", "2027-11-12T22:00:00Z", ""),
                              ("2027-12-24T22:00+00:00", "2027-11-13T21:00:00Z", late)):
        said = f"Access to the door ends {datetime.fromisoformat(ends).astimezone():%Y-%m-%d %H:%M}{why}."
        words = ["--profile", profile, "invite", "--role", "door", "--gathering", gathering, *(["--until", wanted] if wanted else [])]
        assert run(words) == 0
        assert said in capsys.readouterr().out.splitlines()
        assert run([*words, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["access"] == ends
    assert run(["--profile", profile, "invite", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["access"] is None


def test_an_invitation_from_a_leaders_laptop_is_used_once(leader: Desk, office: Any, make_desk: MakeDesk) -> None:
    made = inviting.invite(leader, "leader", name="Kwame Mensah", email="kwame@mensah.example")
    assert made.chapter == office.chapter and made.url == office.url
    [sent] = [one for one in inviting.invitations(leader) if one.id == made.id]
    assert (sent.state, sent.name, sent.role) == ("open", "Kwame Mensah", "leader")
    assert join(make_desk("kwame"), made.url, made.code).role == "leader"
    assert code_of(lambda: join(make_desk("late"), made.url, made.code)) == "invitation_used"
    [sent] = [one for one in inviting.invitations(leader) if one.id == made.id]
    assert sent.state == "used"
    assert [one.who for one in laptops.laptops(leader) if one.id == sent.device] == ["Kwame Mensah"]  # until hello says who
    assert code_of(lambda: inviting.cancel(leader, made.id)) == "invitation_used"


def test_a_cancelled_invitation_opens_nothing(leader: Desk, make_desk: MakeDesk) -> None:
    made = inviting.invite(leader, "leader")
    assert inviting.cancel(leader, made.id[:8]).state == "cancelled"
    assert inviting.cancel(leader, made.id).state == "cancelled"  # again is the same
    assert code_of(lambda: join(make_desk("late"), made.url, made.code)) == "invitation_cancelled"
    assert code_of(lambda: inviting.cancel(leader, "0000")) == "no_such_invitation"


def test_a_change_makes_a_new_code_and_ends_the_old_one(leader: Desk, make_desk: MakeDesk) -> None:
    first = inviting.invite(leader, "leader", name="Hana")
    second = inviting.invite(leader, "door", gathering=gathering_of(leader), name="Hana", replaces=first.id)
    assert first.code != second.code
    assert {one.id: one.state for one in inviting.invitations(leader) if one.name == "Hana"} == {first.id: "cancelled", second.id: "open"}
    assert code_of(lambda: join(make_desk("hana"), first.url, first.code)) == "invitation_cancelled"


def test_a_removed_laptop_comes_back_with_no_invitation_that_it_made(leader: Desk, office: Any, make_desk: MakeDesk, tmp_path: Path, capsys: Any) -> None:
    hana = make_desk("hana")
    join(hana, office.url, office.invite(), device_name="Hana2")
    made = [inviting.invite(hana, "leader", name="Evil") for _n in range(3)]
    file = inviting.save(made[0], tmp_path / "evil.alumnidesk")
    qr = inviting.read_text(made[1].qr)
    assert qr is not None
    assert {one.name: one.invitations for one in laptops.laptops(leader)}["Hana2"] == 3
    assert run(["--profile", str(leader.profile.path), "laptops", "remove", "Hana2"]) == 0
    assert capsys.readouterr().out.endswith("empties itself. 3 open invitations that it had made ended with it.\n")
    for name, way in {"file": inviting.read(file), "scanned": qr, "typed": inviting.Way(made[2].url, made[2].code)}.items():
        with pytest.raises(KnownError, match=r"^This invitation was cancelled.* Ask a leader of the chapter for a new one[.]$") as raised:
            join(make_desk(name), way.url, way.code)
        assert raised.value.code == "invitation_cancelled"
    profile = str(tmp_path / "thief")
    assert run(["--profile", profile, "join", str(file)]) == 1
    assert "This invitation was cancelled" in capsys.readouterr().err
    assert {one.state for one in inviting.invitations(leader) if one.name == "Evil"} == {"cancelled"}
    assert run(["--profile", str(leader.profile.path), "laptops", "remove", "Hana2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["invitations"] == 3


def test_what_the_server_removes_says_how_many_invitations_ended(leader: Desk, make_desk: MakeDesk, make_server: Any) -> None:
    here = make_server()
    desk = make_desk("other")
    join(desk, here.url, here.run("server", "invite", "--chapter", "Ours", "--role", "leader")["code"], device_name="Hana2")
    made = inviting.invite(desk, "leader")
    removed = here.run("server", "revoke", "Hana2")
    assert removed["invitations"] == 1 and here.run("server", "revoke", "Hana2")["invitations"] == 0
    assert code_of(lambda: join(make_desk("thief"), made.url, made.code)) == "invitation_cancelled"
    [noted] = [one for one in here.run("server", "audit") if one["event"] == "revoke"]
    assert noted["details"]["invitations"] == [made.id]


def test_what_a_leader_may_not_invite_to(leader: Desk) -> None:
    assert code_of(lambda: inviting.invite(leader, "admin")) == "role"
    assert code_of(lambda: inviting.invite(leader, "door")) == "gathering"
    assert code_of(lambda: inviting.invite(leader, "leader", gathering=gathering_of(leader))) == "gathering"
    assert code_of(lambda: inviting.invite(leader, "door", gathering="0190a6a2-7b1c-7def-8123-456789abcdef")) == "no_such_gathering"
    assert code_of(lambda: inviting.invite(leader, "leader", hours=0)) == "hours"
    assert code_of(lambda: inviting.invite(leader, "leader", email="not an email")) == "email"


def test_a_leader_of_another_chapter_neither_sees_nor_cancels(leader: Desk, office: Any, make_desk: MakeDesk) -> None:
    other = make_desk("other")
    join(other, office.url, office.server.invite("Another chapter"))
    made = inviting.invite(leader, "leader")
    assert made.id not in [one.id for one in inviting.invitations(other)]
    assert code_of(lambda: inviting.cancel(other, made.id)) == "no_such_invitation"
    priya = next(one.id for one in laptops.laptops(leader) if one.here)
    assert code_of(lambda: laptops.remove(other, priya)) == "no_such_laptop"


def test_an_invitations_file_and_its_qr_code_say_the_same(leader: Desk, tmp_path: Path, make_desk: MakeDesk) -> None:
    made = inviting.invite(leader, "leader")
    file = inviting.save(made, tmp_path / "for Kwame")
    assert file == tmp_path / "for Kwame", "the name that was said"
    assert inviting.is_invitation(file) and file.stat().st_mode & 0o077 == 0
    way = inviting.read(file)
    assert (way.url, way.code) == (made.url, made.long) and made.long.startswith(made.code + "-")
    said = inviting.read_text(made.qr)
    assert said is not None and (said.url, said.code) == (made.url, made.long)
    pinned = inviting.Invitation("", new_invitation(), "https://desk.example:8413#sha256=" + "ab" * 32, "", "Ours", "leader", None, None, None)
    assert inviting.read(inviting.save(pinned, tmp_path / "pinned")).url == pinned.url
    assert inviting.read_text(pinned.qr).url == pinned.url  # type: ignore[union-attr]
    (tmp_path / "bad.alumnidesk").write_text('{"alumni_desk": "invitation", "server": 1, "code": "x"}')
    assert code_of(lambda: inviting.read(tmp_path / "bad.alumnidesk")) == "invitation_file"
    assert inviting.read_text("https://example.org") is None
    assert join(make_desk("kwame"), way.url, way.code).role == "leader"


def test_whom_the_invitation_names_that_is_first_their_own_name_here(leader: Desk, office: Any, make_desk: MakeDesk, make_server: Any) -> None:
    mo, ana = make_desk("mo"), make_desk("ana")
    ana.set_setting("person_name", "Ana Silva")
    for desk in (mo, ana):
        made = inviting.invite(leader, "leader", name="Mo")
        join(desk, made.url, made.code)
        sync_once(desk)
    assert (mo.setting("person_name"), ana.setting("person_name")) == ("Mo", "Ana Silva")
    assert {"Mo", "Ana Silva"} <= {one.who for one in laptops.laptops(leader)}
    third, other = make_desk("third"), make_server()
    made = inviting.invite(leader, "leader")
    join(third, made.url, made.code)
    assert not third.setting("person_name"), "it names nobody"
    moving.move(third, other.url, other.run("server", "invite", "--chapter", "Ours", "--role", "leader", "--name", "Kim")["code"])
    assert third.setting("person_name") == "Kim"


def test_the_laptops_of_the_chapter(leader: Desk, office: Any, make_desk: MakeDesk) -> None:
    second = make_desk("second")
    second.set_setting("person_name", "Tomás Herrera")
    join(second, office.url, office.invite(), device_name="Tomás’s laptop")
    with second.writing("new") as writing:
        writing.add("person", standing="member", last_name="Unsent")
    sync_once(second)
    rows = {one.name: one for one in laptops.laptops(leader) if one.role != "admin"}  # those of the network's admins, of other tests, see every chapter
    assert set(rows) == {"Priya's laptop", "Tomás’s laptop"}
    assert rows["Priya's laptop"].here and not rows["Tomás’s laptop"].here
    assert rows["Tomás’s laptop"].who == "Tomás Herrera" and rows["Tomás’s laptop"].waiting == 0
    assert code_of(lambda: laptops.remove(leader, "Priya's laptop")) == "laptop_here"
    listed = [one for one in laptops.laptops(leader) if one.role != "admin"]
    assert laptops.find(listed, "tomás").name == laptops.find(listed, "Tomás Herrera").name == "Tomás’s laptop"
    another = replace(rows["Tomás’s laptop"], id="0190a6a2-7b1c-7def-8123-456789abcdef", name="Old laptop")
    with pytest.raises(KnownError, match=r"“Tomás” has several laptops: .*Tomás’s laptop.*Old laptop \(0190a6a2\)"):
        laptops.find([*listed, another], "Tomás")
    assert laptops.find([*listed, replace(another, revoked="2026-01-01T00:00:00Z")], "Tomás").name == "Tomás’s laptop"
    for nameless in (replace(another, who=None), replace(another, name="")):
        with pytest.raises(KnownError, match="No laptop of this chapter is called “ ”"):
            laptops.find([nameless], " ")
    assert laptops.remove(leader, "tomás’s laptop").revoked is not None
    assert {one.name: bool(one.revoked) for one in laptops.laptops(leader) if one.role != "admin"} == {"Priya's laptop": False, "Tomás’s laptop": True}


def test_a_laptop_that_joined_anew_is_listed_so_under_what_it_was(leader: Desk, office: Any, make_desk: MakeDesk) -> None:
    desk = make_desk("other")
    join(desk, office.url, office.invite(role="door", gathering=gathering_of(leader)), device_name="Other")
    sync_once(desk)
    assert not any(one.replaced for one in laptops.laptops(leader))
    join(desk, office.url, office.invite(), device_name="Other")
    sync_once(desk)
    old, new = sorted((one for one in laptops.laptops(leader) if one.name == "Other"), key=lambda one: one.role)
    assert (old.role, new.role) == ("door", "leader") and old.replaced and not new.replaced and not old.revoked and not old.left


def test_the_laptops_are_known_without_the_server_as_long_as_this_one_leads(leader: Desk, office: Any, make_desk: MakeDesk) -> None:
    assert laptops.last_told(leader) is None
    second = make_desk("second")
    join(second, office.url, office.invite(), device_name="Second")
    there = laptops.laptops(leader)
    kept = laptops.last_told(leader)
    assert kept is not None and kept.laptops == there and abs(datetime.fromisoformat(kept.at) - leader.now()) < timedelta(minutes=1)
    laptops.remove(leader, "Second")
    assert [bool(one.revoked) for one in laptops.last_told(leader).laptops if one.name == "Second"] == [True]  # type: ignore[union-attr]
    with leader.reading() as connection:
        membership = state.read(connection, state.Membership)
    assert membership is not None
    doors.end(leader, membership)
    assert laptops.last_told(leader) is None
    with leader.reading() as connection:
        assert state.read(connection, state.Told) is None


def test_a_list_that_is_as_before_is_not_written_again(leader: Desk) -> None:
    laptops.laptops(leader)
    before = leader.version()
    laptops.laptops(leader)  # an open page that is told of a write would ask again, and again
    assert leader.version() == before
    with leader.applying() as applying:
        told = state.read(applying.connection, state.Told)
        assert told is not None
        state.keep(applying.connection, msgspec.structs.replace(told, at="2026-01-01T00:00:00+00:00"))
    laptops.laptops(leader)
    kept = laptops.last_told(leader)
    assert kept is not None and kept.at > "2026-01-02"


def test_who_was_seen_since_is_kept_after_a_minute(leader: Desk, office: Any, make_desk: MakeDesk) -> None:
    second = make_desk("second")
    join(second, office.url, office.invite(), device_name="Second")
    laptops.laptops(leader)
    with leader.applying() as applying:  # as it was kept two minutes ago, the other one seen three minutes ago
        told = state.read(applying.connection, state.Told)
        assert told is not None
        then = (datetime.fromisoformat(told.at) - timedelta(minutes=2)).isoformat()
        rows = [msgspec.structs.replace(one, last_seen=(one.last_seen or 0) - 180_000) for one in told.laptops]
        state.keep(applying.connection, msgspec.structs.replace(told, at=then, laptops=rows))
    there = laptops.laptops(leader)
    kept = laptops.last_told(leader)
    assert kept is not None and kept.laptops == there and kept.at > then


def test_until_when_a_laptop_has_access_is_told_as_it_says_itself(leader: Desk, office: Any, make_desk: MakeDesk) -> None:
    door = make_desk("door")
    join(door, office.url, inviting.invite(leader, "door", gathering=gathering_of(leader)).code)
    sync_once(door)
    sync_once(leader)
    told = {one.role: one.until for one in laptops.laptops(leader)}
    for desk, role in ((door, "door"), (leader, "leader")):
        said, listed = status(desk).until, told[role]
        assert said is not None and listed is not None and datetime.fromisoformat(said) == datetime.fromisoformat(listed), role


def test_an_admin_sees_every_chapter_and_is_not_removed_by_a_leader(leader: Desk, office: Any, make_desk: MakeDesk) -> None:
    admin = make_desk("admin")
    assert join(admin, office.url, office.invite("admin"), device_name="Network").chapter == office.chapter
    sync_once(admin)
    [network] = [one for one in laptops.laptops(leader) if one.name == "Network"]
    assert network.role == "admin"
    assert code_of(lambda: laptops.remove(leader, network.id)) == "laptop_admin"
    assert inviting.invite(admin, "admin").code and inviting.invite(admin, "leader").code
    assert laptops.remove(admin, "Priya's laptop").revoked is not None


def test_a_door_whose_time_is_over_is_listed_so_and_named_as_its_volunteer_said(leader: Desk, office: Any, make_desk: MakeDesk, capsys: Any) -> None:
    door = make_desk("door")
    join(door, office.url, inviting.invite(leader, "door", gathering=gathering_of(leader)).code, device_name="Door")
    sync_once(door)

    def listed() -> laptops.Laptop:
        return next(one for one in laptops.laptops(leader) if one.name == "Door")

    assert not listed().over and listed().may_see == "Autumn Reception" and listed().who is None
    keep(door, "Main door", "Nora N")
    sync_once(door)
    assert listed().who == "Nora N"
    with leader.writing("moved") as writing:
        writing.change("gathering", gathering_of(leader), starts="2025-11-12T18:00", ends="2025-11-12T21:00")
    sync_once(leader)
    assert listed().over and listed().may_see == "nothing"
    assert run(["--profile", str(leader.profile.path), "laptops"]) == 0
    [line] = [one for one in capsys.readouterr().out.splitlines() if "Nora N" in one]
    assert "until 2025-11-13 21:00, over" in line


def test_a_laptop_that_a_restored_server_knows_by_its_id_alone_is_named_in_words(leader: Desk) -> None:
    laptops.laptops(leader)
    with leader.applying() as applying:
        told = state.read(applying.connection, state.Told)
        assert told is not None
        row = msgspec.structs.replace(told.laptops[0], device="0e44c441-0000-4000-8000-000000000000", name=None, who=None, last_seen=None)
        state.keep(applying.connection, msgspec.structs.replace(told, laptops=[row]))
    kept = laptops.last_told(leader)
    assert kept is not None and [one.name for one in kept.laptops] == ["A laptop that has not come since the restore"]


def test_the_name_of_a_laptop_is_not_dropped_where_an_invitation_was_opened_before(leader: Desk, office: Any, make_desk: MakeDesk, tmp_path: Path,
                                                                                   capsys: Any) -> None:
    made = inviting.invite(leader, "leader")
    file = str(inviting.save(made, tmp_path / "ana"))
    second = make_desk("second")
    words = ["--profile", str(second.profile.path)]
    assert run([*words, "open", file, "--device-name", "Door 2"]) == 0
    sync_once(second)
    assert "Door 2" in {one.name for one in laptops.laptops(leader)}
    assert run([*words, "join", file, "--device-name", "Garden door"]) == 0
    sync_once(second)
    assert "Garden door" in {one.name for one in laptops.laptops(leader)}


@pytest.mark.parametrize("words", [["invite", "--name", "Ana"], ["hand-over", "--name", "Ana"]])
def test_no_invitation_is_made_for_a_file_that_cannot_be_written(leader: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    other = tmp_path / "budget.ods"
    other.write_bytes(b"PK")
    for file in (other, tmp_path / "nowhere" / "ana.alumnidesk", tmp_path):
        assert run(["--profile", str(leader.profile.path), *words, "--save", str(file)]) == 1
        assert capsys.readouterr().out == ""
    assert [one for one in inviting.invitations(leader) if one.state == "open"] == [] and other.read_bytes() == b"PK"


def test_a_file_with_an_invitation_that_is_still_good_is_not_written_over(leader: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "way.alumnidesk"
    words = ["--profile", str(leader.profile.path), "invite", "--save", str(file), "--name"]
    assert run([*words, "Ana"]) == 0
    there = file.read_bytes()
    assert run([*words, "Bo"]) == 1 and file.read_bytes() == there
    assert "time is not over" in capsys.readouterr().err
    assert [one.name for one in inviting.invitations(leader) if one.state == "open"] == ["Ana"]
    file.write_text(json.dumps({**json.loads(there), "until": "2020-01-01T00:00:00Z"}), encoding="utf-8")
    assert run([*words, "Bo"]) == 0 and file.read_bytes() != there


def test_what_is_too_long_to_be_told_is_counted_and_not_asked_for_in_circles(leader: Desk, monkeypatch: pytest.MonkeyPatch,
                                                                            capsys: pytest.CaptureFixture[str]) -> None:
    lot = set_aside.SetAside(id="abcd1234-5678", device="d", laptop="Door", who=None, received="2026-11-28T19:00:00Z", reason="revoked", why="Removed.",
                             count=5, what=("Ana Lima: notes",), more=4)
    monkeypatch.setattr(set_aside, "whole", lambda _desk, _text: lot)
    assert run(["--profile", str(leader.profile.path), "set-aside", "show", "abcd"]) == 0
    said = capsys.readouterr().out
    assert said.rstrip().endswith("and 4 more") and "set-aside show" not in said


def test_the_commands(office: Any, tmp_path: Path) -> None:
    def run(desk: str, *arguments: str) -> Any:
        done = subprocess.run([sys.executable, "-m", "alumni_desk", "--profile", str(tmp_path / desk), *arguments, "--json"],
                              capture_output=True, text=True, check=False, timeout=60)
        return json.loads(done.stdout) if done.returncode == 0 else done.stderr

    run("one", "join", office.url, office.invite(), "--device-name", "First")
    made = run("one", "invite", "--name", "Ana", "--hours", "2", "--save", str(tmp_path / "ana"))
    assert set(made) == {"id", "code", "url", "until", "chapter", "role", "gathering", "name", "email", "qr", "file", "access"}
    assert run("two", "join", made["file"], "--device-name", "Second")["chapter"] == office.chapter
    assert [one["state"] for one in run("one", "invitations") if one["name"] == "Ana"] == ["used"]
    assert run("one", "laptops", "remove", "Second")["revoked"]
    assert sorted((one["name"], bool(one["revoked"])) for one in run("one", "laptops") if one["role"] == "leader") == [("First", False), ("Second", True)]
    assert "--gathering" in run("one", "invite", "--role", "door") and "code" in run("three", "join", "nowhere.example")
    assert run("one", "set-aside") == []
