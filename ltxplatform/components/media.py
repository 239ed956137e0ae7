"""Clips, their status, people and placeholders."""

from dataclasses import dataclass
from zlib import crc32

from django import template
from django.utils.safestring import SafeString

from ltxplatform.components.attrs import draw

register = template.Library()


@dataclass(frozen=True, slots=True)
class StatusLook:
    """Word, shape and colour: never the colour alone."""

    word: str
    icon: str
    tone: str


STATUSES = {
    "in_review": StatusLook("Waiting for review", "eye", "warn"),
    "queued": StatusLook("In line", "clock", "quiet"),
    "dispatching": StatusLook("Sending", "send", "info"),
    "processing": StatusLook("Rendering", "clapperboard", "active"),
    "finalizing": StatusLook("Saving", "hard-drive-download", "info"),
    "succeeded": StatusLook("Ready", "circle-check", "good"),
    "failed": StatusLook("Failed", "circle-x", "bad"),
    "canceled": StatusLook("Canceled", "ban", "quiet"),
    "expired": StatusLook("Expired", "timer-off", "quiet"),
    "rejected": StatusLook("Not approved", "shield-x", "bad"),
}


@register.simple_tag
def status_badge(status: str, *, word: str = "", pill: bool = True) -> SafeString:
    """The status of a clip; `word` says more where more is known ("In line, 3rd")."""
    look = STATUSES[str(status)]
    return draw(
        "status_badge", {"word": word or look.word, "icon": look.icon, "tone": look.tone, "pill": pill}
    )


@register.inclusion_tag("components/media_tile.html")
def media_tile(
    title: str,
    href: str,
    *,
    status: str,
    word: str = "",
    poster: str = "",
    preview: str = "",
    duration: str = "",
    cost: int | None = None,
    shape: str = "",
    note: str = "",
) -> dict[str, object]:
    """One clip. `shape` is "", "portrait" or "square"; `preview` is a video that plays on hover."""
    return {
        "title": title,
        "href": href,
        "status": status,
        "word": word,
        "look": STATUSES[str(status)],
        "poster": poster,
        "preview": preview,
        "duration": duration,
        "cost": cost,
        "shape": shape,
        "note": note,
    }


@register.filter
def clip_seconds(seconds: float | int | str | None) -> str:
    """5.0416 -> "5.04 s"; nothing for an unknown length."""
    return "" if seconds in {None, ""} else f"{float(seconds):.2f} s"  # type: ignore[arg-type]


@register.simple_tag
def avatar(name: str, *, team: bool = False) -> SafeString:
    """Initials, always in the same colour; hidden from readers, because the name stands beside it."""
    words = name.split("@")[0].replace(".", " ").replace("-", " ").replace("_", " ").split()
    initials = "".join(word[0] for word in words[:2]).upper() or "?"
    return draw("avatar", {"initials": initials, "hue": crc32(name.encode()) % 5, "team": team})


@register.inclusion_tag("components/skeleton.html")
def skeleton(kind: str = "text", *, lines: int = 3) -> dict[str, object]:
    """The shape of what is coming: "text", "tile" or "table"."""
    return {"kind": kind, "lines": range(lines)}
