"""Several server processes behind one address, and a process that is asked to stop while laptops push."""

from __future__ import annotations

import json
import secrets
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa
from nacl.signing import SigningKey

from alumni_desk.protocol.canonical import body_of
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import (
    ACCEPTED,
    ChallengeReply,
    ChallengeRequest,
    EnrolReply,
    EnrolRequest,
    HelloReply,
    HelloRequest,
    Operation,
    PushReply,
    PushRequest,
    SessionReply,
    SessionRequest,
    pack,
    unpack,
)
from alumni_desk.protocol.parcels import Piece, sign_parcel
from alumni_desk.protocol.proofs import enrol_proof, session_proof
from alumni_desk.server.database import postgresql_database
from alumni_desk.server.tables import all_tables
from alumni_desk.store.desk import Desk
from alumni_desk.sync import state
from alumni_desk.sync.engine import join, sync_once

MakeDesk = Callable[[str], Desk]


class Laptop:
    """The least of a desk over real HTTP; each call may go to another process."""

    def __init__(self, url: str, code: str) -> None:
        self.http = requests.Session()
        self.http.trust_env = False
        self.url, self.key, self.token = url, SigningKey.generate(), ""
        enrolled = self.call("enrol", EnrolRequest(code, bytes(self.key.verify_key), "laptop", enrol_proof(self.key, code)), EnrolReply)
        self.server, self.device, self.scope = enrolled.server, enrolled.device, enrolled.grants[0].scope
        challenge = self.call("challenge", ChallengeRequest(self.device), ChallengeReply).challenge
        proof = session_proof(self.key, server=self.server, device=self.device, challenge=challenge)
        self.token = self.call("session", SessionRequest(self.device, challenge, proof), SessionReply).token

    def call(self, name: str, message: Any, kind: Any) -> Any:
        """One call that must go well."""
        answer = self.http.post(f"{self.url}/sync/v1/{name}", data=pack(message), headers={"authorization": f"Bearer {self.token}"}, timeout=30)
        assert answer.status_code == 200, (answer.status_code, answer.content)
        return unpack(answer.content, kind)

    def push(self, count: int) -> list[str]:
        """Push so many new people; gives the ids of the rows that the server took."""
        operations = [Operation(id=uuid7(), action=uuid7(), transaction=uuid7(), kind="put", table="person", row=uuid7(), fields={"last_name": "A"},
                                before={}, clock=f"{1_700_000_000_000:012x}-0000-{secrets.token_hex(8)}", schema=1) for _ in range(count)]
        parcel = sign_parcel(self.key, server=self.server, device=self.device, scope=self.scope, audience="chapter",
                             pieces=[Piece(one.id, one.transaction, body_of(one)) for one in operations])
        reply = self.call("push", PushRequest([parcel]), PushReply)
        return [one.row for one, result in zip(operations, reply.results, strict=True) if result.settled in ACCEPTED]


def plain(url: str) -> str:
    """A server's address without its fingerprint."""
    return url.partition("#")[0]


def point_at(desk: Desk, url: str) -> None:
    """From now on this desk calls there."""
    from msgspec.structs import replace

    with desk.applying() as applying:
        membership = state.read(applying.connection, state.Membership)
        assert membership is not None
        state.keep(applying.connection, replace(membership, url=plain(url)))


def test_two_processes_on_one_database_and_a_desk_that_alternates(make_server: Any, postgres_url: str, make_desk: MakeDesk) -> None:
    first, second = make_server(postgres_url), make_server(postgres_url)
    one, two = make_desk("one"), make_desk("two")
    for desk, server in ((one, first), (two, second)):
        join(desk, server.url, first.invite())
        sync_once(desk)
    with one.reading() as connection:
        token = state.read(connection, state.Session)
    for turn in range(6):
        for desk, server in ((one, (first, second)[turn % 2]), (two, (second, first)[turn % 2])):
            point_at(desk, server.url)
            with desk.writing("member_added") as writing:
                writing.add("person", standing="member", last_name=f"{desk.profile.path.name} {turn}")
            assert sync_once(desk).waiting == 0
    sync_once(one)
    with one.reading() as connection:
        assert state.read(connection, state.Session) == token  # no new session: each process reads the other's tokens
    people = []
    for desk in (one, two):
        with desk.reading() as connection:
            people.append(sorted(connection.execute(sa.select(desk.tables["person"].c.last_name)).scalars()))
    assert people[0] == people[1] and len(people[0]) == 12


@pytest.mark.skipif(sys.platform == "win32", reason="a port is one program's there")
def test_two_processes_share_a_port_and_one_may_stop(make_server: Any, postgres_url: str) -> None:
    first = make_server(postgres_url, ["--share-port"])
    second = make_server(postgres_url, ["--share-port", "--port", str(first.port)])
    assert plain(first.url) == plain(second.url)
    laptops = [Laptop(plain(first.url), first.invite()) for _ in range(4)]
    taken = [row for _turn in range(3) for laptop in laptops for row in laptop.push(3)]
    assert len(taken) == 36
    assert first.stop() == 0
    for laptop in laptops:
        laptop.http.close()
        assert len(laptop.push(1)) == 1
        laptop.http.close()


@pytest.mark.parametrize("kind", ["postgresql", "sqlcipher"])
def test_asked_to_stop_under_load_it_loses_nothing_that_it_acknowledged(kind: str, request: pytest.FixtureRequest, make_server: Any) -> None:
    server = make_server(request.getfixturevalue("postgres_url") if kind == "postgresql" else None)
    laptops = [Laptop(plain(server.url), server.invite()) for _ in range(4)]
    acknowledged: list[str] = []
    broken: list[str] = []
    enough = threading.Event()

    def work(laptop: Laptop) -> None:
        with laptop.http:
            while True:
                try:
                    acknowledged.extend(laptop.push(20))
                except requests.ConnectionError as error:
                    broken.append(type(error).__name__)
                    return
                if len(acknowledged) > 400:
                    enough.set()

    threads = [threading.Thread(target=work, args=(laptop,)) for laptop in laptops]
    for thread in threads:
        thread.start()
    assert enough.wait(60)
    assert server.stop() == 0
    for thread in threads:
        thread.join(30)
    assert len(broken) == 4  # every laptop got whole answers until it got none: no half one, no 5xx
    server.start()
    if kind == "postgresql":
        database = postgresql_database(server.database)
        with database.reading() as connection:
            there = set(connection.execute(sa.select(all_tables().tables["person"].c.id)).scalars())
        database.close()
        assert set(acknowledged) <= there
    count = server.run("server", "stats")["chapters"][0]["people"]
    assert count >= len(acknowledged) == len(set(acknowledged))
    assert count - len(acknowledged) <= 4 * 20  # at most what was under way without an answer


def test_it_says_what_it_does_in_json_without_a_name(make_server: Any, tmp_path: Path) -> None:
    server = make_server(extra=["--log"])
    server.stop()
    import subprocess

    log = tmp_path / "log"
    with log.open("w") as stream:
        server.process = subprocess.Popen(server.command("serve", "--port", "0", "--json", "--log"), stdout=subprocess.PIPE, stderr=stream, text=True)
        assert server.process.stdout is not None
        url = json.loads(server.process.stdout.readline())["url"]
        code = server.invite("Łódź chapter")
        laptop = Laptop(url, code)
        laptop.call("hello", HelloRequest(who="Zoë Personal", device="Zoë’s laptop", waiting=3), HelloReply)
        laptop.push(2)
        laptop.http.post(f"{url}/sync/v1/push", data="nonsense Zoë".encode(), headers={"authorization": f"Bearer {laptop.token}"}, timeout=9)
        metrics = laptop.http.get(f"{url}/metrics", timeout=9).text
        assert laptop.http.get(f"{url}/readyz", timeout=9).status_code == 200
        laptop.http.close()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    asked = [(line["call"], line["status"]) for line in lines if line["event"] == "request"]
    assert asked == [("enrol", 200), ("challenge", 200), ("session", 200), ("hello", 200), ("push", 200), ("push", 400)]
    assert {key for line in lines for key in line} <= {"time", "level", "process", "event", "call", "status", "code", "ms", "received", "sent", "device"}
    for text in (log.read_text(encoding="utf-8"), metrics):
        assert not [word for word in ("Zoë", "Zo", "Łódź", "laptop’s", code, "127.0.0.1") if word in text]
    assert 'alumni_desk_requests_total{call="push",status="400"} 1' in metrics
    assert 'alumni_desk_operations_total{status="ok"} 2' in metrics
    assert 'alumni_desk_request_seconds_count{call="hello"} 1' in metrics
    for line in metrics.splitlines():
        assert line.startswith(("# HELP alumni_desk_", "# TYPE alumni_desk_", "alumni_desk_")) and (line.startswith("#") or float(line.rsplit(" ", 1)[1]) >= 0)
    assert laptop.device not in metrics
    assert [row["waiting"] for row in server.run("server", "devices")] == [1]
