"""The API's endpoints for API keys: a key with the scope `admin` makes, bounds, rotates and revokes others."""

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import api_keys
from accounts.actors import Actor
from accounts.http import actor_of
from accounts.key_secrets import for_fal_clients
from accounts.permissions import KEYS_MANAGE
from accounts.rest import ApiView, created, shaped
from accounts.rest_schema import header, problems
from accounts.serializers import KeyChange, KeyInput, KeyOutput, KeyPage, NewKeyOutput, RotateInput
from accounts.services import project_for_work


class ApiKeys(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"GET": KEYS_MANAGE, "POST": KEYS_MANAGE}

    @extend_schema(
        operation_id="list_api_keys",
        summary="The team's API keys, newest first",
        tags=["API keys"],
        responses={200: KeyPage, **problems()},
    )
    def get(self, request: Request) -> Response:
        """Without their secrets. Needs the scope `admin`."""
        found = api_keys.keys_of(actor_of(request).team, now=timezone.now())
        return Response(KeyPage({"data": found, "next_cursor": None}).data)

    @extend_schema(
        operation_id="create_api_key",
        summary="Create an API key",
        tags=["API keys"],
        parameters=[header("Location", "The key's address.", 201)],
        request=KeyInput,
        responses={201: NewKeyOutput, **problems(400, 415)},
    )
    def post(self, request: Request) -> Response:
        """The answer is the only place that shows the secret. The new key has at most the scopes, the lifetime and the
        networks of the key that asks. Needs the scope `admin`."""
        actor = actor_of(request)
        key, plain = api_keys.create_api_key(actor=actor, **_wishes(actor, shaped(KeyInput, request)))
        return created(_with_secret(actor, key.pk, plain), location=reverse("api:api_key", args=[key.pk]))


class OneApiKey(ApiView):
    permission_of: ClassVar[dict[str, str]] = {
        "GET": KEYS_MANAGE,
        "PATCH": KEYS_MANAGE,
        "DELETE": KEYS_MANAGE,
    }

    @extend_schema(
        operation_id="get_api_key",
        summary="One API key",
        tags=["API keys"],
        responses={200: KeyOutput, **problems(404)},
    )
    def get(self, request: Request, pk: UUID) -> Response:
        return _shown(actor_of(request), pk)

    @extend_schema(
        operation_id="change_api_key",
        summary="Change a key's name, project, expiry and allowed addresses",
        tags=["API keys"],
        request=KeyChange,
        responses={200: KeyOutput, **problems(400, 404, 409, 415)},
    )
    def patch(self, request: Request, pk: UUID) -> Response:
        """Its scopes and its secret stay. Needs the scope `admin`."""
        actor = actor_of(request)
        api_keys.key_of(actor.team, pk, now=timezone.now())
        wishes = _wishes(actor, shaped(KeyChange, request))
        api_keys.change_api_key(actor=actor, key_id=pk, changes=wishes)
        return _shown(actor, pk)

    @extend_schema(
        operation_id="revoke_api_key",
        summary="Revoke a key",
        tags=["API keys"],
        request=None,
        responses={204: None, **problems(404)},
    )
    def delete(self, request: Request, pk: UUID) -> Response:
        """It is refused from its next request on. Needs the scope `admin`."""
        api_keys.revoke_api_key(actor=actor_of(request), key_id=pk)
        return Response(status=204)


class RotateApiKey(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"POST": KEYS_MANAGE}

    @extend_schema(
        operation_id="rotate_api_key",
        summary="Rotate a key's secret",
        tags=["API keys"],
        request=RotateInput,
        responses={200: NewKeyOutput, **problems(400, 404, 409, 415)},
    )
    def post(self, request: Request, pk: UUID) -> Response:
        """The answer is the only place that shows it; the old secret keeps working for `overlap_hours`. For keys of the
        person who made the key that asks. Needs the scope `admin`."""
        actor = actor_of(request)
        api_keys.key_of(actor.team, pk, now=timezone.now())
        overlap = timedelta(hours=shaped(RotateInput, request)["overlap_hours"])
        _, plain = api_keys.rotate_api_key(actor=actor, key_id=pk, overlap=overlap, now=timezone.now())
        return Response(_with_secret(actor, pk, plain))


def _wishes(actor: Actor, shape: dict[str, Any]) -> dict[str, Any]:
    """With the project's row instead of its id. Raises FieldErrors."""
    if shape.get("project") is not None:
        return {**shape, "project": project_for_work(actor, shape["project"])}
    return shape


def _shown(actor: Actor, pk: UUID) -> Response:
    return Response(KeyOutput(api_keys.key_of(actor.team, pk, now=timezone.now())).data)


def _with_secret(actor: Actor, pk: UUID, plain: str) -> Any:
    shown = KeyOutput(api_keys.key_of(actor.team, pk, now=timezone.now())).data
    return {**shown, "secret": plain, "fal_key": for_fal_clients(plain)}
