"""What every test gets: its database, an empty media folder, quick passwords. More in tests/support/."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from django.conf import settings as django_settings
from django.db import connection
from pytest_django import DjangoDbBlocker

from tests.support import chromium, databases

# Playwright keeps an event loop running in the main thread, where Django then refuses to touch the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that both cores end together; files with a browser last, for its event loop stays.

    Without a browser the tests marked `browser` are skipped, or refused where one is required.
    """
    browsing = {item.path for item in items if item.get_closest_marker("browser")}
    starting = {item.path for item in items if item.get_closest_marker("processes")}
    items.sort(key=lambda item: (item.path in browsing, item.path not in starting))
    if chromium.find() is not None:
        return
    driven = [item for item in items if item.get_closest_marker("browser")]
    if driven and chromium.is_required():
        raise pytest.UsageError("No Chromium was found, and this run must not skip the browser tests.")
    for item in driven:
        item.add_marker(pytest.mark.skip(reason="no Chromium; set CHROMIUM=path"))


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> None:
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def media_root(tmp_path: Path, settings) -> Path:
    """An empty folder for uploads and clips, this test's own."""
    folder = tmp_path / "media"
    folder.mkdir()
    settings.MEDIA_ROOT = folder
    return folder


@pytest.fixture(scope="session")
def server_folders() -> Iterator[Callable[[], Path]]:
    """Makes folders for database servers: short paths, and not pytest's own folder, which every run that
    starts closes again for the system user that PostgreSQL runs as."""
    with ExitStack() as stack:
        yield lambda: Path(stack.enter_context(TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True)))


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    """Playwright drives the machine's own Chromium; its sandbox does not work for root."""
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []
    return {**browser_type_launch_args, "executable_path": chromium.find(), "args": flags}


@pytest.fixture(scope="session")
def template_database(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The name of a copy of the migrated test database that nobody connects to."""
    with django_db_blocker.unblock():
        source = databases.migrated()
        connection.close()
        name = f"template_{source}"
        databases.drop(name)
        databases.copy(source, name)
        yield name
        databases.drop(name)


@pytest.fixture
def cloned_database(
    request: pytest.FixtureRequest,
    template_database: str,
    django_db_blocker: DjangoDbBlocker,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """A private copy of the migrated database with real commits; yields its DATABASE_URL.

    Django's default connection points at it in this test and in threads the test starts (each must close
    its own), and child processes find it in DATABASE_URL. Not together with `db`, whose transaction
    nobody else could see.
    """
    if "db" in request.fixturenames or request.node.get_closest_marker("django_db"):
        pytest.fail("cloned_database commits for real: drop the db fixture or mark.")
    with (
        databases.clone_of(template_database) as name,
        django_db_blocker.unblock(),
        databases.connected_to(name),
    ):
        monkeypatch.setenv("DATABASE_URL", databases.address_of(name))
        yield databases.address_of(name)
