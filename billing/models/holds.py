"""Credit set aside for jobs."""

from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Now

from accounts.models import Team
from billing.models.prices import PriceVersion


class HoldState(models.TextChoices):
    OPEN = "open", "Open"
    SETTLED = "settled", "Settled"


class Hold(models.Model):
    """Credit set aside for one generation, with the price it was worked out from.

    Settled once: `captured` is what the clip cost, `released` what went back.
    """

    # The trigger that demands the hold's transaction proves the team and the price as well: foreign keys
    # would lock rows that many jobs share.
    team = models.ForeignKey(
        Team, on_delete=models.PROTECT, related_name="holds", db_index=False, db_constraint=False
    )
    attempt = models.UUIDField(unique=True, help_text="the generation's id")
    amount = models.BigIntegerField(help_text="µ$")
    captured = models.BigIntegerField(db_default=0, help_text="µ$")
    released = models.BigIntegerField(db_default=0, help_text="µ$")
    state = models.CharField(max_length=10, choices=HoldState, db_default=HoldState.OPEN)

    price_version = models.ForeignKey(
        PriceVersion, on_delete=models.PROTECT, related_name="holds", db_index=False, db_constraint=False
    )
    rate_nanos = models.BigIntegerField(help_text="n$ per billed second and pass")
    num_frames = models.IntegerField()
    passes = models.SmallIntegerField()

    # What the clip is for, by its id: the row of a project never stands in the way of money.
    project_id = models.UUIDField(null=True, blank=True)
    has_budgets = models.BooleanField(db_default=False, help_text="counted in budgets, too")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    expires_at = models.DateTimeField(help_text="when somebody should ask what became of the clip")
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="hold_amount_positive"),
            # By a function: PostgreSQL reads the text of a check again for every statement.
            models.CheckConstraint(
                condition=Func(
                    F("state"),
                    F("amount"),
                    F("captured"),
                    F("released"),
                    Q(settled_at__isnull=False),
                    function="billing_settled_in_full",
                    output_field=models.BooleanField(),
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
