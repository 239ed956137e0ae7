"""The rules of the nineteen inputs, for every interface."""

from decimal import Decimal

import pytest

from accounts.errors import FieldErrors
from generations.parameter_rules import clean, steps_warning
from generations.parameters import BY_NAME, PARAMETERS, ClipParams, Lora, frames_for_seconds, preset_steps


def errors_of(**values):
    with pytest.raises(FieldErrors) as refusal:
        clean({"prompt": "A boat", **values})
    return refusal.value.errors


def test_there_are_eighteen_parameters_and_the_picture():
    assert len(PARAMETERS) == 18
    assert "image_url" not in BY_NAME
    assert set(BY_NAME) == set(ClipParams(prompt="x").as_json())


def test_absent_values_take_fals_defaults():
    params = clean({"prompt": "  A boat  "})

    assert params == ClipParams(prompt="A boat")
    assert params.as_json() == {
        "prompt": "A boat",
        "negative_prompt": "worst quality, inconsistent motion, blurry, jittery, distorted",
        "loras": [],
        "resolution": "720p",
        "aspect_ratio": "auto",
        "seed": None,
        "num_frames": 121,
        "first_pass_num_inference_steps": 8,
        "second_pass_num_inference_steps": 8,
        "second_pass_skip_initial_steps": 5,
        "frame_rate": 24,
        "expand_prompt": False,
        "reverse_video": False,
        "enable_safety_checker": True,
        "enable_detail_pass": False,
        "temporal_adain_factor": 0.5,
        "tone_map_compression_ratio": 0.0,
        "constant_rate_factor": 29,
    }


def test_zero_false_and_empty_are_values():
    params = clean(
        {
            "prompt": "x",
            "negative_prompt": "",
            "seed": 0,
            "temporal_adain_factor": 0,
            "constant_rate_factor": "0",
            "enable_safety_checker": False,
            "loras": [{"path": "a/b", "scale": 0}],
        }
    )

    assert (params.negative_prompt, params.seed, params.constant_rate_factor) == ("", 0, 0)
    assert params.temporal_adain_factor == 0
    assert params.enable_safety_checker is False
    assert params.loras == (Lora("a/b", Decimal("0.00")),)


@pytest.mark.parametrize("prompt", [None, "", "   \n"])
def test_a_missing_prompt_is_named_as_the_model_names_it(prompt):
    assert errors_of(prompt=prompt) == {"prompt": ["Prompt is required"]}


def test_a_prompt_has_at_most_a_thousand_characters():
    assert clean({"prompt": "é" * 1000}).prompt == "é" * 1000
    assert errors_of(prompt="x" * 1001) == {"prompt": ["Prompt must be 1000 characters or less"]}


def test_line_ends_count_once():
    assert clean({"prompt": "a\r\n" * 498 + "bcde"}).prompt.count("\r") == 0


@pytest.mark.parametrize("step", [Decimal(number) / 20 for number in range(21)])
def test_every_twentieth_is_on_the_grid_in_every_type(step):
    for value in (step, float(step), str(step)):
        assert clean({"prompt": "x", "temporal_adain_factor": value}).temporal_adain_factor == step


@pytest.mark.parametrize(
    "value", ["0.51", 0.07, "1.05", -0.05, "nan", "inf", "1e-30", "half", True, [], "9" * 50]
)
def test_fractions_off_the_grid_or_range_are_refused(value):
    assert list(errors_of(tone_map_compression_ratio=value)) == ["tone_map_compression_ratio"]


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("num_frames", 9, 1441),
        ("frame_rate", 1, 60),
        ("first_pass_num_inference_steps", 2, 12),
        ("second_pass_num_inference_steps", 2, 12),
        ("second_pass_skip_initial_steps", 1, 11),
        ("constant_rate_factor", 0, 51),
        ("seed", 0, 2**31 - 1),
    ],
)
def test_whole_numbers_keep_their_range(name, low, high):
    assert getattr(clean({"prompt": "x", name: low}), name) == low
    assert getattr(clean({"prompt": "x", name: str(high)}), name) == high
    for value in (low - 1, high + 1, "1.5", 2.0, True, "²", "9" * 30, {}):
        assert list(errors_of(**{name: value})) == [name]


def test_frames_off_the_grid_are_taken_as_they_are():
    assert clean({"prompt": "x", "num_frames": 60}).num_frames == 60


@pytest.mark.parametrize(
    ("name", "value"), [("resolution", "1080p"), ("aspect_ratio", "4:3"), ("resolution", 720)]
)
def test_choices_are_closed(name, value):
    assert "must be one of" in errors_of(**{name: value})[name][0]


@pytest.mark.parametrize(
    "loras",
    [
        "a b c",
        "a strong",
        "a 4.5",
        [{"path": ""}],
        [{"path": "a", "scale": -1}],
        [{"path": "a", "weight": 1}],
        ["a"],
        {"path": "a"},
        [{"path": f"a/{number}"} for number in range(11)],
    ],
)
def test_broken_loras_are_refused(loras):
    assert list(errors_of(loras=loras)) == ["loras"]


def test_loras_are_written_one_a_line():
    params = clean({"prompt": "x", "loras": "https://huggingface.co/a.safetensors 0.8\n\nuser/repo\n"})

    assert params.loras == (
        Lora("https://huggingface.co/a.safetensors", Decimal("0.80")),
        Lora("user/repo", Decimal("1.00")),
    )
    assert params.as_json()["loras"][0] == {"path": "https://huggingface.co/a.safetensors", "scale": 0.8}


@pytest.mark.parametrize(
    "path",
    [
        "owner/name",
        "Owner-1/name_2.safetensors",
        "https://huggingface.co/owner/name/resolve/main/a.safetensors",
        "https://HUGGINGFACE.CO/a",
        "https://civitai.com/api/download/models/1?type=Model&format=SafeTensor",
        "https://v3.fal.media/files/a.safetensors",
        "https://huggingface.co:443/a",
    ],
)
def test_weights_come_from_repositories_and_known_hosts(path):
    assert clean({"prompt": "x", "loras": [{"path": path, "scale": 0}]}).loras == (
        Lora(path, Decimal("0.00")),
    )


@pytest.mark.parametrize(
    "path",
    [
        "name",
        "/etc/passwd",
        "../name",
        "owner/name/more",
        "owner/na me",
        "http://huggingface.co/a",
        "ftp://huggingface.co/a",
        "file:///etc/passwd",
        "https://example.com/a",
        "https://huggingface.co.example.com/a",
        "https://example.com/huggingface.co",
        "https://huggingface.co@example.com/a",
        "https://user@huggingface.co/a",
        "https://huggingface.co:8443/a",
        "https://huggingface.co:x/a",
        "https://example.com\\@huggingface.co/a",
        "https://fal.media/a",
        "https://evilfal.media/a",
        "https://127.0.0.1/a",
        "https://[::1/a",
        "//huggingface.co/a",
    ],
)
def test_weights_from_elsewhere_are_refused_with_what_is_allowed(path):
    [sentence] = errors_of(loras=[{"path": path}])["loras"]

    assert (
        "LoRA 1 must be a repository (owner/name) or an https:// address at huggingface.co" in sentence
        or ("LoRA 1 needs a path" in sentence)
    )


def test_the_site_may_allow_other_hosts(settings):
    settings.LORA_HOSTS = ["*.example.com"]

    assert clean({"prompt": "x", "loras": [{"path": "https://weights.example.com/a"}]}).loras
    assert list(errors_of(loras=[{"path": "https://huggingface.co/a"}])) == ["loras"]


def test_all_faults_are_told_at_once_and_unknown_names_too():
    assert set(errors_of(prompt="", seed="x", guidance_scale=3)) == {"prompt", "seed", "guidance_scale"}


def test_text_that_postgresql_cannot_keep_is_refused():
    assert list(errors_of(negative_prompt="a\x00b")) == ["negative_prompt"]


def test_stored_parameters_come_back_equal():
    params = clean({"prompt": "x", "temporal_adain_factor": "0.15", "loras": "a/b 0.35", "seed": 0})

    assert ClipParams.from_json(params.as_json()) == params


def test_presets_are_the_documents():
    assert [preset_steps(name) for name in ("fast", "balanced", "high", "who knows")] == [
        (6, 6),
        (8, 8),
        (12, 12),
        (8, 8),
    ]


@pytest.mark.parametrize(
    ("seconds", "frames"), [("5", 121), ("1", 25), ("0.1", 9), ("60", 1441), ("90", 1441), ("2.5", 57)]
)
def test_seconds_land_on_the_grid(seconds, frames):
    assert frames_for_seconds(Decimal(seconds)) == frames


def test_skipping_too_many_steps_is_cautioned():
    risky = clean({"prompt": "x", "enable_detail_pass": True, "second_pass_num_inference_steps": 6})

    assert steps_warning(risky)
    assert not steps_warning(clean({"prompt": "x", "second_pass_num_inference_steps": 6}))
