"""The fault storms at full size: `make soak`, or `python -m tests.soak [--hours N] [--seed N]`.

Ten thousand jobs of the fault matrix, a hundred kills under load, four hundred thousand steps of the state machine,
fifty crashes of the database while credit moves, five thousand orders of Stripe's news and a million steps of money, in
waves of at most five hundred jobs, because the stand-in keeps every request. Every wave prints its seed and what it
found; the same seed repeats it. Ends with an error after the first wave that found something, and stops at the limit.
"""

import argparse
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator

Wave = tuple[str, dict[str, str]]

MATRIX = "tests/faults/test_matrix.py"
KILLS = "tests/faults/test_kills.py"
MACHINE = "tests/generations/test_stateful.py"
MONEY = "tests/billing/test_stateful.py"
CRASHES = "tests/concurrency/test_crashes.py"
NEWS = "tests/billing/stripe/test_permutations.py"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=4, help="begin no wave after this")
    parser.add_argument("--seed", type=int, default=None, help="of the first wave; the others follow from it")
    options = parser.parse_args()
    seed = random.randrange(2**32) if options.seed is None else options.seed
    print(f"soak: --seed {seed}", flush=True)
    dice = random.Random(seed)
    deadline = time.monotonic() + options.hours * 3600
    done = 0
    for tests, sizes in waves():
        if time.monotonic() > deadline:
            sys.exit(f"The time was up after {done} waves; all of them were sound.")
        run(tests, {**sizes, "FAULT_SEED": (number := str(dice.randrange(2**32))), "CRASH_SEED": number})
        done += 1
    print(f"All {done} waves were sound.", flush=True)


def waves() -> Iterator[Wave]:
    for _ in range(20):
        yield MATRIX, {"FAULT_JOBS": "500", "FAULT_SLOW": "1"}
        yield KILLS, {"KILLS": "5", "KILL_JOBS": "60"}
    yield MACHINE, {"STATEFUL_STEPS": "400000"}
    yield CRASHES, {"CRASH_CYCLES": "50"}
    for _ in range(5):
        yield NEWS, {"PERMUTATIONS": "1000"}
    for _ in range(10):
        # Steps from a seed: Hypothesis, which CI has, would spend a fifth of the time on choosing.
        yield MONEY, {"SEEDED_STEPS": "100000", "STATEFUL_STEPS": "1000"}


def run(tests: str, sizes: dict[str, str]) -> None:
    words = " ".join(f"{name}={value}" for name, value in sizes.items())
    print(f"{words} python -m pytest {tests}", flush=True)
    environment = {**os.environ, **sizes, "TEST_SECONDS_EACH": "3500"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-o", "faulthandler_timeout=3600", tests]
    ended = subprocess.run(command, env=environment, check=False)
    if ended.returncode:
        sys.exit(f"Found something with: {words} {tests}")


if __name__ == "__main__":
    main()
