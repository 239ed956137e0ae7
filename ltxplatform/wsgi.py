"""The WSGI entry point (served by granian)."""

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from ltxplatform.checks import refuse_unsafe_start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ltxplatform.settings")

application = get_wsgi_application()
refuse_unsafe_start()
import_module(settings.ROOT_URLCONF)  # now, not while the first visitor waits
