"""3-D Secure outside Checkout: the page that `next_action.redirect_to_url` of an intent leads to."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.stripe import payments, setup_intents
from sandbox.stripe.account import Account, Object
from sandbox.stripe.errors import no_such
from sandbox.stripe.hosting import Visit, hosted
from sandbox.stripe.html import button, page
from sandbox.stripe.money import shown


def challenge_page(what: str) -> Response:
    """The bank's question; the answer comes as `answer`, complete or fail. `what` is HTML."""
    return page(
        "3-D Secure",
        f'<p>Your bank asks you to confirm {what}.</p><form method="post">'
        f"{button('Complete authentication', name='answer', value='complete')}"
        f"{button('Fail authentication', name='answer', value='fail', plain=True)}</form>",
    )


def _authenticate(account: Account, visit: Visit) -> Response:
    intent = account.store.get(visit.id)
    if intent is None or intent["object"] not in ("payment_intent", "setup_intent"):
        raise no_such("payment_intent", visit.id)
    if visit.form is not None and intent["status"] == "requires_action":
        _answer(account, intent, succeeds=visit.form.get("answer") == "complete")
    if intent["status"] != "requires_action":
        return _back(intent)
    if intent["object"] == "setup_intent":
        return challenge_page("that your card may be saved")
    amount = shown(intent["amount"], intent["currency"])
    return challenge_page(f"a payment of <strong>{amount}</strong>")


def _answer(account: Account, intent: Object, *, succeeds: bool) -> None:
    if intent["object"] == "setup_intent":
        setup_intents.answer_challenge(account, intent, succeeds=succeeds)
    else:
        payments.answer_challenge(account, intent, succeeds=succeeds)


def _back(intent: Object) -> Response:
    """To the `return_url`, as Stripe sends people back; a plain page without one."""
    good = intent["status"] in ("succeeded", "processing")
    url = intent.get("sandbox_return_url")
    if url is None:
        return page("Done", f"<p>{escape(intent['status'].replace('_', ' '))}</p>")
    query = urlencode({intent["object"]: intent["id"], "redirect_status": "succeeded" if good else "failed"})
    return RedirectResponse(f"{url}{'&' if '?' in url else '?'}{query}", 303)


def routes() -> list[Route]:
    return [Route("/authenticate/{id}", hosted(_authenticate), methods=["GET", "POST"])]
