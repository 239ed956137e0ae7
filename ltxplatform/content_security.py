"""The Content-Security-Policy header: strict everywhere, looser on the staff site alone."""

from typing import TYPE_CHECKING, Final

from csp.middleware import CSPMiddleware, PolicyParts
from django.conf import settings
from django.http import HttpRequest

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase

# The admin shell's Alpine compiles the expressions in its attributes, and its theme is a style element.
# Scripts still come from this site only; none may stand in the page.
STAFF_ADDITIONS: Final = {"script-src": ["'unsafe-eval'"], "style-src": ["'unsafe-inline'"]}


class ContentSecurityPolicyMiddleware(CSPMiddleware):
    """Adds what the admin shell needs to pages under ADMIN_PATH, and to no other."""

    def get_policy_parts(
        self, request: HttpRequest, response: "HttpResponseBase", report_only: bool = False
    ) -> PolicyParts:
        parts = super().get_policy_parts(request, response, report_only)
        if request.path_info.startswith(f"/{settings.ADMIN_PATH}/"):
            parts.update = {**(parts.update or {}), **STAFF_ADDITIONS}
        return parts
