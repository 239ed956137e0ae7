"""A form field for amounts of money."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from billing.money import as_decimal_string, parse_dollars


class DollarField(forms.Field):
    """Dollars as people write them ("0.20", "$1,000"); cleaned to µ$."""

    default_error_messages = {"required": "Write an amount of dollars, such as 2.50."}

    def __init__(self, **options: Any) -> None:
        attrs = {"inputmode": "decimal", "autocomplete": "off", "placeholder": "0.00", "maxlength": "20"}
        super().__init__(widget=forms.TextInput(attrs=attrs), **options)

    def to_python(self, value: object) -> int | None:
        text = str(value or "").strip()
        if not text:
            return None
        try:
            return parse_dollars(text[:40])
        except ValueError as error:
            raise ValidationError(str(error), code="invalid") from error

    def prepare_value(self, value: Any) -> Any:
        """µ$ as an amount without needless zeros, at least cents."""
        if not isinstance(value, int):
            return value
        whole, _, part = as_decimal_string(value).partition(".")
        return f"{whole}.{part.rstrip('0').ljust(2, '0')}"
