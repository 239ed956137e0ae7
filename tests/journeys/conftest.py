"""A team and a browser in front of the running product."""

import pytest
from playwright.sync_api import Page

from accounts.models import Team
from tests.support import factories
from tests.support.product import Product
from tests.support.watch import Watch


@pytest.fixture
def team(running: Product) -> Team:
    team = factories.make_team(factories.make_user(name="Mara Maker"), name="Journeys")
    factories.give_credits(team, 1_000_000)
    return team


@pytest.fixture
def watch(page: Page, running: Product) -> Watch:
    """What the browser complained about; scripts, styles and requests elsewhere must give no cause."""
    return Watch(page, running.url, running.live_url)
