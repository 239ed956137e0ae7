"""The model's 19 inputs: what passes, what is refused, and in which words."""

from decimal import Decimal
from typing import Any

import pytest

from sandbox.fal.inputs import FIELDS, billable_units, read_input

GOOD: dict[str, Any] = {"prompt": "a cat", "image_url": "https://example.com/a.jpg"}


def refusal(**changes: Any) -> dict[str, Any]:
    """The only detail of the refusal."""
    _, failure = read_input(GOOD | changes)
    assert failure is not None
    assert failure.status == 422
    (item,) = failure.body["detail"]
    return item


def test_defaults_of_every_input():
    values, failure = read_input(GOOD)

    assert failure is None
    assert values == GOOD | {
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
    assert len({*FIELDS, "loras"}) == 19


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("num_frames", 9, 1441),
        ("first_pass_num_inference_steps", 2, 12),
        ("second_pass_num_inference_steps", 2, 12),
        ("second_pass_skip_initial_steps", 1, 11),
        ("frame_rate", 1, 60),
        ("constant_rate_factor", 0, 51),
        ("temporal_adain_factor", 0, 1),
        ("tone_map_compression_ratio", 0, 1),
    ],
)
def test_ranges_include_their_ends_and_nothing_more(name, low, high):
    for value in (low, high):
        values, failure = read_input(GOOD | {name: value})
        assert failure is None
        assert values[name] == value

    below, above = refusal(**{name: low - 1}), refusal(**{name: high + 1})

    assert (below["type"], below["ctx"]) == ("greater_than_equal", {"ge": low})
    assert above == {
        "loc": ["body", name],
        "msg": f"Input should be less than or equal to {high}",
        "type": "less_than_equal",
        "url": "https://docs.fal.ai/errors/#less_than_equal",
        "ctx": {"le": high},
        "input": high + 1,
    }


@pytest.mark.parametrize("hundredths", range(0, 101, 5))
def test_every_step_of_five_hundredths_passes(hundredths):
    values, failure = read_input(GOOD | {"temporal_adain_factor": hundredths / 100})

    assert failure is None
    assert values["temporal_adain_factor"] == hundredths / 100


@pytest.mark.parametrize("value", [0.01, 0.12, 0.1500001, 0.999])
def test_other_steps_are_refused(value):
    item = refusal(tone_map_compression_ratio=value)

    assert (item["type"], item["ctx"]) == ("multiple_of", {"multiple_of": 0.05})


@pytest.mark.parametrize(
    ("name", "allowed"),
    [("resolution", ["480p", "720p"]), ("aspect_ratio", ["9:16", "1:1", "16:9", "auto"])],
)
def test_choices(name, allowed):
    for value in allowed:
        assert read_input(GOOD | {name: value})[1] is None

    item = refusal(**{name: "1080p"})

    assert (item["type"], item["ctx"], item["input"]) == ("one_of", {"expected": allowed}, "1080p")


def test_zero_and_empty_survive():
    zeros = {
        "seed": 0,
        "constant_rate_factor": 0,
        "temporal_adain_factor": 0,
        "negative_prompt": "",
        "loras": [{"path": "a", "scale": 0}],
        "enable_safety_checker": False,
    }

    values, failure = read_input(GOOD | zeros)

    assert failure is None
    assert {name: values[name] for name in zeros} == zeros | {
        "loras": [{"path": "a", "weight_name": None, "scale": 0.0}]
    }


@pytest.mark.parametrize("name", ["prompt", "image_url"])
def test_required_inputs(name):
    body = {key: value for key, value in GOOD.items() if key != name}

    _, failure = read_input(body)

    assert failure is not None
    (item,) = failure.body["detail"]
    assert (item["type"], item["loc"], item["msg"]) == ("missing", ["body", name], "Field required")


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"prompt": 5}, "string_type"),
        ({"prompt": None}, "string_type"),
        ({"num_frames": "many"}, "int_parsing"),
        ({"num_frames": 9.5}, "int_from_float"),
        ({"num_frames": None}, "int_parsing"),
        ({"temporal_adain_factor": "half"}, "float_parsing"),
        ({"temporal_adain_factor": float("nan")}, "float_parsing"),
        ({"expand_prompt": "perhaps"}, "bool_parsing"),
        ({"loras": "style"}, "list_type"),
        ({"loras": ["style"]}, "model_attributes_type"),
        ({"loras": [{"scale": 1}]}, "missing"),
        ({"loras": [{"path": "a", "scale": 4.5}]}, "less_than_equal"),
    ],
)
def test_wrong_types(changes, kind):
    assert refusal(**changes)["type"] == kind


def test_a_lora_error_names_its_place():
    item = refusal(loras=[{"path": "a"}, {"path": "b", "scale": -1}])

    assert item["loc"] == ["body", "loras", 1, "scale"]


def test_all_errors_are_reported_at_once():
    _, failure = read_input({"num_frames": 1, "frame_rate": 99})

    assert failure is not None
    assert [item["loc"][1] for item in failure.body["detail"]] == [
        "prompt",
        "num_frames",
        "frame_rate",
        "image_url",
    ]


def test_unknown_inputs_are_ignored():
    assert read_input(GOOD | {"guidance_scale": 3})[1] is None


@pytest.mark.parametrize("body", [None, [], "text", 3])
def test_a_body_that_is_no_object(body):
    assert read_input(body)[1] is not None


@pytest.mark.parametrize(
    ("frames", "detail", "units"),
    [
        (9, False, "0.375"),
        (121, False, "5.041667"),
        (121, True, "10.083333"),
        (1441, True, "120.083333"),
        (240, False, "10"),
    ],
)
def test_billable_units(frames, detail, units):
    values, _ = read_input(GOOD | {"num_frames": frames, "enable_detail_pass": detail})

    assert billable_units(values) == Decimal(units)
    assert format(billable_units(values), "f") == units
