"""Members and invitations over the API: shapes, pages, and refusals with their codes."""

import pytest
from django.core import mail

from accounts import tasks
from accounts.models import Invitation, Membership
from tests.support.api import ApiClient, make_key
from tests.support.factories import make_invitation, make_member, make_team, owner_of
from tests.support.openapi import assert_described

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    return make_team()


@pytest.fixture
def program(team):
    return ApiClient(make_key(team, scopes=["admin"])[1])


def send(program, method, path, body=None):
    return getattr(program.client, method)(
        f"/api/v1{path}", body, content_type="application/json", headers=program.headers
    )


def test_members_are_listed_in_pages(team, program):
    editor, viewer = make_member(team, "editor"), make_member(team, "viewer")

    first = program.get("/members", {"limit": 2})
    second = program.get("/members", {"cursor": first.json()["next_cursor"]})

    assert [member["id"] for member in first.json()["data"]] == [owner_of(team).pk, editor.pk]
    assert [member["role"] for member in second.json()["data"]] == ["viewer"]
    assert second.json()["data"][0]["email"] == viewer.email
    assert 'rel="next"' in first.headers["Link"]
    assert second.json()["next_cursor"] is None
    assert program.get("/members", {"cursor": "x"}).json()["code"] == "invalid_cursor"
    assert_described(first, "get", "/members")


def test_a_role_is_changed_and_a_member_removed(team, program):
    editor = make_member(team, "editor")

    changed = send(program, "patch", f"/members/{editor.pk}", {"role": "viewer"})
    removed = send(program, "delete", f"/members/{editor.pk}")

    assert changed.json()["role"] == "viewer"
    assert removed.status_code == 204
    assert not Membership.objects.filter(team=team, user=editor).exists()
    assert_described(changed, "patch", "/members/{id}")
    assert_described(removed, "delete", "/members/{id}")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"role": "owner"}, 403, "role_refused"),
        ({"role": "king"}, 422, "validation"),
        ({"role": "viewer", "is_staff": True}, 422, "validation"),
        ({}, 422, "validation"),
    ],
)
def test_no_program_raises_anybody_above_its_maker(team, body, status, code):
    admin, editor = make_member(team, "admin"), make_member(team, "editor")
    program = ApiClient(make_key(team, admin, scopes=["admin"])[1])

    response = send(program, "patch", f"/members/{editor.pk}", body)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert Membership.objects.get(team=team, user=editor).role == "editor"
    assert_described(response, "patch", "/members/{id}")


def test_the_last_owner_is_safe_from_programs_too(team, program):
    response = send(program, "delete", f"/members/{owner_of(team).pk}")

    assert response.json()["code"] == "role_refused"
    assert owner_of(team)


def test_people_are_invited_and_the_others_named(team, program):
    member = make_member(team, "viewer")

    response = program.post(
        "/invitations", {"emails": ["Kim@Example.com", member.email, "nobody"], "role": "editor"}
    )

    body = response.json()
    assert response.status_code == 201
    assert [each["email"] for each in body["data"]] == ["kim@example.com"]
    assert [(each["row"], each["message"]) for each in body["refused"]] == [
        (1, "is already a member."),
        (2, "is not an e-mail address."),
    ]
    assert_described(response, "post", "/invitations")


def test_an_order_that_invites_nobody_names_each_entry(program):
    response = program.post("/invitations", {"emails": ["nobody"], "role": "editor"})

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/emails/0"


def test_invitations_are_listed_sent_again_and_revoked_without_their_link(team, program):
    first, second = make_invitation(team), make_invitation(team)
    tasks.send_invitation(invitation_id=str(first.pk))
    token = str(mail.outbox[0].body).split("/invitations/")[1].split("/")[0]
    Invitation.objects.filter(pk=first.pk).update(
        sent_at=first.created_at - first.expires_at.resolution * 10**8
    )

    page = program.get("/invitations", {"limit": 1})
    rest = program.get("/invitations", {"cursor": page.json()["next_cursor"]})
    again = program.post(f"/invitations/{first.pk}/resend")
    too_soon = program.post(f"/invitations/{second.pk}/resend", {"role": "owner"})
    gone = send(program, "delete", f"/invitations/{first.pk}")

    assert [each["id"] for each in (*page.json()["data"], *rest.json()["data"])] == [
        str(second.pk),
        str(first.pk),
    ]
    assert (again.status_code, again.json()["sent_at"], too_soon.status_code, gone.status_code) == (
        200,
        None,
        422,
        204,
    )
    assert send(program, "delete", f"/invitations/{first.pk}").status_code == 404
    for response in (page, rest, again):
        assert token not in response.content.decode()
    assert_described(page, "get", "/invitations")
    assert_described(again, "post", "/invitations/{id}/resend")
