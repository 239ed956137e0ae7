"""Stripe's API, its hosted pages and the knobs, under one prefix."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from starlette.applications import Starlette

from sandbox.stripe import (
    api,
    challenges,
    checkout,
    control_api,
    control_bank,
    customers,
    disputes,
    events,
    intents,
    invoices,
    pages,
    payment_methods,
    payouts,
    portal,
    prices,
    refunds,
    search,
    setup_intents,
    taxes,
)
from sandbox.stripe.account import Account
from sandbox.stripe.jobs import Runner
from sandbox.stripe.knobs import Knobs
from sandbox.stripe.store import Store

OPERATIONS = [
    *(checkout.OPERATIONS + customers.OPERATIONS + disputes.OPERATIONS + events.OPERATIONS),
    *(intents.OPERATIONS + invoices.OPERATIONS + payment_methods.OPERATIONS + payouts.OPERATIONS),
    *(portal.OPERATIONS + prices.OPERATIONS + refunds.OPERATIONS + search.OPERATIONS),
    *(setup_intents.OPERATIONS + taxes.OPERATIONS),
]


@dataclass(frozen=True, slots=True)
class Config:
    """What is fixed for the life of the process."""

    data: Path
    knobs: Knobs = field(default_factory=Knobs)
    webhook_url: str | None = None
    webhook_secret: str | None = None


def build_app(config: Config) -> Starlette:
    """The application; its account opens and closes with it."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        account = Account(Store(config.data), config.knobs)
        app.state.account = account
        app.state.config = config
        app.state.in_flight = set()
        control_api.keep_endpoint(account, config.webhook_url, config.webhook_secret)
        client = httpx.AsyncClient(trust_env=False, follow_redirects=False)
        runner = Runner(account, client)
        loop = asyncio.create_task(runner.run())
        yield
        runner.stop()
        loop.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await loop
        await client.aclose()
        account.store.close()

    return Starlette(
        routes=[
            *control_api.routes(),
            *control_bank.routes(),
            *challenges.routes(),
            *pages.routes(),
            *portal.routes(),
            *api.routes(OPERATIONS),
        ],
        lifespan=lifespan,
    )
