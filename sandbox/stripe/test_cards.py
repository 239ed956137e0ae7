"""Stripe's test cards and bank accounts: what each does is told by its fingerprint."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.stripe.account import Object


@dataclass(frozen=True, slots=True)
class TestMethod:
    """One test payment method. `label` is what the hosted page calls it."""

    number: str
    name: str  # the ready-made PaymentMethod that real test mode knows, too
    label: str
    brand: str = "visa"
    type: str = "card"
    decline: str | None = None  # the decline code of every charge
    authenticate: str = "never"  # "always", or "setup": once, if saved for later at that time
    refund: str = "succeed"  # "fail_late" or "pending"
    dispute: str | None = None  # the reason of a dispute that follows the charge
    warning: bool = False  # an early fraud warning follows the charge

    __test__ = False  # no test, whatever pytest thinks of its name

    @property
    def last4(self) -> str:
        return self.number[-4:]

    @property
    def fingerprint(self) -> str:
        return f"sandbox{self.number[-10:]}"

    @property
    def is_slow(self) -> bool:
        return self.type != "card"


METHODS = (
    TestMethod("4242424242424242", "pm_card_visa", "Accepted"),
    TestMethod("5555555555554444", "pm_card_mastercard", "Accepted, Mastercard", brand="mastercard"),
    TestMethod("4000000000000002", "pm_card_visa_chargeDeclined", "Declined", decline="generic_decline"),
    TestMethod(
        "4000000000009995",
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        "Declined: insufficient funds",
        decline="insufficient_funds",
    ),
    TestMethod(
        "4000000000000069", "pm_card_chargeDeclinedExpiredCard", "Declined: expired", decline="expired_card"
    ),
    TestMethod(
        "4000000000000341",
        "pm_card_chargeCustomerFail",
        "Can be saved, not charged",
        decline="generic_decline",
    ),
    TestMethod(
        "4000002760003184",
        "pm_card_authenticationRequired",
        "3-D Secure, at every payment",
        authenticate="always",
    ),
    TestMethod(
        "4000002500003155",
        "pm_card_authenticationRequiredOnSetup",
        "3-D Secure, once when saved",
        authenticate="setup",
    ),
    TestMethod(
        "4000000000007726", "pm_card_pendingRefund", "Accepted; refunds take a while", refund="pending"
    ),
    TestMethod("4000000000005126", "pm_card_refundFail", "Accepted; refunds fail later", refund="fail_late"),
    TestMethod("4000000000000259", "pm_card_createDispute", "Accepted, then disputed", dispute="fraudulent"),
    TestMethod(
        "4000000000005423",
        "pm_card_createIssuerFraudRecord",
        "Accepted, then reported as fraud",
        warning=True,
    ),
    TestMethod(
        "000123456789", "pm_usBankAccount", "Bank debit: takes a while, succeeds", type="us_bank_account"
    ),
    TestMethod(
        "000222222227",
        "pm_usBankAccount_insufficientFunds",
        "Bank debit: takes a while, fails",
        type="us_bank_account",
        decline="insufficient_funds",
    ),
)
BY_NAME = {method.name: method for method in METHODS}
BY_NUMBER = {method.number: method for method in METHODS}
BY_FINGERPRINT = {method.fingerprint: method for method in METHODS}

MESSAGES = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}
# Decline codes that are error codes of their own; the others are all `card_declined`.
OWN_CODES = {"expired_card", "authentication_required"}


def method_of(payment_method: Object) -> TestMethod:
    """What a PaymentMethod object does."""
    return BY_FINGERPRINT[payment_method[payment_method["type"]]["fingerprint"]]


def details_of(method: TestMethod) -> Object:
    """The `card` or `us_bank_account` of a PaymentMethod."""
    if method.type == "us_bank_account":
        return {
            "account_holder_type": "individual",
            "account_type": "checking",
            "bank_name": "STRIPE TEST BANK",
            "fingerprint": method.fingerprint,
            "last4": method.last4,
            "routing_number": "110000000",
        }
    return {
        "brand": method.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": "US",
        "display_brand": method.brand,
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": method.fingerprint,
        "funding": "credit",
        "generated_from": None,
        "last4": method.last4,
        "networks": {"available": [method.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
