"""What people were told, and what they want to be told."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.people import User
from accounts.models.teams import Team


class Notification(models.Model):
    """One thing that one person was told, in the words they read; services/notifications.py alone makes them.

    `about` names what happened: the same thing is told to a person once. `path` is where its button leads.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notifications")
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=40)
    about = models.CharField(max_length=120)
    subject = models.CharField(max_length=250)
    text = models.TextField()
    reason = models.CharField(max_length=250)  # why this person is told
    action = models.CharField(max_length=60, blank=True)
    path = models.CharField(max_length=300, blank=True)
    tone = models.CharField(max_length=10, default="info")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    in_portal = models.BooleanField(default=True)
    by_mail = models.BooleanField(default=True)
    read_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "about"], name="notification_once"),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], condition=Q(in_portal=True), name="notification_recent"),
            # The bell on every page counts these: as many rows as are unread, however long the history.
            models.Index(
                fields=["user"], condition=Q(in_portal=True, read_at=None), name="notification_unread"
            ),
            models.Index(
                fields=["id"], condition=Q(by_mail=True, mailed_at=None), name="notification_unmailed"
            ),
        ]

    def __str__(self) -> str:
        return self.subject


class NotificationChoice(models.Model):
    """What a person decided about one kind on one channel; without a row the kind's own default holds."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notification_choices")
    kind = models.CharField(max_length=40)
    channel = models.CharField(max_length=10)
    wanted = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "channel"], name="notification_choice_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} by {self.channel}: {'yes' if self.wanted else 'no'}"
