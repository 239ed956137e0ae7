"""Random histories of a few wallets, each step compared with an oracle that shares no code with billing.

STATEFUL_EXAMPLES=10000 makes a soak of a million steps. Hypothesis prints the seed and the steps of a failure.
"""

import os
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.actors import Actor
from accounts.models import Membership
from accounts.permissions import ROLE_PERMISSIONS
from billing import services
from billing.models import Debt
from billing.services import (
    BudgetExceeded,
    CreditSpent,
    DebtOpen,
    InsufficientCredits,
    KeyReused,
    UsedMoreThanHeld,
)
from tests.billing.books import make_wallet
from tests.billing.oracle import Oracle, price
from tests.support.factories import make_user

EXAMPLES = int(os.environ.get("STATEFUL_EXAMPLES", "30"))  # 100 make ten thousand steps
STEPS = 100
TEAMS = 2
teams = st.integers(0, TEAMS - 1)
frames = st.integers(9, 1441)
lifetimes = st.none() | st.integers(1, 60)
# Cents of whatever can still be asked back: nothing, some, all.
shares = st.sampled_from([0.01, 0.3, 0.5, 1.0])

BALANCES = """
SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED;
SELECT team_id, kind, balance FROM billing_account WHERE team_id = ANY(%s)
"""


class Wallets(RuleBasedStateMachine):
    attempts = Bundle("attempts")
    keys = Bundle("keys")
    refunds = Bundle("refunds")
    disputes = Bundle("disputes")

    def __init__(self):
        super().__init__()
        self.oracle = Oracle(TEAMS)
        self.teams = [make_wallet() for _ in range(TEAMS)]
        self.staff = make_user(is_staff=True)
        self.actors = [self.make_actor(team) for team in self.teams]
        self.purchases = []
        self.now = timezone.now()

    def make_actor(self, team):
        user = make_user()
        Membership.objects.create(team=team, user=user, role="owner")
        return Actor(kind="member", team=team, user=user, permissions=ROLE_PERMISSIONS["owner"])

    # -- credit ---------------------------------------------------------------------------------------

    @rule(team=teams, amount=st.integers(1, 3_000_000), days=lifetimes, target=keys)
    def grant(self, team, amount, days):
        key, ends = str(uuid4()), days and self.now + timedelta(days=days)
        assert self._grant(team, amount, key, ends) == self.oracle.grant(team, amount, key, ends) == "done"
        return key

    @rule(key=keys, team=teams, extra=st.integers(0, 1))
    def grant_again(self, key, team, extra):
        _, amount, ends = self.oracle.grants[key]
        wish = (team, amount + extra, key, ends)
        assert self._grant(*wish) == self.oracle.grant(*wish)

    @rule(team=teams, cents=st.integers(1, 500), tax=st.integers(0, 90), days=lifetimes)
    def buy(self, team, cents, tax, days):
        bought = services.start_purchase(
            team=self.teams[team], credit=cents * 10_000, tax_cents=tax, credit_days=days, actor="test"
        )
        for first in (True, False):
            assert services.credit_purchase(purchase=bought, actor="test", now=self.now) == first
        self.purchases.append(bought)
        self.oracle.buy(team, cents, tax, days and self.now + timedelta(days=days))

    @rule(team=teams, amount=st.integers(-2_000_000, 2_000_000).filter(bool))
    def adjust(self, team, amount):
        left: int | str
        try:
            left = services.adjust_credits(
                team=self.teams[team],
                amount=amount,
                key=str(uuid4()),
                by=self.staff,
                reason="Test",
                now=self.now,
            )
        except CreditSpent:
            left = "spent"
        assert left == self.oracle.adjust(team, amount, self.now)

    @rule(team=teams)
    def forgive(self, team):
        debts = [debt for debt in Debt.objects.filter(team=self.teams[team]) if debt.open_amount]
        forgiven = sum(services.write_off_debt(debt=debt, actor="test", reason="Test") for debt in debts)
        assert forgiven == self.oracle.owed[team]
        self.oracle.owed[team] = 0

    # -- clips ----------------------------------------------------------------------------------------

    @rule(team=teams, num_frames=frames, detail=st.booleans(), target=attempts)
    def hold(self, team, num_frames, detail):
        return self._compare_holds(team, num_frames, detail, uuid4())

    @rule(attempt=attempts, team=teams, more_frames=st.integers(0, 1), other_detail=st.booleans())
    def hold_again(self, attempt, team, more_frames, other_detail):
        """A replay, the same key with another payload, or a second try after a refusal."""
        made = self.oracle.holds.get(attempt)
        _, num_frames, detail = made["wish"] if made else (team, 121, False)
        self._compare_holds(team, num_frames + more_frames, detail != other_detail, attempt)

    @rule(attempt=attempts, part=st.sampled_from([0, 0, 0.3, 0.999999, 1, 1, 1, 2]), extra=st.integers(0, 1))
    def settle(self, attempt, part, extra):
        if attempt not in self.oracle.holds:
            return
        used = int(self.oracle.holds[attempt]["amount"] * part) + extra
        assert self._settle(attempt, used) == self.oracle.settle(attempt, used, self.now)

    @rule(attempt=attempts)
    def refund_job(self, attempt):
        if attempt not in self.oracle.holds:
            return
        given: int | str
        try:
            given = services.refund_job(generation_id=attempt, actor="test", reason="Test", now=self.now)
        except CreditSpent:
            given = "uncharged"
        assert given == self.oracle.refund_job(attempt, self.now)

    @rule(team=teams, num_frames=frames)
    def lose_the_callers_transaction(self, team, num_frames):
        """Whatever the caller rolls back never happened."""
        with transaction.atomic():
            self._grant(team, 3_000_000, str(uuid4()), None)
            self._hold(team, num_frames, False, uuid4())
            transaction.set_rollback(True)

    @rule(team=teams, cap=st.integers(0, 3_000_000))
    def set_cap(self, team, cap):
        services.set_limit(team=self.teams[team], member=self.actors[team].user, period="day", cap=cap)
        self.oracle.caps[team] = cap

    # -- money going back -----------------------------------------------------------------------------

    @precondition(lambda self: self.purchases)
    @rule(choice=st.integers(0, 10**6), share=shares, ours=st.booleans(), target=refunds)
    def refund(self, choice, share, ours):
        bought, known, cents = self._claimable(choice, share)
        if not cents:
            return multiple()
        if not ours:
            made = services.note_stripe_refund(purchase=bought, stripe_id=str(uuid4()), gross_cents=cents)
            return made, self.oracle.stripe_refund(known, cents)
        expected = self.oracle.request_refund(known, cents)
        try:
            made = services.request_refund(purchase=bought, gross_cents=cents, actor="test", reason="Test")
        except CreditSpent:
            assert expected is None
            return multiple()
        assert made.frozen == expected["frozen"]
        return made, expected

    @rule(pair=refunds, succeeded=st.booleans())
    def settle_refund(self, pair, succeeded):
        made, known = pair
        moved = services.settle_refund(refund=made, succeeded=succeeded, actor="test", now=self.now)
        assert moved == self.oracle.settle_refund(known, succeeded, self.now)
        assert (made.state, made.posted) == (known["state"], known["posted"])

    @precondition(lambda self: self.purchases)
    @rule(choice=st.integers(0, 10**6), share=shares, target=disputes)
    def dispute(self, choice, share):
        bought, known, cents = self._claimable(choice, share)
        if not cents or known["lot"].dispute:
            return multiple()
        made = services.open_dispute(purchase=bought, stripe_id=str(uuid4()), gross_cents=cents, actor="test")
        services.post_dispute_cash(dispute=made, withdrawn=True, actor="test")
        expected = self.oracle.open_dispute(known, cents)
        assert made.frozen == expected["frozen"]
        return made, expected

    @rule(pair=disputes, won=st.booleans())
    def close_dispute(self, pair, won):
        made, known = pair
        closed = services.close_dispute(dispute=made, won=won, actor="test", now=self.now)
        assert closed == self.oracle.close_dispute(known, won, self.now)
        assert (made.state, made.posted) == (known["state"], known["posted"])

    # -- time -----------------------------------------------------------------------------------------

    @rule(hours=st.integers(1, 24 * 20))
    def let_time_pass(self, hours):
        self.now += timedelta(hours=hours)

    @rule()
    def sweep(self):
        services.expire_overdue_lots(now=self.now)
        for team in range(TEAMS):
            self.oracle.expire(team, self.now)

    # -- what must hold after every step --------------------------------------------------------------

    @invariant()
    def balances_agree_and_walls_hold(self):
        with connection.cursor() as cursor:
            cursor.execute(BALANCES, [[team.pk for team in self.teams]])
            while cursor.description is None:
                cursor.nextset()
            found = {(team, kind): balance for team, kind, balance in cursor.fetchall()}
        for number, team in enumerate(self.teams):
            balance = tuple(found.get((team.pk, kind), 0) for kind in ("available", "held", "frozen"))
            assert balance == self.oracle.balance(number)

    def teardown(self):
        assert services.find_violations() == []

    # -- the product's answers in the oracle's words --------------------------------------------------

    def _claimable(self, choice, share):
        """A purchase, what the oracle knows of it, and cents of it that can still be asked back."""
        place = choice % len(self.purchases)
        known = self.oracle.purchases[place]
        return self.purchases[place], known, int(self.oracle.room(known) * share)

    def _compare_holds(self, team, num_frames, detail, attempt):
        found = self._hold(team, num_frames, detail, attempt)
        assert found == self.oracle.hold(team, num_frames, detail, attempt, self.now)
        return attempt

    def _grant(self, team, amount, key, ends):
        try:
            services.grant_promo(
                team=self.teams[team], amount=amount, key=key, actor="test", reason="Test", expires_at=ends
            )
        except KeyReused:
            return "reused"
        return "done"

    def _hold(self, team, num_frames, detail, attempt):
        try:
            made = services.hold_credits(
                actor=self.actors[team],
                generation_id=attempt,
                quote=services.quote(num_frames=num_frames, detail_pass=detail, now=self.now),
                expires_at=self.now + timedelta(hours=1),
                now=self.now,
            )
        except InsufficientCredits as refusal:
            return "insufficient", refusal.needed, refusal.available
        except DebtOpen:
            return "debt"
        except BudgetExceeded as refusal:
            dollars, _, micros = refusal.details["limit"]["cap"].partition(".")
            return "budget", int(dollars) * 10**6 + int(micros)
        except KeyReused:
            return "reused"
        assert made.amount == price(num_frames, detail)
        return "done"

    def _settle(self, attempt, used):
        try:
            settled = services.settle_hold(generation_id=attempt, used=used, now=self.now)
        except UsedMoreThanHeld:
            return "above"
        return settled.captured, settled.released


@pytest.mark.long
@pytest.mark.django_db
def test_random_histories_agree_with_the_oracle():
    run_state_machine_as_test(
        Wallets,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
