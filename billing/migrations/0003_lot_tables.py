"""Lots of credit and their moves, debt, and what the provider took."""

from django.db import migrations, models
from django.db.models.functions import Now

NUMBER = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")
MADE = models.DateTimeField(db_default=Now(), editable=False)


class Migration(migrations.Migration):
    replaces = [("billing", "0008_lots")]
    dependencies = [("billing", "0002_book_tables")]

    operations = [
        migrations.CreateModel(
            name="Lot",
            fields=[
                ("id", NUMBER.clone()),
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
                ("created_at", MADE.clone()),
                (
                    "spendable",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Q(("remaining__gt", 0)),
                        output_field=models.BooleanField(),
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="lots",
                        to="accounts.team",
                    ),
                ),
                (
                    "disputed",
                    models.BooleanField(db_default=False, help_text="what comes back to it is frozen"),
                ),
                (
                    "purchase",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="lots",
                        to="billing.purchase",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("spendable", True)), fields=["team"], name="lot_spendable"
                    ),
                    models.Index(fields=["team", "-id"], name="lot_recent"),
                    models.Index(
                        condition=models.Q(("purchase__isnull", False)),
                        fields=["purchase"],
                        name="lot_of_purchase",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Func(
                            models.F("remaining"),
                            models.F("held"),
                            models.F("frozen"),
                            models.F("spent"),
                            models.F("expired"),
                            models.F("reversed"),
                            output_field=models.BooleanField(),
                            template="LEAST(%(expressions)s) >= 0",
                        ),
                        name="lot_buckets_not_below_zero",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "granted",
                                models.F("remaining")
                                + models.F("held")
                                + models.F("frozen")
                                + models.F("spent")
                                + models.F("expired")
                                + models.F("reversed"),
                            )
                        ),
                        name="lot_buckets_add_up",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LotMove",
            fields=[
                ("id", NUMBER.clone()),
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
                (
                    "lot",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="moves",
                        to="billing.lot",
                    ),
                ),
                (
                    "transaction",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=models.PROTECT,
                        related_name="lot_moves",
                        to="billing.transaction",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("lot", "position"), name="lot_move_position_once"),
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0)), name="lot_move_amount_positive"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Debt",
            fields=[
                ("id", NUMBER.clone()),
                ("amount", models.BigIntegerField(help_text="µ$")),
                ("repaid", models.BigIntegerField(db_default=0, help_text="µ$")),
                ("written_off", models.BigIntegerField(db_default=0, help_text="µ$")),
                (
                    "team",
                    models.ForeignKey(on_delete=models.PROTECT, related_name="debts", to="accounts.team"),
                ),
                (
                    "transaction",
                    models.OneToOneField(
                        on_delete=models.PROTECT, related_name="debt", to="billing.transaction"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount__gt", 0),
                            ("repaid__gte", 0),
                            ("written_off__gte", 0),
                            ("amount__gte", models.F("repaid") + models.F("written_off")),
                        ),
                        name="debt_amounts",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ProviderCharge",
            fields=[
                ("id", NUMBER.clone()),
                ("attempt", models.UUIDField(help_text="the generation's id", unique=True)),
                ("units", models.DecimalField(decimal_places=4, help_text="billable units", max_digits=14)),
                ("cost_nanos", models.BigIntegerField(help_text="n$")),
                ("posted", models.BigIntegerField(db_default=0, help_text="µ$")),
                ("postings", models.IntegerField(db_default=0)),
            ],
        ),
    ]
