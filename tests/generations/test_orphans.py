"""Files that no row names: found wherever they lie, a bounded number at a time, and never a file that is wanted."""

import io
import os
import tempfile
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.utils import timezone

from generations.models import Generation, StorageWalk
from generations.services import orphans, storage
from generations.services.orphans import GRACE, find_all, remove_work_folders, walk_on
from generations.services.saving import WORK_PREFIX
from generations.states import Status
from tests.contracts.world import picture_of
from tests.support.factories import make_generation, make_image
from tests.support.stages import bring

pytestmark = pytest.mark.django_db

OLD = GRACE + timedelta(hours=1)


def put(stem: str, *endings: str, age: timedelta = OLD) -> list[str]:
    names = []
    for ending in endings:
        name = default_storage.save(f"{stem}{ending}", ContentFile(b"content"))
        moment = (timezone.now() - age).timestamp()
        os.utime(default_storage.path(name), (moment, moment))
        names.append(name)
    return names


def stem(kind: str, team, row=None) -> str:
    return storage.new_stem(kind, team_id=team.pk, row_id=row or uuid4(), now=timezone.now())


def with_files(team) -> tuple[Generation, list[str]]:
    """A ready clip whose four files are old."""
    clip = bring(make_generation(team, image=picture_of(team)), Status.SUCCEEDED)
    names = put(stem("clips", team, clip.pk), ".mp4", ".jpg", "-preview.mp4", "-last.jpg")
    clip.video, clip.poster, clip.preview, clip.last_frame = names
    clip.save()
    return clip, names


def there(names: list[str]) -> list[str]:
    return [name for name in names if default_storage.exists(name)]


def test_files_that_a_row_names_stay(team, media_root):
    _, clip_files = with_files(team)
    image = make_image(team)
    pictures = [image.file.name, image.thumbnail.name]
    for name in pictures:
        os.utime(default_storage.path(name), (0, 0))

    assert walk_on(now=timezone.now()) == 0
    assert there(clip_files + pictures) == clip_files + pictures


def test_files_of_a_crash_go_after_a_day(team):
    lost = put(stem("clips", team), ".mp4", ".jpg") + put(stem("images", team), ".jpg", "-small.jpg")
    fresh = put(stem("clips", team), ".mp4", age=GRACE - timedelta(hours=1))

    assert walk_on(now=timezone.now()) == 4
    assert there(lost + fresh) == fresh


def test_an_earlier_try_of_the_same_clip_is_told_from_the_one_that_counts(team):
    clip, names = with_files(team)
    earlier = put(stem("clips", team, clip.pk), ".mp4", ".jpg")

    assert walk_on(now=timezone.now()) == 2
    assert there(names + earlier) == names


def test_files_that_outlived_their_deletion_by_the_team_s_rule_go(team):
    clip, names = with_files(team)
    Generation.objects.filter(pk=clip.pk).update(media_deleted_at=timezone.now())

    assert walk_on(now=timezone.now()) == 4
    assert there(names) == []


@pytest.mark.parametrize(
    "name",
    [
        "clips/readme.txt",
        "clips/team/note.mp4",
        "clips/team/2026-01/00000000-0000-4000-8000-000000000000.mp4",
        "clips/team/2026-01/00000000-0000-4000-8000-000000000000-12345678.exe",
        "images/team/00000000-0000-4000-8000-000000000000.jpg",
        "other/team/2026-01/00000000-0000-4000-8000-000000000000-12345678.mp4",
    ],
)
def test_what_is_not_named_by_us_is_never_touched(db, name):
    put(name, "")

    assert walk_on(now=timezone.now()) == 0
    assert default_storage.exists(name)


def test_one_run_looks_at_a_bounded_number_and_the_next_goes_on(team, monkeypatch):
    monkeypatch.setattr(orphans, "FILES_A_RUN", 4)
    months = [f"clips/{team.pk}/2026-{month:02}" for month in range(1, 6)]
    lost = [put(f"{folder}/{uuid4()}-12345678", ".mp4", ".jpg") for folder in months]

    removed = [walk_on(now=timezone.now()) for _ in range(3)]

    assert removed == [4, 4, 2]
    assert there([name for names in lost for name in names]) == []
    walk = StorageWalk.objects.get()
    assert (walk.folder, walk.removed, walk.looked_at) == ("", 10, 0)
    assert walk.finished_at is not None


def test_a_round_begins_again_after_the_last_folder(team):
    assert walk_on(now=timezone.now()) == 0
    lost = put(stem("clips", team), ".mp4")

    assert walk_on(now=timezone.now()) == 1
    assert there(lost) == []


def test_many_files_ask_the_database_little(team, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(orphans, "LOOKED_UP_AT_ONCE", 10)
    for _ in range(10):
        put(stem("clips", team), ".mp4", ".jpg")

    with django_assert_max_num_queries(10):
        assert walk_on(now=timezone.now()) == 20


def test_a_file_that_cannot_be_removed_is_left_for_the_next_round(team, monkeypatch):
    lost = put(stem("clips", team), ".mp4")

    def refuse(_name: str) -> None:
        raise PermissionError

    monkeypatch.setattr(default_storage._wrapped.__class__, "delete", lambda self, name: refuse(name))

    assert walk_on(now=timezone.now()) == 0
    assert there(lost) == lost


def test_an_empty_storage_is_fine(db):
    assert walk_on(now=timezone.now()) == 0


def test_working_folders_of_killed_workers_go(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folders = [tmp_path / name for name in (f"{WORK_PREFIX}old", f"{WORK_PREFIX}new", "somebody-else")]
    for folder in folders:
        folder.mkdir()
        (folder / "clip.mp4").write_bytes(b"half")
    for folder in (folders[0], folders[2]):
        os.utime(folder, (0, 0))

    assert remove_work_folders(now=timezone.now()) == 1
    assert [folder.exists() for folder in folders] == [False, True, True]


def test_the_command_lists_and_removes(team):
    lost = put(stem("clips", team), ".mp4", ".jpg")

    listed, removed = io.StringIO(), io.StringIO()
    call_command("orphans", stdout=listed)
    assert there(lost) == lost
    call_command("orphans", "--delete", stdout=removed)

    assert listed.getvalue().splitlines() == [*sorted(lost), "2 files, 0.0 MB found; --delete removes them."]
    assert removed.getvalue().splitlines()[-1] == "2 files, 0.0 MB removed."
    assert there(lost) == []
    assert list(find_all(now=timezone.now())) == []
