"""Announcing by multicast DNS what this laptop serves, so that others in the same network find it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from alumni_desk.sync.venue.places import Place, interfaces

log = logging.getLogger(__name__)


class Announcer:
    """Says on the network what is served here; in a thread of its own, for it takes a second. ``stop`` takes it back."""

    def __init__(self, service: str, place: Place, said: Mapping[str, str], *, on: Sequence[str] | None = None) -> None:
        """``on``: addresses of the interfaces; all of them otherwise."""
        self.name = secrets.token_hex(6)
        self._service, self._place, self._said, self._on = service, place, said, on
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="venue announcing", daemon=True)
        self._thread.start()

    @property
    def goes_on(self) -> bool:
        """Whether it is announced, or is about to be."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Take it back."""
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        from zeroconf import Error

        try:
            self._loop.run_until_complete(self._announce())
        except (OSError, Error, RuntimeError, TimeoutError) as error:  # nobody finds it; by its address it can be joined all the same
            log.warning("what is served here is not announced: %s", type(error).__name__)

    async def _announce(self) -> None:
        from zeroconf import ServiceInfo
        from zeroconf.asyncio import AsyncZeroconf

        zeroconf = AsyncZeroconf(interfaces=list(self._on)) if self._on else AsyncZeroconf()
        try:
            info = ServiceInfo(self._service, f"{self.name}.{self._service}", addresses=[socket.inet_aton(one) for one in self._addresses()],
                               port=self._place.port, properties=dict(self._said), server=f"{self.name}.local.")
            announcing = asyncio.ensure_future(zeroconf.async_register_service(info))
            ending = asyncio.ensure_future(self._ending.wait())
            await asyncio.wait({announcing, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not ending.done():
                sent = await announcing  # it is told again a few times
                await asyncio.wait({asyncio.ensure_future(sent), ending}, return_when=asyncio.FIRST_COMPLETED)
                await ending
            await _cancelled(announcing)
        finally:
            await zeroconf.async_close()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                await _cancelled(task)

    def _addresses(self) -> list[str]:
        return list(self._on or ()) or [str(one.ip) for one in interfaces()] or [self._place.host]


async def _cancelled(task: asyncio.Future[Any]) -> None:
    """End a task that is not wanted any more, whatever it was about."""
    task.cancel()
    with suppress(asyncio.CancelledError, OSError):
        await task
