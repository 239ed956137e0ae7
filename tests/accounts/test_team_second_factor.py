"""A team may ask its members for a second factor, and the staff site asks staff."""

from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client, TestCase
from django.urls import reverse

from accounts.actors import Actor
from accounts.models import AuditEvent, Team, User
from accounts.services import second_factors
from generations.live.admission import Admission, NotOfThisTeam, admit_member, ended
from tests.support import factories
from tests.support.api import ApiClient, make_key

pytestmark = pytest.mark.django_db


@pytest.fixture
def team() -> Team:
    team = factories.make_team()
    give_factor(factories.owner_of(team))
    second_factors.require_second_factor(actor=factories.actor_for(team), required=True)
    team.refresh_from_db()
    return team


def give_factor(user: User) -> None:
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "x"})


def browser_of(user: User) -> Client:
    browser = Client()
    browser.force_login(user)
    return browser


def clips(team: Team) -> str:
    return reverse("generations:clips", args=[team.slug])


def test_members_without_one_are_led_to_set_one_up(team: Team) -> None:
    editor = factories.make_member(team, "editor")
    browser = browser_of(editor)

    page = browser.get(clips(team))
    fragment = browser.get(
        clips(team), headers={"HX-Request": "true", "HX-Current-URL": f"http://testserver{clips(team)}"}
    )

    assert page.status_code == 403
    assert "A second factor is needed" in page.content.decode()
    assert reverse("mfa_add_webauthn") in page.content.decode()
    assert fragment["HX-Redirect"] == clips(team)
    assert fragment.content == b""
    assert browser_of(factories.owner_of(team)).get(clips(team)).status_code == 200
    give_factor(editor)
    assert browser.get(clips(team)).status_code == 200


def test_outsiders_learn_nothing_of_the_rule(team: Team) -> None:
    assert browser_of(factories.make_user()).get(clips(team)).status_code == 404


def test_keys_go_on(team: Team) -> None:
    _, plain = make_key(team, factories.make_member(team, "editor"))

    assert ApiClient(plain).get("/balance").status_code == 200


def test_streams_end_too(team: Team, rf, settings) -> None:
    editor, owner = factories.make_member(team, "editor"), factories.owner_of(team)
    admitted = {}
    for user in (editor, owner):
        request = rf.get("/")
        request.COOKIES[settings.SESSION_COOKIE_NAME] = browser_of(user).session.session_key
        if user == editor:
            with pytest.raises(NotOfThisTeam):
                admit_member(request, team_slug=team.slug)
        else:
            admitted[user] = admit_member(request, team_slug=team.slug)
    before = Admission(
        editor.pk, team.pk, hash(editor.password), session_key=browser_of(editor).session.session_key
    )

    assert ended([before, *admitted.values()]) == {before}


def test_the_rule_is_set_on_its_page_and_written_down() -> None:
    team = factories.make_team()
    owner = factories.owner_of(team)
    browser = browser_of(owner)
    page = reverse("accounts:team_security", args=[team.slug])

    refused = browser.post(page, {"required": "yes"}, follow=True)
    assert "Set up a second factor for yourself first" in refused.content.decode()
    give_factor(owner)
    assert "The rule is on" in browser.post(page, {"required": "yes"}, follow=True).content.decode()
    browser.post(page, {"required": "yes"})
    browser.post(page, {"required": "no"})

    team.refresh_from_db()
    assert not team.requires_second_factor
    written = AuditEvent.objects.filter(action="team.second_factor_rule_changed", team=team, user=owner)
    assert [event.new["requires_second_factor"] for event in written.order_by("id")] == [True, False]


def test_a_team_is_not_closed_to_whoever_closes_it(team: Team) -> None:
    admin = factories.make_member(team, "admin")
    second_factors.require_second_factor(actor=factories.actor_for(team), required=False)
    actor: Actor = factories.actor_for(team, admin)

    with pytest.raises(second_factors.OwnFactorFirst):
        second_factors.require_second_factor(actor=actor, required=True)


def test_staff_need_one_where_the_setting_says_so(settings) -> None:
    staff = factories.make_user(is_staff=True)
    browser, index = browser_of(staff), reverse("admin:index")
    assert browser.get(index).status_code == 200

    settings.STAFF_NEEDS_SECOND_FACTOR = True
    kept_out = browser.get(index)
    assert kept_out.status_code == 403
    assert "A second factor is needed" in kept_out.content.decode()
    assert browser_of(factories.make_user()).get(index, follow=True).status_code == 403

    give_factor(staff)
    assert browser.get(index).status_code == 200


def test_operators_help_somebody_who_lost_everything() -> None:
    user = factories.make_confirmed_user()
    give_factor(user)
    out = StringIO()

    with TestCase.captureOnCommitCallbacks(execute=True):
        call_command("remove_factors", user.email, reason="Showed a passport", stdout=out)

    assert not second_factors.has_second_factor(user)
    assert "1 removed" in out.getvalue()
    assert mail.outbox[-1].to == [user.email]
    event = AuditEvent.objects.get(action="user.factors_removed", object_id=str(user.pk))
    assert event.new == {"reason": "Showed a passport"}
    with pytest.raises(CommandError):
        call_command("remove_factors", "nobody@example.com", reason="x")
