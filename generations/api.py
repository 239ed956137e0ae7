"""The API's endpoints for pictures, prices and clips: each reads, calls one service and shows the outcome."""

import hashlib
import json
from typing import Any, ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor
from accounts.errors import DomainError
from accounts.http import actor_of
from accounts.permissions import BILLING_VIEW, GENERATIONS_CANCEL, GENERATIONS_CREATE, GENERATIONS_VIEW
from accounts.rest import ApiView, StrictJSONParser, body_of, created, empty, link_to_next, refuse_unknown
from accounts.rest_schema import header, problems
from billing.services import balance_of, default_clip_price, quote, quote_all, quote_for_15_minutes
from generations import api_output, input_schema
from generations.api_input import (
    BoundedMultiPartParser,
    GenerationJSONParser,
    idempotency_key_of,
    read_address,
    read_generation,
    read_project,
    read_quote,
    read_quote_id,
    start_within_of,
)
from generations.models import Generation, Image
from generations.parameters import QUALITY_PRESETS
from generations.selectors import clips_of, page_after
from generations.serializers import (
    AddressInput,
    CancelOutput,
    GenerationOrder,
    GenerationOutput,
    GenerationPage,
    ListQuery,
    ModelOutput,
    ModelPage,
    QuoteInput,
    QuoteOutput,
    UploadInput,
    UploadOutput,
)
from generations.services import (
    CancelOutcome,
    GenerationNotFound,
    SubmitResult,
    cancel_generation,
    import_picture,
    store_image,
    submit_generation,
    submit_with_address,
)
from generations.services.eta import expected
from generations.states import Status

MODEL_ID: Final = f"{settings.FAL_MODEL}/image-to-video"
IDEMPOTENCY_KEY: Final = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="1 to 255 characters of your choice. Repeating a request with the same key and body gives the "
    "first clip back instead of making, and paying for, a second one.",
)
CANCEL_AFTER: Final = OpenApiParameter(
    "Cancel-After",
    OpenApiTypes.INT,
    OpenApiParameter.HEADER,
    description="Seconds, from 60: a clip that was not sent to the renderer by then expires, and nothing is charged. "
    "Paused time counts.",
)


class UploadNotFound(DomainError):
    code = "not_found"


class ModelNotFound(DomainError):
    code = "not_found"


class TooLateToCancel(DomainError):
    code = "state_conflict"


class Quotes(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"POST": GENERATIONS_CREATE}
    parser_classes = [GenerationJSONParser]

    @extend_schema(
        operation_id="create_quote",
        summary="What a clip costs",
        tags=["clips"],
        request=QuoteInput,
        responses={200: QuoteOutput, **problems(400, 413, 415)},
    )
    def post(self, request: Request) -> Response:
        """The exact price of one clip. Takes any input of POST /generations.

        The price is charged for fifteen minutes to a clip of this length and kind that names the quote, also when
        prices change meanwhile. No credit is set aside.
        """
        actor, now = actor_of(request), timezone.now()
        params = read_quote(body_of(request))
        (price,) = quote_all([params.priced], now=now)
        promised = quote_for_15_minutes(team=actor.team, clips=[params.priced], now=now)
        available = balance_of(actor.team).available if actor.may(BILLING_VIEW) else None
        return Response(api_output.priced(promised, price, params, available, expected(actor.team, params)))


class Uploads(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"POST": GENERATIONS_CREATE}
    parser_classes = [BoundedMultiPartParser, StrictJSONParser]

    @extend_schema(
        operation_id="create_upload",
        summary="Upload a picture",
        tags=["pictures"],
        parameters=[header("Location", "The upload's address.", 200, 201)],
        request={"multipart/form-data": UploadInput, "application/json": AddressInput},
        responses={200: UploadOutput, 201: UploadOutput, **problems(400, 413, 415)},
    )
    def post(self, request: Request) -> Response:
        """201 for a new picture, 200 for one that the team has already. What is kept has no metadata.

        Sent as a file, or as JSON with the `https://` address that we fetch it from.
        """
        began = timezone.now()
        image = _received(request)
        return created(
            api_output.upload(image, request.build_absolute_uri),
            status=201 if image.created_at >= began else 200,
            location=reverse("api:upload", args=[image.pk]),
        )


class Upload(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"GET": GENERATIONS_VIEW}

    @extend_schema(
        operation_id="get_upload",
        summary="One picture, with fresh addresses",
        tags=["pictures"],
        responses={200: UploadOutput, **problems(404)},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        image = Image.objects.for_team(actor_of(request).team).filter(pk=pk).first()
        if image is None:
            raise UploadNotFound("There is no such picture in this team.")
        return Response(api_output.upload(image, request.build_absolute_uri))


class Generations(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"GET": GENERATIONS_VIEW, "POST": GENERATIONS_CREATE}
    query_parameters_of: ClassVar[dict[str, frozenset[str]]] = {"GET": frozenset(ListQuery().fields)}
    parser_classes = [GenerationJSONParser]

    @extend_schema(
        operation_id="create_generation",
        summary="Create a clip",
        tags=["clips"],
        parameters=[
            IDEMPOTENCY_KEY,
            CANCEL_AFTER,
            header("Location", "The clip's address.", 201),
            header("Idempotent-Replayed", "`true` when this key had made the clip before.", 201),
        ],
        request=GenerationOrder,
        responses={201: GenerationOutput, **problems(400, 402, 413, 415, 503)},
    )
    def post(self, request: Request) -> Response:
        """Puts a clip in line and holds its price. Nothing is charged unless the clip is delivered."""
        actor = actor_of(request)
        key, start_within = idempotency_key_of(request), start_within_of(request)
        body = body_of(request)
        quote_id = read_quote_id(body)
        project = read_project(actor, body)
        picture, params = read_generation(actor, body)
        order: dict[str, Any] = {
            "actor": actor,
            "params": params,
            "idempotency_key": key,
            "start_within": start_within,
            "quote_id": quote_id,
            "project": project,
        }
        if isinstance(picture, str):
            return accepted(request, submit_with_address(address=picture, **order))
        return accepted(request, submit_generation(image_id=picture, **order))

    @extend_schema(
        operation_id="list_generations",
        summary="The team's clips, newest first",
        tags=["clips"],
        parameters=[ListQuery, header("Link", 'The next page, as rel="next".', 200)],
        responses={200: GenerationPage, **problems(400)},
    )
    def get(self, request: Request) -> Response:
        """New clips never shift a page: the cursor names a position."""
        query = ListQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        wish = query.validated_data
        page = page_after(_filtered(actor_of(request), wish), wish.get("cursor"), wish["limit"])
        data = {
            "data": api_output.summaries(page.rows, request.build_absolute_uri),
            "next_cursor": page.next_cursor,
        }
        return Response(data, headers=link_to_next(request, page.next_cursor))


class OneGeneration(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"GET": GENERATIONS_VIEW}

    @extend_schema(
        operation_id="get_generation",
        summary="One clip in full",
        tags=["clips"],
        parameters=[
            OpenApiParameter("If-None-Match", OpenApiTypes.STR, OpenApiParameter.HEADER),
            header("ETag", "Send it as If-None-Match: 304 says that nothing has changed.", 200),
        ],
        responses={200: GenerationOutput, 304: None, **problems(404)},
    )
    def get(self, request: Request, pk: UUID) -> Any:
        """Ask as often as you like: it never reaches fal."""
        data = api_output.detail(_find(actor_of(request), pk), request.build_absolute_uri)
        etag = _etag(data)
        response = Response(data, headers={"ETag": etag, "Cache-Control": "private, no-cache"})
        return get_conditional_response(request, etag=etag, response=response)


class CancelGeneration(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"POST": GENERATIONS_CANCEL}

    @extend_schema(
        operation_id="cancel_generation",
        summary="Cancel a clip",
        tags=["clips"],
        request=None,
        responses={200: CancelOutput, 202: CancelOutput, **problems(400, 404, 409, 415)},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """200 when the clip is canceled, 202 when fal was asked, 409 when it is too late."""
        empty(request)
        actor = actor_of(request)
        outcome = cancel_generation(actor=actor, generation_id=pk)
        clip = _find(actor, pk)
        if outcome is CancelOutcome.TOO_LATE and clip.status == Status.CANCELED:
            outcome = CancelOutcome.RELEASED  # a repeat: the wish is fulfilled
        if outcome is CancelOutcome.TOO_LATE:
            raise TooLateToCancel("It is too late to cancel this clip.", outcome=outcome.value)
        data = {"outcome": outcome.value, "generation": api_output.detail(clip, request.build_absolute_uri)}
        return Response(data, status=200 if outcome is CancelOutcome.RELEASED else 202)


class Models(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"GET": GENERATIONS_VIEW}

    @extend_schema(
        operation_id="list_models",
        summary="The models, with their inputs",
        tags=["models"],
        responses={200: ModelPage, **problems()},
    )
    def get(self, request: Request) -> Response:
        """There is one. Its inputs come as JSON Schema: names, ranges, defaults and guidance."""
        return Response({"data": [_model()], "next_cursor": None})


class ModelSchema(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"GET": GENERATIONS_VIEW}

    @extend_schema(
        operation_id="get_model_schema",
        summary="A model's inputs as JSON Schema",
        tags=["models"],
        responses={200: OpenApiTypes.OBJECT, **problems(404)},
    )
    def get(self, request: Request, model: str) -> Response:
        if model != MODEL_ID:
            raise ModelNotFound("There is no such model.")
        return Response(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **input_schema.model_inputs()}
        )


def _received(request: Request) -> Image:
    actor = actor_of(request)
    if request.content_type.startswith("application/json"):
        body = body_of(request)
        refuse_unknown(body.keys() - {"url"}, "This request takes one field: url.")
        return import_picture(actor=actor, address=read_address(body))
    refuse_unknown(request.data.keys() - {"file"}, "This request takes one field: file.")
    files = request.FILES.getlist("file")
    if len(files) != 1:
        raise ValidationError({"file": [ErrorDetail("Send one picture in the field file.", code="required")]})
    return store_image(actor=actor, upload=files[0], name=files[0].name or "")


def accepted(request: Request, result: SubmitResult) -> Response:
    """201 with the clip and its address, for a repeated request too."""
    return created(
        api_output.detail(result.generation, request.build_absolute_uri),
        location=reverse("api:generation", args=[result.generation.pk]),
        headers={"Idempotent-Replayed": "true"} if result.replayed else {},
    )


def _filtered(actor: Actor, wish: dict[str, Any]) -> QuerySet[Generation]:
    clips = clips_of(actor.team)
    if "status" in wish:
        clips = clips.filter(status=wish["status"])
    if "project" in wish:
        clips = clips.filter(project=wish["project"])
    if "batch" in wish:
        clips = clips.filter(batch=wish["batch"])
    if "created_after" in wish:
        clips = clips.filter(created_at__gt=wish["created_after"])
    if "created_before" in wish:
        clips = clips.filter(created_at__lt=wish["created_before"])
    return clips


def _find(actor: Actor, pk: UUID) -> Generation:
    clip = clips_of(actor.team).filter(pk=pk).first()
    if clip is None:
        raise GenerationNotFound("There is no such clip in this team.")
    return clip


def _etag(data: Any) -> str:
    """Of all that is shown but the expected time, which shrinks every second. Signed addresses hold still for minutes,
    so most polls are answered 304."""
    text = json.dumps({**data, "eta": None}, sort_keys=True, default=str)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def _model() -> Any:
    price = quote(num_frames=121, detail_pass=False)
    steps = ("first_pass_num_inference_steps", "second_pass_num_inference_steps")
    return ModelOutput(
        {
            "id": MODEL_ID,
            "name": "LTX-Video 13B 0.9.8 distilled, image to video",
            "description": "Makes a clip from a picture and a prompt.",
            "inputs": input_schema.model_inputs(),
            "quality_presets": {
                name: dict(zip(steps, pair, strict=True)) for name, pair in QUALITY_PRESETS.items()
            },
            "rate": price.rate_nanos // api_output.NANOS_PER_MICRO,
            "default_clip_price": default_clip_price(),
        }
    ).data
