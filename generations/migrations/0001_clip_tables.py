"""Pictures, batches and clips."""

import uuid

from django.conf import settings
from django.db import migrations, models
from django.utils import timezone

import generations.models

# The constraint had this name where the column came to be unique later: one name in all databases.
HOLD_ATTEMPT_ONCE = """
ALTER TABLE generations_generation
    RENAME CONSTRAINT generations_generation_hold_attempt_key TO generations_generation_hold_attempt_dac862b9_uniq;
"""

RANDOM = models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)
MADE = models.DateTimeField(default=timezone.now, editable=False)


class Migration(migrations.Migration):
    initial = True
    replaces = [
        ("generations", "0001_pictures_and_generations"),
        ("generations", "0003_lines_batches_and_derived_clips"),
    ]
    dependencies = [
        ("accounts", "0001_people_tables"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Image",
            fields=[
                ("id", RANDOM.clone()),
                ("file", models.FileField(max_length=200, upload_to="")),
                ("thumbnail", models.FileField(max_length=200, upload_to="")),
                ("sha256", models.CharField(max_length=64)),
                ("source_sha256", models.CharField(db_index=True, max_length=64)),
                ("width", models.PositiveIntegerField(help_text="pixels")),
                ("height", models.PositiveIntegerField(help_text="pixels")),
                ("size", models.PositiveIntegerField(help_text="bytes")),
                ("content_type", models.CharField(max_length=20)),
                ("original_name", models.CharField(blank=True, max_length=200)),
                ("created_at", MADE.clone()),
                ("fal_url", models.TextField(blank=True)),
                ("fal_url_expires_at", models.DateTimeField(blank=True, null=True)),
                (
                    "team",
                    models.ForeignKey(on_delete=models.PROTECT, related_name="images", to="accounts.team"),
                ),
                (
                    "uploaded_by",
                    models.ForeignKey(
                        null=True, on_delete=models.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("from_frame", models.PositiveIntegerField(blank=True, null=True)),
            ],
            options={
                "indexes": [models.Index(fields=["team", "-created_at"], name="image_recent")],
                "constraints": [
                    models.UniqueConstraint(fields=("team", "sha256"), name="image_once_per_team")
                ],
            },
        ),
        migrations.CreateModel(
            name="Batch",
            fields=[
                ("id", RANDOM.clone()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("seeds", "Seed sweep"),
                            ("matrix", "Prompts by pictures"),
                            ("rows", "Rows"),
                        ],
                        max_length=10,
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=100)),
                ("idempotency_key", models.CharField(max_length=255)),
                ("request_hash", models.CharField(max_length=64)),
                ("size", models.PositiveIntegerField(help_text="clips")),
                ("price", models.BigIntegerField(help_text="µ$ held at submission, for all clips together")),
                ("created_at", MADE.clone()),
                (
                    "api_key",
                    models.ForeignKey(
                        null=True, on_delete=models.SET_NULL, related_name="+", to="accounts.apikey"
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True, on_delete=models.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(on_delete=models.PROTECT, related_name="batches", to="accounts.team"),
                ),
                (
                    "project",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=models.SET_NULL,
                        related_name="+",
                        to="accounts.project",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "batches",
                "indexes": [models.Index(fields=["team", "-created_at", "-id"], name="batch_recent")],
                "constraints": [
                    models.UniqueConstraint(fields=("team", "idempotency_key"), name="batch_once_per_key")
                ],
            },
        ),
        migrations.CreateModel(
            name="Generation",
            fields=[
                ("id", RANDOM.clone()),
                ("params", models.JSONField()),
                ("idempotency_key", models.CharField(max_length=255)),
                ("request_hash", models.CharField(max_length=64)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("in_review", "Waiting for review"),
                            ("queued", "In line"),
                            ("dispatching", "Sending"),
                            ("processing", "Rendering"),
                            ("finalizing", "Saving"),
                            ("succeeded", "Ready"),
                            ("failed", "Failed"),
                            ("canceled", "Canceled"),
                            ("expired", "Expired"),
                            ("rejected", "Not approved"),
                        ],
                        default="queued",
                        max_length=12,
                    ),
                ),
                ("failure_code", models.CharField(blank=True, max_length=60)),
                ("failure_detail", models.TextField(blank=True)),
                ("cancel_requested_at", models.DateTimeField(blank=True, null=True)),
                ("price", models.BigIntegerField(help_text="µ$ held")),
                ("created_at", MADE.clone()),
                ("start_deadline", models.DateTimeField()),
                (
                    "started_at",
                    models.DateTimeField(blank=True, help_text="rendering began at fal", null=True),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("nudged_at", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("queue_position", models.PositiveIntegerField(blank=True, null=True)),
                ("progress", models.PositiveSmallIntegerField(default=0, help_text="percent")),
                ("logs", models.JSONField(default=list, help_text="the last lines of fal's log")),
                ("used_prompt", models.TextField(blank=True)),
                ("used_seed", models.BigIntegerField(blank=True, null=True)),
                ("video", models.FileField(blank=True, max_length=200, upload_to="")),
                ("poster", models.FileField(blank=True, max_length=200, upload_to="")),
                ("video_sha256", models.CharField(blank=True, max_length=64)),
                ("video_size", models.PositiveBigIntegerField(default=0, help_text="bytes")),
                ("width", models.PositiveIntegerField(default=0, help_text="pixels")),
                ("height", models.PositiveIntegerField(default=0, help_text="pixels")),
                ("frames", models.PositiveIntegerField(default=0)),
                ("duration_ms", models.PositiveIntegerField(default=0)),
                (
                    "api_key",
                    models.ForeignKey(
                        null=True, on_delete=models.SET_NULL, related_name="+", to="accounts.apikey"
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True, on_delete=models.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="generations", to="accounts.team"
                    ),
                ),
                (
                    "image",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="generations", to="generations.image"
                    ),
                ),
                ("batch_place", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "eta_bucket",
                    models.CharField(blank=True, help_text="resolution, passes, frames up to", max_length=20),
                ),
                ("eta_high_seconds", models.PositiveIntegerField(blank=True, null=True)),
                ("eta_low_seconds", models.PositiveIntegerField(blank=True, null=True)),
                ("eta_seconds", models.PositiveIntegerField(blank=True, null=True)),
                ("fal_key", models.CharField(blank=True, max_length=40)),
                ("last_frame", models.FileField(blank=True, max_length=200, upload_to="")),
                ("line_order", models.BigIntegerField(default=generations.models._now_in_microseconds)),
                ("hold_attempt", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("media_deleted_at", models.DateTimeField(blank=True, null=True)),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=models.SET_NULL,
                        related_name="children",
                        to="generations.generation",
                    ),
                ),
                ("paused_at", models.DateTimeField(blank=True, null=True)),
                (
                    "preview",
                    models.FileField(
                        blank=True, help_text="a small silent loop", max_length=200, upload_to=""
                    ),
                ),
                (
                    "relation",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("retry", "Another try at"),
                            ("rerun", "Repeats"),
                            ("remix", "Varies"),
                            ("extend", "Continues"),
                            ("promote", "Final version of"),
                        ],
                        max_length=10,
                    ),
                ),
                ("sent_at", models.DateTimeField(blank=True, help_text="accepted by fal", null=True)),
                ("source_sha256", models.CharField(blank=True, max_length=64)),
                (
                    "batch",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="generations",
                        to="generations.batch",
                    ),
                ),
                ("failure_context", models.JSONField(blank=True, default=dict)),
                (
                    "project",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=models.SET_NULL,
                        related_name="generations",
                        to="accounts.project",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["team", "-created_at", "-id"], name="generation_recent"),
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)),
                        fields=["due_at"],
                        name="generation_due",
                    ),
                    models.Index(
                        condition=models.Q(("status", "queued")),
                        fields=["created_at"],
                        name="generation_line",
                    ),
                    models.Index(
                        condition=models.Q(
                            (
                                "status__in",
                                frozenset(["canceled", "expired", "failed", "rejected", "succeeded"]),
                            ),
                            _negated=True,
                        ),
                        fields=["status"],
                        name="generation_active",
                    ),
                    models.Index(
                        condition=models.Q(("paused_at__isnull", True), ("status", "queued")),
                        fields=["team", "created_by", "line_order", "id"],
                        name="generation_own_line",
                    ),
                    models.Index(
                        condition=models.Q(("status", "queued")),
                        fields=["start_deadline"],
                        name="generation_start_deadline",
                    ),
                    models.Index(
                        condition=models.Q(("status__in", frozenset(["dispatching", "processing"]))),
                        fields=["fal_key"],
                        name="generation_at_fal",
                    ),
                    models.Index(
                        condition=models.Q(("status", "succeeded")),
                        fields=["eta_bucket", "-ended_at"],
                        name="generation_render_times",
                    ),
                    models.Index(
                        condition=models.Q(("media_deleted_at__isnull", True), ("status", "succeeded")),
                        fields=["team", "ended_at"],
                        name="generation_with_media",
                    ),
                    models.Index(fields=["batch", "batch_place"], name="generation_in_batch"),
                    models.Index(
                        condition=models.Q(("project__isnull", False)),
                        fields=["project", "-created_at", "-id"],
                        name="generation_of_project",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("team", "idempotency_key"), name="generation_once_per_key"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "in_review",
                                    "queued",
                                    "dispatching",
                                    "processing",
                                    "finalizing",
                                    "succeeded",
                                    "failed",
                                    "canceled",
                                    "expired",
                                    "rejected",
                                ],
                            )
                        ),
                        name="generation_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ended_at__isnull", False),
                                (
                                    "status__in",
                                    frozenset(["canceled", "expired", "failed", "rejected", "succeeded"]),
                                ),
                            ),
                            models.Q(
                                models.Q(
                                    (
                                        "status__in",
                                        frozenset(["canceled", "expired", "failed", "rejected", "succeeded"]),
                                    ),
                                    _negated=True,
                                ),
                                ("ended_at__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="generation_ended_when_final",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "succeeded"), _negated=True),
                            models.Q(("video", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="generation_ready_has_video",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="image",
            name="from_clip",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=models.SET_NULL,
                related_name="+",
                to="generations.generation",
            ),
        ),
        migrations.RunSQL(HOLD_ATTEMPT_ONCE, migrations.RunSQL.noop),
    ]
