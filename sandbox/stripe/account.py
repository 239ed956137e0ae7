"""One Stripe account in test mode: its objects, its clock, what happens later, and its events."""

from __future__ import annotations

import functools
import time
import typing
from collections.abc import Callable
from typing import Any

from sandbox.stripe.errors import StripeError, no_such
from sandbox.stripe.ids import new_id
from sandbox.stripe.knobs import Knobs
from sandbox.stripe.store import Store

API_VERSION = "2026-10-28.endive"
Object = dict[str, Any]

# What refusals call an object, where Stripe does not use the type's own name.
SPOKEN = {
    "payment_method": "PaymentMethod",
    "radar.early_fraud_warning": "early_fraud_warning",
    "checkout.session": "checkout.session",
}
# Types whose every field is always present, null when empty: taken from the SDK's classes.
COMPLETE = {
    "charge": "Charge",
    "checkout.session": "checkout.Session",
    "invoice": "Invoice",
    "payment_intent": "PaymentIntent",
    "payout": "Payout",
    "refund": "Refund",
    "setup_intent": "SetupIntent",
}
# These are null-able to the SDK, but Stripe sends them only when they were asked for.
ABSENT = {"deleted", "line_items", "refunds", "payments", "presentment_details"}


@functools.cache
def nulls(kind: str) -> dict[str, None]:
    """The fields of a type that may be null, from the SDK's own class."""
    if kind not in COMPLETE:
        return {}
    import stripe  # it takes a second: only a stand-in that is asked pays for it

    found: Any = stripe
    for part in COMPLETE[kind].split("."):
        found = getattr(found, part)
    hints = found.__annotations__
    return {
        name: None
        for name, hint in hints.items()
        if type(None) in typing.get_args(hint) and name not in ABSENT
    }


class Account:
    """All state. Used from one event loop; whoever changes it opens the store's transaction."""

    def __init__(self, store: Store, knobs: Knobs) -> None:
        self.store = store
        self.knobs = knobs
        self.offset = float(store.fact("clock_offset") or 0)
        self.base_url = store.fact("base_url") or ""
        self.request: dict[str, Any] = {"id": None, "idempotency_key": None}  # named in events
        self.on_work: Callable[[], None] = lambda: None  # told when jobs were added

    # -- time

    def now(self) -> int:
        return int(self.clock())

    def clock(self) -> float:
        """Unix seconds, moved by every time jump."""
        return time.time() + self.offset

    def jump(self, seconds: float) -> None:
        self.offset += seconds
        self.store.set_fact("clock_offset", str(self.offset))
        self.on_work()

    def seen_at(self, base_url: str) -> None:
        """Remember the address under which callers reach this process, for the pages it links to."""
        if base_url != self.base_url:
            self.base_url = base_url
            self.store.set_fact("base_url", base_url)

    # -- objects

    def new(self, kind: str, **fields: Any) -> Object:
        """A new object, saved; Stripe's common fields are filled in."""
        item: Object = {
            "id": new_id(kind),
            "object": kind,
            **nulls(kind),
            "created": self.now(),
            "livemode": False,
        }
        item |= {"metadata": {}} if "metadata" not in fields else {}
        item |= fields
        self.store.put(item)
        return item

    def get(self, kind: str, object_id: str, *, param: str | None = None) -> Object:
        """The object; raises Stripe's resource_missing, 404 for an address and 400 for a parameter."""
        found = self.store.get(object_id)
        if found is None or found["object"] != kind:
            status = 404 if param is None else 400
            raise no_such(SPOKEN.get(kind, kind), object_id, param=param or "id", status=status)
        return found

    def save(self, item: Object, **changes: Any) -> dict[str, Any]:
        """Apply the changes, save, and return the previous values of what really changed."""
        previous = {name: item.get(name) for name, value in changes.items() if item.get(name) != value}
        item.update(changes)
        self.store.put(item)
        return previous

    # -- what follows

    def emit(self, kind: str, item: Object, previous: dict[str, Any] | None = None) -> Object:
        """Record an event with the object as it is now, and deliver it to every endpoint that wants it."""
        wanted = [endpoint for endpoint in self.store.find("webhook_endpoint") if wants(endpoint, kind)]
        data: dict[str, Any] = {"object": public(item)}
        if previous:
            data["previous_attributes"] = previous
        event: Object = {
            "id": new_id("event"),
            "object": "event",
            "api_version": API_VERSION,
            "created": self.now(),
            "data": data,
            "livemode": False,
            "pending_webhooks": len(wanted),
            "request": dict(self.request),
            "type": kind,
        }
        self.store.put(event)
        for endpoint in wanted:
            self.later("deliver", event["id"], 0, endpoint=endpoint["id"], attempt=1)
        return event

    def later(self, kind: str, subject: str, seconds: float, **data: Any) -> None:
        """Do something in that many seconds of the account's clock; see sandbox.stripe.jobs."""
        self.store.add_job(self.clock() + seconds, kind, subject, data)
        self.on_work()


def public(value: Any) -> Any:
    """Without what only the stand-in knows: names that begin with `sandbox_`."""
    if isinstance(value, dict):
        return {name: public(item) for name, item in value.items() if not name.startswith("sandbox_")}
    return [public(item) for item in value] if isinstance(value, list) else value


def wants(endpoint: Object, kind: str) -> bool:
    events = endpoint["enabled_events"]
    return endpoint["status"] == "enabled" and ("*" in events or kind in events)


def merged_metadata(old: dict[str, str], changes: Any) -> dict[str, str]:
    """Stripe's rules: an empty value removes its key, an empty string removes all. Raises StripeError."""
    if changes == "":
        return {}
    result = {**old, **(changes or {})}
    result = {key: value for key, value in result.items() if value != ""}
    if len(result) > 50:
        raise StripeError("Metadata can have at most 50 keys.", param="metadata", kept=False)
    for key, value in result.items():
        if len(key) > 40:
            message = f"Metadata keys can't be longer than 40 characters: {key}"
            raise StripeError(message, param="metadata", kept=False)
        if len(value) > 500:
            message = f"Metadata values can have up to 500 characters, but you passed in a value that is {len(value)}"
            raise StripeError(message, param=f"metadata[{key}]", kept=False)
    return result
