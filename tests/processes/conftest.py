"""A stand-in for fal, and a database with real commits for the product's own processes."""

from collections.abc import Iterator

import pytest

from tests.support.factories import give_credits, make_team
from tests.support.sandbox_process import SandboxHandle, sandbox_server


@pytest.fixture
def fal(settings) -> Iterator[SandboxHandle]:
    with sandbox_server() as handle:
        for name, value in handle.fal_settings.items():
            setattr(settings, name, value)
        yield handle


@pytest.fixture
def team(cloned_database):
    team = make_team()
    give_credits(team, 100_000_000)
    return team
