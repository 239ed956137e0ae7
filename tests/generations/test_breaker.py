"""A key that fal refuses rests: jobs and holds wait, one job is tried now and then, everything goes on by itself."""

from datetime import timedelta
from uuid import NAMESPACE_OID, uuid5

import psycopg
import pytest
from django.core import mail
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from billing.services import balance_of, find_violations
from generations.models import BreakerState, FalKey, Generation
from generations.services import breaker, breaker_mail, dispatch, recovery, sweep, windows
from tests.contracts.world import browser_of
from tests.support.api import api_for
from tests.support.databases import address_of
from tests.support.factories import make_image, owner_of

pytestmark = pytest.mark.django_db
PAUSED = "Paused by the service. Its place and price are kept, and it continues automatically."


@pytest.fixture(autouse=True)
def operators(settings):
    settings.ADMINS = [("Op", "op@example.com")]


@pytest.fixture
def order(team):
    """Submits jobs through the API; they differ by seed."""
    api, image = api_for(team), make_image(team)

    def submit(count: int = 1, prompt: str = "A boat") -> list[Generation]:
        made = []
        for _ in range(count):
            body = {"image": str(image.pk), "prompt": prompt, "num_frames": 9, "resolution": "480p"}
            response = api.post("/generations", {**body, "seed": Generation.objects.count()})
            assert response.status_code == 201, response.content
            made.append(Generation.objects.get(pk=response.json()["id"]))
        return made

    return submit


def dispatch_after(seconds: float = 0) -> int:
    """Send what may go, as if that much later; returns how many jobs were tried."""
    count = 0
    while dispatch.dispatch_next(clock=lambda: timezone.now() + timedelta(seconds=seconds)):
        count += 1
    return count


def tell() -> list[str]:
    """What the sweep has told to the operators: the subjects of the new mails."""
    before = len(mail.outbox)
    for name in breaker.untold_keys():
        breaker_mail.tell_operators(name=name)
    return [message.subject for message in mail.outbox[before:]]


def statuses() -> list[str]:
    return list(Generation.objects.order_by("created_at").values_list("status", flat=True))


def the_key() -> FalKey:
    return FalKey.objects.get(pk="main")


def test_a_locked_account_keeps_jobs_and_holds_and_goes_on_by_itself(fal, team, order):
    fal.control(locked="Admin lock")
    order(4)

    assert dispatch_after() == 2  # the first refusal is a suspicion, the second a proof
    assert statuses() == ["queued"] * 4
    assert the_key().breaker == BreakerState.OPEN
    assert dispatch_after(20) == 0
    assert balance_of(team).held == sum(row.price for row in Generation.objects.all())
    assert tell() == ["[ltxplatform] fal key main is paused"]
    assert tell() == []

    fal.control(locked=None)
    assert dispatch_after(31) == 2
    assert the_key().breaker == BreakerState.CLOSED
    breaker.recall(now=timezone.now())  # those that were refused; the task that closing enqueues
    assert dispatch_after() == 2
    assert statuses() == ["processing"] * 4
    assert tell() == ["[ltxplatform] fal key main works again"]
    assert len(fal.requests()) == 4
    assert find_violations() == []


def test_creators_read_that_it_is_paused(fal, team, order):
    clip = order(1)[0]
    FalKey.objects.create(name="main", breaker=BreakerState.OPEN)

    page = browser_of(owner_of(team)).get(reverse("generations:clip", args=[team.slug, clip.pk]))
    answer = api_for(team).get(f"/generations/{clip.pk}").json()

    assert PAUSED in page.content.decode()
    assert answer["queue"]["paused"] == "by_service"
    assert answer["message"].startswith(PAUSED)


def test_pages_for_new_clips_say_so_and_promise_no_time(fal, team, order):
    FalKey.objects.create(name="main", breaker=BreakerState.OPEN)
    order(1)
    sweep = {"kind": "seeds", "seeds": "1-2", "num_frames": "9", "resolution": "480p", "quality": "balanced"}
    owner = browser_of(owner_of(team))

    form = owner.get(reverse("generations:create", args=[team.slug])).content.decode()
    batch = owner.post(reverse("generations:batch_price", args=[team.slug]), sweep).content.decode()
    tiles = owner.get(reverse("generations:clips", args=[team.slug])).content.decode()

    for page in (form, batch):
        assert "Rendering is paused by the service" in page
        assert "eady in" not in page
    assert "Paused" in tiles
    assert "<progress" not in tiles


def test_a_spent_balance_proves_the_lock_at_once(fal, order):
    fal.control(balance_usd=0)
    order(2)

    assert dispatch_after() == 1
    assert the_key().breaker == BreakerState.OPEN
    assert "Exhausted balance" in the_key().reason


def test_an_unknown_key_rests_at_once(fal, order):
    fal.control(refused_keys=["sandbox-key"])
    order(2)

    assert dispatch_after() == 1
    assert the_key().breaker == BreakerState.OPEN


def test_a_refusal_of_content_in_the_words_of_a_lock_ends_that_job_alone(fal, team, order):
    fal.rule("submit", "error", type="account_locked", prompt="unfit")
    unfit, fine = order(1, "Something unfit")[0], order(1)[0]

    assert dispatch_after() == 2
    assert the_key().breaker == BreakerState.CLOSED
    dispatch_after(10)

    unfit.refresh_from_db()
    fine.refresh_from_db()
    assert (unfit.status, unfit.failure_code) == ("rejected", "content_policy_violation")
    assert fine.status == "processing"
    assert balance_of(team).held == fine.price
    assert tell() == []


def test_two_unfit_jobs_do_not_stop_everybody_for_long(fal, order):
    fal.rule("submit", "error", type="account_locked", prompt="unfit")
    order(2, "Something unfit")
    dispatch_after()
    assert the_key().breaker == BreakerState.OPEN

    fine = order(1)[0]
    dispatch_after(31)  # the probe is another job
    dispatch_after(60)

    fine.refresh_from_db()
    assert fine.status == "processing"
    assert the_key().breaker == BreakerState.CLOSED
    assert statuses()[:2] == ["rejected", "rejected"]


def test_one_job_that_is_refused_again_and_again_tells_the_operators(fal, order):
    fal.control(locked="Admin lock")
    order(1)

    for seconds in (0, 60, 120):
        assert dispatch_after(seconds) == 1

    assert the_key().breaker == BreakerState.OPEN
    assert statuses() == ["queued"]


@pytest.mark.parametrize("fault", [{"fault": "http", "status": 503}, {"fault": "drop_before"}])
def test_server_errors_in_a_row_open_it_and_nothing_is_lost(fal, order, fault):
    fal.rule("submit", **fault)
    order(6)

    assert dispatch_after() == breaker.FAILURES_MAX
    assert the_key().breaker == BreakerState.OPEN
    fal.reset()

    for job in Generation.objects.filter(status="dispatching"):
        recovery.recover_dispatch(generation_id=job.pk, now=timezone.now() + timedelta(seconds=30))
    assert statuses() == ["queued"] * 6
    assert dispatch_after(60) == 6
    assert statuses() == ["processing"] * 6
    assert len(fal.requests()) == 6


def test_fal_out_of_reach_opens_it(fal, order, settings):
    settings.FAL_REST_URL = "http://127.0.0.1:9/rest"
    order(6)

    assert dispatch_after() == breaker.FAILURES_MAX
    assert the_key().breaker == BreakerState.OPEN


def test_an_acceptance_between_errors_keeps_it_closed(fal, order):
    fal.rule("submit", "http", status=503, times=4)
    fal.rule("submit", "http", status=503, times=4, after=1)
    order(9)

    assert dispatch_after() == 9

    assert the_key().breaker == BreakerState.CLOSED


def test_half_open_lets_exactly_one_job_out_and_its_failure_doubles_the_pause(fal, order):
    fal.control(locked="Admin lock", balance_usd=0)
    order(3)
    dispatch_after()
    soon = timezone.now() + timedelta(seconds=31)
    assert sum(windows.free_places(now=soon).values()) == 1

    probe = dispatch.claim_next(soon)
    assert probe is not None
    assert dispatch.claim_next(soon) is None
    assert the_key().breaker == BreakerState.HALF_OPEN

    dispatch._send(probe, lambda: soon)
    key = the_key()
    assert key.breaker == BreakerState.OPEN
    assert key.probe_at - soon == timedelta(seconds=60)


def test_evidence_from_before_the_trouble_does_not_close_it(fal, order):
    fal.rule("submit", "drop_after", times=1)
    (early,) = order(1)
    dispatch_after()
    breaker.refused("main", sent_at=timezone.now(), reason="fal does not know this key.", now=timezone.now())

    recovery.recover_dispatch(generation_id=early.pk, now=timezone.now() + timedelta(seconds=60))

    early.refresh_from_db()
    assert early.status == "processing"
    assert the_key().breaker == BreakerState.OPEN


def test_the_operator_may_try_at_once(fal, order):
    fal.control(balance_usd=0)
    order(1)
    dispatch_after()
    fal.control(balance_usd=100)

    assert breaker.try_now("main", now=timezone.now())
    assert dispatch_after() == 1

    assert statuses() == ["processing"]
    assert not breaker.try_now("main", now=timezone.now())


def test_new_jobs_are_taken_until_the_line_is_full(fal, team, order, settings):
    settings.QUEUE_MAX = 2
    order(3)  # only a pause makes the line finite
    FalKey.objects.create(name="main", breaker=BreakerState.OPEN)

    body = {"image": str(make_image(team).pk), "prompt": "A boat"}
    response = api_for(team).post("/generations", body)

    assert (response.status_code, response.json()["code"]) == (503, "upstream_paused")
    assert int(response["Retry-After"]) > 0
    assert Generation.objects.count() == 3


def test_the_sweep_does_not_nudge_dispatchers_for_a_key_that_rests(fal, order):
    order(1)
    FalKey.objects.create(
        name="main", breaker=BreakerState.OPEN, probe_at=timezone.now() + timedelta(minutes=1)
    )

    assert sweep.enqueue_due(now=timezone.now()) == 0
    assert sweep.enqueue_due(now=timezone.now() + timedelta(minutes=2)) == 1


def test_a_mail_that_cannot_be_sent_is_sent_later(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 9
    FalKey.objects.create(name="main", breaker=BreakerState.OPEN, probe_at=timezone.now())

    with pytest.raises(ConnectionRefusedError):
        breaker_mail.tell_operators(name="main")

    assert breaker.untold_keys() == ["main"]


def test_who_is_told_while_another_worker_tells_sends_no_second_mail(mailoutbox):
    FalKey.objects.create(name="main", breaker=BreakerState.OPEN, probe_at=timezone.now())
    lock = (uuid5(NAMESPACE_OID, "fal key main").int & (2**64 - 1)) - 2**63
    with psycopg.connect(address_of(connection.settings_dict["NAME"]), autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [lock])
        breaker_mail.tell_operators(name="main")
        other.execute(
            "SELECT pg_advisory_unlock(%s)", [lock]
        )  # the end of a session releases it some time later
    assert mailoutbox == []

    breaker_mail.tell_operators(name="main")
    breaker_mail.tell_operators(name="main")

    assert len(mailoutbox) == 1
