"""One world for all tests of a file: made once, and as it was again after each of them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from tests.contracts.cast import Cast, cast_of
from tests.contracts.world import World, make_world


@contextmanager
def undone() -> Iterator[None]:
    """What is written inside is gone afterwards."""
    block = transaction.atomic()
    # As in Django's own test cases: code that insists on no transaction around it does not count this one.
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def once_a_file(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The transaction in which a file's rows are made, around those of its tests."""
    with django_db_blocker.unblock(), undone():
        yield


@pytest.fixture(scope="module")
def standing_world(once_a_file: None) -> World:
    return make_world()


@pytest.fixture(scope="module")
def standing_cast(standing_world: World) -> Cast:
    return cast_of(standing_world)


@pytest.fixture
def one_world(standing_world: World, db: None) -> World:
    return standing_world


@pytest.fixture
def cast(one_world: World, standing_cast: Cast) -> Cast:
    return standing_cast
