"""What the create form's clip costs, beside what the team can pay."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.utils import timezone

from accounts.models import Membership, Role, Team, User
from billing.services import Quote, balance_of, formula_of, quote
from billing.services.allowances import Allowance, allowances_of
from generations.eta_words import range_words
from generations.forms import CreateForm
from generations.models import Image
from generations.parameter_rules import steps_warning
from generations.parameters import BILLED_FRAMES_PER_SECOND, FRAME_GRID, FRAMES_MIN
from generations.presentation import played_seconds, size_warning
from generations.services.eta import expected

NANOS_PER_MICRO: Final = 1000


@dataclass(frozen=True, slots=True)
class Offer:
    """A price with its consequences; `quote` is None while the form names no usable length.

    Amounts are µ$. `affordable_frames` is the longest clip the balance pays for, 0 for none; it and `owners` are
    worked out only when the balance is too small. `wait` says in words when the clip would be ready. `limit` is the
    reader's own limit that leaves the least, None for whoever has none.
    """

    quote: Quote | None
    available: int
    played_seconds: Decimal = Decimal(0)
    affordable_frames: int = 0
    owners: tuple[str, ...] = ()
    wait: str = ""
    steps_note: str = ""
    size_note: str = ""
    limit: Allowance | None = None

    @property
    def price(self) -> int | None:
        return self.quote.amount if self.quote else None

    @property
    def after(self) -> int:
        return self.available - (self.price or 0)

    @property
    def limit_after(self) -> int:
        """µ$ of the limit that are left once the clip is ordered; below zero when it does not allow the clip."""
        return self.limit.left - (self.price or 0) if self.limit else 0

    @property
    def missing(self) -> int:
        """µ$ short; 0 when the balance is enough."""
        return max(-self.after, 0)

    @property
    def affordable_seconds(self) -> Decimal:
        return Decimal(self.affordable_frames) / BILLED_FRAMES_PER_SECOND

    @property
    def is_paused(self) -> bool:
        """Nothing is sent to fal at present, so that no time can be told."""
        return self.quote is not None and not self.wait

    @property
    def formula(self) -> str:
        """How the price is worked out, for whoever wants to check it."""
        return formula_of([self.quote]) if self.quote else ""


def offer_for(team: Team, form: CreateForm, image: Image | None, *, user: User | None = None) -> Offer:
    """Price, balance, limit and expected time for the form as it stands: four queries, one more for whoever has a
    limit and one when the balance is small. `user` is whose limits count."""
    available = balance_of(team).available
    params = form.draft()
    if params is None:
        return Offer(quote=None, available=available)
    price = quote(num_frames=params.num_frames, detail_pass=params.enable_detail_pass)
    short = price.amount > available
    return Offer(
        quote=price,
        available=available,
        played_seconds=played_seconds(params),
        affordable_frames=_affordable_frames(price, available) if short else 0,
        owners=owners_of(team) if short else (),
        wait=range_words(expected(team, params)),
        steps_note=steps_warning(params),
        size_note=size_warning(image, params),
        limit=_tightest(team, user) if user is not None else None,
    )


def _tightest(team: Team, user: User) -> Allowance | None:
    """Of the limits on the person, keys and projects apart, the one that leaves the least."""
    own = [each for each in allowances_of(team=team, now=timezone.now(), user=user) if each.limit.member_id]
    return min(own, key=lambda each: each.left, default=None)


def _affordable_frames(price: Quote, available: int) -> int:
    """The longest clip on the frame grid that `available` µ$ pay for, with the same passes; 0 when none."""
    most = available * BILLED_FRAMES_PER_SECOND * NANOS_PER_MICRO // (price.rate_nanos * price.passes)
    return (most - 1) // FRAME_GRID * FRAME_GRID + 1 if most >= FRAMES_MIN else 0


def owners_of(team: Team) -> tuple[str, ...]:
    """Whom to ask for credits: the first three owners."""
    owners = (
        Membership.objects.filter(team=team, role=Role.OWNER).select_related("user").order_by("created_at")
    )
    return tuple(membership.user.get_short_name() for membership in owners[:3])
