"""The server's doors: each call of ``/sync/v1`` unpacked, carried out off the event loop, and packed again."""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from alumni_desk import __version__
from alumni_desk.logs import note_bug
from alumni_desk.protocol.messages import (
    BODY_LIMIT,
    PARCEL_OPERATIONS,
    PROTOCOL,
    PUSH_OPERATIONS,
    ChallengeRequest,
    Cursor,
    DecideRequest,
    DigestReply,
    DigestRequest,
    EnrolRequest,
    Grant,
    HelloReply,
    HelloRequest,
    InvitationsReply,
    InviteRequest,
    MoveMemberReply,
    MoveMemberRequest,
    Parcel,
    PullReply,
    PullRequest,
    PushReply,
    PushRequest,
    Released,
    ScopeRequest,
    SessionRequest,
    SnapshotReply,
    SnapshotRequest,
    Trouble,
    pack,
    unpack,
)
from alumni_desk.protocol.parcels import verify_parcel
from alumni_desk.protocol.values import is_id
from alumni_desk.schema import SCHEMA_VERSION
from alumni_desk.server import accounts, carried, conflicts, feed, inviting, leaving, presence, set_aside
from alumni_desk.server.anew import Fresh, fresh_of, glance, push_anew
from alumni_desk.server.aside import aside
from alumni_desk.server.beforehand import look
from alumni_desk.server.bodies import STRANGERS_LIMIT, drop_body, packed, read_body
from alumni_desk.server.bulk import MANY, put_rows
from alumni_desk.server.calls import Call, respond
from alumni_desk.server.clamping import REPLICA
from alumni_desk.server.database import Database
from alumni_desk.server.devices import has_sent, laptops_there
from alumni_desk.server.digest import Digests
from alumni_desk.server.erasures import erasures
from alumni_desk.server.greeting import greet
from alumni_desk.server.hosts import is_loopback
from alumni_desk.server.identity import enrolled
from alumni_desk.server.invitations import enrol
from alumni_desk.server.laptops import laptops as laptops_of
from alumni_desk.server.limits import CALLS_A_SECOND, STRANGERS_A_SECOND, Limiter
from alumni_desk.server.lots import waits
from alumni_desk.server.member_moves import move_member
from alumni_desk.server.metrics import CONTENT_TYPE, Metrics
from alumni_desk.server.projection import Projection, projection_of
from alumni_desk.server.pull import pull_page
from alumni_desk.server.push import Item, Sent, items_of, operations_in, push_together
from alumni_desk.server.ranges import answer_from
from alumni_desk.server.refusals import Refusal
from alumni_desk.server.relaying import take_relayed
from alumni_desk.server.snapshot import Snapshots
from alumni_desk.server.state import Server, now_ms
from alumni_desk.server.together import Together
from alumni_desk.server.watching import Watch
from alumni_desk.store import disk

LOG = logging.getLogger("alumni_desk.server")
WATCHED = 50
"""Scopes of one call that are waited for."""

READY_SECONDS = 3.0
"""How long the database may take to say what is counted in it: one that is held, or behind a line that is cut, may never say it."""

FEW = 20
"""So many operations are proven where they come in; more would keep others from coming in."""

REQUESTS = logging.getLogger("alumni_desk.server.requests")
T = TypeVar("T")
Now = Callable[[], int]
Work = Callable[[Call, T], Any]
"""Carries a call out and gives its answer: in a thread, or on the loop where it waits for others (a coroutine)."""


class Doors(Starlette):
    """The application. The commonest calls, ``quick`` by their paths, go straight to what answers them; once the chapter is at another server all go away."""

    def __init__(self, database: Database, routes: Sequence[Route], quick: Mapping[str, ASGIApp], exception_handlers: Mapping[Any, Any]) -> None:
        super().__init__(routes=routes, exception_handlers=exception_handlers)
        self._database, self._quick = database, quick

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._database.parted and scope["type"] == "http":
            await _as_response(_refused(Call(scope, receive), Refusal(503, "not_here")), 503)(scope, receive, send)
            return
        door = self._quick.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        await (super().__call__ if door is None else door)(scope, receive, send)


class Door:
    """What answers one call, as Starlette's routes take it."""

    def __init__(self, answer: ASGIApp) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope, receive, send)


def make_app(server: Server, now: Now = now_ms, *, rate: float = CALLS_A_SECOND, strangers_rate: float = STRANGERS_A_SECOND,
             open_metrics: bool = False, kept: bool = False) -> Doors:
    """The ASGI application of an open server. ``now`` is its clock, in milliseconds since 1970.

    ``rate``: calls a second of one laptop; ``strangers_rate``: of one address without a session;
    ``open_metrics``: figures for everybody who asks, not for this computer alone. ``kept``: it is on the laptop that keeps the chapter.
    """
    metrics = Metrics()
    snapshots, digests, watch = Snapshots(server), Digests(server), Watch(server)
    keys: dict[str, bytes] = {}  # of laptops that have sent something
    noted: dict[tuple[str, str], int] = {}  # where a laptop was last written down to be, by this process
    laptops, strangers = Limiter(rate), Limiter(strangers_rate)

    def call(name: str, kind: type[T], work: Work[T], *, strangers_too: bool) -> ASGIApp:
        waits = inspect.iscoroutinefunction(work)  # else it goes into a thread

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            began = time.perf_counter()
            metrics.begin()
            request = Call(scope, receive)
            trouble = None
            try:
                if not strangers_too:
                    request.device = await _admitted(request)
                else:
                    await _take(strangers, request, request.host)
                presence.check(server.database, name, request.device)
                message = _message(await read_body(request, STRANGERS_LIMIT if strangers_too else BODY_LIMIT), kind)
                if isinstance(message, PullRequest) and message.wait > 0 and len(message.cursors) <= WATCHED:
                    await aside(before_waiting, request, message)
                    request.passed = await watch.until_moved(message.cursors, message.wait, request.device if message.passes else None)
                reply = await work(request, message) if waits else await aside(work, request, message)
                presence.check(server.database, name, request.device)
                status, (headers, body) = 200, _answer(request, reply)
            except Exception as error:
                trouble = _trouble(server.database, error, name)
            if trouble is not None:
                status, (headers, body) = trouble.status, _refused(request, trouble)
            seconds = time.perf_counter() - began
            received, sent = int(request.headers.get(b"content-length", b"0")), len(body)
            metrics.end(name, status, seconds, received, sent)
            if REQUESTS.isEnabledFor(logging.INFO):
                REQUESTS.info("request", extra={"call": name, "status": status, "code": trouble and trouble.code, "ms": round(seconds * 1000, 1),
                                                "received": received, "sent": sent, "device": request.device or None})
            await respond(send, status, headers, body)

        return answer

    async def _take(limiter: Limiter, request: Call, name: str) -> None:
        try:
            limiter.take(name)
        except Refusal:
            await drop_body(request)
            raise

    async def _admitted(request: Call) -> str:
        """The device of the request's token, before anything of its body is looked at."""
        kind, _, token = request.header(b"authorization").partition(" ")
        try:
            if kind.lower() != "bearer":
                raise Refusal(401, "no_session")
            device = accounts.token_device(server, token.strip(), now())
        except Refusal:
            await _take(strangers, request, request.host)
            await drop_body(request)
            raise
        await _take(laptops, request, device)
        return device

    def calling(request: Call, connection: sa.Connection, *, removed_too: bool = False) -> accounts.Caller:
        return accounts.caller(server, connection, request.device, now(), removed_too=removed_too)

    def asking(request: Call) -> accounts.Caller:
        with server.database.reading() as connection:
            return calling(request, connection)

    def before_waiting(request: Call, message: PullRequest) -> None:
        """Whoever was removed does not wait; and where a laptop stands is written down now, not when there is news for it."""
        with server.database.asking() as connection:
            who = calling(request, connection)
            reached = {scope: place.sequence for scope, place in message.cursors.items()
                       if scope in who.grants and noted.get((scope, who.device)) != place.sequence and feed.is_known(connection, server.tables, scope, place)}
        _keep_cursors(server, who, reached, now())
        noted.update({(scope, who.device): place for scope, place in reached.items()})

    def say_hello(request: Call, message: HelloRequest) -> HelloReply:
        return greet(server, request.device, message, now(), kept=kept)

    def carry_out(scope: str, asked: Sequence[_Pushed]) -> list[PushReply | Refusal | accounts.Caller]:
        """Pushes to one scope, each with its device: what became of it, why it is not taken, or whose it is where it is to be set aside."""
        answers: list[PushReply | Refusal | accounts.Caller] = []
        those: dict[int, Sent] = {}
        fresh = asked[0].fresh.result() if len(asked) == 1 and asked[0].fresh is not None else None
        with erasures(server, now(), snapshots) as note, server.database.writing() as connection:
            if fresh is not None and (answer := carry_out_anew(connection, scope, asked[0], fresh)) is not None:
                return [answer]
            groups = [_taken_out(one.message) for one in asked]
            there = look(connection, server.tables, scope, operations_in(groups), devices={one.device for one in asked}, now=now())
            for place, one in enumerate(asked):
                who = there.callers.get(one.device, Refusal(401, "no_session"))
                answers.append(who)
                if isinstance(who, accounts.Caller) and not who.revoked:
                    keys[one.device] = who.public_key
                    try:
                        those[place] = _sent(server, who, one, groups[place])
                    except Refusal as refusal:
                        answers[place] = refusal
            replies = push_together(connection, server.tables, list(those.values()), scope=scope, now=now(), journal=note, there=there) if those else []
            for (place, sent), reply in zip(those.items(), replies, strict=True):
                answers[place] = reply
                if sent.counted:
                    has_sent(connection, server.tables, sent.device, len(reply.results))
        return answers

    def carry_out_anew(connection: sa.Connection, scope: str, one: _Pushed, fresh: Fresh) -> PushReply | Refusal | None:
        """The same for one push of nothing but new rows; None, and nothing has happened, if it is not that."""
        there = glance(connection, server.tables, scope, fresh, devices=[one.device], now=now())
        who = there.callers.get(one.device) if there is not None else None
        if there is None or who is None or who.revoked:
            return None
        key, parcels = who.public_key, one.message.parcels
        try:
            sent = _sent(server, who, one._replace(proven=key), [])  # that it is signed is seen while the database takes it, and before it keeps it
        except Refusal as refusal:
            return refusal
        keys[one.device] = key
        reply = push_anew(connection, server.tables, fresh, sent, there, now(), prove=lambda: _proven(parcels, key) is not None)
        if reply is not None and sent.counted:
            has_sent(connection, server.tables, sent.device, len(reply.results))
        return reply

    together = Together(carry_out, PUSH_OPERATIONS, lambda *work: aside(*work))

    async def take_push(request: Call, message: PushRequest) -> PushReply:
        if message.relayed and not message.parcels:
            return await aside(bring, request, message)
        if not message.parcels:
            raise Refusal(400, "scopes")
        scope = message.parcels[0].scope
        if not is_id(scope):
            raise Refusal(403, "no_grant")
        weight = sum(len(parcel.bodies) for parcel in message.parcels)
        key = keys.get(request.device)  # while the database has those before: whoever has sent before is known by it
        proven = _proven(message.parcels, key) if weight <= FEW else None
        # Taken apart while the database takes in what came before it; its turn it has all the same.
        fresh = asyncio.ensure_future(aside(fresh_of, message.parcels)) if weight >= MANY and server.database.postgresql else None
        reply = await together.do(scope, _Pushed(request.device, message, proven, fresh), weight, after=fresh)
        if isinstance(reply, Refusal):
            raise reply
        if isinstance(reply, accounts.Caller):
            return await aside(set_aside.take, server, reply, message, now())
        watch.moved(scope, Cursor(reply.head, reply.chain), request.device, reply.before)
        metrics.pushed(result.status for result in reply.results)
        return reply

    def bring(request: Call, message: PushRequest) -> PushReply:
        """What others gave this laptop for us."""
        with server.database.reading() as connection:
            who = calling(request, connection, removed_too=True)
        with erasures(server, now(), snapshots) as note, server.database.writing() as connection:
            reply = take_relayed(server, connection, who, message, now(), note)
        watch.moved(message.relayed[0].scope, Cursor(reply.head, reply.chain))
        metrics.pushed(result.status for one in reply.relayed for result in one.results)
        return reply

    def give_pull(request: Call, message: PullRequest) -> PullReply:
        pages = {}
        with server.database.reading() as connection:
            who = calling(request, connection)
            room = message.max_bytes
            for scope, cursor in message.cursors.items():
                if scope not in who.grants:
                    raise Refusal(403, "ended" if scope in who.left else "no_grant")
                grant, since = who.grants[scope], request.passed.get(scope, cursor)
                page = pull_page(connection, server.tables, scope=scope, role=grant.role, gathering=grant.gathering, cursor=since,
                                 max_bytes=room // max(1, len(message.cursors)), anew=message.anew)
                pages[scope] = page if since == cursor else msgspec.structs.replace(page, since=since)
        reached = {scope: message.cursors[scope].sequence for scope, page in pages.items() if not page.reset}
        _keep_cursors(server, who, {scope: place for scope, place in reached.items() if noted.get((scope, who.device)) != place}, now())
        noted.update({(scope, who.device): place for scope, place in reached.items()})
        metrics.pulled(sum(len(block.rows) for page in pages.values() for block in page.blocks))
        return PullReply(pages=pages, time=now())

    def cancel(request: Call, message: ScopeRequest) -> InvitationsReply:
        return inviting.cancel(server, asking(request), message.scope, request.path["id"], now())

    def release(request: Call, message: ScopeRequest) -> Released:
        who = asking(request)
        with erasures(server, now(), snapshots) as note:  # what is released may erase somebody
            return set_aside.release(server, who, message.scope, request.path["id"], now(), note)

    def discard(request: Call, message: ScopeRequest) -> Released:
        return set_aside.discard(server, asking(request), message.scope, request.path["id"], now())

    def move(request: Call, message: MoveMemberRequest) -> MoveMemberReply:
        moved = move_member(server, asking(request), message, now())
        snapshots.forget(message.scope)
        return moved

    def seen_by(request: Call) -> tuple[str, Projection]:
        """The scope in the request's path, and what its caller may see there."""
        with server.database.reading() as connection:
            who = calling(request, connection)
        scope = str(request.path["scope"])
        return scope, projection_of(_grant_to_see(who, scope))

    def offer_snapshot(request: Call, message: SnapshotRequest) -> SnapshotReply:
        scope, seen = seen_by(request)
        if message.schema > SCHEMA_VERSION:
            return SnapshotReply(state="none", time=now())
        return snapshots.offer(scope, seen, now=now())

    def give_digest(request: Call, message: DigestRequest) -> DigestReply:
        with server.database.reading() as connection:
            who = calling(request, connection)
        return digests.answer(message, projection_of(_grant_to_see(who, message.scope)), now=now())

    async def give_snapshot(asked: Request) -> Response:
        request = Call(asked.scope, asked.receive)

        def look() -> Response:
            scope, seen = seen_by(request)
            file = snapshots.file(scope, seen, request.path["name"])
            if file is None:
                raise Refusal(404, "no_snapshot")
            try:
                return answer_from(asked, file, request.path["name"])
            except FileNotFoundError:
                raise Refusal(404, "no_snapshot") from None

        try:
            request.device = await _admitted(request)
            presence.check(server.database, "snapshot", request.device)
            return await aside(look)
        except Exception as error:
            trouble = _trouble(server.database, error, "snapshot")
            return _as_response(_refused(request, trouble), trouble.status)

    def revoke(request: Call, message: HelloRequest) -> HelloReply:
        with server.database.reading() as connection:
            who = calling(request, connection)
        accounts.revoke(server, who, request.path["device"], now())
        return say_hello(request, message)

    async def healthz(request: Request) -> Response:
        return Response(f"ok {__version__}\n", media_type="text/plain")

    counting: asyncio.Future[dict[str, int]] | None = None

    async def counted() -> dict[str, int]:
        """What is counted now, by one thread for all who ask meanwhile. Raises TimeoutError."""
        nonlocal counting
        if counting is None or counting.done():
            counting = asyncio.ensure_future(aside(_counts, server))
            counting.add_done_callback(lambda done: done.cancelled() or done.exception())  # whoever asked may have gone
        asked = counting
        if not (await asyncio.wait([asked], timeout=READY_SECONDS))[0]:
            raise TimeoutError
        return asked.result()

    async def readyz(request: Request) -> Response:
        try:
            await counted()
            presence.check(server.database, "readyz", "")
            if not await aside(server.database.takes_changes):
                return Response("the database can only be read: nothing that laptops send is taken\n", status_code=503, media_type="text/plain")
            if server.database.path is not None and await aside(disk.is_full, server.database.path.parent):
                return Response("the disk is full: nothing that laptops send is taken\n", status_code=503, media_type="text/plain")
        except (sa.exc.SQLAlchemyError, TimeoutError):
            return Response("the database does not answer\n", status_code=503, media_type="text/plain")
        except Refusal:
            return Response("the chapter moves away, or the database's file is gone\n", status_code=503, media_type="text/plain")
        return Response("ready\n", media_type="text/plain")

    async def figures(request: Request) -> Response:
        if not open_metrics and not (request.client and is_loopback(request.client.host)):
            return Response("only for this computer\n", status_code=403, media_type="text/plain")
        try:
            gauges = await counted()
        except (sa.exc.SQLAlchemyError, TimeoutError):
            gauges = {}
        return Response(metrics.text(gauges), media_type=CONTENT_TYPE)

    def post(path: str, kind: type[T], work: Work[T], *, strangers_too: bool = False) -> Route:
        return Route(f"/sync/v1/{path}", Door(call(path.rpartition("/")[2], kind, work, strangers_too=strangers_too)), methods=["POST"])

    quick = [post("push", PushRequest, take_push), post("hello", HelloRequest, say_hello), post("pull", PullRequest, give_pull)]
    app = Doors(server.database, quick={route.path: route.app for route in quick}, routes=[
        *quick,
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", figures),
        post("enrol", EnrolRequest, lambda _, message: enrolled(server, enrol(server, message, now()), now(), kept=kept), strangers_too=True),
        post("challenge", ChallengeRequest, lambda _, message: accounts.challenge(server, message, now()), strangers_too=True),
        post("session", SessionRequest, lambda _, message: accounts.begin_session(server, message, now()), strangers_too=True),
        post("devices/{device}/revoke", HelloRequest, revoke),
        post("invite", InviteRequest, lambda request, message: inviting.invite(server, asking(request), message, now())),
        post("invitations", ScopeRequest, lambda request, message: inviting.invitations(server, asking(request), message.scope, now())),
        post("invitations/{id}/cancel", ScopeRequest, cancel),
        post("laptops", ScopeRequest, lambda request, message: laptops_of(server, asking(request), message.scope, now())),
        post("conflicts", ScopeRequest, lambda request, message: conflicts.conflicts(server, asking(request), message.scope, now())),
        post("conflicts/decide", DecideRequest, lambda request, message: conflicts.decide(server, asking(request), message, now())),
        post("set-aside", ScopeRequest, lambda request, message: set_aside.listed(server, asking(request), message.scope, now())),
        post("set-aside/{id}/changes", ScopeRequest,
             lambda request, message: set_aside.whole(server, asking(request), message.scope, request.path["id"], now())),
        post("set-aside/{id}/release", ScopeRequest, release),
        post("set-aside/{id}/discard", ScopeRequest, discard),
        post("move-member", MoveMemberRequest, move),
        post("leave", ScopeRequest, lambda request, message: leaving.leave(server, asking(request), message.scope, now())),
        post("digest", DigestRequest, give_digest),
        Route("/sync/v1/snapshot/{scope}", Door(call("snapshot", SnapshotRequest, offer_snapshot, strangers_too=False)), methods=["POST"]),
        Route("/sync/v1/snapshot/{scope}/{name}", give_snapshot, methods=["GET"]),
    ], exception_handlers={404: _no_such_call, 405: _no_such_call})
    app.state.end_waiting = watch.end
    return app


def _trouble(database: Database, error: Exception, name: str) -> Refusal:
    """Why a call is not answered. What no call is refused by is noted: the database is away, or there is a bug."""
    if database.parted:
        return Refusal(503, "not_here")  # it was under way when the chapter went
    if isinstance(error, Refusal):
        return error
    if isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError | sa.exc.TimeoutError):
        note_bug(LOG, error, "asking the database")
        return Refusal(503, "database", retry_after=5)
    note_bug(LOG, error, f"answering {name}")
    return Refusal(500, "fault")


async def _no_such_call(request: Request, error: Exception) -> Response:
    """What nobody here knows, or not in this way: said like every other no, as a desk may be newer than its server."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        return _as_response(_refused(Call(request.scope, request.receive), Refusal(405, "method")), 405, error.headers)
    return _as_response(_refused(Call(request.scope, request.receive), Refusal(404, "no_such_call")), 404)


def _as_response(answered: Answered, status: int, more: Mapping[str, str] | None = None) -> Response:
    headers, body = answered
    return Response(body, status, {**{name.decode(): value.decode() for name, value in headers}, **(more or {})})


def _grant_to_see(who: accounts.Caller, scope: str) -> Grant:
    if scope not in who.grants:
        raise Refusal(403, "ended" if scope in who.left else "no_grant")
    return who.grants[scope]


def _message(body: bytes, kind: type[T]) -> T:
    try:
        return unpack(body, kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal(400, "unreadable") from None


Answered = tuple[list[tuple[bytes, bytes]], bytes]
"""Headers and body. Each byte goes with every answer: the path says what it is."""


def _answer(request: Call, reply: msgspec.Struct) -> Answered:
    body, encoding = packed(pack(reply), request.header(b"accept-encoding"))
    return [(b"content-encoding", encoding.encode())] if encoding else [], body


def _refused(request: Call, trouble: Refusal) -> Answered:
    headers, body = _answer(request, Trouble(trouble.code, trouble.retry_after, trouble.at))
    if trouble.retry_after is not None:
        headers.append((b"retry-after", b"%d" % trouble.retry_after))
    if trouble.status in (408, 413):
        headers.append((b"connection", b"close"))  # the rest of the body is not waited for
    return headers, body


class _Pushed(NamedTuple):
    """What a laptop sent. ``proven``: the key under which its parcels were found to be signed already; ``fresh``: whether all of it makes new rows."""

    device: str
    message: PushRequest
    proven: bytes | None
    fresh: asyncio.Future[Fresh | None] | None = None


def _proven(parcels: Sequence[Parcel], key: bytes | None) -> bytes | None:
    """The key of a laptop, if these parcels are signed with it."""
    return key if key is not None and all(verify_parcel(parcel, key) for parcel in parcels) else None


def _taken_out(message: PushRequest) -> list[Item]:
    """The operations of a push; none where its form will be refused."""
    whole = all(len(one.hashes) == len(one.salts) == len(one.bodies) for one in message.parcels)
    return items_of(message.parcels) if whole and sum(len(one.bodies) for one in message.parcels) <= PUSH_OPERATIONS else []


def _sent(server: Server, who: accounts.Caller, one: _Pushed, items: list[Item]) -> Sent:
    """What is to be judged of a push. Raises a Refusal."""
    scope = _one_scope(server, who, one.message, proven=one.proven == who.public_key)
    grant = who.grants.get(scope) or who.left[scope]
    return Sent(one.message.parcels, grant.role, who.device, grant.gathering, counted=who.waiting > 0, items=items,
                own=None if one.message.own is None else frozenset(filter(REPLICA.fullmatch, one.message.own)),
                seen=carried.plain(one.message.seen), restored=one.message.restored)


def _one_scope(server: Server, who: accounts.Caller, message: PushRequest, *, proven: bool) -> str:
    """The scope of a push whose parcels are all this device's, signed, within limits and for a scope that it may write."""
    scopes = {parcel.scope for parcel in message.parcels}
    if len(scopes) != 1:
        raise Refusal(400, "scopes")
    scope = scopes.pop()
    if scope not in who.grants and scope not in who.left:
        raise Refusal(403, "no_grant")
    if sum(len(parcel.bodies) for parcel in message.parcels) > PUSH_OPERATIONS:
        raise Refusal(413, "too_many")
    for parcel in message.parcels:
        if not parcel.bodies:
            raise Refusal(400, "empty")
        if len(parcel.bodies) > PARCEL_OPERATIONS:
            raise Refusal(413, "too_many")
        if parcel.protocol != PROTOCOL:
            raise Refusal(426, "protocol")
        if parcel.server != server.id or parcel.device != who.device or not (proven or verify_parcel(parcel, who.public_key)):
            raise Refusal(403, "forged")
        if any(body is None for body in parcel.bodies):
            raise Refusal(400, "withheld")
    return scope


def _keep_cursors(server: Server, who: accounts.Caller, reached: dict[str, int], now: int) -> None:
    """Remember how far a laptop has come for sure: the cursor it asks from, not the one it is given."""
    if reached:
        with server.database.telling() as connection:
            put_rows(connection, server.tables.tables["device_cursor"],
                     [{"scope": scope, "device": who.device, "sequence": sequence, "seen_at": now} for scope, sequence in reached.items()])


def _counts(server: Server) -> dict[str, int]:
    """Figures of the database, without anything of whom they count."""
    tables = server.tables.tables
    with server.database.reading() as connection:
        head = tables["feed_head"]
        laptops = laptops_there(connection, server.tables)
        chapters, changes = connection.execute(sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(head.c.head), 0)).select_from(head)).one()
        set_aside = connection.execute(sa.select(sa.func.count()).select_from(tables["quarantine"]).where(waits(tables["quarantine"]))).scalar_one()
    return {"laptops": laptops, "chapters": int(chapters), "changes": int(changes), "parcels_set_aside": int(set_aside)}
