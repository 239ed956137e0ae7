"""Pages about a team's access: its API keys."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import api_keys
from accounts.api_keys import KeyNotFound, ListedKey
from accounts.errors import DomainError, FieldErrors
from accounts.forms import ApiKeyForm, KeyBoundsForm, RotateForm
from accounts.http import TeamRequest, recent_sign_in, requires
from accounts.key_secrets import for_fal_clients
from accounts.permissions import BUDGETS_MANAGE, KEYS_MANAGE

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
    return _page(request, ApiKeyForm(request.team))


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(KEYS_MANAGE)
@recent_sign_in
def key_create(request: TeamRequest) -> HttpResponse:
    """Show the new key in the answer itself: it is kept nowhere, neither in the session nor in an address."""
    if request.method != "POST":
        return redirect("accounts:keys", request.team.slug)
    form = ApiKeyForm(request.team, request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    wishes: dict[str, Any] = form.bounds()
    try:
        key, plain = api_keys.create_api_key(
            actor=request.actor,
            scopes=form.cleaned_data["scopes"],
            expires_at=form.expires_at(),
            **wishes,
        )
    except FieldErrors as error:
        for name, sentences in error.errors.items():
            form.add_error(FORM_FIELDS.get(name, name), sentences)
        return _page(request, form, status=422)
    return _page(request, ApiKeyForm(request.team), created=key, plain=plain, for_fal=for_fal_clients(plain))


@require_safe
@requires(KEYS_MANAGE)
def key(request: TeamRequest, pk: UUID) -> HttpResponse:
    """One key: what it may, from where, and what can be done with it."""
    item = _found(request, pk)
    return _key_page(request, item, _bounds_form(request, item))


@require_POST
@requires(KEYS_MANAGE)
@recent_sign_in
def key_change(request: TeamRequest, pk: UUID) -> HttpResponse:
    item = _found(request, pk)
    form = _bounds_form(request, item, request.POST)
    if form.is_valid():
        try:
            api_keys.change_api_key(actor=request.actor, key_id=pk, changes=form.bounds())
        except FieldErrors as error:
            for name, sentences in error.errors.items():
                form.add_error(name if name in form.fields else None, sentences)
        except DomainError as error:
            messages.error(request, error.message)
            return redirect("accounts:key", request.team.slug, pk)
        else:
            messages.success(request, "The key was changed. The change applies from the next request.")
            return redirect("accounts:key", request.team.slug, pk)
    return _key_page(request, item, form, status=422)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@requires(KEYS_MANAGE)
@recent_sign_in
def key_rotate(request: TeamRequest, pk: UUID) -> HttpResponse:
    """Show the new secret in the answer itself, as for a new key."""
    item = _found(request, pk)
    if request.method != "POST":
        return redirect("accounts:key", request.team.slug, pk)
    form = RotateForm(request.POST)
    if not form.is_valid():
        return _key_page(request, item, _bounds_form(request, item), status=422, rotate=form)
    try:
        _, plain = api_keys.rotate_api_key(
            actor=request.actor, key_id=pk, overlap=form.overlap_time(), now=timezone.now()
        )
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("accounts:key", request.team.slug, pk)
    item = _found(request, pk)
    shown: dict[str, Any] = {"plain": plain, "for_fal": for_fal_clients(plain)}
    return _key_page(request, item, _bounds_form(request, item), **shown)


@require_POST
@requires(KEYS_MANAGE)
@recent_sign_in
def key_end_old(request: TeamRequest, pk: UUID) -> HttpResponse:
    _found(request, pk)
    try:
        ended = api_keys.end_old_secret(actor=request.actor, key_id=pk)
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"The old secret of {ended.name} no longer works.")
    return redirect("accounts:key", request.team.slug, pk)


@require_POST
@requires(KEYS_MANAGE)
def key_revoke(request: TeamRequest, pk: UUID) -> HttpResponse:
    try:
        revoked = api_keys.revoke_api_key(actor=request.actor, key_id=pk)
    except KeyNotFound as error:
        raise Http404(error.message) from error
    messages.success(request, f"{revoked.name} was revoked and no longer works.")
    return redirect("accounts:keys", request.team.slug)


def _found(request: TeamRequest, pk: UUID) -> ListedKey:
    try:
        return api_keys.key_of(request.team, pk, now=timezone.now())
    except KeyNotFound as error:
        raise Http404(error.message) from error


def _bounds_form(request: TeamRequest, item: ListedKey, data: Any = None) -> KeyBoundsForm:
    networks = "\n".join(item.key.networks)
    initial = {"name": item.key.name, "project": item.key.project_id, "networks": networks}
    return KeyBoundsForm(request.team, data, kept=item.key.project, initial=initial)


def _page(request: TeamRequest, form: ApiKeyForm, *, status: int = 200, **more: Any) -> HttpResponse:
    context = {
        "form": form,
        "keys": api_keys.keys_of(request.team, now=timezone.now()),
        "example": EXAMPLE.format(site=_site(request)),
        **more,
    }
    return render(request, "accounts/keys.html", context, status=status)


def _key_page(
    request: TeamRequest, item: ListedKey, form: KeyBoundsForm, *, status: int = 200, **more: Any
) -> HttpResponse:
    context = {
        "item": item,
        "form": form,
        "rotate": RotateForm(),
        "is_yours": item.key.created_by == request.user,
        "may_limit": request.actor.may(BUDGETS_MANAGE),
        "budget_url": f"{reverse('billing:budgets', args=[request.team.slug])}?subject=key:{item.key.pk}",
        **more,
    }
    return render(request, "accounts/key.html", context, status=status)


def _site(request: HttpRequest) -> str:
    return settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
