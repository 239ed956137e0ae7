"""The plain HTML of the hosted pages."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse

from sandbox.stripe.account import Object
from sandbox.stripe.money import shown

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 34rem; margin: 2rem auto; padding: 0 1rem; }
header { font-size: .85rem; opacity: .8; border-bottom: 1px solid; padding-bottom: .5rem; }
table { width: 100%; border-collapse: collapse; margin: 1rem 0; }
td, th { text-align: left; padding: .25rem 0; } td:last-child, th:last-child { text-align: right; }
label { display: block; margin: .5rem 0; } .choice b { font-variant-numeric: tabular-nums; }
input[type=email], select { width: 100%; padding: .5rem; font: inherit; box-sizing: border-box; }
fieldset { border: 1px solid; border-radius: .5rem; margin: 1rem 0; }
button { padding: .6rem 1.2rem; font: inherit; margin-right: .5rem; cursor: pointer; }
button.main { background: #2b50d8; color: #fff; border: 0; border-radius: .4rem; }
[role=alert] { border-left: 4px solid #c0392b; padding: .25rem .75rem; }
"""


def page(title: str, body: str, *, status: int = 200) -> HTMLResponse:
    """A whole document; `body` is HTML."""
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><style>{STYLE}</style>'
        "</head><body><header>Sandbox of Stripe: no money moves here</header>"
        f"<main><h1>{escape(title)}</h1>{body}</main></body></html>",
        status,
        {"Cache-Control": "no-store"},
    )


def button(text: str, *, name: str = "", value: str = "", plain: bool = False) -> str:
    named = f' name="{name}" value="{escape(value)}"' if name else ""
    return f"<button{'' if plain else ' class=main'}{named}>{escape(text)}</button>"


def lines_table(items: list[Object], total: str, *, tax: int = 0, currency: str = "usd") -> str:
    """Line items with their sum; `total` is shown as it is."""
    rows = [
        f"<tr><td>{escape(item['description'] or '')} x {item['quantity']}</td>"
        f"<td>{shown(item['amount_subtotal' if 'amount_subtotal' in item else 'amount'], item['currency'])}</td></tr>"
        for item in items
    ]
    if tax:
        rows.append(f"<tr><td>Tax</td><td>{shown(tax, currency)}</td></tr>")
    return f"<table>{''.join(rows)}<tr><th>Total</th><th id=total>{total}</th></tr></table>"
