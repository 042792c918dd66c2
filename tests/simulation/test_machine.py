"""Laptops and the server against the reference: hypothesis chooses who does what and what the network does, and both must agree at every step."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from alumni_desk.errors import KnownError
from alumni_desk.protocol.canonical import operation_of
from alumni_desk.protocol.clocks import unpack as unpack_clocks
from alumni_desk.protocol.messages import PullReply, PullRequest, PushReply, PushRequest, unpack
from alumni_desk.server.bodies import unpacked
from simulation.checking import rows_of_laptop, rows_of_server, tables_of
from simulation.ground import copy_ground, memory
from simulation.laptop import Laptop
from simulation.network import Answer, Request
from simulation.office import Office
from simulation.reference import ReferenceLaptop, ReferenceServer, Value, Written
from simulation.running import EDITS
from simulation.steps import SKEWS, Step
from simulation.world import World, begin, simulated

RUNS, STEPS = (int(number) for number in os.environ.get("ALUMNI_DESK_MACHINE", "40 40").split())
KINDS = [*sorted(EDITS.keys() - {"erase"}), *["edit"] * 8, *["in"] * 3]
LAPTOPS = int(os.environ.get("ALUMNI_DESK_MACHINE_LAPTOPS", "3"))
NUMBER = st.integers(0, 60)


class Recording(Office):
    """The office, which also tells what came to it and what it answered."""

    heard: list[tuple[Request, Answer]]

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        self.heard.append((request, Answer(answer.status_code, answer.headers, answer.body)))
        return answer


class Machine(RuleBasedStateMachine):
    """Three to six real laptops and the reference's, side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="alumni-desk-machine-", dir=memory()))
        self.world = begin(World(1))
        self.chosen = LAPTOPS
        copy_ground(self.folder, self.chosen)
        begin(self.world)
        self.office = Recording(self.world, self.folder / "server")
        self.office.heard = []
        self.laptops = [Laptop(self.world, self.office, f"laptop-{n}", self.folder / f"laptop-{n}") for n in range(self.chosen)]
        self.tables = tables_of(self.laptops[0])
        self.server = ReferenceServer()
        scope = self.scope = self.laptops[0].desk.scope or ""
        for name, row in rows_of_server(self.office, scope, self.tables).items():
            clocks = unpack_clocks(row["clocks"])
            self.server.rows[name] = {one: Value(clocks.get(self._key(name[0], one), row["clock"]), "", self._plain(row[one]))
                                      for one in row if one not in ("id", "scope", "clock", "clocks") and (row[one] is not None)
                                      and (one != "gone" or one in clocks)}  # nobody has written that a new row is there
            self.server.feed[name] = 0
        self.head = {0: -1, self.office.rows("SELECT head FROM feed_head")[0]["head"]: 0}
        rows = self.server.pull(-1)
        self.models = [ReferenceLaptop(base={name: dict(row) for name, row in rows.items()}, cursor=laptop.rows("SELECT cursor FROM scope")[0]["cursor"])
                       for laptop in self.laptops]
        self.read_to = [laptop.rows("SELECT max(rowid) AS n FROM operation")[0]["n"] or 0 for laptop in self.laptops]

    @staticmethod
    def _key(table: str, name: str) -> str:
        return "address" if table == "person" and name in ("street", "city", "region", "postal_code", "country") else name

    @staticmethod
    def _plain(value: Any) -> Any:
        return int(value) if isinstance(value, bool) else value

    @rule(who=NUMBER, skew=st.sampled_from(SKEWS))
    def set_a_clock(self, who: int, skew: int) -> None:
        self.laptops[who % self.chosen].skew = skew

    @rule(minutes=st.integers(0, 300))
    def time_goes_by(self, minutes: int) -> None:
        self.world.now += minutes * 60_000

    @rule(who=NUMBER)
    def restart(self, who: int) -> None:
        laptop = self.laptops[who % self.chosen]
        laptop.close()
        laptop.open()

    @rule(who=NUMBER, kind=st.sampled_from(KINDS), a=NUMBER, b=NUMBER, c=NUMBER)
    def somebody_does_something(self, who: int, kind: str, a: int, b: int, c: int) -> None:
        number = who % self.chosen
        laptop = self.laptops[number]
        self.world.now += 700
        with contextlib.suppress(KnownError):
            laptop.do(lambda: EDITS[kind](laptop, Step(kind, number, a, b, c)))
        for row in laptop.rows("SELECT * FROM operation WHERE rowid > ? ORDER BY rowid", self.read_to[number]):
            self.read_to[number] = row["rowid"]
            fields = {name: self._plain(value) for name, value in json.loads(row["fields"]).items()}
            self.models[number].write(Written(row["id"], row["transaction_id"], row["audience"], row["kind"], (row["table_name"], row["row_id"]), fields,
                                              row["clock"]))
        self.compare(number)

    @rule(who=NUMBER, call=st.integers(0, 5), fault=st.sampled_from(["", "", "lost", "unheard", "twice", "cut", "short", "slow", "crawling", "busy"]))
    def somebody_syncs(self, who: int, call: int, fault: str) -> None:
        number = who % self.chosen
        laptop, model = self.laptops[number], self.models[number]
        self.office.heard.clear()
        with contextlib.suppress(KnownError):
            laptop.do(lambda: laptop.sync({call: fault} if fault else {}))
        wrong = fault in ("unheard", "cut", "short")
        for at, (request, answer) in enumerate(self.office.heard):
            if answer.status_code != 200:
                continue
            body = unpacked(request.body, request.headers.get("content-encoding", ""))
            plain = unpacked(answer.body, answer.headers.get("content-encoding", ""))
            heard = not (wrong and at == call) and not (fault == "twice" and at == call)
            if request.path.endswith("push"):
                self._pushed(model, unpack(body, PushRequest), unpack(plain, PushReply), heard=heard)
            elif request.path.endswith("pull"):
                self._pulled(model, unpack(body, PullRequest), unpack(plain, PullReply), heard=heard)
        self.compare(number)

    def _pushed(self, model: ReferenceLaptop, request: PushRequest, reply: PushReply, *, heard: bool) -> None:
        sent = []
        for parcel in request.parcels:
            for body in parcel.bodies:
                one = operation_of(body or b"")
                fields = {name: self._plain(value) for name, value in one.fields.items()}
                sent.append(Written(one.id, one.transaction, parcel.audience, one.kind, (one.table, one.row), fields, one.clock))
        statuses = self.server.push(sent, reply.time)
        self.head[reply.head] = self.server.moment
        for one, status, result in zip(sent, statuses, reply.results, strict=True):
            assert result.settled == status, f"{one}: the reference says {status}, the server {result}"
            if heard:
                model.hear(one.id, status, self.server.results[one.id].moment)
        if heard and reply.before is not None and reply.before.sequence == model.cursor and {result.status for result in reply.results} == {"ok"}:
            model.take(self.server.pull(model.reached), self.server.moment)  # nothing else came between
            model.cursor = reply.head

    def _pulled(self, model: ReferenceLaptop, request: PullRequest, reply: PullReply, *, heard: bool) -> None:
        page = reply.pages[self.scope]
        assert not page.reset and not page.more
        since = self.head[request.cursors[self.scope].sequence]
        came = {}
        for block in page.blocks:
            for row in block.rows:
                values = dict(zip(block.columns[1:], row[1:], strict=True))
                came[block.table, str(values["id"])] = values
        wanted = self.server.pull(since)
        assert came.keys() == wanted.keys(), f"the page has other rows: {came.keys() ^ wanted.keys()}"
        for name, row in wanted.items():
            self.equal(came[name], row, f"the page's {name}")
        self.head[page.cursor.sequence] = self.server.moment
        if heard:
            model.take(wanted, self.server.moment)
            model.cursor = page.cursor.sequence

    def compare(self, number: int) -> None:
        """The laptop shows what the reference shows."""
        here, there = rows_of_laptop(self.laptops[number], self.tables), self.models[number].view()
        assert here.keys() == there.keys(), f"laptop {number} has other rows: {here.keys() ^ there.keys()}"
        for name, row in there.items():
            self.equal(here[name], row, f"laptop {number}'s {name}")

    def equal(self, real: dict[str, Any], wanted: dict[str, Any], what: str) -> None:
        """Every field, and nothing where the reference has nothing."""
        for name, value in real.items():
            if name not in ("id", "scope", "clock", "clocks"):
                expected = wanted.get(name, 0 if name == "gone" else None)
                assert self._plain(value) == expected, f"{what}: {name} is {value!r}, and the reference says {expected!r}"

    @precondition(lambda self: self.office is not None)
    @rule()
    def the_server_is_compared(self) -> None:
        rows = rows_of_server(self.office, self.scope, self.tables)
        assert rows.keys() == self.server.rows.keys()
        for name in rows:
            self.equal(rows[name], self.server.values(name), f"the server's {name}")

    def teardown(self) -> None:
        for laptop in self.laptops:
            laptop.close()
        self.office.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.mark.long
def test_the_program_does_what_the_reference_says() -> None:
    with simulated():
        run_state_machine_as_test(Machine, settings=settings(
            max_examples=RUNS, stateful_step_count=STEPS, deadline=None, database=None, derandomize="ALUMNI_DESK_MACHINE" not in os.environ,
            suppress_health_check=list(HealthCheck)))


def test_the_reference_sees_a_planted_bug() -> None:
    from simulation.bugs import BUGS

    wrong = next(bug for bug in BUGS if bug.name == "arrival order decides")
    with simulated(), wrong.plant():
        machine = Machine()
        machine.somebody_does_something(0, "edit", 0, 2, 0)
        machine.somebody_does_something(1, "edit", 0, 2, 1)  # the later one, of the same field
        machine.somebody_syncs(1, 0, "")
        with pytest.raises(AssertionError, match="the reference says stale"):
            machine.somebody_syncs(0, 0, "")
        machine.teardown()
