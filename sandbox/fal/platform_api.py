"""fal's platform API: keys for webhooks, billing, prices, the request list, the account."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.fal.clock import read_stamp, stamp
from sandbox.fal.engine import Engine
from sandbox.fal.errors import model_failure
from sandbox.fal.keys import Key, key_of
from sandbox.fal.queue_api import ENDPOINT
from sandbox.fal.records import Record
from sandbox.fal.replies import Refused, failure_reply, not_found, read_json, reply, strike

DAY = 86_400.0
UNIT_PRICE = Decimal("0.02")
MOST_IDS = 50
Handler = Callable[[Request, Engine, Key], Awaitable[Response]]


def with_key(step: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Check the key and let the rules of this step strike first."""

    async def endpoint(request: Request) -> Response:
        engine: Engine = request.app.state.engine
        key = key_of(request)
        broken = await strike(engine.knobs.strike(step, key=key.id))
        return broken if broken is not None else await handler(request, engine, key)

    return endpoint


def _bad_query(name: str, message: str) -> Refused:
    item = {"loc": ["query", name], "msg": message, "type": "value_error", "url": ""}
    return Refused(failure_reply(model_failure([item])))


def _moment(request: Request, name: str, default: float) -> float:
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        return read_stamp(text)
    except ValueError as error:
        raise _bad_query(name, "Input should be a valid datetime") from error


def _ids(request: Request) -> set[str]:
    """request_id, repeated or with commas."""
    return {part for text in request.query_params.getlist("request_id") for part in text.split(",") if part}


def _page(request: Request, items: list[Any]) -> tuple[list[Any], dict[str, Any]]:
    """One page by `limit` and `cursor`; the cursor is a place in the list."""
    limit = request.query_params.get("limit", "50")
    cursor = request.query_params.get("cursor", "0")
    if not (limit.isdigit() and cursor.isdigit() and 1 <= int(limit) <= 1000):
        raise _bad_query("limit", "Input should be a valid page")
    end = int(cursor) + int(limit)
    more = end < len(items)
    return items[int(cursor) : end], {"next_cursor": str(end) if more else None, "has_more": more}


def _own(engine: Engine, key: Key) -> list[Record]:
    return [record for record in engine.records.values() if record.key_digest == key.digest]


# -- JWKS, without a key


async def jwks(request: Request) -> Response:
    engine: Engine = request.app.state.engine
    broken = await strike(engine.knobs.strike("jwks"))
    return broken if broken is not None else reply(engine.webhooks.signer.jwks())


# -- billing


async def billing_events(request: Request, engine: Engine, key: Key) -> Response:
    """Costs of finished requests of the last day, or since `start`."""
    ids = _ids(request)
    if len(ids) > MOST_IDS:
        raise _bad_query("request_id", f"At most {MOST_IDS} request ids")
    now = time.time()
    start, end = _moment(request, "start", now - DAY), _moment(request, "end", now + DAY)
    known_until = now - engine.knobs.billing_delay_seconds
    events = [
        _event(record)
        for record in _own(engine, key)
        if record.units != "0"
        and record.ended_at is not None
        and start <= record.ended_at <= min(end, known_until)
        and (not ids or record.id in ids)
    ]
    page, cursor = _page(request, events)
    return reply({"billing_events": page, **cursor})


def _event(record: Record) -> dict[str, Any]:
    units = Decimal(record.units)
    cost = units * UNIT_PRICE
    return {
        "request_id": record.id,
        "endpoint_id": record.endpoint,
        "timestamp": stamp(record.ended_at),
        "output_units": float(units),
        "unit_price": float(UNIT_PRICE),
        "percent_discount": None,
        "cost_subtotal": float(cost),
        "cost_discount": 0,
        "cost_total": float(cost),
        "cost_estimate_nano_usd": int(cost * 1_000_000_000),
    }


async def pricing(request: Request, engine: Engine, key: Key) -> Response:
    wanted = {
        part for text in request.query_params.getlist("endpoint_id") for part in text.split(",") if part
    }
    if wanted and ENDPOINT not in wanted:
        return reply({"detail": "Endpoint not found"}, 404)
    price = {"endpoint_id": ENDPOINT, "unit_price": 0.02, "unit": "seconds", "currency": "USD"}
    return reply({"prices": [price], "next_cursor": None, "has_more": False})


async def estimate(request: Request, engine: Engine, key: Key) -> Response:
    """`unit_price` with unit_quantity, or `historical_api_price` with call_quantity of default clips."""
    body = await read_json(request, limit=100_000)
    try:
        kind = body["estimate_type"]
        wish = body["endpoints"][ENDPOINT]
        if kind == "unit_price":
            total = Decimal(str(wish["unit_quantity"])) * UNIT_PRICE
        else:
            total = Decimal(str(wish["call_quantity"])) * UNIT_PRICE * 121 / 24
    except (KeyError, TypeError, ArithmeticError):
        raise _bad_query("endpoints", "Unknown endpoint or quantity") from None
    return reply({"estimate_type": kind, "total_cost": float(round(total, 6)), "currency": "USD"})


# -- requests


async def requests_by_endpoint(request: Request, engine: Engine, key: Key) -> Response:
    """The list that finds a request whose answer was lost; newest first."""
    if request.query_params.get("endpoint_id", ENDPOINT) != ENDPOINT:
        return reply({"items": [], "next_cursor": None, "has_more": False})
    ids = _ids(request)
    now = time.time()
    start, end = _moment(request, "start", now - DAY), _moment(request, "end", now + DAY)
    found = [
        record
        for record in reversed(_own(engine, key))
        if start <= record.accepted_at <= end
        and (not ids or record.id in ids)
        and (record.is_done or engine.knobs.list_unfinished)
        and not _is_hidden(engine, record)
    ]
    page, cursor = _page(request, found)
    expand = "payloads" in request.query_params.get("expand", "")
    items = [_item(engine, record, expand=expand) for record in page]
    return reply({"items": items, **cursor})


def _is_hidden(engine: Engine, record: Record) -> bool:
    rules = [rule for rule in engine.knobs.rules if rule.step == "list" and rule.fault == "hide"]
    return any(
        rule.matches("list", record.prompt, record.id, record.key_id) and rule.take() for rule in rules
    )


def _item(engine: Engine, record: Record, *, expand: bool) -> dict[str, Any]:
    offset = engine.knobs.clock_offset_seconds
    item: dict[str, Any] = {
        "request_id": record.id,
        "endpoint_id": record.endpoint,
        "sent_at": stamp(record.accepted_at + offset),
        "started_at": stamp(record.started_at + offset) if record.started_at else None,
        "ended_at": stamp(record.ended_at + offset) if record.ended_at else None,
        "status_code": record.status_code,
        "duration": record.inference_time if record.is_done else None,
    }
    if expand:
        stored = record.store_io and not record.payload_deleted
        item["json_input"] = engine.store.payload(record.id) if stored else None
        item["json_output"] = record.body if stored else None
    return item


async def delete_payloads(request: Request, engine: Engine, key: Key) -> Response:
    """Erase what a request was sent and what it produced."""
    record = engine.find(request.path_params["request_id"], key.digest)
    if record is None:
        return not_found()
    if not record.is_done:
        return reply({"detail": "Request is still in progress"}, 400)
    engine.erase(record)
    return reply({"cdn_delete_results": []})


# -- account and addresses


async def billing_account(request: Request, engine: Engine, key: Key) -> Response:
    body: dict[str, Any] = {"username": key.id}
    if "credits" in request.query_params.get("expand", ""):
        body["credits"] = {"current_balance": engine.balance(), "currency": "USD"}
    return reply(body)


async def meta(request: Request) -> Response:
    return reply({"webhook_ip_ranges": ["127.0.0.1/32", "::1/128"]})


def routes() -> list[Route]:
    api = "/api/v1"
    return [
        Route("/rest/.well-known/jwks.json", jwks, methods=["GET"]),
        Route(f"{api}/meta", meta, methods=["GET"]),
        Route(f"{api}/models/billing-events", with_key("billing", billing_events), methods=["GET"]),
        Route(f"{api}/models/pricing", with_key("billing", pricing), methods=["GET"]),
        Route(f"{api}/models/pricing/estimate", with_key("billing", estimate), methods=["POST"]),
        Route(f"{api}/models/requests/by-endpoint", with_key("list", requests_by_endpoint), methods=["GET"]),
        Route(
            f"{api}/models/requests/{{request_id}}/payloads",
            with_key("account", delete_payloads),
            methods=["DELETE"],
        ),
        Route(f"{api}/account/billing", with_key("account", billing_account), methods=["GET"]),
    ]
