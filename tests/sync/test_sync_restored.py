"""A laptop that goes back to a backup: the next sync makes it whole, and nothing that anybody holds is lost or counts twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alumni_desk.errors import KnownError
from alumni_desk.gatherings.actions import new_gathering
from alumni_desk.store import backup, erasing
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.store.done import actions
from alumni_desk.store.profile import Profile
from alumni_desk.store.undo import undo
from alumni_desk.sync import conflicts, moving, state
from alumni_desk.sync.address import Address
from alumni_desk.sync.engine import join, status, sync_once
from alumni_desk.sync.restoring import Restored, restore, salvage
from alumni_desk.sync.shapes import shapes
from alumni_desk.sync.venue.credentials import me
from alumni_desk.sync.venue.holding import knows_place, last_place, seal_own
from alumni_desk.sync.wire import Wire

MakeDesk = Callable[[str], Desk]


def rows_of(desk: Desk) -> dict[str, list[tuple[Any, ...]]]:
    """Everything synced that a desk shows, clocks left out, sorted."""
    with desk.reading() as connection:
        return {name: sorted((tuple(row) for row in connection.execute(sa.select(*(desk.tables[name].c[column] for column in ("id", "scope", *shape.fields))))),
                             key=repr) for name, shape in shapes().items()}


def settle(*desks: Desk) -> None:
    """Sync in turn until nothing moves any more."""
    for _turn in range(6):
        if not any(result.pushed + result.pulled for result in [sync_once(desk) for desk in desks]):
            return
    raise AssertionError("the desks never came to rest")


def person(desk: Desk, last_name: str, **fields: Any) -> str:
    """A new member."""
    with desk.writing("member_added") as writing:
        return writing.add("person", standing="member", last_name=last_name, **fields)


def change(desk: Desk, row_id: str, **fields: Any) -> None:
    """One edit of a person."""
    with desk.writing("member_changed") as writing:
        writing.change("person", row_id, **fields)


def names(desk: Desk) -> list[str]:
    """Everybody who is on the list."""
    with desk.reading() as connection:
        people = desk.tables["person"]
        return sorted(connection.execute(sa.select(people.c.last_name).where(~people.c.gone, people.c.last_name.is_not(None))).scalars())


def value(desk: Desk, row_id: str, name: str) -> Any:
    """A field of a person."""
    with desk.reading() as connection:
        return connection.execute(sa.select(desk.tables["person"].c[name]).where(desk.tables["person"].c.id == row_id)).scalar_one()


def back_to(make_desk: MakeDesk, name: str, desk: Desk, file: Path) -> tuple[Desk, Restored]:
    """Close, restore, open again."""
    desk.close()
    done = restore(desk.profile, file)
    return make_desk(name), done


@pytest.fixture
def pair(office: Any, make_desk: MakeDesk) -> tuple[Desk, Desk]:
    """Two desks of one chapter, caught up."""
    desks = make_desk("one"), make_desk("two")
    for desk in desks:
        join(desk, office.url, office.invite())
    settle(*desks)
    return desks


def test_the_list_of_parcels_goes_back_with_the_desk(pair: tuple[Desk, Desk], make_desk: MakeDesk) -> None:
    """That it does not know the place that they heard is how the laptops here notice, and give again what this one had of them."""
    one, _two = pair
    person(one, "Kept")
    file = backup.by_itself(one.profile, one.key, "daily")
    person(one, "Lost")
    with one.reading() as connection:
        mine = me(connection)
    seal_own(one, mine)
    with one.reading() as connection:
        heard = last_place(connection)
        assert heard and knows_place(connection, heard)
    again, _done = back_to(make_desk, "one", one, file)
    with again.reading() as connection:
        assert not knows_place(connection, heard) and knows_place(connection, last_place(connection))


def test_accepted_unsent_and_others_changes_are_all_there_after_the_next_sync(pair: tuple[Desk, Desk], make_desk: MakeDesk) -> None:
    one, two = pair
    ada = person(one, "Lovelace", city="London")
    settle(one, two)
    saved = backup.by_itself(one.profile, one.key, "daily")
    # After the backup: sent and accepted, made elsewhere, and still waiting.
    change(one, ada, city="Paris")
    person(one, "Accepted")
    settle(one, two)
    person(two, "Elsewhere")
    change(two, ada, employer="Acme")
    sync_once(two)
    person(one, "Unsent")
    change(one, ada, job_title="Countess")
    before = rows_of(one)
    one, done = back_to(make_desk, "one", one, saved)
    assert done.carried == 2 and done.held.members == 2  # Lovelace, and Unsent at once
    assert names(one) == ["Lovelace", "Unsent"]
    assert (value(one, ada, "city"), value(one, ada, "job_title")) == ("London", "Countess")
    assert status(one).waiting == 2 and verify(one).ok
    settle(one, two)
    assert rows_of(one) == rows_of(two)
    assert names(one) == ["Accepted", "Elsewhere", "Lovelace", "Unsent"]
    assert [value(one, ada, name) for name in ("city", "employer", "job_title")] == ["Paris", "Acme", "Countess"]
    assert {row[0] for row in before["person"]} < {row[0] for row in rows_of(one)["person"]}
    assert verify(one).ok and status(one).waiting == 0
    with one.reading() as connection:
        assert connection.exec_driver_sql("SELECT DISTINCT fate FROM operation_now").scalars().all() == ["accepted"]
        assert connection.exec_driver_sql("SELECT count(*) - count(DISTINCT id) FROM operation").scalar() == 0
    # Activity still knows what was done after the backup, and can take it back.
    assert [each.event for each in actions(one, 4)] == ["backup_restored", "member_changed", "member_added", "member_added"]
    undo(one, actions(one, 2)[1].id)
    settle(one, two)
    assert value(two, ada, "job_title") is None


def test_until_the_next_sync_nobody_says_that_all_is_here(pair: tuple[Desk, Desk], make_desk: MakeDesk) -> None:
    one, two = pair
    ada = person(one, "Lovelace", city="London")
    settle(one, two)
    saved = backup.by_itself(one.profile, one.key, "daily")
    change(two, ada, city="Paris")
    settle(one, two)
    sync_once(one, check=True)
    assert status(one).state == "synced" and status(one).identical
    one, _done = back_to(make_desk, "one", one, saved)
    stands = status(one)
    assert stands.state == "waiting" and "not fetched yet" in stands.sentence and stands.checked is None and stands.identical is None
    sync_once(one)
    assert status(one).state == "synced" and value(one, ada, "city") == "Paris"


@pytest.mark.parametrize("saved_at", ["before anybody wrote", "with one card"])
def test_no_card_tells_of_values_that_the_backup_has_not_and_after_the_next_sync_all_are_there(
        pair: tuple[Desk, Desk], make_desk: MakeDesk, saved_at: str) -> None:
    """A card says who wrote what is shown: of the values that were gone back to it would have said what nobody wrote."""
    one, two = pair
    ada = person(one, "Lovelace")
    settle(one, two)
    earlier = saved_at == "with one card"
    if earlier:
        change(two, ada, city="Boston")
        change(one, ada, city="Lowell")
        settle(one, two)
    saved = backup.by_itself(one.profile, one.key, "daily")
    change(two, ada, phone="222")
    change(one, ada, phone="333")
    settle(one, two)
    cards = conflicts.conflicts(one)
    assert {(card.field, conflicts.said(card, card.yours), conflicts.said(card, card.theirs)) for card in cards} == {
        ("phone", "333", "222"), *([("address", "Lowell", "Boston")] if earlier else [])}
    one, _done = back_to(make_desk, "one", one, saved)
    assert value(one, ada, "phone") is None
    assert conflicts.conflicts(one) == [card for card in cards if card.field == "address"]
    settle(one, two)
    assert conflicts.conflicts(one) == cards and value(one, ada, "phone") == "333"
    conflicts.decide(one, cards[0].id, "theirs")
    one, _done = back_to(make_desk, "one", one, saved)
    assert cards[0].id not in {card.id for card in conflicts.conflicts(one)}
    settle(one, two)
    assert conflicts.conflicts(one) == cards[1:] and value(two, ada, "phone") == "222" == value(one, ada, "phone")


@pytest.mark.parametrize("between", [False, True])
def test_what_a_laptop_that_went_back_writes_meets_only_others_in_a_card(pair: tuple[Desk, Desk], make_desk: MakeDesk, *, between: bool) -> None:
    one, two = pair
    ada = person(one, "Lovelace", phone="111", city="London")
    settle(one, two)
    saved = backup.by_itself(one.profile, one.key, "daily")
    change(one, ada, phone="222", city="Paris")
    settle(one, two)
    if between:
        change(two, ada, phone="333")
        settle(two, one)
    one, _done = back_to(make_desk, "one", one, saved)
    change(one, ada, phone="444")
    change(one, ada, phone="555", city="Lowell")
    with closing(Wire(Address("http://127.0.0.1:9", None))) as nowhere, pytest.raises(KnownError):
        sync_once(one, wire=nowhere)
    settle(one, two)
    assert [(card.field, card.yours.value, card.theirs.value) for card in conflicts.conflicts(one)] == ([("phone", "555", "333")] if between else [])
    assert {value(desk, ada, "phone") for desk in (one, two)} == {"555"} and value(two, ada, "city") == "Lowell"


def test_operations_that_wait_in_the_backup_and_were_sent_since_do_not_count_twice(pair: tuple[Desk, Desk], make_desk: MakeDesk) -> None:
    one, two = pair
    with one.writing("checked_in") as writing:
        dinner = writing.add("gathering", name="Dinner", status="planned")
        writing.add("fact", kind="in", gathering=dinner, at="2026-11-24T18:00:00.000Z")
    ada = person(one, "Lovelace", city="London")
    saved = backup.by_itself(one.profile, one.key, "daily")
    settle(one, two)
    change(two, ada, city="Paris")
    sync_once(two)
    one, done = back_to(make_desk, "one", one, saved)
    assert done.carried == 0 and status(one).waiting == 3
    settle(one, two)
    assert rows_of(one) == rows_of(two)
    assert len(rows_of(two)["fact"]) == 1 and value(one, ada, "city") == "Paris"


def test_what_a_backup_has_not_is_undone_once_it_is_fetched_again(pair: tuple[Desk, Desk], make_desk: MakeDesk) -> None:
    one, two = pair
    saved = backup.by_itself(one.profile, one.key, "daily")
    person(one, "Lovelace")
    settle(one, two)
    one, _done = back_to(make_desk, "one", one, saved)
    added = next(action for action in actions(one) if action.event == "member_added")
    with pytest.raises(KnownError, match="The next sync brings it back; undo it then"):
        undo(one, added.id)
    settle(one, two)
    undo(one, added.id)
    settle(one, two)
    assert names(one) == names(two) == []


def test_a_backup_from_before_the_desk_joined(office: Any, make_desk: MakeDesk) -> None:
    one, two = make_desk("one"), make_desk("two")
    one.make_chapter("Boston", "Northgate", "America/New_York")
    ada = person(one, "Lovelace")
    saved = backup.by_itself(one.profile, one.key, "daily")
    join(one, office.url, office.invite(), merge=True)
    join(two, office.url, office.invite())
    settle(one, two)
    change(one, ada, city="Paris")
    person(one, "Unsent")
    one, _done = back_to(make_desk, "one", one, saved)
    assert status(one).state != "alone"
    settle(one, two)
    assert rows_of(one) == rows_of(two)
    assert names(two) == ["Lovelace", "Unsent"] and value(two, ada, "city") == "Paris"


def test_a_backup_from_before_the_chapter_moved_in_which_nobody_is(make_server: Any, make_desk: MakeDesk) -> None:
    former, server, one = make_server(), make_server(), make_desk("one")
    join(one, former.url, former.invite())
    sync_once(one)
    saved = backup.by_itself(one.profile, one.key, "daily")
    moving.move(one, server.url, server.invite())
    sync_once(one)
    person(one, "Unsent")
    one, done = back_to(make_desk, "one", one, saved)
    assert (done.instead_of, done.carried) == (None, 1)
    sync_once(one)
    assert names(one) == ["Unsent"] and status(one).waiting == 0


def test_a_backup_of_another_computer_from_before_the_chapter_moved(make_server: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    former, one, two = make_server(), make_desk("one"), make_desk("two")
    for desk in (one, two):
        join(desk, former.url, former.invite())
    person(one, "Lovelace", city="London")
    settle(one, two)
    saved = tmp_path / "saved.backup"
    backup.back_up(one, saved, passphrase="three words to remember")
    server = make_server()
    moving.move(two, server.url, server.invite())
    sync_once(two)
    former.stop()
    restore(Profile(tmp_path / "desk-new"), saved, passphrase="three words to remember")
    new = make_desk("new")
    person(new, "Hopper")
    moving.move(new, server.url, server.invite())
    settle(new, two)
    assert names(two) == names(new) == ["Hopper", "Lovelace"]


@pytest.mark.parametrize("first", ["one", "two"])
def test_a_backup_from_before_the_chapter_moved(make_server: Any, make_desk: MakeDesk, first: str) -> None:
    former, (one, two) = make_server(), (make_desk("one"), make_desk("two"))
    for desk in (one, two):
        join(desk, former.url, former.invite())
    ada = person(one, "Lovelace", city="London")
    settle(one, two)
    change(one, ada, city="Paris")
    saved = backup.by_itself(one.profile, one.key, "daily")
    settle(one, two)
    server = make_server()
    for desk in (one, two):
        moving.move(desk, server.url, server.invite())
    settle(one, two)
    change(two, ada, city="Rome")
    person(two, "Hopper")
    settle(two, one)
    person(one, "Unsent")
    with one.writing("checked_in") as writing:
        writing.add("fact", kind="in", gathering=writing.add("gathering", name="Dinner", status="planned"), at="2026-11-24T18:00:00.000Z")
    one, done = back_to(make_desk, "one", one, saved)
    assert (done.instead_of, done.carried) == (None, 3)
    assert names(one) == ["Lovelace", "Unsent"] and value(one, ada, "city") == "Paris"
    assert verify(one).ok
    settle(*((one, two) if first == "one" else (two, one)))
    assert rows_of(one) == rows_of(two) and names(two) == ["Hopper", "Lovelace", "Unsent"] and len(rows_of(two)["fact"]) == 1
    assert value(two, ada, "city") == "Rome" and conflicts.conflicts(one) == conflicts.conflicts(two) == []


def test_a_damaged_laptop_goes_on_from_backup_and_outbox(pair: tuple[Desk, Desk], make_desk: MakeDesk) -> None:
    one, two = pair
    ada = person(one, "Lovelace", city="London")
    settle(one, two)
    saved = backup.by_itself(one.profile, one.key, "daily")
    person(one, "Accepted")
    settle(one, two)
    person(one, "Unsent")
    change(one, ada, city="Paris")
    one.close()
    one.profile.database.write_bytes(os.urandom(200_000))
    done = restore(one.profile, saved)
    assert done.from_outbox and done.carried == 2
    one = make_desk("one")
    settle(one, two)
    assert rows_of(one) == rows_of(two)
    assert names(two) == ["Accepted", "Lovelace", "Unsent"] and value(two, ada, "city") == "Paris"


def test_the_outbox_forgets_what_the_server_has(pair: tuple[Desk, Desk]) -> None:
    one, _two = pair
    for n in range(20):
        person(one, f"Name {n}")
    assert len(one.outbox.read().operations) >= 20
    sync_once(one)
    assert one.outbox.read().operations == []
    assert "membership" in one.outbox.read().sync


def test_a_laptop_alone_really_goes_back(make_desk: MakeDesk) -> None:
    desk = make_desk("alone")
    desk.make_chapter("Boston")
    person(desk, "Lovelace")
    saved = backup.by_itself(desk.profile, desk.key, "daily")
    person(desk, "Later")
    desk, done = back_to(make_desk, "alone", desk, saved)
    assert done.carried == 0 and names(desk) == ["Lovelace"]
    assert done.replaced is not None
    desk, _done = back_to(make_desk, "alone", desk, done.replaced)  # and forth again, the same way
    assert names(desk) == ["Later", "Lovelace"]


def test_whoever_was_erased_stays_erased_at_every_laptop(pair: tuple[Desk, Desk], make_desk: MakeDesk) -> None:
    one, two = pair
    ada = person(one, "Lovelace", email="ada@example.org")
    person(one, "Berg")
    settle(one, two)
    saved = backup.by_itself(one.profile, one.key, "daily")
    erasing.erase(one, [ada], remake_backups=False)
    person(one, "Waits")
    tried = restore(one.profile, saved, desk_key=one.key, dry_run=True)
    assert names(one) == ["Berg", "Waits"]
    one, done = back_to(make_desk, "one", one, saved)
    assert done.erased == 1 and names(one) == ["Berg", "Waits"]
    assert (tried.carried, tried.erased, tried.held.members) == (done.carried, done.erased, 2)
    settle(one, two)
    assert rows_of(one) == rows_of(two)
    assert names(two) == ["Berg", "Waits"] and value(two, ada, "email") is None


def test_killed_while_it_takes_the_place_the_next_opening_ends_it(make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = make_desk("alone")
    desk.make_chapter("Boston")
    person(desk, "Lovelace")
    saved = backup.by_itself(desk.profile, desk.key, "daily")
    person(desk, "Later")
    desk.close()
    real, ended_ready = os.replace, 0
    for stop_at in range(1, 12):
        count = 0

        def replace(source: Any, target: Any, stop_at: int = stop_at) -> None:
            nonlocal count
            if "desk-damaged" in str(target) or str(source).startswith(str(desk.profile.path / backup.STAGE)):
                count += 1
                if count == stop_at:
                    raise KeyboardInterrupt
            real(source, target)

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", replace)
            try:
                restore(desk.profile, saved)
                ended = False
            except KeyboardInterrupt:
                ended = True
        ready = (desk.profile.path / backup.STAGE / "ready").exists()
        ended_ready += ended and ready
        again = make_desk("alone")
        if ended and not ready:  # as if nothing had been asked
            assert names(again) == ["Later", "Lovelace"]
        else:
            assert names(again) == ["Lovelace"], stop_at
            person(again, "Later")
        again.close()
        if not ended:
            break
    else:
        raise AssertionError("it never came to its end")
    assert ended_ready >= 3


def test_a_backup_of_another_chapter_says_so_and_that_the_laptop_is_no_longer_joined(pair: tuple[Desk, Desk], make_desk: MakeDesk, tmp_path: Path) -> None:
    one, two = pair
    person(one, "Lovelace")
    settle(one, two)
    own = tmp_path / "own.alumnidesk"
    backup.back_up(one, own)
    alone = make_desk("alone")
    alone.make_chapter("Lisbon", "Northgate", "Europe/Lisbon")
    person(alone, "Silva")
    saved = tmp_path / "stick.alumnidesk"
    backup.back_up(alone, saved)
    with one.reading() as connection:
        here = str(connection.exec_driver_sql("SELECT name FROM chapter").scalar())
    one.close()
    tried = restore(one.profile, saved, desk_key=one.key, dry_run=True)
    assert (tried.held.chapter, tried.instead_of, tried.leaves) == ("Lisbon", here, True)
    same = restore(one.profile, own, desk_key=one.key, dry_run=True)
    assert (same.held.chapter, same.instead_of, same.leaves) == (here, None, False)
    done = restore(one.profile, saved, desk_key=one.key)
    assert (done.instead_of, done.leaves) == (here, True) and done.replaced is not None
    assert status(make_desk(one.profile.path.name.removeprefix("desk-"))).state == "alone"
    back = restore(one.profile, done.replaced, desk_key=one.key, dry_run=True)
    assert (back.instead_of, back.leaves) == ("Lisbon", False)


def test_a_profile_that_is_new_takes_a_backup_that_has_a_password(pair: tuple[Desk, Desk], office: Any, tmp_path: Path, make_desk: MakeDesk) -> None:
    """It enrols anew: two laptops never speak to the server as one."""
    one, two = pair
    person(one, "Lovelace")
    settle(one, two)
    assert sync_once(one, check=True).identical and status(one).checked_sentence
    person(one, "Waits")
    saved = tmp_path / "stick.alumnidesk"
    backup.back_up(one, saved, passphrase="another three words")
    person(two, "Later")
    sync_once(two)
    profile = Profile(tmp_path / "desk-new")
    restore(profile, saved, passphrase="another three words")
    new = make_desk("new")
    for _turn in range(2):
        with pytest.raises(KnownError, match=r"another computer.*new invitation") as refused:
            sync_once(new)
        assert refused.value.code == "sync_elsewhere"
    stands = status(new)
    assert (stands.state, stands.waiting, stands.role) == ("invitation", 1, "leader") and "new invitation" in stands.sentence
    assert (stands.checked, stands.identical, stands.checked_sentence) == (None, None, "")
    again = backup.by_itself(new.profile, new.key, "daily")
    new, _done = back_to(make_desk, "new", new, again)
    assert status(new).state == "invitation"
    person(new, "Here")
    dinner = new_gathering(one, name="Dinner", start="2030-01-12T19:00", end="2030-01-12T22:00").id
    sync_once(one)
    with pytest.raises(KnownError, match=r"^2 changes in this desk have still to be sent.*Ask for a leader’s invitation") as refused:
        join(new, office.url, office.invite("door", dinner))
    assert "Sync first" not in str(refused.value)
    with new.reading() as connection:
        before = state.read(connection, state.Membership)
    join(new, office.url, office.invite())
    with new.reading() as connection:
        after = state.read(connection, state.Membership)
    assert before is not None and after is not None and before.device != after.device
    settle(new, two, one)
    assert names(new) == names(two) == names(one) == ["Here", "Later", "Lovelace", "Waits"] and status(new).state == "synced"
    new, _done = back_to(make_desk, "new", new, again)  # of before it joined; the laptop's own membership stays
    settle(new, two)
    assert names(new) == ["Here", "Later", "Lovelace", "Waits"]
    new.close()
    with pytest.raises(Exception, match="whole"):
        salvage(profile)


def test_a_cancelled_restore_changes_nothing(make_desk: MakeDesk) -> None:
    desk = make_desk("alone")
    desk.make_chapter("Boston")
    person(desk, "Lovelace")
    saved = backup.by_itself(desk.profile, desk.key, "daily")
    person(desk, "Later")
    desk.close()
    for stop_at in range(1, 7):
        asked: list[int] = []

        def cancelled(asked: list[int] = asked, stop_at: int = stop_at) -> bool:
            asked.append(1)
            return len(asked) == stop_at

        with pytest.raises(KnownError) as raised:
            restore(desk.profile, saved, cancelled=cancelled)
        assert raised.value.code == "restore_cancelled"
        assert not (desk.profile.path / backup.STAGE).exists()
    assert names(make_desk("alone")) == ["Later", "Lovelace"]
