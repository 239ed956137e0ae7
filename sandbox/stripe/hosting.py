"""What all hosted pages share: who may see them, and how their forms are read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from sandbox.stripe.account import Account
from sandbox.stripe.errors import StripeError
from sandbox.stripe.html import page

Handler = Callable[[Request, Account], Awaitable[Response]]


def hosted(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """A page for anybody who knows its address; unknown addresses are 404."""

    async def endpoint(request: Request) -> Response:
        account: Account = request.app.state.account
        account.seen_at(f"{request.url.scheme}://{request.url.netloc}/stripe")
        try:
            return await handler(request, account)
        except StripeError as error:
            return page("Not found", f"<p>{escape(str(error))}</p>", status=404)

    return endpoint


async def form_of(request: Request) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs((await request.body()).decode()).items()}
