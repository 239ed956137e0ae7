"""The API of events and of webhook endpoints."""

from __future__ import annotations

from fnmatch import fnmatchcase

from sandbox.stripe.account import Account, Object
from sandbox.stripe.errors import BadRequest, StripeError
from sandbox.stripe.ids import letters
from sandbox.stripe.operations import Call, Operation, listing, page, retrieve

KEPT_SECONDS = 30 * 86_400


def _events(call: Call) -> Object:
    """Those of the last 30 days, newest first, by `type` (`*` for any end), `types` and `delivery_success`."""
    if "type" in call.params and "types" in call.params:
        raise BadRequest("You may only specify one of these parameters: type, types.")
    oldest = call.account.now() - KEPT_SECONDS
    created = call.params.get("created", {})
    bounds = {"gte": created, "lte": created} if isinstance(created, int) else dict(created)
    call.params["created"] = {**bounds, "gte": max(oldest, bounds.get("gte", 0))}
    names = call.params.get("types") or ([call.params["type"]] if "type" in call.params else [])
    delivered = call.params.get("delivery_success")

    def wanted(event: Object) -> bool:
        right = delivered is None or delivered == (event["pending_webhooks"] == 0)
        return right and (not names or any(fnmatchcase(event["type"], name) for name in names))

    exact = len(names) == 1 and "*" not in names[0]
    where = {"type": names[0]} if exact else {}
    filtered = delivered is not None or (names and not exact)
    return page(call, "event", where, "/v1/events", keep=wanted if filtered else None)


def new_endpoint(account: Account, url: str, *, secret: str | None = None, **fields: object) -> Object:
    """A webhook endpoint; the secret is shown once, at creation."""
    defaults = {
        "api_version": None,
        "application": None,
        "description": None,
        "enabled_events": ["*"],
        "status": "enabled",
        "url": url,
    }
    item = account.new("webhook_endpoint", **{**defaults, **fields})
    account.save(item, sandbox_secret=secret or f"whsec_{letters(32)}")
    return item


def _create(call: Call) -> Object:
    url = call.params["url"]
    if not url.startswith(("http://", "https://")):
        raise StripeError(
            "Invalid URL: URLs must begin with http:// or https://", code="url_invalid", param="url"
        )
    item = new_endpoint(
        call.account,
        metadata=call.metadata(),
        **call.pick("url", "enabled_events", "api_version", "description"),
    )
    return {**item, "secret": item["sandbox_secret"]}


def _update(call: Call) -> Object:
    item = call.account.get("webhook_endpoint", call.id)
    changes = call.pick("url", "enabled_events", "description")
    if "disabled" in call.params:
        changes["status"] = "disabled" if call.params["disabled"] else "enabled"
    if "metadata" in call.params:
        changes["metadata"] = call.metadata(item["metadata"])
    call.account.save(item, **changes)
    return item


def _delete(call: Call) -> Object:
    call.account.get("webhook_endpoint", call.id)
    gone = {"id": call.id, "object": "webhook_endpoint", "deleted": True}
    call.account.store.delete(call.id)
    return gone


ENDPOINTS = "/webhook_endpoints"
OPERATIONS = [
    Operation("GET", "/events", "EventListParams", _events),
    retrieve("/events", "event", "EventRetrieveParams"),
    Operation("POST", ENDPOINTS, "WebhookEndpointCreateParams", _create),
    listing(ENDPOINTS, "webhook_endpoint", "WebhookEndpointListParams"),
    retrieve(ENDPOINTS, "webhook_endpoint", "WebhookEndpointRetrieveParams"),
    Operation("POST", f"{ENDPOINTS}/{{id}}", "WebhookEndpointUpdateParams", _update),
    Operation("DELETE", f"{ENDPOINTS}/{{id}}", None, _delete),
]
