"""Teams, and who belongs to them as what."""

import uuid

from django.db import models
from django.utils import timezone

from accounts.models.people import User
from accounts.permissions import ROLE_PERMISSIONS


class Team(models.Model):
    """Who owns pictures, clips and credits. Everyone has a personal team from sign-up on."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=60, unique=True)
    is_personal = models.BooleanField(default=False)
    # Members see the team only with a passkey or an authenticator app; API keys go on as before.
    requires_second_factor = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # When it will be deleted; until then nothing new may be made or bought.
    ends_at = models.DateTimeField(null=True, blank=True, editable=False)
    members = models.ManyToManyField(User, through="accounts.Membership", related_name="teams")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    OWNER = "owner"
    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"
    BILLING = "billing"


class Membership(models.Model):
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # To the hour: a write for every page would cost more than it tells.
    last_seen_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user_id} is {self.role} of {self.team_id}"

    @property
    def permissions(self) -> frozenset[str]:
        return ROLE_PERMISSIONS[self.role]
