"""Random histories of a few wallets, each step compared with an oracle that shares no code with billing.

STATEFUL_EXAMPLES=5000 makes a long soak of it. Hypothesis prints the seed and the steps of a failure.
"""

import math
import os
from datetime import timedelta
from fractions import Fraction
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accounts.actors import system_actor
from billing import services
from billing.services import InsufficientCredits, KeyReused, UsedMoreThanHeld
from tests.billing.books import check_walls, make_wallet

EXAMPLES = int(os.environ.get("STATEFUL_EXAMPLES", "40"))
TEAMS = 2
teams = st.integers(0, TEAMS - 1)
frames = st.integers(9, 1441)


def price(num_frames, detail):
    """$0.02 per 24 frames and pass, in µ$, rounded up."""
    return math.ceil(Fraction(20_000 * num_frames * (2 if detail else 1), 24))


class Oracle:
    """What ought to be, in plain Python."""

    def __init__(self):
        self.available = [0] * TEAMS
        self.grants = {}
        self.holds = {}  # attempt -> [team, frames, detail, captured or None]

    def held(self, team):
        return sum(price(n, d) for t, n, d, captured in self.holds.values() if t == team and captured is None)

    def grant(self, team, amount, key):
        if key in self.grants:
            return "done" if self.grants[key] == (team, amount) else "reused"
        self.grants[key] = (team, amount)
        self.available[team] += amount
        return "done"

    def hold(self, team, num_frames, detail, attempt):
        if attempt in self.holds:
            return "done" if self.holds[attempt][:3] == [team, num_frames, detail] else "reused"
        if self.available[team] < price(num_frames, detail):
            return "insufficient", price(num_frames, detail), self.available[team]
        self.available[team] -= price(num_frames, detail)
        self.holds[attempt] = [team, num_frames, detail, None]
        return "done"

    def settle(self, attempt, used):
        """(captured, released), or "above"."""
        team, num_frames, detail, captured = self.holds[attempt]
        amount = price(num_frames, detail)
        if captured is None:
            if used > amount:
                return "above"
            self.holds[attempt][3] = captured = used
            self.available[team] += amount - used
        return captured, amount - captured


class Wallets(RuleBasedStateMachine):
    attempts = Bundle("attempts")
    keys = Bundle("keys")

    def __init__(self):
        super().__init__()
        self.oracle = Oracle()
        self.teams = [make_wallet() for _ in range(TEAMS)]
        self.now = timezone.now()

    # -- what people and workers do -------------------------------------------------------------------

    @rule(team=teams, amount=st.integers(1, 3_000_000), target=keys)
    def grant(self, team, amount):
        key = str(uuid4())
        assert self._grant(team, amount, key) == self.oracle.grant(team, amount, key) == "done"
        return key

    @rule(key=keys, team=teams, extra=st.integers(0, 1))
    def grant_again(self, key, team, extra):
        amount = self.oracle.grants[key][1] + extra
        assert self._grant(team, amount, key) == self.oracle.grant(team, amount, key)

    @rule(team=teams, num_frames=frames, detail=st.booleans(), target=attempts)
    def hold(self, team, num_frames, detail):
        attempt = uuid4()
        assert self._hold(team, num_frames, detail, attempt) == self.oracle.hold(
            team, num_frames, detail, attempt
        )
        return attempt

    @rule(attempt=attempts, team=teams, more_frames=st.integers(0, 1), other_detail=st.booleans())
    def hold_again(self, attempt, team, more_frames, other_detail):
        """A replay, the same key with another payload, or a second try after a refusal."""
        _, num_frames, detail, _ = self.oracle.holds.get(attempt, (team, 121, False, None))
        wish = (team, num_frames + more_frames, detail != other_detail, attempt)
        assert self._hold(*wish) == self.oracle.hold(*wish)

    @rule(
        attempt=attempts, part=st.sampled_from([0, 0.3, 0.999999, 1, 1, 1.000001, 2]), extra=st.integers(0, 1)
    )
    def settle(self, attempt, part, extra):
        if attempt not in self.oracle.holds:
            return
        _, num_frames, detail, _ = self.oracle.holds[attempt]
        used = int(price(num_frames, detail) * part) + extra
        assert self._settle(attempt, used) == self.oracle.settle(attempt, used)

    @rule(team=teams, num_frames=frames)
    def lose_the_callers_transaction(self, team, num_frames):
        """Whatever the caller rolls back never happened."""
        with transaction.atomic():
            self._grant(team, 3_000_000, str(uuid4()))
            assert self._hold(team, num_frames, False, uuid4()) == "done"
            transaction.set_rollback(True)

    @rule(hours=st.integers(1, 24 * 400))
    def let_time_pass(self, hours):
        self.now += timedelta(hours=hours)

    # -- what must hold after every step --------------------------------------------------------------

    @invariant()
    def balances_agree(self):
        for number, team in enumerate(self.teams):
            balance = services.balance_of(team)
            assert (balance.available, balance.held) == (
                self.oracle.available[number],
                self.oracle.held(number),
            )

    @invariant()
    def walls_hold(self):
        check_walls()

    def teardown(self):
        assert services.find_violations() == []

    # -- the product's answers in the oracle's words --------------------------------------------------

    def _grant(self, team, amount, key):
        try:
            services.grant_promo(team=self.teams[team], amount=amount, key=key, actor="test", reason="Test")
        except KeyReused:
            return "reused"
        return "done"

    def _hold(self, team, num_frames, detail, attempt):
        try:
            made = services.hold_credits(
                actor=system_actor(self.teams[team]),
                generation_id=attempt,
                quote=services.quote(num_frames=num_frames, detail_pass=detail, now=self.now),
                expires_at=self.now + timedelta(hours=1),
            )
        except InsufficientCredits as refusal:
            return "insufficient", refusal.needed, refusal.available
        except KeyReused:
            return "reused"
        assert made.amount == price(num_frames, detail)
        return "done"

    def _settle(self, attempt, used):
        try:
            settled = services.settle_hold(generation_id=attempt, used=used)
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
            stateful_step_count=50,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
