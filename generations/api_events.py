"""A clip's news over the API. This process tells what there is and closes; the live process keeps the line open.

Both serve the same address with the same events, so a program never needs to know which of them answers: an event
stream that ends is asked for again, after the event that came last.
"""

import json
from typing import Any, ClassVar, Final
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from accounts.http import actor_of
from accounts.permissions import GENERATIONS_VIEW
from accounts.rest import ApiView
from accounts.rest_schema import problems
from generations import news
from generations.services import GenerationNotFound

RETRY_MS: Final = 1000


class EventStreamRenderer(BaseRenderer):
    """Lets programs that accept nothing but events in; refusals are problem documents all the same."""

    media_type = news.CONTENT_TYPE
    format = "events"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        return json.dumps(data).encode()


class GenerationEvents(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"GET": GENERATIONS_VIEW}
    renderer_classes = [EventStreamRenderer, JSONRenderer]

    @extend_schema(
        operation_id="follow_generation",
        summary="Follow a clip",
        tags=["clips"],
        parameters=[
            OpenApiParameter(
                "Last-Event-ID",
                OpenApiTypes.INT,
                OpenApiParameter.HEADER,
                description="The id of the last event you have; the stream goes on after it.",
            )
        ],
        responses={(200, news.CONTENT_TYPE): OpenApiTypes.STR, 204: None, **problems(404)},
    )
    def get(self, request: Request, pk: UUID) -> HttpResponse:
        """Server-sent events: `status` for each change of state, `queue`, `log` and `cost` when they change, and
        `done` with the whole clip, which ends the stream. Asked again after that, the answer is 204."""
        clip = news.look_up(actor_of(request).team, pk)
        if clip is None:
            raise GenerationNotFound("There is no such clip in this team.")
        after = news.last_event_id(request.headers.get("Last-Event-ID", ""))
        if after and news.was_told_all(clip, after):
            return HttpResponse(status=204)
        events, _ = news.news_of(clip, news.Told(event_id=after), request.build_absolute_uri)
        return HttpResponse(f"retry: {RETRY_MS}\n\n{''.join(events)}", content_type=news.CONTENT_TYPE)
