"""What a person presses or follows: buttons, links, chips, tabs."""

from collections.abc import Iterable, Mapping

from django import template
from django.conf import settings
from django.http import QueryDict
from django.template import RequestContext
from django.urls import reverse
from django.utils.safestring import SafeString

from accounts.http import proving_url
from accounts.settings_navigation import ENTRIES
from accounts.sign_in import signed_in_recently
from ltxplatform.components.attrs import attributes, draw

register = template.Library()

VARIANTS = frozenset({"primary", "quiet", "danger", "plain"})


@register.simple_tag
def button(
    label: str,
    *,
    variant: str = "quiet",
    href: str = "",
    type: str = "button",
    icon: str = "",
    size: str = "",
    price: int | None = None,
    price_id: str = "",
    busy: bool = False,
    disabled: bool = False,
    full: bool = False,
    **attrs: object,
) -> SafeString:
    """A button, or with `href` a link that looks like one. `price` (µ$) stands behind the label."""
    if variant not in VARIANTS:
        raise ValueError(f"A button is one of {sorted(VARIANTS)}, not {variant!r}.")
    names = ["button", variant, size, "full" if full else "", str(attrs.pop("class", ""))]
    return draw(
        "button",
        {
            "label": label,
            "classes": " ".join(filter(None, names)),
            "href": href,
            "type": type,
            "icon": icon,
            "price": price,
            "price_id": price_id,
            "busy": busy,
            "disabled": disabled,
            "attrs": attributes(attrs),
        },
    )


@register.simple_tag
def icon_button(
    icon: str,
    label: str,
    *,
    href: str = "",
    type: str = "button",
    size: str = "",
    disabled: bool = False,
    **attrs: object,
) -> SafeString:
    """A square button with an icon; `label` is what assistive technology reads and the pointer shows."""
    return draw(
        "icon_button",
        {
            "icon": icon,
            "label": label,
            "href": href,
            "type": type,
            "classes": " ".join(filter(None, ["icon-button", size])),
            "disabled": disabled,
            "attrs": attributes(attrs),
        },
    )


@register.simple_tag
def link(label: str, href: str, *, icon: str = "", **attrs: object) -> SafeString:
    return draw("link", {"label": label, "href": href, "icon": icon, "attrs": attributes(attrs)})


@register.inclusion_tag("components/tabs.html")
def tabs(items: Iterable[Mapping[str, object]], *, label: str) -> dict[str, object]:
    """Links between the parts of one subject: items of `label`, `url` and `current`."""
    return {"items": items, "label": label}


@register.inclusion_tag("components/tabs.html", takes_context=True)
def settings_navigation(context: RequestContext) -> dict[str, object]:
    """Links between the pages of a person's own settings."""
    match = getattr(context.get("request"), "resolver_match", None)
    here = match.view_name if match else ""
    items = [
        {
            "label": entry.label,
            "url": reverse(entry.view),
            "current": here == entry.view or here in entry.also,
        }
        for entry in ENTRIES
    ]
    return {"items": items, "label": "Settings"}


@register.inclusion_tag("components/provider_button.html", takes_context=True)
def provider_button(context: RequestContext, *, process: str = "login") -> dict[str, object]:
    """A way to sign in with the OpenID provider, or to "connect" it; nothing where none is set up."""
    return {
        "name": settings.OIDC_NAME if settings.OIDC_ISSUER else "",
        "process": process,
        "redirect_field": context.get("redirect_field", ""),
        "csrf_token": context.get("csrf_token", ""),
    }


@register.inclusion_tag("components/confirm_first.html", takes_context=True)
def confirm_first(context: RequestContext, deed: str) -> dict[str, object]:
    """Above a form whose view is `recent_sign_in`: a way to prove who one is before filling it in, when it is due."""
    request = context["request"]
    due = not signed_in_recently(request)
    return {"deed": deed, "url": proving_url(request, back=request.get_full_path()) if due else ""}


@register.inclusion_tag("components/filter_chips.html", takes_context=True)
def filter_chips(
    context: RequestContext, name: str, options: Iterable[tuple[str, str]], *, label: str, every: str = "All"
) -> dict[str, object]:
    """Links that set `?name=value` and keep the other filters; the first, `every`, clears it."""
    query = _query(context)
    chosen = query.get(name, "")
    choices = [("", every), *options]
    chips = [
        {"label": text, "url": _with(query, name, str(value)), "current": str(value) == chosen}
        for value, text in choices
    ]
    return {"chips": chips, "label": label}


def _query(context: RequestContext) -> QueryDict:
    request = context.get("request")
    return request.GET if request is not None else QueryDict()


def _with(query: QueryDict, name: str, value: str) -> str:
    changed = query.copy()
    for gone in (name, "cursor", "before"):
        changed.pop(gone, None)
    if value:
        changed[name] = value
    return f"?{changed.urlencode()}"
