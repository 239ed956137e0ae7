"""What fal charges us for each request: estimated when it is accepted, counted with its result, confirmed by billing.

fal bills failed and canceled requests too when a machine has worked on them. The team gets its credits back all the
same, and the row keeps the loss.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import groupby
from typing import Any, Final
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import Sum

from billing.services import hold_of, post_provider_cost
from generations import fal_gateway
from generations.models import CostSource, Generation, Submission
from generations.parameters import BILLED_FRAMES_PER_SECOND

logger = structlog.get_logger(__name__)

NANOS: Final = 1_000_000_000
NANOS_PER_MICRO: Final = 1000
KNOWN: Final = (CostSource.HEADER, CostSource.BILLING_EVENT)
DETAIL_PASSES: Final = 2
# fal's billing lags behind: first asked after this, then after half the request's age, within these bounds.
FIRST_ASK: Final = timedelta(minutes=30)
ASK_AT_MOST_EVERY: Final = timedelta(minutes=30)
ASK_AT_LEAST_EVERY: Final = timedelta(days=7)
# fal tells nothing older.
GIVE_UP: Final = timedelta(days=89)


@dataclass(frozen=True, slots=True)
class Margin:
    """Of one clip: what the team paid (µ$), what fal charges for all its requests (n$), and the difference (n$)."""

    captured: int
    cost_nanos: int

    @property
    def nanos(self) -> int:
        return self.captured * NANOS_PER_MICRO - self.cost_nanos


def expect(submission: Submission, *, now: datetime) -> None:
    """Set the estimate on a submission that fal has just accepted; the caller saves it."""
    submission.cost_nanos = cost_of(units_of(submission.body or submission.generation.params))
    submission.cost_source = CostSource.ESTIMATE
    submission.cost_due_at = now + FIRST_ASK


def record_result(*, submission_id: int, units: Decimal | None, was_rendered: bool) -> None:
    """Keep what fal counted with its answer. Billing's word is never overwritten.

    Without a count the estimate stays for what was rendered, also when it got lost; a refused or canceled request is
    expected to cost nothing.
    """
    if units is not None:
        counted = {"billable_units": units, "cost_nanos": cost_of(units), "cost_source": CostSource.HEADER}
    elif not was_rendered:
        counted = {"cost_nanos": 0, "cost_source": CostSource.ESTIMATE}
    else:
        return
    open_rows = Submission.objects.filter(pk=submission_id).exclude(cost_source=CostSource.BILLING_EVENT)
    if open_rows.update(**counted) and units is not None:
        post_cost(Submission.objects.values_list("generation_id", flat=True).get(pk=submission_id))


def reconcile(*, now: datetime) -> int:
    """Ask fal's billing about the requests whose time has come, 50 of them; returns how many it was asked about.

    Idempotent. What fal has not billed yet is asked about again later, up to 89 days after it was sent.
    """
    due = list(Submission.objects.filter(cost_due_at__lte=now).order_by("cost_due_at")[: fal_gateway.IDS_MAX])
    for key, submissions in groupby(sorted(due, key=lambda row: row.fal_key), key=lambda row: row.fal_key):
        _reconcile_with(key, list(submissions), now)
    return len(due)


def post_cost(generation_id: UUID) -> None:
    """Bring the books to what fal is known to have taken for a clip, over all its requests; estimates wait."""
    known = Submission.objects.filter(generation=generation_id, cost_source__in=KNOWN)
    total = known.aggregate(nanos=Sum("cost_nanos"), units=Sum("billable_units"))
    post_provider_cost(
        generation_id=generation_id, units=total["units"] or Decimal(0), cost_nanos=total["nanos"] or 0
    )


def margin_of(generation: Generation) -> Margin:
    """What is left of a clip's price. Two queries."""
    hold = hold_of(generation.hold_attempt)
    cost = generation.submissions.aggregate(total=Sum("cost_nanos"))["total"]
    return Margin(captured=hold.captured if hold is not None else 0, cost_nanos=cost or 0)


def units_of(params: Mapping[str, Any]) -> Decimal:
    """Billed seconds by fal's formula: frames at 24 a second, doubled by the detail pass."""
    passes = DETAIL_PASSES if params["enable_detail_pass"] else 1
    return Decimal(params["num_frames"]) * passes / BILLED_FRAMES_PER_SECOND


def cost_of(units: Decimal) -> int:
    """n$ for billed seconds at fal's price."""
    return int((units * settings.FAL_UNIT_PRICE * NANOS).to_integral_value(ROUND_HALF_UP))


def _reconcile_with(key: str, submissions: list[Submission], now: datetime) -> None:
    since = min(row.created_at for row in submissions) - timedelta(days=1)
    try:
        charges = fal_gateway.fetch_charges(
            key=key,
            request_ids=[row.request_id or "" for row in submissions],
            since=max(since, now - GIVE_UP),
        )
    except fal_gateway.FalError as error:
        logger.warning("billing_unavailable", key=key, detail=error.detail, requests=len(submissions))
        charges = {}
    for row in submissions:
        charge = charges.get(row.request_id or "")
        if charge is None:
            Submission.objects.filter(pk=row.pk).update(cost_due_at=_next_ask(row, now))
            continue
        Submission.objects.filter(pk=row.pk).update(
            cost_nanos=charge.cost_nanos,
            cost_source=CostSource.BILLING_EVENT,
            billable_units=row.billable_units if charge.units is None else charge.units,
            cost_due_at=None,
        )
        post_cost(row.generation_id)


def _next_ask(submission: Submission, now: datetime) -> datetime | None:
    age = now - submission.created_at
    if age > GIVE_UP:
        return None
    return now + min(max(age / 2, ASK_AT_MOST_EVERY), ASK_AT_LEAST_EVERY)
