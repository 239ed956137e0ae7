"""Why a clip was not delivered: stable codes with a sentence for the creator and one for the operator.

Nothing is ever charged unless a clip was delivered: `charged` is data, so that a change of that promise would show.
fal's types are those of its error reference, each listed with the code it becomes; a type that fal invents later falls
back by its HTTP status. Sentences may hold values that fal gave with the error: `context_of` reads them strictly.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any, Final

from generations.parameters import BY_NAME


@dataclass(frozen=True, slots=True)
class Failure:
    """`retryable`: trying the same input again may work. `rejected`: the content was refused, not the service.

    `precise` is the creator's sentence where fal named its limits; its fields are keys of the context.
    """

    code: str
    creator: str
    operator: str
    retryable: bool = False
    rejected: bool = False
    charged: bool = False
    precise: str = ""


_ALL: Final = (
    # -- the content
    Failure(
        "content_policy_violation",
        "The safety check did not approve this picture or prompt. Change them and try again.",
        "fal refused the content.",
        rejected=True,
    ),
    # -- the picture
    Failure(
        "image_load_error",
        "The picture could not be read by the model. Upload it again, preferably as JPEG or PNG.",
        "fal could not decode the picture it was sent.",
    ),
    Failure(
        "image_too_small",
        "The picture is too small for the model. Use a larger one.",
        "fal: picture below its minimum; see the detail.",
        precise="The picture is too small: the model needs at least {min_width} by {min_height} pixels. "
        "Use a larger one.",
    ),
    Failure(
        "image_too_large",
        "The picture is too large for the model. Use a smaller one.",
        "fal: picture above its maximum; see the detail.",
        precise="The picture is too large: the model takes at most {max_width} by {max_height} pixels. "
        "Use a smaller one.",
    ),
    Failure(
        "file_too_large",
        "The picture's file is too large for the model. Save it smaller and try again.",
        "fal: a file of the input is above its maximum; see the detail.",
        precise="The picture's file is too large: the model takes at most {max_size}. Save it smaller and try again.",
    ),
    Failure(
        "unsupported_image_format",
        "The model cannot read this kind of picture. Use JPEG, PNG or WebP.",
        "fal: picture format.",
        precise="The model cannot read this kind of picture. Use one of {supported_formats}.",
    ),
    Failure(
        "face_detection_error",
        "The model found no face in the picture. Use one that shows a face clearly.",
        "fal: no face detected. Not expected of this model without a LoRA that asks for faces.",
    ),
    Failure(
        "file_download_error",
        "The picture or a LoRA could not be fetched. Check the LoRA addresses and try again.",
        "fal could not download an address in the input. Our copy of the picture at fal is renewed for the next try.",
        retryable=True,
    ),
    # -- the settings
    Failure(
        "invalid_input",
        "The model refused one of the settings. Check the advanced settings and try again.",
        "fal refused input that our rules allow; see the detail.",
        precise="The model refused the setting “{setting}”: it must be {rule}. Change it and try again.",
    ),
    Failure(
        "feature_not_supported",
        "The model does not offer this combination of settings. Change the advanced settings and try again.",
        "fal: feature not supported; see the detail.",
    ),
    # -- the rendering
    Failure(
        "no_media_generated",
        "The model returned no video for this input. Try another prompt or seed.",
        "fal returned no media.",
        retryable=True,
    ),
    Failure(
        "generation_timeout",
        "Rendering took longer than is allowed. Try again, or ask for a shorter clip.",
        "fal: generation timeout.",
        retryable=True,
    ),
    Failure(
        "provider_busy",
        "The rendering service had no machine free for this clip. Try again in a few minutes.",
        "fal found no runner in time, or its queue is full.",
        retryable=True,
    ),
    Failure(
        "provider_error",
        "This clip could not be rendered. Try again in a moment.",
        "fal answered with a server error; see the detail.",
        retryable=True,
    ),
    Failure(
        "provider_paused",
        "The rendering service is paused. Try again later.",
        "fal refused the key or locked the account. Jobs keep their place meanwhile; see the fal keys.",
        retryable=True,
    ),
    Failure(
        "provider_silent",
        "The rendering service never confirmed this clip. Try again in a moment.",
        "Two submissions got no answer and appear in no request list.",
        retryable=True,
    ),
    Failure(
        "stopped_at_provider",
        "This clip was stopped at the rendering service. Try again.",
        "The request was canceled at fal, and nobody here had asked for it.",
        retryable=True,
    ),
    # -- the result
    Failure(
        "result_missing",
        "The finished clip was gone before it could be copied. Try again.",
        "The result or its file was gone before it could be copied.",
        retryable=True,
    ),
    Failure(
        "result_broken",
        "What was delivered is not a playable video. Try again.",
        "The result failed inspection three times; see the detail.",
        retryable=True,
    ),
    Failure(
        "storage_unavailable",
        "The finished clip could not be saved on our side. Try again; the operator has been told.",
        "Storing failed until the result's time was over: a full disk, or a storage that does not answer.",
        retryable=True,
    ),
    Failure(
        "internal_error",
        "Something went wrong on our side. Try again; the operator has been told.",
        "A task failed three times; see the log.",
        retryable=True,
    ),
    # -- the line
    Failure(
        "start_deadline",
        "The clip did not start in time and was removed from the line. Try again.",
        "The start deadline passed while queued.",
        retryable=True,
    ),
    Failure("canceled", "You canceled this clip.", "Canceled by its creator or a colleague.", retryable=True),
)
FAILURES: Final[Mapping[str, Failure]] = {failure.code: failure for failure in _ALL}

# fal's error type -> our code.
CODES_OF_TYPES: Final[Mapping[str, str]] = {
    # Model errors.
    "internal_server_error": "provider_error",
    "generation_timeout": "generation_timeout",
    "downstream_service_error": "provider_error",
    "downstream_service_unavailable": "provider_error",
    "content_policy_violation": "content_policy_violation",
    "no_media_generated": "no_media_generated",
    "image_load_error": "image_load_error",
    "file_download_error": "file_download_error",
    "face_detection_error": "face_detection_error",
    "feature_not_supported": "feature_not_supported",
    "image_too_small": "image_too_small",
    "image_too_large": "image_too_large",
    "file_too_large": "file_too_large",
    "unsupported_image_format": "unsupported_image_format",
    "unsupported_audio_format": "invalid_input",
    "unsupported_video_format": "invalid_input",
    "greater_than": "invalid_input",
    "greater_than_equal": "invalid_input",
    "less_than": "invalid_input",
    "less_than_equal": "invalid_input",
    "multiple_of": "invalid_input",
    "sequence_too_short": "invalid_input",
    "sequence_too_long": "invalid_input",
    "one_of": "invalid_input",
    "invalid_archive": "invalid_input",
    "archive_file_count_below_minimum": "invalid_input",
    "archive_file_count_exceeds_maximum": "invalid_input",
    "audio_duration_too_long": "invalid_input",
    "audio_duration_too_short": "invalid_input",
    "video_duration_too_long": "invalid_input",
    "video_duration_too_short": "invalid_input",
    # Request errors: the gateway's and the runners'.
    "request_timeout": "start_deadline",
    "startup_timeout": "provider_busy",
    "runner_scheduling_failure": "provider_busy",
    "runner_connection_timeout": "provider_error",
    "runner_disconnected": "provider_error",
    "runner_connection_refused": "provider_error",
    "runner_connection_error": "provider_error",
    "runner_incomplete_response": "provider_error",
    "runner_server_error": "provider_error",
    "internal_error": "provider_error",
    "client_disconnected": "provider_error",
    "client_cancelled": "canceled",
    "bad_request": "invalid_input",
}
# Codes that say little: a type may become one of them only by standing in the table above.
GENERIC: Final = frozenset({"provider_error", "invalid_input"})

# fal's type -> what it asks of a setting; the field is a key of fal's ctx.
_RULES: Final[Mapping[str, str]] = {
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "multiple_of": "a multiple of {multiple_of}",
    "sequence_too_short": "at least {min_length} long",
    "sequence_too_long": "at most {max_length} long",
    "one_of": "one of {expected}",
}
_LIST_MOST: Final = 10
_WORD_MOST: Final = 30
_NUMBER_MOST: Final = 10**12


def failure_of(code: str) -> Failure:
    return FAILURES.get(code, FAILURES["internal_error"])


def sentence_of(code: str, context: Mapping[str, Any]) -> str:
    """What the creator reads, with fal's own limits where it named them. `context` is what `context_of` made."""
    failure = failure_of(code)
    if failure.precise and _fields_of(failure.precise) <= context.keys():
        return failure.precise.format(**context)
    return failure.creator


def code_for(*, status: int, error_type: str) -> str:
    """Our code for fal's answer: by its type where we know it, else by the HTTP status."""
    code = CODES_OF_TYPES.get(error_type)
    if code is not None:
        return code
    if status in {401, 403}:
        return "provider_paused"
    if status == 429:
        return "provider_busy"
    return "invalid_input" if 400 <= status < 500 else "provider_error"


def context_of(*, error_type: str, place: tuple[str, ...], values: Mapping[str, Any]) -> dict[str, str]:
    """Texts for `sentence_of` from fal's `ctx` and `loc`: numbers and lists of short words, nothing else."""
    readable = {name: text for name, value in values.items() if (text := _readable(name, value))}
    rule = _RULES.get(error_type)
    setting = next((BY_NAME[name].label for name in reversed(place) if name in BY_NAME), "")
    if rule and setting and _fields_of(rule) <= readable.keys():
        readable |= {"setting": setting, "rule": rule.format(**readable)}
    return readable


def _readable(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return ""
    if isinstance(value, int | float) and abs(value) < _NUMBER_MOST:
        return (
            f"{value / 1_000_000:.3g} MB"
            if name == "max_size"
            else f"{value:g}"
            if isinstance(value, float)
            else f"{value}"
        )
    if isinstance(value, list) and 0 < len(value) <= _LIST_MOST:
        words = [word.strip(".") for word in value if isinstance(word, str) and len(word) <= _WORD_MOST]
        return ", ".join(words) if len(words) == len(value) else ""
    return ""


def _fields_of(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}
