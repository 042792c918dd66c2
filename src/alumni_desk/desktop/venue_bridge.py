"""Laptops here: sharing with them and visiting one that shares, from the window. What the service says becomes signals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QObject, QTimer, Signal

from alumni_desk.desktop.background import Lanes
from alumni_desk.errors import KnownError
from alumni_desk.store.desk import Desk

if TYPE_CHECKING:
    from alumni_desk.sync.venue.finding import Search
    from alumni_desk.sync.venue.going_on import Together
    from alumni_desk.sync.venue.sharing import Sharing
    from alumni_desk.sync.venue.stations import Station
    from alumni_desk.sync.venue.visiting import Met, Visit

AGING_MS = 5_000
"""How often it is looked who has been silent for too long."""


class Nearby(NamedTuple):
    """Another laptop here: whose, what it is called, when this one last had contact with it, and whether that lasts."""

    who: str
    name: str
    heard: datetime
    now: bool


class AtVenue(NamedTuple):
    """How it stands with the laptops here. ``sharing``: off, begins or on, with ``qr``, ``code`` and ``address``, and ``gathering`` where new laptops are
    let in at its door; ``visiting``: the address of the laptop that this one has joined; ``trouble``: why that does not answer just now;
    ``code_changed``: it shares with a code that nobody has typed here; ``not_shared``: why sharing, which was on, did not go on after a restart;
    ``until``: until when it would go on after one."""

    sharing: str = "off"
    qr: str = ""
    code: str = ""
    address: str = ""
    gathering: str | None = None
    visiting: str = ""
    trouble: str = ""
    code_changed: bool = False
    not_shared: str = ""
    others: tuple[Nearby, ...] = ()
    until: datetime | None = None

    @property
    def together(self) -> bool:
        """Whether this laptop shares or visits."""
        return self.sharing == "on" or bool(self.visiting)

    @property
    def connected(self) -> int:
        """How many others are heard now."""
        return sum(one.now for one in self.others)


class GoesOn(NamedTuple):
    """What another window of the same desk goes on with: a service that runs, or one that was just to begin, its gathering, and whom to stay with."""

    sharing: Sharing | None = None
    begins: bool = False
    gathering: str | None = None
    visit: tuple[str, str] | None = None  # address and code
    since: tuple[int, int] = (0, 0)  # when both were switched on, see going_on.Together


class VenueBridge(QObject):
    """``changed(AtVenue)`` whenever that is another; ``news`` after each exchange, when another laptop may have brought something."""

    changed = Signal(object)
    news = Signal()
    _heard = Signal()
    _answered = Signal(object)

    def __init__(self, desk: Desk, lanes: Lanes) -> None:
        super().__init__(lanes)
        self._desk, self._lanes = desk, lanes
        self._sharing: Sharing | None = None
        self._visit: Visit | None = None
        self._joins: Visit | None = None
        self._stopped = False
        self._begins: object | None = None  # what is waited for; somebody may have ended it before it came
        self._gathering: str | None = None
        self._visiting = self._trouble = self._code = self._not_shared = ""
        self._code_changed = False
        self._shares_since = self._visits_since = 0
        self._until: datetime | None = None
        self._heard.connect(self._hear)
        self._answered.connect(self._hear_visit)
        self._told = AtVenue()
        self._aging = QTimer(self, interval=AGING_MS)
        self._aging.timeout.connect(self._tell)

    @property
    def standing(self) -> AtVenue:
        """How it stands now."""
        sharing = self._sharing
        others: dict[str, Station] = {}
        for source in (sharing, self._visit):
            for one in source.stations() if source is not None else ():
                before = others.get(one.device)
                if before is None or (before.connected, before.heard) < (one.connected, one.heard):
                    others[one.device] = one
        near = tuple(Nearby(one.who, one.name, one.heard, one.connected) for one in sorted(others.values(), key=lambda one: one.heard, reverse=True))
        shares = "begins" if self._begins else "on" if sharing is not None else "off"
        return AtVenue(shares, sharing.qr if sharing else "", sharing.code if sharing else "", sharing.address if sharing else "", self._gathering,
                       self._visiting, self._trouble, self._code_changed, self._not_shared, near,
                       self._until if sharing is not None else None)

    # -- sharing

    def share(self, gathering: str | None = None, failed: Callable[[KnownError], None] | None = None, *, new_code: bool = False) -> None:
        """Share with the laptops here; with a gathering new laptops are let in at its door. Shared already, it begins anew; ``new_code``: with one that
        nobody knows."""
        if self._begins or self._stopped:
            return
        before, self._sharing = self._sharing, None
        asked = self._begins = object()
        self._gathering, self._not_shared = gathering, ""
        self._tell()

        def work() -> Sharing:
            from alumni_desk.sync.venue.sharing import Sharing

            if before is not None:
                before.stop()
            sharing = Sharing(self._desk, gathering=gathering, told=lambda stations: self._heard.emit(), new_code=new_code)
            if self._stopped:  # the window closed meanwhile, and nobody else will end it
                sharing.stop()
            return sharing

        def begun(sharing: Sharing) -> None:
            if self._begins is not asked:
                self._lanes.meet(sharing.stop)
                return
            self._begins, self._sharing = None, sharing
            self._aging.start()
            self._tell()
            self._remember()

        def not_begun(error: KnownError) -> None:
            if self._begins is not asked:
                return
            self._begins, self._gathering = None, None
            self._tell()
            if before is not None:
                self._remember()
            if failed is not None:
                failed(error)

        self._lanes.meet(work, begun, not_begun)

    def share_no_more(self) -> None:
        """End sharing, also one that is still to begin."""
        sharing, self._sharing, self._gathering, self._begins = self._sharing, None, None, None
        self._not_shared = ""
        self._remember()
        if sharing is not None:
            self._lanes.meet(sharing.stop)
        self._tell()

    # -- visiting

    def find(self, then: Callable[[Search], None], failed: Callable[[KnownError], None]) -> None:
        """Look for laptops that share, for three seconds."""

        def work() -> Search:
            from alumni_desk.sync import state
            from alumni_desk.sync.venue.finding import find

            with self._desk.reading() as connection:
                membership = state.read(connection, state.Membership)
            sharing = self._sharing
            return find(membership, but=frozenset({sharing.announced_as}) if sharing is not None else frozenset())

        self._lanes.meet(work, then, failed)

    def join(self, address: str, code: str, then: Callable[[Met], None], failed: Callable[[KnownError], None]) -> None:
        """Join a laptop that shares: exchange all there is, then stay with it, and with the one before no more."""

        def work() -> tuple[Visit, Met]:
            from alumni_desk.sync.venue.visiting import Visit

            visit = Visit(self._desk, address, code, told=lambda stations, problem: self._answered.emit((visit, problem)))
            self._joins = visit
            try:
                return visit, visit.once()
            except BaseException:
                visit.close()
                raise

        def met(both: tuple[Visit, Met]) -> None:
            visit, what = both
            if self._joins is not visit or self._stopped:
                visit.stop()
                visit.close()
                return
            self._joins = None
            self.leave()
            self._visit = visit
            self._stay(visit.stay, address, code)
            self._remember()
            self.news.emit()
            then(what)

        self._lanes.meet(work, met, failed)

    def retype(self, typed: str, then: Callable[[Met], None], failed: Callable[[KnownError], None]) -> None:
        """Join the same laptop again with its new code, or with the text of its QR code; with the one before it stays if that is wrong."""
        from alumni_desk.sync.venue.places import read_qr

        address, code = read_qr(typed) or (self._visiting, typed)
        self.join(address, code, then, failed)

    def stay_with(self, address: str, code: str) -> None:
        """Stay with a laptop that was joined before; if it does not answer just now, that is said, and it is tried again and again."""
        from alumni_desk.sync.venue.visiting import Visit

        self._visit = visit = Visit(self._desk, address, code, told=lambda stations, problem: self._answered.emit((visit, problem)))
        self._stay(lambda: visit.stay(begin=True), address, code)
        self._remember()

    def _stay(self, work: Callable[[], None], address: str, code: str) -> None:
        self._visiting, self._code, self._trouble, self._code_changed = address, code, "", False
        self._aging.start()
        visit = self._visit
        self._lanes.stay(work, lambda nothing: None, lambda error: self._hear_visit((visit, error)))
        self._tell()

    def leave(self) -> None:
        """Visit no more."""
        visit, self._visit = self._visit, None
        if (joins := self._joins) is not None:
            self._joins = None
            joins.stop()
        self._visiting = self._trouble = ""
        self._code_changed = False
        if visit is not None:
            visit.stop()
        self._remember()
        self._tell()

    # -- another window, or another start of the program

    def hand_over(self) -> GoesOn:
        """What is under way, for the window that takes this one's place; a service is not ended with this one any more."""
        goes_on = GoesOn(self._sharing, self._begins is not None, self._gathering, (self._visiting, self._code) if self._visiting else None,
                          (self._shares_since, self._visits_since))
        self._sharing = None
        if goes_on.sharing is not None:
            goes_on.sharing.tell(None)
        return goes_on

    def go_on(self, before: GoesOn) -> None:
        """Go on with what was under way in the window before."""
        self._shares_since, self._visits_since = before.since
        if before.sharing is not None:
            before.sharing.tell(lambda stations: self._heard.emit())
            self._sharing, self._gathering = before.sharing, before.gathering
            self._aging.start()
            self._tell()
            self._remember()
        elif before.begins:
            self.share(before.gathering)
        if before.visit is not None:
            self.stay_with(*before.visit)

    def go_on_after_restart(self) -> None:
        """Go on with what was on when the program ended, unless somebody has begun something meanwhile."""

        def work() -> Together:
            from alumni_desk.sync.venue.going_on import to_go_on_with

            return to_go_on_with(self._desk)

        def go_on(found: Together) -> None:
            if found.shares and self._sharing is None and not self._begins:
                self._shares_since = found.shares
                self.share(found.gathering or None, self._shared_no_more)
            if found.visits and self._visit is None and self._joins is None:
                self._visits_since = found.visits
                self.stay_with(found.address, found.code)

        self._lanes.meet(work, go_on, lambda error: None)

    def _shared_no_more(self, error: KnownError) -> None:
        self._not_shared = str(error)
        self._tell()

    def _remember(self) -> None:
        """Keep what is on, for the next start of the program."""
        if self._stopped:
            return
        moment = self._desk.clock.now_ms()
        shares = self._shares_since = (self._shares_since or moment) if self._sharing is not None or self._begins else 0
        visits = self._visits_since = (self._visits_since or moment) if self._visiting else 0
        gathering, address, code = self._gathering or "", self._visiting, self._code

        def work() -> datetime | None:
            from alumni_desk.sync.venue.going_on import Together, lasts_until, remember

            remember(self._desk, Together(shares, gathering, visits, address, code if visits else ""))
            return lasts_until(self._desk, shares) if shares else None

        self._lanes.write(work, self._lasts, lambda error: None)  # the desk may be shut, and then there is nothing to go on with

    def _lasts(self, until: datetime | None) -> None:
        self._until = until
        self._tell()

    def stop(self) -> None:
        """End both; the window closes. Before the lanes are."""
        self._stopped = True
        self._aging.stop()
        for visit in (self._visit, self._joins):
            if visit is not None:
                visit.stop()
        sharing, self._sharing = self._sharing, None
        if sharing is not None:
            sharing.stop()

    # -- what is heard

    def _hear(self) -> None:
        self.news.emit()
        self._tell()

    def _hear_visit(self, said: tuple[Visit | None, KnownError | None]) -> None:
        visit, problem = said
        if self._visit is not None and visit is self._visit:
            self._trouble = str(problem) if problem is not None else ""
            self._code_changed = problem is not None and problem.code == "venue_code_changed"
            if self._visiting and self._visiting != self._visit.address:  # it may have gone elsewhere
                self._visiting = self._visit.address
                self._remember()
            self._hear()

    def _tell(self) -> None:
        standing = self.standing
        if standing != self._told and not self._stopped:
            self._told = standing
            self.changed.emit(standing)
