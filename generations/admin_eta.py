"""The staff screen that shows how right the expected times were."""

from datetime import timedelta
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from unfold.decorators import action

from accounts.staff_contents import ContentsAdmin
from generations.services.eta_error import eta_errors

DAYS: Final = 7


class ExpectedTimes(ContentsAdmin):
    """Adds the screen to the list of clips."""

    actions_list = ("expected_times",)

    @action(description="Expected times", url_path="expected-times", permissions=["view"])
    def expected_times(self, request: HttpRequest) -> HttpResponse:
        errors = eta_errors(since=timezone.now() - timedelta(days=DAYS))
        rows = [
            [error.bucket or "All", error.clips, f"{error.median:.0%}", f"{error.within:.0%}"]
            for error in errors
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": "Expected times",
            "days": DAYS,
            "table": {"headers": ["Kind", "Clips", "Median error", "In the range told"], "rows": rows},
        }
        return render(request, "generations/staff/expected_times.html", context)
