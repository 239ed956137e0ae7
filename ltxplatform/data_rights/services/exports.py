"""Exports: begun by people, made in steps of about a second, told about, and removed after some days."""

import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import IO, Final
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.core.mail import EmailMultiAlternatives
from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.actors import Actor
from accounts.audit import record
from accounts.background import enqueue
from accounts.errors import DomainError
from accounts.models import Team, User
from ltxplatform.data_rights.models import DataExport, ExportPart, ExportState
from ltxplatform.data_rights.services import content
from ltxplatform.data_rights.services.archive import Chunks, Piece, manifest
from ltxplatform.data_rights.services.content import Group, Item, Subject

logger = structlog.get_logger(__name__)

STEP: Final = "ltxplatform.data_rights.tasks.export_step"
TELL: Final = "ltxplatform.data_rights.tasks.tell_about_export"
# What one step writes at most before it hands over; a group is never cut.
STEP_BYTES: Final = 32_000_000
STEP_SECONDS: Final = 0.7
# A worker that says nothing for so long is gone; the largest clip is copied in less.
LEASE: Final = timedelta(minutes=10)
ATTEMPTS: Final = 5
BATCH: Final = 50
FOLDER: Final = "exports"
DIRECTORY: Final = "directory"


class TooManyExports(DomainError):
    """Enough for a day."""

    code = "rate_limited"


def start_export(*, person: User, actor: Actor | None = None, now: datetime) -> DataExport:
    """Begin an export of the actor's team, or without one of the person; one under way is returned instead.

    Raises TooManyExports after EXPORTS_A_DAY in a day.
    """
    team = actor.team if actor is not None else None
    running = _of(person, team).filter(state=ExportState.BUILDING).first()
    if running is not None:
        return running
    if _of(person, team).filter(created_at__gt=now - timedelta(days=1)).count() >= settings.EXPORTS_A_DAY:
        raise TooManyExports(
            f"At most {settings.EXPORTS_A_DAY} exports can be created per day. Try again tomorrow."
        )
    subject = Subject(person, team)
    first = next(iter(content.sections_of(subject)))
    try:
        with transaction.atomic():
            export = DataExport.objects.create(
                team=team, person=person, section=first, items=content.expected(subject), created_at=now
            )
            record("export.started", by=actor or person, team=team, about=export, name="Data export")
            enqueue(STEP, queue="media", export_id=str(export.pk))
    except IntegrityError:  # a twin of this click was first
        return _of(person, team).get(state=ExportState.BUILDING)
    return export


def exports_of(person: User, team: Team | None) -> list[DataExport]:
    """The last ones, newest first."""
    return list(_of(person, team).order_by("-created_at")[:5])


def export_step(*, export_id: UUID, now: datetime) -> None:
    """Write the next piece, or the directory at the end, and enqueue what follows. Two at once: one does nothing.

    After ATTEMPTS failures of one step the export is given up. Raises what the storage raises.
    """
    export = _lease(export_id, now)
    if export is None:
        return
    if export.attempts > ATTEMPTS:
        _give_up(export, now)
        return
    if export.section == DIRECTORY:
        _finish(export, now)
    else:
        _write_piece(export)


def tell(*, export_id: UUID, now: datetime) -> None:
    """Mail whoever asked that the export is ready or failed, once; the mark is set afterwards."""
    ended = DataExport.objects.select_related("team", "person").filter(pk=export_id, told_at=None)
    export = ended.filter(state__in=[ExportState.READY, ExportState.FAILED]).first()
    if export is None:
        return
    if export.person.is_active:
        path = data_page(export.team)
        context = {"export": export, "url": f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else ""}
        send_email("export", export.person.email, context)
    DataExport.objects.filter(pk=export.pk).update(told_at=now)


def sweep(*, now: datetime) -> None:
    """Go on with what a crash left, mail what was not told, and remove what is over."""
    waiting = DataExport.objects.filter(state=ExportState.BUILDING).filter(
        Q(leased_until=None) | Q(leased_until__lt=now)
    )
    for pk in waiting.filter(created_at__lt=now - timedelta(minutes=1)).values_list("pk", flat=True)[:BATCH]:
        enqueue(STEP, queue="media", export_id=str(pk))
    untold = DataExport.objects.filter(told_at=None, ended_at__lt=now - timedelta(minutes=1))
    untold = untold.filter(state__in=[ExportState.READY, ExportState.FAILED])
    for pk in untold.values_list("pk", flat=True)[:BATCH]:
        enqueue(TELL, export_id=str(pk))
    for export in DataExport.objects.filter(state=ExportState.READY, expires_at__lte=now)[:BATCH]:
        remove_files(export)
        DataExport.objects.filter(pk=export.pk).update(state=ExportState.EXPIRED)


def remove_files(export: DataExport) -> None:
    """Delete the archive, with pieces that a crash left unnamed; the row stays. Repeating is harmless."""
    folder = f"{FOLDER}/{export.pk}"
    with suppress(FileNotFoundError):
        for name in default_storage.listdir(folder)[1]:
            default_storage.delete(f"{folder}/{name}")
        default_storage.delete(folder)
    export.parts.all().delete()


def data_page(team: Team | None) -> str:
    if team is None:
        return reverse("data_rights:own_data")
    return reverse("data_rights:team_data", args=[team.slug])


def send_email(name: str, address: str, context: dict[str, object]) -> None:
    """Raises what the mail server raises."""
    subject, text, page = (
        render_to_string(f"emails/{name}.{part}", context)
        for part in ("subject.txt", "body.txt", "body.html")
    )
    message = EmailMultiAlternatives(" ".join(subject.split()), text, to=[address])
    message.attach_alternative(page, "text/html")
    message.send()


def _of(person: User, team: Team | None) -> QuerySet[DataExport]:
    if team is not None:
        return DataExport.objects.filter(team=team)
    return DataExport.objects.filter(team=None, person=person)


@transaction.atomic
def _lease(export_id: UUID, now: datetime) -> DataExport | None:
    """Take the export for this worker. The attempt is committed before the work, so one that kills counts."""
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    rows = DataExport.objects.select_for_update(skip_locked=True, of=("self",)).select_related(
        "team", "person"
    )
    export = rows.filter(free, pk=export_id, state=ExportState.BUILDING).first()
    if export is None:
        return None
    export.attempts += 1
    export.leased_until = now + LEASE
    export.save(update_fields=["attempts", "leased_until"])
    return export


def _write_piece(export: DataExport) -> None:
    """As many groups as fit, over the borders of sections."""
    subject = Subject(export.person, export.team)
    sections = content.sections_of(subject)
    names = list(sections)
    if export.section not in sections:  # a release in between has dropped it
        export.section, export.after = names[0], []
    until = time.monotonic() + STEP_SECONDS
    with tempfile.TemporaryFile() as file, _piece(export, file) as piece:
        is_full = False
        while export.section != DIRECTORY and not is_full:
            for group in sections[export.section](subject, export.after):
                _add_group(piece, group)
                export.items_done, export.after = export.items_done + group.counts, group.after
                is_full = piece.size >= STEP_BYTES or time.monotonic() >= until
                if is_full:
                    break
            else:
                export.section = [*names, DIRECTORY][names.index(export.section) + 1]
                export.after = []
        _keep(export, file, piece.entries())


def _finish(export: DataExport, now: datetime) -> None:
    with tempfile.TemporaryFile() as file, _piece(export, file) as piece:
        about = {
            "made_at": export.created_at.isoformat(),
            "of": str(export.team) if export.team is not None else export.person.email,
            "kind": "team" if export.team is not None else "person",
        }
        chunks = Chunks(manifest(about, _entries(export)))
        piece.add("manifest.json", chunks, compress=True)  # type: ignore[arg-type]  # it is only read
        entries = piece.entries()
        piece.close_archive(_entries(export))
        export.state, export.leased_until, export.ended_at = ExportState.READY, None, now
        export.expires_at = now + timedelta(days=settings.EXPORT_DAYS)
        _keep(export, file, entries)


def _piece(export: DataExport, file: IO[bytes]) -> Piece:
    moment = export.created_at
    date = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    return Piece(file, start=export.size, date=date)


def _add_group(piece: Piece, group: Group) -> None:
    for item in group.items:
        _add(piece, item)


def _add(piece: Piece, item: Item) -> None:
    if not item.stored:
        piece.add(item.name, Chunks([item.content]), compress=True)  # type: ignore[arg-type]  # it is only read
        return
    try:
        with default_storage.open(item.stored) as stored:
            piece.add(item.name, stored, compress=False)  # pictures and clips do not get smaller
    except FileNotFoundError:  # deleted since its row was read
        logger.warning("export_file_gone", name=item.stored)


def _keep(export: DataExport, file: IO[bytes], entries: list[list[object]]) -> None:
    """Store the piece, then commit it with the new place. A crash in between leaves a file that goes with the rest."""
    size = file.seek(0, 2)
    name = ""
    if size:
        file.seek(0)
        wish = f"{FOLDER}/{export.pk}/{export.parts_done:06}-{uuid4().hex[:8]}.part"
        name = default_storage.save(wish, File(file))
    with transaction.atomic():
        # Whoever held the lease before us may still be alive: the number lets one through.
        present = DataExport.objects.select_for_update().filter(pk=export.pk, state=ExportState.BUILDING)
        if not present.filter(parts_done=export.parts_done).exists():
            return
        if size:
            ExportPart.objects.create(
                export=export,
                number=export.parts_done,
                file=name,
                offset=export.size,
                size=size,
                entries=entries,
            )
        export.parts_done, export.size = export.parts_done + 1, export.size + size
        export.files, export.attempts, export.leased_until = export.files + len(entries), 0, None
        export.save()
        if export.is_building:
            enqueue(STEP, queue="media", export_id=str(export.pk))
        else:
            enqueue(TELL, export_id=str(export.pk))


@transaction.atomic
def _give_up(export: DataExport, now: datetime) -> None:
    remove_files(export)
    DataExport.objects.filter(pk=export.pk).update(
        state=ExportState.FAILED, ended_at=now, leased_until=None, attempts=F("attempts") - 1
    )
    enqueue(TELL, export_id=str(export.pk))


def _entries(export: DataExport) -> Iterator[list[object]]:
    parts: Iterable[list[list[object]]] = export.parts.values_list("entries", flat=True).iterator()
    for entries in parts:
        yield from entries
