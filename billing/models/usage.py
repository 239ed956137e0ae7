"""What was spent on which day, by whom: counted by the database as holds are captured."""

from django.db import models

from accounts.models import Team


class UsageDay(models.Model):
    """A day (UTC) of one actor, for one project or none. Triggers on holds and refunds write it; nothing else may."""

    team = models.ForeignKey(
        Team, on_delete=models.PROTECT, related_name="usage_days", db_index=False, db_constraint=False
    )
    day = models.DateField()
    actor = models.CharField(max_length=80, help_text="who ordered the clips")
    project_id = models.UUIDField(null=True, blank=True)
    clips = models.IntegerField()
    spent = models.BigIntegerField(help_text="µ$, less what was refunded")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "day", "actor", "project_id"],
                nulls_distinct=False,
                name="usage_once_per_day_actor_and_project",
            )
        ]

    def __str__(self) -> str:
        return f"{self.actor} on {self.day:%Y-%m-%d}"
