"""All stand-ins in one application: Stripe under `/stripe`, fal everywhere else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import Mount

from sandbox.fal import app as fal
from sandbox.fal.engine import Config as FalConfig
from sandbox.stripe import app as stripe
from sandbox.stripe.app import Config as StripeConfig


def build_app(fal_config: FalConfig, stripe_config: StripeConfig) -> Starlette:
    """Both start and stop together."""
    fal_app = fal.build_app(fal_config)
    stripe_app = stripe.build_app(stripe_config)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with fal_app.router.lifespan_context(fal_app), stripe_app.router.lifespan_context(stripe_app):
            yield

    return Starlette(routes=[Mount("/stripe", stripe_app), Mount("/", fal_app)], lifespan=lifespan)
