"""Shapes of money in JSON."""

from typing import Any, Final

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.money import as_decimal_string

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
