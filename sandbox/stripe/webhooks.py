"""Delivers events to webhook endpoints: signed, repeated until acknowledged, and broken where a rule says so."""

from __future__ import annotations

import json
import logging
import random
import time
from functools import cache
from typing import Any

import httpx

from sandbox.stripe.account import Account, Object
from sandbox.stripe.knobs import Rule
from sandbox.stripe.store import Delivery, Job

log = logging.getLogger("sandbox.stripe")
LONGEST_PAUSE = 3_600.0
SHIFTS = {"old_signature": -600.0, "future_signature": 600.0}


@cache
def _signer() -> Any:
    from stripe import WebhookSignature  # it takes a second: only a stand-in that delivers pays for it

    return WebhookSignature


def signature(payload: str, secret: str, timestamp: int) -> str:
    """The Stripe-Signature header, from the SDK's own generator."""
    header: str = _signer().generate_signature_header(payload, secret, timestamp)
    return header


class Webhooks:
    """Takes delivery jobs; the row of a job stays until its delivery is settled."""

    def __init__(self, account: Account, client: httpx.AsyncClient) -> None:
        self.account = account
        self._client = client

    async def deliver(self, job: Job) -> None:
        """One attempt and what follows from it."""
        account = self.account
        event = account.store.get(job.subject)
        endpoint = account.store.get(job.data["endpoint"])
        if event is None or endpoint is None:
            account.store.remove_job(job.id)
            return
        faults = {} if job.data.get("held") else account.knobs.strike("webhook", event["type"])
        pause = self._pause(faults)
        if "withhold" in faults or pause is not None:
            self._hold(job, event, endpoint, faults, pause)
            return
        copies = int(faults["duplicate"].options.get("copies", 2)) if "duplicate" in faults else 1
        outcomes = [await self._post(job, event, endpoint, faults) for _ in range(copies)]
        self._settle(job, any(outcomes))

    def _pause(self, faults: dict[str, Rule]) -> float | None:
        if "delay" in faults:
            return float(faults["delay"].options.get("seconds", 1.0))
        if "reorder" in faults:
            return random.uniform(0, float(faults["reorder"].options.get("seconds", 0.5)))  # noqa: S311
        return None

    def _hold(
        self, job: Job, event: Object, endpoint: Object, faults: dict[str, Rule], pause: float | None
    ) -> None:
        """Keep the job for later, or until it is released."""
        _signer()  # loaded with the first of several, it would hold all up, and they would leave in any order
        with self.account.store.transaction():
            self.account.store.remove_job(job.id)
            data = {**job.data, "held": True}
            if "withhold" in faults:
                self.account.later("withheld", job.subject, 0, **data)
                self._note(job, event, endpoint, faults, status=None, error="withheld")
            else:
                self.account.later("deliver", job.subject, pause or 0, **data)

    async def _post(self, job: Job, event: Object, endpoint: Object, faults: dict[str, Rule]) -> bool:
        payload = json.dumps(event, indent=2)
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Stripe/1.0 (sandbox)"}
        headers |= _signature_header(payload, endpoint["sandbox_secret"], faults)
        body = payload.encode() if "garbage" not in faults else b'{"id": \xff\xfe not json'
        status: int | None = None
        error: str | None = None
        try:
            timeout = self.account.knobs.webhook_timeout_seconds
            response = await self._client.post(
                endpoint["url"], content=body, headers=headers, timeout=timeout
            )
            status = response.status_code
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as problem:
            error = type(problem).__name__
        self._note(job, event, endpoint, faults, status=status, error=error)
        log.info("%s for %s attempt %d: %s", event["type"], event["id"], job.data["attempt"], status or error)
        return status is not None and 200 <= status < 300

    def _note(
        self,
        job: Job,
        event: Object,
        endpoint: Object,
        faults: dict[str, Rule],
        *,
        status: int | None,
        error: str | None,
    ) -> None:
        self.account.store.note(
            Delivery(
                event=event["id"],
                type=event["type"],
                endpoint=endpoint["id"],
                attempt=job.data["attempt"],
                status=status,
                error=error,
                faults=" ".join(sorted(faults)),
                at=self.account.clock(),
            )
        )

    def _settle(self, job: Job, acknowledged: bool) -> None:
        """2xx ends it; everything else, also a redirect, is tried again later."""
        account, attempt = self.account, job.data["attempt"]
        with account.store.transaction():
            if not account.store.remove_job(job.id):
                return  # forgotten by a reset meanwhile
            if acknowledged:
                event = account.store.get(job.subject)
                if event is not None:
                    account.save(event, pending_webhooks=max(0, event["pending_webhooks"] - 1))
            elif attempt < account.knobs.webhook_attempts:
                pause = min(account.knobs.webhook_retry_seconds * 2 ** (attempt - 1), LONGEST_PAUSE)
                account.later(
                    "deliver", job.subject, pause, endpoint=job.data["endpoint"], attempt=attempt + 1
                )


def _signature_header(payload: str, secret: str, faults: dict[str, Rule]) -> dict[str, str]:
    """Signed at the real time, whatever the account's clock says: receivers compare it with theirs."""
    if "unsigned" in faults:
        return {}
    moment = time.time()
    for fault, shift in SHIFTS.items():
        if fault in faults:
            moment += float(faults[fault].options.get("seconds", shift))
    if "wrong_signature" in faults:
        secret = "whsec_" + "x" * 32
    return {"Stripe-Signature": signature(payload, secret, int(moment))}
