"""Share with laptops here: a small service that offers the sealed parcels this laptop holds. Never base rows."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

import msgspec

from alumni_desk.errors import KnownError
from alumni_desk.protocol.handout import SealedHandout
from alumni_desk.protocol.sealing import name_of
from alumni_desk.store import removal
from alumni_desk.store.desk import Desk
from alumni_desk.sync.venue import holding, own_code
from alumni_desk.sync.venue.announcing import Announcer
from alumni_desk.sync.venue.channel import (
    LONGEST_WAIT,
    MESSAGE_LIMIT,
    NAMES,
    VERSION,
    Nay,
    Newcomer,
    Reply,
    Request,
    Trade,
    Traded,
    WrongKey,
    key_of,
    open_request,
    seal_reply,
)
from alumni_desk.sync.venue.credentials import Me, hear_removals, me
from alumni_desk.sync.venue.finding import SERVICE, mark_of
from alumni_desk.sync.venue.handouts import newest, newest_number
from alumni_desk.sync.venue.holding import seal_noted, seal_own
from alumni_desk.sync.venue.places import PORT, SCHEME, Place, own_address
from alumni_desk.sync.venue.renewing import Renewing
from alumni_desk.sync.venue.service import HungUp, Visitor, listen
from alumni_desk.sync.venue.stations import Station, Stations, announce
from alumni_desk.sync.venue.timing import now_ms, tell_time
from alumni_desk.sync.venue.watching import Watch
from alumni_desk.sync.venue.welcoming import may_welcome, welcome

WRONG_CODE_SECONDS = 1.0
"""What a wrong code costs; one at a time, so that nobody tries more than one a second."""

LOOK_SECONDS = 1.0
"""How often it is looked whether a visitor who waits for news is still there."""


class Sharing:
    """A running service; ``address`` and ``code`` are what the others type. ``stop`` ends it."""

    def __init__(self, desk: Desk, *, host: str = "", port: int | None = None, gathering: str | None = None,
                 on: Sequence[str] | None = None, told: Callable[[list[Station]], None] | None = None, new_code: bool = False) -> None:
        """``gathering``: laptops of no chapter are let in at its door. ``on``: addresses of the interfaces on which the
        network is told of it. ``told``: hears who is there, in a thread of the service. ``new_code``: not the one that was shared with before.
        Raises KnownError.
        """
        with desk.reading() as connection:
            mine = me(connection)
        if gathering is not None:
            may_welcome(desk, mine, gathering)
        self._desk, self._gathering, self._told = desk, gathering, told
        self._shares = own_code.code_for(desk, mine, gathering, new=new_code)
        self.code, self._salt = self._shares.code, self._shares.salt
        self._key = key_of(self.code, self._salt)
        self._stations = Stations()
        self._lines: Counter[str] = Counter()  # open ones, by the laptop at their other end
        self._counting = threading.Lock()
        self._stopping = threading.Event()
        self._wrong = threading.Lock()
        self._lists = Renewing(desk)
        self._server = listen(host, [self._shares.port or PORT, PORT, 0] if port is None else [port], self)
        self.place = Place(host or own_address(), int(self._server.server_address[1]))
        try:
            own_code.keep(desk, mine, msgspec.structs.replace(self._shares, port=self.place.port), alone=new_code)
        except BaseException:
            self._server.server_close()
            raise
        self._watch = Watch(desk)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="venue sharing", daemon=True)
        self._thread.start()
        self._announcer = Announcer(SERVICE, self.place, {"v": str(VERSION), "c": mark_of(mine.membership)}, on=on or ([host] if host else None))

    @property
    def address(self) -> str:
        """Where the others find this laptop."""
        return str(self.place)

    @property
    def qr(self) -> str:
        """What the others scan instead of typing: it carries the code."""
        return f"{SCHEME}://laptop?at={self.address}&code={self.code}"

    def tell(self, told: Callable[[list[Station]], None] | None) -> None:
        """Let somebody else hear who is there; None: nobody."""
        self._told = told

    @property
    def announced_as(self) -> str:
        """The name under which the network is told of it, which says nothing of whose it is."""
        return self._announcer.name

    def stations(self) -> list[Station]:
        """Who was heard, the last first."""
        return self._stations.all()

    @property
    def over(self) -> KnownError | None:
        """Why nothing is shared any more, where this laptop's access has ended meanwhile and it was emptied."""
        trouble = self._watch.trouble
        return trouble if trouble is not None and trouble.code == removal.CODE else None

    def stop(self) -> None:
        """End the service; whoever waits for an answer gets none."""
        self._stopping.set()
        self._announcer.stop()
        self._watch.stop()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()

    def hello(self) -> bytes:
        """What everybody may know."""
        return json.dumps({"alumni_desk": VERSION, "salt": self._salt.hex()}).encode()

    def left(self, device: str) -> None:
        """A laptop has ended a connection; with its last one it has gone."""
        with self._counting:
            self._lines[device] -= 1
            if self._lines[device] > 0:
                return
            del self._lines[device]
        self._stations.leave(device)
        if (told := self._told) is not None and not self._stopping.is_set():
            told(self.stations())

    def answer(self, box: bytes, visitor: Visitor | None = None) -> bytes | None:
        """The answer to a sealed request; None for one that was sealed with another code, after a while."""
        try:
            nonce, request = open_request(self._key, box)
        except WrongKey:
            with self._wrong:
                self._stopping.wait(WRONG_CODE_SECONDS)
            return None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return seal_reply(self._key, b"", Nay("unreadable"))
        return seal_reply(self._key, nonce, self._reply(request, visitor))

    def _reply(self, request: Request, visitor: Visitor | None) -> Reply:
        with self._desk.reading() as connection:
            mine = me(connection)
        if isinstance(request, Newcomer):
            return self._let_in(mine, request)
        return self._trade(mine, request, visitor)

    def _let_in(self, mine: Me, request: Newcomer) -> Reply:
        if self._gathering is None:
            return Nay("door_closed")
        if own_code.is_over(self._shares, mine):  # whoever was removed would come back under another name
            return Nay("code_over")
        return welcome(self._desk, mine, request, self._gathering)

    def _trade(self, mine: Me, request: Trade, visitor: Visitor | None) -> Reply:
        if (request.server, request.scope) != (mine.membership.server, mine.membership.scope) or not request.chain:
            return Nay("chapter")
        mine = hear_removals(self._desk, mine, request.removals)
        trouble = mine.trouble(request.chain, None)
        if trouble is not None:
            return Nay("revoked" if trouble == "revoked" else "certificate")
        partner = request.chain[0].device
        self._count(visitor, partner)
        desk, scope = self._desk, mine.membership.scope
        holding.take_in(desk, mine, request.parcels, [request.chain, *request.chains])
        now = now_ms(desk)
        self._stations.hear(mine, request.heard, [request.chain, *request.chains], now, partner=partner)
        if (told := self._told) is not None:
            told(self.stations())
        wait = min(max(0.0, request.wait), LONGEST_WAIT)  # in this order: what is no number at all is no wait
        given = {name_of(one) for one in request.parcels}
        want: list[bytes] = []
        if request.have is not None:
            seal_own(desk, mine)  # a moment ago something may have been done here
            seal_noted(desk, mine)
            with desk.reading() as connection:
                here = holding.names(connection, scope)
            want = [name for name in request.have[:NAMES] if name not in here]
            given.update(request.have)
        if mine.trouble(request.chain, now) is not None:  # its access has passed: what it has is taken, and nothing is given before the server heard of it
            if not want:
                self._stopping.wait(wait)
            return Traded(place=request.after, more=False, chain=mine.credentials.chain, want=want, removals=mine.credentials.removals,
                          time=tell_time(desk, mine, request.challenge))
        with desk.reading() as connection:
            known = holding.knows_place(connection, request.after)
        if not known:  # a restore put another list in the place of the one that the asker heard: it begins anew, and gives again what it had given
            return Traded(place=0, more=True, chain=mine.credentials.chain, want=want, removals=mine.credentials.removals,
                          time=tell_time(desk, mine, request.challenge))
        until = time.monotonic() + wait
        while True:
            changes = self._watch.changes
            handout, again = self._handout_for(mine, request)
            with desk.reading() as connection:
                found, place = holding.offered(connection, scope, request.after, but=given)
                last = holding.last_place(connection)
                parcels = [one for one in found if request.have is not None or one.device != partner]
                chains = holding.chains_for(connection, [one.device for one in parcels])
            left = until - time.monotonic()
            if parcels or want or handout or left <= 0 or self._stopping.is_set():
                break
            self._wait(changes, until if again is None else min(until, time.monotonic() + again), visitor)
        heard = [announce(mine, str(desk.setting("person_name") or ""), desk.device_name, now_ms(desk)), *self._stations.said()]
        return Traded(place=place, more=place < last, chain=mine.credentials.chain, want=want, parcels=[holding.opened_parcel(one.content) for one in parcels],
                      chains=chains, removals=mine.credentials.removals, handout=handout, heard=heard, time=tell_time(desk, mine, request.challenge))

    def _count(self, visitor: Visitor | None, device: str) -> None:
        if visitor is not None and not visitor.device:
            visitor.device = device
            with self._counting:
                self._lines[device] += 1

    def _wait(self, changes: int, until: float, visitor: Visitor | None) -> None:
        """Wait for news. Raises HungUp where nobody would hear of them."""
        while self._watch.changes == changes and not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
            self._watch.wait(changes, min(left, LOOK_SECONDS))
            if visitor is not None and visitor.hung_up():
                raise HungUp

    def _handout_for(self, mine: Me, request: Trade) -> tuple[SealedHandout | None, float | None]:
        """The newest hand-out of the asker's door, if it is newer than the asker's; and in how many seconds there may be another."""
        gathering = request.chain[0].gathering
        if gathering is None:
            return None, None
        again = self._lists.look(mine, gathering, at_once=request.have is not None)
        with self._desk.reading() as connection:
            if newest_number(connection, gathering) <= request.handout:
                return None, again
            one = newest(connection, gathering)
        return one if one is not None and len(one.box) < MESSAGE_LIMIT // 2 else None, again
