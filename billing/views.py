"""What clips cost, for everybody."""

from dataclasses import dataclass

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from billing.forms import PriceForm
from billing.money import format_exact
from billing.services.pricing import (
    DEFAULT_FRAMES,
    FRAMES_PER_BILLED_SECOND,
    Quote,
    billed_seconds,
    price_of,
    quote,
)

TABLE_SECONDS = (5, 10, 30, 50)


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One length with its price and the price with the detail pass, in µ$."""

    seconds: int
    frames: int
    base: int
    detail: int


@require_safe
@login_not_required
def pricing(request: HttpRequest) -> HttpResponse:
    """Rate, formula, examples and a calculator, which asks with GET so that its answer has an address."""
    form = PriceForm(request.GET) if "length" in request.GET else PriceForm()
    num_frames, detail_pass = DEFAULT_FRAMES, False
    if form.is_valid():
        num_frames, detail_pass = form.frames(), form.cleaned_data["detail"]
    failed = bool(form.errors)
    context = {
        "form": form,
        "answer": None if failed else quote(num_frames=num_frames, detail_pass=detail_pass),
        **_examples(),
    }
    is_fragment = bool(request.headers.get("HX-Request"))
    template = "billing/pricing.html#answer" if is_fragment else "billing/pricing.html"
    response = render(request, template, context, status=422 if failed else 200)
    patch_vary_headers(response, ["HX-Request"])
    return response


def _examples() -> dict[str, object]:
    """The rate and the rows of the table, worked out from today's price version."""
    default = quote(num_frames=DEFAULT_FRAMES, detail_pass=False)
    detailed = quote(num_frames=DEFAULT_FRAMES, detail_pass=True)
    return {
        "default": default,
        "detailed": detailed,
        "default_seconds": billed_seconds(DEFAULT_FRAMES),
        "default_in_cents": format_exact(_half_up_to_cents(default.amount)),
        "second": price_of(rate_nanos=default.rate_nanos, num_frames=FRAMES_PER_BILLED_SECOND, passes=1),
        "rows": [_row(seconds, default, detailed) for seconds in TABLE_SECONDS],
    }


def _half_up_to_cents(amount: int) -> int:
    """µ$ rounded as estimates round: for comparison only, never charged."""
    return (amount + 5_000) // 10_000 * 10_000


def _row(seconds: int, plain: Quote, detailed: Quote) -> PriceRow:
    frames = seconds * FRAMES_PER_BILLED_SECOND
    return PriceRow(
        seconds=seconds,
        frames=frames,
        base=price_of(rate_nanos=plain.rate_nanos, num_frames=frames, passes=plain.passes),
        detail=price_of(rate_nanos=detailed.rate_nanos, num_frames=frames, passes=detailed.passes),
    )
