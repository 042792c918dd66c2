"""A laptop that begins from zero takes the server's file: the same rows as by pages, what waits on top, cut off and gone on, never readable on a disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alumni_desk.errors import KnownError, NetworkProblem
from alumni_desk.gatherings.actions import add_guests, new_gathering
from alumni_desk.protocol.messages import SnapshotReply
from alumni_desk.store import search
from alumni_desk.store.desk import Desk
from alumni_desk.sync import snapshot, state, wire
from alumni_desk.sync.engine import join, status, sync_once
from alumni_desk.sync.shapes import shapes

MakeDesk = Callable[[str], Desk]
MARK = "Xylophonetti"


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each snapshot brought."""
    found: list[int] = []
    real = snapshot.copy_in

    def counting(*args: Any, **options: Any) -> int:
        found.append(real(*args, **options))
        return found[-1]

    monkeypatch.setattr(snapshot, "copy_in", counting)
    return found


def begun(desk: Desk, office: Any, monkeypatch: pytest.MonkeyPatch, count: int = 300) -> list[str]:
    """A desk whose chapter is at the server; from then on every chapter is worth a file."""
    join(desk, office.url, office.invite())
    ids = fill(desk, count)
    sync_once(desk)
    monkeypatch.setattr(snapshot, "WORTH", 1)
    return ids


def fill(desk: Desk, count: int = 300) -> list[str]:
    """Members, a household, a degree and a few facts."""
    with desk.writing("import", queue="load") as writing:
        ids = [writing.add("person", standing="member", first_name="Ana", last_name=f"{MARK} {n}", email=f"ana{n}@example.org", class_year=1950 + n % 70,
                           deceased=n % 9 == 0 or None) for n in range(count)]
        writing.add("household", name="The Does")
        writing.add("education", person=ids[0], school="Northgate", class_year=1999, is_primary=True)
        writing.add("fact", kind="in", person=ids[1], at="2026-11-12T18:42:00.000Z")
    with desk.writing("removed") as writing:
        writing.change("person", ids[2], gone=True)
    return ids


def clocks_of(desk: Desk) -> dict[str, list[tuple[Any, ...]]]:
    """Every synced row, clocks and all."""
    with desk.reading() as connection:
        return {name: sorted((tuple(row) for row in connection.execute(sa.select(*(desk.tables[name].c[one] for one in ("scope", *shape.columns))))), key=repr)
                for name, shape in shapes().items()}


def rows_of(desk: Desk) -> dict[str, list[tuple[Any, ...]]]:
    """Everything synced that a desk shows, clocks left out."""
    return {name: [row[:2] + row[4:] for row in rows] for name, rows in clocks_of(desk).items()}


def is_searched(desk: Desk) -> bool:
    with desk.checking() as connection:
        return search.is_whole(connection) and search.differences(connection) == 0


def test_a_first_sync_by_the_file_is_the_first_sync_by_pages(office: Any, make_desk: MakeDesk, taken: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, three = make_desk("one"), make_desk("two"), make_desk("three")
    begun(one, office, monkeypatch)
    join(two, office.url, office.invite())
    result = sync_once(two)
    assert taken == [result.pulled] and result.pulled > 300
    monkeypatch.setattr(snapshot, "WORTH", 1_000_000)
    join(three, office.url, office.invite())
    sync_once(three)
    assert len(taken) == 1
    assert clocks_of(two) == clocks_of(three) == clocks_of(one) and is_searched(two)
    with two.reading() as connection, three.reading() as other:
        for text in ("SELECT * FROM scope", "SELECT key, value FROM sync_state WHERE key LIKE 'replica:%' ORDER BY 1", "SELECT * FROM shadow",
                     "SELECT name, sql FROM sqlite_master ORDER BY name"):
            assert [tuple(row) for row in connection.exec_driver_sql(text)] == [tuple(row) for row in other.exec_driver_sql(text)], text
        assert state.read(connection, state.Fetching) is None
    assert not list(two.profile.path.glob("snapshot.part"))
    with two.writing("member_added") as writing:
        writing.add("person", standing="member", last_name="Later")  # nothing of the copying is left: it is captured again
    assert sync_once(two).pushed == 1 and sync_once(one).pulled == 1


def test_whole_pages_are_copied(office: Any, make_desk: MakeDesk, taken: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """The file has a desk's own form, so that SQLite copies tables and indexes as they lie, row by row only where something is here already."""
    one, two = make_desk("one"), make_desk("two")
    begun(one, office, monkeypatch)
    ways: list[str] = []
    monkeypatch.setattr(snapshot, "_lay_bare", lambda connection, shape, *rest: ways.append(shape.name))
    join(two, office.url, office.invite())
    sync_once(two)
    assert taken and ways == []


def test_what_waits_here_lies_over_it(office: Any, make_desk: MakeDesk, taken: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = make_desk("one"), make_desk("two")
    ids = begun(one, office, monkeypatch)
    fill(two, 20)
    join(two, office.url, office.invite(), merge=True)
    with two.reading() as connection:
        head = int(connection.exec_driver_sql("SELECT count(*) FROM operation").scalar() or 0)
    assert head
    from alumni_desk.sync import engine

    monkeypatch.setattr(engine, "push", lambda *args: False)  # all of it still waits
    sync_once(two)
    assert taken
    with two.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM person").scalar() == 320
        assert connection.exec_driver_sql("SELECT count(*) FROM operation_now WHERE fate = 'waiting'").scalar() == head
    with two.writing("changed") as writing:
        writing.change("person", ids[5], city="Salem")
    monkeypatch.undo()
    monkeypatch.setattr(snapshot, "WORTH", 1)
    for desk in (two, one, two):
        sync_once(desk)
    assert rows_of(one) == rows_of(two) and is_searched(two)
    with one.reading() as connection:
        assert connection.exec_driver_sql("SELECT city FROM person WHERE id = ?", (ids[5],)).scalar() == "Salem"


def test_cut_off_it_goes_on_where_it_ended(office: Any, make_desk: MakeDesk, taken: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = make_desk("one"), make_desk("two")
    begun(one, office, monkeypatch, 3_000)
    join(two, office.url, office.invite())
    real = wire.Wire.fetch
    came: list[int] = []

    def cut(self: Any, path: str, start: int, tag: str, take: Callable[[bytes], object]) -> int:
        def half(part: bytes) -> None:
            take(part)
            came.append(len(part))
            if start == 0:
                raise NetworkProblem("sync_unreachable", "cut")

        return real(self, path, start, tag, half)

    monkeypatch.setattr(wire.Wire, "fetch", cut)
    with pytest.raises(NetworkProblem):
        sync_once(two)
    with two.reading() as connection:
        kept = state.read(connection, state.Fetching)
    assert kept is not None and (two.profile.path / "snapshot.part").stat().st_size == sum(came) < kept.offer.size
    sync_once(two)
    assert sum(came) == kept.offer.size and len(taken) == 1
    assert clocks_of(two) == clocks_of(one)


def test_a_file_that_was_changed_on_the_way_is_not_believed(office: Any, make_desk: MakeDesk, taken: list[int], monkeypatch: pytest.MonkeyPatch,
                                                             caplog: pytest.LogCaptureFixture) -> None:
    one, two = make_desk("one"), make_desk("two")
    begun(one, office, monkeypatch)
    join(two, office.url, office.invite())
    real = snapshot._fetch

    def damaged(desk: Desk, line: Any, membership: Any, offer: SnapshotReply, file: Path) -> bool:
        done = real(desk, line, membership, offer, file)
        with file.open("r+b") as handle:
            handle.seek(offer.size // 2)
            handle.write(b"\0" * 5_000)
        return done

    monkeypatch.setattr(snapshot, "_fetch", damaged)
    sync_once(two)
    assert taken == [] and clocks_of(two) == clocks_of(one) and is_searched(two)


def test_a_server_without_it_is_pulled_from(office: Any, make_desk: MakeDesk, taken: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = make_desk("one"), make_desk("two")
    begun(one, office, monkeypatch)
    join(two, office.url, office.invite())
    monkeypatch.setattr(snapshot, "SCHEMA_VERSION", 99)
    sync_once(two)
    assert taken == [] and clocks_of(two) == clocks_of(one)


def test_over_a_slow_line_the_rows_come_instead(office: Any, make_desk: MakeDesk, taken: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = make_desk("one"), make_desk("two")
    begun(one, office, monkeypatch, 3_000)
    join(two, office.url, office.invite())
    monkeypatch.setattr(snapshot, "SLOW_AFTER", 0.0)
    monkeypatch.setattr(snapshot, "TOO_LONG", 0.0)
    sync_once(two)
    assert taken == [] and clocks_of(two) == clocks_of(one) and not (two.profile.path / "snapshot.part").exists()


def test_nothing_readable_lies_on_a_disk(make_server: Any, postgres_url: str, make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    server = make_server(postgres_url)
    one, two = make_desk("one"), make_desk("two")
    begun(one, server, monkeypatch)
    join(two, server.url, server.invite())
    kept: list[bytes] = []
    real = snapshot.copy_in

    def keeping(desk: Desk, scope: str, offer: SnapshotReply, file: Path, progress: Any = None) -> int:
        kept.append(file.read_bytes())
        return real(desk, scope, offer, file, progress)

    monkeypatch.setattr(snapshot, "copy_in", keeping)
    sync_once(two)
    there = list((server.profile / "snapshots").iterdir())
    assert [file.suffix for file in sorted(there)] == [".db", ".made"] and len(kept) == 1
    for content in (*kept, *(file.read_bytes() for file in there)):
        assert MARK.encode() not in content and b"SQLite format" not in content and b"example.org" not in content


def test_a_file_of_the_whole_chapter_does_not_go_along_to_a_door(office: Any, make_desk: MakeDesk, taken: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = make_desk("one"), make_desk("two")
    guests, dinner = a_dinner(one, office, monkeypatch)
    join(two, office.url, office.invite())
    with monkeypatch.context() as patched:
        patched.setattr(snapshot, "copy_in", killed)  # all of it is here, and nothing is copied yet
        with pytest.raises(KeyboardInterrupt):
            sync_once(two)
    assert (two.profile.path / "snapshot.part").exists()
    join(two, office.url, office.invite("door", dinner))
    with two.reading() as connection:
        assert state.read(connection, state.Fetching) is None  # nobody can read any more what lies there
    sync_once(two)
    assert max(taken) < 50 and everybody(two) == guests
    assert status(two).mended == 0


def test_a_file_that_comes_while_a_command_joins_a_door_is_not_copied(office: Any, make_desk: MakeDesk, taken: list[int],
                                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, command = make_desk("one"), make_desk("two"), make_desk("two")
    guests, dinner = a_dinner(one, office, monkeypatch)
    join(two, office.url, office.invite())
    real, code = snapshot._fetch, office.invite("door", dinner)

    def fetched(*arguments: Any) -> bool:
        done = real(*arguments)
        monkeypatch.setattr(snapshot, "_fetch", real)
        join(command, office.url, code)
        return done

    monkeypatch.setattr(snapshot, "_fetch", fetched)
    with pytest.raises(KnownError) as raised:
        sync_once(two)
    assert raised.value.code == "sync_stopped" and taken == [] and everybody(two) == set()
    sync_once(two)
    assert everybody(two) == guests


def a_dinner(desk: Desk, office: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[set[str], str]:
    """Two of its members are guests of a gathering: who they are, and its id."""
    guests = begun(desk, office, monkeypatch)[5:7]
    dinner = new_gathering(desk, name="Dinner", start="2099-11-12T18:00", end="2099-11-12T22:00", time_zone="UTC").id
    add_guests(desk, dinner, guests)
    sync_once(desk)
    return set(guests), dinner


def everybody(desk: Desk) -> set[str]:
    """Who is here."""
    with desk.reading() as connection:
        return set(connection.exec_driver_sql("SELECT id FROM person").scalars())


def killed(*_arguments: Any) -> int:
    """The program ends here."""
    raise KeyboardInterrupt
