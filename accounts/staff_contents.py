"""What people wrote and made stays closed on the staff site until somebody of the staff visits their team.

Ids, states, times and money are open: nobody could run the platform without them. Prompts, pictures and what leads to
them need a written reason; the visit notes the address that showed them.
"""

from typing import Any, ClassVar

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from accounts.models import Team
from accounts.staff_site import ReadOnlyAdmin

CLOSED = "visit_first"


def is_visited(request: HttpRequest, team: Team) -> bool:
    """Whether this request is part of an open visit of staff to the team."""
    session = getattr(request, "staff_session", None)
    return session is not None and session.team_id == team.pk


class ContentsAdmin(ReadOnlyAdmin):
    """A screen that leaves the fields named in `contents` out, with a way to begin a visit in their place."""

    contents: ClassVar[frozenset[str]] = frozenset()

    def team_of(self, row: Any) -> Team:
        team: Team = row.team
        return team

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        sets = super().get_fieldsets(request, obj)
        if obj is None or is_visited(request, self.team_of(obj)):
            return sets
        left = [(title, {**options, "fields": self._open(options["fields"])}) for title, options in sets]
        return [
            *((title, options) for title, options in left if options["fields"]),
            ("What they wrote and made", {"fields": (CLOSED,)}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*super().get_readonly_fields(request, obj), CLOSED]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """A list that could be narrowed by what a field begins with would tell it letter by letter."""
        return lookup.partition("__")[0] not in self.contents and super().lookup_allowed(
            lookup, value, request
        )

    @display(description="closed")
    def visit_first(self, row: Any) -> SafeString:
        team = self.team_of(row)
        return format_html(
            'Open to staff during a visit to the team: <a href="{}?team={}">visit {}</a>',
            reverse("admin:accounts_staffsession_start"),
            team.slug,
            team.name,
        )

    def _open(self, fields: Any) -> list[Any]:
        """Without contents, and without rows that had nothing else."""
        rows = [field if isinstance(field, str) else tuple(self._open(field)) for field in fields]
        return [row for row in rows if row and row not in self.contents]
