"""Connections that cost too much time are cut: a handshake that does not end, a head that trickles in, an answer that nobody fetches.

Bodies have their own clock in ``bodies``.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from alumni_desk.server.calls import WHOLE
from alumni_desk.server.hosts import Network, may_speak, peer_address

HEAD_SECONDS = 15.0
"""From the first byte of a request (or the connection) until its head is whole; and before that, until what encrypts it is agreed on."""

HEAD_BYTES = 16 * 1024
"""How much of a head may have come without its end."""

FETCH_SECONDS = 30.0
FETCH_BYTES = 60 * 1024
"""In this time an answer must have moved on by so much."""


class Patient(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it, with an end to patience."""

    head_seconds = HEAD_SECONDS
    fetch_seconds = FETCH_SECONDS
    _head: asyncio.TimerHandle | None = None
    _in_head, _head_bytes = False, 0
    _fetch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """A connection: it has so long to ask for something."""
        super().connection_made(transport)
        self._head = self.loop.call_later(self.head_seconds, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone: no timer outlives it."""
        self._end_head()
        self._end_fetch()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes: either a request is under way by now, or its head has so long to become whole."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._end_head()
        elif not self.transport.is_closing():
            if self._head is None:
                self._head = self.loop.call_later(self.head_seconds, self.transport.abort)
            self._head_bytes += len(data) if self._in_head else 0
            if self._head_bytes > HEAD_BYTES:
                self.transport.abort()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of a request is there: whoever answers it need not watch how it comes in."""
        scope: Any = self.scope
        scope[WHOLE] = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Answered; between requests uvicorn's own keep-alive counts."""
        self._end_head()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The other side does not fetch as fast as we answer."""
        super().pause_writing()
        self._watch_fetch(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """It caught up."""
        self._end_fetch()
        super().resume_writing()

    def _watch_fetch(self, before: int) -> None:
        self._end_fetch()
        self._fetch = self.loop.call_later(self.fetch_seconds, self._look, before)

    def _look(self, before: int) -> None:
        left = self.transport.get_write_buffer_size()
        if before - left < FETCH_BYTES:
            self.transport.abort()
        else:
            self._watch_fetch(left)

    def _end_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _end_fetch(self) -> None:
        if self._fetch is not None:
            self._fetch.cancel()
            self._fetch = None


def behind(proxies: Sequence[Network]) -> type[Patient]:
    """The same for a server that these proxies alone may speak to: whoever else connects is cut before a word."""

    class Guarded(Patient):
        refused = False

        def connection_made(self, transport: Any) -> None:
            peer = transport.get_extra_info("peername")
            address = peer_address(str(peer[0])) if peer else None
            if not may_speak(address, proxies):
                self.refused = True
                transport.abort()
                return
            super().connection_made(transport)
            if self.client is not None:
                self.client = (str(address), self.client[1])  # as the proxies are called, whose word for somebody else counts

        def connection_lost(self, exc: Exception | None) -> None:
            if not self.refused:
                super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if not self.refused:
                super().data_received(data)

    return Guarded


class PatientServer(uvicorn.Server):
    """uvicorn's server on sockets that are there already; who never begins to encrypt is cut, too."""

    handshake_seconds = HEAD_SECONDS

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn begins, without a lifespan. It has no setting for the handshake, which would have a minute."""
        loop, config = asyncio.get_running_loop(), self.config

        def protocol() -> asyncio.Protocol:
            made: Any = config.http_protocol_class
            return made(config=config, server_state=self.server_state, app_state=self.lifespan.state)  # type: ignore[no-any-return]

        self.servers = [
            await loop.create_server(protocol, sock=one, ssl=config.ssl, backlog=config.backlog,
                                     ssl_handshake_timeout=self.handshake_seconds if config.ssl else None)
            for one in sockets or ()]
        self.started = True
