"""The state machine's table: which state may follow which. `services.states.advance` is its only reader that writes."""

from typing import Final

from django.db import models


class Status(models.TextChoices):
    IN_REVIEW = "in_review", "Waiting for review"
    QUEUED = "queued", "In line"
    DISPATCHING = "dispatching", "Sending"
    PROCESSING = "processing", "Rendering"
    FINALIZING = "finalizing", "Saving"
    SUCCEEDED = "succeeded", "Ready"
    FAILED = "failed", "Failed"
    CANCELED = "canceled", "Canceled"
    EXPIRED = "expired", "Expired"
    REJECTED = "rejected", "Not approved"


S = Status
TRANSITIONS: Final[dict[Status, frozenset[Status]]] = {
    S.IN_REVIEW: frozenset({S.QUEUED, S.REJECTED, S.CANCELED, S.EXPIRED}),
    S.QUEUED: frozenset({S.DISPATCHING, S.IN_REVIEW, S.FAILED, S.CANCELED, S.EXPIRED, S.REJECTED}),
    # Back to queued only when fal provably did not accept, or once after total silence.
    # Rejected and canceled are what fal's or the person's "no" becomes once the outcome of the POST is known.
    S.DISPATCHING: frozenset({S.PROCESSING, S.FAILED, S.QUEUED}),
    S.PROCESSING: frozenset({S.FINALIZING, S.FAILED, S.CANCELED, S.REJECTED, S.QUEUED, S.EXPIRED}),
    S.FINALIZING: frozenset({S.SUCCEEDED, S.FAILED}),
    S.SUCCEEDED: frozenset(),
    S.FAILED: frozenset(),
    S.CANCELED: frozenset(),
    S.EXPIRED: frozenset(),
    S.REJECTED: frozenset(),
}
TERMINAL: Final = frozenset(status for status, following in TRANSITIONS.items() if not following)
# Terminal states that give the whole hold back.
RELEASING: Final = TERMINAL - {S.SUCCEEDED}
IN_FLIGHT: Final = frozenset({S.DISPATCHING, S.PROCESSING})
