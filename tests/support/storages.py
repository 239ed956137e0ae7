"""Storages that misbehave on purpose; a test names one in STORAGES."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.core.files.storage import FileSystemStorage


class InterruptedStorage(FileSystemStorage):
    """Runs `before_save` with the name of each file about to be written; raising there loses the file."""

    before_save: ClassVar[Callable[[str], Any]] = staticmethod(lambda name: None)

    def _save(self, name: str, content: Any) -> str:
        type(self).before_save(name)
        return super()._save(name, content)  # type: ignore[misc]  # the stubs leave it out
