"""What staff may do to a team's credit by hand; each with a reason, the large ones with a second person."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Model

from accounts.audit import record
from accounts.errors import DomainError
from accounts.models import Team, User
from billing import ledger
from billing.ledger import KeyReused
from billing.models import Debt, Hold
from billing.money import MICROS, format_exact
from billing.services.refunds import CreditSpent
from billing.services.staff_labels import behind


class SecondPersonNeeded(DomainError):
    """Nobody moves this much alone."""

    code = "second_person_needed"


@transaction.atomic
def adjust_credits(
    *,
    team: Team,
    amount: int,
    key: str,
    by: User,
    reason: str,
    now: datetime,
    approved_by: User | None = None,
) -> int:
    """Give the team `amount` µ$, or take it when below zero, once per `key`; returns what it can spend then.

    Raises ValueError for nothing or without a reason; SecondPersonNeeded above ADJUSTMENT_LIMIT unless another
    member of staff approves; CreditSpent when there is less to take; KeyReused; Busy. Locks the available row.
    """
    if amount == 0 or not reason.strip():
        raise ValueError("An adjustment needs an amount and a reason.")
    _need_second_person(amount, by, approved_by)
    signed = f"staff:{by.pk}" if approved_by is None else f"staff:{by.pk}+staff:{approved_by.pk}"
    done = ledger.adjust(team_id=team.pk, amount=amount, key=key, actor=signed, reason=reason, now=now)
    if done.word == "insufficient":
        raise CreditSpent(f"The team has {format_exact(done.amount)} left, so that much cannot be taken.")
    if done.word == "key_reused":
        raise KeyReused("This key already belongs to another adjustment.")
    if done.word == "adjusted":
        new = {"reason": reason} | ({"approved_by": f"staff:{approved_by.pk}"} if approved_by else {})
        record("credit.adjusted", by=behind(signed, team), team=team, name=format_exact(amount), new=new)
    return done.amount


@transaction.atomic
def refund_job(*, generation_id: UUID, actor: str, reason: str, now: datetime) -> int:
    """Give back what a clip cost, to the lots it came from, once; returns the µ$ that this gave or had given.

    Raises ValueError without a reason, Hold.DoesNotExist, CreditSpent when the clip cost nothing, Busy. Locks
    the team's available row.
    """
    if not reason.strip():
        raise ValueError("A refund needs a reason.")
    done = ledger.refund_job(attempt=generation_id, actor=actor, reason=reason, now=now)
    if done.word == "missing":
        raise Hold.DoesNotExist(f"No credits were set aside for {generation_id}.")
    if done.word == "uncharged":
        raise CreditSpent("This clip cost nothing, so there is nothing to give back.")
    if done.word == "refunded":
        hold = Hold.objects.select_related("team").get(attempt=generation_id)
        _record("credit.refunded", actor, hold.team, hold, done.amount, reason)
    return done.amount


@transaction.atomic
def write_off_debt(*, debt: Debt, actor: str, reason: str) -> int:
    """Forgive what a team still owes; returns the µ$ forgiven now. Raises ValueError without a reason, Busy."""
    if not reason.strip():
        raise ValueError("Writing off a debt needs a reason.")
    done = ledger.write_off_debt(debt_id=debt.pk, actor=actor, reason=reason)
    debt.refresh_from_db()
    if done.word == "written_off":
        _record("debt.written_off", actor, debt.team, debt, done.amount, reason)
    return done.amount


def _record(deed: str, label: str, team: Team, about: Model, amount: int, reason: str) -> None:
    by = behind(label, team)
    record(deed, by=by, team=team, about=about, name=format_exact(amount), new={"reason": reason})


def _need_second_person(amount: int, by: User, approved_by: User | None) -> None:
    if abs(amount) <= settings.ADJUSTMENT_LIMIT * MICROS:
        return
    if approved_by is None or approved_by == by or not approved_by.is_staff or not approved_by.is_active:
        raise SecondPersonNeeded(
            f"Above ${settings.ADJUSTMENT_LIMIT:,} another member of staff has to approve the adjustment."
        )
