"""People are told once, where each of them wants it, in e-mails that can be stopped."""

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts import tasks
from accounts.models import AuditEvent, Notification, User
from accounts.notification_kinds import CHANNELS, KINDS
from accounts.services import notifications
from accounts.services.notifications import News
from tests.support import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _site(settings) -> None:
    settings.PUBLIC_URL = "https://clips.example"


@pytest.fixture
def person() -> User:
    return factories.make_user("mara@example.com")


def news(kind: str = "low_balance", about: str = "one") -> News:
    return News(
        kind,
        about,
        "Little is left",
        "Clips stop soon.\n\nBuy credit.",
        "You can buy.",
        "Buy credit",
        "/t/x/billing/",
    )


def tell(person: User, kind: str = "low_balance", about: str = "one") -> None:
    notifications.mail_all(notifications.note(news(kind, about), readers=[person]), now=timezone.now())


def switch(person: User, kind: str, channel: str, *, on: bool) -> None:
    held = notifications.choices_of(person)
    wanted = held | {(kind, channel)} if on else held - {(kind, channel)}
    notifications.choose(user=person, wanted=wanted)


def test_the_same_thing_is_told_once(person: User) -> None:
    for _ in range(2):
        tell(person)

    assert [email.to for email in mail.outbox] == [["mara@example.com"]]
    assert notifications.unread(person).count() == 1


def test_each_channel_is_chosen_by_itself(person: User) -> None:
    switch(person, "low_balance", "mail", on=False)
    tell(person)
    assert (len(mail.outbox), notifications.unread(person).count()) == (0, 1)

    switch(person, "low_balance", "portal", on=False)
    tell(person, about="two")
    assert (len(mail.outbox), Notification.objects.count()) == (0, 1)

    switch(person, "low_balance", "mail", on=True)
    tell(person, about="three")
    assert (len(mail.outbox), notifications.unread(person).count()) == (1, 1)


def test_news_of_ones_own_clips_is_told_to_those_alone_who_asked(person: User) -> None:
    for kind in ("clip_finished", "clip_failed", "batch_done"):
        tell(person, kind)
        assert not notifications.is_wanted(user_id=person.pk, kind=kind)
    assert not Notification.objects.exists()

    switch(person, "batch_done", "portal", on=True)
    assert notifications.is_wanted(user_id=person.pk, kind="batch_done")


@pytest.mark.parametrize("kind", [kind.key for kind in KINDS.values() if kind.always_mailed])
def test_what_must_be_heard_cannot_be_switched_off(person: User, kind: str) -> None:
    notifications.choose(user=person, wanted=set())
    tell(person, kind)

    email = mail.outbox[0]
    assert KINDS[kind].always_mailed in email.body
    assert "List-Unsubscribe" not in email.extra_headers


def test_a_choice_is_written_down_once(person: User) -> None:
    switch(person, "refund", "mail", on=False)
    switch(person, "refund", "mail", on=False)

    deed = AuditEvent.objects.get(user=person)
    assert (deed.action, deed.old, deed.new) == (
        "account.notifications_changed",
        {"refund by mail": True},
        {},
    )


def test_an_email_is_read_by_the_readers_own_clock_and_can_be_stopped(person: User) -> None:
    User.objects.filter(pk=person.pk).update(time_zone="Asia/Tokyo", language="en-us")
    tell(person)

    email = mail.outbox[0]
    html, _ = email.alternatives[0]
    stop = email.extra_headers["List-Unsubscribe"].strip("<>")
    assert stop in email.body
    assert stop in html
    assert "JST" in email.body
    assert "https://clips.example/t/x/billing/" in email.body
    assert html.count("<p style") >= 2
    assert email.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    path = stop.removeprefix("https://clips.example")
    assert "Stop these e-mails?" in Client().get(path).content.decode()
    assert ("low_balance", "mail") in notifications.choices_of(person)
    # As a mail program does it: no cookie, no form's token.
    answer = Client(enforce_csrf_checks=True).post(path, {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert notifications.choices_of(person) == {
        (kind.key, channel) for kind in KINDS.values() for channel in CHANNELS if kind.default(channel)
    } - {("low_balance", "mail")}


@pytest.mark.parametrize("token", ["forged", "WzEsInJlZnVuZCJd:1:x"])
def test_a_link_that_is_not_ours_stops_nothing(person: User, token: str) -> None:
    for ask in (Client().get, Client().post):
        assert ask(f"/unsubscribe/{token}/").status_code == 404


def test_emails_that_got_lost_are_found_in_the_rows(person: User) -> None:
    (noted,) = notifications.note(news(), readers=[person])
    assert notifications.unmailed(now=timezone.now()) == []
    assert notifications.unmailed(now=timezone.now() + timedelta(minutes=2)) == [noted.pk]

    for _ in range(2):
        tasks.mail_notification(notification_id=str(noted.pk))

    assert len(mail.outbox) == 1
    assert notifications.unmailed(now=timezone.now() + timedelta(minutes=2)) == []


def test_whoever_cannot_sign_in_any_more_gets_no_emails(person: User) -> None:
    (noted,) = notifications.note(news(), readers=[person])
    User.objects.filter(pk=person.pk).update(is_active=False)

    tasks.mail_notification(notification_id=str(noted.pk))

    assert mail.outbox == []
    assert notifications.unmailed(now=timezone.now() + timedelta(minutes=2)) == []
