"""How the API describes itself: problem documents, and the headers that several endpoints share."""

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

PROBLEM_TYPE: Final = "application/problem+json"
# Any endpoint may answer these.
EVERYWHERE: Final = (401, 403, 406, 422, 500)
MEANINGS: Final = {
    400: "The request cannot be read.",
    401: "No key, or one that is not valid.",
    402: "The team's credit does not cover the price.",
    403: "The key may not do this.",
    404: "It does not exist, or belongs to another team.",
    406: "The Accept header excludes JSON.",
    409: "The clip is in another state.",
    410: "The clip's files were deleted.",
    413: "The body is too large.",
    415: "The content type is not supported.",
    422: "Fields or query parameters need correcting; `errors` names each.",
    500: "Something went wrong on our side.",
    503: "The platform cannot take this now; try again after Retry-After.",
}


class FieldProblem(serializers.Serializer[Any]):
    pointer = serializers.CharField(help_text="JSON pointer into the body, or `/name` of a query parameter.")
    code = serializers.CharField()
    message = serializers.CharField(help_text="A sentence for people.")


class ProblemAction(serializers.Serializer[Any]):
    label = serializers.CharField(help_text="For people.")  # type: ignore[assignment]  # taken off the class
    url = serializers.CharField(required=False, help_text="The page to do it on, for who is signed in.")


class Problem(serializers.Serializer[Any]):
    """What went wrong (RFC 9457). `code` is stable; `detail` is a sentence for people and may change."""

    type = serializers.CharField()
    title = serializers.CharField(help_text="The same for every problem with this code.")
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    errors = FieldProblem(many=True)  # type: ignore[assignment]  # the framework takes fields off the class
    retryable = serializers.BooleanField(help_text="Whether the same request may succeed later.")
    request_id = serializers.CharField(help_text="Give it to the operator, who can find the log entry by it.")
    needed = serializers.CharField(required=False, help_text="With `insufficient_credits`: the price.")
    available = serializers.CharField(required=False, help_text="With `insufficient_credits`: the balance.")
    shortfall = serializers.CharField(
        required=False, help_text="With `insufficient_credits`: what is missing."
    )
    action = ProblemAction(
        required=False, help_text="What somebody can do about a refusal for lack of money."
    )
    outcome = serializers.CharField(
        required=False, help_text="With `state_conflict` after a cancel: `too_late`."
    )


def problems(*statuses: int) -> dict[tuple[int, str], OpenApiResponse]:
    """The error responses of an endpoint: those that any may give, and `statuses`."""
    return {
        (status, PROBLEM_TYPE): OpenApiResponse(Problem, description=MEANINGS[status])
        for status in sorted({*EVERYWHERE, *statuses})
    }


def header(name: str, description: str, *statuses: int) -> OpenApiParameter:
    """A header of the responses with these statuses."""
    return OpenApiParameter(
        name, OpenApiTypes.STR, OpenApiParameter.HEADER, response=list(statuses), description=description
    )
