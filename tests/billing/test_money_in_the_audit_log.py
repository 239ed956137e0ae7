"""What staff do to a team's money by hand stands in its audit log, once, with who did it."""

from uuid import uuid4

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.audit_words import sentence, who
from accounts.models import AuditEvent
from billing import services
from billing.models import Account, AccountKind, Debt
from billing.money import MINUS
from billing.services import CreditSpent, SecondPersonNeeded
from tests.billing.books import buy, hold, make_wallet, settle, spend
from tests.support.factories import make_team, make_user, owner_of

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def staff():
    return make_user("sam@example.com", name="Sam Staff", is_staff=True)


@pytest.fixture
def signed(staff):
    return f"staff:{staff.pk}"


def told(team):
    """Who did what, and the reason, in the order in which it happened."""
    events = AuditEvent.objects.filter(team=team).exclude(action="team.created").order_by("pk")
    return [(who(event), sentence(event), event.new.get("reason")) for event in events]


def adjust(team, amount, by, **fields):
    given = {"team": team, "amount": amount, "key": "k", "by": by, "reason": "Sorry", "now": NOW}
    return services.adjust_credits(**given | fields)


def test_an_adjustment_is_told_once_with_both_who_answer_for_it(staff, settings):
    settings.ADJUSTMENT_LIMIT = 1
    team, second = make_team(), make_user(is_staff=True)

    for _ in range(2):
        adjust(team, 2_500_000, staff, approved_by=second)
    adjust(team, -500_000, staff, key="down", reason="Too much")

    assert told(team) == [
        ("Sam Staff, staff", "adjusted the team's credit by $2.50", "Sorry"),
        ("Sam Staff, staff", f"adjusted the team's credit by {MINUS}$0.50", "Too much"),
    ]
    event = AuditEvent.objects.get(team=team, new__has_key="approved_by")
    assert (event.kind, event.user, event.new["approved_by"]) == ("staff", staff, f"staff:{second.pk}")


def test_what_was_refused_leaves_no_deed(staff, settings):
    settings.ADJUSTMENT_LIMIT = 1
    team = make_team()

    with pytest.raises(CreditSpent):
        adjust(team, -1, staff)
    with pytest.raises(SecondPersonNeeded):
        adjust(team, 1_000_001, staff)

    assert told(team) == []


def test_a_grant_from_the_console_is_the_platforms_and_told_once():
    team = make_team()

    for _ in range(2):
        call_command("billing_grant", team.slug, "10", "--reason", "A trial", "--days", "30", "--key", "t7")

    assert told(team) == [("The platform", "gave the team $10.00 of credit", "A trial")]
    assert "expires_at" in AuditEvent.objects.get(action="credit.granted").new


def test_a_grant_by_staff_has_their_name(signed):
    team = make_team()

    services.grant_promo(team=team, amount=1, key="k", actor=signed, reason="Thanks")

    assert told(team) == [("Sam Staff, staff", "gave the team $0.000001 of credit", "Thanks")]


def test_a_clip_given_back_is_told_once(signed):
    team, attempt = make_wallet(500), uuid4()
    hold(team, 75, attempt)
    settle(attempt, 60)
    before = told(team)

    for _ in range(2):
        services.refund_job(generation_id=attempt, actor=signed, reason="Broken", now=NOW)

    assert told(team)[len(before) :] == [("Sam Staff, staff", "refunded $0.00006 for a clip", "Broken")]


def test_a_debt_written_off_and_a_refunded_purchase_are_told(signed):
    bought = buy(make_wallet(), 1_000_000)
    services.request_refund(purchase=bought, gross_cents=10, actor=signed, reason="Asked for")
    indebted = buy(make_wallet(), 1_000_000)
    spend(indebted.team, 1_000_000)
    refund = services.note_stripe_refund(purchase=indebted, stripe_id="re_1", gross_cents=100)
    services.settle_refund(refund=refund, succeeded=True, actor="stripe", now=NOW)

    for _ in range(2):
        services.write_off_debt(debt=Debt.objects.get(), actor=signed, reason="Lost cause")

    assert told(bought.team) == [
        ("Sam Staff, staff", "started a refund of $0.10 for a purchase", "Asked for")
    ]
    assert told(indebted.team) == [("Sam Staff, staff", "wrote off $1.00 that the team owed", "Lost cause")]


def test_the_team_reads_that_it_is_suspended_and_only_staff_read_why(staff):
    team = make_team()
    services.grant_promo(team=team, amount=500, key="k", actor="system", reason="A start")

    for reason in ("Stolen card?", "Stolen card?", "Stolen card, asked twice", "", ""):
        services.suspend_team(team=team, reason=reason, by=staff)

    assert told(team) == [
        ("Sam Staff, staff", "suspended the team: nothing new may be spent", None),
        ("Sam Staff, staff", "ended the suspension of the team", None),
    ]
    notes = AuditEvent.objects.filter(action="suspension.explained").order_by("pk")
    assert [(note.user, note.team, note.old["reason"], note.new["reason"]) for note in notes] == [
        (staff, None, "", "Stolen card?"),
        (staff, None, "Stolen card?", "Stolen card, asked twice"),
        (staff, None, "Stolen card, asked twice", ""),
    ]
    assert not Account.objects.filter(team=team, kind=AccountKind.AVAILABLE).exclude(suspended="").exists()


def test_owners_see_it_on_their_page(staff):
    team = make_team()
    adjust(team, 2_500_000, staff, reason="An apology for Tuesday")
    services.suspend_team(team=team, reason="Stolen card?", by=staff)
    client = Client()
    client.force_login(owner_of(team))

    page = client.get(f"/t/{team.slug}/audit/").content.decode()

    assert "adjusted the team&#x27;s credit by $2.50" in page
    assert "An apology for Tuesday" in page
    assert "suspended the team" in page
    assert "Stolen card" not in page
