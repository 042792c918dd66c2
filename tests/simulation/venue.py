"""Laptops that meet at a venue: the real exchange of ``sync/venue`` with its sealed messages, over a line that the simulator holds; no sockets."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import msgspec

from alumni_desk.errors import NetworkProblem
from alumni_desk.protocol.codes import new_venue_code
from alumni_desk.protocol.messages import Sealed
from alumni_desk.sync import state
from alumni_desk.sync.venue.channel import Request, Trade, Traded, Welcome, key_of
from alumni_desk.sync.venue.line import Line
from alumni_desk.sync.venue.places import Place
from alumni_desk.sync.venue.renewing import Renewing
from alumni_desk.sync.venue.sharing import Sharing
from alumni_desk.sync.venue.stations import Stations
from alumni_desk.sync.venue.visiting import Met, Visit
from simulation.laptop import Laptop


class _NoWatch:
    changes = 0


class Host(Sharing):
    """A laptop that shares, without the service's threads and sockets: what it answers is all its own."""

    def __init__(self, laptop: Laptop, gathering: str | None) -> None:
        self.laptop = laptop
        self._desk, self._gathering, self._told = laptop.desk, gathering, None
        self.code, self._salt = new_venue_code(), bytes(16)
        with laptop.desk.reading() as connection:
            known = state.read(connection, state.Credentials)
        self._shares = state.VenueCode(self.code, self._salt, 0, removed=known.revoked if known is not None else [])
        self._key = key_of(self.code, self._salt)
        self._stations, self._stopping = Stations(), threading.Event()
        self._wrong, self._lists = threading.Lock(), Renewing(laptop.desk)
        self._watch = _NoWatch()  # type: ignore[assignment]

    def heard(self, box: bytes) -> bytes | None:
        """What it answers, by its own clock."""
        world = self.laptop.world
        before, world.acting = world.acting, self.laptop
        try:
            with world.at(self.laptop.skew):
                return self.answer(box)
        finally:
            world.acting = before


class Air(Line):
    """The line between two laptops, with whatever befalls it."""

    def __init__(self, host: Host, faults: dict[int, str]) -> None:
        super().__init__(Place("venue", 1), host.code)
        self._host, self._faults, self._calls = host, faults, 0

    def ask(self, request: Request, wait: float = 0.0) -> Traded | Welcome:
        """One question, whose parcels may come otherwise than they were sent, either way."""
        spoilt = _SPOIL.get(self._faults.get(self._calls, ""))
        if spoilt is not None and isinstance(request, Trade):
            request = msgspec.structs.replace(request, parcels=spoilt(request.parcels))
        reply = super().ask(request, wait)
        if spoilt is not None and isinstance(reply, Traded):
            reply = msgspec.structs.replace(reply, parcels=spoilt(reply.parcels))
        return reply

    def _call(self, method: str, body: bytes, seconds: float) -> tuple[int, bytes]:
        if method == "GET":
            return 200, self._host.hello()
        fault = self._faults.get(self._calls)
        self._calls += 1
        self._host.laptop.world.now += 5
        if fault == "lost":
            raise _away()
        if fault == "twice":
            self._host.heard(body)
        answer = self._host.heard(body)
        if fault == "unheard":
            raise _away()
        assert answer is not None
        return 200, answer[:len(answer) // 2] if fault == "cut" else answer


def _away() -> NetworkProblem:
    return NetworkProblem("venue_closed", "It does not answer.")


def _altered(parcels: list[Sealed]) -> list[Sealed]:
    return [msgspec.structs.replace(one, box=one.box[:-1] + bytes([one.box[-1] ^ 1])) if number == 0 else one for number, one in enumerate(parcels)]


_SPOIL: dict[str, Callable[[list[Sealed]], list[Sealed]]] = {
    "fewer": lambda parcels: parcels[1:], "turned": lambda parcels: parcels[::-1], "doubled": lambda parcels: [*parcels, *parcels], "altered": _altered,
}


def meet(visitor: Laptop, host: Laptop, faults: dict[int, str] | None = None, gathering: str | None = None) -> Met:
    """One laptop joins another one's sharing once. ``gathering``: the host lets new laptops in at its door."""
    shares = Host(host, gathering)
    visit: Any = Visit(visitor.desk, "127.0.0.1:1", shares.code)
    visit._line = Air(shares, faults or {})
    met: Met = visit.once()
    return met
