"""The sentences of every notice: one place for the e-mail and the portal."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.urls import reverse

from accounts.models import Project
from billing.models import Limit, Notice, Period
from billing.money import format_balance, format_exact

PAYMENT_FAILED: Final = "payment_failed"
RECHARGE_PAUSED: Final = "recharge_paused"
REFUND: Final = "refund"
DISPUTE: Final = "dispute"
DISPUTE_CLOSED: Final = "dispute_closed"
LOW_BALANCE: Final = "low_balance"
EXPIRING: Final = "credits_expiring"
BUDGET: Final = "budget_reached"
FRAUD_WARNING: Final = "fraud_warning"
DECLINES: Final = "declines"
MISMATCH: Final = "payment_mismatch"
OPERATOR_KINDS: Final = (FRAUD_WARNING, DECLINES, MISMATCH)


@dataclass(frozen=True, slots=True)
class Words:
    """A notice as people read it. `path` is where its button leads, the team's billing page when empty."""

    subject: str
    plain: str
    action: str = "Open billing"
    path: str = ""
    tone: str = "info"


def words_for(notice: Notice) -> Words | None:
    """None for kinds that nobody is told about any more."""
    say = _WORDS.get(notice.kind)
    return say(notice, notice.payload) if say else None


def _payment_failed(notice: Notice, about: dict[str, Any]) -> Words:
    amount = format_balance(about["credit"])
    tail = (
        "We will not try the card again for an hour."
        if about.get("automatic")
        else "Nothing was charged. You can pay in another way."
    )
    reason = about.get("reason") or "The bank did not say why."
    return Words(
        subject=f"The payment of {amount} for {notice.team.name} failed",
        plain=f"{reason} {tail}",
        action="Open the purchase",
        path=_purchase(notice, about),
        tone="bad",
    )


def _recharge_paused(notice: Notice, about: dict[str, Any]) -> Words:
    reasons = {
        "authentication": "Your bank wants you to confirm the payment yourself. Pay this one by hand, and "
        "automatic top-up continues.",
        "card_gone": "The saved card was removed. Buy once with a card that may be kept, then switch automatic "
        "buying on again.",
        "customer_gone": "Your team's customer record was deleted at Stripe, and its card with it.",
    }
    owed = "purchase" in about
    return Words(
        subject=f"Automatic top-up for {notice.team.name} is paused",
        plain=f"{reasons.get(about['why'], 'It needs your attention.')} No credit is bought automatically until then.",
        action=f"Pay {format_balance(about['credit'])}" if owed else "Open billing",
        path=_purchase(notice, about) if owed else "",
        tone="warn",
    )


def _refund(notice: Notice, about: dict[str, Any]) -> Words:
    cash, credit = _cents(about["cents"]), format_exact(about["credit"])
    return Words(
        subject=f"{cash} was refunded to {notice.team.name}",
        plain=f"{cash} goes back to the card it was paid with, usually within ten days. {credit} of credit was taken "
        "back with it.",
        path=_purchase(notice, about),
    )


def _dispute(notice: Notice, about: dict[str, Any]) -> Words:
    return Words(
        subject=f"A payment of {notice.team.name} is disputed",
        plain=f"The payer's bank asks for {_cents(about['cents'])} back. {format_exact(about['frozen'])} of "
        "the credit bought with it is set aside until the bank has decided, which can take three months.",
        path=_purchase(notice, about),
        tone="warn",
    )


def _dispute_closed(notice: Notice, about: dict[str, Any]) -> Words:
    if about["won"]:
        plain = "The bank left the payment as it was. The credit that was set aside can be spent again."
    else:
        plain = (
            f"The bank took {_cents(about['cents'])} back, and {format_exact(about['credit'])} of credit goes with it. "
            "Credit that was spent already is owed and taken from what you buy next."
        )
    return Words(
        subject=f"The dispute about a payment of {notice.team.name} is over",
        plain=plain,
        path=_purchase(notice, about),
        tone="good" if about["won"] else "bad",
    )


def _low_balance(notice: Notice, about: dict[str, Any]) -> Words:
    return Words(
        subject=f"{notice.team.name} has {format_balance(about['available'])} of credit left",
        plain="Clips that cost more are refused until somebody buys credit.",
        action="Buy credit",
        tone="warn",
    )


def _expiring(notice: Notice, about: dict[str, Any]) -> Words:
    return Words(
        subject=f"{format_balance(about['remaining'])} of credit of {notice.team.name} expires on {about['on']}",
        plain="What is not spent by then is lost. It is used before credit that lasts longer.",
    )


def _budget(notice: Notice, about: dict[str, Any]) -> Words:
    limit = Limit.objects.select_related("member", "key").filter(pk=about["limit"]).first()
    whose = "A project"
    if limit is not None and limit.key is not None:
        whose = f"The key {limit.key.name}"
    elif limit is not None and limit.member is not None:
        whose = limit.member.get_full_name()
    elif limit is not None and limit.project_id is not None:
        project = Project.objects.filter(pk=limit.project_id).first()
        whose = f"The project {project.name}" if project else whose
    cap = f"{format_exact(about['cap'])} {Period(about['period']).label}"
    return Words(
        subject=f"{whose} has used {about['percent']} % of {cap} in {notice.team.name}",
        plain=f"{format_exact(about['used'])} of {cap} is spent or held. At 100 % new clips are refused until the "
        "limit resets, or until an owner raises it.",
        action="Open budgets",
        path=reverse("billing:budgets", args=[notice.team.slug]),
        tone={50: "info", 80: "warn"}.get(about["percent"], "bad"),
    )


def _fraud_warning(notice: Notice, about: dict[str, Any]) -> Words:
    return Words(
        subject=f"Early fraud warning for purchase {about['purchase']}",
        plain=f"The card network reports {about['type']} for a purchase of {notice.team.name} (purchase "
        f"{about['purchase']}). A refund before the dispute comes saves its fee.",
    )


def _declines(notice: Notice, about: dict[str, Any]) -> Words:
    return Words(
        subject=f"{about['count']} automatic purchases were declined in ten minutes",
        plain=f"The last was for {notice.team.name}: {about['reason']}. If the cards are not to blame, look at "
        "Stripe's status and at this account's limits.",
    )


def _mismatch(notice: Notice, about: dict[str, Any]) -> Words:
    return Words(
        subject=f"A payment does not fit purchase {about['purchase']}",
        plain=f"{about['reason']} Nothing was credited. Look at {about['stripe_id']} in Stripe's dashboard and "
        "refund it there, or give the credit by hand.",
    )


def _purchase(notice: Notice, about: dict[str, Any]) -> str:
    return reverse("billing:purchase", args=[notice.team.slug, about["purchase"]])


def _cents(cents: int) -> str:
    return format_balance(cents * 10_000)


_WORDS: Final[dict[str, Callable[[Notice, dict[str, Any]], Words]]] = {
    PAYMENT_FAILED: _payment_failed,
    RECHARGE_PAUSED: _recharge_paused,
    REFUND: _refund,
    DISPUTE: _dispute,
    DISPUTE_CLOSED: _dispute_closed,
    LOW_BALANCE: _low_balance,
    EXPIRING: _expiring,
    BUDGET: _budget,
    FRAUD_WARNING: _fraud_warning,
    DECLINES: _declines,
    MISMATCH: _mismatch,
}
