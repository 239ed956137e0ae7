"""Drives jobs as the workers and the poller do, step by step, inside one test's transaction."""

import asyncio
import time
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from generations import fal_gateway
from generations.models import Generation
from generations.services import completion, dispatch, lines, polling


def dispatch_all() -> int:
    """Hand everything that may go to fal; returns how many went."""
    count = 0
    while dispatch.dispatch_next(clock=timezone.now):
        count += 1
    return count


def take_next(*, now: datetime) -> Generation | None:
    """The job whose turn it is, locked, and its lines served, without the rest of the dispatcher's claim."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT generations_take_next(%s, %s, %s)", [now, lines.STRIDE, lines.LOOKS_MAX])
        return Generation.objects.filter(pk=cursor.fetchone()[0]).first()


def poll_once(*, ahead: float = 30) -> list[str]:
    """Ask fal about every rendering job, due or not, and write the answers; returns the statuses."""
    now = timezone.now()
    polls = polling.claim_due_polls(now=now + timedelta(seconds=ahead), limit=1000)
    outcomes = asyncio.run(_ask(polls))
    if outcomes:
        polling.apply_outcomes(outcomes, now=now)
    return [outcome.reply.status if outcome.reply else "?" for outcome in outcomes]


async def _ask(polls: list[polling.Poll]) -> list[polling.Outcome]:
    client = fal_gateway.StatusClient(concurrency=10)
    outcomes = []
    for poll in polls:
        try:
            reply = await client.status(
                key=poll.fal_key, request_id=poll.request_id, status_url=poll.status_url
            )
        except fal_gateway.FalError:
            reply = None
        outcomes.append(polling.Outcome(poll, reply))
    await client.aclose()
    return outcomes


def finish(generation: Generation, *, seconds: float = 20) -> Generation:
    """Wait until fal has finished and bring the generation to its end, as poller and media task do together."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        poll_once()
        completion.finish_generation(generation_id=generation.pk, clock=timezone.now)
        generation.refresh_from_db()
        if generation.is_terminal:
            return generation
        time.sleep(0.05)
    raise AssertionError(f"still {generation.status} after {seconds} s: {generation.failure_detail}")


def run(generation: Generation) -> Generation:
    """From the line to the end."""
    dispatch_all()
    return finish(generation)
