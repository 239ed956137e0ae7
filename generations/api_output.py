"""Rows as the API shows them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from billing.services import Hold, Quote, StoredQuote, formula_of
from generations.failures import failure_of, sentence_of
from generations.media_links import expiry, media_url
from generations.models import Batch, Generation, GenerationEvent, Image
from generations.parameter_rules import steps_warning
from generations.parameters import FRAME_GRID, ClipParams
from generations.presentation import ClipView, played_seconds, views_of
from generations.serializers import (
    BatchOutput,
    BatchQuoteOutput,
    GenerationOutput,
    GenerationSummary,
    QuoteOutput,
    UploadOutput,
)
from generations.services import BatchProgress, progress_of
from generations.services.batch_orders import BatchPrice
from generations.services.eta import Eta
from generations.states import RELEASING, Status

NANOS_PER_MICRO = 1000
# Makes a signed path absolute.
Absolute = Callable[[str], str]


def summaries(clips: Sequence[Generation], absolute: Absolute) -> Any:
    """A page of clips: one query for their holds, one for their places when any waits."""
    attempts = [clip.hold_attempt for clip in clips]
    holds = {hold.attempt: hold for hold in Hold.objects.filter(attempt__in=attempts)}
    rows = [_summary(view, holds.get(view.clip.hold_attempt), absolute) for view in views_of(clips)]
    return GenerationSummary(rows, many=True).data


def detail(clip: Generation, absolute: Absolute) -> Any:
    (view,) = views_of([clip])
    hold = Hold.objects.filter(attempt=clip.hold_attempt).first()
    events = [change_of_state(event) for event in clip.events.all()]
    logs = [str(line.get("message", "")) if isinstance(line, dict) else str(line) for line in clip.logs]
    return GenerationOutput({**_summary(view, hold, absolute), "timeline": events, "logs": logs}).data


def change_of_state(event: GenerationEvent) -> dict[str, Any]:
    """One entry of the timeline."""
    return {"status": event.to_status, "status_text": Status(event.to_status).label, "at": event.created_at}


def upload(image: Image, absolute: Absolute) -> Any:
    return UploadOutput(
        {
            "id": image.pk,
            "width": image.width,
            "height": image.height,
            "size": image.size,
            "sha256": image.sha256,
            "content_type": image.content_type,
            "name": image.original_name,
            "created_at": image.created_at,
            "url": absolute(media_url(image, "file")),
            "thumbnail_url": absolute(media_url(image, "thumbnail")),
            "expires_at": _links_expire(),
        }
    ).data


def priced(
    promised: StoredQuote, quote: Quote, params: ClipParams, available: int | None, eta: Eta | None
) -> Any:
    """A promised price; `available` is µ$, None for who may not see the balance."""
    return QuoteOutput(
        {
            "id": promised.pk,
            "expires_at": promised.expires_at,
            "currency": "USD",
            "amount": quote.amount,
            "num_frames": quote.num_frames,
            "enable_detail_pass": quote.detail_pass,
            "passes": quote.passes,
            "billed_seconds": quote.billed_seconds,
            "clip_seconds": round(played_seconds(params), 4),
            "rate": quote.rate_nanos // NANOS_PER_MICRO,
            "formula": formula_of([quote]),
            "balance_after": None if available is None else available - quote.amount,
            "eta": _eta(eta),
            "warnings": warnings_of(params),
        }
    ).data


def batches(rows: Sequence[Batch]) -> Any:
    """Batches with their progress: one query for all of them."""
    progress = progress_of(rows)
    return BatchOutput([_batch(batch, progress[batch.pk]) for batch in rows], many=True).data


def priced_batch(promised: StoredQuote, price: BatchPrice, available: int | None) -> Any:
    """`available` is µ$, None for who may not see the balance."""
    return BatchQuoteOutput(
        {
            "id": promised.pk,
            "expires_at": promised.expires_at,
            "currency": "USD",
            "amount": price.amount,
            "clips": len(price.prices),
            "formula": formula_of(price.prices),
            "balance_after": None if available is None else available - price.amount,
            "eta": _eta(price.eta),
        }
    ).data


def _batch(batch: Batch, progress: BatchProgress) -> dict[str, Any]:
    return {
        "id": batch.pk,
        "kind": batch.kind,
        "name": batch.name,
        "project": batch.project_id,
        "created_at": batch.created_at,
        "size": batch.size,
        "finished": progress.is_finished,
        "counts": progress.counts,
        "cost": {
            "currency": "USD",
            "quoted": batch.price,
            "held": progress.held,
            "captured": progress.captured,
            "released": progress.released,
        },
    }


def warnings_of(params: ClipParams) -> list[str]:
    """What is allowed and doubtful."""
    found = [steps_warning(params)]
    if params.num_frames % FRAME_GRID != 1:
        nearest = round((params.num_frames - 1) / FRAME_GRID) * FRAME_GRID + 1
        found.append(
            f"The model works in steps of 8 frames, plus one. {params.num_frames} is passed on as it is and priced "
            f"so; {nearest} fits exactly."
        )
    return [warning for warning in found if warning]


def _summary(view: ClipView, hold: Hold | None, absolute: Absolute) -> dict[str, Any]:
    clip = view.clip
    return {
        "id": clip.pk,
        "status": clip.status,
        "status_text": view.word or Status(clip.status).label,
        "message": view.sentence,
        "created_at": clip.created_at,
        "started_at": clip.started_at,
        "ended_at": clip.ended_at,
        "image": clip.image_id,
        "parent": {"id": clip.parent_id, "relation": clip.relation} if clip.parent_id else None,
        "batch": clip.batch_id,
        "project": clip.project_id,
        "params": clip.params,
        "warnings": warnings_of(view.params),
        "cost": _cost(clip, hold),
        "queue": {"place": view.place, "provider_position": clip.queue_position, "paused": view.paused},
        "progress": clip.progress,
        "eta": _eta(view.eta),
        "cancel_requested": clip.cancel_requested_at is not None,
        "used": {"prompt": clip.used_prompt, "seed": clip.used_seed} if view.is_ready else None,
        "output": _output(view, absolute) if view.is_ready else None,
        "failure": _failure(clip) if clip.status in RELEASING else None,
    }


def _eta(eta: Eta | None) -> dict[str, int] | None:
    return None if eta is None or eta.is_overdue else {"low": eta.low, "high": eta.high}


def _cost(clip: Generation, hold: Hold | None) -> dict[str, Any]:
    is_open = hold is not None and hold.state == "open"
    return {
        "currency": "USD",
        "quoted": clip.price,
        "held": hold.amount if hold is not None and is_open else 0,
        "captured": hold.captured if hold is not None else 0,
        "released": hold.released if hold is not None else 0,
    }


def _output(view: ClipView, absolute: Absolute) -> dict[str, Any]:
    clip = view.clip

    def address(path: str) -> str | None:
        return absolute(path) if path else None

    return {
        "video_url": address(view.video),
        "download_url": address(view.download),
        "poster_url": address(media_url(clip, "poster")),
        "preview_url": address(media_url(clip, "preview")),
        "last_frame_url": address(media_url(clip, "last_frame")),
        "expires_at": _links_expire(),
        "content_type": "video/mp4",
        "size": clip.video_size,
        "sha256": clip.video_sha256,
        "source_sha256": clip.source_sha256,
        "delete_after": view.delete_after,
        "deleted_at": clip.media_deleted_at,
        "width": clip.width,
        "height": clip.height,
        "frames": clip.frames,
        "duration": clip.duration_ms / 1000,
    }


def _failure(clip: Generation) -> dict[str, Any]:
    failure = failure_of(clip.failure_code or clip.status)
    message = sentence_of(failure.code, clip.failure_context)
    return {"code": failure.code, "message": message, "retryable": failure.retryable}


def _links_expire() -> datetime:
    return datetime.fromtimestamp(expiry(), UTC)
