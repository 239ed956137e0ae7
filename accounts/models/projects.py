"""Projects: what a team's clips are for, as a label that spending can be told apart by."""

import uuid

from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.models.people import User
from accounts.models.teams import Team


class Project(models.Model):
    """A label for work inside a team. Archived ones keep what was made under them and take nothing new."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="projects")
    name = models.CharField(max_length=60)
    created_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "created_at"]
        constraints = [
            # Two with one name could not be told apart on a statement, in whatever case they are written.
            models.UniqueConstraint(models.F("team"), Lower("name"), name="project_name_once_per_team")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None
