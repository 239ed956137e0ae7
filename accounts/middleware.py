"""Puts team and actor on requests under `/t/<team_slug>/`."""

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse

from accounts import services
from accounts.actors import member_actor
from accounts.models import Membership, User


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
        membership = (
            Membership.objects.select_related("team").filter(team__slug=slug, user=request.user).first()
        )
        if membership is None:
            raise Http404("No such team.")
        membership.user = request.user
        request.team = membership.team  # type: ignore[attr-defined]
        request.actor = member_actor(membership)  # type: ignore[attr-defined]
        services.remember_team(user=request.user, team=membership.team)
