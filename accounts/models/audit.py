"""The audit log: who did what, to which object, when and from where."""

from django.db import models
from django.utils import timezone

from accounts.models.people import User
from accounts.models.teams import Team


class ActorKind(models.TextChoices):
    MEMBER = "member", "Member"
    KEY = "key", "API key"
    STAFF = "staff", "Staff"
    SYSTEM = "system", "The platform"


class AuditEvent(models.Model):
    """One deed. The database refuses to change or delete it, except that a person can be taken out of it.

    `team` is None for what a person does to their own account. `user` is the person behind the deed, also behind
    a key's. `old` and `new` hold the values that changed, never a secret.
    """

    at = models.DateTimeField(default=timezone.now, editable=False)
    team = models.ForeignKey(Team, null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=ActorKind)
    user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    key_id = models.CharField(max_length=16, blank=True)  # the key's public id
    action = models.CharField(max_length=60)
    object_type = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    # What people call the object: a name as it was then.
    object_name = models.CharField(max_length=200, blank=True)
    old = models.JSONField(default=dict)
    new = models.JSONField(default=dict)
    address = models.GenericIPAddressField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    # The staff session in which it was done, if it was.
    staff_session = models.UUIDField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["team", "-id"], name="audit_of_team"),
            models.Index(fields=["user", "-id"], name="audit_of_person"),
            models.Index(fields=["object_type", "object_id", "-id"], name="audit_of_object"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.action} {self.object_name}".rstrip()
