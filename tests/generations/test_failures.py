"""The language of failures: every error of fal's and fault of ours has a code, two sentences and no price."""

import re
from string import Formatter

import pytest
from django.utils import timezone

from billing.services import balance_of
from generations.failures import (
    CODES_OF_TYPES,
    FAILURES,
    GENERIC,
    code_for,
    context_of,
    failure_of,
    sentence_of,
)
from generations.models import Generation
from generations.services import completion
from generations.states import TERMINAL
from sandbox.fal.errors import ACCOUNT_ERRORS, MODEL_ERRORS, REQUEST_ERRORS
from tests.support import flow
from tests.support.api import api_for
from tests.support.factories import make_generation, make_image, owner_of
from tests.support.programs import ROOT

TYPES = {**MODEL_ERRORS, **REQUEST_ERRORS}
# The only types that say no more than "a server failed" or "an input was refused".
SAID_GENERALLY = {
    "internal_server_error",
    "downstream_service_error",
    "downstream_service_unavailable",
    "runner_connection_timeout",
    "runner_disconnected",
    "runner_connection_refused",
    "runner_connection_error",
    "runner_incomplete_response",
    "runner_server_error",
    "internal_error",
    "client_disconnected",
    "bad_request",
    # About inputs this model does not have.
    "unsupported_audio_format",
    "unsupported_video_format",
    "invalid_archive",
    "archive_file_count_below_minimum",
    "archive_file_count_exceeds_maximum",
    "audio_duration_too_long",
    "audio_duration_too_short",
    "video_duration_too_long",
    "video_duration_too_short",
}
# Told precisely by the setting and the limit that fal names.
RULES_OF_SETTINGS = {
    "greater_than",
    "greater_than_equal",
    "less_than",
    "less_than_equal",
    "multiple_of",
    "sequence_too_short",
    "sequence_too_long",
    "one_of",
}


# -- the table


def test_every_type_of_fal_s_is_listed_and_no_other():
    assert CODES_OF_TYPES.keys() == TYPES.keys()


@pytest.mark.parametrize("kind", TYPES)
def test_only_types_that_say_nothing_more_are_told_generally(kind):
    code = CODES_OF_TYPES[kind]

    assert code in FAILURES
    assert (code in GENERIC) == (kind in SAID_GENERALLY | RULES_OF_SETTINGS)


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_every_failure_is_told_to_both_and_costs_nothing(failure):
    assert not failure.charged
    assert failure.creator.endswith(".")
    assert failure.operator.endswith(".")
    assert "fal" not in re.findall(r"\w+", failure.creator.lower())  # creators know no provider
    assert re.search(r"again|another|larger|smaller|use|change|canceled", failure.creator, re.IGNORECASE)
    assert not (failure.rejected and failure.retryable)


@pytest.mark.parametrize(
    ("status", "code"), [(401, "provider_paused"), (403, "provider_paused"), (429, "provider_busy")]
)
def test_errors_of_the_account_are_never_the_creator_s(status, code):
    assert code_for(status=status, error_type="") == code
    assert {status for status, _ in ACCOUNT_ERRORS.values()} == {401, 403, 429}


@pytest.mark.parametrize(
    ("status", "code"), [(422, "invalid_input"), (400, "invalid_input"), (500, "provider_error")]
)
def test_a_type_fal_has_not_invented_yet_falls_back_by_its_status(status, code):
    assert code_for(status=status, error_type="brand_new") == code


def test_an_unknown_code_is_a_fault_of_ours():
    assert failure_of("?").code == "internal_error"


# -- through the stand-in


# One type of each kind: those that share code and status take the same way.
EACH_KIND = {(CODES_OF_TYPES[kind], status): kind for kind, (status, *_) in TYPES.items()}.values()


@pytest.mark.django_db
def test_every_kind_ends_its_job_with_its_code_and_nothing_is_charged(fal, team, settings):
    settings.FAL_MAX_IN_FLIGHT = 100
    fal.control(inference_seconds=0)
    image = make_image(team)
    jobs = {kind: make_generation(team, image=image, prompt=f"meets {kind}.") for kind in EACH_KIND}
    for kind in EACH_KIND:
        fal.rule("inference", "error", type=kind, prompt=f"meets {kind}.")
    flow.dispatch_all()

    for job in jobs.values():
        completion.finish_generation(generation_id=job.pk, clock=timezone.now)
        job.refresh_from_db()

    expected = {**CODES_OF_TYPES, "client_cancelled": "stopped_at_provider"}
    assert {kind: job.failure_code for kind, job in jobs.items()} == {
        kind: expected[kind] for kind in EACH_KIND
    }
    statuses = {request["input"]["prompt"]: request["status_code"] for request in fal.requests()}
    assert statuses == {f"meets {kind}.": TYPES[kind][0] for kind in EACH_KIND}
    assert {CODES_OF_TYPES[kind] for kind in EACH_KIND} == set(CODES_OF_TYPES.values())
    assert {job.status for job in jobs.values()} <= TERMINAL - {"succeeded"}
    assert balance_of(team).available == 10_000_000
    assert all(job.failure_detail for job in jobs.values())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (
            {"type": "image_too_small", "ctx": {"min_width": 300, "min_height": 300}},
            "at least 300 by 300 pixels",
        ),
        (
            {"type": "image_too_large", "ctx": {"max_width": 8192, "max_height": 4096}},
            "at most 8192 by 4096 pixels",
        ),
        ({"type": "file_too_large", "ctx": {"max_size": 31457280}}, "at most 31.5 MB"),
        ({"type": "unsupported_image_format"}, "jpg, jpeg, png, webp, gif, avif"),
        (
            {"type": "less_than_equal", "ctx": {"le": 1441}, "loc": ["body", "num_frames"]},
            "the setting “Length”: it must be at most 1441",
        ),
        (
            {"type": "one_of", "ctx": {"expected": ["480p", "720p"]}, "loc": ["body", "resolution"]},
            "the setting “Resolution”: it must be one of 480p, 720p",
        ),
    ],
    ids=lambda value: value.get("type") if isinstance(value, dict) else None,
)
def test_limits_that_fal_names_are_told_everywhere(fal, team, client, rule, sentence):
    fal.rule("result", "error", **rule)
    clip = flow.run(make_generation(team))
    client.force_login(owner_of(team))

    page = client.get(clip.get_absolute_url()).content.decode()
    failure = api_for(team).get(f"/generations/{clip.pk}").json()["failure"]

    assert sentence in page
    assert sentence in failure["message"]


@pytest.mark.django_db
def test_a_refusal_at_the_door_is_told_as_well(fal, team):
    fal.rule("submit", "error", type="image_too_small", ctx={"min_width": 64, "min_height": 64})

    clip: Generation = make_generation(team)
    flow.dispatch_all()

    clip.refresh_from_db()
    assert clip.status == "failed"
    assert "64 by 64" in sentence_of(clip.failure_code, clip.failure_context)


# -- what fal says is not trusted


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"min_width": 300},
        {"min_width": "300", "min_height": 300},
        {"min_width": True, "min_height": 300},
        {"min_width": 10**30, "min_height": 300},
        {"min_width": None, "min_height": {"a": 1}},
    ],
)
def test_without_sound_limits_the_general_sentence_is_told(values):
    context = context_of(error_type="image_too_small", place=("body", "image_url"), values=values)

    assert sentence_of("image_too_small", context) == FAILURES["image_too_small"].creator


@pytest.mark.parametrize("place", [(), ("body",), ("body", "unheard_of")])
def test_a_rule_without_a_setting_of_ours_is_told_generally(place):
    context = context_of(error_type="less_than", place=place, values={"lt": 5})

    assert sentence_of("invalid_input", context) == FAILURES["invalid_input"].creator


def test_long_lists_and_words_are_left_out():
    assert (
        context_of(error_type="one_of", place=(), values={"expected": ["x" * 31], "more": list("a" * 11)})
        == {}
    )


def test_every_field_of_a_sentence_can_come():
    known = {"setting", "rule"} | {name for _, _, ctx in MODEL_ERRORS.values() for name in ctx}

    for failure in FAILURES.values():
        assert {name for _, name, _, _ in Formatter().parse(failure.precise) if name} <= known


# -- the guides


def rows_of(guide: str, heading: str) -> list[list[str]]:
    section = (ROOT / "docs" / guide).read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def test_the_api_guide_lists_every_code_as_it_is():
    wanted = [
        [f"`{item.code}`", item.creator, "yes" if item.retryable else "no"] for item in FAILURES.values()
    ]

    assert rows_of("api.md", "Why a clip was not made") == wanted


def test_the_operators_guide_lists_every_code_with_fal_s_types():
    types = {code: [kind for kind, its in CODES_OF_TYPES.items() if its == code] for code in FAILURES}
    wanted = [
        [f"`{item.code}`", item.operator, " ".join(f"`{kind}`" for kind in types[item.code]) or "ours"]
        for item in FAILURES.values()
    ]

    assert rows_of("operators.md", "Why clips fail") == wanted
