"""What people hear about their money: once, in plain words, by e-mail and on the page."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core import mail
from django.utils import timezone

from accounts.notification_kinds import KINDS
from accounts.services import notifications
from billing import services, tasks
from billing.models import Notice
from billing.services import notice_words, notices, stripe_sweep
from tests.billing.books import buy, make_wallet, quote_of, spend
from tests.support import factories

pytestmark = pytest.mark.django_db
DOLLAR = 1_000_000
PAYLOADS = {
    "payment_failed": {"purchase": 1, "credit": 25 * DOLLAR, "reason": "Your card was declined."},
    "recharge_paused": {"why": "authentication", "purchase": 1, "credit": 25 * DOLLAR},
    "refund": {"purchase": 1, "cents": 1_000, "credit": 10 * DOLLAR},
    "dispute": {"purchase": 1, "cents": 2_500, "frozen": 20 * DOLLAR},
    "dispute_closed": {"purchase": 1, "cents": 2_500, "credit": 25 * DOLLAR, "won": False},
    "low_balance": {"available": DOLLAR},
    "credits_expiring": {"remaining": 4 * DOLLAR, "on": "30 November 2026"},
    "budget_reached": {"percent": 80, "limit": 0, "cap": DOLLAR, "used": 800_000, "period": "day"},
    "fraud_warning": {"purchase": 1, "type": "misc"},
    "declines": {"count": 3, "reason": "Your card was declined."},
    "payment_mismatch": {"purchase": 1, "reason": "It was paid in EUR.", "stripe_id": "pi_1"},
}


@pytest.fixture
def team():
    return factories.make_team(name="Studio")


def test_every_kind_is_in_the_table_that_people_choose_from() -> None:
    told = set(notice_words._WORDS) - set(notice_words.OPERATOR_KINDS)

    assert {notices.CHOSEN_AS.get(kind, kind) for kind in told} <= set(KINDS)


def test_every_kind_has_words_to_test() -> None:
    assert set(PAYLOADS) == set(notice_words._WORDS)


@pytest.mark.parametrize(("kind", "payload"), PAYLOADS.items())
def test_every_notice_is_an_email(team, settings, kind: str, payload: dict) -> None:
    settings.PUBLIC_URL = "https://clips.example"
    settings.ADMINS = [("Operator", "operator@example.com")]
    notice = notices.note(kind=kind, subject="one", team=team, **payload)

    tasks.send_notice(notice_id=str(notice.pk))
    tasks.send_notice(notice_id=str(notice.pk))

    email = mail.outbox[0]
    assert len(mail.outbox) == 1
    assert "\n" not in email.subject
    if kind in notice_words.OPERATOR_KINDS:
        assert email.to == ["operator@example.com"]
    else:
        assert email.to == [factories.owner_of(team).email]
        assert "https://clips.example/t/" in email.body
        html, content_type = email.alternatives[0]
        assert content_type == "text/html"
        assert email.subject.replace("'", "&#x27;") in html


def test_those_who_can_buy_are_told_and_nobody_else(team) -> None:
    told = {factories.owner_of(team), *(factories.make_member(team, role) for role in ("admin", "billing"))}
    for role in ("editor", "viewer"):
        factories.make_member(team, role)
    gone = factories.make_member(team, "admin")
    gone.is_active = False
    gone.save()

    assert set(notices.buyers(team)) == told


def test_the_same_thing_is_told_once(team) -> None:
    first = notices.note(kind="low_balance", subject="s", team=team, available=1)

    assert notices.note(kind="low_balance", subject="s", team=team, available=0) == first
    assert Notice.objects.count() == 1


def test_a_mail_server_that_is_away_is_tried_again(team, settings) -> None:
    notice = notices.note(kind="low_balance", subject="s", team=team, available=1)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    with pytest.raises(OSError, match="refused"):
        tasks.send_notice(notice_id=str(notice.pk))

    later = timezone.now() + timedelta(minutes=2)
    assert notices.unsent(now=later, limit=9) == []
    assert len(notifications.unmailed(now=later)) == 1
    assert notifications.unmailed(now=timezone.now()) == []


def test_little_credit_is_told_once_for_each_purchase() -> None:
    team = make_wallet()
    buy(team, 10 * DOLLAR)
    stripe_sweep.note_low_balances(now=timezone.now())
    assert not Notice.objects.exists()

    spend(team, 9 * DOLLAR)
    for _ in range(3):
        stripe_sweep.note_low_balances(now=timezone.now())
    assert Notice.objects.filter(kind="low_balance").count() == 1

    buy(team, 5 * DOLLAR)
    spend(team, 5 * DOLLAR)
    stripe_sweep.note_low_balances(now=timezone.now())
    assert Notice.objects.filter(kind="low_balance").count() == 2


def test_credit_about_to_end_is_told_once() -> None:
    team = make_wallet()
    buy(team, 10 * DOLLAR, credit_days=8)
    now = timezone.now()
    stripe_sweep.note_expiring(now=now)
    assert not Notice.objects.exists()

    for _ in range(2):
        stripe_sweep.note_expiring(now=now + timedelta(days=2))

    assert Notice.objects.get().payload["remaining"] == 10 * DOLLAR


def test_a_budget_that_is_reached_is_told_by_the_sweep(team) -> None:
    owner = factories.owner_of(team)
    factories.give_credits(team)
    services.set_limit(team=team, period="day", cap=DOLLAR, member=owner)
    later = timezone.now() + timedelta(hours=1)
    services.hold_credits(
        actor=factories.actor_for(team), generation_id=uuid4(), quote=quote_of(DOLLAR), expires_at=later
    )

    waiting = notices.unsent(now=timezone.now() + timedelta(minutes=2), limit=9)

    assert len(waiting) == 3
    for notice_id in waiting:
        tasks.send_notice(notice_id=str(notice_id))
    assert [email.subject for email in mail.outbox] == [
        f"{owner.email} has used {percent} % of $1.00 a day in Studio" for percent in (50, 80, 100)
    ]


def test_the_page_shows_what_happened_for_two_weeks(team, client) -> None:
    notices.note(kind="refund", subject="s", team=team, **PAYLOADS["refund"])
    notices.note(kind="fraud_warning", subject="s", team=team, **PAYLOADS["fraud_warning"])

    shown = notices.recent_notices(team=team, now=timezone.now())
    assert [notice.kind for notice, _ in shown] == ["refund"]
    assert notices.recent_notices(team=team, now=timezone.now() + timedelta(days=15)) == []
