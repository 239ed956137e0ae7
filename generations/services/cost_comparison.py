"""fal's bills against our rows and the books, request by request. Reads only."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from billing.models import Hold, ProviderCharge
from billing.services.reconciliation import Comparison, Difference
from generations import fal_gateway
from generations.models import CostSource, Submission

NANOS_PER_MICRO = 1000


def compare_with_fal(*, since: datetime) -> Comparison:
    """Every request that fal was sent since then is ours, and was billed as we have it, at most at the clip's price.

    A request that fal has not billed yet is no difference as long as our row waits for its bill. Raises FalError.
    """
    sent = Submission.objects.filter(created_at__gte=since, request_id__isnull=False)
    by_key: dict[str, list[Submission]] = defaultdict(list)
    for row in sent.order_by("created_at"):
        by_key[row.fal_key or fal_gateway.MAIN_KEY].append(row)
    differences: list[Difference] = []
    for key, rows in by_key.items():
        differences += _strangers(key, since)
        for start in range(0, len(rows), fal_gateway.IDS_MAX):
            differences += _bills(key, rows[start : start + fal_gateway.IDS_MAX], since)
    clips = {row.generation_id for rows in by_key.values() for row in rows}
    differences += _postings(clips)
    return Comparison(sum(map(len, by_key.values())), differences)


def _strangers(key: str, since: datetime) -> Iterator[Difference]:
    """Requests at fal that no row of ours names."""
    listed = {request.request_id for request in fal_gateway.list_requests(key=key, since=since)}
    known = set(Submission.objects.filter(request_id__in=listed).values_list("request_id", flat=True))
    for request_id in sorted(listed - known):
        yield Difference(request_id, f"fal was sent it with the key {key}, and no clip of ours was.")


def _bills(key: str, rows: Sequence[Submission], since: datetime) -> Iterator[Difference]:
    ids = [str(row.request_id) for row in rows]
    charges = fal_gateway.fetch_charges(key=key, request_ids=ids, since=since - timedelta(days=1))
    for row in rows:
        charge = charges.get(str(row.request_id))
        billed = row.cost_source == CostSource.BILLING_EVENT
        if charge is None and billed:
            yield Difference(str(row.request_id), "fal has no bill for it, but ours is marked as billed.")
        elif charge is not None and charge.cost_nanos != row.cost_nanos:
            ours = f"{row.cost_nanos} n$ ({row.cost_source or 'unknown'})"
            yield Difference(str(row.request_id), f"fal billed {charge.cost_nanos} n$, ours says {ours}.")


def _postings(clips: set[UUID]) -> Iterator[Difference]:
    """The books have what the rows say, and no clip that was paid for cost more than it brought."""
    costs: dict[UUID, int] = defaultdict(int)
    for row in Submission.objects.filter(generation__in=clips).exclude(cost_source=CostSource.ESTIMATE):
        costs[row.generation_id] += row.cost_nanos or 0
    posted = dict(ProviderCharge.objects.filter(attempt__in=clips).values_list("attempt", "cost_nanos"))
    for clip, cost in costs.items():
        if posted.get(clip, 0) != cost:
            yield Difference(
                f"clip {clip}", f"It cost {cost} n$, and the books have {posted.get(clip, 0)} n$."
            )
    captured = Hold.objects.filter(attempt__in=clips, captured__gt=0).values_list("attempt", "captured")
    for clip, amount in captured:
        if costs.get(clip, 0) > amount * NANOS_PER_MICRO:
            yield Difference(f"clip {clip}", f"It cost {costs[clip]} n$, more than its {amount} µ$.")
