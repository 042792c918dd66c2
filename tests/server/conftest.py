"""Servers in this process, on both kinds of database, spoken to through their real application."""

from __future__ import annotations

import asyncio
import io
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from nacl.signing import SigningKey
from starlette.types import ASGIApp, Message

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
    Trouble,
    pack,
    unpack,
)
from alumni_desk.protocol.parcels import Piece, in_parcels, sign_parcel
from alumni_desk.protocol.proofs import enrol_proof, session_proof
from alumni_desk.schema import open_desk
from alumni_desk.server.app import make_app
from alumni_desk.server.database import Database, postgresql_database, sqlcipher_database
from alumni_desk.server.invitations import invite
from alumni_desk.server.state import Server, open_server
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile
from alumni_desk.sync.address import read_address
from alumni_desk.sync.wire import Wire

T = TypeVar("T")
ADDRESS = "http://127.0.0.1:9"
START = 1_790_000_000_000


@pytest.fixture(scope="session")
def _migrated_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """The one file of this run that is migrated for others to be copies of it, and its key."""
    file, key = tmp_path_factory.mktemp("migrated") / "server.db", secrets.token_bytes(32)
    sqlcipher_database(file, key).close()
    assert not file.with_name("server.db-wal").exists(), "all of it is in the file"
    return file, key


@pytest.fixture(params=["sqlcipher", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated server database of each kind."""
    if request.param == "sqlcipher":
        file, key = request.getfixturevalue("_migrated_file")
        (tmp_path / "office").mkdir()
        made = sqlcipher_database(shutil.copy(file, tmp_path / "office" / "server.db"), key)
    else:
        made = postgresql_database(request.getfixturevalue("migrated_url"))
    yield made
    made.close()


@dataclass
class Time:
    """A clock that the test turns, in milliseconds since 1970."""

    now: int = START

    def __call__(self) -> int:
        return self.now


class Client:
    """Calls an ASGI application in this process."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.runner = asyncio.Runner()

    def request(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
        """One request: status, headers and body of the answer."""
        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(),
                 "root_path": "", "scheme": "http", "query_string": b"", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
                 "headers": [(name.lower().encode(), value.encode("utf-8")) for name, value in (headers or {}).items()]}
        parts = [body[start:start + 65_536] for start in range(0, len(body), 65_536)] or [b""]
        sent: list[Message] = []

        async def receive() -> Message:
            part = parts.pop(0) if parts else b""
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        async def send(message: Message) -> None:
            sent.append(message)

        async def call() -> None:
            await self.app(scope, receive, send)

        self.runner.run(call())
        answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], answered, b"".join(message.get("body", b"") for message in sent[1:])


class _Line:
    """Stands where a ``requests`` session stands in a ``Wire``: its calls reach an application in this process."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def close(self) -> None:
        """Hang up."""

    def post(self, url: str, *, data: bytes, headers: dict[str, str], **_options: Any) -> _Came:
        """A call."""
        return _Came(*self._client.request("POST", url.removeprefix(ADDRESS), data, headers))

    def get(self, url: str, *, headers: dict[str, str], **_options: Any) -> _Came:
        """A file."""
        return _Came(*self._client.request("GET", url.removeprefix(ADDRESS), b"", headers))


class _Came:
    """What a ``requests`` answer is to a ``Wire``."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status_code, self.headers, self.raw = status, headers, self
        self._body = io.BytesIO(body)

    def read(self, count: int, decode_content: bool = True) -> bytes:
        """The next part of the body."""
        return self._body.read(count)

    def __enter__(self) -> _Came:
        return self

    def __exit__(self, *_trouble: object) -> None:
        return None


@dataclass
class Answer:
    """What came back: the status, and the trouble where there is one."""

    status: int
    body: bytes
    retry_after: str | None

    @property
    def code(self) -> str:
        """The trouble's code."""
        return unpack(self.body, Trouble).code


@dataclass
class Office:
    """A server with its application and its clock."""

    server: Server
    client: Client
    time: Time

    def ask(self, name: str, message: msgspec.Struct | bytes, token: str | None = None, **headers: str) -> Answer:
        """One call, as it is."""
        body = message if isinstance(message, bytes) else pack(message)
        if token:
            headers["authorization"] = f"Bearer {token}"
        status, answered, content = self.client.request("POST", f"/sync/v1/{name}", body, headers)
        return Answer(status, content, answered.get("retry-after"))

    def call(self, name: str, message: msgspec.Struct, kind: type[T], token: str | None = None) -> T:
        """One call that must go well."""
        answer = self.ask(name, message, token)
        assert answer.status == 200, (answer.status, answer.body)
        return unpack(answer.body, kind)

    def wire(self) -> Wire:
        """What a desk calls this server by."""
        return Wire(read_address(ADDRESS), session=_Line(self.client))  # type: ignore[arg-type]

    def invite(self, chapter: str = "Boston", role: str = "leader", gathering: str | None = None) -> str:
        """A fresh invitation's code."""
        return invite(self.server, chapter=chapter, role=role, gathering=gathering, now=self.time()).code

    def laptop(self, chapter: str = "Boston", role: str = "leader", gathering: str | None = None) -> Laptop:
        """A device that joined and has a session."""
        code, key = self.invite(chapter, role, gathering), SigningKey.generate()
        request = EnrolRequest(code=code, public_key=bytes(key.verify_key), name="laptop", proof=enrol_proof(key, code))
        enrolled = self.call("enrol", request, EnrolReply)
        laptop = Laptop(self, key, enrolled.server, enrolled.device, enrolled.grants[0].scope)
        laptop.begin()
        return laptop


@dataclass
class Laptop:
    """The least of a desk: a key, a session, and operations made by hand."""

    office: Office
    key: SigningKey
    server: str
    device: str
    scope: str
    token: str = ""
    replica: str = field(default_factory=lambda: secrets.token_hex(8))
    counter: int = 0

    def begin(self) -> None:
        """Get a token."""
        challenge = self.office.call("challenge", ChallengeRequest(device=self.device), ChallengeReply).challenge
        proof = session_proof(self.key, server=self.server, device=self.device, challenge=challenge)
        self.token = self.office.call("session", SessionRequest(device=self.device, challenge=challenge, signature=proof), SessionReply).token

    def clock(self, at: int | None = None) -> str:
        """The next clock of this laptop, or one at a moment."""
        self.counter += 1
        return f"{self.office.time() if at is None else at:012x}-{self.counter:04x}-{self.replica}"

    def operation(self, table: str = "person", row: str | None = None, **fields: Any) -> Operation:
        """A put of these fields on a row, new unless given."""
        return Operation(id=uuid7(), action=uuid7(), transaction=uuid7(), kind="fact" if table == "fact" else "put", table=table,
                         row=row or uuid7(), fields=fields, before={}, clock=self.clock(), schema=1)

    def parcels(self, *operations: Operation, audience: str = "chapter") -> PushRequest:
        """The operations, signed."""
        pieces = [Piece(one.id, one.transaction, body_of(one)) for one in operations]
        return PushRequest([sign_parcel(self.key, server=self.server, device=self.device, scope=self.scope, audience=audience, pieces=part)
                            for part in in_parcels(pieces)])

    def push(self, *operations: Operation, audience: str = "chapter") -> PushReply:
        """Push them."""
        return self.office.call("push", self.parcels(*operations, audience=audience), PushReply, self.token)

    def rows(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Everything that this laptop may see, by table and id."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        cursor = Cursor()
        while True:
            reply = self.office.call("pull", PullRequest({self.scope: cursor}), PullReply, self.token)
            page = reply.pages[self.scope]
            for block in page.blocks:
                for row in block.rows:
                    values = dict(zip(block.columns, row, strict=True))
                    found[block.table, str(values["id"])] = values
            cursor = page.cursor
            if not page.more:
                return found


@pytest.fixture
def office(database: Database) -> Iterator[Office]:
    """A server on each kind of database."""
    time = Time()
    server = open_server(database)
    client = Client(make_app(server, time, rate=10_000, strangers_rate=10_000))  # tests hurry; limits have tests of their own
    yield Office(server, client, time)
    client.runner.close()


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[Callable[[str], Desk]]:
    """Opens desks by name."""
    made: list[Desk] = []

    def make(name: str) -> Desk:
        made.append(open_desk(Profile(tmp_path / f"desk-{name}")))
        return made[-1]

    yield make
    for desk in made:
        desk.close()
