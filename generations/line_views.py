"""What people do on the page of a clip that waits: pause, resume, run it next, change it."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.errors import DomainError, FieldErrors
from accounts.http import TeamRequest, page_or_fragment, requires
from accounts.models import Project
from accounts.permissions import GENERATIONS_CREATE
from accounts.services import open_projects, project_for_work
from generations import pages
from generations.forms import CreateForm, values_of
from generations.models import Generation
from generations.selectors import clips_of
from generations.services import (
    KEEP,
    edit_generation,
    may_change,
    pause_generation,
    resume_generation,
    run_next,
)
from generations.states import Status
from generations.views import keep_picture

EDIT = "generations/edit.html"
NOT_ANY_MORE = "This clip cannot be changed: it has left the line, or it belongs to a colleague."


@require_POST
@requires(GENERATIONS_CREATE)
def pause(request: TeamRequest, pk: UUID) -> HttpResponse:
    return _changed(request, pk, pause_generation, "The clip is paused. It keeps its place and its price.")


@require_POST
@requires(GENERATIONS_CREATE)
def resume(request: TeamRequest, pk: UUID) -> HttpResponse:
    return _changed(request, pk, resume_generation, "The clip is in line again, at its old place.")


@require_POST
@requires(GENERATIONS_CREATE)
def first(request: TeamRequest, pk: UUID) -> HttpResponse:
    return _changed(request, pk, run_next, "The clip is next in its maker's line.")


@require_http_methods(["GET", "HEAD", "POST"])
@requires(GENERATIONS_CREATE)
def edit(request: TeamRequest, pk: UUID) -> HttpResponse:
    """The form with the clip's values; htmx asks for the price alone. A POST saves the change."""
    clip = get_object_or_404(clips_of(request.team), pk=pk)
    if clip.status != Status.QUEUED or not may_change(request.actor, clip):
        messages.warning(request, NOT_ANY_MORE)
        return redirect(clip)
    if request.method == "POST":
        return _save(request, clip)
    form = CreateForm(request.GET if request.htmx else None, initial=_values(clip))
    return page_or_fragment(request, EDIT, "price", _context(request, clip, form))


def _save(request: TeamRequest, clip: Generation) -> HttpResponse:
    form = CreateForm(request.POST, request.FILES, initial=_values(clip))
    keep_picture(request, form)
    if form.is_valid() and form.params:
        try:
            edit_generation(
                actor=request.actor,
                generation_id=clip.pk,
                image_id=form.image_id,
                params=form.params,
                project=_project(request, clip, form),
            )
        except FieldErrors as error:
            form.add_refusal(error)
        except DomainError as error:
            form.refuse(error, request.actor)
        else:
            messages.success(request, "The clip was changed. It keeps its place in line.")
            return redirect(clip)
    return render(request, EDIT, _context(request, clip, form), status=422)


def _values(clip: Generation) -> dict[str, object]:
    return {**values_of(clip.clip_params), "image": clip.image_id, "project": clip.project_id}


def _project(request: TeamRequest, clip: Generation, form: CreateForm) -> Project | str | None:
    """What the form says, where it could say something; the clip's own may be archived by now."""
    if "project" not in form.data or form.project_id == clip.project_id:
        return KEEP
    return project_for_work(request.actor, form.project_id) if form.project_id else None


def _context(request: TeamRequest, clip: Generation, form: CreateForm) -> dict[str, object]:
    """What is held for the clip counts as available: saving gives it back first. So would its share of a limit, which
    is its maker's and not always the reader's: limits are left to the saving."""
    offer = pages.price(request.team, form, request.user)["offer"]
    projects = open_projects(request.team)
    if clip.project is not None and clip.project not in projects:
        projects = [clip.project, *projects]
    form.offer_projects(projects)
    return {
        **pages.picture_part(request.team, form),
        "clip": clip,
        "offer": replace(offer, available=offer.available + clip.price, limit=None),
    }


def _changed(request: TeamRequest, pk: UUID, change: Callable[..., Generation], said: str) -> HttpResponse:
    clip = get_object_or_404(clips_of(request.team), pk=pk)
    try:
        change(actor=request.actor, generation_id=clip.pk)
    except DomainError as error:
        messages.warning(request, error.message)
    else:
        messages.success(request, said)
    return redirect(clip)
