"""Staff screens for what decides who is sent next: the teams' lines, and the keys that jobs go out with."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.decorators import display

from accounts.actors import staff_actor
from accounts.staff_site import ReadOnlyAdmin, StaffAdmin
from generations.models import BreakerState, FalKey, TeamLine
from generations.services import set_weight, try_now

TONES = {
    BreakerState.CLOSED: "success",
    BreakerState.OPEN: "danger",
    BreakerState.HALF_OPEN: "warning",
}


@admin.register(FalKey)
class FalKeyAdmin(ReadOnlyAdmin):
    """Keys with a history of trouble; one that never had any has no row."""

    list_display = ("name", "state", "reason", "opened_at", "probe_at")
    ordering = ("name",)
    actions = ("try_again_now",)
    fields = readonly_fields = (
        "name",
        "breaker",
        "reason",
        "failures",
        "openings",
        "opened_at",
        "probe_at",
        "suspicion",
        "suspected_at",
        "accepted_at",
    )

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        # Those of a screen that nobody may delete on are left out; this one deletes nothing.
        return {"try_again_now": self.get_action("try_again_now")}

    @admin.action(description="Try again now")
    def try_again_now(self, request: HttpRequest, keys: QuerySet[FalKey]) -> None:
        tried = [key.name for key in keys if try_now(key.name, now=timezone.now())]
        said = f"The next job is tried with {', '.join(tried)}." if tried else "None of them is paused."
        self.message_user(request, said, messages.SUCCESS if tried else messages.INFO)

    @display(description="state", ordering="breaker", label=TONES)
    def state(self, key: FalKey) -> tuple[str, str]:
        return key.breaker, key.get_breaker_display()


@admin.register(TeamLine)
class TeamLineAdmin(StaffAdmin):
    """A team's share of what is sent; staff set its weight and nothing else."""

    list_display = ("team", "weight", "ready_at", "served_at", "turn")
    list_select_related = ("team",)
    search_fields = ("team__slug",)
    uuid_lookups = ("pk",)
    ordering = ("turn",)
    fields = ("team", "weight", "turn", "ready_at", "served_at")
    readonly_fields = ("team", "turn", "ready_at", "served_at")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: TeamLine, form: Any, change: bool) -> None:
        staff = staff_actor(obj.team, request.user)  # type: ignore[arg-type]
        set_weight(team=obj.team, weight=obj.weight, by=staff)
