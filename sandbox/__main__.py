"""`python -m sandbox`: starts the stand-ins for fal and Stripe on one port."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sandbox.app import build_app
from sandbox.fal.engine import Config
from sandbox.fal.knobs import Knobs
from sandbox.server import CannotStart, listen, serve
from sandbox.stripe.app import Config as StripeConfig


def parse(arguments: list[str]) -> argparse.Namespace:
    defaults = Knobs()
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="Local stand-ins for fal and Stripe."
    )
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=8790, help="0 picks a free one")
    parser.add_argument(
        "--data", type=Path, required=True, help="directory for requests, uploads, clips and payments"
    )
    parser.add_argument("--inference-seconds", type=float, default=defaults.inference_seconds)
    parser.add_argument("--queue-seconds", type=float, default=defaults.queue_seconds)
    parser.add_argument("--concurrency", type=int, default=defaults.concurrency, help="in progress at once")
    parser.add_argument("--render-workers", type=int, default=2, help="processes that draw clips")
    parser.add_argument("--cache-megabytes", type=int, default=1000, help="clips kept on disk")
    parser.add_argument("--stripe-webhook-url", help="where Stripe's events are delivered to")
    parser.add_argument("--stripe-webhook-secret", help="signs them; drawn when absent")
    parser.add_argument("--log-level", default="info", choices=["debug", "info", "warning", "error"])
    parser.add_argument("--tls-cert", help="serve HTTPS with this certificate")
    parser.add_argument("--tls-key", help="the certificate's key")
    return parser.parse_args(arguments)


def main() -> int:
    options = parse(sys.argv[1:])
    knobs = Knobs(
        queue_seconds=options.queue_seconds,
        inference_seconds=options.inference_seconds,
        concurrency=options.concurrency,
    )
    config = Config(
        data=options.data.resolve(),
        knobs=knobs,
        render_workers=options.render_workers,
        cache_bytes=options.cache_megabytes * 1_000_000,
    )
    stripe_config = StripeConfig(
        data=config.data,
        webhook_url=options.stripe_webhook_url,
        webhook_secret=options.stripe_webhook_secret,
    )
    try:
        sock = listen(options.host, options.port)
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 1
    tls = (options.tls_cert, options.tls_key) if options.tls_cert else None
    serve(build_app(config, stripe_config), sock, name="sandbox", log_level=options.log_level, tls=tls)
    return 0


if __name__ == "__main__":
    sys.exit(main())
