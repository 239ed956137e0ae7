"""One error for whatever a storage does, and names that tell their row."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage

from generations.services import storage
from generations.services.storage import StorageUnavailable

ROW = UUID("00000000-0000-4000-8000-000000000001")


def test_a_name_tells_kind_team_month_and_row_and_is_new_each_time():
    moment = datetime(2026, 3, 5, tzinfo=UTC)

    names = {storage.new_stem("clips", team_id=7, row_id=ROW, now=moment) for _ in range(100)}

    assert len(names) == 100
    assert all(name.startswith(f"clips/7/2026-03/{ROW}-") for name in names)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("the cloud is away")])
def test_whatever_goes_wrong_is_one_error_and_leaves_nothing(media_root, before_save, error):
    def half(name: str) -> None:
        path = media_root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"the part that fitted")
        raise error

    before_save(half)

    with pytest.raises(StorageUnavailable) as raised:
        storage.keep("clips/a.mp4", ContentFile(b"content"))

    assert raised.value.details == {"retry_after": 60}
    assert not default_storage.exists("clips/a.mp4")


def test_removing_forgives_and_tells(media_root, monkeypatch):
    name = storage.keep("clips/a.mp4", ContentFile(b"content"))
    assert storage.remove(["", "clips/never.mp4", name])
    assert not default_storage.exists(name)

    def refuse(self: FileSystemStorage, name: str) -> None:
        raise PermissionError(name)

    monkeypatch.setattr(FileSystemStorage, "delete", refuse)
    assert not storage.remove(["clips/b.mp4"])
