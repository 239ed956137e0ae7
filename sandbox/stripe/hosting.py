"""What all hosted pages share: who may see them, and how their forms are read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response

from sandbox.stripe.account import Account
from sandbox.stripe.errors import StripeError
from sandbox.stripe.html import page

Handler = Callable[[Account, "Visit"], Response]


@dataclass(frozen=True, slots=True)
class Visit:
    """One look at a page, or one click on it. `form` is None unless something was sent."""

    id: str
    query: dict[str, str]
    form: dict[str, str] | None


def hosted(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """A page for anybody who knows its address; unknown addresses are 404.

    The form is read before the handler looks at any object, so that of two clicks the second sees what the first did.
    """

    async def endpoint(request: Request) -> Response:
        account: Account = request.app.state.account
        account.seen_at(f"{request.url.scheme}://{request.url.netloc}/stripe")
        form = await _form_of(request) if request.method == "POST" else None
        visit = Visit(request.path_params["id"], dict(request.query_params), form)
        try:
            with account.store.transaction():
                return handler(account, visit)
        except StripeError as error:
            return page("Not found", f"<p>{escape(str(error))}</p>", status=404)

    return endpoint


async def _form_of(request: Request) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs((await request.body()).decode()).items()}
