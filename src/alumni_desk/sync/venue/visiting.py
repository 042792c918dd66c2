"""Join laptops here: visit a laptop that shares, give it what it lacks, take what is lacking here, and go on as things change."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import msgspec
from nacl.signing import SigningKey

from alumni_desk.errors import BadInput, KnownError, NetworkProblem, Refused
from alumni_desk.protocol.codes import read_venue_code
from alumni_desk.protocol.messages import Certificate, Sealed
from alumni_desk.protocol.sealing import name_of
from alumni_desk.store.desk import Desk
from alumni_desk.sync import join, state
from alumni_desk.sync.venue import holding
from alumni_desk.sync.venue.channel import LONGEST_WAIT, NAMES, Newcomer, Trade, Traded, Welcome
from alumni_desk.sync.venue.credentials import Me, hear_removals, me
from alumni_desk.sync.venue.handouts import newest_number, take_handout
from alumni_desk.sync.venue.holding import TakenIn, seal_noted, seal_own, take_in
from alumni_desk.sync.venue.line import Line, code_changed
from alumni_desk.sync.venue.places import Place, read_place
from alumni_desk.sync.venue.stations import Station, Stations, announce
from alumni_desk.sync.venue.timing import CHALLENGE, hear_time, now_ms
from alumni_desk.sync.venue.watching import Watch
from alumni_desk.words import _

log = logging.getLogger(__name__)

AGAIN_SECONDS = (0.2, 0.5, 1.0, 2.0, 3.0)
"""Waits before a partner that is out of reach is tried again."""


@dataclass(frozen=True)
class Met:
    """What came of meeting a laptop: parcels given, taken and of these opened; ``chapter``; ``gathering`` where this laptop was let in at its door."""

    given: int
    taken: int
    opened: int
    chapter: str
    role: str
    gathering: str | None
    joined: bool


class Visit:
    """Meeting one laptop that shares. ``once`` exchanges all there is; ``stay`` goes on until ``stop``, from another thread."""

    def __init__(self, desk: Desk, address: str, code: str, *, told: Callable[[list[Station], KnownError | None], None] | None = None) -> None:
        """``told``: hears after every exchange who is there, or why there is none just now. Raises BadInput."""
        letters = read_venue_code(code)
        if letters is None:
            raise BadInput("venue_code_form", _("That is not a whole code: it has ten letters and digits, as the other laptop shows them."))
        self._desk, self._told = desk, told
        self._code = letters
        place = read_place(address)
        self._line, self._asking = Line(place, letters), Line(place, letters)
        self._stations = Stations()
        self._stopping = threading.Event()
        self._theirs: set[bytes] = set()  # names of what the partner has for sure
        self._place_there = 0
        self._silent = False  # it does not answer just now
        self._needs_code = False
        self._instead: Place | None = None  # where a laptop of this chapter shares whose code nobody has typed here
        self._lasts = False  # the partner's access, as of its last answer
        self._passed_over = 0  # the number of a hand-out that does not count here
        self._no_list: Refused | None = None  # why one does not

    def stop(self) -> None:
        """End it."""
        self._stopping.set()
        self._line.stop()
        self._asking.stop()

    def close(self) -> None:
        """Hang up, when nothing is under way any more."""
        self._line.close()
        self._asking.close()

    @property
    def address(self) -> str:
        """Where the laptop that was joined is now; or the one that shares in its place, once its code is typed."""
        return str(self._instead or self._asking.place)

    def stations(self) -> list[Station]:
        """Who was heard, the last first; while the other laptop does not answer nobody is connected, whom it told of neither."""
        found = self._stations.all()
        return [replace(one, connected=False) for one in found] if self._silent else found

    def once(self) -> Met:
        """Join first where this desk is of no chapter; then exchange everything. Killed anywhere, the same call finishes."""
        with self._desk.reading() as connection:
            newcomer = state.read(connection, state.Membership) is None
        if newcomer:
            _let_in(self._desk, self._line)
        return self._exchange(newcomer)

    def _exchange(self, joined: bool = False) -> Met:
        mine = self._me()
        seal_own(self._desk, mine)
        seal_noted(self._desk, mine)
        with self._desk.reading() as connection:
            have = sorted(holding.names(connection, mine.membership.scope))
        self._theirs, self._place_there = set(), 0
        reply = self._traded(mine, Trade(mine.membership.server, mine.membership.scope, mine.credentials.chain, have=have[:NAMES],
                                         removals=mine.credentials.removals))
        taken = self._take(mine, reply)
        given = self._give(mine, set(reply.want))
        self._theirs.update(name for name in have if name not in reply.want)
        before = -1
        while reply.more and reply.place > before:  # a partner whose list does not go on has no more to give
            before = reply.place
            reply = self._traded(self._me(), self._request(mine, after=reply.place))
            taken += self._take(mine, reply)
        self._tell_of_list(mine)
        certificate = mine.certificate
        return Met(given, taken.new, taken.opened, mine.membership.scope_name, certificate.role, certificate.gathering, joined)

    def stay(self, *, begin: bool = False) -> None:
        """Exchange whatever changes, on either side, until ``stop``. A partner out of reach is tried again and again. ``begin``: all there is first."""
        if begin:
            self._trying(self._begin)
        watch = Watch(self._desk)
        listener = threading.Thread(target=self._listen, args=(watch,), name="venue listening", daemon=True)
        listener.start()
        try:
            while not self._stopping.is_set():
                changes = watch.changes
                self._trying(self._give_news)
                watch.wait(changes, 5.0)
        finally:
            self.stop()
            watch.stop()
            listener.join()
            self.close()

    def _begin(self) -> bool:
        self._exchange()
        return True

    def _listen(self, watch: Watch) -> None:
        while not self._stopping.is_set():
            if not self._trying(self._hear):
                self._look_around()

    def _trying(self, work: Callable[[], bool]) -> bool:
        """Do it until it is done; False: the partner is not there, or has another code. ``work`` says whether it was asked: what needs no answer tells
        nothing of whether it is there."""
        for wait in (*AGAIN_SECONDS, AGAIN_SECONDS[-1]):
            if self._stopping.is_set():
                return True
            try:
                asked = work()
            except NetworkProblem as problem:
                self._say(problem)
                self._stopping.wait(wait)
                continue
            except Refused as problem:
                changed = problem.code == "venue_code"
                if problem.code != "venue_stopped":
                    self._say(code_changed() if changed else problem)
                    self._stopping.wait(AGAIN_SECONDS[-1])
                return not changed
            if asked:
                self._say(None)
            return True
        return False

    def _look_around(self) -> None:
        """Whether it shares at another address or port now: whichever laptop is heard and answers to our code is the one, and nobody else can be."""
        from alumni_desk.sync.venue.finding import find

        here, known = self._asking.place, self._asking.salt or self._line.salt
        with self._desk.reading() as connection:
            membership = state.read(connection, state.Membership)
            own = {one.salt for one in codes.codes} if (codes := state.read(connection, state.VenueCodes)) is not None else set()
        found = find(membership, on=[here.host] if here.host.startswith("127.") else None, stopping=self._stopping).found
        others = []
        for place in [one.place for one in found if one.reachable and one.ours and one.place != here]:
            if self._stopping.is_set():
                return
            line = Line(place, self._code)
            try:
                salt = line.hear_salt()
                if salt in own:  # this laptop shares, too
                    continue
                if known and salt != known:
                    others.append(place)
                    continue
                mine = self._me()
                self._take(mine, self._known(mine, line.ask(self._request(mine, after=self._place_there))))
            except (NetworkProblem, Refused):  # another one, or away again
                continue
            finally:
                line.close()
            self._line.place = self._asking.place = place
            self._say(None)
            return
        if len(others) == 1 and self._silent and not self._needs_code:
            self._instead = others[0]
            self._say(code_changed())

    def _say(self, problem: KnownError | None) -> None:
        self._silent = problem is not None
        if self._needs_code and isinstance(problem, NetworkProblem):  # that it needs a code stays true
            return
        self._needs_code = problem is not None and problem.code == "venue_code_changed"
        if problem is None:
            self._instead = None
        if self._told is not None and not self._stopping.is_set():
            self._told(self.stations(), problem)

    def _hear(self) -> bool:
        mine = self._me()
        wait = 0.0 if self._silent else LONGEST_WAIT  # that it is back is known at once, whether or not it has news
        request = msgspec.structs.replace(self._request(mine, after=self._place_there), wait=wait)
        self._take(mine, self._known(mine, self._asking.ask(request, wait)))
        self._tell_of_list(mine)
        return True

    def _give_news(self) -> bool:
        mine = self._me()
        with self._desk.reading() as connection:
            found, _place = holding.offered(connection, mine.membership.scope, but=self._theirs)
        return self._give(mine, {one.name for one in found}) > 0

    def _give(self, mine: Me, names: set[bytes]) -> int:
        """Give these parcels, in as many messages as it takes."""
        place, count = 0, 0
        while names and self._lasts:
            with self._desk.reading() as connection:
                found, place = holding.offered(connection, mine.membership.scope, place)
                some = [one for one in found if one.name in names]
                chains = holding.chains_for(connection, [one.device for one in some])
            if some:
                request = self._request(mine, after=self._place_there, parcels=[holding.opened_parcel(one.content) for one in some], chains=chains)
                self._traded(mine, request)
                self._theirs.update(one.name for one in some)
                count += len(some)
            if not found:
                break
            names = names - {one.name for one in found}
        return count

    def _request(self, mine: Me, *, after: int, parcels: Sequence[Sealed] = (), chains: Sequence[list[Certificate]] = ()) -> Trade:
        desk = self._desk
        said = announce(mine, str(desk.setting("person_name") or ""), desk.device_name, now_ms(desk))
        return Trade(mine.membership.server, mine.membership.scope, mine.credentials.chain, after=after, parcels=list(parcels), chains=list(chains),
                     handout=self._handout(mine), removals=mine.credentials.removals, heard=[said, *self._stations.said()])

    def _handout(self, mine: Me) -> int:
        if mine.certificate.gathering is None:
            return 0
        with self._desk.reading() as connection:
            return max(newest_number(connection, mine.certificate.gathering), self._passed_over)

    def _traded(self, mine: Me, request: Trade) -> Traded:
        request = msgspec.structs.replace(request, challenge=secrets.token_bytes(CHALLENGE))
        began = time.monotonic()
        reply = self._line.ask(request)
        if isinstance(reply, Traded):
            hear_time(self._desk, mine, reply.chain, request.challenge, reply.time, time.monotonic() - began)
        return self._known(mine, reply)

    def _known(self, mine: Me, reply: Traded | Welcome) -> Traded:
        """The answer of a laptop of this chapter. Of one whose access has passed is taken, and nothing is given before the server has heard of it."""
        assert isinstance(reply, Traded)
        if mine.trouble(reply.chain, None) is not None:
            raise Refused("venue_partner", _(
                "The other laptop’s access was removed, or it has none to this chapter, so nothing was exchanged with it. Join another one."))
        self._lasts = mine.trouble(reply.chain, now_ms(self._desk)) is None
        return reply

    def _take(self, mine: Me, reply: Traded) -> TakenIn:
        """Take what came; the place moves only when it is kept here."""
        mine = hear_removals(self._desk, mine, reply.removals)
        taken = take_in(self._desk, mine, reply.parcels, [reply.chain, *reply.chains])
        if reply.place < self._place_there:  # a restore there put another list in its place, and what we gave is gone
            self._theirs = set()
        self._theirs.update(name_of(one) for one in reply.parcels)
        self._place_there = reply.place
        partner = reply.chain[0].device if reply.chain else None
        self._stations.hear(mine, reply.heard, [reply.chain, *reply.chains], now_ms(self._desk), partner=partner)
        if reply.handout is not None:
            try:
                take_handout(self._desk, mine, reply.handout)
            except Refused as problem:  # whoever carries it did nothing wrong, and what was done at the doors goes before lists
                self._no_list = problem
                if problem.code == "handout_forged" and _has_list(self._desk, mine):
                    self._passed_over = reply.handout.number
        return taken

    def _tell_of_list(self, mine: Me) -> None:
        """When all was exchanged: why a list was not taken, where this laptop has to know. That whoever made one was removed since matters to nobody who
        has a list. Raises Refused."""
        problem, self._no_list = self._no_list, None
        if problem is None:
            return
        if not self._passed_over:
            raise problem
        log.info("a hand-out was passed over: %s", problem.code)

    def _me(self) -> Me:
        with self._desk.reading() as connection:
            return me(connection)


def _has_list(desk: Desk, mine: Me) -> bool:
    """Whether this laptop knows its gathering's guests, or is a leader's, which needs no hand-out."""
    if mine.leads:
        return True
    with desk.reading() as connection:
        return connection.exec_driver_sql("SELECT 1 FROM registration WHERE gathering = ? LIMIT 1", (mine.certificate.gathering,)).first() is not None


def _iso(until: int | None) -> str | None:
    return None if until is None else datetime.fromtimestamp(until / 1000, UTC).isoformat()


def _let_in(desk: Desk, line: Line) -> None:
    """Become a laptop of the other one's chapter, at its gathering's door."""
    with desk.applying() as applying:
        connection = applying.connection
        there = join.here(connection)
        if connection.exec_driver_sql("SELECT 1 FROM chapter WHERE sample LIMIT 1").first() or there:
            raise Refused("venue_members_here", _("This desk has people of its own, and a laptop at the door begins empty. Use a new profile (--profile)."))
        joining = state.read(connection, state.Joining)
        if joining is None or joining.url != "venue":
            joining = state.Joining(url="venue", code="", key=bytes(SigningKey.generate()))
            state.keep(connection, joining)
    key = SigningKey(joining.key)
    challenge, began = secrets.token_bytes(CHALLENGE), time.monotonic()
    reply = line.ask(Newcomer(bytes(key.verify_key), str(desk.setting("person_name") or ""), desk.device_name, challenge))
    assert isinstance(reply, Welcome)
    membership = state.Membership(url=reply.url, fingerprint=reply.fingerprint, server=reply.server, device=reply.device, key=joining.key,
                                  scope=reply.scope, scope_name=reply.scope_name, role="door", gathering=reply.chain[0].gathering,
                                  until=_iso(reply.chain[0].until))
    known = state.Credentials(reply.server_key, reply.chain, reply.keys)
    mine = Me(membership, known)
    hear_time(desk, mine, reply.chain[1:], challenge, reply.time, time.monotonic() - began)
    if mine.trouble(reply.chain, now_ms(desk)) is not None or reply.chain[0].public_key != bytes(key.verify_key):
        raise Refused("venue_certificate_wrong", _(
            "The certificate that came does not hold on this laptop. Set both clocks to the same time, then join again."))
    with desk.applying() as applying:
        join.move_in(applying.connection, membership)
        state.keep(applying.connection, known)
        state.keep(applying.connection, state.Contact(reply.chain[0].issued))  # its time here is counted from then
        state.drop(applying.connection, state.Joining)
    if reply.handout is not None:
        take_handout(desk, mine, reply.handout)
