"""Does what is due on the account's clock: webhooks, expiry, slow payments, late failures."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

import httpx

from sandbox.stripe import checkout, checkout_payment, disputes, payments, payouts, refunds
from sandbox.stripe.account import Account
from sandbox.stripe.errors import StripeError
from sandbox.stripe.store import Job
from sandbox.stripe.webhooks import Webhooks

log = logging.getLogger("sandbox.stripe")


def _expire_session(account: Account, job: Job) -> None:
    session = account.store.get(job.subject)
    if session is not None:
        checkout.expire(account, session)


def _settle_payment(account: Account, job: Job) -> None:
    intent = account.get("payment_intent", job.subject)
    if payments.settle(account, intent, succeeds=job.data["succeeds"]):
        checkout_payment.settled(account, intent)


def _book_charge(account: Account, job: Job) -> None:
    payments.book_charge(account, account.get("charge", job.subject))


def _dispute(account: Account, job: Job) -> None:
    disputes.open_dispute(account, account.get("charge", job.subject), reason=job.data["reason"])


def _fraud_warning(account: Account, job: Job) -> None:
    disputes.warn(account, account.get("charge", job.subject))


def _end_refund(account: Account, job: Job) -> None:
    refunds.end(account, account.get("refund", job.subject), succeeds=job.data["succeeds"])


def _payout_arrives(account: Account, job: Job) -> None:
    payouts.arrive(account, account.get("payout", job.subject))


HANDLERS: dict[str, Callable[[Account, Job], None]] = {
    "book_charge": _book_charge,
    "dispute": _dispute,
    "end_refund": _end_refund,
    "expire_session": _expire_session,
    "fraud_warning": _fraud_warning,
    "payout_arrives": _payout_arrives,
    "settle_payment": _settle_payment,
}


class Runner:
    """One loop that sleeps until the next job is due or something wakes it."""

    def __init__(self, account: Account, client: httpx.AsyncClient) -> None:
        self.account = account
        self.webhooks = Webhooks(account, client)
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        account.on_work = self._wake.set

    async def run(self) -> None:
        """Until cancelled. Deliveries that a death interrupted are made again."""
        self.account.store.unclaim_jobs()
        while True:
            self._wake.clear()
            for job in self.account.store.jobs(self.account.clock()):
                self._start(job)
            due = self.account.store.next_due()
            pause = None if due is None else max(0.0, due - self.account.clock())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)

    def _start(self, job: Job) -> None:
        if job.kind == "deliver":
            self.account.store.claim_job(job.id)
            task = asyncio.create_task(self.webhooks.deliver(job))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        try:
            with self.account.store.transaction():
                self.account.store.remove_job(job.id)
                HANDLERS[job.kind](self.account, job)
        except StripeError as error:
            self.account.store.remove_job(job.id)
            log.warning("%s for %s: %s", job.kind, job.subject, error)
        except Exception:
            # One job that breaks must not end the loop that delivers everything else.
            self.account.store.remove_job(job.id)
            log.exception("%s for %s", job.kind, job.subject)

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
