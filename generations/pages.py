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
from accounts.models import Team
from accounts.permissions import GENERATIONS_CANCEL, GENERATIONS_CREATE
from billing.services import hold_of
from generations import guidance
from generations.forms import CreateForm, opening_values, picked, values_of
from generations.models import Generation, Image
from generations.offers import Offer, offer_for
from generations.presentation import ClipView, PictureView, price_line, recipe_of, timeline_of, views_of
from generations.selectors import clips_of, page_after, recent_images
from generations.states import RELEASING, TERMINAL, Status

LATEST: Final = 6
PAGE: Final = 24
# A page shows no more tiles than this, so nobody watches more.
WATCHED_MOST: Final = 60
FILTERS: Final[Mapping[str, tuple[str, frozenset[Status]]]] = {
    "running": ("On the way", frozenset(Status) - TERMINAL),
    "ready": ("Ready", frozenset({Status.SUCCEEDED})),
    "ended": ("Not made", RELEASING),
}


def first_values(team: Team, query: QueryDict) -> dict[str, Any]:
    """The form's first values for `?from=<clip>`, `?image=<picture>` and `?start=<starter or pattern>`."""
    values = opening_values(query.get("start", ""))
    source = picked(query.get("from"))
    clip = clips_of(team).filter(pk=source).first() if source else None
    if clip is not None:
        values |= values_of(clip)
    if query.get("image"):
        values["image"] = picked(query["image"])
    return values


def create_address(team: Team, picture: Image | None) -> str:
    query = f"?{urlencode({'image': picture.pk})}" if picture else ""
    return reverse("generations:create", args=[team.slug]) + query


def create_page(team: Team, form: CreateForm) -> dict[str, Any]:
    """Lazy where a fragment may not show it."""
    return {
        **picture_part(team, form),
        "offer": SimpleLazyObject(partial(_offer, team, form)),
        "tiles": SimpleLazyObject(partial(_latest, team)),
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


def price(team: Team, form: CreateForm) -> dict[str, Any]:
    return {"offer": _offer(team, form)}


def accepted(team: Team, form: CreateForm, generation: Generation) -> dict[str, Any]:
    """The new tile, and what the form needs to be ready for the next clip."""
    tiles = views_of([clips_of(team).get(pk=generation.pk)])
    return {"form": form, "tiles": tiles, "offer": offer_for(team, form, tiles[0].clip.image)}


def clips_page(team: Team, actor: Actor, query: QueryDict) -> dict[str, Any]:
    """One page of the team's clips. Raises InvalidCursor."""
    chosen = FILTERS.get(query.get("status", ""))
    clips = clips_of(team)
    if chosen is not None:
        clips = clips.filter(status__in=chosen[1])
    page = page_after(clips, query.get("cursor"), PAGE)
    tiles = views_of(page.rows)
    return {
        "tiles": tiles,
        "older": page.next_cursor,
        "later_page": bool(query.get("cursor")),
        "filters": [(key, label) for key, (label, _) in FILTERS.items()],
        "filter": chosen[0] if chosen else "",
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
    return {
        "view": view,
        "clip": clip,
        "may_cancel": actor.may(GENERATIONS_CANCEL) and clip.can_cancel,
        "may_create": actor.may(GENERATIONS_CREATE),
        "ended": bool(shown) and clip.is_terminal,
        "announce": bool(shown) and not shown.startswith(f"{clip.status}-"),
        "price_line": price_line(clip, hold_of(clip.hold_attempt)),
        "timeline": timeline_of(clip.events.all()),
        "recipe": partial(recipe_of, clip),
    }


def _picture(team: Team, form: CreateForm) -> Image | None:
    """The chosen picture, looked up once a form; an id of another team finds nothing."""
    if form.picture is None and form.image_id is not None:
        form.picture = Image.objects.for_team(team).filter(pk=form.image_id).first()
    return form.picture


def _offer(team: Team, form: CreateForm) -> Offer:
    return offer_for(team, form, _picture(team, form))


def _latest(team: Team) -> list[ClipView]:
    return views_of(list(clips_of(team)[:LATEST]))


def _watched(text: str) -> tuple[UUID, str] | None:
    pk, _, version = text.partition(":")
    found = picked(pk)
    return (found, version) if found else None
