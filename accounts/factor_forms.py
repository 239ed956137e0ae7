"""Shapes of what people send about their second factors."""

from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms


class AddPasskeyForm(AddWebAuthnForm):
    name = forms.CharField(
        label="Name",
        required=False,
        max_length=100,
        help_text="Where it is kept, for example: phone, laptop, security key.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    passwordless = forms.BooleanField(
        label="Sign in with it alone",
        required=False,
        initial=True,
        help_text="Without a password. The device asks for your fingerprint, face or PIN instead.",
    )
