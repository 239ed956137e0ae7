"""What every endpoint of the API shares: its base view, its scopes, and strictness about what it is sent."""

import json
import re
from typing import Any, ClassVar, Final, cast

from django.utils.cache import patch_vary_headers
from django.utils.http import urlencode
from rest_framework.exceptions import APIException, ErrorDetail, ParseError, ValidationError
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from accounts.actors import Actor
from accounts.errors import DomainError
from accounts.permissions import SCOPE_PERMISSIONS

JSON_MAX_BYTES: Final = 1_000_000
# An escaped NUL, but not an escaped backslash followed by the characters u0000.
NUL_ESCAPE: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
METHODS: Final = ("get", "post", "put", "patch", "delete")


class ScopeMissing(DomainError):
    code = "scope"


class TooLarge(APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = "The request is too large."


class StrictJSONParser(JSONParser):
    """JSON of bounded size whose text can be stored: no NUL, no half of a surrogate pair."""

    max_bytes: ClassVar[int] = JSON_MAX_BYTES

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        raw = stream.read(self.max_bytes + 1)
        if len(raw) > self.max_bytes:
            raise TooLarge(f"A JSON body has at most {self.max_bytes:,} bytes.")
        try:
            text = raw.decode()
            data = json.loads(text, parse_constant=_refuse_constant)
        except UnicodeError as error:
            raise ParseError("The body is not valid UTF-8 text.") from error
        except (ValueError, RecursionError) as error:
            raise ParseError("The body is not valid JSON.") from error
        # Only an escape can bring such characters past the decoder.
        if "\\u" in text:
            _refuse_unstorable(data)
        return data


class HasPermission(BasePermission):
    """The key must carry the permission that the view declares for the method."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        actor = request.auth
        if not isinstance(actor, Actor):
            return False
        needed = cast(ApiView, view).permission_of.get(_method(request))
        # A method without an entry has no handler either: the answer will be 405.
        if needed is not None and not actor.may(needed):
            raise ScopeMissing(_why_not(actor, needed))
        return True


class ApiView(APIView):
    """Declares `permission_of` each method, and the query parameters it knows; any other one is an error."""

    permission_of: ClassVar[dict[str, str]] = {}
    query_parameters_of: ClassVar[dict[str, frozenset[str]]] = {}
    permission_classes = [HasPermission]
    parser_classes = [StrictJSONParser]
    metadata_class = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for method in METHODS:
            if hasattr(cls, method) and method.upper() not in cls.permission_of:
                raise TypeError(f"{cls.__name__}.{method} declares no permission.")

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        known = self.query_parameters_of.get(_method(request), frozenset())
        refuse_unknown(request.query_params.keys() - known, "There is no such query parameter.")
        repeated = {name for name, values in request.query_params.lists() if len(values) > 1}
        refuse_unknown(repeated, "Send this query parameter once.", code="repeated")

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        # An answer belongs to the key that asked: no shared cache may keep it.
        response.headers.setdefault("Cache-Control", "private, no-store")
        patch_vary_headers(response, ["Authorization"])
        return response


def body_of(request: Request) -> dict[str, Any]:
    """The JSON object that was sent; no body is an empty one. Raises ValidationError for other JSON."""
    data = request.data
    if not isinstance(data, dict):
        raise ValidationError({"": [ErrorDetail("Send a JSON object.", code="invalid")]})
    return data


def refuse_unknown(names: set[str], sentence: str, *, code: str = "unknown") -> None:
    """Raise ValidationError that says `sentence` of each of `names`, if there are any."""
    if names:
        raise ValidationError({name: [ErrorDetail(sentence, code=code)] for name in sorted(names)})


def shaped(shape: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    """The body's fields, checked; raises ValidationError for wrong and for unknown ones."""
    body = body_of(request)
    refuse_unknown(body.keys() - shape().fields.keys(), "There is no such field.")
    checked = shape(data=body)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


def empty(request: Request) -> None:
    """Raise ValidationError unless the body is empty: this request takes no fields."""
    refuse_unknown(set(body_of(request)), "This request takes no fields.")


def created(
    data: Any, *, location: str, status: int = 201, headers: dict[str, str] | None = None
) -> Response:
    return Response(data, status=status, headers={"Location": location, **(headers or {})})


def link_to_next(request: Request, cursor: str | None) -> dict[str, str]:
    """The `Link` header of a list's page; nothing on the last one."""
    if cursor is None:
        return {}
    query = urlencode({**request.query_params.dict(), "cursor": cursor})
    return {"Link": f'<{request.build_absolute_uri(request.path)}?{query}>; rel="next"'}


def _method(request: Request) -> str:
    return "GET" if request.method == "HEAD" else str(request.method)


def _why_not(actor: Actor, needed: str) -> str:
    scope = next((name for name, allowed in SCOPE_PERMISSIONS.items() if needed in allowed), "")
    if actor.key is not None and scope in actor.key.scopes:
        return "The person who created this key may not do this: their role in the team does not allow it."
    return f'This needs a key with the scope "{scope}".'


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON.")


def _refuse_unstorable(data: Any) -> None:
    """Raise ParseError when some text in the data cannot be stored."""
    text = json.dumps(data, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ParseError("The body contains half of a surrogate pair, which is not text.") from error
    if NUL_ESCAPE.search(text):
        raise ParseError("The body contains the character NUL, which cannot be stored.")
