"""The simulated network: what lies between a real ``Wire`` and the real server application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests
import urllib3

from simulation.holding import hold
from simulation.world import Killed, World

FAULTS = ("lost", "unheard", "late", "twice", "cut", "short", "slow", "crawling", "busy", "server killed")
"""Lost on the way there; the answer lost; delivered after the caller has given up; delivered twice; the answer broken off, with and without an
error; a slow line; one slower than a clock is worth reading by; a proxy that says 503; a server killed in the middle of its transaction."""


MOST_CALLS = 400
"""No sync of a run takes so many."""


@dataclass
class Request:
    """One call on its way."""

    path: str
    body: bytes
    headers: dict[str, str]
    method: str = "POST"


@dataclass
class Answer:
    """What a real ``requests`` answer is to ``Wire``: a status, headers and a body that is read as it comes."""

    status_code: int
    headers: dict[str, str]
    body: bytes
    breaks: bool = False
    raw: Any = field(init=False)

    def __post_init__(self) -> None:
        self.raw = self

    def read(self, count: int, decode_content: bool = True) -> bytes:
        """The next part of the body."""
        part, self.body = self.body[:count], self.body[count:]
        if not part and self.breaks:
            raise urllib3.exceptions.ProtocolError("Connection broken")
        return part

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, *_trouble: object) -> None:
        return None


class ServerFault(Exception):
    """The server answered 500: a bug, never weather."""


class Line:
    """Stands where ``requests.Session`` stands in a ``Wire``."""

    def __init__(self, world: World, office: Any, faults: dict[int, str], late: list[Request], speaks: Callable[[], None] | None = None) -> None:
        self.world, self.office, self.faults, self.late, self.speaks = world, office, faults, late, speaks
        self.calls = 0

    def close(self) -> None:
        """Hang up."""

    def post(self, url: str, *, data: bytes, headers: dict[str, str], **_options: Any) -> Answer:
        """One call, with whatever befalls it."""
        return self._ask(Request(url.partition("//")[2].partition("/")[2], data, headers))

    def get(self, url: str, *, headers: dict[str, str], **_options: Any) -> Answer:
        """A file, or the rest of it, with the same."""
        return self._ask(Request(url.partition("//")[2].partition("/")[2], b"", headers, "GET"))

    def _ask(self, request: Request) -> Answer:
        if self.speaks is not None:
            self.speaks()
        fault = self.faults.get(self.calls)
        self.calls += 1
        hold(13, self.calls < MOST_CALLS, "a sync goes on for ever")
        self.world.now += self.world.chance.randrange(1, 40)
        if fault == "lost" or not self.office.up:
            raise requests.exceptions.ConnectionError
        if fault == "busy":
            return Answer(503, {"retry-after": "1"}, b"")
        if fault == "late":
            self.late.append(request)
            raise requests.exceptions.ReadTimeout
        if fault == "slow":
            self.world.now += 4_000
        if fault == "crawling":
            self.world.now += 15_000
        if fault == "server killed":
            self.office.kill_after = self.world.chance.randrange(1, 60)
        if fault == "twice":
            self.deliver(request)
        try:
            answer = self.deliver(request)
        except Killed:
            raise requests.exceptions.ConnectionError from None
        finally:
            self.office.kill_after = None
        self.world.now += self.world.chance.randrange(1, 40) + (3_000 if fault == "slow" else 0)
        if fault == "unheard":
            raise requests.exceptions.ConnectionError
        if fault in ("cut", "short"):
            return Answer(answer.status_code, answer.headers, answer.body[:len(answer.body) // 2], breaks=fault == "cut")
        return answer

    def deliver(self, request: Request) -> Answer:
        """Hand a request to the server's application."""
        return self.office.answer(request)


class Ears:
    """Calls an ASGI application in this thread."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.runner = asyncio.Runner()

    def hear(self, request: Request) -> Answer:
        """One request, answered."""
        scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": request.method, "path": f"/{request.path}",
                 "raw_path": f"/{request.path}".encode(), "root_path": "", "scheme": "http", "query_string": b"", "client": ("127.0.0.1", 1),
                 "server": ("127.0.0.1", 80),
                 "headers": [(name.lower().encode(), value.encode()) for name, value in {**request.headers, "content-length": str(len(request.body))}.items()]}
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        async def call() -> None:
            await self.app(scope, receive, send)

        self.runner.run(call())
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        status = sent[0]["status"]
        if status >= 500:
            raise ServerFault(f"the server answered {status} to {request.path}")
        return Answer(status, headers, b"".join(message.get("body", b"") for message in sent[1:]))

    def close(self) -> None:
        """End the loop."""
        self.runner.close()
