"""The pulse of each task queue."""

from django.db import models
from django.db.models.functions import Now


class QueuePing(models.Model):
    """One row a queue: when a worker last answered, and how often its cluster was started again."""

    queue = models.CharField(max_length=100, primary_key=True)
    answered_at = models.DateTimeField(null=True)
    restarts = models.PositiveIntegerField(default=0, db_default=0)

    def __str__(self) -> str:
        return self.queue

    @classmethod
    def stamp(cls, queue: str) -> None:
        """Note that a worker of `queue` answered now, by the database's clock."""
        cls.objects.update_or_create(queue=queue, defaults={"answered_at": Now()})
