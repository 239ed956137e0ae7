"""Setting credit aside, capturing it, giving it back."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.actors import Actor
from accounts.permissions import BILLING_VIEW, GENERATIONS_CREATE
from billing import services
from billing.models import Entry, Hold, Transaction
from billing.services import InsufficientCredits, KeyReused, UsedMoreThanHeld
from tests.billing.books import check_walls, hold, make_wallet, quote_of, settle, wallet

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _books_balance():
    yield
    check_walls()
    assert services.find_violations() == []


def entries_of(key):
    return sorted(Entry.objects.filter(transaction__key=key).values_list("account__kind", "amount"))


def test_what_holds_and_settles_is_prepared_once_for_a_connection():
    team = make_wallet(500)
    for _ in range(2):
        settle(hold(team, 75).attempt, 75)

    assert prepared("billing_hold_credits") == prepared("billing_settle_hold") == 1


def prepared(function):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s", [f"% {function}(%"]
        )
        return cursor.fetchone()[0]


def test_a_hold_moves_credit_from_available_to_held():
    team, attempt = make_wallet(500), uuid4()

    made = hold(team, 75, attempt)

    assert wallet(team) == (425, 75)
    assert (made.amount, made.captured, made.released, made.state) == (75, 0, 0, "open")
    assert entries_of(f"hold:{attempt}") == [("available", -75), ("held", 75)]


def test_a_hold_keeps_the_price_it_was_worked_out_from():
    team, attempt = make_wallet(1_000_000), uuid4()
    price = services.quote(num_frames=121, detail_pass=True)
    until = timezone.now() + timedelta(hours=24)

    made = hold(team, price, attempt, until=until)

    stored = Hold.objects.get(attempt=attempt)
    assert all(getattr(made, f.attname) == getattr(stored, f.attname) for f in Hold._meta.concrete_fields)
    assert (made.team, made.expires_at, made.price_version_id) == (team, until, price.price_version_id)
    assert (made.amount, made.rate_nanos, made.num_frames, made.passes) == (201_667, 20_000_000, 121, 2)


def test_hold_and_settle_take_one_round_trip_each(django_assert_num_queries):
    team, attempt, price = make_wallet(500), uuid4(), quote_of(75)
    # Beside the savepoint around each.
    with django_assert_num_queries(3):
        hold(team, price, attempt)
    with django_assert_num_queries(3):
        settle(attempt, 75)


def test_the_last_credit_can_be_held():
    team = make_wallet(75)

    hold(team, 75)

    assert wallet(team) == (0, 75)


@pytest.mark.parametrize("credit", [0, 74])
def test_too_little_credit_is_refused_and_nothing_is_written(credit):
    team, attempt = make_wallet(credit), uuid4()

    with pytest.raises(InsufficientCredits) as refusal:
        hold(team, 75, attempt)

    assert (refusal.value.needed, refusal.value.available) == (75, credit)
    assert refusal.value.details == {
        "needed": 75,
        "available": credit,
        "shortfall": 75 - credit,
        "action": {"label": "Buy credit"},
    }
    assert wallet(team) == (credit, 0)
    assert services.hold_of(attempt) is None
    assert not Transaction.objects.filter(key=f"hold:{attempt}").exists()


@pytest.mark.parametrize(("sees_balance", "told"), [(True, True), (False, False)])
def test_only_who_may_see_the_balance_is_told_it(sees_balance, told):
    team = make_wallet(50_000)
    permissions = {GENERATIONS_CREATE} | ({BILLING_VIEW} if sees_balance else set())
    actor = Actor(kind="key", team=team, permissions=frozenset(permissions))

    with pytest.raises(InsufficientCredits) as refusal, transaction.atomic():
        services.hold_credits(
            actor=actor, generation_id=uuid4(), quote=quote_of(100_834), expires_at=timezone.now()
        )

    assert "$0.1009" in refusal.value.message
    assert ("$0.05" in refusal.value.message) == told
    assert ("available" in refusal.value.details) == told


def test_repeating_a_hold_returns_it_even_when_the_wallet_is_empty():
    team, attempt = make_wallet(75), uuid4()
    first = hold(team, 75, attempt)

    again = hold(team, 75, attempt, until=timezone.now() + timedelta(days=2))

    assert again == first
    assert again.expires_at == first.expires_at
    assert wallet(team) == (0, 75)


def test_repeating_a_hold_after_it_was_settled_holds_nothing_again():
    team, attempt = make_wallet(500), uuid4()
    hold(team, 75, attempt)
    settle(attempt, 75)

    assert hold(team, 75, attempt).is_settled
    assert wallet(team) == (425, 0)


def test_another_price_under_the_same_key_is_refused():
    team, attempt = make_wallet(500), uuid4()
    hold(team, 75, attempt)

    with pytest.raises(KeyReused):
        hold(team, 76, attempt)
    with pytest.raises(KeyReused):
        hold(make_wallet(), 75, attempt)
    assert wallet(team) == (425, 75)


def test_a_capture_turns_held_credit_into_revenue():
    team, attempt = make_wallet(500), uuid4()
    made = hold(team, 75, attempt)

    settled = settle(attempt, 75)

    assert (settled.captured, settled.released, settled.state) == (75, 0, "settled")
    assert wallet(team) == (425, 0)
    assert entries_of(f"settle:{made.pk}") == [("held", -75), ("revenue", 75)]
    assert made.transactions.get(key=f"settle:{made.pk}").kind == "capture"


def test_a_release_gives_everything_back():
    team, attempt = make_wallet(500), uuid4()
    made = hold(team, 75, attempt)

    settled = settle(attempt, 0)

    assert (settled.captured, settled.released) == (0, 75)
    assert wallet(team) == (500, 0)
    assert entries_of(f"settle:{made.pk}") == [("available", 75), ("held", -75)]
    assert made.transactions.get(key=f"settle:{made.pk}").kind == "release"


def test_a_partial_capture_returns_the_rest():
    team, attempt = make_wallet(500), uuid4()
    made = hold(team, 75, attempt)

    settled = settle(attempt, 60)

    assert (settled.captured, settled.released) == (60, 15)
    assert settled.settled_at is not None
    assert wallet(team) == (440, 0)
    assert entries_of(f"settle:{made.pk}") == [("available", 15), ("held", -75), ("revenue", 60)]
    assert made.transactions.get(key=f"settle:{made.pk}").kind == "partial_capture"


@pytest.mark.parametrize("second", [0, 60, 75, 76])
def test_settling_again_returns_the_first_result(second):
    team, attempt = make_wallet(500), uuid4()
    hold(team, 75, attempt)
    first = settle(attempt, 60)

    again = settle(attempt, second)

    assert (again.captured, again.released, again.settled_at) == (60, 15, first.settled_at)
    assert wallet(team) == (440, 0)


def test_more_than_was_held_cannot_be_captured():
    team, attempt = make_wallet(500), uuid4()
    hold(team, 75, attempt)

    with pytest.raises(UsedMoreThanHeld, match=r"\$0.000075 was set aside"):
        settle(attempt, 76)
    with pytest.raises(ValueError, match="negative"):
        settle(attempt, -1)

    assert wallet(team) == (425, 75)
    assert not services.hold_of(attempt).is_settled


def test_settling_what_was_never_held_is_a_mistake():
    with pytest.raises(Hold.DoesNotExist):
        settle(uuid4(), 0)


def test_a_hold_is_undone_with_the_callers_transaction():
    team, attempt = make_wallet(500), uuid4()

    with transaction.atomic():
        hold(team, 75, attempt)
        transaction.set_rollback(True)

    assert services.hold_of(attempt) is None
    assert wallet(team) == (500, 0)


def test_teams_do_not_touch_each_other():
    mine, yours = make_wallet(500), make_wallet(500)

    hold(mine, 75)

    assert (wallet(mine), wallet(yours)) == ((425, 75), (500, 0))


def test_a_balance_is_one_query(django_assert_num_queries):
    team = make_wallet(500)
    with django_assert_num_queries(1):
        assert services.balance_of(team) == services.Balance(available=500, held=0)
