"""Sixteen laptops write through two server processes on one PostgreSQL while processes and database are killed: nothing is missed, nothing counts twice."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar
from unittest.mock import patch

import msgspec
import psycopg
import pytest
import sqlalchemy as sa
from nacl.signing import SigningKey

from alumni_desk.errors import NetworkProblem
from alumni_desk.protocol.canonical import body_of
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import (
    ChallengeReply,
    ChallengeRequest,
    Cursor,
    EnrolReply,
    EnrolRequest,
    Operation,
    PullReply,
    PullRequest,
    PushReply,
    PushRequest,
    SessionReply,
    SessionRequest,
)
from alumni_desk.protocol.parcels import Piece, sign_parcel
from alumni_desk.protocol.proofs import enrol_proof, session_proof
from alumni_desk.server.audit import check
from alumni_desk.server.database import postgresql_database
from alumni_desk.server.tables import all_tables
from alumni_desk.sync.address import read_address
from alumni_desk.sync.wire import NoSession, Wire

WRITERS = 16
SOAK = os.environ.get("ALUMNI_DESK_SOAK") == "1"
KILLS = max(5, int(os.environ.get("ALUMNI_DESK_SOAK_KILLS", "1000")) // 10) if SOAK else 5
SEED = int(os.environ.get("ALUMNI_DESK_FAULT_SEED", "11"))
T = TypeVar("T")


@dataclass
class Caller:
    """A laptop's key, and a line to whichever server answers."""

    urls: list[str]
    code: str
    key: SigningKey = field(default_factory=SigningKey.generate)
    replica: str = field(default_factory=lambda: secrets.token_hex(8))
    turn: int = 0
    counter: int = 0
    server: str = ""
    device: str = ""
    scope: str = ""
    wire: Wire | None = None

    def call(self, name: str, message: msgspec.Struct, reply: type[T]) -> T:
        """Ask until somebody answers."""
        while True:
            if self.wire is None:
                self.turn += 1
                self.wire = Wire(read_address(self.urls[self.turn % len(self.urls)]))
                self.wire.token = self.token
            try:
                return self.wire.call(name, message, reply)
            except NoSession:
                raise
            except NetworkProblem:
                self.hang_up()
                time.sleep(0.05)  # the next process is on its way

    token: str | None = None

    def hang_up(self) -> None:
        """Close the line."""
        if self.wire is not None:
            self.wire.close()
            self.wire = None

    def join(self) -> None:
        """Become a laptop and begin a session."""
        proof = enrol_proof(self.key, self.code)
        reply = self.call("enrol", EnrolRequest(code=self.code, public_key=bytes(self.key.verify_key), name="writer", proof=proof), EnrolReply)
        self.server, self.device, self.scope = reply.server, reply.device, reply.grants[0].scope
        challenge = self.call("challenge", ChallengeRequest(device=self.device), ChallengeReply).challenge
        signed = session_proof(self.key, server=self.server, device=self.device, challenge=challenge)
        self.token = self.call("session", SessionRequest(device=self.device, challenge=challenge, signature=signed), SessionReply).token
        self.hang_up()

    def facts(self, count: int) -> tuple[list[str], PushRequest]:
        """So many new facts, signed."""
        pieces, ids = [], []
        for _n in range(count):
            self.counter += 1
            row = uuid7()
            one = Operation(id=uuid7(), action=row, transaction=row, kind="fact", table="fact", row=row, fields={"kind": "in", "person": uuid7()}, before={},
                            clock=f"{time.time_ns() // 1_000_000:012x}-{self.counter % 65536:04x}-{self.replica}", schema=1)
            pieces.append(Piece(one.id, one.transaction, body_of(one)))
            ids.append(row)
        return ids, PushRequest([sign_parcel(self.key, server=self.server, device=self.device, scope=self.scope, audience="chapter", pieces=pieces)])


@pytest.mark.long
def test_sixteen_writers_and_everything_killed(make_server: Callable[..., Any], postgres_url: str) -> None:
    servers = [make_server(postgres_url), make_server(postgres_url)]
    urls = [server.url for server in servers]
    callers = [Caller(urls, servers[0].invite("Boston")) for _n in range(WRITERS + 1)]
    acknowledged: list[list[str]] = [[] for _n in range(WRITERS)]
    seen: list[str] = []
    ending, wrote = threading.Event(), threading.Event()
    troubles: list[BaseException] = []

    def write(number: int) -> None:
        caller = callers[number]
        caller.join()
        while not ending.is_set():
            ids, request = caller.facts(3)
            reply = caller.call("push", request, PushReply)  # the same parcel until it is answered
            assert {one.settled for one in reply.results} == {"ok"}, reply.results
            acknowledged[number] += ids

    def read() -> None:
        caller, cursor = callers[WRITERS], Cursor()
        caller.join()
        while True:
            last = wrote.is_set()
            page = caller.call("pull", PullRequest({caller.scope: cursor}), PullReply).pages[caller.scope]
            assert not page.reset
            seen.extend(str(row[block.columns.index("id")]) for block in page.blocks if block.table == "fact" for row in block.rows)
            cursor = page.cursor
            if last and not page.more:
                return

    def guarded(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except BaseException as trouble:
                troubles.append(trouble)
        return run

    with patch("alumni_desk.sync.wire.LONGEST_WAIT", -1.0):  # whoever is told to wait asks the other process instead
        writers = [threading.Thread(target=guarded(lambda number=number: write(number))) for number in range(WRITERS)]
        reader = threading.Thread(target=guarded(read))
        for thread in (*writers, reader):
            thread.start()
        try:
            _kill(servers, postgres_url)
        finally:
            ending.set()
            for thread in writers:
                thread.join(120)
            wrote.set()
            reader.join(120)
            for caller in callers:
                caller.hang_up()
    assert not troubles, troubles[0]
    wanted = sorted(row for ids in acknowledged for row in ids)
    assert len(wanted) > 100
    assert sorted(seen) == wanted, f"{len(set(wanted) - set(seen))} missed, {len(seen) - len(set(seen))} doubled, {len(set(seen) - set(wanted))} of nobody"
    print(f"\n{KILLS} kills: {len(wanted)} facts of {WRITERS} writers acknowledged, none missed, none doubled")
    database = postgresql_database(postgres_url)
    with database.reading() as connection:
        assert sorted(connection.execute(sa.select(all_tables().tables["fact"].c.id)).scalars()) == wanted
        assert not check(connection, all_tables()).broken
    database.close()


def _kill(servers: list[Any], postgres_url: str) -> None:
    """Kill a server process or the database, and start it again, time after time."""
    chance = Random(SEED)
    address = sa.make_url(postgres_url).set(drivername="postgresql").render_as_string(hide_password=False)
    for number in range(KILLS):
        time.sleep(chance.uniform(0.3, 0.8))  # the writers have to be in the middle of it
        if number % 3 == 2:
            _kill_database(address)
        else:
            server = servers[number % len(servers)]
            server.kill()
            server.start()
    time.sleep(0.5)


def _kill_database(address: str) -> None:
    """kill -9 of one of its processes: PostgreSQL ends all others, and comes back out of its log."""
    until = time.monotonic() + 60
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect(address, autocommit=True) as connection:
        found = connection.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                                   " ORDER BY state = 'active' DESC LIMIT 1").fetchone()
        if found is None:
            pytest.fail("nobody is writing")
        os.kill(found[0], signal.SIGKILL)
        while True:  # until it has noticed: whoever asks sooner is still let in, and thinks it is back
            connection.execute("SELECT 1")
            assert time.monotonic() < until, "the database does not mind"
            time.sleep(0.01)
    while True:  # a server that is started meanwhile would not find it
        try:
            with psycopg.connect(address):
                return
        except psycopg.OperationalError:
            assert time.monotonic() < until, "the database does not come back"
            time.sleep(0.05)
