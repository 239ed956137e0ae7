"""Buying credit by hand: the intention here, the payment on Stripe's page."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid4, uuid5

from django.conf import settings
from django.db import IntegrityError, transaction

from accounts.actors import Actor
from accounts.errors import DomainError
from billing import stripe_gateway
from billing.models import Payment, Purchase, PurchaseOrigin, PurchaseState
from billing.models.purchases import MICROS_PER_CENT
from billing.money import MICROS
from billing.services.customers import PaymentsUnavailable, customer_of, note_customer_gone
from billing.services.purchases import start_purchase
from billing.services.refusals import refuse_ending

DOLLARS: Final = re.compile(r"[-\u2212]?[0-9]{1,12}(\.[0-9]{1,12})?")
# Stripe takes thirty minutes to a day, and a repeated request must name the same end.
PAGE_HOURS: Final = 12
SHORTEST: Final = timedelta(minutes=35)
FIRST_LOOK: Final = timedelta(minutes=2)


class AmountRefused(DomainError):
    """Not an amount of credit that can be bought."""

    code = "amount_refused"


class NotPayable(DomainError):
    """The purchase is paid, or over."""

    code = "not_payable"


def credit_from(text: str) -> int:
    """µ$ of credit for dollars as people write them. Raises AmountRefused with a sentence for each wrong form."""
    written = text.strip().removeprefix("$").strip().replace(",", "")
    if DOLLARS.fullmatch(written) is None:
        raise AmountRefused("Write an amount in US dollars, such as 40 or 12.50.")
    dollars = Decimal(written.replace("\u2212", "-"))
    if dollars <= 0:
        raise AmountRefused("The amount must be above zero.")
    if dollars < settings.PURCHASE_MIN:
        raise AmountRefused(f"The smallest purchase is ${settings.PURCHASE_MIN:,}.")
    if dollars > settings.PURCHASE_MAX:
        raise AmountRefused(
            f"The largest purchase is ${settings.PURCHASE_MAX:,}. Buy twice, or contact the operator."
        )
    if dollars != dollars.quantize(Decimal("0.01")):
        raise AmountRefused("Dollars have two decimals: write 12.50, not 12.505.")
    return int(dollars * MICROS)


def start_checkout(
    *,
    actor: Actor,
    amount: str,
    form_key: UUID,
    keep_card: bool,
    page_url: Callable[[int], str],
    now: datetime,
) -> str:
    """The address to pay `amount` dollars at: Stripe's page, or our own of a purchase that is paid already.

    The same `form_key` with the same choice is the same purchase, so a double click buys once. `page_url` is
    our page for a purchase's id, where Stripe sends people back to. Raises AmountRefused, PaymentsUnavailable
    (nothing was charged; pressing again continues). Calls Stripe, so not inside a transaction.
    """
    credit = credit_from(amount)
    purchase = _intend(actor, credit, uuid5(form_key, f"{credit}:{keep_card}"), keep_card, now)
    if purchase.is_paid:
        return page_url(purchase.pk)
    return open_checkout(actor=actor, purchase=purchase, page_url=page_url, now=now)


def open_checkout(*, actor: Actor, purchase: Purchase, page_url: Callable[[int], str], now: datetime) -> str:
    """Stripe's page for a purchase that is not paid; the one it has, or a new one when that is over.

    Raises NotPayable, TeamFrozen, PaymentsUnavailable. Calls Stripe, so not inside a transaction.
    """
    refuse_ending(purchase.team)
    payment = _payment_to_ask_for(purchase, now)
    if payment.checkout_url:
        return payment.checkout_url
    ours = page_url(purchase.pk)
    customer = ""
    try:
        customer = customer_of(team=purchase.team, email=actor.user.email if actor.user else "")
        session = stripe_gateway.create_checkout(
            purchase_id=purchase.pk,
            number=payment.checkout_number,
            cents=purchase.credit // MICROS_PER_CENT,
            customer=customer,
            success_url=f"{ours}?from=stripe",
            cancel_url=f"{ours}?from=canceled",
            ends_at=payment.checkout_ends_at or now,
            keep_card=payment.keep_card,
            automatic_tax=payment.automatic_tax,
        )
    except stripe_gateway.StripeError as error:
        if isinstance(error, stripe_gateway.Missing):
            note_customer_gone(customer=customer, now=now)
        _note_failure(payment, error)
        raise PaymentsUnavailable(
            "Stripe does not answer right now. Nothing was charged: press Buy again in a minute."
        ) from error
    _note_page(purchase, payment, session)
    return session.url


def _intend(actor: Actor, credit: int, form_key: UUID, keep_card: bool, now: datetime) -> Purchase:
    """The purchase of this form; another one once that is over. Of two clicks at once, the index lets one through."""
    found = _of_form(actor, form_key)
    if found is not None:
        if found.state not in {PurchaseState.EXPIRED, PurchaseState.FAILED}:
            return found
        form_key = uuid4()
    try:
        with transaction.atomic():
            purchase = start_purchase(team=actor.team, credit=credit, actor=actor.label)
            Payment.objects.create(
                purchase=purchase,
                team=actor.team,
                form_key=form_key,
                keep_card=keep_card,
                automatic_tax=settings.STRIPE_AUTOMATIC_TAX,
                look_at=now + FIRST_LOOK,
            )
    except IntegrityError:
        twin = _of_form(actor, form_key)
        if twin is None:
            raise
        return twin
    return purchase


def _of_form(actor: Actor, form_key: UUID) -> Purchase | None:
    return Purchase.objects.filter(payment__team=actor.team, payment__form_key=form_key).first()


@transaction.atomic
def _payment_to_ask_for(purchase: Purchase, now: datetime) -> Payment:
    """Its row, with the number and the end of the page that Stripe is to make: written down before it is asked."""
    purchase.refresh_from_db()
    payment = Payment.objects.select_for_update(of=("self",)).get(purchase=purchase)
    if purchase.state in {PurchaseState.PAID, PurchaseState.EXPIRED} or payment.is_processing:
        raise NotPayable("This purchase is not waiting for a payment. Start a new one.")
    if payment.checkout_ends_at is not None and payment.checkout_ends_at - now > SHORTEST:
        if payment.checkout_url or purchase.checkout_session is None:
            return payment
        payment.checkout_number += 1  # that page is over: paid there and refused
    elif payment.checkout_ends_at is not None:
        payment.checkout_number += 1
    payment.checkout_url = ""
    payment.checkout_ends_at = now + timedelta(hours=PAGE_HOURS)
    payment.look_at = now + FIRST_LOOK
    payment.looks = 0
    payment.save(update_fields=["checkout_number", "checkout_url", "checkout_ends_at", "look_at", "looks"])
    return payment


@transaction.atomic
def _note_page(purchase: Purchase, payment: Payment, session: stripe_gateway.Session) -> None:
    Payment.objects.filter(pk=payment.pk).update(checkout_url=session.url, failure="", error="")
    waiting = Purchase.objects.filter(pk=purchase.pk)
    waiting.filter(state__in=[PurchaseState.DRAFT, PurchaseState.FAILED]).update(state=PurchaseState.OPEN)
    waiting.exclude(state=PurchaseState.PAID).update(checkout_session=session.id)
    purchase.refresh_from_db()


def _note_failure(payment: Payment, error: stripe_gateway.StripeError) -> None:
    """A refusal of Stripe's stays under its key for a day; the next press asks under another one."""
    changes: dict[str, object] = {"error": error.message}
    if not isinstance(error, stripe_gateway.Unanswered) or error.is_kept:
        changes["checkout_number"] = payment.checkout_number + 1
    Payment.objects.filter(pk=payment.pk).update(**changes)


def is_open_page(purchase: Purchase, payment: Payment, *, now: datetime) -> bool:
    """Whether the payer can go on where they left."""
    payable = purchase.state in {PurchaseState.DRAFT, PurchaseState.OPEN, PurchaseState.FAILED}
    by_hand = purchase.origin == PurchaseOrigin.CHECKOUT or purchase.state == PurchaseState.FAILED
    return payable and by_hand and not payment.is_processing
