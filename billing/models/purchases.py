"""Bought credit, and what takes it back: refunds, disputes, and the debt they may leave."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import Team
from billing.models.books import Transaction

MICROS_PER_CENT = 10_000


class PurchaseOrigin(models.TextChoices):
    CHECKOUT = "checkout", "Checkout"
    RECHARGE = "recharge", "Automatic recharge"


class PurchaseState(models.TextChoices):
    DRAFT = "draft", "Started"
    OPEN = "open", "Waiting for payment"
    PAID = "paid", "Paid"
    FAILED = "failed", "Payment failed"
    EXPIRED = "expired", "Expired"


class Purchase(models.Model):
    """One intention to buy credit. Paid is final, and the amounts stay from then on."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="purchases", db_index=False)
    origin = models.CharField(max_length=10, choices=PurchaseOrigin)
    state = models.CharField(max_length=10, choices=PurchaseState, db_default=PurchaseState.DRAFT)
    credit = models.BigIntegerField(help_text="µ$")
    gross_cents = models.BigIntegerField(help_text="cents that are paid, with tax")
    tax_cents = models.BigIntegerField(db_default=0, help_text="cents")
    credit_days = models.IntegerField(null=True, blank=True, help_text="the credit ends so many days later")
    actor = models.CharField(max_length=80)
    checkout_session = models.CharField(max_length=255, null=True, blank=True, unique=True)
    payment_intent = models.CharField(max_length=255, null=True, blank=True, unique=True)
    charge = models.CharField(max_length=255, null=True, blank=True, unique=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    paid_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(credit__gt=0, tax_cents__gte=0), name="purchase_amounts"),
            models.CheckConstraint(
                condition=Q(credit=(F("gross_cents") - F("tax_cents")) * MICROS_PER_CENT),
                name="purchase_credit_and_tax_are_gross",
            ),
            models.CheckConstraint(
                condition=Q(state=PurchaseState.PAID, paid_at__isnull=False)
                | (~Q(state=PurchaseState.PAID) & Q(paid_at__isnull=True)),
                name="purchase_paid_at",
            ),
        ]
        indexes = [models.Index(fields=["team", "-id"], name="purchase_recent")]

    def __str__(self) -> str:
        return f"{self.state} purchase {self.pk}"

    @property
    def is_paid(self) -> bool:
        return self.state == PurchaseState.PAID


class RefundState(models.TextChoices):
    REQUESTED = "requested", "Requested"
    SUCCEEDED = "succeeded", "Refunded"
    FAILED = "failed", "Failed"


class Refund(models.Model):
    """Money going back for a purchase; asked for by us (then credit is frozen first) or made at Stripe."""

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="refunds")
    stripe_id = models.CharField(max_length=255, null=True, blank=True, unique=True)
    gross_cents = models.BigIntegerField(help_text="cents")
    state = models.CharField(max_length=10, choices=RefundState, db_default=RefundState.REQUESTED)
    frozen = models.BigIntegerField(db_default=0, help_text="µ$ of credit set aside until the answer")
    posted = models.BigIntegerField(db_default=0, help_text="µ$ of credit taken back")
    actor = models.CharField(max_length=80)
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(gross_cents__gt=0, frozen__gte=0), name="refund_amounts"),
        ]

    def __str__(self) -> str:
        return f"{self.state} refund {self.pk}"


class DisputeState(models.TextChoices):
    NEW = "new", "Reported"
    OPEN = "open", "Open"
    WON = "won", "Won"
    LOST = "lost", "Lost"


class Dispute(models.Model):
    """A payer's bank wants money back. What was left of that purchase's credit is frozen until the end."""

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="disputes")
    stripe_id = models.CharField(max_length=255, unique=True)
    gross_cents = models.BigIntegerField(help_text="cents")
    state = models.CharField(max_length=10, choices=DisputeState, db_default=DisputeState.NEW)
    frozen = models.BigIntegerField(db_default=0, help_text="µ$ of credit set aside until the end")
    posted = models.BigIntegerField(db_default=0, help_text="µ$ of credit taken back")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(gross_cents__gt=0, frozen__gte=0), name="dispute_amounts"),
            models.UniqueConstraint(
                fields=["purchase"],
                condition=Q(state__in=[DisputeState.NEW, DisputeState.OPEN]),
                name="dispute_one_open_per_purchase",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} dispute {self.stripe_id}"


class Debt(models.Model):
    """Credit that was taken back after it was spent. The team's next credit repays it, oldest first."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="debts")
    transaction = models.OneToOneField(Transaction, on_delete=models.PROTECT, related_name="debt")
    amount = models.BigIntegerField(help_text="µ$")
    repaid = models.BigIntegerField(db_default=0, help_text="µ$")
    written_off = models.BigIntegerField(db_default=0, help_text="µ$")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0, repaid__gte=0, written_off__gte=0)
                & Q(amount__gte=F("repaid") + F("written_off")),
                name="debt_amounts",
            ),
        ]

    def __str__(self) -> str:
        return f"debt {self.pk}"

    @property
    def open_amount(self) -> int:
        """µ$ still owed."""
        return self.amount - self.repaid - self.written_off


class ProviderCharge(models.Model):
    """What the provider took for one job: first by the result's own count, later by its bills."""

    attempt = models.UUIDField(unique=True, help_text="the generation's id")
    units = models.DecimalField(max_digits=14, decimal_places=4, help_text="billable units")
    cost_nanos = models.BigIntegerField(help_text="n$")
    posted = models.BigIntegerField(db_default=0, help_text="µ$")
    postings = models.IntegerField(db_default=0)

    def __str__(self) -> str:
        return f"charge for {self.attempt}"
