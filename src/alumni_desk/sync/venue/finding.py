"""Finding laptops that share, by multicast DNS (``announcing.py`` says it there); and when none can be joined, why, and the next way."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Interface
from typing import Any, Literal

from alumni_desk.sync.state import Membership
from alumni_desk.sync.venue.places import Place, connected, interfaces, same_network
from alumni_desk.words import _

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


def find(membership: Membership | None, *, seconds: float = SEARCH_SECONDS, on: Sequence[str] | None = None,
         but: frozenset[str] = frozenset(), stopping: threading.Event | None = None) -> Search:
    """Look for laptops that share. ``on``: addresses of the interfaces, all otherwise; ``but``: names of announcements of one's own; ``stopping``: whoever
    looked wants to know no more."""
    here = connected()
    if not here and not on:
        return told((), here)
    heard = _listen(seconds, on, but, stopping or threading.Event())
    with ThreadPoolExecutor(8) as pool:
        reached = list(pool.map(lambda one: answers(one[1]), heard))
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
                found.append((short, Place(nearest_first(addresses)[0], info.port), said))
        browser.cancel()
        return found
    finally:
        zeroconf.close()


def nearest_first(addresses: Sequence[str]) -> list[str]:
    """A laptop's addresses, first those in a network that this one is in."""
    here = interfaces()
    return sorted(addresses, key=lambda one: not same_network(one, here))


def answers(place: Place) -> bool:
    """Whether anything listens there."""
    try:
        with socket.create_connection((place.host, place.port), timeout=REACH_SECONDS):
            return True
    except OSError:
        return False
