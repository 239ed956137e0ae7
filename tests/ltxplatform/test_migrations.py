"""A database starts from few migrations, goes on from the many that led to them, and goes back and forth."""

from collections import Counter
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from billing import services
from tests.billing.books import hold, make_wallet, wallet

# Every step of the development before there was a release, as installations of that time have them written down.
WRITTEN_DOWN = {
    "accounts": """
        0001_people_and_teams 0002_audit_log 0003_audit_is_append_only 0004_staff_sessions 0005_visits_are_append_only
        0006_how_people_see_pages 0007_last_seen 0008_a_team_has_an_owner 0009_team_second_factor 0010_audit_of_object
        0011_notifications 0012_letters_on_schedule 0013_checklist_can_be_hidden 0014_teams_end 0015_invitations
        0016_invitations_on_schedule 0017_projects 0018_keys_rotate_and_are_bounded 0019_key_hashes_are_keyed
    """,
    "billing": """
        0001_ledger_tables 0002_append_only 0003_ledger_walls 0004_platform_accounts 0005_first_price
        0006_ledger_functions 0007_violations_view 0008_lots 0009_checks_at_once 0010_lot_walls
        0011_purchases_and_debt 0012_purchase_walls 0013_budgets_and_quotes 0014_budget_walls 0015_credit_functions
        0016_hold_functions 0017_purchase_functions 0018_other_functions 0019_lots_for_present_credit 0020_violations
        0021_violations_at_any_size 0022_quotes_for_batches 0023_several_holds 0024_lots_end_on_schedule 0030_payments
        0031_payments_on_schedule 0040_usage_by_day 0041_raise_requests 0042_requests_are_told 0050_holds_name_projects
        0070_checks_told_shortly 0071_cheaper_holds 0072_usage_is_proven
    """,
    "generations": """
        0001_pictures_and_generations 0002_sweep_every_minute 0003_lines_batches_and_derived_clips
        0010_turns_and_breakers 0020_costs_failures_and_files 0021_costs_and_files_on_schedule
        0040_changes_are_announced 0041_claims_in_one_statement 0050_breakers_are_announced 0060_clips_name_projects
    """,
}
STEPS = {app: names.split() for app, names in WRITTEN_DOWN.items()}


def replaced():
    disk = MigrationLoader(None).disk_migrations
    return [(migration.replaces, key) for key, migration in disk.items() if migration.replaces]


def installed():
    """Names of all that billing and generations have in the database."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname FROM pg_proc WHERE proname ~ '^(billing|generations)_'"
            " UNION ALL SELECT relname FROM pg_class WHERE relname ~ '^(billing|generations)_'"
            " UNION ALL SELECT tgrelid::regclass || ' ' || tgname FROM pg_trigger"
            " WHERE NOT tgisinternal AND tgrelid::regclass::text ~ '^(billing|generations)_'"
        )
        return {name for (name,) in cursor.fetchall()}


def test_every_former_step_is_replaced_exactly_once_in_its_own_app():
    steps = Counter(step for names, _ in replaced() for step in names)

    assert steps == Counter((app, name) for app, names in STEPS.items() for name in names)
    assert all(app == key[0] for names, key in replaced() for app, _ in names)


@pytest.mark.django_db
def test_the_migrations_say_what_the_models_say():
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)


@pytest.mark.usefixtures("cloned_database")
def test_a_database_that_took_every_former_step_goes_on_without_doing_anything():
    """A fresh one has those steps written down as well: only the names of now are new to the old one."""
    written = MigrationRecorder.Migration.objects
    for _, (app, name) in replaced():
        written.filter(app=app, name=name).delete()
    former = {(app, name) for app, names in STEPS.items() for name in names}
    assert former <= set(written.values_list("app", "name"))
    before, said = installed(), StringIO()

    call_command("migrate", check_unapplied=True, verbosity=0)
    call_command("migrate", stdout=said)

    assert "No migrations to apply." in said.getvalue()
    assert installed() == before
    assert {key for _, key in replaced()} <= set(written.values_list("app", "name"))


@pytest.mark.django_db
@pytest.mark.parametrize("app", STEPS)
def test_a_database_that_lacks_the_last_of_the_former_steps_is_refused(app):
    """Half taken over, it would miss a function and nobody would know."""
    written = MigrationRecorder.Migration.objects
    for its_app, name in [(app, STEPS[app][-1]), *(key for _, key in replaced())]:
        written.filter(app=its_app, name=name).delete()

    assert app in MigrationLoader(connection).detect_conflicts()


@pytest.mark.long
@pytest.mark.usefixtures("cloned_database")
def test_billing_and_generations_can_be_taken_out_and_put_back():
    before = installed()

    MigrationExecutor(connection).migrate([("billing", None), ("generations", None)])
    assert installed() == set()
    call_command("migrate", verbosity=0)

    assert installed() == before
    team = make_wallet(500)
    hold(team, 75)
    assert wallet(team) == (425, 75)
    assert services.default_clip_price() == 100_834
    assert services.find_violations() == []
