"""The ASGI entry point: the live process alone (served by granian). Pages and API come from wsgi.py."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ltxplatform.settings")
django.setup()

from ltxplatform.checks import refuse_unsafe_start  # noqa: E402 - Django first
from ltxplatform.live import LiveSite  # noqa: E402

refuse_unsafe_start()
application = LiveSite()
