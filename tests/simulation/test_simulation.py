"""Some hundred seeds of the simulation in every test run. ``packaging/dev.py soak --seeds N`` runs as many as there is time for.

They run as the command runs them, in processes of their own: so a seed that fails here fails there, too, by the line that is printed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CORES = os.cpu_count() or 2
SEEDS = int(os.environ.get("ALUMNI_DESK_SEEDS", min(1_000, 140 * CORES)))
"""As many as the cores do in some three minutes."""

PARTS = 2 * CORES

FOUND = (645, 729, 909, 1029, 1146, 1199, 1399, 1679, 1469, 1677, 1462, 1504, 830)
"""Seeds beyond those that once failed: each is tried for ever."""


def simulation(*words: str) -> subprocess.CompletedProcess[str]:
    """The command, as ``packaging/dev.py simulation`` starts it."""
    return subprocess.run([sys.executable, str(Path(__file__).parent), *words], env={**os.environ, "PYTHONHASHSEED": "0"}, capture_output=True, text=True,
                          encoding="utf-8", check=False)


def fails_not(first: int, count: int) -> None:
    """Run seeds; the first that fails is told with the fewest steps and the line that replays it."""
    done = simulation("--seeds", str(count), "--first", str(first), "--cores", "1")
    if done.returncode:
        failing = re.search(r"seed (\d+) fails", done.stdout)
        pytest.fail(done.stdout + (simulation("--seed", failing[1]).stdout if failing else done.stderr), pytrace=False)


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
def test_every_invariant_holds(part: int) -> None:
    first = SEEDS * part // PARTS
    fails_not(first, SEEDS * (part + 1) // PARTS - first)


@pytest.mark.parametrize("seed", FOUND)
def test_what_was_mended_stays_mended(seed: int) -> None:
    fails_not(seed, 1)


def test_a_seed_is_the_same_run_twice() -> None:
    told = [simulation("--trace", "21") for _time in range(2)]
    assert told[0].returncode == 0 and len(told[0].stdout.splitlines()) > 10
    assert told[0].stdout == told[1].stdout
