"""Which scope of a key opens which endpoint."""

import uuid

import pytest

from tests.support.api import ApiClient, make_key

pytestmark = pytest.mark.django_db
MODEL = "fal-ai/ltxv-13b-098-distilled/image-to-video"


READ, GENERATE, BILLING = "read", "generate", "billing:read"
PLACE = str(uuid.UUID(int=0))


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("post", "/quotes", GENERATE),
        ("post", "/uploads", GENERATE),
        ("get", f"/uploads/{PLACE}", READ),
        ("post", "/generations", GENERATE),
        ("get", "/generations", READ),
        ("get", f"/generations/{PLACE}", READ),
        ("post", f"/generations/{PLACE}/cancel", GENERATE),
        ("get", "/models", READ),
        ("get", f"/models/{MODEL}/schema", READ),
        ("get", "/balance", BILLING),
    ],
)
def test_each_endpoint_takes_its_scope_and_no_other(method, path, scope, team):
    for scopes in ([READ], [GENERATE], [BILLING]):
        response = getattr(ApiClient(make_key(team, scopes=scopes)[1]), method)(path)
        refused = response.status_code == 403 and response.json()["code"] == "scope"
        assert refused is (scopes != [scope]), scopes
    assert getattr(ApiClient(), method)(path).status_code == 401
