"""Asking for more than a limit allows, and an owner's answer, which counts at once."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import structlog
from django.db import transaction
from django.db.models import QuerySet

from accounts.actors import Actor
from accounts.audit import record
from accounts.background import enqueue
from accounts.errors import DomainError, FieldErrors
from accounts.models import Membership, Team, User
from billing.models import Limit, RaiseRequest, RequestState
from billing.money import format_exact
from billing.services.allowances import allowance_of, holds_for, period_end
from billing.services.limit_changes import HIGHEST, LimitNotFound, limit_of
from billing.services.limits import raise_limit, set_limit

REASON_LENGTH: Final = 300
TELL: Final = "billing.tasks.tell_about_request"

logger = structlog.get_logger(__name__)


class Lasting(StrEnum):
    """How long a granted raise counts."""

    PERIOD = "period"
    WEEK = "week"
    MONTH = "month"
    GOOD = "good"


class RequestNotFound(DomainError):
    code = "not_found"


class RequestDecided(DomainError):
    """Somebody else has answered it already."""

    code = "state_conflict"


@transaction.atomic
def ask_for_more(*, actor: Actor, limit_id: int, amount: int, reason: str) -> RaiseRequest:
    """Ask the owners for `amount` µ$ on top of a limit on the actor, on a key the actor made or on a project.

    Asking again while nobody has answered changes the request. Raises LimitNotFound for limits of others, and
    FieldErrors for an amount that is not above zero or without a reason.
    """
    limit = limit_of(actor, limit_id)
    if actor.user is None or limit not in limits_on(actor.team, actor.user):
        raise LimitNotFound("There is no such limit on you.")
    reason = " ".join(reason.split())
    errors: dict[str, list[str]] = {}
    if not 0 < amount <= HIGHEST:
        errors["amount"] = [f"Ask for more than zero and at most {format_exact(HIGHEST)}."]
    if not reason:
        errors["reason"] = ["Say in a sentence what it is for."]
    elif len(reason) > REASON_LENGTH:
        errors["reason"] = [f"A reason has at most {REASON_LENGTH} characters."]
    if errors:
        raise FieldErrors(errors)
    request, created = RaiseRequest.objects.update_or_create(
        team=actor.team,
        limit=limit,
        asked_by=actor.user,
        state=RequestState.OPEN,
        defaults={"amount": amount, "reason": reason},
    )
    if created:
        enqueue(TELL, request_id=str(request.pk))
    logger.info("raise.asked", request=request.pk, limit=limit.pk, amount=amount, actor=actor.label)
    return request


@transaction.atomic
def approve_request(
    *, actor: Actor, request_id: int, amount: int, lasting: Lasting, note: str = "", now: datetime
) -> RaiseRequest:
    """Add `amount` µ$ to what the limit allows now, at once, for as long as `lasting` says.

    Repeating it returns the first answer. Raises RequestNotFound, RequestDecided when it was declined, FieldErrors for
    an amount out of range, a period that never ends or somebody who has left, and Busy. Locks the request, then the
    team's available row.
    """
    request = _locked(actor, request_id)
    if request.state == RequestState.APPROVED:
        return request
    _refuse_decided(request)
    if not 0 < amount <= HIGHEST:
        raise FieldErrors({"amount": [f"Grant more than zero and at most {format_exact(HIGHEST)}."]})
    member = request.limit.member_id
    if member is not None and not Membership.objects.filter(team=actor.team, user=member).exists():
        raise FieldErrors({"amount": ["The person who asked has left the team. Decline the request."]})
    until = _end(request.limit, lasting, now)
    _raise(request.limit, amount, until, now)
    request.granted, request.until = amount, until
    _decide(request, RequestState.APPROVED, actor, note, now)
    return request


@transaction.atomic
def decline_request(*, actor: Actor, request_id: int, note: str = "", now: datetime) -> RaiseRequest:
    """Leave the limit as it is. Repeating it returns the first answer; raises RequestNotFound, RequestDecided."""
    request = _locked(actor, request_id)
    if request.state != RequestState.DECLINED:
        _refuse_decided(request)
        _decide(request, RequestState.DECLINED, actor, note, now)
    return request


def open_requests(team: Team) -> list[RaiseRequest]:
    """What the owners have to answer, oldest first."""
    waiting = _requests(team).filter(state=RequestState.OPEN)
    return list(waiting.order_by("pk"))


def requests_by(team: Team, user: User, *, last: int = 10) -> list[RaiseRequest]:
    """What somebody asked for lately, newest first."""
    return list(_requests(team).filter(asked_by=user).order_by("-pk")[:last])


def limits_on(team: Team, user: User) -> QuerySet[Limit]:
    """The active limits that hold for somebody: their own, and those on keys they made and on projects."""
    return Limit.objects.filter(holds_for(user), team=team, active=True)


def lasting_choices(limit: Limit) -> list[tuple[str, str]]:
    """How long a raise of this limit may count, the usual first."""
    ends = {"day": "Until midnight (UTC)", "week": "Until the week ends", "month": "Until the month ends"}
    first = [(Lasting.PERIOD.value, ends[limit.period])] if limit.period in ends else []
    rest = [(Lasting.WEEK.value, "For 7 days"), (Lasting.MONTH.value, "For 30 days")]
    return [*first, (Lasting.GOOD.value, "For good"), *rest]


def _requests(team: Team) -> QuerySet[RaiseRequest]:
    return RaiseRequest.objects.filter(team=team).select_related(
        "limit__member", "limit__key__created_by", "asked_by", "decided_by"
    )


def _locked(actor: Actor, request_id: int) -> RaiseRequest:
    requests = RaiseRequest.objects.select_for_update(of=("self",)).select_related("limit__team")
    request = requests.filter(team=actor.team, pk=request_id).first()
    if request is None:
        raise RequestNotFound("There is no such request.")
    return request


def _refuse_decided(request: RaiseRequest) -> None:
    if not request.is_open:
        raise RequestDecided(f"This request was already answered: {request.get_state_display().lower()}.")


def _end(limit: Limit, lasting: Lasting, now: datetime) -> datetime | None:
    if lasting == Lasting.GOOD:
        return None
    if lasting == Lasting.PERIOD:
        ends = period_end(limit.period, now)
        if ends is None:
            raise FieldErrors({"lasting": ["This limit has no period that ends. Choose another time."]})
        return ends
    return now + timedelta(days=7 if lasting == Lasting.WEEK else 30)


def _raise(limit: Limit, amount: int, until: datetime | None, now: datetime) -> None:
    """On top of what counts now, so that a raise that is under way is not lost."""
    present = allowance_of(limit=limit, now=now)
    if until is None:
        set_limit(
            team=limit.team,
            period=limit.period,
            cap=limit.cap + amount,
            member=limit.member,
            key=limit.key,
            project_id=limit.project_id,
        )
        until = present.raised_until
    if until is not None:
        limit.refresh_from_db(fields=["raised_cap", "raised_until"])
        ends = max(until, present.raised_until or until)
        raise_limit(limit=limit, cap=present.cap + amount, until=ends)


def _decide(request: RaiseRequest, state: RequestState, actor: Actor, note: str, now: datetime) -> None:
    request.state = state
    request.decided_by, request.decided_at = actor.user, now
    request.note = " ".join(note.split())[:REASON_LENGTH]
    request.save()
    granted = {"more": format_exact(request.granted), "until": request.until} if request.granted else {}
    record(
        "raise.approved" if state == RequestState.APPROVED else "raise.declined",
        by=actor,
        about=request,
        name=request.asked_by.get_full_name(),
        new={**granted, **({"note": request.note} if request.note else {})},
    )
    enqueue(TELL, request_id=str(request.pk))
    logger.info("raise.decided", request=request.pk, state=state.value, actor=actor.label)
