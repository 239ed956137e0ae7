"""Stripe's deliveries: who is believed, what is kept, and that each counts once."""

import json

import pytest
import stripe
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from billing.models import StripeReceipt, Transaction
from billing.services import balance_of, stripe_receipts
from tests.billing.stripe.desk import Buyer, Desk, post, work_on

PAID = "checkout.session.completed"


@pytest.fixture
def paid_event(desk: Desk, buyer: Buyer) -> dict:
    desk.pay(buyer.checkout("25"))
    return desk.events(PAID)[0]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"secret": "whsec_of_somebody_else"}, "signature"),
        ({"signature": ""}, "signature"),
        ({"signature": "t=1,v1=00"}, "signature"),
        ({"signature": "nonsense"}, "signature"),
        ({"age": 301}, "age"),
        ({"age": -301}, "age"),
    ],
)
def test_who_did_not_just_sign_is_refused(paid_event: dict, how: dict, said: str) -> None:
    response = post(paid_event, **how)

    assert response.status_code == 400
    assert response.json() == {"detail": said}
    assert not StripeReceipt.objects.exists()


def test_a_little_difference_between_clocks_is_allowed(paid_event: dict) -> None:
    assert post(paid_event, age=290).status_code == 200
    assert post({**paid_event, "id": "evt_2"}, age=-290).status_code == 200


def test_bytes_changed_on_the_way_are_refused(desk: Desk, paid_event: dict) -> None:
    body = json.dumps(paid_event)
    signature = stripe.WebhookSignature.generate_signature_header(body, "whsec_of_these_tests")

    assert post(body.replace("usd", "eur"), signature=signature).status_code == 400


def test_another_version_of_the_api_is_refused(paid_event: dict) -> None:
    assert post({**paid_event, "api_version": "2020-08-27"}).json() == {"detail": "version"}


@pytest.mark.parametrize("body", ["[]", '{"object": "charge"}', "not json", '{"object":"event"}'])
def test_what_is_no_event_is_refused(desk: Desk, body: str) -> None:
    assert post(body).status_code == 400


def test_a_long_body_is_refused_before_it_is_read(desk: Desk) -> None:
    assert Client().post(
        "/webhooks/stripe/", "x" * 1_000_001, content_type="application/json"
    ).status_code in {400, 413}


def test_a_receipt_is_stored_before_anything_is_done_with_it(paid_event: dict, buyer: Buyer) -> None:
    assert post(paid_event).status_code == 200

    receipt = StripeReceipt.objects.get()
    assert (receipt.event_id, receipt.kind) == (paid_event["id"], PAID)
    assert json.loads(receipt.payload) == paid_event
    assert receipt.processed_at is None
    assert balance_of(buyer.team).available == 0


def test_a_delivery_wakes_a_worker(paid_event: dict, django_capture_on_commit_callbacks) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        post(paid_event)

    assert stripe_receipts.PROCESS in [message.task["func"] for message in OrmQ.objects.all()]


def test_an_unknown_type_is_kept_and_answered(desk: Desk, paid_event: dict) -> None:
    assert post({**paid_event, "id": "evt_new", "type": "invoice.something_new"}).status_code == 200

    receipt = StripeReceipt.objects.get()
    assert receipt.processed_at is not None
    assert receipt.due_at is None


def test_a_delivery_that_comes_again_counts_once(desk: Desk, paid_event: dict, buyer: Buyer) -> None:
    for _ in range(3):
        desk.deliver([paid_event])

    assert StripeReceipt.objects.count() == 1
    assert Transaction.objects.filter(kind="top_up").count() == 1
    assert balance_of(buyer.team).available == 25_000_000


def test_a_forged_amount_in_an_event_is_not_believed(desk: Desk, paid_event: dict, buyer: Buyer) -> None:
    """Even well signed: the object is fetched afresh."""
    paid_event["data"]["object"]["amount_total"] = 1
    paid_event["data"]["object"]["client_reference_id"] = "999999"

    desk.deliver([paid_event])

    assert balance_of(buyer.team).available == 25_000_000


def test_a_failure_stays_on_the_receipt_and_is_tried_again(
    desk: Desk, paid_event: dict, buyer: Buyer
) -> None:
    desk.rule("request", "error", match="GET /v1/checkout/sessions/*", times=3, status=500)
    desk.deliver([paid_event])
    receipt = StripeReceipt.objects.get()
    assert "Unanswered" in receipt.error
    assert receipt.processed_at is None
    assert receipt.due_at > timezone.now()
    assert balance_of(buyer.team).available == 0

    StripeReceipt.objects.update(due_at=timezone.now())
    assert stripe_receipts.due_receipts(now=timezone.now(), limit=10) == [receipt.pk]
    work_on(receipt.event_id)

    receipt.refresh_from_db()
    assert (receipt.error, receipt.attempts) == ("", 2)
    assert balance_of(buyer.team).available == 25_000_000


def test_staff_replay_a_receipt_without_counting_twice(desk: Desk, paid_event: dict, buyer: Buyer) -> None:
    desk.deliver([paid_event])
    receipt = StripeReceipt.objects.get()

    stripe_receipts.replay_receipt(receipt_id=receipt.pk, now=timezone.now())
    assert work_on(receipt.event_id).processed_at is not None

    assert balance_of(buyer.team).available == 25_000_000


def test_a_claimed_receipt_is_one_workers(paid_event: dict) -> None:
    post(paid_event)
    receipt = StripeReceipt.objects.get()
    StripeReceipt.objects.update(due_at=timezone.now() + stripe_receipts.LEASE)

    assert not stripe_receipts.process_receipt(receipt_id=receipt.pk, clock=timezone.now)


def test_what_belongs_to_somebody_else_at_stripe_is_put_aside(desk: Desk, buyer: Buyer) -> None:
    """One account may serve several programs."""
    stripe = desk.client()
    customer = stripe.customers.create({"email": "else@example.com"})
    stripe.payment_intents.create(
        {
            "amount": 900,
            "currency": "usd",
            "customer": customer.id,
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )

    desk.deliver(desk.events("payment_intent.succeeded"))

    receipt = StripeReceipt.objects.get()
    assert receipt.processed_at is not None
    assert "no purchase of this platform" in receipt.error


def test_what_was_never_delivered_is_read_from_stripes_own_list(desk: Desk, buyer: Buyer) -> None:
    desk.pay(buyer.checkout("25"))

    missed = stripe_receipts.back_fill(since=buyer.purchase().created_at, clock=timezone.now)
    assert missed >= 1
    for receipt in StripeReceipt.objects.filter(processed_at=None):
        work_on(receipt.event_id)

    assert balance_of(buyer.team).available == 25_000_000
    assert stripe_receipts.back_fill(since=buyer.purchase().created_at, clock=timezone.now) == 0


def test_the_database_away_makes_stripe_try_again(database_away: None, settings) -> None:
    settings.STRIPE_WEBHOOK_SECRET = "whsec_of_these_tests"
    event = {"object": "event", "id": "evt_1", "type": "x", "api_version": "2026-10-28.endive", "data": {}}

    assert post(event).status_code == 503


def test_the_books_still_balance(desk: Desk, paid_event: dict) -> None:
    desk.deliver_all()

    call_command("billing_verify")
