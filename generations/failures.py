"""Why a clip was not delivered: stable codes with a sentence for the creator and one for the operator.

Nothing is ever charged unless a clip was delivered, so no sentence has to say who pays. fal's types are listed in
its error reference; types that are not listed here fall back to `provider_error`.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Failure:
    """`retryable`: trying the same input again may work. `rejected`: the content was refused, not the service."""

    code: str
    creator: str
    operator: str
    retryable: bool = False
    rejected: bool = False


_ALL: Final = (
    Failure(
        "content_policy_violation",
        "The safety check did not approve this picture or prompt. Change them and try again.",
        "fal refused the content.",
        rejected=True,
    ),
    Failure(
        "image_load_error",
        "The picture could not be read by the model. Upload it again, preferably as JPEG or PNG.",
        "fal could not decode the picture it was sent.",
    ),
    Failure(
        "file_download_error",
        "The picture or a LoRA could not be fetched. Check the LoRA addresses and try again.",
        "fal could not download an address in the input.",
        retryable=True,
    ),
    Failure(
        "image_too_small",
        "The picture is too small for the model. Use a larger one.",
        "fal: picture too small.",
    ),
    Failure(
        "image_too_large",
        "The picture is too large for the model. Use a smaller one.",
        "fal: picture too large.",
    ),
    Failure(
        "unsupported_image_format",
        "The model cannot read this kind of picture. Use JPEG, PNG or WebP.",
        "fal: picture format.",
    ),
    Failure(
        "no_media_generated",
        "The model returned no video for this input. Try another prompt or seed.",
        "fal returned no media.",
        retryable=True,
    ),
    Failure(
        "invalid_input",
        "The model refused one of the settings. Check the advanced settings and try again.",
        "fal answered 422 for input that our rules allow; see the detail.",
    ),
    Failure(
        "generation_timeout",
        "Rendering took longer than is allowed. Try again, or ask for a shorter clip.",
        "fal: generation timeout.",
        retryable=True,
    ),
    Failure(
        "provider_error",
        "This clip could not be rendered. Try again in a moment.",
        "fal answered with a server error; see the detail.",
        retryable=True,
    ),
    Failure(
        "provider_silent",
        "The rendering service never confirmed this clip. Try again in a moment.",
        "Two submissions got no answer and appear in no request list.",
        retryable=True,
    ),
    Failure(
        "result_missing",
        "The finished clip was gone before it could be copied. Try again.",
        "The result or its file was gone before it could be copied.",
        retryable=True,
    ),
    Failure(
        "result_broken",
        "What was delivered is not a playable video. Try again.",
        "The result failed inspection; see the detail.",
        retryable=True,
    ),
    Failure(
        "internal_error",
        "Something went wrong on our side. Try again; the operator has been told.",
        "A task failed three times; see the log.",
        retryable=True,
    ),
    Failure(
        "start_deadline",
        "The clip had not started in time and was taken out of the line.",
        "The start deadline passed while queued.",
        retryable=True,
    ),
    Failure("canceled", "You canceled this clip.", "Canceled by its creator or a colleague.", retryable=True),
)
FAILURES: Final = {failure.code: failure for failure in _ALL}

_TYPES_OF_FAL: Final = {
    "internal_server_error": "provider_error",
    "downstream_service_error": "provider_error",
    "downstream_service_unavailable": "provider_error",
    "startup_timeout": "generation_timeout",
    "request_timeout": "start_deadline",
    "client_cancelled": "canceled",
    "file_too_large": "image_too_large",
    "face_detection_error": "image_load_error",
}


def failure_of(code: str) -> Failure:
    return FAILURES.get(code, FAILURES["internal_error"])


def code_for(*, status: int, error_type: str) -> str:
    """Our code for fal's answer: by its type where we know it, else by the HTTP status."""
    code = _TYPES_OF_FAL.get(error_type, error_type)
    if code in FAILURES:
        return code
    return "invalid_input" if status == 422 else "provider_error"
