"""Sync: first sync, first upload, three laptops, one change, many doors, a broken line, nothing to do. Floor a is a plain download of the same rows.

``measure(folder, only=("nothing",))`` measures one line; the names are the keys of ``LINES``.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from random import Random
from tempfile import NamedTemporaryFile
from typing import Any

import harness
import requests
from harness import Row, at_least, at_most, in_turns, many_people, median_of, median_ratio, percentile
from sync_parts import CHAPTER, Floor, Light, Place, Relay, exchange, lights, patched

from alumni_desk.errors import KnownError
from alumni_desk.store.desk import Desk
from alumni_desk.sync import session, snapshot, state
from alumni_desk.sync.engine import join, sync_once, wire_of
from alumni_desk.sync.hello import hello
from alumni_desk.sync.listening import Listening
from alumni_desk.sync.push import Pushed, push

FIELDS = ("standing", "constituent_codes", "first_name", "last_name", "preferred_name", "class_year", "email", "email_status", "other_emails", "mobile",
          "street", "city", "region", "postal_code", "country", "employer", "job_title", "birth_date", "solicit_codes", "notes")
"""The twenty of a member."""


@dataclass
class Sizes:
    """How much of everything; tests take less."""

    edits: int = 1_000
    clients: int = 50
    check_in_seconds: float = 10
    capacity_clients: int = 100
    capacity_seconds: float = 5
    queued: int = 3_000
    changes: int = 60
    rounds: int = 5


@dataclass
class Chapter:
    """The server with the members, made by the first line that wants it, and what was measured on the way."""

    folder: Path
    sizes: Sizes
    place: Place = field(init=False)
    upload: float = 0.0
    made: Desk | None = None
    floor: Floor | None = None
    floors: list[float] = field(default_factory=list)
    count: int = 0

    def __post_init__(self) -> None:
        self.place = Place(self.folder)

    def close(self) -> None:
        """End what was begun."""
        if self.made is not None:
            self.made.close()
        if self.floor is not None:
            self.floor.close()
        self.place.close()

    def desk(self, url: str | None = None, of: str = CHAPTER) -> Desk:
        """A desk that has just joined. The caller closes it."""
        self.count += 1
        desk = self.place.desk(f"desk-{self.count}")
        join(desk, url or self.place.url, self.place.invite(of))
        return desk

    def filled(self) -> Desk:
        """The desk whose members are at the server; its first upload is measured on the way."""
        if self.made is None:
            self.made = self.desk()
            self.upload = _uploaded(self.made)
        return self.made

    def a(self) -> Floor:
        """Floor a, of the very rows that a desk ends up with, clocks and all."""
        if self.floor is None:
            with self.filled().reading() as connection:
                names = ["id", "scope", "gone", "clock", "clocks", *FIELDS]
                rows = [dict(row) for row in connection.exec_driver_sql(f"SELECT {', '.join(names)} FROM person").mappings()]
            self.floor = Floor(self.folder / "floor", rows)
        return self.floor

    def seconds_of_a(self) -> float:
        """What floor a takes, by three tries."""
        if not self.floors:
            self.floors = [self.a()()[0] for _try in range(3)]
        return statistics.median(self.floors)


def measure(folder: Path, only: Sequence[str] = (), sizes: Sizes | None = None) -> list[Row]:
    """The lines of sync; ``only``: those of these names."""
    chapter = Chapter(folder / "sync", sizes or Sizes())
    rows: list[Row] = []
    try:
        for name, line in LINES.items():
            if not only or name in only:
                print(f"    {name}", file=sys.stderr, flush=True)
                rows += line(chapter)
    finally:
        chapter.close()
    return rows


def first_sync(chapter: Chapter) -> list[Row]:
    """A desk's first sync by the server's file, up to the search index; made before, and made when it is asked for."""
    chapter.filled()

    def by_file(cached: bool) -> Callable[[], Sequence[float]]:
        def run() -> Sequence[float]:
            if not cached:
                chapter.place.forget_snapshots()
            with closing(chapter.desk()) as desk, _line(desk) as (wire, membership), patched(snapshot, "_search", lambda *_, **__: None):
                begun = time.perf_counter()
                head = hello(desk, wire, membership).heads[membership.scope]
                rows = snapshot.take(desk, wire, membership, head)
                taken = time.perf_counter() - begun
                assert rows > harness.MEMBERS, rows
            return [taken]

        return run

    by_file(True)()
    rounds = in_turns({"cached": by_file(True), "on demand": by_file(False), "a": chapter.a()}, chapter.sizes.rounds)
    with closing(chapter.desk()) as desk:
        begun = time.perf_counter()
        sync_once(desk)
        whole = time.perf_counter() - begun
    floor = f"floor a: {median_of(rounds['a']):.2f} s"
    note = f"{whole:.2f} s with the search index and the check that nothing is missing"
    return [at_most(f"first sync of {harness.MEMBERS:,}, {kind}", floor, median_ratio(rounds, kind, "a"), goal, "×", f"{median_of(rounds[kind]):.2f} s; {note}")
            for kind, goal in (("cached", 0.45), ("on demand", 0.7))]


def first_upload(chapter: Chapter) -> list[Row]:
    """All that an import brought, until the server has it and the desk stands where the server stands; and so two other chapters, floors between."""
    chapter.filled()
    taken, floors = [chapter.upload], [chapter.a()()[0]]
    for name in ("Twin Cities", "Ohio Valley"):
        with closing(chapter.desk(of=name)) as desk:
            taken.append(_uploaded(desk))
        floors.append(chapter.a()()[0])
    tries = ", ".join(f"{one:.2f}" for one in taken)
    return [at_most(f"first upload of {harness.MEMBERS:,}", f"floor a: {statistics.median(floors):.2f} s",
                    statistics.median(one / floor for one, floor in zip(taken, floors, strict=True)), 1.2, "×", f"{tries} s")]


def _uploaded(desk: Desk, members: int | None = None) -> float:
    """Seconds until a server has the members that a file brought to this desk."""
    rows = [{name: row.get(name) for name in FIELDS} for row in many_people(members or harness.MEMBERS).persons]
    with desk.writing("import", queue="load") as writing:
        writing.add_many("person", rows)
    del rows
    with frozen():
        begun = time.perf_counter()
        sync_once(desk)
        return time.perf_counter() - begun


@contextmanager
def frozen() -> Iterator[None]:
    """The collector looks at nothing that was there before, as in a window that stands: what this bench made is not the desk's."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def three_laptops(chapter: Chapter) -> list[Row]:
    """Three laptops changed so many members each while apart, then the network is there again for all: each syncs and goes on listening, as the window does,
    until all are equal. And the same by one program that syncs one after the other, in turn."""
    chapter.filled()
    relay = Relay(chapter.place.url)
    desks = [chapter.desk(relay.url) for _n in range(3)]
    try:
        for desk in desks:
            sync_once(desk)
        with desks[0].reading() as connection:
            ids = list(connection.exec_driver_sql("SELECT id FROM person ORDER BY id").scalars())
        Random(5).shuffle(ids)
        edits = min(chapter.sizes.edits, len(ids) // 6)

        def towns_of(number: int, first: int) -> list[tuple[str, str]]:
            return [(f"Town {number} {n}", one) for n, one in enumerate(ids[first:first + edits])]

        for number in range(3):
            with desks[number].writing("changed") as writing:
                writing.change_many("person", ("city",), towns_of(number, number * edits))
        in_turn = _seconds(lambda: [sync_once(desk) for desk in (*desks, *desks[:2])])
        with _at_once([(desk.profile.path, towns_of(number, (3 + number) * edits)) for number, desk in enumerate(desks)], 6 * edits) as go:
            before = relay.up + relay.down
            taken = go()
            size = (relay.up + relay.down - before) / 1e6
        towns = [_towns(desk) for desk in desks]
        assert towns[0] == towns[1] == towns[2] and len(towns[0]) >= 6 * edits
    finally:
        for desk in desks:
            desk.close()
        relay.close()
    a = chapter.seconds_of_a()
    return [at_most(f"three laptops, {edits:,} edits each", f"floor a: {a:.2f} s", taken / a, 0.4, "×",
                    f"{taken:.2f} s at once, on the cores of one computer; {in_turn:.2f} s ({in_turn / a:.2f} ×) by one program, one after the other"),
            at_most("three laptops, bytes", "", size, 1.5, "MB")]


_LAPTOP = """
import gc, json, sys, threading, time
from pathlib import Path
from alumni_desk.schema import open_desk
from alumni_desk.store.profile import Profile
from alumni_desk.store.tables import CHANGED
from alumni_desk.sync import session, state
from alumni_desk.sync.engine import sync_once, wire_of
from alumni_desk.sync.listening import Listening

desk, wanted = open_desk(Profile(Path(sys.argv[1]))), int(sys.argv[2])
with desk.writing("changed") as writing:
    writing.change_many("person", ("city",), json.loads(Path(sys.argv[3]).read_text()))
wire, line = wire_of(desk), wire_of(desk)
with desk.reading() as connection:
    membership = state.read(connection, state.Membership)
session.resume(desk, wire)
session.resume(desk, line)

def complete():
    with desk.reading() as connection:
        return connection.exec_driver_sql(f"SELECT count(*) FROM person INDEXED BY person_changed WHERE {CHANGED}").scalar() >= wanted

all_here = threading.Event()
loop = Listening(desk, line, membership, lambda _rows: all_here.set() if complete() else None)
listening = threading.Thread(target=loop.run)
listening.start()
while not loop.hears:
    time.sleep(0.01)
desk.fold()  # as the window does once nobody has saved anything for three seconds
gc.freeze()  # and when its first page stands
print("ready", flush=True)
sys.stdin.readline()
sync_once(desk, wire=wire, listening=loop)
if not complete():
    all_here.wait(60)
print("equal", flush=True)
loop.stop()
listening.join()
wire.close()
desk.close()
"""


@contextmanager
def _at_once(laptops: Sequence[tuple[Path, Sequence[tuple[str, str]]]], changed: int) -> Iterator[Callable[[], float]]:
    """Laptops, each a process of its own in which somebody has made these changes; what is given tells the seconds until each has so many changed members,
    begun at one moment."""
    with ExitStack() as stack:
        processes = []
        for path, changes in laptops:
            file = stack.enter_context(NamedTemporaryFile("w", suffix=".json"))
            json.dump(changes, file)
            file.flush()
            processes.append(subprocess.Popen([sys.executable, "-c", _LAPTOP, str(path), str(changed), file.name],
                                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        for process in processes:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"

        def go() -> float:
            begun = time.perf_counter()
            for process in processes:
                assert process.stdin is not None
                process.stdin.write("go\n")
                process.stdin.flush()
            for process in processes:
                assert process.stdout is not None and process.stdout.readline() == "equal\n"
            return time.perf_counter() - begun

        yield go
        for process in processes:
            process.communicate(timeout=60)
            assert process.returncode == 0


def _towns(desk: Desk) -> list[tuple[str, str]]:
    with desk.reading() as connection:
        return [tuple(row) for row in connection.exec_driver_sql("SELECT id, city FROM person WHERE city LIKE 'Town %' ORDER BY id")]


def one_change(chapter: Chapter) -> list[Row]:
    """From the moment that a change is saved on one laptop until it is committed on the other, both online."""
    chapter.filled()
    with closing(chapter.desk()) as one, closing(chapter.desk()) as two:
        for desk in (one, two):
            sync_once(desk)
        with one.reading() as connection:
            person = str(connection.exec_driver_sql("SELECT id FROM person LIMIT 1").scalar())
        taken = []
        with _listening(two) as came, _line(one) as (wire, membership):
            for number in range(chapter.sizes.changes):
                time.sleep(0.02)  # two people, not a machine
                with one.writing("changed") as writing:
                    writing.change("person", person, city=f"Place {number}")
                begun = time.perf_counter()
                push(one, wire, membership, Pushed())
                taken.append((came.get(timeout=30) - begun) * 1000)
    return [at_most("one change on the other laptop, p50", "", percentile(taken, 0.5), 15, "ms"),
            at_most("one change on the other laptop, p95", "", percentile(taken, 0.95), 30, "ms")]


@contextmanager
def _listening(desk: Desk) -> Iterator[Queue[float]]:
    came: Queue[float] = Queue()
    with _line(desk) as (wire, membership):
        loop = Listening(desk, wire, membership, lambda _rows: came.put(time.perf_counter()))
        thread = threading.Thread(target=loop.run)
        thread.start()
        time.sleep(0.3)
        yield came
        loop.stop()
        thread.join(30)


def fifty_doors(chapter: Chapter) -> list[Row]:
    """Laptops that check somebody in every two seconds each."""
    doors = lights(chapter.place, chapter.sizes.clients, "Doors")
    each = max(1, round(chapter.sizes.check_in_seconds / 2))
    requests_of = {door.device: [door.request("0190a0c4-0000-7000-8000-000000000001") for _n in range(each)] for door in doors}

    async def door(one: Light, place: int) -> list[tuple[float, int]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(chapter.place.url.rsplit(":", 1)[1]))
        begun = time.perf_counter() + 0.2
        found = []
        for number, request in enumerate(requests_of[one.device]):
            await asyncio.sleep(max(0.0, begun + 2 * number + 2 * place / len(doors) - time.perf_counter()))
            found.append(await exchange(reader, writer, request))
        writer.close()
        return found

    async def all_of_them() -> list[tuple[float, int]]:
        return [one for part in await asyncio.gather(*(door(one, place) for place, one in enumerate(doors))) for one in part]

    found = asyncio.run(all_of_them())
    return [at_most(f"{len(doors)} clients, a check-in every 2 s, p95", "", percentile([one * 1000 for one, _size in found], 0.95), 10, "ms"),
            at_most(f"{len(doors)} clients, bytes of a check-in", "", statistics.mean(size for _one, size in found), 1024, "B")]


def capacity(chapter: Chapter) -> list[Row]:
    """As many check-ins as one process takes from laptops that do not pause: each durable, judged, in the audit."""
    doors = lights(chapter.place, chapter.sizes.capacity_clients, "Crowd")
    each = int(max(20, 6_000 * chapter.sizes.capacity_seconds / len(doors)))
    requests_of = {door.device: [door.request("0190a0c4-0000-7000-8000-000000000001") for _n in range(each)] for door in doors}
    until = 0.0

    async def door(one: Light) -> list[float]:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(chapter.place.url.rsplit(":", 1)[1]))
        found = []
        for request in requests_of[one.device]:
            found.append((await exchange(reader, writer, request))[0])
            if time.perf_counter() > until:
                break
        writer.close()
        return found

    async def all_of_them() -> list[float]:
        return [one for part in await asyncio.gather(*(door(one) for one in doors)) for one in part]

    before, mine, kept = chapter.place.computed(), time.process_time(), chapter.place.computed_by_the_database()
    begun = time.perf_counter()
    until = begun + chapter.sizes.capacity_seconds
    found = asyncio.run(all_of_them())
    taken, mine, after = time.perf_counter() - begun, time.process_time() - mine, chapter.place.computed()
    thousand = len(found) / 1_000
    told = "" if before is None or after is None else f"; of 1,000 the server computes {(after - before) / thousand:.2f} s, the database " \
        f"{((chapter.place.computed_by_the_database() or 0) - (kept or 0)) / thousand:.2f} s, the clients {mine / thousand:.2f} s"
    return [at_least("capacity, one process", "", len(found) / taken, 3_000, "a second",
                     f"the clients share the computer's cores with server and database{told}"),
            at_most("capacity, p95", "", percentile(found, 0.95) * 1000, 50, "ms")]


def queued(chapter: Chapter) -> list[Row]:
    """The check-ins of a day offline, until the server has them and the desk stands where the server stands."""
    chapter.filled()
    taken = []
    with closing(chapter.desk()) as desk:
        sync_once(desk)
        for _round in range(min(3, chapter.sizes.rounds)):
            with desk.reading() as connection:
                ids = list(connection.exec_driver_sql("SELECT id FROM person LIMIT ?", (chapter.sizes.queued,)).scalars())
            people = [ids[n % len(ids)] for n in range(chapter.sizes.queued)]
            with desk.writing("checked_in") as writing:
                writing.add_many("fact", [{"kind": "in", "person": one, "at": "2026-11-12T18:42:00.000Z", "station": "Door 2"} for one in people])
            begun = time.perf_counter()
            result = sync_once(desk)
            taken.append(time.perf_counter() - begun)
            assert result.waiting == 0 and result.pushed == chapter.sizes.queued
    return [at_most(f"{chapter.sizes.queued:,} queued check-ins", "", statistics.median(taken), 1, "s")]


def cut_at_half(chapter: Chapter) -> list[Row]:
    """The line breaks at half of the first sync: how much of it comes twice."""
    chapter.filled()
    relay = Relay(chapter.place.url)
    try:
        with closing(chapter.desk(relay.url)) as desk:
            with _line(desk) as (wire, membership):
                offer = _offered(desk, wire, membership)
            relay.cut_after, before = relay.down + offer.size // 2, relay.down
            with suppress(KnownError):
                sync_once(desk)
            relay.cut_after = None
            sync_once(desk)
            again = (relay.down - before - offer.size) / offer.size
    finally:
        relay.close()
    return [at_most("cut at half of the first sync, fetched again", "", again * 100, 2, "%", f"of {offer.size / 1e6:.1f} MB")]


_LINE = 25e6
"""Bytes a second: a line of 200 Mbit/s."""


def killed_at_half(chapter: Chapter) -> list[Row]:
    """The program is killed when half of the first sync is on its disk, and starts again: how much of it comes twice."""
    if not Path("/proc/self/clear_refs").exists():
        return []  # its process is that of ``memory``
    chapter.filled()
    relay = Relay(chapter.place.url)
    try:
        with closing(chapter.desk(relay.url)) as desk:
            with _line(desk) as (wire, membership):
                offer = _offered(desk, wire, membership)
            path = desk.profile.path
        relay.pace = _LINE
        before, child = relay.down, [sys.executable, "-c", _CHILD, str(path)]
        with subprocess.Popen(child, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None and _size(path / "snapshot.part") < offer.size // 2:
                time.sleep(0.001)
            process.kill()
        assert process.returncode != 0, "it was done before it could be killed"
        assert json.loads(subprocess.run(child, capture_output=True, text=True, check=True).stdout)["rows"] >= offer.rows
        again = (relay.down - before - offer.size) / offer.size
    finally:
        relay.close()
    return [at_most("killed at half of the first sync, fetched again", "", again * 100, 2, "%", f"of {offer.size / 1e6:.1f} MB, over a line of 200 Mbit/s")]


def _offered(desk: Desk, wire: Any, membership: state.Membership) -> snapshot.SnapshotReply:
    """The file that a first sync fetches, once it is made."""
    while True:
        offer = session.call(desk, wire, membership, f"snapshot/{membership.scope}", snapshot.SnapshotRequest(), snapshot.SnapshotReply)
        if offer.state == "ready":
            return offer


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def nothing(chapter: Chapter) -> list[Row]:
    """A sync when nothing is new, against a bare round trip to the same server."""
    relay = Relay(chapter.place.url)
    count = 200
    with closing(chapter.desk(relay.url)) as counted, closing(chapter.desk()) as desk, _line(desk) as (wire, _membership), requests.Session() as bare:
        bare.trust_env = False
        sync_once(counted)
        with _line(counted) as (line, _there):
            sync_once(counted, wire=line)
            before = relay.up + relay.down
            for _n in range(10):
                sync_once(counted, wire=line)
            size = (relay.up + relay.down - before) / 10
        sync_once(desk, wire=wire)

        def ours() -> Sequence[float]:
            return [_seconds(lambda: sync_once(desk, wire=wire)) for _n in range(count)]

        def floor() -> Sequence[float]:
            return [_seconds(lambda: bare.get(f"{chapter.place.url}/healthz").content) for _n in range(count)]

        rounds = in_turns({"ours": ours, "floor": floor}, chapter.sizes.rounds)
    relay.close()
    least = median_of(rounds["floor"], 0.5) * 1000
    return [at_most("nothing to do", f"bare round trip: {least:.2f} ms", median_ratio(rounds, "ours", "floor", 0.5), 2, "×",
                    f"{median_of(rounds['ours'], 0.5) * 1000:.2f} ms"),
            at_most("nothing to do, bytes", "", size, 400, "B", "heads of HTTP included, both ways")]


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


_CHILD = """
import json, sys
from pathlib import Path
from alumni_desk.schema import open_desk
from alumni_desk.store.profile import Profile
from alumni_desk.sync import digest, snapshot
from alumni_desk.sync.engine import sync_once
import requests
desk = open_desk(Profile(Path(sys.argv[1])))
requests.Session().close()

def now(what):
    return int(next(line for line in open("/proc/self/status") if line.startswith(what)).split()[1])

open("/proc/self/clear_refs", "w").write("5")  # the peak so far was the password's
before = now("VmRSS")
result = sync_once(desk)
print(json.dumps({"rows": result.pulled, "more": (now("VmHWM") - before) / 1024}))
desk.close()
"""


def memory(chapter: Chapter) -> list[Row]:
    """What a process needs more at its peak while it syncs all members for the first time, search index and check included; and twice as many."""
    if not Path("/proc/self/clear_refs").exists():
        return []  # only Linux lets a process forget its peak
    chapter.filled()
    found = []
    for of, members in ((CHAPTER, harness.MEMBERS), ("Everybody", 2 * harness.MEMBERS)):
        if of != CHAPTER:
            with closing(chapter.desk(of=of)) as first:
                _uploaded(first, members)
        with closing(chapter.desk(of=of)) as desk:
            path = desk.profile.path
        said = json.loads(subprocess.run([sys.executable, "-c", _CHILD, str(path)], capture_output=True, text=True, check=True).stdout)
        assert said["rows"] > members
        found.append(at_most(f"memory while syncing {members:,}", "", said["more"], 100, "MB"))
    return found


@contextmanager
def _line(desk: Desk) -> Iterator[tuple[Any, state.Membership]]:
    with desk.reading() as connection:
        membership = state.read(connection, state.Membership)
    assert membership is not None
    wire = wire_of(desk)
    session.resume(desk, wire)
    try:
        yield wire, membership
    finally:
        wire.close()


LINES: dict[str, Callable[[Chapter], list[Row]]] = {
    "first": first_sync, "upload": first_upload, "three": three_laptops, "change": one_change, "doors": fifty_doors, "capacity": capacity,
    "queued": queued, "cut": cut_at_half, "killed": killed_at_half, "nothing": nothing, "memory": memory}
