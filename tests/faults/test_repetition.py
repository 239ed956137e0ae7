"""Every task three times, two of them at once: what it does happens once."""

from datetime import timedelta
from functools import partial

import pytest
from django.core import mail
from django.utils import timezone
from django.utils.module_loading import import_string

from billing.models import Hold, Transaction
from billing.services import find_violations
from generations.models import FalKey, Generation, Submission, WebhookReceipt
from generations.services import retention
from ltxplatform.operations.models import QueuePing
from tests.concurrency.racing import race
from tests.contracts.test_tasks import named_tasks
from tests.support import flow
from tests.support.factories import give_credits, make_generation, make_image, make_team
from tests.support.sandbox_process import SandboxHandle, sandbox_server

pytestmark = [pytest.mark.concurrency, pytest.mark.usefixtures("cloned_database")]

Ids = dict[str, str]
TASKS = {
    "dispatch_next": "queued",
    "recover_dispatch": "lost",
    "finish_generation": "done_at_fal",
    "process_receipt": "announced",
    "cancel_at_fal": "canceling",
    "recall_jobs": "done_at_fal",
    "enqueue_due": "lost",
    "ask_about_overdue": "done_at_fal",
    "tell_operators": "stopped_key",
    "draw_previews": "delivered",
    "reconcile_costs": "delivered",
    "delete_expired_media": "expired_media",
    "remove_orphans": "delivered",
    "answer_ping": "nothing",
}


@pytest.fixture(scope="module")
def sandbox():
    with sandbox_server() as handle:
        yield handle


class World:
    """One job at some stage; each stage returns what tasks may be called with."""

    def __init__(self, fal: SandboxHandle) -> None:
        self.fal = fal
        self.team = make_team()
        give_credits(self.team, 100_000)
        self.job = make_generation(self.team, image=make_image(self.team), seed=1)

    def queued(self) -> Ids:
        return {"generation_id": str(self.job.pk), "attempt": str(self.job.hold_attempt)}

    def lost(self) -> Ids:
        self.fal.rule("submit", "drop_after", times=1)
        flow.dispatch_all()
        Generation.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        return self.queued()

    def canceling(self) -> Ids:
        self.fal.control(queue_seconds=60)
        flow.dispatch_all()
        Generation.objects.update(cancel_requested_at=timezone.now())
        return {**self.queued(), "submission_id": str(Submission.objects.get().pk)}

    def done_at_fal(self) -> Ids:
        flow.dispatch_all()
        while flow.poll_once() != ["COMPLETED"]:
            pass
        return {**self.queued(), "fal_key": "main"}

    def announced(self) -> Ids:
        ids = self.done_at_fal()
        sent = Submission.objects.get()
        receipt = WebhookReceipt.objects.create(submission=sent, request_id=sent.request_id, body="{}")
        return {**ids, "receipt_id": str(receipt.pk)}

    def delivered(self) -> Ids:
        ids = self.done_at_fal()
        flow.finish(self.job)
        return ids

    def expired_media(self) -> Ids:
        ids = self.delivered()
        retention.set_retention(team=self.team, keep_days=1, actor="test")
        Generation.objects.update(ended_at=timezone.now() - timedelta(days=3))
        return ids

    def stopped_key(self) -> Ids:
        flow.dispatch_all()
        FalKey.objects.update_or_create(
            pk="main", defaults={"breaker": "open", "reason": "test", "probe_at": timezone.now()}
        )
        return {"fal_key": "main"}

    def nothing(self) -> Ids:
        return {"queue": "media"}


def test_every_task_is_tried() -> None:
    assert {name.rpartition(".")[2] for name in named_tasks()} == set(TASKS)


@pytest.mark.parametrize("name", named_tasks())
def test_a_task_that_runs_three_times_has_one_effect(name, sandbox, settings, media_root) -> None:
    sandbox.reset()
    for setting, value in {**sandbox.fal_settings, "FAL_LOST_REPLY_SECONDS": 1, "PUBLIC_URL": ""}.items():
        setattr(settings, setting, value)
    settings.ADMINS = [("Operator", "operator@example.com")]
    world = World(sandbox)
    ids = getattr(world, TASKS[name.rpartition(".")[2]])()
    task = partial(import_string(name), **{"queue": "media", **ids})  # tasks ignore what they do not know

    results = [*race([task, task]), task()]

    assert results == [None] * 3
    world.job.refresh_from_db()
    history = list(world.job.events.values_list("to_status", flat=True))
    assert len(history) == len(set(history)), history  # nothing happened twice
    assert Submission.objects.filter(state__in=["intent", "lost", "accepted"]).count() <= 1
    assert len(sandbox.requests()) <= 1
    assert Transaction.objects.filter(kind__in=["capture", "release"]).count() == int(world.job.is_terminal)
    assert Hold.objects.filter(state="open").count() == int(not world.job.is_terminal)
    wanted = 1 if world.job.status == "succeeded" and world.job.media_deleted_at is None else 0
    assert len(list(media_root.rglob("clips/**/*.mp4"))) == wanted * (2 if world.job.preview else 1)
    assert len(mail.outbox) <= 2  # a mail is sent at least once, and not by the third
    assert QueuePing.objects.count() <= 1
    assert find_violations() == []
