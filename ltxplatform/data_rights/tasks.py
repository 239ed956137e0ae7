"""django-q2 entry points: ids in, one service call each, harmless when run twice or late."""

from uuid import UUID

from django.utils import timezone

from ltxplatform.data_rights.services import deletions, exports


def export_step(*, export_id: str, **_: object) -> None:
    exports.export_step(export_id=UUID(export_id), now=timezone.now())


def tell_about_export(*, export_id: str, **_: object) -> None:
    exports.tell(export_id=UUID(export_id), now=timezone.now())


def deletion_step(*, deletion_id: str, **_: object) -> None:
    deletions.deletion_step(deletion_id=UUID(deletion_id), now=timezone.now())


def tell_about_deletion(*, deletion_id: str, **_: object) -> None:
    deletions.tell(deletion_id=UUID(deletion_id), now=timezone.now())


def sweep(**_: object) -> None:
    exports.sweep(now=timezone.now())
    deletions.sweep(now=timezone.now())
