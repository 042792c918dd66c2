"""Long polls: a pull that has nothing to bring waits until the feed moves, without holding a thread.

A push at this process wakes its waiters at once; what other processes commit is seen by asking for the heads of all watched scopes twice a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from alumni_desk.protocol.messages import Cursor
from alumni_desk.server.aside import aside
from alumni_desk.server.asking import ask
from alumni_desk.server.bulk import chunks
from alumni_desk.server.state import Server

LONGEST_SECONDS = 25.0
POLL_SECONDS = 0.5


@dataclass
class _Waiter:
    """Where somebody waits for news, scope by scope. ``passer``: the laptop, if it need not be woken by what it sends itself."""

    places: dict[str, Cursor]
    passer: str | None


class Watch:
    """Who waits for which scopes to move from where."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._waiting: dict[asyncio.Event, _Waiter] = {}
        self._poller: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ended = False

    async def until_moved(self, places: Mapping[str, Cursor], seconds: float, passer: str | None = None) -> Mapping[str, Cursor]:
        """Return when one of these scopes stands elsewhere, or when the time is over: where each stood before that.

        ``passer``: a laptop that knows what it sends itself: where nothing but that comes, its place goes along, and it waits on.
        """
        if self._ended:
            return places
        self._loop = asyncio.get_running_loop()
        event, waiter = asyncio.Event(), _Waiter(dict(places), passer)
        self._waiting[event] = waiter  # before the first look, so that nothing slips in between
        try:
            self._wake(await aside(self._heads, set(places)))
            if self._poller is None or self._poller.done():
                self._poller = asyncio.create_task(self._poll())
            async with asyncio.timeout(min(seconds, LONGEST_SECONDS)):
                await event.wait()
        except TimeoutError:
            pass
        finally:
            del self._waiting[event]
            if not self._waiting and self._poller is not None:
                self._poller.cancel()
                self._poller = None
        return waiter.places

    def moved(self, scope: str, head: Cursor, sender: str | None = None, before: Cursor | None = None) -> None:
        """Said from any thread, after the commit. ``before``: where the scope stood, if nothing lies between but what the ``sender`` sent."""
        if self._waiting and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._pass, scope, head, sender, before)

    def _pass(self, scope: str, head: Cursor, sender: str | None, before: Cursor | None) -> None:
        for event, waiter in self._waiting.items():
            if before is not None and waiter.passer == sender and waiter.places.get(scope) == before and not event.is_set():
                waiter.places[scope] = head
        self._wake({scope: head.sequence})

    def end(self) -> None:
        """Nobody waits any longer: the server stops. From any thread, or from a signal."""
        self._ended = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._let_go)

    def _let_go(self) -> None:
        for event in self._waiting:
            event.set()

    def _wake(self, heads: Mapping[str, int]) -> None:
        for event, waiter in self._waiting.items():
            if any(waiter.places[scope].sequence != heads[scope] for scope in waiter.places.keys() & heads.keys()):
                event.set()

    async def _poll(self) -> None:
        while True:
            await asyncio.sleep(POLL_SECONDS)
            watched = {scope for event, waiter in self._waiting.items() if not event.is_set() for scope in waiter.places}
            try:
                self._wake(await aside(self._heads, watched))
            except sa.exc.SQLAlchemyError:  # the database is away: whoever waits asks it again soon enough, and says so
                self._let_go()

    def _heads(self, scopes: set[str]) -> dict[str, int]:
        with self._server.database.asking() as connection:
            return {row[0]: row[1] for part in chunks(scopes) for row in ask(connection, "SELECT scope, head FROM feed_head WHERE scope IN ?", part)()}
