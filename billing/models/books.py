"""Accounts, transactions and their entries: double entry, append-only."""

from typing import Final

from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now

from accounts.models import Team
from billing.models.holds import Hold


class AccountKind(models.TextChoices):
    AVAILABLE = "available", "Available"
    HELD = "held", "Held"
    FROZEN = "frozen", "Frozen"
    CLEARING = "clearing", "Cash at Stripe"
    DISPUTE_PENDING = "dispute_pending", "Cash in disputes"
    PROVIDER_FUNDS = "provider_funds", "Funds at the provider"
    BANK = "bank", "Bank"
    TAX_PAYABLE = "tax_payable", "Tax to pay on"
    REVENUE = "revenue", "Revenue"
    BREAKAGE = "breakage", "Paid credit that expired"
    PROMO = "promo", "Promotional credit given"
    ADJUSTMENT = "adjustment", "Adjustments"
    DISPUTE_LOSS = "dispute_loss", "Loss by disputes"
    STRIPE_FEE = "stripe_fee", "Stripe's fees"
    PROVIDER_COST = "provider_cost", "The provider's price"


TEAM_KINDS: Final = (AccountKind.AVAILABLE, AccountKind.HELD, AccountKind.FROZEN)
PLATFORM_KINDS: Final = tuple(kind for kind in AccountKind if kind not in TEAM_KINDS)


class Account(models.Model):
    """One side of entries: part of a team's wallet, or the platform's.

    A wallet account keeps its balance and counts its entries in `version`. A platform account does not
    (its balance is the sum of its entries), because a row every team updates would line all teams up.
    """

    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.PROTECT, related_name="accounts", db_index=False
    )
    kind = models.CharField(max_length=20, choices=AccountKind)
    materialised = models.BooleanField()
    balance = models.BigIntegerField(db_default=0, help_text="µ$")
    version = models.BigIntegerField(db_default=0, help_text="entries so far")
    # Below zero only where credit was taken back after it was spent.
    floor = models.BigIntegerField(db_default=0, help_text="µ$")

    # On a team's available account; with anything in it the team may not spend.
    suspended = models.CharField(max_length=200, blank=True, db_default="", help_text="why, for staff")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "kind"], name="account_once_per_team"),
            models.UniqueConstraint(
                fields=["kind"], condition=Q(team__isnull=True), name="account_once_for_platform"
            ),
            # By a function: PostgreSQL reads the text of a check again for every statement.
            models.CheckConstraint(
                condition=Func(
                    F("kind"),
                    Q(team__isnull=False),
                    F("materialised"),
                    function="billing_kind_fits_owner",
                    output_field=models.BooleanField(),
                ),
                name="account_kind_fits_owner",
            ),
            models.CheckConstraint(condition=Q(balance__gte=F("floor")), name="account_balance_above_floor"),
            models.CheckConstraint(condition=Q(floor__lte=0), name="account_floor_not_above_zero"),
            models.CheckConstraint(
                condition=Q(materialised=True) | Q(balance=0, version=0), name="account_platform_keeps_none"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.team_id or 'the platform'}"


class TransactionKind(models.TextChoices):
    PROMO_GRANT = "promo_grant", "Promotional credit"
    HOLD = "hold", "Hold"
    CAPTURE = "capture", "Capture"
    PARTIAL_CAPTURE = "partial_capture", "Partial capture"
    RELEASE = "release", "Release"
    EXPIRY = "expiry", "Expired credit"
    TOP_UP = "top_up", "Credit bought"
    JOB_REFUND = "job_refund", "Clip refunded"
    REFUND_FREEZE = "refund_freeze", "Refund requested"
    REFUND_DONE = "refund_done", "Refund"
    REFUND_UNDO = "refund_undo", "Refund failed"
    CLAWBACK = "clawback", "Refund made at Stripe"
    DISPUTE_FREEZE = "dispute_freeze", "Dispute opened"
    DISPUTE_CASH = "dispute_cash", "Dispute: funds withdrawn"
    DISPUTE_WON = "dispute_won", "Dispute won"
    DISPUTE_BACK = "dispute_back", "Dispute: funds reinstated"
    DISPUTE_LOST = "dispute_lost", "Dispute lost"
    WRITE_OFF = "write_off", "Debt written off"
    ADJUSTMENT = "adjustment", "Adjustment"
    STRIPE_FEE = "stripe_fee", "Stripe's fee"
    PAYOUT = "payout", "Payout"
    PROVIDER_COST = "provider_cost", "The provider's price"


class Transaction(models.Model):
    """One business fact: at least two entries that sum to zero; append-only.

    `key` says what the fact is about, so that it is recorded once. `request_hash` recognises the same
    key with another content.
    """

    key = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=TransactionKind)
    # Proven by the entries at commit; a foreign key would lock a row that all the team's jobs share.
    team = models.ForeignKey(
        Team,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="transactions",
        db_index=False,
        db_constraint=False,
    )
    actor = models.CharField(max_length=80)
    reason = models.CharField(max_length=200, blank=True, db_default="")
    request_hash = models.CharField(max_length=64)
    hold = models.ForeignKey(
        Hold,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="transactions",
        db_constraint=False,
    )
    # By id alone: purchases are models of a higher module, and this column is for look-ups.
    purchase_id = models.BigIntegerField(null=True, blank=True, editable=False)
    corrects = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="corrections", db_index=False
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    effective_at = models.DateTimeField(db_default=Now())
    # Filled in by a trigger: entries may join only within the database transaction that made this row.
    database_xid = models.BigIntegerField(db_default=0, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key"], name="transaction_key_once")]
        indexes = [
            models.Index(fields=["team", "-id"], name="transaction_recent"),
            # What is not about clips is rare, and looked for by itself.
            models.Index(
                fields=["team", "-id"],
                condition=~Q(kind__in=["hold", "capture", "partial_capture", "release"]),
                name="transaction_beside_clips",
            ),
            models.Index(
                fields=["purchase_id"], condition=Q(purchase_id__isnull=False), name="transaction_of_purchase"
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Entry(models.Model):
    """One leg of a transaction: credit is positive, debit negative; append-only.

    For a wallet account, `balance_after` and `version` continue the account's own count without gaps.
    """

    # A trigger proves both as the entry is written: a foreign key would make all teams lock the platform's
    # accounts, one after the other.
    transaction = models.ForeignKey(
        Transaction, on_delete=models.PROTECT, related_name="entries", db_constraint=False
    )
    # The unique constraint below starts with the account and serves as its index.
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="entries", db_index=False, db_constraint=False
    )
    amount = models.BigIntegerField(help_text="µ$")
    balance_after = models.BigIntegerField(null=True, blank=True, help_text="µ$")
    version = models.BigIntegerField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(fields=["account", "version"], name="entry_version_once"),
            models.CheckConstraint(condition=~Q(amount=0), name="entry_amount_not_zero"),
            models.CheckConstraint(
                condition=Q(balance_after__isnull=True, version__isnull=True)
                | Q(balance_after__isnull=False, version__isnull=False),
                name="entry_balance_with_version",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} µ$ on account {self.account_id}"
