"""Staff screens for people, teams and API keys.

Only an account's switches can be changed here, by superusers; roles and keys change through their services.
"""

from typing import ClassVar

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from unfold.decorators import display

from accounts import staff_admin as staff_admin  # its screens join these
from accounts.audit import record
from accounts.models import ApiKey, AuditEvent, Membership, Team, User
from accounts.staff_site import ReadOnlyAdmin, ReadOnlyTable, StaffAdmin, count_of

# Roles are a table in permissions.py; Django's groups would be a second, unread one. Factors and sessions are
# secrets of their owners.
admin.site.unregister(
    [Group, EmailAddress, Authenticator, UserSession, SocialAccount, SocialApp, SocialToken]
)


class MembershipTable(ReadOnlyTable):
    model = Membership
    fields = readonly_fields = ("user", "team", "role", "created_at")
    verbose_name_plural = "memberships"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("user", "team")


class EmailAddressTable(ReadOnlyTable):
    model = EmailAddress
    fields = readonly_fields = ("email", "verified", "primary")
    verbose_name_plural = "e-mail addresses"


@admin.register(User)
class UserAdmin(StaffAdmin):
    list_display = ("email", "name", "is_active", "is_staff", "date_joined", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser", "date_joined")
    search_fields = ("email", "name", "memberships__team__slug")
    ordering = ("-date_joined",)
    date_hierarchy = None
    fields = (
        "email",
        "name",
        "is_active",
        "is_staff",
        "is_superuser",
        "date_joined",
        "last_login",
        "last_team",
    )
    inlines = (EmailAddressTable, MembershipTable)
    SWITCHES: ClassVar = frozenset({"is_active", "is_staff", "is_superuser"})

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        """With what was switched in the audit log, in the same transaction: the staff site opens one."""
        super().save_model(request, obj, form, change)
        switched = [name for name in form.changed_data if name in self.SWITCHES]
        if switched and isinstance(request.user, User):
            old = {name: form.initial.get(name) for name in switched}
            new = {name: form.cleaned_data[name] for name in switched}
            record("user.switched", by=request.user, about=obj, old=old, new=new)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        return tuple(name for name in self.fields if name not in self.SWITCHES)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).select_related("last_team")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody but a superuser hands out or takes staff rights, and nobody switches themselves off."""
        return bool(request.user.is_superuser) and obj != request.user

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False


@admin.register(Team)
class TeamAdmin(ReadOnlyAdmin):
    list_display = ("name", "slug", "is_personal", "members_count", "created_at")
    list_filter = ("is_personal", "created_at")
    search_fields = ("name", "slug", "memberships__user__email")
    uuid_lookups = ("pk",)
    ordering = ("-created_at",)
    fields = readonly_fields = ("id", "name", "slug", "is_personal", "created_at")
    inlines = (MembershipTable,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Team]:
        return super().get_queryset(request).annotate(members_total=count_of(Membership, "team"))

    @display(description="members", ordering="members_total")
    def members_count(self, team: Team) -> int:
        return team.members_total  # type: ignore[attr-defined]


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("user", "team", "role", "created_at")
    list_filter = ("role", "created_at")
    list_select_related = ("user", "team")
    search_fields = ("user__email", "team__slug", "team__name")
    ordering = ("-created_at",)
    fields = readonly_fields = ("user", "team", "role", "created_at")


class KeyState(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("open", "Usable or expired"), ("revoked", "Revoked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        match self.value():
            case "open":
                return queryset.filter(revoked_at=None)
            case "revoked":
                return queryset.filter(~Q(revoked_at=None))
        return queryset


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """The hash of the secret stays out of every screen."""

    list_display = ("name", "prefix", "team", "created_by", "last_used_at", "expires_at", "revoked_at")
    list_filter = (KeyState, "created_at")
    list_select_related = ("team", "created_by")
    search_fields = ("name", "public_id__exact", "team__slug", "created_by__email")
    uuid_lookups = ("pk",)
    ordering = ("-created_at",)
    fields = readonly_fields = (
        "id",
        "name",
        "prefix",
        "team",
        "created_by",
        "scopes",
        "created_at",
        "last_used_at",
        "expires_at",
        "revoked_at",
    )


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "team", "kind", "user", "action", "object_name", "address")
    list_filter = ("kind", "at")
    list_select_related = ("team", "user")
    search_fields = ("action", "object_id", "team__slug", "user__email", "request_id")
    ordering = ("-id",)
