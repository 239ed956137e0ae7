"""What staff may do about lines and keys: weigh a team, try a key again."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent
from generations.models import BreakerState, FalKey, TeamLine
from tests.contracts.world import browser_of
from tests.support import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk() -> Client:
    return browser_of(factories.make_user("staff@example.com", is_staff=True))


def test_staff_set_a_teams_weight_and_nothing_else(desk):
    line = TeamLine.objects.create(team=factories.make_team(), turn=7)
    path = reverse("admin:generations_teamline_change", args=[line.pk])

    assert desk.post(path, {"weight": "3", "turn": "0"}).status_code == 302
    line.refresh_from_db()
    assert (line.weight, line.turn) == (3, 7)
    written = AuditEvent.objects.get(team=line.team, action="team.weight_changed")
    assert (written.old, written.new) == ({"weight": 1}, {"weight": 3})
    assert written.user.email == "staff@example.com"

    assert desk.post(path, {"weight": "0"}).status_code == 200  # the form again, with its error
    assert desk.post(path, {"weight": "3"}).status_code == 302
    line.refresh_from_db()
    assert line.weight == 3
    assert AuditEvent.objects.filter(action=written.action).count() == 1  # nothing changed


def test_staff_end_a_keys_pause(desk):
    now = timezone.now()
    FalKey.objects.create(name="main", breaker=BreakerState.OPEN, probe_at=now + timedelta(minutes=9))
    FalKey.objects.create(name="fine")
    path = reverse("admin:generations_falkey_changelist")

    page = desk.post(path, {"action": "try_again_now", "_selected_action": ["main", "fine"]}, follow=True)

    assert "The next job is tried with main." in page.content.decode()
    assert FalKey.objects.get(pk="main").probe_at <= timezone.now()
    assert FalKey.objects.get(pk="fine").probe_at is None
    assert (
        desk.post(
            reverse("admin:generations_falkey_change", args=["main"]), {"breaker": "closed"}
        ).status_code
        == 403
    )
