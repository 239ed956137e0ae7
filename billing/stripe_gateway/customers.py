"""Teams at Stripe, and the cards they keep there. Every call raises StripeError."""

from dataclasses import dataclass
from uuid import UUID

from billing.stripe_gateway.connection import connected, once
from billing.stripe_gateway.errors import Missing
from billing.stripe_gateway.facts import card_of, id_of


@dataclass(frozen=True, slots=True)
class SavedCard:
    """A way to pay and whose it is: `customer` is empty once it was detached."""

    id: str
    card: str
    customer: str


def create_customer(*, team_id: UUID, number: int, name: str, email: str) -> str:
    """The id of the team's customer with that number; the same for a day, however often it is asked."""
    params = {"name": name, "email": email, "metadata": {"team": str(team_id)}}
    with connected() as stripe:
        return str(stripe.customers.create(params, once(f"team:{team_id}:customer:{number}")).to_dict()["id"])


def customer_exists(customer: str) -> bool:
    """False once it was deleted there."""
    with connected() as stripe:
        try:
            return not stripe.customers.retrieve(customer).to_dict().get("deleted", False)
        except Missing:
            return False


def default_card(customer: str) -> str:
    """The payment method that the customer chose as default in Stripe's portal, or nothing."""
    with connected() as stripe:
        found = stripe.customers.retrieve(customer).to_dict()
    return id_of((found.get("invoice_settings") or {}).get("default_payment_method"))


def fetch_card(payment_method: str) -> SavedCard:
    with connected() as stripe:
        found = stripe.payment_methods.retrieve(payment_method).to_dict()
    return SavedCard(found["id"], card_of(found), id_of(found.get("customer")))


def open_portal(*, customer: str, return_url: str) -> str:
    """The address of Stripe's page where the team sees its cards and invoices."""
    with connected() as stripe:
        params = {"customer": customer, "return_url": return_url}
        return str(stripe.billing_portal.sessions.create(params).to_dict()["url"])
