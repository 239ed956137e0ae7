"""What opens doors never reaches the log."""

import logging

import pytest

from ltxplatform import redaction

CANARIES = [
    "/media/eyJhbGciOi.canary.sig/clip.mp4",
    "/webhooks/fal/canary-0000-token/",
    "Authorization: Key canary:secret",
    "Authorization: Bearer ltx_live_abc123_canarysecretcanary",
    "whsec_canary and sk_live_canary",
    "/accounts/confirm-email/canary/",
]


@pytest.mark.parametrize("text", CANARIES)
@pytest.mark.parametrize("name", ["django.request", "generations.services.dispatch", "anything"])
def test_secrets_are_hidden_in_every_logger(text, name):
    from django.conf import settings

    formatter = settings.LOGGING["formatters"]["lines"]
    shaped = formatter["()"](
        processors=formatter["processors"], foreign_pre_chain=formatter["foreign_pre_chain"]
    )
    record = logging.LogRecord(name, logging.WARNING, __file__, 1, "Seen: %s", (text,), None)

    line = shaped.format(record)

    assert "canary" not in line
    assert "Seen: " in line


def test_values_from_the_settings_are_hidden_wherever_they_stand(monkeypatch):
    monkeypatch.setattr(redaction, "_secrets", set())
    redaction.hide("key-id:canary", "", "alone-canary")

    line = redaction.redact(None, "info", {"event": "sent canary", "detail": ["x alone-canary y"]})

    assert "canary" not in str(line)
    assert line["event"] == f"sent {redaction.HIDDEN}"
