"""Paid invoices, as Checkout makes them after a payment."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Final

from sandbox.stripe.account import Account, Object
from sandbox.stripe.expansion import line_items_of
from sandbox.stripe.ids import letters, new_id
from sandbox.stripe.operations import Call, Operation, list_of, listing, page, retrieve, update

NEVER: Final = dict.fromkeys(("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at"))
# What all invoices of a Checkout session have in common.
PAID_AT_ONCE: Final[Object] = {
    "account_country": "US",
    "account_name": "Sandbox",
    "amount_overpaid": 0,
    "amount_remaining": 0,
    "amount_shipping": 0,
    "attempt_count": 0,
    "attempted": True,
    "auto_advance": False,
    "billing_reason": "manual",
    "collection_method": "charge_automatically",
    "default_tax_rates": [],
    "discounts": [],
    "ending_balance": 0,
    "issuer": {"type": "self"},
    "payment_settings": {
        "default_mandate": None,
        "payment_method_options": None,
        "payment_method_types": None,
    },
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "starting_balance": 0,
    "status": "paid",
    "total_discount_amounts": [],
    "total_pretax_credit_amounts": [],
}


def for_session(account: Account, session: Object, intent: Object, charge: Object) -> Object:
    """The invoice of a paid Checkout session; it opens at `hosted_invoice_url`."""
    data = session["invoice_creation"]["invoice_data"]
    customer = account.get("customer", session["customer"])
    lines = [_line(account, item) for item in line_items_of(account, session)["data"]]
    invoice = _new_invoice(
        account,
        customer,
        amount=session["amount_total"],
        subtotal=session["amount_subtotal"],
        tax=session["total_details"]["amount_tax"],
        currency=session["currency"],
        lines=lines,
        automatic_tax={**session["automatic_tax"], "disabled_reason": None},
        description=data["description"],
        footer=data["footer"],
        custom_fields=data["custom_fields"],
        metadata=data["metadata"],
    )
    account.new(
        "invoice_payment",
        amount_paid=invoice["total"],
        amount_requested=invoice["total"],
        currency=invoice["currency"],
        invoice=invoice["id"],
        is_default=True,
        payment={"payment_intent": intent["id"], "type": "payment_intent"},
        status="paid",
        status_transitions={"canceled_at": None, "paid_at": account.now()},
    )
    account.save(
        charge, receipt_number=charge["receipt_number"] or f"{letters(4).upper()}-{letters(4).upper()}"
    )
    for event in ("invoice.created", "invoice.finalized", "invoice.paid", "invoice.payment_succeeded"):
        account.emit(event, invoice)
    return invoice


def _line(account: Account, item: Object) -> Object:
    price = item["price"]
    return {
        "id": new_id("line_item"),
        "object": "line_item",
        "amount": item["amount_subtotal"],
        "currency": item["currency"],
        "description": item["description"],
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "livemode": False,
        "metadata": {},
        "parent": None,
        "period": {"end": account.now(), "start": account.now()},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": item["quantity"],
        "subtotal": item["amount_subtotal"],
        "taxes": _taxes(item["amount_tax"], item["amount_subtotal"], price["tax_behavior"]),
    }


def _taxes(amount: int, taxable: int, behavior: str) -> list[Object]:
    if not amount:
        return []
    return [
        {
            "amount": amount,
            "tax_behavior": "inclusive" if behavior == "inclusive" else "exclusive",
            "tax_rate_details": {"tax_rate": "txr_sandbox"},
            "taxability_reason": "standard_rated",
            "taxable_amount": taxable,
            "type": "tax_rate_details",
        }
    ]


def _new_invoice(
    account: Account,
    customer: Object,
    *,
    amount: int,
    subtotal: int,
    tax: int,
    currency: str,
    lines: list[Object],
    **fields: Any,
) -> Object:
    now, invoice_id = account.now(), new_id("invoice")
    sequence = customer["next_invoice_sequence"]
    account.save(customer, next_invoice_sequence=sequence + 1)
    for line in lines:
        line["invoice"] = invoice_id
    page = f"{account.base_url}/invoices/{invoice_id}"
    return account.new(
        "invoice",
        **{
            **deepcopy(PAID_AT_ONCE),
            **_bill_to(customer),
            "id": invoice_id,
            "amount_due": amount,
            "amount_paid": amount,
            "currency": currency,
            "effective_at": now,
            "hosted_invoice_url": page,
            "invoice_pdf": f"{page}/pdf",
            "lines": list_of(lines, f"/v1/invoices/{invoice_id}/lines"),
            "number": f"{customer['invoice_prefix']}-{sequence:04}",
            "period_end": now,
            "period_start": now,
            "status_transitions": {**NEVER, "finalized_at": now, "paid_at": now},
            "subtotal": subtotal,
            "subtotal_excluding_tax": amount - tax,
            "total": amount,
            "total_excluding_tax": amount - tax,
            "total_taxes": _taxes(tax, amount - tax, "exclusive"),
            **fields,
        },
    )


def _bill_to(customer: Object) -> Object:
    return {
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
    }


def _payments(call: Call) -> Object:
    where = {"invoice": call.params["invoice"]} if "invoice" in call.params else {}
    payment = call.params.get("payment", {})
    if "payment_intent" in payment:
        where["payment.payment_intent"] = payment["payment_intent"]
    return page(call, "invoice_payment", where, "/v1/invoice_payments")


OPERATIONS = [
    listing("/invoices", "invoice", "InvoiceListParams", customer="customer", status="status"),
    retrieve("/invoices", "invoice", "InvoiceRetrieveParams"),
    update("/invoices", "invoice", "InvoiceUpdateParams", "invoice.updated", "description", "footer"),
    Operation("GET", "/invoice_payments", "InvoicePaymentListParams", _payments),
    retrieve("/invoice_payments", "invoice_payment", "InvoicePaymentRetrieveParams"),
]
