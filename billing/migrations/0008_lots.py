"""Lots and their moves; accounts for frozen credit and for everything the platform may owe or spend."""

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_people_and_teams"),
        ("billing", "0007_violations_view"),
    ]

    operations = [
        migrations.CreateModel(
            name="Lot",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("promo", "Promotional credit"),
                            ("adjustment", "Adjustment"),
                            ("purchase", "Purchase"),
                        ],
                        max_length=10,
                    ),
                ),
                ("priority", models.SmallIntegerField(help_text="lower burns first")),
                ("granted", models.BigIntegerField(db_default=0, help_text="µ$")),
                ("remaining", models.BigIntegerField(db_default=0, help_text="µ$")),
                ("held", models.BigIntegerField(db_default=0, help_text="µ$")),
                ("frozen", models.BigIntegerField(db_default=0, help_text="µ$")),
                ("spent", models.BigIntegerField(db_default=0, help_text="µ$")),
                ("expired", models.BigIntegerField(db_default=0, help_text="µ$")),
                ("reversed", models.BigIntegerField(db_default=0, help_text="µ$")),
                ("moves_count", models.BigIntegerField(db_default=0, help_text="moves so far")),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("extended", models.BooleanField(db_default=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "spendable",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Q(("remaining__gt", 0)),
                        output_field=models.BooleanField(),
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="LotMove",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.BigIntegerField(db_default=0, editable=False)),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("granted", "Granted"),
                            ("remaining", "Remaining"),
                            ("held", "Held"),
                            ("frozen", "Frozen"),
                            ("spent", "Spent"),
                            ("expired", "Expired"),
                            ("reversed", "Taken back"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "target",
                    models.CharField(
                        choices=[
                            ("granted", "Granted"),
                            ("remaining", "Remaining"),
                            ("held", "Held"),
                            ("frozen", "Frozen"),
                            ("spent", "Spent"),
                            ("expired", "Expired"),
                            ("reversed", "Taken back"),
                        ],
                        max_length=10,
                    ),
                ),
                ("amount", models.BigIntegerField(help_text="µ$")),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="account",
            name="account_kind_fits_owner",
        ),
        migrations.AlterField(
            model_name="account",
            name="kind",
            field=models.CharField(
                choices=[
                    ("available", "Available"),
                    ("held", "Held"),
                    ("frozen", "Frozen"),
                    ("clearing", "Cash at Stripe"),
                    ("dispute_pending", "Cash in disputes"),
                    ("provider_funds", "Funds at the provider"),
                    ("bank", "Bank"),
                    ("tax_payable", "Tax to pay on"),
                    ("revenue", "Revenue"),
                    ("breakage", "Paid credit that expired"),
                    ("promo", "Promotional credit given"),
                    ("adjustment", "Adjustments"),
                    ("dispute_loss", "Loss by disputes"),
                    ("stripe_fee", "Stripe's fees"),
                    ("provider_cost", "The provider's price"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="entry",
            name="account",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="entries",
                to="billing.account",
            ),
        ),
        migrations.AlterField(
            model_name="entry",
            name="transaction",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="entries",
                to="billing.transaction",
            ),
        ),
        migrations.AlterField(
            model_name="hold",
            name="price_version",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="holds",
                to="billing.priceversion",
            ),
        ),
        migrations.AlterField(
            model_name="hold",
            name="team",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="holds",
                to="accounts.team",
            ),
        ),
        migrations.AlterField(
            model_name="transaction",
            name="hold",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="transactions",
                to="billing.hold",
            ),
        ),
        migrations.AlterField(
            model_name="transaction",
            name="key",
            field=models.CharField(max_length=200),
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
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="transaction",
            name="team",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="transactions",
                to="accounts.team",
            ),
        ),
        migrations.AddConstraint(
            model_name="account",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("kind__in", ("available", "held", "frozen")),
                        ("materialised", True),
                        ("team__isnull", False),
                    ),
                    models.Q(
                        (
                            "kind__in",
                            (
                                "clearing",
                                "dispute_pending",
                                "provider_funds",
                                "bank",
                                "tax_payable",
                                "revenue",
                                "breakage",
                                "promo",
                                "adjustment",
                                "dispute_loss",
                                "stripe_fee",
                                "provider_cost",
                            ),
                        ),
                        ("materialised", False),
                        ("team__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="account_kind_fits_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="transaction",
            constraint=models.UniqueConstraint(fields=("key",), name="transaction_key_once"),
        ),
        migrations.AddField(
            model_name="lot",
            name="team",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lots",
                to="accounts.team",
            ),
        ),
        migrations.AddField(
            model_name="lotmove",
            name="lot",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="moves",
                to="billing.lot",
            ),
        ),
        migrations.AddField(
            model_name="lotmove",
            name="transaction",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lot_moves",
                to="billing.transaction",
            ),
        ),
        migrations.AddIndex(
            model_name="lot",
            index=models.Index(
                condition=models.Q(("spendable", True)), fields=["team"], name="lot_spendable"
            ),
        ),
        migrations.AddIndex(
            model_name="lot",
            index=models.Index(fields=["team", "-id"], name="lot_recent"),
        ),
        migrations.AddConstraint(
            model_name="lot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("expired__gte", 0),
                    ("frozen__gte", 0),
                    ("held__gte", 0),
                    ("remaining__gte", 0),
                    ("reversed__gte", 0),
                    ("spent__gte", 0),
                ),
                name="lot_buckets_not_below_zero",
            ),
        ),
        migrations.AddConstraint(
            model_name="lot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "granted",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    django.db.models.expressions.CombinedExpression(
                                        django.db.models.expressions.CombinedExpression(
                                            models.F("remaining"), "+", models.F("held")
                                        ),
                                        "+",
                                        models.F("frozen"),
                                    ),
                                    "+",
                                    models.F("spent"),
                                ),
                                "+",
                                models.F("expired"),
                            ),
                            "+",
                            models.F("reversed"),
                        ),
                    )
                ),
                name="lot_buckets_add_up",
            ),
        ),
        migrations.AddConstraint(
            model_name="lotmove",
            constraint=models.UniqueConstraint(fields=("lot", "position"), name="lot_move_position_once"),
        ),
        migrations.AddConstraint(
            model_name="lotmove",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="lot_move_amount_positive"
            ),
        ),
    ]
