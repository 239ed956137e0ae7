"""An automatic purchase that the bank refused: back off, pause when only a person can help, and say so."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from billing.models import (
    Payment,
    Purchase,
    PurchaseState,
    Recharge,
    RechargeRule,
    RechargeState,
)
from billing.services import notice_words
from billing.services.notices import note

BACK_OFF: Final = timedelta(hours=1)
ALARM_DECLINES: Final = 3
ALARM_WINDOW: Final = timedelta(minutes=10)
NEEDS_PERSON: Final = frozenset({"authentication_required", "requires_action"})


def note_decline(*, purchase: Purchase, code: str, reason: str, now: datetime) -> None:
    """End a pending automatic purchase; in the caller's transaction. Repeating it changes nothing.

    After a decline the rule rests for an hour. When the bank wants to see the card's owner it is paused, and the
    owner gets a link to pay this purchase by hand.
    """
    ended = Recharge.objects.filter(purchase=purchase, state=RechargeState.PENDING).update(
        state=RechargeState.FAILED, failure=code[:80], ended_at=now
    )
    if not ended:
        return
    Purchase.objects.filter(pk=purchase.pk).update(state=PurchaseState.FAILED)
    Payment.objects.filter(pk=purchase.pk).update(look_at=None, is_processing=False, failure=reason[:200])
    rule = RechargeRule.objects.filter(team=purchase.team_id)
    if code in NEEDS_PERSON:
        rule.update(paused=RechargeRule.Pause.AUTHENTICATION)
        note(
            kind=notice_words.RECHARGE_PAUSED,
            subject=f"purchase:{purchase.pk}",
            team=purchase.team,
            why=RechargeRule.Pause.AUTHENTICATION,
            purchase=purchase.pk,
            credit=purchase.credit,
        )
    else:
        rule.update(retry_at=now + BACK_OFF)
        note(
            kind=notice_words.PAYMENT_FAILED,
            subject=f"purchase:{purchase.pk}",
            team=purchase.team,
            purchase=purchase.pk,
            credit=purchase.credit,
            reason=reason,
            automatic=True,
        )
        _raise_alarm(purchase, reason, now=now)


def pause_for_lost_card(*, team_id: UUID, why: RechargeRule.Pause, now: datetime) -> None:
    """The card is gone, and with it what could be charged; in the caller's transaction."""
    rule = RechargeRule.objects.select_related("team").filter(team=team_id, active=True, paused="").first()
    if rule is None:
        return
    RechargeRule.objects.filter(pk=rule.pk).update(paused=why)
    note(
        kind=notice_words.RECHARGE_PAUSED,
        subject=f"team:{rule.pk}:{why}:{now:%Y-%m-%dT%H:%M}",
        team=rule.team,
        why=why,
    )


def _raise_alarm(purchase: Purchase, reason: str, *, now: datetime) -> None:
    """Many declines at once are rarely the cards' fault."""
    declined = Recharge.objects.filter(state=RechargeState.FAILED, ended_at__gt=now - ALARM_WINDOW).count()
    if declined >= ALARM_DECLINES:
        note(
            kind=notice_words.DECLINES,
            subject=f"{now:%Y-%m-%dT%H}:{now.minute // 10}",
            team=purchase.team,
            count=declined,
            reason=reason,
        )
