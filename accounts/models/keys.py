"""API keys."""

import uuid

from django.db import models
from django.utils import timezone

from accounts.models.people import User
from accounts.models.projects import Project
from accounts.models.teams import Team


class ApiKey(models.Model):
    """A machine's way in. Only a keyed hash of the secret is stored; api_keys.py makes and checks keys."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    public_id = models.CharField(max_length=16, unique=True, editable=False)
    secret_hash = models.CharField(max_length=64, editable=False)
    # After a rotation the secret before opens the same until its end.
    previous_hash = models.CharField(max_length=64, blank=True, editable=False)
    previous_until = models.DateTimeField(null=True, blank=True, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="api_keys")
    # Who made it: the key never outlives that person's membership or exceeds their role.
    created_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    scopes = models.JSONField(default=list)
    # The project of its clips, unless a request names another one.
    project = models.ForeignKey(Project, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    # Networks in CIDR form that it may be used from; none: from anywhere.
    networks = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    rotated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"

    @property
    def prefix(self) -> str:
        """The part that may be shown: it identifies the key and opens nothing."""
        return f"ltx_live_{self.public_id}"

    @property
    def is_revoked(self) -> bool:
        return self.revoked_at is not None
