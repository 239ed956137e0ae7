"""Exports and deletions under way: the rows say how far each has come, so that any worker can go on."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Team, User


class ExportState(models.TextChoices):
    BUILDING = "building", "Being made"
    READY = "ready", "Ready"
    FAILED = "failed", "Failed"
    EXPIRED = "expired", "Removed"


class DataExport(models.Model):
    """Everything of a team, or without a team of a person, as one ZIP archive that lies in parts.

    `section` and `after` say what comes next: a section of content.py and the place in it. One worker at a time
    holds the lease; each step adds a part and moves the place in one transaction.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="exports")
    # Who asked for it, and without a team also whose data it is.
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="exports")
    state = models.CharField(max_length=10, choices=ExportState, default=ExportState.BUILDING)
    section = models.CharField(max_length=80, blank=True)
    after = models.JSONField(default=list)
    items = models.PositiveIntegerField(default=0, help_text="expected")
    items_done = models.PositiveIntegerField(default=0)
    files = models.PositiveIntegerField(default=0)
    size = models.PositiveBigIntegerField(default=0, help_text="bytes so far")
    parts_done = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="of the present step")
    leased_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team"],
                condition=Q(state=ExportState.BUILDING, team__isnull=False),
                name="export_one_of_a_team",
            ),
            models.UniqueConstraint(
                fields=["person"],
                condition=Q(state=ExportState.BUILDING, team__isnull=True),
                name="export_one_of_a_person",
            ),
        ]
        indexes = [
            models.Index(
                fields=["leased_until"], condition=Q(state=ExportState.BUILDING), name="export_building"
            ),
            models.Index(fields=["expires_at"], condition=Q(state=ExportState.READY), name="export_expiry"),
        ]

    def __str__(self) -> str:
        return f"export of {f'team {self.team_id}' if self.team_id else f'person {self.person_id}'}"

    @property
    def is_building(self) -> bool:
        return self.state == ExportState.BUILDING

    @property
    def is_ready(self) -> bool:
        return self.state == ExportState.READY


class ExportPart(models.Model):
    """A piece of the archive's bytes, from `offset` on; the pieces in order are the file."""

    export = models.ForeignKey(DataExport, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    file = models.CharField(max_length=200)
    offset = models.PositiveBigIntegerField(help_text="bytes")
    size = models.PositiveBigIntegerField(help_text="bytes")
    # What the archive's directory says of the files in this piece: see archive.py.
    entries = models.JSONField(default=list)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["export", "number"], name="export_part_once")]

    def __str__(self) -> str:
        return f"part {self.number} of {self.export_id}"


class DeletionState(models.TextChoices):
    WAITING = "waiting", "Can be undone"
    UNDONE = "undone", "Undone"
    DONE = "done", "Deleted"


class Deletion(models.Model):
    """The end of a team, or without a team of a person's account; until `due_at` it can be undone.

    A person's own teams end first: those rows name the person's in `parent`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.PROTECT, related_name="deletions")
    # Who asked for it, and without a team also who is to be forgotten.
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="deletions")
    # Whoever runs the site began it for `person`, who is an owner.
    by_operators = models.BooleanField(default=False, db_default=False)
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="before")
    state = models.CharField(max_length=10, choices=DeletionState, default=DeletionState.WAITING)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True, help_text="the e-mail with the way back")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team"],
                condition=Q(state=DeletionState.WAITING, team__isnull=False),
                name="deletion_one_of_a_team",
            ),
            models.UniqueConstraint(
                fields=["person"],
                condition=Q(state=DeletionState.WAITING, team__isnull=True),
                name="deletion_one_of_a_person",
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state=DeletionState.WAITING), name="deletion_due")
        ]

    def __str__(self) -> str:
        return f"deletion of {f'team {self.team_id}' if self.team_id else f'person {self.person_id}'}"
