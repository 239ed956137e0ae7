"""What views share: the typed request, the permission gate, and page or fragment."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from urllib.parse import urlsplit

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.shortcuts import render, resolve_url
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from accounts.actors import Actor
from accounts.models import Team, User
from accounts.sign_in import signed_in_recently

# A form that was opened on a recent sign-in is taken for so many seconds longer, so that filling it in loses nothing.
FILLING_IN = 15 * 60


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


def recent_sign_in(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Ask whose sign-in is not recent to prove who they are, then lead back. For money, keys, members and factors.

    Stands inside `requires`, so that only those who may are asked. A GET comes back to its own page. What a POST
    carried is not kept: the person comes back to the page it was sent from, is told that nothing was changed, and
    sends it again; so put it on the page with the form too, where there is one of its own, or let the page say
    `{% confirm_first %}`.
    """

    @wraps(view)
    def gate(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        reads = request.method in {"GET", "HEAD"}
        limit = settings.ACCOUNT_REAUTHENTICATION_TIMEOUT + (0 if reads else FILLING_IN)
        if signed_in_recently(request, within=limit):
            return view(request, *args, **kwargs)
        if not reads:
            messages.warning(request, "Nothing was changed yet. Confirm that it is you, then do it again.")
        return _ask_who_it_is(request, back=request.get_full_path() if reads else page_before(request))

    gate.recent_sign_in = True  # type: ignore[attr-defined]
    return gate


def page_before(request: HttpRequest) -> str:
    """The page of ours that a request came from; the start page where none is named."""
    htmx: HtmxDetails | None = getattr(request, "htmx", None)
    named = (htmx.current_url if htmx else None) or request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(named, {request.get_host()}, require_https=request.is_secure())
    return urlsplit(named)._replace(scheme="", netloc="").geturl() if ours else resolve_url("platform:home")


def proving_url(request: HttpRequest, *, back: str) -> str:
    """Where a signed-in person proves who they are before they go on to `back`."""
    ways = get_adapter().get_reauthentication_methods(request.user)
    query = QueryDict(mutable=True)
    query[REDIRECT_FIELD_NAME] = back
    return f"{ways[0]['url'] if ways else resolve_url('accounts:sign_in_again')}?{query.urlencode(safe='/')}"


def _ask_who_it_is(request: HttpRequest, *, back: str) -> HttpResponse:
    url = proving_url(request, back=back)
    return HttpResponseClientRedirect(url) if getattr(request, "htmx", False) else HttpResponseRedirect(url)


def page_or_fragment(
    request: TeamRequest, template: str, fragment: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render `template`, or only its partial `fragment` for an htmx request that is not a boosted link."""
    wants_fragment = request.htmx and not request.htmx.boosted
    name = f"{template}#{fragment}" if wants_fragment else template
    response = render(request, name, context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Boosted"])
    return response
