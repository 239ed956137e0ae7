"""The WSGI entry point (served by granian)."""

import os

from django.core.wsgi import get_wsgi_application

from ltxplatform.checks import refuse_unsafe_start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ltxplatform.settings")

application = get_wsgi_application()
refuse_unsafe_start()
