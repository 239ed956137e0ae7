"""How long a team keeps its clips' files. Rows, recipes, ledger entries and pictures stay for ever.

The row says first that the files are gone, then they go: a crash in between leaves files nobody promises, which
services.orphans removes. Pictures stay, because a clip is repeated from its picture and its recipe.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Final

import structlog
from django.db import transaction
from django.db.models import DurationField, ExpressionWrapper, F, Value

from accounts.audit import record
from accounts.background import enqueue
from accounts.errors import DomainError
from accounts.models import Team
from generations.models import Generation, Retention
from generations.services import storage
from generations.states import Status

logger = structlog.get_logger(__name__)

DELETE_EXPIRED: Final = "generations.tasks.delete_expired_media"
BATCH: Final = 100
DAYS: Final = range(1, 3651)
# What is deleted of a clip.
FIELDS: Final = ("video", "poster", "preview", "last_frame")
DAY: Final = Value(timedelta(days=1), output_field=DurationField())


class UnknownDays(DomainError):
    code: ClassVar[str] = "validation"


@transaction.atomic
def set_retention(*, team: Team, keep_days: int | None, actor: str) -> None:
    """Keep the files of the team's clips for that many days after they are ready; None: for ever.

    Applies to clips that are ready already: the next run deletes those that are older. Raises UnknownDays.
    """
    before = keep_days_of(team)
    if keep_days is None:
        Retention.objects.filter(team=team).delete()
    elif keep_days in DAYS:
        Retention.objects.update_or_create(team=team, defaults={"keep_days": keep_days})
    else:
        raise UnknownDays(f"Files can be kept for {DAYS[0]} to {DAYS[-1]} days, or for ever.")
    if before != keep_days:
        old, new = {"keep_days": before}, {"keep_days": keep_days}
        record("retention.changed", by=None, team=team, about=team, old=old, new=new)
    logger.info("retention_changed", team=str(team.pk), keep_days=keep_days, actor=actor)


def keep_days_of(team: Team) -> int | None:
    """None: for ever."""
    return Retention.objects.filter(team=team).values_list("keep_days", flat=True).first()


def deletion_date(clip: Generation, keep_days: int | None) -> datetime | None:
    """When the clip's files will go by the rule as it is now; None when they stay, are gone, or were never made."""
    if keep_days is None or clip.status != Status.SUCCEEDED or clip.media_deleted_at or clip.ended_at is None:
        return None
    return clip.ended_at + timedelta(days=keep_days)


def delete_expired(*, now: datetime) -> int:
    """Delete the files of clips that are older than their teams keep them, a batch at a time; returns how many.

    A full batch enqueues the next. Repeating is harmless.
    """
    names = _mark(now)
    for files in names:
        storage.remove(files)
    if len(names) == BATCH:
        enqueue(DELETE_EXPIRED, queue="media")
    return len(names)


@transaction.atomic
def _mark(now: datetime) -> list[list[str]]:
    """Take the clips out of what is promised; returns the names of their files."""
    kept_for = ExpressionWrapper(F("team__retention__keep_days") * DAY, output_field=DurationField())
    kept_until = Value(now) - kept_for
    expired = Generation.objects.filter(
        status=Status.SUCCEEDED, media_deleted_at=None, team__retention__isnull=False, ended_at__lt=kept_until
    )
    clips = list(expired.select_for_update(skip_locked=True, of=("self",)).only("pk", *FIELDS)[:BATCH])
    Generation.objects.filter(pk__in=[clip.pk for clip in clips]).update(media_deleted_at=now, due_at=None)
    return [[str(getattr(clip, field).name or "") for field in FIELDS] for clip in clips]
