"""A backup of another chapter, or from when this laptop had another part of the chapter: nothing unsent is left behind, and nobody sees more than they may."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.store.test_erasing import findings
from tests.sync.test_sync_restored import back_to, change, names, person, rows_of, settle, value

from alumni_desk.checkin.actions import check_in
from alumni_desk.errors import Refused
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.protocol.ids import uuid7
from alumni_desk.store import backup
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.sync import state
from alumni_desk.sync.door import end, forget_what_was_read
from alumni_desk.sync.engine import join, status, sync_once
from alumni_desk.sync.restoring import restore, salvage

MakeDesk = Callable[[str], Desk]

SOON = (datetime.now(UTC) + timedelta(days=3)).strftime("%Y-%m-%d")


def came(desk: Desk) -> int:
    """Check-ins that a desk knows."""
    with desk.reading() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM fact WHERE kind = 'in'").scalar() or 0)


def test_what_is_still_to_send_is_not_left_behind_for_another_chapters_backup(office: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    one = make_desk("one")
    join(one, office.url, office.invite())
    sync_once(one)
    alone = make_desk("alone")
    alone.make_chapter("Lisbon", "Northgate", "Europe/Lisbon")
    person(alone, "Silva")
    saved = tmp_path / "stick.alumnidesk"
    backup.back_up(alone, saved)
    person(one, "Unsent")
    one.close()
    for dry_run in (True, False):
        with pytest.raises(Refused, match="1 change of the one that is here has still to be sent") as told:
            restore(one.profile, saved, desk_key=one.key, dry_run=dry_run)
        assert told.value.code == "restore_unsent"
    one = make_desk("one")
    assert names(one) == ["Unsent"] and sync_once(one).pushed
    one.close()
    assert restore(one.profile, saved, desk_key=one.key).leaves


@pytest.mark.parametrize("unsent", [True, False])
def test_what_the_outbox_of_a_damaged_laptop_holds_goes_into_no_other_chapter(
        office: Any, make_desk: MakeDesk, tmp_path: Path, *, unsent: bool) -> None:
    one, other = make_desk("one"), make_desk("other")
    for desk, place in ((one, office), (other, replace(office, chapter=f"Other {uuid7()}"))):
        join(desk, place.url, place.invite())
        sync_once(desk)
    person(other, "Silva")
    settle(other)
    saved = tmp_path / "stick.alumnidesk"
    backup.back_up(other, saved)
    if unsent:
        person(one, "Unsent")
    one.close()
    one.profile.database.write_bytes(os.urandom(200_000))
    if unsent:
        with pytest.raises(Refused, match="another chapter"):
            restore(one.profile, saved, desk_key=one.key)
        return
    assert restore(one.profile, saved, desk_key=one.key).carried == 0
    one = make_desk("one")
    assert names(one) == ["Silva"] and status(one).state == "invitation"


@pytest.mark.parametrize("who", ["leader", "other door", "ended"])
def test_a_laptop_at_a_door_takes_no_backup_of_more_than_that(office: Any, make_desk: MakeDesk, who: str, tmp_path: Path) -> None:
    one, door = make_desk("one"), make_desk("door")
    join(one, office.url, office.invite())
    sync_once(one)
    guests = {name: person(one, name, notes="private") for name in ("Lovelace", "Hopper")}
    evenings = {}
    for name, hour in (("Lovelace", 18), ("Hopper", 20)):
        evenings[name] = new_gathering(one, name=f"{name} Night", start=f"{SOON}T{hour}:00", end=f"{SOON}T{hour}:50", time_zone="UTC").id
        add_guests(one, evenings[name], [guests[name]])
    settle(one)
    join(door, office.url, office.invite() if who == "leader" else office.invite("door", evenings["Hopper"]))
    settle(door)
    saved = tmp_path / "before.alumnidesk"
    backup.back_up(door, saved)
    join(door, office.url, office.invite("door", evenings["Lovelace"]))
    settle(door)
    assert names(door) == ["Lovelace"]
    own = tmp_path / "own.alumnidesk"
    backup.back_up(door, own)
    if who == "ended":
        with door.reading() as connection:
            membership = state.read(connection, state.Membership)
        assert membership is not None
        end(door, membership)
        saved = own
    door.close()
    for dry_run in (True, False):
        with pytest.raises(Refused, match="Lovelace Night") as told:
            restore(door.profile, saved, desk_key=door.key, dry_run=dry_run)
        assert told.value.code == "restore_wider"
    door = make_desk("door")
    assert names(door) == ([] if who == "ended" else ["Lovelace"])
    if who != "ended":
        door, done = back_to(make_desk, "door", door, own)
        assert done.held.members == 1 and names(door) == ["Lovelace"] and sync_once(door).identical


@pytest.mark.parametrize("damaged", [False, True])
def test_whoever_leads_now_and_goes_back_to_a_doors_backup_fetches_all_and_is_not_frightened(
        office: Any, make_desk: MakeDesk, tmp_path: Path, *, damaged: bool) -> None:
    one, two = make_desk("one"), make_desk("two")
    join(one, office.url, office.invite())
    sync_once(one)
    ids = [person(one, f"Guest {n}", notes="private") for n in range(3)]
    evening = new_gathering(one, name="Night", start=f"{SOON}T18:00", end=f"{SOON}T22:00", time_zone="UTC").id
    add_guests(one, evening, ids[:1])
    settle(one)
    join(two, office.url, office.invite("door", evening))
    settle(two)
    saved = tmp_path / "door.alumnidesk"
    backup.back_up(two, saved)
    join(two, office.url, office.invite())
    settle(two, one)
    change(two, ids[2], city="Paris")
    two.close()
    if damaged:
        two.profile.database.write_bytes(os.urandom(200_000))
    assert restore(two.profile, saved, desk_key=two.key).carried == 1
    two = make_desk("two")
    assert sync_once(two).identical and not status(two).mended
    settle(two, one)
    assert rows_of(one) == rows_of(two) and value(one, ids[2], "city") == "Paris" and verify(two).ok


def test_a_damaged_door_goes_back_to_no_more_than_its_list(office: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    one, door = make_desk("one"), make_desk("door")
    for desk in (one, door):
        join(desk, office.url, office.invite())
        sync_once(desk)
    ids = [person(one, f"Guest{n}", notes="VERYPRIVATE") for n in range(3)]
    evening = new_gathering(one, name="Night", start=f"{SOON}T18:00", end=f"{SOON}T22:00", time_zone="UTC").id
    add_guests(one, evening, ids[:1])
    settle(one, door)
    change(door, ids[1], notes="VERYPRIVATE too")
    settle(door)
    saved = tmp_path / "leader.alumnidesk"
    backup.back_up(door, saved)
    join(door, office.url, office.invite("door", evening))
    settle(door)
    check_in(door, evening, person_id=ids[0])
    door.close()
    door.profile.database.write_bytes(os.urandom(200_000))
    assert restore(door.profile, saved, desk_key=door.key).carried == 1
    door = make_desk("door")
    assert "Guest1" not in names(door) and "Guest2" not in names(door)
    assert not [found for text in ("VERYPRIVATE", "Guest2") for found in findings(door.profile, door.key, text)]
    settle(door, one)
    assert names(door) == ["Guest0"] and verify(door).ok and came(one) == came(door) == 1


def test_a_damaged_door_whose_time_is_over_shows_no_list(office: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    one, door = make_desk("one"), make_desk("door")
    join(one, office.url, office.invite())
    sync_once(one)
    evening = new_gathering(one, name="Night", start=f"{SOON}T18:00", end=f"{SOON}T22:00", time_zone="UTC").id
    add_guests(one, evening, [person(one, "Lovelace")])
    settle(one)
    join(door, office.url, office.invite("door", evening))
    settle(door)
    saved = tmp_path / "door.alumnidesk"
    backup.back_up(door, saved)
    with door.reading() as connection:
        membership = state.read(connection, state.Membership)
    assert membership is not None
    end(door, membership)
    door.close()
    door.profile.database.write_bytes(os.urandom(200_000))
    restore(door.profile, saved, desk_key=door.key)
    door = make_desk("door")
    assert names(door) == [] and status(door).state == "ended"


def test_salvage_takes_no_backup_of_the_chapter_that_this_laptop_had_before(office: Any, make_desk: MakeDesk) -> None:
    one = make_desk("one")
    join(one, office.url, office.invite())
    sync_once(one)
    person(one, "Lovelace")
    settle(one)
    backup.by_itself(one.profile, one.key, "daily")
    with one.applying() as applying:  # as switching leaves it
        membership = state.read(applying.connection, state.Membership)
        assert membership is not None
        other = msgspec.structs.replace(membership, scope=uuid7())
        forget_what_was_read(applying.connection, membership)
        applying.connection.exec_driver_sql("UPDATE scope SET id = ?", (other.scope,))
        state.keep(applying.connection, other)
    one.outbox.make_anew(one)
    one.close()
    one = make_desk("one")
    person(one, "Unsent")
    one.close()
    one.profile.database.write_bytes(os.urandom(200_000))
    assert salvage(one.profile, desk_key=one.key).carried == 1
    assert names(make_desk("one")) == ["Unsent"]
