"""Whatever two stations do in whatever order, the people counted are the people who are there."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)

from alumni_desk.checkin.actions import check_in, check_out, undo_check_in, walk_in
from alumni_desk.checkin.lists import headcount
from alumni_desk.checkin.verdicts import Outcome
from alumni_desk.errors import Refused
from alumni_desk.gatherings.records import registration_id
from alumni_desk.schema import open_desk
from alumni_desk.store.desk import Desk
from alumni_desk.store.profile import Profile

STATUS = st.sampled_from(["yes", "invited", "maybe", "no", "cancelled", "waitlisted"])
STATION = st.integers(0, 1)
CLOCK = st.sampled_from(["1970-01-01T00:00:00.000Z", "2026-11-24T18:00:00.000Z", "2099-12-31T23:59:59.999Z"])


class Door(RuleBasedStateMachine):
    """Two stations on one encrypted desk, and facts that arrive from elsewhere with any clock."""

    guests = Bundle("guests")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="door-"))
        profile = Profile(self.folder / "profile")
        self.desks: list[Desk] = [open_desk(profile, passphrase="two doors, one list"), open_desk(profile, passphrase="two doors, one list")]
        with self.desks[0].writing("gathering_made") as writing:
            if self.desks[0].scope is None:
                writing.add("chapter", name="Chapter")
            self.gathering = writing.add("gathering", name="Reception", status="planned", time_zone="Europe/Madrid", capacity=3)
        self.people: dict[str, str] = {}  # registration -> person
        self.status: dict[str, str] = {}
        self.walked: set[str] = set()
        self.open: dict[str, set[str]] = {}  # registration -> open "in" facts
        self.facts = 0
        self.came: set[str] = set()

    def teardown(self) -> None:
        for desk in self.desks:
            desk.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @initialize(target=guests)
    def first(self) -> str:
        return self._guest("yes")

    def _guest(self, status: str) -> str:
        with self.desks[0].writing("guests_added", gathering=self.gathering) as writing:
            person = writing.add("person", standing="guest", first_name="Ana", last_name=f"Guest{len(self.people)}")
            registration = registration_id(self.gathering, person)
            writing.add("registration", id=registration, gathering=self.gathering, person=person, status=status, walk_in=False)
        self.people[registration], self.status[registration], self.open[registration] = person, status, set()
        return registration

    @rule(target=guests, status=STATUS)
    def register(self, status: str) -> str:
        return self._guest(status)

    @rule(guest=guests, station=STATION, let_in=st.booleans())
    def come(self, guest: str, station: int, let_in: bool) -> None:
        verdict = check_in(self.desks[station], self.gathering, guest, station=f"door {station}", let_in=let_in)
        if self.open[guest]:
            assert verdict.outcome is Outcome.ALREADY_IN and verdict.fact is None and verdict.at
        elif self.status[guest] in ("no", "cancelled", "waitlisted") and not let_in:
            assert verdict.outcome is Outcome.NEEDS_A_WORD and verdict.fact is None
        else:
            assert verdict.outcome is Outcome.ADMITTED and verdict.fact is not None
            self.open[guest].add(verdict.fact)
            self.facts += 1
            self.came.add(guest)

    @rule(guest=guests, clock=CLOCK)
    def arrives_from_another_laptop(self, guest: str, clock: str) -> None:
        with self.desks[1].writing("checked_in", gathering=self.gathering) as writing:
            fact = writing.add("fact", kind="in", gathering=self.gathering, registration=guest, person=self.people[guest], at=clock,
                               station="terrace", method="name")  # fmt: skip
        self.open[guest].add(fact)
        self.facts += 1
        self.came.add(guest)

    @rule(guest=guests, station=STATION, only_one=st.booleans())
    def undo(self, guest: str, station: int, only_one: bool) -> None:
        only = sorted(self.open[guest])[:1] if only_one else None
        try:
            undone = undo_check_in(self.desks[station], self.gathering, guest, "wrong guest", facts=only)
        except Refused:
            assert not self.open[guest]
            return
        assert set(undone.closed) == (set(only) if only is not None else self.open[guest])
        self.open[guest] -= set(undone.closed)
        self.facts += 1

    @rule(guest=guests, station=STATION)
    def go(self, guest: str, station: int) -> None:
        try:
            gone = check_out(self.desks[station], self.gathering, guest)
        except Refused:
            assert not self.open[guest]
            return
        assert set(gone.closed) == self.open[guest]
        self.open[guest] = set()
        self.facts += 1

    @rule(target=guests, station=STATION, number=st.integers(0, 3), contact=st.booleans())
    def walks_in(self, station: int, number: int, contact: bool) -> object:
        """Somebody with a known name and e-mail is the same person when they walk in again."""
        name = f"Walk In{number}"
        fields = {"email": f"walk{number}@example.org"} if contact else {}
        verdict = walk_in(self.desks[station], self.gathering, name, station=f"door {station}", **fields)
        assert verdict.registration is not None and verdict.person is not None and verdict.may_pass
        if verdict.registration in self.people:
            assert contact
            assert (verdict.outcome is Outcome.ALREADY_IN) == bool(self.open[verdict.registration])
            found: object = multiple()
        else:
            self.people[verdict.registration], self.status[verdict.registration] = verdict.person, "yes"
            self.open[verdict.registration] = set()
            self.walked.add(verdict.registration)
            found = verdict.registration
        if verdict.fact is not None:
            self.open[verdict.registration].add(verdict.fact)
            self.facts += 1
        return found

    @invariant()
    def the_count_is_true(self) -> None:
        if not hasattr(self, "gathering"):
            return
        here = {guest for guest, ins in self.open.items() if ins}
        for desk in self.desks:
            count = headcount(desk, self.gathering)
            assert count.present == len(here)
            assert count.present <= count.registered + count.walk_ins
            assert count.come <= count.expected
        with self.desks[0].reading() as connection:
            fact = self.desks[0].tables["fact"]
            assert connection.scalar(sa.select(sa.func.count()).select_from(fact)) == self.facts


Door.TestCase.settings = settings(max_examples=12, stateful_step_count=20, deadline=None,
                                  suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])  # fmt: skip
TestDoor = Door.TestCase
