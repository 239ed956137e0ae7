"""A throw-away PostgreSQL for each test run, up before Django's settings are read.

Loaded by `-p` in pyproject.toml, because pytest-django reads the settings before any conftest.py.
With DATABASE_URL set, that server is used instead. Workers of pytest-xdist inherit the address.
"""

import os
import shutil
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from ltxplatform import embedded_postgres

RUNS = Path(__file__).resolve().parents[2] / ".local" / "test-runs"


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    options = early_config.known_args_namespace
    if os.environ.get("DATABASE_URL") or options.help or options.version:
        return
    remove_ended_runs()
    folder = RUNS / str(os.getpid())
    run = ExitStack()
    early_config.add_cleanup(run.close)
    run.callback(shutil.rmtree, folder, ignore_errors=True)
    os.environ["DATABASE_URL"] = run.enter_context(
        embedded_postgres.running(folder / "postgres", durable=False)
    )
    run.callback(os.environ.pop, "DATABASE_URL", None)


def remove_ended_runs() -> None:
    """Delete what killed runs left behind."""
    for folder in RUNS.glob("*"):
        if folder.name.isdigit() and not psutil.pid_exists(int(folder.name)):
            shutil.rmtree(folder, ignore_errors=True)
