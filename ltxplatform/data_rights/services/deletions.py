"""Ending a team or an account: shown first, confirmed, undone if wished, and then done in small steps."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from accounts.actors import Actor
from accounts.audit import record
from accounts.background import enqueue
from accounts.errors import FieldErrors
from accounts.models import ApiKey, Membership, Role, Team, User
from billing.services import balance_of
from billing.services.closing import unfinished_purchases, why_not_close
from generations.models import Generation, Image
from generations.services.erasure import active_clips
from ltxplatform.data_rights.models import Deletion, DeletionState
from ltxplatform.data_rights.services import erasing
from ltxplatform.data_rights.services.exports import data_page, send_email

STEP: Final = "ltxplatform.data_rights.tasks.deletion_step"
TELL: Final = "ltxplatform.data_rights.tasks.tell_about_deletion"
LEASE: Final = timedelta(minutes=5)
BATCH: Final = 50


@dataclass(frozen=True, slots=True)
class TeamEnd:
    """What goes with a team. `credit` is forfeited, in µ$; `blockers` are sentences about what has to come first."""

    team: Team
    clips: int
    pictures: int
    active: int
    keys: int
    members: int
    credit: int
    purchases: int
    blockers: list[str]


@dataclass(frozen=True, slots=True)
class AccountEnd:
    """What goes with an account: the teams that are the person's alone, and places in others."""

    teams: list[TeamEnd]
    shared: list[Membership]
    keys: int
    blockers: list[str]


def preview_team(team: Team) -> TeamEnd:
    return TeamEnd(
        team=team,
        clips=Generation.objects.filter(team=team).count(),
        pictures=Image.objects.filter(team=team).count(),
        active=active_clips(team),
        keys=ApiKey.objects.filter(team=team, revoked_at=None).count(),
        members=Membership.objects.filter(team=team).count(),
        credit=max(0, balance_of(team).available),
        purchases=unfinished_purchases(team),
        blockers=why_not_close(team),
    )


def preview_account(person: User) -> AccountEnd:
    """Reads every team of the person."""
    own: list[TeamEnd] = []
    shared: list[Membership] = []
    blockers = ["You have staff rights. Have them removed first."] if person.is_staff else []
    for membership in Membership.objects.filter(user=person).select_related("team").order_by("team__name"):
        others = Membership.objects.filter(team=membership.team).exclude(user=person)
        if not others.exists():
            own.append(preview_team(membership.team))
            blockers += [f"{membership.team.name}: {why}" for why in own[-1].blockers]
            continue
        shared.append(membership)
        if membership.role == Role.OWNER and not others.filter(role=Role.OWNER).exists():
            blockers.append(
                f"You are the only owner of {membership.team.name}. Make somebody else an owner, or delete the team."
            )
    keys = ApiKey.objects.filter(created_by=person, revoked_at=None).count()
    return AccountEnd(own, shared, keys, blockers)


def teams_owned_by(person: User) -> list[Team]:
    owned = Team.objects.filter(memberships__user=person, memberships__role=Role.OWNER)
    return list(owned.order_by("name"))


def first_owner(team: Team) -> User | None:
    owners = Membership.objects.filter(team=team, role=Role.OWNER, user__is_active=True)
    found = owners.select_related("user").order_by("pk").first()
    return found.user if found is not None else None


def waiting_deletion(*, team: Team | None = None, person: User | None = None) -> Deletion | None:
    rows = Deletion.objects.filter(state=DeletionState.WAITING)
    return (rows.filter(team=team) if team is not None else rows.filter(team=None, person=person)).first()


def request_team_deletion(*, actor: Actor, typed: str, now: datetime) -> Deletion:
    """Freeze the team, to be deleted after DELETION_GRACE_DAYS. A second request returns the first.

    Where the platform's operators ask, it stands under the first of the owners. Raises FieldErrors when `typed` is not
    the team's name, while something has to be settled first, and for a team that has no owner any more.
    """
    team = actor.team
    _check_typed(typed, team.name, "name of the team")
    if blockers := why_not_close(team):
        raise FieldErrors({"__all__": blockers})
    person = actor.user or first_owner(team)
    if person is None:
        raise FieldErrors({"__all__": ["The team has no owner, so it is already gone."]})
    return _request(person, team, now, by=actor)


def request_account_deletion(
    *, person: User, typed: str, now: datetime, by_operators: bool = False
) -> Deletion:
    """The same for an account, and for the teams that are the person's alone. Raises FieldErrors."""
    by = None if by_operators else person
    _check_typed(typed, person.email, "e-mail address")
    preview = preview_account(person)
    if preview.blockers:
        raise FieldErrors({"__all__": preview.blockers})
    with transaction.atomic():
        deletion = _request(person, None, now, by=by)
        for end in preview.teams:
            if waiting_deletion(team=end.team) is None:
                _request(person, end.team, now, by=by, parent=deletion)
    return deletion


@transaction.atomic
def undo_deletion(*, deletion: Deletion, by: Actor | User, now: datetime) -> bool:
    """Take it back while it waits, and the ends of the person's own teams with it; False when it is too late.

    Locks the deletion.
    """
    whole = deletion.parent_id or deletion.pk
    rows = Deletion.objects.select_for_update().filter(Q(pk=whole) | Q(parent=whole))
    found = list(rows.exclude(state=DeletionState.UNDONE))
    if any(each.state == DeletionState.DONE or each.due_at <= now for each in found):
        return False
    for each in found:
        Deletion.objects.filter(pk=each.pk).update(state=DeletionState.UNDONE, ended_at=now)
        if each.team_id is not None:
            Team.objects.filter(pk=each.team_id).update(ends_at=None)
        deed = "team.deletion_undone" if each.team_id is not None else "user.deletion_undone"
        record(deed, by=by, team=each.team, about=each.team or each.person)
    return True


def deletion_step(*, deletion_id: UUID, now: datetime) -> None:
    """Do the next bounded part of a deletion that is due, and enqueue what follows. Two at once: one does nothing.

    Raises what storage and mail server raise; the sweep goes on. The rows say what is left, so a crash loses nothing.
    """
    deletion = _lease(deletion_id, now)
    if deletion is None:
        return
    if deletion.team is not None:
        progress = erasing.team_step(team=deletion.team, deletion_id=deletion.pk, now=now)
    else:
        # Own teams end first; and somebody may have become a last owner since it was asked for.
        left = preview_account(deletion.person)
        stays = bool(left.teams or left.blockers)
        progress = erasing.Progress.WAIT if stays else erasing.person_step(person=deletion.person)
    with transaction.atomic():
        done = progress == erasing.Progress.DONE
        changes = {"state": DeletionState.DONE, "ended_at": now} if done else {}
        Deletion.objects.filter(pk=deletion.pk).update(leased_until=None, **changes)
        if progress == erasing.Progress.MORE:
            enqueue(STEP, queue="media", deletion_id=str(deletion.pk))
        elif done and deletion.parent_id is not None:
            enqueue(STEP, queue="media", deletion_id=str(deletion.parent_id))


def tell(*, deletion_id: UUID, now: datetime) -> None:
    """Mail the owners, or the person, when it will happen and how to undo it, once."""
    waiting = Deletion.objects.select_related("team", "person").filter(told_at=None, parent=None)
    deletion = waiting.filter(pk=deletion_id, state=DeletionState.WAITING).first()
    if deletion is None:
        return
    path = data_page(deletion.team)
    url = f"{settings.PUBLIC_URL}{path}" if settings.PUBLIC_URL else ""
    for reader in erasing.readers(deletion.team) if deletion.team is not None else [deletion.person]:
        send_email("deletion", reader.email, {"deletion": deletion, "url": url})
    Deletion.objects.filter(pk=deletion.pk).update(told_at=now)


def sweep(*, now: datetime) -> None:
    """Begin what is due, go on with what waits, and mail what was not told."""
    rows = Deletion.objects.filter(state=DeletionState.WAITING)
    due = rows.filter(Q(leased_until=None) | Q(leased_until__lt=now), due_at__lte=now)
    for pk in due.order_by("due_at").values_list("pk", flat=True)[:BATCH]:
        enqueue(STEP, queue="media", deletion_id=str(pk))
    untold = rows.filter(told_at=None, parent=None, created_at__lt=now - timedelta(minutes=1))
    for pk in untold.values_list("pk", flat=True)[:BATCH]:
        enqueue(TELL, deletion_id=str(pk))


def _check_typed(typed: str, wanted: str, what: str) -> None:
    if typed.strip().casefold() != wanted.strip().casefold():
        raise FieldErrors({"typed": [f"Type the {what} exactly: {wanted}"]})


@transaction.atomic
def _request(
    person: User, team: Team | None, now: datetime, *, by: Actor | User | None, parent: Deletion | None = None
) -> Deletion:
    due_at = now + timedelta(days=settings.DELETION_GRACE_DAYS)
    try:
        with transaction.atomic():
            deletion = Deletion.objects.create(
                team=team,
                person=person,
                parent=parent,
                by_operators=by is None or (isinstance(by, Actor) and by.kind == "system"),
                created_at=now,
                due_at=due_at,
            )
    except IntegrityError:  # it was asked for already
        found = waiting_deletion(team=team, person=person)
        assert found is not None  # noqa: S101 - the index has just said so
        return found
    if team is not None:
        Team.objects.filter(pk=team.pk).update(ends_at=due_at)
    record(
        "team.deletion_requested" if team is not None else "user.deletion_requested",
        by=by,
        team=team,
        about=team or person,
        new={"on": due_at},
    )
    enqueue(TELL, deletion_id=str(deletion.pk))
    return deletion


@transaction.atomic
def _lease(deletion_id: UUID, now: datetime) -> Deletion | None:
    rows: QuerySet[Deletion] = Deletion.objects.select_related("team", "person")
    free = rows.select_for_update(skip_locked=True, of=("self",)).filter(
        Q(leased_until=None) | Q(leased_until__lt=now), state=DeletionState.WAITING, due_at__lte=now
    )
    deletion = free.filter(pk=deletion_id).first()
    if deletion is not None:
        deletion.leased_until = now + LEASE
        deletion.save(update_fields=["leased_until"])
    return deletion
