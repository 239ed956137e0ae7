"""The demo's people can sign in, their team can pay, and a second run changes nothing."""

from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import Membership, Team, User
from billing.models import Transaction
from billing.services import balance_of, find_violations
from ltxplatform.management.commands import seed_demo

pytestmark = pytest.mark.django_db


def seed() -> str:
    told = StringIO()
    call_command("seed_demo", stdout=told)
    return told.getvalue()


def everything() -> tuple[list, ...]:
    return tuple(
        list(model.objects.order_by("pk").values()) for model in (User, Team, Membership, EmailAddress)
    )


def test_the_people_and_what_they_may_do() -> None:
    seed()

    roles = dict(Membership.objects.filter(team__slug="demo").values_list("user__email", "role"))
    assert roles == {
        "demo@example.com": "owner",
        "editor@example.com": "editor",
        "viewer@example.com": "viewer",
    }
    assert list(Team.objects.get(slug="other").members.values_list("email", flat=True)) == [
        "other@example.com"
    ]
    assert list(User.objects.filter(is_staff=True).values_list("email", flat=True)) == ["admin@example.com"]


def test_the_demo_team_has_ten_dollars_and_the_books_balance() -> None:
    seed()

    assert balance_of(Team.objects.get(slug="demo")).available == 10_000_000
    assert balance_of(Team.objects.get(slug="other")).available == 0
    assert list(find_violations()) == []


def test_a_second_run_changes_nothing() -> None:
    first = seed()
    before = everything()

    assert seed() == first
    assert everything() == before
    assert Transaction.objects.count() == 1


def test_a_password_somebody_changed_stays() -> None:
    seed()
    owner = User.objects.get(email="demo@example.com")
    owner.set_password("another-good-one")
    owner.save()

    seed()

    owner.refresh_from_db()
    assert owner.check_password("another-good-one")


@pytest.mark.parametrize("email", ["demo@example.com", "viewer@example.com", "admin@example.com"])
def test_everybody_signs_in_with_what_is_printed(email: str, client: Client) -> None:
    told = seed()
    assert email in told
    assert seed_demo.PASSWORD in told

    response = client.post("/accounts/login/", {"login": email, "password": seed_demo.PASSWORD})

    assert response.status_code == 302
    assert client.session["_auth_user_id"] == str(User.objects.get(email=email).pk)


def test_it_refuses_in_production(settings) -> None:
    settings.IN_DEVELOPMENT = False

    with pytest.raises(CommandError, match="refuses to run in production"):
        seed()

    assert not User.objects.exists()
