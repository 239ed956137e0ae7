"""News about requests: to the owners when somebody asks, to whoever asked when it is decided."""

from datetime import datetime

from django.db import transaction
from django.db.models import F
from django.urls import reverse

from accounts.models import User
from accounts.moments import as_read_by, moment
from accounts.notification_kinds import LIMIT_REQUEST
from accounts.services.notifications import News, mail_all, note
from billing.models import RaiseRequest, RequestState
from billing.money import format_exact
from billing.services.people import owners_of


def tell(*, request_id: int, now: datetime) -> None:
    """Tell what the people concerned do not know yet about a request; nothing when they do.

    Raises what the mail server raises; an e-mail that could not be sent is the sweep of notifications' from then on.
    """
    requests = RaiseRequest.objects.select_related(
        "limit__member", "limit__key", "asked_by", "team", "decided_by"
    )
    request = requests.filter(pk=request_id).first()
    if request is None or request.told == request.state:
        return
    news = _news(request)
    with transaction.atomic():
        told = note(news, readers=_readers(request)) if news is not None else []
        RaiseRequest.objects.filter(pk=request.pk).update(told=request.state)
    mail_all(told, now=now)


def untold(*, limit: int = 100) -> list[int]:
    """Requests about which somebody has yet to be told, oldest first."""
    waiting = RaiseRequest.objects.exclude(told=F("state")).order_by("pk")
    return list(waiting.values_list("pk", flat=True)[:limit])


def _readers(request: RaiseRequest) -> list[User]:
    return owners_of(request.team) if request.state == RequestState.OPEN else [request.asked_by]


def _news(request: RaiseRequest) -> News | None:
    """None for a request that was taken back: nobody waits for it."""
    match request.state:
        case RequestState.OPEN:
            subject, text, action = _asked(request), _what_for(request), "Approve or decline"
        case RequestState.APPROVED:
            subject = f"You may spend {_dollars(request.granted)} more in {request.team.name}"
            text, action = _approved(request), "See your limits"
        case RequestState.DECLINED:
            subject = f"Your limit in {request.team.name} stays as it is"
            text, action = _declined(request), "See your limits"
        case _:
            return None
    asks = request.state == RequestState.OPEN
    return News(
        kind=LIMIT_REQUEST,
        about=f"raise:{request.pk}:{request.state}",
        subject=subject,
        text=text,
        reason=f"You receive this because you {'own the team' if asks else 'asked for more credit'}.",
        action=action,
        path=reverse("billing:budgets", args=[request.team.slug]),
        tone="good" if request.state == RequestState.APPROVED else "info",
        team=request.team,
    )


def _asked(request: RaiseRequest) -> str:
    return f"{request.asked_by.get_full_name()} asks for {_dollars(request.amount)} more"


def _what_for(request: RaiseRequest) -> str:
    key = f" on the key {request.limit.key.name}" if request.limit.key else ""
    limit = f"{_dollars(request.limit.cap)} {request.limit.get_period_display()}{key}"
    return f"In {request.team.name}, on top of the limit of {limit}.\n\nReason: {request.reason}"


def _approved(request: RaiseRequest) -> str:
    with as_read_by(request.asked_by):
        until = f"until {moment(request.until)}" if request.until else "for good"
    return f"{_decider(request)} approved what you asked for. It counts at once, {until}.{_remark(request)}"


def _declined(request: RaiseRequest) -> str:
    return f"{_decider(request)} declined your request for {_dollars(request.amount)} more.{_remark(request)}"


def _remark(request: RaiseRequest) -> str:
    return f"\n\n{request.note}" if request.note else ""


def _decider(request: RaiseRequest) -> str:
    return request.decided_by.get_full_name() if request.decided_by else "The platform"


def _dollars(amount: int | None) -> str:
    return format_exact(amount or 0)
