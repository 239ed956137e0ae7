"""Buying credit: one payment, one credit, whoever reports it and how often."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing import services
from billing.models import Entry, Lot, Purchase
from tests.billing.books import buy, check_walls, make_wallet, wallet

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _books_balance():
    yield
    check_walls()
    assert services.find_violations() == []


def test_a_payment_becomes_a_lot_of_credit_and_tax():
    team = make_wallet()

    bought = buy(team, 25_000_000, tax_cents=475)

    assert (bought.state, bought.gross_cents, wallet(team)) == ("paid", 2975, (25_000_000, 0))
    legs = Entry.objects.filter(transaction__key=f"purchase:{bought.pk}:credit")
    assert sorted(legs.values_list("account__kind", "amount")) == [
        ("available", 25_000_000),
        ("clearing", -29_750_000),
        ("tax_payable", 4_750_000),
    ]
    lot = Lot.objects.get()
    assert (lot.source, lot.purchase, lot.granted, lot.expires_at) == ("purchase", bought, 25_000_000, None)


def test_the_same_payment_is_credited_once():
    team = make_wallet()
    bought = buy(team, 10_000)

    again = services.credit_purchase(purchase=bought, actor="poller", now=timezone.now())

    assert (again, wallet(team)) == (False, (10_000, 0))


def test_given_credit_burns_before_paid_credit_and_paid_credit_may_end():
    team = make_wallet()
    buy(team, 10_000, credit_days=365)
    services.grant_promo(team=team, amount=500, key="k", actor="test", reason="Test")

    assert [lot.source for lot in services.lots_of(team)] == ["promo", "purchase"]
    paid = Lot.objects.get(source="purchase")
    assert paid.expires_at == paid.purchase.paid_at + timedelta(days=365)


def test_the_tax_of_the_payment_counts_when_it_came_later():
    team = make_wallet()
    bought = services.start_purchase(team=team, credit=1_000_000, actor="test")

    services.credit_purchase(purchase=bought, actor="test", now=timezone.now(), tax_cents=19)

    assert (bought.gross_cents, bought.tax_cents, wallet(team)) == (119, 19, (1_000_000, 0))


@pytest.mark.parametrize("credit", [0, -10_000, 10_001])
def test_credit_is_bought_in_whole_cents(credit):
    with pytest.raises(ValueError, match="whole cents"):
        services.start_purchase(team=make_wallet(), credit=credit, actor="test")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("draft", {"state": "paid", "paid_at": "2030-01-01T00:00Z"}, "became paid without its credit"),
        ("draft", {"credit": 20_000, "gross_cents": 2}, "keeps its team and its amounts"),
        ("expired", {"state": "open"}, "does not go from expired to open"),
        ("paid", {"state": "failed", "paid_at": None}, "does not go from paid to failed"),
        ("paid", {"gross_cents": 2, "tax_cents": 1}, "keeps its team and its amounts"),
        ("draft", {"gross_cents": 2}, "purchase_credit_and_tax_are_gross"),
    ],
)
def test_a_purchase_keeps_to_its_states(before, after, said):
    bought = services.start_purchase(team=make_wallet(), credit=10_000, actor="test")
    if before == "paid":
        services.credit_purchase(purchase=bought, actor="test", now=timezone.now())
    elif before != "draft":
        Purchase.objects.update(state=before)
    check_walls()

    @transaction.atomic
    def change():
        Purchase.objects.update(**after)
        check_walls()

    with pytest.raises(IntegrityError, match=said):
        change()
