"""A request as the server's doors see it, and the way back: ASGI itself, for most requests are small, and what lies between would be most of the work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.types import Receive, Scope, Send

from alumni_desk.protocol.messages import Cursor

WHOLE = "alumni_desk.whole"
"""Stands in the scope of a request once all of its body is there."""


class Call:
    """A request to one of ``/sync/v1``. ``device``: whose it is, once that is known; ``passed``: where it stands in each scope since it waited."""

    __slots__ = ("device", "headers", "passed", "receive", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope, self.receive = scope, receive
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.device = ""
        self.passed: Mapping[str, Cursor] = {}

    def header(self, name: bytes) -> str:
        """What a header says, empty where it is not there. Its name in small letters."""
        return self.headers.get(name, b"").decode("latin-1")

    @property
    def path(self) -> Mapping[str, Any]:
        """The parts of the path that have names."""
        parts: Mapping[str, Any] = self.scope.get("path_params", {})
        return parts

    @property
    def host(self) -> str:
        """The address that it comes from."""
        client = self.scope.get("client")
        return client[0] if client else ""


async def respond(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Answer."""
    await send({"type": "http.response.start", "status": status, "headers": [*headers, (b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
