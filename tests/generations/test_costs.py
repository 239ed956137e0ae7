"""What fal charges: estimated, counted, confirmed by its billing, and never lost, whatever became of the clip."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from billing.models import ProviderCharge
from generations import fal_gateway
from generations.models import CostSource, Submission
from generations.services import cancel_generation, costs
from generations.services.cancellation import cancel_at_fal
from generations.services.cost_comparison import compare_with_fal
from tests.support import flow
from tests.support.factories import actor_for, make_generation, make_user

pytestmark = pytest.mark.django_db

# 9 frames: 0.375 billed seconds at $0.02.
NINE_FRAMES = 7_500_000


def row(generation) -> Submission:
    return generation.submissions.get()


def later(**span: float):
    return timezone.now() + timedelta(**span)


def bill(generation, **fields) -> dict:
    request_id = row(generation).request_id
    return {"request_id": request_id, "output_units": 0.375, "cost_total": 0.0075, **fields}


def test_an_accepted_request_has_an_estimate(fal, team):
    fal.control(inference_seconds=30)
    clip = make_generation(team, num_frames=121, enable_detail_pass=True)
    flow.dispatch_all()

    submission = row(clip)

    assert (submission.cost_nanos, submission.cost_source) == (201_666_667, CostSource.ESTIMATE)
    assert submission.fal_key == "main"
    assert later(minutes=29) < submission.cost_due_at < later(minutes=31)


def test_the_result_brings_fal_s_own_count(fal, team):
    submission = row(flow.run(make_generation(team)))

    assert (submission.billable_units, submission.cost_nanos) == (Decimal("0.375"), NINE_FRAMES)
    assert submission.cost_source == CostSource.HEADER


def test_billing_has_the_last_word_and_is_asked_once(fal, team):
    fal.rule("billing", "wrong_type", body={"billing_events": []}, times=1)
    submission = row(flow.run(make_generation(team)))

    assert costs.reconcile(now=timezone.now()) == 0  # too early
    assert costs.reconcile(now=later(hours=1)) == 1
    submission.refresh_from_db()
    assert submission.cost_source == CostSource.HEADER  # not billed yet
    assert costs.reconcile(now=later(hours=2)) == 1

    submission.refresh_from_db()
    assert (submission.cost_nanos, submission.cost_source) == (NINE_FRAMES, CostSource.BILLING_EVENT)
    assert submission.cost_due_at is None
    assert costs.reconcile(now=later(days=30)) == 0


def test_an_old_request_is_found_though_fal_looks_one_day_back_by_default(fal, team):
    """The stand-in keeps fal's default, and no clock can be turned there: `start` is what reaches back."""
    submission = row(flow.run(make_generation(team)))
    Submission.objects.update(created_at=timezone.now() - timedelta(days=40))

    costs.reconcile(now=later(hours=1))

    submission.refresh_from_db()
    assert submission.cost_source == CostSource.BILLING_EVENT


def test_several_events_of_a_request_are_added_up(fal, team):
    clip = flow.run(make_generation(team))
    events = [
        bill(clip),
        bill(clip, cost_total=0.0025, output_units=None),
        {"request_id": "other", "cost_total": 9},
    ]
    fal.rule("billing", "wrong_type", body={"billing_events": events, "next_cursor": None})

    costs.reconcile(now=later(hours=1))

    assert (row(clip).cost_nanos, row(clip).billable_units) == (10_000_000, Decimal("0.375"))


@pytest.mark.parametrize(
    "body",
    [
        {"billing_events": [{"request_id": "x"}]},
        {"billing_events": [{"cost_total": 1}]},
        {"billing_events": ["x"]},
        {"billing_events": [{"request_id": "x", "cost_total": -1}]},
        {"billing_events": [{"request_id": "x", "cost_total": "NaN"}]},
        [],
    ],
)
def test_nonsense_is_no_bill(fal, team, body):
    clip = flow.run(make_generation(team))
    fal.rule("billing", "wrong_type", body=body)

    costs.reconcile(now=later(hours=1))

    assert row(clip).cost_source == CostSource.HEADER
    assert row(clip).cost_due_at > later(minutes=89)


@pytest.mark.parametrize(("fault", "options"), [("http", {"status": 403}), ("drop", {}), ("garbage", {})])
def test_billing_that_cannot_be_asked_is_asked_again(fal, team, fault, options):
    clip = flow.run(make_generation(team))
    fal.rule("billing", fault, times=1, **options)

    costs.reconcile(now=later(hours=1))
    assert row(clip).cost_source == CostSource.HEADER
    costs.reconcile(now=later(hours=3))

    assert row(clip).cost_source == CostSource.BILLING_EVENT


def test_questions_become_rarer_and_end_after_ninety_days(fal, team):
    clip = flow.run(make_generation(team))
    fal.rule("billing", "wrong_type", body={"billing_events": []})

    asked, now = 0, later(minutes=40)
    while (due := row(clip).cost_due_at) is not None:
        now = max(now, due)
        asked += costs.reconcile(now=now)
        assert asked < 40
    assert later(days=88) < now < later(days=97)
    assert asked > 10


def test_a_failed_clip_is_expected_to_cost_nothing_until_billing_says_otherwise(fal, team):
    fal.rule("inference", "error", type="no_media_generated")
    clip = flow.run(make_generation(team))
    assert (row(clip).cost_nanos, row(clip).cost_source) == (0, CostSource.ESTIMATE)

    fal.rule("billing", "wrong_type", body={"billing_events": [bill(clip)], "next_cursor": None})
    costs.reconcile(now=later(hours=1))

    margin = costs.margin_of(clip)
    assert (margin.captured, margin.cost_nanos, margin.nanos) == (0, NINE_FRAMES, -NINE_FRAMES)


def test_a_clip_that_was_rendered_and_lost_keeps_its_estimate(fal, team):
    fal.rule("result", "expired")

    submission = row(flow.run(make_generation(team)))

    assert (submission.cost_nanos, submission.cost_source) == (NINE_FRAMES, CostSource.ESTIMATE)


def test_a_canceled_clip_that_was_billed_is_our_loss(fal, team):
    fal.control(queue_seconds=30)
    clip = make_generation(team)
    flow.dispatch_all()
    cancel_generation(actor=actor_for(team), generation_id=clip.pk)
    cancel_at_fal(submission_id=row(clip).pk)
    assert row(clip).cost_nanos == 0
    fal.rule("billing", "wrong_type", body={"billing_events": [bill(clip)], "next_cursor": None})

    costs.reconcile(now=later(hours=1))

    clip.refresh_from_db()
    assert clip.status == "canceled"
    assert costs.margin_of(clip).nanos == -NINE_FRAMES


def test_a_late_count_never_overwrites_the_bill(fal, team):
    clip = flow.run(make_generation(team))
    costs.reconcile(now=later(hours=1))

    costs.record_result(submission_id=row(clip).pk, units=Decimal(99), was_rendered=True)

    assert row(clip).cost_nanos == NINE_FRAMES


def test_fifty_are_asked_about_at_once_with_the_key_each_was_sent_with(fal, team, settings, monkeypatch):
    clip = make_generation(team)
    Submission.objects.bulk_create(
        Submission(
            generation=clip,
            number=number,
            state="refused",
            request_id=f"request-{number}",
            fal_key="main" if number % 3 else "second",
            cost_due_at=timezone.now(),
        )
        for number in range(60)
    )
    asked: list[tuple[str, int]] = []

    def note(*, key: str, request_ids: list[str], since) -> dict:
        asked.append((key, len(request_ids)))
        return {}

    monkeypatch.setattr(fal_gateway, "fetch_charges", note)

    assert costs.reconcile(now=timezone.now()) == 50
    assert sum(count for _, count in asked) == 50
    assert {key for key, _ in asked} == {"main", "second"}
    assert costs.reconcile(now=timezone.now()) == 10


def test_a_key_that_is_gone_from_the_settings_is_asked_later(fal, team):
    clip = flow.run(make_generation(team))
    Submission.objects.update(fal_key="retired")

    costs.reconcile(now=later(hours=1))

    assert row(clip).cost_source == CostSource.HEADER
    assert row(clip).cost_due_at is not None


def test_staff_see_cost_price_and_margin(fal, team):
    clip = flow.run(make_generation(team, num_frames=25))
    desk = Client()
    desk.force_login(make_user(is_staff=True))

    page = desk.get(reverse("admin:generations_generation_change", args=[clip.pk])).content.decode()
    submission = desk.get(
        reverse("admin:generations_submission_change", args=[row(clip).pk])
    ).content.decode()

    # 25 frames: fal's price and ours are the same, but ours is rounded up to a whole µ$.
    assert "captured $0.020834, cost $0.020833340, margin $0.000000660" in page
    assert "$0.020833340 (fal&#x27;s units with the result)" in submission


# -- the books and the comparison with fal's bills


def differences() -> list[str]:
    return [found.detail for found in compare_with_fal(since=later(hours=-1)).differences]


def test_what_fal_takes_is_in_the_books_and_compares(fal, team):
    clip = flow.run(make_generation(team))

    charge = ProviderCharge.objects.get(attempt=clip.pk)
    assert (charge.cost_nanos, charge.posted) == (NINE_FRAMES, 7_500)
    assert compare_with_fal(since=later(hours=-1)).compared == 1
    assert differences() == []
    costs.reconcile(now=later(hours=1))
    assert differences() == []
    charge.refresh_from_db()
    assert charge.postings == 1


def test_another_bill_is_a_difference_until_it_is_booked(fal, team):
    clip = flow.run(make_generation(team))
    fal.rule("billing", "wrong_type", body={"billing_events": [bill(clip, cost_total=0.0070)]})
    assert [f"fal billed 7000000 n$, ours says {NINE_FRAMES} n$ (header)."] == differences()

    costs.reconcile(now=later(hours=1))

    assert differences() == []
    assert ProviderCharge.objects.get(attempt=clip.pk).posted == 7_000


def test_a_bill_above_the_price_is_a_difference(fal, team):
    clip = flow.run(make_generation(team))
    fal.rule("billing", "wrong_type", body={"billing_events": [bill(clip, cost_total=0.0080)]})
    costs.reconcile(now=later(hours=1))

    assert differences() == ["It cost 8000000 n$, more than its 7500 µ$."]


def test_a_request_that_no_clip_of_ours_made_is_a_difference(fal, team):
    clip = flow.run(make_generation(team))
    make_generation(team)
    flow.dispatch_all()
    Submission.objects.exclude(generation=clip).update(request_id=None)

    assert differences() == ["fal was sent it with the key main, and no clip of ours was."]
