"""The search endpoints, for the part of the query language that finds an object by its fields and metadata."""

from __future__ import annotations

import re
from typing import Any

from sandbox.stripe.account import Object
from sandbox.stripe.errors import BadRequest
from sandbox.stripe.operations import Call, Operation

CLAUSE = re.compile(
    r"""\s*(?:metadata\[(?P<quote>['"])(?P<key>[^'"]+)(?P=quote)\]|(?P<field>[a-z_]+))\s*"""
    r"""(?P<sign>:|=|>=|<=|>|<)\s*(?:(?P<mark>['"])(?P<text>[^'"]*)(?P=mark)|(?P<number>\d+))\s*"""
)
FIELDS = {
    "amount",
    "created",
    "currency",
    "customer",
    "email",
    "name",
    "number",
    "payment_intent",
    "status",
    "total",
}
SIGNS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}


def _where(query: str) -> tuple[dict[str, Any], dict[str, int]]:
    """Fields to compare and bounds of `created`, all of which must hold. Raises BadRequest."""
    where: dict[str, Any] = {}
    created: dict[str, int] = {}
    for part in re.split(r"\s+AND\s+|\s+and\s+", query):
        clause = CLAUSE.fullmatch(part)
        if clause is None or (clause["field"] and clause["field"] not in FIELDS):
            raise BadRequest(f"We were unable to parse your search query: {part}", param="query")
        value = int(clause["number"]) if clause["number"] else clause["text"]
        if clause["sign"] in SIGNS:
            if clause["field"] != "created" or not isinstance(value, int):
                raise BadRequest("The stand-in compares only `created` with less and greater.", param="query")
            created[SIGNS[clause["sign"]]] = value
        else:
            where[f"metadata.{clause['key']}" if clause["key"] else clause["field"]] = value
    return where, created


def searching(path: str, kind: str, shape: str) -> Operation:
    def handler(call: Call) -> Object:
        where, created = _where(call.params["query"])
        limit, offset = call.params.get("limit", 10), int(call.params.get("page", "0"))
        found = call.account.store.find(kind, {**where, "deleted": None}, created=created)
        more = len(found) > offset + limit
        return {
            "object": "search_result",
            "data": found[offset : offset + limit],
            "has_more": more,
            "next_page": str(offset + limit) if more else None,
            "url": f"/v1{path}/search",
        }

    return Operation("GET", f"{path}/search", shape, handler)


OPERATIONS = [
    searching("/charges", "charge", "ChargeSearchParams"),
    searching("/customers", "customer", "CustomerSearchParams"),
    searching("/invoices", "invoice", "InvoiceSearchParams"),
    searching("/payment_intents", "payment_intent", "PaymentIntentSearchParams"),
]
