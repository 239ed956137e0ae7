"""Run the background workers and replace those that freeze."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.checks import Tags
from django.core.management.base import BaseCommand, CommandError

from ltxplatform.operations.supervisor import Cluster, Limits, Supervisor

PING_SECONDS = 10
# A queue's own task may run for its whole timeout before a ping is looked at.
FREEZE_SECONDS = {"media": 660}
STOP_SECONDS = {"media": 120}


def queues() -> list[str]:
    return [settings.Q_CLUSTER["name"], *settings.Q_CLUSTER["ALT_CLUSTERS"]]


class Command(BaseCommand):
    help = "Run the workers of all queues (or of one) under a supervisor."
    requires_system_checks = [Tags.compatibility, Tags.security]  # the others would load all pages

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--cluster",
            choices=queues(),
            help="run this queue's workers only, and exit with an error when they freeze or end (containers)",
        )
        parser.add_argument("--ping-seconds", type=float, default=PING_SECONDS)
        parser.add_argument("--freeze-seconds", type=float, help="default 120, media 660")
        parser.add_argument("--stop-seconds", type=float, help="default 30, media 120")

    def handle(self, *args: Any, **options: Any) -> None:
        names = [options["cluster"]] if options["cluster"] else queues()
        clusters = [Cluster(name, limits(name, options)) for name in names]
        supervisor = Supervisor(clusters, exit_when_lost=options["cluster"] is not None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.stop())
        if not supervisor.run():
            raise CommandError("The workers froze or ended. Start them again.")


def limits(queue: str, options: dict[str, Any]) -> Limits:
    return Limits(
        ping=options["ping_seconds"],
        freeze=options["freeze_seconds"] or FREEZE_SECONDS.get(queue, 120),
        stop=options["stop_seconds"] or STOP_SECONDS.get(queue, 30),
    )
