"""Amounts in the smallest unit of a currency, and the account's balance transactions."""

from __future__ import annotations

from sandbox.stripe.account import Account, Object
from sandbox.stripe.errors import BadRequest, StripeError

SMALLEST = {"usd": 50, "eur": 50, "gbp": 30, "cad": 50, "aud": 50, "chf": 50, "jpy": 50}
SIGNS = {"usd": "$", "eur": "€", "gbp": "£", "cad": "CA$", "aud": "A$", "chf": "CHF ", "jpy": "¥"}
LARGEST = 99_999_999
DISPUTE_FEE = 1_500


def shown(amount: int, currency: str) -> str:
    """`$25.00`."""
    digits = f"{abs(amount):,}" if currency == "jpy" else f"{abs(amount) / 100:,.2f}"
    return f"{'-' if amount < 0 else ''}{SIGNS.get(currency, '')}{digits}"


def check_currency(currency: str, param: str = "currency") -> str:
    """Lower case. Raises BadRequest for currencies that the stand-in does not know."""
    if currency.lower() not in SMALLEST:
        message = (
            f"Invalid currency: {currency}. Stripe currently supports these currencies: {', '.join(SMALLEST)}"
        )
        raise BadRequest(message, param=param)
    return currency.lower()


def check_amount(amount: int, currency: str, param: str = "amount", *, what: str = "Amount") -> None:
    """Raises Stripe's amount_too_small or amount_too_large."""
    smallest = SMALLEST[currency]
    if amount < 0:
        raise BadRequest("Invalid non-negative integer", param=param, code="parameter_invalid_integer")
    if amount < smallest:
        message = f"{what} must be at least {shown(smallest, currency)} {currency}"
        raise StripeError(message, code="amount_too_small", param=param, kept=False)
    if amount > LARGEST:
        message = f"{what} must be no more than {shown(LARGEST, currency)} {currency}"
        raise StripeError(message, code="amount_too_large", param=param, kept=False)


def stripe_fee(amount: int) -> int:
    """2.9 % and 30 cents."""
    return percentage(amount, 2.9) + 30


def percentage(amount: int, percent: float) -> int:
    """That share of an amount, in whole cents, halves upwards."""
    return int(amount * percent / 100 + 0.5)


def included(amount: int, percent: float) -> int:
    """The share of an amount that already includes it."""
    return int(amount * percent / (100 + percent) + 0.5)


def record(
    account: Account,
    kind: str,
    amount: int,
    source: Object,
    *,
    fee: int = 0,
    category: str | None = None,
    description: str | None = None,
    available_now: bool = False,
) -> Object:
    """One movement of the account's balance; `amount` and `fee` in cents, signed."""
    seconds = 0 if available_now else int(account.knobs.available_seconds)
    details = {
        "amount": fee,
        "application": None,
        "currency": source["currency"],
        "description": "Stripe processing fees" if kind == "charge" else "Dispute fee",
        "type": "stripe_fee",
    }
    return account.new(
        "balance_transaction",
        amount=amount,
        available_on=account.now() + seconds,
        balance_type="payments",
        currency=source["currency"],
        description=description,
        exchange_rate=None,
        fee=fee,
        fee_details=[details] if fee else [],
        net=amount - fee,
        reporting_category=category or kind,
        source=source["id"],
        status="pending" if seconds else "available",
        type=kind,
    )


def with_status(account: Account, transaction: Object) -> Object:
    """`pending` becomes `available` when its time has come."""
    if transaction["status"] == "pending" and transaction["available_on"] <= account.now():
        account.save(transaction, status="available")
    return transaction


def totals(account: Account) -> dict[str, dict[str, int]]:
    """Cents by status and currency."""
    sums: dict[str, dict[str, int]] = {"available": {}, "pending": {}}
    for transaction in account.store.find("balance_transaction"):
        status = with_status(account, transaction)["status"]
        currency = transaction["currency"]
        sums[status][currency] = sums[status].get(currency, 0) + transaction["net"]
    return sums
