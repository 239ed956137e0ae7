"""Hands work to django-q2 after the transaction: a nudge that may get lost, because rows say what is due."""

from functools import partial
from typing import Literal

from django.db import transaction
from django_q.tasks import async_task

Queue = Literal["default", "media", "hooks"]


def enqueue(task: str, *, queue: Queue = "default", **ids: str) -> None:
    """Run `task` (a dotted path) soon, after commit. Arguments are ids only: they are stored in clear.

    A broker that cannot be reached is logged by Django, not raised: what the caller committed stands and the
    sweep enqueues it again.
    """
    transaction.on_commit(partial(_enqueue_now, task, queue, ids), robust=True)


def _enqueue_now(task: str, queue: Queue, ids: dict[str, str]) -> None:
    async_task(task, cluster=queue, **ids)
