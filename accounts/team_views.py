"""A team as a whole: making one, its name, sharing a personal one, handing it over."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts import services
from accounts.errors import FieldErrors
from accounts.forms import TeamForm
from accounts.http import TeamRequest, recent_sign_in, requires
from accounts.models import User
from accounts.permissions import TEAM_MANAGE, TEAM_OWN
from accounts.sections import team_tabs
from accounts.services import MemberNotFound, RoleRefused


@require_http_methods(["GET", "HEAD", "POST"])
def team_create(request: HttpRequest) -> HttpResponse:
    """Another team for whoever is signed in, who owns it."""
    if not isinstance(request.user, User):
        raise TypeError("LoginRequiredMiddleware lets nobody else in.")
    form = TeamForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        team = services.create_team(owner=request.user, name=form.cleaned_data["name"])
        messages.success(request, f"{team.name} is ready. Invite the people you work with.")
        return redirect("accounts:members", team.slug)
    return render(request, "accounts/team_create.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires(TEAM_MANAGE)
def team_settings(request: TeamRequest) -> HttpResponse:
    """The settings; a POST gives the team another name."""
    if request.method != "POST":
        return _page(request)
    form = TeamForm(request.POST)
    if form.is_valid():
        try:
            team = services.rename_team(actor=request.actor, name=form.cleaned_data["name"])
        except FieldErrors as error:
            form.add_error("name", error.errors["name"])
        else:
            messages.success(request, f"The team is now called {team.name}.")
            return redirect("accounts:team_settings", team.slug)
    return _page(request, form=form, status=422)


@require_POST
@requires(TEAM_OWN)
def team_share(request: TeamRequest) -> HttpResponse:
    team = services.share_team(actor=request.actor)
    messages.success(request, f"{team.name} is now a shared team. Invite the people you work with.")
    return redirect("accounts:members", team.slug)


@require_POST
@requires(TEAM_OWN)
@recent_sign_in
def team_hand_over(request: TeamRequest) -> HttpResponse:
    chosen = request.POST.get("member", "")
    if not (chosen.isascii() and chosen.isdecimal() and len(chosen) < 18):
        return _page(request, refused="Choose who owns the team from now on.", status=422)
    try:
        heir = services.hand_over(actor=request.actor, user_id=int(chosen))
    except MemberNotFound as error:
        raise Http404(error.message) from error
    except RoleRefused as error:
        return _page(request, refused=error.message, status=422)
    messages.success(request, f"{heir.user.get_full_name()} now owns {request.team.name}. You are an admin.")
    return redirect("accounts:members", request.team.slug)


def _page(
    request: TeamRequest, *, form: TeamForm | None = None, status: int = 200, **more: Any
) -> HttpResponse:
    owns = request.actor.may(TEAM_OWN)
    heirs = services.members_of(request.team).exclude(user=request.user) if owns else []
    context = {
        "tabs": team_tabs(request.actor, "accounts:team_settings"),
        "form": form or TeamForm(initial={"name": request.team.name}),
        "owns": owns,
        "heirs": [(each.user_id, each.user.get_full_name(), each.user.email) for each in heirs],
        **more,
    }
    return render(request, "accounts/team_settings.html", context, status=status)
