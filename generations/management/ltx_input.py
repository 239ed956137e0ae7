"""What the `ltx` command was asked for: parameters, who asks, and where the clip goes."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from accounts.actors import Actor, member_actor
from accounts.errors import FieldErrors
from accounts.models import Membership, Role, Team
from accounts.permissions import GENERATIONS_CREATE
from generations import parameter_rules
from generations.management.exits import Exit, stop
from generations.parameters import (
    BILLED_FRAMES_PER_SECOND,
    FRAMES_MAX,
    FRAMES_MIN,
    ClipParams,
    frames_for_seconds,
    preset_steps,
)

DEMO_TEAM = "demo"
STRENGTH = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)")
# Options whose names differ from the parameter they set.
PARAMETER_OF = {
    "prompt": "prompt",
    "frames": "num_frames",
    "resolution": "resolution",
    "aspect": "aspect_ratio",
    "seed": "seed",
    "negative": "negative_prompt",
    "frame_rate": "frame_rate",
}


def clip_params(options: Mapping[str, Any]) -> ClipParams:
    """Checked parameters; what no option names keeps its default. Stops with BAD_INPUT."""
    raw = {name: options[option] for option, name in PARAMETER_OF.items() if options[option] is not None}
    if options["seconds"] is not None:
        raw["num_frames"] = frames_of(options["seconds"])
    if options["quality"] is not None:
        first, second = preset_steps(options["quality"])
        raw |= {"first_pass_num_inference_steps": first, "second_pass_num_inference_steps": second}
    if options["detail"]:
        raw["enable_detail_pass"] = True
    if options["lora"]:
        raw["loras"] = [lora(text) for text in options["lora"]]
    raw |= assignments(options["set"])
    try:
        return parameter_rules.clean(raw)
    except FieldErrors as error:
        lines = (f"{name}: {sentence}" for name, said in error.errors.items() for sentence in said)
        raise stop(Exit.BAD_INPUT, "\n".join(lines)) from None


def frames_of(text: str) -> int:
    try:
        seconds = Decimal(text)
    except InvalidOperation:
        seconds = Decimal("NaN")
    longest = Decimal(FRAMES_MAX) / BILLED_FRAMES_PER_SECOND
    if not seconds.is_finite() or not 0 < seconds <= longest:
        at_least = Decimal(FRAMES_MIN) / BILLED_FRAMES_PER_SECOND
        raise stop(Exit.BAD_INPUT, f"--seconds takes a number from {at_least} to {longest:.0f}.")
    return frames_for_seconds(seconds)


def lora(text: str) -> dict[str, str]:
    """`PATH[:SCALE]`; the colons of an address are not in the way, because no strength follows them."""
    path, colon, scale = text.rpartition(":")
    if colon and path and STRENGTH.fullmatch(scale):
        return {"path": path, "scale": scale}
    return {"path": text}


def assignments(texts: Iterable[str]) -> dict[str, str]:
    """`NAME=VALUE`, for every parameter without an option of its own."""
    pairs = [text.partition("=") for text in texts]
    wrong = [name for name, equals, _ in pairs if not equals]
    if wrong:
        raise stop(Exit.BAD_INPUT, f"--set takes NAME=VALUE, not {wrong[0]!r}.")
    return {name.strip(): value for name, _, value in pairs}


def acting_member(*, team_slug: str | None, email: str | None) -> Actor:
    """Who makes the clip. Without a name: the owner of the only team there is, or of the demo team."""
    members = Membership.objects.select_related("team", "user").order_by("created_at", "pk")
    if email:
        members = members.filter(user__email__iexact=email)
    if team_slug:
        members = members.filter(team__slug=team_slug)
    elif not email:
        members = members.filter(team=default_team())
    member = (members if email else members.filter(role=Role.OWNER)).first()
    if member is None:
        raise stop(Exit.BAD_INPUT, "No such person in such a team. Name both: --team SLUG --user EMAIL.")
    actor = member_actor(member)
    if not actor.may(GENERATIONS_CREATE):
        raise stop(Exit.BAD_INPUT, f"{member.user.email} is {member.role} of {member.team.name}: no clips.")
    return actor


def default_team() -> Team | None:
    teams = list(Team.objects.order_by("created_at")[:2])
    if len(teams) == 1:
        return teams[0]
    demo = Team.objects.filter(slug=DEMO_TEAM).first()
    if demo is None:
        raise stop(Exit.BAD_INPUT, "Say which team pays: --team SLUG." if teams else "There is no team yet.")
    return demo


def picture(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise stop(Exit.BAD_INPUT, f"There is no picture at {text}.")
    return path


def target(text: str | None, *, source: Path, force: bool) -> Path:
    """Where the clip will be saved; asked before anything is paid. An existing file stops, unless forced."""
    wish = Path(text or ".")
    if wish.is_dir():
        return wish / f"{source.stem}.mp4"
    if not wish.parent.is_dir():
        raise stop(Exit.BAD_INPUT, f"There is no folder {wish.parent}.")
    if wish.exists() and not force:
        raise stop(Exit.BAD_INPUT, f"{wish} exists. Choose another name, or replace it with --force.")
    return wish
