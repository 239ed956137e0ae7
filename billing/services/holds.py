"""Credit set aside for a clip: taken at submission, settled once when its end is known."""

from datetime import datetime
from uuid import UUID

from django.utils import timezone

from accounts.actors import Actor
from accounts.errors import DomainError
from accounts.permissions import BILLING_VIEW
from billing import ledger
from billing.ledger import KeyReused
from billing.models import Hold
from billing.money import format_balance, format_cost, format_exact
from billing.services.pricing import Quote


class InsufficientCredits(DomainError):
    """`needed` and `available` are µ$; only who may see the balance is told it."""

    code = "insufficient_credits"

    def __init__(self, *, needed: int, available: int, show_balance: bool = True) -> None:
        self.needed = needed
        self.available = available
        if show_balance:
            super().__init__(
                f"This clip costs {format_cost(needed)} and your team has {format_balance(available)} left. "
                "Add credits, or choose a shorter clip.",
                needed=needed,
                available=available,
                shortfall=needed - available,
            )
        else:
            super().__init__(
                f"This clip costs {format_cost(needed)}, and your team has too few credits left. "
                "Ask an owner to add some, or choose a shorter clip.",
                needed=needed,
            )


class UsedMoreThanHeld(DomainError):
    """A clip cannot cost more than the price that was accepted."""

    code = "used_more_than_held"


def hold_credits(
    *, actor: Actor, generation_id: UUID, quote: Quote, expires_at: datetime, now: datetime | None = None
) -> Hold:
    """Set the quoted price aside for one generation of `actor.team`, in the caller's transaction.

    First takes what is left of lots that are overdue `now`; then burns lots by priority, expiry and age.

    Repeating the call returns the same hold, even when the wallet is empty by then. Raises
    InsufficientCredits, KeyReused when the generation already has a hold at another price or for
    another team, Busy after three seconds of waiting for the wallet (the transaction is lost), and
    TransactionManagementError outside a transaction. Locks the team's available row, then lots.
    """
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
        now=now or timezone.now(),
    )
    if answer.outcome == "key_reused":
        raise KeyReused("This clip already has its credits set aside at another price.")
    if answer.hold is None:
        raise InsufficientCredits(
            needed=quote.amount, available=answer.available, show_balance=actor.may(BILLING_VIEW)
        )
    return answer.hold


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


def hold_of(generation_id: UUID) -> Hold | None:
    """The generation's hold as it stands, without a lock."""
    return Hold.objects.filter(attempt=generation_id).first()
