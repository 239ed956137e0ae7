"""The pages that belong to no app: the start page, the style guide, and what failed."""

import sys

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_not_required
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.views import defaults
from django.views.decorators.http import require_safe

from accounts.models import Membership, User
from accounts.waits import in_words, wait_at
from billing.services import quote
from ltxplatform.components.demo import DemoForm, demo_context, failing_form
from ltxplatform.context import first_page
from ltxplatform.emails import email_names, sample_email
from ltxplatform.errors import RETRY_AFTER

DEFAULT_FRAMES = 121


@require_safe
@login_not_required
def home(request: HttpRequest) -> HttpResponse:
    """What the platform does, for visitors. Whoever is signed in goes on, staff without a team to their site."""
    if isinstance(request.user, User):
        memberships = (
            Membership.objects.filter(user=request.user).select_related("team").order_by("team__name")
        )
        membership = memberships.filter(team=request.user.last_team_id).first() or memberships.first()
        if membership is not None:
            return redirect(first_page(membership))
        return redirect("admin:index" if request.user.is_staff else "accounts:team_create")
    default = quote(num_frames=DEFAULT_FRAMES, detail_pass=False)
    return render(request, "platform/home.html", {"default": default, "frames": DEFAULT_FRAMES})


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every component in every state, for staff."""
    _staff_only(request)
    context = {**demo_context(), "form": DemoForm(), "failing": failing_form()}
    return render(request, "platform/styleguide.html", context)


@require_safe
def emails(request: HttpRequest) -> HttpResponse:
    """Every e-mail with made-up values, for staff."""
    _staff_only(request)
    return render(request, "platform/emails.html", {"emails": [sample_email(name) for name in email_names()]})


@require_safe
@csp_update({"style-src": ["'unsafe-inline'"]})  # type: ignore[arg-type]  # mail programs need styles on elements
def email_page(request: HttpRequest, name: str) -> HttpResponse:
    """An e-mail's page as a mail program shows it."""
    _staff_only(request)
    if name not in email_names():
        raise Http404
    return HttpResponse(sample_email(name).page)


def _staff_only(request: HttpRequest) -> None:
    """To everybody else the page does not exist."""
    if not (isinstance(request.user, User) and request.user.is_staff):
        raise Http404


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's `handler500`: a database that restarts is said as such, with a time to try again."""
    if isinstance(sys.exc_info()[1], (OperationalError, InterfaceError)):
        page = render_to_string("503.html")
        return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER)})
    return defaults.server_error(request)


def too_many(request: HttpRequest) -> HttpResponse:
    """allauth's `handler429`: who tried too often is told when it works again."""
    wait = wait_at(request)
    page = render(request, "429.html", {"wait": in_words(wait)}, status=429)
    page["Retry-After"] = str(wait)
    return page
