"""What a delivery may bring about: it is stored as it came, and only fal's own answer to us is believed."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from billing.services import balance_of, find_violations
from generations.models import WebhookReceipt
from generations.services import receipts
from tests.support import flow
from tests.support.factories import make_generation

pytestmark = pytest.mark.django_db


def process_all() -> None:
    for receipt in WebhookReceipt.objects.order_by("pk"):
        receipts.process_receipt(receipt_id=receipt.pk, clock=timezone.now)


def test_the_door_stores_the_bytes_as_they_came_and_does_nothing_else(
    fal, team, receiver, client, django_capture_on_commit_callbacks
):
    generation = make_generation(team)
    flow.dispatch_all()
    delivery = receiver.next()
    assert (
        client.post(**{**delivery.as_client_kwargs, "data": b"{}"}).status_code == 401
    )  # fal's keys are known now
    OrmQ.objects.all().delete()
    fal.stop()
    try:  # nothing of fal's is asked before the answer, so that it is quick and never lost
        with django_capture_on_commit_callbacks(execute=True):
            answer = client.post(**delivery.as_client_kwargs)
    finally:
        fal.start()

    receipt = WebhookReceipt.objects.get()
    assert answer.status_code == 200
    assert receipt.body.encode() == delivery.body
    assert receipt.processed_at is None
    assert [message.task["func"] for message in OrmQ.objects.all()] == [receipts.PROCESS]
    generation.refresh_from_db()
    assert generation.status == "processing"


@pytest.mark.parametrize("moment", ["while processing", "after the end"])
def test_a_replay_changes_nothing(fal, team, receiver, client, moment):
    generation = make_generation(team)
    flow.dispatch_all()
    delivery = receiver.next()
    client.post(**delivery.as_client_kwargs)
    if moment == "after the end":
        process_all()
    events = generation.events.count()

    answers = [client.post(**delivery.as_client_kwargs).status_code for _ in range(5)]

    assert answers == [200] * 5
    assert WebhookReceipt.objects.count() == 1
    assert generation.events.count() == events
    process_all()
    process_all()
    generation.refresh_from_db()
    assert generation.status == "succeeded"
    assert balance_of(team).held == 0
    assert find_violations() == []


@pytest.mark.parametrize("fault", ["garbage", "payload_error", "duplicate"])
def test_what_a_delivery_says_is_not_believed(fal, team, receiver, client, fault):
    fal.rule("webhook", fault)
    generation = make_generation(team)
    flow.dispatch_all()
    delivery = receiver.next()

    answer = client.post(**delivery.as_client_kwargs)
    process_all()
    generation.refresh_from_db()

    if fault == "garbage":  # it names no request, so it is nobody's; the poller finishes
        assert (answer.status_code, generation.status) == (401, "processing")
        assert flow.finish(generation).status == "succeeded"
    else:
        assert (answer.status_code, generation.status) == (200, "succeeded")


@pytest.mark.parametrize("fault", ["unsigned", "wrong_signature", "stale"])
def test_what_is_badly_signed_or_stale_leaves_nothing(fal, team, receiver, client, fault):
    fal.rule("webhook", fault, **({"seconds": 301} if fault == "stale" else {}))
    generation = make_generation(team)
    flow.dispatch_all()

    answer = client.post(**receiver.next().as_client_kwargs)

    assert answer.status_code == 401
    assert not WebhookReceipt.objects.exists()
    assert flow.finish(generation).status == "succeeded"


def test_a_delivery_of_failure_ends_the_job_as_fal_says_when_asked(fal, team, receiver, client):
    fal.rule("inference", "error", type="no_media_generated")
    generation = make_generation(team)
    flow.dispatch_all()
    delivery = receiver.next()
    assert json.loads(delivery.body)["status"] == "ERROR"

    client.post(**delivery.as_client_kwargs)
    process_all()

    generation.refresh_from_db()
    assert (generation.status, generation.failure_code) == ("failed", "no_media_generated")
    assert balance_of(team).available == 10_000_000


def test_while_fal_does_not_answer_a_delivery_waits_and_its_job_goes_on(fal, team, receiver, client):
    fal.rule("result", "http", status=503, times=1)
    generation = make_generation(team)
    flow.dispatch_all()
    client.post(**receiver.next().as_client_kwargs)
    process_all()
    generation.refresh_from_db()
    assert generation.status == "processing"
    assert generation.due_at < timezone.now() + timedelta(minutes=1)

    assert flow.finish(generation).status == "succeeded"
