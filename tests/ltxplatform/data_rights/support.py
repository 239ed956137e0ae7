"""A team with one clip that is ready and its files, and people who have just signed in."""

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.utils import timezone

from accounts.models import Team, User
from billing.services import settle_hold
from generations.models import Generation, Image
from generations.states import Status
from ltxplatform.data_rights import tasks
from tests.contracts.world import browser_of, picture_of
from tests.support import factories

FILES = {"video": "mp4", "poster": "jpg", "preview": "mp4", "last_frame": "jpg"}


def just_signed_in(user: User) -> Client:
    return browser_of(user)


def stored(name: str, content: bytes) -> str:
    return default_storage.save(name, ContentFile(content))


def picture_with_files(team: Team, content: bytes = b"picture") -> Image:
    picture = picture_of(team)
    picture.file = stored(f"images/{team.pk}/{picture.pk}-11111111.jpg", content)
    picture.thumbnail = stored(f"images/{team.pk}/{picture.pk}-11111111-small.jpg", content)
    picture.save()
    return picture


def ready_clip(team: Team, content: bytes = b"video", **params) -> Generation:
    """As saving leaves it; no fal is asked."""
    clip = factories.make_generation(team, image=picture_with_files(team), **params)
    names = {
        field: stored(f"clips/{team.pk}/{clip.pk}-22222222-{field}.{ending}", content + field.encode())
        for field, ending in FILES.items()
    }
    settle_hold(generation_id=clip.hold_attempt, used=clip.price)
    Generation.objects.filter(pk=clip.pk).update(
        status=Status.SUCCEEDED, ended_at=timezone.now(), due_at=None, **names
    )
    clip.refresh_from_db()
    return clip


def run_until_done(export) -> int:
    """Steps until nothing is left to do; returns how many there were."""
    for step in range(1, 200):
        tasks.export_step(export_id=str(export.pk), later="ignored")
        export.refresh_from_db()
        if not export.is_building:
            return step
    raise AssertionError("It never ends.")


def signed_in_long_ago(user: User) -> Client:
    browser = browser_of(user)
    session = browser.session
    session["signed_in_at"] = 0
    session.save()
    return browser
