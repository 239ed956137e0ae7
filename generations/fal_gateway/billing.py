"""What fal charged an account for its requests."""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import httpx
from django.conf import settings

from generations.fal_gateway.connection import TIMEOUT, connected, read_object
from generations.fal_gateway.errors import FalError
from generations.fal_gateway.keys import authorization

IDS_MAX: Final = 50
PAGES_MAX: Final = 20
NANOS: Final = 1_000_000_000
_COST_MAX: Final = 10**15


@dataclass(frozen=True, slots=True)
class Charge:
    """What one request cost: `cost_nanos` in n$; `units` where fal tells them (billed seconds)."""

    cost_nanos: int
    units: Decimal | None


def fetch_charges(*, key: str, request_ids: list[str], since: datetime) -> dict[str, Charge]:
    """What fal has billed so far for at most 50 requests sent after `since`; those it has not are absent.

    The key needs admin rights at fal. Several events of a request are added up. Raises FalError.
    """
    if len(request_ids) > IDS_MAX:
        raise ValueError(f"fal answers about at most {IDS_MAX} requests at once.")
    # Without `start` fal looks one day back.
    query = {"request_id": ",".join(request_ids), "start": since.isoformat()}
    charges: dict[str, Charge] = {}
    cursor: str | None = None
    headers = authorization(key)
    with connected(TIMEOUT) as client:
        for _page in range(PAGES_MAX):
            params = {**query, **({"cursor": cursor} if cursor else {})}
            try:
                url = f"{settings.FAL_API_URL}/models/billing-events"
                reply = _read(client.get(url, params=params, headers=headers))
                for event in reply.get("billing_events") or ():
                    _add(charges, event)
            except (httpx.HTTPError, ValueError, TypeError, LookupError, AttributeError) as error:
                raise FalError(f"{type(error).__name__} while asking for billing events") from error
            cursor = reply.get("next_cursor")
            if not cursor:
                return charges
    raise FalError("fal's billing events do not end.")


def _read(response: httpx.Response) -> dict[str, Any]:
    read_object(response)  # refuses errors, and what is no object
    return dict(json.loads(response.content, parse_float=Decimal))


def _add(charges: dict[str, Charge], event: dict[str, Any]) -> None:
    request_id = str(event["request_id"])
    earlier = charges.get(request_id, Charge(0, None))
    units = _number(event.get("output_units"))
    charges[request_id] = Charge(
        cost_nanos=earlier.cost_nanos + _nanos_of(event),
        units=earlier.units if units is None else units + (earlier.units or 0),
    )


def _nanos_of(event: dict[str, Any]) -> int:
    """The total after discounts; fal's own nano dollars where the total is missing. Raises ValueError."""
    total = _number(event.get("cost_total"))
    nanos = total * NANOS if total is not None else _number(event.get("cost_estimate_nano_usd"))
    if nanos is None or not 0 <= nanos < _COST_MAX:
        raise ValueError("a billing event without a cost")
    return int(nanos.to_integral_value())


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
