"""Purchases, refunds, disputes, debt, and what the provider took."""

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_people_and_teams"),
        ("billing", "0010_lot_walls"),
    ]

    operations = [
        migrations.CreateModel(
            name="Debt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("amount", models.BigIntegerField(help_text="µ$")),
                ("repaid", models.BigIntegerField(db_default=0, help_text="µ$")),
                ("written_off", models.BigIntegerField(db_default=0, help_text="µ$")),
            ],
        ),
        migrations.CreateModel(
            name="Dispute",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
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
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ProviderCharge",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("attempt", models.UUIDField(help_text="the generation's id", unique=True)),
                ("units", models.DecimalField(decimal_places=4, help_text="billable units", max_digits=14)),
                ("cost_nanos", models.BigIntegerField(help_text="n$")),
                ("posted", models.BigIntegerField(db_default=0, help_text="µ$")),
                ("postings", models.IntegerField(db_default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Purchase",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
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
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("paid_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
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
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="lot",
            name="disputed",
            field=models.BooleanField(db_default=False, help_text="what comes back to it is frozen"),
        ),
        migrations.AddField(
            model_name="transaction",
            name="corrects",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="corrections",
                to="billing.transaction",
            ),
        ),
        migrations.AddField(
            model_name="transaction",
            name="purchase_id",
            field=models.BigIntegerField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="transaction",
            name="kind",
            field=models.CharField(
                choices=[
                    ("promo_grant", "Promotional credit"),
                    ("hold", "Hold"),
                    ("capture", "Capture"),
                    ("partial_capture", "Partial capture"),
                    ("release", "Release"),
                    ("expiry", "Expired credit"),
                    ("top_up", "Credit bought"),
                    ("job_refund", "Clip refunded"),
                    ("refund_freeze", "Refund requested"),
                    ("refund_done", "Refund"),
                    ("refund_undo", "Refund failed"),
                    ("clawback", "Refund made at Stripe"),
                    ("dispute_freeze", "Dispute opened"),
                    ("dispute_cash", "Dispute: funds withdrawn"),
                    ("dispute_won", "Dispute won"),
                    ("dispute_back", "Dispute: funds reinstated"),
                    ("dispute_lost", "Dispute lost"),
                    ("write_off", "Debt written off"),
                    ("adjustment", "Adjustment"),
                    ("stripe_fee", "Stripe's fee"),
                    ("payout", "Payout"),
                    ("provider_cost", "The provider's price"),
                ],
                max_length=20,
            ),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("purchase_id__isnull", False)),
                fields=["purchase_id"],
                name="transaction_of_purchase",
            ),
        ),
        migrations.AddField(
            model_name="debt",
            name="team",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="debts", to="accounts.team"
            ),
        ),
        migrations.AddField(
            model_name="debt",
            name="transaction",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="debt", to="billing.transaction"
            ),
        ),
        migrations.AddField(
            model_name="purchase",
            name="team",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="purchases",
                to="accounts.team",
            ),
        ),
        migrations.AddField(
            model_name="dispute",
            name="purchase",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="disputes", to="billing.purchase"
            ),
        ),
        migrations.AddField(
            model_name="lot",
            name="purchase",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lots",
                to="billing.purchase",
            ),
        ),
        migrations.AddIndex(
            model_name="lot",
            index=models.Index(
                condition=models.Q(("purchase__isnull", False)), fields=["purchase"], name="lot_of_purchase"
            ),
        ),
        migrations.AddField(
            model_name="refund",
            name="purchase",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="refunds", to="billing.purchase"
            ),
        ),
        migrations.AddConstraint(
            model_name="debt",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("amount__gt", 0),
                    ("repaid__gte", 0),
                    ("written_off__gte", 0),
                    (
                        "amount__gte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("repaid"), "+", models.F("written_off")
                        ),
                    ),
                ),
                name="debt_amounts",
            ),
        ),
        migrations.AddIndex(
            model_name="purchase",
            index=models.Index(fields=["team", "-id"], name="purchase_recent"),
        ),
        migrations.AddConstraint(
            model_name="purchase",
            constraint=models.CheckConstraint(
                condition=models.Q(("credit__gt", 0), ("tax_cents__gte", 0)), name="purchase_amounts"
            ),
        ),
        migrations.AddConstraint(
            model_name="purchase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "credit",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                models.F("gross_cents"), "-", models.F("tax_cents")
                            ),
                            "*",
                            models.Value(10000),
                        ),
                    )
                ),
                name="purchase_credit_and_tax_are_gross",
            ),
        ),
        migrations.AddConstraint(
            model_name="purchase",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("paid_at__isnull", False), ("state", "paid")),
                    models.Q(models.Q(("state", "paid"), _negated=True), ("paid_at__isnull", True)),
                    _connector="OR",
                ),
                name="purchase_paid_at",
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(("frozen__gte", 0), ("gross_cents__gt", 0)), name="dispute_amounts"
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["new", "open"])),
                fields=("purchase",),
                name="dispute_one_open_per_purchase",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(("frozen__gte", 0), ("gross_cents__gt", 0)), name="refund_amounts"
            ),
        ),
    ]
