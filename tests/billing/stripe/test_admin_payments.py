"""What staff may do about payments: ask Stripe, refund with a reason, process deliveries again."""

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import FraudWarning, Purchase, Refund, StripeReceipt
from billing.services import balance_of
from tests.billing.stripe.desk import Buyer, Desk, post, work_on
from tests.contracts.world import browser_of
from tests.support import factories

DOLLAR = 1_000_000


@pytest.fixture
def staff(db: None) -> Client:
    return browser_of(factories.make_user("staff@example.com", is_staff=True))


@pytest.fixture
def bought(desk: Desk, buyer: Buyer) -> Purchase:
    desk.pay(buyer.checkout("25"))
    buyer.page_of(buyer.purchase())
    return buyer.purchase()


def choose(staff: Client, model: str, action: str, *rows: object) -> str:
    path = reverse(f"admin:billing_{model}_changelist")
    chosen = {"action": action, "_selected_action": [str(row) for row in rows]}
    return str(staff.post(path, chosen, follow=True).content.decode())


def test_staff_ask_stripe_about_a_purchase(desk: Desk, buyer: Buyer, staff: Client) -> None:
    desk.pay(buyer.checkout("25"))

    page = choose(staff, "purchase", "look_at_stripe", buyer.purchase().pk)

    assert f"Purchase {buyer.purchase().pk}: Paid." in page
    assert balance_of(buyer.team).available == 25 * DOLLAR


def test_staff_refund_with_a_reason(desk: Desk, buyer: Buyer, staff: Client, bought: Purchase) -> None:
    path = reverse("admin:billing_purchase_refund", args=[bought.pk])
    assert "$25.00 was paid." in staff.get(path).content.decode()

    response = staff.post(path, {"amount": "10.00", "reason": "Not needed"}, follow=True)

    assert "Refunded" in response.content.decode()
    assert Refund.objects.get().reason == "Not needed"
    assert balance_of(buyer.team).available == 15 * DOLLAR


@pytest.mark.parametrize(
    ("amount", "reason", "said"),
    [
        ("10", "", "This field is required."),
        ("25.01", "Too much", "Only what was paid can be refunded."),
        ("-1", "Less", "is not an amount of dollars"),
        ("1.005", "Parts", "whole cents"),
    ],
)
def test_a_refund_that_cannot_be_is_refused_with_a_sentence(
    desk: Desk, buyer: Buyer, staff: Client, bought: Purchase, amount: str, reason: str, said: str
) -> None:
    path = reverse("admin:billing_purchase_refund", args=[bought.pk])

    response = staff.post(path, {"amount": amount, "reason": reason})

    assert response.status_code == 422
    assert said in response.content.decode()
    assert not Refund.objects.exists()


def test_staff_process_a_delivery_again(desk: Desk, buyer: Buyer, staff: Client) -> None:
    desk.pay(buyer.checkout("25"))
    event = desk.events("checkout.session.completed")[0]
    desk.rule("request", "error", match="GET /v1/checkout/sessions/*", times=3, status=500)
    post(event)
    receipt = work_on(event["id"])
    assert receipt.error

    assert "1 deliveries are processed again." in choose(staff, "stripereceipt", "replay", receipt.pk)
    work_on(event["id"])

    assert balance_of(buyer.team).available == 25 * DOLLAR


def test_staff_say_that_they_looked_at_a_warning(desk: Desk, staff: Client, bought: Purchase) -> None:
    desk.control("POST", "fraud_warnings", payment_intent=bought.payment_intent)
    desk.deliver_all()

    choose(staff, "fraudwarning", "reviewed", FraudWarning.objects.get().pk)

    assert FraudWarning.objects.get().reviewed_by.startswith("staff:")


def test_every_screen_opens(desk: Desk, staff: Client, bought: Purchase) -> None:
    desk.control("POST", "refunds", payment_intent=bought.payment_intent, amount=100)
    desk.deliver_all()
    receipt = StripeReceipt.objects.first()

    for model, row in (("purchase", bought), ("stripereceipt", receipt)):
        assert staff.get(reverse(f"admin:billing_{model}_change", args=[row.pk])).status_code == 200
    for model in ("purchase", "stripereceipt", "fraudwarning", "recharge"):
        assert staff.get(reverse(f"admin:billing_{model}_changelist")).status_code == 200
