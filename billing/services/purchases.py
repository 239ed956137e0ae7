"""Buying credit: the intention, and the one function that turns a payment into credit."""

from datetime import datetime

from django.db import transaction

from accounts.models import Team
from billing import ledger
from billing.models import Purchase, PurchaseOrigin
from billing.models.purchases import MICROS_PER_CENT
from billing.services.refusals import refuse_ending


def start_purchase(
    *,
    team: Team,
    credit: int,
    actor: str,
    origin: str = PurchaseOrigin.CHECKOUT,
    tax_cents: int = 0,
    credit_days: int | None = None,
) -> Purchase:
    """Note the intention to buy `credit` µ$, whole cents; nothing is credited yet.

    Raises TeamFrozen for a team that is going to be deleted, and ValueError for amounts that are not above zero or
    not whole cents.
    """
    refuse_ending(team)
    if credit <= 0 or credit % MICROS_PER_CENT or tax_cents < 0:
        raise ValueError("Credit is bought in whole cents, above zero.")
    return Purchase.objects.create(
        team=team,
        origin=origin,
        credit=credit,
        gross_cents=credit // MICROS_PER_CENT + tax_cents,
        tax_cents=tax_cents,
        credit_days=credit_days,
        actor=actor,
    )


@transaction.atomic
def credit_purchase(*, purchase: Purchase, actor: str, now: datetime, tax_cents: int | None = None) -> bool:
    """Credit a purchase whose payment has arrived, once; returns whether this call did it.

    Webhook, landing page, poller and administrators all call this. The credit comes from our row; `tax_cents`
    is what the payment added on top, when that was not known before. Raises Busy. Locks the purchase, then
    the team's available row; what the team owes is repaid from the new credit.
    """
    tax = purchase.tax_cents if tax_cents is None else tax_cents
    done = ledger.credit_purchase(
        purchase_id=purchase.pk,
        gross_cents=purchase.credit // MICROS_PER_CENT + tax,
        tax_cents=tax,
        actor=actor,
        now=now,
    )
    purchase.refresh_from_db()
    return done.word == "credited"
