"""Whoever asked hears that their clips ended: once for each, once for a whole batch."""

import pytest
from django.core import mail
from django_q.models import OrmQ

from accounts.services import notifications
from generations import tasks
from generations.models import Generation
from generations.states import Status
from tests.contracts.world import picture_of
from tests.support import factories
from tests.support.stages import bring

pytestmark = pytest.mark.django_db
EVERYTHING = {(kind, "mail") for kind in ("clip_finished", "clip_failed", "batch_done")}


@pytest.fixture
def team():
    team = factories.make_team()
    factories.give_credits(team)
    return team


@pytest.fixture
def owner(team):
    owner = factories.owner_of(team)
    notifications.choose(user=owner, wanted=notifications.choices_of(owner) | EVERYTHING)
    return owner


def ended(clip: Generation, to: Status, **changes: object) -> None:
    bring(clip, to, **changes)
    tasks.tell_about_end(generation_id=str(clip.pk))


def make_clip(team) -> Generation:
    return factories.make_generation(team, image=picture_of(team))


def subjects() -> list[str]:
    return [email.subject for email in mail.outbox]


def test_a_clip_that_is_ready_and_one_that_failed(team, owner) -> None:
    ended(make_clip(team), Status.SUCCEEDED)
    ended(make_clip(team), Status.FAILED, failure_code="stopped_at_provider")
    ended(make_clip(team), Status.FAILED)

    assert subjects() == [
        "Your clip is ready: A boat drifts over a calm lake",
        *["Your clip could not be made: A boat drifts over a calm lake"] * 2,
    ]
    assert mail.outbox[1].body.count("Nothing was charged.") == 1


def test_a_clip_that_was_called_off_is_no_news(team, owner) -> None:
    clip = make_clip(team)
    bring(clip, Status.DISPATCHING)

    ended(make_clip(team), Status.CANCELED)

    assert subjects() == []


def test_a_batch_is_told_once_when_its_last_clip_ended(team, owner) -> None:
    batch = factories.make_batch(team, image=picture_of(team), clips=3)
    first, second, third = batch.generations.order_by("batch_place")

    ended(first, Status.SUCCEEDED)
    ended(second, Status.FAILED)
    assert subjects() == []
    ended(third, Status.SUCCEEDED)
    tasks.tell_about_end(generation_id=str(first.pk))

    assert subjects() == ["Your batch is done: 2 of 3 clips are ready"]


def test_who_did_not_ask_costs_no_message(team, django_capture_on_commit_callbacks) -> None:
    owner = factories.owner_of(team)
    clip, other = make_clip(team), make_clip(team)
    with django_capture_on_commit_callbacks(execute=True):
        bring(clip, Status.SUCCEEDED)
    assert "generations.tasks.tell_about_end" not in queued()

    notifications.choose(user=owner, wanted=EVERYTHING)
    with django_capture_on_commit_callbacks(execute=True):
        bring(other, Status.SUCCEEDED)
    assert queued().count("generations.tasks.tell_about_end") == 1


def queued() -> list[str]:
    return [message.func() for message in OrmQ.objects.all()]


def test_who_left_the_team_hears_nothing(team, owner) -> None:
    clip = make_clip(team)
    factories.make_member(team, "owner")
    team.memberships.filter(user=owner).delete()

    ended(clip, Status.SUCCEEDED)

    assert subjects() == []
