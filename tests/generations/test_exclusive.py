"""Two workers never work on the same clip, and a dead one's claim ends with its connection."""

from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import connection

from generations.services.exclusive import exclusive
from ltxplatform import processes
from tests.support.databases import address_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def other_worker():
    """A session of its own on the same database."""
    with psycopg.connect(address_of(connection.settings_dict["NAME"]), autocommit=True) as session:
        yield session


def takes(session: psycopg.Connection, generation_id: UUID) -> bool:
    key = (generation_id.int & (2**64 - 1)) - 2**63
    return bool(session.execute("SELECT pg_try_advisory_lock(%s)", [key]).fetchone()[0])


def test_the_second_worker_is_told_so(other_worker) -> None:
    clip, another = uuid4(), uuid4()

    with exclusive(clip) as mine:
        assert mine
        assert not takes(other_worker, clip)
        assert takes(other_worker, another)

    assert takes(other_worker, clip)


def test_who_comes_too_late_does_not_end_the_first_claim(other_worker) -> None:
    clip = uuid4()
    assert takes(other_worker, clip)

    with exclusive(clip) as mine:
        assert not mine
    with exclusive(clip) as mine:
        assert not mine


def test_a_claim_ends_with_an_error_and_with_its_connection(other_worker) -> None:
    clip = uuid4()

    with pytest.raises(ZeroDivisionError), exclusive(clip):
        _ = 1 / 0
    assert takes(other_worker, clip)

    other_worker.close()
    assert processes.wait_until(lambda: claimed(clip), seconds=5)  # the server takes a moment to notice


def claimed(generation_id: UUID) -> bool:
    with exclusive(generation_id) as mine:
        return mine
