"""The model and its inputs, as the API describes them."""

import pytest

from generations.parameters import PARAMETERS
from tests.generations.api.clips import wish
from tests.support.openapi import assert_described

pytestmark = pytest.mark.django_db
MODEL = "fal-ai/ltxv-13b-098-distilled/image-to-video"


def test_the_model_names_its_nineteen_inputs(api):
    response = api.get("/models")
    (model,) = response.json()["data"]
    inputs = model["inputs"]["properties"]

    assert model["id"] == MODEL
    assert len(inputs) == 19
    assert inputs.keys() == {parameter.name for parameter in PARAMETERS} | {"image_url"}
    assert all(schema["description"] for schema in inputs.values())
    assert (inputs["num_frames"]["minimum"], inputs["num_frames"]["maximum"]) == (9, 1441)
    assert inputs["temporal_adain_factor"]["multipleOf"] == 0.05
    assert model["inputs"]["required"] == ["prompt", "image_url"]
    assert model["quality_presets"]["fast"]["first_pass_num_inference_steps"] == 6
    assert (model["rate"], model["default_clip_price"]) == ("0.020000", "0.100834")
    assert_described(response, "get", "/models")


def test_defaults_are_those_of_the_table(api, image):
    inputs = api.get("/models").json()["data"][0]["inputs"]["properties"]
    params = api.post("/generations", wish(image)).json()["params"]

    defaults = {name: schema["default"] for name, schema in inputs.items() if "default" in schema}
    assert {name: params[name] for name in defaults} == defaults


def test_the_schema_stands_alone_too(api):
    response = api.get(f"/models/{MODEL}/schema")

    assert response.json()["$schema"].startswith("https://json-schema.org/")
    assert len(response.json()["properties"]) == 19
    assert_described(response, "get", "/models/{model}/schema")


def test_there_is_no_other_model(api):
    assert api.get("/models/fal-ai/other/schema").status_code == 404
