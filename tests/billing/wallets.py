"""Random histories of a few wallets, each step compared with an oracle that shares no code with billing.

Hypothesis chooses the steps and what they are about. `live` does so from a seed, for soaks, where finding the shortest
way to a failure matters less than going far. Everything that a history wrote is rolled back at its end.
"""

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import wraps
from typing import Any, ClassVar, TypeVar
from uuid import uuid4

import psycopg
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

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
from billing.services.pricing import price_at, quote_at
from tests.billing.books import make_wallet
from tests.billing.oracle import Oracle, price
from tests.support.factories import make_user

STEPS = 400  # of one history: beginning one and proving its books at the end takes as long as 50
TEAMS = 2
BYTES = 8  # thrown for each step
SHARES = [0.01, 0.3, 0.5, 1.0]  # of the cents that can still be asked back
KINDS = ("available", "held", "frozen")
STEP_NAMES: list[str] = []

T = TypeVar("T")

# In one round trip the database checks what it checks at commit, and tells every balance.
TELL_BALANCES = """
CREATE FUNCTION pg_temp.tell_balances(teams uuid[]) RETURNS TABLE (team uuid, kind text, balance bigint)
LANGUAGE plpgsql AS $$
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;
    SET CONSTRAINTS ALL DEFERRED;
    RETURN QUERY SELECT a.team_id, a.kind::text, a.balance FROM billing_account AS a WHERE a.team_id = ANY(teams);
END $$
"""


class NothingToDoError(Exception):
    """The step is about something that this history does not have yet: it is no step."""


class Dice:
    """What a step is about, out of a few bytes: Hypothesis needs longer for one number than for all these bytes."""

    def __init__(self, thrown: bytes) -> None:
        self.left = int.from_bytes(thrown)

    def below(self, sides: int) -> int:
        self.left, number = divmod(self.left, sides)
        return number

    def between(self, least: int, most: int) -> int:
        return least + self.below(most - least + 1)

    def one_of(self, choices: Sequence[T]) -> T:
        if not choices:
            raise NothingToDoError
        return choices[self.below(len(choices))]

    def team(self) -> int:
        return self.below(TEAMS)

    def days(self) -> int | None:
        return self.between(1, 60) if self.below(2) else None

    def clip(self) -> tuple[int, bool]:
        """Frames, and whether with the detail pass."""
        return self.between(9, 1441), bool(self.below(2))


def step(play: Callable[["Wallets", Dice], None]) -> Callable[["Wallets", bytes], None]:
    """A rule: what it does is compared with the oracle inside, and all balances after it."""

    @rule(thrown=st.binary(min_size=BYTES, max_size=BYTES))
    @wraps(play)
    def played(self: "Wallets", thrown: bytes) -> None:
        try:
            play(self, Dice(thrown))
        except NothingToDoError:
            return
        self.agree()
        Wallets.compared += 1

    STEP_NAMES.append(play.__name__)
    return played


class Wallets(RuleBasedStateMachine):
    compared: ClassVar[int] = 0  # steps, over all histories

    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.cursor = psycopg.Cursor(connection.connection)
        self.oracle = Oracle(TEAMS)
        self.teams = [make_wallet() for _ in range(TEAMS)]
        self.staff = make_user(is_staff=True)
        self.actors = [actor_of(team) for team in self.teams]
        self.now = timezone.now()
        self.book = price_at(self.now)  # looking it up for every hold would take longer than the hold
        self.keys: list[str] = []
        self.attempts: list[Any] = []
        self.purchases: list[Any] = []
        self.refunds: list[tuple[Any, dict]] = []
        self.disputes: list[tuple[Any, dict]] = []

    def teardown(self) -> None:
        try:
            assert services.find_violations() == []
        finally:
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    def agree(self) -> None:
        """The walls hold and every balance is the oracle's."""
        teams = [team.pk for team in self.teams]
        self.cursor.execute("SELECT * FROM pg_temp.tell_balances(%s::uuid[])", [teams], prepare=True)
        found = {(team, kind): balance for team, kind, balance in self.cursor.fetchall()}
        for number, team in enumerate(teams):
            balance = tuple(found.get((team, kind), 0) for kind in KINDS)
            assert balance == self.oracle.balance(number)

    # -- credit ---------------------------------------------------------------------------------------

    @step
    def grant(self, dice):
        key, days = str(uuid4()), dice.days()
        wish = (dice.team(), dice.between(1, 3_000_000), key, days and self.now + timedelta(days=days))
        assert self._grant(*wish) == self.oracle.grant(*wish) == "done"
        self.keys.append(key)

    @step
    def grant_again(self, dice):
        key = dice.one_of(self.keys)
        _, amount, ends = self.oracle.grants[key]
        wish = (dice.team(), amount + dice.below(2), key, ends)
        assert self._grant(*wish) == self.oracle.grant(*wish)

    @step
    def buy(self, dice):
        team, cents, tax, days = dice.team(), dice.between(1, 500), dice.below(91), dice.days()
        bought = services.start_purchase(
            team=self.teams[team], credit=cents * 10_000, tax_cents=tax, credit_days=days, actor="test"
        )
        assert services.credit_purchase(purchase=bought, actor="test", now=self.now)
        self.purchases.append(bought)
        self.oracle.buy(team, cents, tax, days and self.now + timedelta(days=days))

    @step
    def credit_again(self, dice):
        bought = dice.one_of(self.purchases)
        assert not services.credit_purchase(purchase=bought, actor="test", now=self.now)

    @step
    def adjust(self, dice):
        team, amount = dice.team(), dice.between(1, 2_000_000) * dice.one_of([1, -1])
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

    @step
    def forgive(self, dice):
        team = dice.team()
        debts = [debt for debt in Debt.objects.filter(team=self.teams[team]) if debt.open_amount]
        forgiven = sum(services.write_off_debt(debt=debt, actor="test", reason="Test") for debt in debts)
        assert forgiven == self.oracle.owed[team]
        self.oracle.owed[team] = 0

    # -- clips ----------------------------------------------------------------------------------------

    @step
    def hold(self, dice):
        team, (num_frames, detail) = dice.team(), dice.clip()
        self._compare_holds(team, num_frames, detail, uuid4())

    @step
    def hold_for_a_short_clip(self, dice):
        """Many fit into a wallet, and several into a lot."""
        self._compare_holds(dice.team(), dice.between(9, 121), False, uuid4())

    @step
    def hold_again(self, dice):
        """A replay, the same key with another payload, or a second try after a refusal."""
        attempt, team = dice.one_of(self.attempts), dice.team()
        made = self.oracle.holds.get(attempt)
        _, num_frames, detail = made["wish"] if made else (team, 121, False)
        more, other = dice.below(2), bool(dice.below(2))
        self._compare_holds(team, num_frames + more, detail != other, attempt)

    @step
    def capture(self, dice):
        self._compare_settlements(dice, 1)

    @step
    def capture_a_part(self, dice):
        self._compare_settlements(dice, dice.one_of([0.5, 0.999999, 0.01, 2]))

    @step
    def release(self, dice):
        self._compare_settlements(dice, 0)

    @step
    def refund_job(self, dice):
        attempt = self._held(dice)
        given: int | str
        try:
            given = services.refund_job(generation_id=attempt, actor="test", reason="Test", now=self.now)
        except CreditSpent:
            given = "uncharged"
        assert given == self.oracle.refund_job(attempt, self.now)

    @step
    def lose_the_callers_transaction(self, dice):
        """Whatever the caller rolls back never happened."""
        team, (num_frames, detail) = dice.team(), dice.clip()
        with transaction.atomic():
            self._grant(team, 3_000_000, str(uuid4()), None)
            self._hold(team, num_frames, detail, uuid4())
            transaction.set_rollback(True)

    @step
    def set_cap(self, dice):
        team, cap = dice.team(), dice.below(3_000_001)
        services.set_limit(team=self.teams[team], member=self.actors[team].user, period="day", cap=cap)
        self.oracle.caps[team] = cap

    # -- money going back -----------------------------------------------------------------------------

    @step
    def refund(self, dice):
        bought, known, cents = self._claimable(dice)
        if not cents:
            raise NothingToDoError
        if dice.below(2):
            made = services.note_stripe_refund(purchase=bought, stripe_id=str(uuid4()), gross_cents=cents)
            self.refunds.append((made, self.oracle.stripe_refund(known, cents)))
            return
        expected = self.oracle.request_refund(known, cents)
        try:
            made = services.request_refund(purchase=bought, gross_cents=cents, actor="test", reason="Test")
        except CreditSpent:
            assert expected is None
        else:
            assert made.frozen == expected["frozen"]
            self.refunds.append((made, expected))

    @step
    def settle_refund(self, dice):
        (made, known), succeeded = dice.one_of(self.refunds), bool(dice.below(2))
        moved = services.settle_refund(refund=made, succeeded=succeeded, actor="test", now=self.now)
        assert moved == self.oracle.settle_refund(known, succeeded, self.now)
        assert (made.state, made.posted) == (known["state"], known["posted"])

    @step
    def dispute(self, dice):
        bought, known, cents = self._claimable(dice)
        if not cents or known["lot"].dispute:
            raise NothingToDoError
        made = services.open_dispute(purchase=bought, stripe_id=str(uuid4()), gross_cents=cents, actor="test")
        expected = self.oracle.open_dispute(known, cents)
        assert made.frozen == expected["frozen"]
        self.disputes.append((made, expected))

    @step
    def withdraw_cash(self, dice):
        """Once, soon or late: no credit moves with it."""
        made, _ = dice.one_of(self.disputes)
        services.post_dispute_cash(dispute=made, withdrawn=True, actor="test")

    @step
    def close_dispute(self, dice):
        (made, known), won = dice.one_of(self.disputes), bool(dice.below(2))
        closed = services.close_dispute(dispute=made, won=won, actor="test", now=self.now)
        assert closed == self.oracle.close_dispute(known, won, self.now)
        assert (made.state, made.posted) == (known["state"], known["posted"])

    # -- time -----------------------------------------------------------------------------------------

    @step
    def let_time_pass(self, dice):
        """No step by itself: nothing is compared."""
        self.now += timedelta(hours=dice.between(1, 24 * 20))
        raise NothingToDoError

    @step
    def sweep(self, dice):
        ended = [team for team in range(TEAMS) if self.oracle.overdue(team, self.now)]
        assert services.expire_overdue_lots(now=self.now) == len(ended)
        for team in ended:
            self.oracle.expire(team, self.now)

    # -- the product's answers in the oracle's words --------------------------------------------------

    def _held(self, dice):
        """An attempt that has a hold, in any state; every other time one of the last."""
        held = [attempt for attempt in self.attempts if attempt in self.oracle.holds]
        return dice.one_of(held[-4:] if dice.below(2) else held)

    def _claimable(self, dice):
        """A purchase, what the oracle knows of it, and cents of it that can still be asked back."""
        bought, known = dice.one_of(list(zip(self.purchases, self.oracle.purchases, strict=True)))
        return bought, known, int(self.oracle.room(known) * dice.one_of(SHARES))

    def _compare_holds(self, team, num_frames, detail, attempt):
        found = self._hold(team, num_frames, detail, attempt)
        assert found == self.oracle.hold(team, num_frames, detail, attempt, self.now)
        self.attempts.append(attempt)

    def _compare_settlements(self, dice, part):
        """Of a hold that is open or settled; sometimes 1 µ$ more than the part of it."""
        attempt = self._held(dice)
        used = int(self.oracle.holds[attempt]["amount"] * part) + (dice.below(4) == 3)
        assert self._settle(attempt, used) == self.oracle.settle(attempt, used, self.now)

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
                quote=quote_at(self.book, num_frames=num_frames, detail_pass=detail),
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


def actor_of(team):
    user = make_user()
    Membership.objects.create(team=team, user=user, role="owner")
    return Actor(kind="member", team=team, user=user, permissions=ROLE_PERMISSIONS["owner"])


def live(chance: random.Random) -> None:
    """One history by these dice, of some kinds of steps: what always happens together hides what happens alone."""
    history = Wallets()
    try:
        names = [name for name in STEP_NAMES if chance.random() < 0.8] or STEP_NAMES
        for _ in range(STEPS):
            getattr(history, chance.choice(names))(chance.randbytes(BYTES))
    finally:
        history.teardown()
