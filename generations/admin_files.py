"""The staff screen for how long teams keep their clips' files: the one rule here that staff set."""

from typing import Any, ClassVar

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest

from accounts.staff_site import StaffAdmin
from generations.models import Retention
from generations.services.retention import set_retention


@admin.register(Retention)
class RetentionAdmin(StaffAdmin):
    """A team without a row keeps its files for ever."""

    list_display = ("team", "keep_days")
    list_select_related = ("team",)
    search_fields = ("team__slug", "team__name")
    uuid_lookups = ("team",)
    ordering = ("keep_days",)
    autocomplete_fields: ClassVar[list[str]] = ["team"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Retention | None = None) -> bool:
        return self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Retention | None = None) -> bool:
        return self.has_view_permission(request)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}

    def get_readonly_fields(self, request: HttpRequest, obj: Retention | None = None) -> list[str]:
        return ["team"] if obj is not None else []

    def save_model(
        self, request: HttpRequest, obj: Retention, form: "ModelForm[Retention]", change: bool
    ) -> None:
        set_retention(team=obj.team, keep_days=obj.keep_days, actor=f"staff:{request.user.pk}")

    def delete_model(self, request: HttpRequest, obj: Retention) -> None:
        set_retention(team=obj.team, keep_days=None, actor=f"staff:{request.user.pk}")
