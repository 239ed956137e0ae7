"""Erasing what a team made: its jobs ended, its files deleted, its words taken out of the rows.

Rows stay, without words, because holds and costs name them. Each call does a bounded part; nothing has to be
remembered, for the rows say what is left.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from accounts.actors import system_actor
from accounts.models import Team
from generations.models import (
    Batch,
    Generation,
    GenerationEvent,
    Image,
    MemberLine,
    Retention,
    Submission,
    TeamLine,
    WebhookReceipt,
)
from generations.services import storage
from generations.services.cancellation import cancel_generation
from generations.services.retention import FIELDS
from generations.states import TERMINAL

BATCH: Final = 50
# What changes in a clip's row.
ERASED: Final = (
    *("params", "idempotency_key", "request_hash", "media_deleted_at", "used_prompt", "failure_detail"),
    *("failure_context", "logs", "due_at"),
)


def active_clips(team: Team) -> int:
    return Generation.objects.filter(team=team).exclude(status__in=TERMINAL).count()


def cancel_all(*, team: Team) -> int:
    """Cancel some of the clips that have not ended; returns how many have not ended then. fal is asked by tasks."""
    active = Generation.objects.filter(team=team).exclude(status__in=TERMINAL)
    waiting = active.filter(cancel_requested_at=None)
    for pk in list(waiting.values_list("pk", flat=True)[:BATCH]):
        cancel_generation(actor=system_actor(team), generation_id=pk)
    return active.count()


def erase_clips(*, team: Team, now: datetime) -> bool:
    """Delete the files of some clips, then their words; True while there are more.

    Files go first: a crash in between repeats the deletion, which harms nothing.
    """
    clips = list(Generation.objects.filter(team=team).exclude(request_hash="")[:BATCH])
    for clip in clips:
        if not storage.remove(str(getattr(clip, field).name or "") for field in FIELDS):
            raise storage.StorageUnavailable
    with transaction.atomic():
        _erase_sending([clip.pk for clip in clips])
        for clip in clips:
            clip.params = {
                name: value for name, value in clip.params.items() if isinstance(value, (int, float))
            }
            clip.idempotency_key, clip.request_hash = str(clip.pk), ""
            clip.media_deleted_at = clip.media_deleted_at or now
            clip.used_prompt = clip.failure_detail = ""
            clip.failure_context, clip.logs, clip.due_at = {}, [], None
        Generation.objects.bulk_update(clips, ERASED)
    return len(clips) == BATCH


def erase_pictures(*, team: Team) -> bool:
    """The same for pictures; True while there are more."""
    pictures = list(Image.objects.filter(team=team).exclude(source_sha256="")[:BATCH])
    for picture in pictures:
        if not storage.remove([str(picture.file.name), str(picture.thumbnail.name)]):
            raise storage.StorageUnavailable
        picture.sha256, picture.source_sha256 = picture.pk.hex, ""
        picture.original_name = picture.fal_url = ""
    Image.objects.bulk_update(pictures, ["sha256", "source_sha256", "original_name", "fal_url"])
    return len(pictures) == BATCH


@transaction.atomic
def erase_rest(*, team_id: UUID) -> None:
    """Batches lose their names; lines and the team's rule go."""
    for batch in Batch.objects.filter(team=team_id).exclude(request_hash=""):
        batch.name, batch.idempotency_key, batch.request_hash = "", str(batch.pk), ""
        batch.save(update_fields=["name", "idempotency_key", "request_hash"])
    for model in (TeamLine, MemberLine, Retention):
        model._default_manager.filter(team=team_id).delete()


def _erase_sending(clips: list[UUID]) -> None:
    """What was sent to fal and what came back."""
    sent = Submission.objects.filter(generation__in=clips)
    WebhookReceipt.objects.filter(submission__in=sent).delete()
    sent.update(body={}, output=None, refusal="", status_url="", response_url="", cancel_url="")
    GenerationEvent.objects.filter(generation__in=clips).update(note="")
