"""Invitations: sending them from the members page, and what the person invited sees.

The link in an e-mail only leaves the token's hash in the session and leads on to a page without it, so that the token
stands neither in a Referer nor in what is bookmarked, and survives signing up.
"""

from typing import Final
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import services
from accounts.errors import DomainError, FieldErrors
from accounts.forms import InviteForm
from accounts.http import TeamRequest, recent_sign_in, requires
from accounts.member_views import members_page
from accounts.models import Invitation, User
from accounts.permissions import MEMBERS_MANAGE
from accounts.services import (
    AddressNotProven,
    InvitationGone,
    InvitationNotFound,
    InvitationRefused,
    RoleRefused,
)
from accounts.services.invitations import Invited, addresses_of, hash_token

SESSION_KEY: Final = "invitation"
GONE: Final = "accounts/invitation_gone.html"


@require_http_methods(["GET", "HEAD", "POST"])
@requires(MEMBERS_MANAGE)
@recent_sign_in
def invite(request: TeamRequest) -> HttpResponse:
    """Whoever can be invited is; the others stay in the field with the reason above it."""
    if request.method != "POST":
        return redirect("accounts:members", request.team.slug)
    form = InviteForm(request.POST)
    if not form.is_valid():
        return members_page(request, form=form)
    try:
        outcome = services.invite(
            actor=request.actor,
            addresses=form.cleaned_data["emails"],
            role=form.cleaned_data["role"],
            now=timezone.now(),
        )
    except FieldErrors as error:
        for name, sentences in error.errors.items():
            form.add_error(name, sentences)
        return members_page(request, form=form)
    except (InvitationRefused, RoleRefused) as error:
        return members_page(request, form=form, refused=error.message)
    if outcome.refused:
        rest = InviteForm(initial={"emails": _left_over(outcome), "role": form.cleaned_data["role"]})
        return members_page(request, form=rest, outcome=outcome)
    messages.success(request, f"{_people(len(outcome.invitations))} invited. The e-mails are on their way.")
    return redirect("accounts:members", request.team.slug)


@require_POST
@requires(MEMBERS_MANAGE)
def invitation_resend(request: TeamRequest, pk: UUID) -> HttpResponse:
    try:
        sent = services.resend_invitation(actor=request.actor, invitation_id=pk, now=timezone.now())
    except InvitationNotFound as error:
        raise Http404(error.message) from error
    except (InvitationRefused, RoleRefused) as error:
        return members_page(request, refused=error.message)
    messages.success(request, f"{sent.email} gets a new e-mail; the previous link no longer works.")
    return redirect("accounts:members", request.team.slug)


@require_POST
@requires(MEMBERS_MANAGE)
def invitation_revoke(request: TeamRequest, pk: UUID) -> HttpResponse:
    try:
        ended = services.revoke_invitation(actor=request.actor, invitation_id=pk, now=timezone.now())
    except InvitationNotFound as error:
        raise Http404(error.message) from error
    except RoleRefused as error:
        return members_page(request, refused=error.message)
    messages.success(request, f"The invitation for {ended.email} was revoked.")
    return redirect("accounts:members", request.team.slug)


@require_safe
@never_cache
@login_not_required
def invitation_open(request: HttpRequest, token: str) -> HttpResponse:
    """The link in the e-mail."""
    hashed = hash_token(token)
    if services.find_invitation(hashed, now=timezone.now()) is not None:
        request.session[SESSION_KEY] = hashed
    else:
        request.session.pop(SESSION_KEY, None)
    response = redirect("accounts:invitation")
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_safe
@never_cache
@login_not_required
def invitation(request: HttpRequest) -> HttpResponse:
    """Which team, as what and until when: for whoever holds the link. Nothing changes before the button is pressed."""
    found = _in_session(request)
    if found is None:
        return render(request, GONE, status=404)
    return _page(request, found)


@require_POST
def invitation_accept(request: HttpRequest) -> HttpResponse:
    hashed = request.session.get(SESSION_KEY, "")
    try:
        joined = services.accept_invitation(token_hash=hashed, user=_person(request), now=timezone.now())
    except InvitationGone:
        return render(request, GONE, status=404)
    except AddressNotProven as error:
        found = _in_session(request)
        return _page(request, found, refused=error.message) if found else render(request, GONE, status=404)
    del request.session[SESSION_KEY]
    messages.success(request, f"Welcome to {joined.team.name}.")
    return redirect("accounts:members", joined.team.slug)


@require_POST
def invitation_decline(request: HttpRequest) -> HttpResponse:
    try:
        services.decline_invitation(
            token_hash=request.session.get(SESSION_KEY, ""), user=_person(request), now=timezone.now()
        )
    except DomainError:
        return render(request, GONE, status=404)
    del request.session[SESSION_KEY]
    messages.success(request, "The invitation was declined.")
    return redirect("platform:home")


def _in_session(request: HttpRequest) -> Invitation | None:
    found = services.find_invitation(request.session.get(SESSION_KEY, ""), now=timezone.now())
    if found is None:
        request.session.pop(SESSION_KEY, None)
    return found


def _page(request: HttpRequest, found: Invitation, *, refused: str = "") -> HttpResponse:
    user = request.user if isinstance(request.user, User) else None
    context = {
        "invitation": found,
        "is_theirs": user is not None and found.email in addresses_of(user),
        "refused": refused,
    }
    return render(request, "accounts/invitation.html", context, status=403 if refused else 200)


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise TypeError("LoginRequiredMiddleware lets nobody else in.")
    return request.user


def _left_over(outcome: Invited) -> str:
    """What somebody may want to correct: not those who are in or invited already."""
    return "\n".join(
        each.text for each in outcome.refused if "already" not in each.why and "twice" not in each.why
    )


def _people(number: int) -> str:
    return "1 person" if number == 1 else f"{number} people"
