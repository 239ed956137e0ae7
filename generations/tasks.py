"""django-q2 entry points: ids in, one service call each, harmless when run twice or late."""

from uuid import UUID

from django.utils import timezone

from generations.services import (
    breaker,
    breaker_mail,
    cancellation,
    clip_news,
    completion,
    costs,
    dispatch,
    orphans,
    overdue,
    previews,
    receipts,
    recovery,
    retention,
    sweep,
)


def dispatch_next(**_: object) -> None:
    dispatch.dispatch_ready(clock=timezone.now)


def recover_dispatch(*, generation_id: str, **_: object) -> None:
    recovery.recover_dispatch(generation_id=UUID(generation_id), now=timezone.now())


def finish_generation(*, generation_id: str, **_: object) -> None:
    completion.finish_generation(generation_id=UUID(generation_id), clock=timezone.now)


def process_receipt(*, receipt_id: str, **_: object) -> None:
    receipts.process_receipt(receipt_id=int(receipt_id), clock=timezone.now)


def cancel_at_fal(*, submission_id: str, **_: object) -> None:
    cancellation.cancel_at_fal(submission_id=int(submission_id))


def enqueue_due(**_: object) -> None:
    sweep.enqueue_due(now=timezone.now())
    sweep.enqueue_rare(now=timezone.now())


def ask_about_overdue(*, attempt: str, **_: object) -> None:
    overdue.ask_about_overdue(attempt=UUID(attempt), now=timezone.now())


def recall_jobs(**_: object) -> None:
    breaker.recall(now=timezone.now())


def tell_operators(*, fal_key: str, **_: object) -> None:
    breaker_mail.tell_operators(name=fal_key)


def draw_previews(*, generation_id: str, **_: object) -> None:
    previews.draw(generation_id=UUID(generation_id), clock=timezone.now)


def reconcile_costs(**_: object) -> None:
    costs.reconcile(now=timezone.now())


def delete_expired_media(**_: object) -> None:
    retention.delete_expired(now=timezone.now())


def remove_orphans(**_: object) -> None:
    orphans.walk_on(now=timezone.now())


def tell_about_end(*, generation_id: str, **_: object) -> None:
    clip_news.tell_about_end(generation_id=UUID(generation_id), now=timezone.now())
