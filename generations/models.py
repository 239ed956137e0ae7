"""Pictures, clips and batches of clips, the lines they wait in, what was sent to fal and what fal sent back."""

import time
import uuid
from typing import TYPE_CHECKING, TypeVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone

from accounts.models import ApiKey, Project, Team, User
from generations.parameters import ClipParams
from generations.states import IN_FLIGHT, TERMINAL, Status

if TYPE_CHECKING:
    from datetime import datetime


def _now_in_microseconds() -> int:
    return time.time_ns() // 1000


Owned = TypeVar("Owned", bound=models.Model)


class TeamQuerySet(models.QuerySet[Owned]):
    """Rows with an owner; every read for people starts with `for_team`."""

    def for_team(self, team: Team) -> "TeamQuerySet[Owned]":
        return self.filter(team=team)


class Image(models.Model):
    """A checked, re-encoded picture without metadata. One row per team and content (SHA-256 of what is stored)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="images")
    uploaded_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    file = models.FileField(max_length=200)
    thumbnail = models.FileField(max_length=200)
    sha256 = models.CharField(max_length=64)
    # SHA-256 of the bytes as uploaded: the same file again needs no second decoding.
    source_sha256 = models.CharField(max_length=64, db_index=True)
    width = models.PositiveIntegerField(help_text="pixels")
    height = models.PositiveIntegerField(help_text="pixels")
    size = models.PositiveIntegerField(help_text="bytes")
    content_type = models.CharField(max_length=20)
    original_name = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # The clip and the frame (0 is the first) it was taken from, for pictures that continue a clip.
    from_clip = models.ForeignKey(
        "Generation", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    from_frame = models.PositiveIntegerField(null=True, blank=True)
    # Where fal keeps its copy, so that a picture used twice travels once.
    fal_url = models.TextField(blank=True)
    fal_url_expires_at = models.DateTimeField(null=True, blank=True)

    objects = TeamQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "sha256"], name="image_once_per_team")]
        indexes = [models.Index(fields=["team", "-created_at"], name="image_recent")]

    def __str__(self) -> str:
        return f"{self.width}x{self.height} {self.content_type}"


class BatchKind(models.TextChoices):
    SEEDS = "seeds", "Seed sweep"
    MATRIX = "matrix", "Prompts by pictures"
    ROWS = "rows", "Rows"


class Batch(models.Model):
    """Clips ordered together: one price, all held or none; each clip then goes its own way."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="batches")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, related_name="+")
    project = models.ForeignKey(Project, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    kind = models.CharField(max_length=10, choices=BatchKind)
    name = models.CharField(max_length=100, blank=True)
    # Scoped to the team: who repeats an order with the same key gets this row back.
    idempotency_key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    size = models.PositiveIntegerField(help_text="clips")
    price = models.BigIntegerField(help_text="µ$ held at submission, for all clips together")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TeamQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "batches"
        constraints = [models.UniqueConstraint(fields=["team", "idempotency_key"], name="batch_once_per_key")]
        indexes = [models.Index(fields=["team", "-created_at", "-id"], name="batch_recent")]

    def __str__(self) -> str:
        return f"{self.size} clips, {self.get_kind_display().lower()}"


class Relation(models.TextChoices):
    """What a clip is to the one it was made from."""

    RETRY = "retry", "Another try at"
    RERUN = "rerun", "Repeats"
    REMIX = "remix", "Varies"
    EXTEND = "extend", "Continues"
    PROMOTE = "promote", "Final version of"


class Generation(models.Model):
    """One clip somebody asked for.

    `status` changes only through `services.states.advance`, and from queued to dispatching in the dispatcher's claim.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="generations")
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, related_name="+")
    # What it is for: its credits count in that project's budgets and usage.
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.SET_NULL, related_name="generations", db_index=False
    )
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="generations")
    # `ClipParams.as_json()`: fal's names and types without image_url.
    params = models.JSONField()
    # Scoped to the team: who repeats a submission with the same key gets this row back.
    idempotency_key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    batch = models.ForeignKey(
        Batch, null=True, blank=True, on_delete=models.PROTECT, related_name="generations"
    )
    batch_place = models.PositiveIntegerField(null=True, blank=True)
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="children"
    )
    relation = models.CharField(max_length=10, choices=Relation, blank=True)

    status = models.CharField(max_length=12, choices=Status, default=Status.QUEUED)
    # Why it did not end as a clip: a code of failures.py; the operator's detail is never shown to creators.
    failure_code = models.CharField(max_length=60, blank=True)
    failure_detail = models.TextField(blank=True)
    # Limits that fal named with its refusal, as texts for the creator's sentence.
    failure_context = models.JSONField(default=dict, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    price = models.BigIntegerField(help_text="µ$ held")
    # The id its credits are held under: its own, until an edit replaces the hold by another.
    hold_attempt = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)

    # Its place in its member's line: smaller goes first. Microseconds since 1970 unless somebody moved it.
    line_order = models.BigIntegerField(default=_now_in_microseconds)
    paused_at = models.DateTimeField(null=True, blank=True)
    # The name of the fal key that serves it while it is at fal.
    fal_key = models.CharField(max_length=40, blank=True)

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    start_deadline = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True, help_text="accepted by fal")
    started_at = models.DateTimeField(null=True, blank=True, help_text="rendering began at fal")
    ended_at = models.DateTimeField(null=True, blank=True)
    # When a worker, the poller or the sweep should look at this row next; null: nothing is due.
    due_at = models.DateTimeField(null=True, blank=True)
    # When a task was last enqueued for what is due, so that a busy queue is not filled with copies.
    nudged_at = models.DateTimeField(null=True, blank=True)
    # Times a task began work in the present phase; committed before the work, so a task that kills its worker counts.
    attempts = models.PositiveSmallIntegerField(default=0)

    # What fal last said while the job was there.
    queue_position = models.PositiveIntegerField(null=True, blank=True)
    progress = models.PositiveSmallIntegerField(default=0, help_text="percent")
    logs = models.JSONField(default=list, help_text="the last lines of fal's log")

    # What was expected at submission, in seconds until it is ready; the error is measured against it.
    eta_bucket = models.CharField(max_length=20, blank=True, help_text="resolution, passes, frames up to")
    eta_seconds = models.PositiveIntegerField(null=True, blank=True)
    eta_low_seconds = models.PositiveIntegerField(null=True, blank=True)
    eta_high_seconds = models.PositiveIntegerField(null=True, blank=True)

    # What was delivered.
    used_prompt = models.TextField(blank=True)
    used_seed = models.BigIntegerField(null=True, blank=True)
    video = models.FileField(max_length=200, blank=True)
    poster = models.FileField(max_length=200, blank=True)
    preview = models.FileField(max_length=200, blank=True, help_text="a small silent loop")
    last_frame = models.FileField(max_length=200, blank=True)
    # Of the file as fal delivered it; ours is the same stream with the recipe written into it.
    source_sha256 = models.CharField(max_length=64, blank=True)
    video_sha256 = models.CharField(max_length=64, blank=True)
    video_size = models.PositiveBigIntegerField(default=0, help_text="bytes")
    width = models.PositiveIntegerField(default=0, help_text="pixels")
    height = models.PositiveIntegerField(default=0, help_text="pixels")
    frames = models.PositiveIntegerField(default=0)
    duration_ms = models.PositiveIntegerField(default=0)
    # The files are gone by the team's retention rule; the row, its recipe and its ledger entries stay.
    media_deleted_at = models.DateTimeField(null=True, blank=True)

    objects = TeamQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "idempotency_key"], name="generation_once_per_key"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="generation_status_known"),
            models.CheckConstraint(
                condition=Q(status__in=TERMINAL, ended_at__isnull=False)
                | (~Q(status__in=TERMINAL) & Q(ended_at__isnull=True)),
                name="generation_ended_when_final",
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.SUCCEEDED) | ~Q(video=""), name="generation_ready_has_video"
            ),
        ]
        indexes = [
            models.Index(fields=["team", "-created_at", "-id"], name="generation_recent"),
            models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="generation_due"),
            models.Index(fields=["created_at"], condition=Q(status=Status.QUEUED), name="generation_line"),
            models.Index(fields=["status"], condition=~Q(status__in=TERMINAL), name="generation_active"),
            models.Index(
                fields=["team", "created_by", "line_order", "id"],
                condition=Q(status=Status.QUEUED, paused_at__isnull=True),
                name="generation_own_line",
            ),
            models.Index(
                fields=["start_deadline"], condition=Q(status=Status.QUEUED), name="generation_start_deadline"
            ),
            models.Index(fields=["fal_key"], condition=Q(status__in=IN_FLIGHT), name="generation_at_fal"),
            models.Index(
                fields=["eta_bucket", "-ended_at"],
                condition=Q(status=Status.SUCCEEDED),
                name="generation_render_times",
            ),
            models.Index(
                fields=["team", "ended_at"],
                condition=Q(status=Status.SUCCEEDED, media_deleted_at__isnull=True),
                name="generation_with_media",
            ),
            models.Index(fields=["batch", "batch_place"], name="generation_in_batch"),
            models.Index(
                fields=["project", "-created_at", "-id"],
                condition=Q(project__isnull=False),
                name="generation_of_project",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"

    def get_absolute_url(self) -> str:
        return reverse("generations:clip", args=[self.team.slug, self.pk])

    @property
    def clip_params(self) -> ClipParams:
        return ClipParams.from_json(self.params)

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL

    @property
    def can_cancel(self) -> bool:
        return not self.is_terminal and self.status != Status.FINALIZING and self.cancel_requested_at is None


class Line(models.Model):
    """Whose turn it is: the one with the smallest `turn` among those with a job that is ready.

    `turn` grows by STRIDE / weight with every job that is sent, so that over time each line gets its share.
    """

    turn = models.BigIntegerField(default=0)
    # When its next job may be sent; null: none waits. It may be early, never late: the dispatcher corrects it.
    ready_at = models.DateTimeField(null=True, blank=True)
    served_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True


class TeamLine(Line):
    """A team's place among the teams. `weight` is its share: 2 gets two jobs for another's one."""

    team = models.OneToOneField(Team, primary_key=True, on_delete=models.CASCADE, related_name="line")
    weight = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )

    class Meta:
        indexes = [
            models.Index(
                F("turn"),
                F("served_at").asc(nulls_first=True),
                condition=Q(ready_at__isnull=False),
                name="team_line_next",
            ),
            models.Index(fields=["-turn"], name="team_line_latest"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(weight__range=(1, 100)), name="team_line_weight_known")
        ]

    def __str__(self) -> str:
        return f"line of team {self.team_id}"


class MemberLine(Line):
    """A member's place among the members of a team; without a member for jobs whose member is gone."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="+")
    member = models.ForeignKey(User, null=True, blank=True, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "member"], nulls_distinct=False, name="member_line_once")
        ]
        indexes = [
            models.Index(
                F("team"),
                F("turn"),
                F("served_at").asc(nulls_first=True),
                condition=Q(ready_at__isnull=False),
                name="member_line_next",
            )
        ]

    def __str__(self) -> str:
        return f"line of member {self.member_id} in team {self.team_id}"


class BreakerState(models.TextChoices):
    CLOSED = "closed", "Working"
    OPEN = "open", "Paused"
    HALF_OPEN = "half_open", "Trying one job"


class FalKey(models.Model):
    """What is known about one of the keys in the settings: whether fal takes jobs from it. Never the key itself."""

    name = models.CharField(primary_key=True, max_length=40)
    breaker = models.CharField(max_length=10, choices=BreakerState, default=BreakerState.CLOSED)
    reason = models.CharField(max_length=300, blank=True)
    # Server errors in a row; any acceptance sets it back.
    failures = models.PositiveIntegerField(default=0)
    openings = models.PositiveIntegerField(default=0, help_text="in a row, without a job accepted between")
    opened_at = models.DateTimeField(null=True, blank=True)
    probe_at = models.DateTimeField(null=True, blank=True, help_text="when one job is tried again")
    # A refusal that reads like a locked account, and has yet to be told from a refusal of content.
    suspicion = models.ForeignKey(
        Generation, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    suspected_at = models.DateTimeField(null=True, blank=True)
    # When the latest job was sent that fal accepted, noted from the first trouble on.
    accepted_at = models.DateTimeField(null=True, blank=True)
    # What the operators were last told: that it is paused, or that it works.
    told_open = models.BooleanField(default=False)

    class Meta:
        verbose_name = "fal key"

    def __str__(self) -> str:
        return f"{self.name}: {self.get_breaker_display()}"

    @property
    def is_resting(self) -> bool:
        return self.breaker != BreakerState.CLOSED


class Retention(models.Model):
    """How long a team keeps its clips' files; no row: for ever."""

    team = models.OneToOneField(Team, primary_key=True, on_delete=models.CASCADE, related_name="retention")
    keep_days = models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(3650)])

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(keep_days__range=(1, 3650)), name="retention_days_known")
        ]

    def __str__(self) -> str:
        return f"{self.keep_days} days"


class StorageWalk(models.Model):
    """How far the search for files that no row names has come; one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    folder = models.CharField(max_length=200, blank=True, help_text="the next one to look into")
    began_at = models.DateTimeField(default=timezone.now, help_text="the present round")
    looked_at = models.PositiveIntegerField(default=0, help_text="files in the present round")
    removed = models.PositiveIntegerField(default=0, help_text="files, since ever")
    finished_at = models.DateTimeField(null=True, blank=True, help_text="the last whole round")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="storage_walk_is_one")]

    def __str__(self) -> str:
        return self.folder or "at the beginning"


class GenerationEvent(models.Model):
    """One change of state, written in the transaction that made it; append-only."""

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="events")
    from_status = models.CharField(max_length=12, blank=True)
    to_status = models.CharField(max_length=12, choices=Status)
    actor = models.CharField(max_length=80, default="system")
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.from_status or 'new'} -> {self.to_status}"


class SubmissionState(models.TextChoices):
    INTENT = "intent", "about to be sent"
    ACCEPTED = "accepted", "accepted by fal"
    REFUSED = "refused", "refused by fal"
    LOST = "lost", "answer lost"
    ABANDONED = "abandoned", "never arrived"
    # Given up, and the job was edited since: whatever fal makes of it is another clip.
    SUPERSEDED = "superseded", "input changed since"


class CostSource(models.TextChoices):
    ESTIMATE = "estimate", "our estimate"
    HEADER = "header", "fal's units with the result"
    BILLING_EVENT = "billing_event", "fal's billing"


class Submission(models.Model):
    """One attempt to hand a generation to fal, committed before the request leaves.

    `token` rides in the webhook address: it links whatever fal did with the request back to this row, even when
    the answer to the request was lost.
    """

    generation = models.ForeignKey(Generation, on_delete=models.CASCADE, related_name="submissions")
    number = models.PositiveSmallIntegerField()
    token = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    state = models.CharField(max_length=10, choices=SubmissionState, default=SubmissionState.INTENT)
    # The body as sent: how a lost request is recognised in fal's list.
    body = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    refusal = models.CharField(max_length=300, blank=True, help_text="fal's status and words")
    request_id = models.CharField(max_length=100, null=True, blank=True, unique=True)
    status_url = models.TextField(blank=True)
    response_url = models.TextField(blank=True)
    cancel_url = models.TextField(blank=True)
    # The model's answer (video address, prompt and seed used), so that saving can be retried without asking again.
    output = models.JSONField(null=True, blank=True)
    # fal's own count of what it bills, from the result's header (units; a number with a fraction).
    billable_units = models.DecimalField(max_digits=18, decimal_places=6, null=True, blank=True)
    # The name of the key it was sent with, and what fal charges that account for it.
    fal_key = models.CharField(max_length=40, blank=True)
    cost_nanos = models.BigIntegerField(null=True, blank=True, help_text="n$ that fal charges us")
    cost_source = models.CharField(max_length=15, choices=CostSource, blank=True)
    # When fal's billing should be asked next what it was; null: it has said so, or never will.
    cost_due_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["generation", "number"], name="submission_number_once"),
            # At most one request of a generation can be alive at fal.
            models.UniqueConstraint(
                fields=["generation"],
                condition=Q(state__in=["intent", "accepted", "lost"]),
                name="submission_one_alive",
            ),
        ]
        indexes = [
            models.Index(
                fields=["cost_due_at"], condition=Q(cost_due_at__isnull=False), name="submission_cost_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.generation_id} #{self.number} {self.state}"


class WebhookReceipt(models.Model):
    """A verified delivery of fal's, stored before anything is done with it."""

    submission = models.ForeignKey(Submission, on_delete=models.CASCADE, related_name="receipts")
    request_id = models.CharField(max_length=100)
    body = models.TextField()
    received_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField(default=timezone.now)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            # A repeated delivery is the same fact.
            models.UniqueConstraint(fields=["submission", "request_id"], name="receipt_once"),
        ]

    def __str__(self) -> str:
        return f"{self.request_id} for {self.submission_id}"
