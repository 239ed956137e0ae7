"""The price book."""

import uuid

from django.db import models
from django.db.models import Q

from accounts.models import Team


class PriceVersion(models.Model):
    """What a product costs from `valid_from` until the next version; append-only."""

    product = models.CharField(max_length=100)
    rate_nanos = models.BigIntegerField(help_text="n$ per billed second and pass; 24 frames are one second")
    detail_passes = models.SmallIntegerField(db_default=2, help_text="passes billed with the detail pass")
    valid_from = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "valid_from"], name="price_version_once"),
            models.CheckConstraint(
                condition=Q(rate_nanos__gt=0, detail_passes__gt=0), name="price_version_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product} from {self.valid_from:%Y-%m-%d}"


class StoredQuote(models.Model):
    """A price that binds for a while: what was quoted is charged, also when the price book changes meanwhile.

    For one clip, or for all clips of a batch: `clips` lists [frames, detail pass, how many], the shortest first.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="quotes")
    price_version = models.ForeignKey(PriceVersion, on_delete=models.PROTECT, related_name="quotes")
    clips = models.JSONField()
    amount = models.BigIntegerField(help_text="µ$")
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["expires_at"], name="quote_ends")]

    def __str__(self) -> str:
        return f"quote {self.pk}"
