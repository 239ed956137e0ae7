"""Stripe's webhooks: a delivery is stored first and acted on afterwards, once, whatever the order.

An event only says which object to look at. The object is fetched afresh, so that old news changes nothing.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog
from django.db import transaction
from django.db.models import F

from accounts.background import enqueue
from billing import stripe_gateway
from billing.models import StripeReceipt
from billing.services import stripe_events
from billing.services.crediting import Mismatch, NotOurs, report_mismatch
from billing.stripe_gateway import BadSignature as BadSignature

PROCESS: Final = "billing.tasks.process_receipt"
LEASE: Final = timedelta(minutes=2)
LONGEST_PAUSE: Final = timedelta(hours=6)
# Event -> what fetches its object and returns the change to make.
HANDLERS: Final[Mapping[str, stripe_events.Handler]] = {
    "checkout.session.completed": stripe_events.session,
    "checkout.session.async_payment_succeeded": stripe_events.session,
    "checkout.session.async_payment_failed": stripe_events.session,
    "checkout.session.expired": stripe_events.session,
    "payment_intent.succeeded": stripe_events.payment,
    "payment_intent.payment_failed": stripe_events.payment,
    "payment_intent.requires_action": stripe_events.payment,
    "refund.created": stripe_events.refund,
    "refund.updated": stripe_events.refund,
    "refund.failed": stripe_events.refund,
    "charge.refunded": stripe_events.refunds_of_charge,
    "charge.dispute.created": stripe_events.dispute,
    "charge.dispute.updated": stripe_events.dispute,
    "charge.dispute.funds_withdrawn": stripe_events.dispute,
    "charge.dispute.funds_reinstated": stripe_events.dispute,
    "charge.dispute.closed": stripe_events.dispute,
    "radar.early_fraud_warning.created": stripe_events.fraud_warning,
    "radar.early_fraud_warning.updated": stripe_events.fraud_warning,
    "payment_method.detached": stripe_events.card,
    "customer.deleted": stripe_events.customer_gone,
    "payout.paid": stripe_events.payout,
}

logger = structlog.get_logger(__name__)


@transaction.atomic
def store_receipt(*, body: bytes, signature: str, now: datetime) -> StripeReceipt:
    """Keep a delivery and enqueue its processing; a repeated one is the first. Unknown types are kept as well.

    Raises stripe_gateway.BadSignature.
    """
    return keep_delivery(stripe_gateway.read_delivery(body=body, signature=signature, now=now), now=now)


@transaction.atomic
def keep_delivery(delivery: stripe_gateway.Delivery, *, now: datetime) -> StripeReceipt:
    """The receipt of an event, delivered or read from Stripe's list of events."""
    receipt, created = StripeReceipt.objects.get_or_create(
        event_id=delivery.event_id,
        defaults={
            "kind": delivery.kind,
            "object_id": delivery.object_id,
            "payload": delivery.text,
            "due_at": now if delivery.kind in HANDLERS else None,
            "processed_at": None if delivery.kind in HANDLERS else now,
        },
    )
    if created and receipt.due_at is not None:
        enqueue(PROCESS, receipt_id=str(receipt.pk))
    return receipt


def process_receipt(*, receipt_id: int, clock: Callable[[], datetime]) -> bool:
    """Act on a receipt that is due; returns whether it is done now.

    The change and the mark that it was made are one transaction. A failure stays on the receipt, which the
    sweep tries again later; staff can too. Calls Stripe, so not inside a transaction.
    """
    receipt = _claimed(receipt_id, now=clock())
    if receipt is None:
        return False
    try:
        change = HANDLERS[receipt.kind](receipt.object_id)
        with transaction.atomic():
            row = StripeReceipt.objects.select_for_update(no_key=True).get(pk=receipt_id)
            if row.processed_at is None:
                change(clock())
                _done(receipt_id, now=clock())
    except (NotOurs, stripe_gateway.Missing) as error:
        _done(receipt_id, now=clock(), error=str(error))
    except Mismatch as error:
        report_mismatch(error)
        StripeReceipt.objects.filter(pk=receipt_id).update(error=error.reason, due_at=None)
        return False
    except Exception as error:
        # Whatever it was, it is the receipt's story, not the worker's; staff see it in the list.
        logger.warning("receipt_failed", receipt=receipt_id, kind=receipt.kind, exc_info=True)
        _failed(receipt, error, now=clock())
        return False
    return True


def replay_receipt(*, receipt_id: int, now: datetime) -> None:
    """Process a receipt once more, also one that was processed: it changes nothing that is right already."""
    with transaction.atomic():
        known = StripeReceipt.objects.filter(pk=receipt_id, kind__in=HANDLERS)
        if known.update(processed_at=None, due_at=now, attempts=0, error=""):
            enqueue(PROCESS, receipt_id=str(receipt_id))


def due_receipts(*, now: datetime, limit: int) -> list[int]:
    """Those whose message got lost, or that failed and may be tried again."""
    due = StripeReceipt.objects.filter(processed_at=None, due_at__lte=now).order_by("due_at")
    return list(due.values_list("pk", flat=True)[:limit])


def back_fill(*, since: datetime, clock: Callable[[], datetime]) -> int:
    """Keep every event that Stripe remembers and never delivered here; returns how many those were."""
    missed = 0
    for delivery in stripe_gateway.events_since(since):
        if (
            delivery.kind in HANDLERS
            and not StripeReceipt.objects.filter(event_id=delivery.event_id).exists()
        ):
            keep_delivery(delivery, now=clock())
            missed += 1
    return missed


def _claimed(receipt_id: int, *, now: datetime) -> StripeReceipt | None:
    """One worker at a time; a worker that died loses its claim after two minutes."""
    mine = StripeReceipt.objects.filter(pk=receipt_id, processed_at=None, due_at__lte=now)
    if not mine.update(due_at=now + LEASE, attempts=F("attempts") + 1):
        return None
    return StripeReceipt.objects.get(pk=receipt_id)


def _done(receipt_id: int, *, now: datetime, error: str = "") -> None:
    StripeReceipt.objects.filter(pk=receipt_id).update(processed_at=now, due_at=None, error=error)


def _failed(receipt: StripeReceipt, error: Exception, *, now: datetime) -> None:
    pause = min(timedelta(seconds=15) * 2 ** min(receipt.attempts, 12), LONGEST_PAUSE)
    StripeReceipt.objects.filter(pk=receipt.pk, processed_at=None).update(
        error=f"{type(error).__name__}: {error}"[:2000], due_at=now + pause
    )
