"""The simulation finds every planted bug; and without one it finds nothing at the same seeds.

They are looked for as the command does it, in a process whose sets have the same order: so each is found where it was found before.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from unittest.mock import patch

import pytest

from simulation.bugs import BUGS, Bug
from simulation.hunting import LOOK_AT, Found, hunter


@pytest.fixture(scope="module")
def hunt() -> Iterator[Callable[[Bug], Found | None]]:
    """Looks for a bug, in a process that does nothing else."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=hunter, args=(theirs,), daemon=True)
    with patch.dict(os.environ, {"PYTHONHASHSEED": "0"}):
        process.start()
    theirs.close()

    def ask(bug: Bug) -> Found | None:
        ours.send(bug.name)
        found: Found | None = ours.recv()
        return found

    yield ask
    ours.close()
    process.join(30)
    assert process.exitcode == 0


@pytest.mark.parametrize("bug", [pytest.param(bug, id=bug.name) for bug in BUGS])
def test_a_planted_bug_is_found(bug: Bug, hunt: Callable[[Bug], Found | None], record_property: Callable[[str, object], None]) -> None:
    found = hunt(bug)
    if found is None:
        pytest.fail(f"“{bug.name}” was not found in {LOOK_AT} seeds", pytrace=False)
    print(f"\n{bug.name:66} seed {found.seed:3}  {found.sentence}")
    if found.stale is not None:
        record_property("said", found.stale)
    assert found.without is None, f"seed {found.seed} fails without the bug, too"


def test_there_are_twenty_at_least() -> None:
    assert len(BUGS) >= 20
