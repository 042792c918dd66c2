"""Whatever laptops do at one gathering, in whatever order they hear of each other: nobody let in is lost, nobody is invented, and all count the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from tests.sync.test_venue import MakeDesk, dinner, here, leaders, meet, shared

from alumni_desk.checkin.actions import check_in, check_out, undo_check_in, walk_in
from alumni_desk.checkin.lists import DoorList
from alumni_desk.errors import KnownError
from alumni_desk.gatherings.actions import add_guest_of, remove_guests, set_rsvp
from alumni_desk.gatherings.counts import inside
from alumni_desk.gatherings.lists import guest_rows
from alumni_desk.members.actions import change_member
from alumni_desk.members.merging import merge_people, unmerge
from alumni_desk.members.roots import merged_on, root_of
from alumni_desk.store.desk import Desk
from alumni_desk.store.listed import texts
from alumni_desk.store.undo import redo, undo
from alumni_desk.sync.engine import sync_once
from alumni_desk.sync.venue import holding
from alumni_desk.sync.venue.credentials import me
from alumni_desk.sync.venue.handouts import make_handout, take_handout

__all__ = ["leaders"]
"""A fixture of another file."""

SEEDS = int(os.environ.get("ALUMNI_DESK_DOORS", "5"))
STEPS = 25


def give(one: Desk, other: Desk, chance: Random | None = None) -> None:
    """What one laptop holds to another; by ``chance`` in any order, and not all of it. A whole exchange brings a door its list, too."""
    with one.reading() as connection:
        mine = me(connection)
    holding.seal_own(one, mine)
    holding.seal_noted(one, mine)
    with other.reading() as connection:
        theirs, known = me(connection), holding.names(connection, mine.membership.scope)
    with one.reading() as connection:
        found, _place = holding.offered(connection, mine.membership.scope, room=1 << 30, but=known)
        chains = holding.chains_for(connection, [each.device for each in found])
    parcels = [holding.opened_parcel(each.content) for each in found]
    if chance is not None:
        chance.shuffle(parcels)
        parcels = parcels[:chance.randrange(len(parcels) + 1)] if chance.random() < 0.3 else parcels
    holding.take_in(other, theirs, parcels, [mine.credentials.chain, *chains])
    if chance is None and mine.leads and theirs.certificate.gathering is not None:
        take_handout(other, theirs, make_handout(one, mine, theirs.certificate.gathering))


def who_is_in(desk: Desk, gathering: str) -> tuple[set[str], set[str]]:
    """The people who are in, and who came, by the facts alone; every way of counting on this laptop says the same."""
    with desk.reading() as connection:
        facts = connection.exec_driver_sql("SELECT id, kind, registration, closes FROM fact WHERE gathering = ? AND NOT gone", (gathering,)).all()
        listed = connection.exec_driver_sql("SELECT id, person FROM registration WHERE gathering = ? AND NOT gone", (gathering,)).all()
        merged, counted = merged_on(connection), inside(connection, [gathering]).get(gathering)
    whose = {row.id: row.person for row in listed}
    closed = {kind: {one for fact in facts if fact.kind == kind for one in texts(fact.closes)} for kind in ("out", "void")}
    stands = {fact.id: root_of(merged, whose[fact.registration]) for fact in facts
              if fact.kind == "in" and fact.registration in whose and fact.id not in closed["void"]}
    came, now = set(stands.values()), {person for fact, person in stands.items() if fact not in closed["out"]}
    rows, door = guest_rows(desk, gathering), DoorList(desk, gathering)
    assert {len(now)} == {door.headcount().present, sum(one.checked_in for one in rows), len(door.last_in(500)), counted.here if counted else 0}
    assert {len(came)} == {sum(one.came for one in rows), counted.came if counted else 0}
    return now, came


def off_the_list(desk: Desk, gathering: str) -> list[str]:
    """Check-ins that stand, of somebody who is not on the list."""
    with desk.reading() as connection:
        facts = connection.exec_driver_sql("SELECT id, kind, registration, closes FROM fact WHERE gathering = ? AND NOT gone", (gathering,)).all()
        listed = set(connection.exec_driver_sql("SELECT id FROM registration WHERE gathering = ? AND NOT gone", (gathering,)).scalars())
    void = {one for fact in facts if fact.kind == "void" for one in texts(fact.closes)}
    return sorted(fact.id for fact in facts if fact.kind == "in" and fact.id not in void and fact.registration not in listed)


def facts_of(desk: Desk, gathering: str) -> set[str]:
    """Every fact that a laptop knows."""
    with desk.reading() as connection:
        return set(connection.exec_driver_sql("SELECT id FROM fact WHERE gathering = ?", (gathering,)).scalars())


def step(desk: Desk, gathering: str, people: Sequence[str], chance: Random, *, leads: bool) -> str | None:
    """Somebody does something; the fact of a check-in that was acknowledged."""
    with desk.reading() as connection:
        places = connection.exec_driver_sql("SELECT id FROM registration WHERE gathering = ? AND NOT gone ORDER BY rowid", (gathering,)).scalars().all()
    if not places:  # that they were put on the list was undone
        return None
    place, let_in = chance.choice(places), chance.random() < 0.7
    kinds: dict[str, Callable[[], Any]] = {
        "in": lambda: check_in(desk, gathering, place, let_in=let_in).fact,
        "by name": lambda: check_in(desk, gathering, person_id=chance.choice(people), let_in=let_in).fact,
        "walk": lambda: walk_in(desk, gathering, f"Walk {chance.choice('ABC')}", email="walk@example.org").fact,
        "void": lambda: undo_check_in(desk, gathering, place, "mistake") and None,
        "out": lambda: check_out(desk, gathering, place) and None,
        "answer": lambda: set_rsvp(desk, gathering, [place], chance.choice(("yes", "no", "waitlisted"))) and None,
        "guest": lambda: add_guest_of(desk, gathering, place) and None,
        "undo": lambda: undo(desk) and None,
        "redo": lambda: redo(desk) and None,
    }
    if leads:
        kinds |= {"merge": lambda: merge_people(desk, *chance.sample(people, 2)) and None, "unmerge": lambda: unmerge(desk, chance.choice(people)) and None,
                  "off": lambda: remove_guests(desk, gathering, [place]) and None}
    with suppress(KnownError):  # nobody to take back, nothing to undo
        found = kinds[chance.choice([*kinds, "in", "in", "void"])]()
        return None if found is None else str(found)
    return None


@pytest.mark.parametrize("seed", range(SEEDS))
def test_all_count_the_same_once_they_have_met_and_the_server_changes_nothing(leaders: Any, make_desk: MakeDesk, seed: int) -> None:
    one, two, *_known = leaders
    chance = Random(seed)
    gathering, people = dinner(one, 4)
    give(one, two)
    door = make_desk("door")
    with shared(one, gathering=gathering) as sharing:
        meet(door, sharing)
    desks, let_in = [one, two, door], set[str]()
    for _step in range(STEPS):
        desk = chance.choice(desks)
        if chance.random() < 0.3:
            give(desk, chance.choice([each for each in desks if each is not desk]), chance)
        elif (fact := step(desk, gathering, people, chance, leads=desk is not door)) is not None:
            let_in.add(fact)
        who_is_in(desk, gathering)
    for _turn in range(2):
        for desk in desks:
            for other in desks:
                if other is not desk:
                    give(desk, other)
    met = here(one, gathering)
    assert [here(desk, gathering) for desk in desks] == [met] * 3
    assert facts_of(one, gathering) == facts_of(two, gathering) == facts_of(door, gathering) >= let_in
    for desk in (door, *desks, *desks):
        sync_once(desk)
    assert [len(who_is_in(desk, gathering)[0]) for desk in desks] == [met] * 3
    assert [off_the_list(desk, gathering) for desk in desks] == [[]] * 3, "whoever was let in is on the list"
    assert facts_of(one, gathering) == facts_of(two, gathering) == facts_of(door, gathering) >= let_in


def test_what_a_door_brings_and_cannot_read_comes_back_in_the_same_sync(leaders: Any, make_desk: MakeDesk) -> None:
    one, _two, gathering, people = leaders
    door = make_desk("door")
    with shared(one, gathering=gathering) as sharing:
        meet(door, sharing)
    for desk in (one, door, door):
        sync_once(desk)
    change_member(one, people[0], first_name="Renamed")
    give(one, door, Random(0))
    assert not DoorList(door, gathering).find("Renamed").hits
    sync_once(door)
    assert [hit.name for hit in DoorList(door, gathering).find("Renamed").hits] == ["Renamed Żółć0"]
