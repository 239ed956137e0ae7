"""What people fill in to buy credit. The rules of amounts are in services."""

from uuid import uuid4

from django import forms

from billing.money import MICROS, parse_dollars


class BuyForm(forms.Form):
    """A pack by its button, or an amount of one's own; the form's own key stands against double clicks."""

    form_key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid4)
    pack = forms.CharField(required=False, max_length=40)
    amount = forms.CharField(label="Another amount ($)", required=False, max_length=40)
    keep_card = forms.BooleanField(
        label="Keep the card at Stripe for automatic top-up",
        required=False,
        help_text="It is charged without you only once you switch automatic top-up on. You can remove it at any time.",
    )

    def chosen_amount(self) -> str:
        """Dollars as written: the pack that was pressed, else what was typed."""
        return str(self.cleaned_data["pack"] or self.cleaned_data["amount"])


class RechargeForm(forms.Form):
    """When to buy by itself, how much, and how much in a month at most; in dollars."""

    threshold = forms.CharField(label="When the balance falls below", max_length=20)
    credit = forms.CharField(label="Buy", max_length=20)
    monthly_cap = forms.CharField(label="Monthly maximum", max_length=20)
    agreed = forms.BooleanField(
        label="I allow these purchases with the saved card, without being asked each time", required=False
    )

    def _dollars(self, name: str) -> int:
        try:
            return parse_dollars(self.cleaned_data[name])
        except ValueError:
            raise forms.ValidationError("Write an amount in US dollars, such as 20.") from None

    def clean_threshold(self) -> int:
        return self._dollars("threshold")

    def clean_credit(self) -> int:
        return self._dollars("credit")

    def clean_monthly_cap(self) -> int:
        return self._dollars("monthly_cap")


def recharge_initial(threshold: int, credit: int, monthly_cap: int) -> dict[str, str]:
    """µ$ as the form's whole dollars and cents."""
    return {
        "threshold": _plain(threshold),
        "credit": _plain(credit),
        "monthly_cap": _plain(monthly_cap),
    }


def _plain(amount: int) -> str:
    whole, part = divmod(amount, MICROS)
    return f"{whole}.{part // 10_000:02d}" if part else str(whole)
