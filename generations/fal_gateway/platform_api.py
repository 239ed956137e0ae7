"""fal's platform API: what the account was sent, and what is left of it."""

import math
from datetime import datetime
from typing import Any, Final

import httpx
from django.conf import settings

from generations.fal_gateway.answers import ListedRequest, read_listed
from generations.fal_gateway.connection import TIMEOUT, connected, read_object
from generations.fal_gateway.errors import FalError
from generations.fal_gateway.keys import authorization

# Of fifty requests each. A full window of 5,000 jobs and what ended since must fit: a lost request that is not found
# here would never be resolved.
PAGES_MAX: Final = 400


def list_requests(*, key: str, since: datetime) -> list[ListedRequest]:
    """What fal says it was sent with this key for our model since `since`, with inputs. Raises FalError."""
    query = {
        "endpoint_id": f"{settings.FAL_MODEL}/image-to-video",
        "start": since.isoformat(),
        "expand": "payloads",
    }
    headers = authorization(key)
    found: list[ListedRequest] = []
    cursor: str | None = None
    with connected(TIMEOUT) as client:
        for _page in range(PAGES_MAX):
            params = {**query, **({"cursor": cursor} if cursor else {})}
            try:
                url = f"{settings.FAL_API_URL}/models/requests/by-endpoint"
                reply = read_object(client.get(url, params=params, headers=headers))
            except (httpx.HTTPError, ValueError) as error:
                raise FalError(f"{type(error).__name__} while asking for the request list") from error
            found += [read_listed(item) for item in reply.get("items") or () if isinstance(item, dict)]
            cursor = reply.get("next_cursor")
            if not cursor:
                return found
    raise FalError("fal's request list does not end.")


def fetch_balance(*, key: str) -> float:
    """Dollars left in the key's account. Raises FalError when fal does not say."""
    url = f"{settings.FAL_API_URL}/account/billing"
    headers = authorization(key)
    with connected(TIMEOUT) as client:
        try:
            reply = read_object(client.get(url, params={"expand": "credits"}, headers=headers))
        except (httpx.HTTPError, ValueError) as error:
            raise FalError(f"{type(error).__name__} while asking for the balance") from error
    return _dollars(reply)


def _dollars(reply: dict[str, Any]) -> float:
    credits = reply.get("credits")
    value = credits.get("current_balance") if isinstance(credits, dict) else None
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise FalError("fal does not tell the balance.")
    return float(value)
