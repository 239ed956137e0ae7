"""Staff screens of exports and deletions: how far each is. What is in an export is nobody's but its owners'."""

from django.contrib import admin

from accounts.staff_site import ReadOnlyAdmin
from ltxplatform.data_rights.models import DataExport, Deletion


@admin.register(DataExport)
class DataExportAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "team", "person", "state", "items_done", "items", "size", "expires_at")
    list_filter = ("state", "created_at")
    list_select_related = ("team", "person")
    search_fields = ("team__slug", "person__email")
    uuid_lookups = ("pk", "team")
    ordering = ("-created_at",)
    fields = readonly_fields = (
        *("id", "team", "person", "state", "section", "items", "items_done", "files", "size", "parts_done"),
        *("attempts", "leased_until", "created_at", "ended_at", "expires_at", "told_at"),
    )


@admin.register(Deletion)
class DeletionAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "team", "person", "state", "due_at", "ended_at")
    list_filter = ("state", "due_at")
    list_select_related = ("team", "person")
    search_fields = ("team__slug", "person__email")
    uuid_lookups = ("pk", "team")
    ordering = ("-created_at",)
    fields = readonly_fields = (
        *("id", "team", "person", "by_operators", "parent", "state", "created_at", "due_at", "ended_at"),
        *("leased_until", "told_at"),
    )
