"""Runs seeds of the simulation: ``python tests/simulation --seed S`` replays one, ``--seeds N --first S`` tries many on all cores."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

AGAIN = "python3 packaging/dev.py simulation --seed {seed}"


def many(seeds: list[int], cores: int) -> int:
    """Try seeds on all cores; returns how many fail."""
    count = len(seeds)
    from simulation.running import some

    began, failed, tried = time.monotonic(), 0, 0
    def told(finished: list[tuple[int, str]], tried: int) -> int:
        print(f"{min(tried, count)} of {count} tried, {time.monotonic() - began:.0f} s", flush=True)
        for seed, trouble in finished:
            print(f"seed {seed} fails: {trouble}\n  again: {AGAIN.format(seed=seed)}", flush=True)
        return len(finished)

    size = max(1, min(20, count // (cores * 4) or 1))
    parts = [seeds[start:start + size] for start in range(0, count, size)]
    if cores == 1:
        for part in parts:
            tried += len(part)
            failed += told(some(part), tried)
    else:
        with ProcessPoolExecutor(cores, mp_context=multiprocessing.get_context("spawn")) as pool:
            for finished in as_completed([pool.submit(some, part) for part in parts]):
                tried += size
                failed += told(finished.result(), tried)
    print(f"{count} seeds from {seeds[0]}: {failed} failed, {time.monotonic() - began:.0f} s on {cores} cores", flush=True)
    return failed


def one(seed: int, *, shrinking: bool) -> int:
    """Replay a seed and tell its steps in words, the fewest that still fail."""
    from simulation.running import plan, shrink, try_seed
    from simulation.world import simulated

    with simulated():
        failure = try_seed(seed)
        if failure is None:
            print("\n".join(f"{number:2}  {step.said()}" for number, step in enumerate(plan(seed).steps)))
            print(f"seed {seed}: every invariant holds")
            return 0
        print(failure.told())
        if shrinking:
            failure = shrink(failure)
            print(f"\nThe fewest steps found that still do it:\n{failure.told()}")
        traceback.print_exception(failure.trouble)
    return 1


def trace(seed: int) -> int:
    """Tell every operation that a seed's laptops make, every clock and every hash of the feed: what must be the same each time."""
    from simulation.running import carry_out, plan
    from simulation.world import simulated

    with simulated():
        carry_out(plan(seed), told=print)
    return 0


def bank(named: str, *, anew: bool) -> int:
    """Plant every bug whose name has these words, and tell where it was found. ``anew``: tell the seeds at which they are found soonest instead."""
    from simulation.bugs import BUGS
    from simulation.hunting import hunt, look_up
    from simulation.world import simulated

    bugs = [one for one in BUGS if named in one.name]
    if not bugs:
        print(f"No planted bug has these words: {named}. Without words all {len(BUGS)} are planted.", file=sys.stderr)
        return 1
    missed = 0
    with simulated():
        if anew:
            return look_up(bugs, lambda line: print(line, flush=True))
        for bug in bugs:
            found = hunt(bug)
            missed += found is None
            print(f"{bug.name:72} {'NOT FOUND' if found is None else f'seed {found.seed:3}  {found.sentence[:120]}'}", flush=True)
    return missed


def main() -> int:
    """Run what the command line says."""
    parser = argparse.ArgumentParser(prog="simulation", description=__doc__)
    parser.add_argument("--seed", type=int, metavar="S", help="replay this one, step by step, and shrink it if it fails")
    parser.add_argument("--no-shrink", action="store_true", help="with --seed: leave the steps as they are")
    parser.add_argument("--seeds", type=int, default=200, metavar="N", help="how many (200)")
    parser.add_argument("--first", type=int, default=0, metavar="S", help="the first of them (0)")
    parser.add_argument("--without", type=int, nargs="*", default=[], metavar="S", help="but these")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, metavar="N", help="processes (all cores)")
    parser.add_argument("--bugs", nargs="?", const="", metavar="WORDS", help="plant the bugs of the bank, or those so named, and tell where each is found")
    parser.add_argument("--look-up", action="store_true", help="with --bugs: look up where each is found soonest, and print what belongs into hunting.BEGIN_AT")
    parser.add_argument("--trace", type=int, metavar="S", help="run this one and print every operation, clock and hash of it")
    args = parser.parse_args()
    if args.trace is not None:
        return trace(args.trace)
    if args.bugs is not None:
        return 1 if bank(args.bugs, anew=args.look_up) else 0
    if args.seed is not None:
        return one(args.seed, shrinking=not args.no_shrink)
    wanted = [seed for seed in range(args.first, args.first + args.seeds) if seed not in args.without]
    return 1 if many(wanted, args.cores) else 0


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets in another order would make another run of the same seed
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    sys.exit(main())
