"""Credit that nobody paid for."""

from datetime import datetime
from typing import Final

from django.db import transaction

from accounts.audit import record
from accounts.models import Team
from billing import ledger
from billing.ledger import KeyReused
from billing.money import format_exact
from billing.services.staff_labels import behind

SYSTEM: Final = "system"


@transaction.atomic
def grant_promo(
    *, team: Team, amount: int, key: str, actor: str, reason: str, expires_at: datetime | None = None
) -> None:
    """Give the team a lot of `amount` µ$ of promotional credit, once per `key`; opens its wallet if need be.

    Raises ValueError for an amount that is not positive or a missing reason, KeyReused when `key`
    already gave another team or amount, and Busy. Locks the team's available row. The audit log tells what people gave;
    what the platform gives by itself (`actor` "system") stands in the books.
    """
    if amount <= 0:
        raise ValueError("A grant adds credit: the amount must be above zero.")
    if not reason.strip():
        raise ValueError("A grant needs a reason.")
    answer = ledger.grant_promo(
        team_id=team.pk, amount=amount, key=key, actor=actor, reason=reason, expires_at=expires_at
    )
    if answer.outcome == "key_reused":
        raise KeyReused("This key already belongs to another grant.")
    if answer.outcome == "granted" and actor != SYSTEM:
        new = {"reason": reason, "expires_at": expires_at} if expires_at else {"reason": reason}
        record("credit.granted", by=behind(actor, team), team=team, name=format_exact(amount), new=new)
