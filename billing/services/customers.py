"""Teams as Stripe's customers, and the cards that may be charged for them."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from accounts.actors import Actor
from accounts.errors import DomainError
from accounts.models import Team
from billing import stripe_gateway
from billing.models import RechargeRule, StripeCustomer
from billing.services.declines import pause_for_lost_card


class PaymentsUnavailable(DomainError):
    """Stripe did not answer, or this installation has no account there. Nothing was charged."""

    code = "payments_unavailable"
    retryable = True


class NoCustomer(DomainError):
    """The team never paid, so Stripe has nothing to show."""

    code = "no_customer"


def customer_of(*, team: Team, email: str) -> str:
    """The team's id at Stripe, made there when it has none. Raises StripeError; not inside a transaction."""
    customer, _ = StripeCustomer.objects.get_or_create(team=team)
    if customer.stripe_id is None:
        made = stripe_gateway.create_customer(
            team_id=team.pk, number=customer.number, name=team.name, email=email
        )
        StripeCustomer.objects.filter(team=team, stripe_id=None).update(stripe_id=made)
        customer.refresh_from_db()
    return str(customer.stripe_id)


def open_portal(*, actor: Actor, return_url: str) -> str:
    """The address of Stripe's page with the team's cards and invoices. Raises NoCustomer, PaymentsUnavailable."""
    customer = StripeCustomer.objects.filter(team=actor.team).exclude(stripe_id=None).first()
    if customer is None:
        raise NoCustomer("Cards and invoices are available after the first purchase.")
    try:
        return stripe_gateway.open_portal(customer=str(customer.stripe_id), return_url=return_url)
    except stripe_gateway.StripeError as error:
        raise PaymentsUnavailable("Stripe does not answer right now. Try again in a minute.") from error


@transaction.atomic
def note_card(*, card: stripe_gateway.SavedCard, now: datetime) -> None:
    """What became of a saved card: without a customer it was removed, and nothing is bought with it any more."""
    holders = StripeCustomer.objects.filter(payment_method=card.id)
    for holder in holders.exclude(stripe_id=card.customer or None) if card.customer else holders:
        StripeCustomer.objects.filter(pk=holder.pk).update(payment_method="", card="")
        pause_for_lost_card(team_id=holder.pk, why=RechargeRule.Pause.CARD_GONE, now=now)


@transaction.atomic
def note_customer_gone(*, customer: str, now: datetime) -> None:
    """Deleted at Stripe: the next purchase makes a new one."""
    for holder in StripeCustomer.objects.filter(stripe_id=customer):
        StripeCustomer.objects.filter(pk=holder.pk).update(
            stripe_id=None, number=F("number") + 1, payment_method="", card=""
        )
        pause_for_lost_card(team_id=holder.pk, why=RechargeRule.Pause.CUSTOMER_GONE, now=now)
