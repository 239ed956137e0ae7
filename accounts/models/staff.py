"""Staff who look into a team: why, for how long, and every address they opened."""

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.people import User
from accounts.models.teams import Team


class SessionEnd(models.TextChoices):
    ENDED = "ended", "Ended by hand"
    IDLE = "idle", "Nothing was opened for a while"
    TIME = "time", "Its time was up"


class StaffSession(models.Model):
    """One visit of staff to one team, with a written reason; whoever visits has one open at most.

    `person` is the member whose view it is; without one the visitor is there as an operator.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    staff = models.ForeignKey(User, on_delete=models.PROTECT, related_name="staff_sessions")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="staff_sessions")
    person = models.ForeignKey(User, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500)
    started_at = models.DateTimeField(default=timezone.now, editable=False)
    seen_at = models.DateTimeField(default=timezone.now, editable=False, help_text="the last address opened")
    ended_at = models.DateTimeField(null=True, blank=True)
    how_ended = models.CharField(max_length=10, choices=SessionEnd, blank=True)
    # When the owners, and the person, were told by e-mail.
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["staff"], condition=Q(ended_at__isnull=True), name="staff_session_one_open"
            )
        ]
        indexes = [
            models.Index(fields=["team", "-started_at"], name="staff_session_of_team"),
            models.Index(
                fields=["started_at"], condition=Q(told_at__isnull=True), name="staff_session_untold"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.team} on {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def ends_at(self) -> datetime:
        """When it ends at the latest."""
        return self.started_at + timedelta(minutes=settings.STAFF_SESSION_MINUTES)

    @property
    def is_open(self) -> bool:
        return self.ended_at is None


class StaffVisit(models.Model):
    """One address that was opened in a staff session; the database only adds to them.

    `path` has no query: its values may be private. `route` is the pattern of the address.
    """

    session = models.ForeignKey(StaffSession, on_delete=models.PROTECT, related_name="visits")
    at = models.DateTimeField(default=timezone.now, editable=False)
    method = models.CharField(max_length=10)
    route = models.CharField(max_length=200, blank=True)
    path = models.CharField(max_length=300)
    status = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"
