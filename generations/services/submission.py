"""Accepting a job: idempotency, price, hold and row in one transaction."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actors import Actor
from accounts.background import enqueue
from accounts.errors import DomainError, FieldErrors
from billing.services import hold_credits, quote
from generations.models import Generation, Image
from generations.parameters import IMAGE_REQUIRED, ClipParams
from generations.services.states import DISPATCH_NEXT, record_event

# A hold outlives the start deadline by the longest time a job may take once it has started.
HOLD_MARGIN = timedelta(hours=2)


class KeyReused(DomainError):
    code = "idempotency_key_reuse"


@dataclass(frozen=True, slots=True)
class SubmitResult:
    generation: Generation
    replayed: bool


@transaction.atomic
def submit_generation(
    *,
    actor: Actor,
    image_id: UUID | None,
    params: ClipParams,
    idempotency_key: str,
    now: datetime | None = None,
) -> SubmitResult:
    """Put a clip in line and hold its exact price; both happen or neither does.

    A repeated key returns the first clip, even when the wallet is empty by now; the same key with another picture
    or other parameters raises KeyReused. Raises FieldErrors without a picture of this team, and
    billing.InsufficientCredits. Inserts the generation, then locks the wallet.
    """
    now = now or timezone.now()
    request_hash = _fingerprint(image_id, params)
    earlier = _find(actor, idempotency_key)
    if earlier is not None:
        return _replay(earlier, request_hash)
    image = Image.objects.for_team(actor.team).filter(pk=image_id).first() if image_id else None
    if image is None:
        raise FieldErrors({"image": [IMAGE_REQUIRED]})
    price = quote(num_frames=params.num_frames, detail_pass=params.enable_detail_pass, now=now)
    generation = Generation(
        team=actor.team,
        created_by=actor.user,
        api_key=actor.key,
        image=image,
        params=params.as_json(),
        idempotency_key=idempotency_key,
        request_hash=request_hash,
        price=price.amount,
        created_at=now,
        start_deadline=now + timedelta(seconds=settings.START_DEADLINE_SECONDS),
        due_at=now,
    )
    generation.hold_attempt = generation.pk
    try:
        with transaction.atomic():
            generation.save(force_insert=True)
    except IntegrityError:
        # A twin with the same key committed between our look and our insert.
        twin = _find(actor, idempotency_key)
        if twin is None:
            raise
        return _replay(twin, request_hash)
    hold_credits(
        actor=actor,
        generation_id=generation.hold_attempt,
        quote=price,
        expires_at=generation.start_deadline + HOLD_MARGIN,
    )
    record_event(generation, source=None, actor=actor.label, now=now)
    enqueue(DISPATCH_NEXT)
    return SubmitResult(generation, replayed=False)


def _find(actor: Actor, key: str) -> Generation | None:
    return Generation.objects.for_team(actor.team).filter(idempotency_key=key).first()


def _replay(earlier: Generation, request_hash: str) -> SubmitResult:
    if earlier.request_hash != request_hash:
        raise KeyReused("This idempotency key already belongs to another clip. Use a new key for a new clip.")
    return SubmitResult(earlier, replayed=True)


def _fingerprint(image_id: UUID | None, params: ClipParams) -> str:
    canonical = json.dumps([str(image_id), params.as_json()], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
