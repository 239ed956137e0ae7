"""Without a visit the staff site shows ids, states and money, and nothing that people wrote or made."""

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.models import StaffVisit, Team, User
from generations.models import Generation, Image, Submission, WebhookReceipt
from ltxplatform import urls  # noqa: F401 - loads the screens
from tests.contracts.world import browser_of, make_world
from tests.support import factories

pytestmark = pytest.mark.django_db

CANARY = "zyxcanary"
FAL_FILE = f"https://v3.fal.media/files/{CANARY}.jpg"


@pytest.fixture
def staff() -> User:
    return factories.make_user("staff@example.com", is_staff=True)


@pytest.fixture
def clip() -> Generation:
    """A word in everything that people write, and in what leads to their pictures."""
    world = make_world()
    clip = world.clip
    clip.params |= {
        "prompt": f"{CANARY} sails",
        "negative_prompt": CANARY,
        "loras": [{"path": f"https://{CANARY}.example/a.safetensors", "scale": 1}],
    }
    clip.used_prompt, clip.logs = f"{CANARY} at dawn", [f"prompt: {CANARY}"]
    clip.save()
    Image.objects.filter(pk=clip.image_id).update(original_name=f"{CANARY}.jpg", fal_url=FAL_FILE)
    Submission.objects.filter(generation=clip).update(body={"prompt": CANARY, "image_url": FAL_FILE})
    WebhookReceipt.objects.create(
        submission=world.submission, request_id=world.submission.request_id, body=FAL_FILE
    )
    return clip


def page(action: str, row_or_model, *args) -> str:
    meta = row_or_model._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_{action}", args=args)


def text_of(desk: Client, row) -> str:
    response = desk.get(page("change", row, row.pk))
    assert response.status_code == 200
    return response.content.decode()


def visit(desk: Client, team: Team) -> None:
    reason = "Ticket 4711: the clip is not what was asked for"
    begun = desk.post(reverse("admin:accounts_staffsession_start"), {"team": team.slug, "reason": reason})
    assert begun.status_code == 302


def with_contents(clip: Generation) -> list:
    return [clip, clip.submissions.get(), clip.image]


def test_no_screen_shows_what_people_made_without_a_visit(staff, clip):
    desk = browser_of(staff)

    for model in admin.site._registry:
        assert CANARY not in desk.get(page("changelist", model)).content.decode(), model
        for row in model._default_manager.all():
            assert CANARY not in text_of(desk, row), model


def test_what_running_the_platform_needs_is_open(staff, clip):
    desk = browser_of(staff)

    shown = text_of(desk, clip)
    for needed in (str(clip.pk), clip.team.name, "num_frames 9", "held $", clip.idempotency_key):
        assert needed in shown
    assert clip.submissions.get().request_id in text_of(desk, clip.submissions.get())
    assert clip.image.sha256 in text_of(desk, clip.image)


def test_a_visit_to_the_team_opens_them_and_notes_it(staff, clip):
    desk = browser_of(staff)
    begin = f"{reverse('admin:accounts_staffsession_start')}?team={clip.team.slug}"
    for row in with_contents(clip):
        assert f'href="{begin}"' in text_of(desk, row)
    assert f'value="{clip.team.slug}"' in desk.get(begin).content.decode()

    visit(desk, clip.team)

    for row in with_contents(clip):
        shown = text_of(desk, row)
        assert CANARY in shown
        assert begin not in shown
        assert StaffVisit.objects.filter(path=page("change", row, row.pk), session__team=clip.team).exists()
    assert text_of(desk, clip.submissions.get()).count(CANARY) >= 3  # sent, and come back


def test_a_visit_to_another_team_opens_nothing_of_this_one(staff, clip):
    desk = browser_of(staff)
    visit(desk, factories.make_team())

    for row in with_contents(clip):
        assert CANARY not in text_of(desk, row)


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        (Generation, "params__prompt__startswith"),
        (Generation, "used_prompt__startswith"),
        (Submission, "body__prompt__startswith"),
        (Submission, "generation__used_prompt__startswith"),
        (Image, "original_name__startswith"),
        (Image, "generations__used_prompt__startswith"),
    ],
)
def test_no_list_is_narrowed_by_what_people_wrote(staff, clip, model, lookup):
    assert browser_of(staff).get(page("changelist", model), {lookup: "z"}).status_code == 400


def test_pictures_are_not_found_by_their_names(staff, clip):
    found = browser_of(staff).get(page("changelist", Image), {"q": CANARY})

    assert found.context["cl"].result_count == 0
