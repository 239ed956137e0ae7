"""Identifiers and secrets in Stripe's notation."""

from __future__ import annotations

import secrets
import string

ALPHABET = string.ascii_letters + string.digits

PREFIXES = {
    "balance_transaction": "txn_",
    "billing_portal.session": "bps_",
    "charge": "ch_",
    "checkout.session": "cs_test_",
    "customer": "cus_",
    "dispute": "du_",
    "event": "evt_",
    "invoice": "in_",
    "invoice_payment": "inpay_",
    "invoiceitem": "ii_",
    "item": "li_",
    "line_item": "il_",
    "payment_intent": "pi_",
    "payment_method": "pm_",
    "payout": "po_",
    "price": "price_",
    "product": "prod_",
    "radar.early_fraud_warning": "issfr_",
    "refund": "re_",
    "request": "req_",
    "setup_intent": "seti_",
    "tax.calculation": "taxcalc_",
    "tax.calculation_line_item": "tax_li_",
    "tax.transaction": "tax_",
    "tax.transaction_line_item": "tax_li_",
    "webhook_endpoint": "we_",
}
LONG = {"checkout.session": 58}


def letters(count: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(count))


def new_id(kind: str) -> str:
    """A fresh id for an object of that kind."""
    return PREFIXES[kind] + letters(LONG.get(kind, 24))
