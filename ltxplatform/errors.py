"""Refusals on their way out: the one table from codes to statuses, and the API's problem+json (RFC 9457).

A test walks every DomainError and fails on a code that is missing here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db.utils import InterfaceError, OperationalError
from django.http import Http404
from django.utils.log import log_response
from rest_framework import exceptions as rest
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor
from accounts.errors import DomainError, FieldErrors, RowErrors
from billing.money import as_decimal_string
from billing.remedies import action_path

CONTENT_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a code means over HTTP; `title` is the same for every occurrence."""

    status: int
    title: str
    retryable: bool = False


KINDS: Final[Mapping[str, Kind]] = {
    "malformed": Kind(400, "The request cannot be read"),
    "invalid_cursor": Kind(400, "The cursor is not valid"),
    "unauthenticated": Kind(401, "An API key is needed"),
    "insufficient_credits": Kind(402, "The team's credit does not cover the price"),
    "debt_open": Kind(402, "The team owes credit that was taken back"),
    "budget_exceeded": Kind(403, "A budget does not allow it"),
    "team_frozen": Kind(403, "The team may not spend credit"),
    "forbidden": Kind(403, "Not allowed"),
    "scope": Kind(403, "The key may not do this"),
    "role_refused": Kind(403, "Not within your role in the team"),
    "address_not_proven": Kind(403, "The invitation is for another address"),
    "foreign_webhook": Kind(403, "The notice belongs to another account"),
    "not_found": Kind(404, "Not found"),
    "method_not_allowed": Kind(405, "The address does not support this method"),
    "not_acceptable": Kind(406, "The API answers in JSON"),
    "state_conflict": Kind(409, "The clip is in another state"),
    "key_ended": Kind(409, "The key no longer works"),
    "media_expired": Kind(410, "The files were deleted by the team's retention rule"),
    "too_large": Kind(413, "The request is too large"),
    "unsupported_media": Kind(415, "The content type is not supported"),
    "invitation_refused": Kind(422, "Nobody was invited"),
    "amount_refused": Kind(422, "Not an amount that can be bought"),
    "no_customer": Kind(422, "Nothing has been bought yet"),
    "not_payable": Kind(422, "The purchase is not waiting for a payment"),
    "validation": Kind(422, "Some fields need correcting"),
    "own_factor_first": Kind(422, "Whoever requires a second factor needs one"),
    "credit_spent": Kind(422, "The credit is no longer there"),
    "second_person_needed": Kind(422, "Another person has to approve"),
    "quote_expired": Kind(422, "The quote has expired"),
    "quote_mismatch": Kind(422, "The quote is for other clips"),
    "picture_not_fetched": Kind(422, "No picture could be fetched from the address"),
    "image_refused": Kind(422, "The picture was not accepted"),
    "empty_file": Kind(422, "The picture is empty"),
    "too_many_pixels": Kind(422, "The picture has too many pixels"),
    "too_small": Kind(422, "The picture is too small"),
    "bad_proportions": Kind(422, "The picture is too long and narrow"),
    "animated": Kind(422, "The picture is animated"),
    "broken_picture": Kind(422, "The picture is damaged"),
    "picture_quota": Kind(422, "The team's space for pictures is used up"),
    "idempotency_key_reuse": Kind(422, "The idempotency key belongs to another request"),
    "rate_limited": Kind(429, "Too many requests", retryable=True),
    "internal": Kind(500, "Something went wrong on our side", retryable=True),
    "used_more_than_held": Kind(500, "Something went wrong on our side"),
    "busy": Kind(503, "The team's credit is in use", retryable=True),
    "database_unavailable": Kind(503, "The service is restarting", retryable=True),
    "storage_unavailable": Kind(503, "Files cannot be stored right now", retryable=True),
    "unavailable": Kind(503, "Too many event streams are open", retryable=True),
    "payments_unavailable": Kind(503, "Payments are not possible right now", retryable=True),
    "upstream_paused": Kind(503, "New clips are paused", retryable=True),
}

# How long a client should wait when the refusal does not say, in seconds.
RETRY_AFTER: Final = 2

# The framework's exceptions, most special first.
FRAMEWORK_CODES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (rest.NotAuthenticated, "unauthenticated"),
    (rest.AuthenticationFailed, "unauthenticated"),
    (rest.ValidationError, "validation"),
    (rest.ParseError, "malformed"),
    (rest.PermissionDenied, "forbidden"),
    (rest.NotFound, "not_found"),
    (rest.MethodNotAllowed, "method_not_allowed"),
    (rest.NotAcceptable, "not_acceptable"),
    (rest.UnsupportedMediaType, "unsupported_media"),
    (rest.Throttled, "rate_limited"),
    (Http404, "not_found"),
    (PermissionDenied, "forbidden"),
    (RequestDataTooBig, "too_large"),
    (SuspiciousOperation, "malformed"),
    # PostgreSQL restarts or is out of reach; what was asked did not happen, or repeats harmlessly by its key.
    (OperationalError, "database_unavailable"),
    (InterfaceError, "database_unavailable"),
)
SENTENCES: Final[Mapping[str, str]] = {
    "unauthenticated": "Send your API key in the header: Authorization: Bearer ltx_live_…",
    "validation": "Some fields need correcting.",
    "not_found": "There is nothing at this address, or it belongs to another team.",
    "forbidden": "You may not do this.",
    "malformed": "The request cannot be read.",
    "too_large": "The request is too large.",
    "database_unavailable": "The service is restarting. Send the same request with the same key in a moment.",
    "internal": "Something went wrong on our side. If it keeps happening, give the operator this request id.",
}
# Details that services give in µ$; the API writes money as decimal strings.
AMOUNTS: Final = frozenset({"needed", "available", "shortfall"})
# Fields of FieldErrors and of the framework's errors that belong to no single member of the body.
WHOLE_BODY: Final = frozenset({"", "__all__", "non_field_errors"})


def html_status(error: DomainError) -> int:
    """The status of a page that explains this refusal: 422, unless access or the service is the matter."""
    status = KINDS[error.code].status
    return status if status in {404, 409, 410, 413, 503} or error.code == "scope" else 422


def problem_response(error: Exception, context: dict[str, Any]) -> Response:
    """The framework's exception handler: every error of the API becomes one problem document.

    Unexpected exceptions are logged once with their trace and answered without any of it.
    """
    request: Request = context["request"]
    code = _code_of(error)
    body = _body(error, code, request)
    status = body["status"]
    response = Response(body, status=status, content_type=CONTENT_TYPE, headers=_headers(error, status))
    if status == 500:
        got_request_exception.send(sender=type(context["view"]), request=request)
        message = "Internal Server Error: %s"
        log_response(message, request.path, response=response, request=request, exception=error)
    return response


def _code_of(error: Exception) -> str:
    if isinstance(error, DomainError):
        return error.code
    for kind, code in FRAMEWORK_CODES:
        if isinstance(error, kind):
            return code
    if isinstance(error, rest.APIException) and error.default_code in KINDS:
        return error.default_code
    return "internal"


def _body(error: Exception, code: str, request: Request) -> dict[str, Any]:
    kind = KINDS[code]
    details = dict(error.details) if isinstance(error, DomainError) else {}
    return {
        "type": f"urn:ltxplatform:problem:{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": _sentence(error, code),
        "code": code,
        "errors": list(_field_errors(error)),
        "retryable": kind.retryable or getattr(error, "retryable", False),
        "request_id": getattr(request, "request_id", ""),
        **{name: _plain(name, value) for name, value in details.items()},
        **_action(error, request),
    }


def _action(error: Exception, request: Request) -> dict[str, Any]:
    """What can be done about it, with the page to do it on, by its whole address."""
    if not isinstance(error, DomainError) or "action" not in error.details:
        return {}
    # Only now: who calls is looked up when it is first asked, and that may be what failed.
    actor = getattr(request, "auth", None)
    if not isinstance(actor, Actor):
        return {}
    path = action_path(error, actor.team)
    url = {"url": request.build_absolute_uri(path)} if path else {}
    return {"action": {**error.details["action"], **url}}


def _sentence(error: Exception, code: str) -> str:
    if isinstance(error, DomainError):
        return error.message
    detail = getattr(error, "detail", None)
    # The framework's own defaults say less than ours.
    was_written_for_this = isinstance(detail, str) and detail != getattr(error, "default_detail", None)
    return str(detail) if was_written_for_this or code not in SENTENCES else SENTENCES[code]


def _field_errors(error: Exception) -> Iterator[dict[str, str]]:
    if isinstance(error, FieldErrors):
        for name, sentences in error.errors.items():
            for sentence in sentences:
                yield {"pointer": _pointer("", name), "code": "invalid", "message": sentence}
    elif isinstance(error, RowErrors):
        for row, column, sentence in error.errors:
            yield {"pointer": _pointer(f"/rows/{row}", column), "code": "invalid", "message": sentence}
    elif isinstance(error, rest.ValidationError):
        yield from _walk(error.detail, "")


def _walk(detail: Any, pointer: str) -> Iterator[dict[str, str]]:
    """The framework's nested errors, flat, each with the JSON pointer (RFC 6901) of its place in the body."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _walk(inner, _pointer(pointer, str(name)))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _walk(inner, pointer)
    else:
        yield {"pointer": pointer, "code": getattr(detail, "code", "invalid"), "message": str(detail)}


def _pointer(parent: str, name: str) -> str:
    return parent if name in WHOLE_BODY else f"{parent}/{name.replace('~', '~0').replace('/', '~1')}"


def _plain(name: str, value: Any) -> Any:
    return as_decimal_string(value) if name in AMOUNTS and isinstance(value, int) else value


def _headers(error: Exception, status: int) -> dict[str, str]:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    wait = (
        error.details.get("retry_after") if isinstance(error, DomainError) else getattr(error, "wait", None)
    )
    if wait is None and status in {429, 503}:
        wait = RETRY_AFTER
    if wait is not None:
        headers["Retry-After"] = str(max(1, ceil(wait)))
    return headers
