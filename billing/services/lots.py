"""Lots of credit: what a team has from where, and the end of what it did not use in time."""

from datetime import datetime

import structlog
from django.db import transaction

from accounts.models import Team
from billing import ledger
from billing.models import Lot

logger = structlog.get_logger(__name__)


def expire_overdue_lots(*, now: datetime) -> int:
    """Take what is left of every lot that is overdue `now`, one team at a time; returns for how many teams.

    A hold does the same for its own team first, so nothing depends on how often this runs. Locks each team's
    available row, then its lots; a team whose wallet is busy waits for the next time.
    """
    overdue = Lot.objects.filter(spendable=True, expires_at__lte=now).order_by("team").distinct("team")
    ended = 0
    for team_id in list(overdue.values_list("team", flat=True)):
        try:
            with transaction.atomic():
                ledger.expire(team_id=team_id, now=now)
        except ledger.Busy:
            logger.info("lots_wait_for_busy_wallet", team=str(team_id))
        else:
            ended += 1
    return ended


def lots_of(team: Team) -> list[Lot]:
    """What the team can still spend, in the order in which it burns."""
    burning = Lot.objects.filter(team=team, spendable=True)
    return sorted(burning, key=_burn_order)


def _burn_order(lot: Lot) -> tuple[int, bool, float, datetime, int]:
    ends = lot.expires_at.timestamp() if lot.expires_at else 0.0
    return lot.priority, lot.expires_at is None, ends, lot.created_at, lot.pk
