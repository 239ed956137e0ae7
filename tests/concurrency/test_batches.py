"""Batches racing for the same credits and the same key: each is made whole or not at all."""

from functools import partial

import pytest

from billing.services import InsufficientCredits, balance_of, find_violations
from generations.models import Batch, BatchKind, Generation
from generations.parameters import ClipParams
from generations.services import BatchResult, Order, submit_batch
from tests.concurrency.racing import race
from tests.contracts.world import picture_of
from tests.support.factories import actor_for, give_credits, make_team

pytestmark = [pytest.mark.concurrency, pytest.mark.usefixtures("cloned_database")]

CLIPS = 5
PRICE = CLIPS * 7_500


@pytest.fixture
def team(cloned_database):
    """Credits for two batches and a half: the third would run out in its middle."""
    team = make_team()
    give_credits(team, PRICE * 5 // 2)
    return team


def submit(actor, image, key):
    orders = [
        Order(image.pk, ClipParams(prompt="A boat", num_frames=9, resolution="480p", seed=seed))
        for seed in range(CLIPS)
    ]
    return submit_batch(actor=actor, kind=BatchKind.SEEDS, orders=orders, idempotency_key=key)


def test_batches_are_paid_whole_or_not_made(team):
    image, actor = picture_of(team), actor_for(team)

    results = race([partial(submit, actor, image, f"key {number}") for number in range(8)])

    made = [result for result in results if isinstance(result, BatchResult)]
    refused = [result for result in results if isinstance(result, InsufficientCredits)]
    assert (len(made), len(refused)) == (2, 6)
    # What all would have cost, and what there was before the first clip of it took anything.
    assert {error.needed for error in refused} == {PRICE}
    assert {error.available for error in refused} <= {PRICE * 5 // 2, PRICE * 3 // 2, PRICE // 2}
    assert (Batch.objects.count(), Generation.objects.count()) == (2, 2 * CLIPS)
    assert balance_of(team).held == 2 * PRICE
    assert find_violations() == []


def test_one_order_sent_twenty_times_makes_one_batch(team):
    image, actor = picture_of(team), actor_for(team)

    results = race([partial(submit, actor, image, "same key")] * 20)

    assert {type(result) for result in results} == {BatchResult}
    assert len({result.batch.pk for result in results}) == 1
    assert Generation.objects.count() == CLIPS
    assert balance_of(team).held == PRICE
