"""Roles, removing, leaving and handing over: who may do what to whom, and that a team never loses its last owner."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Membership, Role
from accounts.services import (
    MemberNotFound,
    RoleRefused,
    change_role,
    hand_over,
    leave_team,
    note_visit,
    remove_member,
)
from billing.models import Limit
from billing.services import set_limit
from generations.models import Generation
from tests.billing.books import hold_by, settle
from tests.contracts.world import picture_of
from tests.support.api import ApiClient, make_key
from tests.support.factories import (
    actor_for,
    give_credits,
    make_generation,
    make_member,
    make_team,
    make_user,
    owner_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    return make_team(name="Lumen")


def role_of(team, user):
    return Membership.objects.filter(team=team, user=user).values_list("role", flat=True).first()


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def last_event():
    event = AuditEvent.objects.order_by("pk").last()
    return event.action, event.object_id, event.old, event.new


# -- roles


@pytest.mark.parametrize(
    ("mine", "theirs", "wished", "allowed"),
    [
        ("owner", "editor", "owner", True),
        ("owner", "admin", "viewer", True),
        ("admin", "viewer", "admin", True),
        ("admin", "admin", "billing", True),
        ("admin", "editor", "owner", False),
        ("admin", "owner", "viewer", False),
        ("editor", "viewer", "editor", False),
        ("billing", "editor", "viewer", False),
        ("viewer", "editor", "viewer", False),
        ("owner", "editor", "king", False),
    ],
)
def test_who_may_give_which_role_to_whom(team, mine, theirs, wished, allowed):
    actor = actor_for(team, make_member(team, mine))
    other = make_member(team, theirs)

    if allowed:
        change_role(actor=actor, user_id=other.pk, role=wished)
        assert last_event() == ("member.role_changed", str(other.pk), {"role": theirs}, {"role": wished})
    else:
        with pytest.raises(RoleRefused, match=r"\w+ .*\."):
            change_role(actor=actor, user_id=other.pk, role=wished)
    assert role_of(team, other) == (wished if allowed else theirs)


@pytest.mark.parametrize("mine", ["admin", "editor", "viewer", "billing"])
def test_nobody_raises_themselves(team, mine):
    member = make_member(team, mine)

    with pytest.raises(RoleRefused):
        change_role(actor=actor_for(team, member), user_id=member.pk, role="owner")

    assert role_of(team, member) == mine


def test_a_right_that_ended_since_the_request_began_counts_no_more(team):
    admin, editor = make_member(team, "admin"), make_member(team, "editor")
    actor = actor_for(team, admin)
    Membership.objects.filter(user=admin).update(role="viewer")

    for attempt in (change_role, remove_member):
        extra = {"role": "viewer"} if attempt is change_role else {}
        with pytest.raises(RoleRefused):
            attempt(actor=actor, user_id=editor.pk, **extra)

    assert role_of(team, editor) == "editor"


def test_people_of_other_teams_are_not_found(team):
    stranger = owner_of(make_team())

    with pytest.raises(MemberNotFound):
        change_role(actor=actor_for(team), user_id=stranger.pk, role="viewer")
    with pytest.raises(MemberNotFound):
        remove_member(actor=actor_for(team), user_id=stranger.pk)


# -- the last owner


def test_the_last_owner_stays_until_there_is_another(team):
    owner, admin = owner_of(team), make_member(team, "admin")

    for attempt in (
        lambda: leave_team(actor=actor_for(team, owner)),
        lambda: change_role(actor=actor_for(team, owner), user_id=owner.pk, role="admin"),
        lambda: remove_member(actor=actor_for(team, owner), user_id=owner.pk),
    ):
        with pytest.raises(RoleRefused, match="needs an owner"):
            attempt()
    change_role(actor=actor_for(team, owner), user_id=admin.pk, role="owner")
    leave_team(actor=actor_for(team, owner))

    assert role_of(team, owner) is None
    assert owner_of(team) == admin


@pytest.mark.parametrize(
    "statement", ["UPDATE accounts_membership SET role = 'admin'", "DELETE FROM accounts_membership"]
)
def test_the_database_keeps_an_owner_whoever_writes(team, statement):
    make_member(team, "owner")

    with pytest.raises(IntegrityError, match="no owner"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{statement} WHERE team_id = '{team.pk}'; SET CONSTRAINTS ALL IMMEDIATE")


def test_a_team_that_ends_needs_no_owner(team):
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('accounts.ending_team', %s, true)", [str(team.pk)])
        cursor.execute("DELETE FROM accounts_membership WHERE team_id = %s", [team.pk])
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    assert not team.memberships.exists()


def test_handing_over_swaps_the_two(team):
    owner, editor = owner_of(team), make_member(team, "editor")

    hand_over(actor=actor_for(team, owner), user_id=editor.pk)

    assert (role_of(team, owner), role_of(team, editor)) == ("admin", "owner")
    with pytest.raises(RoleRefused):
        hand_over(actor=actor_for(team, owner), user_id=owner.pk)


# -- what removal does


def test_who_was_removed_is_refused_at_once_and_their_clips_and_limits_stay(team):
    give_credits(team)
    editor = make_member(team, "admin")
    browser = signed_in(editor)
    _, plain = make_key(team, editor)
    clip = make_generation(team, image=picture_of(team))
    Generation.objects.filter(pk=clip.pk).update(created_by=editor)
    limit = set_limit(team=team, member=editor, period="day", cap=1_000_000)
    assert browser.get(f"/t/{team.slug}/members/").status_code == 200

    signed_in(owner_of(team)).post(f"/t/{team.slug}/members/{editor.pk}/remove/")

    assert browser.get(f"/t/{team.slug}/members/").status_code == 404
    assert ApiClient(plain).get("/balance").status_code == 401
    assert Generation.objects.get(pk=clip.pk).status == "queued"
    assert Limit.objects.get(pk=limit.pk).active
    assert last_event()[:2] == ("member.removed", str(editor.pk))
    assert browser.get("/").headers["Location"] == "/teams/new/"


def test_a_visit_is_noted_once_an_hour(team):
    membership = team.memberships.get()
    now = timezone.now()

    for minutes in (0, 59, 61):
        membership.refresh_from_db()
        note_visit(membership, now=now + timedelta(minutes=minutes))
        membership.refresh_from_db()
        assert membership.last_seen_at == now + timedelta(minutes=0 if minutes < 60 else 61)


# -- the pages


def test_the_list_says_who_is_there_and_what_they_spent(team):
    editor = make_member(team, "editor")
    give_credits(team)
    settle(hold_by(actor_for(team, editor), 1_230_000), 1_230_000)

    page = signed_in(owner_of(team)).get(f"/t/{team.slug}/members/").content.decode()
    seen_by_viewer = signed_in(make_member(team, "viewer")).get(f"/t/{team.slug}/members/").content.decode()

    assert editor.email in page
    assert "$1.23" in page
    assert "$1.23" not in seen_by_viewer
    assert "Remove this member?" in page
    assert "Remove this member?" not in seen_by_viewer


def test_a_refusal_is_a_sentence_on_the_page(team):
    admin = signed_in(make_member(team, "admin"))

    response = admin.post(f"/t/{team.slug}/members/{owner_of(team).pk}/role/", {"role": "viewer"})

    assert response.status_code == 422
    assert "Only an owner can change what" in response.content.decode()


def test_leaving_leads_home(team):
    viewer = signed_in(make_member(team, "viewer"))

    response = viewer.post(f"/t/{team.slug}/leave/")

    assert response.headers["Location"] == "/"
    assert team.memberships.count() == 1
    assert viewer.get("/", follow=True).redirect_chain[-1][0] == "/teams/new/"


# -- the team itself


def test_staff_without_a_team_start_at_their_site():
    assert signed_in(make_user(is_staff=True)).get("/").headers["Location"] == "/staff/"


def test_another_team_belongs_to_whoever_makes_it():
    person = make_user()

    response = signed_in(person).post("/teams/new/", {"name": "North Light"})

    assert response.headers["Location"] == "/t/north-light/members/"
    assert person.memberships.get().role == Role.OWNER
    assert signed_in(person).post("/teams/new/", {"name": " "}).status_code == 422


def test_a_new_name_keeps_the_address(team):
    browser = signed_in(owner_of(team))

    browser.post(f"/t/{team.slug}/settings/", {"name": "  Lux   Ltd "})

    team.refresh_from_db()
    assert (team.name, team.slug) == ("Lux Ltd", "lumen")
    assert last_event()[2:] == ({"name": "Lumen"}, {"name": "Lux Ltd"})
    assert make_team(name="Lumen").slug != "lumen"
    response = browser.post(f"/t/{team.slug}/settings/", {"name": ""})
    assert response.status_code == 422
    assert "Give the team a name." in response.content.decode()


def test_a_personal_team_becomes_a_shared_one(team):
    team.is_personal = True
    team.save()
    browser = signed_in(owner_of(team))
    assert "Make it a shared team" in browser.get(f"/t/{team.slug}/settings/").content.decode()

    browser.post(f"/t/{team.slug}/settings/share/")
    browser.post(f"/t/{team.slug}/settings/share/")

    team.refresh_from_db()
    assert not team.is_personal
    assert AuditEvent.objects.filter(action="team.shared").count() == 1


def test_the_owner_hands_over_on_the_settings_page(team):
    browser, editor = signed_in(owner_of(team)), make_member(team, "editor")
    assert editor.email in browser.get(f"/t/{team.slug}/settings/").content.decode()

    assert browser.post(f"/t/{team.slug}/settings/owner/", {"member": "nobody"}).status_code == 422
    browser.post(f"/t/{team.slug}/settings/owner/", {"member": editor.pk})

    assert role_of(team, editor) == Role.OWNER
