"""What it costs to find out who calls: CPU of one check of an API key, without the network and the endpoint behind it.

Two thousand checks of the same key over one connection, in rounds of a hundred, among ten thousand other keys; and
signing in with a password, which is dear on purpose. Run by `python -m benchmarks.key_check`. Fails when a check asks
the database more than once or its median takes more than the goal. Reference in the same run: the bare query that finds
the row, without anything of ours around it.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

KEYS = 10_000
ROUNDS = 20
A_ROUND = 100
GOAL_MS = 0.3


def main() -> None:
    from benchmarks._surroundings import prepared_database

    os.environ["DEBUG"] = "false"  # otherwise every statement is written down as well
    with tempfile.TemporaryDirectory(prefix="bench") as folder, prepared_database(Path(folder)):
        check, bare, sign_in = _subjects()
        queries = _queries(check)
        took, reference = _cpu(check), _cpu(bare)
        _report("bare query", reference)
        _report("key check", took, goal=GOAL_MS)
        print(f"key check: {queries} query, {median(took) / median(reference):.1f} times the bare query")
        _report("signing in with a password", _cpu(sign_in, rounds=5, each=1))
    if queries > 1 or median(took) > GOAL_MS:
        sys.exit(f"A key check should take at most one query and {GOAL_MS} ms of CPU.")


def _subjects() -> tuple[Callable[[], object], Callable[[], object], Callable[[], object]]:
    from django.contrib.auth import authenticate
    from django.db import connection
    from django.test import RequestFactory
    from rest_framework.request import Request

    from accounts.authentication import ApiKeyAuthentication
    from accounts.models import ApiKey
    from tests.support import factories
    from tests.support.api import make_key

    team = factories.make_team()
    key, plain = make_key(team)
    ApiKey.objects.bulk_create(
        ApiKey(public_id=f"bench{n:07}", secret_hash="0" * 64, team=team, created_by=key.created_by, name="x")
        for n in range(KEYS)
    )
    request = RequestFactory().get("/api/v1/balance", headers={"Authorization": f"Bearer {plain}"})
    authentication = ApiKeyAuthentication()

    def check() -> object:
        return authentication.authenticate(Request(request))

    def bare() -> object:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM accounts_apikey WHERE public_id = %s", [key.public_id])
            return cursor.fetchone()

    def sign_in() -> object:
        return authenticate(request, username=key.created_by.email, password=factories.PASSWORD)

    check()  # notes the first use of the key
    return check, bare, sign_in


def _queries(check: Callable[[], object]) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as queries:
        check()
    return len(queries)


def _cpu(work: Callable[[], object], *, rounds: int = ROUNDS, each: int = A_ROUND) -> list[float]:
    """Milliseconds of this process's CPU for one piece of work, a mean for each round."""
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(each):
            work()
        taken.append((time.process_time() - began) * 1000 / each)
    return taken


def _report(name: str, milliseconds: list[float], *, goal: float = 0) -> None:
    worst = quantiles(milliseconds, n=10)[-1]
    wish = f" (goal: at most {goal} ms)" if goal else ""
    print(f"{name}: median {median(milliseconds):.3f} ms of CPU, p90 {worst:.3f} ms{wish}", flush=True)


if __name__ == "__main__":
    main()
