"""Stripe's webhooks: signature, age and version of what was delivered, and the events of the last weeks."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import stripe
from django.conf import settings

from billing.stripe_gateway.connection import API_VERSION, connected
from billing.stripe_gateway.errors import BadSignature
from billing.stripe_gateway.facts import id_of

TOLERANCE_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event: its id, what happened, and to which object. `text` is what was delivered."""

    event_id: str
    kind: str
    object_id: str
    text: str


def read_delivery(*, body: bytes, signature: str, now: datetime) -> Delivery:
    """The event in these bytes. Raises BadSignature, also for one signed over 300 s ago or ahead of now.

    The library's verifier takes any age and any future, and compares no versions; hence the checks here.
    """
    try:
        text = body.decode()
        stripe.WebhookSignature.verify_header(text, signature, settings.STRIPE_WEBHOOK_SECRET)
        signed_at = int(dict(part.split("=", 1) for part in signature.split(",") if "=" in part)["t"])
    except (UnicodeDecodeError, stripe.SignatureVerificationError, KeyError, ValueError) as error:
        raise BadSignature("signature") from error
    if abs(now.timestamp() - signed_at) > TOLERANCE_SECONDS:
        raise BadSignature("age")
    try:
        event = json.loads(text)
    except ValueError as error:
        raise BadSignature("form") from error
    if not isinstance(event, dict) or event.get("object") != "event":
        raise BadSignature("form")
    if event.get("api_version") != API_VERSION:
        raise BadSignature("version")
    return delivery_of(event, text)


def delivery_of(event: dict[str, Any], text: str) -> Delivery:
    """Raises BadSignature for an event without id or type."""
    event_id, kind = event.get("id"), event.get("type")
    if not (isinstance(event_id, str) and isinstance(kind, str) and 0 < len(event_id) <= 255):
        raise BadSignature("form")
    data = event.get("data")
    about = data.get("object") if isinstance(data, dict) else None
    return Delivery(event_id, kind[:100], id_of(about)[:255], text)


def events_since(since: datetime) -> Iterator[Delivery]:
    """What Stripe remembers to have happened, newest first; thirty days at most."""
    with connected() as client:
        params = {"created": {"gte": int(since.timestamp())}, "limit": 100}
        for event in client.events.list(params).auto_paging_iter():
            found = event.to_dict()
            # The library reads some numbers as Decimal.
            yield delivery_of(found, json.dumps(found, default=str))
