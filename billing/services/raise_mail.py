"""Letters about requests: to the owners when somebody asks, to whoever asked when it is decided."""

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import F
from django.template.loader import render_to_string
from django.urls import reverse

from billing.models import RaiseRequest, RequestState
from billing.services.people import owners_of

LETTERS = {
    RequestState.OPEN: "raise_asked",
    RequestState.APPROVED: "raise_approved",
    RequestState.DECLINED: "raise_declined",
}


def tell(*, request_id: int) -> None:
    """Mail what the people concerned do not know yet about a request; nothing when they do.

    The row is marked afterwards: a letter that could not be sent is sent by the next sweep. Raises what the mail server
    raises.
    """
    requests = RaiseRequest.objects.select_related(
        "limit__member", "limit__key", "asked_by", "team", "decided_by"
    )
    request = requests.filter(pk=request_id).first()
    if request is None or request.told == request.state:
        return
    letter = LETTERS.get(RequestState(request.state))
    if letter is not None:
        for address in _readers(request):
            _send(letter, request, address)
    RaiseRequest.objects.filter(pk=request.pk).update(told=request.state)


def untold(*, limit: int = 100) -> list[int]:
    """Requests about which somebody has yet to be told, oldest first."""
    waiting = RaiseRequest.objects.exclude(told=F("state")).order_by("pk")
    return list(waiting.values_list("pk", flat=True)[:limit])


def _readers(request: RaiseRequest) -> list[str]:
    if request.state == RequestState.OPEN:
        return [owner.email for owner in owners_of(request.team)]
    return [request.asked_by.email]


def _send(letter: str, request: RaiseRequest, address: str) -> None:
    path = reverse("billing:budgets", args=[request.team.slug])
    context = {
        "request": request,
        "url": f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else "",
    }
    subject, text, page = (
        render_to_string(f"emails/{letter}.{part}", context)
        for part in ("subject.txt", "body.txt", "body.html")
    )
    message = EmailMultiAlternatives(" ".join(subject.split()), text, to=[address])
    message.attach_alternative(page, "text/html")
    message.send()
