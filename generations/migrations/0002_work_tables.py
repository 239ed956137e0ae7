"""What happens to clips: what was sent to fal and came back, whose turn it is, what fal's keys can take, how long files stay."""

import uuid

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import migrations, models
from django.utils import timezone

NUMBER = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")
MADE = models.DateTimeField(default=timezone.now, editable=False)


class Migration(migrations.Migration):
    replaces = [
        ("generations", "0010_turns_and_breakers"),
        ("generations", "0020_costs_failures_and_files"),
        ("generations", "0060_clips_name_projects"),
    ]
    dependencies = [("generations", "0001_clip_tables")]

    operations = [
        migrations.CreateModel(
            name="GenerationEvent",
            fields=[
                ("id", NUMBER.clone()),
                ("from_status", models.CharField(blank=True, max_length=12)),
                (
                    "to_status",
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
                        max_length=12,
                    ),
                ),
                ("actor", models.CharField(default="system", max_length=80)),
                ("note", models.CharField(blank=True, max_length=200)),
                ("created_at", MADE.clone()),
                (
                    "generation",
                    models.ForeignKey(
                        on_delete=models.CASCADE, related_name="events", to="generations.generation"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Submission",
            fields=[
                ("id", NUMBER.clone()),
                ("number", models.PositiveSmallIntegerField()),
                ("token", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("intent", "about to be sent"),
                            ("accepted", "accepted by fal"),
                            ("refused", "refused by fal"),
                            ("lost", "answer lost"),
                            ("abandoned", "never arrived"),
                            ("superseded", "input changed since"),
                        ],
                        default="intent",
                        max_length=10,
                    ),
                ),
                ("body", models.JSONField(default=dict)),
                ("created_at", MADE.clone()),
                ("request_id", models.CharField(blank=True, max_length=100, null=True, unique=True)),
                ("status_url", models.TextField(blank=True)),
                ("response_url", models.TextField(blank=True)),
                ("cancel_url", models.TextField(blank=True)),
                ("output", models.JSONField(blank=True, null=True)),
                (
                    "billable_units",
                    models.DecimalField(blank=True, decimal_places=6, max_digits=18, null=True),
                ),
                (
                    "generation",
                    models.ForeignKey(
                        on_delete=models.CASCADE, related_name="submissions", to="generations.generation"
                    ),
                ),
                (
                    "cost_nanos",
                    models.BigIntegerField(blank=True, help_text="n$ that fal charges us", null=True),
                ),
                (
                    "cost_source",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("estimate", "our estimate"),
                            ("header", "fal's units with the result"),
                            ("billing_event", "fal's billing"),
                        ],
                        max_length=15,
                    ),
                ),
                ("fal_key", models.CharField(blank=True, max_length=40)),
                ("cost_due_at", models.DateTimeField(blank=True, null=True)),
                ("refusal", models.CharField(blank=True, help_text="fal's status and words", max_length=300)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("cost_due_at__isnull", False)),
                        fields=["cost_due_at"],
                        name="submission_cost_due",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("generation", "number"), name="submission_number_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["intent", "accepted", "lost"])),
                        fields=("generation",),
                        name="submission_one_alive",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WebhookReceipt",
            fields=[
                ("id", NUMBER.clone()),
                ("request_id", models.CharField(max_length=100)),
                ("body", models.TextField()),
                ("received_at", models.DateTimeField(default=timezone.now)),
                ("processed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "submission",
                    models.ForeignKey(
                        on_delete=models.CASCADE, related_name="receipts", to="generations.submission"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("submission", "request_id"), name="receipt_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="FalKey",
            fields=[
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                (
                    "breaker",
                    models.CharField(
                        choices=[("closed", "Working"), ("open", "Paused"), ("half_open", "Trying one job")],
                        default="closed",
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("failures", models.PositiveIntegerField(default=0)),
                (
                    "openings",
                    models.PositiveIntegerField(
                        default=0, help_text="in a row, without a job accepted between"
                    ),
                ),
                ("opened_at", models.DateTimeField(blank=True, null=True)),
                (
                    "probe_at",
                    models.DateTimeField(blank=True, help_text="when one job is tried again", null=True),
                ),
                ("suspected_at", models.DateTimeField(blank=True, null=True)),
                (
                    "suspicion",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=models.SET_NULL,
                        related_name="+",
                        to="generations.generation",
                    ),
                ),
                ("accepted_at", models.DateTimeField(blank=True, null=True)),
                ("told_open", models.BooleanField(default=False)),
            ],
            options={
                "verbose_name": "fal key",
            },
        ),
        migrations.CreateModel(
            name="TeamLine",
            fields=[
                ("turn", models.BigIntegerField(default=0)),
                ("ready_at", models.DateTimeField(blank=True, null=True)),
                ("served_at", models.DateTimeField(blank=True, null=True)),
                (
                    "team",
                    models.OneToOneField(
                        on_delete=models.CASCADE,
                        primary_key=True,
                        related_name="line",
                        serialize=False,
                        to="accounts.team",
                    ),
                ),
                (
                    "weight",
                    models.PositiveSmallIntegerField(
                        default=1, validators=[MinValueValidator(1), MaxValueValidator(100)]
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("turn"),
                        models.OrderBy(models.F("served_at"), nulls_first=True),
                        condition=models.Q(("ready_at__isnull", False)),
                        name="team_line_next",
                    ),
                    models.Index(fields=["-turn"], name="team_line_latest"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("weight__range", (1, 100))), name="team_line_weight_known"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="MemberLine",
            fields=[
                ("id", NUMBER.clone()),
                ("turn", models.BigIntegerField(default=0)),
                ("ready_at", models.DateTimeField(blank=True, null=True)),
                ("served_at", models.DateTimeField(blank=True, null=True)),
                (
                    "member",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=models.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("team", models.ForeignKey(on_delete=models.CASCADE, related_name="+", to="accounts.team")),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("team"),
                        models.F("turn"),
                        models.OrderBy(models.F("served_at"), nulls_first=True),
                        condition=models.Q(("ready_at__isnull", False)),
                        name="member_line_next",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("team", "member"), name="member_line_once", nulls_distinct=False
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Retention",
            fields=[
                (
                    "team",
                    models.OneToOneField(
                        on_delete=models.CASCADE,
                        primary_key=True,
                        related_name="retention",
                        serialize=False,
                        to="accounts.team",
                    ),
                ),
                (
                    "keep_days",
                    models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(3650)]),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("keep_days__range", (1, 3650))), name="retention_days_known"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="StorageWalk",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(
                        default=1, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "folder",
                    models.CharField(blank=True, help_text="the next one to look into", max_length=200),
                ),
                ("began_at", models.DateTimeField(default=timezone.now, help_text="the present round")),
                ("looked_at", models.PositiveIntegerField(default=0, help_text="files in the present round")),
                ("removed", models.PositiveIntegerField(default=0, help_text="files, since ever")),
                (
                    "finished_at",
                    models.DateTimeField(blank=True, help_text="the last whole round", null=True),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="storage_walk_is_one")
                ],
            },
        ),
    ]
