"""The laptop that keeps the chapter, found again at another address: it says by multicast DNS where it is, and the pin of its certificate proves it."""

from __future__ import annotations

import logging
import queue
import time
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from alumni_desk.errors import KnownError
from alumni_desk.protocol.messages import ChallengeReply, ChallengeRequest
from alumni_desk.store.desk import Desk
from alumni_desk.sync import silence, state
from alumni_desk.sync.address import Address
from alumni_desk.sync.venue.finding import answers, nearest_first
from alumni_desk.sync.venue.places import Place
from alumni_desk.sync.wire import Wire

log = logging.getLogger(__name__)

SERVICE = "_alumni-keeper._tcp.local."
MARK = "s"
SEARCH_SECONDS = 3.0
_ABSENT = silence.SILENT | {"sync_certificate", "sync_not_encrypted", "sync_no_server"}
"""What a sync ends with where nobody has the address now, or somebody else has."""


def mark_of(server: str) -> str:
    """Tells a server from others, and tells others nothing."""
    return blake2b(server.encode(), digest_size=8).hexdigest()


def follow(desk: Desk, wire: Wire, membership: state.Membership, problem: KnownError) -> state.Membership | None:
    """After a sync that ended with this problem: the membership at the address where the laptop that keeps the chapter is now, and the line leads there.
    None where it is not found, or the server is an office's."""
    known = Address(membership.url, membership.fingerprint)
    if problem.code not in _ABSENT or known.fingerprint is None or known.loopback:
        return None
    with desk.reading() as connection:
        reach = state.read(connection, state.Reach)
    if reach is None or not reach.kept:
        return None
    found = look_for(membership, wire.pause)
    if found is None:
        return None
    with desk.applying() as applying:
        now = state.read(applying.connection, state.Membership)
        if now is None or (now.server, now.url) != (membership.server, membership.url):
            return None  # it was joined anew meanwhile
        moved = msgspec.structs.replace(now, url=found.url)
        state.keep(applying.connection, moved)
    desk.outbox.make_anew(desk)  # it holds what this laptop is to the server, too
    wire.go_to(found)
    return moved


def look_for(membership: state.Membership, pause: Callable[[float], bool], *, seconds: float = SEARCH_SECONDS,
             on: Sequence[str] | None = None) -> Address | None:
    """Where it is, if that is another address than the known one. ``pause``: waits, and says whether nobody wants to know any more; ``on``: addresses of
    the interfaces, all otherwise."""
    from zeroconf import ServiceBrowser, ServiceListener, Zeroconf

    names: queue.SimpleQueue[str] = queue.SimpleQueue()

    class Listener(ServiceListener):
        def add_service(self, zc: Any, type_: str, name: str) -> None:
            names.put(name)

        def update_service(self, zc: Any, type_: str, name: str) -> None:
            names.put(name)

        def remove_service(self, zc: Any, type_: str, name: str) -> None:
            """Whether it is there, its port says."""

    try:
        zeroconf = Zeroconf(interfaces=list(on)) if on else Zeroconf()
    except OSError:  # there is no network
        return None
    until = time.monotonic() + seconds
    tried: set[Place] = set()
    browser = ServiceBrowser(zeroconf, SERVICE, Listener())
    try:
        while time.monotonic() < until and not pause(0):
            try:
                name = names.get(timeout=0.1)
            except queue.Empty:
                continue
            info = zeroconf.get_service_info(SERVICE, name, timeout=1000)
            if info is None or not info.port or (info.properties.get(MARK.encode()) or b"") != mark_of(membership.server).encode():
                continue
            for place in (Place(one, info.port) for one in nearest_first(info.parsed_addresses())):
                address = Address(f"https://{place}", membership.fingerprint)
                if address.url == membership.url or place in tried or pause(0):
                    continue
                tried.add(place)
                if answers(place) and _is_it(address, membership):
                    return address
        return None
    finally:
        browser.cancel()
        zeroconf.close()


def _is_it(address: Address, membership: state.Membership) -> bool:
    """Whether that server answers there, under its own certificate."""
    line = Wire(address)
    try:
        return line.call("challenge", ChallengeRequest(device=membership.device), ChallengeReply).server == membership.server
    except KnownError as problem:
        log.info("what is announced as the laptop that keeps the chapter: %s", problem.code)
        return problem.code in silence.MOVED  # under this certificate only it says so
    finally:
        line.close()
