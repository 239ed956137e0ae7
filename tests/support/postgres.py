"""A throw-away PostgreSQL for each test run, up before Django's settings are read.

Loaded by `-p` in pyproject.toml, because pytest-django reads the settings before any conftest.py.
With DATABASE_URL set, that server is used instead. Processes started by the run inherit the address, and the name
of the migrated database that all of them copy (`databases.template`).
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg import sql

from ltxplatform import embedded_postgres

RUNS = Path(__file__).resolve().parents[2] / ".local" / "test-runs"
TEMPLATE = "TEST_TEMPLATE_DATABASE"


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    options = early_config.known_args_namespace
    if options.help or options.version:
        return
    run = ExitStack()
    early_config.add_cleanup(run.close)
    run.enter_context(for_one_run())


@contextmanager
def for_one_run() -> Iterator[None]:
    """Name the server and the template in the environment; nothing to do where the run's starter has done so."""
    if TEMPLATE in os.environ:
        yield
        return
    with ExitStack() as run:
        if not os.environ.get("DATABASE_URL"):
            run.enter_context(_own_server())
        os.environ[TEMPLATE] = f"template_{os.getpid()}"
        try:
            yield
        finally:
            _forget(os.environ.pop(TEMPLATE))


@contextmanager
def _own_server() -> Iterator[None]:
    _remove_ended_runs()
    folder = RUNS / str(os.getpid())
    try:
        with embedded_postgres.running(folder / "postgres", durable=False) as address:
            os.environ["DATABASE_URL"] = address
            yield
    finally:
        os.environ.pop("DATABASE_URL", None)
        shutil.rmtree(folder, ignore_errors=True)


def _forget(template: str) -> None:
    """Drop the run's template, which a server that lives on would keep."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(template)))


def _remove_ended_runs() -> None:
    """Delete what killed runs left behind."""
    for folder in RUNS.glob("*"):
        if folder.name.isdigit() and not psutil.pid_exists(int(folder.name)):
            shutil.rmtree(folder, ignore_errors=True)
