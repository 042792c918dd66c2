"""Bodies of requests and answers: capped and timed while they come in, capped while they are unpacked."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import Callable

import zstandard

from alumni_desk.protocol.messages import BODY_LIMIT
from alumni_desk.server.calls import WHOLE, Call
from alumni_desk.server.refusals import Refusal

STRANGERS_LIMIT = 16 * 1024
"""Bytes that somebody without a session may send: an invitation's code, a signed challenge."""

GRACE_SECONDS = 20.0
SLOWEST = 4 * 1024
"""A body must come in at so many bytes a second on the whole, after some grace."""

_WORTH_PACKING = 512


async def read_body(call: Call, limit: int = BODY_LIMIT, *, grace: float = GRACE_SECONDS) -> bytes:
    """The request's body, unpacked; refuses what is too much before holding it, and who sends too slowly."""
    received: list[bytes] = []
    await _receive(call, received.append, limit, grace)
    return unpacked(b"".join(received), call.header(b"content-encoding"), limit)


async def drop_body(call: Call) -> None:
    """Let a body that is refused unread run out, so that its sender gets to read the answer; within the same limits."""
    with contextlib.suppress(Refusal):
        await _receive(call, lambda part: None, BODY_LIMIT, GRACE_SECONDS)


async def _receive(call: Call, take: Callable[[bytes], None], limit: int, grace: float) -> None:
    if WHOLE in call.scope:
        await _receive_part(call, take, limit, 0)
        return
    until = asyncio.get_running_loop().time() + grace
    count = 0
    try:
        async with asyncio.timeout(grace) as patience:
            more = True
            while more:
                count, more = await _receive_part(call, take, limit, count)
                patience.reschedule(until + count / SLOWEST)
    except TimeoutError:
        raise Refusal(408, "too_slow") from None


async def _receive_part(call: Call, take: Callable[[bytes], None], limit: int, count: int) -> tuple[int, bool]:
    message = await call.receive()
    if message["type"] == "http.disconnect":
        raise Refusal(400, "gone")
    part = message.get("body", b"")
    if count + len(part) > limit:
        raise Refusal(413, "too_large")
    take(part)
    return count + len(part), bool(message.get("more_body"))


def unpacked(data: bytes, encoding: str, limit: int = BODY_LIMIT) -> bytes:
    """A body without its compression, never more than ``limit`` of it."""
    try:
        if encoding == "zstd":
            with zstandard.ZstdDecompressor(max_window_size=BODY_LIMIT).stream_reader(data) as reader:
                plain = reader.read(limit + 1)
        elif encoding == "gzip":
            plain = _gunzipped(data, limit)
        elif encoding in ("", "identity"):
            plain = data
        else:
            raise Refusal(415, "unknown_encoding")
    except (zstandard.ZstdError, zlib.error):
        raise Refusal(400, "unreadable") from None
    if len(plain) > limit:
        raise Refusal(413, "too_large")
    return plain


def _gunzipped(data: bytes, limit: int) -> bytes:
    machine = zlib.decompressobj(31)
    plain = machine.decompress(data, limit + 1)
    if len(plain) <= limit and not machine.eof:
        raise Refusal(400, "unreadable")  # cut off on the way
    return plain


def packed(data: bytes, accepted: str) -> tuple[bytes, str | None]:
    """An answer's body as the caller takes it, and the name of its encoding."""
    if len(data) >= _WORTH_PACKING and "zstd" in accepted:
        return zstandard.ZstdCompressor(level=3).compress(data), "zstd"
    return data, None
