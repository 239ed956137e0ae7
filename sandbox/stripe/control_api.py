"""The knobs of the Stripe stand-in over HTTP, for callers on this machine only."""

from __future__ import annotations

import copy
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.loopback import is_local
from sandbox.stripe.account import Account, Object, public
from sandbox.stripe.errors import StripeError
from sandbox.stripe.events import new_endpoint
from sandbox.stripe.knobs import BadControl, Knobs, read_rule

Handler = Callable[[Request, Account, Any], Object | list[Object]]


def control(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        if not is_local(request):
            return JSONResponse({"detail": "Control is for this machine only."}, 403)
        account: Account = request.app.state.account
        account.seen_at(f"{request.url.scheme}://{request.url.netloc}/stripe")
        try:
            data = json.loads(await request.body() or b"{}")
            with account.store.transaction():
                return JSONResponse(handler(request, account, data))
        except KeyError as error:
            return JSONResponse({"detail": f"{error} is missing."}, 400)
        except (BadControl, ValueError) as error:
            return JSONResponse({"detail": str(error)}, 400)
        except StripeError as error:
            return JSONResponse(error.body, error.status)

    return endpoint


def keep_endpoint(account: Account, url: str | None, secret: str | None) -> None:
    """The endpoint named when the process was started; the same one after a restart."""
    if url is None:
        return
    for endpoint in account.store.find("webhook_endpoint", {"url": url}):
        account.save(endpoint, sandbox_secret=secret or endpoint["sandbox_secret"], status="enabled")
        return
    new_endpoint(account, url, secret=secret)


def _knobs(request: Request, account: Account, data: Any) -> Object:
    """GET shows, PUT changes what it names, DELETE goes back to the start."""
    if request.method == "PUT":
        account.knobs.update(data)
    elif request.method == "DELETE":
        _first_knobs(account)
    return account.knobs.as_json()


def _first_knobs(account: Account) -> None:
    account.knobs.update(copy.deepcopy(Knobs().as_json()))


def _rules(request: Request, account: Account, data: Any) -> Object | list[Object]:
    """POST adds one rule, DELETE removes all or the one named, GET lists with their hits."""
    name = request.path_params.get("rule_id")
    if request.method == "POST":
        rule = read_rule(data)
        account.knobs.rules.append(rule)
        return asdict(rule)
    if request.method == "DELETE":
        account.knobs.rules = [rule for rule in account.knobs.rules if name and rule.id != name]
    return [asdict(rule) for rule in account.knobs.rules]


def _clock(request: Request, account: Account, data: Any) -> Object:
    """POST `{"seconds": 3600}` jumps forward; everything due until then happens now."""
    if request.method == "POST":
        account.jump(float(data["seconds"]))
    return {"now": account.clock(), "offset": account.offset}


def _reset(request: Request, account: Account, data: Any) -> Object:
    """Forget all objects, keys, deliveries, jumps and rules; endpoints made at the start stay."""
    account.store.clear()
    account.jump(-account.offset)
    _first_knobs(account)
    config = request.app.state.config
    for endpoint in account.store.find("webhook_endpoint"):
        if endpoint["url"] != config.webhook_url:
            account.store.delete(endpoint["id"])
    return {"status": "reset"}


def _endpoint(request: Request, account: Account, data: Any) -> Object:
    """POST `{"url", "secret", "enabled_events"}`: a webhook endpoint with a secret of one's choice."""
    item = new_endpoint(account, data["url"], secret=data.get("secret"))
    if "enabled_events" in data:
        account.save(item, enabled_events=data["enabled_events"])
    return {**public(item), "secret": item["sandbox_secret"]}


def _deliveries(request: Request, account: Account, data: Any) -> list[Object]:
    return [{name: getattr(row, name) for name in row.__slots__} for row in account.store.deliveries()]


def _release(request: Request, account: Account, data: Any) -> Object:
    """Deliver what was withheld; `{"newest_first": true}` in the opposite order."""
    newest_first = bool(data.get("newest_first", False))
    count = account.store.release(account.clock(), newest_first=newest_first)
    account.on_work()
    return {"released": count}


def _resend(request: Request, account: Account, data: Any) -> Object:
    """Deliver an event again to every endpoint that wants it, as a click in the dashboard does."""
    event = account.get("event", request.path_params["id"])
    for endpoint in account.store.find("webhook_endpoint"):
        account.later("deliver", event["id"], 0, endpoint=endpoint["id"], attempt=1)
    return event


def _objects(request: Request, account: Account, data: Any) -> list[Object]:
    """All objects of a kind, newest first."""
    return [public(item) for item in account.store.find(request.path_params["kind"])]


def routes() -> list[Route]:
    return [
        Route("/control/knobs", control(_knobs), methods=["GET", "PUT", "DELETE"]),
        Route("/control/rules", control(_rules), methods=["GET", "POST", "DELETE"]),
        Route("/control/rules/{rule_id}", control(_rules), methods=["DELETE"]),
        Route("/control/clock", control(_clock), methods=["GET", "POST"]),
        Route("/control/reset", control(_reset), methods=["POST"]),
        Route("/control/webhook_endpoints", control(_endpoint), methods=["POST"]),
        Route("/control/deliveries", control(_deliveries), methods=["GET"]),
        Route("/control/deliveries/release", control(_release), methods=["POST"]),
        Route("/control/events/{id}/resend", control(_resend), methods=["POST"]),
        Route("/control/objects/{kind}", control(_objects), methods=["GET"]),
    ]
