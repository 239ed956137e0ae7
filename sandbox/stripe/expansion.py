"""`expand[]`: ids in a reply replaced by the objects they name."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from sandbox.stripe.account import Account, Object, public
from sandbox.stripe.errors import BadRequest
from sandbox.stripe.operations import list_of

DEEPEST = 4

# Lists that are part of an object only when they are asked for.
Included = Callable[[Account, Object], Object]


def _refunds(account: Account, charge: Object) -> Object:
    found = account.store.find("refund", {"charge": charge["id"]})
    return list_of(found, f"/v1/charges/{charge['id']}/refunds")


def line_items_of(account: Account, session: Object) -> Object:
    """In the order in which they were given."""
    found = account.store.find("item", {"sandbox_session": session["id"]})[::-1]
    return list_of(found, f"/v1/checkout/sessions/{session['id']}/line_items")


def _invoice_payments(account: Account, invoice: Object) -> Object:
    found = account.store.find("invoice_payment", {"invoice": invoice["id"]})
    return list_of(found, "/v1/invoice_payments")


def _tax_lines(account: Account, calculation: Object) -> Object:
    lines: Object = calculation["sandbox_lines"]
    return lines


INCLUDED: dict[tuple[str, str], Included] = {
    ("charge", "refunds"): _refunds,
    ("checkout.session", "line_items"): line_items_of,
    ("invoice", "payments"): _invoice_payments,
    ("tax.calculation", "line_items"): _tax_lines,
}


def included(kind: str, name: str) -> Included | None:
    return INCLUDED.get((kind, name))


def expanded(account: Account, result: Object, paths: Any) -> Object:
    """A copy to show, with every path expanded. Raises BadRequest for what cannot be."""
    copied = copy.deepcopy(result)
    for path in paths or []:
        parts = path.split(".")
        if len(parts) > DEEPEST:
            raise BadRequest(f"You cannot expand more than {DEEPEST} levels of a property ({path}).")
        _expand(account, copied, parts, path)
    return public(copied)


def _expand(account: Account, item: Any, parts: list[str], path: str) -> None:
    if not parts:
        return
    if isinstance(item, list):
        for one in item:
            _expand(account, one, parts, path)
        return
    name, *rest = parts
    include = included(item.get("object", ""), name)
    if include is not None:
        item[name] = item.get(name) or include(account, item)
    elif name not in item:
        raise BadRequest(f"This property cannot be expanded ({path}).", param="expand")
    value = item[name]
    if isinstance(value, str):
        found = account.store.get(value)
        if found is None:
            raise BadRequest(f"This property cannot be expanded ({path}).", param="expand")
        value = item[name] = found
    if value is not None:
        _expand(account, value, rest, path)
