"""Why a hold was refused, in words and for machines: the first blocker speaks, the others are listed."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from accounts.errors import DomainError
from accounts.models import Project, Team
from billing.ledger import Answer
from billing.models import Limit, Period
from billing.money import as_decimal_string, format_balance, format_cost, format_exact

WHO: Final = {"api_key": "This key", "member": "You"}
LEFT: Final = {
    Period.DAY: "left today",
    Period.WEEK: "left this week",
    Period.MONTH: "left this month",
    Period.TOTAL: "left",
}
ASK: Final = {"label": "Ask an owner"}
ADD: Final = {"label": "Buy credit"}
SUPPORT: Final = {"label": "Contact support"}


class TeamFrozen(DomainError):
    """The operator stopped the team from spending, or it is going to be deleted."""

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
        costs = _costs(needed, clips)
        less = "a shorter clip" if clips == 1 else "fewer or shorter clips"
        if show_balance:
            super().__init__(
                f"{costs} and your team has {format_balance(available)} left. Buy credit, or choose {less}.",
                needed=needed,
                available=available,
                shortfall=needed - available,
                action=ADD,
            )
        else:
            super().__init__(
                f"{costs}, and your team has too little credit left. "
                f"Ask an owner to add some, or choose {less}.",
                needed=needed,
                action=ASK,
            )


class BudgetExceeded(DomainError):
    """A limit on the member, the API key or the project does not allow it; `details["limit"]` is which."""

    code = "budget_exceeded"


def refuse_ending(team: Team) -> None:
    """Raise TeamFrozen for a team that is going to be deleted."""
    if team.ends_at is not None:
        raise TeamFrozen(
            f"{team.name} will be deleted on {team.ends_at:%-d %B}, so nothing new is made or bought in it. "
            "An owner can undo the deletion until then."
        )


def refusal(*, answer: Answer, prices: Sequence[int], show_balance: bool, now: datetime) -> DomainError:
    """The exception for a hold, or several, of these µ$ that were refused; team first, then balance, API key, member,
    project. The first blocker's exception lists the others."""
    found = list(_refusals(answer, prices, show_balance, now))
    first = found[0]
    if others := [_summary(other) for other in found[1:]]:
        first.details["also_blocked_by"] = others
    return first


def _refusals(
    answer: Answer, prices: Sequence[int], show_balance: bool, now: datetime
) -> Iterator[DomainError]:
    needed = sum(prices)
    for blocker in answer.blockers:
        if blocker["scope"] == "team":
            yield TeamFrozen("Your team may not spend credit at the moment. Contact support.", action=SUPPORT)
        elif blocker["scope"] != "balance":
            yield _budget(blocker, prices, now)
        elif answer.available < 0:
            owed = f" of {format_exact(-answer.available)}" if show_balance else ""
            yield DebtOpen(
                f"Your team has a debt{owed} to pay before it can make clips. Buy credit.",
                needed=needed,
                action=ADD,
            )
        else:
            yield InsufficientCredits(
                needed=needed, available=answer.available, show_balance=show_balance, clips=len(prices)
            )


def _budget(blocker: dict[str, Any], prices: Sequence[int], now: datetime) -> BudgetExceeded:
    cap, who = blocker["cap"], WHO.get(blocker["scope"]) or _project(blocker["id"])
    has = "have" if who == "You" else "has"
    left = max(0, cap - blocker["spent"] - blocker["held"])
    resets_at = datetime.fromisoformat(blocker["resets_at"]) if blocker["resets_at"] else None
    if blocker["period"] == Period.JOB:
        needed = max(prices)
        which = "this one" if len(prices) == 1 else "one of these"
        said = f"{who} may spend {format_cost(cap)} on a clip, and {which} costs {format_cost(needed)}."
    else:
        needed = sum(prices)
        remains = f"{format_balance(left)} of {format_cost(cap)} {LEFT[blocker['period']]}"
        said = f"{who} {has} {remains}. {_costs(needed, len(prices))}."
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
    # Waiting does not help against a cap that is lower than the price.
    if resets_at is None or needed > cap:
        return BudgetExceeded(f"{said} Ask an owner to raise the limit.", **details)
    details["retry_after"] = max(1, round((resets_at - now).total_seconds()))
    return BudgetExceeded(
        f"{said} Ask an owner to raise the limit, or wait until {resets_at:%-d %B}, 00:00 UTC.", **details
    )


def _project(limit_id: int) -> str:
    """The project that a limit is on, as a sentence begins."""
    limit = Limit.objects.filter(pk=limit_id).values_list("project_id", flat=True)
    name = Project.objects.filter(pk__in=limit).values_list("name", flat=True).first()
    return f"The project {name}" if name else "This project"


def _costs(needed: int, clips: int) -> str:
    return f"{'This clip costs' if clips == 1 else f'These {clips} clips cost'} {format_cost(needed)}"


def _summary(other: DomainError) -> dict[str, Any]:
    return {"code": other.code, **({"limit": other.details["limit"]} if "limit" in other.details else {})}
