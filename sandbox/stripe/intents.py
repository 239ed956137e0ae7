"""The API of PaymentIntents, charges and balance transactions."""

from __future__ import annotations

from sandbox.stripe import money, payments, taxes
from sandbox.stripe.account import Object
from sandbox.stripe.customers import living
from sandbox.stripe.errors import BadRequest, StripeError
from sandbox.stripe.operations import Call, Operation, listing, retrieve, update
from sandbox.stripe.payment_methods import usable

PLAIN = (
    *("description", "receipt_email", "setup_future_usage", "statement_descriptor"),
    *("statement_descriptor_suffix", "shipping", "payment_method_options", "allowed_payment_method_types"),
)


def _create(call: Call) -> Object:
    account, params = call.account, call.params
    currency = money.check_currency(params["currency"])
    money.check_amount(params["amount"], currency)
    if params.get("capture_method", "automatic_async") == "manual":
        raise BadRequest("The stand-in captures at once.", param="capture_method")
    fields = call.pick(*PLAIN)
    if "customer" in params:
        fields["customer"] = living(account, params["customer"])["id"]
    method = _method(call, fields.get("customer"))
    if method is not None:
        fields["payment_method"] = method["id"]
    for name in ("off_session", "error_on_requires_action", "return_url"):
        if name in params and not params.get("confirm"):
            raise BadRequest(f"`{name}` can only be used with `confirm=true`.", param=name)
    enabled = params.get("automatic_payment_methods")
    if enabled is not None:
        fields["automatic_payment_methods"] = {"allow_redirects": "always", **enabled}
    if "hooks" in params:
        fields["hooks"] = taxes.hooked(call, amount=params["amount"], currency=currency)
    intent = payments.new_intent(
        account, amount=params["amount"], currency=currency, metadata=call.metadata(), **fields
    )
    if params.get("confirm"):
        _attempt(call, intent, method)
    return intent


def _method(call: Call, customer: str | None) -> Object | None:
    """The payment method the parameters name. Raises StripeError when it cannot be used for that customer."""
    if "payment_method" not in call.params:
        return None
    method = usable(call.account, call.params["payment_method"])
    if call.account.store.fact(f"detached:{method['id']}"):
        raise StripeError(
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared"
            " with a connected account without Customer attachment, or was detached from a Customer. It may not be"
            " used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.",
            param="payment_method",
        )
    if method["customer"] is not None and method["customer"] != customer:
        message = (
            f"The payment method {method['id']} belongs to the Customer {method['customer']}. Please include that"
            " Customer in the `customer` parameter on the PaymentIntent."
        )
        raise StripeError(message, param="payment_method")
    return method


def _attempt(call: Call, intent: Object, method: Object | None) -> None:
    if method is None:
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        message += " You can either update the PaymentIntent with a payment method and then confirm it again,"
        raise StripeError(
            f"{message} or confirm it again directly with a payment method.",
            code="payment_intent_unexpected_state",
        )
    enabled = intent["automatic_payment_methods"]
    redirects = enabled is None or enabled["allow_redirects"] == "always"
    off_session = call.params.get("off_session", False) is not False
    refuse_action = call.params.get("error_on_requires_action", False)
    if redirects and not off_session and not refuse_action and "return_url" not in call.params:
        raise StripeError(
            "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of"
            " these payment methods might redirect your customer off of your page, you must provide a `return_url`."
            " If you don't want to accept redirect-based payment methods, set"
            " `automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` to"
            " `never` when creating Setup Intents and Payment Intents."
        )
    call.account.save(intent, sandbox_return_url=call.params.get("return_url"))
    refusal = payments.attempt(
        call.account, intent, method, off_session=off_session, refuse_action=refuse_action
    )
    if refusal is not None:
        raise refusal


def _confirm(call: Call) -> Object:
    intent = call.account.get("payment_intent", call.id)
    if intent["status"] not in payments.REPAYABLE:
        message = f"You cannot confirm this PaymentIntent because it has already {intent['status']}"
        message += " after being previously confirmed."
        raise StripeError(message, code="payment_intent_unexpected_state", payment_intent=intent)
    call.account.save(intent, **call.pick("receipt_email", "setup_future_usage"))
    method = _method(call, intent["customer"])
    if method is None and intent["payment_method"]:
        method = call.account.get("payment_method", intent["payment_method"])
    _attempt(call, intent, method)
    return intent


def _cancel(call: Call) -> Object:
    intent = call.account.get("payment_intent", call.id)
    if intent["status"] in ("succeeded", "canceled", "processing"):
        message = f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}."
        raise StripeError(message, code="payment_intent_unexpected_state", payment_intent=intent)
    reason = call.params.get("cancellation_reason")
    call.account.save(intent, status="canceled", canceled_at=call.account.now(), cancellation_reason=reason)
    call.account.emit("payment_intent.canceled", intent)
    return intent


def _transaction(call: Call) -> Object:
    return money.with_status(call.account, call.account.get("balance_transaction", call.id))


def _balance(call: Call) -> Object:
    sums = money.totals(call.account)
    currencies = sorted({currency for amounts in sums.values() for currency in amounts}) or ["usd"]
    rows = {
        status: [
            {
                "amount": amounts.get(currency, 0),
                "currency": currency,
                "source_types": {"card": amounts.get(currency, 0)},
            }
            for currency in currencies
        ]
        for status, amounts in sums.items()
    }
    return {"object": "balance", "livemode": False, **rows}


def _transactions(call: Call) -> Object:
    money.totals(call.account)  # what has become available meanwhile is shown as such
    return TRANSACTIONS.handler(call)


INTENTS, CHARGES = "/payment_intents", "/charges"
TRANSACTIONS = listing(
    "/balance_transactions",
    "balance_transaction",
    "BalanceTransactionListParams",
    **{name: name for name in ("type", "source", "currency")},
    payout="sandbox_payout",
)
OPERATIONS = [
    Operation("POST", INTENTS, "PaymentIntentCreateParams", _create),
    listing(INTENTS, "payment_intent", "PaymentIntentListParams", customer="customer"),
    retrieve(INTENTS, "payment_intent", "PaymentIntentRetrieveParams"),
    update(INTENTS, "payment_intent", "PaymentIntentUpdateParams", None, *PLAIN),
    Operation("POST", f"{INTENTS}/{{id}}/confirm", "PaymentIntentConfirmParams", _confirm),
    Operation("POST", f"{INTENTS}/{{id}}/cancel", "PaymentIntentCancelParams", _cancel),
    listing(CHARGES, "charge", "ChargeListParams", customer="customer", payment_intent="payment_intent"),
    retrieve(CHARGES, "charge", "ChargeRetrieveParams"),
    update(CHARGES, "charge", "ChargeUpdateParams", "charge.updated", "description", "receipt_email"),
    Operation("GET", "/balance_transactions", "BalanceTransactionListParams", _transactions),
    Operation("GET", "/balance_transactions/{id}", "BalanceTransactionRetrieveParams", _transaction),
    Operation("GET", "/balance", "BalanceRetrieveParams", _balance),
]
