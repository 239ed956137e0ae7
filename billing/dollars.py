"""A form field for amounts of money."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from billing.money import as_decimal_string, parse_dollars


class DollarField(forms.CharField):
    """Dollars as people write them ("0.20", "$1,000"); cleaned to µ$."""

    default_error_messages = {"required": "Write an amount of dollars, such as 2.50."}

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "placeholder": "0.00"})
        super().__init__(max_length=20, widget=widget, **options)

    def to_python(self, value: object) -> Any:
        text = super().to_python(value)
        if not text:
            return text
        try:
            return parse_dollars(text)
        except ValueError as error:
            raise ValidationError(str(error), code="invalid") from error

    def prepare_value(self, value: Any) -> Any:
        """µ$ as an amount without needless zeros, at least cents."""
        if not isinstance(value, int):
            return value
        whole, _, part = as_decimal_string(value).partition(".")
        return f"{whole}.{part.rstrip('0').ljust(2, '0')}"

    def has_changed(self, initial: Any, data: Any) -> bool:
        return True
