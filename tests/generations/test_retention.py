"""Files that a team's rule deletes: never before the row says so, and nothing else goes with them."""

import io
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.services import balance_of, find_violations
from generations.media_links import media_url
from generations.models import Generation, Retention
from generations.recipe import params_of, recipe_of
from generations.services import retention, submit_generation, sweep
from generations.services.retention import BATCH, FIELDS, UnknownDays
from generations.states import Status
from tests.contracts.world import picture_of
from tests.support.api import api_for
from tests.support.factories import actor_for, give_credits, make_generation, make_team, make_user, owner_of
from tests.support.stages import bring

pytestmark = pytest.mark.django_db


def delivered(team, *, days_ago: float = 0) -> Generation:
    """A ready clip with small files, that many days old."""
    clip = bring(make_generation(team, image=picture_of(team)), Status.SUCCEEDED)
    for field, name in zip(FIELDS, ("clip.mp4", "clip.jpg", "preview.mp4", "last.jpg"), strict=True):
        getattr(clip, field).save(f"clips/{clip.pk}/{name}", ContentFile(b"content"), save=False)
    clip.ended_at = timezone.now() - timedelta(days=days_ago)
    clip.save()
    return clip


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "clips").rglob("*.*"))


def delete_expired(clip: Generation, *, now: datetime | None = None) -> int:
    count = retention.delete_expired(now=now or timezone.now())
    clip.refresh_from_db()
    return count


def keep(team, days: int | None) -> None:
    retention.set_retention(team=team, keep_days=days, actor="test")


def test_without_a_rule_nothing_is_ever_deleted(team, media_root):
    clip = delivered(team, days_ago=5000)

    assert delete_expired(clip) == 0
    assert len(files_in(media_root)) == 4


def test_the_rule_deletes_all_files_of_old_clips_and_nothing_else(team, media_root):
    keep(team, 30)
    old, young = delivered(team, days_ago=30.01), delivered(team, days_ago=29.9)
    other_team = make_team()
    give_credits(other_team)
    foreign = delivered(other_team, days_ago=500)
    held = balance_of(team)
    picture = old.image.file.name

    assert delete_expired(old) == 1

    assert old.media_deleted_at is not None
    assert (old.status, old.due_at, old.image.file.name) == (Status.SUCCEEDED, None, picture)
    for clip in (young, foreign):
        clip.refresh_from_db()
        assert clip.media_deleted_at is None
    assert len(files_in(media_root)) == 8
    assert balance_of(team) == held
    assert find_violations() == []


def test_deleting_again_deletes_nothing_more(team):
    keep(team, 1)
    clip = delivered(team, days_ago=2)
    delete_expired(clip)
    first = clip.media_deleted_at

    assert delete_expired(clip) == 0
    assert clip.media_deleted_at == first


def test_the_row_says_so_before_a_file_goes(team, media_root, monkeypatch):
    """A crash in between leaves files that no row promises; the walk through the storage takes them."""
    keep(team, 1)
    clip = delivered(team, days_ago=2)

    def crash(_names) -> None:
        clip.refresh_from_db()
        assert clip.media_deleted_at is not None
        raise SystemExit

    monkeypatch.setattr(retention.storage, "remove", crash)
    with pytest.raises(SystemExit):
        retention.delete_expired(now=timezone.now())

    assert len(files_in(media_root)) == 4
    assert media_url(clip, "video") == ""


def test_a_large_backlog_goes_in_batches(team, monkeypatch, django_capture_on_commit_callbacks):
    monkeypatch.setattr(retention, "BATCH", 2)
    keep(team, 1)
    clips = [delivered(team, days_ago=9) for _ in range(3)]

    with django_capture_on_commit_callbacks() as nudges:
        assert delete_expired(clips[0]) == 2
    assert len(nudges) == 1
    with django_capture_on_commit_callbacks() as nudges:
        assert delete_expired(clips[0]) == 1
    assert nudges == []
    assert BATCH >= 100


def test_previews_that_were_due_are_not_drawn_any_more(team):
    keep(team, 1)
    clip = delivered(team, days_ago=2)
    Generation.objects.filter(pk=clip.pk).update(due_at=timezone.now())
    delete_expired(clip)

    assert sweep.enqueue_due(now=timezone.now()) == 0


# -- what people see


def test_the_page_tells_when_the_files_go_and_that_they_went(team, client):
    keep(team, 30)
    clip = delivered(team, days_ago=10)
    client.force_login(owner_of(team))
    planned = clip.ended_at + timedelta(days=30)

    before = client.get(clip.get_absolute_url()).content.decode()
    delete_expired(clip, now=timezone.now() + timedelta(days=40))
    after = client.get(clip.get_absolute_url()).content.decode()

    assert f"Its files are kept until {planned.day} {planned:%B %Y}" in before
    assert "<video" in before
    assert "Its files were deleted on" in after
    assert "<video" not in after
    assert "Files deleted" in after
    assert "Download" not in after
    assert "recipe.json" in after
    assert client.get(f"/t/{team.slug}/clips/").status_code == 200


def test_the_api_tells_it_too_and_old_addresses_answer_410(team, client):
    keep(team, 30)
    clip = delivered(team, days_ago=10)
    address = media_url(clip, "video")
    program = api_for(team)

    before = program.get(f"/generations/{clip.pk}").json()["output"]
    delete_expired(clip, now=timezone.now() + timedelta(days=40))
    after = program.get(f"/generations/{clip.pk}").json()["output"]
    gone = client.get(address)

    assert datetime.fromisoformat(before["delete_after"]) == clip.ended_at + timedelta(days=30)
    assert all(before[name] for name in ("video_url", "poster_url", "preview_url", "last_frame_url"))
    assert [after[name] for name in after if name.endswith("_url")] == [None] * 5
    assert after["delete_after"] is None
    assert datetime.fromisoformat(after["deleted_at"]) == clip.media_deleted_at
    assert (gone.status_code, gone["Content-Type"]) == (410, "application/problem+json")
    assert gone.json()["code"] == "media_expired"


def test_without_a_rule_no_date_is_promised(team):
    clip = delivered(team)

    assert api_for(team).get(f"/generations/{clip.pk}").json()["output"]["delete_after"] is None


def test_the_recipe_still_makes_the_clip_again(team):
    keep(team, 1)
    clip = delivered(team, days_ago=2)
    delete_expired(clip)

    again = submit_generation(
        actor=actor_for(team),
        image_id=clip.image_id,
        params=params_of(recipe_of(clip)),
        idempotency_key="again",
    ).generation

    assert again.params == clip.params


# -- who sets it


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("retention", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_sets_shows_and_ends_the_rule(team):
    assert "keeps the files of its clips for ever." in run(team.slug)
    assert "for 30 days." in run(team.slug, "30")
    assert "for 1 day." in run(team.slug, "1")
    assert Retention.objects.get().keep_days == 1
    assert "for ever." in run(team.slug, "forever")
    assert not Retention.objects.exists()


@pytest.mark.parametrize("days", ["0", "-1", "3651", "soon", "1.5"])
def test_the_command_refuses_nonsense(team, days):
    with pytest.raises(CommandError):
        run(team.slug, "--", days)
    assert not Retention.objects.exists()


def test_an_unknown_team_is_named(team):
    with pytest.raises(CommandError, match="no team called nobody"):
        run("nobody", "3")


@pytest.mark.parametrize("days", [0, -1, 3651])
def test_days_are_bounded(team, days):
    with pytest.raises(UnknownDays):
        keep(team, days)


def test_staff_set_it_on_a_page(team):
    desk = Client()
    desk.force_login(make_user(is_staff=True))

    added = desk.post(reverse("admin:generations_retention_add"), {"team": str(team.pk), "keep_days": "60"})
    assert (added.status_code, Retention.objects.get().keep_days) == (302, 60)
    change = reverse("admin:generations_retention_change", args=[team.pk])
    assert desk.post(change, {"keep_days": "0"}).status_code == 200  # refused beside the field
    assert desk.post(change, {"keep_days": "90"}).status_code == 302
    assert Retention.objects.get().keep_days == 90
    desk.post(reverse("admin:generations_retention_delete", args=[team.pk]), {"post": "yes"})

    assert not Retention.objects.exists()
