"""Numbers, tables and facts."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.template import RequestContext
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString

from accounts import moments
from billing.money import format_balance, format_cost, format_exact, format_line
from ltxplatform.components.actions import _query
from ltxplatform.components.attrs import draw

register = template.Library()

register.filter("cost", format_cost)
register.filter("balance", format_balance)
register.filter("exact", format_exact)
register.filter("moment", moments.moment)
register.filter("day", moments.day)


@register.filter
def as_json(value: object) -> str:
    """For a data attribute that a module reads; the template escapes it."""
    return json.dumps(value, cls=DjangoJSONEncoder)


@register.simple_tag
def money(amount: int, *, kind: str = "cost") -> SafeString:
    """µ$ as a cost (up to four decimals, rounded up) or a "balance" (cents, rounded down); exact on hover.

    "exact" shows the last digit, and "line" six decimals, for columns.
    """
    kinds = {"cost": format_cost, "balance": format_balance, "exact": format_exact, "line": format_line}
    shown = kinds[kind](amount)
    return draw("money", {"amount": amount, "shown": shown, "exact": format_exact(amount)})


@register.simple_tag
def moment(at: datetime) -> SafeString:
    """Day and time in the reader's zone, which is named."""
    return draw("moment", {"at": at, "shown": moments.moment(at)})


@register.simple_tag
def day(at: datetime) -> SafeString:
    """The day in the reader's zone; the moment on hover."""
    return draw("moment", {"at": at, "shown": moments.day(at), "exact": moments.moment(at)})


@register.simple_tag
def zone() -> str:
    """The short name of the reader's time zone, for the head of a column of times."""
    return moments.zone_of(timezone.now())


@register.simple_tag
def cents(amount: int) -> SafeString:
    """What was paid, in cents."""
    return money(amount * 10_000, kind="balance")


PURCHASES: Mapping[str, tuple[str, str, str]] = {
    "draft": ("Not paid", "clock", "quiet"),
    "open": ("Waiting for payment", "clock", "info"),
    "paid": ("Paid", "circle-check", "good"),
    "failed": ("Payment failed", "circle-alert", "bad"),
    "expired": ("Not paid in time", "timer-off", "quiet"),
}


@register.simple_tag
def purchase_badge(state: str) -> SafeString:
    """Where a purchase stands, as a word, a shape and a colour."""
    word, icon, tone = PURCHASES[state]
    return draw("status_badge", {"word": word, "icon": icon, "tone": tone, "pill": False})


@register.inclusion_tag("components/stat.html")
def stat(label: str, value: object, *, hint: str = "") -> dict[str, object]:
    """One number with its name; several stand in a `<dl class="stats">`."""
    return {"label": label, "value": value, "hint": hint}


@register.simple_block_tag
def table(content: str, *, caption: str, show_caption: bool = False, tall: bool = False) -> SafeString:
    """A table that scrolls by itself when it is too wide; with `tall`, under its head."""
    context = {"content": content, "caption": caption, "show_caption": show_caption, "tall": tall}
    return render_to_string("components/table.html", context)


@register.inclusion_tag("components/sort_header.html", takes_context=True)
def sort_header(context: RequestContext, label: str, name: str, *, number: bool = False) -> dict[str, object]:
    """A column head that sorts by `?sort=name`, pressed again by `-name`, and keeps the other filters."""
    query = _query(context).copy()
    current = query.get("sort", "")
    query.pop("cursor", None)
    query["sort"] = f"-{name}" if current == name else name
    order = {name: "ascending", f"-{name}": "descending"}.get(current, "")
    return {"label": label, "url": f"?{query.urlencode()}", "order": order, "number": number}


@register.inclusion_tag("components/table_empty.html")
def table_empty(text: str, *, columns: int) -> dict[str, object]:
    return {"text": text, "columns": columns}


@register.inclusion_tag("components/table_loading.html")
def table_loading(*, columns: int, rows: int = 3) -> dict[str, object]:
    return {"columns": range(columns), "rows": range(rows)}


@register.inclusion_tag("components/pagination.html", takes_context=True)
def pagination(
    context: RequestContext, *, older: str | None = "", newer: str | None = "", param: str = "cursor"
) -> dict[str, object]:
    """Links to the neighbouring pages of a keyset list, by their cursors; empty at the ends."""
    query = _query(context).copy()

    def page(cursor: str | None) -> str:
        query[param] = cursor or ""
        return f"?{query.urlencode()}" if cursor else ""

    return {"older": page(older), "newer": page(newer)}


@register.inclusion_tag("components/progress.html")
def progress(
    label: str, *, value: int | None = None, maximum: int = 100, note: str = ""
) -> dict[str, object]:
    """A bar; without `value` it only says that something goes on."""
    return {"label": label, "value": value, "maximum": maximum, "note": note}


@register.inclusion_tag("components/steps.html")
def steps(labels: Iterable[str], *, current: int, label: str = "Progress") -> dict[str, object]:
    """Named steps, `current` counted from 1; above the last one, all are done."""
    marked = [
        {"label": text, "done": place < current, "current": place == current}
        for place, text in enumerate(labels, start=1)
    ]
    return {"steps": marked, "label": label}


@register.inclusion_tag("components/timeline.html")
def timeline(events: Iterable[Mapping[str, object]]) -> dict[str, object]:
    """What happened, oldest first: `label`, `at` (datetime) and, when known, `note`, `tone` and `current`."""
    return {"events": events}


@register.inclusion_tag("components/key_values.html")
def key_values(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    return {"pairs": pairs}


@register.inclusion_tag("components/code_block.html")
def code_block(code: str, *, id: str, caption: str = "", copy: bool = True) -> dict[str, object]:
    """Code with a button that copies it; `id` is the element's own."""
    return {"code": code.strip("\n"), "id": id, "caption": caption, "copy": copy}
