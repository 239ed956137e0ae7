"""Every task three times, two of them at once: what it does happens once."""

from datetime import timedelta
from functools import partial

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.models import SessionEnd
from accounts.services import notifications, staff_sessions
from accounts.services.notifications import News
from billing.models import Hold, StripeReceipt, Transaction
from billing.services import find_violations, notices, recharge, refunds, set_limit
from billing.services.raise_requests import ask_for_more
from generations.models import FalKey, Generation, Submission, WebhookReceipt
from generations.services import retention
from ltxplatform.data_rights.models import DataExport, Deletion
from ltxplatform.data_rights.services import deletions, exports
from ltxplatform.operations.models import QueuePing
from tests.billing.stripe.desk import SECRET, Buyer, Desk, post
from tests.concurrency.racing import race
from tests.contracts.test_tasks import named_tasks
from tests.support import flow
from tests.support.factories import (
    actor_for,
    give_credits,
    make_generation,
    make_image,
    make_invitation,
    make_member,
    make_team,
    make_user,
    owner_of,
)
from tests.support.sandbox_process import SandboxHandle, sandbox_server

pytestmark = [pytest.mark.concurrency, pytest.mark.usefixtures("cloned_database")]

Ids = dict[str, str]
TASKS = {
    "accounts.tasks.send_invitation": "invited",
    "accounts.tasks.enqueue_invitations": "invited",
    "accounts.tasks.mail_notification": "told",
    "accounts.tasks.mail_notifications": "told",
    "generations.tasks.tell_about_end": "delivered",
    "generations.tasks.dispatch_next": "queued",
    "generations.tasks.recover_dispatch": "lost",
    "generations.tasks.finish_generation": "done_at_fal",
    "generations.tasks.process_receipt": "announced",
    "generations.tasks.cancel_at_fal": "canceling",
    "generations.tasks.recall_jobs": "done_at_fal",
    "generations.tasks.enqueue_due": "lost",
    "generations.tasks.ask_about_overdue": "done_at_fal",
    "generations.tasks.tell_operators": "stopped_key",
    "generations.tasks.draw_previews": "delivered",
    "generations.tasks.reconcile_costs": "delivered",
    "generations.tasks.delete_expired_media": "expired_media",
    "generations.tasks.remove_orphans": "delivered",
    "billing.tasks.process_receipt": "told_of_payment",
    "billing.tasks.follow_purchase": "paid_at_stripe",
    "billing.tasks.charge_card": "low_on_credit",
    "billing.tasks.send_refund": "refunding",
    "billing.tasks.send_notice": "noted",
    "billing.tasks.enqueue_due": "low_on_credit",
    "billing.tasks.back_fill": "paid_at_stripe",
    "billing.tasks.tell_about_request": "asked_for_more",
    "billing.tasks.tell_about_requests": "asked_for_more",
    "billing.tasks.end_what_is_over": "queued",
    "accounts.tasks.tell_about_staff_session": "visited",
    "accounts.tasks.end_staff_sessions": "visited",
    "ltxplatform.data_rights.tasks.export_step": "exporting",
    "ltxplatform.data_rights.tasks.tell_about_export": "exported",
    "ltxplatform.data_rights.tasks.deletion_step": "ending",
    "ltxplatform.data_rights.tasks.tell_about_deletion": "ending",
    "ltxplatform.data_rights.tasks.sweep": "exporting",
    "ltxplatform.operations.tasks.answer_ping": "nothing",
}


@pytest.fixture(scope="module")
def sandbox():
    with sandbox_server() as handle:
        yield handle


class World:
    """One job at some stage; each stage returns what tasks may be called with."""

    buyer: Buyer

    def __init__(self, fal: SandboxHandle) -> None:
        self.fal = fal
        self.desk = Desk(fal)
        self.team = make_team()
        give_credits(self.team, 100_000)
        self.job = make_generation(self.team, image=make_image(self.team), seed=1)

    def queued(self) -> Ids:
        return {"generation_id": str(self.job.pk), "attempt": str(self.job.hold_attempt)}

    def lost(self) -> Ids:
        self.fal.rule("submit", "drop_after", times=1)
        flow.dispatch_all()
        Generation.objects.update(due_at=timezone.now() - timedelta(seconds=1))
        return self.queued()

    def canceling(self) -> Ids:
        self.fal.control(queue_seconds=60)
        flow.dispatch_all()
        Generation.objects.update(cancel_requested_at=timezone.now())
        return {**self.queued(), "submission_id": str(Submission.objects.get().pk)}

    def done_at_fal(self) -> Ids:
        flow.dispatch_all()
        while flow.poll_once() != ["COMPLETED"]:
            pass
        return {**self.queued(), "fal_key": "main"}

    def announced(self) -> Ids:
        ids = self.done_at_fal()
        sent = Submission.objects.get()
        receipt = WebhookReceipt.objects.create(submission=sent, request_id=sent.request_id, body="{}")
        return {**ids, "receipt_id": str(receipt.pk)}

    def delivered(self) -> Ids:
        notifications.choose(user=owner_of(self.team), wanted={("clip_finished", "mail")})
        ids = self.done_at_fal()
        flow.finish(self.job)
        return ids

    def expired_media(self) -> Ids:
        ids = self.delivered()
        retention.set_retention(team=self.team, keep_days=1, actor="test")
        Generation.objects.update(ended_at=timezone.now() - timedelta(days=3))
        return ids

    def stopped_key(self) -> Ids:
        flow.dispatch_all()
        FalKey.objects.update_or_create(
            pk="main", defaults={"breaker": "open", "reason": "test", "probe_at": timezone.now()}
        )
        return {"fal_key": "main"}

    def paid_at_stripe(self) -> Ids:
        """Paid, and nobody here knows it yet."""
        browser = Client()
        browser.force_login(owner_of(self.team))
        self.buyer = Buyer(self.team, owner_of(self.team), browser)
        self.desk.pay(self.buyer.checkout("10", keep_card="on"))
        return {"purchase_id": str(self.buyer.purchase().pk)}

    def told_of_payment(self) -> Ids:
        self.paid_at_stripe()
        (completed,) = self.desk.events("checkout.session.completed")
        assert post(completed).status_code == 200
        return {"receipt_id": str(StripeReceipt.objects.get().pk)}

    def low_on_credit(self) -> Ids:
        self.paid_at_stripe()
        self.buyer.page_of(self.buyer.purchase())
        amounts = {"threshold": "15", "credit": "20", "monthly_cap": "50", "agreed": "on"}
        assert self.buyer.browser.post(f"{self.buyer.home}recharge/", amounts).status_code == 302
        return {"recharge_id": str(recharge.start_recharge(team_id=self.team.pk, now=timezone.now()).pk)}

    def refunding(self) -> Ids:
        self.paid_at_stripe()
        self.buyer.page_of(self.buyer.purchase())
        wish = {"gross_cents": 400, "actor": "staff", "reason": "Asked for"}
        return {"refund_id": str(refunds.request_refund(purchase=self.buyer.purchase(), **wish).pk)}

    def asked_for_more(self) -> Ids:
        member = make_member(self.team, "editor")
        limit = set_limit(team=self.team, member=member, period="day", cap=100_000)
        actor = actor_for(self.team, member)
        request = ask_for_more(actor=actor, limit_id=limit.pk, amount=100_000, reason="Retakes")
        return {"request_id": str(request.pk)}

    def noted(self) -> Ids:
        self.low_on_credit()
        return {
            "notice_id": str(notices.note(kind="low_balance", subject="test", team=self.team, available=1).pk)
        }

    def told(self) -> Ids:
        news = News("low_balance", "test", "Little is left", "Buy some.", "You are a test.", team=self.team)
        (notification,) = notifications.note(news, readers=[owner_of(self.team)])
        return {"notification_id": str(notification.pk)}

    def invited(self) -> Ids:
        return {"invitation_id": str(make_invitation(self.team).pk)}

    def visited(self) -> Ids:
        now = timezone.now()
        session = staff_sessions.start_staff_session(
            staff=make_user(is_staff=True), team=self.team, reason="Ticket 4711", now=now
        )
        staff_sessions.end_staff_session(session=session, how=SessionEnd.ENDED, now=now)
        return {"session_id": str(session.pk)}

    def exporting(self) -> Ids:
        actor = actor_for(self.team)
        export = exports.start_export(person=owner_of(self.team), actor=actor, now=timezone.now())
        return {"export_id": str(export.pk)}

    def exported(self) -> Ids:
        ids = self.exporting()
        now = timezone.now()
        DataExport.objects.update(state="ready", ended_at=now, expires_at=now)
        return ids

    def ending(self) -> Ids:
        actor, now = actor_for(self.team), timezone.now()
        deletion = deletions.request_team_deletion(actor=actor, typed=self.team.name, now=now)
        Deletion.objects.update(due_at=now)
        return {"deletion_id": str(deletion.pk)}

    def nothing(self) -> Ids:
        return {"queue": "media"}


def test_every_task_is_tried() -> None:
    assert set(named_tasks()) == set(TASKS)


@pytest.mark.parametrize("name", named_tasks())
def test_a_task_that_runs_three_times_has_one_effect(name, sandbox, settings, media_root) -> None:
    sandbox.reset()
    secrets = {**sandbox.stripe_settings, "STRIPE_WEBHOOK_SECRET": SECRET}
    own = {"FAL_LOST_REPLY_SECONDS": 1, "PUBLIC_URL": ""}
    for setting, value in {**sandbox.fal_settings, **secrets, **own}.items():
        setattr(settings, setting, value)
    settings.ADMINS = [("Operator", "operator@example.com")]
    world = World(sandbox)
    ids = getattr(world, TASKS[name])()
    task = partial(import_string(name), **{"queue": "media", **ids})  # tasks ignore what they do not know

    results = [*race([task, task]), task()]

    assert results == [None] * 3
    world.job.refresh_from_db()
    history = list(world.job.events.values_list("to_status", flat=True))
    assert len(history) == len(set(history)), history  # nothing happened twice
    assert Submission.objects.filter(state__in=["intent", "lost", "accepted"]).count() <= 1
    assert len(sandbox.requests()) <= 1
    assert Transaction.objects.filter(kind__in=["capture", "release"]).count() == int(world.job.is_terminal)
    assert Hold.objects.filter(state="open").count() == int(not world.job.is_terminal)
    wanted = 1 if world.job.status == "succeeded" and world.job.media_deleted_at is None else 0
    assert len(list(media_root.rglob("clips/**/*.mp4"))) == wanted * (2 if world.job.preview else 1)
    assert len(mail.outbox) <= 2  # an e-mail is sent at least once, and not by the third
    assert QueuePing.objects.count() <= 1
    assert find_violations() == []
