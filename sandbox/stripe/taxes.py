"""Tax calculations and the transactions made from them: one percentage wherever the customer lives."""

from __future__ import annotations

from typing import Any

from sandbox.stripe import money
from sandbox.stripe.account import Account, Object
from sandbox.stripe.customers import living
from sandbox.stripe.errors import BadRequest, StripeError, missing
from sandbox.stripe.ids import new_id
from sandbox.stripe.operations import Call, Operation, beginning, list_of, retrieve

KEPT_SECONDS = 90 * 86_400


def _location(call: Call) -> tuple[str | None, Object]:
    """The customer and the address that is taxed. Raises StripeError without one."""
    params = call.params
    if "customer" in params:
        customer = living(call.account, params["customer"])
        address, source = customer["address"], "billing"
    else:
        details = params.get("customer_details")
        if details is None:
            raise missing("customer_details")
        customer, address = None, details.get("address")
        if address and "address_source" not in details:
            raise missing("customer_details[address_source]")
        source = details.get("address_source", "billing")
    if not address or not address.get("country"):
        raise StripeError(
            "We could not determine the customer's tax location based on the provided customer address.",
            code="customer_tax_location_invalid",
        )
    details = {
        "address": address,
        "address_source": source,
        "ip_address": None,
        "tax_ids": [],
        "taxability_override": "none",
    }
    return customer["id"] if customer else None, details


def _tax(amount: int, behavior: str, percent: float) -> int:
    return money.included(amount, percent) if behavior == "inclusive" else money.percentage(amount, percent)


def _lines(call: Call) -> list[Object]:
    lines, seen = [], set()
    for number, line in enumerate(call.params["line_items"]):
        reference = line.get("reference") or f"L{number + 1}"
        if reference in seen:
            raise BadRequest("Line item references must be unique.", param=f"line_items[{number}][reference]")
        seen.add(reference)
        behavior = line.get("tax_behavior", "exclusive")
        lines.append(
            {
                "id": new_id("tax.calculation_line_item"),
                "object": "tax.calculation_line_item",
                "amount": line["amount"],
                "amount_tax": _tax(line["amount"], behavior, call.account.knobs.tax_percent),
                "livemode": False,
                "metadata": line.get("metadata", {}),
                "product": line.get("product"),
                "quantity": line.get("quantity", 1),
                "reference": reference,
                "tax_behavior": behavior,
                "tax_code": line.get("tax_code", "txcd_10000000"),
            }
        )
    return lines


def _sum(lines: list[Object], name: str, behavior: str | None = None) -> int:
    return sum(line[name] for line in lines if behavior in (None, line["tax_behavior"]))


def _calculate(call: Call) -> Object:
    currency = money.check_currency(call.params["currency"])
    customer, details = _location(call)
    lines = _lines(call)
    exclusive, inclusive = (_sum(lines, "amount_tax", kind) for kind in ("exclusive", "inclusive"))
    now = call.account.now()
    calculation = call.account.new(
        "tax.calculation",
        amount_total=_sum(lines, "amount") + exclusive,
        currency=currency,
        customer=customer,
        customer_details=details,
        expires_at=now + KEPT_SECONDS,
        ship_from_details=None,
        shipping_cost=None,
        tax_amount_exclusive=exclusive,
        tax_amount_inclusive=inclusive,
        tax_breakdown=[_breakdown(call, lines, details, exclusive + inclusive)],
        tax_date=call.params.get("tax_date", now),
    )
    url = f"/v1/tax/calculations/{calculation['id']}/line_items"
    call.account.save(calculation, sandbox_lines=list_of(lines, url))
    return calculation


def _breakdown(call: Call, lines: list[Object], details: Object, tax: int) -> Object:
    return {
        "amount": tax,
        "inclusive": all(line["tax_behavior"] == "inclusive" for line in lines),
        "tax_rate_details": {
            "country": details["address"]["country"],
            "flat_amount": None,
            "percentage_decimal": str(call.account.knobs.tax_percent),
            "rate_type": "percentage",
            "state": details["address"].get("state"),
            "tax_type": "vat",
        },
        "taxability_reason": "standard_rated",
        "taxable_amount": _sum(lines, "amount"),
    }


def _calculation_lines(call: Call) -> Object:
    found = call.account.get("tax.calculation", call.id)["sandbox_lines"]
    return beginning(call, found["data"], found["url"])


def _transaction(call: Call, lines: list[Object], source: Object, **fields: Any) -> Object:
    reference = call.params["reference"]
    if call.account.store.find("tax.transaction", {"reference": reference}):
        message = f"A transaction with the reference {reference} already exists."
        raise StripeError(message, code="reference_already_used", param="reference")
    return _record(call.account, lines, source, reference, metadata=call.metadata(), **fields)


def _record(account: Account, lines: list[Object], source: Object, reference: str, **fields: Any) -> Object:
    item = account.new(
        "tax.transaction",
        currency=source["currency"],
        customer=source["customer"],
        customer_details=source["customer_details"],
        posted_at=account.now(),
        reference=reference,
        ship_from_details=None,
        shipping_cost=None,
        tax_date=source["tax_date"],
        **fields,
    )
    made = [
        {
            **line,
            "id": new_id("tax.transaction_line_item"),
            "object": "tax.transaction_line_item",
            "type": item["type"],
        }
        for line in lines
    ]
    account.save(item, line_items=list_of(made, f"/v1/tax/transactions/{item['id']}/line_items"))
    return item


def hooked(call: Call, *, amount: int, currency: str) -> Object:
    """The `hooks` of an intent whose tax was worked out before. Raises StripeError when that does not fit it."""
    name = call.params["hooks"].get("inputs", {}).get("tax", {}).get("calculation")
    if not name:
        return {"inputs": None}
    param = "hooks[inputs][tax][calculation]"
    calculation = _living(call.account, name, param)
    if (calculation["amount_total"], calculation["currency"]) != (amount, currency):
        raise BadRequest(
            "The amount and the currency must be those of the linked tax calculation.", param=param
        )
    return {"inputs": {"tax": {"calculation": name}}}


def report(account: Account, intent: Object) -> None:
    """A payment that succeeded is reported with the tax it was linked to."""
    inputs = (intent.get("hooks") or {}).get("inputs")
    if inputs:
        calculation = account.get("tax.calculation", inputs["tax"]["calculation"])
        lines = calculation["sandbox_lines"]["data"]
        _record(account, lines, calculation, intent["id"], metadata={}, reversal=None, type="transaction")


def _living(account: Account, name: str, param: str) -> Object:
    calculation = account.get("tax.calculation", name, param=param)
    if calculation["expires_at"] < account.now():
        raise StripeError("This calculation has expired.", code="tax_calculation_expired", param=param)
    return calculation


def _from_calculation(call: Call) -> Object:
    calculation = _living(call.account, call.params["calculation"], "calculation")
    lines = calculation["sandbox_lines"]["data"]
    return _transaction(call, lines, calculation, reversal=None, type="transaction")


def _reverse(call: Call) -> Object:
    """The whole transaction with opposite signs; partial ones by `flat_amount`, which is negative."""
    original = call.account.get(
        "tax.transaction", call.params["original_transaction"], param="original_transaction"
    )
    lines, share = original["line_items"]["data"], 1.0
    if call.params["mode"] == "partial":
        if call.params.get("flat_amount", 0) >= 0:
            raise BadRequest("flat_amount must be a negative integer.", param="flat_amount")
        whole = _sum(lines, "amount") + _sum(lines, "amount_tax", "exclusive")
        share = -call.params["flat_amount"] / whole
    changed = [
        {**line, "amount": -round(line["amount"] * share), "amount_tax": -round(line["amount_tax"] * share)}
        for line in lines
    ]
    return _transaction(
        call, changed, original, reversal={"original_transaction": original["id"]}, type="reversal"
    )


CALCULATIONS, TRANSACTIONS = "/tax/calculations", "/tax/transactions"
LINES = "tax.CalculationLineItemListParams"
FROM_CALCULATION = "tax.TransactionCreateFromCalculationParams"
OPERATIONS = [
    Operation("POST", CALCULATIONS, "tax.CalculationCreateParams", _calculate),
    retrieve(CALCULATIONS, "tax.calculation", "tax.CalculationRetrieveParams"),
    Operation("GET", f"{CALCULATIONS}/{{id}}/line_items", LINES, _calculation_lines),
    Operation("POST", f"{TRANSACTIONS}/create_from_calculation", FROM_CALCULATION, _from_calculation),
    Operation("POST", f"{TRANSACTIONS}/create_reversal", "tax.TransactionCreateReversalParams", _reverse),
    retrieve(TRANSACTIONS, "tax.transaction", "tax.TransactionRetrieveParams"),
]
