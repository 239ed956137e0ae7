"""A clip's page: what it says in every state, how it keeps itself up to date, and how a clip is canceled."""

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from generations.models import Generation
from generations.parameters import PARAMETERS, Lora
from generations.presentation import ClipView, views_of
from generations.services import CancelOutcome
from generations.states import Status
from generations.views import CANCEL_TEXT
from tests.contracts.world import picture_of
from tests.support import factories
from tests.support.stages import bring

HTMX = {"HX-Request": "true"}


@pytest.fixture
def client(team):
    browser = Client()
    browser.force_login(factories.owner_of(team))
    return browser


@pytest.fixture
def clip(team):
    return factories.make_generation(team, image=picture_of(team), num_frames=9)


def text_of(response) -> str:
    return unescape(response.content.decode())


def page_of(client, clip, **kwargs) -> str:
    return text_of(client.get(clip.get_absolute_url(), **kwargs))


def version_of(clip: Generation) -> str:
    [view] = views_of([clip])
    return view.version


# -- what it says


def test_a_waiting_clip_says_its_place_and_what_is_held(client, team, clip):
    factories.make_generation(team, image=clip.image)

    page = page_of(client, clip)

    assert "1st in line" in page
    assert "$0.0075 is held. You pay only when the clip is ready." in page
    assert 'data-every="1000"' in page
    assert '<noscript><meta http-equiv="refresh"' in page


def test_before_rendering_the_page_says_how_many_are_ahead(client, clip):
    bring(clip, Status.PROCESSING, queue_position=2)

    page = page_of(client, clip)

    assert "Starting" in page
    assert "2 clips ahead of this one at the renderer." in page


def test_rendering_shows_how_far_it_is_and_the_last_lines(client, clip):
    logs = [{"message": f"step {number}/8"} for number in range(9)]
    bring(clip, Status.PROCESSING, progress=40, logs=logs)

    page = page_of(client, clip)

    assert "Rendering 40 %" in page
    assert 'value="40" max="100"' in page
    assert "step 8/8" in page
    assert "step 3/8" not in page  # five lines are enough


def test_saving_is_asked_about_more_often(client, clip):
    bring(clip, Status.FINALIZING)

    assert 'data-every="500"' in page_of(client, clip)


def test_a_finished_clip_plays_and_can_be_saved(client, clip):
    bring(clip, Status.SUCCEEDED)

    page = page_of(client, clip)

    assert "<video" in page
    assert 'viewBox="0 0 1600 899"' in page  # 854 x 480: its place is kept from the first paint
    assert "$0.0075 was charged." in page
    assert "Download" in page
    assert "4711" in page
    assert "hx-trigger" not in page.split('id="status"')[1].split("stage")[0]
    assert "noscript" not in page


def test_every_setting_is_listed(client, clip):
    page = page_of(client, clip)

    for parameter in PARAMETERS:
        assert f"<dt>{parameter.label}</dt>" in page or parameter.name == "prompt", parameter.name
    assert clip.params["prompt"] in page


def test_a_lora_is_shown_with_its_file_and_strength(client, team):
    loras = (Lora("user/many", Decimal("0.80"), "night.safetensors"), Lora("user/one", Decimal("0.00")))
    clip = factories.make_generation(team, image=picture_of(team), loras=loras)

    assert "user/many (night.safetensors) at 0.8, user/one at 0" in page_of(client, clip)


def test_an_expanded_prompt_is_shown_beside_the_written_one(client, clip):
    bring(clip, Status.SUCCEEDED, used_prompt="A small wooden boat drifts, golden light")

    page = page_of(client, clip)

    assert "A boat drifts over a calm lake" in page
    assert "A small wooden boat drifts, golden light" in page


@pytest.mark.parametrize(
    ("status", "code", "sentence", "button"),
    [
        (Status.FAILED, "provider_error", "could not be rendered", "Try again"),
        (Status.REJECTED, "content_policy_violation", "safety check", "Change and try again"),
        (Status.CANCELED, "canceled", "You canceled this clip.", "Try again"),
        (Status.EXPIRED, "start_deadline", "did not start in time", "Try again"),
    ],
)
def test_a_clip_that_was_not_made_says_why_what_it_cost_and_what_next(
    client, clip, status, code, sentence, button
):
    bring(clip, status, failure_code=code)

    page = page_of(client, clip)

    assert sentence in page
    assert "Nothing was charged. $0.0075 is back in the team's credit." in page
    assert f"create/?from={clip.pk}" in page
    assert f">{button}<" in page


def test_fewer_frames_than_asked_for_cost_less(client, team):
    clip = factories.make_generation(team, image=picture_of(team), num_frames=121)
    bring(clip, Status.SUCCEEDED, frames=57)

    assert "$0.0475 was charged. $0.0534 was returned." in page_of(client, clip)


def test_the_timeline_says_how_long_each_state_lasted(client, clip):
    bring(clip, Status.SUCCEEDED)
    begun = clip.created_at
    for event, seconds in zip(clip.events.all(), (0, 4.2, 85, 7300, 7301), strict=True):
        clip.events.filter(pk=event.pk).update(created_at=begun + timedelta(seconds=seconds))

    page = page_of(client, clip)

    states = ["In line", "Sending", "Rendering", "Saving", "Ready"]
    assert re.findall(r"<li[^>]*><span>([^<]+)</span>", page) == states
    assert re.findall(r'<span class="note">([^<]+)</span>', page) == [
        "4.2 s",
        "1 min 21 s",
        "2 h 0 min",
        "1.0 s",
    ]


def test_a_prompt_is_only_ever_text(client, team):
    clip = factories.make_generation(team, image=picture_of(team), prompt="<script>alert(1)</script>")

    response = client.get(clip.get_absolute_url())

    assert b"<script>alert" not in response.content


# -- keeping up to date


def test_nothing_new_is_not_sent_again(client, clip):
    response = client.get(clip.get_absolute_url(), {"version": version_of(clip)}, headers=HTMX)

    assert response.status_code == 204


def test_what_changed_comes_as_the_part_alone(client, clip):
    shown = version_of(clip)
    bring(clip, Status.PROCESSING, progress=10)

    fragment = page_of(client, clip, data={"version": shown}, headers=HTMX)

    assert fragment.strip().startswith('<div id="status"')
    assert "<html" not in fragment
    assert 'hx-swap-oob="innerHTML:#announcement">Rendering<' in fragment


def test_progress_alone_is_not_announced(client, clip):
    bring(clip, Status.PROCESSING, progress=10)
    shown = version_of(clip)
    Generation.objects.filter(pk=clip.pk).update(progress=20)

    fragment = page_of(client, clip, data={"version": shown}, headers=HTMX)

    assert "Rendering 20 %" in fragment
    assert "#announcement" not in fragment


def test_the_last_part_asks_no_more(client, clip):
    shown = version_of(clip)
    bring(clip, Status.SUCCEEDED)

    fragment = page_of(client, clip, data={"version": shown}, headers=HTMX)

    assert "<video" in fragment
    assert "hx-get" not in fragment
    # What else on the page is only known now: the seed, and what is left.
    assert '<section class="recipe" id="recipe" hx-swap-oob="true">' in fragment
    assert "<dd>4711</dd>" in fragment
    assert 'id="balance" hx-swap-oob="true"' in fragment


def test_a_page_left_open_leads_to_the_sign_in_and_back(clip):
    page = clip.get_absolute_url()

    response = Client().get(page, headers={**HTMX, "HX-Current-URL": f"http://testserver{page}"})

    assert response["HX-Redirect"] == f"/accounts/login/?next={page}"
    assert Client().get(page)["Location"] == f"/accounts/login/?next={page}"


def test_a_reader_without_scripts_always_gets_the_page(client, clip):
    assert "<html" in page_of(client, clip, data={"version": version_of(clip)})


# -- canceling


def canceled(client, clip) -> str:
    response = client.post(reverse("generations:cancel", args=[clip.team.slug, clip.pk]))
    assert response["Location"] == clip.get_absolute_url()
    [message] = get_messages(response.wsgi_request)
    return str(message)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (None, CancelOutcome.RELEASED),
        (Status.PROCESSING, CancelOutcome.PENDING_UPSTREAM),
        (Status.FINALIZING, CancelOutcome.TOO_LATE),
        (Status.SUCCEEDED, CancelOutcome.TOO_LATE),
    ],
)
def test_canceling_says_what_became_of_it(client, clip, status, outcome):
    if status:
        bring(clip, status)

    assert canceled(client, clip) == CANCEL_TEXT[outcome]


def test_a_clip_that_is_being_canceled_says_so_and_cannot_be_canceled_again(client, clip):
    bring(clip, Status.PROCESSING)
    canceled(client, clip)

    page = page_of(client, clip)

    assert "Canceling" in page
    assert "cancel-dialog" not in page


def test_who_may_only_look_sees_no_buttons(team, clip):
    browser = Client()
    browser.force_login(factories.make_member(team, "viewer"))

    page = page_of(browser, clip)

    assert "A boat drifts" in page
    assert "cancel-dialog" not in page
    assert "Use these settings" not in page


@pytest.mark.parametrize("status", [None, Status.PROCESSING, Status.SUCCEEDED])
def test_every_state_has_a_tone_of_its_own_words(clip, status):
    if status:
        bring(clip, status)

    view = ClipView(clip)

    assert view.excerpt
    assert view.elapsed.endswith("s")
