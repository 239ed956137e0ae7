"""How purchases are paid at Stripe, what it told us, and buying by itself."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_people_and_teams"),
        ("billing", "0024_lots_end_on_schedule"),
    ]

    operations = [
        migrations.CreateModel(
            name="StripeCustomer",
            fields=[
                (
                    "team",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="stripe_customer",
                        serialize=False,
                        to="accounts.team",
                    ),
                ),
                ("stripe_id", models.CharField(blank=True, max_length=255, null=True, unique=True)),
                (
                    "number",
                    models.SmallIntegerField(default=1, help_text="counts the customers made for the team"),
                ),
                ("payment_method", models.CharField(blank=True, max_length=255)),
                (
                    "card",
                    models.CharField(blank=True, help_text="as people know it: Visa 4242", max_length=60),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="FraudWarning",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("stripe_id", models.CharField(max_length=255, unique=True)),
                ("fraud_type", models.CharField(max_length=100)),
                ("actionable", models.BooleanField()),
                ("reviewed_by", models.CharField(blank=True, max_length=80)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "purchase",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="fraud_warnings",
                        to="billing.purchase",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RechargeRule",
            fields=[
                (
                    "team",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="recharge_rule",
                        serialize=False,
                        to="accounts.team",
                    ),
                ),
                ("active", models.BooleanField(default=False)),
                (
                    "threshold",
                    models.BigIntegerField(help_text="µ$ that can be spent, below which credit is bought"),
                ),
                ("credit", models.BigIntegerField(help_text="µ$ bought each time")),
                (
                    "monthly_cap",
                    models.BigIntegerField(help_text="µ$ bought in a calendar month (UTC) at most"),
                ),
                (
                    "paused",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("authentication", "the bank wants to see the card's owner"),
                            ("card_gone", "the saved card was removed"),
                            ("customer_gone", "the customer was deleted at Stripe"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "retry_at",
                    models.DateTimeField(blank=True, help_text="not before, after a decline", null=True),
                ),
                ("agreed_by", models.CharField(max_length=80)),
                ("agreed_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("credit__gt", 0), ("threshold__gte", 0), ("monthly_cap__gte", models.F("credit"))
                        ),
                        name="recharge_amounts",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="StripeReceipt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("event_id", models.CharField(max_length=255, unique=True)),
                ("kind", models.CharField(max_length=100)),
                ("object_id", models.CharField(max_length=255)),
                ("payload", models.TextField()),
                (
                    "received_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("processed_at", models.DateTimeField(blank=True, null=True)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.IntegerField(default=0)),
                ("error", models.TextField(blank=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="receipt_due"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                (
                    "purchase",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="payment",
                        serialize=False,
                        to="billing.purchase",
                    ),
                ),
                ("form_key", models.UUIDField()),
                (
                    "keep_card",
                    models.BooleanField(default=False, help_text="the payer agreed to later charges"),
                ),
                ("automatic_tax", models.BooleanField(default=False)),
                (
                    "checkout_number",
                    models.SmallIntegerField(default=1, help_text="counts the checkout pages made for it"),
                ),
                ("checkout_url", models.CharField(blank=True, max_length=2000)),
                ("checkout_ends_at", models.DateTimeField(blank=True, null=True)),
                (
                    "is_processing",
                    models.BooleanField(default=False, help_text="confirmed by the payer, not by the bank"),
                ),
                ("failure", models.CharField(blank=True, max_length=200)),
                ("receipt_url", models.CharField(blank=True, max_length=2000)),
                ("invoice_url", models.CharField(blank=True, max_length=2000)),
                ("look_at", models.DateTimeField(blank=True, null=True)),
                ("looks", models.IntegerField(default=0)),
                ("looked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "error",
                    models.CharField(blank=True, help_text="why the last look found nothing", max_length=300),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="accounts.team",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("look_at__isnull", False)), fields=["look_at"], name="payment_due"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("team", "form_key"), name="payment_once_per_form")
                ],
            },
        ),
        migrations.CreateModel(
            name="Recharge",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("payment_method", models.CharField(max_length=255)),
                (
                    "state",
                    models.CharField(
                        choices=[("pending", "Pending"), ("succeeded", "Succeeded"), ("failed", "Failed")],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("failure", models.CharField(blank=True, help_text="Stripe's code", max_length=80)),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "purchase",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="recharge",
                        to="billing.purchase",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="recharges",
                        to="accounts.team",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "pending")),
                        fields=("team",),
                        name="recharge_one_pending",
                    )
                ],
            },
        ),
    ]
