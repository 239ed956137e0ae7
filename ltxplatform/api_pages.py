"""The API's description, the page that shows it, and the answer to unknown addresses."""

from csp.decorators import csp_update
from django.http import Http404
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


@extend_schema(exclude=True)
class NothingHere(APIView):
    """Open to everybody: without a key, too, a wrong address is a wrong address."""

    authentication_classes = []
    permission_classes = []

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        raise Http404

    def get(self, request: Request) -> Response:
        raise Http404


openapi = SpectacularJSONAPIView.as_view()
# The page draws its controls with style attributes; scripts still come from files of this site only.
docs = csp_update({"style-src": ["'unsafe-inline'"]})(
    SpectacularSwaggerSplitView.as_view(url_name="api:openapi", template_name="platform/api_docs.html")
)
nothing_here = NothingHere.as_view()
