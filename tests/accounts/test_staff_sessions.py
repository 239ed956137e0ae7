"""Staff visits: a reason first, everything written down, hardly anything changed, told afterwards."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import tasks
from accounts.models import ApiKey, AuditEvent, Membership, StaffSession, StaffVisit, Team, User
from accounts.services.teams import add_member
from billing.models import Purchase
from generations.models import Generation
from tests.contracts.access import ACCESS
from tests.contracts.world import World, browser_of, everything, make_world
from tests.support import factories

pytestmark = pytest.mark.django_db

START = "admin:accounts_staffsession_start"
REASON = "Ticket 4711: clips stay in line"


@pytest.fixture
def staff() -> User:
    return factories.make_user("staff@example.com", is_staff=True, name="Sam")


@pytest.fixture
def team() -> Team:
    return factories.make_team(name="Lumen")


def start(desk: Client, team: Team, person: str = "", reason: str = REASON):
    return desk.post(reverse(START), {"team": team.slug, "person": person, "reason": reason})


def visit(staff: User, team: Team, person: str = "") -> Client:
    desk = browser_of(staff)
    assert start(desk, team, person).status_code == 302
    return desk


def clips(team: Team) -> str:
    return reverse("generations:clips", args=[team.slug])


# -- beginning


def test_a_team_is_closed_to_staff_without_a_visit(staff, team):
    assert browser_of(staff).get(clips(team)).status_code == 404


@pytest.mark.parametrize("reason", ["", "because", "          x          "])
def test_a_visit_needs_a_real_reason(staff, team, reason):
    desk = browser_of(staff)

    assert start(desk, team, reason=reason).status_code == 422
    assert desk.get(clips(team)).status_code == 404
    assert not StaffSession.objects.exists()


def test_nobody_is_looked_through_who_is_not_in_the_team(staff, team):
    stranger = factories.make_user()

    assert start(browser_of(staff), team, stranger.email).status_code == 422
    assert start(browser_of(staff), team, "nobody@example.com").status_code == 422
    assert not StaffSession.objects.exists()


def test_customers_cannot_begin_one(team):
    assert start(browser_of(factories.owner_of(team)), team).status_code in {302, 403}
    assert not StaffSession.objects.exists()


def test_one_visit_at_a_time(staff, team):
    other = factories.make_team()
    desk = visit(staff, team)

    response = start(desk, other)

    assert response.status_code == 422
    assert "End it first" in response.content.decode()
    assert desk.get(clips(other)).status_code == 404
    with pytest.raises(IntegrityError), transaction.atomic():
        StaffSession.objects.create(staff=staff, team=other, reason=REASON)


# -- during


def test_every_page_says_so_and_every_address_is_written_down(staff, team):
    desk = visit(staff, team)

    html = desk.get(clips(team) + "?q=private").content.decode()
    desk.get(reverse("billing:pricing"))
    desk.get("/media/forged/clip.mp4")

    assert "Staff visit to Lumen, as an operator" in html
    assert "End now" in html
    visits = list(StaffVisit.objects.values_list("method", "route", "path", "status"))
    assert visits == [
        ("GET", "t/<slug:team_slug>/clips/", clips(team), 200),
        ("GET", "pricing/", "/pricing/", 200),
        ("GET", "media/<str:token>/<str:name>", "", 404),
    ]


@pytest.mark.parametrize(
    "change", ["UPDATE accounts_staffvisit SET path = ''", "DELETE FROM accounts_staffvisit"]
)
def test_what_was_opened_cannot_be_changed(staff, team, change):
    visit(staff, team).get(clips(team))

    with pytest.raises(IntegrityError, match="only ever added to"), transaction.atomic():
        connection.cursor().execute(change)


def test_the_visit_opens_no_other_team_and_nobody_elses_browser(staff, team):
    desk = visit(staff, team)
    colleague = browser_of(factories.make_user(is_staff=True))
    colleague.cookies["staff_session"] = "open"

    assert desk.get(clips(factories.make_team())).status_code == 404
    assert colleague.get(clips(team)).status_code == 404


@pytest.mark.parametrize("role", ["viewer", "owner"])
def test_with_a_members_eyes_nothing_changes(staff, role):
    """What the member may open is open, and every change on every page of the team is refused."""
    world = make_world()
    desk = visit(staff, world.team, world.people[role].email)
    before = watched()

    assert refused(desk, world) == set(changing_addresses())
    assert watched() == before
    assert desk.get(clips(world.team)).status_code == 200


def test_an_operator_may_cancel_and_nothing_else(staff):
    world = make_world()
    desk = visit(staff, world.team)
    allowed = {"generations:cancel", "generations:batch_cancel"}

    assert refused(desk, world) == set(changing_addresses()) - allowed
    desk.post(reverse("generations:cancel", args=[world.slug, world.clip_id]))

    assert Generation.objects.get(pk=world.clip_id).status == "canceled"
    assert (Purchase.objects.count(), ApiKey.objects.count()) == (1, 1)
    assert Generation.objects.get(pk=world.clip_id).events.last().actor == f"staff:{staff.pk}"


def changing_addresses() -> list[str]:
    return [name for name, access in ACCESS.items() if access.level == "team" and "POST" in access.methods]


def refused(desk: Client, world: World) -> set[str]:
    """The addresses that refuse a POST."""
    return {
        name
        for name in changing_addresses()
        if desk.post(reverse(name, kwargs=world.arguments(ACCESS[name].args))).status_code == 403
    }


def watched():
    return everything(without=("accounts_staffsession", "accounts_staffvisit"))


def test_a_member_who_left_has_no_eyes(staff, team):
    person = factories.make_member(team, "editor")
    desk = visit(staff, team, person.email)
    Membership.objects.filter(user=person).delete()

    assert desk.get(clips(team)).status_code == 404


def test_what_staff_do_is_theirs_and_not_the_members(staff):
    team = factories.make_team()
    factories.give_credits(team)
    desk = visit(staff, team)
    session = StaffSession.objects.get()
    desk.post(reverse("accounts:staff_session_end"))

    events = AuditEvent.objects.filter(action__startswith="staff_session")
    assert [(event.action, event.kind, event.user, event.team) for event in events.order_by("pk")] == [
        ("staff_session.started", "staff", staff, team),
        ("staff_session.ended", "staff", staff, team),
    ]
    assert events.get(action="staff_session.ended").staff_session == session.pk


def test_somebody_in_the_team_is_there_as_staff_while_they_visit(staff, team):
    """Otherwise the visit would be done under a membership."""
    add_member(team=team, user=staff, role="owner")
    desk = visit(staff, team)

    assert desk.post(reverse("accounts:key_create", args=[team.slug]), {"name": "x"}).status_code == 403


# -- the end


@pytest.mark.parametrize(
    ("started", "seen", "how"), [(31, 1, "time"), (20, 11, "idle")], ids=["half an hour", "nothing opened"]
)
def test_a_visit_ends_by_itself(staff, team, started, seen, how):
    desk = visit(staff, team)
    now = timezone.now()
    StaffSession.objects.update(
        started_at=now - timedelta(minutes=started), seen_at=now - timedelta(minutes=seen)
    )

    assert desk.get(clips(team)).status_code == 404
    assert StaffSession.objects.get().how_ended == how


def test_ending_closes_the_team_at_once(staff, team):
    desk = visit(staff, team)

    desk.post(reverse("accounts:staff_session_end"))

    assert desk.get(clips(team)).status_code == 404
    assert StaffSession.objects.get().how_ended == "ended"


def test_whoever_loses_the_staffs_rights_is_out(staff, team):
    desk = visit(staff, team)
    User.objects.filter(pk=staff.pk).update(is_staff=False)

    assert desk.get(clips(team)).status_code == 404


def test_the_sweep_ends_what_a_closed_browser_left_open_and_tells_once(
    staff, team, django_capture_on_commit_callbacks
):
    person = factories.make_member(team, "editor")
    visit(staff, team, person.email).get(clips(team))
    StaffSession.objects.update(started_at=timezone.now() - timedelta(hours=1))

    tasks.end_staff_sessions()
    for _ in range(2):
        tasks.tell_about_staff_session(session_id=str(StaffSession.objects.get().pk), later="ignored")

    assert StaffSession.objects.get().how_ended == "time"
    assert {email.to[0] for email in mail.outbox} == {factories.owner_of(team).email, person.email}
    assert len(mail.outbox) == 2
    assert REASON in mail.outbox[0].body
    assert "Lumen" in mail.outbox[0].subject


# -- afterwards


def test_owners_and_the_person_read_all_about_it(staff, team):
    person = factories.make_member(team, "editor")
    desk = visit(staff, team, person.email)
    desk.get(clips(team))
    desk.post(reverse("accounts:staff_session_end"))

    page = browser_of(factories.owner_of(team)).get(reverse("accounts:staff_visits", args=[team.slug]))
    own = browser_of(person).get(reverse("accounts:own_staff_visits"))
    others = browser_of(factories.make_user()).get(reverse("accounts:own_staff_visits"))

    for html in (page.content.decode(), own.content.decode()):
        assert REASON in html
        assert f"GET {clips(team)}" in html
    assert REASON not in others.content.decode()


def test_staff_read_the_history_on_their_site(staff, team):
    desk = visit(staff, team)
    desk.get(clips(team))

    html = desk.get(reverse("admin:accounts_staffsession_changelist")).content.decode()

    assert REASON in html
    assert "Visit to Lumen" in html
    assert desk.get(reverse("admin:accounts_staffsession_end")).status_code == 200
