"""The client: pinned version, time limits, retries, and Stripe's errors in our terms."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import stripe
from django.conf import settings
from django.db import transaction

from billing.stripe_gateway.errors import Declined, Missing, Refused, StripeError, Unanswered

API_VERSION: Final = "2026-10-28.endive"
CURRENCY: Final = "usd"
# Seconds to connect, and to answer: three tries stay below the minute that a task has.
TIMEOUT: Final = (3.0, 12.0)
RETRIES: Final = 2


@contextmanager
def connected() -> Iterator[Any]:
    """The client's first version of the API. Raises RuntimeError inside a transaction, StripeError otherwise.

    The client is untyped here: its parameters are dictionaries, which the stand-in checks against the
    library's own types, and what it returns ends in `facts`.
    """
    with transaction.atomic(durable=True):
        pass  # durable: raises inside any other transaction
    if not settings.STRIPE_SECRET_KEY:
        raise Refused("No key for Stripe is set.", code="not_set_up")
    try:
        yield _client(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_URL, os.getpid()).v1
    except stripe.StripeError as error:
        raise translated(error) from error


@cache
def _client(key: str, address: str, process: int) -> stripe.StripeClient:
    """One for each process: a fork shares no sockets with its parent."""
    return stripe.StripeClient(
        key,
        stripe_version=API_VERSION,
        base_addresses={"api": address},
        max_network_retries=RETRIES,
        http_client=stripe.RequestsClient(timeout=TIMEOUT),
    )


def once(key: str) -> Mapping[str, Any]:
    """Options that make a request happen once, however often it is sent: our row's own key."""
    return {"idempotency_key": key}


def translated(error: stripe.StripeError) -> StripeError:
    code = str(getattr(error, "code", None) or "")
    message = str(error.user_message or error)
    status = error.http_status or 0
    if isinstance(error, stripe.CardError):
        return Declined(message, code=_reason(error, code), payment_intent=_attempt(error))
    if status == 404 or code == "resource_missing":
        return Missing(message, code=code)
    if status == 0 or status in {408, 409, 429} or status >= 500:
        return Unanswered(message, code=code, is_kept=status >= 500)
    return Refused(message, code=code)


def _reason(error: stripe.CardError, code: str) -> str:
    detail = _body(error).get("decline_code")
    return code if code == "authentication_required" else str(detail or code)


def _attempt(error: stripe.CardError) -> str:
    intent = _body(error).get("payment_intent")
    return str(intent["id"]) if isinstance(intent, dict) else ""


def _body(error: stripe.StripeError) -> dict[str, Any]:
    body = error.json_body if isinstance(error.json_body, dict) else {}
    detail = body.get("error")
    return detail if isinstance(detail, dict) else {}
