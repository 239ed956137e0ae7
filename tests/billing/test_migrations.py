"""Billing's migrations go back and forth, so that a release can be undone before credit moved."""

import pytest
from django.core.management import call_command
from django.db import connection

from billing import services
from tests.billing.books import hold, make_wallet, wallet

pytestmark = [pytest.mark.usefixtures("cloned_database"), pytest.mark.long]


def ours(catalog):
    """Names of what billing installed besides tables."""
    with connection.cursor() as cursor:
        cursor.execute(catalog)
        return {row[0] for row in cursor.fetchall()}


def installed():
    functions = ours("SELECT proname FROM pg_proc WHERE proname LIKE 'billing%'")
    return functions | ours("SELECT relname FROM pg_class WHERE relname LIKE 'billing%'")


def test_billing_can_be_taken_out_and_put_back():
    before = installed()

    call_command("migrate", "billing", "zero", verbosity=0)
    assert installed() == set()
    call_command("migrate", "billing", verbosity=0)

    assert installed() == before
    team = make_wallet(500)
    hold(team, 75)
    assert wallet(team) == (425, 75)
    assert services.default_clip_price() == 100_834
    assert services.find_violations() == []
