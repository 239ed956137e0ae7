"""Runs the whole suite on both cores: `python -m tests.support.suite [pytest's arguments]`.

Browser tests run in one process, because Playwright's event loop shares no process with other tests; beside it all
other tests run in workers. Both parts use one throw-away PostgreSQL. The browser part speaks when the other is done, so
that neither interrupts the other's lines.
"""

import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from typing import IO

from ltxplatform import processes
from tests.support import postgres

WORKERS = os.environ.get("WORKERS", "2")
LIMIT_SECONDS = float(os.environ.get("TEST_SECONDS", "960"))
NOTHING_COLLECTED = 5
PYTEST = [sys.executable, "-m", "pytest", "-q"]
BROWSER = [*PYTEST, "-m", "browser"]
OTHERS = [*PYTEST, "-m", "not browser", "-n", WORKERS, "--dist", "loadgroup", "--no-loadscope-reorder"]


def main(arguments: list[str]) -> int:
    started = time.monotonic()
    # A shell that runs us in the background has Ctrl-C ignored, and so would every program that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with postgres.for_one_run(), tempfile.TemporaryFile() as kept:
        browser = processes.start([*BROWSER, *arguments], env=os.environ, output=kept)
        others = processes.start([*OTHERS, *arguments], env=os.environ)
        children = {"browser tests": browser, "other tests": others}
        try:
            codes = [ended(child, name, started) for name, child in reversed(children.items())]
        finally:
            processes.stop_all(dict.fromkeys(children.values(), 10), number=signal.SIGINT)
        show(kept)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = spent.ru_utime + spent.ru_stime
    print(f"The suite took {time.monotonic() - started:.0f} s and {cpu:.0f} s of CPU.", flush=True)
    return verdict(codes)


def ended(child: subprocess.Popen[bytes], name: str, started: float) -> int:
    """Its exit code; the process and all it started are killed when the suite's time is up."""
    try:
        return child.wait(max(1, started + LIMIT_SECONDS - time.monotonic()))
    except subprocess.TimeoutExpired:
        processes.kill_group(child)
        print(f"TIME LIMIT: the {name} ran for more than {LIMIT_SECONDS:.0f} s", flush=True)
        return 1


def show(kept: IO[bytes]) -> None:
    kept.seek(0)
    print(f"\n== browser tests\n{kept.read().decode(errors='replace')}", flush=True)


def verdict(codes: list[int]) -> int:
    """0 when every part passed. A part without tests is well, unless no part has any."""
    failed = [code for code in codes if code not in {0, NOTHING_COLLECTED}]
    if failed:
        return failed[0]
    return NOTHING_COLLECTED if set(codes) == {NOTHING_COLLECTED} else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
