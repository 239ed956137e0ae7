"""Accounts, transactions, entries, holds and prices.

Rows are written by database functions that `billing.ledger` calls; triggers refuse every other way of
changing them (docs/decisions/0003-ledger-in-postgresql.md). Amounts are µ$ unless a name says otherwise.
"""

from typing import Final

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import Team


class AccountKind(models.TextChoices):
    AVAILABLE = "available", "Available"
    HELD = "held", "Held"
    PROMO = "promo", "Promotional credit given"
    REVENUE = "revenue", "Revenue"


TEAM_KINDS: Final = (AccountKind.AVAILABLE, AccountKind.HELD)
PLATFORM_KINDS: Final = (AccountKind.PROMO, AccountKind.REVENUE)


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

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "kind"], name="account_once_per_team"),
            models.UniqueConstraint(
                fields=["kind"], condition=Q(team__isnull=True), name="account_once_for_platform"
            ),
            models.CheckConstraint(
                condition=Q(team__isnull=False, materialised=True, kind__in=TEAM_KINDS)
                | Q(team__isnull=True, materialised=False, kind__in=PLATFORM_KINDS),
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


class PriceVersion(models.Model):
    """What a product costs from `valid_from` until the next version; append-only."""

    product = models.CharField(max_length=100)
    rate_nanos = models.BigIntegerField(help_text="n$ per billed second and pass; 24 frames are one second")
    detail_passes = models.SmallIntegerField(db_default=2, help_text="passes billed with the detail pass")
    valid_from = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "valid_from"], name="price_version_once"),
            models.CheckConstraint(
                condition=Q(rate_nanos__gt=0, detail_passes__gt=0), name="price_version_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product} from {self.valid_from:%Y-%m-%d}"


class HoldState(models.TextChoices):
    OPEN = "open", "Open"
    SETTLED = "settled", "Settled"


class Hold(models.Model):
    """Credit set aside for one generation, with the price it was worked out from.

    Settled once: `captured` is what the clip cost, `released` what went back.
    """

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="holds", db_index=False)
    attempt = models.UUIDField(unique=True, help_text="the generation's id")
    amount = models.BigIntegerField(help_text="µ$")
    captured = models.BigIntegerField(db_default=0, help_text="µ$")
    released = models.BigIntegerField(db_default=0, help_text="µ$")
    state = models.CharField(max_length=10, choices=HoldState, db_default=HoldState.OPEN)

    price_version = models.ForeignKey(
        PriceVersion, on_delete=models.PROTECT, related_name="holds", db_index=False
    )
    rate_nanos = models.BigIntegerField(help_text="n$ per billed second and pass")
    num_frames = models.IntegerField()
    passes = models.SmallIntegerField()

    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(help_text="when somebody should ask what became of the clip")
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="hold_amount_positive"),
            models.CheckConstraint(
                condition=Q(state=HoldState.OPEN, captured=0, released=0, settled_at__isnull=True)
                | Q(
                    state=HoldState.SETTLED,
                    captured__gte=0,
                    released__gte=0,
                    amount=F("captured") + F("released"),
                    settled_at__isnull=False,
                ),
                name="hold_settled_in_full",
            ),
        ]
        indexes = [
            models.Index(fields=["team", "-id"], name="hold_recent"),
            models.Index(fields=["expires_at"], condition=Q(state=HoldState.OPEN), name="hold_overdue"),
        ]

    def __str__(self) -> str:
        return f"{self.state} hold for {self.attempt}"

    @property
    def is_settled(self) -> bool:
        return self.state == HoldState.SETTLED


class TransactionKind(models.TextChoices):
    PROMO_GRANT = "promo_grant", "Promotional credit"
    HOLD = "hold", "Hold"
    CAPTURE = "capture", "Capture"
    PARTIAL_CAPTURE = "partial_capture", "Partial capture"
    RELEASE = "release", "Release"


class Transaction(models.Model):
    """One business fact: at least two entries that sum to zero; append-only.

    `key` says what the fact is about, so that it is recorded once. `request_hash` recognises the same
    key with another content.
    """

    key = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=20, choices=TransactionKind)
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.PROTECT, related_name="transactions", db_index=False
    )
    actor = models.CharField(max_length=80)
    reason = models.CharField(max_length=200, blank=True, db_default="")
    request_hash = models.CharField(max_length=64)
    hold = models.ForeignKey(
        Hold, null=True, blank=True, on_delete=models.PROTECT, related_name="transactions"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    effective_at = models.DateTimeField(db_default=Now())
    # Filled in by a trigger: entries may join only within the database transaction that made this row.
    database_xid = models.BigIntegerField(db_default=0, editable=False)

    class Meta:
        indexes = [models.Index(fields=["team", "-id"], name="transaction_recent")]

    def __str__(self) -> str:
        return self.key


class Entry(models.Model):
    """One leg of a transaction: credit is positive, debit negative; append-only.

    For a wallet account, `balance_after` and `version` continue the account's own count without gaps.
    """

    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="entries")
    # The unique constraint below starts with the account and serves as its index.
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="entries", db_index=False)
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
