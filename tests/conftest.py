"""What every test gets: its database, an empty media folder, quick passwords. More in tests/support/."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connections
from playwright.sync_api import Browser, BrowserContext
from pytest_django import DjangoDbBlocker
from xdist.scheduler import LoadGroupScheduling

from tests.support import chromium, databases
from tests.support.product import USUAL, Product, product
from tests.support.sandbox_process import sandbox_server

# Playwright keeps an event loop running in the main thread, where Django then refuses to touch the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that both cores end together; users of the running product in one worker.

    The last to sort: pytest-django puts tests without a transaction around them at the end, which are the long ones.
    Without a browser the tests marked `browser` are skipped, or refused where one is required.
    """
    starting = {item.path for item in items if item.get_closest_marker("processes")}
    long = {item.path for item in items if item.get_closest_marker("long")}
    items.sort(
        key=lambda item: (
            "running" not in fixtures_of(item),
            item.path not in starting,
            item.path not in long,
        )
    )
    for item in items:
        if "running" in fixtures_of(item):
            item.add_marker(pytest.mark.xdist_group("the running product"))
    if chromium.find() is not None:
        return
    driven = [item for item in items if item.get_closest_marker("browser")]
    if driven and chromium.is_required():
        raise pytest.UsageError("No Chromium was found, and this run must not skip the browser tests.")
    for item in driven:
        item.add_marker(pytest.mark.skip(reason="no Chromium; set CHROMIUM=path"))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The process with the browser reads only files with tests for it; importing the others takes many seconds."""
    if config.option.markexpr != "browser" or not collection_path.name.startswith("test_"):
        return None
    return "mark.browser" not in collection_path.read_text() or None


class FilesTogether(LoadGroupScheduling):
    """Keeps a file in one worker, as `--dist loadfile` does, but for tests that belong to a group."""

    def _split_scope(self, nodeid: str) -> str:
        return super()._split_scope(nodeid).partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FilesTogether:
    return FilesTogether(config, log)


def fixtures_of(item: pytest.Item) -> tuple[str, ...]:
    return tuple(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """The test database is a copy of the run's migrated template: no process migrates again."""
    with django_db_blocker.unblock():
        connections["default"].settings_dict["TEST"] |= {"TEMPLATE": databases.template(), "MIGRATE": False}


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> None:
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def database_away(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Nothing listens where the database should be."""
    with django_db_blocker.unblock(), databases.connected_to_address("postgresql://x@:1/x?host=127.0.0.1"):
        yield


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
    # Pages of one context share a process: starting one costs more than most pages.
    flags += ["--renderer-process-limit=1", "--disable-gpu"]
    return {**browser_type_launch_args, "executable_path": chromium.find(), "args": flags}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict) -> dict:
    """Pages keep still: one that scrolls smoothly can take a button away between its press and its release."""
    return {**browser_context_args, "reduced_motion": "reduce"}


@pytest.fixture(scope="session")
def kept_context(browser: Browser, browser_context_args: dict) -> Iterator[BrowserContext]:
    """One for all tests, with a page that keeps its process alive between them."""
    context = browser.new_context(**browser_context_args)
    context.new_page()
    yield context
    context.close()


@pytest.fixture
def context(kept_context: BrowserContext) -> Iterator[BrowserContext]:
    """As good as new: no other pages, no cookies, no permissions, nothing stored for the site."""
    yield kept_context
    for page in kept_context.pages[1:]:
        if page.url.startswith("http"):
            page.evaluate("localStorage.clear(), sessionStorage.clear()")
        page.close()
    kept_context.clear_cookies()
    kept_context.clear_permissions()


@pytest.fixture
def cloned_database(
    request: pytest.FixtureRequest,
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
        django_db_blocker.unblock(),
        databases.clone() as name,
        databases.connected_to(name),
    ):
        monkeypatch.setenv("DATABASE_URL", databases.address_of(name))
        yield databases.address_of(name)


@pytest.fixture(scope="session")
def _product(django_db_blocker: DjangoDbBlocker, server_folders: Callable[[], Path]) -> Iterator[Product]:
    """Started with the first test that takes `running`."""
    with (
        django_db_blocker.unblock(),
        databases.clone() as name,
        sandbox_server() as fal,
        product(
            database=databases.address_of(name),
            fal=fal,
            media=server_folders(),
            names=(*USUAL, "live"),
            FAL_MAX_IN_FLIGHT="200",
            FAL_POLLS_PER_SECOND="60",
            FAL_LOST_REPLY_SECONDS="1",
            RESULT_MAX_BYTES="4000000",
            SAVING_DEADLINE_SECONDS="60",
        ) as processes,
    ):
        yield processes


@pytest.fixture
def running(
    _product: Product, settings, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Product]:
    """Every process of the product with fal's stand-in behind it, for tests that each make a team of their own.

    Database and processes are shared with the tests before, and so are their rows. The stand-in is as new. This
    test's own process works in the same database and files.
    """
    _product.fal.reset()
    _product.start_missing()
    for name, value in {**_product.fal.fal_settings, "MEDIA_ROOT": _product.media}.items():
        setattr(settings, name, value)
    with django_db_blocker.unblock(), databases.connected_to(_product.database_name):
        monkeypatch.setenv("DATABASE_URL", _product.environment["DATABASE_URL"])
        yield _product
