"""How much a page asks the database: a known number, and the same for one clip as for many."""

from collections.abc import Callable, Iterator

import pytest
from django.core.cache import caches
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from generations.services import eta
from tests.contracts.access import ACCESS
from tests.contracts.world import World, browser_of, make_world, picture_of, program_of
from tests.support import factories

# What each page asked when this was written; a page that wants more should say why.
PAGES = {
    "generations:home": 15,
    "generations:create": 15,  # one for the projects to choose from, as in the next two; one for the reader's limits
    "generations:clips": 10,
    "generations:clip": 12,
    "generations:recipe": 6,
    "generations:edit": 15,
    "generations:batch_create": 11,
    "generations:batches": 8,
    "generations:batch": 11,
    "accounts:keys": 9,  # the projects that a new key may be for, asked and then drawn
    "accounts:key": 9,
    "accounts:projects": 7,
    "accounts:staff_visits": 7,
    "accounts:members": 12,
    "accounts:audit_log": 8,
    "accounts:team_settings": 8,
    "data_rights:team_data": 8,
    "data_rights:team_delete": 16,
    "billing:home": 17,
    "billing:purchase": 11,
    "billing:statement": 18,
    "billing:usage": 13,
    "billing:budgets": 16,
}
ENDPOINTS = {"/generations": 5, "/balance": 3, "/models": 3, "/projects": 2, "/api-keys": 2, "/budgets": 3}


@pytest.fixture(autouse=True)
def _nothing_runs_out_meanwhile(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What processes keep for seconds would otherwise be asked for again in the middle of a count, now and then."""
    caches["local"].clear()
    monkeypatch.setattr(eta, "LINE_SECONDS", 3600)
    monkeypatch.setattr(eta, "HISTORY_SECONDS", 3600)
    yield
    caches["local"].clear()


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def counted(ask: Callable[[], object]) -> list[str]:
    ask()  # what is cached for the process is not the page's
    with CaptureQueriesContext(connection) as queries:
        ask()
    return [query["sql"] for query in queries]


def more_clips(world: World) -> None:
    for _ in range(4):
        factories.make_generation(world.team, image=picture_of(world.team))


@pytest.mark.parametrize(("name", "most"), PAGES.items())
def test_a_page_asks_no_more_for_more_clips(world: World, name: str, most: int) -> None:
    browser = browser_of(world.people["owner"])
    path = reverse(name, kwargs=world.arguments(ACCESS[name].args))

    few = counted(lambda: browser.get(path))
    more_clips(world)
    many = counted(lambda: browser.get(path))

    assert len(few) <= most, few
    assert len(many) <= len(few), many


@pytest.mark.parametrize(("path", "most"), ENDPOINTS.items())
def test_an_endpoint_asks_no_more_for_more_clips(world: World, path: str, most: int) -> None:
    program = program_of(world.team, world.people["owner"])

    few = counted(lambda: program.get(path))
    more_clips(world)
    many = counted(lambda: program.get(path))

    assert len(few) <= most, few
    assert len(many) == len(few), many
