"""Credit set aside for a clip: taken at submission, settled once when its end is known."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from accounts.actors import Actor
from accounts.errors import DomainError
from accounts.permissions import BILLING_VIEW
from billing import ledger
from billing.ledger import KeyReused
from billing.models import Hold, HoldState
from billing.money import format_exact
from billing.services.pricing import Quote
from billing.services.refusals import refusal, refuse_ending


class UsedMoreThanHeld(DomainError):
    """A clip cannot cost more than the price that was accepted."""

    code = "used_more_than_held"


def hold_credits(
    *,
    actor: Actor,
    generation_id: UUID,
    quote: Quote,
    expires_at: datetime,
    now: datetime | None = None,
    project_id: UUID | None = None,
) -> Hold:
    """Set the quoted price aside for one generation of `actor.team`, in the caller's transaction.

    First takes what is left of lots that are overdue `now`; then burns lots by priority, expiry and age.
    Counts in the budgets of the actor's API key, of its member and of the project, in the periods of `now`.

    Repeating the call returns the same hold, even when the wallet is empty by then. Raises TeamFrozen,
    DebtOpen, InsufficientCredits or BudgetExceeded, the first of all that stand in the way; KeyReused when the
    generation already has a hold at another price or for another team, Busy after three seconds of waiting
    for the wallet (the transaction is lost), and TransactionManagementError outside a transaction. Locks the
    team's available row, then budgets, then lots.
    """
    refuse_ending(actor.team)
    now = now or timezone.now()
    answer = ledger.hold(
        team_id=actor.team.pk,
        attempt=generation_id,
        amount=quote.amount,
        actor=actor.label,
        price_version_id=quote.price_version_id,
        rate_nanos=quote.rate_nanos,
        num_frames=quote.num_frames,
        passes=quote.passes,
        expires_at=expires_at,
        now=now,
        member_id=actor.user.pk if actor.user else None,
        key_id=actor.key.pk if actor.key else None,
        project_id=project_id,
    )
    if answer.outcome == "key_reused":
        raise KeyReused("This clip already has its credits set aside at another price.")
    if answer.hold is None:
        raise refusal(answer=answer, prices=[quote.amount], show_balance=actor.may(BILLING_VIEW), now=now)
    return answer.hold


def check_holds(
    *, actor: Actor, quotes: Sequence[Quote], now: datetime | None = None, project_id: UUID | None = None
) -> None:
    """Refuse several holds together, in the words of all of them, before the first is made.

    In the caller's transaction; the holds that follow in it are allowed then. Raises what `hold_credits` raises, with
    amounts of the whole. Locks the team's available row.
    """
    now = now or timezone.now()
    prices = [quote.amount for quote in quotes]
    answer = ledger.check_holds(
        team_id=actor.team.pk,
        amount=sum(prices),
        largest=max(prices),
        now=now,
        member_id=actor.user.pk if actor.user else None,
        key_id=actor.key.pk if actor.key else None,
        project_id=project_id,
    )
    if answer.blockers:
        raise refusal(answer=answer, prices=prices, show_balance=actor.may(BILLING_VIEW), now=now)


def settle_hold(*, generation_id: UUID, used: int, now: datetime | None = None) -> Hold:
    """Capture `used` µ$ and give the rest back, in the caller's transaction.

    Everything is a capture, 0 a release, anything between a partial capture. What returns to a lot that is
    overdue `now` gets seven days, once for each lot. Repeating the call
    returns the first result, whatever `used` says now: webhook and poller may both report. Raises
    UsedMoreThanHeld, Hold.DoesNotExist, ValueError for a negative amount, Busy and
    TransactionManagementError as in `hold_credits`. Locks the team's available row, then the hold.
    """
    if used < 0:
        raise ValueError("What a clip used cannot be negative.")
    answer = ledger.settle(attempt=generation_id, used=used, actor="system", now=now or timezone.now())
    if answer.hold is None:
        raise Hold.DoesNotExist(f"No credits were set aside for {generation_id}.")
    if answer.outcome == "above_hold":
        raise UsedMoreThanHeld(
            f"{format_exact(answer.hold.amount)} was set aside for this clip, so {format_exact(used)} "
            "cannot be charged for it."
        )
    return answer.hold


def overdue_holds(*, now: datetime, limit: int) -> list[UUID]:
    """The generations of open holds about which somebody should ask by now, longest overdue first."""
    overdue = Hold.objects.filter(state=HoldState.OPEN, expires_at__lte=now).order_by("expires_at")
    return list(overdue.values_list("attempt", flat=True)[:limit])


def extend_hold(*, generation_id: UUID, expires_at: datetime) -> None:
    """Ask again at `expires_at` what became of the clip. The credits stay where they are."""
    Hold.objects.filter(attempt=generation_id, state=HoldState.OPEN).update(expires_at=expires_at)


def hold_of(generation_id: UUID) -> Hold | None:
    """The generation's hold as it stands, without a lock."""
    return Hold.objects.filter(attempt=generation_id).first()
