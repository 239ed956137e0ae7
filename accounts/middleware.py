"""Puts team, actor and origin on requests, speaks a person's language, sends signed-out fragments to sign in."""

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.utils import timezone, translation
from django_htmx.http import HttpResponseClientRedirect

from accounts import services
from accounts.actors import member_actor
from accounts.models import Membership, Team, User
from accounts.moments import zone_named
from accounts.origin import Origin, client_address, from_origin
from accounts.services.second_factors import is_kept_from_staff_site, is_kept_out
from accounts.services.sessions import touch_session
from accounts.sign_in import SEEN_AT, signed_in_at
from accounts.staff_access import enter_team

# How often a session in use is written: what is shown as its last use may be so old.
SEEN_EVERY = 600


class TeamMiddleware:
    """The team stands in the address, not in the session: two tabs never charge each other's team.

    A team that does not exist and a team one is not in are the same 404.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        slug = kwargs.get("team_slug")
        if slug is None or not isinstance(request.user, User):
            return None
        if enter_team(request, slug, view):
            return None
        membership = (
            Membership.objects.select_related("team").filter(team__slug=slug, user=request.user).first()
        )
        if membership is None:
            raise Http404("No such team.")
        if is_kept_out(request.user, membership.team):
            return _second_factor_needed(request, team=membership.team)
        membership.user = request.user
        request.team = membership.team  # type: ignore[attr-defined]
        request.actor = member_actor(membership)  # type: ignore[attr-defined]
        services.remember_team(user=request.user, team=membership.team)
        services.note_visit(membership, now=timezone.now())
        return None


class StaffSiteMiddleware:
    """Staff reach their site with a second factor only, where the setting says so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        if not request.path_info.startswith(f"/{settings.ADMIN_PATH}/"):
            return None
        user = request.user
        if isinstance(user, User) and user.is_staff and is_kept_from_staff_site(user):
            return _second_factor_needed(request)
        return None


def _second_factor_needed(request: HttpRequest, team: Team | None = None) -> HttpResponse:
    """Says so in the page's place, so that it is found again afterwards. A fragment loads the page anew."""
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponseClientRedirect(request.htmx.current_url_abs_path or "/")  # type: ignore[attr-defined]
    return render(request, "accounts/second_factor_needed.html", {"asking_team": team}, status=403)


class PersonMiddleware:
    """Pages for somebody who is signed in speak their language and tell the time of their zone.

    Addresses that are open to all, the API's among them, look nobody up for it: they tell UTC.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with timezone.override(None):
            return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: dict[str, Any]
    ) -> None:
        if not getattr(view, "login_required", True) or not isinstance(request.user, User):
            return
        timezone.activate(zone_named(request.user.time_zone) or timezone.get_default_timezone())
        if request.user.language:
            translation.activate(request.user.language)
            request.LANGUAGE_CODE = request.user.language


class OriginMiddleware:
    """Lets the audit log know where a request comes from."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        origin = Origin(client_address(request), getattr(request, "request_id", ""))
        with from_origin(origin):
            return self.get_response(request)


class SessionAgeMiddleware:
    """Ends a session so long after its sign-in, and keeps one in use from ending by itself.

    An unused one ends in the store: its row expires SESSION_IDLE_HOURS after it was last written.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        # Views that ask for no sign-in (the API, pictures) do not ask for the session either.
        if not getattr(view, "login_required", True) or not request.user.is_authenticated:
            return None
        now = time.time()
        if now - (signed_in_at(request) or 0) > settings.SESSION_MAX_HOURS * 3600:
            logout(request)
            messages.info(request, "You were signed in for a long time. Sign in again to continue.")
            return redirect_to_login(request.get_full_path())
        if now - request.session.get(SEEN_AT, 0) > SEEN_EVERY:
            request.session[SEEN_AT] = now
            touch_session(request.session.session_key or "")
        return None


class SignInMiddleware:
    """A part of a page must not become the sign-in page: htmx is told to go there, and back to its page after it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        location = response.headers.get("Location", "")
        if not request.htmx or not location.startswith(resolve_url(settings.LOGIN_URL)):  # type: ignore[attr-defined]
            return response
        page = request.htmx.current_url_abs_path or "/"  # type: ignore[attr-defined]
        return HttpResponseClientRedirect(redirect_to_login(page).url)
