"""The path of a request: key, faults, idempotency, parameters, the operation, expansion, reply."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.loopback import DropConnection
from sandbox.stripe.account import API_VERSION, Account
from sandbox.stripe.errors import BadRequest, StripeError, invalid_key, unknown_url
from sandbox.stripe.expansion import expanded
from sandbox.stripe.forms import decode
from sandbox.stripe.ids import new_id
from sandbox.stripe.knobs import Rule
from sandbox.stripe.operations import Call, Operation, Params
from sandbox.stripe.shapes import params_class, read_params
from sandbox.stripe.store import Reply

DAY = 86_400
VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?")
Endpoint = Callable[[Request], Awaitable[Response]]


def routes(operations: list[Operation]) -> list[Route]:
    """One route a path, fixed paths before those with an id in them."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    ordered = sorted(by_path, key=lambda path: path.count("{"))
    return [
        *(Route(f"/v1{path}", _endpoint(by_path[path]), methods=sorted(by_path[path])) for path in ordered),
        Route("/{rest:path}", _endpoint({}), methods=["GET", "POST", "DELETE"]),
    ]


def _endpoint(operations: dict[str, Operation]) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        exchange = Exchange(request, operations.get("GET" if request.method == "HEAD" else request.method))
        try:
            return await exchange.answer()
        except StripeError as error:
            return exchange.reply(error.status, error.body)

    return endpoint


class Exchange:
    """One request on its way to one reply."""

    def __init__(self, request: Request, operation: Operation | None) -> None:
        self.request = request
        self.operation = operation
        self.account: Account = request.app.state.account
        self.in_flight: set[str] = request.app.state.in_flight
        self.path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        self.id = new_id("request")
        self.key = request.headers.get("idempotency-key") if request.method == "POST" else None

    async def answer(self) -> Response:
        self._check_key()
        self._check_version()
        self.account.seen_at(f"{self.request.url.scheme}://{self.request.url.netloc}/stripe")
        text = await self._text()
        faults = self.account.knobs.strike("request", f"{self.request.method} {self.path}")
        if self.key is not None:
            return await self._once(text, faults)
        return await self._execute(text, faults)

    async def _text(self) -> str:
        if self.request.method != "POST":
            return self.request.url.query
        try:
            return (await self.request.body()).decode()
        except UnicodeDecodeError as error:
            raise BadRequest("The body of the request is not UTF-8.") from error

    def _check_key(self) -> None:
        scheme, _, key = self.request.headers.get("authorization", "").partition(" ")
        good = key.startswith(("sk_test_", "rk_test_")) and key not in self.account.knobs.refused_keys
        if scheme.lower() != "bearer" or not good:
            raise invalid_key(key or None)

    def _check_version(self) -> None:
        version = self.request.headers.get("stripe-version", API_VERSION)
        if not VERSION.fullmatch(version):
            raise BadRequest(f"Invalid Stripe API version: {version}")

    # -- idempotency

    async def _once(self, text: str, faults: dict[str, Rule]) -> Response:
        """The stored reply of this key, or a first execution under it."""
        key = str(self.key)
        if len(key) > 255:
            raise BadRequest("Idempotency keys can be at most 255 characters long.")
        self.account.store.prune_replies(self.account.clock() - DAY)
        address, params = f"{self.request.method} {self.path}", _digest(text)
        kept = self.account.store.reply(key)
        if kept is not None:
            _same(kept, address, params)
            more = {"Idempotent-Replayed": "true", "Original-Request": kept.request_id}
            return self._response(kept.status, kept.body, **more)
        if key in self.in_flight:
            raise StripeError(
                f"There is currently another in-progress request using this Idempotency Key: {key}."
                " This probably means you submitted twice, and the other request is still going through.",
                status=409,
                type="idempotency_error",
                code="idempotency_key_in_use",
                kept=False,
            )
        self.in_flight.add(key)
        try:
            return await self._execute(text, faults)
        finally:
            self.in_flight.discard(key)

    def _keep(self, status: int, body: str, text: str) -> None:
        if self.key is not None:
            address, now = f"{self.request.method} {self.path}", self.account.clock()
            self.account.store.keep_reply(Reply(self.key, address, _digest(text), status, body, self.id, now))

    # -- execution

    async def _execute(self, text: str, faults: dict[str, Rule]) -> Response:
        if "delay" in faults:
            await asyncio.sleep(float(faults["delay"].options.get("seconds", 1.0)))
        if "drop_before" in faults:
            return DropConnection()
        if "error" in faults:
            return self._broken(faults["error"], text)
        status, body = self._run(text)
        if "drop_after" in faults:
            return DropConnection()
        if "error_after" in faults:
            return self._broken(faults["error_after"], text)
        return self._response(status, body)

    def _run(self, text: str) -> tuple[int, str]:
        """Execute and remember the reply, in one transaction."""
        account = self.account
        if self.operation is None:
            raise unknown_url(self.request.method, self.path)
        shape = params_class(self.operation.shape) if self.operation.shape else None
        call = Call(account, Params(read_params(decode(text), shape)), dict(self.request.path_params))
        account.request = {"id": self.id, "idempotency_key": self.key}
        try:
            with account.store.transaction():
                status, body = self._outcome(self.operation, call)
                self._keep(status, body, text)
        except StripeError as error:
            if not error.kept:
                raise
            status, body = error.status, _dump(self._error(error.body))
            self._keep(status, body, text)
        finally:
            account.request = {"id": None, "idempotency_key": None}
        return status, body

    def _outcome(self, operation: Operation, call: Call) -> tuple[int, str]:
        try:
            result = operation.handler(call)
        except StripeError as error:
            if not error.committed:
                raise
            return error.status, _dump(self._error(error.body))
        for name in call.params.ignored:
            raise BadRequest(f"The stand-in does not support the parameter {name}.", param=name)
        return 200, _dump(expanded(self.account, result, call.params.get("expand", [])))

    # -- replies

    def _broken(self, rule: Rule, text: str) -> Response:
        """The error a rule asks for; `kept` says whether the key remembers it, as it does a 500 at Stripe."""
        status = int(rule.options.get("status", 500))
        body = self._error(
            {"error": {"message": BROKEN.get(status, "An error occurred."), "type": "api_error"}}
        )
        if status == 429:
            body["error"] |= {"type": "invalid_request_error", "code": "rate_limit"}
        if status == 409:
            body["error"] |= {"type": "invalid_request_error", "code": "lock_timeout"}
        if rule.options.get("kept", status >= 500 and rule.fault == "error_after"):
            self._keep(status, _dump(body), text)
        headers = {str(name): str(value) for name, value in rule.options.get("headers", {}).items()}
        return self._response(status, _dump(body), **headers)

    def _error(self, body: dict[str, Any]) -> dict[str, Any]:
        url = f"https://dashboard.stripe.com/test/logs/{self.id}"
        return {"error": {**body["error"], "request_log_url": url}}

    def reply(self, status: int, body: dict[str, Any]) -> Response:
        return self._response(status, _dump(self._error(body) if "error" in body else body))

    def _response(self, status: int, body: str, **headers: str) -> Response:
        response = Response(body, status, media_type="application/json")
        response.headers["Request-Id"] = self.id
        response.headers["Stripe-Version"] = self.request.headers.get("stripe-version", API_VERSION)
        if self.key is not None:
            response.headers["Idempotency-Key"] = self.key
        for name, value in headers.items():
            response.headers[name] = value
        return response


BROKEN = {
    409: "This object cannot be accessed right now because another API request is currently accessing it.",
    429: "Request rate limit exceeded.",
    500: "An unknown error occurred.",
    503: "Service unavailable.",
}


def _same(kept: Reply, address: str, params: str) -> None:
    """Raises Stripe's idempotency_error when the key is used for something else."""
    if kept.address != address:
        used = kept.address.partition(" ")[2]
        message = (
            "Keys for idempotent requests can only be used for the same endpoint they were first used for"
            f" ('{used}'). Try using a key other than '{kept.key}' if you meant to execute a different request."
        )
        raise StripeError(message, type="idempotency_error", kept=False)
    if kept.params != params:
        message = (
            "Keys for idempotent requests can only be used with the same parameters they were first used with."
            f" Try using a key other than '{kept.key}' if you meant to execute a different request."
        )
        raise StripeError(message, type="idempotency_error", kept=False)


def _digest(text: str) -> str:
    return hashlib.sha256("&".join(sorted(text.split("&"))).encode()).hexdigest()


def _dump(body: dict[str, Any]) -> str:
    return json.dumps(body, indent=2)
