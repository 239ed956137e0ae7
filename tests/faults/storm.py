"""Orders many jobs over HTTP while everything goes wrong, and waits until each has ended."""

import random
import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID

import httpx
from django.db.models import Count
from django_q.models import Task

from accounts.models import Team
from generations.models import Generation
from generations.states import TERMINAL
from tests.faults.cases import SUCCEEDS, Case, Rule, all_cases, for_everybody
from tests.faults.checker import findings
from tests.support.api import make_key
from tests.support.factories import give_credits, make_team
from tests.support.pictures import photograph
from tests.support.product import Product

CREDITS = 1_000_000_000  # µ$
TEAMS = 3
PICTURES = 3  # a team
CLIENTS = 4
# What the log may say at error level: each is an outcome that operators should see.
EXPECTED_ERRORS = (
    '"generation_failed"',
    '"extra_request_at_fal"',
    '"breaker_opened"',
    '"cluster_lost"',
    '"Service Unavailable: /webhooks/fal/',  # while fal's keys cannot be had; fal sends it again
)


@dataclass
class Caller:
    """A team's program: its own key, and pictures it has uploaded."""

    team: Team
    client: httpx.Client
    images: list[str]
    answers: list[int] = field(default_factory=list)

    def post(self, path: str, **request: object) -> httpx.Response:
        """Send it again while the server is away; what was ordered twice is one clip, by its key."""
        while True:
            try:
                answer = self.client.post(path, **request)
            except httpx.TransportError:
                time.sleep(0.3)
                continue
            self.answers.append(answer.status_code)
            if answer.status_code != 503:
                return answer
            time.sleep(0.3)


@dataclass
class Storm:
    """`meanwhile` is called again and again until all have ended; it may kill processes."""

    running: Product
    dice: random.Random
    callers: list[Caller] = field(default_factory=list)
    cases: dict[UUID, Case] = field(default_factory=dict)

    def __enter__(self) -> "Storm":
        self.callers = [self._caller() for _ in range(TEAMS)]
        return self

    def __exit__(self, *exception: object) -> None:
        for caller in self.callers:
            caller.client.close()

    def order(self, cases: Iterable[Case]) -> None:
        """Put rules in place, then order a clip for each case, from several clients at once."""
        marked = [(f"[{uuid.uuid4().hex[:10]}]", case) for case in cases]
        rules = [{**rule, "prompt": mark} for mark, case in marked for rule in case.rules]
        self._install(rules)
        callers = [self.dice.choice(self.callers) for _ in marked]
        with ThreadPoolExecutor(CLIENTS) as pool:
            for pk, (_, case) in zip(pool.map(self._order, callers, marked), marked, strict=True):
                self.cases[pk] = case

    def settle(self, *, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Wait until all have ended. Cancels those that are meant to be, once they are at fal."""
        deadline = time.monotonic() + seconds
        ours = Generation.objects.filter(team__in=[caller.team for caller in self.callers])
        while True:
            waiting = ours.exclude(status__in=TERMINAL)
            if not waiting.exists():
                return
            assert time.monotonic() < deadline, self._left(waiting)
            self._cancel(
                ours.filter(status="processing", cancel_requested_at=None).values_list("pk", flat=True)
            )
            meanwhile()
            time.sleep(0.3)

    def findings(self, *, calm: bool = True) -> list[str]:
        """`calm`: no process was killed, so that no error but the known may be logged."""
        self.running.fal.control(rules=[])
        teams = {caller.team.pk: CREDITS for caller in self.callers}
        requests = [entry for entry in self.running.fal.requests("[") if entry["webhook_url"]]
        found = findings(teams=teams, cases=self.cases, requests=requests)
        answers = {code for caller in self.callers for code in caller.answers if code >= 500 and code != 503}
        found += [f"our API answered {code}" for code in answers]
        codes = {delivery["status_code"] for entry in requests for delivery in entry["deliveries"]}
        found += [f"our webhook answered {code}" for code in codes - {None, 200, 401, 503}]
        if not calm:
            return found
        found += [f"a task raised: {task.func} {task.result}" for task in Task.objects.filter(success=False)]
        return found + [line for line in self.running.output().splitlines() if is_unexpected(line)]

    def _order(self, caller: Caller, marked: tuple[str, Case]) -> UUID:
        mark, case = marked
        body = {
            "image": self.dice.choice(caller.images),
            "prompt": f"{case.name} {mark}",
            "num_frames": 9,
            "resolution": "480p",
            "aspect_ratio": "1:1",
            "seed": 1,
        }
        answer = caller.post("/generations", json=body, headers={"Idempotency-Key": mark})
        assert answer.status_code == 201, self._story(answer)
        return UUID(answer.json()["id"])

    def _story(self, answer: httpx.Response) -> str:
        """An answer, and what our own processes logged about it."""
        name = answer.headers.get("X-Request-ID", "")
        logged = [line for line in self.running.output().splitlines() if name and name in line]
        return "\n".join([f"{answer.status_code} {answer.text}", *logged])

    def _cancel(self, at_fal: Iterable[UUID]) -> None:
        for pk in at_fal:
            if pk in self.cases and self.cases[pk].cancel:
                team = Generation.objects.get(pk=pk).team
                caller = next(caller for caller in self.callers if caller.team == team)
                assert caller.post(f"/generations/{pk}/cancel").status_code in {200, 202}

    def _install(self, rules: list[Rule]) -> None:
        present = self.running.fal.rules()
        own = ("seen", "hits", "options")
        kept = [{**{k: v for k, v in rule.items() if k not in own}, **rule["options"]} for rule in present]
        self.running.fal.control(rules=[*kept, *rules])

    def _caller(self) -> Caller:
        team = make_team()
        give_credits(team, CREDITS)
        client = httpx.Client(
            base_url=f"{self.running.url}/api/v1",
            headers={"Authorization": f"Bearer {make_key(team)[1]}"},
            timeout=30,
            trust_env=False,
        )
        caller = Caller(team, client, [])
        for seed in range(PICTURES):
            answer = caller.post("/uploads", files={"file": ("boat.jpg", photograph(480, 270, seed))})
            assert answer.status_code == 201, answer.text
            caller.images.append(answer.json()["id"])
        return caller

    def _left(self, waiting) -> str:
        names = [
            f"{self.cases[job.pk].name}: {job.status} due {job.due_at}"
            for job in waiting
            if job.pk in self.cases
        ]
        counts = dict(waiting.values_list("status").annotate(Count("pk")).order_by())
        return f"still waiting: {counts} {names}\n{self.running.output()[-3000:]}"


def chosen(dice: random.Random, count: int, *, slow: bool = False) -> list[Case]:
    """Every case at least once where `count` allows, then those that deliver no clip, which cost less; shuffled."""
    cases = [case for case in all_cases() if slow or not case.slow]
    cheap = [case for case in cases if case.ends != SUCCEEDS and not case.cancel]
    many = dice.sample(cases, min(count, len(cases)))
    many += dice.choices(cheap, k=count - len(many))
    dice.shuffle(many)
    return many


def trouble_for_everybody(running: Product) -> None:
    running.fal.control(rules=for_everybody(), webhook_retry_seconds=1)


def is_unexpected(line: str) -> bool:
    """An exception that nobody expected, or an error that is not one of the known."""
    if "Traceback (most recent call last)" in line or '"exception"' in line:
        return True
    return '"level": "error"' in line and not any(words in line for words in EXPECTED_ERRORS)
