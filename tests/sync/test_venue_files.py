"""The same by file, both ways; and finding each other, or saying why not."""

from __future__ import annotations

import json
from collections.abc import Callable
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alumni_desk.checkin.actions import check_in, walk_in
from alumni_desk.checkin.lists import DoorList
from alumni_desk.cli.main import run
from alumni_desk.desktop.carrying import brought_words
from alumni_desk.errors import BadInput, KnownError, NetworkProblem, StoreProblem
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.members.actions import add_member
from alumni_desk.protocol.handout import SealedHandout
from alumni_desk.store import backup
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.store.erasing import erase
from alumni_desk.sync import inviting, laptops
from alumni_desk.sync.engine import Joined, join, sync_once
from alumni_desk.sync.venue.files import HANDOUT, PARCELS, Bundle, look_at, open_file, read_parcels, write_handout, write_parcels
from alumni_desk.sync.venue.finding import Found, find, told
from alumni_desk.sync.venue.handouts import HandedOut
from alumni_desk.sync.venue.line import unreachable
from alumni_desk.sync.venue.places import Place, read_place
from alumni_desk.sync.venue.sharing import Sharing
from alumni_desk.sync.venue.visiting import Visit

MakeDesk = Callable[[str], Desk]


@pytest.fixture
def leaders(office: Any, make_desk: MakeDesk) -> tuple[Desk, Desk, str, list[str]]:
    """Two leaders' laptops and a gathering with three guests."""
    one, two = make_desk("one"), make_desk("two")
    join(one, office.url, office.invite())
    sync_once(one)
    gathering = new_gathering(one, name="Picnic", start="2099-05-02T12:00", end="2099-05-02T16:00").id
    people = [add_member(one, first_name=f"Guest{n}", last_name="Nguyễn", email=f"secret{n}@example.org").id for n in range(3)]
    add_guests(one, gathering, people)
    sync_once(one)
    join(two, office.url, office.invite())
    sync_once(two)
    return one, two, gathering, people


def here(desk: Desk, gathering: str) -> int:
    return DoorList(desk, gathering).headcount().present


def test_changes_go_by_file_and_come_back_by_file(leaders: Any, tmp_path: Path) -> None:
    one, two, gathering, people = leaders
    check_in(one, gathering, person_id=people[0], station="a-station-nobody-reads")
    written = write_parcels(one, tmp_path / "there.alumni")
    assert (written.parcels, written.own) == (1, 1) and look_at(written.file).parcels == 1
    assert b"a-station-nobody-reads" not in written.file.read_bytes() and written.file.stat().st_mode & 0o077 == 0
    assert read_parcels(two, written.file).opened == 1 and here(two, gathering) == 1
    assert read_parcels(two, written.file).new == 0
    check_in(two, gathering, person_id=people[1])
    back = write_parcels(two, tmp_path / "back.alumni")
    assert (back.parcels, back.own) == (2, 1)
    assert read_parcels(one, back.file).new == 1 and here(one, gathering) == 2
    sync_once(two)
    sync_once(one)
    assert here(one, gathering) == here(two, gathering) == 2


def test_a_file_takes_the_place_of_nothing_else(leaders: Any, tmp_path: Path) -> None:
    one, _two, gathering, people = leaders
    check_in(one, gathering, person_id=people[0])
    made = inviting.invite(one, "leader")
    file = tmp_path / "members.csv"
    file.write_text("Name\nAna Lima\n")
    for write in (lambda: write_parcels(one, file), lambda: write_handout(one, gathering, file), lambda: inviting.save(made, file)):
        with pytest.raises(BadInput) as refused:
            write()
        assert "left as it is" in str(refused.value) and file.read_text() == "Name\nAna Lima\n"
    file.write_bytes(b"")
    write_parcels(one, file)
    write_parcels(one, file)  # its own kind it replaces


def test_a_hand_out_says_what_it_is_before_it_does_anything(leaders: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    one, two, gathering, people = leaders
    door = make_desk("door")
    sharing = Sharing(one, host="127.0.0.1", port=0, gathering=gathering)
    visit = Visit(door, sharing.address, sharing.code)
    visit.once()
    visit.close()
    sharing.stop()
    add_guests(one, gathering, [add_member(one, first_name="Late", last_name="Comer").id])
    file = tmp_path / "list.alumni"
    made = write_handout(one, gathering, file)
    assert (made.guests, made.name) == (4, "Picnic") and b"secret0" not in file.read_bytes()
    seen = look_at(file)
    assert seen.what == "handout" and seen.number == made.number and len(DoorList(door, gathering).hits) == 3
    opened = open_file(door, file)
    assert isinstance(opened, HandedOut) and opened.taken and len(DoorList(door, gathering).hits) == 4
    again = open_file(door, file)
    assert isinstance(again, HandedOut) and not again.taken
    with pytest.raises(KnownError) as refused:
        write_handout(door, gathering, file)
    assert refused.value.code == "handout_leader"
    check_in(door, gathering, person_id=people[0])
    assert read_parcels(two, write_parcels(door, tmp_path / "door.alumni").file).opened == 1  # the volunteer's chain goes along
    assert here(two, gathering) == 1


def test_a_leaders_laptop_says_that_a_hand_out_changes_nothing_there(leaders: Any, tmp_path: Path, capsys: Any) -> None:
    one, two, gathering, _people = leaders
    file = tmp_path / "list.alumni"
    write_handout(one, gathering, file)
    here = ["--profile", str(two.profile.path), "open", str(file)]
    assert run(here) == 0
    said = capsys.readouterr().out
    assert "Picnic: 3 guests." in said and "Nothing was changed here" in said and "gets what is new by a sync" in said
    assert run([*here, "--json"]) == 0 and json.loads(capsys.readouterr().out)["done"] is False
    result = open_file(two, file)
    assert isinstance(result, HandedOut) and "Nothing was changed here" in brought_words(result)


def test_a_backup_is_called_one_where_it_is_opened(leaders: Any, tmp_path: Path, capsys: Any) -> None:
    one = leaders[0]
    backup.back_up(one, tmp_path / "ok.bak")
    for look in ([], ["--look"]):
        assert run(["--profile", str(one.profile.path), "open", str(tmp_path / "ok.bak"), *look]) == 1
        assert "ok.bak is a backup" in (said := capsys.readouterr().err) and "“alumni-desk restore ok.bak” puts it back." in said


def test_who_made_a_hand_out_is_said_once_it_is_known(leaders: Any, tmp_path: Path, capsys: Any) -> None:
    one, two, gathering, _people = leaders
    file = tmp_path / "list.alumni"
    write_handout(one, gathering, file)
    content = msgspec.msgpack.decode(file.read_bytes()[len(HANDOUT):], type=SealedHandout)
    file.write_bytes(HANDOUT + msgspec.msgpack.encode(msgspec.structs.replace(content, number=content.number + 1)))
    for look in (["--look"], []):
        assert run(["--profile", str(two.profile.path), "open", str(file), *look]) == 1
        said = capsys.readouterr()
        assert said.out == "" and "was not made by a leader" in said.err
    with pytest.raises(KnownError) as refused:
        look_at(file, two)
    assert refused.value.code == "handout_forged"


def test_who_was_erased_is_called_so_at_the_door_that_was_let_in_at_the_venue(leaders: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    one, _two, gathering, people = leaders
    check_in(one, gathering, person_id=people[0])  # who has not come yet is on no list any more
    sync_once(one)
    erase(one, [people[0]], remake_backups=False)
    sync_once(one)
    door = make_desk("door")
    sharing = Sharing(one, host="127.0.0.1", port=0, gathering=gathering)
    visit = Visit(door, sharing.address, sharing.code)
    visit.once()
    visit.close()
    sharing.stop()
    for desk in (one, door):
        assert [row.name for row in guest_rows(desk, gathering) if not row.named] == ["Erased"]
    assert verify(door).ok


def test_a_hand_out_alone_lets_nobody_in(leaders: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    one, _two, gathering, _people = leaders
    write_handout(one, gathering, tmp_path / "list.alumni")
    with pytest.raises(KnownError, match="lets nobody in by itself") as refused:
        open_file(make_desk("alone"), tmp_path / "list.alumni")
    assert refused.value.code == "handout_alone"


def test_who_carries_a_file_is_said_though_nothing_in_it_is_theirs(leaders: Any, tmp_path: Path) -> None:
    one, two, gathering, people = leaders
    check_in(one, gathering, person_id=people[0])
    own = write_parcels(one, tmp_path / "own.alumni").file
    read_parcels(two, own)
    carried = write_parcels(two, tmp_path / "carried.alumni")
    assert carried.own == 0 and look_at(carried.file).by == look_at(own).by != ""


def test_of_a_file_without_a_name_it_is_said_that_somebody_made_it(tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "there.alumni"
    file.write_bytes(PARCELS + msgspec.msgpack.encode(Bundle("server", "scope", "device", 0, [], [])))
    assert run(["--profile", str(tmp_path / "door"), "open", str(file), "--look"]) == 0
    assert capsys.readouterr().out == "Changes that somebody of the chapter carries to the server.\n"


def test_an_invitation_in_a_file_is_opened_too(office: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    url, _hash, pin = office.url.partition("#sha256=")
    file = tmp_path / "invitation.alumni"
    file.write_text(json.dumps({"alumni_desk": "invitation", "server": url, "fingerprint": pin or None, "code": office.invite(), "chapter": "Boston"}))
    assert look_at(file).what == "invitation" and look_at(file).chapter == "Boston"
    assert isinstance(open_file(make_desk("new"), file), Joined)


def test_a_file_that_holds_no_changes_is_called_what_it_is_with_what_to_do(leaders: Any, office: Any, tmp_path: Path, capsys: Any) -> None:
    one, _two, gathering, _people = leaders
    invitation = inviting.save(inviting.invite(one, "leader"), tmp_path / "dora.alumnidesk")
    write_handout(one, gathering, tmp_path / "list.alumnidesk")
    backup.back_up(one, tmp_path / "copy.alumnidesk")
    for file, said in ((invitation, f"dora.alumnidesk is an invitation to {office.chapter}, not changes from another laptop, so nothing was taken from it. Use "
                                    "it with “alumni-desk join dora.alumnidesk”."),
                       (tmp_path / "list.alumnidesk", "list.alumnidesk is a gathering’s list for its door, not changes from another laptop, so nothing was "
                                                      "taken from it. Use it with “alumni-desk open list.alumnidesk”."),
                       (tmp_path / "copy.alumnidesk", "copy.alumnidesk is a backup, not changes from another laptop, so nothing was taken from it. "
                                                      "“alumni-desk restore copy.alumnidesk” puts it back.")):
        assert run(["--profile", str(one.profile.path), "parcel", "read", str(file)]) == 1
        assert said in capsys.readouterr().err
    (tmp_path / "noise").write_bytes(b"hello")
    assert run(["--profile", str(one.profile.path), "parcel", "read", str(tmp_path / "noise")]) == 1
    assert "neither changes, nor a hand-out, nor an invitation" in capsys.readouterr().err


def test_a_laptop_that_removes_another_takes_nothing_of_it_any_more_as_the_others(leaders: Any, office: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    one, two, gathering, _people = leaders
    door = make_desk("dora")
    join(door, office.url, office.invite(role="door", gathering=gathering), device_name="Dora")
    sync_once(door)
    walk_in(door, gathering, "Late Guest")
    written = write_parcels(door, tmp_path / "dora.alumni")
    before = here(one, gathering)
    laptops.remove(one, "Dora")
    sync_once(two)
    sentences = []
    for desk in (one, two):
        with pytest.raises(KnownError) as refused:
            read_parcels(desk, written.file)
        sentences.append((refused.value.code, str(refused.value)))
        assert here(desk, gathering) == before
    assert sentences[0] == sentences[1] and sentences[0][0] == "parcel_removed"
    assert "was removed." in sentences[0][1] and "“Set aside” at its next contact" in sentences[0][1] and "damaged" not in sentences[0][1]
    sync_once(one)
    assert here(one, gathering) == before and verify(one).ok


@pytest.mark.parametrize(("spoil", "code", "words"), [
    (lambda bundle: {"parcels": [msgspec.structs.replace(one, box=one.box[:-1] + bytes([one.box[-1] ^ 1])) for one in bundle.parcels]},
     "parcel_forged", "damaged on its way. Ask for it again."),
    (lambda bundle: {"chains": []}, "parcel_unknown", "is not known in this chapter. Let it sync once"),
    (lambda bundle: {"chains": [[msgspec.structs.replace(one, server="another") for one in chain] for chain in bundle.chains]},
     "parcel_unknown", "if it is of another chapter, open the file there"),
], ids=["damaged", "no certificate", "of another server"])
def test_why_nothing_was_taken_from_a_file_is_told_apart(leaders: Any, tmp_path: Path, spoil: Any, code: str, words: str) -> None:
    one, two, gathering, people = leaders
    check_in(one, gathering, person_id=people[0])
    file = write_parcels(one, tmp_path / "one.alumni").file
    bundle = msgspec.msgpack.decode(file.read_bytes()[len(PARCELS):], type=Bundle)
    file.write_bytes(PARCELS + msgspec.msgpack.encode(msgspec.structs.replace(bundle, **spoil(bundle))))
    with pytest.raises(KnownError) as refused:
        read_parcels(two, file)
    assert refused.value.code == code and words in str(refused.value)


def test_to_look_at_a_file_tells_what_its_kind_has(leaders: Any, tmp_path: Path, capsys: Any) -> None:
    one, _two, gathering, people = leaders
    check_in(one, gathering, person_id=people[0])
    invitation = inviting.save(inviting.invite(one, "door", gathering=gathering), tmp_path / "dora.alumnidesk")
    handed = write_handout(one, gathering, tmp_path / "list.alumni")
    parcels = write_parcels(one, tmp_path / "one.alumni").file
    chapter = json.loads(invitation.read_text())["chapter"]
    told = {}
    for file in (invitation, tmp_path / "list.alumni", parcels):
        assert run(["--profile", str(tmp_path / "new"), "open", "--look", str(file), "--json"]) == 0
        told[file.name] = json.loads(capsys.readouterr().out)
    assert told["dora.alumnidesk"] == {"what": "invitation", "done": False, "chapter": chapter, "role": "door"}
    by = told["list.alumni"]["by"]
    assert by and told["list.alumni"] == {"what": "handout", "by": by, "done": False, "gathering": gathering, "number": handed.number}
    assert told["one.alumni"] == {"what": "parcels", "by": by, "done": False, "parcels": 1}


@pytest.mark.parametrize("content", [b"", b"hello", b"{}", b"ALUMNI DESK PARCELS 1\n\xc1", b"ALUMNI DESK HAND-OUT 1\n\x90", b"ALUMNI DESK PARCELS 2\nx",
                                     b'{"alumni_desk": "invitation", "more": ' + b"[" * 16_000])
def test_what_is_no_such_file_is_said_to_be_none(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "what"
    file.write_bytes(content)
    with pytest.raises(KnownError) as refused:
        look_at(file)
    assert refused.value.code in ("venue_file_unknown", "venue_file_damaged")
    with pytest.raises(BadInput) as refused:
        inviting.read(file)
    assert refused.value.code == "invitation_file"


def test_a_laptop_that_shares_is_found_on_this_computer(leaders: Any) -> None:
    one, two, *_rest = leaders
    sharing = Sharing(one, host="127.0.0.1", port=0, on=["127.0.0.1"])
    try:
        with two.reading() as connection:
            from alumni_desk.sync import state

            membership = state.read(connection, state.Membership)
        for _try in range(5):
            search = find(membership, seconds=1.0, on=["127.0.0.1"])
            if any(found.place == sharing.place for found in search.found):
                break
        mine = next(found for found in search.found if found.place == sharing.place)
        assert mine.reachable and mine.ours is True and search.why is None
    finally:
        sharing.stop()


NET = [IPv4Interface("192.168.1.7/24")]


@pytest.mark.parametrize(("found", "here", "why", "words"), [
    ((), [], "no_network", "in no network"),
    ((), NET, "nobody", "type the address"),
    ((), NET, "nobody", "open a phone’s hotspot"),
    ((Found("a", Place("192.168.1.9", 7807), True, False),), NET, "closed", "keeps its guests apart"),
    ((Found("a", Place("10.4.4.4", 7807), None, False),), NET, "other_network", "another network"),
    ((Found("a", Place("192.168.1.9", 7807), False, True),), NET, "nobody", "this chapter"),
    ((Found("a", Place("192.168.1.9", 7807), True, True),), NET, None, "")])
def test_why_nobody_can_be_joined_is_said_with_the_next_way(found: Any, here: Any, why: str | None, words: str) -> None:
    search = told(found, here)
    assert search.why == why and words in search.sentence
    assert why is None or "parcel write" in search.sentence


def test_why_a_typed_address_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    from alumni_desk.sync.venue import line

    monkeypatch.setattr(line, "interfaces", lambda: NET)
    codes = [unreachable(read_place(text), error).code for text, error in (
        ("192.168.1.9:1", ConnectionRefusedError()), ("192.168.1.9", TimeoutError()), ("10.1.1.1:5", TimeoutError()))]
    assert codes == ["venue_not_sharing", "venue_closed", "venue_other_network"]
    assert "does not answer. Compare the address with the one on the other laptop’s screen" in str(unreachable(read_place("192.168.1.9"), TimeoutError()))
    monkeypatch.setattr(line, "interfaces", list)
    assert unreachable(read_place("192.168.1.9"), OSError()).code == "venue_no_network"
    for mistyped in ("http://x/y", "192.168..7:7807", f"{'x' * 70}:7807", "192.168.1.7:7807²", "192.168.1\0.7"):
        with pytest.raises(KnownError, match="is not a laptop’s address"):
            read_place(mistyped)


@pytest.mark.parametrize("name", ["x" * 300, "x" * 253, "a file/transfer.alumnidesk"])
def test_a_transfer_file_of_a_name_that_the_disk_does_not_take_is_said_in_a_sentence(leaders: Any, tmp_path: Path, name: str) -> None:
    one, _two, gathering, people = leaders
    check_in(one, gathering, person_id=people[0])
    (tmp_path / "a file").touch()
    with pytest.raises(StoreProblem, match="cannot be written"):
        write_parcels(one, tmp_path / name)


@pytest.mark.parametrize("host", ["10.9.9.9", "192.168..7"])
def test_an_address_to_share_on_that_this_laptop_does_not_have_is_called_that(leaders: Any, host: str) -> None:
    with pytest.raises(NetworkProblem, match="has no address"):
        Sharing(leaders[0], host=host)


@pytest.mark.parametrize("is_read", ["before", "after"])
def test_what_another_carried_of_somebody_erased_goes_once_the_server_has_it_in_a_backup(leaders: Any, office: Any, tmp_path: Path, is_read: str) -> None:
    """Read before this laptop heard of the erasure, or an old file after it."""
    one, two, *_others = leaders
    zed = add_member(one, first_name="Zed", last_name="Zanzib", email="zed@example.org").id
    written = write_parcels(one, tmp_path / "there.alumni").file
    if is_read == "before":
        assert read_parcels(two, written).opened == 1
    erase(one, [zed])
    sync_once(one)
    sync_once(two)
    if is_read == "after":
        read_parcels(two, written)
    sync_once(two)
    office.server.run("server", "backup", str(tmp_path / "kept"))
    sync_once(two)
    with two.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM erased").scalar() == 1
        assert connection.exec_driver_sql("SELECT count(*) FROM parcel").scalar() == 0
        assert connection.exec_driver_sql("SELECT count(*) FROM parcel_operation").scalar() == 0
        assert connection.exec_driver_sql("SELECT 1 FROM sync_state WHERE key = 'scrubbing'").scalar() is None
