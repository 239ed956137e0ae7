"""Tells people that their clips and batches ended, if they asked to be told; once for a whole batch."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.text import Truncator

from accounts.background import enqueue
from accounts.models import Membership
from accounts.notification_kinds import BATCH_DONE, CLIP_FAILED, CLIP_FINISHED
from accounts.services.notifications import News, is_wanted, mail_all, note
from generations.failures import sentence_of
from generations.models import Batch, Generation
from generations.states import TERMINAL, Status

TELL: Final = "generations.tasks.tell_about_end"
REASON: Final = "You receive this because you asked to be told about your clips."
EXCERPT: Final = 80


def note_end(generation: Generation) -> None:
    """In the transaction that ends the clip: one query, and a message when its maker wants to know.

    A message that gets lost is not made up for: the page tells the same.
    """
    kind = _kind_of(generation)
    if kind and generation.created_by_id and is_wanted(user_id=generation.created_by_id, kind=kind):
        enqueue(TELL, generation_id=str(generation.pk))


def tell_about_end(*, generation_id: UUID, now: datetime) -> None:
    """Nothing when the batch has clips on their way, or its maker has left the team."""
    clips = Generation.objects.select_related("team", "created_by", "batch__team")
    clip = clips.filter(pk=generation_id, status__in=TERMINAL).first()
    if clip is None or clip.created_by is None:
        return
    if not Membership.objects.filter(team=clip.team, user=clip.created_by).exists():
        return
    news = _batch_news(clip.batch) if clip.batch is not None else _clip_news(clip)
    if news is not None:
        mail_all(note(news, readers=[clip.created_by]), now=now)


def _kind_of(clip: Generation) -> str:
    """Empty for what somebody has called off, who knows it."""
    if clip.batch_id:
        return BATCH_DONE
    if clip.status == Status.SUCCEEDED:
        return CLIP_FINISHED
    return "" if clip.status == Status.CANCELED else CLIP_FAILED


def _clip_news(clip: Generation) -> News | None:
    kind = _kind_of(clip)
    if not kind:
        return None
    ready = kind == CLIP_FINISHED
    prompt = Truncator(str(clip.params["prompt"])).chars(EXCERPT)
    why = sentence_of(clip.failure_code, clip.failure_context) if clip.failure_code else ""
    return News(
        kind=kind,
        about=f"clip:{clip.pk}",
        subject=f"Your clip is ready: {prompt}" if ready else f"Your clip could not be made: {prompt}",
        text="It is saved with your clips." if ready else f"{why} Nothing was charged.".strip(),
        reason=REASON,
        action="Watch it" if ready else "See why",
        path=clip.get_absolute_url(),
        tone="good" if ready else "bad",
        team=clip.team,
    )


def _batch_news(batch: Batch) -> News | None:
    """None while clips of it are on their way."""
    counts = batch.generations.aggregate(
        all=Count("pk"),
        ended=Count("pk", filter=Q(status__in=TERMINAL)),
        ready=Count("pk", filter=Q(status=Status.SUCCEEDED)),
    )
    if counts["ended"] < counts["all"]:
        return None
    every = counts["ready"] == counts["all"]
    return News(
        kind=BATCH_DONE,
        about=f"batch:{batch.pk}",
        subject=f"Your batch is done: {counts['ready']} of {counts['all']} clips are ready",
        text="All are saved with your clips."
        if every
        else "Those that could not be made were not charged. Each says why.",
        reason=REASON,
        action="Open the batch",
        path=reverse("generations:batch", args=[batch.team.slug, batch.pk]),
        tone="good" if every else "warn",
        team=batch.team,
    )
