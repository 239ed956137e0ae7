"""Short ways to set credit up, shared by the tests of money."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.utils import timezone

from accounts.actors import Actor, system_actor
from accounts.models import Team
from billing import services
from billing.models import Hold, PriceVersion, Purchase
from billing.services import Quote


def make_wallet(amount: int = 0) -> Team:
    """A team with `amount` µ$ to spend; without a wallet when that is nothing."""
    name = uuid4().hex[:12]
    team = Team.objects.create(name=name, slug=name)
    if amount:
        services.grant_promo(team=team, amount=amount, key=name, actor="test", reason="A start")
    return team


def quote_of(amount: int) -> Quote:
    """A quote for exactly `amount` µ$: one frame at a rate that gives it."""
    return Quote(
        amount=amount,
        num_frames=1,
        detail_pass=False,
        passes=1,
        rate_nanos=amount * 24_000,
        billed_seconds=Decimal("0.0417"),
        price_version_id=PriceVersion.objects.values_list("pk", flat=True)[0],
    )


def hold(
    team: Team, amount: int | Quote, attempt: UUID | None = None, *, until: datetime | None = None
) -> Hold:
    with transaction.atomic():
        return services.hold_credits(
            actor=system_actor(team),
            generation_id=attempt or uuid4(),
            quote=amount if isinstance(amount, Quote) else quote_of(amount),
            expires_at=until or timezone.now() + timedelta(hours=1),
        )


def hold_by(actor: Actor, amount: int, attempt: UUID | None = None) -> UUID:
    """Somebody's clip, on its way; returns its id."""
    attempt = attempt or uuid4()
    with transaction.atomic():
        services.hold_credits(
            actor=actor,
            generation_id=attempt,
            quote=quote_of(amount),
            expires_at=timezone.now() + timedelta(hours=1),
        )
    return attempt


def settle(attempt: UUID, used: int, *, now: datetime | None = None) -> Hold:
    with transaction.atomic():
        return services.settle_hold(generation_id=attempt, used=used, now=now)


def spend(team: Team, amount: int) -> None:
    """A clip that cost `amount` µ$."""
    attempt = uuid4()
    hold(team, amount, attempt)
    settle(attempt, amount)


def buy(team: Team, credit: int, *, tax_cents: int = 0, credit_days: int | None = None) -> Purchase:
    """A paid purchase of `credit` µ$."""
    bought = services.start_purchase(
        team=team, credit=credit, actor="test", tax_cents=tax_cents, credit_days=credit_days
    )
    assert services.credit_purchase(purchase=bought, actor="test", now=timezone.now())
    return bought


def wallet(team: Team) -> tuple[int, int]:
    """Available and held µ$."""
    balance = services.balance_of(team)
    return balance.available, balance.held


def check_walls() -> None:
    """Run now what the database checks at commit."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
