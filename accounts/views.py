"""Pages about a team's access: its API keys."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import api_keys
from accounts.errors import FieldErrors
from accounts.forms import ApiKeyForm
from accounts.http import TeamRequest, recent_sign_in, requires
from accounts.permissions import KEYS_MANAGE

EXAMPLE = """export LTX_KEY=ltx_live_...
curl {site}/api/v1/quotes \\
  -H "Authorization: Bearer $LTX_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{"num_frames": 121}}'"""
# The service speaks of a moment, the form of a choice.
FORM_FIELDS = {"expires_at": "expires_in"}


@require_safe
@requires(KEYS_MANAGE)
def keys(request: TeamRequest) -> HttpResponse:
    return _page(request, ApiKeyForm())


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(KEYS_MANAGE)
@recent_sign_in
def key_create(request: TeamRequest) -> HttpResponse:
    """Show the new key in the answer itself: it is kept nowhere, neither in the session nor in an address."""
    if request.method != "POST":
        return redirect("accounts:keys", request.team.slug)
    form = ApiKeyForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        key, plain = api_keys.create_api_key(
            actor=request.actor,
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            expires_at=form.expires_at(),
        )
    except FieldErrors as error:
        for name, sentences in error.errors.items():
            form.add_error(FORM_FIELDS.get(name, name), sentences)
        return _page(request, form, status=422)
    return _page(request, ApiKeyForm(), created=key, plain=plain)


@require_POST
@requires(KEYS_MANAGE)
def key_revoke(request: TeamRequest, pk: UUID) -> HttpResponse:
    try:
        key = api_keys.revoke_api_key(actor=request.actor, key_id=pk)
    except api_keys.KeyNotFound as error:
        raise Http404(error.message) from error
    messages.success(request, f"{key.name} is revoked and opens nothing any more.")
    return redirect("accounts:keys", request.team.slug)


def _page(request: TeamRequest, form: ApiKeyForm, *, status: int = 200, **more: Any) -> HttpResponse:
    context = {
        "form": form,
        "keys": api_keys.keys_of(request.team, now=timezone.now()),
        "example": EXAMPLE.format(site=_site(request)),
        **more,
    }
    return render(request, "accounts/keys.html", context, status=status)


def _site(request: HttpRequest) -> str:
    return settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
