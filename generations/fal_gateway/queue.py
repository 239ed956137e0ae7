"""fal's queue: submit, status, result, cancel."""

from typing import Any
from urllib.parse import quote

import httpx
from django.conf import settings

from generations.fal_gateway.answers import Result, StatusReply, Ticket, read_result, read_status, read_ticket
from generations.fal_gateway.connection import TIMEOUT, certificates, connected, error_of, read_object
from generations.fal_gateway.errors import AnswerLost, FalError, NotReady
from generations.fal_gateway.keys import authorization


def submit(*, key: str, body: dict[str, Any], webhook_url: str) -> Ticket:
    """Queue a request. Raises FalError when fal provably did not accept it, AnswerLost when that is unknown."""
    url = f"{settings.FAL_QUEUE_URL}/{settings.FAL_MODEL}/image-to-video"
    if webhook_url:
        url += f"?fal_webhook={quote(webhook_url, safe='')}"
    headers = authorization(key)
    with connected(TIMEOUT) as client:
        try:
            response = client.post(url, json=body, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise FalError("fal cannot be reached.") from error
        except httpx.HTTPError as error:
            raise AnswerLost(type(error).__name__) from error
    if 400 <= response.status_code < 500:
        raise error_of(response)
    if response.is_error:
        # A gateway's 5xx does not say whether the queue behind it took the request.
        raise AnswerLost(f"HTTP {response.status_code}")
    try:
        return read_ticket(read_object(response))
    except (FalError, ValueError) as error:
        raise AnswerLost("unreadable answer") from error


def fetch_status(*, key: str, request_id: str, status_url: str = "") -> StatusReply:
    """Where a request stands. Raises FalError when the answer is no evidence of anything."""
    headers = authorization(key)
    with connected(TIMEOUT) as client:
        try:
            response = client.get(_status_url(request_id, status_url), headers=headers)
        except httpx.HTTPError as error:
            raise FalError(f"{type(error).__name__} while asking for the status") from error
    return read_status(response)


def fetch_result(*, key: str, request_id: str, response_url: str = "") -> Result:
    """The model's own answer. Raises NotReady, or FalError without evidence either way.

    The HTTP status decides, whatever the webhook said: fal signs for all its customers with the same keys.
    """
    headers = authorization(key)
    with connected(TIMEOUT) as client:
        try:
            response = client.get(response_url or request_url(request_id), headers=headers)
        except httpx.HTTPError as error:
            raise FalError(f"{type(error).__name__} while asking for the result") from error
    if response.status_code == 202:
        raise NotReady
    if response.status_code in {401, 403, 408, 429}:
        raise error_of(response)
    return read_result(response)


def cancel(*, key: str, request_id: str, cancel_url: str = "") -> str:
    """Ask fal to drop a request: OK, CANCELLATION_REQUESTED, ALREADY_COMPLETED or NOT_FOUND. Raises FalError."""
    headers = authorization(key)
    with connected(TIMEOUT) as client:
        try:
            response = client.put(cancel_url or f"{request_url(request_id)}/cancel", headers=headers)
            reply = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise FalError(f"{type(error).__name__} while canceling") from error
    outcome = reply.get("status") if isinstance(reply, dict) else None
    if outcome in {"OK", "CANCELLATION_REQUESTED", "ALREADY_COMPLETED", "NOT_FOUND"}:
        return str(outcome)
    raise error_of(response)


class StatusClient:
    """The poller's asynchronous client: one connection pool for all jobs in flight."""

    def __init__(self, *, concurrency: int) -> None:
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(10.0), limits=limits, verify=certificates(), trust_env=False
        )

    async def status(self, *, key: str, request_id: str, status_url: str = "") -> StatusReply:
        """Raises FalError when the answer is no evidence of anything."""
        try:
            response = await self._client.get(_status_url(request_id, status_url), headers=authorization(key))
        except httpx.HTTPError as error:
            raise FalError(f"{type(error).__name__} while asking for the status") from error
        return read_status(response)

    async def aclose(self) -> None:
        await self._client.aclose()


def request_url(request_id: str) -> str:
    return f"{settings.FAL_QUEUE_URL}/{settings.FAL_MODEL}/requests/{quote(request_id, safe='')}"


def _status_url(request_id: str, status_url: str) -> str:
    return f"{status_url or request_url(request_id) + '/status'}?logs=1"
