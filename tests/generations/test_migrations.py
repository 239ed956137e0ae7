"""Migrations go back and forth; a database from before there were lines, several keys and lots comes along."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from billing import services
from billing.services import hold_of
from generations.models import FalKey, Generation, MemberLine, Submission, TeamLine
from generations.services import places_in_line
from tests.billing.books import hold, make_wallet, settle, spend, wallet
from tests.support import databases, flow
from tests.support.factories import give_credits, make_generation, make_image, make_team
from tests.support.stages import bring

pytestmark = [pytest.mark.usefixtures("cloned_database"), pytest.mark.long]

BEFORE_LINES = ("generations", "0002_sweep_every_minute")
BEFORE_LOTS = ("billing", "0007_violations_view")


def test_releases_can_be_undone_and_done_again():
    """One walk for everything: working out what the schema was at each step takes seconds.

    A database that is in use goes back to before lines and lots and comes along again. A copy of it goes on, until
    billing is gone, and gets that back.
    """
    checks = [clips_in_line(), credit_in_use()]
    today = installed()

    migrate(BEFORE_LINES, BEFORE_LOTS)
    once = installed(besides="i")
    assert {"generations_generation", "billing_hold"} <= once
    assert not {"generations_teamline", "billing_lot"} & once
    with databases.clone(database_left()) as copy, databases.connected_to(copy):
        migrate(("billing", None))
        assert not {name for name in installed() if name.startswith("billing")}
        migrate(BEFORE_LINES, BEFORE_LOTS)
        # An index that comes back is named as if it was new.
        assert installed(besides="i") == once
    migrate(*MigrationExecutor(connection).loader.graph.leaf_nodes())

    assert installed() == today
    for check in checks:
        check()
    team = make_wallet(500)
    hold(team, 75)
    assert wallet(team) == (425, 75)
    assert services.default_clip_price() == 100_834
    assert services.find_violations() == []


def migrate(*targets: tuple[str, str | None]) -> None:
    with databases.many_classes():
        MigrationExecutor(connection).migrate(list(targets))


def database_left() -> str:
    """The name of the database, without a connection to it."""
    connection.close()
    return str(connection.settings_dict["NAME"])


def installed(*, besides: str = "") -> set[str]:
    """Names of our tables, indexes (kind i), sequences and views, and of functions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname ~ '^(billing|generations)' AND relkind NOT IN ('c', %s) "
            "UNION SELECT proname FROM pg_proc WHERE proname ~ '^(billing|generations)'",
            [besides],
        )
        return {row[0] for row in cursor.fetchall()}


def clips_in_line() -> Callable[[], None]:
    """Clips that keep their hold, their order and their turn."""
    team = make_team()
    give_credits(team)
    image = make_image(team)
    first, second, at_fal = (make_generation(team, image=image, seed=seed) for seed in range(3))
    bring(at_fal, "processing")
    Submission.objects.create(generation=at_fal, number=1, state="accepted", request_id="r")

    def check() -> None:
        rows = {row.pk: row for row in Generation.objects.all()}
        assert {row.hold_attempt for row in rows.values()} == set(rows)
        assert all(hold_of(row.hold_attempt).state == "open" for row in rows.values())
        assert rows[first.pk].line_order < rows[second.pk].line_order
        assert (rows[at_fal.pk].fal_key, Submission.objects.get().fal_key) == ("main", "main")
        assert TeamLine.objects.get().ready_at is not None
        assert MemberLine.objects.get().member == first.created_by
        assert FalKey.objects.count() == 0
        assert places_in_line(rows.values()) == {first.pk: 1, second.pk: 2}
        with transaction.atomic():
            assert flow.take_next(now=timezone.now()) == first

    return check


def credit_in_use() -> Callable[[], None]:
    """Credit that becomes a lot with its history."""
    team, waiting, partial = make_wallet(500), uuid4(), uuid4()
    services.grant_promo(team=team, amount=100, key="second", actor="test", reason="More")
    hold(team, 75, waiting)
    hold(team, 75, partial)
    settle(partial, 60)
    empty = make_wallet()

    def check() -> None:
        assert services.find_violations() == []
        (lot,) = services.lots_of(team)
        assert (lot.granted, lot.remaining, lot.held, lot.spent) == (600, 465, 75, 60)
        assert services.lots_of(empty) == []
        settle(waiting, 75)
        spend(team, 465)
        assert wallet(team) == (0, 0)

    return check
