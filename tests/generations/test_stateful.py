"""Random histories of jobs, each step compared with an oracle that shares no code with the state machine.

The oracle is written from the rules: which state may follow which, what is held, captured and released, what late or
repeated evidence changes (nothing). Ten thousand steps a run; STATEFUL_STEPS makes it more.
"""

import math
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID, uuid4

import psycopg
import pytest
from django.conf import settings as site
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.errors import DomainError
from billing.services import InsufficientCredits, find_violations
from generations import fal_gateway, states
from generations.models import Image, Submission
from generations.parameters import ClipParams
from generations.services import cancel_generation, dispatch, polling, queueing, receipts, submit_generation
from generations.services import states as moves
from generations.services.editing import edit_generation
from generations.services.states import advance
from generations.states import Status
from tests.support.databases import quick_savepoints
from tests.support.factories import actor_for, give_credits, make_team

STEPS_MIN = int(os.environ.get("STATEFUL_STEPS", "10000"))
RULES = 120  # at most, in one history
STEPS_EACH = 350  # about; nobody knows how far a random history gets
CREDITS = 150_000  # µ$: twenty short clips, so that the wallet runs empty now and then
WINDOW = 3
DEADLINE = timedelta(hours=1)

# From the reference: state -> states that may follow. Terminal states have none.
MOVES = {
    "in_review": {"queued", "rejected", "canceled", "expired"},
    "queued": {"dispatching", "in_review", "failed", "canceled", "expired", "rejected"},
    "dispatching": {"processing", "failed", "queued"},
    "processing": {"finalizing", "failed", "canceled", "rejected", "queued", "expired"},
    "finalizing": {"succeeded", "failed"},
    "succeeded": set(),
    "failed": set(),
    "canceled": set(),
    "expired": set(),
    "rejected": set(),
}
ONWARD = {
    "in_review": "queued",
    "queued": "dispatching",
    "dispatching": "processing",
    "processing": "finalizing",
    "finalizing": "succeeded",
}
# Back in line is more than a move: the attempt ends with it (see `back_in_line`).
WITH_ITS_ATTEMPT = {("dispatching", "queued"), ("processing", "queued")}
FACTS = """
    SELECT job.status, job.paused_at IS NOT NULL, job.cancel_requested_at IS NOT NULL, job.ended_at IS NOT NULL,
        job.price, hold.state, hold.captured,
        (SELECT array_agg(to_status::text ORDER BY id)
            FROM generations_generationevent e WHERE e.generation_id = job.id),
        (SELECT array_agg(state::text ORDER BY number) FROM generations_submission s WHERE s.generation_id = job.id),
        (SELECT balance FROM billing_account a WHERE a.team_id = job.team_id AND a.kind = 'available'),
        (SELECT balance FROM billing_account a WHERE a.team_id = job.team_id AND a.kind = 'held')
    FROM generations_generation job JOIN billing_hold hold ON hold.attempt = job.hold_attempt WHERE job.id = %s
"""


def price_of(frames: int) -> int:
    """$0.02 for 24 frames, in µ$, rounded up."""
    return math.ceil(20_000 * frames / 24)


@dataclass
class Sent:
    """A submission as the oracle sees it."""

    pk: int
    token: UUID
    state: str = "intent"
    request_id: str | None = None


@dataclass
class Job:
    """A job as the oracle sees it; `due` is when it may be sent."""

    pk: UUID
    frames: int
    due: datetime
    deadline: datetime
    key: str
    status: str = "queued"
    paused: bool = False
    canceling: bool = False
    is_edited: bool = False  # to the other prompt
    counts: bool = False  # in the window of the key
    captured: int = 0
    history: list[str] = field(default_factory=lambda: ["queued"])
    sent: list[Sent] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        return not MOVES[self.status]

    def go(self, *way: str) -> None:
        for to in way:
            assert to in MOVES[self.status], (self.status, to)
            Jobs.taken.add((self.status, to))
            self.status = to
            self.history.append(to)

    def facts(self) -> tuple:
        """What the database ought to say."""
        state = "settled" if self.is_over else "open"
        return (
            *(self.status, self.paused, self.canceling, self.is_over, price_of(self.frames)),
            *(state, self.captured if self.is_over else 0, self.history),
            [sent.state for sent in self.sent] or None,
        )


class Jobs(RuleBasedStateMachine):
    """One member's jobs, one key with room for WINDOW of them. Everything is rolled back at the end."""

    steps = 0  # pieces of evidence heard and compared, over all histories
    taken: ClassVar[set[tuple[str, str]]] = set()  # the moves that any job made

    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.cursor = psycopg.Cursor(connection.connection)
        self.now = timezone.now()
        self.team = make_team()
        give_credits(self.team, CREDITS)
        self.actor = actor_for(self.team)
        picture = {"sha256": "0" * 64, "source_sha256": "1" * 64, "content_type": "image/jpeg"}
        self.image = Image.objects.create(
            team=self.team, width=640, height=360, size=1, file="a.jpg", **picture
        )
        self.jobs: list[Job] = []  # in the order of the line
        self.spent = 0

    def teardown(self) -> None:
        try:
            for job in self.jobs:
                self.compare(job)
            assert find_violations() == []
        finally:
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    # -- what people do

    @initialize()
    def begin(self) -> None:
        self.submit(frames=9)

    @rule(frames=st.sampled_from([9, 9, 25]))
    def submit(self, frames: int) -> None:
        price, key = price_of(frames), str(uuid4())
        wish = {"params": ClipParams(prompt="A boat", num_frames=frames), "idempotency_key": key}
        order = {"actor": self.actor, "image_id": self.image.pk, "now": self.now, **wish}
        if self.available() < price:
            with pytest.raises(InsufficientCredits):
                submit_generation(**order)
            return
        made = submit_generation(**order)
        self.jobs.append(Job(made.generation.pk, frames, self.now, self.now + DEADLINE, key))
        self.compare(self.jobs[-1])

    @rule(frames=st.sampled_from([9, 25]))
    def submit_twice(self, frames: int) -> None:
        """Pressed twice: one clip."""
        before = len(self.jobs)
        self.submit(frames)
        if len(self.jobs) > before:
            job = self.jobs[-1]
            again = submit_generation(
                actor=self.actor,
                image_id=self.image.pk,
                params=ClipParams(prompt="A boat", num_frames=frames),
                idempotency_key=job.key,
            )
            assert (again.generation.pk, again.replayed) == (job.pk, True)
            self.compare(job)

    @rule(which=st.integers(0, 50))
    def cancel(self, which: int) -> None:
        job = self.pick(which)
        expected = "too_late" if job.is_over or job.status == "finalizing" else "pending_upstream"
        if job.status in {"queued", "in_review"}:
            job.go("canceled")
            expected = "released"
        if expected != "too_late":
            job.canceling = True
        assert cancel_generation(actor=self.actor, generation_id=job.pk) == expected
        self.compare(job)

    @rule(which=st.integers(0, 50))
    def pause(self, which: int) -> None:
        job = self.pick(which)
        if self.in_line(job, queueing.pause_generation):
            job.paused = True
        self.compare(job)

    @rule(which=st.integers(0, 50))
    def resume(self, which: int) -> None:
        job = self.pick(which)
        if self.in_line(job, queueing.resume_generation):
            job.paused = False
        self.compare(job)

    @rule(which=st.integers(0, 50))
    def run_next(self, which: int) -> None:
        job = self.pick(which)
        if self.in_line(job, queueing.run_next):
            self.jobs.remove(job)
            self.jobs.insert(0, job)
        self.compare(job)

    @rule(which=st.integers(0, 50), frames=st.sampled_from([9, 25, 49]))
    def edit(self, which: int, frames: int) -> None:
        job = self.pick(which)
        change = {"params": ClipParams(prompt="A ship", num_frames=frames), "generation_id": job.pk}
        short = self.available() + price_of(job.frames) < price_of(frames)
        if job.status == "queued" and short:
            with pytest.raises(InsufficientCredits), transaction.atomic():
                edit_generation(actor=self.actor, now=self.now, **change)
        elif self.in_line(
            job, lambda actor, generation_id: edit_generation(actor=actor, now=self.now, **change)
        ):
            is_another = (job.frames, job.is_edited) != (frames, True)
            job.frames, job.is_edited = frames, True
            for sent in job.sent if is_another else ():
                if sent.state == "abandoned" and sent.request_id is None:
                    sent.state = "superseded"
        self.compare(job)

    # -- what workers do

    @rule()
    def claim(self) -> None:
        """The first job of the line that may be sent, when there is room."""
        ready = [job for job in self.jobs if self.may_be_sent(job)]
        room = sum(job.counts for job in self.jobs if job.status in {"dispatching", "processing"}) < WINDOW
        claimed = dispatch.claim_next(self.now)
        if not ready or not room:
            assert claimed is None
            return
        assert claimed.generation_id == ready[0].pk
        ready[0].go("dispatching")
        ready[0].counts = True
        ready[0].sent.append(Sent(claimed.pk, claimed.token))
        self.compare(ready[0])

    @rule(which=st.integers(0, 50), again=st.booleans())
    def accept(self, which: int, again: bool) -> None:
        """fal's reply, a webhook that names the token, or fal's list: soon, late, twice, or for a dead attempt."""
        job, sent = self.pick_sent(which)
        if sent is None:
            return
        request_id = sent.request_id or str(uuid4())
        ticket = fal_gateway.Ticket(request_id if again or not sent.request_id else str(uuid4()))
        alive = [other for other in job.sent if other.state in {"intent", "lost", "accepted"}]
        if sent.request_id:
            expected = ticket.request_id == sent.request_id
        else:
            waits = job.status in {"queued", "dispatching"} and sent.state != "superseded"
            expected = waits and alive in ([], [sent])
            sent.request_id, sent.state = request_id, "accepted" if expected else "abandoned"
            if expected:
                job.go(*(["dispatching"] if job.status == "queued" else []), "processing")
                job.paused = False
                job.counts = True
        assert dispatch.accept(submission_id=sent.pk, ticket=ticket, now=self.now) is expected
        self.compare(job)

    @rule(which=st.integers(0, 50))
    def refuse(self, which: int) -> None:
        """fal's 429 or 503: back in line, or canceled where somebody wished so."""
        job, sent = self.pick_sending(which)
        if sent is None:
            return
        sent.state = "refused"
        Submission.objects.filter(pk=sent.pk).update(state="refused")
        job.go("queued")
        job.counts = False
        job.due = self.now + timedelta(seconds=min(2 ** min(len(job.sent), 8), 300))
        if job.canceling:
            job.go("canceled")
        with transaction.atomic():
            dispatch.requeue(Submission.objects.get(pk=sent.pk), self.now, note="busy")
        self.compare(job)

    @rule(which=st.integers(0, 50), content=st.booleans())
    def refuse_for_good(self, which: int, content: bool) -> None:
        job, sent = self.pick_sending(which)
        if sent is None:
            return
        sent.state = "refused"
        Submission.objects.filter(pk=sent.pk).update(state="refused")
        job.go(*(["processing", "rejected"] if content else ["failed"]))
        code = "content_policy_violation" if content else "invalid_input"
        dispatch.end(Submission.objects.get(pk=sent.pk), code, "no", self.now)
        self.compare(job)

    @rule(which=st.integers(0, 50), state=st.sampled_from(["lost", "abandoned"]))
    def lose_the_answer(self, which: int, state: str) -> None:
        """Nothing came back; after long silence the attempt is given up and the job waits again."""
        job, sent = self.pick_sending(which)
        if sent is None:
            return
        sent.state = state
        Submission.objects.filter(pk=sent.pk).update(state=state)
        if state == "lost":
            dispatch.look_again(Submission.objects.get(pk=sent.pk), self.now)
        else:
            self.back_in_line(job, sent)
        self.compare(job)

    @rule(which=st.integers(0, 50), status=st.sampled_from(["IN_QUEUE", "IN_PROGRESS", "COMPLETED", ""]))
    def poll(self, which: int, status: str) -> None:
        """Whatever a status says, early or late: it changes what pages show, never the state."""
        job = self.pick(which)
        poll = polling.Poll(job.pk, "main", "request", "", 1.0)
        reply = fal_gateway.StatusReply(status, queue_position=3, logs=("step 3/8",))
        polling.apply_outcomes([polling.Outcome(poll, reply)], now=self.now)
        self.compare(job)

    @rule(which=st.integers(0, 50), own=st.booleans())
    def webhook(self, which: int, own: bool) -> None:
        """Storing a delivery changes no state; one that names another request is not ours."""
        job, sent = self.pick_sent(which)
        if sent is None:
            return
        request_id = sent.request_id if own and sent.request_id else str(uuid4())
        body = f'{{"request_id": "{request_id}", "status": "OK"}}'.encode()
        delivery = {"token": sent.token, "request_id": request_id, "body": body}
        if sent.request_id not in {None, request_id}:
            with pytest.raises(receipts.ForeignWebhook):
                receipts.store_receipt(**delivery)
        else:
            first = receipts.store_receipt(**delivery)
            assert receipts.store_receipt(**delivery).pk == first.pk
        self.compare(job)

    @rule(which=st.integers(0, 50), to=st.sampled_from(sorted(MOVES)), part=st.sampled_from([1.0, 1.0, 0.5]))
    def evidence(self, which: int, to: str, part: float) -> None:
        self.hear(self.pick(which), to, part)

    @rule(which=st.integers(0, 50), hops=st.integers(1, 4), part=st.sampled_from([1.0, 1.0, 0.5]))
    def go_on(self, which: int, hops: int, part: float) -> None:
        """Evidence in its usual order, so that histories get far."""
        job = self.pick(which)
        for _ in range(hops):
            if not job.is_over:
                self.hear(job, ONWARD[job.status], part)

    def hear(self, job: Job, to: str, part: float) -> None:
        """Any evidence at any time: allowed moves happen once, all others change nothing."""
        if (job.status, to) in WITH_ITS_ATTEMPT:
            return
        frames = max(1, int(job.frames * part))
        changes: dict = {"frames": frames, "video": "a.mp4"} if to == "succeeded" else {}
        if to in {"failed", "canceled", "expired", "rejected"}:
            changes = {"failure_code": "provider_error"}
        allowed = to in MOVES[job.status]
        if allowed:
            job.go(to)
            job.due = self.now if to == "queued" else job.due
            job.captured = min(price_of(frames), price_of(job.frames)) if to == "succeeded" else 0
            self.spent += job.captured
        moved = advance(generation_id=job.pk, to=Status(to), now=self.now, **changes)
        assert (moved is not None) is allowed
        self.compare(job)

    # -- what time does

    @rule(seconds=st.sampled_from([1, 5, 60, 900]))
    def let_time_pass(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: any(job.deadline <= self.now for job in self.jobs))
    @rule()
    def expire(self) -> None:
        late = [job for job in self.jobs if job.status == "queued" and job.deadline <= self.now]
        for job in late:
            job.go("expired")
        assert queueing.expire_due(now=self.now) == len(late)
        for job in late:
            self.compare(job)

    # -- the oracle's own words

    def pick(self, which: int) -> Job:
        """Jobs that still live are picked more often than those that have ended."""
        living = [job for job in self.jobs if not job.is_over]
        chosen = living if living and which % 5 else self.jobs
        return chosen[which % len(chosen)]

    def pick_sent(self, which: int) -> tuple[Job, Sent | None]:
        job = self.pick(which)
        return job, job.sent[which % len(job.sent)] if job.sent else None

    def pick_sending(self, which: int) -> tuple[Job, Sent | None]:
        """A job whose last attempt is on its way."""
        job = self.pick(which)
        on_its_way = job.status == "dispatching" and job.sent and job.sent[-1].state in {"intent", "lost"}
        return job, job.sent[-1] if on_its_way else None

    def may_be_sent(self, job: Job) -> bool:
        return job.status == "queued" and not job.paused and job.due <= self.now < job.deadline

    def in_line(self, job: Job, change) -> bool:
        """Whether the change was made; it is refused once the job has left the line."""
        if job.status == "queued":
            change(actor=self.actor, generation_id=job.pk)
            return True
        with pytest.raises(DomainError) as refusal:
            change(actor=self.actor, generation_id=job.pk)
        assert refusal.value.code == "state_conflict"
        return False

    def back_in_line(self, job: Job, sent: Sent) -> None:
        job.go("queued")
        job.counts = False
        job.due = self.now + timedelta(seconds=min(2 ** min(len(job.sent), 8), 300))
        if job.canceling:
            job.go("canceled")
        with transaction.atomic():
            dispatch.requeue(Submission.objects.get(pk=sent.pk), self.now, note="again")

    def available(self) -> int:
        held = sum(price_of(job.frames) for job in self.jobs if not job.is_over)
        return CREDITS - self.spent - held

    def compare(self, job: Job) -> None:
        """Everything that may not happen to the job now is said once more; then the database is asked."""
        for to in MOVES.keys() - MOVES[job.status]:
            evidence = {"frames": job.frames, "video": "a.mp4"}
            assert advance(generation_id=job.pk, to=Status(to), now=self.now, **evidence) is None
            type(self).steps += 1
        available = self.available()
        self.cursor.execute(FACTS, [job.pk], prepare=True)
        assert self.cursor.fetchone() == (*job.facts(), available, CREDITS - self.spent - available)


@pytest.mark.long
@pytest.mark.django_db
def test_random_histories_agree_with_the_oracle(settings_of_fal) -> None:
    Jobs.steps = 0
    Jobs.taken.clear()
    while Jobs.steps < STEPS_MIN:
        before = Jobs.steps
        run(max(2, (STEPS_MIN - before) // STEPS_EACH))
        assert Jobs.steps > before
    usual = [("queued", "dispatching"), ("dispatching", "processing"), ("processing", "finalizing")]
    assert {*usual, ("finalizing", "succeeded")} <= Jobs.taken  # random does not mean that all die young


@pytest.mark.django_db
@pytest.mark.parametrize(("of", "to"), [(of, to) for of in MOVES for to in sorted(MOVES[of])])
def test_every_move_of_the_table(settings_of_fal, of, to) -> None:
    history = Jobs()
    try:
        history.begin()
        (job,) = history.jobs
        for step in way_to(of):
            history.hear(job, step, 1.0)
        history.hear(job, to, 0.5)
        assert (job.status == to) is ((of, to) not in WITH_ITS_ATTEMPT)
    finally:
        history.teardown()


def way_to(status: str) -> list[str]:
    """From the start of a job, by way of what usually comes next."""
    if status == "in_review":
        return ["in_review"]
    usual = ["queued", "dispatching", "processing", "finalizing"]
    return usual[1 : usual.index(status) + 1]


@pytest.mark.django_db
@pytest.mark.parametrize("broken", ["table", "money", "lock"])
def test_control_a_broken_state_machine_is_noticed(settings_of_fal, monkeypatch, broken) -> None:
    """An extra move in the table; a hold that nobody settles; evidence believed without looking at the table."""
    if broken == "table":
        monkeypatch.setitem(
            states.TRANSITIONS, Status.QUEUED, states.TRANSITIONS[Status.QUEUED] | {Status.SUCCEEDED}
        )
    elif broken == "money":
        monkeypatch.setattr(moves, "settle_hold", lambda **_: None)
    else:
        monkeypatch.setattr(moves, "TRANSITIONS", dict.fromkeys(Status, frozenset(Status)))

    with pytest.raises((AssertionError, DatabaseError, LookupError, DomainError, ExceptionGroup)):
        run(20, phases=[Phase.generate])


def run(histories: int, **options) -> None:
    run_state_machine_as_test(
        Jobs,
        settings=settings(
            max_examples=histories,
            stateful_step_count=RULES,
            deadline=None,
            database=None,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
            **options,
        ),
    )


@pytest.fixture
def settings_of_fal(settings, caplog, db):
    settings.FAL_MAX_IN_FLIGHT = WINDOW
    settings.START_DEADLINE_SECONDS = int(DEADLINE.total_seconds())
    assert site.FAL_KEY
    caplog.set_level("CRITICAL", logger="generations")  # thousands of refused moves
    with quick_savepoints():
        yield
