"""`billing_verify` finds what somebody changed past the walls, and says so in plain words."""

import io
import re
from contextlib import contextmanager
from decimal import Decimal
from inspect import isgeneratorfunction
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.utils import timezone

from accounts.models import Team
from benchmarks._books import fill_books
from billing import services
from billing.models import (
    Account,
    Budget,
    Debt,
    Dispute,
    Entry,
    Hold,
    Lot,
    LotMove,
    PriceVersion,
    ProviderCharge,
    Purchase,
    Refund,
    Transaction,
    UsageDay,
)
from tests.billing.books import buy, check_walls, hold, make_wallet, quote_of, settle, spend
from tests.support.factories import actor_for, give_credits, make_team

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    """500 granted; 75 open, 60 of another 75 captured."""
    team = make_wallet(500)
    hold(team, 75)
    attempt = uuid4()
    hold(team, 75, attempt)
    settle(attempt, 60)
    check_walls()
    return team


@contextmanager
def walls_down():
    """Write as a superuser who switched every trigger off."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        yield cursor
        cursor.execute("SET session_replication_role = origin")


def verify():
    """What the command prints, and its exit code."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("billing_verify", stdout=out, stderr=err)
    except SystemExit as end:
        return out.getvalue(), err.getvalue(), end.code
    return out.getvalue(), err.getvalue(), 0


def add_transaction(team, amounts, **fields):
    """A transaction with entries (account, amount, balance after, version), checked by nothing."""
    made = Transaction.objects.create(
        key=str(uuid4()), team=team, actor="intruder", request_hash="", **({"kind": "promo_grant"} | fields)
    )
    for account, amount, after, version in amounts:
        Entry.objects.create(
            transaction=made, account=account, amount=amount, balance_after=after, version=version
        )


def take_an_entry_away(team):
    Entry.objects.filter(transaction__key__startswith="promo:", account__team=None)._raw_delete("default")


def empty_a_transaction(team):
    Transaction.objects.create(key="empty", kind="promo_grant", team=team, actor="intruder", request_hash="")


def raise_a_balance(team):
    Account.objects.filter(team=team, kind="available").update(balance=1_000_000)


def miscount(team):
    Account.objects.filter(team=team, kind="held").update(version=F("version") + 1)


def rewrite_an_entry(team):
    Entry.objects.filter(account__team=team, account__kind="available", version=2).update(balance_after=1)


def leave_a_gap(team):
    Entry.objects.filter(account__team=team, account__kind="available", version=4).update(version=5)


def credit_another_team(team):
    promo, available = Account.objects.get(kind="promo"), team.accounts.get(kind="available")
    add_transaction(make_wallet(), [(promo, -5, None, None), (available, 5, 445, 5)])
    Account.objects.filter(pk=available.pk).update(balance=F("balance") + 5, version=5)


def overdraw(team):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_account DROP CONSTRAINT account_balance_above_floor")
    Account.objects.filter(team=team, kind="held").update(balance=-1)


def enlarge_a_hold(team):
    Hold.objects.filter(state="open").update(amount=76)


def forget_a_hold(team):
    Hold.objects.filter(state="open")._raw_delete("default")


def invent_a_hold(team):
    Hold.objects.create(
        team=make_wallet(),
        attempt=uuid4(),
        amount=5,
        price_version=PriceVersion.objects.earliest("valid_from"),
        rate_nanos=1,
        num_frames=1,
        passes=1,
        expires_at="2030-01-01T00:00Z",
    )


def capture_more(team):
    Hold.objects.filter(state="settled").update(captured=75, released=0)


def settle_twice(team):
    settled = Hold.objects.get(state="settled")
    promo, revenue = Account.objects.get(kind="promo"), Account.objects.get(kind="revenue")
    add_transaction(
        team, [(promo, -5, None, None), (revenue, 5, None, None)], kind="capture", hold_id=settled.pk
    )


def settle_nothing(team):
    promo, revenue = Account.objects.get(kind="promo"), Account.objects.get(kind="revenue")
    add_transaction(team, [(promo, -5, None, None), (revenue, 5, None, None)], kind="capture")


def orphan_an_entry(team):
    Entry.objects.filter(account__kind="revenue").update(account_id=2**40)


def invent_a_team(team):
    Transaction.objects.filter(kind="promo_grant").update(team_id=uuid4())


def fill_a_lot(team):
    Lot.objects.update(remaining=F("remaining") + 5, granted=F("granted") + 5)


def forget_a_move(team):
    LotMove.objects.filter(target="spent")._raw_delete("default")


# Those that yield first do what people do, and then the crime.


def owe_nothing(team):
    spend(team, 365)
    bought = buy(team, 10_000)
    spend(team, 9_000)
    claw(bought)
    yield
    Debt.objects.all()._raw_delete("default")


def forget_a_payment(team):
    buy(team, 10_000)
    yield
    Purchase.objects.update(state="open", paid_at=None)


def refund_without_taking(team):
    bought = buy(team, 10_000)
    yield
    Refund.objects.create(purchase=bought, gross_cents=1, state="succeeded", posted=9_999, actor="intruder")


def thaw(team):
    services.open_dispute(purchase=buy(team, 10_000), stripe_id="dp_1", gross_cents=1, actor="test")
    yield
    Dispute.objects.update(frozen=0)


def lose_the_cash(team):
    claim = services.open_dispute(purchase=buy(team, 10_000), stripe_id="dp_1", gross_cents=1, actor="test")
    services.post_dispute_cash(dispute=claim, withdrawn=True, actor="test")
    services.close_dispute(dispute=claim, won=False, actor="test", now=timezone.now())
    yield
    lost = Entry.objects.filter(transaction__kind="dispute_lost", account__kind="dispute_pending")
    lost.update(account=Account.objects.get(kind="clearing"))


def overlook_a_bill(team):
    services.post_provider_cost(generation_id=uuid4(), units=Decimal(1), cost_nanos=5_000)
    yield
    ProviderCharge.objects.update(posted=4)


def use_a_budget(team):
    member = actor_for(make_team())
    give_credits(member.team, 100)
    services.set_limit(team=member.team, member=member.user, period="day", cap=100)
    services.hold_credits(actor=member, generation_id=uuid4(), quote=quote_of(60), expires_at=timezone.now())
    yield
    Budget.objects.update(held=5)


def overstate_a_day(team):
    UsageDay.objects.update(clips=2)


def forget_a_day(team):
    UsageDay.objects.all()._raw_delete("default")


def keep_what_was_refunded(team):
    services.refund_job(
        generation_id=Hold.objects.get(state="settled").attempt,
        actor="test",
        reason="Test",
        now=timezone.now(),
    )
    yield
    UsageDay.objects.update(spent=60)


def claw(bought):
    refund = services.note_stripe_refund(purchase=bought, stripe_id="re_1", gross_cents=1)
    services.settle_refund(refund=refund, succeeded=True, actor="test", now=timezone.now())


CRIMES = [
    (overstate_a_day, {"usage_is_captured_holds"}, "counts 2 clips for 60 µ$, but 1 were captured for 60 µ$"),
    (forget_a_day, {"usage_is_captured_holds"}, "counts 0 clips for 0 µ$, but 1 were captured for 60 µ$"),
    (keep_what_was_refunded, {"usage_is_captured_holds"}, "but 1 were captured for 0 µ$ less refunds"),
    (use_a_budget, {"budget_is_its_holds"}, "It has 5 held and 0 spent, but its holds have 60 and 0"),
    (owe_nothing, {"debt_is_repaid_first", "lots_match_wallet"}, "it owes 0 µ$"),
    (forget_a_payment, {"paid_purchase_is_credited"}, "It is open for 10000 µ$, but 1 transactions"),
    (refund_without_taking, {"taken_back_is_target"}, "of 1 cents took 9999 µ$ of its 10000 µ$ back"),
    (thaw, {"frozen_is_pending"}, "refunds and disputes wait for 0 µ$"),
    (lose_the_cash, {"closed_dispute_leaves_no_cash"}, "-10000 µ$ stay in disputes"),
    (overlook_a_bill, {"provider_cost_is_posted"}, "took 5000 n$, but 4 µ$ are posted"),
    (orphan_an_entry, {"rows_have_owners", "hold_matches_transactions"}, "or its account does not exist"),
    (invent_a_team, {"rows_have_owners", "one_team_per_transaction"}, "Its team or its hold does not exist"),
    (fill_a_lot, {"lots_match_wallet", "lot_is_sum_of_moves"}, "has 365 µ$, but its lots have 370"),
    (forget_a_move, {"lot_is_sum_of_moves", "hold_matches_lot_moves"}, "captured 60 µ$, but 75 µ$ of lots"),
    (take_an_entry_away, {"transaction_balances", "books_sum_to_zero"}, "has 1 entries that sum to 500"),
    (empty_a_transaction, {"transaction_balances"}, "has 0 entries that sum to 0"),
    (
        raise_a_balance,
        {"balance_is_sum_of_entries", "lots_match_wallet"},
        "says 1000000 µ$ after 4 entries, but it has 4",
    ),
    (miscount, {"balance_is_sum_of_entries"}, "after 4 entries, but it has 3"),
    (rewrite_an_entry, {"entries_continue"}, "number 2 and leaves 1, but number 2 with 425 µ$ comes here"),
    (leave_a_gap, {"entries_continue"}, "number 5 and leaves 365, but number 4 with 365 µ$ comes here"),
    (
        credit_another_team,
        {"one_team_per_transaction", "entries_continue", "lots_match_wallet"},
        "credit of a team",
    ),
    (
        overdraw,
        {"wallet_not_overdrawn", "balance_is_sum_of_entries", "held_is_open_holds", "lots_match_wallet"},
        "stands at -1",
    ),
    (
        enlarge_a_hold,
        {"held_is_open_holds", "hold_matches_transactions", "hold_matches_lot_moves"},
        "has 75 µ$, but its open holds need 76",
    ),
    (forget_a_hold, {"held_is_open_holds", "rows_have_owners"}, "has 75 µ$, but its open holds need 0"),
    (
        invent_a_hold,
        {"held_is_open_holds", "hold_matches_transactions", "hold_matches_lot_moves"},
        "It holds 5, captured 0",
    ),
    (
        capture_more,
        {"hold_matches_transactions", "hold_matches_lot_moves", "usage_is_captured_holds"},
        "captured 75 and released 0 µ$, but its transactions held 75, captured 60",
    ),
    (settle_twice, {"hold_matches_transactions"}, "settled it 2 times"),
    (settle_nothing, {"hold_matches_transactions"}, "without naming a hold"),
]


# What may be found beside what teams see of their own books.
OF_NO_TEAM = {"books_sum_to_zero", "provider_cost_is_posted", "rows_have_owners"}


def test_sound_books_balance(team):
    out, err, code = verify()

    assert (out, err, code) == (
        "The books balance: 15 accounts, 4 transactions, 9 entries, 2 holds, 1 lots, 5 lot moves.\n",
        "",
        0,
    )


@pytest.mark.parametrize(("commit", "broken", "said"), CRIMES, ids=[crime[0].__name__ for crime in CRIMES])
def test_a_crime_is_found(team, commit, broken, said):
    deed = commit(team) if isgeneratorfunction(commit) else None
    if deed is not None:
        next(deed)
        check_walls()
    with walls_down():
        if deed is None:
            commit(team)
        else:
            next(deed, None)

    out, err, code = verify()

    everybodys = services.find_violations()
    assert {found.invariant for found in everybodys} == broken
    own = {found for each in Team.objects.all() for found in services.find_violations(each)}
    assert own <= set(everybodys)
    assert {found.invariant for found in everybodys if found not in own} <= OF_NO_TEAM
    assert said in out
    assert "The books do not balance" in err
    assert code == 1


def test_every_rule_has_a_crime():
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = 'billing_violations_of'")
        (definition,) = cursor.fetchone()
    rules = set(re.findall(r"(?:^SELECT|THEN|ELSE) '(\w+)'", definition, re.MULTILINE))

    assert rules == set().union(*(broken for _, broken, _ in CRIMES))


def test_the_proof_compares_no_row_with_every_other_whatever_the_planner_believes():
    """Tables that were filled since their last statistics look empty to it."""
    fill_books(teams=2, clips=5_000)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE pg_class SET reltuples = 0, relpages = 1 WHERE relname LIKE 'billing\\_%'")
        cursor.execute("SET LOCAL statement_timeout = '20s'")  # a second will do; by nested loops, minutes

    assert services.find_violations() == []


def test_a_team_sees_what_is_wrong_with_its_own_books_only(team):
    other = make_wallet(500)
    spend(other, 75)
    with walls_down():
        raise_a_balance(team)

    assert {found.subject for found in services.find_violations(team)} >= {f"team {team.pk}"}
    assert services.find_violations(other) == []
