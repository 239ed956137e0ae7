"""What views share: the typed request, the permission gate, and page or fragment."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_htmx.middleware import HtmxDetails

from accounts.actors import Actor
from accounts.models import Team, User


class PersonRequest(HttpRequest):
    """A signed-in request outside any team: LoginRequiredMiddleware has let nobody else through."""

    user: User
    htmx: HtmxDetails


class TeamRequest(HttpRequest):
    """A signed-in request under `/t/<team>/`: TeamMiddleware has set team and actor."""

    user: User
    team: Team
    actor: Actor
    htmx: HtmxDetails


def actor_of(request: HttpRequest) -> Actor:
    """The actor of a team page or of an API request (there the key authenticated it)."""
    actor = getattr(request, "actor", None) or getattr(request, "auth", None)
    if not isinstance(actor, Actor):
        raise TypeError("This request belongs to no team.")
    return actor


def viewer_of(request: HttpRequest) -> User:
    """Whose view a page shows: a visitor of the staff sees it with the eyes of the member they chose."""
    session = getattr(request, "staff_session", None)
    seen_as: User | None = session.person if session is not None else None
    return seen_as or cast(User, request.user)


def requires(
    permission: str,
) -> Callable[[Callable[..., HttpResponseBase]], Callable[..., HttpResponseBase]]:
    """Answer 403 unless the member's role carries `permission`."""

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def gate(request: HttpRequest, *args: Any, team_slug: str, **kwargs: Any) -> HttpResponseBase:
            if not actor_of(request).may(permission):
                raise PermissionDenied
            return view(cast(TeamRequest, request), *args, **kwargs)

        gate.permission = permission  # type: ignore[attr-defined]  # the URL walk reads it
        return gate

    return decorate


def page_or_fragment(
    request: TeamRequest, template: str, fragment: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render `template`, or only its partial `fragment` for an htmx request that is not a boosted link."""
    wants_fragment = request.htmx and not request.htmx.boosted
    name = f"{template}#{fragment}" if wants_fragment else template
    response = render(request, name, context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Boosted"])
    return response
