"""What each page shows, gathered for its template."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from accounts.actors import Actor
from accounts.models import Project, Team, User
from accounts.permissions import GENERATIONS_CANCEL, GENERATIONS_CREATE
from accounts.services import open_projects
from billing.services import hold_of
from generations import guidance, lineage
from generations.clip_facts import price_formula, price_line, recipe_of, timeline_of
from generations.forms import CreateForm, opening_values, picked, values_of
from generations.lineage import Kin
from generations.models import Generation, Image, Relation
from generations.offers import Offer, offer_for
from generations.presentation import ClipView, PictureView, views_of
from generations.selectors import clips_of, page_after, recent_images
from generations.services import basis_of, may_change, why_not
from generations.states import RELEASING, TERMINAL, Status

LATEST: Final = 6
PAGE: Final = 24
# A page shows no more tiles than this, so nobody watches more.
WATCHED_MOST: Final = 60
FILTERS: Final[Mapping[str, tuple[str, frozenset[Status]]]] = {
    "running": ("On the way", frozenset(Status) - TERMINAL),
    "ready": ("Ready", frozenset({Status.SUCCEEDED})),
    "ended": ("Failed or canceled", RELEASING),
}


def first_values(team: Team, query: QueryDict) -> dict[str, Any]:
    """The form's first values for `?from=<clip>&as=<relation>`, `?image=<picture>` and `?start=<starter or pattern>`.

    Without `as` the clip only lends its settings, and the new one is not made from it.
    """
    values = opening_values(query.get("start", ""))
    source = picked(query.get("from"))
    clip = clips_of(team).filter(pk=source).first() if source else None
    if clip is not None:
        values |= _values_from(clip, query.get("as", ""))
    if query.get("project"):
        values["project"] = picked(query["project"])
    if query.get("image"):
        values["image"] = picked(query["image"])
    return values


def _values_from(clip: Generation, relation: str) -> dict[str, Any]:
    if relation not in Relation.values or why_not(clip, Relation(relation)):
        return {**values_of(clip.clip_params), "image": clip.image_id, "project": clip.project_id}
    return {
        "project": clip.project_id,
        **values_of(basis_of(clip, Relation(relation))),
        # A continuation starts from a frame of the clip, which the address names as its image.
        "image": None if relation == Relation.EXTEND else clip.image_id,
        "parent": clip.pk,
        "relation": relation,
    }


def create_address(team: Team, **query: object) -> str:
    """The create page with these values in its address; those without a value are left out."""
    known = {name: value for name, value in query.items() if value}
    return reverse("generations:create", args=[team.slug]) + (f"?{urlencode(known)}" if known else "")


def create_page(team: Team, form: CreateForm, user: User) -> dict[str, Any]:
    """Lazy where a fragment may not show it."""
    form.offer_projects(open_projects(team))
    return {
        **picture_part(team, form),
        "offer": SimpleLazyObject(partial(_offer, team, form, user)),
        "tiles": SimpleLazyObject(partial(_latest, team)),
        "origin": _origin(team, form),
    }


def picture_part(team: Team, form: CreateForm) -> dict[str, Any]:
    picture = _picture(team, form)
    recent = [image for image in recent_images(team) if image != picture]
    return {
        "form": form,
        "guidance": guidance,
        "picture": PictureView(picture) if picture else None,
        "pictures": [PictureView(image) for image in ([picture] if picture else []) + recent],
    }


def price(team: Team, form: CreateForm, user: User) -> dict[str, Any]:
    return {"offer": _offer(team, form, user)}


def accepted(team: Team, form: CreateForm, generation: Generation, user: User) -> dict[str, Any]:
    """The new tile, and what the form needs to be ready for the next clip."""
    tiles = views_of([clips_of(team).get(pk=generation.pk)])
    return {"form": form, "tiles": tiles, "offer": offer_for(team, form, tiles[0].clip.image, user=user)}


def clips_page(team: Team, actor: Actor, query: QueryDict) -> dict[str, Any]:
    """One page of the team's clips. Raises InvalidCursor."""
    chosen = FILTERS.get(query.get("status", ""))
    clips = clips_of(team)
    if chosen is not None:
        clips = clips.filter(status__in=chosen[1])
    projects = list(Project.objects.filter(team=team))
    project = next((each for each in projects if str(each.pk) == query.get("project")), None)
    if project is not None:
        clips = clips.filter(project=project)
    page = page_after(clips, query.get("cursor"), PAGE)
    tiles = views_of(page.rows)
    return {
        "tiles": tiles,
        "older": page.next_cursor,
        "later_page": bool(query.get("cursor")),
        "filters": [(key, label) for key, (label, _) in FILTERS.items()],
        "filter": chosen is not None or project is not None,
        "status": query.get("status", "") if chosen else "",
        "projects": projects,
        "project": project,
        "may_create": actor.may(GENERATIONS_CREATE),
    }


def changed_tiles(team: Team, watched: Sequence[str]) -> dict[str, Any]:
    """Those of the watched tiles ("id:version") whose version is no longer the one the page shows."""
    versions = dict(filter(None, map(_watched, watched[:WATCHED_MOST])))
    tiles = views_of(list(clips_of(team).filter(pk__in=list(versions))))
    return {"tiles": [tile for tile in tiles if tile.version != versions[tile.clip.pk]]}


def clip_page(view: ClipView, actor: Actor, *, shown: str) -> dict[str, Any]:
    """`shown` is the version the reader's page has: a change of status since then is announced, and with the end
    come the seed that was used and the new balance."""
    clip = view.clip
    hold = hold_of(clip.hold_attempt)
    return {
        "view": view,
        "clip": clip,
        "may_cancel": actor.may(GENERATIONS_CANCEL) and clip.can_cancel,
        "may_create": actor.may(GENERATIONS_CREATE),
        "may_reorder": clip.status == Status.QUEUED
        and actor.may(GENERATIONS_CREATE)
        and may_change(actor, clip),
        "ended": bool(shown) and clip.is_terminal,
        "announce": bool(shown) and not shown.startswith(f"{clip.status}-"),
        "price_line": price_line(clip, hold),
        "price_formula": price_formula(clip, hold),
        "timeline": timeline_of(clip.events.all()),
        "recipe": partial(recipe_of, clip),
        "steps": lineage.next_steps(view),
        "retry_url": lineage.derived_url(view, Relation.RETRY),
        "may_extend": not why_not(clip, Relation.EXTEND),
        "parent": partial(lineage.parent_of, clip),
        "children": partial(lineage.children_of, clip),
    }


def _origin(team: Team, form: CreateForm) -> Kin | None:
    """What the form's clip is made from; an id of another team finds nothing."""
    relation, parent_id = form.chosen_relation, form.parent_id
    parent = clips_of(team).filter(pk=parent_id).first() if parent_id else None
    if relation is None or parent is None:
        return None
    return Kin(ClipView(parent), relation, _picture(team, form))


def _picture(team: Team, form: CreateForm) -> Image | None:
    """The chosen picture, looked up once a form; an id of another team finds nothing."""
    if form.picture is None and form.image_id is not None:
        form.picture = Image.objects.for_team(team).filter(pk=form.image_id).first()
    return form.picture


def _offer(team: Team, form: CreateForm, user: User) -> Offer:
    return offer_for(team, form, _picture(team, form), user=user)


def _latest(team: Team) -> list[ClipView]:
    return views_of(list(clips_of(team)[:LATEST]))


def _watched(text: str) -> tuple[UUID, str] | None:
    pk, _, version = text.partition(":")
    found = picked(pk)
    return (found, version) if found else None
