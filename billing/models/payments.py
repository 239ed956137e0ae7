"""How purchases are paid at Stripe, and what Stripe told us. No money is counted here: the books do that."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Team
from billing.models.purchases import Purchase


class StripeCustomer(models.Model):
    """A team at Stripe, and the card it may be charged on when nobody is there."""

    team = models.OneToOneField(
        Team, on_delete=models.PROTECT, primary_key=True, related_name="stripe_customer"
    )
    stripe_id = models.CharField(max_length=255, null=True, blank=True, unique=True)
    # Stripe remembers for a day whom it made under a key, deleted or not.
    number = models.SmallIntegerField(default=1, help_text="counts the customers made for the team")
    payment_method = models.CharField(max_length=255, blank=True)
    card = models.CharField(max_length=60, blank=True, help_text="as people know it: Visa 4242")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return f"customer of {self.team_id}"


class Payment(models.Model):
    """A purchase on its way through Stripe.

    `look_at` is when to ask Stripe again by ourselves, empty once there is nothing more to learn.
    """

    purchase = models.OneToOneField(
        Purchase, on_delete=models.PROTECT, primary_key=True, related_name="payment"
    )
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+", db_index=False)
    # Drawn with the form: the same click twice is the same purchase.
    form_key = models.UUIDField()
    keep_card = models.BooleanField(default=False, help_text="the payer agreed to later charges")
    automatic_tax = models.BooleanField(default=False)
    checkout_number = models.SmallIntegerField(default=1, help_text="counts the checkout pages made for it")
    checkout_url = models.CharField(max_length=2000, blank=True)
    checkout_ends_at = models.DateTimeField(null=True, blank=True)
    is_processing = models.BooleanField(default=False, help_text="confirmed by the payer, not by the bank")
    failure = models.CharField(max_length=200, blank=True)
    receipt_url = models.CharField(max_length=2000, blank=True)
    invoice_url = models.CharField(max_length=2000, blank=True)
    look_at = models.DateTimeField(null=True, blank=True)
    looks = models.IntegerField(default=0)
    looked_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True, help_text="why the last look found nothing")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "form_key"], name="payment_once_per_form")]
        indexes = [
            models.Index(fields=["look_at"], condition=Q(look_at__isnull=False), name="payment_due"),
        ]

    def __str__(self) -> str:
        return f"payment of purchase {self.purchase_id}"


class RechargeRule(models.Model):
    """Buy credit by ourselves when little is left. Paused until a person looks at it, when `paused` says why."""

    class Pause(models.TextChoices):
        AUTHENTICATION = "authentication", "the bank wants to see the card's owner"
        CARD_GONE = "card_gone", "the saved card was removed"
        CUSTOMER_GONE = "customer_gone", "the customer was deleted at Stripe"

    team = models.OneToOneField(
        Team, on_delete=models.PROTECT, primary_key=True, related_name="recharge_rule"
    )
    active = models.BooleanField(default=False)
    threshold = models.BigIntegerField(help_text="µ$ that can be spent, below which credit is bought")
    credit = models.BigIntegerField(help_text="µ$ bought each time")
    monthly_cap = models.BigIntegerField(help_text="µ$ bought in a calendar month (UTC) at most")
    paused = models.CharField(max_length=20, choices=Pause, blank=True)
    retry_at = models.DateTimeField(null=True, blank=True, help_text="not before, after a decline")
    agreed_by = models.CharField(max_length=80)
    agreed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(threshold__gte=0, credit__gt=0) & Q(monthly_cap__gte=models.F("credit")),
                name="recharge_amounts",
            )
        ]

    def __str__(self) -> str:
        return f"recharge rule of {self.team_id}"


class RechargeState(models.TextChoices):
    PENDING = "pending", "Pending"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"


class Recharge(models.Model):
    """One automatic purchase; a team has at most one that is not decided."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="recharges")
    purchase = models.OneToOneField(Purchase, on_delete=models.PROTECT, related_name="recharge")
    payment_method = models.CharField(max_length=255)
    state = models.CharField(max_length=10, choices=RechargeState, default=RechargeState.PENDING)
    failure = models.CharField(max_length=80, blank=True, help_text="Stripe's code")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team"], condition=Q(state=RechargeState.PENDING), name="recharge_one_pending"
            )
        ]

    def __str__(self) -> str:
        return f"{self.state} recharge {self.pk}"


class StripeReceipt(models.Model):
    """A delivery of Stripe's, stored as it came before anything is done with it."""

    event_id = models.CharField(max_length=255, unique=True)
    kind = models.CharField(max_length=100)
    object_id = models.CharField(max_length=255)
    payload = models.TextField()
    received_at = models.DateTimeField(db_default=Now(), editable=False)
    processed_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    attempts = models.IntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["due_at"], condition=Q(due_at__isnull=False), name="receipt_due")]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"


class FraudWarning(models.Model):
    """A card network suspects fraud, before there is a dispute: for the operators to look at."""

    stripe_id = models.CharField(max_length=255, unique=True)
    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="fraud_warnings")
    fraud_type = models.CharField(max_length=100)
    actionable = models.BooleanField()
    reviewed_by = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    def __str__(self) -> str:
        return f"{self.fraud_type} for purchase {self.purchase_id}"
