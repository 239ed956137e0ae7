"""The staff site: its door, what it shows, what nobody can change there, and how much it asks the database."""

from typing import Any
from uuid import uuid4

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.api_keys import create_api_key
from accounts.models import ApiKey, StaffSession, Team, User
from billing.models import FraudWarning, Hold, Recharge, StripeReceipt, Transaction
from billing.money import MINUS
from billing.services import start_purchase
from generations.models import FalKey, Generation, Image, Retention, Submission, TeamLine, WebhookReceipt
from ltxplatform import urls  # noqa: F401 - loads the screens
from ltxplatform.data_rights.models import DataExport, Deletion
from tests.support import factories

pytestmark = pytest.mark.django_db

# The switches of people, how long a team keeps files, its share of what is sent: set by staff, tested on their own.
WRITABLE = {User, Retention, TeamLine}
MODELS = [model for model in admin.site._registry if model not in WRITABLE]
WRITES = ("add", "change", "delete")


@pytest.fixture
def staff() -> User:
    return factories.make_user("staff@example.com", is_staff=True)


@pytest.fixture
def desk(staff: User) -> Client:
    """A browser somebody of the staff has signed in with."""
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def team() -> Team:
    return paying_team()


def paying_team() -> Team:
    team = factories.make_team()
    factories.give_credits(team)
    return team


@pytest.fixture
def clip(team: Team) -> Generation:
    return clip_at_fal(team)


def clip_at_fal(team: Team, key: str = "order-1") -> Generation:
    """A clip with one row of everything that can hang on it."""
    generation = factories.make_generation(team, image=picture_of(team), key=key)
    submission = Submission.objects.create(
        generation=generation, number=1, state="accepted", request_id=str(uuid4()), body={"prompt": "x"}
    )
    WebhookReceipt.objects.create(submission=submission, request_id=submission.request_id, body="{}")
    FalKey.objects.get_or_create(name="main")
    return generation


def picture_of(team: Team) -> Image:
    """A row alone: no screen here opens the file, and decoding one costs most of a second."""
    return Image.objects.create(
        team=team,
        file="a.jpg",
        thumbnail="b.jpg",
        sha256=uuid4().hex,
        source_sha256=uuid4().hex,
        width=640,
        height=360,
        size=1000,
        content_type="image/jpeg",
        original_name="photo.jpg",
    )


def buy_for(team: Team) -> None:
    """A row of everything about buying."""
    purchase = start_purchase(team=team, credit=25_000_000, actor="test")
    Recharge.objects.create(team=team, purchase=purchase, payment_method="pm_1", created_at=timezone.now())
    StripeReceipt.objects.create(event_id="evt_1", kind="charge.refunded", object_id="ch_1", payload="{}")
    DataExport.objects.create(team=team, person=factories.owner_of(team))
    Deletion.objects.create(team=team, person=factories.owner_of(team), due_at=timezone.now())
    StaffSession.objects.create(staff=factories.make_user(), team=team, reason="Ticket 4711")
    FraudWarning.objects.create(stripe_id="issfr_1", purchase=purchase, fraud_type="misc", actionable=True)


def page(action: str, model: type[Model], *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{action}", args=args)


def listed(desk: Client, model: type[Model], **query: str) -> int:
    response = desk.get(page("changelist", model), query)
    assert response.status_code == 200
    return response.context["cl"].result_count


# -- the door


def test_nobody_is_led_to_the_sites_own_sign_in(client: Client) -> None:
    response = client.get(reverse("admin:index"), follow=True)

    assert response.redirect_chain[-1][0].startswith("/accounts/login/?next=")


def test_djangos_unlimited_form_takes_no_password(client: Client, staff: User) -> None:
    response = client.post(
        reverse("admin:login"), {"username": staff.email, "password": factories.PASSWORD, "next": "/"}
    )

    assert response["Location"].startswith("/accounts/login/")
    assert "_auth_user_id" not in client.session


def test_a_customer_is_turned_away(client: Client, team: Team) -> None:
    client.force_login(factories.owner_of(team))

    assert client.get(reverse("admin:index"), follow=True).status_code == 403
    assert client.get(page("changelist", Generation), follow=True).status_code == 403


def test_somebody_switched_off_is_nobody(desk: Client, staff: User) -> None:
    User.objects.filter(pk=staff.pk).update(is_active=False)

    assert desk.get(reverse("admin:index")).status_code == 302


def test_the_queues_own_screens_are_gone() -> None:
    assert [model for model in admin.site._registry if model._meta.app_label == "django_q"] == []


# -- reading


def test_every_list_and_every_row_opens(desk: Client, clip: Generation) -> None:
    create_api_key(actor=factories.actor_for(clip.team), name="Key", scopes=["read"])

    for model in admin.site._registry:
        assert listed(desk, model) == model._default_manager.count(), model
        for row in model._default_manager.all()[:2]:
            assert desk.get(page("change", model, row.pk)).status_code == 200, model
    assert desk.get(reverse("admin:index")).status_code == 200


def test_a_jobs_page_tells_its_whole_story(desk: Client, clip: Generation) -> None:
    html = desk.get(page("change", Generation, clip.pk)).content.decode()

    submission = clip.submissions.get()
    assert "('queued'" not in html  # a label, not what it is made of
    assert "held $0.0075, captured $0.00, released $0.00 (open)" in html
    assert str(submission.request_id) in html
    assert "waiting" in html
    assert clip.team.name in html


def test_a_transactions_page_shows_its_entries_in_dollars(desk: Client, clip: Generation) -> None:
    hold = Transaction.objects.get(kind="hold")

    html = desk.get(page("change", Transaction, hold.pk)).content.decode()

    assert f"{MINUS}$0.0075" in html
    assert "$9.9925" in html


@pytest.mark.parametrize("model", [Generation, Submission, Hold, Transaction])
def test_no_list_asks_a_question_for_each_row(desk: Client, team: Team, model: type[Model]) -> None:
    clip_at_fal(team)
    listed(desk, model)  # warms caches that are not about rows
    with CaptureQueriesContext(connection) as one:
        listed(desk, model)
    for key in ("order-2", "order-3", "order-4"):
        clip_at_fal(paying_team(), key)

    with CaptureQueriesContext(connection) as four:
        assert listed(desk, model) >= 4

    assert len(four) == len(one) <= 6, [query["sql"] for query in four]


@pytest.mark.parametrize(
    "name", ["id", "team id", "picture id", "request id", "token", "e-mail", "team", "idempotency key"]
)
def test_a_job_is_found_by_whatever_a_report_names(desk: Client, clip: Generation, name: str) -> None:
    clip_at_fal(paying_team(), "order-2")
    submission = clip.submissions.get()
    terms = {
        "id": str(clip.pk),
        "team id": str(clip.team_id),
        "picture id": str(clip.image_id),
        "request id": submission.request_id,
        "token": str(submission.token),
        "e-mail": factories.owner_of(clip.team).email,
        "team": clip.team.slug,
        "idempotency key": clip.idempotency_key,
    }

    response = desk.get(page("changelist", Generation), {"q": terms[name]})

    assert [row.pk for row in response.context["cl"].result_list] == [clip.pk]


@pytest.mark.parametrize("nonsense", ["%", "00000000-0000-4000-8000-000000000000", "a" * 500, '"x'])
def test_a_search_for_nonsense_finds_nothing(desk: Client, clip: Generation, nonsense: str) -> None:
    for model in admin.site._registry:
        assert desk.get(page("changelist", model), {"q": nonsense}).status_code == 200, model
    assert listed(desk, Generation, q=nonsense) == 0


def test_no_secret_is_on_any_screen(desk: Client, team: Team, staff: User) -> None:
    key, whole = create_api_key(actor=factories.actor_for(team), name="Key", scopes=["read"])

    html = desk.get(page("change", ApiKey, key.pk)).content.decode()
    html += desk.get(page("change", User, staff.pk)).content.decode()

    assert key.secret_hash not in html
    assert staff.password not in html
    assert key.prefix in html
    assert whole not in html


# -- writing


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_staff_add_change_and_delete_nothing(desk: Client, clip: Generation, model: type[Model]) -> None:
    User.objects.filter(is_staff=True).update(is_superuser=True)
    create_api_key(actor=factories.actor_for(clip.team), name="Key", scopes=["read"])
    buy_for(clip.team)
    row = model._default_manager.first()
    assert row is not None
    before = list(model._default_manager.order_by("pk").values())

    statuses = [
        desk.post(page("add", model), {"name": "x"}).status_code,
        desk.post(page("change", model, row.pk), {"name": "x"}).status_code,
        desk.post(page("delete", model, row.pk), {"post": "yes"}).status_code,
    ]

    assert statuses == [403, 403, 403]
    assert list(model._default_manager.order_by("pk").values()) == before


def test_no_list_offers_to_delete(desk: Client, clip: Generation) -> None:
    User.objects.filter(is_staff=True).update(is_superuser=True)

    desk.post(
        page("changelist", Generation),
        {"action": "delete_selected", "_selected_action": str(clip.pk), "post": "yes"},
    )

    assert Generation.objects.filter(pk=clip.pk).exists()


def test_only_a_superuser_turns_a_persons_switches(desk: Client, team: Team) -> None:
    owner = factories.owner_of(team)
    form = {"is_staff": "on", "email": "changed@example.com", **empty_formsets()}

    assert desk.post(page("change", User, owner.pk), form).status_code == 403

    User.objects.filter(is_staff=True).update(is_superuser=True)
    assert desk.post(page("change", User, owner.pk), form).status_code == 302
    changed = User.objects.get(pk=owner.pk)
    assert (changed.is_staff, changed.is_active, changed.is_superuser) == (True, False, False)
    assert changed.email == owner.email


def test_nobody_changes_their_own_switches(desk: Client, staff: User) -> None:
    User.objects.filter(pk=staff.pk).update(is_superuser=True)

    assert desk.post(page("change", User, staff.pk), empty_formsets()).status_code == 403


def empty_formsets() -> dict[str, str]:
    return {
        f"{prefix}-{count}": "0"
        for prefix in ("emailaddress_set", "memberships")
        for count in ("TOTAL_FORMS", "INITIAL_FORMS")
    }


# -- the looser policy stays on the staff site


def test_only_the_staff_site_may_evaluate_expressions(desk: Client) -> None:
    staff_policy = desk.get(reverse("admin:index"))["Content-Security-Policy"]
    page_policy = desk.get(reverse("billing:pricing"))["Content-Security-Policy"]

    assert "script-src 'self' 'unsafe-eval'" in staff_policy
    assert "'unsafe-inline'" not in staff_policy.partition("script-src")[2].partition(";")[0]
    assert "unsafe" not in page_policy


def test_a_path_that_only_begins_alike_keeps_the_strict_policy(client: Client) -> None:
    response = client.get(f"{reverse('admin:index').rstrip('/')}x/")

    assert "unsafe" not in response["Content-Security-Policy"]
