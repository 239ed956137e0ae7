"""`manage.py eta_error`: how far the expected times were off."""

from datetime import timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from generations.services.eta_error import eta_errors

GOAL: Final = 0.25


class Command(BaseCommand):
    help = "Show how far the expected times given at submission were off, by kind of clip."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=float, default=7, help="clips finished within the last N days (7)")

    def handle(self, *args: Any, days: float, **options: Any) -> None:
        errors = eta_errors(since=timezone.now() - timedelta(days=days))
        if not errors:
            self.stdout.write("No clip with an expected time was ready in these days.")
            return
        self.stdout.write(f"{'kind':<14}{'clips':>7}{'median error':>15}{'in the range':>15}")
        for error in errors:
            name = error.bucket or "all"
            self.stdout.write(f"{name:<14}{error.clips:>7}{error.median:>15.0%}{error.within:>15.0%}")
        verdict = "within" if errors[0].median < GOAL else "beyond"
        self.stdout.write(f"The goal is a median error under {GOAL:.0%}: {verdict}.")
