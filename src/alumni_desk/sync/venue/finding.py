"""Finding laptops that share, by multicast DNS; and when none can be joined, why, and the next way."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Interface
from typing import Any, Literal

from alumni_desk.sync.state import Membership
from alumni_desk.sync.venue.channel import VERSION
from alumni_desk.sync.venue.places import Place, connected, interfaces, same_network
from alumni_desk.words import _

log = logging.getLogger(__name__)

SERVICE = "_alumni-desk._tcp.local."
SEARCH_SECONDS = 3.0
REACH_SECONDS = 1.5

Why = Literal["no_network", "nobody", "other_network", "closed"]


@dataclass(frozen=True)
class Found:
    """A laptop that shares. ``ours``: of this laptop's chapter, None where that cannot be said; ``reachable``: its port answers."""

    name: str
    place: Place
    ours: bool | None
    reachable: bool


@dataclass(frozen=True)
class Search:
    """What a search came to; ``why`` and ``sentence`` (with the next way) where there is nobody to join."""

    found: tuple[Found, ...]
    why: Why | None
    sentence: str


def mark_of(membership: Membership | None) -> str:
    """Tells laptops of one chapter from others, and tells others nothing."""
    return "" if membership is None else hashlib.blake2b(f"{membership.server}/{membership.scope}".encode(), digest_size=8).hexdigest()


class Announcer:
    """Says on the network that this laptop shares; in a thread of its own, for it takes a second. ``stop`` takes it back."""

    def __init__(self, place: Place, mark: str, *, on: Sequence[str] | None = None) -> None:
        """``on``: addresses of the interfaces; all of them otherwise."""
        self.name = secrets.token_hex(6)
        self._place, self._mark, self._on = place, mark, on
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="venue announcing", daemon=True)
        self._thread.start()

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
            log.warning("sharing is not announced: %s", type(error).__name__)

    async def _announce(self) -> None:
        from zeroconf import ServiceInfo
        from zeroconf.asyncio import AsyncZeroconf

        zeroconf = AsyncZeroconf(interfaces=list(self._on)) if self._on else AsyncZeroconf()
        try:
            info = ServiceInfo(SERVICE, f"{self.name}.{SERVICE}", addresses=[socket.inet_aton(one) for one in self._addresses()], port=self._place.port,
                               properties={"v": str(VERSION), "c": self._mark}, server=f"{self.name}.local.")
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


def find(membership: Membership | None, *, seconds: float = SEARCH_SECONDS, on: Sequence[str] | None = None,
         but: frozenset[str] = frozenset(), stopping: threading.Event | None = None) -> Search:
    """Look for laptops that share. ``on``: addresses of the interfaces, all otherwise; ``but``: names of announcements of one's own; ``stopping``: whoever
    looked wants to know no more."""
    here = connected()
    if not here and not on:
        return told((), here)
    heard = _listen(seconds, on, but, stopping or threading.Event())
    with ThreadPoolExecutor(8) as pool:
        reached = list(pool.map(lambda one: _answers(one[1]), heard))
    mark = mark_of(membership)
    return told(tuple(Found(name, place, None if not mark else said == mark, answers)
                      for (name, place, said), answers in zip(heard, reached, strict=True)), here)


def told(found: tuple[Found, ...], here: Sequence[IPv4Interface]) -> Search:
    """A search with its reason in words."""
    if any(one.reachable and one.ours is not False for one in found):
        return Search(found, None, "")
    silent = [one for one in found if not one.reachable and one.ours is not False]
    if silent and not any(same_network(one.place.host, list(here)) for one in silent):
        return Search(found, "other_network", _(
            "A laptop that shares was heard at {address}, in another network than this one. Bring both into the same Wi-Fi, or carry a file: parcel write."
        ).format(address=silent[0].place))
    if silent:
        return Search(found, "closed", _(
            "A laptop shares at {address}, and its door stays shut: this Wi-Fi keeps its guests apart, or that laptop’s firewall is closed for Alumni Desk. "
            "Try a phone’s hotspot, or carry a file: parcel write.").format(address=silent[0].place))
    if not here and not found:
        return Search(found, "no_network", _("This laptop is in no network. Join the Wi-Fi that the others are in, or carry a file: parcel write."))
    return Search(found, "nobody", _(
        "No laptop of this chapter that shares was heard. Start sharing on one. If it does share, type the address that it shows; if that does not answer "
        "either, as in hotels whose Wi-Fi keeps its guests apart, open a phone’s hotspot for all, or carry a file: parcel write."))


def _listen(seconds: float, on: Sequence[str] | None, but: frozenset[str], stopping: threading.Event) -> list[tuple[str, Place, str]]:
    from zeroconf import ServiceBrowser, ServiceListener, Zeroconf

    names: dict[str, None] = {}

    class Listener(ServiceListener):
        def add_service(self, zc: Any, type_: str, name: str) -> None:
            names[name] = None

        def update_service(self, zc: Any, type_: str, name: str) -> None:
            names[name] = None

        def remove_service(self, zc: Any, type_: str, name: str) -> None:
            names.pop(name, None)

    try:
        zeroconf = Zeroconf(interfaces=list(on)) if on else Zeroconf()
    except OSError:  # the network went away this moment
        return []
    try:
        browser = ServiceBrowser(zeroconf, SERVICE, Listener())
        stopping.wait(seconds)
        found = []
        for name in [] if stopping.is_set() else list(names):
            short = name.removesuffix(f".{SERVICE}")
            info = zeroconf.get_service_info(SERVICE, name, timeout=1000) if short not in but else None
            if info is not None and info.port and (addresses := info.parsed_addresses()):
                said = (info.properties.get(b"c") or b"").decode("ascii", "replace")
                found.append((short, Place(_nearest(addresses), info.port), said))
        browser.cancel()
        return found
    finally:
        zeroconf.close()


def _nearest(addresses: Sequence[str]) -> str:
    """Of a laptop's addresses one in a network that this one is in."""
    here = interfaces()
    return next((one for one in addresses if same_network(one, here)), addresses[0])


def _answers(place: Place) -> bool:
    try:
        with socket.create_connection((place.host, place.port), timeout=REACH_SECONDS):
            return True
    except OSError:
        return False
