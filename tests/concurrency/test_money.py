"""Real connections racing for the same credit, in a database of their own."""

import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from threading import Event
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.transaction import TransactionManagementError
from django.utils import timezone

from accounts.actors import system_actor
from accounts.models import Team
from billing import services, stripe_gateway
from billing.models import Account, Budget, Hold, Payment, Purchase, StripeCustomer, Transaction
from billing.services import BudgetExceeded, Busy, InsufficientCredits, crediting
from tests.billing.books import buy, hold, make_wallet, quote_of, settle, wallet
from tests.concurrency.racing import race
from tests.support.factories import actor_for, give_credits, make_team

pytestmark = [pytest.mark.concurrency, pytest.mark.usefixtures("cloned_database")]


@pytest.fixture
def books_balance(cloned_database):
    """The books balance when everybody is done."""
    yield
    assert services.find_violations() == []


def run(statement, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone() if cursor.description else None


def replace_function(name, old, new):
    """Install a changed copy of a database function in this test's own database."""
    definition = run("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = %s", [name])[0]
    assert old in definition
    run(definition.replace(old, new, 1))


def outcomes(results):
    return Counter("granted" if isinstance(each, Hold) else type(each).__name__ for each in results)


@pytest.mark.parametrize("round_", range(5))
@pytest.mark.usefixtures("books_balance")
def test_twenty_racers_share_credit_for_six(round_):
    team = make_wallet(500)

    results = race([partial(hold, team, 75)] * 20)

    assert outcomes(results) == {"granted": 6, "InsufficientCredits": 14}
    assert wallet(team) == (50, 450)


def test_control_without_the_lock_goes_wrong():
    team = make_wallet(500)
    run("ALTER TABLE billing_account DROP CONSTRAINT account_balance_above_floor")
    run("ALTER TABLE billing_lot DROP CONSTRAINT lot_buckets_not_below_zero")
    # The lots are looked at again, and would refuse where the balance was read too early.
    replace_function("billing_hold_credits", "AND l.spendable\n        ORDER BY", "ORDER BY")
    replace_function("billing_hold_credits", "IF burned >= p_amount THEN", "IF true THEN")
    # Time for all to read before any writes: what the lock prevents.
    replace_function("billing_hold_credits", "FOR NO KEY UPDATE", "; PERFORM pg_sleep(0.2)")

    results = race([partial(hold, team, 75)] * 20)

    assert outcomes(results) == {"granted": 20}
    assert wallet(team) == (-1000, 1500)
    broken = {found.invariant for found in services.find_violations()}
    assert "wallet_not_overdrawn" in broken


def test_without_the_lock_the_floor_still_refuses_overspending():
    team = make_wallet(500)
    replace_function("billing_hold_credits", "FOR NO KEY UPDATE", "; PERFORM pg_sleep(0.2)")

    results = race([partial(hold, team, 75)] * 20)

    assert outcomes(results) == {"granted": 6, "IntegrityError": 14}
    assert wallet(team) == (50, 450)


def limited(cap):
    """A member with `cap` µ$ a day, of a team with much more."""
    member = actor_for(make_team())
    give_credits(member.team, 100_000)
    return member, services.set_limit(team=member.team, member=member.user, period="day", cap=cap)


def hold_as(member, amount):
    with transaction.atomic():
        return services.hold_credits(
            actor=member,
            generation_id=uuid4(),
            quote=quote_of(amount),
            expires_at=timezone.now() + timedelta(hours=1),
        )


def race_from_the_wallets_door(team, actions):
    """Race, but nobody passes the wallet's lock before all stand at it: then whoever is next looks in that instant."""
    closed = Event()

    def open_when_all_are_there():
        with transaction.atomic():
            Account.objects.select_for_update(no_key=True).get(team=team, kind="available")
            closed.set()
            wait_for_waiters(len(actions))

    def after_it_closed(action):
        closed.wait(10)
        return action()

    return race([open_when_all_are_there, *(partial(after_it_closed, action) for action in actions)])[1:]


def wait_for_waiters(count):
    """Until so many connections to this database stand at a lock, for half of what their patience is at most."""
    opens = time.monotonic() + 1.5
    while time.monotonic() < opens and waiting_connections() < count:
        time.sleep(0.01)


def waiting_connections():
    (waiting,) = run(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return waiting


@pytest.mark.usefixtures("books_balance")
def test_twenty_racers_share_a_budget_for_six():
    member, _ = limited(500)

    results = race_from_the_wallets_door(member.team, [partial(hold_as, member, 75)] * 20)

    assert outcomes(results) == {"granted": 6, "BudgetExceeded": 14}
    assert Budget.objects.get().held == 450


def test_without_the_check_the_budget_itself_refuses_to_grow():
    member, _ = limited(500)
    replace_function("billing_blockers", "+ p_amount > l.cap", "> l.cap + 10000")

    results = race([partial(hold_as, member, 75)] * 20)

    assert outcomes(results) == {"granted": 6, "IntegrityError": 14}
    assert Budget.objects.get().held == 450


@pytest.mark.usefixtures("books_balance")
def test_caps_that_change_while_clips_are_held_count_for_all_or_none():
    member, limit = limited(1000)
    lower = partial(services.set_limit, team=member.team, member=member.user, period="day", cap=300)

    results = race([partial(hold_as, member, 75)] * 12 + [lower])

    granted = outcomes(results)["granted"]
    assert 4 <= granted <= 12
    limit.refresh_from_db()
    assert limit.cap == 300
    with pytest.raises(BudgetExceeded):
        hold_as(member, 75)


@pytest.mark.usefixtures("books_balance")
def test_one_payment_reported_by_everybody_at_once_is_one_credit():
    team = make_wallet()
    bought = services.start_purchase(team=team, credit=10_000, actor="test")

    results = race(
        [
            partial(
                services.credit_purchase,
                purchase=Purchase.objects.get(pk=bought.pk),
                actor="test",
                now=timezone.now(),
            )
            for _ in range(12)
        ]
    )

    assert sorted(results) == [False] * 11 + [True]
    assert wallet(team) == (10_000, 0)


def paid_at_stripe(team):
    """A purchase of $0.10 for which Stripe has the money, as its session and its payment say."""
    bought = services.start_purchase(team=team, credit=100_000, actor="test")
    Payment.objects.create(purchase=bought, team=team, form_key=uuid4())
    StripeCustomer.objects.create(team=team, stripe_id="cus_1")
    shared = {"purchase": bought.pk, "customer": "cus_1", "currency": "usd"}
    fee = stripe_gateway.Fee("txn_1", 3)
    payment = stripe_gateway.Payment(
        **shared, id="pi_1", status="succeeded", amount=10, received=10, charge="ch_1", fee=fee
    )
    session = stripe_gateway.Session(
        **shared,
        id="cs_1",
        status="complete",
        payment_status="paid",
        subtotal=10,
        tax=0,
        total=10,
        url="",
        ends_at=timezone.now(),
        payment=payment,
    )
    return bought, session, payment


@pytest.mark.usefixtures("books_balance")
def test_webhook_landing_page_and_sweep_at_once_give_one_credit():
    team = make_wallet()
    bought, session, payment = paid_at_stripe(team)
    told = [
        partial(crediting.apply_session, session, actor="stripe", now=timezone.now()),
        partial(crediting.apply_payment, payment, actor="stripe", now=timezone.now()),
    ]

    results = race(told * 6)

    assert {each.pk for each in results} == {bought.pk}
    assert wallet(team) == (100_000, 0)
    assert Transaction.objects.filter(kind="top_up").count() == 1
    assert Transaction.objects.filter(kind="stripe_fee").count() == 1


def crediting_without_the_lock(team):
    """Twelve reports of one payment, all of which look before any writes."""
    replace_function("billing_credit_purchase", "FOR NO KEY UPDATE;", "; PERFORM pg_sleep(0.2);")
    bought = services.start_purchase(team=team, credit=100_000, actor="test")
    now = timezone.now()
    return race([partial(services.credit_purchase, purchase=bought, actor="test", now=now)] * 12)


def test_without_the_lock_the_purchases_key_still_refuses_a_second_credit():
    team = make_wallet()

    results = crediting_without_the_lock(team)

    assert Counter(map(type, results)) == {bool: 1, IntegrityError: 11}
    assert wallet(team) == (100_000, 0)


def test_control_without_lock_and_key_goes_wrong():
    team = make_wallet()
    replace_function(
        "billing_credit_purchase",
        "format('purchase:%s:credit', p_purchase)",
        "CASE WHEN EXISTS (SELECT FROM billing_transaction WHERE key = format('purchase:%s:credit', p_purchase)) "
        "THEN gen_random_uuid()::text ELSE format('purchase:%s:credit', p_purchase) END",
    )

    crediting_without_the_lock(team)

    assert wallet(team) == (1_200_000, 0)
    assert "paid_purchase_is_credited" in {found.invariant for found in services.find_violations()}


@pytest.mark.usefixtures("books_balance")
def test_disputes_refunds_and_clips_at_once_neither_deadlock_nor_lose_a_cent():
    team = make_wallet()
    purchases = [buy(team, 100_000) for _ in range(3)]
    attempts = [uuid4() for _ in range(6)]
    for attempt in attempts:
        hold(team, 40_000, attempt)

    def claim(number):
        opened = services.open_dispute(
            purchase=purchases[number], stripe_id=f"dp_{number}", gross_cents=10, actor="stripe"
        )
        return services.close_dispute(dispute=opened, won=number == 0, actor="stripe", now=timezone.now())

    def refund():
        made = services.note_stripe_refund(purchase=purchases[2], stripe_id="re_1", gross_cents=5)
        return services.settle_refund(refund=made, succeeded=True, actor="stripe", now=timezone.now())

    results = race(
        [partial(claim, 0), partial(claim, 1), refund, refund]
        + [partial(settle, attempt, 10_000 * place) for place, attempt in enumerate(attempts[:5])]
    )

    assert [each for each in results if isinstance(each, Exception)] == []
    assert results[2:4] in ([True, False], [False, True])
    settle(attempts[5], 0)
    # 300,000 bought; 100,000 spent; 100,000 lost to the dispute, 50,000 refunded.
    assert wallet(team) == (50_000, 0)


@pytest.mark.usefixtures("books_balance")
def test_one_key_twenty_times_is_one_hold():
    team, attempt = make_wallet(100), uuid4()

    results = race([partial(hold, team, 75, attempt)] * 20)

    assert outcomes(results) == {"granted": 20}
    assert len({each.pk for each in results}) == 1
    assert wallet(team) == (25, 75)


@pytest.mark.usefixtures("books_balance")
def test_one_key_with_two_prices_is_one_hold():
    team, attempt = make_wallet(1000), uuid4()

    results = race([partial(hold, team, amount, attempt) for amount in (75, 76) * 5])

    assert outcomes(results) == {"granted": 5, "KeyReused": 5}
    assert wallet(team)[1] in {75, 76}


@pytest.mark.usefixtures("books_balance")
def test_one_key_of_two_teams_belongs_to_the_faster_one():
    teams, attempt = [make_wallet(100), make_wallet(100)], uuid4()

    results = race([partial(hold, team, 75, attempt) for team in teams])

    assert outcomes(results) == {"granted": 1, "KeyReused": 1}
    assert sorted(wallet(team) for team in teams) == [(25, 75), (100, 0)]


@pytest.mark.usefixtures("books_balance")
def test_a_hold_is_settled_once():
    team, attempt = make_wallet(100), uuid4()
    hold(team, 75, attempt)

    results = race([partial(settle, attempt, used) for used in (0, 60, 75, 76) * 5])

    settled = services.hold_of(attempt)
    assert settled.is_settled
    finished = [each for each in results if isinstance(each, Hold)]
    assert len(finished) >= 15  # 76 is refused only while nobody else settled
    assert {(each.captured, each.released) for each in finished} == {(settled.captured, settled.released)}
    assert wallet(team) == (25 + settled.released, 0)


@pytest.mark.usefixtures("books_balance")
def test_first_grants_open_one_wallet():
    team = make_wallet()
    grant = partial(services.grant_promo, team=team, actor="test", reason="A start")

    results = race([partial(grant, amount=10, key=str(number % 5)) for number in range(20)])

    assert results == [None] * 20
    assert wallet(team) == (50, 0)
    assert Account.objects.filter(team=team).count() == 3


@pytest.mark.usefixtures("books_balance")
def test_a_crowd_doing_everything_at_once_neither_deadlocks_nor_loses_a_cent(request):
    teams = [make_wallet(1000), make_wallet(1000)]
    seed = random.randrange(10**6)
    request.node.add_report_section("setup", "seed", str(seed))

    def visit(number):
        chance = random.Random(seed + number)
        granted: Counter[Team] = Counter()
        spent: Counter[Team] = Counter()
        for _ in range(15):
            team, attempt = chance.choice(teams), uuid4()
            if chance.random() < 0.2:
                services.grant_promo(team=team, amount=50, key=str(attempt), actor="test", reason="More")
                granted[team] += 50
                continue
            try:
                made = hold(team, chance.randrange(1, 200), attempt)
            except InsufficientCredits:
                continue
            spent[team] += settle(attempt, chance.randrange(made.amount + 1)).captured
        return granted, spent

    results = race([partial(visit, number) for number in range(8)])

    assert [each for each in results if isinstance(each, Exception)] == []
    for team in teams:
        given = 1000 + sum(granted[team] for granted, _ in results)
        assert wallet(team) == (given - sum(spent[team] for _, spent in results), 0)


def test_a_wallet_that_stays_locked_is_reported_as_busy():
    team, attempt = make_wallet(500), uuid4()
    hold(team, 75, attempt)
    for function in ("billing_hold_credits", "billing_settle_hold", "billing_grant_promo"):
        replace_function(function, "SET lock_timeout TO '3s'", "SET lock_timeout TO '50ms'")
    actions: list[Callable[[], Hold | None]] = [
        partial(hold, team, 75),
        partial(settle, attempt, 75),
        partial(services.grant_promo, team=team, amount=5, key="k", actor="test", reason="More"),
    ]

    with transaction.atomic():
        Account.objects.select_for_update().get(team=team, kind="available")
        refusals = race(actions)

    assert [type(each) for each in refusals] == [Busy] * 3
    assert all(each.retryable for each in refusals)
    assert wallet(team) == (425, 75)
    assert [type(action()) for action in actions] == [Hold, Hold, type(None)]


def test_teams_do_not_wait_for_each_other():
    mine, yours = make_wallet(500), make_wallet(500)
    attempt = uuid4()
    hold(yours, 75, attempt)

    with transaction.atomic():
        Account.objects.select_for_update().get(team=mine, kind="available")
        captured, held = race([partial(settle, attempt, 75), partial(hold, yours, 75)])

    assert (captured.captured, held.amount) == (75, 75)


def somebody_waits_for_us():
    """Whether another connection stands at a lock of this one; asked again for ten seconds."""
    for _ in range(1000):
        if run("SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"):
            return True
        time.sleep(0.01)
    return False


@pytest.mark.usefixtures("books_balance")
def test_a_twin_in_flight_waits_and_gets_the_first_answer():
    """It must not be refused for want of the very credit that the first one took."""
    team, attempt = make_wallet(75), uuid4()
    holding = Event()

    def first():
        with transaction.atomic():
            made = hold(team, 75, attempt)
            holding.set()
            assert somebody_waits_for_us()
        return made

    def second():
        holding.wait(10)
        return hold(team, 75, attempt)

    one, two = race([first, second])

    assert isinstance(one, Hold)
    assert one == two


def test_money_moves_only_inside_a_transaction():
    team = make_wallet(500)

    with pytest.raises(TransactionManagementError):
        services.hold_credits(
            actor=system_actor(team),
            generation_id=uuid4(),
            quote=quote_of(75),
            expires_at=timezone.now() + timedelta(hours=1),
        )
    with pytest.raises(TransactionManagementError):
        services.settle_hold(generation_id=uuid4(), used=0)


def test_entries_do_not_join_a_transaction_that_was_committed_before():
    team = make_wallet(500)
    old = Transaction.objects.get(team=team)
    promo, revenue = Account.objects.get(kind="promo"), Account.objects.get(kind="revenue")

    def join():
        with transaction.atomic():
            old.entries.create(account=promo, amount=-5)
            old.entries.create(account=revenue, amount=5)

    with pytest.raises(IntegrityError, match="was complete before"):
        join()


def test_the_walls_hold_at_commit():
    """Nobody has to ask for the checks."""
    revenue = Account.objects.get(kind="revenue")

    def post():
        with transaction.atomic():
            made = Transaction.objects.create(key="k", kind="promo_grant", actor="test", request_hash="")
            made.entries.create(account=revenue, amount=5)

    with pytest.raises(IntegrityError, match="has 1 entries that sum to 5"):
        post()
    assert not Transaction.objects.filter(key="k").exists()
