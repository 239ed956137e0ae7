"""Deletions: shown, confirmed, undone or done, with nothing of a person or team left and the books whole."""

from datetime import timedelta
from pathlib import Path

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts.api_keys import create_api_key
from accounts.audit import record
from accounts.models import ApiKey, AuditEvent, Membership, StaffSession, Team, User
from accounts.services.staff_sessions import note_visit, start_staff_session
from billing.models import Entry, Payment, RaiseRequest, StripeCustomer, StripeReceipt
from billing.services import balance_of, set_limit, start_purchase
from billing.services.notices import note
from billing.services.raise_requests import ask_for_more
from billing.services.refusals import TeamFrozen
from generations.models import Generation, GenerationEvent, Image, Submission, WebhookReceipt
from generations.services import erasure
from ltxplatform.data_rights import tasks
from ltxplatform.data_rights.models import DataExport, Deletion
from ltxplatform.data_rights.services import deletions
from tests.contracts.world import browser_of
from tests.ltxplatform.data_rights.support import (
    just_signed_in,
    picture_with_files,
    ready_clip,
    run_until_done,
    signed_in_long_ago,
)
from tests.support import factories

pytestmark = pytest.mark.django_db

CANARY = "zyxcanary"


@pytest.fixture
def team(db):
    team = factories.make_team(name="Lumen")
    factories.give_credits(team)
    return team


@pytest.fixture
def owner(team):
    return factories.owner_of(team)


def page(team, what="team_delete"):
    return reverse(f"data_rights:{what}", args=[team.slug])


def ask(team, typed=None):
    browser = just_signed_in(factories.owner_of(team))
    return browser.post(page(team), {"typed": typed if typed is not None else team.name})


def ask_own(person, typed=None):
    return just_signed_in(person).post(
        reverse("data_rights:own_delete"), {"typed": typed if typed is not None else person.email}
    )


def let_time_pass():
    Deletion.objects.update(due_at=timezone.now() - timedelta(minutes=1))


def carry_out():
    """What the sweep and the workers do, until nothing changes any more."""
    let_time_pass()
    for _ in range(20):
        for pk in Deletion.objects.filter(state="waiting").values_list("pk", flat=True):
            tasks.deletion_step(deletion_id=str(pk), later="ignored")


# -- before


def test_the_page_shows_what_goes(team, owner):
    ready_clip(team)
    factories.make_generation(team, image=picture_with_files(team))

    html = browser_of(owner).get(page(team)).content.decode()

    assert "2 erased, 1 of them canceled" in html
    assert "$9.98" in html  # what two clips left of the credit
    assert "forfeited" in html


@pytest.mark.parametrize("typed", ["", "lumens", "Delete"])
def test_the_name_has_to_be_typed(team, typed):
    assert ask(team, typed).status_code == 422
    assert not Deletion.objects.exists()


def test_it_needs_a_recent_sign_in(team, owner):
    response = signed_in_long_ago(owner).post(page(team), {"typed": team.name})

    assert "next=" in response["Location"]
    assert not Deletion.objects.exists()


def test_a_debt_or_a_payment_on_its_way_comes_first(team):
    purchase = start_purchase(team=team, credit=5_000_000, actor="test")
    Payment.objects.create(purchase=purchase, team=team, form_key=purchase_key(), is_processing=True)

    response = ask(team)

    assert response.status_code == 422
    assert "on its way from your bank" in response.content.decode()


def test_who_is_the_only_owner_of_a_shared_team_stays(team, owner):
    factories.make_member(team, "editor")

    response = ask_own(owner)

    assert response.status_code == 422
    assert "only owner of Lumen" in response.content.decode()
    assert not Deletion.objects.exists()


# -- the grace


def test_nothing_new_is_made_or_bought_meanwhile(team, owner):
    picture = picture_with_files(team)
    ask(team)
    team = Team.objects.get(pk=team.pk)

    with pytest.raises(TeamFrozen):
        factories.make_generation(team, image=picture)
    with pytest.raises(TeamFrozen):
        start_purchase(team=team, credit=5_000_000, actor="test")
    bought = just_signed_in(owner).post(
        reverse("billing:buy", args=[team.slug]), {"amount": "10", "form_key": purchase_key()}
    )
    assert bought.status_code == 422
    assert not Generation.objects.exists()


def test_it_is_undone_with_one_press(team, owner):
    ask(team)
    tasks.tell_about_deletion(deletion_id=str(Deletion.objects.get().pk))
    assert "Undo the deletion" in browser_of(owner).get(page(team, "team_data")).content.decode()
    assert "will be deleted" in mail.outbox[0].subject

    browser_of(owner).post(page(team, "team_delete_undo"))
    carry_out()

    assert Team.objects.get(pk=team.pk).ends_at is None
    factories.make_generation(Team.objects.get(pk=team.pk), image=picture_with_files(team))
    actions = AuditEvent.objects.filter(team=team, action__contains="deletion").values_list(
        "action", flat=True
    )
    assert sorted(actions) == ["team.deletion_requested", "team.deletion_undone"]


def test_asking_twice_is_one_deletion(team):
    ask(team)
    ask(team)

    assert Deletion.objects.count() == 1


def test_nothing_happens_before_its_time(team):
    clip = ready_clip(team)
    ask(team)

    tasks.sweep()
    tasks.deletion_step(deletion_id=str(Deletion.objects.get().pk))

    assert default_storage.exists(str(clip.video.name))
    assert Membership.objects.filter(team=team).exists()


def test_it_is_too_late_to_undo_afterwards(team, owner):
    ask(team)
    let_time_pass()

    browser_of(owner).post(page(team, "team_delete_undo"))

    assert Deletion.objects.get().state == "waiting"


# -- the end


def test_jobs_end_first_and_what_is_at_fal_is_waited_for(team):
    waits = factories.make_generation(team, image=picture_with_files(team))
    runs = factories.make_generation(team, image=waits.image, seed=7)
    Generation.objects.filter(pk=runs.pk).update(status="processing")
    ask(team)

    carry_out()

    assert Generation.objects.get(pk=waits.pk).status == "canceled"
    assert Generation.objects.get(pk=runs.pk).cancel_requested_at is not None
    assert Deletion.objects.get().state == "waiting"
    assert balance_of(team).available > 0


def test_a_large_team_goes_in_parts_that_may_run_twice(team, monkeypatch):
    monkeypatch.setattr(erasure, "BATCH", 2)
    for seed in range(5):
        ready_clip(team, seed=seed)
    ask(team)
    let_time_pass()
    deletion = Deletion.objects.get()

    tasks.deletion_step(deletion_id=str(deletion.pk))
    assert Generation.objects.exclude(request_hash="").count() == 3
    carry_out()

    assert Deletion.objects.get().state == "done"
    assert files() == []


def test_the_credit_is_forfeited_once_and_the_books_stay_whole(team):
    ready_clip(team)
    entries = Entry.objects.count()
    ask(team)
    carry_out()

    call_command("billing_verify")
    assert balance_of(team).available == 0
    assert Entry.objects.count() == entries + 2
    assert AuditEvent.objects.get(action="team.deleted").new["credit_forfeited"] > 0


def test_the_team_is_closed_to_everybody(team, owner):
    key, plain = create_api_key(actor=factories.actor_for(team), name="Key", scopes=["read"])
    ask(team)
    carry_out()

    assert browser_of(owner).get(reverse("generations:clips", args=[team.slug])).status_code == 404
    answer = browser_of(None).get("/api/v1/generations", headers={"Authorization": f"Bearer {plain}"})
    assert answer.status_code == 401
    assert ApiKey.objects.get(pk=key.pk).revoked_at is not None


def test_an_account_ends_with_its_own_team_and_leaves_the_others(team):
    person = factories.make_user("leaver@example.com", name="Lea Leaver")
    own = factories.make_team(person, name="Mine")
    Membership.objects.create(team=team, user=person, role="editor")
    clip = ready_clip(team)
    Generation.objects.filter(pk=clip.pk).update(created_by=person)
    browser = browser_of(person)

    assert ask_own(person).status_code == 302
    carry_out()

    person.refresh_from_db()
    assert (person.email, person.name, person.is_active) == (
        f"deleted-{person.pk}@deleted.invalid",
        "",
        False,
    )
    assert not person.has_usable_password()
    assert Team.objects.get(pk=own.pk).name == "Deleted team"
    assert not Membership.objects.filter(user=person).exists()
    assert Generation.objects.get(pk=clip.pk).params["prompt"]
    assert browser.get(reverse("data_rights:own_data")).status_code == 302
    assert "Your account was deleted" in [email.subject for email in mail.outbox]


def test_undoing_an_account_saves_its_teams(team):
    person = factories.make_user()
    own = factories.make_team(person)
    ask_own(person)

    browser_of(person).post(reverse("data_rights:own_delete_undo"))
    carry_out()

    assert {each.state for each in Deletion.objects.all()} == {"undone"}
    assert Team.objects.get(pk=own.pk).ends_at is None
    assert User.objects.get(pk=person.pk).is_active


# -- a canary in every field


def test_no_word_of_a_person_and_their_team_is_left_anywhere(team):
    """The marker stands in everything they can write, and in what the platform writes about them."""
    staff = factories.make_user("staff@example.com", is_staff=True)
    person = factories.make_user(f"{CANARY}@example.com", name=f"{CANARY} Person")
    EmailAddress.objects.create(user=person, email=f"second-{CANARY}@example.com", verified=True)
    own = factories.make_team(person, name=f"{CANARY} Studio")
    fill(own, person, staff)
    # In a team of others they leave traces, too.
    Membership.objects.create(team=team, user=person, role="editor")
    record("member.added", by=factories.actor_for(team), about=person, new={"email": person.email})
    create_api_key(actor=factories.actor_for(team, person), name=CANARY, scopes=["read"])
    theirs = set_limit(team=team, member=factories.owner_of(team), period="day", cap=1)
    RaiseRequest.objects.create(
        team=team, limit=theirs, asked_by=factories.owner_of(team), amount=1, reason=f"As {person.name} says"
    )
    assert ask_own(person).status_code == 302
    run_until_done(start_export(own, person))
    before = {place for place, _ in hits()}

    carry_out()

    assert len(before) >= 20, before
    assert hits() == []
    assert RaiseRequest.objects.get(limit=theirs).reason == "As … says"
    assert files() == []
    call_command("billing_verify")


def fill(team: Team, person: User, staff: User) -> None:
    """One row of everything with the marker in each of its texts."""
    factories.give_credits(team)
    actor = factories.actor_for(team, person)
    clip = ready_clip(
        team,
        CANARY.encode(),
        key=f"{CANARY}-order",
        prompt=f"{CANARY} drifts",
        negative_prompt=CANARY,
        loras=[{"path": f"{CANARY}/lora", "scale": 1}],
    )
    Image.objects.update(original_name=f"{CANARY}.jpg", fal_url=f"https://fal/{CANARY}")
    Generation.objects.update(
        used_prompt=CANARY, failure_detail=CANARY, failure_context={"a": CANARY}, logs=[CANARY]
    )
    GenerationEvent.objects.update(note=CANARY)
    factories.make_batch(team, image=clip.image, prompt=CANARY).__class__.objects.update(
        name=CANARY, idempotency_key=CANARY
    )
    sent = Submission.objects.create(
        generation=clip,
        number=1,
        state="accepted",
        request_id="r1",
        body={"prompt": CANARY},
        output={"prompt": CANARY},
        status_url=CANARY,
        refusal=CANARY,
    )
    WebhookReceipt.objects.create(submission=sent, request_id="r1", body=CANARY)
    create_api_key(actor=actor, name=CANARY, scopes=["read"])
    limit = set_limit(team=team, member=person, period="day", cap=200_000)
    ask_for_more(actor=actor, limit_id=limit.pk, amount=100_000, reason=CANARY)
    note(kind="payment_failed", subject="p1", team=team, credit=1, reason=CANARY)
    purchase = start_purchase(team=team, credit=5_000_000, actor=actor.label)
    Payment.objects.create(
        purchase=purchase,
        team=team,
        form_key=purchase_key(),
        failure=CANARY,
        invoice_url=CANARY,
        error=CANARY,
    )
    StripeCustomer.objects.create(team=team, stripe_id="cus_1", card=CANARY)
    StripeReceipt.objects.create(
        event_id="evt_1", kind="x", object_id="cus_1", payload=f'{{"customer": "cus_1", "email": "{CANARY}"}}'
    )
    visit = start_staff_session(
        staff=staff, team=team, person=person, reason=f"About {CANARY}", now=timezone.now()
    )
    note_visit(
        session=visit,
        method="GET",
        route="t/<slug:team_slug>/clips/",
        path=f"/t/{team.slug}/clips/",
        status=200,
        now=timezone.now(),
    )
    record("team.renamed", by=actor, about=team, old={"name": CANARY}, new={"name": team.name})


def start_export(team, person):
    just_signed_in(person).post(reverse("data_rights:team_export", args=[team.slug]))
    return DataExport.objects.get(team=team)


def hits() -> list[tuple[str, int]]:
    """Every text column of the database that holds the marker, and in how many rows."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
            "AND data_type IN ('text', 'character varying', 'jsonb', 'json', 'character', 'ARRAY') "
            "AND table_name IN (SELECT tablename FROM pg_tables WHERE schemaname = 'public')"
        )
        for table, column in cursor.fetchall():
            cursor.execute(
                f'SELECT count(*) FROM "{table}" WHERE "{column}"::text ILIKE %s',  # noqa: S608
                [f"%{CANARY}%"],
            )
            (count,) = cursor.fetchone()
            if count:
                found.append((f"{table}.{column}", count))
    return found


def files() -> list[str]:
    """Everything in the storage."""
    root = Path(default_storage.path(""))
    return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]


def purchase_key() -> str:
    return "5b2ccb5e-6f4f-4a78-9f39-1f1a31f0a4c5"


def test_a_person_who_is_of_the_staff_stays():
    person = factories.make_user(is_staff=True)

    assert ask_own(person).status_code == 422
    assert StaffSession.objects.count() == 0


def test_the_sweep_begins_what_is_due_and_tells_what_was_not_told(team):
    ask(team)
    Deletion.objects.update(created_at=timezone.now() - timedelta(hours=1))
    let_time_pass()

    deletions.sweep(now=timezone.now())

    assert Deletion.objects.get().leased_until is None
