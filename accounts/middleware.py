"""Puts team, actor and origin on requests, speaks a person's language, sends signed-out fragments to sign in."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils import timezone, translation
from django_htmx.http import HttpResponseClientRedirect

from accounts import services
from accounts.actors import member_actor
from accounts.models import Membership, User
from accounts.moments import zone_named
from accounts.origin import Origin, client_address, from_origin
from accounts.staff_access import enter_team


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
    ) -> None:
        slug = kwargs.get("team_slug")
        if slug is None or not isinstance(request.user, User):
            return
        if enter_team(request, slug, view):
            return
        membership = (
            Membership.objects.select_related("team").filter(team__slug=slug, user=request.user).first()
        )
        if membership is None:
            raise Http404("No such team.")
        membership.user = request.user
        request.team = membership.team  # type: ignore[attr-defined]
        request.actor = member_actor(membership)  # type: ignore[attr-defined]
        services.remember_team(user=request.user, team=membership.team)
        services.note_visit(membership, now=timezone.now())


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
