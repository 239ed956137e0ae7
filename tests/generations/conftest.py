"""A running stand-in for fal, and a receiver that keeps the webhooks it sends."""

from collections.abc import Iterator

import pytest
from django.core.cache import caches

from tests.support.factories import give_credits, make_team
from tests.support.receiver import WebhookReceiver
from tests.support.sandbox_process import SandboxHandle, sandbox_server
from tests.support.storages import InterruptedStorage


@pytest.fixture(scope="session")
def fal_process() -> Iterator[SandboxHandle]:
    with sandbox_server() as handle:
        yield handle


@pytest.fixture
def fal(fal_process: SandboxHandle, settings) -> SandboxHandle:
    """The stand-in as new, with the product pointed at it and no public address: results come by polling."""
    fal_process.reset()
    fal_process.control(fixed_seed=4711)  # equal clips are drawn once
    for name, value in fal_process.fal_settings.items():
        setattr(settings, name, value)
    settings.PUBLIC_URL = ""
    settings.FAL_LOST_REPLY_SECONDS = 1
    caches["local"].clear()
    return fal_process


@pytest.fixture
def receiver(settings) -> Iterator[WebhookReceiver]:
    """Webhooks of the stand-in arrive here, to be handed to the view under test byte for byte."""
    with WebhookReceiver() as running:
        settings.PUBLIC_URL = running.url
        yield running


@pytest.fixture
def team(db):
    """A team with $10."""
    team = make_team()
    give_credits(team)
    return team


@pytest.fixture
def before_save(settings, monkeypatch):
    """Set what happens just before a file is written."""
    backend = {"BACKEND": f"{InterruptedStorage.__module__}.{InterruptedStorage.__qualname__}"}
    settings.STORAGES = {**settings.STORAGES, "default": backend}

    def arrange(action):
        monkeypatch.setattr(InterruptedStorage, "before_save", staticmethod(action))

    return arrange
