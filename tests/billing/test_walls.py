"""What PostgreSQL refuses, whoever asks: every attempt goes past the services, in plain SQL."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from psycopg import sql

from billing.models import Account, Entry, Hold, Lot, LotMove, PriceVersion, Transaction
from tests.billing.books import hold, make_wallet, settle
from tests.billing.walls import TRANSACTION, add_entries, commit, new_transaction, run

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    """500 available, of which 75 are held."""
    team = make_wallet(500)
    hold(team, 75)
    return team


@pytest.fixture
def available(team):
    return team.accounts.get(kind="available")


@pytest.fixture
def revenue():
    return Account.objects.get(kind="revenue")


# -- history stays ------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [Transaction, Entry, PriceVersion, LotMove])
def test_history_is_neither_changed_nor_deleted(model, team, refuses):
    refuses("UPDATE on", lambda: model.objects.update(id=F("id")))
    refuses("DELETE on", lambda: model.objects.all()._raw_delete("default"))
    refuses("UPDATE on", lambda: model.objects.first().save())


@pytest.mark.parametrize("model", [Account, Hold, Lot])
def test_accounts_and_holds_are_not_deleted(model, team, refuses):
    refuses("DELETE on", lambda: model.objects.all()._raw_delete("default"))


@pytest.mark.parametrize("model", [Transaction, Entry, PriceVersion, Account, Hold, Lot, LotMove])
def test_no_table_is_emptied(model, team, refuses):
    truncate = sql.SQL("TRUNCATE {} CASCADE").format(sql.Identifier(model._meta.db_table))
    refuses("TRUNCATE on", lambda: run(truncate))


def test_a_team_with_a_wallet_stays(team, refuses):
    refuses("foreign key", lambda: run("DELETE FROM accounts_team WHERE id = %s", [team.pk]))


# -- transactions balance -----------------------------------------------------------------------------


def test_a_transaction_needs_entries(refuses):
    refuses("has no entries", new_transaction)


def test_one_entry_is_not_enough(revenue, refuses):
    refuses("has 1 entries", lambda: add_entries(new_transaction(), (revenue, 5)))


def test_entries_sum_to_zero(revenue, refuses):
    promo = Account.objects.get(kind="promo")

    refuses("sum to 1 µ", lambda: add_entries(new_transaction(), (revenue, 5), (promo, -4)))


def test_entries_balance_as_they_are_written_whatever_the_constraints_are_set_to(revenue, refuses):
    """There is no moment, and no SET CONSTRAINTS, at which half of a transaction would do."""
    promo = Account.objects.get(kind="promo")

    def in_two_steps():
        owner = new_transaction()
        add_entries(owner, (revenue, 5))
        add_entries(owner, (promo, -5))

    refuses("has 1 entries", in_two_steps)

    def after_the_check():
        owner = new_transaction()
        add_entries(owner, (revenue, 5), (promo, -5))
        run("SET CONSTRAINTS ALL IMMEDIATE")
        add_entries(owner, (promo, 1))

    refuses("has 1 entries", after_the_check)

    def behind_another():
        """With an id below one that was checked, and beside a transaction that balances."""
        one, two = new_transaction(), new_transaction()
        add_entries(one, (revenue, 5), (promo, -5))
        add_entries(two, (revenue, 5), (promo, -5))
        run(
            "INSERT INTO billing_entry (id, transaction_id, account_id, amount) "
            "VALUES (-2, %s, %s, 1), (-1, %s, %s, -1)",
            [one, revenue.pk, two, promo.pk],
        )

    refuses("has 1 entries that sum to", behind_another)


@pytest.mark.parametrize("missing", ["transaction", "account"])
def test_an_entry_needs_a_transaction_and_an_account(missing, revenue, refuses):
    nowhere = Account(pk=2**40)

    def orphan():
        owner = 2**40 if missing == "transaction" else new_transaction()
        add_entries(owner, (revenue, 5), (nowhere if missing == "account" else revenue, -5))

    refuses("was complete before" if missing == "transaction" else "does not continue its account", orphan)


def test_a_transaction_about_a_team_moves_its_credit(revenue, refuses):
    promo = Account.objects.get(kind="promo")

    refuses("not about", lambda: add_entries(new_transaction(make_wallet()), (revenue, 5), (promo, -5)))


def test_a_transaction_names_a_hold_of_its_team(team, revenue, refuses):
    def foreign():
        owner = run(
            "INSERT INTO billing_transaction (key, kind, actor, request_hash, hold_id) "
            "VALUES ('k', 'hold', 'test', '', %s) RETURNING id",
            [Hold.objects.get().pk],
        )[0]
        add_entries(owner, (revenue, 5), (Account.objects.get(kind="promo"), -5))

    refuses("names a hold that its team does not have", foreign)


def test_an_entry_cannot_be_nothing(revenue, refuses):
    refuses("entry_amount_not_zero", lambda: add_entries(new_transaction(), (revenue, 0)))


def test_balanced_entries_between_platform_accounts_pass(revenue):
    add_entries(new_transaction(), (revenue, 5), (Account.objects.get(kind="promo"), -5))
    run("SET CONSTRAINTS ALL IMMEDIATE")


def test_savepoints_do_not_hide_who_made_a_transaction(revenue):
    with transaction.atomic():
        owner = new_transaction()
    with transaction.atomic():
        add_entries(owner, (revenue, 5), (Account.objects.get(kind="promo"), -5))
    run("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_transaction_cannot_claim_another_origin(revenue):
    owner = run(
        "INSERT INTO billing_transaction (key, kind, actor, request_hash, database_xid) "
        "VALUES ('k', 'hold', 'test', '', 1) RETURNING database_xid"
    )
    assert owner == run("SELECT pg_current_xact_id()::text::bigint")
    transaction.set_rollback(True)


def test_a_key_is_used_once(team, refuses):
    taken = Transaction.objects.filter(team=team).first().key
    refuses("already exists", lambda: run(TRANSACTION, {"key": taken, "team": team.pk}))


def test_an_entry_does_not_move_another_teams_credit(available, revenue, refuses):
    def foreign():
        owner = new_transaction(make_wallet())
        add_entries(owner, (available, -5, 420, 3), (revenue, 5))

    refuses("credit of a team it is not about", foreign)


# -- wallets ------------------------------------------------------------------------------------------


def test_a_balance_does_not_change_by_itself(available, refuses):
    refuses("one entry at a time", lambda: Account.objects.filter(pk=available.pk).update(balance=1_000_000))
    refuses(
        "without an entry that says so",
        lambda: Account.objects.filter(pk=available.pk).update(
            balance=1_000_000, version=available.version + 1
        ),
    )


def test_a_balance_does_not_fall_below_its_floor(available, refuses):
    refuses(
        "account_balance_above_floor",
        lambda: Account.objects.filter(pk=available.pk).update(balance=-1, version=available.version + 1),
    )


def test_the_floor_stays(available, refuses):
    refuses("one entry at a time", lambda: Account.objects.filter(pk=available.pk).update(floor=-1000))


@pytest.mark.parametrize("step", [0, -1, 2])
def test_a_version_steps_by_one(available, refuses, step):
    refuses(
        "one entry at a time",
        lambda: Account.objects.filter(pk=available.pk).update(version=available.version + step),
    )


def test_an_account_keeps_its_owner(available, refuses):
    other = make_wallet()
    refuses(
        "one entry at a time",
        lambda: Account.objects.filter(pk=available.pk).update(team=other, version=available.version + 1),
    )


def test_an_account_starts_with_nothing(refuses):
    refuses(
        "starts with nothing",
        lambda: Account.objects.create(team=make_wallet(), kind="available", materialised=True, balance=5),
    )


def test_the_same_version_is_not_written_twice(team, available, refuses):
    refuses(
        "entry_version_once",
        lambda: add_entries(new_transaction(team), (available, 5, 5, available.version)),
    )


def test_an_entry_without_a_change_of_balance_is_refused(team, available, refuses):
    def lone():
        owner = new_transaction(team)
        add_entries(
            owner,
            (available, 5, available.balance + 5, available.version + 1),
            (available, -5, available.balance, available.version + 2),
        )

    refuses("does not continue its account", lone)


def test_a_wallet_entry_says_what_it_leaves(team, available, revenue, refuses):
    def silent():
        add_entries(new_transaction(team), (available, 5), (revenue, -5))

    refuses("does not continue its account", silent)


def test_balance_and_version_come_together(revenue, refuses):
    refuses("entry_balance_with_version", lambda: add_entries(new_transaction(), (revenue, 5, 5)))


def test_a_platform_account_counts_no_versions(revenue, refuses):
    def counted():
        add_entries(new_transaction(), (revenue, 5, 5, 1), (revenue, -5))

    refuses("does not continue its account", counted)
    refuses("account_platform_keeps_none", lambda: Account.objects.filter(pk=revenue.pk).update(version=1))


@pytest.mark.parametrize(
    ("kind", "materialised", "owned"),
    [("available", False, True), ("revenue", True, True), ("held", True, False), ("promo", False, True)],
)
def test_a_kind_belongs_to_a_team_or_to_the_platform(kind, materialised, owned, refuses):
    team = make_wallet() if owned else None
    refuses(
        "account_kind_fits_owner",
        lambda: Account.objects.create(team=team, kind=kind, materialised=materialised),
    )


def test_each_account_exists_once(team, refuses):
    refuses(
        "account_once_per_team",
        lambda: Account.objects.create(team=team, kind="held", materialised=True),
    )
    refuses(
        "account_once_for_platform",
        lambda: Account.objects.create(team=None, kind="promo", materialised=False),
    )


# -- holds and prices ---------------------------------------------------------------------------------


SETTLED = {"state": "settled", "settled_at": Now()}


@pytest.mark.parametrize(
    "change",
    [
        {"captured": 1},
        {"released": 1},
        SETTLED,
        {"state": "settled", "captured": 75},
        SETTLED | {"captured": 100, "released": -25},
        SETTLED | {"captured": -25, "released": 100},
    ],
)
def test_a_hold_is_settled_in_full_or_not_at_all(team, change, refuses):
    refuses("hold_settled_in_full", lambda: Hold.objects.update(**change))


@pytest.mark.parametrize(
    "change", [{"amount": 1}, {"attempt": uuid4()}, {"rate_nanos": 1}, {"num_frames": 2}, {"passes": 2}]
)
def test_a_hold_keeps_its_price(team, change, refuses):
    refuses("keeps its amount", lambda: Hold.objects.update(**change))


def test_a_hold_is_not_settled_without_its_transaction(team, refuses):
    refuses(
        "became settled without transaction",
        lambda: Hold.objects.update(**SETTLED, captured=75),
    )


def test_a_settled_hold_stays_as_it_is(team, refuses):
    settle(Hold.objects.get(team=team).attempt, 75)

    refuses("is settled and stays", lambda: Hold.objects.update(captured=0, released=75))
    refuses("is settled and stays", lambda: Hold.objects.update(state="open", captured=0, settled_at=None))


def test_an_open_hold_may_wait_longer(team):
    commit(lambda: Hold.objects.update(expires_at=F("expires_at") + timedelta(hours=1)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "billing_hold_attempt"),
        ({"attempt": uuid4(), "amount": 0}, "hold_amount_positive"),
        ({"attempt": uuid4()}, "became open without transaction"),
    ],
)
def test_a_hold_is_not_made_by_hand(team, change, said, refuses):
    copied = (
        "team",
        "attempt",
        "amount",
        "price_version",
        "rate_nanos",
        "num_frames",
        "passes",
        "expires_at",
    )
    made = Hold.objects.get()
    values = {name: getattr(made, name) for name in copied}
    refuses(said, lambda: Hold.objects.create(**(values | change)))


@pytest.mark.parametrize(("rate", "passes"), [(0, 2), (-1, 2), (1, 0)])
def test_a_price_is_above_zero(rate, passes, refuses):
    refuses(
        "price_version_positive",
        lambda: PriceVersion.objects.create(
            product="p", rate_nanos=rate, detail_passes=passes, valid_from="2030-01-01T00:00Z"
        ),
    )
