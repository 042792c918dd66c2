"""The code that a laptop shares with stays the same when it shares again, and who has joined goes on; but not for somebody who was removed meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.sync.hosts import soon
from tests.sync.test_venue import MakeDesk, dinner, leaders, meet, shared

from alumni_desk.errors import KnownError
from alumni_desk.store.desk import Desk
from alumni_desk.sync import state
from alumni_desk.sync.engine import join, sync_once
from alumni_desk.sync.venue.credentials import me
from alumni_desk.sync.venue.own_code import LASTS_MS
from alumni_desk.sync.venue.sharing import Sharing
from alumni_desk.sync.venue.stations import DIRECT_SECONDS, PASSED_ON_SECONDS, Stations, announce
from alumni_desk.sync.venue.timing import now_ms
from alumni_desk.sync.venue.visiting import Visit

__all__ = ["leaders"]


@contextmanager
def staying(desk: Desk, sharing: Sharing, told: list[Any] | None = None) -> Iterator[Visit]:
    """Join it and stay."""
    visit = Visit(desk, sharing.address, sharing.code, told=None if told is None else lambda stations, problem: told.append(problem))
    visit.once()
    thread = threading.Thread(target=visit.stay)
    thread.start()
    try:
        yield visit
    finally:
        visit.stop()
        thread.join(20)
        assert not thread.is_alive()


def code_of(desk: Desk, **options: Any) -> str:
    """Which one it shares with now."""
    with shared(desk, **options) as sharing:
        return sharing.code


def test_it_stays_the_same_and_is_another_ones_at_another_gatherings_door(leaders: Any) -> None:
    one, two, gathering, _people = leaders
    other, _guests = dinner(one, guests=1)
    first = code_of(one)
    assert code_of(one) == first == code_of(one, gathering=gathering) == code_of(one), "new laptops are let in with it now"
    at_other = code_of(one, gathering=other)
    assert at_other != first, "who was at the one door is not let in at the next"
    assert code_of(one, gathering=gathering) == first and code_of(one) == first and code_of(one, gathering=other) == at_other
    assert code_of(two) not in (first, at_other)


def test_a_new_one_is_made_when_it_is_wanted_and_when_a_week_has_gone(leaders: Any) -> None:
    one, _two, gathering, _people = leaders
    first = code_of(one, gathering=gathering)
    second = code_of(one, new_code=True)
    assert second != first
    assert code_of(one, gathering=gathering) == second == code_of(one), "the one before is forgotten"
    one.clock.correct(LASTS_MS + 1000)
    assert code_of(one) != second


def test_a_restored_backup_of_another_computer_does_not_share_with_it(leaders: Any) -> None:
    from alumni_desk.sync.restoring import _of_another_computer

    one, *_rest = leaders
    code_of(one)
    _of_another_computer(one)
    with one.reading() as connection:
        assert state.read(connection, state.VenueCodes) is None


def test_it_is_in_no_file_but_the_encrypted_database(leaders: Any, caplog: pytest.LogCaptureFixture) -> None:
    one, *_rest = leaders
    with caplog.at_level("DEBUG"), shared(one) as sharing:
        words = [sharing.code.encode(), sharing.code.replace("-", "").encode(), sharing._salt]
        assert not any(word in file.read_bytes() for file in one.profile.path.rglob("*") if file.is_file() for word in words)
        assert sharing.code not in caplog.text


def test_a_removed_laptop_does_not_come_back_with_it_under_another_name(leaders: Any, make_desk: MakeDesk, office: Any) -> None:
    one, two, gathering, _people = leaders
    door = make_desk("door")
    with shared(one, gathering=gathering) as sharing:
        assert meet(door, sharing).joined
        with two.reading() as connection:
            device = me(connection).membership.device
        office.server.run("server", "revoke", device)
        sync_once(one)
        with pytest.raises(KnownError) as refused:
            meet(two, sharing)
        assert refused.value.code == "venue_revoked"
        with pytest.raises(KnownError) as anew:
            meet(make_desk("anew"), sharing)
        assert anew.value.code == "venue_code_over" and "Make a new code" in str(anew.value)
        assert not meet(door, sharing).joined, "who is of the chapter goes on"
        known = sharing.code
    with shared(one, gathering=gathering) as sharing:
        assert sharing.code != known
        assert meet(make_desk("welcome"), sharing).joined


def test_who_has_joined_needs_the_new_code_and_bothers_nobody_with_the_old_one(leaders: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, *_rest = leaders
    told: list[Any] = []
    asked: list[str] = []
    with shared(one) as sharing:
        port = sharing.place.port
        stay = staying(two, sharing, told)
        visit = stay.__enter__()
    try:
        soon(lambda: told and told[-1] is not None, 10)
        again = Sharing(one, host="127.0.0.1", port=port, new_code=True)
        real = again.answer
        monkeypatch.setattr(again, "answer", lambda box, visitor: asked.append("") or real(box, visitor))
        try:
            soon(lambda: told[-1] is not None and told[-1].code == "venue_code_changed", 20)
            assert not any(one.connected for one in visit.stations())
            count = len(told)
            soon(lambda: len(told) > count, 20)
            assert len(asked) <= 2, "once for each of its lines"
        finally:
            again.stop()
    finally:
        stay.__exit__(None, None, None)


def test_where_another_laptop_shares_in_its_place_its_code_is_asked_for(leaders: Any, make_desk: MakeDesk, office: Any) -> None:
    one, two, *_rest = leaders
    three = make_desk("three")
    join(three, office.url, office.invite())
    sync_once(three)
    told: list[Any] = []
    with shared(one) as sharing:
        stay = staying(two, sharing, told)
        visit = stay.__enter__()
    try:
        with shared(two), shared(three) as instead:  # itself it does not take for another
            soon(lambda: told and told[-1] is not None and told[-1].code == "venue_code_changed", 60)
            assert visit.address == instead.address
    finally:
        stay.__exit__(None, None, None)


# -- whom it last had contact with


def test_who_hangs_up_is_connected_no_more_at_once_on_both_sides(leaders: Any) -> None:
    one, two, *_rest = leaders
    sharing = Sharing(one, host="127.0.0.1", port=0)
    try:
        with staying(two, sharing):
            soon(lambda: [station.connected for station in sharing.stations()] == [True])
        soon(lambda: [station.connected for station in sharing.stations()] == [False])
        with staying(two, sharing) as visit:
            soon(lambda: [station.connected for station in sharing.stations()] == [True] == [station.connected for station in visit.stations()])
            sharing.stop()
            soon(lambda: [station.connected for station in visit.stations()] == [False])
            sharing = Sharing(one, host="127.0.0.1", port=sharing.place.port)
            soon(lambda: [station.connected for station in visit.stations()] == [True], 20)
    finally:
        sharing.stop()


@pytest.mark.parametrize("ahead", [-3_600_000, 0, 240_000])
def test_who_is_silent_is_connected_no_more_whatever_the_clocks_say(leaders: Any, ahead: int, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, *_rest = leaders
    with one.reading() as connection:
        mine = me(connection)
    with two.reading() as connection:
        theirs = me(connection)
    moment = time.monotonic()
    monkeypatch.setattr("alumni_desk.sync.venue.stations.time.monotonic", lambda: moment)
    direct, passed_on = Stations(), Stations()
    now = now_ms(one)
    said = announce(theirs, "", "two", now + ahead)
    direct.hear(mine, [said], [theirs.credentials.chain], now, partner=theirs.membership.device)
    passed_on.hear(mine, [said], [theirs.credentials.chain], now)
    assert [station.connected for station in direct.all()] == [True]
    assert [station.connected for station in passed_on.all()] == [ahead >= 0], "what is passed on may be old"
    passed_on.hear(mine, [announce(theirs, "", "two", now + ahead + 1)], [theirs.credentials.chain], now)
    assert [station.connected for station in passed_on.all()] == [True]
    for stations, seconds in ((direct, DIRECT_SECONDS), (passed_on, PASSED_ON_SECONDS)):
        monkeypatch.setattr("alumni_desk.sync.venue.stations.time.monotonic", lambda seconds=seconds: moment + seconds - 1)
        assert stations.all()[0].connected
        monkeypatch.setattr("alumni_desk.sync.venue.stations.time.monotonic", lambda seconds=seconds: moment + seconds + 1)
        assert not stations.all()[0].connected
