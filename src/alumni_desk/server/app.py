"""The server's doors: each call of ``/sync/v1`` unpacked, carried out off the event loop, and packed again."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from alumni_desk import __version__
from alumni_desk.protocol.messages import (
    PARCEL_OPERATIONS,
    PROTOCOL,
    PUSH_OPERATIONS,
    ChallengeRequest,
    EnrolRequest,
    HelloReply,
    HelloRequest,
    PullReply,
    PullRequest,
    PushReply,
    PushRequest,
    SessionRequest,
    Trouble,
    pack,
    unpack,
)
from alumni_desk.protocol.parcels import verify_parcel
from alumni_desk.protocol.policy import POLICY_VERSION
from alumni_desk.schema import SCHEMA_VERSION
from alumni_desk.server import accounts, feed
from alumni_desk.server.bodies import packed, read_body
from alumni_desk.server.bulk import put_rows
from alumni_desk.server.invitations import enrol
from alumni_desk.server.pull import pull_page
from alumni_desk.server.push import push
from alumni_desk.server.refusals import Refusal
from alumni_desk.server.state import Server, now_ms

LOG = logging.getLogger("alumni_desk.server")
T = TypeVar("T")
Now = Callable[[], int]


def make_app(server: Server, now: Now = now_ms) -> Starlette:
    """The ASGI application of an open server. ``now`` is its clock, in milliseconds since 1970."""

    def call(kind: type[T], work: Callable[[Request, T], msgspec.Struct]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            began = time.perf_counter()
            try:
                message = _message(await read_body(request), kind)
                reply = await run_in_threadpool(work, request, message)
                response = _answer(request, 200, reply)
            except Refusal as refusal:
                response = _answer(request, refusal.status, Trouble(refusal.code, refusal.retry_after))
                if refusal.retry_after is not None:
                    response.headers["retry-after"] = str(refusal.retry_after)
            LOG.info("%s %d %.1f ms", kind.__name__, response.status_code, (time.perf_counter() - began) * 1000)
            return response

        return answer

    def calling(request: Request, connection: sa.Connection) -> accounts.Caller:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            raise Refusal(401, "no_session")
        return accounts.caller(server, connection, token.strip(), now())

    def say_hello(request: Request, message: HelloRequest) -> HelloReply:
        if message.protocol != PROTOCOL:
            raise Refusal(426, "protocol")
        with server.database.reading() as connection:
            who = calling(request, connection)
            heads = {scope: feed.head_of(connection, server.tables, scope) for scope in who.grants}
            backed_up = {scope: feed.backed_up(connection, server.tables, scope) for scope in who.grants}
        return HelloReply(server=server.id, protocols=(PROTOCOL, PROTOCOL), schemas=(1, SCHEMA_VERSION), time=now(), policy=POLICY_VERSION,
                          grants=list(who.grants.values()), heads=heads, backed_up=backed_up, revoked=[], commands=[])

    def take_push(request: Request, message: PushRequest) -> PushReply:
        with server.database.reading() as connection:
            who = calling(request, connection)
        scope = _one_scope(server, who, message)
        with server.database.writing() as connection:
            return push(connection, server.tables, message.parcels, scope=scope, role=who.grants[scope].role, device=who.device, now=now())

    def give_pull(request: Request, message: PullRequest) -> PullReply:
        pages = {}
        with server.database.reading() as connection:
            who = calling(request, connection)
            room = message.max_bytes
            for scope, cursor in message.cursors.items():
                if scope not in who.grants or who.grants[scope].gathering is not None:
                    raise Refusal(403, "no_grant")
                pages[scope] = pull_page(connection, server.tables, scope=scope, role=who.grants[scope].role, cursor=cursor,
                                         max_bytes=room // max(1, len(message.cursors)))
        _keep_cursors(server, who, {scope: message.cursors[scope].sequence for scope, page in pages.items() if not page.reset}, now())
        return PullReply(pages=pages, time=now())

    def revoke(request: Request, message: HelloRequest) -> HelloReply:
        with server.database.reading() as connection:
            who = calling(request, connection)
        accounts.revoke(server, who, request.path_params["device"], now())
        return say_hello(request, message)

    async def healthz(request: Request) -> Response:
        await run_in_threadpool(_alive, server)
        return Response(f"ok {__version__}\n", media_type="text/plain")

    def post(path: str, kind: type[T], work: Callable[[Request, T], msgspec.Struct]) -> Route:
        return Route(f"/sync/v1/{path}", call(kind, work), methods=["POST"])

    return Starlette(routes=[
        Route("/healthz", healthz),
        post("enrol", EnrolRequest, lambda _, message: enrol(server, message, now())),
        post("challenge", ChallengeRequest, lambda _, message: accounts.challenge(server, message, now())),
        post("session", SessionRequest, lambda _, message: accounts.begin_session(server, message, now())),
        post("devices/{device}/revoke", HelloRequest, revoke),
        post("hello", HelloRequest, say_hello),
        post("push", PushRequest, take_push),
        post("pull", PullRequest, give_pull),
    ])


def _message(body: bytes, kind: type[T]) -> T:
    try:
        return unpack(body, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal(400, "unreadable") from None


def _answer(request: Request, status: int, reply: msgspec.Struct) -> Response:
    body, encoding = packed(pack(reply), request.headers.get("accept-encoding", ""))
    headers = {"content-encoding": encoding} if encoding else {}
    return Response(body, status_code=status, media_type="application/msgpack", headers=headers)


def _one_scope(server: Server, who: accounts.Caller, message: PushRequest) -> str:
    """The scope of a push whose parcels are all this device's, signed, within limits and for a scope that it may write."""
    scopes = {parcel.scope for parcel in message.parcels}
    if len(scopes) != 1:
        raise Refusal(400, "scopes")
    scope = scopes.pop()
    if scope not in who.grants or who.grants[scope].gathering is not None:
        raise Refusal(403, "no_grant")
    if sum(len(parcel.bodies) for parcel in message.parcels) > PUSH_OPERATIONS:
        raise Refusal(413, "too_many")
    for parcel in message.parcels:
        if len(parcel.bodies) > PARCEL_OPERATIONS:
            raise Refusal(413, "too_many")
        if parcel.protocol != PROTOCOL:
            raise Refusal(426, "protocol")
        if parcel.server != server.id or parcel.device != who.device or not verify_parcel(parcel, who.public_key):
            raise Refusal(403, "forged")
        if any(body is None for body in parcel.bodies):
            raise Refusal(400, "withheld")
    return scope


def _keep_cursors(server: Server, who: accounts.Caller, reached: dict[str, int], now: int) -> None:
    """Remember how far a laptop has come for sure: the cursor it asks from, not the one it is given."""
    if reached:
        with server.database.writing() as connection:
            put_rows(connection, server.tables.tables["device_cursor"],
                     [{"scope": scope, "device": who.device, "sequence": sequence, "seen_at": now} for scope, sequence in reached.items()])


def _alive(server: Server) -> None:
    with server.database.reading() as connection:
        connection.exec_driver_sql("SELECT 1")
