"""The main job from the command line: what it reads, says, saves, and how it ends."""

import re
import signal
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from rich.console import Console

from accounts.models import Team
from billing.services import balance_of, find_violations
from generations.management import ltx_input, ltx_watch
from generations.management.commands.ltx import Command
from generations.management.exits import MEANINGS, Exit
from generations.models import Generation, Image
from generations.parameters import ClipParams, Lora
from generations.states import Status
from tests.support import factories, flow
from tests.support.pictures import photograph
from tests.support.product import Product
from tests.support.programs import ROOT, manage


@pytest.fixture
def picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A picture in the folder the command is called from."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "boat.jpg"
    path.write_bytes(photograph(640, 360))
    return path


def ltx(*words: object, **options: Any) -> str:
    """What it prints; it does not wait for workers, which only the last test has."""
    said = StringIO()
    call_command("ltx", *map(str, words), "--timeout", "0", stdout=said, stderr=StringIO(), **options)
    return said.getvalue()


def refused(*words: object) -> CommandError:
    with pytest.raises(CommandError) as caught:
        ltx(*words)
    return caught.value


def params_of(*words: str) -> ClipParams:
    parser = Command().create_parser("manage.py", "ltx")
    return ltx_input.clip_params(vars(parser.parse_args(["boat.jpg", "A boat", *words])))


class Hands:
    """A display that does the workers' and the poller's work whenever it is shown something."""

    def __init__(self, generation: Generation, *, interrupt: int = 0) -> None:
        self.generation, self.interrupt = generation, interrupt
        self.shown: list[str] = []
        self.said: list[str] = []

    def show(self, words: str, percent: int | None) -> None:
        self.shown.append(words)
        if self.interrupt == len(self.shown):
            raise KeyboardInterrupt
        self.work()

    def work(self) -> None:
        flow.dispatch_all()
        flow.finish(self.generation)

    def say(self, sentence: str) -> None:
        self.said.append(sentence)


class IdleHands(Hands):
    def work(self) -> None:
        pass


class ImpatientHands(Hands):
    """Ctrl-C again and again."""

    def show(self, words: str, percent: int | None) -> None:
        raise KeyboardInterrupt


# -- what it reads


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], {"num_frames": 121, "resolution": "720p", "aspect_ratio": "auto", "enable_detail_pass": False}),
        (["--seconds", "5"], {"num_frames": 121}),
        (["--seconds", "0.1"], {"num_frames": 9}),
        (["--seconds", "60"], {"num_frames": 1441}),
        (["--frames", "10"], {"num_frames": 10}),
        (["--resolution", "480p", "--aspect", "9:16"], {"resolution": "480p", "aspect_ratio": "9:16"}),
        (["--detail", "--seed", "0"], {"enable_detail_pass": True, "seed": 0}),
        (["--negative", ""], {"negative_prompt": ""}),
        (["--frame-rate", "30"], {"frame_rate": 30}),
        (["--quality", "fast"], {"first_pass_num_inference_steps": 6, "second_pass_num_inference_steps": 6}),
        (
            ["--quality", "high"],
            {"first_pass_num_inference_steps": 12, "second_pass_num_inference_steps": 12},
        ),
        (
            ["--quality", "high", "--set", "first_pass_num_inference_steps=10"],
            {"first_pass_num_inference_steps": 10, "second_pass_num_inference_steps": 12},
        ),
        (["--set", "temporal_adain_factor=0.15"], {"temporal_adain_factor": Decimal("0.15")}),
        (["--set", "enable_safety_checker=false"], {"enable_safety_checker": False}),
        (["--set", "constant_rate_factor=0", "--set", "reverse_video=true"], {"reverse_video": True}),
    ],
)
def test_options_become_parameters(words: list[str], expected: dict[str, Any]) -> None:
    params = params_of(*words)

    assert {name: getattr(params, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("text", "path", "scale"),
    [
        ("owner/name", "owner/name", "1"),
        ("owner/name:0.8", "owner/name", "0.8"),
        ("owner/name:0", "owner/name", "0"),
        ("https://huggingface.co/style.safetensors", "https://huggingface.co/style.safetensors", "1"),
        ("https://huggingface.co/style.safetensors:.5", "https://huggingface.co/style.safetensors", "0.5"),
        ("https://v3.fal.media:443/a.safetensors", "https://v3.fal.media:443/a.safetensors", "1"),
        ("https://v3.fal.media:443/a.safetensors:4", "https://v3.fal.media:443/a.safetensors", "4"),
    ],
)
def test_a_loras_address_may_hold_colons(text: str, path: str, scale: str) -> None:
    assert params_of("--lora", text).loras == (Lora(path=path, scale=Decimal(scale)),)


def test_several_loras_keep_their_order() -> None:
    assert [lora.path for lora in params_of("--lora", "a/one", "--lora", "b/two:2").loras] == [
        "a/one",
        "b/two",
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--seconds", "61"], "--seconds takes a number"),
        (["--seconds", "soon"], "--seconds takes a number"),
        (["--seconds", "nan"], "--seconds takes a number"),
        (["--frames", "8"], "num_frames: Length must be a whole number from 9 to 1441."),
        (["--lora", "a/b:9"], "loras: LoRA 1 needs a strength from 0 to 4."),
        (["--set", "speed=2"], "speed: There is no such parameter."),
        (["--set", "speed"], "--set takes NAME=VALUE"),
        (["--set", "temporal_adain_factor=0.12"], "goes in steps of 0.05"),
    ],
)
def test_what_will_not_do_says_why(words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=re.escape(sentence)) as caught:
        params_of(*words)

    assert caught.value.returncode == Exit.BAD_INPUT


# -- who makes it


@pytest.mark.django_db
def test_the_only_team_pays_and_its_owner_makes() -> None:
    team = factories.make_team()
    factories.make_member(team, "editor")

    actor = ltx_input.acting_member(team_slug=None, email=None)

    assert (actor.team, actor.user) == (team, factories.owner_of(team))


@pytest.mark.django_db
def test_of_several_teams_the_demo_team_pays() -> None:
    factories.make_team()
    demo = factories.make_team(name="Demo")

    assert ltx_input.acting_member(team_slug=None, email=None).team == demo


@pytest.mark.django_db
def test_team_and_person_can_be_named() -> None:
    factories.make_team()
    team = factories.make_team()
    editor = factories.make_member(team, "editor")

    assert ltx_input.acting_member(team_slug=team.slug, email=None).user == factories.owner_of(team)
    assert ltx_input.acting_member(team_slug=team.slug, email=editor.email.upper()).user == editor
    assert ltx_input.acting_member(team_slug=None, email=editor.email).team == team


@pytest.mark.django_db
def test_who_may_not_make_clips_is_refused() -> None:
    team = factories.make_team()
    viewer = factories.make_member(team, "viewer")

    for slug, email in [(team.slug, viewer.email), ("nowhere", None), (None, "nobody@example.com")]:
        with pytest.raises(CommandError) as caught:
            ltx_input.acting_member(team_slug=slug, email=email)
        assert caught.value.returncode == Exit.BAD_INPUT
    factories.make_team()
    with pytest.raises(CommandError, match="Say which team pays"):
        ltx_input.acting_member(team_slug=None, email=None)


# -- what it says and refuses before anything is paid


@pytest.mark.django_db
def test_a_quote_tells_price_and_balance_and_makes_nothing(team: Team, picture: Path) -> None:
    said = ltx(picture, "A boat", "--frame-rate", 30, "--quote")

    assert said.splitlines() == [
        "$0.1009 for 121 frames: billed 5.0417 s, the clip plays 4.03 s",
        f"{team.name} has $10.00, $9.89 after this clip",
    ]
    assert not Image.objects.exists()
    assert not Generation.objects.exists()


@pytest.mark.django_db
def test_the_detail_pass_is_billed_twice(team: Team, picture: Path) -> None:
    assert "$0.2017 for 121 frames: billed 5.0417 s twice" in ltx(picture, "A boat", "--detail", "--quote")


@pytest.mark.django_db
def test_without_credits_nothing_is_queued(picture: Path) -> None:
    factories.make_team()

    error = refused(picture, "A boat")

    assert error.returncode == Exit.NO_CREDITS
    assert "Buy credit" in str(error)
    assert not Generation.objects.exists()


@pytest.mark.django_db
def test_bad_input_costs_nothing(team: Team, picture: Path) -> None:
    (picture.parent / "notes.jpg").write_text("not a picture")
    (picture.parent / "there.mp4").write_bytes(b"mine")

    errors = [
        refused("missing.jpg", "A boat"),
        refused("notes.jpg", "A boat"),
        refused(picture, " "),
        refused(picture, "A boat", "-o", "there.mp4"),
        refused(picture, "A boat", "-o", "no/such/folder.mp4"),
    ]

    assert [error.returncode for error in errors] == [Exit.BAD_INPUT] * 5
    assert "Prompt is required" in str(errors[2])
    assert not Generation.objects.exists()
    assert balance_of(team).available == 10_000_000


# -- how it ends


@pytest.mark.django_db
def test_when_the_time_is_up_the_clip_goes_on(team: Team, picture: Path) -> None:
    error = refused(picture, "A boat", "--frames", 9)

    clip = Generation.objects.get()
    assert error.returncode == Exit.TIME_UP
    assert str(clip.pk) in str(error)
    assert clip.status == Status.QUEUED
    assert clip.created_by == factories.owner_of(team)


@pytest.mark.django_db
def test_a_ready_clip_is_saved_and_its_charge_told(fal: Any, team: Team, tmp_path: Path) -> None:
    clip = factories.make_generation(team)
    hands = Hands(clip)
    command, said = told()

    ended = ltx_watch.follow(clip.pk, hands, seconds=30)
    command.finish(ended, tmp_path / "boat.mp4", force=False)
    command.finish(ended, tmp_path / "boat.mp4", force=False)

    assert hands.shown[0] == "In line, place 1"
    assert (tmp_path / "boat.mp4").read_bytes()[4:8] == b"ftyp"
    assert (tmp_path / "boat-2.mp4").read_bytes() == (tmp_path / "boat.mp4").read_bytes()
    assert "Charged $0.0075." in said.getvalue()
    assert "boat-2.mp4" in said.getvalue()


@pytest.mark.django_db
def test_force_replaces_the_file(fal: Any, team: Team, tmp_path: Path) -> None:
    clip = flow.run(factories.make_generation(team))
    target = tmp_path / "boat.mp4"
    target.write_bytes(b"old")

    told()[0].finish(clip, target, force=True)

    assert target.read_bytes()[4:8] == b"ftyp"
    assert [path.name for path in tmp_path.glob("*.mp4")] == ["boat.mp4"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error_type", "code"),
    [("content_policy_violation", Exit.REFUSED), ("image_load_error", Exit.FAILED)],
)
def test_a_refusal_and_a_failure_end_differently(fal: Any, team: Team, error_type: str, code: Exit) -> None:
    fal.rule("result", "error", type=error_type)
    clip = flow.run(factories.make_generation(team))

    error = ending_of(clip)

    assert error.returncode == code
    assert "Nothing was charged" in str(error)
    assert balance_of(team).available == 10_000_000


@pytest.mark.django_db
def test_ctrl_c_in_line_cancels_and_gives_the_hold_back(team: Team) -> None:
    clip = factories.make_generation(team)

    ended = wait(clip, IdleHands(clip, interrupt=1))

    assert ending_of(ended).returncode == Exit.CANCELED
    assert balance_of(team).available == 10_000_000


@pytest.mark.django_db
def test_ctrl_c_while_rendering_asks_fal(fal: Any, team: Team) -> None:
    fal.control(inference_seconds=60)
    clip = factories.make_generation(team)
    flow.dispatch_all()
    hands = ImpatientHands(clip)

    ended = wait(clip, hands)

    assert hands.said == ["Asking fal to stop it."]
    assert ended.cancel_requested_at is not None
    assert ending_of(ended).returncode == Exit.TIME_UP


@pytest.mark.django_db
def test_a_clip_that_nothing_picks_up_is_noticed(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ltx_watch, "PATIENCE_SECONDS", 0.5)
    clip = factories.make_generation(team)
    hands = IdleHands(clip)

    ltx_watch.follow(clip.pk, hands, seconds=2)

    assert hands.said == [ltx_watch.NO_WORKER]


@pytest.mark.django_db
def test_pipes_get_a_line_for_each_change(team: Team) -> None:
    clip = factories.make_generation(team)
    written = StringIO()

    with ltx_watch.display(Console(file=written)) as shown:
        ltx_watch.follow(clip.pk, shown, seconds=1.2)

    assert written.getvalue() == "In line, place 1\n"


def told() -> tuple[Command, StringIO]:
    said = StringIO()
    return Command(stdout=said, stderr=StringIO()), said


def wait(clip: Generation, hands: Hands) -> Generation:
    return told()[0].wait(factories.actor_for(clip.team), clip, hands, 5)


def ending_of(clip: Generation) -> CommandError:
    with pytest.raises(CommandError) as caught:
        told()[0].finish(clip, Path("never.mp4"), force=False)
    return caught.value


def test_help_and_guide_name_every_exit_code() -> None:
    text = Command().create_parser("manage.py", "ltx").format_help()
    guide = (ROOT / "docs" / "users.md").read_text()

    for code, meaning in MEANINGS.items():
        assert f"  {int(code)}  {meaning}" in text
        assert f"\n| {int(code)} | " in guide


# -- the whole, with workers and poller as processes


@pytest.mark.processes
def test_a_picture_becomes_a_file(running: Product, picture: Path) -> None:
    team = factories.make_team(name="Demo")
    factories.give_credits(team)
    words = [str(picture), "A boat drifts", "--frames", "9", "--resolution", "480p", "--team", team.slug]

    with manage("ltx", *words, "-o", str(picture.with_suffix(".mp4")), **running.environment) as first:
        assert first.ended(60) == Exit.DONE, first.output + running.output()
    running.fal.control(inference_seconds=60)
    with manage("ltx", *words, "-o", str(picture.with_name("b.mp4")), **running.environment) as second:
        second.wait_for(lambda: "Rendering" in second.output or "Waiting" in second.output, 30)
        second.child.send_signal(signal.SIGINT)
        assert second.ended(60) == Exit.CANCELED, second.output

    assert picture.with_suffix(".mp4").read_bytes()[4:8] == b"ftyp"
    assert "Charged $0.0075." in first.output
    assert not picture.with_name("b.mp4").exists()
    assert balance_of(team).available == 10_000_000 - 7_500
    assert list(find_violations()) == []
