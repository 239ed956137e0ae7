"""The small loop and the last frame: drawn after the clip can be watched, and never in its way."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from PIL import Image as Pillow

from generations.media_links import media_url
from generations.models import Generation
from generations.presentation import ClipView
from generations.services import previews, retention, sweep
from generations.services.previews import TRIES_MAX
from tests.support import flow
from tests.support.factories import make_generation

pytestmark = pytest.mark.django_db


@pytest.fixture
def clip(fal, team) -> Generation:
    """Ready, and without previews."""
    return flow.run(make_generation(team))


def draw(clip: Generation, *, ahead: float = 0) -> Generation:
    previews.draw(generation_id=clip.pk, clock=lambda: timezone.now() + timedelta(seconds=ahead))
    clip.refresh_from_db()
    return clip


def files_in(folder: Path) -> list[str]:
    return sorted(path.name.split("-", 5)[-1].partition("-")[2] for path in (folder / "clips").rglob("*.*"))


def test_they_are_drawn_stored_and_handed_out(clip, client):
    assert ClipView(clip).preview == media_url(clip, "video")  # until then the clip itself plays on its tile

    draw(clip)

    assert clip.due_at is None
    assert ClipView(clip).preview == media_url(clip, "preview")
    loop = client.head(media_url(clip, "preview"))
    assert (loop.status_code, loop["Content-Type"]) == (200, "video/mp4")
    last = client.get(media_url(clip, "last_frame"))
    assert Pillow.open(io.BytesIO(b"".join(last.streaming_content))).size == (clip.width, clip.height)
    assert last["Content-Disposition"] == f'inline; filename="clip-{clip.pk.hex[:8]}-last-frame.jpg"'


def test_drawing_twice_draws_once(clip, media_root):
    draw(clip)
    before = files_in(media_root)

    draw(clip, ahead=3600)

    assert files_in(media_root) == before
    assert len(before) == 4


def test_a_lost_task_is_found_by_the_sweep(clip):
    now = timezone.now()

    assert sweep.enqueue_due(now=now) == 1
    draw(clip)
    assert sweep.enqueue_due(now=now + timedelta(minutes=5)) == 0


def test_they_step_back_while_other_clips_wait_to_be_saved(clip, team):
    waiting = make_generation(team, key="other")
    Generation.objects.filter(pk=waiting.pk).update(status="finalizing", due_at=timezone.now())

    assert draw(clip, ahead=1).preview.name == ""
    assert timezone.now() < clip.due_at < timezone.now() + timedelta(seconds=12)
    assert clip.attempts == 0
    assert draw(clip, ahead=660).preview.name  # not for ever


def test_a_clip_whose_previews_cannot_be_drawn_stays_whole(clip, media_root):
    Path(clip.video.path).write_bytes(b"\0\0\0\x18ftypisom" + b"\0" * 64)

    draw(clip)

    assert (clip.status, clip.due_at, clip.preview.name) == ("succeeded", None, "")


@pytest.mark.parametrize("trouble", ["full", "lost"])
def test_trouble_is_tried_three_times_and_then_left(clip, before_save, trouble):
    def no_space(_name: str) -> None:
        raise OSError(28, "No space left on device")

    if trouble == "full":
        before_save(no_space)
    else:
        Path(clip.video.path).unlink()

    for number in range(TRIES_MAX):
        assert draw(clip, ahead=number * 3600).attempts == number + 1
    draw(clip, ahead=TRIES_MAX * 3600)

    assert (clip.status, clip.due_at, clip.attempts) == ("succeeded", None, TRIES_MAX)


def test_a_clip_whose_files_were_deleted_meanwhile_gets_none(clip, team, media_root, before_save):
    retention.set_retention(team=team, keep_days=1, actor="test")

    def delete_now(name: str) -> None:
        if "-last" in name:
            retention.delete_expired(now=timezone.now() + timedelta(days=2))

    before_save(delete_now)
    draw(clip)

    assert (clip.preview.name, clip.due_at) == ("", None)
    assert files_in(media_root) == []
