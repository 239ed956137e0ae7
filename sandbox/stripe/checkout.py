"""Checkout sessions: create, list, expire. What happens on their page is in `checkout_payment`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from sandbox.stripe import money
from sandbox.stripe.account import Account, Object, merged_metadata
from sandbox.stripe.customers import living
from sandbox.stripe.errors import BadRequest, StripeError, missing
from sandbox.stripe.expansion import line_items_of
from sandbox.stripe.ids import new_id
from sandbox.stripe.operations import Call, Operation, beginning, listing, retrieve, update
from sandbox.stripe.prices import price_of

SHORTEST, LONGEST = 1_800, 86_400
# These change how Stripe's page looks, not what is paid; they are accepted and shown again.
LOOKS = (
    *(
        "allowed_payment_method_types",
        "billing_address_collection",
        "branding_settings",
        "consent_collection",
    ),
    *("custom_text", "excluded_payment_method_types", "locale", "payment_method_collection"),
    *("payment_method_options", "phone_number_collection", "submit_type", "tax_id_collection"),
)
# Kept with the session to be used when it is paid; Stripe does not show them.
HIDDEN = ("customer_update", "payment_intent_data", "setup_intent_data")


def _check_url(url: str, param: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise BadRequest("Not a valid URL", param=param, code="url_invalid")


def _check(call: Call) -> None:
    params = call.params
    call.need("mode")
    if params["mode"] == "subscription":
        raise BadRequest("The stand-in has no subscriptions.", param="mode")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise BadRequest("The stand-in has only the hosted page.", param="ui_mode")
    call.need("success_url")
    _check_url(params["success_url"].replace("{CHECKOUT_SESSION_ID}", "id"), "success_url")
    if "cancel_url" in params:
        _check_url(params["cancel_url"], "cancel_url")
    if "customer" in params and "customer_email" in params:
        raise BadRequest("You may only specify one of these parameters: customer, customer_email.")
    if len(params.get("client_reference_id", "")) > 200:
        raise BadRequest("Invalid string: must be at most 200 characters", param="client_reference_id")
    if params["mode"] == "payment":
        call.need("line_items")
        return
    for name in ("line_items", "payment_intent_data", "invoice_creation"):
        if name in params:
            raise BadRequest(f"You can not pass `{name}` in `setup` mode.", param=name)


def _expiry(call: Call) -> int:
    now = call.account.now()
    expires_at = int(call.params.get("expires_at", now + LONGEST))
    if expires_at < now + SHORTEST - 5:
        message = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
        raise BadRequest(message, param="expires_at")
    if expires_at > now + LONGEST + 5:
        message = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
        raise BadRequest(message, param="expires_at")
    return expires_at


def _check_tax(call: Call, customer: Object | None) -> None:
    """An existing customer needs an address, or the permission to store the one typed on the page."""
    if not call.params.get("automatic_tax", {}).get("enabled") or customer is None:
        return
    update_address = call.params.get("customer_update", {}).get("address")
    if not customer["address"] and update_address != "auto":
        raise BadRequest(
            "Automatic tax calculation in Checkout requires a valid address on the Customer. Add a valid address to"
            " the Customer or set either `customer_update[address]` to 'auto' or `customer_update[shipping]` to"
            " 'auto' to save the address entered in Checkout to the Customer.",
            param="automatic_tax",
            code="customer_tax_location_invalid",
        )


def _read_items(call: Call) -> list[Object]:
    """Line items without their session yet. Raises BadRequest."""
    items = []
    for number, line in enumerate(call.params.get("line_items", [])):
        path = f"line_items[{number}]"
        price, product = price_of(call.account, line, path)
        if "quantity" not in line:
            raise missing(f"{path}[quantity]")
        amount = price["unit_amount"] * line["quantity"]
        items.append(
            {
                "id": new_id("item"),
                "object": "item",
                "adjustable_quantity": None,
                "amount_discount": 0,
                "amount_subtotal": amount,
                "amount_tax": 0,
                "amount_total": amount,
                "created": call.account.now(),
                "currency": price["currency"],
                "description": product["name"],
                "discounts": [],
                "metadata": {},
                "price": price,
                "quantity": line["quantity"],
                "taxes": [],
            }
        )
    if len({item["currency"] for item in items}) > 1:
        raise BadRequest("All prices on a Checkout Session must use the same currency.", param="line_items")
    return items


def _create(call: Call) -> Object:
    _check(call)
    params, account = call.params, call.account
    customer = living(account, params["customer"]) if "customer" in params else None
    _check_tax(call, customer)
    expires_at = _expiry(call)
    items = _read_items(call)
    if items:
        total, currency = sum(item["amount_total"] for item in items), items[0]["currency"]
        money.check_amount(total, currency, "line_items", what="The Checkout Session's total amount due")
    for name in HIDDEN:
        merged_metadata({}, params.get(name, {}).get("metadata"))
    session = _save(call, items, customer, expires_at)
    for item in items:
        account.store.put({**item, "sandbox_session": session["id"]})
    account.later("expire_session", session["id"], expires_at - account.clock())
    return session


def _save(call: Call, items: list[Object], customer: Object | None, expires_at: int) -> Object:
    params, account = call.params, call.account
    total = sum(item["amount_total"] for item in items) if items else None
    session_id, currency = new_id("checkout.session"), params.get("currency")
    tax = params.get("automatic_tax", {}).get("enabled", False)
    saves = params.get("payment_intent_data", {}).get("setup_future_usage")
    creation = _creates_customer(params, saves)
    fields: dict[str, Any] = {
        "id": session_id,
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {
            "enabled": tax,
            "liability": {"type": "self"} if tax else None,
            "provider": "stripe" if tax else None,
            "status": "requires_location_inputs" if tax else None,
        },
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "currency": items[0]["currency"] if items else currency,
        "custom_fields": [],
        "custom_text": dict.fromkeys(
            ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
        ),
        "customer": customer["id"] if customer else None,
        "customer_creation": None if customer else creation,
        "customer_details": _details(customer, params),
        "customer_email": params.get("customer_email"),
        "expires_at": expires_at,
        "invoice_creation": _invoice_creation(params),
        "metadata": call.metadata(),
        "mode": params["mode"],
        "payment_method_collection": "if_required",
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card", "us_bank_account"],
        "payment_status": "unpaid" if items else "no_payment_required",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "success_url": params["success_url"],
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0} if items else None,
        "ui_mode": "hosted_page",
        "url": f"{account.base_url}/pay/{session_id}",
        **{name: params[name] for name in LOOKS if name in params},
        **{f"sandbox_{name}": params.get(name, {}) for name in HIDDEN},
    }
    return account.new("checkout.session", **fields)


def _creates_customer(params: dict[str, Any], saves: str | None) -> str:
    invoiced = params.get("invoice_creation", {}).get("enabled")
    wanted: str = params.get("customer_creation", "if_required")
    return "always" if saves or invoiced or params["mode"] == "setup" else wanted


def _details(customer: Object | None, params: dict[str, Any]) -> Object | None:
    email = customer["email"] if customer else params.get("customer_email")
    if customer is None and email is None:
        return None
    return {
        "address": customer["address"] if customer else None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": customer["name"] if customer else None,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": None,
    }


def _invoice_creation(params: dict[str, Any]) -> Object:
    given = params.get("invoice_creation", {})
    names = ("account_tax_ids", "custom_fields", "description", "footer", "issuer", "rendering_options")
    data = given.get("invoice_data", {})
    inner = {name: data.get(name) for name in names}
    return {
        "enabled": given.get("enabled", False),
        "invoice_data": {**inner, "metadata": data.get("metadata", {})},
    }


def expire(account: Account, session: Object) -> bool:
    """Close an open session; False when it was not open."""
    if session["status"] != "open":
        return False
    account.save(session, status="expired", url=None, expires_at=min(session["expires_at"], account.now()))
    if session["payment_intent"]:
        intent = account.get("payment_intent", session["payment_intent"])
        if intent["status"] not in ("succeeded", "canceled", "processing"):
            account.save(intent, status="canceled", canceled_at=account.now(), cancellation_reason="expired")
            account.emit("payment_intent.canceled", intent)
    account.emit("checkout.session.expired", session)
    return True


def _expire(call: Call) -> Object:
    session = call.account.get("checkout.session", call.id)
    if not expire(call.account, session):
        message = (
            'Only Checkout Sessions with a status in ["open"] can be expired. This Session has a status of'
        )
        raise StripeError(f"{message} `{session['status']}`.")
    return session


def _line_items(call: Call) -> Object:
    session = call.account.get("checkout.session", call.id)
    found = line_items_of(call.account, session)
    return beginning(call, found["data"], found["url"])


SESSIONS = "/checkout/sessions"
OPERATIONS = [
    Operation("POST", SESSIONS, "checkout.SessionCreateParams", _create),
    listing(
        SESSIONS,
        "checkout.session",
        "checkout.SessionListParams",
        customer="customer",
        payment_intent="payment_intent",
        status="status",
    ),
    retrieve(SESSIONS, "checkout.session", "checkout.SessionRetrieveParams"),
    update(SESSIONS, "checkout.session", "checkout.SessionUpdateParams", None),
    Operation("POST", f"{SESSIONS}/{{id}}/expire", "checkout.SessionExpireParams", _expire),
    Operation("GET", f"{SESSIONS}/{{id}}/line_items", "checkout.SessionLineItemListParams", _line_items),
]
