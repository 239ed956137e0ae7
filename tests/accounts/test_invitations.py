"""Invitations: who gets one, what a pasted list becomes, the e-mail, and 25 ways to get in that are none."""

import re
from datetime import timedelta
from smtplib import SMTPException

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client
from django.utils import timezone

from accounts import services, tasks
from accounts.models import AuditEvent, Invitation, Membership, User
from accounts.services import RoleRefused
from tests.support.factories import (
    PASSWORD,
    actor_for,
    make_invitation,
    make_member,
    make_team,
    make_user,
    owner_of,
)

pytestmark = pytest.mark.django_db
GUEST = "kim@example.com"


def signed_in(user, **options):
    client = Client(**options)
    client.force_login(user)
    return client


def verified(email, *, account=""):
    user = make_user(account or email)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=not account)
    return user


def link_of(invitation):
    """Send it, and return the path of its link."""
    Invitation.objects.filter(pk=invitation.pk).update(try_at=timezone.now())
    tasks.send_invitation(invitation_id=str(invitation.pk))
    found = re.search(r"/invitations/[\w-]+/", str(mail.outbox[-1].body))
    assert found is not None
    return found[0]


def sent_code():
    found = re.search(r"^[A-Z0-9]{4}-[A-Z0-9]{4}$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found is not None
    return found[0]


def accept(client, link, **fields):
    client.get(link)
    return client.post("/invitation/accept/", fields)


@pytest.fixture
def team():
    return make_team(name="Lumen")


@pytest.fixture
def owner(team):
    return signed_in(owner_of(team))


def post(client, team, emails, role="editor"):
    return client.post(f"/t/{team.slug}/members/invite/", {"emails": emails, "role": role})


# -- inviting


def test_a_pasted_list_becomes_invitations_and_says_what_it_left_out(team, owner):
    make_invitation(team, "waiting@example.com")
    member = make_member(team, "viewer")
    pasted = f"""email
        One <one@example.com>; two@example.com, THREE@Example.com\tmailto:four@example.com
        "Five, F." <five@example.com>  six@example.com seven@example.com
        one@example.com {member.email} waiting@example.com nobody@ gu\u0435st@example.com x@\u0435xample.com"""

    page = post(owner, team, pasted).content.decode()

    new = set(Invitation.objects.exclude(email="waiting@example.com").values_list("email", flat=True))
    assert new == {f"{word}@example.com" for word in ("one", "two", "three", "four", "five", "six", "seven")}
    said = {text.strip(): why for text, why in re.findall(r"<li><strong>([^<]*)</strong> ([^<]*)</li>", page)}
    assert said["email"] == "is not an e-mail address."
    assert said["one@example.com"] == "is in the list twice."
    assert said[member.email] == "is already a member."
    assert said["waiting@example.com"].startswith("is already invited.")
    assert sum("plain Latin" in why for why in said.values()) == 2
    assert AuditEvent.objects.filter(action="invitation.sent", team=team).count() == 8


def test_ten_thousand_rows_are_refused_at_once_with_a_sentence(team, owner):
    rows = "\n".join(f"Person {number} <person{number}@example.com>" for number in range(10_000))
    started = timezone.now()

    response = post(owner, team, rows)

    assert response.status_code == 422
    assert "at most 500 addresses, and this one has 10,000. Nobody was" in response.content.decode()
    assert not Invitation.objects.exists()
    assert timezone.now() - started < timedelta(seconds=5)


@pytest.mark.parametrize("emails", ["", "  ,; \n", "\x00a@example.com"])
def test_nothing_to_send_is_said_at_the_field(team, owner, emails):
    response = post(owner, team, emails)

    assert response.status_code == 422
    assert 'id="id_emails-error"' in response.content.decode()


def test_a_personal_team_invites_nobody(team, owner):
    team.is_personal = True
    team.save()

    assert "This is a personal team." in post(owner, team, GUEST).content.decode()
    assert not Invitation.objects.exists()


def test_a_team_cannot_write_to_everybody(team, monkeypatch):
    monkeypatch.setattr(services.invitations, "MOST_OPEN", 2)
    make_invitation(team)

    response = post(signed_in(owner_of(team)), team, "a@example.com b@example.com")

    assert "at most 2 open invitations" in response.content.decode()
    assert Invitation.objects.count() == 1


def test_an_expired_invitation_is_renewed(team):
    old = make_invitation(team, GUEST)
    Invitation.objects.filter(pk=old.pk).update(expires_at=timezone.now())

    new = make_invitation(team, GUEST, role="viewer")

    assert new.pk != old.pk
    assert list(services.waiting_invitations(team)) == [new]


# -- the e-mail


def test_the_email_says_who_where_and_until_when(team, settings):
    settings.PUBLIC_URL = "https://clips.example.com"
    invitation = make_invitation(team, GUEST)

    link = link_of(invitation)
    tasks.send_invitation(invitation_id=str(invitation.pk))

    (email,) = mail.outbox
    assert email.to == [GUEST]
    assert email.subject == f"{owner_of(team).email} invites you to Lumen"
    html = email.alternatives[0][0]
    assert f"https://clips.example.com{link}" in str(email.body)
    assert f'href="https://clips.example.com{link}"' in html
    assert f"{invitation.expires_at:%H:%M} UTC" in html
    invitation.refresh_from_db()
    assert invitation.token_hash not in (None, link.split("/")[2])


def test_a_mail_server_that_is_down_loses_nothing(team, monkeypatch, django_capture_on_commit_callbacks):
    invitation = make_invitation(team, GUEST)
    with monkeypatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", _refuse)
        with pytest.raises(SMTPException):
            tasks.send_invitation(invitation_id=str(invitation.pk))
    tasks.send_invitation(invitation_id=str(invitation.pk))
    assert mail.outbox == []  # not before a minute has passed
    Invitation.objects.update(try_at=timezone.now() - timedelta(minutes=1))

    with django_capture_on_commit_callbacks() as nudges:
        tasks.enqueue_invitations()
    tasks.send_invitation(invitation_id=str(invitation.pk))

    assert len(nudges) == len(mail.outbox) == 1
    invitation.refresh_from_db()
    assert (invitation.attempts, invitation.sent_at is not None) == (2, True)


def _refuse(*_):
    raise SMTPException("away")


def test_sending_again_too_soon_is_refused(team, owner):
    invitation = make_invitation(team, GUEST)
    link_of(invitation)

    response = owner.post(f"/t/{team.slug}/invitations/{invitation.pk}/resend/")

    assert "Give it a minute to arrive" in response.content.decode()


# -- accepting


def test_somebody_with_an_account_joins(team):
    link = link_of(make_invitation(team, GUEST))
    browser = signed_in(verified(GUEST))

    page = browser.get(link, follow=True).content.decode()
    response = browser.post("/invitation/accept/", follow=True)

    assert all(word in page for word in ("Join Lumen", "Editor", "Accept invitation"))
    assert response.redirect_chain[-1][0] == f"/t/{team.slug}/members/"
    assert Membership.objects.get(team=team, user__email=GUEST).role == "editor"
    event = AuditEvent.objects.get(action="member.joined", user__email=GUEST)
    assert (event.team, event.new) == (team, {"role": "editor"})


@pytest.mark.parametrize("same_browser", [True, False])
def test_somebody_new_signs_up_confirms_and_lands_on_the_invitation(team, same_browser):
    link = link_of(make_invitation(team, GUEST))
    browser = Client()
    page = browser.get(link, follow=True).content.decode()
    assert "/accounts/signup/?next=/invitation/" in page

    browser.post("/accounts/signup/", {"email": GUEST, "password1": PASSWORD})
    response = browser.post("/accounts/confirm-email/", {"code": sent_code()}, follow=True)
    if not same_browser:
        browser = Client()
        response = browser.post("/accounts/login/", {"login": GUEST, "password": PASSWORD}, follow=True)

    assert "Join Lumen" in response.content.decode()
    browser.post("/invitation/accept/")
    assert Membership.objects.filter(team=team, user__email=GUEST).exists()


def test_an_address_of_ones_own_can_be_proven_first(team):
    link = link_of(make_invitation(team, GUEST))
    browser = signed_in(verified("other@example.com"))
    page = browser.get(link, follow=True).content.decode()
    assert "You are signed in as other@example.com" in page

    browser.post("/accounts/email/", {"email": GUEST, "action_add": "1"})
    browser.post("/accounts/confirm-email/", {"code": sent_code()})
    browser.post("/invitation/accept/")

    assert Membership.objects.filter(team=team, user__email="other@example.com").exists()


def test_declining_ends_it(team):
    link = link_of(make_invitation(team, GUEST))
    browser = signed_in(verified(GUEST))
    browser.get(link)

    browser.post("/invitation/decline/")

    assert browser.get(link, follow=True).status_code == 404
    assert AuditEvent.objects.filter(action="invitation.declined", team=team).exists()


def test_unknown_and_ended_invitations_say_the_same(team):
    invitation = make_invitation(team, GUEST)
    link = link_of(invitation)
    Invitation.objects.filter(pk=invitation.pk).update(expires_at=timezone.now())

    ended, unknown = (Client().get(path, follow=True) for path in (link, "/invitations/nobody-knows/"))

    assert ended.status_code == unknown.status_code == 404
    assert ended.content.split(b"<main")[1] == unknown.content.split(b"<main")[1]
    assert b"Lumen" not in ended.content


def test_the_token_stays_out_of_pages_logs_and_other_sites(team, caplog, capsys):
    link = link_of(make_invitation(team, GUEST))
    token = link.split("/")[2]
    browser = signed_in(verified("other@example.com"), enforce_csrf_checks=True)

    opened = browser.get(link)
    page = browser.get("/invitation/")
    browser.post(link)

    assert opened.headers["Referrer-Policy"] == "no-referrer"
    assert token not in page.content.decode() + str(dict(browser.session)) + caplog.text.replace(link, "")
    assert token not in capsys.readouterr().err
    assert not AuditEvent.objects.filter(new__icontains=token).exists()


# -- ways in that are none: each leaves the guest's place empty, or at what was offered


class Scene:
    """Kim is invited as an editor; Mallory has an account with an address of her own."""

    def __init__(self):
        self.team = make_team(name="Lumen")
        self.admin = make_member(self.team, "admin")
        self.invitation = make_invitation(self.team, GUEST, by=self.admin)
        self.link = link_of(self.invitation)
        self.token = self.link.split("/")[2]
        self.kim = verified(GUEST)
        self.mallory = verified("mallory@example.com")

    def tries(self, user, link="", **fields):
        return accept(signed_in(user), link or self.link, **fields)

    def change(self, **values):
        Invitation.objects.filter(pk=self.invitation.pk).update(**values)

    def of_admin(self, **values):
        Membership.objects.filter(team=self.team, user=self.admin).update(**values)


def guessed(scene):
    scene.tries(scene.kim, "/invitations/" + "A" * 43 + "/")


def truncated(scene):
    scene.tries(scene.kim, f"/invitations/{scene.token[:-1]}/")


def other_case(scene):
    scene.tries(scene.kim, f"/invitations/{scene.token.swapcase()}/")


def hash_as_token(scene):
    scene.invitation.refresh_from_db()
    scene.tries(scene.kim, f"/invitations/{scene.invitation.token_hash}/")


def id_as_token(scene):
    scene.tries(scene.kim, f"/invitations/{scene.invitation.pk}/")


def expired(scene):
    scene.change(expires_at=timezone.now())
    scene.tries(scene.kim)


def expired_while_the_page_was_open(scene):
    browser = signed_in(scene.kim)
    browser.get(scene.link)
    scene.change(expires_at=timezone.now())
    browser.post("/invitation/accept/")


def revoked(scene):
    signed_in(scene.admin).post(f"/t/{scene.team.slug}/invitations/{scene.invitation.pk}/revoke/")
    scene.tries(scene.kim)


def replaced_by_a_later_email(scene):
    scene.change(sent_at=timezone.now() - timedelta(hours=1))
    signed_in(scene.admin).post(f"/t/{scene.team.slug}/invitations/{scene.invitation.pk}/resend/")
    scene.tries(scene.kim)
    link_of(scene.invitation)
    scene.tries(scene.kim)


def used_again_after_removal(scene):
    scene.tries(scene.kim)
    services.remove_member(actor=actor_for(scene.team), user_id=scene.kim.pk)
    scene.tries(scene.kim)


def used_again_by_another(scene):
    scene.tries(scene.kim)
    scene.tries(scene.mallory)
    services.remove_member(actor=actor_for(scene.team), user_id=scene.kim.pk)


def another_account(scene):
    scene.tries(scene.mallory)


def unproven_address(scene):
    EmailAddress.objects.filter(user=scene.kim).delete()
    EmailAddress.objects.create(user=scene.mallory, email=GUEST, verified=False)
    scene.tries(scene.mallory)


def account_name_alone(scene):
    """The account's own address counts only once it was confirmed."""
    EmailAddress.objects.filter(user=scene.kim).delete()
    scene.tries(scene.kim)


def look_alike(scene):
    EmailAddress.objects.create(user=scene.mallory, email="k\u0456m@example.com", verified=True)
    scene.tries(scene.mallory)


def letter_that_becomes_plain(scene):
    """The Kelvin sign is a k in lower case."""
    EmailAddress.objects.create(user=scene.mallory, email="\u212aim@example.com", verified=True)
    scene.tries(scene.mallory)


def address_with_a_tag(scene):
    EmailAddress.objects.create(user=scene.mallory, email="kim+mallory@example.com", verified=True)
    scene.tries(scene.mallory)


def opening_alone(scene):
    signed_in(scene.kim).get(scene.link, follow=True)


def get_instead_of_post(scene):
    browser = signed_in(scene.kim)
    browser.get(scene.link)
    browser.get("/invitation/accept/")


def without_the_link(scene):
    signed_in(scene.kim).post("/invitation/accept/")


def without_the_forms_token(scene):
    browser = signed_in(scene.kim, enforce_csrf_checks=True)
    assert accept(browser, scene.link).status_code == 403


def signed_out(scene):
    assert accept(Client(), scene.link).headers["Location"].startswith("/accounts/login/")


def inviter_lost_the_right(scene):
    scene.of_admin(role="editor")
    scene.tries(scene.kim)


def inviter_left(scene):
    services.remove_member(actor=actor_for(scene.team), user_id=scene.admin.pk)
    scene.tries(scene.kim)


def inviter_was_switched_off(scene):
    User.objects.filter(pk=scene.admin.pk).update(is_active=False)
    scene.tries(scene.kim)


def role_above_what_the_inviter_may_give_now(scene):
    scene.change(role="owner")
    scene.tries(scene.kim)


NO_WAYS_IN = [
    *(guessed, truncated, other_case, hash_as_token, id_as_token, expired, expired_while_the_page_was_open),
    *(revoked, replaced_by_a_later_email, used_again_after_removal, used_again_by_another, another_account),
    *(unproven_address, account_name_alone, look_alike, letter_that_becomes_plain, address_with_a_tag),
    *(opening_alone, get_instead_of_post, without_the_link, without_the_forms_token, signed_out),
    *(
        inviter_lost_the_right,
        inviter_left,
        inviter_was_switched_off,
        role_above_what_the_inviter_may_give_now,
    ),
]


@pytest.mark.parametrize("attempt", NO_WAYS_IN, ids=lambda attempt: attempt.__name__)
def test_nobody_gets_in_by(attempt):
    scene = Scene()

    attempt(scene)

    assert not Membership.objects.filter(team=scene.team, user__in=[scene.kim, scene.mallory]).exists()


def test_the_scene_itself_lets_kim_in():
    """Otherwise the refusals above would prove nothing."""
    scene = Scene()

    scene.tries(scene.kim, role="owner")

    assert Membership.objects.get(team=scene.team, user=scene.kim).role == "editor"


def test_a_member_gains_nothing_by_a_second_invitation(team):
    viewer = make_member(team, "viewer")
    EmailAddress.objects.create(user=viewer, email=GUEST, verified=True)

    accept(signed_in(viewer), link_of(make_invitation(team, GUEST, role="admin")))

    assert Membership.objects.get(team=team, user=viewer).role == "viewer"


@pytest.mark.parametrize(("mine", "role"), [("admin", "owner"), ("editor", "viewer"), ("billing", "viewer")])
def test_nobody_invites_above_their_own_rank(team, mine, role):
    member = make_member(team, mine)

    with pytest.raises(RoleRefused):
        make_invitation(team, GUEST, by=member, role=role)
    post(signed_in(member), team, GUEST, role)

    assert not Invitation.objects.exists()


def test_an_invitation_as_owner_is_the_owners_alone(team):
    invitation = make_invitation(team, GUEST, role="owner")
    admin = signed_in(make_member(team, "admin"))

    for deed in ("resend", "revoke"):
        assert admin.post(f"/t/{team.slug}/invitations/{invitation.pk}/{deed}/").status_code == 422

    assert list(services.waiting_invitations(team)) == [invitation]
