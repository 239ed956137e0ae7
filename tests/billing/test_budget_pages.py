"""The budgets page: owners set, change, raise and remove limits and answer requests; members see theirs and ask."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone
from django_q.models import OrmQ

from accounts.api_keys import revoke_api_key
from accounts.models import Membership
from accounts.services import notifications
from billing import services, tasks
from billing.models import Limit, Notice, RaiseRequest
from billing.services import BudgetExceeded, raise_mail
from billing.services.allowances import allowance_of, period_start
from tests.billing.books import hold_by
from tests.contracts.world import browser_of
from tests.support import factories
from tests.support.api import make_key

pytestmark = pytest.mark.django_db

PRICE = 100_834  # µ$ of the default clip
CAP = 200_000


@pytest.fixture
def owner():
    return factories.make_user("mara@example.com", name="Mara Maker")


@pytest.fixture
def team(owner):
    team = factories.make_team(owner)
    factories.give_credits(team, 10_000_000)
    return team


@pytest.fixture
def jo(team):
    user = factories.make_member(team, "editor")
    user.name = "Jo Lind"
    user.save()
    return user


@pytest.fixture
def limit(team, jo):
    return services.set_limit(team=team, member=jo, period="day", cap=CAP)


def address(name, team, *args):
    return reverse(f"billing:{name}", args=[team.slug, *args])


def shown(user, team):
    return browser_of(user).get(address("budgets", team)).content.decode()


def post(user, path, **data):
    return browser_of(user).post(path, data)


def ask(team, jo, limit, amount="0.30", reason="Retakes for Friday"):
    post(jo, address("ask", team, limit.pk), amount=amount, reason=reason)
    return RaiseRequest.objects.get(limit=limit, state="open")


def cap_now(limit):
    limit.refresh_from_db()
    return allowance_of(limit=limit, now=timezone.now()).cap


def test_an_owner_sets_changes_and_removes_a_limit(team, owner, jo):
    path = address("limit_set", team)
    page = post(owner, path, subject=f"member:{jo.pk}", period="day", amount="$0.20")
    assert page.status_code == 302
    limit = Limit.objects.get()
    assert (limit.member, limit.period, limit.cap) == (jo, "day", CAP)
    assert "Jo Lind" in shown(owner, team)

    post(owner, path, subject=f"member:{jo.pk}", period="day", amount="0.5")
    assert cap_now(limit) == 500_000
    post(owner, address("limit_change", team, limit.pk), amount="0.100834")
    assert cap_now(limit) == PRICE
    post(owner, address("limit_remove", team, limit.pk))

    assert not Limit.objects.get().active
    assert "No limits yet" in shown(owner, team)


def test_a_key_has_limits_too(team, owner):
    key, _ = make_key(team)
    gone, _ = make_key(team)
    revoke_api_key(actor=factories.actor_for(team), key_id=gone.pk)

    post(owner, address("limit_set", team), subject=f"key:{key.pk}", period="job", amount="1")

    page = shown(owner, team)
    assert Limit.objects.get().key == key
    assert "The most that one clip may cost" in page
    assert str(gone.pk) not in page


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"subject": ""}, "Choose a member, a project or a key"),
        ({"subject": "member:0"}, "Select a valid choice"),
        ({"subject": "key:x"}, "Select a valid choice"),
        ({"period": "year"}, "Select a valid choice"),
        ({"amount": ""}, "Write an amount of dollars"),
        ({"amount": "-1"}, "is not an amount of dollars"),
        ({"amount": "0.0000001"}, "is not an amount of dollars"),
        ({"amount": "1 EUR"}, "is not an amount of dollars"),
        ({"amount": "2000000"}, "A limit is between zero and $1,000,000.00"),
    ],
)
def test_nonsense_sets_no_limit(team, owner, jo, wrong, said):
    data = {"subject": f"member:{jo.pk}", "period": "day", "amount": "1", **wrong}

    response = post(owner, address("limit_set", team), **data)

    assert response.status_code == 422
    assert said in response.content.decode()
    assert not Limit.objects.exists()


def test_a_raise_counts_until_its_end(team, owner, limit):
    path = address("limit_raise", team, limit.pk)

    assert post(owner, path, amount="0.10", days="1").status_code == 422
    assert post(owner, path, amount="x", days="1").status_code == 422
    assert post(owner, path, amount="0.50", days="7").status_code == 302

    assert cap_now(limit) == 500_000
    assert "Raised until" in shown(owner, team)
    later = timezone.now() + timedelta(days=8)
    assert allowance_of(limit=limit, now=later).cap == CAP


def test_members_see_their_own_limits_alone(team, owner, jo, limit):
    key, _ = make_key(team, jo)
    other = factories.make_member(team, "editor")
    services.set_limit(team=team, key=key, period="week", cap=1_000_000)
    services.set_limit(team=team, member=other, period="day", cap=77_000_000)

    page = shown(jo, team)

    assert "$0.20" in page
    assert "Key test" in page
    assert "$77" not in page
    assert "Set a limit" not in page
    assert "You have no limit" in shown(factories.make_member(team, "viewer"), team)


@pytest.mark.parametrize(
    ("spent", "word"), [(99_999, ""), (100_000, "Over 50 %"), (160_000, "Over 80 %"), (CAP, "Used up")]
)
def test_what_is_used_is_shown_and_marked(team, jo, limit, spent, word):
    hold_by(factories.actor_for(team, jo), spent)

    page = shown(jo, team)

    words = {each for each in ("Over 50 %", "Over 80 %", "Used up") if each in page}
    assert words == ({word} if word else set())


def test_asking_and_approving_lets_the_next_clip_through(team, owner, jo, limit):
    actor = factories.actor_for(team, jo)
    hold_by(actor, PRICE)
    with pytest.raises(BudgetExceeded):
        hold_by(actor, PRICE)

    asked = ask(team, jo, limit)
    assert "Retakes for Friday" in shown(owner, team)
    response = post(
        owner, address("request_approve", team, asked.pk), amount="0.30", lasting="period", note="Go on"
    )

    assert response.status_code == 302
    hold_by(actor, PRICE)
    assert cap_now(limit) == 500_000
    limit.refresh_from_db()
    assert limit.cap == CAP
    assert limit.raised_until == period_start("day", timezone.now()) + timedelta(days=1)
    page = shown(jo, team)
    assert "Approved" in page
    assert "Go on" in page


def test_a_raise_for_good_changes_the_cap_itself(team, owner, jo, limit):
    services.raise_limit(limit=limit, cap=300_000, until=timezone.now() + timedelta(hours=1))
    asked = ask(team, jo, limit)

    post(owner, address("request_approve", team, asked.pk), amount="0.05", lasting="good")

    assert cap_now(limit) == 350_000
    limit.refresh_from_db()
    assert limit.cap == 250_000


@pytest.mark.parametrize("lasting", ["period", "good"])
def test_nothing_is_granted_to_somebody_who_has_left(team, owner, jo, limit, lasting):
    asked = ask(team, jo, limit)
    Membership.objects.filter(team=team, user=jo).delete()

    refused = post(owner, address("request_approve", team, asked.pk), amount="0.30", lasting=lasting)

    assert refused.status_code == 422
    assert "has left the team" in refused.content.decode()
    assert cap_now(limit) == CAP


def test_a_limit_in_all_has_no_period_to_wait_for(team, owner, jo):
    limit = services.set_limit(team=team, member=jo, period="total", cap=CAP)
    asked = ask(team, jo, limit)
    path = address("request_approve", team, asked.pk)

    assert "no period that ends" in post(owner, path, amount="1", lasting="period").content.decode()
    post(owner, path, amount="1", lasting="good")

    assert cap_now(limit) == CAP + 1_000_000


def test_a_request_is_answered_once(team, owner, jo, limit):
    asked = ask(team, jo, limit)
    approve, decline = (address(f"request_{word}", team, asked.pk) for word in ("approve", "decline"))

    assert post(owner, decline, note="Not this week").status_code == 302
    assert post(owner, decline).status_code == 302
    refused = post(owner, approve, amount="0.30", lasting="good")

    assert refused.status_code == 422
    assert "already answered: declined" in refused.content.decode()
    assert cap_now(limit) == CAP
    assert "Not this week" in shown(jo, team)
    again = ask(team, jo, limit)
    path = address("request_approve", team, again.pk)
    for _ in range(2):
        assert post(owner, path, amount="0.30", lasting="good").status_code == 302
    assert cap_now(limit) == 500_000
    assert post(owner, address("request_decline", team, again.pk)).status_code == 422


@pytest.mark.parametrize(
    "wrong", [{"amount": "0"}, {"amount": "x"}, {"lasting": "ever"}, {"amount": "9999999"}]
)
def test_nonsense_approves_nothing(team, owner, jo, limit, wrong):
    asked = ask(team, jo, limit)

    data = {"amount": "0.30", "lasting": "good", **wrong}
    assert post(owner, address("request_approve", team, asked.pk), **data).status_code == 422

    asked.refresh_from_db()
    assert asked.is_open
    assert cap_now(limit) == CAP


@pytest.mark.parametrize("wrong", [{"amount": "0"}, {"amount": ""}, {"reason": " "}, {"reason": "x" * 301}])
def test_nonsense_asks_for_nothing(team, jo, limit, wrong):
    data = {"amount": "0.30", "reason": "Retakes", **wrong}

    assert post(jo, address("ask", team, limit.pk), **data).status_code == 422

    assert not RaiseRequest.objects.exists()


def test_asking_again_changes_what_is_asked_for(team, jo, limit):
    ask(team, jo, limit)
    ask(team, jo, limit, amount="0.40", reason="More retakes")

    request = RaiseRequest.objects.get()
    assert (request.amount, request.reason) == (400_000, "More retakes")


def test_the_form_knows_what_was_missing(team, jo, limit):
    page = browser_of(jo).get(address("ask", team, limit.pk), {"amount": "0.001668"}).content.decode()

    assert 'value="0.001668"' in page


def test_nobody_asks_for_more_of_somebody_elses_limit(team, limit):
    other = factories.make_member(team, "editor")

    assert post(other, address("ask", team, limit.pk), amount="1", reason="Mine").status_code == 302
    assert browser_of(other).get(address("ask", team, 0)).status_code == 404
    assert not RaiseRequest.objects.exists()


def test_removing_a_limit_answers_what_was_asked(team, owner, jo, limit):
    asked = ask(team, jo, limit)

    post(owner, address("limit_remove", team, limit.pk))

    asked.refresh_from_db()
    assert asked.state == "dropped"
    assert "Limit removed" in shown(jo, team)
    assert post(owner, address("limit_change", team, limit.pk), amount="1").status_code == 404


def test_owners_and_whoever_asked_are_told_by_mail(
    team, owner, jo, limit, settings, django_capture_on_commit_callbacks
):
    settings.PUBLIC_URL = "https://clips.example"
    with django_capture_on_commit_callbacks(execute=True):
        asked = ask(team, jo, limit)
    assert OrmQ.objects.count() == 1

    for _ in range(2):
        tasks.tell_about_requests()
    post(owner, address("request_approve", team, asked.pk), amount="0.30", lasting="week", note="Go on")
    tasks.tell_about_request(request_id=str(asked.pk))
    second = ask(team, jo, limit)
    tasks.tell_about_requests()
    post(owner, address("request_decline", team, second.pk))
    tasks.tell_about_requests()

    assert [(email.to, email.subject) for email in mail.outbox] == [
        (["mara@example.com"], "Jo Lind asks for $0.30 more"),
        ([jo.email], f"You may spend $0.30 more in {team.name}"),
        (["mara@example.com"], "Jo Lind asks for $0.30 more"),
        ([jo.email], f"Your limit in {team.name} stays as it is"),
    ]
    assert "Retakes for Friday" in mail.outbox[0].body
    assert f"https://clips.example{address('budgets', team)}" in mail.outbox[0].body
    assert "Go on" in mail.outbox[1].alternatives[0].content
    assert raise_mail.untold() == []


def test_owners_are_told_what_is_reached(team, owner, jo, limit):
    hold_by(factories.actor_for(team, jo), 170_000)

    for notice in Notice.objects.order_by("id"):
        tasks.send_notice(notice_id=str(notice.pk))

    assert [email.subject for email in mail.outbox] == [
        f"Jo Lind has used {percent} % of $0.20 a day in {team.name}" for percent in (50, 80)
    ]
    assert mail.outbox[0].to == ["mara@example.com"]
    assert "$0.17 of $0.20 a day" in mail.outbox[0].body


def test_an_email_that_could_not_be_sent_is_sent_later(team, jo, limit, settings):
    asked = ask(team, jo, limit)
    settings.EMAIL_BACKEND = "no.such.Backend"
    with pytest.raises(ImportError):
        tasks.tell_about_request(request_id=str(asked.pk))

    assert raise_mail.untold() == []
    assert len(notifications.unmailed(now=timezone.now() + timedelta(minutes=2))) == 1
    tasks.tell_about_request(request_id="0")


def test_holding_an_unknown_clip_counts_for_nobody(team, jo, limit):
    services.lift_limit(limit=limit)
    hold_by(factories.actor_for(team, jo), 1_000_000, uuid4())

    assert "You have no limit" in shown(jo, team)
