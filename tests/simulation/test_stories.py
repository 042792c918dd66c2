"""Single stories on the simulator's ground: what once went wrong, told in order."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alumni_desk.errors import NetworkProblem
from alumni_desk.members.actions import add_member, change_member
from alumni_desk.store import erasing
from alumni_desk.sync import session, snapshot
from simulation.disks import mark, marks_of_laptop, marks_of_server
from simulation.ground import copy_ground, memory
from simulation.laptop import Laptop
from simulation.network import Answer, Line, Request
from simulation.office import Office
from simulation.world import World, begin, simulated


@dataclass
class Place:
    """A server and laptops that have joined it."""

    world: World
    office: Office
    laptops: list[Laptop]


@pytest.fixture
def place() -> Iterator[Place]:
    with simulated():
        folder = Path(tempfile.mkdtemp(prefix="alumni-desk-story-", dir=memory()))
        world = begin(World(1))
        names = copy_ground(folder, 3, 1)
        begin(world)
        office = Office(world, folder / "server")
        found = Place(world, office, [Laptop(world, office, name, folder / name) for name in names])
        yield found
        for laptop in found.laptops:
            laptop.close()
        office.close()
        shutil.rmtree(folder)


def test_an_operation_that_an_erasure_emptied_before_its_answer_came_is_not_refused(place: Place) -> None:
    one, other = place.laptops[:2]
    one.do(one.sync)
    person = one.do(lambda: add_member(one.desk, first_name="Quentin", last_name="Quux", email="q@example.org")).id
    with pytest.raises(NetworkProblem):
        one.do(lambda: one.sync({1: "unheard"}))  # the server has it, and this laptop does not know
    assert place.office.rows("SELECT first_name FROM person WHERE id = ?", person) == [{"first_name": "Quentin"}]
    one.do(lambda: erasing.erase(one.desk, [person], remake_backups=False))
    result = one.do(one.sync)
    other.do(other.sync)
    assert result.refused == 0 and result.waiting == 0
    assert one.rows("SELECT id, reason FROM operation_now WHERE fate IN ('refused', 'waiting')") == []
    for laptop in (one, other):
        assert laptop.rows("SELECT first_name, gone FROM person WHERE id = ?", person) == [{"first_name": None, "gone": 1}]


def test_an_erasure_leaves_no_base_where_an_edit_waited(place: Place) -> None:
    one, other = place.laptops[:2]
    person = one.rows("SELECT id FROM person ORDER BY id")[0]["id"]
    other.do(lambda: change_member(other.desk, person, city="Salem"))
    other.do(other.sync)
    one.do(lambda: change_member(one.desk, person, employer="Mine"))
    with pytest.raises(NetworkProblem):
        one.do(lambda: one.sync({2: "lost"}))  # what the other did comes down, under what waits here
    assert one.rows("SELECT row_id FROM shadow") == [{"row_id": person}]
    one.do(lambda: erasing.erase(one.desk, [person], remake_backups=False))
    one.do(one.sync)
    assert one.rows("SELECT row_id FROM shadow") == []
    assert one.rows("SELECT city, employer, gone FROM person WHERE id = ?", person) == [{"city": None, "employer": None, "gone": 1}]


def test_what_a_restored_server_never_had_goes_with_the_refusal_of_it(place: Place, tmp_path: Path) -> None:
    """Somebody was erased whom the server, put back to before, does not know; another laptop offers that person again."""
    one, other = place.laptops[:2]
    place.office.back_up(tmp_path)
    word = mark(7)
    person = one.do(lambda: add_member(one.desk, first_name="Quentin", last_name="Quux", notes=word)).id
    one.do(one.sync)
    other.do(other.sync)
    other.do(lambda: erasing.erase(other.desk, [person]))
    place.office.restore(tmp_path)
    for laptop in (other, one, other):
        laptop.do(laptop.sync)
    assert place.office.rows("SELECT id FROM person WHERE id = ?", person) == []
    assert one.rows("SELECT id FROM person WHERE id = ?", person) == []
    assert one.rows("SELECT row_id FROM shadow") == []
    assert word.encode() not in marks_of_laptop(one)


@pytest.mark.parametrize("worth", [1, 4_000], ids=["by the file", "by pages"])
def test_who_begins_again_hears_who_was_erased(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worth: int) -> None:
    """Whoever wrote of somebody still holds what was written, and takes the chapter anew from a restored server."""
    monkeypatch.setattr(snapshot, "WORTH", worth)
    one, other = place.laptops[:2]
    word = mark(9)
    person = one.do(lambda: add_member(one.desk, first_name="Quentin", last_name="Quux", notes=word)).id
    one.do(one.sync)
    other.do(other.sync)
    other.do(lambda: erasing.erase(other.desk, [person]))
    other.do(other.sync)
    place.office.back_up(tmp_path)
    place.office.restore(tmp_path)
    one.do(one.sync)
    assert one.rows("SELECT first_name, notes, gone FROM person WHERE id = ?", person) == [{"first_name": None, "notes": None, "gone": 1}]
    assert word.encode() not in marks_of_laptop(one)


def test_a_file_from_before_brings_nobody_back_who_was_erased_here(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "WORTH", 1)
    one = place.laptops[0]
    person = one.do(lambda: add_member(one.desk, first_name="Quentin", last_name="Quux", notes=mark(9))).id
    one.do(one.sync)
    place.office.back_up(tmp_path)
    place.office.restore(tmp_path)
    one.do(lambda: erasing.erase(one.desk, [person]))
    with pytest.raises(NetworkProblem):
        one.do(lambda: one.sync({1: "lost"}))  # the order to erase does not come through, and the whole chapter comes down
    assert one.rows("SELECT cursor > 0 AS there FROM scope") == [{"there": 1}]
    assert one.rows("SELECT first_name, notes FROM person WHERE id = ?", person) == [{"first_name": None, "notes": None}]


def test_the_server_s_disk_forgets_whom_it_erased(place: Place) -> None:
    one = place.laptops[0]
    word = mark(8)
    person = one.do(lambda: add_member(one.desk, first_name="Quentin", last_name="Quux", notes=word)).id
    one.do(one.sync)
    assert word.encode() in marks_of_server(place.office)
    one.do(lambda: erasing.erase(one.desk, [person]))
    one.do(one.sync)
    assert word.encode() not in marks_of_server(place.office)
    assert word.encode() not in marks_of_laptop(one)


class Late(Line):
    """A line on which proofs travel longer than a challenge lasts, so many times."""

    times = 1

    def deliver(self, request: Request) -> Answer:
        if request.path == "sync/v1/session" and self.times:
            self.times -= 1
            self.world.now += 2 * 60_000
        return super().deliver(request)


@pytest.mark.parametrize(("times", "heard"), [(1, True), (2, True), (9, False)])
def test_a_challenge_that_ended_on_the_way_is_asked_for_again(place: Place, times: int, heard: bool) -> None:
    laptop = place.laptops[0]
    line: Any = Late(place.world, place.office, {}, [])
    line.times = times
    wire = laptop.wire({})
    wire._session = line
    place.world.now += 2 * 3_600_000  # the session has ended

    def sync() -> Any:
        from alumni_desk.sync.engine import sync_once

        return sync_once(laptop.desk, wire=wire)

    if heard:
        assert laptop.do(sync).waiting == 0
        assert line.times == 0
    else:
        with pytest.raises(NetworkProblem) as raised:
            laptop.do(sync)
        assert raised.value.code == "sync_slow" and line.times == 9 - session._TRIES
