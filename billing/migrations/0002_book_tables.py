"""The book: prices, accounts, holds, transactions and their entries.

What two checks say is in functions. PostgreSQL reads the text of all checks of a table again for every statement that
writes to it: a sixth of what a hold and its settlement cost. A function is read once for each connection.
"""

from django.db import migrations, models
from django.db.models.functions import Now

CHECKS = """
CREATE FUNCTION billing_kind_fits_owner(p_kind text, p_of_team boolean, p_materialised boolean) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN p_of_team = p_materialised AND p_kind = ANY (CASE WHEN p_of_team
        THEN ARRAY['available', 'held', 'frozen']
        ELSE ARRAY[
            'clearing', 'dispute_pending', 'provider_funds', 'bank', 'tax_payable', 'revenue', 'breakage', 'promo',
            'adjustment', 'dispute_loss', 'stripe_fee', 'provider_cost'
        ] END);
END $$;

CREATE FUNCTION billing_settled_in_full(
    p_state text, p_amount bigint, p_captured bigint, p_released bigint, p_is_dated boolean
) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN CASE p_state
        WHEN 'open' THEN p_captured = 0 AND p_released = 0 AND NOT p_is_dated
        WHEN 'settled' THEN p_captured >= 0 AND p_released >= 0 AND p_captured + p_released = p_amount AND p_is_dated
        ELSE false END;
END $$;
"""

REMOVE_CHECKS = """
DROP FUNCTION billing_settled_in_full(text, bigint, bigint, bigint, boolean);
DROP FUNCTION billing_kind_fits_owner(text, boolean, boolean);
"""

NUMBER = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")
MADE = models.DateTimeField(db_default=Now(), editable=False)


class Migration(migrations.Migration):
    replaces = [("billing", "0001_ledger_tables"), ("billing", "0070_checks_told_shortly")]
    dependencies = [("billing", "0001_purchase_tables")]

    operations = [
        migrations.RunSQL(CHECKS, REMOVE_CHECKS),
        migrations.CreateModel(
            name="PriceVersion",
            fields=[
                ("id", NUMBER.clone()),
                ("product", models.CharField(max_length=100)),
                (
                    "rate_nanos",
                    models.BigIntegerField(
                        help_text="n$ per billed second and pass; 24 frames are one second"
                    ),
                ),
                (
                    "detail_passes",
                    models.SmallIntegerField(db_default=2, help_text="passes billed with the detail pass"),
                ),
                ("valid_from", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("product", "valid_from"), name="price_version_once"),
                    models.CheckConstraint(
                        condition=models.Q(("detail_passes__gt", 0), ("rate_nanos__gt", 0)),
                        name="price_version_positive",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Account",
            fields=[
                ("id", NUMBER.clone()),
                (
                    "kind",
                    models.CharField(
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
                ("materialised", models.BooleanField()),
                ("balance", models.BigIntegerField(db_default=0, help_text="µ$")),
                ("version", models.BigIntegerField(db_default=0, help_text="entries so far")),
                ("floor", models.BigIntegerField(db_default=0, help_text="µ$")),
                (
                    "team",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="accounts",
                        to="accounts.team",
                    ),
                ),
                (
                    "suspended",
                    models.CharField(blank=True, db_default="", help_text="why, for staff", max_length=200),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("team", "kind"), name="account_once_per_team"),
                    models.UniqueConstraint(
                        condition=models.Q(("team__isnull", True)),
                        fields=("kind",),
                        name="account_once_for_platform",
                    ),
                    models.CheckConstraint(
                        condition=models.Func(
                            models.F("kind"),
                            models.Q(("team__isnull", False)),
                            models.F("materialised"),
                            function="billing_kind_fits_owner",
                            output_field=models.BooleanField(),
                        ),
                        name="account_kind_fits_owner",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("balance__gte", models.F("floor"))),
                        name="account_balance_above_floor",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("floor__lte", 0)), name="account_floor_not_above_zero"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("materialised", True), models.Q(("balance", 0), ("version", 0)), _connector="OR"
                        ),
                        name="account_platform_keeps_none",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Hold",
            fields=[
                ("id", NUMBER.clone()),
                ("attempt", models.UUIDField(help_text="the generation's id", unique=True)),
                ("amount", models.BigIntegerField(help_text="µ$")),
                ("captured", models.BigIntegerField(db_default=0, help_text="µ$")),
                ("released", models.BigIntegerField(db_default=0, help_text="µ$")),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("settled", "Settled")], db_default="open", max_length=10
                    ),
                ),
                ("rate_nanos", models.BigIntegerField(help_text="n$ per billed second and pass")),
                ("num_frames", models.IntegerField()),
                ("passes", models.SmallIntegerField()),
                ("created_at", MADE.clone()),
                (
                    "expires_at",
                    models.DateTimeField(help_text="when somebody should ask what became of the clip"),
                ),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "team",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="holds",
                        to="accounts.team",
                    ),
                ),
                (
                    "price_version",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="holds",
                        to="billing.priceversion",
                    ),
                ),
                ("has_budgets", models.BooleanField(db_default=False, help_text="counted in budgets, too")),
                ("project_id", models.UUIDField(blank=True, null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["team", "-id"], name="hold_recent"),
                    models.Index(
                        condition=models.Q(("state", "open")), fields=["expires_at"], name="hold_overdue"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0)), name="hold_amount_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Func(
                            models.F("state"),
                            models.F("amount"),
                            models.F("captured"),
                            models.F("released"),
                            models.Q(("settled_at__isnull", False)),
                            function="billing_settled_in_full",
                            output_field=models.BooleanField(),
                        ),
                        name="hold_settled_in_full",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Transaction",
            fields=[
                ("id", NUMBER.clone()),
                ("key", models.CharField(max_length=200)),
                (
                    "kind",
                    models.CharField(
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
                ("actor", models.CharField(max_length=80)),
                ("reason", models.CharField(blank=True, db_default="", max_length=200)),
                ("request_hash", models.CharField(max_length=64)),
                ("created_at", MADE.clone()),
                ("effective_at", models.DateTimeField(db_default=Now())),
                ("database_xid", models.BigIntegerField(db_default=0, editable=False)),
                (
                    "hold",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="transactions",
                        to="billing.hold",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="transactions",
                        to="accounts.team",
                    ),
                ),
                (
                    "corrects",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=models.PROTECT,
                        related_name="corrections",
                        to="billing.transaction",
                    ),
                ),
                ("purchase_id", models.BigIntegerField(blank=True, editable=False, null=True)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["team", "-id"], name="transaction_recent"),
                    models.Index(
                        condition=models.Q(
                            ("kind__in", ["hold", "capture", "partial_capture", "release"]), _negated=True
                        ),
                        fields=["team", "-id"],
                        name="transaction_beside_clips",
                    ),
                    models.Index(
                        condition=models.Q(("purchase_id__isnull", False)),
                        fields=["purchase_id"],
                        name="transaction_of_purchase",
                    ),
                ],
                "constraints": [models.UniqueConstraint(fields=("key",), name="transaction_key_once")],
            },
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("id", NUMBER.clone()),
                ("amount", models.BigIntegerField(help_text="µ$")),
                ("balance_after", models.BigIntegerField(blank=True, help_text="µ$", null=True)),
                ("version", models.BigIntegerField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=models.PROTECT,
                        related_name="entries",
                        to="billing.account",
                    ),
                ),
                (
                    "transaction",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=models.PROTECT,
                        related_name="entries",
                        to="billing.transaction",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "entries",
                "constraints": [
                    models.UniqueConstraint(fields=("account", "version"), name="entry_version_once"),
                    models.CheckConstraint(
                        condition=models.Q(("amount", 0), _negated=True), name="entry_amount_not_zero"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("balance_after__isnull", True), ("version__isnull", True)),
                            models.Q(("balance_after__isnull", False), ("version__isnull", False)),
                            _connector="OR",
                        ),
                        name="entry_balance_with_version",
                    ),
                ],
            },
        ),
    ]
