"""Private copies of the migrated test database, for tests that need real commits.

The append-only triggers refuse the TRUNCATE behind pytest-django's `transaction=True`, so a test that
races connections or starts processes works in a clone and throws it away.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from urllib.parse import parse_qs, quote, urlsplit
from uuid import uuid4

import psycopg
from django.core.management import call_command
from django.db import connections
from psycopg import sql
from psycopg.pq import ExecStatus

from ltxplatform import embedded_postgres
from tests.support import postgres

MAKING_THE_TEMPLATE = 0x1754_7E57  # an advisory lock's number


def address_of(name: str) -> str:
    """The DATABASE_URL of another database on the server the tests use."""
    its = connections["default"].settings_dict
    password = f":{quote(its['PASSWORD'], safe='')}" if its["PASSWORD"] else ""
    port = f":{its['PORT']}" if its["PORT"] else ""
    return f"postgresql://{quote(its['USER'], safe='')}{password}@{port}/{name}?host={quote(its['HOST'])}"


def run(statement: sql.Composed) -> None:
    """Run one statement outside transactions, in the server's maintenance database."""
    with psycopg.connect(address_of("postgres"), autocommit=True) as connection:
        connection.execute(statement)


def template() -> str:
    """The name of a migrated database that nobody connects to.

    Migrating takes seconds, copying a tenth of one: of all processes of a run the first that asks migrates, and
    the others wait for it.
    """
    name = os.environ[postgres.TEMPLATE]
    with psycopg.connect(address_of("postgres"), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [MAKING_THE_TEMPLATE])
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            unfinished = f"{name}_unfinished"
            drop(unfinished)
            run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unfinished)))
            with connected_to(unfinished):
                call_command("migrate", verbosity=0)
            run(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                    sql.Identifier(unfinished), sql.Identifier(name)
                )
            )
    return name


def fill(address: str) -> None:
    """Copy the template into an empty database of another server, which takes a tenth of migrating it."""
    programs, environment = embedded_postgres.programs(), embedded_postgres.environment()
    dumped = subprocess.run(
        [programs / "pg_dump", address_of(template())], env=environment, capture_output=True, check=True
    )
    subprocess.run(
        [programs / "psql", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", address],
        input=dumped.stdout,
        env=environment,
        stdout=subprocess.DEVNULL,
        check=True,
    )


def drop(name: str) -> None:
    run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def clone() -> Iterator[str]:
    """A fresh copy of the template for the length of the block; yields its name."""
    name = f"clone_{uuid4().hex[:12]}"
    names = [sql.Identifier(name), sql.Identifier(template())]
    # Copying files costs half of copying through the log.
    run(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(*names))
    try:
        yield name
    finally:
        drop(name)


@contextmanager
def quick_savepoints() -> Iterator[None]:
    """Set and release savepoints of the default connection past Django's and psycopg's cursors, in a third of the time.

    For tests of very many short services: each opens a transaction of its own, which is a savepoint inside the test's.
    """
    connection = connections["default"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")  # psycopg begins the transaction with the first statement it is given

    def send(statement: str, sid: str) -> None:
        result = connection.connection.pgconn.exec_(f"{statement} {sid}".encode())
        assert result.status == ExecStatus.COMMAND_OK, result.error_message.decode()

    ways = {
        "_savepoint": "SAVEPOINT",
        "_savepoint_commit": "RELEASE SAVEPOINT",
        "_savepoint_rollback": "ROLLBACK TO SAVEPOINT",
    }
    for name, statement in ways.items():
        setattr(connection, name, partial(send, statement))
    try:
        yield
    finally:
        for name in ways:
            delattr(connection, name)


@contextmanager
def connected_to(name: str) -> Iterator[None]:
    """Point Django's default connection, in every thread opened from now on, at database `name`."""
    with _connected(NAME=name):
        yield


@contextmanager
def connected_to_address(address: str) -> Iterator[None]:
    """The same for a database of another server."""
    parts = urlsplit(address)
    (host,) = parse_qs(parts.query)["host"]
    with _connected(NAME=parts.path.removeprefix("/"), HOST=host, USER=parts.username, PORT=str(parts.port)):
        yield


@contextmanager
def _connected(**place: str | None) -> Iterator[None]:
    its = connections["default"].settings_dict
    before = dict(its)
    connections.close_all()
    its.update(place)
    try:
        yield
    finally:
        connections.close_all()
        its.update({name: before[name] for name in place})
