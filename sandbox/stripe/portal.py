"""The customer portal: a session for it, and the page where cards are added, removed and chosen."""

from __future__ import annotations

from html import escape

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.stripe.account import Account, Object
from sandbox.stripe.customers import living
from sandbox.stripe.errors import StripeError
from sandbox.stripe.hosting import Visit, hosted
from sandbox.stripe.html import button, page
from sandbox.stripe.ids import new_id
from sandbox.stripe.money import shown
from sandbox.stripe.operations import Call, Operation
from sandbox.stripe.payment_methods import attach_to, detach_from, new_method
from sandbox.stripe.test_cards import BY_NAME, METHODS


def _create(call: Call) -> Object:
    call.need("customer")
    customer = living(call.account, call.params["customer"])
    session_id = new_id("billing_portal.session")
    return call.account.new(
        "billing_portal.session",
        id=session_id,
        configuration="bpc_sandbox",
        customer=customer["id"],
        customer_account=None,
        flow=None,
        locale=call.params.get("locale"),
        on_behalf_of=None,
        return_url=call.params.get("return_url"),
        url=f"{call.account.base_url}/portal/{session_id}",
    )


def _portal(account: Account, visit: Visit) -> Response:
    session = account.get("billing_portal.session", visit.id)
    customer = account.get("customer", session["customer"])
    if customer.get("deleted"):
        return page("Billing", "<p>This customer is gone.</p>", status=410)
    if visit.form is None:
        return _page(account, session, customer)
    try:
        _act(account, customer, visit.form.get("action", ""), visit.form.get("method", ""))
    except StripeError as error:
        return page("Billing", f'<p role="alert">{escape(str(error))}</p>', status=409)
    return RedirectResponse(f"{account.base_url}/portal/{session['id']}", 303)


def _act(account: Account, customer: Object, action: str, name: str) -> None:
    if action == "add":
        if name not in BY_NAME:
            raise StripeError("Choose a card.")
        method = new_method(account, BY_NAME[name])
        account.store.set_fact(f"set_up:{method['id']}", "off_session")
        attach_to(account, method, customer["id"])
        return
    method = account.get("payment_method", name)
    if method["customer"] != customer["id"]:
        raise StripeError("This card is no longer here.")
    if action == "remove":
        detach_from(account, method)
        return
    settings = {**customer["invoice_settings"], "default_payment_method": method["id"]}
    previous = account.save(customer, invoice_settings=settings)
    if previous:
        account.emit("customer.updated", customer, previous)


def _page(account: Account, session: Object, customer: Object) -> Response:
    default = customer["invoice_settings"]["default_payment_method"]
    cards = account.store.find("payment_method", {"customer": customer["id"]})
    rows = "".join(_card(card, is_default=card["id"] == default) for card in cards) or "<p>No cards.</p>"
    options = "".join(
        f'<option value="{one.name}">{one.last4} {escape(one.label)}</option>' for one in METHODS
    )
    add = (
        '<form method="post"><input type="hidden" name="action" value="add">'
        f'<label>Card <select name="method">{options}</select></label>{button("Add card")}</form>'
    )
    invoices = "".join(
        f'<li><a href="{one["hosted_invoice_url"]}">{one["number"]}</a>'
        f" {shown(one['total'], one['currency'])} {one['status']}</li>"
        for one in account.store.find("invoice", {"customer": customer["id"]})
    )
    url = session["return_url"]
    back = f'<p><a id="return" href="{escape(url)}">Go back</a></p>' if url else ""
    return page(
        "Billing", f"<h2>Cards</h2>{rows}{add}<h2>Invoices</h2><ul>{invoices or '<li>None.</li>'}</ul>{back}"
    )


def _card(card: Object, *, is_default: bool) -> str:
    last4 = card[card["type"]]["last4"]
    hidden = f'<input type="hidden" name="method" value="{card["id"]}">'
    remove = button(f"Remove {last4}", name="action", value="remove", plain=True)
    choose = "" if is_default else button(f"Make {last4} default", name="action", value="default", plain=True)
    mark = " (default)" if is_default else ""
    return f'<form method="post"><p>Ending in {last4}{mark} {hidden}{remove}{choose}</p></form>'


OPERATIONS = [Operation("POST", "/billing_portal/sessions", "billing_portal.SessionCreateParams", _create)]


def routes() -> list[Route]:
    return [Route("/portal/{id}", hosted(_portal), methods=["GET", "POST"])]
