"""The API's window on the team's credits."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.http import actor_of
from accounts.permissions import BILLING_VIEW
from accounts.rest import ApiView
from accounts.rest_schema import problems
from billing.serializers import BalanceOutput
from billing.services import balance_of, default_clip_price


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
