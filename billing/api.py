"""The API's window on the team's credits."""

from datetime import date, timedelta
from typing import ClassVar, Final

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.http import actor_of
from accounts.permissions import BILLING_VIEW
from accounts.rest import ApiView
from accounts.rest_schema import problems
from billing.serializers import (
    BalanceOutput,
    ForecastOutput,
    LedgerPage,
    LedgerQuery,
    UsageOutput,
    UsageQuery,
)
from billing.services import balance_of, default_clip_price
from billing.services.forecast import forecast_of
from billing.services.statement_pages import Filter, statement_page
from billing.services.usage import usage_of

USUAL_DAYS: Final = 30
LONGEST_DAYS: Final = 366


class Balance(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"GET": BILLING_VIEW}

    @extend_schema(
        operation_id="get_balance",
        summary="What the team can spend",
        tags=["balance"],
        responses={200: BalanceOutput, **problems()},
    )
    def get(self, request: Request) -> Response:
        """Needs the scope `billing:read`."""
        balance = balance_of(actor_of(request).team)
        price = default_clip_price()
        return Response(
            BalanceOutput(
                {
                    "currency": "USD",
                    "available": balance.available,
                    "held": balance.held,
                    "total": balance.available + balance.held,
                    "default_clip_price": price,
                    "clips_left": balance.available // price,
                }
            ).data
        )


class Ledger(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"GET": BILLING_VIEW}
    query_parameters_of: ClassVar[dict[str, frozenset[str]]] = {"GET": frozenset(LedgerQuery().fields)}

    @extend_schema(
        operation_id="list_ledger",
        summary="The team's statement, newest first",
        tags=["balance"],
        parameters=[LedgerQuery],
        responses={200: LedgerPage, **problems(400)},
    )
    def get(self, request: Request) -> Response:
        """Every line of the team's books. Needs the scope `billing:read`."""
        query = LedgerQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        wish = query.validated_data
        page = statement_page(
            team=actor_of(request).team,
            wanted=Filter(
                group=wish.get("kind", ""),
                person=wish.get("member"),
                key=wish.get("key"),
                project=wish.get("project"),
                since=wish.get("created_after"),
                until=wish.get("created_before"),
            ),
            cursor=wish.get("cursor"),
            size=wish["limit"],
        )
        return Response(LedgerPage({"data": page.lines, "next_cursor": page.older}).data)


class UsageReport(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"GET": BILLING_VIEW}
    query_parameters_of: ClassVar[dict[str, frozenset[str]]] = {"GET": frozenset(UsageQuery().fields)}

    @extend_schema(
        operation_id="get_usage",
        summary="What the team spent, by day, member, key and project",
        tags=["balance"],
        parameters=[UsageQuery],
        responses={200: UsageOutput, **problems()},
    )
    def get(self, request: Request) -> Response:
        """At most a year at once. Needs the scope `billing:read`."""
        query = UsageQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        last: date = query.validated_data.get("until") or timezone.now().date()
        first: date = query.validated_data.get("since") or last - timedelta(days=USUAL_DAYS - 1)
        if not 0 <= (last - first).days < LONGEST_DAYS:
            sentence = "Ask for at most 366 days, the first one first."
            raise ValidationError({"since": [ErrorDetail(sentence, code="invalid")]})
        return Response(UsageOutput(usage_of(team=actor_of(request).team, first=first, last=last)).data)


class ForecastReport(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"GET": BILLING_VIEW}

    @extend_schema(
        operation_id="get_forecast",
        summary="How long the credit lasts",
        tags=["balance"],
        responses={200: ForecastOutput, **problems()},
    )
    def get(self, request: Request) -> Response:
        """If the team goes on as it did. Needs the scope `billing:read`."""
        forecast = forecast_of(team=actor_of(request).team, now=timezone.now())
        nothing = dict.fromkeys((field.source for field in ForecastOutput().fields.values()), None)
        return Response(ForecastOutput(forecast or nothing).data)
