"""Hands work to django-q2 after the transaction: a nudge that may get lost, because rows say what is due."""

from typing import Literal

from django.db import transaction
from django_q.tasks import async_task

Queue = Literal["default", "media", "hooks"]


def enqueue(task: str, *, queue: Queue = "default", **ids: str) -> None:
    """Run `task` (a dotted path) soon, after commit. Arguments are ids only: they are stored in clear.

    A broker that cannot be reached is logged by Django, not raised: what the caller committed stands and the
    sweep enqueues it again.
    """

    # A function and not a partial: Django's line about a failed hook names it by its __qualname__.
    def enqueue_now() -> None:
        async_task(task, cluster=queue, **ids)

    transaction.on_commit(enqueue_now, robust=True)
