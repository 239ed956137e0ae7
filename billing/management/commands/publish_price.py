"""`publish_price COST`: a new version of the price book."""

from datetime import datetime
from decimal import Decimal, InvalidOperation

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from billing import services

NANOS = 10**9


class Command(BaseCommand):
    help = (
        "Publish what a clip costs from a moment on: the provider's rate plus a margin. Clips that were accepted, and "
        "quotes that were given, keep their price."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "cost", help="dollars that fal charges for a billed second (24 frames), such as 0.02"
        )
        parser.add_argument("--margin", type=int, help="percent on top; default PRICE_MARGIN_PERCENT")
        parser.add_argument("--detail-passes", type=int, default=2, help="passes billed with the detail pass")
        parser.add_argument("--from", dest="moment", help="ISO 8601, such as 2027-01-01T00:00Z; default now")

    def handle(
        self,
        *args: object,
        cost: str,
        margin: int | None,
        detail_passes: int,
        moment: str | None,
        **options: object,
    ) -> None:
        now = timezone.now()
        valid_from = now if moment is None else _moment(moment)
        if valid_from < now:
            raise CommandError("A price counts from now on or later: what was charged before stays.")
        try:
            version = services.publish_price(
                cost_nanos=_nanos(cost),
                margin_percent=margin,
                detail_passes=detail_passes,
                valid_from=valid_from,
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        price = services.quote(num_frames=services.DEFAULT_FRAMES, detail_pass=False, now=version.valid_from)
        self.stdout.write(
            f"From {version.valid_from:%Y-%m-%d %H:%M} UTC a clip of {price.num_frames} frames costs: "
            f"{services.formula_of([price])}."
        )


def _nanos(dollars: str) -> int:
    """n$, from dollars with at most nine decimals."""
    try:
        nanos = Decimal(dollars) * NANOS
    except InvalidOperation:
        raise CommandError(f"{dollars!r} is not an amount of dollars such as 0.02.") from None
    if not nanos.is_finite() or nanos != int(nanos):
        raise CommandError("A rate has at most nine decimals.")
    return int(nanos)


def _moment(text: str) -> datetime:
    try:
        found = parse_datetime(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise CommandError(f"{text!r} is not a moment with its zone, such as 2027-01-01T00:00Z.")
    return found
