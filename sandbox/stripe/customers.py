"""Customers."""

from __future__ import annotations

from typing import Any

from sandbox.stripe.account import Account, Object
from sandbox.stripe.errors import StripeError, no_such
from sandbox.stripe.ids import letters
from sandbox.stripe.operations import Call, Operation, listing, retrieve
from sandbox.stripe.payment_methods import attach_to, usable

PLAIN = ("address", "description", "email", "name", "phone", "preferred_locales", "shipping", "tax_exempt")


def new_customer(account: Account, **fields: Any) -> Object:
    """A customer; fields not given are empty."""
    customer = account.new(
        "customer",
        **{
            **dict.fromkeys(PLAIN),
            "balance": 0,
            "business_name": None,
            "currency": None,
            "customer_account": None,
            "default_source": None,
            "delinquent": False,
            "discount": None,
            "individual_name": None,
            "invoice_prefix": letters(8).upper(),
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": None,
                "footer": None,
                "rendering_options": None,
            },
            "next_invoice_sequence": 1,
            "preferred_locales": [],
            "tax_exempt": "none",
            "test_clock": None,
            **fields,
        },
    )
    account.emit("customer.created", customer)
    return customer


def living(account: Account, customer_id: str, *, param: str = "customer") -> Object:
    """The customer a parameter names; deleted ones are refused."""
    customer = account.store.get(customer_id)
    if customer is None or customer["object"] != "customer" or customer.get("deleted"):
        raise no_such("customer", customer_id, param=param, status=400)
    return customer


def _create(call: Call) -> Object:
    fields = call.pick(*PLAIN)
    customer = new_customer(call.account, metadata=call.metadata(), **fields)
    if "payment_method" in call.params:
        attach_to(call.account, usable(call.account, call.params["payment_method"]), customer["id"])
    _set_default(call, customer)
    return customer


def _set_default(call: Call, customer: Object) -> dict[str, Any]:
    """`invoice_settings[default_payment_method]`; only methods of this customer will do."""
    given = call.params.get("invoice_settings", {})
    if "default_payment_method" not in given:
        return {}
    chosen = given["default_payment_method"] or None
    if chosen is not None:
        method = usable(call.account, chosen, param="invoice_settings[default_payment_method]")
        if method["customer"] != customer["id"]:
            message = "The customer does not have a payment method with the ID " + chosen
            message += ". The payment method must be attached to the customer."
            raise StripeError(
                message, code="resource_missing", param="invoice_settings[default_payment_method]"
            )
    settings = {**customer["invoice_settings"], "default_payment_method": chosen}
    return call.account.save(customer, invoice_settings=settings)


def _update(call: Call) -> Object:
    customer = call.account.get("customer", call.id)
    if customer.get("deleted"):
        raise no_such("customer", call.id)
    changes = call.pick(*PLAIN)
    if "metadata" in call.params:
        changes["metadata"] = call.metadata(customer["metadata"])
    previous = call.account.save(customer, **changes) | _set_default(call, customer)
    if previous:
        call.account.emit("customer.updated", customer, previous)
    return customer


def _delete(call: Call) -> Object:
    customer = call.account.get("customer", call.id)
    call.account.emit("customer.deleted", customer)
    for method in call.account.store.find("payment_method", {"customer": call.id}):
        call.account.save(method, customer=None)
        call.account.store.set_fact(f"detached:{method['id']}", "1")
    gone = {"id": call.id, "object": "customer", "deleted": True}
    call.account.store.put(gone)
    return gone


OPERATIONS = [
    Operation("POST", "/customers", "CustomerCreateParams", _create),
    listing("/customers", "customer", "CustomerListParams", email="email"),
    retrieve("/customers", "customer", "CustomerRetrieveParams"),
    Operation("POST", "/customers/{id}", "CustomerUpdateParams", _update),
    Operation("DELETE", "/customers/{id}", None, _delete),
]
