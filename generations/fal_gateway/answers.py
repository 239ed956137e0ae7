"""What fal's queue answers, read strictly: anything unexpected is no evidence of anything."""

from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, NotRequired, TypedDict

import httpx
from django.conf import settings

from generations.fal_gateway.connection import error_fields, error_of, read_object, read_text
from generations.fal_gateway.errors import ErrorContext, FalError, NotReady


class VideoField(TypedDict):
    url: str
    content_type: NotRequired[str | None]
    file_size: NotRequired[int | None]


class Output(TypedDict):
    video: VideoField
    prompt: str
    seed: int


@dataclass(frozen=True, slots=True)
class Ticket:
    """fal accepted a request; the addresses are fal's own, "" where they pointed elsewhere."""

    request_id: str
    status_url: str = ""
    response_url: str = ""
    cancel_url: str = ""


@dataclass(frozen=True, slots=True)
class StatusReply:
    """`status` is IN_QUEUE, IN_PROGRESS or COMPLETED (failed jobs too); "" when fal does not know the request."""

    status: str
    queue_position: int | None = None
    logs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What the model answered: an output, or an HTTP status with fal's error type and text."""

    http_status: int
    output: Output | None = None
    error_type: str = ""
    detail: str = ""
    context: ErrorContext = field(default_factory=ErrorContext)
    billable_units: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ListedRequest:
    request_id: str
    input: dict[str, Any]


def read_ticket(reply: dict[str, Any]) -> Ticket:
    """Raises ValueError without a request id."""
    own = {name: reply.get(name) for name in ("status_url", "response_url", "cancel_url")}
    # The key goes to these addresses, so only fal's own host is followed.
    return Ticket(
        request_id=read_text(reply, "request_id")[:100],
        **{name: url if isinstance(url, str) and _is_ours(url) else "" for name, url in own.items()},
    )


def _is_ours(url: str) -> bool:
    return url.startswith(f"{settings.FAL_QUEUE_URL}/")


def read_status(response: httpx.Response) -> StatusReply:
    """Raises FalError when the answer is no evidence of anything."""
    if response.status_code == 404:
        return StatusReply(status="")
    if response.status_code not in {200, 202}:
        raise error_of(response)
    try:
        reply = read_object(response)
    except ValueError as error:
        raise FalError("unreadable status") from error
    status = reply.get("status")
    if status not in {"IN_QUEUE", "IN_PROGRESS", "COMPLETED"}:
        raise FalError(f"unknown status {str(status)[:50]!r}")
    position = reply.get("queue_position")
    return StatusReply(
        status=status,
        queue_position=position if isinstance(position, int) and 0 <= position < 2**31 else None,
        logs=_log_lines(reply.get("logs")),
    )


def _log_lines(logs: Any) -> tuple[str, ...]:
    if not isinstance(logs, list):
        return ()
    lines = [str(line.get("message", "")) for line in logs[-20:] if isinstance(line, dict)]
    return tuple(line.replace("\x00", "")[:300] for line in lines)


def read_result(response: httpx.Response) -> Result:
    """Raises NotReady, or FalError without evidence either way."""
    units = _decimal(response.headers.get("x-fal-billable-units"))
    if response.is_error:
        error_type, detail, context = error_fields(response)
        if response.status_code == 400 and "in progress" in detail.lower():
            raise NotReady
        if response.status_code >= 500 and not error_type:
            raise FalError(detail, status=response.status_code)  # a gateway on the way, not the model
        return Result(
            response.status_code,
            error_type=error_type,
            detail=detail,
            context=context,
            billable_units=units,
        )
    try:
        output = _output(read_object(response))
    except (ValueError, FalError) as error:
        raise FalError(f"unreadable result: {error}") from error
    return Result(response.status_code, output=output, billable_units=units)


def _output(reply: dict[str, Any]) -> Output:
    video, seed = reply.get("video"), reply.get("seed")
    if not isinstance(video, dict) or not isinstance(seed, int) or isinstance(seed, bool):
        raise ValueError("video or seed is missing")
    if not -(2**63) <= seed < 2**63:
        raise ValueError("seed out of range")
    prompt = reply.get("prompt")
    if not isinstance(prompt, str):
        raise ValueError("prompt is missing")
    return {"video": {"url": read_text(video, "url")}, "prompt": prompt.replace("\x00", ""), "seed": seed}


def _decimal(raw: str | None) -> Decimal | None:
    try:
        value = Decimal(raw) if raw else None
    except InvalidOperation:
        return None
    return value if value is not None and value.is_finite() and 0 <= value < 10**9 else None


def read_listed(item: dict[str, Any]) -> ListedRequest:
    sent = item.get("json_input") or item.get("input") or {}
    return ListedRequest(str(item.get("request_id", "")), sent if isinstance(sent, dict) else {})
