"""What happened to a person's way in, in words they understand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from accounts.models import AuditEvent, User

# Action -> words and tone.
WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "user.signed_up": ("Account created", "info"),
    "user.signed_in": ("Signed in", "good"),
    "user.sign_in_failed": ("Sign-in failed", "warn"),
    "user.signed_out": ("Signed out", "info"),
    "user.session_ended": ("Another browser signed out", "info"),
    "user.other_sessions_ended": ("All other browsers signed out", "info"),
    "user.password_changed": ("Password changed", "warn"),
    "user.password_set": ("Password set", "warn"),
    "user.password_reset": ("Password reset by e-mail", "warn"),
    "user.address_changed": ("Main address changed", "warn"),
    "user.address_confirmed": ("Address confirmed", "info"),
    "user.address_removed": ("Address removed", "warn"),
    "user.app_added": ("Authenticator app added", "info"),
    "user.app_removed": ("Authenticator app removed", "warn"),
    "user.passkey_added": ("Passkey added", "info"),
    "user.passkey_removed": ("Passkey removed", "warn"),
    "user.codes_made": ("Recovery codes created", "info"),
    "user.factors_removed": ("Second factors removed by staff", "warn"),
    "user.provider_connected": ("Sign-in provider connected", "warn"),
    "user.provider_disconnected": ("Sign-in provider disconnected", "warn"),
}
PROOFS: Final[Mapping[str, str]] = {
    "password": "password",
    "totp": "authenticator app",
    "webauthn": "passkey",
    "recovery_codes": "recovery code",
    "code": "code by e-mail",
    "socialaccount": "sign-in provider",
}


@dataclass(frozen=True, slots=True)
class SignInEvent:
    at: datetime
    label: str
    tone: str
    note: str


def recent_events(user: User, *, most: int) -> list[SignInEvent]:
    """The newest `most` of them, newest first; failed attempts of unknown callers too."""
    rows = AuditEvent.objects.filter(object_type="user", object_id=str(user.pk), action__in=WORDS)
    return [
        SignInEvent(
            row.at, *WORDS[row.action], note=" · ".join(filter(None, [_with(row), row.address or ""]))
        )
        for row in rows.order_by("-id")[:most]
    ]


def _with(row: AuditEvent) -> str:
    proofs = dict.fromkeys(PROOFS.get(proof, proof) for proof in row.new.get("with", []))
    return f"with {' and '.join(proofs)}" if proofs else ""
