"""Purchases, refunds and disputes; how purchases are paid at Stripe, what it told us, and buying by itself."""

from django.db import migrations, models
from django.db.models.functions import Now

NUMBER = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")
MADE = models.DateTimeField(db_default=Now(), editable=False)


class Migration(migrations.Migration):
    initial = True
    replaces = [("billing", "0011_purchases_and_debt"), ("billing", "0030_payments")]
    dependencies = [("accounts", "0001_people_tables")]

    operations = [
        migrations.CreateModel(
            name="Purchase",
            fields=[
                ("id", NUMBER.clone()),
                (
                    "origin",
                    models.CharField(
                        choices=[("checkout", "Checkout"), ("recharge", "Automatic recharge")], max_length=10
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Started"),
                            ("open", "Waiting for payment"),
                            ("paid", "Paid"),
                            ("failed", "Payment failed"),
                            ("expired", "Expired"),
                        ],
                        db_default="draft",
                        max_length=10,
                    ),
                ),
                ("credit", models.BigIntegerField(help_text="µ$")),
                ("gross_cents", models.BigIntegerField(help_text="cents that are paid, with tax")),
                ("tax_cents", models.BigIntegerField(db_default=0, help_text="cents")),
                (
                    "credit_days",
                    models.IntegerField(
                        blank=True, help_text="the credit ends so many days later", null=True
                    ),
                ),
                ("actor", models.CharField(max_length=80)),
                ("checkout_session", models.CharField(blank=True, max_length=255, null=True, unique=True)),
                ("payment_intent", models.CharField(blank=True, max_length=255, null=True, unique=True)),
                ("charge", models.CharField(blank=True, max_length=255, null=True, unique=True)),
                ("created_at", MADE.clone()),
                ("paid_at", models.DateTimeField(blank=True, null=True)),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False, on_delete=models.PROTECT, related_name="purchases", to="accounts.team"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["team", "-id"], name="purchase_recent")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("credit__gt", 0), ("tax_cents__gte", 0)), name="purchase_amounts"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("credit", (models.F("gross_cents") - models.F("tax_cents")) * 10_000)
                        ),
                        name="purchase_credit_and_tax_are_gross",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("paid_at__isnull", False), ("state", "paid")),
                            models.Q(models.Q(("state", "paid"), _negated=True), ("paid_at__isnull", True)),
                            _connector="OR",
                        ),
                        name="purchase_paid_at",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                ("id", NUMBER.clone()),
                ("stripe_id", models.CharField(blank=True, max_length=255, null=True, unique=True)),
                ("gross_cents", models.BigIntegerField(help_text="cents")),
                (
                    "state",
                    models.CharField(
                        choices=[("requested", "Requested"), ("succeeded", "Refunded"), ("failed", "Failed")],
                        db_default="requested",
                        max_length=10,
                    ),
                ),
                (
                    "frozen",
                    models.BigIntegerField(db_default=0, help_text="µ$ of credit set aside until the answer"),
                ),
                ("posted", models.BigIntegerField(db_default=0, help_text="µ$ of credit taken back")),
                ("actor", models.CharField(max_length=80)),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("created_at", MADE.clone()),
                (
                    "purchase",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="refunds", to="billing.purchase"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("frozen__gte", 0), ("gross_cents__gt", 0)), name="refund_amounts"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Dispute",
            fields=[
                ("id", NUMBER.clone()),
                ("stripe_id", models.CharField(max_length=255, unique=True)),
                ("gross_cents", models.BigIntegerField(help_text="cents")),
                (
                    "state",
                    models.CharField(
                        choices=[("new", "Reported"), ("open", "Open"), ("won", "Won"), ("lost", "Lost")],
                        db_default="new",
                        max_length=10,
                    ),
                ),
                (
                    "frozen",
                    models.BigIntegerField(db_default=0, help_text="µ$ of credit set aside until the end"),
                ),
                ("posted", models.BigIntegerField(db_default=0, help_text="µ$ of credit taken back")),
                ("created_at", MADE.clone()),
                (
                    "purchase",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="disputes", to="billing.purchase"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("frozen__gte", 0), ("gross_cents__gt", 0)), name="dispute_amounts"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["new", "open"])),
                        fields=("purchase",),
                        name="dispute_one_open_per_purchase",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="StripeCustomer",
            fields=[
                (
                    "team",
                    models.OneToOneField(
                        on_delete=models.PROTECT,
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
                ("created_at", MADE.clone()),
            ],
        ),
        migrations.CreateModel(
            name="FraudWarning",
            fields=[
                ("id", NUMBER.clone()),
                ("stripe_id", models.CharField(max_length=255, unique=True)),
                ("fraud_type", models.CharField(max_length=100)),
                ("actionable", models.BooleanField()),
                ("reviewed_by", models.CharField(blank=True, max_length=80)),
                ("created_at", MADE.clone()),
                (
                    "purchase",
                    models.ForeignKey(
                        on_delete=models.PROTECT, related_name="fraud_warnings", to="billing.purchase"
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
                        on_delete=models.PROTECT,
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
                ("id", NUMBER.clone()),
                ("event_id", models.CharField(max_length=255, unique=True)),
                ("kind", models.CharField(max_length=100)),
                ("object_id", models.CharField(max_length=255)),
                ("payload", models.TextField()),
                ("received_at", MADE.clone()),
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
                        on_delete=models.PROTECT,
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
                ("created_at", MADE.clone()),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False, on_delete=models.PROTECT, related_name="+", to="accounts.team"
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
                ("id", NUMBER.clone()),
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
                        on_delete=models.PROTECT, related_name="recharge", to="billing.purchase"
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(on_delete=models.PROTECT, related_name="recharges", to="accounts.team"),
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
