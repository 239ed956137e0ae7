"""What an owner does with limits: set, raise for a time, remove."""

from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from django.db import transaction

from accounts.actors import Actor
from accounts.errors import DomainError, FieldErrors
from accounts.models import ApiKey, Membership, User
from billing.models import Limit, Period, RaiseRequest, RequestState
from billing.money import MICROS, format_exact
from billing.services.limits import lift_limit, raise_limit, set_limit

HIGHEST: Final = 1_000_000 * MICROS

logger = structlog.get_logger(__name__)


class LimitNotFound(DomainError):
    code = "not_found"


def cap_spending(*, actor: Actor, subject: str, period: str, cap: int) -> Limit:
    """Let a `subject`, "member:<id>" or "key:<id>", spend at most `cap` µ$ each `period`; replaces its cap.

    Raises FieldErrors for somebody outside the team, an unknown period or a cap out of range, and Busy.
    """
    errors: dict[str, list[str]] = {}
    if period not in Period.values:
        errors["period"] = ["Choose a day, a week, a month, in total, or a clip."]
    if not 0 <= cap <= HIGHEST:
        errors["amount"] = [f"A cap is between nothing and {format_exact(HIGHEST)}."]
    member, key = _subject(actor, subject)
    if member is None and key is None:
        errors["subject"] = ["Choose a member or a key of your team."]
    if errors:
        raise FieldErrors(errors)
    limit = set_limit(team=actor.team, period=period, cap=cap, member=member, key=key)
    logger.info("limit.set", limit=limit.pk, subject=subject, period=period, cap=cap, actor=actor.label)
    return limit


def change_cap(*, actor: Actor, limit_id: int, cap: int) -> Limit:
    """Another cap for a limit; a raise that is under way goes on counting. Raises LimitNotFound, FieldErrors, Busy."""
    limit = limit_of(actor, limit_id)
    subject = f"member:{limit.member_id}" if limit.member_id else f"key:{limit.key_id}"
    return cap_spending(actor=actor, subject=subject, period=limit.period, cap=cap)


def raise_for_a_time(*, actor: Actor, limit_id: int, cap: int, until: datetime, now: datetime) -> Limit:
    """Let `cap` µ$ count until `until`, then the usual cap again.

    Raises LimitNotFound, FieldErrors for a cap that is no raise or an end that is not to come, and Busy.
    """
    limit = limit_of(actor, limit_id)
    if until <= now:
        raise FieldErrors({"until": ["Choose a time to come."]})
    if not limit.cap < cap <= HIGHEST:
        raise FieldErrors({"amount": [f"A raise is above the usual cap of {format_exact(limit.cap)}."]})
    raised = raise_limit(limit=limit, cap=cap, until=until)
    logger.info("limit.raised", limit=limit.pk, cap=cap, until=until.isoformat(), actor=actor.label)
    return raised


@transaction.atomic
def remove_limit(*, actor: Actor, limit_id: int, now: datetime) -> Limit:
    """The limit no longer counts, and nobody needs to ask for more of it. Raises LimitNotFound, Busy.

    Locks open requests, then the team's available row.
    """
    limit = limit_of(actor, limit_id)
    open_requests = RaiseRequest.objects.filter(limit=limit, state=RequestState.OPEN)
    dropped = {"state": RequestState.DROPPED, "told": RequestState.DROPPED}
    open_requests.update(**dropped, decided_at=now, decided_by=actor.user)
    lift_limit(limit=limit)
    logger.info("limit.removed", limit=limit.pk, actor=actor.label)
    return limit


def limit_of(actor: Actor, limit_id: int) -> Limit:
    """An active limit of the actor's team. Raises LimitNotFound."""
    limits = Limit.objects.select_related("member", "key__created_by", "team")
    limit = limits.filter(team=actor.team, pk=limit_id, active=True, project_id__isnull=True).first()
    if limit is None:
        raise LimitNotFound("There is no such limit any more.")
    return limit


def _subject(actor: Actor, subject: str) -> tuple[User | None, ApiKey | None]:
    kind, _, pk = subject.partition(":")
    if kind == "member" and pk.isdecimal() and len(pk) < 18:
        membership = Membership.objects.filter(team=actor.team, user=int(pk)).select_related("user").first()
        return (membership.user if membership else None), None
    if kind == "key":
        try:
            return None, ApiKey.objects.filter(team=actor.team, pk=UUID(pk)).first()
        except ValueError:
            return None, None
    return None, None
