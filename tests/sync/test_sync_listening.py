"""Listening: what others change is here a moment later, through whichever process of the server; and whoever waits never holds up an end."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from queue import Queue
from typing import Any

import requests

from alumni_desk.errors import KnownError
from alumni_desk.store.desk import Desk
from alumni_desk.sync import state
from alumni_desk.sync.engine import join, sync_once, wire_of
from alumni_desk.sync.lately import lately
from alumni_desk.sync.listening import Listening

MakeDesk = Callable[[str], Desk]
SOON = 20.0


@dataclass
class Heard:
    """What a listening desk told, in order."""

    came: Queue[int] = field(default_factory=Queue)
    trouble: Queue[KnownError] = field(default_factory=Queue)
    well: Queue[bool] = field(default_factory=Queue)
    loop: Listening | None = None


@contextmanager
def listening(desk: Desk, came: Callable[[int], None] | None = None) -> Iterator[Heard]:
    """A desk that listens in a thread of its own."""
    heard = Heard()
    with desk.reading() as connection:
        membership = state.read(connection, state.Membership)
    assert membership is not None
    wire = wire_of(desk)
    loop = Listening(desk, wire, membership, came or heard.came.put, heard.trouble.put, lambda: heard.well.put(True))
    heard.loop = loop
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        yield heard
    finally:
        begun = time.monotonic()
        loop.stop()
        thread.join(SOON)
        wire.close()
        assert not thread.is_alive() and time.monotonic() - begun < 15


def add(desk: Desk, name: str) -> None:
    with desk.writing("member_added") as writing:
        writing.add("person", standing="member", last_name=name)
    sync_once(desk)


def names(desk: Desk) -> set[str]:
    with desk.reading() as connection:
        return set(connection.exec_driver_sql("SELECT last_name FROM person").scalars())


def test_a_change_is_on_the_other_laptop_a_moment_later(office: Any, make_desk: MakeDesk) -> None:
    one, two = make_desk("one"), make_desk("two")
    for desk in (one, two):
        join(desk, office.url, office.invite())
        sync_once(desk)
    with listening(two) as heard:
        for name in ("Ada", "Bea", "Cy"):
            add(one, name)
            assert heard.came.get(timeout=SOON) == 1 and name in names(two)
    assert heard.trouble.empty()


def handed_out(url: str) -> int:
    """How many rows a server has handed out so far."""
    found = re.search(r"^alumni_desk_rows_pulled_total (\d+)", requests.get(f"{url}/metrics", timeout=9).text, re.M)
    assert found is not None
    return int(found[1])


def until_it_waits(url: str) -> None:
    """Until the one that listens waits at this server, which nobody else asks anything."""
    until = time.monotonic() + SOON
    there = 0
    while there < 10:  # it stays: it is not just asking whether there is news
        assert time.monotonic() < until
        there = there + 1 if re.search(r"^alumni_desk_requests_under_way 1$", requests.get(f"{url}/metrics", timeout=9).text, re.M) else 0


def test_what_comes_by_itself_stands_in_the_history_once(office: Any, make_desk: MakeDesk) -> None:
    """Only what syncs fetched stood there: where laptops listen, nothing of what the others did."""
    one, two = make_desk("one"), make_desk("two")
    for desk in (one, two):
        join(desk, office.url, office.invite())
        sync_once(desk)
    first = fetched(two)
    with listening(two) as heard:
        for name in ("Ada", "Bea", "Cy"):
            add(one, name)
            assert heard.came.get(timeout=SOON) == 1
        until_fetched(two, first + 3)
        assert sync_once(two, listening=heard.loop).pulled == 0
        add(one, "Di")
        assert heard.came.get(timeout=SOON) == 1
        until_fetched(two, first + 4)
        with two.writing("member_added") as writing:
            writing.add("person", standing="member", last_name="Eve")
        with one.writing("member_added") as writing:
            writing.add("person", standing="member", last_name="Fay")
        sync_once(one)
        sync_once(two, listening=heard.loop)  # whichever of the two brings what the other laptop sent, it stands there once
        until_fetched(two, first + 5)
    assert heard.trouble.empty()


def test_who_is_told_that_something_came_finds_it_in_the_history(office: Any, make_desk: MakeDesk) -> None:
    one, two = make_desk("one"), make_desk("two")
    for desk in (one, two):
        join(desk, office.url, office.invite())
        sync_once(desk)
    first, seen = fetched(two), Queue[int]()

    def told(count: int) -> None:
        seen.put(fetched(two) - first)

    with listening(two, told):
        for come, name in enumerate(("Ada", "Bea"), 1):
            add(one, name)
            assert seen.get(timeout=SOON) == come


def fetched(desk: Desk) -> int:
    """How many rows the history says to have come, in one line or two."""
    with desk.reading() as connection:
        said = [did.fetched for did in lately(connection) if did.fetched]
    assert len(said) <= 2
    return sum(said)


def until_fetched(desk: Desk, rows: int) -> None:
    """Until the history says so."""
    until = time.monotonic() + SOON
    while fetched(desk) != rows:
        assert time.monotonic() < until, fetched(desk)


def test_what_a_laptop_sends_itself_does_not_come_back_to_it(make_server: Any, postgres_url: str, make_desk: MakeDesk) -> None:
    office = make_server(postgres_url)
    one, two = make_desk("one"), make_desk("two")
    for desk in (one, two):
        join(desk, office.url, office.invite())
        sync_once(desk)
    with listening(one) as heard:
        until_it_waits(office.url)
        before = handed_out(office.url)
        for name in ("Ada", "Bea"):
            with one.writing("member_added") as writing:
                writing.add("person", standing="member", last_name=name)
            assert sync_once(one, listening=heard.loop).pushed == 1
        assert handed_out(office.url) == before and heard.came.empty()
        add(two, "Cy")
        before += 2  # Ada and Bea, whom that sync fetched
        assert heard.came.get(timeout=SOON) == 1 and names(one) == {"Ada", "Bea", "Cy"}
        assert handed_out(office.url) == before + 1, "the page began where the laptop stood by then"
    assert heard.trouble.empty()


def test_a_sync_does_not_fetch_what_the_listening_brings(make_server: Any, postgres_url: str, make_desk: MakeDesk) -> None:
    office = make_server(postgres_url)
    one, two = make_desk("one"), make_desk("two")
    for desk in (one, two):
        join(desk, office.url, office.invite())
        sync_once(desk)
    with listening(one) as heard:
        until_it_waits(office.url)
        with two.writing("member_added") as writing:
            writing.add_many("person", [{"standing": "member", "last_name": f"Obi {number}"} for number in range(400)])
        with one.writing("member_added") as writing:
            writing.add_many("person", [{"standing": "member", "last_name": f"Chen {number}"} for number in range(300)])
        before = handed_out(office.url)
        sync_once(two)
        result = sync_once(one, listening=heard.loop)
        assert (result.pushed, result.waiting) == (300, 0) and len(names(one)) == 700
        # Of the 300 of its own some may have to come once more: that the others' came between was not known yet.
        assert 400 <= handed_out(office.url) - before <= 700
    assert heard.trouble.empty()


def test_what_does_not_come_by_the_listening_is_fetched(office: Any, make_desk: MakeDesk) -> None:
    one, two = make_desk("one"), make_desk("two")
    for desk in (one, two):
        join(desk, office.url, office.invite())
        sync_once(desk)
    with one.reading() as connection:
        membership = state.read(connection, state.Membership)
    assert membership is not None
    with closing(wire_of(one)) as wire:
        deaf = Listening(one, wire, membership, lambda _: None)
        deaf._note(True)  # its line is dead, and nobody knows that yet
        add(two, "Ada")
        assert sync_once(one, listening=deaf).pulled == 1 and names(one) == {"Ada"}


def test_what_another_process_of_the_server_took_is_heard_too(make_server: Any, postgres_url: str, make_desk: MakeDesk) -> None:
    here, there = make_server(postgres_url), make_server(postgres_url)
    one, two = make_desk("one"), make_desk("two")
    join(one, here.url, here.invite())
    join(two, there.url, there.invite())
    for desk in (one, two):
        sync_once(desk)
    with listening(two) as heard:
        add(one, "Ada")
        assert heard.came.get(timeout=SOON) >= 1 and "Ada" in names(two)


def test_a_server_stops_though_somebody_waits_and_is_found_again(make_server: Any, postgres_url: str, make_desk: MakeDesk) -> None:
    server = make_server(postgres_url)
    one, two = make_desk("one"), make_desk("two")
    for desk in (one, two):
        join(desk, server.url, server.invite())
        sync_once(desk)
    with listening(two) as heard:
        add(one, "Ada")
        assert heard.came.get(timeout=SOON) == 1  # it waits again from here on
        begun = time.monotonic()
        assert server.stop() == 0 and time.monotonic() - begun < 20
        assert heard.trouble.get(timeout=SOON).code == "sync_unreachable"
        server.start()
        add(one, "Bea")
        assert heard.came.get(timeout=SOON) == 1 and heard.well.get(timeout=SOON) and names(two) == {"Ada", "Bea"}


def test_a_removed_laptop_ends_listening(make_server: Any, postgres_url: str, make_desk: MakeDesk) -> None:
    server = make_server(postgres_url)
    one = make_desk("one")
    join(one, server.url, server.invite())
    sync_once(one)
    add(one, "Ada")
    sync_once(one)
    with one.reading() as connection:
        membership = state.read(connection, state.Membership)
    assert membership is not None
    server.run("server", "revoke", membership.device)
    with listening(one) as heard:
        assert heard.trouble.get(timeout=SOON).code == "revoked"
