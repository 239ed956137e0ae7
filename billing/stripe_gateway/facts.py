"""What Stripe's objects say, as far as we act on it. Amounts are cents; vendor payloads end here."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Fee:
    """What Stripe kept of one movement of its balance."""

    balance_transaction: str
    cents: int


@dataclass(frozen=True, slots=True)
class Payment:
    """A PaymentIntent with its last charge. `purchase` is our id from the metadata, 0 when there is none."""

    id: str
    status: str
    purchase: int
    customer: str
    currency: str
    amount: int
    received: int
    charge: str = ""
    receipt_url: str = ""
    payment_method: str = ""
    card: str = ""
    keeps_card: bool = False
    failure: str = ""
    failure_code: str = ""
    fee: Fee | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A Checkout session. A complete one is not necessarily paid."""

    id: str
    status: str
    payment_status: str
    purchase: int
    customer: str
    currency: str
    subtotal: int
    tax: int
    total: int
    url: str
    ends_at: datetime
    invoice_url: str = ""
    payment: Payment | None = None

    @property
    def is_paid(self) -> bool:
        return self.payment_status == "paid"


@dataclass(frozen=True, slots=True)
class Refund:
    """`refund` is our own row's id from the metadata, 0 for refunds made at Stripe.

    `booked` says that the cash left Stripe's balance, also when it came back since.
    """

    id: str
    status: str
    cents: int
    currency: str
    payment_intent: str
    refund: int
    booked: bool


@dataclass(frozen=True, slots=True)
class Dispute:
    """`withdrawn` and `reinstated`: whether the cash left Stripe's balance, and came back."""

    id: str
    status: str
    reason: str
    cents: int
    currency: str
    payment_intent: str
    withdrawn: bool
    reinstated: bool
    fees: tuple[Fee, ...]


@dataclass(frozen=True, slots=True)
class Warning:
    """An early fraud warning."""

    id: str
    fraud_type: str
    actionable: bool
    payment_intent: str


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of Stripe's balance. `source` is what moved: a charge, refund, dispute or payout."""

    id: str
    kind: str
    cents: int
    fee_cents: int
    source: str
    created: datetime


def session_of(data: dict[str, Any]) -> Session:
    intent, invoice = data.get("payment_intent"), data.get("invoice")
    return Session(
        id=data["id"],
        status=data.get("status") or "",
        payment_status=data.get("payment_status") or "",
        purchase=_number(data.get("client_reference_id")),
        customer=id_of(data.get("customer")),
        currency=data.get("currency") or "",
        subtotal=data.get("amount_subtotal") or 0,
        tax=(data.get("total_details") or {}).get("amount_tax") or 0,
        total=data.get("amount_total") or 0,
        url=data.get("url") or "",
        ends_at=moment(data["expires_at"]),
        invoice_url=(invoice.get("hosted_invoice_url") or "") if isinstance(invoice, dict) else "",
        payment=payment_of(intent) if isinstance(intent, dict) else None,
    )


def payment_of(data: dict[str, Any]) -> Payment:
    charge = data.get("latest_charge")
    charged = charge if isinstance(charge, dict) else {}
    error = data.get("last_payment_error") or {}
    return Payment(
        id=data["id"],
        status=data.get("status") or "",
        purchase=_number((data.get("metadata") or {}).get("purchase")),
        customer=id_of(data.get("customer")),
        currency=data.get("currency") or "",
        amount=data.get("amount") or 0,
        received=data.get("amount_received") or 0,
        charge=id_of(charge),
        receipt_url=charged.get("receipt_url") or "",
        payment_method=id_of(data.get("payment_method")),
        card=card_of(charged.get("payment_method_details")),
        keeps_card=data.get("setup_future_usage") == "off_session",
        failure=error.get("message") or "",
        failure_code=error.get("decline_code") or error.get("code") or "",
        fee=_fee(charged.get("balance_transaction")),
    )


def refund_of(data: dict[str, Any]) -> Refund:
    return Refund(
        id=data["id"],
        status=data.get("status") or "",
        cents=data["amount"],
        currency=data.get("currency") or "",
        payment_intent=id_of(data.get("payment_intent")),
        refund=_number((data.get("metadata") or {}).get("refund")),
        booked=bool(data.get("balance_transaction")),
    )


def dispute_of(data: dict[str, Any]) -> Dispute:
    movements = [each for each in data.get("balance_transactions") or [] if isinstance(each, dict)]
    fees = tuple(fee for each in movements if (fee := _fee(each)) is not None)
    return Dispute(
        id=data["id"],
        status=data.get("status") or "",
        reason=data.get("reason") or "",
        cents=data["amount"],
        currency=data.get("currency") or "",
        payment_intent=id_of(data.get("payment_intent")),
        withdrawn=any(each["amount"] < 0 for each in movements),
        reinstated=any(each["amount"] > 0 for each in movements),
        fees=fees,
    )


def warning_of(data: dict[str, Any]) -> Warning:
    return Warning(
        id=data["id"],
        fraud_type=data.get("fraud_type") or "",
        actionable=bool(data.get("actionable")),
        payment_intent=id_of(data.get("payment_intent")),
    )


def movement_of(data: dict[str, Any]) -> Movement:
    return Movement(
        id=data["id"],
        kind=data.get("type") or "",
        cents=data["amount"],
        fee_cents=data.get("fee") or 0,
        source=id_of(data.get("source")),
        created=moment(data["created"]),
    )


def card_of(details: Any) -> str:
    """A way to pay as its owner knows it: "Visa 4242"."""
    if not isinstance(details, dict):
        return ""
    card = details.get("card")
    if isinstance(card, dict) and card.get("last4"):
        return f"{str(card.get('brand') or 'Card').title()} {card['last4']}"
    return str(details.get("type") or "").replace("_", " ").capitalize()


def id_of(value: Any) -> str:
    """The id of an object that is there whole or by its id."""
    if isinstance(value, dict):
        return str(value.get("id") or "")
    return value if isinstance(value, str) else ""


def moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _fee(movement: Any) -> Fee | None:
    if not isinstance(movement, dict) or not movement.get("fee"):
        return None
    return Fee(str(movement["id"]), int(movement["fee"]))


def _number(value: Any) -> int:
    text = value if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
