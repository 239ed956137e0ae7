"""A program that calls the API with a key, as one outside would."""

from collections.abc import Iterable
from typing import Any

from django.test import Client

from accounts.api_keys import create_api_key
from accounts.models import ApiKey, Team, User
from tests.support.factories import actor_for

EVERYTHING = ("generate", "read", "billing:read")


def make_key(
    team: Team, user: User | None = None, *, scopes: Iterable[str] = EVERYTHING
) -> tuple[ApiKey, str]:
    return create_api_key(actor=actor_for(team, user), name="test", scopes=list(scopes))


class ApiClient:
    """Speaks to `/api/v1`; a 500 is an answer here, not an exception."""

    def __init__(self, plain_key: str = "") -> None:
        self.client = Client(raise_request_exception=False)
        self.headers = {"Authorization": f"Bearer {plain_key}"} if plain_key else {}

    def get(self, path: str, query: dict[str, Any] | None = None, **headers: str) -> Any:
        return self.client.get(f"/api/v1{path}", query or {}, headers=self._all(headers))

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """Send `body` as JSON; text goes as it is."""
        content_type = headers.pop("Content_Type", "application/json")
        return self.client.post(
            f"/api/v1{path}",
            body if body is not None else "",
            content_type=content_type,
            headers=self._all(headers),
        )

    def upload(self, path: str, fields: dict[str, Any]) -> Any:
        return self.client.post(f"/api/v1{path}", fields, headers=self.headers)

    def _all(self, headers: dict[str, str]) -> dict[str, str]:
        return {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}


def api_for(team: Team, *, scopes: Iterable[str] = EVERYTHING) -> ApiClient:
    return ApiClient(make_key(team, scopes=scopes)[1])


def pointers(response: Any) -> list[str]:
    """Where in the request each error is."""
    return [error["pointer"] for error in response.json()["errors"]]
