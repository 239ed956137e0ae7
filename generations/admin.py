"""Staff screens for pictures and clips: everything that happened to a job on one page, nothing to change.

Costs are n$ in the rows and dollars here, to the last digit: fal's are not whole µ$.
"""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from accounts.models import Team
from accounts.staff_contents import ContentsAdmin, is_visited
from accounts.staff_site import ReadOnlyTable, as_uuid, count_of
from billing.money import MINUS, NOTHING, format_exact
from billing.services import hold_of
from generations import admin_dispatch as admin_dispatch  # its screens join these
from generations import admin_files
from generations.admin_eta import ExpectedTimes
from generations.failures import FAILURES
from generations.models import Generation, GenerationEvent, Image, Submission, WebhookReceipt
from generations.parameters import PARAMETERS
from generations.services.costs import margin_of
from generations.states import Status

__all__ = ["GenerationAdmin", "ImageAdmin", "SubmissionAdmin", "admin_files"]

TONES = {
    Status.SUCCEEDED: "success",
    Status.FAILED: "danger",
    Status.REJECTED: "danger",
    Status.EXPIRED: "warning",
    Status.CANCELED: "warning",
}


# Parameters that people write; the others are numbers and choices.
WORDS = frozenset(each.name for each in PARAMETERS if each.kind in {"text", "loras"})


class EventTable(ReadOnlyTable):
    model = GenerationEvent
    fields = readonly_fields = ("at", "from_status", "to_status", "actor", "note")

    @display(description="time")
    def at(self, event: GenerationEvent) -> str:
        return event.created_at.isoformat(" ", "milliseconds")


class SubmissionTable(ReadOnlyTable):
    model = Submission
    fields = readonly_fields = (
        "number",
        "state",
        "refusal",
        "fal_key",
        "request_id",
        "token",
        "created_at",
        "cost",
    )
    show_change_link = True

    @display(description="cost")
    def cost(self, submission: Submission) -> str:
        return cost_in_words(submission)


class ReceiptTable(ReadOnlyTable):
    model = WebhookReceipt
    fields = readonly_fields = ("request_id", "received_at", "processed_at", "body")

    def get_fields(self, request: HttpRequest, obj: Submission | None = None) -> list[str]:
        """What fal sent names the clip's file, which anybody can open who knows the address."""
        shown = obj is not None and is_visited(request, obj.generation.team)
        return [name for name in self.fields if shown or name != "body"]


@admin.register(Generation)
class GenerationAdmin(ExpectedTimes):
    list_display = ("id", "state", "team", "created_by", "cost", "created_at")
    list_filter = ("status", "failure_code", "created_at")
    list_select_related = ("team", "created_by")
    search_fields = ("team__slug", "created_by__email", "idempotency_key__exact")
    search_help_text = "Id of a clip, a team or a fal request; a team's short name; an e-mail address."
    ordering = ("-created_at", "-id")
    inlines = (EventTable, SubmissionTable)
    contents = frozenset({"params", "used_prompt", "logs"})
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "id",
                    "status",
                    "team",
                    "created_by",
                    "api_key",
                    "image",
                    "money",
                    "margin",
                    "reason",
                )
            },
        ),
        (
            "Course",
            {
                "fields": (
                    ("created_at", "start_deadline"),
                    ("sent_at", "started_at", "ended_at"),
                    ("due_at", "attempts"),
                    ("queue_position", "progress"),
                    "cancel_requested_at",
                    "receipts",
                    "logs",
                )
            },
        ),
        ("Asked for", {"fields": ("settings", "params", "idempotency_key")}),
        (
            "Delivered",
            {
                "fields": (
                    ("used_prompt", "used_seed"),
                    ("video_name", "poster_name"),
                    ("preview_name", "last_frame_name"),
                    "media_deleted_at",
                    "video_sha256",
                    "source_sha256",
                    "video_size",
                    ("width", "height"),
                    ("frames", "duration_ms"),
                )
            },
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Generation]:
        # The list needs neither the log nor the whole of what a big job carries.
        return super().get_queryset(request).defer("logs", "used_prompt", "failure_detail")

    def get_readonly_fields(self, request: HttpRequest, obj: Generation | None = None) -> list[str]:
        named = [name for _, options in self.fieldsets for name in options["fields"]]
        own = [name for row in named for name in ((row,) if isinstance(row, str) else row)]
        return [*own, *super().get_readonly_fields(request, obj)]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Generation], search_term: str
    ) -> tuple[QuerySet[Generation], bool]:
        identifier = as_uuid(search_term)
        if identifier is None:
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(named_by(identifier)), False

    @display(description="status", ordering="status", label=TONES)
    def state(self, generation: Generation) -> tuple[str, str]:
        return generation.status, generation.get_status_display()

    @display(description="settings")
    def settings(self, generation: Generation) -> str:
        """Its parameters without what people wrote."""
        told = (name for name in generation.params if name not in WORDS)
        return ", ".join(f"{name} {generation.params[name]}" for name in told)

    @display(description="held at first", ordering="price")
    def cost(self, generation: Generation) -> str:
        return format_exact(generation.price)

    @display(description="money")
    def money(self, generation: Generation) -> str:
        hold = hold_of(generation.hold_attempt)
        if hold is None:
            return NOTHING
        return (
            f"held {format_exact(hold.amount)}, captured {format_exact(hold.captured)}, "
            f"released {format_exact(hold.released)} ({hold.state})"
        )

    @display(description="margin")
    def margin(self, generation: Generation) -> str:
        margin = margin_of(generation)
        return (
            f"captured {format_exact(margin.captured)}, cost {nanos_in_dollars(margin.cost_nanos)}, "
            f"margin {nanos_in_dollars(margin.nanos)}"
        )

    @display(description="video")
    def video_name(self, generation: Generation) -> str:
        """Where it is stored; files are handed out by signed addresses only, so there is no link."""
        return generation.video.name or NOTHING

    @display(description="poster")
    def poster_name(self, generation: Generation) -> str:
        return generation.poster.name or NOTHING

    @display(description="preview")
    def preview_name(self, generation: Generation) -> str:
        return generation.preview.name or NOTHING

    @display(description="last frame")
    def last_frame_name(self, generation: Generation) -> str:
        return generation.last_frame.name or NOTHING

    @display(description="why it ended")
    def reason(self, generation: Generation) -> str:
        if not generation.failure_code:
            return NOTHING
        known = FAILURES.get(generation.failure_code)
        sentence = known.operator if known else generation.failure_code
        return f"{generation.failure_code}: {sentence} {generation.failure_detail}".strip()

    @display(description="webhooks received")
    def receipts(self, generation: Generation) -> SafeString | str:
        rows = WebhookReceipt.objects.filter(submission__generation=generation).order_by("received_at")
        lines = format_html_join(
            "",
            "<li>{} for {}, {}</li>",
            (
                (
                    row.received_at.isoformat(" ", "seconds"),
                    row.request_id,
                    "applied" if row.processed_at else "waiting",
                )
                for row in rows
            ),
        )
        return format_html("<ul>{}</ul>", lines) if lines else NOTHING


def cost_in_words(submission: Submission) -> str:
    """What fal charges for a request, and who says so."""
    if submission.cost_nanos is None:
        return NOTHING
    return f"{nanos_in_dollars(submission.cost_nanos)} ({submission.get_cost_source_display()})"


def nanos_in_dollars(nanos: int) -> str:
    """n$ with all nine digits. 20_833_340 -> "$0.020833340"."""
    whole, part = divmod(abs(nanos), 1_000_000_000)
    return f"{MINUS if nanos < 0 else ''}${whole:,}.{part:09d}"


def named_by(identifier: UUID) -> Q:
    """Generations that an id in a report may mean: the job's, its team's, its picture's, or fal's for it."""
    sent = Submission.objects.filter(Q(request_id=str(identifier)) | Q(token=identifier))
    return Q(pk=identifier) | Q(team=identifier) | Q(image=identifier) | Q(pk__in=sent.values("generation"))


@admin.register(Submission)
class SubmissionAdmin(ContentsAdmin):
    """One attempt to hand a job to fal; in a visit with the exact body and what came back."""

    contents = frozenset({"body"})

    list_display = ("generation", "number", "state", "fal_key", "request_id", "cost", "created_at")
    list_filter = ("state", "fal_key", "cost_source", "created_at")
    list_select_related = ("generation__team",)
    search_fields = ("request_id__exact",)
    search_help_text = "fal request id, token or clip id."
    ordering = ("-created_at",)
    inlines = (ReceiptTable,)
    fields = readonly_fields = (
        "generation",
        "number",
        "state",
        "token",
        "request_id",
        "body",
        "status_url",
        "response_url",
        "cancel_url",
        "fal_key",
        "billable_units",
        "cost",
        "cost_due_at",
        "created_at",
    )

    def team_of(self, row: Submission) -> Team:
        return row.generation.team

    @display(description="cost", ordering="cost_nanos")
    def cost(self, submission: Submission) -> str:
        return cost_in_words(submission)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Submission], search_term: str
    ) -> tuple[QuerySet[Submission], bool]:
        identifier = as_uuid(search_term)
        if identifier is None:
            return super().get_search_results(request, queryset, search_term)
        known = Q(generation=identifier) | Q(token=identifier) | Q(request_id=str(identifier))
        return queryset.filter(known), False


@admin.register(Image)
class ImageAdmin(ContentsAdmin):
    """fal's copy can be opened by anybody who knows its address, so that is contents too."""

    contents = frozenset({"original_name", "fal_url"})
    list_display = ("id", "team", "uploaded_by", "pixels", "size", "uses", "created_at")
    list_filter = ("content_type", "created_at")
    list_select_related = ("team", "uploaded_by")
    search_fields = ("team__slug", "uploaded_by__email", "sha256__exact")
    uuid_lookups = ("pk", "team")
    ordering = ("-created_at",)
    fields = readonly_fields = (
        "id",
        "team",
        "uploaded_by",
        "original_name",
        "content_type",
        "pixels",
        "size",
        "sha256",
        "source_sha256",
        "file_name",
        "fal_url",
        "fal_url_expires_at",
        "created_at",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).annotate(uses_total=count_of(Generation, "image"))

    @display(description="file")
    def file_name(self, image: Image) -> str:
        return image.file.name or NOTHING

    @display(description="pixels")
    def pixels(self, image: Image) -> str:
        return f"{image.width} x {image.height}"

    @display(description="clips")
    def uses(self, image: Image) -> int:
        return image.uses_total  # type: ignore[attr-defined]
