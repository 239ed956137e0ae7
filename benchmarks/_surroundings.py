"""A database of its own for a benchmark, with durable commits, migrated."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def prepared_database(folder: Path) -> Iterator[str]:
    """Start it below `folder`, point Django at it, and yield its address; media go below `folder` too."""
    from ltxplatform import embedded_postgres

    folder.chmod(0o755)
    with embedded_postgres.running(folder / "postgres") as address:
        os.environ |= {"DATABASE_URL": address, "LOG_LEVEL": "WARNING", "MEDIA_ROOT": f"{folder}/media"}
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ltxplatform.settings")
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        yield address
