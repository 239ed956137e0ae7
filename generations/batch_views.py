"""The pages of batches."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.errors import DomainError, FieldErrors, RowErrors
from accounts.http import TeamRequest, page_or_fragment, requires
from accounts.permissions import GENERATIONS_CANCEL, GENERATIONS_CREATE, GENERATIONS_VIEW
from accounts.services import project_for_work
from generations import batch_pages
from generations.batch_forms import CSV_MOST, BatchForm
from generations.models import BatchKind
from generations.pages import first_values
from generations.selectors import InvalidCursor, batches_of
from generations.services import (
    CancelOutcome,
    KeyReused,
    cancel_batch,
    import_picture,
    order_batch,
    store_image,
)

CREATE = "generations/batch_create.html"
PICTURES_MOST = 50
KEY_USED = "This form has made a batch already. Press the button again to make another one."
UNREADABLE = "This file is not a table as text (CSV in UTF-8)."


@require_http_methods(["GET", "HEAD", "POST"])
@requires(GENERATIONS_CREATE)
def batch_create(request: TeamRequest) -> HttpResponse:
    """The form for many clips. A POST makes them, or only keeps the pictures that came along (`do=add`)."""
    if request.method != "POST":
        form = BatchForm(_kind_of(request), initial=first_values(request.team, request.GET))
        return render(request, CREATE, batch_pages.batch_create_page(request.team, form))
    form = BatchForm(_kind_of(request), request.POST, request.FILES)
    _keep_files(request, form)
    if request.POST.get("do") == "add":
        return render(request, CREATE, batch_pages.batch_create_page(request.team, form))
    if form.is_valid():
        try:
            result = order_batch(
                actor=request.actor,
                kind=form.kind,
                rows=form.rows,
                name=form.batch_name,
                idempotency_key=form.idempotency_key,
                project=project_for_work(request.actor, form.project_id) if form.project_id else None,
            )
        except RowErrors as error:
            form.add_rows(error)
        except FieldErrors as error:
            form.add_refusal(error)
        except DomainError as error:
            form.refuse(KeyReused(KEY_USED) if isinstance(error, KeyReused) else error, request.actor)
        else:
            return redirect("generations:batch", team_slug=request.team.slug, pk=result.batch.pk)
    return render(request, CREATE, batch_pages.batch_create_page(request.team, form), status=422)


@require_POST
@requires(GENERATIONS_CREATE)
def batch_price(request: TeamRequest) -> HttpResponse:
    """What the form's clips would cost together, as a fragment. A POST, because a table may be long."""
    form = BatchForm(_kind_of(request), request.POST)
    context = {"offer": batch_pages.batch_offer(request.team, form)}
    return render(request, "generations/batch_price.html", context)


@require_safe
@requires(GENERATIONS_VIEW)
def batches(request: TeamRequest) -> HttpResponse:
    try:
        context = batch_pages.batches_page(request.team, request.actor, request.GET.get("cursor"))
    except InvalidCursor:
        return redirect("generations:batches", team_slug=request.team.slug)
    return render(request, "generations/batches.html", context)


@require_safe
@requires(GENERATIONS_VIEW)
def batch(request: TeamRequest, pk: UUID) -> HttpResponse:
    row = get_object_or_404(batches_of(request.team), pk=pk)
    first = request.GET.get("first", "0")
    place = int(first) if first.isascii() and first.isdigit() and len(first) < 6 else 0
    context = batch_pages.batch_page(row, request.actor, first=place)
    return page_or_fragment(request, "generations/batch.html", "progress", context)


@require_POST
@requires(GENERATIONS_CANCEL)
def batch_cancel(request: TeamRequest, pk: UUID) -> HttpResponse:
    row = get_object_or_404(batches_of(request.team), pk=pk)
    outcomes = cancel_batch(actor=request.actor, batch_id=row.pk)
    released = outcomes[CancelOutcome.RELEASED]
    messages.success(
        request, f"{released} clip{'' if released == 1 else 's'} canceled; nothing was charged for them."
    )
    if asked := outcomes[CancelOutcome.PENDING_UPSTREAM]:
        messages.info(request, f"{asked} had begun to render. What can still be stopped costs nothing.")
    return redirect("generations:batch", team_slug=request.team.slug, pk=row.pk)


def _kind_of(request: HttpRequest) -> BatchKind:
    wish = request.POST.get("kind") or request.GET.get("kind")
    return BatchKind(wish) if wish in BatchKind.values else BatchKind.SEEDS


def _keep_files(request: TeamRequest, form: BatchForm) -> None:
    """Store the pictures that came with the form, even when the rest is refused, and read its table."""
    for upload in request.FILES.getlist("files")[:PICTURES_MOST]:
        try:
            image = store_image(actor=request.actor, upload=upload, name=upload.name or "")
        except DomainError as error:
            form.upload_errors.append(f"{upload.name}: {error.message}")
        else:
            form.new_images.append(image.pk)
    _keep_shared_picture(request, form)
    table: Any = request.FILES.get("csv_file")
    if isinstance(table, UploadedFile):
        try:
            form.new_csv = table.read(CSV_MOST + 1).decode("utf-8-sig")
        except UnicodeDecodeError:
            form.upload_errors.append(UNREADABLE)


def _keep_shared_picture(request: TeamRequest, form: BatchForm) -> None:
    upload = request.FILES.get("file")
    address = str(form["address"].value() or "").strip()
    try:
        if upload is not None:
            form.picture = store_image(actor=request.actor, upload=upload, name=upload.name or "")
        elif address:
            form.picture = import_picture(actor=request.actor, address=address)
    except DomainError as error:
        form.upload_errors.append(error.message)
