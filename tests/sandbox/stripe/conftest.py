"""The Stripe half of the stand-in, its real client, and an endpoint for its webhooks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import stripe

from tests.sandbox.receiver import Receiver
from tests.support.sandbox_process import SandboxHandle
from tests.support.stripe_sandbox import StripeSandbox

SECRET = "whsec_of_the_tests"


@pytest.fixture
def stand(sandbox: SandboxHandle) -> StripeSandbox:
    """Forgotten between tests."""
    return sandbox.stripe


@pytest.fixture
def client(stand: StripeSandbox) -> stripe.StripeClient:
    return stand.client()


@pytest.fixture
def hook(stand: StripeSandbox, receiver: Receiver) -> Iterator[Receiver]:
    """A receiver to which all events are delivered."""
    stand.webhook(f"{receiver.url}/hook", SECRET)
    yield receiver
    stand.reset()


@dataclass
class Shop:
    """What a seller does with the official client, in one line each."""

    client: stripe.StripeClient
    stand: StripeSandbox
    success: str = "http://127.0.0.1:9/done?session={CHECKOUT_SESSION_ID}"
    cancel: str = "http://127.0.0.1:9/no"

    def session(self, amount: int = 2_500, **changes: Any) -> Any:
        """A Checkout session for one pack of credit."""
        price = {"currency": "usd", "unit_amount": amount, "product_data": {"name": "Credit"}}
        params: Any = {
            "mode": "payment",
            "line_items": [{"price_data": price, "quantity": 1}],
            "success_url": self.success,
            "cancel_url": self.cancel,
            **changes,
        }
        return self.client.v1.checkout.sessions.create(params)

    def paid(self, amount: int = 2_500, method: str = "pm_card_visa", **changes: Any) -> Any:
        """A session after its customer has paid, with its intent and charge inside."""
        session = self.session(amount, **changes)
        self.stand.pay(session.id, method)
        return self.again(session.id)

    def again(self, session_id: str) -> Any:
        return self.client.v1.checkout.sessions.retrieve(
            session_id,
            {"expand": ["payment_intent.latest_charge.balance_transaction", "line_items", "invoice"]},
        )

    def customer(self, method: str | None = "pm_card_visa") -> tuple[Any, Any]:
        """A customer with a saved card."""
        customer = self.client.v1.customers.create({"email": "owner@example.com"})
        if method is None:
            return customer, None
        card = self.client.v1.payment_methods.attach(method, {"customer": customer.id})
        return customer, card

    def charge(self, customer: Any, card: Any, amount: int = 2_000, **changes: Any) -> Any:
        """An off-session payment, as automatic recharge makes it."""
        params: Any = {
            "amount": amount,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": card.id,
            "off_session": True,
            "confirm": True,
            "error_on_requires_action": True,
            **changes,
        }
        return self.client.v1.payment_intents.create(params)

    def events(self, *kinds: str) -> list[str]:
        """Types of all events so far, oldest first; only those that begin with one of the kinds."""
        found = [event["type"] for event in self.stand.objects("event")][::-1]
        return [name for name in found if not kinds or name.startswith(kinds)]


@pytest.fixture
def shop(client: stripe.StripeClient, stand: StripeSandbox) -> Shop:
    return Shop(client, stand)


@pytest.fixture
def refused() -> Callable[..., Any]:
    """Call something that Stripe refuses and return the error."""

    def call(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        with pytest.raises(stripe.StripeError) as caught:
            function(*arguments, **named)
        return caught.value

    return call
