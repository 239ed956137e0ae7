"""Two teams through the API and fal: whoever brings two hundred jobs does not keep one job waiting."""

import pytest

from generations.models import Generation
from tests.support import flow
from tests.support.api import api_for
from tests.support.factories import give_credits, make_image, make_team

pytestmark = pytest.mark.django_db
WINDOW = 2
MANY = 200


def test_one_job_beside_two_hundred_is_sent_within_one_slot_time(fal, team, settings):
    settings.FAL_MAX_IN_FLIGHT = WINDOW
    give_credits(team, 100_000_000)
    other = make_team()
    give_credits(other)
    body = {"num_frames": 9, "resolution": "480p", "prompt": "A boat"}
    sweep = {"kind": "seeds", "input": {**body, "image": str(make_image(team).pk)}, "count": MANY}
    assert api_for(team).post("/batches", sweep).status_code == 201
    assert Generation.objects.count() == MANY
    flow.dispatch_all()

    one = api_for(other).post("/generations", {**body, "image": str(make_image(other).pk)}).json()
    assert one["queue"]["place"] == 1
    flow.finish(Generation.objects.filter(status="processing").first())  # one slot is free again
    flow.dispatch_all()

    assert api_for(other).get(f"/generations/{one['id']}").json()["status"] == "processing"
    assert Generation.objects.filter(team=team, status="queued").count() == MANY - WINDOW
    assert len(fal.requests()) == WINDOW + 1
