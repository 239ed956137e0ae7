"""fal over HTTP: upload, submit, status, result, cancel, request list, media: the only home of its wire form.

Every call sets its own time limits and none is repeated here: callers decide with the rows in hand. Calls refuse to
run inside a transaction, which would hold locks while fal thinks.
"""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from fnmatch import fnmatchcase
from functools import cache
from typing import IO, Any, Final, NotRequired, TypedDict
from urllib.parse import quote, urlsplit

import httpx
from django.conf import settings
from django.db import transaction

TIMEOUT: Final = httpx.Timeout(20.0, connect=5.0)
UPLOAD_TIMEOUT: Final = httpx.Timeout(60.0, connect=5.0)
REPLY_MAX_BYTES: Final = 2_000_000
# How long fal keeps the picture it was sent; our copy is the one that lasts.
PICTURE_LIFE_SECONDS: Final = 24 * 3600
PICTURE_LIFECYCLE: Final = json.dumps({"expiration_duration_seconds": PICTURE_LIFE_SECONDS})


class FalError(Exception):
    """fal could not be asked, or said no before anything was accepted. `status` is 0 without an answer."""

    def __init__(self, detail: str, *, status: int = 0, error_type: str = "") -> None:
        super().__init__(detail)
        self.detail = detail[:1000]
        self.status = status
        self.error_type = error_type

    @property
    def is_temporary(self) -> bool:
        """Worth another try later: no answer, a refused key or locked account, too many requests, 5xx."""
        return self.status in {0, 401, 403, 408, 429} or self.status >= 500


class AnswerLost(Exception):
    """The request may have reached fal, but no usable answer came back: never send it again blindly."""


class NotReady(Exception):
    """fal has no result yet."""


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
    billable_units: Decimal | None = None


@dataclass(frozen=True, slots=True)
class ListedRequest:
    request_id: str
    input: dict[str, Any]


# -- calls


def upload_picture(*, content: IO[bytes], content_type: str, file_name: str) -> str:
    """Store a picture at fal and return its address there. Raises FalError; repeating is harmless."""
    body = {"content_type": content_type, "file_name": file_name}
    headers = {"X-Fal-Object-Lifecycle-Preference": PICTURE_LIFECYCLE}
    url = f"{settings.FAL_REST_URL}/storage/upload/initiate?storage_type=fal-cdn-v3"
    with _client(UPLOAD_TIMEOUT) as client:
        try:
            reply = _json(client.post(url, json=body, headers={**_auth(), **headers}))
            target, address = _text(reply, "upload_url"), _text(reply, "file_url")
            _expect_host(target)
            sent = client.put(target, content=content.read(), headers={"Content-Type": content_type})
        except (httpx.HTTPError, ValueError) as error:
            raise FalError(f"{type(error).__name__} while uploading the picture") from error
    if sent.is_error:
        raise FalError("The picture upload was refused.", status=sent.status_code)
    return address


def submit(*, body: dict[str, Any], webhook_url: str) -> Ticket:
    """Queue a request. Raises FalError when fal provably did not accept it, AnswerLost when that is unknown."""
    url = f"{settings.FAL_QUEUE_URL}/{settings.FAL_MODEL}/image-to-video"
    if webhook_url:
        url += f"?fal_webhook={quote(webhook_url, safe='')}"
    with _client(TIMEOUT) as client:
        try:
            response = client.post(url, json=body, headers=_auth())
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise FalError("fal cannot be reached.") from error
        except httpx.HTTPError as error:
            raise AnswerLost(type(error).__name__) from error
    if 400 <= response.status_code < 500:
        raise _error(response)
    if response.is_error:
        # A gateway's 5xx does not say whether the queue behind it took the request.
        raise AnswerLost(f"HTTP {response.status_code}")
    try:
        return _ticket(_json(response))
    except (FalError, ValueError) as error:
        raise AnswerLost("unreadable answer") from error


def fetch_result(*, request_id: str, response_url: str = "") -> Result:
    """The model's own answer. Raises NotReady, or FalError without evidence either way.

    The HTTP status decides, whatever the webhook said: fal signs for all its customers with the same keys.
    """
    with _client(TIMEOUT) as client:
        try:
            response = client.get(response_url or request_url(request_id), headers=_auth())
        except httpx.HTTPError as error:
            raise FalError(f"{type(error).__name__} while asking for the result") from error
    if response.status_code == 202:
        raise NotReady
    if response.status_code in {401, 403, 408, 429}:
        raise _error(response)
    return _result(response)


def cancel(*, request_id: str, cancel_url: str = "") -> str:
    """Ask fal to drop a request: OK, CANCELLATION_REQUESTED, ALREADY_COMPLETED or NOT_FOUND. Raises FalError."""
    with _client(TIMEOUT) as client:
        try:
            response = client.put(cancel_url or f"{request_url(request_id)}/cancel", headers=_auth())
            reply = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise FalError(f"{type(error).__name__} while canceling") from error
    outcome = reply.get("status") if isinstance(reply, dict) else None
    if outcome in {"OK", "CANCELLATION_REQUESTED", "ALREADY_COMPLETED", "NOT_FOUND"}:
        return str(outcome)
    raise _error(response)


def list_requests(*, since: datetime) -> list[ListedRequest]:
    """What fal says it was sent for our model since `since`, with inputs. Raises FalError."""
    query = {
        "endpoint_id": f"{settings.FAL_MODEL}/image-to-video",
        "start": since.isoformat(),
        "expand": "payloads",
    }
    found: list[ListedRequest] = []
    cursor: str | None = None
    with _client(TIMEOUT) as client:
        for _page in range(20):
            params = {**query, **({"cursor": cursor} if cursor else {})}
            try:
                url = f"{settings.FAL_API_URL}/models/requests/by-endpoint"
                reply = _json(client.get(url, params=params, headers=_auth()))
            except (httpx.HTTPError, ValueError) as error:
                raise FalError(f"{type(error).__name__} while asking for the request list") from error
            found += [_listed(item) for item in reply.get("items") or () if isinstance(item, dict)]
            cursor = reply.get("next_cursor")
            if not cursor:
                return found
    raise FalError("fal's request list does not end.")


@contextmanager
def open_media(url: str) -> Iterator[Iterator[bytes]]:
    """Stream a result file, without our key: it is public. Raises FalError (status 404 or 410: gone for good)."""
    _expect_media_host(url)
    with _client(httpx.Timeout(20.0, connect=5.0)) as client:
        try:
            with client.stream("GET", url) as response:
                if response.is_error:
                    raise FalError("The video could not be fetched.", status=response.status_code)
                yield response.iter_bytes(1 << 16)
        except httpx.HTTPError as error:
            raise FalError(f"{type(error).__name__} while fetching the video") from error


class StatusClient:
    """The poller's asynchronous client: one connection pool for all jobs in flight."""

    def __init__(self, *, concurrency: int) -> None:
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(10.0), limits=limits, verify=_tls(), trust_env=False
        )

    async def status(self, *, request_id: str, status_url: str = "") -> StatusReply:
        """Raises FalError when the answer is no evidence of anything."""
        url = f"{status_url or request_url(request_id) + '/status'}?logs=1"
        try:
            response = await self._client.get(url, headers=_auth())
        except httpx.HTTPError as error:
            raise FalError(f"{type(error).__name__} while asking for the status") from error
        return _status(response)

    async def aclose(self) -> None:
        await self._client.aclose()


def request_url(request_id: str) -> str:
    return f"{settings.FAL_QUEUE_URL}/{settings.FAL_MODEL}/requests/{quote(request_id, safe='')}"


def fetch_webhook_keys() -> list[str]:
    """fal's public Ed25519 keys, base64url as published. Raises FalError."""
    with _client(httpx.Timeout(5.0)) as client:
        try:
            reply = _json(client.get(f"{settings.FAL_REST_URL}/.well-known/jwks.json"))
        except (httpx.HTTPError, ValueError) as error:
            raise FalError(f"{type(error).__name__} while asking for the webhook keys") from error
    keys = [key.get("x") for key in reply.get("keys") or () if isinstance(key, dict)]
    return [key for key in keys if isinstance(key, str)]


# -- reading answers


@contextmanager
def _client(timeout: httpx.Timeout) -> Iterator[httpx.Client]:
    with transaction.atomic(durable=True):
        pass  # durable: raises inside any other transaction
    with httpx.Client(timeout=timeout, verify=_tls(), trust_env=False, follow_redirects=False) as client:
        yield client


@cache
def _tls() -> ssl.SSLContext:
    """Read the certificates once a process: that costs more than a whole call."""
    return httpx.create_ssl_context(trust_env=False)


def _auth() -> dict[str, str]:
    return {"Authorization": f"Key {settings.FAL_KEY}", "Accept": "application/json"}


def _json(response: httpx.Response) -> dict[str, Any]:
    """The body as an object. Raises FalError for an error status, ValueError for anything that is not one."""
    if response.is_error:
        raise _error(response)
    if len(response.content) > REPLY_MAX_BYTES:
        raise ValueError("too long")
    value = response.json()
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _text(reply: dict[str, Any], name: str) -> str:
    value = reply.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is missing")
    return value


def _error(response: httpx.Response) -> FalError:
    error_type, detail = _error_fields(response)
    return FalError(detail, status=response.status_code, error_type=error_type)


def _error_fields(response: httpx.Response) -> tuple[str, str]:
    """fal's error type and text, from any of its three error forms."""
    try:
        body = response.json()
    except ValueError:
        body = None
    detail = body.get("detail") if isinstance(body, dict) else None
    header = response.headers.get("x-fal-error-type", "")
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        return str(detail[0].get("type") or header), str(detail[0].get("msg", ""))
    own = body.get("error_type") if isinstance(body, dict) else ""
    return str(own or header or ""), str(detail or f"HTTP {response.status_code}")


def _ticket(reply: dict[str, Any]) -> Ticket:
    own = {name: reply.get(name) for name in ("status_url", "response_url", "cancel_url")}
    # The key goes to these addresses, so only fal's own host is followed.
    return Ticket(
        request_id=_text(reply, "request_id")[:100],
        **{name: url if isinstance(url, str) and _is_ours(url) else "" for name, url in own.items()},
    )


def _is_ours(url: str) -> bool:
    return url.startswith(f"{settings.FAL_QUEUE_URL}/")


def _expect_host(url: str) -> None:
    """Upload targets are signed addresses; plain HTTP only where the service itself speaks it (loopback)."""
    parts = urlsplit(url)
    same_scheme = parts.scheme == urlsplit(settings.FAL_REST_URL).scheme
    if not same_scheme or not parts.hostname:
        raise ValueError("unexpected upload address")


def _expect_media_host(url: str) -> None:
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    same_scheme = parts.scheme == urlsplit(settings.FAL_QUEUE_URL).scheme
    if not same_scheme or not any(fnmatchcase(host, pattern) for pattern in settings.FAL_MEDIA_HOSTS):
        raise FalError(f"The result points at an unexpected host: {host[:100]}", status=422)


def _status(response: httpx.Response) -> StatusReply:
    if response.status_code == 404:
        return StatusReply(status="")
    if response.status_code not in {200, 202}:
        raise _error(response)
    try:
        reply = _json(response)
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


def _result(response: httpx.Response) -> Result:
    units = _decimal(response.headers.get("x-fal-billable-units"))
    if response.is_error:
        error_type, detail = _error_fields(response)
        if response.status_code == 400 and "in progress" in detail.lower():
            raise NotReady
        if response.status_code >= 500 and not error_type:
            raise FalError(detail, status=response.status_code)  # a gateway on the way, not the model
        return Result(response.status_code, error_type=error_type, detail=detail, billable_units=units)
    try:
        output = _output(_json(response))
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
    return {"video": {"url": _text(video, "url")}, "prompt": prompt.replace("\x00", ""), "seed": seed}


def _decimal(raw: str | None) -> Decimal | None:
    try:
        value = Decimal(raw) if raw else None
    except InvalidOperation:
        return None
    return value if value is not None and value.is_finite() and 0 <= value < 10**9 else None


def _listed(item: dict[str, Any]) -> ListedRequest:
    sent = item.get("json_input") or item.get("input") or {}
    return ListedRequest(str(item.get("request_id", "")), sent if isinstance(sent, dict) else {})
