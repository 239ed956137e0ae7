"""SetupIntents: saving a card without a payment."""

from __future__ import annotations

from typing import Any

from sandbox.stripe.account import Account, Object
from sandbox.stripe.customers import living
from sandbox.stripe.errors import StripeError
from sandbox.stripe.ids import letters, new_id
from sandbox.stripe.operations import Call, Operation, listing, retrieve, update
from sandbox.stripe.payment_methods import attach_to, usable
from sandbox.stripe.test_cards import MESSAGES, OWN_CODES, method_of


def new_setup(account: Account, **fields: Any) -> Object:
    setup_id = new_id("setup_intent")
    status = "requires_confirmation" if fields.get("payment_method") else "requires_payment_method"
    setup = account.new(
        "setup_intent",
        **{
            "id": setup_id,
            "client_secret": f"{setup_id}_secret_{letters(25)}",
            "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
            "payment_method_types": ["card", "us_bank_account"],
            "status": status,
            "usage": "off_session",
            **fields,
        },
    )
    account.emit("setup_intent.created", setup)
    return setup


def finish_setup(
    account: Account, setup: Object, method: Object, *, authenticated: bool = True
) -> StripeError | None:
    """Save the method for later, or refuse it; without authentication some cards ask for it first."""
    card = method_of(method)
    account.save(setup, payment_method=method["id"])
    if card.authenticate != "never" and not authenticated:
        url = f"{account.base_url}/authenticate/{setup['id']}"
        back = setup.get("sandbox_return_url")
        action = {"redirect_to_url": {"return_url": back, "url": url}, "type": "redirect_to_url"}
        account.save(setup, status="requires_action", next_action=action)
        account.emit("setup_intent.requires_action", setup)
        return None
    if card.decline is not None and card.name != "pm_card_chargeCustomerFail":
        return _refuse(account, setup, method, card.decline)
    account.store.set_fact(f"set_up:{method['id']}", setup["usage"])
    if setup["customer"]:
        attach_to(account, method, setup["customer"])
    account.save(setup, status="succeeded", next_action=None, last_setup_error=None)
    account.emit("setup_intent.succeeded", setup)
    return None


def answer_challenge(account: Account, setup: Object, *, succeeds: bool) -> None:
    """The customer has answered 3-D Secure."""
    if succeeds:
        finish_setup(account, setup, account.get("payment_method", setup["payment_method"]))
        return
    message = "The provided PaymentMethod has failed authentication."
    error = {
        "code": "setup_intent_authentication_failure",
        "message": message,
        "type": "invalid_request_error",
    }
    account.save(
        setup, status="requires_payment_method", payment_method=None, next_action=None, last_setup_error=error
    )
    account.emit("setup_intent.setup_failed", setup)


def _refuse(account: Account, setup: Object, method: Object, decline: str) -> StripeError:
    code = decline if decline in OWN_CODES else "card_declined"
    error = StripeError(
        MESSAGES[decline],
        status=402,
        type="card_error",
        code=code,
        committed=True,
        decline_code=decline,
        payment_method=method,
    )
    account.save(
        setup, status="requires_payment_method", payment_method=None, last_setup_error=dict(error.error)
    )
    account.emit("setup_intent.setup_failed", setup)
    error.error["setup_intent"] = setup
    return error


def _create(call: Call) -> Object:
    account, params = call.account, call.params
    fields = call.pick("description", "usage", "automatic_payment_methods", "payment_method_options")
    fields["sandbox_return_url"] = call.params.get("return_url")
    if "customer" in params:
        fields["customer"] = living(account, params["customer"])["id"]
    method = usable(account, params["payment_method"]) if "payment_method" in params else None
    if method is not None:
        fields["payment_method"] = method["id"]
    setup = new_setup(account, metadata=call.metadata(), **fields)
    if params.get("confirm"):
        return _confirmed(call, setup)
    return setup


def _confirmed(call: Call, setup: Object) -> Object:
    name = call.params.get("payment_method") or setup["payment_method"]
    if name is None:
        message = "You cannot confirm this SetupIntent because it's missing a payment method."
        raise StripeError(message, code="setup_intent_unexpected_state")
    method = (
        call.account.get("payment_method", setup["payment_method"] or "") if setup["payment_method"] else None
    )
    refusal = finish_setup(call.account, setup, method or usable(call.account, name), authenticated=False)
    if refusal is not None:
        raise refusal
    return setup


def _confirm(call: Call) -> Object:
    setup = call.account.get("setup_intent", call.id)
    if setup["status"] not in ("requires_payment_method", "requires_confirmation", "requires_action"):
        message = "You cannot confirm this SetupIntent because it has already"
        raise StripeError(f"{message} {setup['status']}.", code="setup_intent_unexpected_state")
    return _confirmed(call, setup)


def _cancel(call: Call) -> Object:
    setup = call.account.get("setup_intent", call.id)
    if setup["status"] in ("succeeded", "canceled", "processing"):
        message = f"You cannot cancel this SetupIntent because it has a status of {setup['status']}."
        raise StripeError(message, code="setup_intent_unexpected_state")
    reason = call.params.get("cancellation_reason")
    call.account.save(setup, status="canceled", cancellation_reason=reason)
    call.account.emit("setup_intent.canceled", setup)
    return setup


INTENTS = "/setup_intents"
OPERATIONS = [
    Operation("POST", INTENTS, "SetupIntentCreateParams", _create),
    listing(
        INTENTS, "setup_intent", "SetupIntentListParams", customer="customer", payment_method="payment_method"
    ),
    retrieve(INTENTS, "setup_intent", "SetupIntentRetrieveParams"),
    update(INTENTS, "setup_intent", "SetupIntentUpdateParams", None, "description"),
    Operation("POST", f"{INTENTS}/{{id}}/confirm", "SetupIntentConfirmParams", _confirm),
    Operation("POST", f"{INTENTS}/{{id}}/cancel", "SetupIntentCancelParams", _cancel),
]
