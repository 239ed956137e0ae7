"""Every e-mail the product sends, found in the templates, with made-up values to look at: for staff, and for tests."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from django.conf import settings
from django.template.loader import render_to_string

SITE: Final = "https://clips.example"
# Folder of templates -> how the names of an e-mail's parts end.
FOLDERS: Final = {
    "account/email": ("_subject.txt", "_message.txt", "_message.html"),
    "mfa/email": ("_subject.txt", "_message.txt", "_message.html"),
    "emails": (".subject.txt", ".body.txt", ".body.html"),
}
_TEMPLATES: Final = Path(settings.BASE_DIR) / "templates"
_AT: Final = datetime(2026, 11, 3, 14, 20, tzinfo=UTC)
_PERSON: Final = SimpleNamespace(email="mara@example.com", get_full_name="Mara Lind")
_TEAM: Final = SimpleNamespace(name="Northlight Studio", slug="northlight-studio")
# Values that e-mails share; an e-mail that needs others has them below.
COMMON: Final[dict[str, Any]] = {
    "user": _PERSON,
    "team": _TEAM,
    "email": "mara@example.com",
    "from_email": "mara@example.com",
    "to_email": "mara.lind@example.com",
    "deleted_email": "old@example.com",
    "code": "K7QX-2MFD",
    "ip": "192.0.2.7",
    "user_agent": "Firefox on Linux",
    "timestamp": _AT,
    "url": f"{SITE}/t/northlight-studio/",
    "activate_url": f"{SITE}/accounts/confirm-email/MQ:1a2b3c/",
    "password_reset_url": f"{SITE}/accounts/password/reset/key/1-a2b3c4/",
    "signup_url": f"{SITE}/accounts/signup/",
}
OWN: Final[dict[str, dict[str, Any]]] = {
    "emails/notification": {
        "notification": SimpleNamespace(
            subject="Northlight Studio has $1.20 of credit left",
            text="Clips that cost more are refused until somebody buys credit.",
            action="Buy credit",
            reason="You receive this because you manage the credit of Northlight Studio.",
            created_at=_AT,
        ),
        "paragraphs": ["Clips that cost more are refused until somebody buys credit."],
        "stop": f"{SITE}/unsubscribe/WzEsImxvdyJd:1a2b3c/",
        "always": "",
        "choices": f"{SITE}/settings/notifications/",
    },
    "emails/invitation": {
        "inviter": "Mara Lind",
        "invitation": SimpleNamespace(
            get_role_display="Editor", email="jo@example.com", expires_at=_AT.replace(day=10)
        ),
    },
    "emails/export": {
        "export": SimpleNamespace(
            is_ready=True, team=_TEAM, size=48_000_000, files=321, expires_at=_AT.replace(day=10)
        ),
    },
    "emails/deletion": {
        "deletion": SimpleNamespace(
            team=_TEAM, person=_PERSON, by_operators=False, due_at=_AT.replace(day=17)
        ),
    },
    "emails/staff_visit": {
        "session": SimpleNamespace(
            team=_TEAM,
            person=_PERSON,
            started_at=_AT,
            ended_at=_AT.replace(minute=50),
            reason="You asked why a clip was refused.",
        ),
        "is_own": True,
        "opened": 4,
    },
}


@dataclass(frozen=True, slots=True)
class Email:
    """`subject` is empty for e-mails whose sender makes it."""

    name: str
    subject: str
    text: str
    page: str


def email_names() -> list[str]:
    """Of every e-mail there is a template for, such as "account/email/password_set"."""
    return sorted(
        f"{folder}/{path.name.removesuffix(page)}"
        for folder, (_, _, page) in FOLDERS.items()
        for path in (_TEMPLATES / folder).glob(f"*{page}")
        if path.name != f"base{page}"
    )


def sample_email(name: str) -> Email:
    """As it would be sent. Raises TemplateDoesNotExist for a name that is not in `email_names`."""
    folder = name.rpartition("/")[0]
    subject, text, page = (f"{name}{ending}" for ending in FOLDERS[folder])
    context = {**COMMON, **OWN.get(name, {})}
    has_subject = (_TEMPLATES / subject).exists()
    return Email(
        name=name,
        subject=" ".join(render_to_string(subject, context).split()) if has_subject else "",
        text=render_to_string(text, context),
        page=render_to_string(page, context),
    )
