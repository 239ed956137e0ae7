"""Changing a waiting clip: another picture or other settings, at a new price, in the same place."""

import uuid
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from accounts.actors import Actor
from accounts.background import enqueue
from accounts.errors import FieldErrors
from accounts.models import Project
from billing.services import hold_credits, quote, settle_hold
from generations.models import Generation, Image, SubmissionState
from generations.parameters import ClipParams
from generations.services import eta
from generations.services.queueing import lock_waiting
from generations.services.states import DISPATCH_NEXT
from generations.services.submission import HOLD_MARGIN

# Says that the clip stays in its project, where None says that it belongs to none.
KEEP: Final = "keep"
NO_PICTURE = "There is no picture with this id in this team."


@transaction.atomic
def edit_generation(
    *,
    actor: Actor,
    generation_id: UUID,
    image_id: UUID | None = None,
    params: ClipParams | None = None,
    project: Project | str | None = KEEP,
    now: datetime | None = None,
) -> Generation:
    """Give a waiting clip another picture, other settings or another project, and hold the new price instead of the
    old, in the budgets of the new project.

    The request it was made by keeps its idempotency key. Raises GenerationNotFound, NotYours, LeftTheLine,
    FieldErrors for a picture of others, and billing.InsufficientCredits, which leave everything as it was. Locks
    the generation, then the wallet.
    """
    now = now or timezone.now()
    generation = lock_waiting(actor, generation_id)
    image = _picture(actor, generation, image_id)
    params = params or generation.clip_params
    if isinstance(project, str):
        project = generation.project
    project_id = project.pk if project is not None else None
    same_input = image.pk == generation.image_id and params.as_json() == generation.params
    if same_input and project_id == generation.project_id:
        return generation
    # What fal may still make of an attempt that got no answer would be the clip as it was before.
    abandoned = generation.submissions.filter(state=SubmissionState.ABANDONED, request_id=None)
    abandoned.update(state=SubmissionState.SUPERSEDED)
    generation.image, generation.params, generation.project_id = image, params.as_json(), project_id
    _swap_hold(actor, generation, params, now)
    eta.withdraw(generation)
    generation.save(update_fields=["image", "params", "project", "price", "hold_attempt", *eta.COLUMNS])
    enqueue(DISPATCH_NEXT)  # a dispatcher may have passed over the locked row
    return generation


def _swap_hold(actor: Actor, generation: Generation, params: ClipParams, now: datetime) -> None:
    """Release first, so that the team needs credits for the difference only."""
    price = quote(num_frames=params.num_frames, detail_pass=params.enable_detail_pass, now=now)
    settle_hold(generation_id=generation.hold_attempt, used=0)
    generation.hold_attempt, generation.price = uuid.uuid4(), price.amount
    hold_credits(
        actor=actor,
        generation_id=generation.hold_attempt,
        quote=price,
        expires_at=generation.start_deadline + HOLD_MARGIN,
        project_id=generation.project_id,
    )


def _picture(actor: Actor, generation: Generation, image_id: UUID | None) -> Image:
    if image_id is None:
        return generation.image
    image = Image.objects.for_team(actor.team).filter(pk=image_id).first()
    if image is None:
        raise FieldErrors({"image": [NO_PICTURE]})
    return image
