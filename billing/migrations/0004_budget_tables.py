"""Limits and what is used of them, requests to raise one, notices, quotes that bind, and usage by day."""

import uuid

from django.conf import settings
from django.db import migrations, models
from django.db.models.functions import Now

NUMBER = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")
RANDOM = models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)
MADE = models.DateTimeField(db_default=Now(), editable=False)


class Migration(migrations.Migration):
    replaces = [
        ("billing", "0013_budgets_and_quotes"),
        ("billing", "0022_quotes_for_batches"),
        ("billing", "0041_raise_requests"),
    ]
    dependencies = [("billing", "0003_lot_tables")]

    operations = [
        migrations.CreateModel(
            name="Limit",
            fields=[
                ("id", NUMBER.clone()),
                ("project_id", models.UUIDField(blank=True, null=True)),
                (
                    "period",
                    models.CharField(
                        choices=[
                            ("day", "a day"),
                            ("week", "a week"),
                            ("month", "a month"),
                            ("total", "in total"),
                            ("job", "a clip"),
                        ],
                        max_length=5,
                    ),
                ),
                ("cap", models.BigIntegerField(help_text="µ$")),
                ("raised_cap", models.BigIntegerField(blank=True, help_text="µ$", null=True)),
                ("raised_until", models.DateTimeField(blank=True, null=True)),
                ("active", models.BooleanField(db_default=True)),
                (
                    "key",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="limits",
                        to="accounts.apikey",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="limits",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(on_delete=models.PROTECT, related_name="limits", to="accounts.team"),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("key__isnull", True), ("member__isnull", False), ("project_id__isnull", True)
                            ),
                            models.Q(
                                ("key__isnull", False), ("member__isnull", True), ("project_id__isnull", True)
                            ),
                            models.Q(
                                ("key__isnull", True), ("member__isnull", True), ("project_id__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="limit_one_subject",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cap__gte", 0)), name="limit_cap_not_below_zero"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("raised_cap__isnull", True), ("raised_until__isnull", True)),
                            models.Q(("raised_cap__gte", 0), ("raised_until__isnull", False)),
                            _connector="OR",
                        ),
                        name="limit_raise_has_an_end",
                    ),
                    models.UniqueConstraint(
                        fields=("team", "member", "key", "project_id", "period"),
                        name="limit_once_per_subject_and_period",
                        nulls_distinct=False,
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Budget",
            fields=[
                ("id", NUMBER.clone()),
                ("period_start", models.DateTimeField()),
                ("cap", models.BigIntegerField(help_text="µ$")),
                ("held", models.BigIntegerField(db_default=0, help_text="µ$")),
                ("spent", models.BigIntegerField(db_default=0, help_text="µ$")),
                (
                    "limit",
                    models.ForeignKey(
                        db_index=False, on_delete=models.PROTECT, related_name="budgets", to="billing.limit"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("limit", "period_start"), name="budget_once_per_period"),
                    models.CheckConstraint(
                        condition=models.Q(("cap__gte", 0), ("held__gte", 0), ("spent__gte", 0)),
                        name="budget_not_below_zero",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HoldBudget",
            fields=[
                ("id", NUMBER.clone()),
                (
                    "budget",
                    models.ForeignKey(on_delete=models.PROTECT, related_name="holds", to="billing.budget"),
                ),
                (
                    "hold",
                    models.ForeignKey(
                        db_index=False, on_delete=models.PROTECT, related_name="budgets", to="billing.hold"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("hold", "budget"), name="hold_budget_once")],
            },
        ),
        migrations.CreateModel(
            name="RaiseRequest",
            fields=[
                ("id", NUMBER.clone()),
                ("amount", models.BigIntegerField(help_text="µ$ on top of the cap")),
                ("reason", models.CharField(max_length=300)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Waiting"),
                            ("approved", "Approved"),
                            ("declined", "Declined"),
                            ("dropped", "Not needed any more"),
                        ],
                        db_default="open",
                        max_length=10,
                    ),
                ),
                ("created_at", MADE.clone()),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("granted", models.BigIntegerField(db_default=0, help_text="µ$ on top of the cap")),
                ("until", models.DateTimeField(blank=True, null=True)),
                ("note", models.CharField(blank=True, help_text="what the owner said", max_length=300)),
                ("told", models.CharField(blank=True, db_default="", max_length=10)),
                (
                    "asked_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "limit",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="raise_requests", to="billing.limit"
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="raise_requests",
                        to="accounts.team",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["team", "-id"], name="raise_request_recent"),
                    models.Index(
                        condition=models.Q(("told", models.F("state")), _negated=True),
                        fields=["id"],
                        name="raise_request_untold",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "open")),
                        fields=("limit", "asked_by"),
                        name="raise_request_one_open",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0), ("granted__gte", 0)),
                        name="raise_request_amounts",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at__isnull", True), ("state", "open")),
                            models.Q(
                                models.Q(("state", "open"), _negated=True), ("decided_at__isnull", False)
                            ),
                            _connector="OR",
                        ),
                        name="raise_request_decided",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", NUMBER.clone()),
                ("kind", models.CharField(max_length=40)),
                ("subject", models.CharField(max_length=100)),
                ("payload", models.JSONField(default=dict)),
                ("created_at", MADE.clone()),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.IntegerField(db_default=0)),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="billing_notices", to="accounts.team"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("sent_at__isnull", True)), fields=["id"], name="notice_waiting"
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("kind", "subject"), name="notice_once")],
            },
        ),
        migrations.CreateModel(
            name="StoredQuote",
            fields=[
                ("id", RANDOM.clone()),
                ("amount", models.BigIntegerField(help_text="µ$")),
                ("expires_at", models.DateTimeField()),
                (
                    "price_version",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="quotes", to="billing.priceversion"
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(on_delete=models.PROTECT, related_name="quotes", to="accounts.team"),
                ),
                ("clips", models.JSONField()),
            ],
            options={
                "indexes": [models.Index(fields=["expires_at"], name="quote_ends")],
            },
        ),
        migrations.CreateModel(
            name="UsageDay",
            fields=[
                ("id", NUMBER.clone()),
                ("day", models.DateField()),
                ("actor", models.CharField(help_text="who ordered the clips", max_length=80)),
                ("clips", models.IntegerField()),
                ("spent", models.BigIntegerField(help_text="µ$, less what was refunded")),
                (
                    "team",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="usage_days",
                        to="accounts.team",
                    ),
                ),
                ("project_id", models.UUIDField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("team", "day", "actor", "project_id"),
                        name="usage_once_per_day_actor_and_project",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
    ]
