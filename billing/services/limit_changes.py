"""What an owner does with limits: set, raise for a time, remove."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import transaction

from accounts.actors import Actor
from accounts.audit import record
from accounts.errors import DomainError, FieldErrors
from accounts.models import ApiKey, Membership, Project, User
from billing.models import Limit, Period, RaiseRequest, RequestState
from billing.money import MICROS, format_exact
from billing.services.limits import lift_limit, raise_limit, set_limit

HIGHEST: Final = 1_000_000 * MICROS

logger = structlog.get_logger(__name__)


class LimitNotFound(DomainError):
    code = "not_found"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a limit is on: one of the three."""

    member: User | None = None
    key: ApiKey | None = None
    project_id: UUID | None = None


@transaction.atomic
def cap_spending(*, actor: Actor, subject: str, period: str, cap: int) -> Limit:
    """Let a `subject`, "member:<id>", "key:<id>" or "project:<id>", spend at most `cap` µ$ each `period`.

    Replaces the cap it has. Raises FieldErrors for somebody outside the team, an unknown period or a cap out of range,
    and Busy.
    """
    errors: dict[str, list[str]] = {}
    if period not in Period.values:
        errors["period"] = ["Choose a day, a week, a month, in total, or a clip."]
    if not 0 <= cap <= HIGHEST:
        errors["amount"] = [f"A limit is between zero and {format_exact(HIGHEST)}."]
    found = _subject(actor, subject)
    if found is None:
        errors["subject"] = ["Choose a member, a key or a project of your team."]
    if errors or found is None:
        raise FieldErrors(errors)
    whose: dict[str, Any] = {"member": found.member, "key": found.key, "project_id": found.project_id}
    before = Limit.objects.filter(team=actor.team, period=period, active=True, **whose).first()
    limit = set_limit(team=actor.team, period=period, cap=cap, **whose)
    if before is None or before.cap != cap:
        old = {"cap": format_exact(before.cap), "period": period} if before else {}
        new = {"cap": format_exact(cap), "period": period}
        record("limit.set", by=actor, about=limit, name=named(limit), old=old, new=new)
    logger.info("limit.set", limit=limit.pk, subject=subject, period=period, cap=cap, actor=actor.label)
    return limit


def change_cap(*, actor: Actor, limit_id: int, cap: int) -> Limit:
    """Another cap for a limit; a raise that is under way goes on counting. Raises LimitNotFound, FieldErrors, Busy."""
    limit = limit_of(actor, limit_id)
    return cap_spending(actor=actor, subject=subject_of(limit), period=limit.period, cap=cap)


@transaction.atomic
def raise_for_a_time(*, actor: Actor, limit_id: int, cap: int, until: datetime, now: datetime) -> Limit:
    """Let `cap` µ$ count until `until`, then the usual cap again.

    Raises LimitNotFound, FieldErrors for a cap that is no raise or an end that is not to come, and Busy.
    """
    limit = limit_of(actor, limit_id)
    if until <= now:
        raise FieldErrors({"until": ["Choose a time in the future."]})
    if not limit.cap < cap <= HIGHEST:
        raise FieldErrors(
            {"amount": [f"A raise must be above the usual limit of {format_exact(limit.cap)}."]}
        )
    raised = raise_limit(limit=limit, cap=cap, until=until)
    record(
        "limit.raised",
        by=actor,
        about=limit,
        name=named(limit),
        old={"cap": format_exact(limit.cap)},
        new={"cap": format_exact(cap), "until": until},
    )
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
    was = {"cap": format_exact(limit.cap), "period": limit.period}
    record("limit.removed", by=actor, about=limit, name=named(limit), old=was)
    logger.info("limit.removed", limit=limit.pk, actor=actor.label)
    return limit


def named(limit: Limit) -> str:
    """Whom it holds for, as people call them."""
    if limit.project_id is not None:
        return Project.objects.get(pk=limit.project_id).name
    if limit.key is not None:
        return limit.key.name
    return limit.member.get_full_name() if limit.member is not None else ""


def limit_of(actor: Actor, limit_id: int) -> Limit:
    """An active limit of the actor's team. Raises LimitNotFound."""
    limits = Limit.objects.select_related("member", "key__created_by", "team")
    limit = limits.filter(team=actor.team, pk=limit_id, active=True).first()
    if limit is None:
        raise LimitNotFound("This limit no longer exists.")
    return limit


def subject_of(limit: Limit) -> str:
    """What `cap_spending` calls the one that a limit is on."""
    if limit.member_id:
        return f"member:{limit.member_id}"
    return f"key:{limit.key_id}" if limit.key_id else f"project:{limit.project_id}"


def _subject(actor: Actor, subject: str) -> Subject | None:
    """None for what is not of the actor's team."""
    kind, _, pk = subject.partition(":")
    if kind == "member" and pk.isascii() and pk.isdecimal() and len(pk) < 18:
        membership = Membership.objects.filter(team=actor.team, user=int(pk)).select_related("user").first()
        return Subject(member=membership.user) if membership else None
    try:
        wanted = UUID(pk)
    except ValueError:
        return None
    if kind == "key":
        key = ApiKey.objects.filter(team=actor.team, pk=wanted).first()
        return Subject(key=key) if key else None
    project = Project.objects.filter(team=actor.team, pk=wanted).first() if kind == "project" else None
    return Subject(project_id=project.pk) if project else None
