"""Ten thousand random steps of money a run, each as the oracle says; STATEFUL_STEPS and SEEDED_STEPS make it more.

Hypothesis prints the steps of a failure and how to see them again; histories from a seed name it, and their number.
"""

import os
import random

import pytest
from django.db import Error, connection
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.billing.wallets import STEPS, TELL_BALANCES, Wallets, live
from tests.mutants.catalog import MUTANTS
from tests.support.databases import quick_savepoints

STEPS_MIN = int(os.environ.get("STATEFUL_STEPS", "10000"))
SEEDED_MIN = int(os.environ.get("SEEDED_STEPS", "400"))
NOTICED = (
    "the balance is not checked",
    "budgets do not refuse",
    "a repeated key's content is not compared",
    "a settlement does not look whether there was one",
    "a release corrects the present period",
    "overdue credit burns",
    "credit is keyed on the event",
    "each refund takes back all refunds so far",
)


@pytest.fixture(autouse=True)
def _many_short_steps(db):
    Wallets.compared = 0
    with connection.cursor() as cursor:
        cursor.execute(TELL_BALANCES)
    with quick_savepoints():
        yield


@pytest.mark.long
def test_random_histories_agree_with_the_oracle():
    while Wallets.compared < STEPS_MIN:  # some steps find nothing to do
        before = Wallets.compared
        run_state_machine_as_test(
            Wallets,
            settings=settings(
                max_examples=max(2, (STEPS_MIN - before) // STEPS),
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
        assert Wallets.compared > before


def test_histories_from_a_seed_agree_with_the_oracle():
    seed, number = os.environ.get("FAULT_SEED", str(random.randrange(2**32))), 0
    while Wallets.compared < SEEDED_MIN:
        try:
            live(random.Random(f"{seed}:{number}"))
        except BaseException as error:
            error.add_note(f"In history {number} of FAULT_SEED={seed}")
            raise
        number += 1


@pytest.mark.parametrize("name", NOTICED)
def test_control_broken_money_is_noticed(name):
    (mutant,) = [mutant for mutant in MUTANTS if mutant.name == name]
    with connection.cursor() as cursor:
        for change in mutant.changes:
            cursor.execute("SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = %s", [change.name])
            (definition,) = cursor.fetchone()
            assert change.old in definition
            cursor.execute(definition.replace(change.old, change.new, 1))

    with pytest.raises((AssertionError, Error)):
        live_on()


def test_control_books_that_only_the_proof_shows_are_noticed():
    """No reply and no balance tells what usage pages count."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE billing_hold DISABLE TRIGGER counted")

    with pytest.raises(AssertionError, match="usage_is_captured_holds"):
        live_on()


def live_on(histories=5):
    """The same ones each time, so that a control never depends on luck."""
    for number in range(histories):
        live(random.Random(number))
