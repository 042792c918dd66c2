"""Bodies of requests and answers: capped while they come in and while they are unpacked."""

from __future__ import annotations

import zlib

import zstandard
from starlette.requests import Request

from alumni_desk.protocol.messages import BODY_LIMIT
from alumni_desk.server.refusals import Refusal

_WORTH_PACKING = 512


async def read_body(request: Request) -> bytes:
    """The request's body, unpacked; refuses more than 8 MiB before holding it."""
    received = bytearray()
    async for part in request.stream():
        received += part
        if len(received) > BODY_LIMIT:
            raise Refusal(413, "too_large")
    return unpacked(bytes(received), request.headers.get("content-encoding", ""))


def unpacked(data: bytes, encoding: str) -> bytes:
    """A body without its compression, never more than 8 MiB of it."""
    try:
        if encoding == "zstd":
            with zstandard.ZstdDecompressor(max_window_size=BODY_LIMIT).stream_reader(data) as reader:
                plain = reader.read(BODY_LIMIT + 1)
        elif encoding == "gzip":
            plain = zlib.decompressobj(31).decompress(data, BODY_LIMIT + 1)
        elif encoding in ("", "identity"):
            plain = data
        else:
            raise Refusal(415, "unknown_encoding")
    except (zstandard.ZstdError, zlib.error):
        raise Refusal(400, "unreadable") from None
    if len(plain) > BODY_LIMIT:
        raise Refusal(413, "too_large")
    return plain


def packed(data: bytes, accepted: str) -> tuple[bytes, str | None]:
    """An answer's body as the caller takes it, and the name of its encoding."""
    if len(data) >= _WORTH_PACKING and "zstd" in accepted:
        return zstandard.ZstdCompressor(level=3).compress(data), "zstd"
    return data, None
