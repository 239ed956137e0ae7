"""Private copies of the migrated test database, for tests that need real commits.

The append-only triggers refuse the TRUNCATE behind pytest-django's `transaction=True`, so a test that
races connections or starts processes works in a clone and throws it away.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote
from uuid import uuid4

import psycopg
from django.db import connections
from psycopg import sql


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


def migrated() -> str:
    """The name of the test database; makes it when no chosen test uses the `db` fixture."""
    connection = connections["default"]
    wanted = connection.settings_dict["TEST"]["NAME"]
    if connection.settings_dict["NAME"] != wanted:
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
    return str(wanted)


def copy(source: str, target: str) -> None:
    """Create database `target` as a copy of `source`, which must have no open connection."""
    run(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(target), sql.Identifier(source)))


def drop(name: str) -> None:
    run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def clone_of(template: str) -> Iterator[str]:
    """A fresh copy of `template` for the length of the block; yields its name."""
    name = f"clone_{uuid4().hex[:12]}"
    copy(template, name)
    try:
        yield name
    finally:
        drop(name)


@contextmanager
def connected_to(name: str) -> Iterator[None]:
    """Point Django's default connection, in every thread opened from now on, at database `name`."""
    its = connections["default"].settings_dict
    before = its["NAME"]
    connections.close_all()
    its["NAME"] = name
    try:
        yield
    finally:
        connections.close_all()
        its["NAME"] = before
