"""Limits, budgets, notices, quotes that bind, and a switch that stops a team from spending."""

import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_people_and_teams"),
        ("billing", "0012_purchase_walls"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="suspended",
            field=models.CharField(blank=True, db_default="", help_text="why, for staff", max_length=200),
        ),
        migrations.AddField(
            model_name="hold",
            name="has_budgets",
            field=models.BooleanField(db_default=False, help_text="counted in budgets, too"),
        ),
        migrations.CreateModel(
            name="Limit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
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
                        on_delete=django.db.models.deletion.PROTECT,
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
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="limits",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="limits", to="accounts.team"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Budget",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("period_start", models.DateTimeField()),
                ("cap", models.BigIntegerField(help_text="µ$")),
                ("held", models.BigIntegerField(db_default=0, help_text="µ$")),
                ("spent", models.BigIntegerField(db_default=0, help_text="µ$")),
                (
                    "limit",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="budgets",
                        to="billing.limit",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(max_length=40)),
                ("subject", models.CharField(max_length=100)),
                ("payload", models.JSONField(default=dict)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.IntegerField(db_default=0)),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="billing_notices",
                        to="accounts.team",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="StoredQuote",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("num_frames", models.IntegerField()),
                ("detail_pass", models.BooleanField()),
                ("amount", models.BigIntegerField(help_text="µ$")),
                ("expires_at", models.DateTimeField()),
                (
                    "price_version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="quotes",
                        to="billing.priceversion",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="quotes", to="accounts.team"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="HoldBudget",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "budget",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="holds", to="billing.budget"
                    ),
                ),
                (
                    "hold",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="budgets",
                        to="billing.hold",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("hold", "budget"), name="hold_budget_once")],
            },
        ),
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("key__isnull", True), ("member__isnull", False), ("project_id__isnull", True)),
                    models.Q(("key__isnull", False), ("member__isnull", True), ("project_id__isnull", True)),
                    models.Q(("key__isnull", True), ("member__isnull", True), ("project_id__isnull", False)),
                    _connector="OR",
                ),
                name="limit_one_subject",
            ),
        ),
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.CheckConstraint(
                condition=models.Q(("cap__gte", 0)), name="limit_cap_not_below_zero"
            ),
        ),
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("raised_cap__isnull", True), ("raised_until__isnull", True)),
                    models.Q(("raised_cap__gte", 0), ("raised_until__isnull", False)),
                    _connector="OR",
                ),
                name="limit_raise_has_an_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.UniqueConstraint(
                fields=("team", "member", "key", "project_id", "period"),
                name="limit_once_per_subject_and_period",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.UniqueConstraint(
                fields=("limit", "period_start"), name="budget_once_per_period"
            ),
        ),
        migrations.AddConstraint(
            model_name="budget",
            constraint=models.CheckConstraint(
                condition=models.Q(("cap__gte", 0), ("held__gte", 0), ("spent__gte", 0)),
                name="budget_not_below_zero",
            ),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(
                condition=models.Q(("sent_at__isnull", True)), fields=["id"], name="notice_waiting"
            ),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.UniqueConstraint(fields=("kind", "subject"), name="notice_once"),
        ),
        migrations.AddIndex(
            model_name="storedquote",
            index=models.Index(fields=["expires_at"], name="quote_ends"),
        ),
    ]
