"""Accepting jobs: idempotency, price, hold and row in one transaction."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.actors import Actor
from accounts.background import enqueue
from accounts.errors import DomainError, FieldErrors
from accounts.models import Project
from billing.services import Quote, hold_credits, quote_all, redeem_quote
from generations.models import Generation, GenerationEvent, Image
from generations.parameters import IMAGE_REQUIRED, ClipParams
from generations.services import eta, lines
from generations.services.queueing import refuse_when_full
from generations.services.states import DISPATCH_NEXT
from generations.states import Status

# A hold outlives the start deadline by the longest time a job may take once it has started.
HOLD_MARGIN = timedelta(hours=2)


class KeyReused(DomainError):
    code = "idempotency_key_reuse"


@dataclass(frozen=True, slots=True)
class Order:
    """One clip somebody wants: its input, and what it is to the clip it was made from."""

    image_id: UUID
    params: ClipParams
    parent: Generation | None = None
    relation: str = ""


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
    parent: Generation | None = None,
    relation: str = "",
    request_hash: str = "",
    start_within: int | None = None,
    quote_id: UUID | None = None,
    project: Project | None = None,
    now: datetime | None = None,
) -> SubmitResult:
    """Put a clip in line and hold its exact price; both happen or neither does.

    The price is today's, or what the quote `quote_id` promised.

    A repeated key returns the first clip, even when the wallet is empty by now; the same key with another request
    raises KeyReused. `request_hash` identifies the whole request where it is more or less than picture, parameters,
    quote and project.
    `start_within` (seconds) replaces the usual start deadline. The clip counts for `project`, which
    `accounts.services.project_for_work` has found to be the team's. Raises FieldErrors without a picture of this team,
    billing.QuoteExpired and QuoteMismatch, and what `hold_credits` raises. Inserts the generation, then locks the
    wallet.
    """
    now = now or timezone.now()
    if not request_hash:
        asked_for = fingerprint(image_id, params, parent, relation)
        request_hash = with_project(with_quote(asked_for, quote_id), actor, project)
    earlier = replay_of(actor, idempotency_key, request_hash)
    if earlier is not None:
        return earlier
    image = Image.objects.for_team(actor.team).filter(pk=image_id).first() if image_id else None
    if image is None:
        raise FieldErrors({"image": [IMAGE_REQUIRED]})
    order = Order(image.pk, params, parent, relation)
    (price,) = prices_of(actor, [params], quote_id=quote_id, now=now)
    generation = new_row(
        actor, order, price, key=idempotency_key, now=now, start_within=start_within, project=project
    )
    generation.image = image
    generation.request_hash = request_hash
    try:
        with transaction.atomic():
            accept_rows(actor, [generation], now=now)
    except IntegrityError:
        # A twin with the same key committed between our look and our insert.
        twin = replay_of(actor, idempotency_key, request_hash)
        if twin is None:
            raise
        return twin
    hold_price(actor, generation, price)
    lines.wake(generation, now=now)  # last: it locks the lines
    return SubmitResult(generation, replayed=False)


def replay_of(actor: Actor, key: str, request_hash: str) -> SubmitResult | None:
    """The clip that this key has made already; raises KeyReused when it was made by another request."""
    earlier = Generation.objects.for_team(actor.team).filter(idempotency_key=key).first()
    if earlier is None:
        return None
    if earlier.request_hash != request_hash:
        raise KeyReused("This idempotency key already belongs to another clip. Use a new key for a new clip.")
    return SubmitResult(earlier, replayed=True)


def fingerprint(
    image_id: UUID | None, params: ClipParams, parent: Generation | None = None, relation: str = ""
) -> str:
    payload: list[Any] = [str(image_id), params.as_json()]
    if parent is not None:
        payload += [str(parent.pk), relation]
    return hash_of(payload)


def with_quote(request_hash: str, quote_id: UUID | None) -> str:
    """The hash of a request that names a quote: with another quote, or without one, it is another request."""
    return request_hash if quote_id is None else hash_of([request_hash, str(quote_id)])


def with_project(request_hash: str, actor: Actor, project: Project | None) -> str:
    """The hash of a request for a project. The usual one of the key is not the request's: it may change meanwhile."""
    usual = actor.key.project_id if actor.key is not None else None
    return (
        request_hash if project is None or project.pk == usual else hash_of([request_hash, str(project.pk)])
    )


def hash_of(payload: object) -> str:
    canonical = json.dumps(payload, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


# -- what one clip and a batch of them have in common


def new_row(
    actor: Actor,
    order: Order,
    price: Quote,
    *,
    key: str,
    now: datetime,
    start_within: int | None = None,
    **columns: Any,
) -> Generation:
    """A clip in line, not saved yet and without its picture's object."""
    seconds = settings.START_DEADLINE_SECONDS if start_within is None else start_within
    generation = Generation(
        team=actor.team,
        created_by=actor.user,
        api_key=actor.key,
        image_id=order.image_id,
        params=order.params.as_json(),
        idempotency_key=key,
        request_hash=fingerprint(order.image_id, order.params, order.parent, order.relation),
        parent=order.parent,
        relation=order.relation,
        price=price.amount,
        created_at=now,
        start_deadline=now + timedelta(seconds=seconds),
        due_at=now,
        **columns,
    )
    generation.hold_attempt = generation.pk
    return generation


def prices_of(
    actor: Actor, clips: Sequence[ClipParams], *, quote_id: UUID | None, now: datetime
) -> list[Quote]:
    """The price of each clip: as it was promised, where there is a quote. Raises QuoteExpired and QuoteMismatch."""
    kinds = [params.priced for params in clips]
    if quote_id is None:
        return quote_all(kinds, now=now)
    return redeem_quote(team=actor.team, quote_id=quote_id, clips=kinds, now=now)


def accept_rows(actor: Actor, generations: Sequence[Generation], *, now: datetime) -> None:
    """Insert the clips with the first line of their timelines, and wake whoever sends them. Raises UpstreamPaused."""
    refuse_when_full(coming=len(generations))
    eta.predict(generations)
    Generation.objects.bulk_create(generations)
    GenerationEvent.objects.bulk_create(
        GenerationEvent(generation=generation, to_status=Status.QUEUED, actor=actor.label, created_at=now)
        for generation in generations
    )
    enqueue(DISPATCH_NEXT)


def hold_price(actor: Actor, generation: Generation, price: Quote) -> None:
    hold_credits(
        actor=actor,
        generation_id=generation.hold_attempt,
        quote=price,
        expires_at=generation.start_deadline + HOLD_MARGIN,
        project_id=generation.project_id,
    )
