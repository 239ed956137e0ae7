"""Buying credit by itself when little is left, with the card that a person allowed for it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, Sum

from accounts.actors import Actor
from accounts.audit import record
from accounts.background import enqueue
from accounts.models import Team
from billing import stripe_gateway
from billing.models import (
    AccountKind,
    Payment,
    Purchase,
    PurchaseOrigin,
    PurchaseState,
    Recharge,
    RechargeRule,
    RechargeState,
    StripeCustomer,
)
from billing.models.purchases import MICROS_PER_CENT
from billing.money import MICROS, format_balance
from billing.services import declines
from billing.services.balances import balance_of
from billing.services.checkout import AmountRefused
from billing.services.crediting import Mismatch, apply_payment, report_mismatch
from billing.services.purchases import start_purchase

CHARGE: Final = "billing.tasks.charge_card"
# An answer that was lost is looked for after this; nothing new is charged before it is found or surely absent.
FIRST_LOOK: Final = timedelta(minutes=1)
SURELY_ABSENT: Final = timedelta(minutes=30)


@transaction.atomic
def set_recharge(
    *, actor: Actor, threshold: int, credit: int, monthly_cap: int, agreed: bool, now: datetime
) -> RechargeRule:
    """Switch automatic top-up on with these amounts in µ$, or change it; a pause ends with it.

    Raises AmountRefused for amounts that cannot be, without a saved card or without agreement.
    """
    _check_amounts(threshold, credit, monthly_cap)
    if not StripeCustomer.objects.filter(team=actor.team).exclude(payment_method="").exists():
        raise AmountRefused("There is no saved card. Buy once and tick the box that keeps the card.")
    if not agreed:
        raise AmountRefused("Tick the box: without your agreement nothing is bought automatically.")
    before = RechargeRule.objects.select_for_update().filter(team=actor.team, active=True).first()
    rule, _ = RechargeRule.objects.update_or_create(
        team=actor.team,
        defaults={
            "active": True,
            "threshold": threshold,
            "credit": credit,
            "monthly_cap": monthly_cap,
            "paused": "",
            "retry_at": None,
            "agreed_by": actor.label,
            "agreed_at": now,
        },
    )
    old, new = (_told(each) if each is not None else {} for each in (before, rule))
    record("recharge.set", by=actor, about=rule, name="Automatic top-up", old=old, new=new)
    return rule


@transaction.atomic
def stop_recharge(*, actor: Actor) -> None:
    """Buy nothing by itself any more. What is being paid at this moment still counts."""
    if RechargeRule.objects.filter(team=actor.team, active=True).update(active=False):
        record("recharge.stopped", by=actor, name="Automatic top-up")


def _told(rule: RechargeRule) -> dict[str, str]:
    amounts = {"below": rule.threshold, "buys": rule.credit, "month": rule.monthly_cap}
    return {name: format_balance(amount) for name, amount in amounts.items()}


def low_teams(*, now: datetime, limit: int) -> list[UUID]:
    """Teams whose rule may apply, by a look without locks; `start_recharge` decides."""
    rules = RechargeRule.objects.filter(
        Q(retry_at=None) | Q(retry_at__lte=now),
        active=True,
        paused="",
        team__accounts__kind=AccountKind.AVAILABLE,
        team__accounts__balance__lt=F("threshold"),
    )
    idle = rules.exclude(team__recharges__state=RechargeState.PENDING)
    return list(idle.values_list("pk", flat=True)[:limit])


@transaction.atomic
def start_recharge(*, team_id: UUID, now: datetime) -> Recharge | None:
    """Note one automatic purchase if the rule says so now, and have the card charged after commit.

    Pending purchases count as balance, so that somebody who is just paying is not charged besides. At most one
    is undecided per team (an index says so too). Locks the rule.
    """
    rules = RechargeRule.objects.select_for_update(of=("self",)).select_related("team")
    rule = rules.filter(pk=team_id, active=True, paused="").first()
    card = StripeCustomer.objects.filter(team=team_id).exclude(payment_method="").first()
    if rule is None or card is None or (rule.retry_at is not None and rule.retry_at > now):
        return None
    if rule.team.recharges.filter(state=RechargeState.PENDING).exists():
        return None
    if rule.team.ends_at is not None:
        return None
    coming = _pending_credit(rule.team, now=now)
    if balance_of(rule.team).available + coming >= rule.threshold:
        return None
    if bought_this_month(rule.team, now=now) + rule.credit > rule.monthly_cap:
        return None
    purchase = start_purchase(
        team=rule.team, credit=rule.credit, actor="recharge", origin=PurchaseOrigin.RECHARGE
    )
    # Whoever has to pay it by hand after all keeps the card for the next time: that was agreed to.
    Payment.objects.create(
        purchase=purchase,
        team=rule.team,
        form_key=uuid4(),
        keep_card=True,
        automatic_tax=settings.STRIPE_AUTOMATIC_TAX,
        look_at=now + FIRST_LOOK,
    )
    recharge = Recharge.objects.create(
        team=rule.team, purchase=purchase, payment_method=card.payment_method, created_at=now
    )
    enqueue(CHARGE, recharge_id=str(recharge.pk))
    return recharge


def charge_card(*, recharge_id: int, clock: Callable[[], datetime]) -> None:
    """Charge a pending automatic purchase, once however often this runs.

    When the answer is lost it stays pending, and the sweep finds out. Calls Stripe: not inside a transaction.
    """
    recharge = Recharge.objects.select_related("purchase__team", "purchase__payment").get(pk=recharge_id)
    customer = StripeCustomer.objects.filter(team=recharge.team_id).first()
    if recharge.state != RechargeState.PENDING or customer is None:
        return
    purchase = recharge.purchase
    try:
        found = stripe_gateway.charge_saved_card(
            purchase_id=purchase.pk,
            cents=purchase.credit // MICROS_PER_CENT,
            customer=str(customer.stripe_id),
            payment_method=recharge.payment_method,
            automatic_tax=purchase.payment.automatic_tax,
        )
    except stripe_gateway.Unanswered as error:
        Payment.objects.filter(pk=purchase.pk).update(error=error.message)
    except stripe_gateway.Refused as error:
        _decline(purchase, error, now=clock())
    else:
        with transaction.atomic():
            waiting = Purchase.objects.filter(pk=purchase.pk, state=PurchaseState.DRAFT)
            waiting.update(state=PurchaseState.OPEN, payment_intent=found.id)
        _apply(found, now=clock())


def charge_again(*, purchase: Purchase, clock: Callable[[], datetime]) -> None:
    """An automatic purchase that Stripe knows nothing of: sent again with its own key, and given up in the end.

    Calls Stripe, so not inside a transaction.
    """
    pending = Recharge.objects.filter(purchase=purchase, state=RechargeState.PENDING).first()
    now = clock()
    if pending is None:
        Payment.objects.filter(pk=purchase.pk).update(look_at=None)
    elif now - pending.created_at < SURELY_ABSENT:
        charge_card(recharge_id=pending.pk, clock=clock)
    else:
        with transaction.atomic():
            reason = "Stripe could not be reached, and nothing was charged."
            declines.note_decline(purchase=purchase, code="unanswered", reason=reason, now=now)


def bought_this_month(team: Team, *, now: datetime) -> int:
    """µ$ bought automatically since the month began (UTC), with what is undecided."""
    month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    counted = Recharge.objects.filter(team=team, created_at__gte=month).exclude(state=RechargeState.FAILED)
    return int(counted.aggregate(total=Sum("purchase__credit"))["total"] or 0)


def _pending_credit(team: Team, *, now: datetime) -> int:
    """What people are paying for at the moment. A page left open does not count for longer than an hour."""
    waiting = Purchase.objects.filter(
        Q(created_at__gte=now - timedelta(hours=1)) | Q(payment__is_processing=True),
        team=team,
        state__in=[PurchaseState.DRAFT, PurchaseState.OPEN],
    )
    return int(waiting.aggregate(total=Sum("credit"))["total"] or 0)


def _apply(found: stripe_gateway.Payment, *, now: datetime) -> None:
    try:
        apply_payment(found, actor="stripe", now=now)
    except Mismatch as error:
        report_mismatch(error)


@transaction.atomic
def _decline(purchase: Purchase, error: stripe_gateway.Refused, *, now: datetime) -> None:
    if isinstance(error, stripe_gateway.Declined) and error.payment_intent:
        Purchase.objects.filter(pk=purchase.pk).update(payment_intent=error.payment_intent)
    declines.note_decline(purchase=purchase, code=error.code, reason=error.message, now=now)


def _check_amounts(threshold: int, credit: int, monthly_cap: int) -> None:
    least, most = settings.PURCHASE_MIN * MICROS, settings.PURCHASE_MAX * MICROS
    if not least <= credit <= most:
        raise AmountRefused(
            f"Each purchase must be between {format_balance(least)} and {format_balance(most)}."
        )
    if not 0 < threshold <= most:
        raise AmountRefused(f"The balance to buy at must be above zero and at most {format_balance(most)}.")
    if monthly_cap < credit:
        raise AmountRefused("The monthly maximum must cover at least one purchase.")
    if credit % MICROS_PER_CENT or threshold % MICROS_PER_CENT or monthly_cap % MICROS_PER_CENT:
        raise AmountRefused("Dollars have two decimals.")
