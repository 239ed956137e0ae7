"""Taking one's data away, and ending an account or a team."""

from collections.abc import Callable
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.actors import Actor
from accounts.errors import FieldErrors
from accounts.http import TeamRequest, actor_of, recent_sign_in, requires
from accounts.models import Team, User
from accounts.permissions import TEAM_OWN
from accounts.sections import team_tabs
from ltxplatform.data_rights.download import send_archive
from ltxplatform.data_rights.forms import ConfirmForm
from ltxplatform.data_rights.models import DataExport, Deletion
from ltxplatform.data_rights.services import deletions, exports

EXPORTS = "data_rights/exports.html"


@require_safe
@requires(TEAM_OWN)
def team_data(request: TeamRequest) -> HttpResponse:
    return _page(request, request.team)


@require_POST
@requires(TEAM_OWN)
@recent_sign_in
def team_export(request: TeamRequest) -> HttpResponse:
    return _begin(request, request.actor)


@require_safe
@requires(TEAM_OWN)
def team_export_file(request: TeamRequest, pk: UUID) -> HttpResponseBase:
    return _file(request, DataExport.objects.select_related("team").filter(pk=pk, team=request.team).first())


@require_safe
def own_data(request: HttpRequest) -> HttpResponse:
    return _page(request, None)


@require_POST
@recent_sign_in
def own_export(request: HttpRequest) -> HttpResponse:
    return _begin(request, None)


@require_safe
def own_export_file(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    return _file(request, DataExport.objects.filter(pk=pk, team=None, person=_person(request)).first())


@require_http_methods(["GET", "HEAD", "POST"])
@requires(TEAM_OWN)
@recent_sign_in
def team_delete(request: TeamRequest) -> HttpResponse:
    """What goes with the team; the POST with the typed name begins it."""
    return _delete(
        request,
        {"team_end": deletions.preview_team(request.team), "typed_label": "Type the name of the team"},
        lambda typed: deletions.request_team_deletion(actor=request.actor, typed=typed, now=timezone.now()),
    )


@require_POST
@requires(TEAM_OWN)
def team_delete_undo(request: TeamRequest) -> HttpResponse:
    return _undo(request, deletions.waiting_deletion(team=request.team), request.actor)


@require_http_methods(["GET", "HEAD", "POST"])
@recent_sign_in
def own_delete(request: HttpRequest) -> HttpResponse:
    """What goes with the account; the POST with the typed address begins it."""
    person = _person(request)
    return _delete(
        request,
        {"account_end": deletions.preview_account(person), "typed_label": "Type your e-mail address"},
        lambda typed: deletions.request_account_deletion(person=person, typed=typed, now=timezone.now()),
    )


@require_POST
def own_delete_undo(request: HttpRequest) -> HttpResponse:
    person = _person(request)
    return _undo(request, deletions.waiting_deletion(person=person), person)


def _delete(request: HttpRequest, preview: dict[str, Any], begin: Callable[[str], Deletion]) -> HttpResponse:
    form = ConfirmForm(request.POST if request.method == "POST" else None, label=preview["typed_label"])
    if form.is_valid():
        try:
            deletion = begin(form.cleaned_data["typed"])
        except FieldErrors as error:
            for name, sentences in error.errors.items():
                form.add_error(None if name == "__all__" else name, sentences)
        else:
            messages.success(
                request, f"It will be deleted on {deletion.due_at:%-d %B}. Until then you can undo it."
            )
            return redirect(exports.data_page(deletion.team))
    context = {**preview, "form": form, "days": settings.DELETION_GRACE_DAYS}
    return render(request, "data_rights/delete.html", context, status=422 if form.errors else 200)


def _undo(request: HttpRequest, deletion: Deletion | None, by: Actor | User) -> HttpResponse:
    if deletion is None or not deletions.undo_deletion(deletion=deletion, by=by, now=timezone.now()):
        messages.error(request, "There is nothing left to undo.")
        return redirect(exports.data_page(getattr(request, "team", None)))
    messages.success(request, "Nothing will be deleted.")
    return redirect(exports.data_page(deletion.team))


def _page(request: HttpRequest, team: Team | None, *, status: int = 200, **more: Any) -> HttpResponse:
    person = _person(request)
    deletion = deletions.waiting_deletion(team=team, person=person)
    context = {
        "is_own": team is None,
        "tabs": team_tabs(actor_of(request), "data_rights:team_data") if team is not None else [],
        "exports": exports.exports_of(person, team),
        "deletion": deletion,
        "days": settings.EXPORT_DAYS,
        "owned": deletions.teams_owned_by(person) if team is None else [],
        "can_undo": deletion is not None and deletion.due_at > timezone.now(),
        **more,
    }
    page = "data_rights/own.html" if team is None else "data_rights/team.html"
    wants_fragment = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    response = render(request, EXPORTS if wants_fragment else page, context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Boosted"])
    return response


def _begin(request: HttpRequest, actor: Actor | None) -> HttpResponse:
    team = actor.team if actor is not None else None
    try:
        exports.start_export(person=_person(request), actor=actor, now=timezone.now())
    except exports.TooManyExports as error:
        return _page(request, team, status=422, refused=error.message)
    messages.success(request, "The export is being created. You will get an e-mail when it is ready.")
    return redirect(exports.data_page(team))


def _file(request: HttpRequest, export: DataExport | None) -> HttpResponseBase:
    if export is None or not export.is_ready:
        raise Http404("There is no such export.")
    return send_archive(request, export)


def _person(request: HttpRequest) -> User:
    return cast(User, request.user)
