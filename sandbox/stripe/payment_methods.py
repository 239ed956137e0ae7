"""PaymentMethods: made from test cards, attached to customers and detached."""

from __future__ import annotations

from sandbox.stripe.account import Account, Object
from sandbox.stripe.errors import StripeError, no_such
from sandbox.stripe.operations import Call, Operation, listing, page, retrieve, update
from sandbox.stripe.test_cards import BY_NAME, BY_NUMBER, TestMethod, details_of

NOBODY = {
    "address": {
        "city": None,
        "country": None,
        "line1": None,
        "line2": None,
        "postal_code": None,
        "state": None,
    },
    "email": None,
    "name": None,
    "phone": None,
    "tax_id": None,
}


def new_method(account: Account, method: TestMethod, **fields: object) -> Object:
    """A PaymentMethod object that does what the test card does."""
    details = {"type": method.type, method.type: details_of(method)}
    defaults = {
        "allow_redisplay": "unspecified",
        "billing_details": NOBODY,
        "customer": None,
        "customer_account": None,
    }
    return account.new("payment_method", **{**details, **defaults, **fields})


def usable(account: Account, name: str, *, param: str = "payment_method") -> Object:
    """The named PaymentMethod; `pm_card_visa` and its like make a new one, as in real test mode."""
    if name in BY_NAME:
        return new_method(account, BY_NAME[name])
    found = account.store.get(name)
    if found is None or found["object"] != "payment_method":
        raise no_such("PaymentMethod", name, param=param, status=400)
    return found


def attach_to(account: Account, payment_method: Object, customer: str) -> None:
    """Raises StripeError when it belongs to another customer or was detached."""
    if payment_method["customer"] == customer:
        return
    if payment_method["customer"] is not None:
        raise StripeError("The payment method you provided has already been attached to a customer.")
    if account.store.fact(f"detached:{payment_method['id']}"):
        raise StripeError(
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a"
            " Customer, and may not be used again."
        )
    account.save(payment_method, customer=customer)
    account.emit("payment_method.attached", payment_method)


def detach_from(account: Account, payment_method: Object) -> None:
    """Also as a customer's default: a detached method can never be used again."""
    owner = account.store.get(payment_method["customer"]) if payment_method["customer"] else None
    if owner is None:
        raise StripeError(
            "The payment method you provided is not attached to a customer so detachment is impossible."
        )
    account.store.set_fact(f"detached:{payment_method['id']}", "1")
    settings = owner.get("invoice_settings")
    if settings and settings["default_payment_method"] == payment_method["id"]:
        previous = account.save(owner, invoice_settings={**settings, "default_payment_method": None})
        account.emit("customer.updated", owner, previous)
    previous = account.save(payment_method, customer=None)
    account.emit("payment_method.detached", payment_method, previous)


def _create(call: Call) -> Object:
    call.need("type")
    kind, account = call.params["type"], call.account
    if kind == "card":
        call.need("card")
        card = call.params["card"]
        method = BY_NUMBER.get(str(card.get("number", "")).replace(" ", "")) or BY_NAME.get(
            "pm_" + str(card.get("token", "")).removeprefix("tok_").replace("visa", "card_visa", 1)
        )
    else:
        method = BY_NAME["pm_usBankAccount"] if kind == "us_bank_account" else None
    if method is None:
        message = (
            "Your card number is incorrect." if kind == "card" else f"The type {kind} is not supported here."
        )
        raise StripeError(message, status=402, type="card_error", code="incorrect_number", param="number")
    fields = call.pick("allow_redisplay")
    if "billing_details" in call.params:
        fields["billing_details"] = {**NOBODY, **call.params["billing_details"]}
    return new_method(account, method, metadata=call.metadata(), **fields)


def _attach(call: Call) -> Object:
    call.need("customer")
    call.account.get("customer", call.params["customer"], param="customer")
    method = usable(call.account, call.id)
    attach_to(call.account, method, call.params["customer"])
    return method


def _detach(call: Call) -> Object:
    method = call.account.get("payment_method", call.id)
    detach_from(call.account, method)
    return method


def _of_customer(call: Call) -> Object:
    call.account.get("customer", call.id)
    where = {"customer": call.id, **call.pick("type")}
    return page(call, "payment_method", where, f"/v1/customers/{call.id}/payment_methods")


OPERATIONS = [
    Operation("POST", "/payment_methods", "PaymentMethodCreateParams", _create),
    listing(
        "/payment_methods", "payment_method", "PaymentMethodListParams", customer="customer", type="type"
    ),
    retrieve("/payment_methods", "payment_method", "PaymentMethodRetrieveParams"),
    update(
        "/payment_methods",
        "payment_method",
        "PaymentMethodUpdateParams",
        "payment_method.updated",
        *("allow_redisplay", "billing_details"),
    ),
    Operation("POST", "/payment_methods/{id}/attach", "PaymentMethodAttachParams", _attach),
    Operation("POST", "/payment_methods/{id}/detach", "PaymentMethodDetachParams", _detach),
    Operation("GET", "/customers/{id}/payment_methods", "CustomerPaymentMethodListParams", _of_customer),
]
