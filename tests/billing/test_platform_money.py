"""Fees, payouts and the provider's price: the platform's own accounts."""

from decimal import Decimal
from uuid import uuid4

import pytest

from billing import services
from billing.models import Entry
from billing.services import KeyReused
from tests.billing.books import check_walls

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _books_balance():
    yield
    check_walls()
    assert services.find_violations() == []


def legs(key):
    return sorted(Entry.objects.filter(transaction__key=key).values_list("account__kind", "amount"))


def test_a_fee_and_a_payout_are_posted_once():
    for _ in range(2):
        services.post_stripe_fee(balance_transaction="txn_1", amount=590_000)
        services.post_payout(payout="po_1", amount=24_000_000)

    assert legs("btxn:txn_1:fee") == [("clearing", 590_000), ("stripe_fee", -590_000)]
    assert legs("payout:po_1") == [("bank", -24_000_000), ("clearing", 24_000_000)]
    with pytest.raises(KeyReused):
        services.post_payout(payout="po_1", amount=1)
    with pytest.raises(ValueError, match="above zero"):
        services.post_payout(payout="po_2", amount=0)


def test_the_providers_price_is_posted_as_it_becomes_known():
    job = uuid4()

    posted = [
        services.post_provider_cost(generation_id=job, units=Decimal("5.0417"), cost_nanos=nanos)
        for nanos in (100_833_333, 100_833_333, 90_000_000)
    ]

    assert posted == [True, False, True]
    assert legs(f"attempt:{job}:cost:1") == [("provider_cost", -100_834), ("provider_funds", 100_834)]
    assert legs(f"attempt:{job}:cost:2") == [("provider_cost", 10_834), ("provider_funds", -10_834)]
    with pytest.raises(ValueError, match="below zero"):
        services.post_provider_cost(generation_id=job, units=Decimal(1), cost_nanos=-1)
