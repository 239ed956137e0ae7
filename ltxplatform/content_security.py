"""The Content-Security-Policy header: strict everywhere, looser on the staff site alone."""

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest

from ltxplatform.live_address import live_url_for

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

# The admin shell's Alpine compiles the expressions in its attributes, and its theme is a style element.
# Scripts still come from this site only; none may stand in the page.
STAFF_ADDITIONS: Final = {"script-src": ["'unsafe-eval'"], "style-src": ["'unsafe-inline'"]}


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """Adds the live process, and what the admin shell needs to pages under ADMIN_PATH, and to no other."""

    def get_policy_parts(
        self, request: HttpRequest, response: "HttpResponseBase", report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        with suppress(DisallowedHost):  # an answer to a name that is not ours is no page with streams
            if live_url := live_url_for(request):
                parts.update = {**(parts.update or {}), "connect-src": [live_url]}
        if request.path_info.startswith(f"/{settings.ADMIN_PATH}/"):
            parts.update = {**(parts.update or {}), **STAFF_ADDITIONS}
        return parts
