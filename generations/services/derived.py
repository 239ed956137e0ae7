"""Clips made from clips: tried again, repeated, varied, continued, or finished from a draft."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, Literal
from uuid import UUID

from django.conf import settings

from accounts.actors import Actor
from accounts.errors import DomainError
from accounts.models import Project
from accounts.services import usual_project
from generations import parameter_rules
from generations.models import Generation, Image, Relation
from generations.parameters import QUALITY_PRESETS, ClipParams
from generations.services.cancellation import GenerationNotFound
from generations.services.frames import FILES_GONE, LAST, FilesGone, FrameChoice, picture_from_clip
from generations.services.submission import SubmitResult, hash_of, replay_of, submit_generation
from generations.states import RELEASING, Status

INHERIT: Final[Literal["inherit"]] = "inherit"
FINAL_RESOLUTION: Final = "720p"
# What a final version takes at least in the pass that its draft did not run.
FINAL_STEPS: Final = QUALITY_PRESETS["balanced"][1]


class NotPossible(DomainError):
    """The clip is not in a state, or not of a kind, that this can be made from."""

    code = "state_conflict"


def derive_generation(
    *,
    actor: Actor,
    parent_id: UUID,
    relation: Relation,
    idempotency_key: str,
    changes: Mapping[str, Any] | None = None,
    frame: FrameChoice = LAST,
    start_within: int | None = None,
    project: Project | Literal["inherit"] | None = INHERIT,
) -> SubmitResult:
    """Make a clip from another of the team: its input as `relation` says, with `changes` (raw parameters) on top.

    A clip of its own, with its own price, hold and key. It counts for `project`; when that is not said for the parent's
    unless it is archived, and when that has none for the usual one of the key. A repeated key returns the first one,
    whatever became of the parent and its project. Raises GenerationNotFound, NotPossible, FilesGone, FieldErrors,
    KeyReused and billing.InsufficientCredits, and RuntimeError inside a transaction.
    """
    parent = find_parent(actor, parent_id)
    changes = dict(changes or {})
    request_hash = hash_of([relation.value, str(parent.pk), changes, frame.as_json()])
    if project != INHERIT:
        request_hash = hash_of([request_hash, project and str(project.pk)])
    earlier = replay_of(actor, idempotency_key, request_hash)
    if earlier is not None:
        return earlier
    refuse_impossible(parent, relation)
    params = _changed(basis_of(parent, relation), changes)
    image = parent.image
    if relation == Relation.EXTEND:
        image = picture_from_clip(actor=actor, clip=parent, choice=frame)
    return submit_generation(
        actor=actor,
        image_id=image.pk,
        params=params,
        parent=parent,
        relation=honest_relation(parent, relation, image, params),
        idempotency_key=idempotency_key,
        request_hash=request_hash,
        start_within=start_within,
        project=_inherited(actor, parent) if project == INHERIT else project,
    )


def submit_variation(
    *,
    actor: Actor,
    image_id: UUID | None,
    params: ClipParams,
    parent: Generation | None,
    relation: Relation | None,
    idempotency_key: str,
    project: Project | None = None,
) -> SubmitResult:
    """`submit_generation` with what a form was left with: what the clip is to its parent is judged by its input."""
    if parent is None or relation is None:
        return submit_generation(
            actor=actor, image_id=image_id, params=params, idempotency_key=idempotency_key, project=project
        )
    image = Image.objects.for_team(actor.team).filter(pk=image_id).first() if image_id else None
    return submit_generation(
        actor=actor,
        image_id=image_id,
        params=params,
        parent=parent,
        relation=honest_relation(parent, relation, image, params),
        idempotency_key=idempotency_key,
        project=project,
    )


def find_parent(actor: Actor, parent_id: UUID) -> Generation:
    """Raises GenerationNotFound, for clips of other teams too."""
    clips = Generation.objects.for_team(actor.team).select_related("image", "project")
    parent: Generation | None = clips.filter(pk=parent_id).first()
    if parent is None:
        raise GenerationNotFound("There is no such clip in this team.")
    return parent


def why_not(parent: Generation, relation: Relation) -> str:
    """Why this cannot be made from `parent`, or ""."""
    if relation == Relation.REMIX:
        return ""
    if relation == Relation.RETRY:
        return "" if parent.status in RELEASING else "Only a clip that was not made can be tried again."
    if parent.status != Status.SUCCEEDED:
        return "This needs a clip that is ready."
    if relation == Relation.EXTEND and (parent.media_deleted_at is not None or not parent.video):
        return FILES_GONE
    if relation == Relation.PROMOTE and not _is_draft(parent.clip_params):
        return "This clip has the final resolution and the detail pass already."
    return ""


def refuse_impossible(parent: Generation, relation: Relation) -> None:
    reason = why_not(parent, relation)
    if reason == FILES_GONE:
        raise FilesGone(reason)
    if reason:
        raise NotPossible(reason)


def basis_of(parent: Generation, relation: Relation) -> ClipParams:
    """The parameters that a derived clip begins with; what was used counts where the same result is wanted."""
    match relation:
        case Relation.RETRY | Relation.EXTEND:
            return parent.clip_params
        case Relation.REMIX:
            return replace(parent.clip_params, seed=None)
        case Relation.RERUN:
            return _as_used(parent)
        case Relation.PROMOTE:
            used = _as_used(parent)
            steps = max(used.second_pass_num_inference_steps, FINAL_STEPS)
            return replace(
                used,
                resolution=FINAL_RESOLUTION,
                enable_detail_pass=True,
                second_pass_num_inference_steps=steps,
            )


def prompt_limit(parent: Generation) -> int:
    """Characters: an expanded prompt may be longer than what people may write, and can be used again all the same."""
    return max(settings.PROMPT_MAX_LENGTH, len(parent.used_prompt))


def honest_relation(
    parent: Generation, relation: Relation, image: Image | None, params: ClipParams
) -> Relation:
    """What the new clip really is to its parent: with another input, a repeat is a variation."""
    if image is None:
        return relation
    match relation:
        case Relation.EXTEND:
            kept = image.from_clip_id == parent.pk
        case Relation.PROMOTE:
            seed = basis_of(parent, relation).seed
            kept = not _is_draft(params) and params.seed == seed and image.pk == parent.image_id
        case _:
            kept = params == basis_of(parent, relation) and image.pk == parent.image_id
    return relation if kept and not _belongs_to_other_states(parent, relation) else Relation.REMIX


def _inherited(actor: Actor, parent: Generation) -> Project | None:
    """The parent's project, as long as it takes new clips; without one, the usual one of the key that asks."""
    if parent.project is None:
        return usual_project(actor)
    return None if parent.project.is_archived else parent.project


def _belongs_to_other_states(parent: Generation, relation: Relation) -> bool:
    return relation != Relation.EXTEND and bool(why_not(parent, relation))


def _is_draft(params: ClipParams) -> bool:
    return params.resolution != FINAL_RESOLUTION or not params.enable_detail_pass


def _as_used(parent: Generation) -> ClipParams:
    """With the seed that was drawn, and the text that the model got: expanding it once more would change it."""
    params = parent.clip_params
    if parent.used_seed is not None:
        params = replace(params, seed=parent.used_seed)
    if parent.used_prompt:
        params = replace(params, prompt=parent.used_prompt, expand_prompt=False)
    return params


def _changed(basis: ClipParams, changes: Mapping[str, Any]) -> ClipParams:
    """Rules are for what people write: a basis without changes was checked when its parent was made."""
    if not changes:
        return basis
    limit = max(settings.PROMPT_MAX_LENGTH, 0 if "prompt" in changes else len(basis.prompt))
    return parameter_rules.clean({**basis.as_json(), **changes}, prompt_limit=limit)
