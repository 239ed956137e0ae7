"""The API's endpoints for batches: many clips, one price, one order."""

from typing import Any, ClassVar, Final
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor
from accounts.errors import FieldErrors
from accounts.http import actor_of
from accounts.permissions import BILLING_VIEW, GENERATIONS_CANCEL, GENERATIONS_CREATE, GENERATIONS_VIEW
from accounts.rest import ApiView, body_of, created, empty, link_to_next
from accounts.rest_schema import header, problems
from billing.services import balance_of
from generations import api_output, batch_rows
from generations.api import CANCEL_AFTER, IDEMPOTENCY_KEY
from generations.api_input import idempotency_key_of, read_project, read_quote_id, start_within_of
from generations.batch_rows import Row
from generations.models import Batch, BatchKind
from generations.selectors import batches_of, page_after
from generations.serializers import (
    BatchCancelOutput,
    BatchInput,
    BatchListQuery,
    BatchOutput,
    BatchPage,
    BatchQuoteOutput,
)
from generations.services import BatchNotFound, cancel_batch, order_batch, promise_batch

# What a body of each kind has beside kind, name and input.
FIELDS_OF: Final[dict[BatchKind, frozenset[str]]] = {
    BatchKind.SEEDS: frozenset({"seeds", "seed_start", "count"}),
    BatchKind.MATRIX: frozenset({"prompts", "images"}),
    BatchKind.ROWS: frozenset({"rows", "csv"}),
}
NAME_MOST: Final = 100


class Batches(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"GET": GENERATIONS_VIEW, "POST": GENERATIONS_CREATE}
    query_parameters_of: ClassVar[dict[str, frozenset[str]]] = {"GET": frozenset(BatchListQuery().fields)}

    @extend_schema(
        operation_id="create_batch",
        summary="Create a batch of clips",
        tags=["batches"],
        parameters=[
            IDEMPOTENCY_KEY,
            CANCEL_AFTER,
            header("Location", "The batch's address.", 201),
            header("Idempotent-Replayed", "`true` when this key had made the batch before.", 201),
        ],
        request=BatchInput,
        responses={201: BatchOutput, **problems(400, 402, 413, 415, 503)},
    )
    def post(self, request: Request) -> Response:
        """All clips are put in line and their prices held, or none. Then each is made, or refunded, by itself."""
        actor, body = actor_of(request), body_of(request)
        quote_id = read_quote_id(body)
        project = read_project(actor, body)
        kind, name, rows = _read(body)
        result = order_batch(
            actor=actor,
            kind=kind,
            rows=rows,
            name=name,
            quote_id=quote_id,
            project=project,
            idempotency_key=idempotency_key_of(request),
            start_within=start_within_of(request),
        )
        return created(
            api_output.batches([result.batch])[0],
            location=reverse("api:batch", args=[result.batch.pk]),
            headers={"Idempotent-Replayed": "true"} if result.replayed else {},
        )

    @extend_schema(
        operation_id="list_batches",
        summary="The team's batches, newest first",
        tags=["batches"],
        parameters=[BatchListQuery, header("Link", 'The next page, as rel="next".', 200)],
        responses={200: BatchPage, **problems(400)},
    )
    def get(self, request: Request) -> Response:
        query = BatchListQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        wish = query.validated_data
        page = page_after(batches_of(actor_of(request).team), wish.get("cursor"), wish["limit"])
        data = {"data": api_output.batches(page.rows), "next_cursor": page.next_cursor}
        return Response(data, headers=link_to_next(request, page.next_cursor))


class BatchQuotes(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"POST": GENERATIONS_CREATE}

    @extend_schema(
        operation_id="create_batch_quote",
        summary="What a batch costs",
        tags=["batches"],
        request=BatchInput,
        responses={200: BatchQuoteOutput, **problems(400, 413, 415)},
    )
    def post(self, request: Request) -> Response:
        """The exact price of all clips together; it fetches nothing and sets no credit aside.

        The prices are charged for fifteen minutes to a batch of the same clips that names the quote.
        """
        actor = actor_of(request)
        body = body_of(request)
        body.pop("project", None)  # a price is the same for all of them
        _, _, rows = _read(body)
        price, promised = promise_batch(team=actor.team, rows=rows, now=timezone.now())
        available = balance_of(actor.team).available if actor.may(BILLING_VIEW) else None
        return Response(api_output.priced_batch(promised, price, available))


class OneBatch(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"GET": GENERATIONS_VIEW}

    @extend_schema(
        operation_id="get_batch",
        summary="One batch: how far it is and what it has cost",
        tags=["batches"],
        responses={200: BatchOutput, **problems(404)},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        """Its clips are `GET /generations?batch=` this id."""
        return Response(api_output.batches([_find(actor_of(request), pk)])[0])


class CancelBatch(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"POST": GENERATIONS_CANCEL}

    @extend_schema(
        operation_id="cancel_batch",
        summary="Cancel the unfinished clips of a batch",
        tags=["batches"],
        request=None,
        responses={200: BatchCancelOutput, **problems(400, 404, 415)},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """Every clip that has not ended is canceled as if by itself. Repeating is harmless."""
        empty(request)
        actor = actor_of(request)
        outcomes = cancel_batch(actor=actor, batch_id=pk)
        batch = api_output.batches([_find(actor, pk)])[0]
        return Response({"outcomes": {outcome.value: n for outcome, n in outcomes.items()}, "batch": batch})


def _find(actor: Actor, pk: UUID) -> Batch:
    batch = batches_of(actor.team).filter(pk=pk).first()
    if batch is None:
        raise BatchNotFound("There is no such batch in this team.")
    return batch


def _read(body: dict[str, Any]) -> tuple[BatchKind, str, list[Row]]:
    """Kind, name and the raw input of each clip. Raises FieldErrors for a body of another shape."""
    if body.get("kind") not in BatchKind.values:
        raise FieldErrors({"kind": [f"kind is one of {', '.join(BatchKind.values)}."]})
    kind = BatchKind(body["kind"])
    unknown = body.keys() - {"kind", "name", "input"} - FIELDS_OF[kind]
    if unknown:
        raise FieldErrors({field: [f"A batch of {kind.value} has no such field."] for field in unknown})
    name, shared = body.get("name", ""), body.get("input", {})
    if not isinstance(name, str) or len(name) > NAME_MOST:
        raise FieldErrors({"name": [f"name is text of at most {NAME_MOST} characters."]})
    if not isinstance(shared, dict):
        raise FieldErrors({"input": ["input is an object with what all clips share."]})
    return kind, name, READERS[kind](shared, body)


def _seeds(shared: Row, body: dict[str, Any]) -> list[Row]:
    if "seeds" in body:
        try:
            return batch_rows.seed_rows(shared, batch_rows.seeds_of(body["seeds"]))
        except ValueError as error:
            raise FieldErrors({"seeds": [str(error)]}) from None
    start, count = body.get("seed_start", 0), body.get("count")
    if type(start) is not int or start < 0:
        raise FieldErrors({"seed_start": ["seed_start is a whole number from 0."]})
    if type(count) is not int or count < 1:
        raise FieldErrors({"count": ["Send seeds, or count and perhaps seed_start."]})
    return batch_rows.seed_rows(shared, batch_rows.consecutive_seeds(start, count))


def _matrix(shared: Row, body: dict[str, Any]) -> list[Row]:
    prompts, images = body.get("prompts"), body.get("images")
    for field, values in (("prompts", prompts), ("images", images)):
        if not isinstance(values, list) or not values:
            raise FieldErrors({field: [f"{field} is a list with at least one entry."]})
    assert isinstance(prompts, list) and isinstance(images, list)  # noqa: S101, PT018  # said above
    if len(prompts) * len(images) > batch_rows.ROWS_READ_MOST:
        raise FieldErrors({"prompts": ["There are too many combinations."]})
    return batch_rows.matrix_rows(shared, prompts, images)


def _rows(shared: Row, body: dict[str, Any]) -> list[Row]:
    if ("rows" in body) == ("csv" in body):
        raise FieldErrors({"rows": ["Send either rows, a list of inputs, or csv, a table as text."]})
    if "csv" in body:
        if not isinstance(body["csv"], str):
            raise FieldErrors({"csv": ["csv is a table as text."]})
        return batch_rows.merged_rows(shared, batch_rows.csv_rows(body["csv"]))
    rows = body["rows"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise FieldErrors({"rows": ["rows is a list of objects."]})
    return batch_rows.merged_rows(shared, rows[: batch_rows.ROWS_READ_MOST])


READERS: Final = {BatchKind.SEEDS: _seeds, BatchKind.MATRIX: _matrix, BatchKind.ROWS: _rows}
