"""A clip's recipe as a file to keep, on the site and through the API."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.http import TeamRequest, actor_of, requires
from accounts.permissions import GENERATIONS_VIEW
from accounts.rest import ApiView
from accounts.rest_schema import problems
from generations.models import Generation
from generations.recipe import recipe_of
from generations.selectors import clips_of
from generations.services import GenerationNotFound


@require_safe
@requires(GENERATIONS_VIEW)
def recipe_file(request: TeamRequest, pk: UUID) -> HttpResponse:
    """`recipe.json` of one clip, to save."""
    clip = get_object_or_404(clips_of(request.team), pk=pk)
    response = JsonResponse(recipe_of(clip), json_dumps_params={"indent": 2, "ensure_ascii": False})
    name = content_disposition_header(as_attachment=True, filename=f"clip-{clip.pk.hex[:8]}-recipe.json")
    response["Content-Disposition"] = name or "attachment"
    return response


class Recipe(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"GET": GENERATIONS_VIEW}

    @extend_schema(
        operation_id="get_generation_recipe",
        summary="How a clip was made",
        tags=["clips"],
        responses={200: OpenApiTypes.OBJECT, **problems(404)},
    )
    def get(self, request: Request, pk: UUID) -> Any:
        """Everything needed to make the clip again: endpoint, inputs as they were sent, the picture's hash, the prompt
        and seed that were used, and what was delivered. The MP4 carries it as its comment."""
        clip: Generation | None = clips_of(actor_of(request).team).filter(pk=pk).first()
        if clip is None:
            raise GenerationNotFound("There is no such clip in this team.")
        return Response(recipe_of(clip))
