"""Every error fal documents, as status, body and headers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DOCS = "https://docs.fal.ai/errors/#"

IMAGE_FORMATS = [".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif"]
ARCHIVES = {"supported_extensions": [".zip"]}

# type -> (HTTP status, message, an example of ctx)
MODEL_ERRORS: dict[str, tuple[int, str, dict[str, Any]]] = {
    "internal_server_error": (500, "Internal server error", {}),
    "generation_timeout": (504, "Generation timeout", {}),
    "downstream_service_error": (400, "Downstream service error", {}),
    "downstream_service_unavailable": (500, "Downstream service unavailable", {}),
    "content_policy_violation": (
        422,
        "The content could not be processed because it was flagged by a content checker.",
        {},
    ),
    "no_media_generated": (422, "No media was generated for this request.", {}),
    "image_load_error": (422, "Failed to load the image. Please ensure it is a valid image.", {}),
    "file_download_error": (422, "Failed to download the file. Please ensure the URL is accessible.", {}),
    "face_detection_error": (422, "Could not detect a face in the image.", {}),
    "feature_not_supported": (422, "This feature is not supported.", {}),
    "image_too_small": (
        422,
        "Image dimensions are below the minimum allowed",
        {"min_height": 32, "min_width": 32},
    ),
    "image_too_large": (
        422,
        "Image dimensions exceed the maximum allowed",
        {"max_height": 8192, "max_width": 8192},
    ),
    "file_too_large": (422, "File size exceeds the maximum allowed size", {"max_size": 31457280}),
    "unsupported_image_format": (422, "Unsupported image format", {"supported_formats": IMAGE_FORMATS}),
    "unsupported_audio_format": (
        422,
        "Unsupported audio format",
        {"supported_formats": [".mp3", ".wav"]},
    ),
    "unsupported_video_format": (422, "Unsupported video format", {"supported_formats": [".mp4"]}),
    "greater_than": (422, "Input should be greater than 0", {"gt": 0}),
    "greater_than_equal": (422, "Input should be greater than or equal to 9", {"ge": 9}),
    "less_than": (422, "Input should be less than 1442", {"lt": 1442}),
    "less_than_equal": (422, "Input should be less than or equal to 1441", {"le": 1441}),
    "multiple_of": (422, "Input should be a multiple of 0.05", {"multiple_of": 0.05}),
    "sequence_too_short": (422, "Input should have at least 1 item", {"min_length": 1}),
    "sequence_too_long": (422, "Input should have at most 10 items", {"max_length": 10}),
    "one_of": (422, "Input should be one of the expected values", {"expected": ["480p", "720p"]}),
    "invalid_archive": (422, "The archive could not be read", ARCHIVES),
    "archive_file_count_below_minimum": (
        422,
        "The archive holds too few files",
        {"min_count": 2, "provided_count": 1, **ARCHIVES},
    ),
    "archive_file_count_exceeds_maximum": (
        422,
        "The archive holds too many files",
        {"max_count": 10, "provided_count": 11, **ARCHIVES},
    ),
    "audio_duration_too_long": (
        422,
        "The audio is too long",
        {"max_duration": 60, "provided_duration": 90},
    ),
    "video_duration_too_long": (
        422,
        "The video is too long",
        {"max_duration": 60, "provided_duration": 90},
    ),
    "audio_duration_too_short": (
        422,
        "The audio is too short",
        {"min_duration": 2, "provided_duration": 1},
    ),
    "video_duration_too_short": (
        422,
        "The video is too short",
        {"min_duration": 2, "provided_duration": 1},
    ),
}

# The four that another attempt may cure.
RETRYABLE = {
    "internal_server_error",
    "generation_timeout",
    "downstream_service_error",
    "downstream_service_unavailable",
}

# error_type -> (HTTP status, detail)
REQUEST_ERRORS: dict[str, tuple[int, str]] = {
    "request_timeout": (504, "Request timed out"),
    "startup_timeout": (504, "Runner startup timed out"),
    "runner_scheduling_failure": (503, "Failed to schedule a runner"),
    "runner_connection_timeout": (503, "Timed out connecting to the runner"),
    "runner_disconnected": (503, "Runner disconnected"),
    "runner_connection_refused": (503, "Runner refused the connection"),
    "runner_connection_error": (503, "Could not connect to the runner"),
    "runner_incomplete_response": (502, "Runner returned an incomplete response"),
    "runner_server_error": (500, "Runner returned a server error"),
    "internal_error": (500, "Internal error"),
    "client_disconnected": (499, "Client disconnected"),
    "client_cancelled": (499, "Request was cancelled by the client"),
    "bad_request": (400, "Bad request"),
}

EXHAUSTED = "Exhausted balance"

# Names the control interface uses for errors that fal sends without a type.
ACCOUNT_ERRORS: dict[str, tuple[int, str]] = {
    "invalid_key": (401, "No user found for Key ID and Secret"),
    "invalid_key_format": (
        401,
        "Invalid Key Authorization header format. Expected '<key_id>:<key_secret>'.",
    ),
    "account_locked": (
        403,
        "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing.",
    ),
    "queue_full": (429, "Queue length exceeds the requested maximum"),
    "concurrent_requests_limit": (429, "Concurrent requests limit exceeded"),
}


@dataclass(frozen=True, slots=True)
class Failure:
    """What a model or the gateway answers instead of a clip."""

    status: int
    body: dict[str, Any]
    type: str
    text: str
    headers: dict[str, str] = field(default_factory=dict)


def detail(
    kind: str,
    *,
    loc: list[str | int],
    msg: str | None = None,
    ctx: dict[str, Any] | None = None,
    value: Any = ...,
) -> dict[str, Any]:
    """One item of a model error's `detail` list; `...` leaves the input out."""
    _, default_msg, default_ctx = MODEL_ERRORS.get(kind, (422, kind, {}))
    item: dict[str, Any] = {
        "loc": loc,
        "msg": msg or default_msg,
        "type": kind,
        "url": DOCS + kind,
    }
    context = default_ctx if ctx is None else ctx
    if context:
        item["ctx"] = context
    if value is not ...:
        item["input"] = value
    return item


def model_failure(items: list[dict[str, Any]], *, status: int | None = None) -> Failure:
    """A failure with the given details; its status is that of the first type, 422 if unknown."""
    kind = items[0]["type"]
    code = status or MODEL_ERRORS.get(kind, (422, "", {}))[0]
    retryable = kind in RETRYABLE
    headers = {
        "x-fal-error-type": kind,
        "x-fal-retryable": "true" if retryable else "false",
        "x-fal-needs-retry": "1" if retryable else "0",
    }
    return Failure(code, {"detail": items}, kind, f"Invalid status code: {code}", headers)


def request_failure(kind: str, *, by_user: bool = False) -> Failure:
    """A failure of the gateway or the runner; `by_user` marks an expired start deadline."""
    status, text = REQUEST_ERRORS[kind]
    headers = {"x-fal-error-type": kind}
    if by_user:
        headers["x-fal-request-timeout-type"] = "user"
    return Failure(status, {"detail": text, "error_type": kind}, kind, text, headers)


def account_failure(kind: str, *, reason: str | None = None) -> Failure:
    """A refusal that concerns the key or the account."""
    status, text = ACCOUNT_ERRORS[kind]
    if reason and reason != EXHAUSTED:
        text = f"User is locked. Reason: {reason}."
    headers = {"x-fal-error-type": kind} if status == 429 else {}
    return Failure(status, {"detail": text}, kind, text, headers)


def failure_named(kind: str) -> Failure:
    """The failure of that name from any of the three tables; KeyError when there is none."""
    if kind in REQUEST_ERRORS:
        return request_failure(kind)
    if kind in ACCOUNT_ERRORS:
        return account_failure(kind)
    _ = MODEL_ERRORS[kind]
    return model_failure([detail(kind, loc=["body", "prompt" if "policy" in kind else "image_url"])])


def is_known(kind: str) -> bool:
    """Whether failure_named would find it."""
    return kind in REQUEST_ERRORS or kind in ACCOUNT_ERRORS or kind in MODEL_ERRORS
