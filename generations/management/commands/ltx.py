"""The platform's main job from the command line: price, submit, wait, save."""

import argparse
import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.core.management.base import BaseCommand, CommandParser, DjangoHelpFormatter
from rich.console import Console

from accounts.actors import Actor
from accounts.permissions import BILLING_VIEW
from billing.money import format_balance, format_cost
from billing.services import InsufficientCredits, Quote, balance_of, hold_of, quote
from generations import parameter_rules
from generations.failures import FAILURES
from generations.management import ltx_input
from generations.management.exits import MEANINGS, Exit, stop
from generations.management.ltx_watch import Display, display, follow
from generations.models import Generation
from generations.parameters import BY_NAME, QUALITY_PRESETS, ClipParams
from generations.services import (
    CancelOutcome,
    ImageRefused,
    cancel_generation,
    store_image,
    submit_generation,
)
from generations.states import Status

CANCEL_SECONDS = 30
EXPLANATION = (
    "The price is printed first and held from the team's credit; it is charged when the clip is\n"
    "ready, and comes back in every other case. The running workers make the clip (make demo).\n\n"
    "exit codes:\n" + "\n".join(f"  {int(code)}  {meaning}" for code, meaning in MEANINGS.items())
)


class Help(DjangoHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Our options first, and the exit codes one a line."""


class Command(BaseCommand):
    help = "Turn a picture and a prompt into a clip, and save the MP4."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.epilog = EXPLANATION
        parser.formatter_class = Help
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("image", metavar="IMAGE", help="a JPEG, PNG or WebP picture")
        parser.add_argument("prompt", metavar="PROMPT", help="what happens in the clip")
        length = parser.add_mutually_exclusive_group()
        length.add_argument(
            "--seconds", metavar="S", help="length at 24 frames a second, rounded to the nearest valid one"
        )
        length.add_argument("--frames", metavar="N", help="length in frames (default 121)")
        parser.add_argument("--resolution", choices=values("resolution"))
        parser.add_argument("--aspect", choices=values("aspect_ratio"))
        parser.add_argument("--detail", action="store_true", help="second, refining pass; doubles the price")
        parser.add_argument("--seed", metavar="N", help="the same seed with the same settings repeats a clip")
        parser.add_argument("--quality", choices=list(QUALITY_PRESETS), help="steps of both passes")
        parser.add_argument("--negative", metavar="TEXT", help="what to avoid")
        parser.add_argument(
            "--frame-rate", metavar="N", help="frames shown per second; does not change the price"
        )
        parser.add_argument(
            "--lora", metavar="PATH[:SCALE]", action="append", help="add-on weights; repeatable"
        )
        parser.add_argument(
            "--set", metavar="NAME=VALUE", action="append", default=[], help="any other parameter; repeatable"
        )
        parser.add_argument("--team", metavar="SLUG", help="who pays; default the only team, or demo")
        parser.add_argument("--user", metavar="EMAIL", help="who makes it; default the team's owner")
        parser.add_argument("-o", "--output", metavar="OUT.mp4", help="default: the picture's name, here")
        parser.add_argument("--force", action="store_true", help="replace an existing output")
        parser.add_argument("--quote", action="store_true", help="print the price and stop")
        parser.add_argument(
            "--timeout", metavar="S", type=float, default=900, help="seconds to wait (%(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        params = ltx_input.clip_params(options)
        source = ltx_input.picture(options["image"])
        target = ltx_input.target(options["output"], source=source, force=options["force"])
        actor = ltx_input.acting_member(team_slug=options["team"], email=options["user"])
        self.tell_price(actor, params)
        if options["quote"]:
            return
        generation = self.submit(actor, params, source)
        with display(Console(stderr=True)) as shown:
            ended = self.wait(actor, generation, shown, options["timeout"])
        self.finish(ended, target, force=options["force"])

    def tell_price(self, actor: Actor, params: ClipParams) -> None:
        price = quote(num_frames=params.num_frames, detail_pass=params.enable_detail_pass)
        plays = params.num_frames / params.frame_rate
        self.stdout.write(
            f"{format_cost(price.amount)} for {params.num_frames} frames: billed {price.billed_seconds.normalize()} s"
            f"{' twice (detail pass)' if price.passes > 1 else ''}, the clip plays {plays:.2f} s"
        )
        if actor.may(BILLING_VIEW):
            self.tell_balance(actor, price)
        if warning := parameter_rules.steps_warning(params):
            self.stderr.write(warning)

    def tell_balance(self, actor: Actor, price: Quote) -> None:
        available = balance_of(actor.team).available
        has = f"{actor.team.name} has {format_balance(available)}"
        if available >= price.amount:
            self.stdout.write(f"{has}, {format_balance(available - price.amount)} after this clip")
        else:
            self.stdout.write(f"{has}, {format_cost(price.amount - available)} too little for this clip")

    def submit(self, actor: Actor, params: ClipParams, source: Path) -> Generation:
        try:
            with source.open("rb") as upload:
                image = store_image(actor=actor, upload=upload, name=source.name)
            accepted = submit_generation(
                actor=actor, image_id=image.pk, params=params, idempotency_key=f"ltx-{uuid4()}"
            )
        except ImageRefused as error:
            raise stop(Exit.BAD_INPUT, error.message) from None
        except InsufficientCredits as error:
            raise stop(Exit.NO_CREDITS, error.message) from None
        return accepted.generation

    def wait(self, actor: Actor, generation: Generation, shown: Display, seconds: float) -> Generation:
        """Until it has ended or the time is up; Ctrl-C cancels, a second one leaves it to itself."""
        try:
            return follow(generation.pk, shown, seconds=seconds)
        except KeyboardInterrupt:
            outcome = cancel_generation(actor=actor, generation_id=generation.pk)
        if outcome == CancelOutcome.PENDING_UPSTREAM:
            shown.say("Asking fal to stop it.")
        elif outcome == CancelOutcome.TOO_LATE:
            shown.say("It is already finished and being saved: it can no longer be canceled.")
        try:
            return follow(generation.pk, shown, seconds=CANCEL_SECONDS)
        except KeyboardInterrupt:
            return Generation.objects.get(pk=generation.pk)

    def finish(self, generation: Generation, target: Path, *, force: bool) -> None:
        match Status(generation.status):
            case Status.SUCCEEDED:
                saved = save(generation, target, force=force)
                hold = hold_of(generation.hold_attempt)
                charged = format_cost(hold.captured if hold else generation.price)
                self.stdout.write(f"Saved {saved} (seed {generation.used_seed}). Charged {charged}.")
            case Status.CANCELED:
                raise stop(Exit.CANCELED, "Canceled. Nothing was charged.")
            case Status.EXPIRED:
                raise stop(Exit.TIME_UP, "It never started and has expired. Nothing was charged.")
            case Status.FAILED | Status.REJECTED:
                raise failure_of(generation)
            case status:
                raise stop(
                    Exit.TIME_UP,
                    f"Clip {generation.pk} is still on its way ({status.label.lower()}). "
                    f"It continues; you will find it under Clips of {generation.team.name}.",
                )


def values(name: str) -> list[str]:
    return [value for value, _ in BY_NAME[name].choices]


def failure_of(generation: Generation) -> Exception:
    failure = FAILURES.get(generation.failure_code)
    refused = generation.status == Status.REJECTED or (failure is not None and failure.rejected)
    sentence = failure.creator if failure else "The clip could not be made."
    return stop(
        Exit.REFUSED if refused else Exit.FAILED, f"{sentence} Nothing was charged. ({generation.pk})"
    )


def save(generation: Generation, target: Path, *, force: bool) -> Path:
    """Copy the clip out of the platform's storage; a name that is taken meanwhile gets a number."""
    for path in [target] if force else numbered(target):
        try:
            with path.open("wb" if force else "xb") as copy, generation.video.open("rb") as clip:
                shutil.copyfileobj(clip, copy)
        except FileExistsError:
            continue
        return path
    raise stop(Exit.UNEXPECTED, f"No free name beside {target}. Clip {generation.pk} is under Clips.")


def numbered(target: Path) -> list[Path]:
    return [target, *(target.with_stem(f"{target.stem}-{number}") for number in range(2, 1000))]
