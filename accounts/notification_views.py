"""What a person was told, and what they want to be told; and the link in e-mails that stops them."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.http import PersonRequest
from accounts.notification_kinds import CHANNELS, GROUPS, KINDS, Channel
from accounts.services import notifications as service

PAGE = 25


@require_safe
def notifications(request: PersonRequest) -> HttpResponse:
    """Newest first; `?cursor=` is the id that the next page starts under."""
    before = request.GET.get("cursor", "")
    listed = service.in_portal(request.user)
    if before.isascii() and before.isdigit() and len(before) < 19:
        listed = listed.filter(pk__lt=int(before))
    rows = list(listed[: PAGE + 1])
    context = {
        "rows": rows[:PAGE],
        "older": str(rows[PAGE - 1].pk) if len(rows) > PAGE else "",
        "later_page": bool(before),
        "has_unread": service.unread(request.user).exists(),
    }
    return render(request, "accounts/notifications.html", context)


@require_POST
def notification_open(request: PersonRequest, pk: int) -> HttpResponse:
    """Read, and go to what it is about."""
    notification = get_object_or_404(service.in_portal(request.user), pk=pk)
    service.mark_read(user=request.user, notification_id=pk, now=timezone.now())
    return redirect(notification.path or "accounts:notifications")


@require_POST
def notification_read(request: PersonRequest, pk: int) -> HttpResponse:
    get_object_or_404(service.in_portal(request.user), pk=pk)
    service.mark_read(user=request.user, notification_id=pk, now=timezone.now())
    return redirect("accounts:notifications")


@require_POST
def notifications_read(request: PersonRequest) -> HttpResponse:
    service.mark_read(user=request.user, now=timezone.now())
    return redirect("accounts:notifications")


@require_http_methods(["GET", "HEAD", "POST"])
def notification_choices(request: PersonRequest) -> HttpResponse:
    """A box for each kind and channel."""
    if request.method == "POST":
        service.choose(user=request.user, wanted=_ticked(request))
        messages.success(request, "Your choices were saved.")
        return redirect("accounts:notification_choices")
    held = service.choices_of(request.user)
    groups = [(group, [(kind, *_boxes(kind.key, held)) for kind in group.kinds]) for group in GROUPS]
    return render(request, "accounts/settings/notifications.html", {"groups": groups})


@csrf_exempt  # the token is the right to do it, and mail programs send nothing else
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks, so that programs that only look at links stop nothing; POST does it, also from mail programs."""
    found = service.stop_emails(token) if request.method == "POST" else service.email_of(token)
    if found is None:
        raise Http404("This link is not one of ours.")
    context = {"person": found[0], "kind": found[1], "done": request.method == "POST"}
    return render(request, "accounts/unsubscribe.html", context)


def _ticked(request: HttpRequest) -> set[tuple[str, Channel]]:
    return {(key, channel) for key in KINDS for channel in CHANNELS if f"{key}-{channel}" in request.POST}


def _boxes(key: str, held: set[tuple[str, Channel]]) -> list[dict[str, Any]]:
    return [
        {
            "name": f"{key}-{channel}",
            "channel": channel,
            "on": (key, channel) in held,
            "may_choose": KINDS[key].may_choose(channel),
            "exists": KINDS[key].portal is not None or channel == "mail",
        }
        for channel in CHANNELS
    ]
