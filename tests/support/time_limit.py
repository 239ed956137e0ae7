"""Ends a test process whose test hangs, and says which test it was.

A browser, a child process or a lock may keep a test waiting for ever, and the time limit of the whole run would then
leave no trace. A timer names the test and shows every thread; should it get no turn, pytest's own
`faulthandler_timeout` ends the process a little later.
"""

import faulthandler
import os
import threading
from collections.abc import Generator

import pytest

SECONDS = float(os.environ.get("TEST_SECONDS_EACH", "240"))
HUNG = 70  # the exit code of a process that this has ended


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(TimeLimit(os.dup(2)), "time limit")


class TimeLimit:
    def __init__(self, stderr: int) -> None:
        self.stderr = stderr  # the real one: tests see a captured one

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        timer = threading.Timer(SECONDS, self.give_up, [item.nodeid])
        timer.daemon = True
        timer.start()
        try:
            return (yield)
        finally:
            timer.cancel()

    def give_up(self, test: str) -> None:
        os.write(self.stderr, f"\nTIME LIMIT: {test} ran for more than {SECONDS} s\n".encode())
        faulthandler.dump_traceback(self.stderr, all_threads=True)
        os._exit(HUNG)
