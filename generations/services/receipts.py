"""fal's webhooks: the verified delivery is stored first and acted on afterwards."""

import json
from typing import ClassVar
from uuid import UUID

from django.db import transaction

from accounts.background import enqueue
from accounts.errors import DomainError
from generations import fal_gateway
from generations.clock import Clock
from generations.models import Submission, WebhookReceipt
from generations.services.completion import finish_generation
from generations.services.dispatch import accept

PROCESS: str = "generations.tasks.process_receipt"


class ForeignWebhook(DomainError):
    """Well signed, but not about a request of ours: fal signs for all its customers with the same keys."""

    code: ClassVar[str] = "foreign_webhook"


@transaction.atomic
def store_receipt(*, token: UUID, request_id: str, body: bytes) -> WebhookReceipt:
    """Keep a verified delivery and enqueue its processing. A repeated delivery returns the first receipt.

    Raises ForeignWebhook when the token is unknown, the body names another request than the header, or the
    submission is known to be another request.
    """
    submission = Submission.objects.filter(token=token).first()
    if submission is None or submission.request_id not in {None, request_id} or not request_id:
        raise ForeignWebhook("This delivery does not belong to a request of this platform.")
    if _named_in(body) != request_id:
        raise ForeignWebhook("The delivery's body names another request than its signature.")
    receipt, created = WebhookReceipt.objects.get_or_create(
        submission=submission,
        request_id=request_id,
        defaults={"body": body.decode("utf-8", errors="replace").replace("\\u0000", "").replace("\x00", "")},
    )
    if created or receipt.processed_at is None:
        enqueue(PROCESS, queue="media", receipt_id=str(receipt.pk))
    return receipt


def process_receipt(*, receipt_id: int, clock: Clock) -> None:
    """Act on a delivery: it may be the first to name the request id; the result is then asked from fal itself."""
    receipt = WebhookReceipt.objects.select_related("submission").get(pk=receipt_id)
    submission = receipt.submission
    if submission.request_id is None:
        accept(submission_id=submission.pk, ticket=fal_gateway.Ticket(receipt.request_id), now=clock())
    finish_generation(generation_id=submission.generation_id, clock=clock)
    WebhookReceipt.objects.filter(pk=receipt.pk, processed_at=None).update(processed_at=clock())


def _named_in(body: bytes) -> str:
    try:
        value = json.loads(body)
    except ValueError:
        return ""
    return str(value.get("request_id", "")) if isinstance(value, dict) else ""
