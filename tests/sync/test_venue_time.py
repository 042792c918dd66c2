"""Where there is no server the leader's laptop tells those whose clock is wrong how late it is; nobody else does, and nobody says it again later."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.sync.test_venue import dinner, meet, shared

from alumni_desk.checkin.actions import check_in
from alumni_desk.checkin.lists import DoorList
from alumni_desk.protocol.certificates import certify
from alumni_desk.protocol.clock import wall_ms
from alumni_desk.schema import open_desk
from alumni_desk.store.checking import verify
from alumni_desk.store.desk import Desk
from alumni_desk.sync import state
from alumni_desk.sync.engine import join, status, sync_once
from alumni_desk.sync.venue import holding, timing
from alumni_desk.sync.venue.credentials import me
from alumni_desk.sync.venue.timing import CHALLENGE, hear_time, tell_time

MakeDesk = Callable[[str], Desk]
HOUR = 3_600_000
A_LITTLE = 60_000


def wrong(desk: Desk, ahead_ms: int) -> Desk:
    """Put the clock of this laptop's computer ahead, or behind."""
    desk.clock._now = lambda: wall_ms() + ahead_ms
    return desk


def off(desk: Desk) -> float:
    """By how many milliseconds what is done on this laptop is noted at a wrong time."""
    return abs(desk.clock.now_ms() - wall_ms())


@pytest.fixture
def leader(office: Any, make_desk: MakeDesk) -> tuple[Desk, str, list[str]]:
    """A leader's laptop that was synced at the office, and the gathering that it goes to, with guests."""
    one = make_desk("one")
    join(one, office.url, office.invite())
    sync_once(one)
    gathering, people = dinner(one)
    sync_once(one)
    return one, gathering, people


@pytest.mark.parametrize("ahead_ms", [-3 * HOUR, 2 * HOUR, 400 * 24 * HOUR])
def test_a_laptop_with_a_wrong_clock_notes_arrivals_by_the_leaders(leader: Any, make_desk: MakeDesk, ahead_ms: int) -> None:
    one, gathering, people = leader
    door = wrong(make_desk("door"), ahead_ms)
    with shared(one, gathering=gathering) as sharing:
        meet(door, sharing)
        assert off(door) < A_LITTLE
        assert check_in(door, gathering, person_id=people[0], station="South").outcome.value == "admitted"
        assert meet(door, sharing).given >= 1
    with one.reading() as connection:
        [came] = connection.exec_driver_sql("SELECT at FROM fact WHERE registration IS NOT NULL").scalars()
    assert abs(datetime.fromisoformat(came) - datetime.now(UTC)).total_seconds() < A_LITTLE / 1000
    assert status(door).ahead_s == pytest.approx(ahead_ms / 1000, abs=60) and "set the clock" in status(door).clock
    assert status(one).clock == "" and one.clock.offset == 0
    with door.reading() as connection:
        kept = state.read(connection, state.Skew)
    assert kept is not None and kept.ahead_ms == -door.clock.offset, "so that the next start goes by it"


def test_who_heard_the_server_last_is_believed_and_a_clock_that_is_right_stays(leader: Any, office: Any, make_desk: MakeDesk) -> None:
    one, gathering, _people = leader
    two = make_desk("two")
    join(two, office.url, office.invite())
    sync_once(two)
    assert two.clock.told > one.clock.told > 0
    wrong(one, HOUR)  # since the server found it right
    with shared(one, gathering=gathering) as sharing:
        meet(two, sharing)
    assert two.clock.offset == 0, "the server told it later"
    with shared(two, gathering=gathering) as sharing:
        meet(one, sharing)
        assert off(one) < A_LITTLE
        meet(one, sharing)
        assert off(one) < A_LITTLE
    wrong(two, -2 * HOUR)  # before the server told it the time: that is wrong for sure
    wrong(one, 0).clock.correct(0)
    one.clock.told = two.clock.told - 1
    with shared(one, gathering=gathering) as sharing:
        meet(two, sharing)
    assert off(two) < A_LITTLE


def test_a_laptop_knows_at_its_next_start_that_the_server_found_its_clock_right(leader: Any, make_desk: MakeDesk) -> None:
    one, _gathering, _people = leader
    told = one.clock.told
    with open_desk(one.profile) as again:
        assert abs(again.clock.told - told) < A_LITTLE
    with one.applying() as applying:
        state.keep(applying.connection, state.Skew(HOUR, 1))
    with open_desk(one.profile) as again:
        assert again.clock.told == 0, "somebody may have set it since"
    assert make_desk("alone").clock.told == 0


def test_nobody_but_a_leader_who_knows_tells_the_time_and_nobody_says_it_again(leader: Any, make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    one, gathering, _people = leader
    door = make_desk("door")
    with shared(one, gathering=gathering) as sharing:
        meet(door, sharing)
    with one.reading() as there, door.reading() as connection:
        leads, mine = me(there), me(connection)
    chain, challenge = leads.credentials.chain, secrets.token_bytes(CHALLENGE)
    told = one.clock.told
    assert tell_time(door, mine, challenge) is None, "a door's laptop"
    assert tell_time(one, leads, b"") is None, "nobody asked"
    said = tell_time(one, leads, challenge)
    assert said is not None and said.told == told
    wrong(door, HOUR).clock.told = 0
    later = msgspec.structs.replace(said, at=said.at + HOUR)
    for what, asked, by, seconds in ((said, secrets.token_bytes(CHALLENGE), chain, 0.1), (later, challenge, chain, 0.1), (None, challenge, chain, 0.1),
                                     (said, challenge, mine.credentials.chain, 0.1), (said, challenge, [], 0.1),
                                     (said, challenge, chain, timing.PROMPT_SECONDS + 1)):
        hear_time(door, mine, by, asked, what, seconds)
        assert door.clock.offset == 0
    hear_time(door, mine, chain, challenge, said, 0.1)
    assert off(door) < A_LITTLE and door.clock.told == told
    one.clock.correct(2 * HOUR)  # the server found it wrong: somebody may have set it since
    assert tell_time(one, leads, challenge) is None
    one.clock.correct(0)
    wrong(one, -HOUR)
    assert tell_time(one, leads, challenge) is None, "it is later than that, said the server"
    wrong(one, 0).clock.told = 0
    assert tell_time(one, leads, challenge) is None, "no server told it"


def test_what_came_while_the_clock_was_far_ahead_counts_once_it_is_right(leader: Any, make_desk: MakeDesk) -> None:
    one, gathering, people = leader
    door, other = make_desk("door"), make_desk("other")
    with shared(one, gathering=gathering) as sharing:
        for desk in (door, other):
            meet(desk, sharing)
        check_in(door, gathering, person_id=people[0], station="South")
        wrong(one, 400 * 24 * HOUR)
        meet(door, sharing)
        assert DoorList(one, gathering).headcount().present == 0, "its access has passed, by this clock"
        wrong(one, 0)
        meet(other, sharing)
        meet(other, sharing)
        assert [DoorList(desk, gathering).headcount().present for desk in (one, other)] == [1, 1]
    assert verify(one).ok


def test_what_is_closed_counts_once_the_clock_is_right_though_the_other_laptop_knows_an_older_certificate(leader: Any, make_desk: MakeDesk) -> None:
    one, gathering, people = leader
    door = make_desk("door")
    with shared(one, gathering=gathering) as sharing:
        meet(door, sharing)
        check_in(door, gathering, person_id=people[0], station="South")
        wrong(one, 400 * 24 * HOUR)
        meet(door, sharing)
    wrong(one, 0)
    with one.reading() as connection:
        mine = me(connection)
        [(now, above)] = [chain for device, chain in holding.chains_of(connection).items() if device != mine.membership.device]
    said = {name: value for name, value in msgspec.structs.asdict(now).items() if name != "signature"}
    before = certify(mine.key, **{**said, "issued": now.issued - 2 * HOUR, "until": now.issued - HOUR})
    holding.take_in(one, mine, [], [[before, above]])
    assert DoorList(one, gathering).headcount().present == 1
