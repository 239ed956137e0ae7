"""The proof that a team may run over its own books."""

import pytest
from django.db import connection
from django.urls import reverse

from billing.models import Account, AccountKind
from billing.services import book_proof
from tests.billing.books import make_wallet, spend
from tests.contracts.world import browser_of
from tests.support import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    team = factories.make_team()
    factories.give_credits(team, 1_000_000)
    spend(team, 1000)
    return team


def run(team):
    return browser_of(factories.owner_of(team)).post(reverse("billing:books", args=[team.slug]))


def spoil(team):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
    Account.objects.filter(team=team, kind=AccountKind.AVAILABLE).update(balance=1)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


def test_books_that_balance_are_said_to(team):
    spoil(make_wallet(1000))  # another team's matter

    page = run(team).content.decode()

    assert "The books balance" in page
    assert "4 entries read" in page


def test_what_is_wrong_is_named(team):
    spoil(team)

    page = run(team).content.decode()

    assert "The books do not balance" in page
    assert "balance_is_sum_of_entries" in page


def test_books_too_long_to_wait_for_are_left_to_the_operator(team, monkeypatch):
    monkeypatch.setattr(book_proof, "find_violations", slow)

    response = run(team)

    assert response.status_code == 503
    assert "too long to be read while you wait" in response.content.decode()


def slow(team):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 20; SELECT pg_sleep(2)")


def test_looking_at_the_page_reads_nothing(team):
    page = (
        browser_of(factories.owner_of(team)).get(reverse("billing:books", args=[team.slug])).content.decode()
    )

    assert "Check the books" in page
    assert "The books balance" not in page
