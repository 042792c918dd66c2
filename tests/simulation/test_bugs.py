"""The simulation finds every planted bug; and without one it finds nothing at the same seeds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulation.bugs import BUGS, Bug
from simulation.hunting import LOOK_AT, hunt
from simulation.running import try_seed
from simulation.world import simulated


@pytest.fixture(autouse=True)
def _simulated() -> Iterator[None]:
    with simulated():
        yield


@pytest.mark.parametrize("bug", [pytest.param(bug, id=bug.name) for bug in BUGS])
def test_a_planted_bug_is_found(bug: Bug) -> None:
    failure = hunt(bug)
    if failure is None:
        pytest.fail(f"“{bug.name}” was not found in {LOOK_AT} seeds", pytrace=False)
    print(f"\n{bug.name:66} seed {failure.plan.seed:3}  {failure.trouble}")
    assert try_seed(failure.plan.seed) is None, f"seed {failure.plan.seed} fails without the bug, too"


def test_there_are_twenty_at_least() -> None:
    assert len(BUGS) >= 20
