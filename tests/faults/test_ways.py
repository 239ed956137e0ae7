"""How a finished job becomes known: webhooks alone suffice, and so does polling alone."""

import httpx
import pytest

from generations.models import Generation, WebhookReceipt
from generations.states import TERMINAL
from ltxplatform.processes import wait_until
from tests.support.api import make_key
from tests.support.factories import give_credits, make_team
from tests.support.pictures import photograph
from tests.support.product import Product

pytestmark = pytest.mark.processes

JOBS = 8


@pytest.fixture
def clips(running: Product):
    """Orders JOBS clips over HTTP; returns the question whether all are ready."""
    team = make_team()
    give_credits(team)
    jobs = Generation.objects.filter(team=team)

    def order(prompt: str):
        with httpx.Client(
            base_url=f"{running.url}/api/v1",
            headers={"Authorization": f"Bearer {make_key(team)[1]}"},
            trust_env=False,
            timeout=30,
        ) as api:
            image = api.post("/uploads", files={"file": ("boat.jpg", photograph(480, 270))}).json()["id"]
            for seed in range(JOBS):
                wish = {
                    "image": image,
                    "prompt": prompt,
                    "num_frames": 9,
                    "resolution": "480p",
                    "seed": seed % 2,
                }
                assert api.post("/generations", json=wish).status_code == 201
        return jobs

    return order


def ended(jobs) -> bool:
    return not jobs.exclude(status__in=TERMINAL).exists()


def test_webhooks_alone_bring_every_clip(running: Product, clips) -> None:
    running.stacks["poller"].close()
    try:
        jobs = clips("By webhook")
        assert wait_until(lambda: ended(jobs), seconds=90), running.output()[-3000:]
    finally:
        running.start("poller")

    assert set(jobs.values_list("status", flat=True)) == {"succeeded"}
    assert WebhookReceipt.objects.filter(submission__generation__in=jobs).count() == JOBS


def test_polling_alone_brings_every_clip(running: Product, clips) -> None:
    running.fal.rule("webhook", "withhold", prompt="By polling")

    jobs = clips("By polling")

    assert wait_until(lambda: ended(jobs), seconds=90), running.output()[-3000:]
    assert set(jobs.values_list("status", flat=True)) == {"succeeded"}
    assert not WebhookReceipt.objects.filter(submission__generation__in=jobs).exists()
