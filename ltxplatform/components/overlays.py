"""What floats: menus, dialogs, drawers, help popovers."""

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from ltxplatform.components.attrs import draw

register = template.Library()


@register.simple_block_tag
def menu(content: str, *, id: str, label: str, icon: str = "", variant: str = "quiet") -> SafeString:
    """A button that opens a list of links or buttons; Escape or a press elsewhere closes it."""
    context = {"content": content, "id": id, "label": label, "icon": icon, "variant": variant}
    return render_to_string("components/menu.html", context)


@register.simple_block_tag
def dialog(content: str, *, id: str, title: str, drawer: bool = False) -> SafeString:
    """A native dialog, opened by `data-dialog-open="ID"`; with `drawer` it stands at the edge."""
    context = {"content": content, "id": id, "title": title, "drawer": drawer}
    return render_to_string("components/dialog.html", context)


@register.simple_tag
def hint(text: str, *, id: str, label: str = "What is this?") -> SafeString:
    """A question mark that opens a short explanation; blank lines separate its paragraphs."""
    paragraphs = [part.strip() for part in text.split("\n\n") if part.strip()]
    return draw("hint", {"paragraphs": paragraphs, "id": id, "label": label})
