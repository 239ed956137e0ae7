"""Credit set aside for a clip: taken at submission, settled once when its end is known."""

from datetime import datetime
from uuid import UUID

from accounts.actors import Actor
from accounts.errors import DomainError
from accounts.permissions import BILLING_VIEW
from billing import ledger
from billing.ledger import KeyReused
from billing.models import Hold, HoldState
from billing.money import format_balance, format_cost, format_exact
from billing.services.pricing import Quote


class InsufficientCredits(DomainError):
    """`needed` and `available` are µ$, for one clip or several; only who may see the balance is told it."""

    code = "insufficient_credits"

    def __init__(self, *, needed: int, available: int, show_balance: bool = True, clips: int = 1) -> None:
        self.needed = needed
        self.available = available
        costs = "This clip costs" if clips == 1 else f"These {clips} clips cost"
        less = "a shorter clip" if clips == 1 else "fewer or shorter clips"
        if show_balance:
            super().__init__(
                f"{costs} {format_cost(needed)} and your team has {format_balance(available)} left. "
                f"Add credits, or choose {less}.",
                needed=needed,
                available=available,
                shortfall=needed - available,
            )
        else:
            super().__init__(
                f"{costs} {format_cost(needed)}, and your team has too few credits left. "
                f"Ask an owner to add some, or choose {less}.",
                needed=needed,
            )


class UsedMoreThanHeld(DomainError):
    """A clip cannot cost more than the price that was accepted."""

    code = "used_more_than_held"


def hold_credits(*, actor: Actor, generation_id: UUID, quote: Quote, expires_at: datetime) -> Hold:
    """Set the quoted price aside for one generation of `actor.team`, in the caller's transaction.

    Repeating the call returns the same hold, even when the wallet is empty by then. Raises
    InsufficientCredits, KeyReused when the generation already has a hold at another price or for
    another team, Busy after three seconds of waiting for the wallet (the transaction is lost), and
    TransactionManagementError outside a transaction. Locks the team's available row.
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
    )
    if answer.outcome == "key_reused":
        raise KeyReused("This clip already has its credits set aside at another price.")
    if answer.hold is None:
        raise InsufficientCredits(
            needed=quote.amount, available=answer.available, show_balance=actor.may(BILLING_VIEW)
        )
    return answer.hold


def settle_hold(*, generation_id: UUID, used: int) -> Hold:
    """Capture `used` µ$ and give the rest back, in the caller's transaction.

    Everything is a capture, 0 a release, anything between a partial capture. Repeating the call
    returns the first result, whatever `used` says now: webhook and poller may both report. Raises
    UsedMoreThanHeld, Hold.DoesNotExist, ValueError for a negative amount, Busy and
    TransactionManagementError as in `hold_credits`. Locks the team's available row, then the hold.
    """
    if used < 0:
        raise ValueError("What a clip used cannot be negative.")
    answer = ledger.settle(attempt=generation_id, used=used, actor="system")
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
