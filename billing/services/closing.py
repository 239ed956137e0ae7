"""The end of a team's money: what stands in the way, what is forfeited, and what of it names people."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.models import Team
from billing import ledger
from billing.models import (
    Debt,
    Notice,
    Payment,
    Purchase,
    PurchaseState,
    RaiseRequest,
    RechargeRule,
    RequestState,
    StoredQuote,
    StripeCustomer,
    StripeReceipt,
)
from billing.services.balances import balance_of


def why_not_close(team: Team) -> list[str]:
    """What has to be settled before the team can go: sentences for its owners."""
    found = []
    if balance_of(team).frozen:
        found.append("A refund or a dispute with your bank has not been decided yet.")
    if sum(debt.open_amount for debt in Debt.objects.filter(team=team)):
        found.append("The team owes credit that was taken back after it was spent.")
    if (
        Purchase.objects.filter(team=team, payment__is_processing=True)
        .exclude(state=PurchaseState.PAID)
        .exists()
    ):
        found.append("A payment is on its way from your bank.")
    return found


def unfinished_purchases(team: Team) -> int:
    """Purchases that were begun and not paid; they end with the team."""
    waiting = Purchase.objects.filter(team=team, state__in=[PurchaseState.DRAFT, PurchaseState.OPEN])
    return waiting.count()


@transaction.atomic
def forfeit_credits(*, team: Team, key: str, now: datetime) -> int:
    """Take what the team could still spend, once per `key`; returns the µ$ that went. Raises Busy."""
    available = balance_of(team).available
    if available <= 0:
        return 0
    done = ledger.adjust(
        team_id=team.pk, amount=-available, key=key, actor="system", reason="The team was deleted", now=now
    )
    return available if done.word == "adjusted" else 0


@transaction.atomic
def forget_team(team_id: UUID, *, now: datetime) -> None:
    """Erase words and links in the team's rows of billing. The books, amounts and Stripe's ids stay."""
    requests = RaiseRequest.objects.filter(team=team_id)
    requests.filter(state=RequestState.OPEN).update(
        state=RequestState.DROPPED, told=RequestState.DROPPED, decided_at=now
    )
    requests.update(reason="", note="")
    Notice.objects.filter(team=team_id).delete()
    StoredQuote.objects.filter(team=team_id).delete()
    RechargeRule.objects.filter(team=team_id).update(active=False)
    Payment.objects.filter(team=team_id).update(
        checkout_url="", receipt_url="", invoice_url="", failure="", error="", look_at=None
    )
    _forget_at_stripe(team_id)


def forget_requests_of(user_id: int) -> None:
    """Erase what a person wrote when they asked for more, and what they answered."""
    RaiseRequest.objects.filter(asked_by=user_id).update(reason="")
    RaiseRequest.objects.filter(decided_by=user_id).update(note="")


def _forget_at_stripe(team_id: UUID) -> None:
    """Deliveries are stored as they came, with names and addresses of payers in them."""
    customers = StripeCustomer.objects.filter(team=team_id)
    names = [name for name in customers.values_list("stripe_id", flat=True) if name]
    names += [
        name
        for purchase in Purchase.objects.filter(team=team_id).values_list(
            "checkout_session", "payment_intent", "charge"
        )
        for name in purchase
        if name
    ]
    for name in names:
        StripeReceipt.objects.filter(payload__contains=name, due_at=None).update(payload="{}")
    customers.update(payment_method="", card="")
