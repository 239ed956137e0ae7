"""A team's home: first steps that tick themselves, the sample picture, what is on its way, the latest clips."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.urls import reverse

from accounts.models import Membership
from billing.models import Purchase, PurchaseState
from generations.models import Image
from generations.states import Status
from tests.contracts.world import browser_of, make_purchase, picture_of
from tests.support import factories
from tests.support.api import make_key
from tests.support.stages import bring

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    team = factories.make_team(name="Studio")
    factories.give_credits(team)
    return team


def page(team, user=None) -> str:
    answer = browser_of(user or factories.owner_of(team)).get(f"/t/{team.slug}/")
    assert answer.status_code == 200
    return answer.content.decode()


def ticks(html: str) -> dict[str, bool]:
    found = re.findall(r"(Done|To do):</span></span>\s*<div><strong>([^<]+)</strong>", html)
    return {label: state == "Done" for state, label in found}


def test_signing_in_leads_home(team) -> None:
    answer = browser_of(factories.owner_of(team)).get("/")

    assert answer.url == f"/t/{team.slug}/"


def test_each_step_ticks_itself_and_all_done_leave(team) -> None:
    owner = factories.owner_of(team)
    assert set(ticks(page(team)).values()) == {False}

    EmailAddress.objects.create(user=owner, email=owner.email, verified=True, primary=True)
    picture = picture_of(team)
    done = [label for label, is_done in ticks(page(team)).items() if is_done]
    assert done == ["Confirm your e-mail address", "Pick a picture"]

    bring(factories.make_generation(team, image=picture), Status.SUCCEEDED)
    factories.make_member(team, "editor")
    make_key(team)
    make_purchase(team)
    assert Purchase.objects.get().state == PurchaseState.PAID
    assert ticks(page(team)) == {}


@pytest.mark.parametrize(
    ("role", "labels"),
    [
        ("viewer", ["Confirm your e-mail address"]),
        ("billing", ["Confirm your e-mail address", "Buy credit"]),
        ("editor", ["Confirm your e-mail address", "Pick a picture", "Create your first clip"]),
    ],
)
def test_nobody_is_sent_where_they_may_not_go(team, role: str, labels: list[str]) -> None:
    assert list(ticks(page(team, factories.make_member(team, role)))) == labels


def test_the_steps_are_put_away_by_each_for_themselves(team) -> None:
    owner, other = factories.owner_of(team), factories.make_member(team, "admin")
    for _ in range(2):
        answer = browser_of(owner).post(reverse("generations:first_steps_hide", args=[team.slug]))
        assert answer.status_code == 302

    assert ticks(page(team, owner)) == {}
    assert "No clips yet" in page(team, owner)
    assert ticks(page(team, other))
    assert Membership.objects.filter(team=team, first_steps_hidden=True).count() == 1


def test_without_clips_or_steps_a_viewer_reads_what_will_be_here(team) -> None:
    viewer = factories.make_member(team, "viewer")
    EmailAddress.objects.create(user=viewer, email=viewer.email, verified=True, primary=True)

    html = page(team, viewer)

    assert "Clips that the team makes appear here." in html
    assert "Create a clip" not in html


def test_what_is_on_its_way_and_what_has_ended(team) -> None:
    picture = picture_of(team)
    clips = [factories.make_generation(team, image=picture) for _ in range(7)]
    bring(clips[0], Status.SUCCEEDED)
    bring(clips[1], Status.FAILED)
    foreign = factories.make_team()
    factories.give_credits(foreign)
    other = factories.make_generation(foreign, image=picture_of(foreign))

    html = page(team)

    assert "5 clips on the way" in html
    assert "All 5 on the way" in html
    assert len(re.findall(r'id="tile-', html)) == 6
    assert "A clip that failed costs nothing." in html
    assert str(other.pk) not in html


def test_the_sample_is_put_into_the_form_and_kept_once(team) -> None:
    mine = browser_of(factories.owner_of(team))
    for _ in range(2):
        answer = mine.post(reverse("generations:sample", args=[team.slug]))

    image = Image.objects.get()
    assert (image.width, image.height) == (1280, 720)
    assert answer.url == f"/t/{team.slug}/create/?image={image.pk}&start=sample"
    form = mine.get(answer.url).content.decode()
    assert "the lighthouse beam sweeps slowly" in form
    assert re.search(rf'value="{image.pk}"[^>]* checked', form)
