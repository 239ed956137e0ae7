"""What Stripe hosts for a customer's browser: the page to pay on, 3-D Secure, receipts and invoices."""

from __future__ import annotations

from html import escape
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.stripe import checkout_payment, documents
from sandbox.stripe.account import Account, Object
from sandbox.stripe.challenges import challenge_page
from sandbox.stripe.checkout_payment import Payer
from sandbox.stripe.expansion import line_items_of
from sandbox.stripe.hosting import Visit, hosted
from sandbox.stripe.html import button, lines_table, page
from sandbox.stripe.money import shown
from sandbox.stripe.test_cards import BY_NAME, METHODS

COUNTRIES = {"US": "United States", "DE": "Germany", "FR": "France", "GB": "United Kingdom"}


def _success(session: Object) -> Response:
    return RedirectResponse(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"]), 303)


def _pay(account: Account, visit: Visit) -> Response:
    session = account.get("checkout.session", visit.id)
    if session["status"] == "complete":
        return _success(session)
    if session["status"] != "open":
        text = f"<p>The link to pay is no longer valid.</p>{_back(session)}"
        return page("This page has expired", text, status=410)
    if visit.form is None:
        return _payment_page(account, session, visit.query.get("problem"))
    method = BY_NAME.get(visit.form.get("method", ""))
    if method is None:
        return _payment_page(account, session, "Choose how to pay.", status=422)
    payer = Payer(method, visit.form.get("email") or None, visit.form.get("country", "US"))
    refusal = checkout_payment.pay(account, session, payer)
    if refusal is not None:
        return _payment_page(account, session, str(refusal), status=402)
    if session["status"] == "complete":
        return _success(session)
    return RedirectResponse(f"{account.base_url}/pay/{session['id']}/challenge", 303)


def _challenge(account: Account, visit: Visit) -> Response:
    session = account.get("checkout.session", visit.id)
    if visit.form is not None and session["status"] == "open":
        succeeds = visit.form.get("answer") == "complete"
        refusal = checkout_payment.authenticate(account, session, succeeds=succeeds)
        if refusal is not None:
            problem = "We could not authenticate your card. Choose another one or try again."
            query = urlencode({"problem": problem})
            return RedirectResponse(f"{account.base_url}/pay/{session['id']}?{query}", 303)
    if session["status"] == "complete":
        return _success(session)
    if session["status"] != "open" or not checkout_payment.is_challenged(account, session):
        return RedirectResponse(f"{account.base_url}/pay/{session['id']}", 303)
    amount = shown(session["amount_total"], session["currency"])
    return challenge_page(f"a payment of <strong>{amount}</strong>")


def _back(session: Object) -> str:
    url = session["cancel_url"]
    return f'<p><a id="cancel" href="{escape(url)}">Cancel and go back</a></p>' if url else ""


def _payment_page(account: Account, session: Object, problem: str | None, *, status: int = 200) -> Response:
    saves = session["sandbox_payment_intent_data"].get("setup_future_usage") or session["mode"] == "setup"
    saved = (
        "<p>Your card will be saved, and may be charged later without you being there.</p>" if saves else ""
    )
    alert = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    if session["mode"] == "setup":
        what, label = "<p>Save a card for later.</p>", "Save card"
    else:
        items = line_items_of(account, session)["data"]
        amount = shown(session["amount_total"], session["currency"])
        what = lines_table(items, amount)
        label = f"Pay {amount} plus tax" if session["automatic_tax"]["enabled"] else f"Pay {amount}"
    body = (
        f'{alert}{what}<form method="post" action="{account.base_url}/pay/{session["id"]}">'
        f"{_email(session)}{_country(session)}{_methods()}{saved}{button(label)}</form>{_back(session)}"
    )
    return page("Checkout", body, status=status)


def _email(session: Object) -> str:
    known = (session["customer_details"] or {}).get("email") or ""
    readonly = " readonly" if known else ""
    return f'<label>E-mail <input type="email" name="email" value="{escape(known)}"{readonly}></label>'


def _country(session: Object) -> str:
    if not session["automatic_tax"]["enabled"]:
        return ""
    options = "".join(f'<option value="{code}">{name}</option>' for code, name in COUNTRIES.items())
    note = "The tax of that country is added to prices that do not include it."
    return f'<label>Country <select name="country">{options}</select></label><p>{note}</p>'


def _methods() -> str:
    rows = []
    for method in METHODS:
        checked = " checked" if method is METHODS[0] else ""
        text = f"<b>{'•' * 4} {method.last4}</b> {escape(method.label)}"
        radio = f'<input type="radio" name="method" value="{method.name}"{checked}>'
        rows.append(f"<label class=choice>{radio} {text}</label>")
    return f"<fieldset><legend>Test cards and accounts</legend>{''.join(rows)}</fieldset>"


def _receipt(account: Account, visit: Visit) -> Response:
    return documents.receipt(account, account.get("charge", visit.id))


def _invoice(account: Account, visit: Visit) -> Response:
    return documents.invoice(account.get("invoice", visit.id))


def _invoice_pdf(account: Account, visit: Visit) -> Response:
    return documents.invoice_pdf(account.get("invoice", visit.id))


def routes() -> list[Route]:
    return [
        Route("/pay/{id}", hosted(_pay), methods=["GET", "POST"]),
        Route("/pay/{id}/challenge", hosted(_challenge), methods=["GET", "POST"]),
        Route("/receipts/{id}", hosted(_receipt)),
        Route("/invoices/{id}", hosted(_invoice)),
        Route("/invoices/{id}/pdf", hosted(_invoice_pdf)),
    ]
