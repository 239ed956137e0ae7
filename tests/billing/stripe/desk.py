"""The stand-in for Stripe as a test uses it: payers, the dashboard, and the post between Stripe and us."""

import json
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx
import stripe
from django.test import Client
from django.utils import timezone

from accounts.models import Team, User
from billing.models import Purchase, StripeReceipt
from billing.services import stripe_receipts
from tests.support import factories
from tests.support.sandbox_process import SandboxHandle

SECRET = "whsec_of_these_tests"
WEBHOOK = "/webhooks/stripe/"


@dataclass
class Desk:
    """Everything outside of the product that a purchase needs."""

    handle: SandboxHandle

    @property
    def url(self) -> str:
        return f"{self.handle.url}/stripe"

    # -- knobs and the dashboard

    def control(self, method: str, path: str, **body: Any) -> Any:
        response = self.handle.http().request(method, f"{self.url}/control/{path}", json=body)
        assert response.is_success, f"{path}: {response.text}"
        return response.json()

    def rule(self, step: str, fault: str, **fields: Any) -> None:
        self.control("POST", "rules", step=step, fault=fault, **fields)

    def objects(self, kind: str) -> list[dict[str, Any]]:
        return list(self.control("GET", f"objects/{kind}"))

    def jump(self, seconds: float) -> None:
        self.control("POST", "clock", seconds=seconds)

    def client(self) -> Any:
        """The official client, as an operator's own script would use it."""
        made = stripe.StripeClient(
            "sk_test_sandbox", base_addresses={"api": self.url}, stripe_version="2026-10-28.endive"
        )
        return made.v1

    # -- the payer

    def pay(self, address: str, card: str = "pm_card_visa", **fields: str) -> httpx.Response:
        """Fill Stripe's page in and press Pay; the answer is not followed."""
        return self.handle.http().post(
            address, data={"method": card, "email": "payer@example.com", **fields}, follow_redirects=False
        )

    def pay_with_challenge(self, address: str, *, succeeds: bool = True) -> httpx.Response:
        """Pay with a card whose bank wants to see its owner."""
        asked = self.pay(address, "pm_card_authenticationRequiredOnSetup")
        if "/challenge" not in asked.headers.get("location", ""):
            asked = self.pay(address, "pm_card_authenticationRequired")
        answer = "complete" if succeeds else "fail"
        return self.handle.http().post(
            asked.headers["location"], data={"answer": answer}, follow_redirects=False
        )

    # -- the post

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """What happened at Stripe, oldest first; with names, those alone."""
        found = list(reversed(self.objects("event")))
        return [event for event in found if not kinds or event["type"] in kinds]

    def wait_for(self, kind: str, *, seconds: float = 10) -> None:
        """Until it has happened at Stripe: slow things take their time there."""
        deadline = time.monotonic() + seconds
        while not self.events(kind):
            assert time.monotonic() < deadline, f"{kind} did not happen"
            time.sleep(0.02)

    def deliver(self, events: Iterable[dict[str, Any]]) -> None:
        """Post each event to our door, and have the worker process it."""
        for event in events:
            response = post(event)
            assert response.status_code == 200, response.content
            work_on(event["id"])

    def deliver_all(self) -> None:
        self.deliver(self.events())


def post(
    event: dict[str, Any] | str, *, secret: str = SECRET, age: float = 0, signature: str | None = None
) -> Any:
    """Deliver as Stripe does, signed `age` seconds ago."""
    body = event if isinstance(event, str) else json.dumps(event, indent=2)
    made = stripe.WebhookSignature.generate_signature_header(body, secret, int(time.time() - age))
    headers = {"Stripe-Signature": made if signature is None else signature}
    return Client().post(WEBHOOK, body, content_type="application/json", headers=headers)


def work_on(event_id: str) -> StripeReceipt:
    """What the worker does with a receipt, now."""
    receipt = StripeReceipt.objects.get(event_id=event_id)
    stripe_receipts.process_receipt(receipt_id=receipt.pk, clock=timezone.now)
    receipt.refresh_from_db()
    return receipt


@dataclass
class Buyer:
    """A team and one of its people in front of the product's pages."""

    team: Team
    user: User
    browser: Client

    @property
    def home(self) -> str:
        return f"/t/{self.team.slug}/billing/"

    def form_key(self) -> str:
        page = self.browser.get(self.home).content.decode()
        found = re.search(r'name="form_key" value="([0-9a-f-]+)"', page)
        assert found is not None
        return found[1]

    def press_buy(self, pack: str = "25", *, form_key: str = "", **fields: str) -> Any:
        """Press a pack's button."""
        data = {"form_key": form_key or self.form_key(), "pack": pack, **fields}
        return self.browser.post(f"{self.home}buy/", data)

    def checkout(self, pack: str = "25", **fields: str) -> str:
        """The address of Stripe's page for a new purchase."""
        response = self.press_buy(pack, **fields)
        assert response.status_code == 303, response.content.decode()
        return str(response["Location"])

    def purchase(self) -> Purchase:
        """The newest one."""
        return Purchase.objects.select_related("payment").filter(team=self.team).latest("pk")

    def page_of(self, purchase: Purchase, query: str = "") -> Any:
        return self.browser.get(f"{self.home}purchases/{purchase.pk}/{query}")


def make_buyer(role: str = "owner") -> Buyer:
    team = factories.make_team()
    user = factories.owner_of(team) if role == "owner" else factories.make_member(team, role)
    browser = Client()
    browser.force_login(user)
    return Buyer(team, user, browser)
