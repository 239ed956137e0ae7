"""django-q2 entry points: ids in, one service call each, harmless when run twice or late."""

from uuid import UUID

from django.utils import timezone

from generations.services import cancellation, completion, dispatch, receipts, sweep


def dispatch_next(**_: object) -> None:
    dispatch.dispatch_next(clock=timezone.now)


def recover_dispatch(*, generation_id: str, **_: object) -> None:
    dispatch.recover_dispatch(generation_id=UUID(generation_id), now=timezone.now())


def finish_generation(*, generation_id: str, **_: object) -> None:
    completion.finish_generation(generation_id=UUID(generation_id), clock=timezone.now)


def process_receipt(*, receipt_id: str, **_: object) -> None:
    receipts.process_receipt(receipt_id=int(receipt_id), clock=timezone.now)


def cancel_at_fal(*, submission_id: str, **_: object) -> None:
    cancellation.cancel_at_fal(submission_id=int(submission_id))


def enqueue_due(**_: object) -> None:
    sweep.enqueue_due(now=timezone.now())
