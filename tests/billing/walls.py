"""Plain SQL past the services, up to the checks that a commit makes."""

from uuid import uuid4

from django.db import connection, transaction

TRANSACTION = (
    "INSERT INTO billing_transaction (key, kind, team_id, actor, request_hash) "
    "VALUES (%(key)s, 'hold', %(team)s, 'test', '') RETURNING id"
)


def run(statement, parameters=None):
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone() if cursor.description else None


def commit(*steps):
    """Run statements or functions in a savepoint, up to the checks that a commit makes."""
    with transaction.atomic():
        for step in steps:
            step() if callable(step) else run(step)
        run("SET CONSTRAINTS ALL IMMEDIATE")


def new_transaction(team=None):
    return run(TRANSACTION, {"key": str(uuid4()), "team": team and team.pk})[0]


def add_entries(owner, *legs):
    """Each leg: account, amount, and perhaps balance after and version; all in one statement."""
    rows = [(owner, account.pk, *rest, *[None] * (3 - len(rest))) for account, *rest in legs]
    values = ", ".join(["(%s, %s, %s, %s::bigint, %s::bigint)"] * len(rows))
    run(
        "INSERT INTO billing_entry (transaction_id, account_id, amount, balance_after, version) VALUES "  # noqa: S608
        + values,
        [value for row in rows for value in row],
    )
