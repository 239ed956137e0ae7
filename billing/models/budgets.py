"""Who may spend how much: limits that owners set, budgets that count them, and notices of what was reached."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import ApiKey, Team, User
from billing.models.holds import Hold


class Period(models.TextChoices):
    """In UTC; weeks begin on Monday. `job` caps each clip by itself."""

    DAY = "day", "a day"
    WEEK = "week", "a week"
    MONTH = "month", "a month"
    TOTAL = "total", "in total"
    JOB = "job", "a clip"


class Limit(models.Model):
    """A cap on what one member, one API key or one project of a team may spend in each period.

    A raise counts until its end instead of the cap. A limit that was lifted stays, not active, for its budgets.
    """

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="limits")
    member = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="limits", db_index=False
    )
    key = models.ForeignKey(
        ApiKey, null=True, blank=True, on_delete=models.PROTECT, related_name="limits", db_index=False
    )
    # By its id, as holds have it.
    project_id = models.UUIDField(null=True, blank=True)
    period = models.CharField(max_length=5, choices=Period)
    cap = models.BigIntegerField(help_text="µ$")
    raised_cap = models.BigIntegerField(null=True, blank=True, help_text="µ$")
    raised_until = models.DateTimeField(null=True, blank=True)
    active = models.BooleanField(db_default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(member__isnull=False, key__isnull=True, project_id__isnull=True)
                | Q(member__isnull=True, key__isnull=False, project_id__isnull=True)
                | Q(member__isnull=True, key__isnull=True, project_id__isnull=False),
                name="limit_one_subject",
            ),
            models.CheckConstraint(condition=Q(cap__gte=0), name="limit_cap_not_below_zero"),
            models.CheckConstraint(
                condition=Q(raised_cap__isnull=True, raised_until__isnull=True)
                | Q(raised_cap__gte=0, raised_until__isnull=False),
                name="limit_raise_has_an_end",
            ),
            models.UniqueConstraint(
                fields=["team", "member", "key", "project_id", "period"],
                nulls_distinct=False,
                name="limit_once_per_subject_and_period",
            ),
        ]

    def __str__(self) -> str:
        return f"limit {self.pk}, {self.get_period_display()}"


class Budget(models.Model):
    """One limit in one period. What is held and spent only grows while the sum stays within the cap."""

    limit = models.ForeignKey(Limit, on_delete=models.PROTECT, related_name="budgets", db_index=False)
    period_start = models.DateTimeField()
    cap = models.BigIntegerField(help_text="µ$")
    held = models.BigIntegerField(db_default=0, help_text="µ$")
    spent = models.BigIntegerField(db_default=0, help_text="µ$")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["limit", "period_start"], name="budget_once_per_period"),
            models.CheckConstraint(
                condition=Q(cap__gte=0, held__gte=0, spent__gte=0), name="budget_not_below_zero"
            ),
        ]

    def __str__(self) -> str:
        return f"budget {self.pk} from {self.period_start:%Y-%m-%d}"


class HoldBudget(models.Model):
    """A hold keeps the budgets it was counted in, so that settling after midnight corrects the right ones."""

    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, related_name="budgets", db_index=False)
    budget = models.ForeignKey(Budget, on_delete=models.PROTECT, related_name="holds")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["hold", "budget"], name="hold_budget_once")]

    def __str__(self) -> str:
        return f"hold {self.hold_id} in budget {self.budget_id}"


class Notice(models.Model):
    """Something to tell people, noted with what it is about, once; sending is another's work."""

    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=100)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="billing_notices")
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.IntegerField(db_default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "subject"], name="notice_once")]
        indexes = [models.Index(fields=["id"], condition=Q(sent_at__isnull=True), name="notice_waiting")]

    def __str__(self) -> str:
        return f"{self.kind} about {self.subject}"
