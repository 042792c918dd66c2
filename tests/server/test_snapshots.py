"""The server's snapshots: made once, shared by who sees the same, fetched in parts, gone with what was erased."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from alumni_desk.gatherings.records import registration_id
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import SnapshotReply, SnapshotRequest, Trouble, unpack
from alumni_desk.server import snapshot
from alumni_desk.store.connecting import connect


def offered(laptop: Any) -> SnapshotReply:
    """The file, once it is made: the server says so if that takes longer than it waits."""
    until = time.monotonic() + 60
    while (offer := laptop.office.call(f"snapshot/{laptop.scope}", SnapshotRequest(), SnapshotReply, laptop.token)).state == "making":
        assert time.monotonic() < until
        time.sleep(0.05)
    return offer


def fetched(laptop: Any, name: str, scope: str | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    said = {"authorization": f"Bearer {laptop.token}", **{key.replace("_", "-"): value for key, value in headers.items()}}
    return laptop.office.client.request("GET", f"/sync/v1/snapshot/{scope or laptop.scope}/{name}", headers=said)


def test_it_holds_what_a_pull_brings(office: Any, tmp_path: Path) -> None:
    laptop = office.laptop()
    laptop.push(*(laptop.operation(last_name=f"Ray {n}", class_year=2000 + n, deceased=n % 2 == 0) for n in range(5)))
    laptop.push(laptop.operation("fact", kind="in", person=laptop.operation().row))
    offer = offered(laptop)
    assert offer.state == "ready" and offer.rows == 7
    status, headers, body = fetched(laptop, offer.name)
    assert (status, len(body), headers["etag"]) == (200, offer.size, f'"{offer.name}"')
    file = tmp_path / "it.db"
    file.write_bytes(body)
    raw = connect(file, offer.key)
    pulled = laptop.rows()
    for table in ("person", "fact", "chapter"):
        names = [row[1] for row in raw.execute(f"PRAGMA table_info({table})")]
        for row in raw.execute(f"SELECT * FROM {table}").fetchall():
            there = dict(zip(names, row, strict=True))
            seen = pulled.pop((table, there["id"]))
            assert there.pop("scope") == laptop.scope
            assert there == {name: seen[name] for name in there} and seen["sequence"] <= offer.cursor.sequence
    raw.close()
    assert not pulled


def test_the_rest_of_it_alone(office: Any) -> None:
    laptop = office.laptop()
    laptop.push(laptop.operation(last_name="Ray"))
    offer = offered(laptop)
    _status, _headers, whole = fetched(laptop, offer.name)
    tag = f'"{offer.name}"'
    status, headers, rest = fetched(laptop, offer.name, range=f"bytes={offer.size - 100}-", if_range=tag)
    assert (status, rest) == (206, whole[-100:])
    assert headers["content-range"] == f"bytes {offer.size - 100}-{offer.size - 1}/{offer.size}" and headers["content-length"] == "100"
    assert fetched(laptop, offer.name, range="bytes=10-", if_range='"another"')[0] == 200
    assert fetched(laptop, offer.name, range=f"bytes={offer.size}-", if_range=tag)[0] == 416
    for strange in ("bytes=-5", "bytes=1-2,4-5", "lines=3-", "bytes=9999999999999999999999-"):
        assert fetched(laptop, offer.name, range=strange)[2] == whole


def test_one_is_made_for_all_that_see_the_same_until_too_much_has_changed(office: Any, monkeypatch: Any) -> None:
    one, two = office.laptop(), office.laptop()
    one.push(one.operation(last_name="Ray"))
    first = offered(one)
    one.push(one.operation(last_name="Lee"))
    assert offered(two).name == first.name, "it is near enough: the rest is pulled"
    monkeypatch.setattr(snapshot, "BEHIND", 0)
    second = offered(two)
    assert second.name != first.name and second.cursor.sequence > first.cursor.sequence and second.key != first.key
    assert fetched(one, first.name)[0] == 200, "who is in the middle of it may end"


def test_whoever_comes_to_the_door_gets_none_with_a_guest_who_had_left_its_list(office: Any, tmp_path: Path) -> None:
    leader, gathering = office.laptop(), uuid7()
    stays, leaves = (leader.operation(last_name=name) for name in ("Ray", "Lee"))
    lists = [leader.operation("registration", registration_id(gathering, one.row), gathering=gathering, person=one.row) for one in (stays, leaves)]
    leader.push(leader.operation("gathering", gathering, name="Dinner"), stays, leaves, *lists)
    first = offered(office.laptop(role="door", gathering=gathering))
    leader.push(leader.operation("registration", lists[1].row, status="cancelled"))
    late = office.laptop(role="door", gathering=gathering)
    offer = offered(late)
    file = tmp_path / "it.db"
    file.write_bytes(fetched(late, offer.name)[2])
    raw = connect(file, offer.key)
    assert raw.execute("SELECT id FROM person").fetchall() == [(stays.row,)] and offer.name != first.name
    raw.close()


def test_what_was_erased_is_in_none(office: Any) -> None:
    laptop = office.laptop()
    gone = laptop.operation(last_name="Ray")
    laptop.push(gone)
    before = offered(laptop)
    tables = office.server.tables.tables
    with office.server.database.writing() as connection:
        connection.execute(sa.insert(tables["erased"]).values(scope=laptop.scope, table_name="person", row_id=gone.row, erased_at=1))
        connection.execute(sa.update(tables["person"]).where(tables["person"].c.id == gone.row).values(last_name=None))
    assert fetched(laptop, before.name)[0] == 404
    after = offered(laptop)
    assert after.name != before.name and fetched(laptop, after.name)[0] == 200


def test_after_a_restore_it_is_made_anew(office: Any) -> None:
    laptop = office.laptop()
    laptop.push(laptop.operation(last_name="Ray"))
    before = offered(laptop)
    head = office.server.tables.tables["feed_head"]
    with office.server.database.writing() as connection:
        connection.execute(sa.update(head).where(head.c.scope == laptop.scope).values(timeline="another"))
    assert fetched(laptop, before.name)[0] == 404 and offered(laptop).timeline == "another"


def test_only_for_whom_it_is(office: Any) -> None:
    mine, other = office.laptop("Boston"), office.laptop("Lisbon")
    mine.push(mine.operation(last_name="Ray"))
    offer = offered(mine)
    assert fetched(other, offer.name)[0] == 404, "another chapter's name under one's own scope"
    assert fetched(other, offer.name, scope=mine.scope)[0] == 403
    assert office.ask(f"snapshot/{mine.scope}", SnapshotRequest(), other.token).status == 403
    assert office.client.request("GET", f"/sync/v1/snapshot/{mine.scope}/{offer.name}")[0] == 401
    for name in ("..%2f..%2fserver.db", "x" * 400, "..", "%00"):
        assert fetched(mine, name)[0] == 404


def test_while_the_database_is_away_it_is_said_as_everywhere(office: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The file lies beside the database, and yet whoever asks for it is looked up in there."""
    laptop = office.laptop()
    offer = offered(laptop)

    def away() -> None:
        raise sa.exc.OperationalError(None, None, Exception("the connection is lost"))

    monkeypatch.setattr(office.server.database, "reading", away)
    status, headers, body = fetched(laptop, offer.name)
    assert (status, unpack(body, Trouble).code, headers["retry-after"]) == (503, "database", "5")
    assert [one.getMessage() for one in caplog.records] == ["a fault while asking the database"]
