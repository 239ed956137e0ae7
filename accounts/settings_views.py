"""A person's own settings: no team in the address, nobody else's to change."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.http import PersonRequest
from accounts.models import Theme
from accounts.services import people
from accounts.settings_forms import DisplayForm, ProfileForm, display_of


@require_safe
def settings(request: HttpRequest) -> HttpResponse:
    return redirect("accounts:profile")


@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: PersonRequest) -> HttpResponse:
    form = ProfileForm(request.POST or None, initial={"name": request.user.name})
    if request.method == "POST" and form.is_valid():
        people.change_profile(user=request.user, name=form.cleaned_data["name"])
        messages.success(request, "Your profile was saved.")
        return redirect("accounts:profile")
    status = 422 if form.errors else 200
    return render(request, "accounts/settings/profile.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def display(request: PersonRequest) -> HttpResponse:
    form = DisplayForm(request.POST or None, initial=display_of(request.user))
    if request.method == "POST" and form.is_valid():
        people.change_display(user=request.user, **form.cleaned_data)
        messages.success(request, "Your settings were saved.")
        return redirect("accounts:display")
    status = 422 if form.errors else 200
    return render(request, "accounts/settings/display.html", {"form": form}, status=status)


@require_POST
def theme(request: PersonRequest) -> HttpResponse:
    """The switch in the menu has changed the page already; this makes it stay, on every machine."""
    chosen = request.POST.get("theme", "")
    if chosen not in Theme.values:
        return HttpResponseBadRequest("There is no such theme.")
    people.change_theme(user=request.user, theme=chosen)
    return HttpResponse(status=204)
