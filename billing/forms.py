"""What the price calculator asks."""

from decimal import ROUND_CEILING, Decimal

from django import forms

from billing.services.pricing import FRAMES_PER_BILLED_SECOND

MAX_FRAMES = 1441


class PriceForm(forms.Form):
    """A length in seconds or frames; `frames()` is what is billed."""

    length = forms.DecimalField(
        label="Length", min_value=Decimal("0.01"), max_digits=8, decimal_places=4, initial=121
    )
    unit = forms.ChoiceField(
        label="Counted in",
        choices=[("frames", "Frames"), ("seconds", "Seconds")],
        initial="frames",
        widget=forms.RadioSelect,
    )
    detail = forms.BooleanField(label="Detail pass, doubles the price", required=False)

    def clean(self) -> None:
        super().clean()
        if "length" in self.cleaned_data and "unit" in self.cleaned_data and self.frames() > MAX_FRAMES:
            self.add_error("length", "A clip has at most 1,441 frames, which is 60.04 seconds.")

    def frames(self) -> int:
        """Whole frames: a part of a frame counts as one."""
        length: Decimal = self.cleaned_data["length"]
        if self.cleaned_data["unit"] == "seconds":
            length *= FRAMES_PER_BILLED_SECOND
        return int(length.to_integral_value(rounding=ROUND_CEILING))
