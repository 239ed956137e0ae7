"""The pages of pictures and clips."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect, reswap, retarget, trigger_client_event

from accounts.errors import DomainError, FieldErrors
from accounts.http import TeamRequest, page_or_fragment, requires
from accounts.permissions import GENERATIONS_CANCEL, GENERATIONS_CREATE, GENERATIONS_VIEW
from accounts.services import project_for_work
from generations import pages
from generations.forms import CreateForm, FrameForm
from generations.models import Relation
from generations.presentation import views_of
from generations.selectors import InvalidCursor, clips_of
from generations.services import (
    CancelOutcome,
    KeyReused,
    SubmitResult,
    cancel_generation,
    import_picture,
    picture_from_clip,
    prompt_limit,
    refuse_impossible,
    store_image,
    submit_variation,
)

CREATE = "generations/create.html"
CANCEL_TEXT = {
    CancelOutcome.RELEASED: "The clip was canceled. Nothing was charged.",
    CancelOutcome.PENDING_UPSTREAM: "Rendering had begun. If it can still be stopped, nothing is charged.",
    CancelOutcome.TOO_LATE: "It was too late to cancel this clip.",
}
KEY_USED = "This form has made a clip already. Press Generate again to make another one."


@require_http_methods(["GET", "HEAD", "POST"])
@requires(GENERATIONS_CREATE)
def create(request: TeamRequest) -> HttpResponse:
    """The form; htmx asks for the picture's part alone. A POST makes a clip."""
    if request.method == "POST":
        return _submit(request)
    form = CreateForm(initial=pages.first_values(request.team, request.GET))
    response = page_or_fragment(
        request, CREATE, "picture", pages.create_page(request.team, form, request.user)
    )
    return _picture_changed(response) if request.htmx else response


def _submit(request: TeamRequest) -> HttpResponse:
    form = CreateForm(request.POST, request.FILES)
    parent = get_object_or_404(clips_of(request.team), pk=form.parent_id) if form.parent_id else None
    form.prompt_limit = prompt_limit(parent) if parent else None
    keep_picture(request, form)
    if form.is_valid() and form.params:
        try:
            result = submit_variation(
                actor=request.actor,
                image_id=form.image_id,
                params=form.params,
                parent=parent,
                relation=form.chosen_relation,
                idempotency_key=form.idempotency_key,
                project=project_for_work(request.actor, form.project_id) if form.project_id else None,
            )
        except FieldErrors as error:
            form.add_refusal(error)
        except DomainError as error:
            form.refuse(KeyReused(KEY_USED) if isinstance(error, KeyReused) else error, request.actor)
        else:
            return _accepted(request, form, result)
    context = pages.create_page(request.team, form, request.user)
    response = page_or_fragment(request, CREATE, "workbench", context, status=422)
    return reswap(retarget(response, "#workbench"), "outerHTML")


def keep_picture(request: TeamRequest, form: CreateForm) -> None:
    """Store a picture that came with the form, or that its address leads to, even when the rest is refused:
    nobody has to send it twice."""
    upload = request.FILES.get("file")
    address = str(form["address"].value() or "").strip()
    try:
        if upload is not None:
            form.picture = store_image(actor=request.actor, upload=upload, name=upload.name or "")
        elif address:
            form.picture = import_picture(actor=request.actor, address=address)
    except DomainError as error:
        form.picture_error = error.message


def _accepted(request: TeamRequest, form: CreateForm, result: SubmitResult) -> HttpResponse:
    if not request.htmx:
        return redirect(result.generation)
    if result.replayed:
        return HttpResponseClientRedirect(result.generation.get_absolute_url())
    context = pages.accepted(request.team, form, result.generation, request.user)
    response = render(request, "generations/accepted.html", context)
    return trigger_client_event(response, "clip-accepted", {})


@require_safe
@requires(GENERATIONS_CREATE)
def price(request: TeamRequest) -> HttpResponse:
    """What the form's clip would cost, as a fragment."""
    return render(
        request, "generations/price.html", pages.price(request.team, CreateForm(request.GET), request.user)
    )


@require_POST
@requires(GENERATIONS_CREATE)
def image_upload(request: TeamRequest) -> HttpResponse:
    """Keep a picture and answer with the create form's picture part, or go on to the form."""
    form = CreateForm(request.POST, request.FILES)
    keep_picture(request, form)
    if not request.htmx:
        return redirect(pages.create_address(request.team, image=form.picture and form.picture.pk))
    form.is_valid()
    context = pages.picture_part(request.team, form)
    status = 422 if "image" in form.errors else 200
    return _picture_changed(render(request, f"{CREATE}#picture", context, status=status))


def _picture_changed(response: HttpResponse) -> HttpResponse:
    """Once the new picture stands on the page, its size is compared with the clip's."""
    return trigger_client_event(response, "picture-changed", {}, after="swap")


@require_safe
@requires(GENERATIONS_VIEW)
def clips(request: TeamRequest) -> HttpResponse:
    try:
        context = pages.clips_page(request.team, request.actor, request.GET)
    except InvalidCursor:
        return redirect("generations:clips", team_slug=request.team.slug)
    return render(request, "generations/clips.html", context)


@require_safe
@requires(GENERATIONS_VIEW)
def clip_updates(request: TeamRequest) -> HttpResponse:
    """The watched tiles that have changed; nothing (204) when none has."""
    context = pages.changed_tiles(request.team, request.GET.getlist("watch"))
    if not context["tiles"]:
        return HttpResponse(status=204)
    return render(request, "generations/updates.html", context)


@require_safe
@requires(GENERATIONS_VIEW)
def clip(request: TeamRequest, pk: UUID) -> HttpResponse:
    # A statement names a clip by what was held for it, which an edit replaces.
    [view] = views_of([get_object_or_404(clips_of(request.team), Q(pk=pk) | Q(hold_attempt=pk))])
    shown = request.GET.get("version", "") if request.htmx else ""
    if shown == view.version:
        return HttpResponse(status=204)
    context = pages.clip_page(view, request.actor, shown=shown)
    return page_or_fragment(request, "generations/clip.html", "status", context)


@require_POST
@requires(GENERATIONS_CREATE)
def extend(request: TeamRequest, pk: UUID) -> HttpResponse:
    """Take a frame of a ready clip, and go on to the form that continues from it."""
    clip = get_object_or_404(clips_of(request.team), pk=pk)
    form = FrameForm(request.POST)
    try:
        refuse_impossible(clip, Relation.EXTEND)
        picture = picture_from_clip(actor=request.actor, clip=clip, choice=form.choice)
    except DomainError as error:
        messages.error(request, error.errors["frame"][0] if isinstance(error, FieldErrors) else error.message)
        return redirect(clip)
    where = {"from": clip.pk, "as": Relation.EXTEND.value, "image": picture.pk}
    return redirect(pages.create_address(request.team, **where))


@require_POST
@requires(GENERATIONS_CANCEL)
def cancel(request: TeamRequest, pk: UUID) -> HttpResponse:
    generation = get_object_or_404(clips_of(request.team), pk=pk)
    outcome = cancel_generation(actor=request.actor, generation_id=generation.pk)
    tell = messages.warning if outcome == CancelOutcome.TOO_LATE else messages.success
    tell(request, CANCEL_TEXT[outcome])
    return redirect(generation)
