"""Why a hold was refused, in words and for machines: the first blocker speaks, the others are listed."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from accounts.errors import DomainError
from billing.ledger import Answer
from billing.models import Period
from billing.money import as_decimal_string, format_balance, format_cost, format_exact

WHOSE: Final = {"api_key": "This key", "member": "This member", "project": "This project"}
LEFT: Final = {
    Period.DAY: "left today",
    Period.WEEK: "left this week",
    Period.MONTH: "left this month",
    Period.TOTAL: "left",
}
ASK: Final = {"label": "Ask an owner"}


class TeamFrozen(DomainError):
    """The operator stopped the team from spending."""

    code = "team_frozen"


class DebtOpen(DomainError):
    """Credit was taken back after it was spent."""

    code = "debt_open"


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


class BudgetExceeded(DomainError):
    """A limit on the member, the API key or the project does not allow it; `details["limit"]` is which."""

    code = "budget_exceeded"


def refusal(*, answer: Answer, needed: int, show_balance: bool, now: datetime) -> DomainError:
    """The exception for a hold that was refused; team first, then balance, API key, member, project."""
    found = list(_refusals(answer, needed, show_balance, now))
    first = found[0]
    if others := [_summary(other) for other in found[1:]]:
        first.details["also_blocked_by"] = others
    return first


def _refusals(answer: Answer, needed: int, show_balance: bool, now: datetime) -> Iterator[DomainError]:
    for blocker in answer.blockers:
        if blocker["scope"] == "team":
            yield TeamFrozen("Your team may not spend credits at the moment. Contact support.")
        elif blocker["scope"] != "balance":
            yield _budget(blocker, needed, now)
        elif answer.available < 0:
            owed = f" of {format_exact(-answer.available)}" if show_balance else ""
            yield DebtOpen(
                f"Your team has a debt{owed} to pay before it can make clips. Add credits.", needed=needed
            )
        else:
            yield InsufficientCredits(needed=needed, available=answer.available, show_balance=show_balance)


def _budget(blocker: dict[str, Any], needed: int, now: datetime) -> BudgetExceeded:
    cap, used = blocker["cap"], blocker["spent"] + blocker["held"]
    left = max(0, cap - used)
    whose = WHOSE[blocker["scope"]]
    if blocker["period"] == Period.JOB:
        said = f"{whose} may spend {format_cost(cap)} on a clip, and this one costs {format_cost(needed)}."
    else:
        period = LEFT[blocker["period"]]
        said = f"{whose} has {format_balance(left)} {period}, and this clip costs {format_cost(needed)}."
    resets_at = datetime.fromisoformat(blocker["resets_at"]) if blocker["resets_at"] else None
    details: dict[str, Any] = {
        "limit": {
            "scope": blocker["scope"],
            "id": blocker["id"],
            "period": blocker["period"],
            **{name: as_decimal_string(blocker[name]) for name in ("cap", "spent", "held")},
            "resets_at": resets_at and resets_at.isoformat().replace("+00:00", "Z"),
        },
        "needed": needed,
        "shortfall": needed - left,
        "action": ASK,
    }
    if resets_at is not None:
        details["retry_after"] = max(1, round((resets_at - now).total_seconds()))
    return BudgetExceeded(f"{said} Ask an owner to raise it.", **details)


def _summary(other: DomainError) -> dict[str, Any]:
    return {"code": other.code, **({"limit": other.details["limit"]} if "limit" in other.details else {})}
