"""Members who ask for more than a limit allows, and what was decided."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Team, User
from billing.models.budgets import Limit


class RequestState(models.TextChoices):
    OPEN = "open", "Waiting"
    APPROVED = "approved", "Approved"
    DECLINED = "declined", "Declined"
    DROPPED = "dropped", "Not needed any more"


class RaiseRequest(models.Model):
    """Somebody asks for `amount` on top of a limit. An owner decides once; the raise is on the limit itself."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="raise_requests", db_index=False)
    limit = models.ForeignKey(Limit, on_delete=models.PROTECT, related_name="raise_requests")
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+", db_index=False)
    amount = models.BigIntegerField(help_text="µ$ on top of the cap")
    reason = models.CharField(max_length=300)
    state = models.CharField(max_length=10, choices=RequestState, db_default=RequestState.OPEN)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    decided_by = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    granted = models.BigIntegerField(db_default=0, help_text="µ$ on top of the cap")
    # Until when the raise counts; none for good.
    until = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=300, blank=True, help_text="what the owner said")
    # The last state that the people concerned were told by e-mail.
    told = models.CharField(max_length=10, blank=True, db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["limit", "asked_by"],
                condition=Q(state=RequestState.OPEN),
                name="raise_request_one_open",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0, granted__gte=0), name="raise_request_amounts"),
            models.CheckConstraint(
                condition=Q(state=RequestState.OPEN, decided_at__isnull=True)
                | (~Q(state=RequestState.OPEN) & Q(decided_at__isnull=False)),
                name="raise_request_decided",
            ),
        ]
        indexes = [
            models.Index(fields=["team", "-id"], name="raise_request_recent"),
            models.Index(fields=["id"], condition=~Q(told=models.F("state")), name="raise_request_untold"),
        ]

    def __str__(self) -> str:
        return f"{self.state} request {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.state == RequestState.OPEN
