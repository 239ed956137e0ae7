"""Invitations to a team, by e-mail."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models.people import User
from accounts.models.teams import Role, Team


class Invitation(models.Model):
    """Somebody may come in as `role` until `expires_at`, with an address that is `email`, character by character.

    Who holds the token sees it. Only the token's SHA-256 is here, and only once its e-mail is being sent: the task
    that sends an e-mail makes the token, so an e-mail that is sent again makes the one before worthless.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField()  # ASCII, lower case
    role = models.CharField(max_length=10, choices=Role)
    invited_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    token_hash = models.CharField(max_length=64, null=True, unique=True, editable=False)  # noqa: DJ001 - many have none
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    # The e-mail: when it went out, and when to try (again) as long as it has not.
    sent_at = models.DateTimeField(null=True)
    try_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    accepted_at = models.DateTimeField(null=True)
    # Revoked by the team or declined.
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "email"],
                condition=Q(accepted_at=None, ended_at=None),
                name="invitation_once_open",
            )
        ]
        indexes = [
            models.Index(
                fields=["try_at"],
                condition=Q(sent_at=None, accepted_at=None, ended_at=None),
                name="invitation_to_send",
            )
        ]

    def __str__(self) -> str:
        return self.email
