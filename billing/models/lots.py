"""Lots: where a team's credit came from, and what became of it."""

from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now

from accounts.models import Team
from billing.models.books import Transaction
from billing.models.purchases import Purchase


class LotSource(models.TextChoices):
    PROMO = "promo", "Promotional credit"
    ADJUSTMENT = "adjustment", "Adjustment"
    PURCHASE = "purchase", "Purchase"


class Bucket(models.TextChoices):
    GRANTED = "granted", "Granted"
    REMAINING = "remaining", "Remaining"
    HELD = "held", "Held"
    FROZEN = "frozen", "Frozen"
    SPENT = "spent", "Spent"
    EXPIRED = "expired", "Expired"
    REVERSED = "reversed", "Taken back"


class Lot(models.Model):
    """Credit from one source, in six buckets that always add up to what was granted.

    The buckets change only through lot moves. Lots burn by priority, expiry (none last), creation, id.
    """

    # The team is proven with each move, whose transaction names the same one.
    team = models.ForeignKey(
        Team, on_delete=models.PROTECT, related_name="lots", db_index=False, db_constraint=False
    )
    source = models.CharField(max_length=10, choices=LotSource)
    purchase = models.ForeignKey(
        Purchase, null=True, blank=True, on_delete=models.PROTECT, related_name="lots", db_index=False
    )
    priority = models.SmallIntegerField(help_text="lower burns first")
    granted = models.BigIntegerField(db_default=0, help_text="µ$")
    remaining = models.BigIntegerField(db_default=0, help_text="µ$")
    held = models.BigIntegerField(db_default=0, help_text="µ$")
    frozen = models.BigIntegerField(db_default=0, help_text="µ$")
    spent = models.BigIntegerField(db_default=0, help_text="µ$")
    expired = models.BigIntegerField(db_default=0, help_text="µ$")
    reversed = models.BigIntegerField(db_default=0, help_text="µ$")
    moves_count = models.BigIntegerField(db_default=0, help_text="moves so far")
    expires_at = models.DateTimeField(null=True, blank=True)
    # Credit that comes back after the end gets seven days, once.
    extended = models.BooleanField(db_default=False)
    disputed = models.BooleanField(db_default=False, help_text="what comes back to it is frozen")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    # Not `remaining` itself: a column of an index that changes with every job would cost every index an entry.
    spendable = models.GeneratedField(
        expression=Q(remaining__gt=0),  # type: ignore[arg-type]
        output_field=models.BooleanField(),
        db_persist=True,
    )

    class Meta:
        constraints = [
            # Short, because PostgreSQL reads it again for every statement.
            models.CheckConstraint(
                condition=Func(
                    F("remaining"),
                    F("held"),
                    F("frozen"),
                    F("spent"),
                    F("expired"),
                    F("reversed"),
                    template="LEAST(%(expressions)s) >= 0",
                    output_field=models.BooleanField(),
                ),
                name="lot_buckets_not_below_zero",
            ),
            models.CheckConstraint(
                condition=Q(
                    granted=F("remaining")
                    + F("held")
                    + F("frozen")
                    + F("spent")
                    + F("expired")
                    + F("reversed")
                ),
                name="lot_buckets_add_up",
            ),
        ]
        indexes = [
            models.Index(fields=["team"], condition=Q(spendable=True), name="lot_spendable"),
            models.Index(fields=["team", "-id"], name="lot_recent"),
            models.Index(fields=["purchase"], condition=Q(purchase__isnull=False), name="lot_of_purchase"),
        ]

    def __str__(self) -> str:
        return f"{self.get_source_display()} {self.pk}"


class LotMove(models.Model):
    """Credit going from one bucket of a lot to another, as part of a transaction; append-only.

    `position` counts the lot's moves without gaps. The first one, from granted, fills the lot.
    """

    # A trigger proves both as the move is written.
    transaction = models.ForeignKey(
        Transaction, on_delete=models.PROTECT, related_name="lot_moves", db_constraint=False
    )
    lot = models.ForeignKey(
        Lot, on_delete=models.PROTECT, related_name="moves", db_index=False, db_constraint=False
    )
    position = models.BigIntegerField(db_default=0, editable=False)
    source = models.CharField(max_length=10, choices=Bucket)
    target = models.CharField(max_length=10, choices=Bucket)
    amount = models.BigIntegerField(help_text="µ$")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["lot", "position"], name="lot_move_position_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="lot_move_amount_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} µ$ from {self.source} to {self.target}"
