"""A team in the running product."""

import pytest

from accounts.models import Team
from tests.support.factories import give_credits, make_team
from tests.support.product import Product


@pytest.fixture
def team(running: Product) -> Team:
    team = make_team()
    give_credits(team, 100_000_000)
    return team
