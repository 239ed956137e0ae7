"""`orphans [--delete]`: files in our storage that no row names."""

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from generations.services import storage
from generations.services.orphans import find_all


class Command(BaseCommand):
    help = (
        "List the files that no row names and that are older than a day. The schedule removes them gradually."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--delete", action="store_true", help="remove them now")

    def handle(self, *args: object, delete: bool, **options: object) -> None:
        count = size = 0
        for orphan in find_all(now=timezone.now()):
            if not delete or storage.remove([orphan.name]):
                count, size = count + 1, size + orphan.size
                self.stdout.write(orphan.name)
        word = "removed" if delete else "found; --delete removes them"
        self.stdout.write(f"{count} file{'' if count == 1 else 's'}, {size / 1_000_000:.1f} MB {word}.")
