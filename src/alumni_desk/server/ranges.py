"""A file's answer to GET: all of it, or what is missing from a byte on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from alumni_desk.server.aside import aside

_PIECE = 1 << 18
_FROM = re.compile(r"bytes=(\d{1,15})-")


def answer_from(request: Request, file: Path, name: str) -> Response:
    """The file, or with ``Range: bytes=N-`` the rest of it from there, if ``If-Range`` still names it. Raises OSError if there is no such file."""
    handle = file.open("rb")
    size = file.stat().st_size
    tag = f'"{name}"'
    wanted = _FROM.fullmatch(request.headers.get("range", ""))
    start = int(wanted[1]) if wanted and request.headers.get("if-range", tag) == tag else 0
    headers = {"etag": tag, "accept-ranges": "bytes", "cache-control": "no-store"}
    if start >= size > 0:
        handle.close()
        return Response(status_code=416, headers={**headers, "content-range": f"bytes */{size}"})
    if start:
        headers["content-range"] = f"bytes {start}-{size - 1}/{size}"
    headers["content-length"] = str(size - start)
    return Rest(handle, start, status_code=206 if start else 200, media_type="application/octet-stream", headers=headers)


class Rest(Response):
    """A file from a byte on, a piece at a time."""

    def __init__(self, handle: BinaryIO, start: int, status_code: int, media_type: str, headers: dict[str, str]) -> None:
        self._handle, self._start = handle, start
        self.status_code, self.media_type, self.background = status_code, media_type, None
        self.body = b""
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; whoever goes away meanwhile ends it."""
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            self._handle.seek(self._start)
            while part := await aside(self._handle.read, _PIECE):
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._handle.close()
