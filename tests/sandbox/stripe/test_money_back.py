"""Refunds, disputes, warnings, payouts: what moves money after a payment."""

import pytest


def moves(client):
    """The account's balance transactions, oldest first: type, category, amount, fee."""
    found = client.v1.balance_transactions.list({"limit": 100}).data[::-1]
    return [(one.type, one.reporting_category, one.amount, one.fee) for one in found]


@pytest.fixture
def paid(shop):
    return shop.paid().payment_intent


def test_a_refund_made_in_the_dashboard(shop, stand, client, paid):
    made = stand.refund(paid.id, amount=1_000, reason="requested_by_customer")

    assert (made["status"], made["charge"]) == ("succeeded", paid.latest_charge.id)
    assert client.v1.charges.retrieve(paid.latest_charge.id).amount_refunded == 1_000
    assert moves(client) == [("charge", "charge", 2_500, 103), ("refund", "refund", -1_000, 0)]
    assert shop.events("refund", "charge.refunded") == ["refund.created", "charge.refunded"]
    event = next(one for one in stand.objects("event") if one["type"] == "refund.created")
    assert event["request"] == {"id": None, "idempotency_key": None}


def test_a_refund_that_takes_a_while(shop, stand, client):
    paid = shop.paid(method="pm_card_pendingRefund").payment_intent
    made = client.v1.refunds.create({"payment_intent": paid.id})
    assert (made.status, made.balance_transaction) == ("pending", None)

    stand.jump(10)

    stand.wait(lambda: client.v1.refunds.retrieve(made.id).status == "succeeded")
    assert moves(client)[-1] == ("refund", "refund", -2_500, 0)
    assert "refund.updated" in shop.events()


def test_a_refund_that_fails_later(shop, stand, client):
    paid = shop.paid(method="pm_card_refundFail").payment_intent
    made = client.v1.refunds.create({"payment_intent": paid.id})
    assert made.status == "succeeded"

    stand.jump(10)

    stand.wait(lambda: client.v1.refunds.retrieve(made.id).status == "failed")
    failed = client.v1.refunds.retrieve(made.id)
    assert failed.failure_reason == "expired_or_canceled_card"
    assert moves(client)[1:] == [
        ("refund", "refund", -2_500, 0),
        ("refund_failure", "refund_failure", 2_500, 0),
    ]
    charge = client.v1.charges.retrieve(paid.latest_charge.id)
    assert (charge.amount_refunded, charge.refunded) == (0, False)
    assert "refund.failed" in shop.events()
    assert client.v1.refunds.create({"payment_intent": paid.id, "amount": 1}).amount == 1


def test_any_refund_can_be_told_to_fail(stand, client, paid):
    stand.rule("refund", "pending", paid.latest_charge.id)
    made = client.v1.refunds.create({"payment_intent": paid.id})

    stand.end_refund(made.id, succeeds=False)

    failed = client.v1.refunds.retrieve(made.id)
    assert (failed.status, failed.failure_balance_transaction) == ("failed", None)
    assert [move[0] for move in moves(client)] == ["charge"]


@pytest.mark.parametrize(
    ("status", "last"),
    [
        ("won", ["charge.dispute.funds_reinstated", "charge.dispute.updated", "charge.dispute.closed"]),
        ("lost", ["charge.dispute.updated", "charge.dispute.closed"]),
    ],
)
def test_a_dispute(shop, stand, client, paid, refused, status, last):
    opened = stand.dispute(paid.id, reason="product_not_received")
    assert (opened["status"], opened["amount"]) == ("needs_response", 2_500)
    assert client.v1.charges.retrieve(paid.latest_charge.id).disputed is True
    assert refused(client.v1.refunds.create, {"payment_intent": paid.id}).code == "charge_disputed"

    stand.dispute_step(opened["id"], "close", status=status)

    assert client.v1.disputes.retrieve(opened["id"]).status == status
    assert shop.events("charge.dispute") == [
        *("charge.dispute.created", "charge.dispute.funds_withdrawn"),
        *last,
    ]
    back = [("adjustment", "dispute_reversal", 2_500, 0)] if status == "won" else []
    assert moves(client)[1:] == [("adjustment", "dispute", -2_500, 1_500), *back]


def test_every_leg_of_a_dispute_can_come_alone(shop, stand, paid):
    opened = stand.dispute(paid.id, withdraw=False)
    assert shop.events("charge.dispute") == ["charge.dispute.created"]

    stand.dispute_step(opened["id"], "withdraw")
    stand.dispute_step(opened["id"], "close", status="won", reinstate=False)
    stand.dispute_step(opened["id"], "reinstate")
    stand.dispute_step(opened["id"], "reinstate")

    assert shop.events("charge.dispute")[-1] == "charge.dispute.funds_reinstated"
    assert len(shop.events("charge.dispute")) == 5


def test_an_inquiry_takes_no_money(shop, stand, client, paid):
    opened = stand.dispute(paid.id, inquiry=True)
    stand.dispute_step(opened["id"], "close", status="warning_closed")

    assert opened["status"] == "warning_needs_response"
    assert [move[0] for move in moves(client)] == ["charge"]


def test_a_seller_answers_or_accepts_a_dispute(stand, client, paid, refused):
    opened = stand.dispute(paid.id)

    answered = client.v1.disputes.update(opened["id"], {"evidence": {"product_description": "Credit"}})
    accepted = client.v1.disputes.close(opened["id"])

    assert (answered.status, answered.evidence_details.submission_count) == ("under_review", 1)
    assert accepted.status == "lost"
    assert refused(client.v1.disputes.close, opened["id"]).http_status == 400


def test_cards_that_bring_trouble(shop, stand):
    shop.paid(method="pm_card_createDispute")
    shop.paid(method="pm_card_createIssuerFraudRecord")

    stand.wait(lambda: stand.objects("dispute") and stand.objects("radar.early_fraud_warning"))

    assert "radar.early_fraud_warning.created" in shop.events()


def test_an_early_fraud_warning(shop, stand, client, paid):
    stand.fraud_warning(paid.id, fraud_type="made_with_stolen_card")

    (warning,) = client.v1.radar.early_fraud_warnings.list({"charge": paid.latest_charge.id}).data
    assert (warning.actionable, warning.fraud_type) == (True, "made_with_stolen_card")


def test_money_becomes_available_and_is_paid_out(shop, stand, client, paid, refused):
    assert [row.amount for row in client.v1.balance.retrieve().pending] == [2_397]
    assert (
        refused(client.v1.payouts.create, {"amount": 100, "currency": "usd"}).code == "balance_insufficient"
    )

    stand.jump(3 * 86_400)
    payout = stand.payout()

    assert (payout["amount"], payout["automatic"]) == (2_397, True)
    inside = client.v1.balance_transactions.list({"payout": payout["id"]}).data
    assert {one.type for one in inside} == {"charge", "payout"}
    assert [row.amount for row in client.v1.balance.retrieve().available] == [0]
    stand.jump(10)
    stand.wait(lambda: client.v1.payouts.retrieve(payout["id"]).status == "paid")
    assert shop.events("payout")[-1] == "payout.reconciliation_completed"


def test_a_manual_payout(stand, client, paid):
    stand.jump(3 * 86_400)

    made = client.v1.payouts.create({"amount": 1_000, "currency": "usd"})

    assert (made.status, made.automatic) == ("pending", False)
    assert [row.amount for row in client.v1.balance.retrieve().available] == [1_397]


def test_the_balance_transaction_may_lag_behind(shop, stand, client):
    stand.control(balance_seconds=60)
    charge = shop.paid().payment_intent.latest_charge
    assert charge.balance_transaction is None

    stand.jump(61)

    stand.wait(lambda: client.v1.charges.retrieve(charge.id).balance_transaction)
    assert "charge.updated" in shop.events()
