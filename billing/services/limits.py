"""What owners allow a member, an API key or a project to spend, and who may not spend at all."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.actors import staff_actor
from accounts.audit import record
from accounts.models import ApiKey, Membership, Project, Team, User
from billing import ledger
from billing.models import Account, AccountKind, Limit


@transaction.atomic
def set_limit(
    *,
    team: Team,
    period: str,
    cap: int,
    member: User | None = None,
    key: ApiKey | None = None,
    project_id: UUID | None = None,
) -> Limit:
    """Allow one subject at most `cap` µ$ in each `period` (for `job`: a clip); replaces the cap it had.

    A cap below what is used already only stops more. Raises ValueError for a cap below zero or a member, key
    or project of another team, Busy. Locks the team's available row, so that a hold sees the old cap or the new one.
    """
    if cap < 0:
        raise ValueError("A cap is not below zero.")
    if member is not None and not Membership.objects.filter(team=team, user=member).exists():
        raise ValueError("Only members of the team have limits in it.")
    if key is not None and key.team_id != team.pk:
        raise ValueError("Only keys of the team have limits in it.")
    if project_id is not None and not Project.objects.filter(team=team, pk=project_id).exists():
        raise ValueError("Only projects of the team have limits in it.")
    ledger.wait_for_wallet(team_id=team.pk)
    limit, _ = Limit.objects.update_or_create(
        team=team,
        member=member,
        key=key,
        project_id=project_id,
        period=period,
        defaults={"cap": cap, "active": True},
    )
    return limit


@transaction.atomic
def raise_limit(*, limit: Limit, cap: int, until: datetime) -> Limit:
    """Let `cap` µ$ count instead of the limit's own until `until`. Locks the team's available row; raises Busy."""
    if cap < 0:
        raise ValueError("A cap is not below zero.")
    ledger.wait_for_wallet(team_id=limit.team_id)
    limit.raised_cap, limit.raised_until = cap, until
    limit.save(update_fields=["raised_cap", "raised_until"])
    return limit


@transaction.atomic
def lift_limit(*, limit: Limit) -> None:
    """The limit no longer counts; what it counted stays. Locks the team's available row; raises Busy."""
    ledger.wait_for_wallet(team_id=limit.team_id)
    limit.active = False
    limit.save(update_fields=["active"])


@transaction.atomic
def suspend_team(*, team: Team, reason: str, by: User | None = None) -> None:
    """Refuse every new hold of the team; with an empty reason, allow them again. Raises Busy.

    Clips that run are settled as ever. A team without a wallet has nothing to spend. `by` is of the staff, or None
    for the platform itself. The team's audit log says that it was suspended, the staff's also why.
    """
    ledger.wait_for_wallet(team_id=team.pk)
    wallet = Account.objects.filter(team=team, kind=AccountKind.AVAILABLE).exclude(suspended=reason).first()
    if wallet is None:
        return
    before = wallet.suspended
    Account.objects.filter(pk=wallet.pk).update(suspended=reason)
    actor = staff_actor(team, by) if by is not None else None
    if bool(before) != bool(reason):
        record("team.suspended" if reason else "team.suspension_ended", by=actor, team=team, about=team)
    # In no team's log: staff write these words for staff.
    record("suspension.explained", by=by, about=team, old={"reason": before}, new={"reason": reason})
