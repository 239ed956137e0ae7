"""Without any webhook: the page people come back to, the sweep and staff find out by themselves."""

import itertools
from datetime import timedelta

from django.utils import timezone

from billing import tasks
from billing.models import Payment, StripeReceipt, Transaction
from billing.services import balance_of, following, stripe_sweep
from tests.billing.stripe.desk import Buyer, Desk


def test_coming_back_from_stripe_credits_at_once(desk: Desk, buyer: Buyer) -> None:
    desk.pay(buyer.checkout("25"))

    page = buyer.page_of(buyer.purchase(), "?from=stripe").content.decode()

    assert "Paid. The credit has been added." in page
    assert "every 2s" not in page
    assert balance_of(buyer.team).available == 25_000_000
    desk.deliver_all()
    assert Transaction.objects.filter(kind="top_up").count() == 1
    assert not StripeReceipt.objects.exclude(error="").exists()


def test_the_page_waits_while_stripe_does_not_answer(desk: Desk, buyer: Buyer) -> None:
    desk.pay(buyer.checkout("25"))
    desk.rule("request", "error", match="GET /v1/checkout/sessions/*", times=3, status=503)

    page = buyer.page_of(buyer.purchase(), "?from=stripe").content.decode()

    assert "Asking Stripe whether the payment has arrived." in page
    assert "every 2s" in page
    assert balance_of(buyer.team).available == 0


def test_a_page_that_is_reloaded_does_not_ask_stripe_each_time(desk: Desk, buyer: Buyer) -> None:
    buyer.checkout("25")
    purchase = buyer.purchase()
    buyer.page_of(purchase)
    desk.pay(purchase.payment.checkout_url)

    buyer.page_of(purchase)
    assert buyer.purchase().state == "open"

    Payment.objects.update(looked_at=timezone.now() - following.PATIENCE)
    buyer.page_of(purchase)
    assert buyer.purchase().state == "paid"


def test_the_sweep_finds_what_no_webhook_told(desk: Desk, buyer: Buyer) -> None:
    desk.pay(buyer.checkout("25"))
    now = timezone.now()
    assert following.take_due_looks(now=now, limit=10) == []

    later = now + timedelta(minutes=3)
    assert following.take_due_looks(now=later, limit=10) == [buyer.purchase().pk]
    tasks.follow_purchase(purchase_id=str(buyer.purchase().pk))

    assert balance_of(buyer.team).available == 25_000_000
    assert following.take_due_looks(now=later + timedelta(days=1), limit=10) == []


def test_looks_become_rarer(desk: Desk, buyer: Buyer) -> None:
    buyer.checkout("25")
    now = timezone.now()
    moments = []
    for _ in range(200):
        now += timedelta(minutes=1)
        if following.take_due_looks(now=now, limit=10):
            moments.append(now)

    gaps = [(after - before).total_seconds() / 60 for before, after in itertools.pairwise(moments)]
    assert gaps[:5] == [2, 4, 8, 16, 32]
    assert gaps[5] == 60


def test_a_page_nobody_paid_on_expires_here_too(desk: Desk, buyer: Buyer) -> None:
    buyer.checkout("25")
    desk.jump(13 * 3600)
    desk.wait_for("checkout.session.expired")

    tasks.follow_purchase(purchase_id=str(buyer.purchase().pk))

    assert buyer.purchase().state == "expired"
    assert buyer.purchase().payment.look_at is None
    assert "Nobody paid in time" in buyer.page_of(buyer.purchase()).content.decode()


def test_a_purchase_whose_page_was_never_made_is_given_up(desk: Desk, buyer: Buyer) -> None:
    desk.rule("request", "drop_before", match="POST /v1/checkout/sessions", times=3)
    buyer.press_buy("25")
    assert buyer.purchase().state == "draft"
    Payment.objects.update(checkout_ends_at=timezone.now())

    tasks.follow_purchase(purchase_id=str(buyer.purchase().pk))

    assert buyer.purchase().state == "expired"


def test_a_session_whose_answer_was_lost_and_that_was_paid_counts(
    desk: Desk, buyer: Buyer, no_retries: None
) -> None:
    """Nobody can have its address, but Stripe may still tell us of it."""
    desk.rule("request", "drop_after", match="POST /v1/checkout/sessions", times=1)
    buyer.press_buy("25")
    session = desk.objects("checkout.session")[0]

    desk.pay(session["url"])
    desk.deliver_all()

    assert balance_of(buyer.team).available == 25_000_000


def test_the_sweep_nudges_what_is_due(desk: Desk, buyer: Buyer) -> None:
    desk.pay(buyer.checkout("25"))

    assert stripe_sweep.enqueue_due(now=timezone.now() + timedelta(minutes=3)) == 1
    tasks.enqueue_due()
    tasks.back_fill()
