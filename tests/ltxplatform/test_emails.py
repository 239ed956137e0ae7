"""Every e-mail there is: both parts, every value filled in, links that work from a mail program, one look."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core import mail
from django.template import engines
from django.test import Client
from django.urls import reverse

from accounts.models import User
from ltxplatform.emails import FOLDERS, SITE, Email, email_names, sample_email
from tests.support import factories
from tests.support.programs import ROOT

TEMPLATES = ROOT / "templates"
MISSING = "(nothing here for %s)"


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that an e-mail names and nobody fills in is seen."""
    monkeypatch.setattr(engines["django"].engine, "string_if_invalid", MISSING)


def links(written: Email) -> set[str]:
    text = re.findall(r"\w+://\S+", written.text)
    return {*text, *re.findall(r'(?:href|src)="([^"]*)"', written.page)}


def test_every_part_has_its_other_part() -> None:
    for folder, (_, text, page) in FOLDERS.items():
        names = [path.name for path in (TEMPLATES / folder).glob("*") if not path.name.startswith("base")]
        texts = {name.removesuffix(text) for name in names if name.endswith(text)}
        assert texts == {name.removesuffix(page) for name in names if name.endswith(page)}, folder
    assert len(email_names()) >= 12


@pytest.mark.parametrize("name", email_names())
def test_an_email_is_whole(name: str, strict: None) -> None:
    written = sample_email(name)

    for part in (written.subject, written.text, written.page):
        assert "nothing here for" not in part, part
        assert "{{" not in part
        assert "{%" not in part
        assert "!" not in re.sub(r"<style.*?</style>|<[^>]*>", "", part, flags=re.DOTALL)
    assert all(link.startswith(f"{SITE}/") for link in links(written)), links(written)
    assert "ltxplatform" in written.text
    assert len(written.subject) < 78
    assert written.page.count("<h1") == 1
    assert "max-width: 600px" in written.page
    assert "prefers-color-scheme: dark" in written.page


def test_no_time_in_a_template_calls_itself_utc_whatever_it_is() -> None:
    """Pages and e-mails are read by people with clocks of their own: `moment` names the zone it tells."""
    wrong = [
        str(path.relative_to(TEMPLATES))
        for path in TEMPLATES.rglob("*")
        if path.suffix in {".html", ".txt"}
        and re.search(r'\|date:"[^"]*H:i[^"]*" \}\}(</time>)? UTC', Path(path).read_text())
    ]

    assert wrong == []


@pytest.mark.django_db
def test_staff_look_at_every_email() -> None:
    browser = Client()
    browser.force_login(factories.make_user(is_staff=True))

    html = browser.get(reverse("platform:emails")).content.decode()

    for name in email_names():
        assert reverse("platform:email", args=[name]) in html
    page = browser.get(reverse("platform:email", args=[email_names()[0]]))
    assert "'unsafe-inline'" in page["Content-Security-Policy"]
    assert "'unsafe-inline'" not in browser.get(reverse("platform:emails"))["Content-Security-Policy"]
    assert browser.get(reverse("platform:email", args=["emails/base"])).status_code == 404


@pytest.mark.django_db
def test_a_changed_password_is_told_by_the_readers_own_clock(settings) -> None:
    person = factories.make_user("mara@example.com")
    User.objects.filter(pk=person.pk).update(time_zone="Asia/Tokyo")
    browser = Client()
    browser.force_login(person)
    new = "a lighthouse at dusk"

    browser.post(
        reverse("account_change_password"),
        {"oldpassword": factories.PASSWORD, "password1": new, "password2": new},
    )

    (told,) = mail.outbox
    assert told.subject == "Your password was changed"
    assert re.search(rf"on \d+ \w+ {datetime.now(UTC).year}, \d\d:\d\d JST", told.body)
