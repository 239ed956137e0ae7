"""The whole product in its own processes, fal's stand-in behind it, and a browser in front."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from accounts.models import Team
from tests.support import factories
from tests.support.product import Product, product
from tests.support.sandbox_process import SandboxHandle, sandbox_server
from tests.support.watch import Watch


@pytest.fixture(autouse=True)
def _rows_beside_playwright(monkeypatch: pytest.MonkeyPatch) -> None:
    """Playwright keeps an event loop in this thread, which Django takes for asynchronous code."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")


@pytest.fixture
def fal() -> Iterator[SandboxHandle]:
    with sandbox_server(inference_seconds=1.5) as handle:
        yield handle


@pytest.fixture
def team(cloned_database: str) -> Team:
    team = factories.make_team(factories.make_user("maker@example.com", name="Mara Maker"), name="Journeys")
    factories.give_credits(team, 1_000_000)
    return team


@pytest.fixture
def running(fal: SandboxHandle, team: Team, cloned_database: str, media_root) -> Iterator[Product]:
    with product(database=cloned_database, fal=fal, media=media_root) as processes:
        yield processes


@pytest.fixture
def watch(page: Page, running: Product) -> Watch:
    """What the browser complained about; scripts, styles and requests elsewhere must give no cause."""
    return Watch(page, running.url)
