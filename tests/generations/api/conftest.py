"""A program of the team, and a picture that it may use."""

import pytest

from generations.models import Image
from tests.support.api import ApiClient, api_for
from tests.support.factories import make_image


@pytest.fixture
def api(team) -> ApiClient:
    return api_for(team)


@pytest.fixture
def image(team) -> Image:
    return make_image(team)
