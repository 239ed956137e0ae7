"""Lots: which credit burns first, what an end takes, what comes back after it."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import Schedule

from billing import services
from billing.models import Entry, Lot
from billing.services import InsufficientCredits
from tests.billing.books import check_walls, hold, make_wallet, settle, wallet

pytestmark = pytest.mark.django_db

NOW = timezone.now()
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _books_balance():
    yield
    check_walls()
    assert services.find_violations() == []


def grant(team, amount, ends=None):
    services.grant_promo(
        team=team, amount=amount, key=str(uuid4()), actor="test", reason="Test", expires_at=ends
    )
    return Lot.objects.latest("id")


def buckets(lot):
    lot.refresh_from_db()
    found = {
        name: getattr(lot, name)
        for name in ("remaining", "held", "frozen", "spent", "expired", "reversed")
        if getattr(lot, name)
    }
    assert lot.granted == sum(found.values())
    return found


def test_a_grant_is_a_lot():
    team = make_wallet(500)

    (lot,) = services.lots_of(team)

    assert (lot.source, lot.granted, lot.expires_at, buckets(lot)) == ("promo", 500, None, {"remaining": 500})


def test_what_ends_first_burns_first_and_what_never_ends_last():
    team = make_wallet()
    never, late, soon = grant(team, 100), grant(team, 100, NOW + 9 * DAY), grant(team, 100, NOW + DAY)
    assert services.lots_of(team) == [soon, late, never]

    hold(team, 150)

    assert [buckets(lot) for lot in (soon, late, never)] == [
        {"held": 100},
        {"remaining": 50, "held": 50},
        {"remaining": 100},
    ]


def test_a_part_captured_is_taken_from_what_burns_first():
    team, attempt = make_wallet(), uuid4()
    first, second = grant(team, 100, NOW + DAY), grant(team, 100)
    hold(team, 150, attempt)

    settle(attempt, 120)

    assert (buckets(first), buckets(second)) == ({"spent": 100}, {"remaining": 80, "spent": 20})


def test_a_release_returns_to_each_lot_what_came_from_it():
    team, attempt = make_wallet(), uuid4()
    first, second = grant(team, 100, NOW + DAY), grant(team, 100)
    hold(team, 150, attempt)

    settle(attempt, 0)

    assert (buckets(first), buckets(second)) == ({"remaining": 100}, {"remaining": 100})


def test_a_hold_never_burns_what_is_overdue():
    team = make_wallet(50)
    old = grant(team, 100, NOW - DAY)

    with pytest.raises(InsufficientCredits) as refusal:
        hold(team, 60)

    assert refusal.value.available == 50  # and the caller undid everything, the end of the lot too
    hold(team, 50)
    assert buckets(old) == {"expired": 100}
    assert wallet(team) == (0, 50)
    legs = Entry.objects.filter(transaction__key=f"lot:{old.pk}:expire:1")
    assert sorted(legs.values_list("account__kind", "amount")) == [("available", -100), ("promo", 100)]


def test_overdue_lots_end_without_a_hold():
    teams = [make_wallet(10), make_wallet(20)]
    for team in teams:
        grant(team, 5, NOW - DAY)
        grant(team, 7, NOW + DAY)

    assert services.expire_overdue_lots(now=NOW) == 2
    assert services.expire_overdue_lots(now=NOW) == 0

    assert [wallet(team) for team in teams] == [(17, 0), (27, 0)]


def test_the_schedule_ends_overdue_lots():
    team = make_wallet(10)
    grant(team, 5, timezone.now() - DAY)

    import_string(Schedule.objects.get(name="billing ends").func)()

    assert wallet(team) == (10, 0)


def test_credit_returned_to_an_overdue_lot_gets_seven_days_once():
    team = make_wallet()
    lot = grant(team, 100, NOW + DAY)
    first, second = uuid4(), uuid4()
    hold(team, 60, first)
    hold(team, 40, second)

    settle(first, 0, now=NOW + 2 * DAY)

    assert buckets(lot) == {"remaining": 60, "held": 40}
    assert lot.expires_at == NOW + 9 * DAY
    assert services.expire_overdue_lots(now=NOW + 9 * DAY) == 1
    settle(second, 0, now=NOW + 10 * DAY)
    assert buckets(lot) == {"remaining": 40, "expired": 60}
    assert lot.expires_at == NOW + 9 * DAY
    assert services.expire_overdue_lots(now=NOW + 10 * DAY) == 1
    assert buckets(lot) == {"expired": 100}
    assert Entry.objects.filter(transaction__key=f"lot:{lot.pk}:expire:2").exists()


def test_a_lot_that_is_not_overdue_keeps_its_end():
    team, attempt = make_wallet(), uuid4()
    lot = grant(team, 100, NOW + DAY)
    hold(team, 60, attempt)

    settle(attempt, 10, now=NOW)

    lot.refresh_from_db()
    assert (lot.expires_at, lot.extended) == (NOW + DAY, False)
