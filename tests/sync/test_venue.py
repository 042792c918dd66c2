"""Laptops that meet without internet: what one does the other sees, and the server hears of everything once, from whoever comes first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.store.test_erasing import findings
from tests.sync.hosts import soon
from tests.sync.test_sync_restored import back_to

from alumni_desk.checkin.actions import check_in, undo_check_in, walk_in
from alumni_desk.checkin.lists import DoorList
from alumni_desk.desktop.dates import moment
from alumni_desk.desktop.paint import isolated
from alumni_desk.desktop.sync_facts import look_up
from alumni_desk.desktop.sync_words import sentences
from alumni_desk.errors import KnownError, Refused
from alumni_desk.gatherings.actions import add_guests, change_gathering, new_gathering, remove_guests, set_rsvp
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.members.lists import member_rows
from alumni_desk.members.merging import merge_people, unmerge
from alumni_desk.protocol.removals import sign_removals
from alumni_desk.store import erasing, removal
from alumni_desk.store.backup import back_up
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.sync import set_aside, state
from alumni_desk.sync.engine import join, status, sync_once
from alumni_desk.sync.laptops import remove
from alumni_desk.sync.leaving import leave
from alumni_desk.sync.venue import holding
from alumni_desk.sync.venue.channel import Trade, Traded
from alumni_desk.sync.venue.credentials import hear_removals, me
from alumni_desk.sync.venue.line import Line
from alumni_desk.sync.venue.places import read_place
from alumni_desk.sync.venue.sharing import Sharing
from alumni_desk.sync.venue.visiting import Visit

MakeDesk = Callable[[str], Desk]


@contextmanager
def shared(desk: Desk, **options: Any) -> Iterator[Sharing]:
    """A laptop that shares on loopback."""
    sharing = Sharing(desk, host="127.0.0.1", port=0, **options)
    try:
        yield sharing
    finally:
        sharing.stop()


def meet(desk: Desk, sharing: Sharing) -> Any:
    """Join it once."""
    visit = Visit(desk, sharing.address, sharing.code)
    try:
        return visit.once()
    finally:
        visit.close()


def dinner(desk: Desk, guests: int = 6) -> tuple[str, list[str]]:
    """A gathering that is held now, with guests on its list."""
    now = datetime.now(UTC)
    gathering = new_gathering(desk, name="Founders’ Dinner", start=now.strftime("%Y-%m-%dT%H:%M"), end=(now + timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M"),
                              time_zone="UTC").id
    people = [add_member(desk, first_name=f"Guest{n}", last_name=f"Żółć{n}", class_year="1998", email=f"g{n}@example.org", mobile="+1 555 010 1234").id
              for n in range(guests)]
    add_guests(desk, gathering, people)
    return gathering, people


@pytest.fixture
def leaders(office: Any, make_desk: MakeDesk) -> tuple[Desk, Desk, str, list[str]]:
    """Two leaders' laptops that were synced at the office, and the gathering that they go to."""
    one, two = make_desk("one"), make_desk("two")
    join(one, office.url, office.invite())
    sync_once(one)
    gathering, people = dinner(one)
    sync_once(one)
    join(two, office.url, office.invite())
    sync_once(two)
    return one, two, gathering, people


def here(desk: Desk, gathering: str) -> int:
    """How many people are in."""
    return DoorList(desk, gathering).headcount().present


def test_whom_one_lets_in_the_other_sees_as_in(leaders: Any) -> None:
    one, two, gathering, people = leaders
    with shared(one) as sharing:
        assert check_in(one, gathering, person_id=people[0], station="North").outcome.value == "admitted"
        met = meet(two, sharing)
        assert (met.taken, met.opened, met.joined) == (1, 1, False)
        verdict = check_in(two, gathering, person_id=people[0], station="South")
        assert verdict.outcome.value == "already_in" and verdict.station == "North"
        assert check_in(two, gathering, person_id=people[1], station="South").outcome.value == "admitted"
        assert meet(two, sharing).given == 1
        assert check_in(one, gathering, person_id=people[1]).outcome.value == "already_in"
    assert here(one, gathering) == here(two, gathering) == 2
    assert status(one).waiting == status(two).waiting == 1  # each only its own
    assert verify(one).ok and verify(two).ok


def test_whom_one_let_in_and_told_the_server_before_the_others_hear_of_when_they_meet(leaders: Any) -> None:
    one, two, gathering, people = leaders
    check_in(two, gathering, person_id=people[0], station="South")
    taken_back = check_in(two, gathering, person_id=people[1])
    undo_check_in(two, gathering, str(taken_back.registration), reason="mistake")
    walk_in(two, gathering, "Wanda Walker", email="wanda@example.org")
    sync_once(two)
    check_in(one, gathering, person_id=people[2], station="North")
    one_alone = here(one, gathering)
    with shared(one) as sharing:
        meet(two, sharing)
        meet(two, sharing)
    assert (one_alone, here(one, gathering), here(two, gathering)) == (1, 3, 3)
    assert DoorList(one, gathering).find("Wanda Walker").certain is not None
    assert check_in(one, gathering, person_id=people[0]).outcome.value == "already_in"
    sync_once(one)  # and the other has not heard
    check_in(one, gathering, person_id=people[3])
    sync_once(one)
    with shared(one) as sharing:
        meet(two, sharing)
    assert here(two, gathering) == 4
    for desk in (two, one, two):
        result = sync_once(desk)
        assert (result.waiting, result.refused, here(desk, gathering)) == (0, 0, 4)
        assert verify(desk).ok
    for desk in (one, two):
        assert not status(desk).carrying and set_aside.set_aside(desk) == []
        with desk.reading() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM fact").scalar() == 6


def test_a_new_laptop_that_never_reached_the_server_says_from_whom_its_list_is(leaders: Any, make_desk: MakeDesk) -> None:
    leader, _two, gathering, _people = leaders
    leader.set_setting("person_name", "Priya Rao")
    sync_once(leader)
    new = make_desk("new")
    with shared(leader, gathering=gathering) as sharing:
        assert meet(new, sharing).joined
    facts = look_up(new)
    assert facts.last_sync is None and facts.begun and facts.list_at is not None
    for busy in (False, True):
        [said] = sentences(facts, busy=busy)
        assert said == f"No contact with the server yet; the list is from {isolated(facts.list_by)}, as of {moment(facts.list_at)}."
        assert "chapter" not in said and facts.list_by
    sync_once(new)
    assert look_up(new).list_at is None and sentences(look_up(new))[0].startswith("Everything up to")


def test_an_exchange_ends_where_the_last_of_a_list_is_too_old_to_be_offered(leaders: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, gathering, people = leaders
    asked: list[int] = []
    right = Visit._traded

    def counted(self: Visit, mine: Any, request: Any) -> Any:
        asked.append(request.after)
        assert len(asked) < 10, "it goes on for ever"
        return right(self, mine, request)

    monkeypatch.setattr(Visit, "_traded", counted)
    with shared(one) as sharing:
        check_in(one, gathering, person_id=people[0])
        meet(two, sharing)
        with one.applying() as applying:
            applying.connection.exec_driver_sql("UPDATE parcel SET resolved = '2020-01-01T00:00:00Z'")
        asked.clear()
        assert meet(two, sharing).taken == 0
        assert asked == [0]
        check_in(one, gathering, person_id=people[1])
        assert meet(two, sharing).taken == 1


def test_a_peers_edit_counts_if_it_is_the_later_one(leaders: Any) -> None:
    one, two, _gathering, people = leaders
    change_member(one, people[0], employer="Earlier", city="Salem")
    change_member(two, people[0], employer="Later")
    with shared(one) as sharing:
        meet(two, sharing)
    for desk in (one, two):
        with desk.reading() as connection:
            row = connection.exec_driver_sql("SELECT employer, city FROM person WHERE id = ?", (people[0],)).one()
        assert tuple(row) == ("Later", "Salem")
        assert verify(desk).ok


def test_two_who_merge_the_same_two_the_opposite_ways_both_go_on_showing_one(leaders: Any) -> None:
    one, two, _gathering, _people = leaders
    ana, anna = (add_member(one, first_name=name, last_name="Lima").id for name in ("Ana", "Anna"))
    sync_once(one)
    sync_once(two)
    merge_people(one, anna, ana)
    merge_people(two, ana, anna)
    with shared(one) as sharing:
        meet(two, sharing)
        meet(two, sharing)
    shown = [{row.id for row in member_rows(desk)} & {ana, anna} for desk in (one, two)]
    assert shown[0] == shown[1] and len(shown[0]) == 1, "neither of them, or another on each laptop"
    for desk in (two, one, two):
        sync_once(desk)
    shown = [{row.id for row in member_rows(desk)} & {ana, anna} for desk in (one, two)]
    assert shown == [{anna}, {anna}], "the server heard of that one first"
    for desk in (one, two):
        assert sync_once(desk, check=True).identical
    [part] = {ana, anna} - shown[0]
    unmerge(one, part)
    sync_once(one)
    sync_once(two)
    assert [{row.id for row in member_rows(desk)} & {ana, anna} for desk in (one, two)] == [{ana, anna}] * 2


def test_who_stays_sees_a_change_in_well_under_a_second_both_ways(leaders: Any) -> None:
    one, two, gathering, people = leaders
    with shared(one) as sharing:
        visit = Visit(two, sharing.address, sharing.code)
        visit.once()
        thread = threading.Thread(target=visit.stay)
        thread.start()
        try:
            check_in(one, gathering, person_id=people[0])
            soon(lambda: here(two, gathering) == 1)
            check_in(two, gathering, person_id=people[1])
            soon(lambda: here(one, gathering) == 2)
            soon(lambda: bool(sharing.stations()) and bool(visit.stations()))
            assert [one.here for one in visit.stations()] == [True] and sharing.stations()[0].role == "leader"
        finally:
            visit.stop()
            thread.join(10)
        assert not thread.is_alive()


def test_who_stays_hears_of_whom_the_other_lets_in_after_it_has_erased_somebody(leaders: Any) -> None:
    """Its parcels go then, and the next ones must not stand where whoever stays has read already."""
    one, two, gathering, people = leaders
    with shared(one) as sharing:
        check_in(one, gathering, person_id=people[0])
        visit = Visit(two, sharing.address, sharing.code)
        visit.once()
        thread = threading.Thread(target=visit.stay)
        thread.start()
        try:
            check_in(one, gathering, person_id=people[1])
            soon(lambda: here(two, gathering) == 2)
            sync_once(one)
            erasing.erase(one, [people[5]])
            for number, person in enumerate(people[2:4], 3):
                before = parcels_of(one)
                check_in(one, gathering, person_id=person)
                soon(lambda number=number, before=before: parcels_of(one) > before and here(two, gathering) == number, 10)  # type: ignore[misc]
        finally:
            visit.stop()
            thread.join(20)
    assert here(one, gathering) == here(two, gathering) == 4


def test_a_wrong_code_costs_time_and_is_said(leaders: Any) -> None:
    one, two, *_rest = leaders
    with shared(one) as sharing:
        wrong = ("0" if sharing.code[0] != "0" else "1") + sharing.code[1:]
        began = time.monotonic()
        visit = Visit(two, sharing.address, wrong)
        with pytest.raises(KnownError) as refused:
            visit.once()
        assert refused.value.code == "venue_code" and time.monotonic() - began >= 1
        visit.close()
        assert meet(two, sharing).chapter
    with pytest.raises(KnownError) as short:
        Visit(two, "127.0.0.1:1", "ABC")
    assert short.value.code == "venue_code_form"


def test_another_chapter_is_turned_away(leaders: Any, make_desk: MakeDesk, lasting_server: Any) -> None:
    one, *_rest = leaders
    other = make_desk("other")
    join(other, lasting_server.url, lasting_server.invite("Somewhere else"))
    sync_once(other)
    add_member(other, first_name="Nobody", last_name="Here")
    with shared(one) as sharing, pytest.raises(KnownError) as refused:
        meet(other, sharing)
    assert refused.value.code == "venue_chapter"
    with one.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM parcel WHERE state <> 'own'").scalar() == 0


@pytest.mark.parametrize("wait", [float("nan"), -1.0, float("-inf")])
def test_a_wait_that_is_no_time_is_answered_at_once(leaders: Any, wait: float) -> None:
    one, two, *_rest = leaders
    with shared(one) as sharing:
        meet(two, sharing)
        with two.reading() as connection:
            mine = me(connection)
        line = Line(read_place(sharing.address), sharing.code)
        try:
            reply = line.ask(Trade(mine.membership.server, mine.membership.scope, mine.credentials.chain, after=10_000, wait=wait))
        finally:
            line.close()
    assert isinstance(reply, Traded)


def test_nobody_there_is_said_in_words(leaders: Any) -> None:
    one, two, *_rest = leaders
    with shared(one) as sharing:
        address, code = sharing.address, sharing.code
    visit = Visit(two, address, code)
    with pytest.raises(KnownError) as refused:
        visit.once()
    visit.close()
    assert refused.value.code == "venue_not_sharing"


def test_a_desk_that_works_alone_has_nobody_to_share_with(make_desk: MakeDesk) -> None:
    with pytest.raises(KnownError) as refused:
        Sharing(make_desk("alone"), host="127.0.0.1", port=0)
    assert refused.value.code == "venue_alone"


def test_whoever_gets_a_network_first_brings_the_server_everybodys(leaders: Any, make_desk: MakeDesk, office: Any) -> None:
    one, two, gathering, people = leaders
    check_in(one, gathering, person_id=people[0], station="North")
    change_member(one, people[2], employer="Acme")
    walk_in(one, gathering, "Grace Hopper", email="grace@example.org", consent=True)
    with shared(one) as sharing:
        check_in(two, gathering, person_id=people[1], station="South")
        assert meet(two, sharing).taken >= 1
    result = sync_once(two)
    assert (result.waiting, result.refused) == (0, 0)
    with two.reading() as connection:
        assert holding.counts(connection) == {"open": 0, "carried": 0}
        assert connection.exec_driver_sql("SELECT count(*) FROM operation WHERE queue = 'peer'").scalar() == 0
    three = make_desk("three")
    join(three, office.url, office.invite())
    sync_once(three)
    assert here(three, gathering) == here(two, gathering) == here(one, gathering) == 3
    again = sync_once(one)  # what it sends is there already, and is harmless
    assert (again.waiting, again.refused, again.conflicts) == (0, 0, 0)
    sync_once(two)
    for desk in (one, two, three):
        assert verify(desk).ok and here(desk, gathering) == 3
    with one.reading() as a, two.reading() as b, three.reading() as c:
        for name in ("person", "registration", "fact", "gathering"):
            rows = [sorted(map(repr, connection.exec_driver_sql(f"SELECT * FROM {name}").all())) for connection in (a, b, c)]
            assert rows[0] == rows[1] == rows[2], name


def test_a_parcel_of_a_removed_laptop_is_set_aside_whoever_brings_it(leaders: Any, office: Any) -> None:
    one, two, gathering, people = leaders
    check_in(one, gathering, person_id=people[0])
    with shared(one) as sharing:
        meet(two, sharing)
    assert status(two).carrying and "carries others’ changes" in status(two).sentence  # the server has not heard of them
    with one.reading() as connection:
        device = me(connection).membership.device
    office.server.run("server", "revoke", device)
    result = sync_once(two)
    assert result.waiting == 0 and here(two, gathering) == 0 and not status(two).carrying  # seen as long as nobody knew
    with two.reading() as connection:
        assert connection.exec_driver_sql("SELECT reason FROM parcel WHERE state <> 'own'").scalars().all() == ["revoked"]
        assert device in me(connection).credentials.revoked
    with pytest.raises(KnownError) as refused, shared(two) as sharing:
        meet(one, sharing)
    assert refused.value.code == "venue_revoked"


def test_of_a_removed_laptops_parcel_only_what_the_restored_server_lost_is_set_aside(make_server: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    server = make_server()
    one, two = make_desk("one"), make_desk("two")
    join(one, server.url, server.invite())
    sync_once(one)
    gathering, people = dinner(one)
    sync_once(one)
    join(two, server.url, server.invite())
    sync_once(two)
    check_in(one, gathering, person_id=people[0])
    with shared(one) as sharing:
        meet(two, sharing)
    sync_once(one)
    server.run("server", "backup", str(tmp_path / "kept"))  # which has it
    check_in(one, gathering, person_id=people[1])
    with shared(one) as sharing:
        meet(two, sharing)
    with one.reading() as connection:
        device = me(connection).membership.device
    server.run("server", "revoke", device)
    server.stop()
    server.run("server", "restore", str(tmp_path / "kept"), "--replace")
    server.start()
    assert sync_once(two).quarantined == 1, "the very sync that brought it says so"
    [aside] = set_aside.set_aside(two)
    assert aside.count == 1
    assert set_aside.discard(two, aside.id).refused == 1
    sync_once(two)
    assert here(two, gathering) == 1, "what the backup had counts on"


def test_a_server_restored_to_yesterday_is_offered_what_others_did_again(leaders: Any) -> None:
    from alumni_desk.sync.pull import begin_again

    one, two, gathering, people = leaders
    check_in(one, gathering, person_id=people[0])
    with shared(one) as sharing:
        meet(two, sharing)
    sync_once(two)
    with two.applying() as applying:
        begin_again(applying.connection, str(two.scope))
        assert holding.counts(applying.connection)["open"] == 1
    sync_once(two)
    with two.reading() as connection:
        assert holding.counts(connection)["open"] == 0
    assert here(two, gathering) == 1


def test_a_laptop_that_shares_and_went_back_to_a_backup_is_asked_once_and_given_again_what_it_had(leaders: Any) -> None:
    one, two, gathering, people = leaders
    trades: list[Any] = []
    check_in(one, gathering, person_id=people[0])
    with shared(one, told=trades.append) as sharing:
        visit = Visit(two, sharing.address, sharing.code)
        visit.once()
        thread = threading.Thread(target=visit.stay)
        thread.start()
        try:
            for number, person in enumerate(people[1:4], 2):
                check_in(two, gathering, person_id=person)
                soon(lambda number=number: here(one, gathering) == number)  # type: ignore[misc]
            check_in(one, gathering, person_id=people[4])
            soon(lambda: here(two, gathering) == 5)
            with one.applying() as applying:  # as a restore leaves it: what came from others is not there any more, and the list ends sooner
                applying.connection.exec_driver_sql("DELETE FROM parcel WHERE state != 'own' OR rowid > 1")
                state.keep(applying.connection, state.ListEnd(1))
            check_in(one, gathering, person_id=people[5])
            soon(lambda: here(two, gathering) == 6)
            soon(lambda: parcels_of(two) <= parcels_of(one))
            before = len(trades)
            change_member(one, people[0], employer="Asked once")
            soon(lambda: "Asked once" in column(two, "employer"))
            assert len(trades) - before < 10, "asked over and over"
        finally:
            visit.stop()
            thread.join(20)


def test_whoever_heard_the_list_of_before_a_restore_hears_the_one_after_it_from_its_beginning(
        leaders: Any, make_desk: MakeDesk, tmp_path: Path) -> None:
    one, two, gathering, people = leaders
    check_in(one, gathering, person_id=people[0])
    saved = tmp_path / "before.alumnidesk"
    back_up(one, saved)
    check_in(two, gathering, person_id=people[1])
    with shared(one) as sharing:
        visit = Visit(two, sharing.address, sharing.code)
        visit.once()
        visit.close()
    assert here(one, gathering) == 2
    back, _done = back_to(make_desk, "one", one, saved)
    assert here(back, gathering) == 1, "what came from the other is not there any more"
    for person in people[2:6]:  # so many that the list is longer again than what the other has heard of it
        check_in(back, gathering, person_id=person)
        with back.reading() as connection:
            mine = me(connection)
        holding.seal_own(back, mine)
    with shared(back) as sharing:
        later = Visit(two, sharing.address, sharing.code)
        later._theirs, later._place_there = visit._theirs, visit._place_there
        later._hear()
        later._hear()
        later._give_news()
        later.close()
    assert here(back, gathering) == here(two, gathering) == 6
    with back.reading() as connection:
        assert all(place > visit._place_there for (place,) in connection.exec_driver_sql("SELECT rowid FROM parcel"))


def parcels_of(desk: Desk) -> set[bytes]:
    """The names of all that is kept here, one's own and others'."""
    with desk.reading() as connection:
        return holding.names(connection, str(desk.scope))


def column(desk: Desk, name: str) -> list[Any]:
    """A field of everybody, sorted."""
    with desk.reading() as connection:
        return sorted(map(str, connection.exec_driver_sql(f"SELECT {name} FROM person WHERE NOT gone").scalars()))


def test_a_new_volunteer_is_let_in_by_a_leaders_laptop_without_internet(leaders: Any, make_desk: MakeDesk, office: Any) -> None:
    one, two, gathering, people = leaders
    door = make_desk("door")
    door.set_setting("person_name", "Tom")
    check_in(one, gathering, person_id=people[3], station="North")
    with shared(one, gathering=gathering) as sharing:
        met = meet(door, sharing)
        assert (met.joined, met.role, met.gathering) == (True, "door", gathering)
        assert here(door, gathering) == 1 and len(DoorList(door, gathering).hits) == 6
        assert column(door, "email") == ["None"] * 6 and column(door, "mobile") == ["1234"] * 6  # no more than the door sees
        assert check_in(door, gathering, person_id=people[3]).outcome.value == "already_in"
        assert check_in(door, gathering, person_id=people[0], station="South").outcome.value == "admitted"
        assert walk_in(door, gathering, "Grace Hopper", email="grace@example.org", consent=True).may_pass
        assert meet(door, sharing).given >= 2
        assert check_in(one, gathering, person_id=people[0]).outcome.value == "already_in"
        assert here(one, gathering) == here(door, gathering) == 3 and "grace@example.org" in column(one, "email")
    assert verify(one).ok and verify(door).ok
    sync_once(one)  # the server hears of the new laptop by its chain
    assert any(row["name"] == door.device_name and row["role"] == "door" for row in office.server.run("server", "devices"))
    sync_once(two)
    assert here(two, gathering) == 3 and "grace@example.org" in column(two, "email")
    result = sync_once(door)
    assert (result.waiting, result.refused) == (0, 0)
    assert here(door, gathering) == 3 and len(DoorList(door, gathering).hits) == 7
    assert column(door, "email") == ["None"] * 7
    with door.reading() as connection:
        assert len(me(connection).credentials.chain) == 1  # the server's own by now
    assert verify(door).ok


def test_a_volunteer_whose_leader_was_removed_hears_that_it_was_not_this_laptop(leaders: Any, make_desk: MakeDesk) -> None:
    """Its work is handed over as that of any removed laptop."""
    one, two, gathering, people = leaders
    door = make_desk("door")
    with one.reading() as connection:
        membership = state.read(connection, state.Membership)
    with shared(one, gathering=gathering) as sharing:
        meet(door, sharing)
        remove(two, membership.device)
        check_in(door, gathering, person_id=people[0])
    with pytest.raises(Refused, match="Whoever let this laptop in at the door may not any more, so its access ended on") as said:
        sync_once(door)
    assert said.value.code == removal.CODE and "join with a new invitation" in str(said.value)
    sync_once(two)
    for lot in set_aside.set_aside(two):
        set_aside.release(two, lot.id)
    sync_once(two)
    assert here(two, gathering) == 1
    with pytest.raises(Refused, match="This laptop’s access was removed on"):  # the leader's own was
        sync_once(one)


def test_a_new_volunteer_may_reach_the_server_before_anybody_else(leaders: Any, make_desk: MakeDesk) -> None:
    one, two, gathering, people = leaders
    door = make_desk("door")
    with shared(one, gathering=gathering) as sharing:
        meet(door, sharing)
    check_in(door, gathering, person_id=people[0])
    assert sync_once(door).waiting == 0
    sync_once(two)
    assert here(two, gathering) == 1


def test_what_a_door_notes_of_whom_the_server_has_not_heard_is_there_though_the_door_syncs_first(leaders: Any, make_desk: MakeDesk) -> None:
    one, two, gathering, _people = leaders
    late = add_member(one, first_name="Late", last_name="Comer").id
    place = add_guests(one, gathering, [late]).registrations[0]
    door = make_desk("door")
    with shared(one, gathering=gathering) as sharing:
        meet(door, sharing)
        set_rsvp(door, gathering, [place], "no")
        meet(door, sharing)
    for desk in (door, one, two):
        assert sync_once(desk).refused == 0
    sync_once(door)
    assert [DoorList(desk, gathering).hits[place].rsvp for desk in (door, one, two)] == ["no"] * 3
    assert verify(one).ok and verify(door).ok


@pytest.mark.parametrize("goes_first", ["wrote it down", "put them on the list", "leads"])
def test_what_a_door_notes_of_whom_another_door_put_on_the_list_is_there_whoever_syncs_first(leaders: Any, make_desk: MakeDesk, goes_first: str) -> None:
    one, _two, gathering, people = leaders
    first, second = make_desk("first"), make_desk("second")
    with shared(one, gathering=gathering) as sharing:
        for door in (first, second):
            meet(door, sharing)
        for door, person in ((second, people[0]), (first, people[1])):
            check_in(door, gathering, person_id=person)
            meet(door, sharing)
        placed = [str(walk_in(first, gathering, "Wanda Walker").registration)]
        for door in (first, second):
            meet(door, sharing)
        set_rsvp(second, gathering, placed, "no")
        placed.append(str(walk_in(second, gathering, "Walter Runner").registration))
        for door in (second, first):
            meet(door, sharing)
        set_rsvp(first, gathering, placed[1:], "no")
        for door in (first, second):
            meet(door, sharing)
    order = {"wrote it down": (second, first, one), "put them on the list": (first, second, one), "leads": (one, first, second)}[goes_first]
    for desk in (*order, *order):
        assert sync_once(desk).refused == 0
    assert [[DoorList(desk, gathering).hits[place].rsvp for place in placed] for desk in order] == [["no", "no"]] * 3
    assert all(verify(desk).ok for desk in order)


def test_what_another_door_notes_of_a_walk_in_who_left_an_address_is_taken_from_the_door_that_let_them_in(leaders: Any, make_desk: MakeDesk) -> None:
    """Their address is for the chapter: it goes in a parcel of its own, after that which puts them on the list."""
    one, _two, gathering, _people = leaders
    first, second = make_desk("first"), make_desk("second")
    with shared(one, gathering=gathering) as sharing:
        for door in (first, second):
            meet(door, sharing)
        place = str(walk_in(first, gathering, "Wanda Walker", email="wanda@example.org").registration)
        for door in (first, second):
            meet(door, sharing)
        set_rsvp(second, gathering, [place], "no")
        for door in (second, first):
            meet(door, sharing)
    for desk in (first, second, one, first):
        assert sync_once(desk).refused == 0
    assert [DoorList(desk, gathering).hits[place].rsvp for desk in (first, second, one)] == ["no"] * 3


def test_of_what_a_door_brings_in_turns_after_its_end_nothing_stays_to_be_read(leaders: Any, make_desk: MakeDesk) -> None:
    one, _two, gathering, people = leaders
    door = make_desk("door")
    with shared(one, gathering=gathering) as sharing:
        meet(door, sharing)
        sync_once(door)
        walked = walk_in(door, gathering, "Quetzal Walker", email="quetzal@example.org")
        set_rsvp(door, gathering, [str(walked.registration)], "no")
        meet(door, sharing)
        check_in(one, gathering, person_id=people[0])
        meet(door, sharing)
    change_gathering(one, gathering, start="2020-01-01T18:00", end="2020-01-01T22:00")
    sync_once(one)
    assert sync_once(door).waiting == 0
    assert status(door).state == "ended"
    assert findings(door.profile, door.key, "Quetzal") == []


def test_a_door_takes_back_nobody_whom_another_laptop_let_in_a_moment_ago(leaders: Any, make_desk: MakeDesk) -> None:
    """The server would refuse it, and whoever was out everywhere would be in again."""
    one, _two, gathering, people = leaders
    door = make_desk("door")
    with shared(one, gathering=gathering) as sharing:
        meet(door, sharing)
        place = str(check_in(one, gathering, person_id=people[0], station="North").registration)
        own = str(check_in(door, gathering, person_id=people[1], station="South").registration)
        meet(door, sharing)
        with pytest.raises(Refused, match="was checked in on another laptop"):
            undo_check_in(door, gathering, place)
        assert undo_check_in(door, gathering, own).closed
        meet(door, sharing)
    for desk in (door, one, door):
        assert sync_once(desk).refused == 0
    assert here(one, gathering) == here(door, gathering) == 1


def test_nobody_new_is_let_in_where_no_door_is_open(leaders: Any, make_desk: MakeDesk) -> None:
    one, _two, gathering, _people = leaders
    door = make_desk("door")
    with shared(one) as sharing, pytest.raises(KnownError) as refused:
        meet(door, sharing)
    assert refused.value.code == "venue_door_closed"
    with shared(one, gathering=gathering) as sharing:
        meet(door, sharing)
    with pytest.raises(KnownError) as no_leader, shared(door, gathering=gathering):
        pass
    assert no_leader.value.code == "venue_leader"
    other = make_desk("other")
    add_member(other, first_name="Somebody", last_name="Here")
    with shared(one, gathering=gathering) as sharing, pytest.raises(KnownError) as own:
        meet(other, sharing)
    assert own.value.code == "venue_members_here"


def test_nobody_is_let_in_at_a_gathering_that_is_gone_meanwhile(leaders: Any, make_desk: MakeDesk) -> None:
    """Another laptop undid its planning while this one shared with it: the new one is told what helps, not that the other has trouble."""
    one, two, gathering, _people = leaders
    with shared(one, gathering=gathering) as sharing:
        with two.writing("gathering_removed") as writing:
            writing.change("gathering", gathering, gone=True)
        for desk in (two, one):
            sync_once(desk)
        with pytest.raises(KnownError) as refused:
            meet(make_desk("door"), sharing)
    assert refused.value.code == "venue_door_closed"


def test_a_newer_hand_out_reaches_the_door(leaders: Any, make_desk: MakeDesk) -> None:
    one, _two, gathering, _people = leaders
    door = make_desk("door")
    with shared(one, gathering=gathering) as sharing:
        meet(door, sharing)
        late = add_member(one, first_name="Late", last_name="Comer").id
        add_guests(one, gathering, [late])
        with one.writing("guests_removed") as writing:
            writing.change("registration", DoorList(one, gathering).find("Guest2").hits[0].registration or "", gone=True)
        meet(door, sharing)
        assert len(DoorList(door, gathering).hits) == 6 and DoorList(door, gathering).find("late comer").certain is not None
        assert DoorList(door, gathering).find("Guest2 Żółć2").certain is None


def test_whom_a_leader_took_off_the_list_is_gone_from_the_door_after_the_sync_too(leaders: Any, make_desk: MakeDesk, office: Any) -> None:
    one, _two, gathering, _people = leaders
    door = make_desk("door")
    join(door, office.url, office.invite("door", gathering))
    sync_once(door)
    registration = DoorList(one, gathering).find("Guest2").hits[0].registration or ""
    remove_guests(one, gathering, [registration])
    with shared(one, gathering=gathering) as sharing:
        meet(door, sharing)
    sync_once(one)
    sync_once(door)
    with door.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM registration WHERE id = ?", (registration,)).scalar() == 0
    assert verify(door).ok


def test_a_hand_out_of_somebody_whose_access_ended_by_this_clock_says_so(leaders: Any, make_desk: MakeDesk) -> None:
    one, _two, gathering, _people = leaders
    door = make_desk("door")
    with shared(one, gathering=gathering) as sharing:
        meet(door, sharing)
    door.clock.correct(400 * 86_400_000)
    with shared(one, gathering=gathering) as sharing, pytest.raises(KnownError, match="date and time are right") as said:
        change_gathering(one, gathering, name="Another Dinner")
        meet(door, sharing)
    assert said.value.code == "handout_ended"


def test_an_access_that_ended_leaves_what_others_did_sealed(leaders: Any, make_desk: MakeDesk) -> None:
    from alumni_desk.sync import door as doors
    from alumni_desk.sync import state

    one, _two, gathering, people = leaders
    door = make_desk("door")
    with shared(one, gathering=gathering) as sharing:
        meet(door, sharing)
        check_in(one, gathering, person_id=people[0], station="North")
        meet(door, sharing)
    with door.reading() as connection:
        membership = state.read(connection, state.Membership)
        assert holding.counts(connection) == {"open": 1, "carried": 0}
    assert membership is not None
    doors.end(door, membership)
    with door.reading() as connection:
        assert holding.counts(connection) == {"open": 0, "carried": 1}
        assert connection.exec_driver_sql("SELECT count(*) FROM fact").scalar() == 0 and not me(connection).keys.gathering
        assert connection.exec_driver_sql("SELECT count(*) FROM operation WHERE queue = 'peer'").scalar() == 0
    sync_once(door)  # what it carried is brought all the same; and this one has not ended at the server, so it reads again
    assert here(door, gathering) == 1


def test_parcels_that_nobody_known_signed_are_left(leaders: Any) -> None:
    import msgspec
    from nacl.signing import SigningKey

    one, two, gathering, people = leaders
    check_in(one, gathering, person_id=people[0])
    with one.reading() as connection:
        mine = me(connection)
    holding.seal_own(one, mine)
    with one.reading() as connection:
        held = holding.offered(connection, mine.membership.scope)[0]
    sealed = holding.opened_parcel(held[0].content)
    with two.reading() as connection:
        theirs = me(connection)
    stranger = msgspec.structs.replace(mine.certificate, public_key=bytes(SigningKey.generate().verify_key))
    for chains in ([], [[stranger]]):
        assert holding.take_in(two, theirs, [sealed], chains).refused == 1
    for forged in (msgspec.structs.replace(sealed, audience="chapter"), msgspec.structs.replace(sealed, box=sealed.box[:-1] + b"x"),
                   msgspec.structs.replace(sealed, scope=gathering), msgspec.structs.replace(sealed, server="another")):
        assert holding.take_in(two, theirs, [forged], [mine.credentials.chain]).refused == 1
    assert here(two, gathering) == 0
    taken = holding.take_in(two, theirs, [sealed, sealed], [mine.credentials.chain])
    assert (taken.new, taken.opened, taken.refused) == (1, 1, 0) and here(two, gathering) == 1


def test_a_door_that_writes_what_it_may_not_is_not_believed(leaders: Any, make_desk: MakeDesk) -> None:
    one, two, gathering, people = leaders
    door = make_desk("door")
    with shared(one, gathering=gathering) as sharing:
        meet(door, sharing)
        with door.writing("tampered", gathering=gathering) as writing:
            writing.change("person", people[0], last_name="Changed")
        with door.writing("tampered", gathering=gathering) as writing:
            writing.change("gathering", gathering, name="Changed")
        assert meet(door, sharing).given >= 1
    assert "Changed" not in column(one, "last_name")
    with one.reading() as connection:
        assert connection.exec_driver_sql("SELECT name FROM gathering").scalars().all() == ["Founders’ Dinner"]
    sync_once(one)
    sync_once(two)
    assert "Changed" not in column(two, "last_name")
    assert sync_once(door).refused == 2


def test_a_removed_laptop_brings_what_it_carried_before_it_is_emptied(leaders: Any, make_desk: MakeDesk, office: Any) -> None:
    one, two, gathering, people = leaders
    check_in(one, gathering, person_id=people[0])
    with shared(one) as sharing:
        meet(two, sharing)
    with two.reading() as connection:
        device = me(connection).membership.device
    office.server.run("server", "revoke", device)
    with pytest.raises(KnownError):
        sync_once(two)
    three = make_desk("three")  # the signer itself is never heard of again
    join(three, office.url, office.invite())
    sync_once(three)
    assert here(three, gathering) == 1


def test_of_whose_access_has_passed_is_taken_and_nothing_is_given_before_the_server_has_heard_of_it(leaders: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from alumni_desk.sync.venue import sharing as sharings
    from alumni_desk.sync.venue import visiting

    one, two, gathering, people = leaders
    check_in(one, gathering, person_id=people[0], station="North")
    check_in(two, gathering, person_id=people[1], station="South")
    real = holding.now_ms

    def late(desk: Desk) -> int:
        return real(desk) + 61 * 86_400_000

    with shared(one) as sharing:
        with monkeypatch.context() as patch:
            patch.setattr(sharings, "now_ms", late)
            patch.setattr(holding, "now_ms", late)
            met = meet(two, sharing)
            assert (met.given, met.taken) == (1, 0)
            with one.reading() as connection:
                assert holding.counts(connection) == {"open": 0, "carried": 1}
        with monkeypatch.context() as patch:
            patch.setattr(visiting, "now_ms", late)
            add_member(two, first_name="Late", last_name="Comer")
            met = meet(two, sharing)
            assert (met.given, met.taken) == (0, 1)
        assert meet(two, sharing).given == 1


def test_nothing_is_given_to_a_laptop_that_was_removed_and_shares(leaders: Any, office: Any) -> None:
    one, two, gathering, people = leaders
    check_in(one, gathering, person_id=people[0], station="North")
    with two.reading() as connection:
        device = me(connection).membership.device
    office.server.run("server", "revoke", device)
    sync_once(one)
    check_in(one, gathering, person_id=people[1], station="North")
    with shared(two) as sharing, pytest.raises(KnownError) as raised:
        meet(one, sharing)
    assert raised.value.code == "venue_partner"
    with two.reading() as connection:
        assert holding.counts(connection) == {"open": 0, "carried": 0}


def test_the_servers_list_of_who_was_removed_travels_with_whoever_has_it(leaders: Any, make_desk: MakeDesk, office: Any) -> None:
    one, two, gathering, _people = leaders
    three = make_desk("three")
    join(three, office.url, office.invite())
    sync_once(three)
    with three.reading() as connection:
        device = me(connection).membership.device
    office.server.run("server", "revoke", device)
    sync_once(one)
    door = make_desk("door")
    with shared(one, gathering=gathering) as sharing:
        meet(door, sharing)  # a volunteer's laptop carries it on
    with shared(two) as sharing:
        meet(door, sharing)
    with shared(two) as sharing, pytest.raises(KnownError) as refused:
        meet(three, sharing)
    assert refused.value.code == "venue_revoked"
    with two.reading() as connection:
        mine = me(connection)
    assert mine.credentials.removals is not None and mine.credentials.revoked == [device]
    with one.reading() as connection:
        other, leaders_key = me(connection).membership.device, me(connection).key
    membership = mine.membership
    forged = [sign_removals(leaders_key, server=membership.server, scope=membership.scope, issued=2**62, devices=[other]),
              msgspec.structs.replace(mine.credentials.removals, devices=[device, other]),
              msgspec.structs.replace(mine.credentials.removals, devices=[device, other], scope="another")]
    for one_list in forged:  # nobody but the server removes anybody, a leader neither
        assert hear_removals(two, mine, one_list).credentials.revoked == [device]


def test_what_is_said_of_somebody_erased_here_by_who_has_not_heard_is_never_written_down(leaders: Any) -> None:
    one, two, _gathering, people = leaders
    change_member(one, people[0], notes="Quetzalcoatlus")
    erasing.erase(two, [people[0]])
    with shared(one) as sharing:
        meet(two, sharing)
    with two.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM operation WHERE fields LIKE '%Quetzal%'").scalar() == 0
        assert connection.exec_driver_sql("SELECT notes FROM person WHERE id = ?", (people[0],)).scalar() is None
    sync_once(two)
    sync_once(one)
    assert verify(one).ok and verify(two).ok


def test_of_somebody_erased_before_the_server_heard_of_them_nothing_stays_with_who_carried_it(leaders: Any, make_desk: MakeDesk, office: Any,
                                                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    """The server never had a row of theirs, so no page tells of it: its answer to whoever brings the parcel does."""
    one, two, _gathering, _people = leaders
    three = make_desk("three")
    join(three, office.url, office.invite())
    sync_once(three)
    person = add_member(one, last_name="Quetzalcoatlus").id
    with shared(one) as sharing:
        for desk in (two, three):
            meet(desk, sharing)
    erasing.erase(three, [person])
    sync_once(three)
    scrubbed: list[Desk] = []
    scrub = erasing.scrub
    monkeypatch.setattr(erasing, "scrub", lambda desk: (scrubbed.append(desk), scrub(desk)))
    sync_once(two)
    assert scrubbed == [two]  # the pages and the log are written anew, after the last word of them was taken out
    with two.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM operation WHERE row_id = ?", (person,)).scalar() == 0
        assert connection.exec_driver_sql("SELECT count(*) FROM parcel_operation").scalar() == 0
        assert connection.exec_driver_sql("SELECT id FROM erased").scalars().all() == [person]
        assert state.read(connection, state.Scrubbing) is None
    sync_once(one)
    assert verify(one).ok and verify(two).ok and verify(three).ok


def test_a_hand_out_of_a_leader_who_was_removed_since_stops_no_exchange(leaders: Any, make_desk: MakeDesk, office: Any, caplog: Any) -> None:
    one, _two, gathering, people = leaders
    three = make_desk("three")
    join(three, office.url, office.invite())
    sync_once(three)
    first, second = make_desk("first"), make_desk("second")
    for door, leader in ((first, one), (second, one), (second, three)):  # the second one's list is the newer
        with shared(leader, gathering=gathering) as sharing:
            meet(door, sharing)
    check_in(second, gathering, person_id=people[0])
    with three.reading() as connection:
        device = me(connection).membership.device
    office.server.run("server", "revoke", device)
    sync_once(one)
    with shared(one) as sharing:  # the first one hears of it
        meet(first, sharing)
    check_in(first, gathering, person_id=people[1])
    with caplog.at_level("INFO", "alumni_desk.sync.venue.visiting"), shared(second) as sharing:
        meet(first, sharing)
    assert here(first, gathering) == here(second, gathering) == 2
    assert "a hand-out was passed over: handout_forged" in caplog.text


def test_a_laptop_that_was_emptied_by_another_program_shares_nothing_any_more(office: Any, make_desk: MakeDesk) -> None:
    leader, visitor = make_desk("leader"), make_desk("visitor")
    for desk in (leader, visitor):
        join(desk, office.url, office.invite())
        sync_once(desk)
    with shared(leader) as sharing:
        meet(visitor, sharing)
        beside = make_desk("leader")
        leave(beside)
        soon(lambda: sharing.over is not None)
        with pytest.raises(KnownError):
            meet(visitor, sharing)
        with pytest.raises(KnownError) as raised, leader.reading():
            pass
        assert raised.value.code == removal.CODE
        assert not leader.profile.database.exists()
