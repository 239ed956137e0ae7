"""Limits: who may spend how much in which period, what a refusal says, and what is noted on the way."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from accounts.actors import key_actor
from accounts.api_keys import create_api_key
from accounts.services import create_project
from billing import services
from billing.models import Budget, Lot, Notice
from billing.services import BudgetExceeded, InsufficientCredits, TeamFrozen
from tests.billing.books import buy, check_walls, quote_of, settle, wallet
from tests.support.factories import actor_for, give_credits, make_member, make_team

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 12, 2, 12, tzinfo=UTC)  # a Wednesday
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _books_balance():
    yield
    check_walls()
    assert services.find_violations() == []


@pytest.fixture
def team():
    team = make_team()
    give_credits(team, 1000)
    return team


@pytest.fixture
def member(team):
    return actor_for(team, make_member(team, "editor"))


def limit(actor, cap, period="day"):
    return services.set_limit(team=actor.team, member=actor.user, period=period, cap=cap)


def hold(actor, amount, now=NOON, **fields):
    attempt = uuid4()
    with transaction.atomic():
        services.hold_credits(
            actor=actor,
            generation_id=attempt,
            quote=quote_of(amount),
            expires_at=now + DAY,
            now=now,
            **fields,
        )
    return attempt


def grant_overdue(team):
    services.grant_promo(
        team=team, amount=70, key=str(uuid4()), actor="test", reason="Test", expires_at=NOON - DAY
    )


def make_key(actor):
    key, _ = create_api_key(actor=actor, name="Robot", scopes=["generate"])
    return key


def used(actor):
    return [
        (b.held, b.spent)
        for b in Budget.objects.filter(limit__member=actor.user).order_by("period_start", "id")
    ]


def test_a_limit_counts_what_is_held_and_what_was_spent(member):
    limit(member, 100)
    first = hold(member, 60)
    assert used(member) == [(60, 0)]

    with pytest.raises(BudgetExceeded) as refusal:
        hold(member, 41)
    settle(first, 30)
    assert used(member) == [(0, 30)]
    hold(member, 70)

    assert used(member) == [(70, 30)]
    assert refusal.value.details == {
        "limit": {
            "scope": "member",
            "id": Budget.objects.get().limit_id,
            "period": "day",
            "cap": "0.000100",
            "spent": "0.000000",
            "held": "0.000060",
            "resets_at": "2026-12-03T00:00:00Z",
        },
        "needed": 41,
        "shortfall": 1,
        "action": {"label": "Ask an owner"},
        "retry_after": 12 * 3600,
    }


@pytest.mark.parametrize(
    ("period", "next_period"),
    [
        ("day", datetime(2026, 12, 3, tzinfo=UTC)),
        ("week", datetime(2026, 12, 7, tzinfo=UTC)),
        ("month", datetime(2027, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_period_ends_at_midnight_utc(member, period, next_period):
    limit(member, 100, period)
    hold(member, 100)

    with pytest.raises(BudgetExceeded):
        hold(member, 1, now=next_period - timedelta(seconds=1))
    hold(member, 100, now=next_period)

    assert used(member) == [(100, 0), (100, 0)]


def test_in_total_means_for_good(member):
    limit(member, 100, "total")
    hold(member, 100)

    with pytest.raises(BudgetExceeded) as refusal:
        hold(member, 1, now=NOON + 1000 * DAY)

    assert refusal.value.details["limit"]["resets_at"] is None


def test_one_clip_has_a_maximum_of_its_own(member):
    limit(member, 100, "job")
    for _ in range(3):
        hold(member, 100)

    with pytest.raises(BudgetExceeded, match="on a clip"):
        hold(member, 101)
    assert used(member) == []


def test_settling_after_midnight_corrects_the_day_of_the_hold(member):
    limit(member, 100)
    late = hold(member, 80)
    hold(member, 50, now=NOON + DAY)

    settle(late, 10, now=NOON + DAY)

    assert used(member) == [(0, 10), (50, 0)]


def test_a_refunded_clip_gives_its_budget_back(member):
    limit(member, 100)
    attempt = hold(member, 100)
    settle(attempt, 100)

    services.refund_job(generation_id=attempt, actor="staff:1", reason="Broken", now=NOON + DAY)

    assert used(member) == [(0, 0)]


def test_a_key_counts_for_itself_and_for_its_member(team, member):
    key = make_key(actor_for(team))
    robot = key_actor(key, "owner")
    services.set_limit(team=team, key=key, period="day", cap=100)
    services.set_limit(team=team, member=robot.user, period="day", cap=150)

    hold(robot, 90)
    with pytest.raises(BudgetExceeded) as refusal:
        hold(robot, 70)
    hold(member, 500)  # nobody limits this one

    assert refusal.value.details["limit"]["scope"] == "api_key"
    (other,) = refusal.value.details["also_blocked_by"]
    assert (other["code"], other["limit"]["scope"]) == ("budget_exceeded", "member")


def check(actor, amounts, now=NOON):
    with transaction.atomic():
        services.check_holds(actor=actor, quotes=[quote_of(amount) for amount in amounts], now=now)


def test_several_clips_are_refused_in_the_words_of_all(member):
    limit(member, 100)
    limit(member, 50, "job")
    hold(member, 20)

    check(member, [40, 40])
    with pytest.raises(BudgetExceeded) as refusal:
        check(member, [60, 40])
    with pytest.raises(InsufficientCredits, match="These 3 clips cost") as poor:
        check(member, [50, 950, 1])

    assert refusal.value.message == (
        "You have $0.00 of $0.0001 left today. These 2 clips cost $0.0001. Ask an owner to raise the limit, "
        "or wait until 3 December, 00:00 UTC."
    )
    assert (refusal.value.details["needed"], refusal.value.details["shortfall"]) == (100, 20)
    assert [each["limit"]["period"] for each in refusal.value.details["also_blocked_by"]] == ["job"]
    assert (poor.value.needed, poor.value.available) == (1001, 980)
    assert len(poor.value.details["also_blocked_by"]) == 2


def test_waiting_is_no_remedy_where_the_cap_is_below_the_price(member):
    limit(member, 100)

    with pytest.raises(BudgetExceeded, match=r"Ask an owner to raise the limit\.$") as refusal:
        check(member, [60, 60])

    assert "retry_after" not in refusal.value.details


def test_what_was_checked_together_is_held(member):
    limit(member, 100)
    grant_overdue(member.team)

    with transaction.atomic():
        services.check_holds(actor=member, quotes=[quote_of(50)] * 2, now=NOON)
        for _ in range(2):
            hold(member, 50)

    assert wallet(member.team) == (900, 100)


def test_a_project_has_a_limit_too(member):
    project = create_project(actor=member, name="Spring").pk
    services.set_limit(team=member.team, project_id=project, period="total", cap=100)
    hold(member, 100, project_id=project)

    with pytest.raises(BudgetExceeded, match="The project Spring has"):
        hold(member, 1, project_id=project)
    hold(member, 1, project_id=uuid4())


def test_every_blocker_is_named_in_its_order(member):
    limit(member, 100)
    services.suspend_team(team=member.team, reason="Under review")

    with pytest.raises(TeamFrozen) as frozen:
        hold(member, 1001)
    services.suspend_team(team=member.team, reason="")
    with pytest.raises(InsufficientCredits) as poor:
        hold(member, 1001)

    assert [other["code"] for other in frozen.value.details["also_blocked_by"]] == [
        "insufficient_credits",
        "budget_exceeded",
    ]
    assert [other["code"] for other in poor.value.details["also_blocked_by"]] == ["budget_exceeded"]
    assert wallet(member.team) == (1000, 0)


def test_a_team_in_debt_is_told_so(member):
    bought = buy(member.team, 10_000)
    settle(hold(member, 11_000), 11_000)
    refund = services.note_stripe_refund(purchase=bought, stripe_id="re_1", gross_cents=1)
    services.settle_refund(refund=refund, succeeded=True, actor="stripe", now=NOON)

    with pytest.raises(services.DebtOpen, match=r"a debt of \$0.01"):
        hold(member, 1)


def test_a_cap_may_fall_below_what_is_used_and_then_only_stops_more(member):
    limit(member, 100)
    attempt = hold(member, 100)

    limit(member, 50)

    with pytest.raises(BudgetExceeded):
        hold(member, 1)
    settle(attempt, 80)
    assert used(member) == [(0, 80)]


def test_a_raise_counts_until_its_end(member):
    allowed = limit(member, 100)
    hold(member, 100)
    services.raise_limit(limit=allowed, cap=150, until=NOON + timedelta(hours=1))

    hold(member, 50)
    with pytest.raises(BudgetExceeded):
        hold(member, 1)
    with pytest.raises(BudgetExceeded):
        hold(member, 101, now=NOON + DAY)


def test_a_lifted_limit_no_longer_counts(member):
    allowed = limit(member, 100)
    attempt = hold(member, 100)
    services.lift_limit(limit=allowed)

    hold(member, 500)
    settle(attempt, 100)

    assert used(member) == [(0, 100)]


def test_what_is_reached_is_noted_once_in_each_period(member):
    limit(member, 100)
    for amount in (49, 1, 29, 1, 20):
        hold(member, amount)
    hold(member, 90, now=NOON + DAY)

    noted = Notice.objects.order_by("id").values_list("kind", "payload__percent", "payload__used")
    assert list(noted) == [
        ("budget_reached", 50, 50),
        ("budget_reached", 80, 80),
        ("budget_reached", 100, 100),
        ("budget_reached", 50, 90),
        ("budget_reached", 80, 90),
    ]


def test_limits_are_for_the_teams_own(team):
    stranger = actor_for(make_team())
    key = make_key(stranger)
    for subject in ({"member": stranger.user}, {"key": key}):
        with pytest.raises(ValueError, match="of the team"):
            services.set_limit(team=team, period="day", cap=1, **subject)
    with pytest.raises(ValueError, match="below zero"):
        services.set_limit(team=team, member=stranger.user, period="day", cap=-1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"held": 101}, "grows beyond its cap"),
        ({"spent": 41}, "grows beyond its cap"),
        ({"period_start": NOON}, "keeps its limit"),
        ({"held": -1}, "budget_not_below_zero"),
    ],
)
def test_the_database_keeps_budgets_within_their_caps(member, change, said):
    limit(member, 100)
    hold(member, 60)

    with pytest.raises(IntegrityError, match=said), transaction.atomic():
        Budget.objects.update(**change)
    with pytest.raises(IntegrityError, match="DELETE on"), transaction.atomic():
        Budget.objects.all()._raw_delete("default")
    assert Lot.objects.count() == 1
