"""Threads behind one barrier, each with a database connection of its own."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection

PATIENCE = 60  # seconds


def race(actions: Iterable[Callable[[], Any]]) -> list[Any]:
    """Start every action at the same moment; return each one's result or exception, in their order."""
    racers = list(actions)
    barrier = Barrier(len(racers))

    def run(action: Callable[[], Any]) -> Any:
        try:
            connection.ensure_connection()
            barrier.wait(PATIENCE)
            return action()
        except Exception as error:  # the caller asserts on it
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(racers)) as pool:
        return list(pool.map(run, racers))
