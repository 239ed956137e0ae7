"""Shapes of money in JSON."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.money import as_decimal_string
from billing.services.statement_pages import StatementLine
from billing.services.statement_words import GROUPS

MONEY_SCHEMA: Final = {
    "type": "string",
    "pattern": r"^-?\d+\.\d{6}$",
    "example": "0.100834",
    "description": "US dollars with six decimals.",
}


@extend_schema_field(MONEY_SCHEMA)
class MoneyField(serializers.Field[int, Any, str, Any]):
    """µ$ inside, dollars as a string outside: no reader's floating point ever touches an amount."""

    def to_representation(self, value: int) -> str:
        return as_decimal_string(value)


class BalanceOutput(serializers.Serializer[Any]):
    currency = serializers.ChoiceField(choices=["USD"])
    available = MoneyField(help_text="What new clips can be paid with.")
    held = MoneyField(help_text="Set aside for clips that are not finished.")
    total = MoneyField(help_text="Both together.")
    default_clip_price = MoneyField(help_text="A clip of 121 frames without the detail pass.")
    clips_left = serializers.IntegerField(help_text="Default clips that `available` pays for.")


class LedgerQuery(serializers.Serializer[Any]):
    """Filters of the statement; days are not cut: moments are exact."""

    limit = serializers.IntegerField(min_value=1, max_value=200, default=50)
    cursor = serializers.CharField(required=False, help_text="`next_cursor` of the page before.")
    kind = serializers.ChoiceField(
        choices=list(GROUPS),
        required=False,
        help_text="Lines about clips, about credit, or about what was taken back.",
    )
    member = serializers.IntegerField(required=False, min_value=1, help_text="Lines of one member, by id.")
    key = serializers.UUIDField(required=False, help_text="Lines of one API key, by id.")
    project = serializers.UUIDField(required=False, help_text="Lines about clips of one project, by id.")
    created_after = serializers.DateTimeField(required=False)
    created_before = serializers.DateTimeField(required=False)


class LedgerLineOutput(serializers.Serializer[Any]):
    id = serializers.CharField(source="number")
    at = serializers.DateTimeField()
    kind = serializers.CharField(help_text="`hold`, `capture`, `release`, `top_up` and so on.")
    what = serializers.CharField(help_text="The same in words.")
    about = serializers.CharField(help_text="The clip's length, or the reason given.")
    generation = serializers.UUIDField(source="clip", allow_null=True)
    member = serializers.CharField(source="who.person", help_text="Who ordered it.")
    key = serializers.SerializerMethodField()
    project = serializers.CharField(
        allow_null=True, help_text="The name of the project that the clip is for."
    )
    available = MoneyField(help_text="Change of what can be spent.")
    held = MoneyField(help_text="Change of what is set aside for clips.")
    frozen = MoneyField(help_text="Change of what refunds and disputes set aside.")
    balance = MoneyField(
        allow_null=True, help_text="What could be spent afterwards; null where a filter hides it."
    )

    @extend_schema_field(
        {"type": ["string", "null"], "description": "The name of the API key, if one was used."}
    )
    def get_key(self, line: StatementLine) -> str | None:
        return line.who.key or None


class LedgerPage(serializers.Serializer[Any]):
    data = LedgerLineOutput(many=True)  # type: ignore[assignment]  # the framework takes fields off the class
    next_cursor = serializers.CharField(
        allow_null=True, help_text="Null at the end. A page that a filter leaves empty may have a next one."
    )


class UsageQuery(serializers.Serializer[Any]):
    since = serializers.DateField(required=False, help_text="The first day, UTC; 30 days ago if left out.")
    until = serializers.DateField(required=False, help_text="The last day, UTC; today if left out.")


class DayOutput(serializers.Serializer[Any]):
    day = serializers.DateField()
    clips = serializers.IntegerField()
    spent = MoneyField()


class ShareOutput(serializers.Serializer[Any]):
    name = serializers.CharField()
    clips = serializers.IntegerField()
    spent = MoneyField()


class UsageOutput(serializers.Serializer[Any]):
    since = serializers.DateField(source="first")
    until = serializers.DateField(source="last")
    clips = serializers.IntegerField()
    spent = MoneyField()
    days = DayOutput(many=True)
    members = ShareOutput(many=True)
    keys = ShareOutput(many=True)
    projects = ShareOutput(many=True, help_text="Without a name: what belonged to none.")


class ForecastOutput(serializers.Serializer[Any]):
    """All null while there are less than seven days to go by."""

    available = MoneyField(allow_null=True)
    a_day = MoneyField(source="rate", allow_null=True, help_text="Mean of the last `basis_days` whole days.")
    basis_days = serializers.IntegerField(source="basis", allow_null=True)
    days_left = serializers.IntegerField(allow_null=True, help_text="Null also when nothing is spent.")
    runs_out = serializers.DateField(allow_null=True)
    spent_this_month = MoneyField(allow_null=True)
    month_total = MoneyField(allow_null=True, help_text="Expected for the whole month.")
    month_end = serializers.DateField(allow_null=True)
    balance_at_month_end = MoneyField(allow_null=True)
