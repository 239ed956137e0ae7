"""What the platform says: banners, toasts, empty places."""

from django import template
from django.contrib.messages.storage.base import Message
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

register = template.Library()

ICONS = {"good": "circle-check", "info": "info", "warn": "triangle-alert", "bad": "circle-alert"}
_TONES = {"debug": "info", "info": "info", "success": "good", "warning": "warn", "error": "bad"}


@register.simple_block_tag
def banner(content: str, *, tone: str = "info", title: str = "") -> SafeString:
    """Something the page as a whole has to say; "bad" is announced at once."""
    context = {"content": content, "tone": tone, "title": title, "icon": ICONS[tone]}
    return render_to_string("components/banner.html", context)


@register.inclusion_tag("components/toast.html")
def toast(message: Message | str, *, tone: str = "") -> dict[str, object]:
    """One of Django's messages, or a text with a tone, as a note in the corner."""
    tone = tone or _TONES.get(getattr(message, "level_tag", ""), "info")
    return {"message": message, "tone": tone, "icon": ICONS[tone]}


@register.inclusion_tag("components/empty_state.html")
def empty_state(
    title: str, text: str = "", *, icon: str = "image", action: str = "", href: str = ""
) -> dict[str, object]:
    """Nothing here yet: one sentence, one action."""
    return {"title": title, "text": text, "icon": icon, "action": action, "href": href}
