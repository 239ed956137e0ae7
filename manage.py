#!/usr/bin/env python
"""Django's command line, with a database of its own where none is named."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# These never open the database, or bring it up themselves.
WITHOUT_DATABASE = {
    "check",
    "collectstatic",
    "compilemessages",
    "demo",
    "diffsettings",
    "findstatic",
    "help",
    "makemessages",
    "startapp",
    "version",
}


@contextmanager
def database(arguments: list[str]) -> Iterator[None]:
    """Have the embedded PostgreSQL running for the command, unless DATABASE_URL names a database."""
    command = arguments[0] if arguments else "help"
    if command.startswith("-") or command in WITHOUT_DATABASE or {"-h", "--help"} & set(arguments):
        yield
        return
    from django.conf import settings

    from ltxplatform import embedded_postgres

    if settings.EMBEDDED_POSTGRES is None:
        yield
        return
    with embedded_postgres.running(settings.EMBEDDED_POSTGRES) as address:
        os.environ["DATABASE_URL"] = address
        yield


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ltxplatform.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from ltxplatform.embedded_postgres import EmbeddedPostgresError

    try:
        with database(sys.argv[1:]):
            execute_from_command_line(sys.argv)
    except (EmbeddedPostgresError, ImproperlyConfigured) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
