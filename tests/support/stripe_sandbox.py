"""The Stripe half of a running stand-in: settings, the official client, payments, knobs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import stripe

API_VERSION = "2026-10-28.endive"


@dataclass
class StripeSandbox:
    """`url` is the prefix under which Stripe answers; it changes never while the process runs."""

    base: str
    http: Callable[[], httpx.Client]

    @property
    def url(self) -> str:
        return f"{self.base}/stripe"

    def client(self, key: str = "sk_test_sandbox", retries: int = 2) -> stripe.StripeClient:
        """stripe-python's own client, as the product makes it."""
        return stripe.StripeClient(
            key,
            base_addresses={"api": self.url},
            stripe_version=API_VERSION,
            max_network_retries=retries,
        )

    # -- control

    def call(self, method: str, path: str, json: Any = None) -> Any:
        response = self.http().request(method, f"{self.url}/control/{path}", json=json)
        assert response.is_success, f"control {path}: {response.status_code} {response.text}"
        return response.json()

    def control(self, **knobs: Any) -> dict[str, Any]:
        return dict(self.call("PUT", "knobs", knobs))

    def rule(self, step: str, fault: str, match: str = "*", **fields: Any) -> str:
        """Add one fault and return the rule's id."""
        return str(self.call("POST", "rules", {"step": step, "fault": fault, "match": match, **fields})["id"])

    def clear_rules(self) -> None:
        self.call("DELETE", "rules")

    def jump(self, seconds: float) -> None:
        """Move the account's clock forward."""
        self.call("POST", "clock", {"seconds": seconds})

    def reset(self) -> None:
        """Forget everything but the endpoint named at the start."""
        self.call("POST", "reset")

    def webhook(self, url: str, secret: str, enabled_events: list[str] | None = None) -> dict[str, Any]:
        """Deliver events there, signed with that secret."""
        data = {"url": url, "secret": secret, "enabled_events": enabled_events or ["*"]}
        return dict(self.call("POST", "webhook_endpoints", data))

    def deliveries(self) -> list[dict[str, Any]]:
        """Every attempt to deliver an event, oldest first."""
        return list(self.call("GET", "deliveries"))

    def release(self, *, newest_first: bool = False) -> int:
        """Deliver what was withheld."""
        return int(self.call("POST", "deliveries/release", {"newest_first": newest_first})["released"])

    def resend(self, event_id: str) -> None:
        self.call("POST", f"events/{event_id}/resend")

    def objects(self, kind: str) -> list[dict[str, Any]]:
        """All objects of a kind, newest first, without asking the API."""
        return list(self.call("GET", f"objects/{kind}"))

    def settle(self, payment_intent: str, *, succeeds: bool = True) -> dict[str, Any]:
        """End a payment that is processing."""
        return dict(self.call("POST", f"payment_intents/{payment_intent}/settle", {"succeeds": succeeds}))

    def refund(self, payment_intent: str, **options: Any) -> dict[str, Any]:
        """A refund made in the dashboard: `amount`, `reason`."""
        return dict(self.call("POST", "refunds", {"payment_intent": payment_intent, **options}))

    def end_refund(self, refund: str, *, succeeds: bool = True) -> dict[str, Any]:
        """End a pending refund; with `succeeds=False` also one that had succeeded."""
        return dict(self.call("POST", f"refunds/{refund}/end", {"succeeds": succeeds}))

    def dispute(self, payment_intent: str, **options: Any) -> dict[str, Any]:
        """A bank disputes the payment: `amount`, `reason`, `inquiry`, `withdraw=False`."""
        return dict(self.call("POST", "disputes", {"payment_intent": payment_intent, **options}))

    def dispute_step(self, dispute: str, step: str, **options: Any) -> dict[str, Any]:
        """`withdraw` and `reinstate` the money, `close` with a `status`."""
        return dict(self.call("POST", f"disputes/{dispute}/{step}", options))

    def fraud_warning(self, payment_intent: str, **options: Any) -> dict[str, Any]:
        return dict(self.call("POST", "fraud_warnings", {"payment_intent": payment_intent, **options}))

    def payout(self, currency: str = "usd") -> dict[str, Any]:
        """The automatic payout of everything that is available."""
        return dict(self.call("POST", "payouts", {"currency": currency}))

    # -- the customer's browser

    def pay(
        self, session_id: str, method: str = "pm_card_visa", *, answer: str = "complete", **fields: str
    ) -> httpx.Response:
        """Fill in the hosted page of a Checkout session, 3-D Secure included; the last answer, not followed.

        303 to the success page when it worked, 402 with the page and its complaint when the card was declined.
        """
        page = f"{self.url}/pay/{session_id}"
        response = self.http().post(page, data={"method": method, **fields})
        if response.headers.get("location", "").endswith("/challenge"):
            response = self.http().post(f"{page}/challenge", data={"answer": answer})
        return response

    def wait(self, done: Callable[[], Any], seconds: float = 10) -> Any:
        """What `done` answers, once that is true."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = done()
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError(f"still waiting: {self.deliveries()[-5:]}")
