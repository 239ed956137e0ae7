"""What django-allauth asks us about second factors."""

from typing import Any

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator

from accounts.encryption import decrypt, encrypt
from accounts.models import User


class FactorAdapter(DefaultMFAAdapter):
    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This code did not work. Each code works once, for half a minute: try the next one.",
        "unverified_email": "Confirm your e-mail address before you add a second factor.",
        "cannot_generate_recovery_codes": "Add a passkey or an authenticator app first.",
    }

    def encrypt(self, text: str) -> str:
        """Secrets of apps and codes: a copy of the database alone opens nothing."""
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return decrypt(encrypted_text)

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        number = Authenticator.objects.filter(user=user, type=type).count() + 1
        return f"Passkey {number}" if number > 1 else "Passkey"

    def get_public_key_credential_rp_entity(self) -> dict[str, Any]:
        return {"id": context.request.get_host().partition(":")[0], "name": "ltxplatform"}
