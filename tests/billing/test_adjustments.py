"""What staff do by hand: give, take, refund a clip; a reason always, two people for much."""

import io
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from billing import services
from billing.models import Hold, Transaction
from billing.services import CreditSpent, KeyReused, SecondPersonNeeded
from tests.billing.books import check_walls, hold, make_wallet, settle, wallet
from tests.support.factories import make_user

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture(autouse=True)
def _books_balance():
    yield
    check_walls()
    assert services.find_violations() == []


@pytest.fixture
def staff():
    return make_user(is_staff=True)


def adjust(team, amount, by, key="k", **fields):
    return services.adjust_credits(
        **{"team": team, "amount": amount, "key": key, "by": by, "reason": "Why", "now": NOW} | fields
    )


def test_credit_is_given_and_taken_once_per_key(staff):
    team = make_wallet()

    assert [adjust(team, 500, staff) for _ in range(2)] == [500, 500]
    assert adjust(team, -200, staff, key="down") == 300

    assert wallet(team) == (300, 0)
    with pytest.raises(KeyReused):
        adjust(team, 501, staff)
    assert Transaction.objects.get(key="adjust:down").actor == f"staff:{staff.pk}"


def test_what_is_not_there_is_not_taken(staff):
    with pytest.raises(CreditSpent, match="left"):
        adjust(make_wallet(500), -501, staff)


@pytest.mark.parametrize("change", [{"amount": 0}, {"reason": " "}])
def test_an_adjustment_needs_an_amount_and_a_reason(change, staff):
    with pytest.raises(ValueError, match="amount and a reason"):
        adjust(**{"team": make_wallet(), "amount": 5, "by": staff} | change)


def test_much_needs_a_second_member_of_staff(staff, settings):
    settings.ADJUSTMENT_LIMIT = 1
    team, other, outsider = make_wallet(), make_user(is_staff=True), make_user()

    adjust(team, 1_000_000, staff, key="at the limit")
    for nobody in (None, staff, outsider):
        with pytest.raises(SecondPersonNeeded):
            adjust(team, 1_000_001, staff, approved_by=nobody)
    adjust(team, 1_000_001, staff, approved_by=other)

    assert wallet(team) == (2_000_001, 0)
    assert Transaction.objects.get(key="adjust:k").actor == f"staff:{staff.pk}+staff:{other.pk}"


def test_a_clip_is_refunded_once_to_where_its_credit_came_from():
    team, attempt = make_wallet(500), uuid4()
    made = hold(team, 75, attempt)
    settle(attempt, 60)

    for _ in range(2):
        given = services.refund_job(generation_id=attempt, actor="staff:1", reason="Broken", now=NOW)
        assert given == 60

    assert wallet(team) == (500, 0)
    assert Transaction.objects.get(key=f"unsettle:{made.pk}").kind == "job_refund"


def test_only_what_a_clip_cost_is_refunded():
    team, attempt = make_wallet(500), uuid4()
    hold(team, 75, attempt)
    for known, refusal in ((attempt, CreditSpent), (uuid4(), Hold.DoesNotExist)):
        with pytest.raises(refusal):
            services.refund_job(generation_id=known, actor="staff:1", reason="Why", now=NOW)
    with pytest.raises(ValueError, match="reason"):
        services.refund_job(generation_id=attempt, actor="staff:1", reason="", now=NOW)


def run_adjust(*arguments):
    out = io.StringIO()
    call_command("billing_adjust", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_gives_and_takes(staff):
    team = make_wallet()
    signed = ("--reason", "Sorry", "--by", staff.email)

    printed = run_adjust(team.slug, "2.50", *signed)
    assert printed == f"$2.50 adjusted. {team.slug} can spend $2.50.\n"
    for _ in range(2):
        run_adjust(team.slug, "-1", *signed, "--key", "ticket-7")

    assert wallet(team) == (1_500_000, 0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"team": "nobody"}, "no team called nobody"),
        ({"amount": "much"}, "not an amount"),
        ({"amount": "-1"}, "cannot be taken"),
        ({"amount": "101"}, "another member of staff"),
        ({"by": "stranger@example.com"}, "not on the staff"),
    ],
)
def test_the_command_explains_a_refusal(change, said, staff):
    wish = {"team": make_wallet().slug, "amount": "1", "by": staff.email} | change

    with pytest.raises(CommandError, match=said):
        run_adjust(wish["team"], wish["amount"], "--reason", "Why", "--by", wish["by"])


def test_the_command_takes_an_approval(staff):
    team, other = make_wallet(), make_user(is_staff=True)
    run_adjust(team.slug, "101", "--reason", "Why", "--by", staff.email, "--approved-by", other.email)

    assert wallet(team) == (101_000_000, 0)
