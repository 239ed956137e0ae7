"""The base of every refusal: a stable code for machines, a sentence for people."""

from typing import Any, ClassVar


class DomainError(Exception):
    """A rule said no. Subclasses live beside the service that raises them.

    `code` is part of the API and never changes; `message` says what happened and what to do next.
    `details` is data for machines that `ltxplatform.errors` puts beside the message.
    """

    code: ClassVar[str]
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class FieldErrors(DomainError):
    """Input that breaks rules: `errors` maps a field's name to its sentences."""

    code = "validation"

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__("Some fields need correcting.")
        self.errors = errors


class RowErrors(DomainError):
    """A list of inputs of which some break rules: each error is the row's number from 0, its column, a sentence."""

    code = "validation"

    def __init__(self, errors: list[tuple[int, str, str]]) -> None:
        super().__init__("Some rows need correcting.")
        self.errors = errors
