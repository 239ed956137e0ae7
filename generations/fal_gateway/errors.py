"""What can go wrong between us and fal, told apart by what it proves."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ErrorContext:
    """What fal says of an error beside its type: the place in the input and the limits, as they came."""

    place: tuple[str, ...] = ()
    values: dict[str, Any] = field(default_factory=dict)


class FalError(Exception):
    """fal could not be asked, or said no before anything was accepted. `status` is 0 without an answer."""

    def __init__(
        self, detail: str, *, status: int = 0, error_type: str = "", context: "ErrorContext | None" = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail[:1000]
        self.status = status
        self.error_type = error_type
        self.context = context or ErrorContext()

    @property
    def is_temporary(self) -> bool:
        """Worth another try later: no answer, a refused key or locked account, too many requests, 5xx."""
        return self.status in {0, 401, 403, 408, 429} or self.status >= 500


class AnswerLost(Exception):
    """The request may have reached fal, but no usable answer came back: never send it again blindly."""


class NotReady(Exception):
    """fal has no result yet."""
