"""Stripe's stand-in for these tests: one process, as new for each of them."""

from collections.abc import Iterator

import pytest

from billing.stripe_gateway import connection
from tests.billing.books import check_walls
from tests.billing.stripe.desk import SECRET, Buyer, Desk, make_buyer
from tests.support.sandbox_process import SandboxHandle, sandbox_server


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[SandboxHandle]:
    with sandbox_server() as handle:
        yield handle


@pytest.fixture
def desk(_sandbox: SandboxHandle, settings, db: None) -> Iterator[Desk]:
    """Stripe, empty; and the proof afterwards that the books still balance."""
    desk = Desk(_sandbox)
    desk.control("POST", "reset")
    settings.STRIPE_SECRET_KEY = "sk_test_sandbox"
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    settings.STRIPE_API_URL = desk.url
    yield desk
    check_walls()


@pytest.fixture
def no_retries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The client asks once, so that an answer can get lost; otherwise it repairs that by itself."""
    monkeypatch.setattr(connection, "RETRIES", 0)
    connection._client.cache_clear()
    yield
    connection._client.cache_clear()


@pytest.fixture
def buyer(desk: Desk) -> Buyer:
    return make_buyer()
