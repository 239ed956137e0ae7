"""Refusals as Stripe words them."""

from __future__ import annotations

from typing import Any


class StripeError(Exception):
    """An error reply: `{"error": {"type": ..., "message": ..., "code": ..., "param": ...}}`.

    `kept` says whether an idempotency key remembers it: Stripe forgets what failed before it began to execute.
    What a refused operation wrote is rolled back unless the refusal is `committed`, as a declined payment is.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        kept: bool = True,
        committed: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kept = kept
        self.committed = committed
        self.code = code
        fields = {"code": code, "message": message, "param": param, "type": type, **more}
        self.error = {name: value for name, value in fields.items() if value is not None}
        if code is not None:
            self.error["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"

    @property
    def body(self) -> dict[str, Any]:
        return {"error": self.error}


class BadRequest(StripeError):
    """A parameter that cannot be read; nothing was executed, so no key remembers it."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message, param=param, code=code, kept=False)


def unknown_parameter(param: str) -> BadRequest:
    return BadRequest(f"Received unknown parameter: {param}", param=param, code="parameter_unknown")


def missing(param: str) -> BadRequest:
    return BadRequest(f"Missing required param: {param}.", param=param, code="parameter_missing")


def no_such(what: str, object_id: str, *, param: str = "id", status: int = 404) -> StripeError:
    """The object does not exist: 404 when the address names it, 400 when a parameter does."""
    message = f"No such {what}: '{object_id}'"
    return StripeError(message, status=status, code="resource_missing", param=param)


def unexpected_state(message: str, code: str, **more: Any) -> StripeError:
    return StripeError(message, code=code, **more)


def unknown_url(method: str, path: str) -> StripeError:
    message = (
        f"Unrecognized request URL ({method}: {path}). Please see https://stripe.com/docs"
        " or we can help at https://support.stripe.com/."
    )
    return StripeError(message, status=404, kept=False)


def invalid_key(key: str | None) -> StripeError:
    """401: no key, or one that is not a test mode secret key."""
    if not key:
        message = (
            "You did not provide an API key. You need to provide your API key in the Authorization header,"
            " using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
        )
    else:
        hidden = key[:8] + "*" * max(0, len(key) - 12) + key[-4:] if len(key) > 12 else "*" * len(key)
        message = f"Invalid API Key provided: {hidden}"
    return StripeError(message, status=401, kept=False)
