"""What the batch pages show, gathered for their templates."""

from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from django.utils.functional import SimpleLazyObject

from accounts.actors import Actor
from accounts.errors import FieldErrors
from accounts.models import Team
from accounts.permissions import GENERATIONS_CANCEL, GENERATIONS_CREATE
from accounts.services import open_projects
from billing.services import balance_of, formula_of
from generations import guidance
from generations.batch_forms import BatchForm
from generations.eta_words import range_words
from generations.models import Batch, BatchKind, Image
from generations.offers import owners_of
from generations.pages import picture_part
from generations.presentation import PictureView, views_of
from generations.selectors import batches_of, clips_of, page_after, recent_images
from generations.services import BatchProgress, price_clips, progress_of
from generations.states import Status

TILES: Final = 60
PAGE: Final = 24
PICTURES_OFFERED: Final = 24
# In the order in which a clip goes through them; final states last.
ORDER: Final = list(Status)


@dataclass(frozen=True, slots=True)
class BatchOffer:
    """The price of all clips with its consequences; amounts are µ$, `amount` is None while there is none."""

    clips: int
    unpriced: int
    amount: int | None
    available: int
    refusal: str = ""
    owners: tuple[str, ...] = ()
    # When the last clip should be ready, in words.
    wait: str = ""
    formula: str = ""

    @property
    def after(self) -> int:
        return self.available - (self.amount or 0)

    @property
    def missing(self) -> int:
        """µ$ short; 0 when the balance is enough."""
        return max(-self.after, 0)

    @property
    def is_paused(self) -> bool:
        """Nothing is sent to fal at present, so that no time can be told."""
        return self.amount is not None and not self.wait


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch as pages show it."""

    batch: Batch
    progress: BatchProgress

    @property
    def title(self) -> str:
        return self.batch.name or f"{self.batch.get_kind_display()}, {self.batch.size} clips"

    @property
    def counts(self) -> list[tuple[Status, int]]:
        """Each state that a clip is in, with how many."""
        return [(status, self.progress.counts[status]) for status in ORDER if status in self.progress.counts]

    @property
    def maker(self) -> str:
        return self.batch.created_by.get_short_name() if self.batch.created_by else "a former member"


def batch_create_page(team: Team, form: BatchForm) -> dict[str, Any]:
    form.offer_projects(open_projects(team))
    return {
        **(
            picture_part(team, form)
            if form.kind != BatchKind.MATRIX
            else {"form": form, "guidance": guidance}
        ),
        "kind": form.kind,
        "boxes": SimpleLazyObject(partial(_boxes, team, form)),
        "offer": SimpleLazyObject(partial(batch_offer, team, form)),
        "row_errors": [(row + 1, column, sentence) for row, column, sentence in form.row_errors],
    }


def batch_offer(team: Team, form: BatchForm) -> BatchOffer:
    """Price and balance for the form as it stands, however far it is."""
    clips, unpriced = form.draft_clips()
    available = balance_of(team).available
    try:
        price = price_clips(team=team, clips=clips) if clips else None
    except FieldErrors as error:
        return BatchOffer(len(clips), unpriced, None, available, refusal=error.errors[""][0])
    if price is None:
        return BatchOffer(0, unpriced, None, available)
    owners = owners_of(team) if price.amount > available else ()
    return BatchOffer(
        len(clips),
        unpriced,
        price.amount,
        available,
        owners=owners,
        wait=range_words(price.eta),
        formula=formula_of(price.prices),
    )


def batches_page(team: Team, actor: Actor, cursor: str | None) -> dict[str, Any]:
    """One page of the team's batches. Raises InvalidCursor."""
    page = page_after(batches_of(team), cursor, PAGE)
    progress = progress_of(page.rows)
    return {
        "batches": [BatchView(batch, progress[batch.pk]) for batch in page.rows],
        "older": page.next_cursor,
        "later_page": bool(cursor),
        "may_create": actor.may(GENERATIONS_CREATE),
    }


def batch_page(batch: Batch, actor: Actor, *, first: int) -> dict[str, Any]:
    """A batch and a page of its clips, from the place `first` on."""
    view = BatchView(batch, progress_of([batch])[batch.pk])
    return {
        "view": view,
        "batch": batch,
        "may_cancel": actor.may(GENERATIONS_CANCEL) and not view.progress.is_finished,
        "tiles": SimpleLazyObject(partial(_tiles, batch, first)),
        "earlier": first - TILES if first else None,
        "later": first + TILES if first + TILES < batch.size else None,
    }


def _tiles(batch: Batch, first: int) -> list[Any]:
    clips = clips_of(batch.team).filter(batch=batch, batch_place__range=(first, first + TILES - 1))
    return views_of(list(clips.order_by("batch_place")))


def _boxes(team: Team, form: BatchForm) -> list[tuple[PictureView, bool]]:
    """The chosen pictures, then recent ones, each with whether it is chosen."""
    chosen = Image.objects.for_team(team).in_bulk(form.chosen_images)
    recent = [image for image in recent_images(team, limit=PICTURES_OFFERED) if image.pk not in chosen]
    ticked = [chosen[pk] for pk in form.chosen_images if pk in chosen]
    return [(PictureView(image), True) for image in ticked] + [
        (PictureView(image), False) for image in recent
    ]
