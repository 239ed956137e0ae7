"""A person's own security: password, second factors, where they are signed in, and what happened."""

from typing import cast

from allauth.account.utils import get_next_redirect_url
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.http import TeamRequest, recent_sign_in, requires
from accounts.models import Membership, User
from accounts.permissions import TEAM_MANAGE
from accounts.sections import team_tabs
from accounts.services import second_factors, sessions
from accounts.services.sign_in_events import recent_events

EVENTS_SHOWN = 20
RULE_WORDS = {
    True: "From now on, members need a second factor to see the team.",
    False: "Members can see the team without a second factor again.",
}


@require_safe
@never_cache
def security(request: HttpRequest) -> HttpResponse:
    user = cast(User, request.user)
    factors = list(Authenticator.objects.filter(user=user).order_by("pk"))
    codes = next((each.wrap() for each in factors if each.type == Authenticator.Type.RECOVERY_CODES), None)
    context = {
        "has_password": user.has_usable_password(),
        "passkeys": [each for each in factors if each.type == Authenticator.Type.WEBAUTHN],
        "app": next((each for each in factors if each.type == Authenticator.Type.TOTP), None),
        "codes_left": len(codes.get_unused_codes()) if codes else 0,
        "has_factor": any(each.type != Authenticator.Type.RECOVERY_CODES for each in factors),
        "managed": [
            each.team
            for each in Membership.objects.filter(user=user).select_related("team").order_by("team__name")
            if TEAM_MANAGE in each.permissions and not each.team.is_personal
        ],
        "provider": settings.OIDC_NAME if settings.OIDC_ISSUER else "",
        "connected": bool(settings.OIDC_ISSUER) and SocialAccount.objects.filter(user=user).exists(),
        "sessions": sessions.sessions_of(user, current=request.session.session_key),
        "events": recent_events(user, most=EVENTS_SHOWN),
    }
    return render(request, "accounts/security.html", context)


@require_POST
def session_end(request: HttpRequest, pk: int) -> HttpResponse:
    try:
        sessions.end_session(user=cast(User, request.user), session_id=pk)
    except sessions.SessionNotFound as error:
        raise Http404(error.message) from error
    messages.success(request, "That browser is signed out.")
    return redirect("accounts:security")


@require_POST
def sessions_end(request: HttpRequest) -> HttpResponse:
    sessions.end_other_sessions(cast(User, request.user), keep=request.session.session_key)
    messages.success(request, "You are signed out everywhere else.")
    return redirect("accounts:security")


@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_again(request: HttpRequest) -> HttpResponse:
    """For people with neither a password nor a factor of their own: their provider says once more who they are."""
    back = get_next_redirect_url(request)
    if request.method != "POST":
        return render(request, "accounts/sign_in_again.html", {"next": back})
    logout(request)
    return redirect_to_login(back or resolve_url(settings.LOGIN_REDIRECT_URL))


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(TEAM_MANAGE)
@recent_sign_in
def team_security(request: TeamRequest) -> HttpResponse:
    """The team's rule about second factors, and who has one."""
    if request.method == "POST":
        required = request.POST.get("required") == "yes"
        try:
            second_factors.require_second_factor(actor=request.actor, required=required)
        except second_factors.OwnFactorFirst as error:
            messages.error(request, error.message)
        else:
            messages.success(request, RULE_WORDS[required])
        return redirect("accounts:team_security", request.team.slug)
    members = list(request.team.memberships.select_related("user").order_by("created_at", "pk"))
    having = second_factors.people_with_factors({member.user_id for member in members})
    context = {
        "tabs": team_tabs(request.actor, "accounts:team_security"),
        "members": [(member, member.user_id in having) for member in members],
        "without": len(members) - len(having),
        "own": request.user.pk in having,
    }
    return render(request, "accounts/team_security.html", context)


def to_security(request: HttpRequest) -> HttpResponse:
    """allauth's own lists of factors, passkeys and sessions: this page shows all of it."""
    return redirect("accounts:security")
