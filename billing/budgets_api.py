"""The API's endpoints for budgets: limits on members, keys and projects."""

from typing import Any, ClassVar

from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.actors import Actor
from accounts.http import actor_of
from accounts.permissions import BUDGETS_MANAGE
from accounts.rest import ApiView, created, shaped
from accounts.rest_schema import header, problems
from billing.models import Period
from billing.money import MICROS
from billing.serializers import MoneyField
from billing.services import limit_changes
from billing.services.allowances import Allowance, allowance_of, allowances_of

SUBJECT_HELP = "Whom it is on: `member:<id>`, `key:<id>` or `project:<id>`."


class CapField(serializers.DecimalField):
    """Dollars as a string with at most six decimals outside, µ$ inside."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=13, decimal_places=6, min_value=0, **options)

    def to_internal_value(self, data: Any) -> Any:
        return int(super().to_internal_value(data) * MICROS)


class BudgetInput(serializers.Serializer[Any]):
    subject = serializers.CharField(max_length=60, help_text=SUBJECT_HELP)
    period = serializers.ChoiceField(
        choices=Period.values, help_text="In UTC. `job`: the most that one clip may cost."
    )
    cap = CapField(help_text="Dollars.")


class BudgetChange(serializers.Serializer[Any]):
    cap = CapField(help_text="Dollars.")


class BudgetOutput(serializers.Serializer[Any]):
    id = serializers.IntegerField(source="limit.pk")
    subject = serializers.SerializerMethodField(help_text=SUBJECT_HELP)
    name = serializers.CharField(source="subject", help_text="The member, the key or the project by name.")
    period = serializers.ChoiceField(choices=Period.values, source="limit.period")
    cap = MoneyField(help_text="What counts now, with a raise that is under way.")
    usual_cap = MoneyField(source="limit.cap")
    raised_until = serializers.DateTimeField(allow_null=True)
    held = MoneyField()
    spent = MoneyField()
    left = MoneyField()
    resets_at = serializers.DateTimeField(allow_null=True)

    def get_subject(self, allowance: Allowance) -> str:
        return limit_changes.subject_of(allowance.limit)


class BudgetPage(serializers.Serializer[Any]):
    data = BudgetOutput(many=True)  # type: ignore[assignment]  # the framework takes fields off the class
    next_cursor = serializers.CharField(allow_null=True, help_text="Null: a team's budgets are one page.")


class Budgets(ApiView):
    permission_of: ClassVar[dict[str, str]] = {"GET": BUDGETS_MANAGE, "POST": BUDGETS_MANAGE}

    @extend_schema(
        operation_id="list_budgets",
        summary="Who may spend how much",
        tags=["budgets"],
        responses={200: BudgetPage, **problems()},
    )
    def get(self, request: Request) -> Response:
        """Every limit of the team in its present period. Needs the scope `admin` and a key of an owner."""
        found = allowances_of(team=actor_of(request).team, now=timezone.now())
        return Response(BudgetPage({"data": found, "next_cursor": None}).data)

    @extend_schema(
        operation_id="create_budget",
        summary="Set a limit",
        tags=["budgets"],
        parameters=[header("Location", "The budget's address.", 201)],
        request=BudgetInput,
        responses={201: BudgetOutput, **problems(400, 415, 503)},
    )
    def post(self, request: Request) -> Response:
        """A limit on the same for the same period is replaced. Needs the scope `admin` and a key of an owner."""
        limit = limit_changes.cap_spending(actor=actor_of(request), **shaped(BudgetInput, request))
        shown = BudgetOutput(allowance_of(limit=limit, now=timezone.now())).data
        return created(shown, location=reverse("api:budget", args=[limit.pk]))


class OneBudget(ApiView):
    permission_of: ClassVar[dict[str, str]] = {
        "GET": BUDGETS_MANAGE,
        "PATCH": BUDGETS_MANAGE,
        "DELETE": BUDGETS_MANAGE,
    }

    @extend_schema(
        operation_id="get_budget",
        summary="One limit, and what is left of it",
        tags=["budgets"],
        responses={200: BudgetOutput, **problems(404)},
    )
    def get(self, request: Request, pk: int) -> Response:
        return _shown(actor_of(request), pk)

    @extend_schema(
        operation_id="change_budget",
        summary="Change a cap",
        tags=["budgets"],
        request=BudgetChange,
        responses={200: BudgetOutput, **problems(400, 404, 415, 503)},
    )
    def patch(self, request: Request, pk: int) -> Response:
        """Below what is used already it only stops more. Needs the scope `admin` and a key of an owner."""
        actor = actor_of(request)
        limit_changes.limit_of(actor, pk)
        limit_changes.change_cap(actor=actor, limit_id=pk, **shaped(BudgetChange, request))
        return _shown(actor, pk)

    @extend_schema(
        operation_id="remove_budget",
        summary="Remove a limit",
        tags=["budgets"],
        request=None,
        responses={204: None, **problems(404, 503)},
    )
    def delete(self, request: Request, pk: int) -> Response:
        """Then only the team's credit and other limits apply. Needs the scope `admin` and a key of an owner."""
        limit_changes.remove_limit(actor=actor_of(request), limit_id=pk, now=timezone.now())
        return Response(status=204)


def _shown(actor: Actor, pk: int) -> Response:
    limit = limit_changes.limit_of(actor, pk)
    return Response(BudgetOutput(allowance_of(limit=limit, now=timezone.now())).data)
