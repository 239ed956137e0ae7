"""One job from submission to its end, by polling and by webhook, over HTTP to the stand-in."""

import hashlib

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from billing.services import balance_of, find_violations, hold_of
from generations.models import SubmissionState, WebhookReceipt
from generations.services import receipts
from tests.support import flow
from tests.support.factories import make_generation

pytestmark = pytest.mark.django_db


def test_a_clip_is_delivered_and_exactly_its_price_is_taken(fal, team):
    generation = make_generation(team, num_frames=25, seed=7)
    assert balance_of(team).held == generation.price == 20_834

    done = flow.run(generation)

    assert done.status == "succeeded"
    assert (done.frames, done.used_seed, done.progress) == (25, 7, 100)
    with default_storage.open(done.video.name) as file:
        stored = file.read()
    assert hashlib.sha256(stored).hexdigest() == done.video_sha256
    assert done.poster
    assert balance_of(team).available == 10_000_000 - 20_834
    assert hold_of(done.pk).captured == 20_834
    assert [event.to_status for event in done.events.all()] == [
        "queued",
        "dispatching",
        "processing",
        "finalizing",
        "succeeded",
    ]
    assert len(fal.requests()) == 1
    assert find_violations() == []


def test_the_request_carries_all_inputs_in_fals_types(fal, team):
    generation = make_generation(team, seed=0, temporal_adain_factor=0, negative_prompt="")

    flow.run(generation)

    (request,) = fal.requests()
    sent = request["input"]
    assert len(sent) == 19
    assert (sent["seed"], sent["temporal_adain_factor"], sent["negative_prompt"], sent["loras"]) == (
        0,
        0,
        "",
        [],
    )


def test_a_webhook_alone_finishes_the_job(fal, team, receiver, client):
    generation = make_generation(team)
    flow.dispatch_all()
    delivery = receiver.next()

    answer = client.post(**delivery.as_client_kwargs)
    again = client.post(**delivery.as_client_kwargs)

    assert (answer.status_code, again.status_code) == (200, 200)
    receipt = WebhookReceipt.objects.get()
    receipts.process_receipt(receipt_id=receipt.pk, clock=timezone.now)
    receipts.process_receipt(receipt_id=receipt.pk, clock=timezone.now)
    generation.refresh_from_db()
    assert generation.status == "succeeded"
    assert balance_of(team).held == 0


def test_a_lost_reply_is_found_by_the_webhook_without_a_second_request(fal, team, receiver, client):
    fal.rule("submit", "drop_after", times=1)
    generation = make_generation(team)
    flow.dispatch_all()
    assert generation.submissions.get().state == SubmissionState.LOST

    client.post(**receiver.next().as_client_kwargs)
    receipts.process_receipt(receipt_id=WebhookReceipt.objects.get().pk, clock=timezone.now)

    generation.refresh_from_db()
    assert generation.status == "succeeded"
    assert len(fal.requests()) == 1
