"""Runs benchmarks by their names and prints the table: ``packaging/dev.py bench`` starts it."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent
NOT_BENCHES = ("harness", "run", "sync_parts")


def main() -> int:
    """Measure what was asked for. Returns 1 if a goal is not met."""
    known = sorted(file.stem for file in HERE.glob("*.py") if file.stem not in NOT_BENCHES and not file.stem.startswith("test_"))
    parser = argparse.ArgumentParser(prog="packaging/dev.py bench", description="Measures how fast it is, each thing against a floor of its own.")
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"what to measure: {', '.join(known)}; without a name everything; "
                                                                          "some have lines of their own (sync:nothing)")
    parser.add_argument("--json", action="store_true", help="a list of name, floor, measured, goal, unit, met, note")
    args = parser.parse_args()
    unknown = [name for name in args.names if name.partition(":")[0] not in known]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; there is {', '.join(known)}")
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    sys.path.insert(0, str(HERE))
    from harness import table

    rows = []
    with tempfile.TemporaryDirectory(prefix="alumni-desk-bench-") as folder:
        for name in args.names or known:
            begun = time.monotonic()
            module, _colon, line = name.partition(":")
            measure = import_module(module).measure
            place = Path(folder) / name.replace(":", "-")
            place.mkdir()
            rows += measure(place, (line,)) if line else measure(place)
            print(f"--- {name}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    print(json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=2) if args.json else table(rows))
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
