"""What the staff screens of all apps share: read-only lists that stay quick on large tables."""

from typing import Any
from uuid import UUID

from django.db.models import Count, IntegerField, Model, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline


class StaffReads:
    """Whoever may enter the staff site may look; per-model permissions are not used."""

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)


class ReadOnly(StaffReads):
    """Staff look, services write: no screen adds, changes or deletes."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class StaffAdmin(StaffReads, ModelAdmin):
    """A list that never counts the whole table and finds an id without reading it."""

    show_full_result_count = False
    list_per_page = 50
    list_filter_submit = False
    uuid_lookups: tuple[str, ...] = ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        identifier = as_uuid(search_term)
        if identifier is None or not self.uuid_lookups:
            return super().get_search_results(request, queryset, search_term)
        # A whole identifier is looked up by index alone; beside the text columns it would scan them.
        names = Q.create([(lookup, identifier) for lookup in self.uuid_lookups], connector=Q.OR)
        return queryset.filter(names), any("__" in lookup for lookup in self.uuid_lookups)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {} if not self.has_delete_permission(request) else super().get_actions(request)


class ReadOnlyAdmin(ReadOnly, StaffAdmin):
    """For money, jobs and whatever else only services write."""


class ReadOnlyTable(ReadOnly, TabularInline):
    extra = 0
    hide_title = True
    can_delete = False
    show_change_link = False


def count_of(model: type[Model], owner: str) -> Coalesce:
    """How many rows of `model` name a row in their column `owner`; counted for the rows on the page only."""
    rows = model._default_manager.filter(**{owner: OuterRef("pk")}).order_by().values(owner)
    return Coalesce(Subquery(rows.values(total=Count("pk")), output_field=IntegerField()), 0)


def as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None
