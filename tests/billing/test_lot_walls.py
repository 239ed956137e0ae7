"""What PostgreSQL refuses to do to lots, whoever asks."""

from uuid import uuid4

import pytest
from django.db.models.functions import Now

from billing.models import Lot, LotMove
from tests.billing.books import hold, make_wallet
from tests.billing.walls import new_transaction

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    """500 available, of which 75 are held."""
    team = make_wallet(500)
    hold(team, 75)
    return team


@pytest.mark.parametrize(
    "change",
    [
        {"remaining": 425, "granted": 425, "held": 0},
        {"moves_count": 9},
        {"priority": 1},
        {"source": "purchase"},
        {"expires_at": Now()},
        {"team": uuid4()},
    ],
)
def test_a_lot_changes_only_by_moves(team, change, refuses):
    refuses("changes only by moves", lambda: Lot.objects.update(**change))


def test_the_end_of_a_lot_is_put_off_once(team, refuses):
    Lot.objects.update(expires_at=Now(), extended=True)

    refuses("put off once", lambda: Lot.objects.update(expires_at=None))
    refuses("put off once", lambda: Lot.objects.update(extended=False))


def test_a_lot_starts_empty(team, refuses):
    refuses(
        "starts empty",
        lambda: Lot.objects.create(team=team, source="promo", priority=1, granted=5, remaining=5),
    )


def move(owner, lot, source="remaining", target="spent", amount=5):
    LotMove.objects.create(transaction_id=owner, lot=lot, source=source, target=target, amount=amount)


@pytest.mark.parametrize(
    ("source", "target", "amount", "said"),
    [
        ("remaining", "spent", 426, "lot_buckets_not_below_zero"),
        ("frozen", "remaining", 1, "lot_buckets_not_below_zero"),
        ("granted", "remaining", 5, "takes no such move"),  # filled before
        ("remaining", "granted", 5, "lot_buckets_add_up"),
        ("remaining", "remaining", 5, "lot_buckets_add_up"),
        ("remaining", "nowhere", 5, "lot_buckets_add_up"),
        ("remaining", "spent", 0, "lot_move_amount_positive"),
    ],
)
def test_a_move_takes_what_a_bucket_has(team, source, target, amount, said, refuses):
    lot = Lot.objects.get()
    refuses(said, lambda: move(new_transaction(team), lot, source, target, amount))


def test_a_move_belongs_to_a_new_transaction_of_its_team(team, refuses):
    lot = Lot.objects.get()
    refuses("takes no such move", lambda: move(new_transaction(make_wallet()), lot))
    refuses("takes no such move", lambda: move(2**40, lot))
