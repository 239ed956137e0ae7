"""What django-allauth asks us about accounts, and what it tells: every event of a sign-in is written down here."""

from typing import Any, Final

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from accounts import addresses, known_browsers, services
from accounts.audit import record
from accounts.models import User
from accounts.moments import as_read_by
from accounts.origin import client_address, valid_address
from accounts.services import sessions
from accounts.services.sign_in_news import tell_of_new_browser
from accounts.sign_in import signed_in_recently
from accounts.waits import in_words, seconds_to_wait

TOO_MANY: Final = "too_many_login_attempts"
NO_ADDRESS: Final = "0.0.0.0"  # noqa: S104  # stands for an unknown caller; nothing listens there

# What the person is told by e-mail, by its template -> what is written down.
TOLD: Final = {
    "account/email/password_changed": "user.password_changed",
    "account/email/password_set": "user.password_set",
    "account/email/password_reset": "user.password_reset",
    "account/email/email_changed": "user.address_changed",
    "account/email/email_confirm": "user.address_confirmed",
    "account/email/email_deleted": "user.address_removed",
    "mfa/email/totp_activated": "user.app_added",
    "mfa/email/totp_deactivated": "user.app_removed",
    "mfa/email/webauthn_added": "user.passkey_added",
    "mfa/email/webauthn_removed": "user.passkey_removed",
    "mfa/email/recovery_codes_generated": "user.codes_made",
    "socialaccount/email/account_connected": "user.provider_connected",
    "socialaccount/email/account_disconnected": "user.provider_disconnected",
}
# After these, whoever else is signed in as this person is out.
ENDS_SESSIONS: Final = frozenset(
    event for event in TOLD.values() if event.startswith(("user.password", "user.app", "user.passkey"))
) | {"user.codes_made"}


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "The e-mail address or the password is wrong.",
        "incorrect_password": "This is not your password.",
        "incorrect_code": "This is not the right code. Use the one in the newest e-mail.",
        "rate_limited": "A code was sent just now. Wait half a minute before you ask for another.",
    }

    @transaction.atomic
    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        user = super().save_user(request, user, form, commit)
        record("user.signed_up", by=user, about=user)
        services.create_personal_team(user)
        return user

    def clean_email(self, email: str) -> str:
        return addresses.refuse_look_alikes(super().clean_email(email))

    def get_client_ip(self, request: HttpRequest) -> str:
        """By the rule of the audit log. allauth's own ends in an error when fewer proxies noted something."""
        return valid_address(client_address(request)) or NO_ADDRESS

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """A sign-in proves as much as the second proof that allauth would ask for right after it."""
        asked = bool(super().is_reauthentication_required(app=app, **kwargs))
        return asked and not signed_in_recently(self.request)

    # -- what happened

    def login(self, request: HttpRequest, user: User) -> None:
        super().login(request, user)
        record("user.signed_in", by=user, about=user, new={"with": sessions.proofs_of(request, user)})

    def post_login(self, request: HttpRequest, user: User, **how: Any) -> HttpResponse:
        """Only here is somebody signed in who has proven it, so nothing of this tells strangers who has an account."""
        response: HttpResponse = super().post_login(request, user, **how)
        if not known_browsers.is_known(request, user):
            tell_of_new_browser(
                user=user,
                user_agent=request.headers.get("User-Agent", ""),
                address=valid_address(client_address(request)),
                now=timezone.now(),
            )
        known_browsers.remember(request, response, user)
        return response

    def logout(self, request: HttpRequest) -> None:
        if isinstance(request.user, User):
            record("user.signed_out", by=request.user, about=request.user)
        super().logout(request)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Written down for unknown addresses too: for staff to see, and so that both take the same time.

        What was typed is not kept: people type passwords into the wrong field.
        """
        user = User.objects.filter(email__iexact=credentials.get("email", "")).first()
        record("user.sign_in_failed", by=None, about=user, name="" if user else "an unknown address")

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Whatever allauth tells a person is written down, and what changes how they sign in ends other sessions."""
        event = TOLD[template_prefix]
        with transaction.atomic():
            record(event, by=user, about=user)
            if event in ENDS_SESSIONS:
                sessions.end_other_sessions(user, keep=sessions.key_of(self.request, user))
        with as_read_by(user):
            super().send_notification_mail(template_prefix, user, context, email)

    # -- too many attempts

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError as error:
            if error.code != TOO_MANY:
                raise
            raise self._too_many(self._get_login_attempts_cache_key(request, **credentials)) from error

    def validation_error(self, code: str, *args: Any) -> ValidationError:
        """Codes of second factors are counted for the person whose sign-in waits for one."""
        if code != TOO_MANY:
            return super().validation_error(code, *args)
        stage = getattr(self.request, "_login_stage", None)
        user = stage.login.user if stage else self.request.user
        return self._too_many(f"mfa-auth-user-{user.pk}")

    def _too_many(self, key: str) -> ValidationError:
        wait = seconds_to_wait(self.request, action="login_failed", key=key)
        return ValidationError(f"Too many attempts. Try again {in_words(wait)}.", code=TOO_MANY)

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return _invitation(request) or super().get_login_redirect_url(request)

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        return _invitation(request) or super().get_signup_redirect_url(request)


def _invitation(request: HttpRequest) -> str:
    """Where the invitation stands that somebody came with, or that waits for an address they have proven by now: the
    e-mail's link may have been opened in another browser than the one they sign up in. Empty without one."""
    if "invitation" not in request.session and isinstance(request.user, User):
        waiting = services.invitation_for(request.user, now=timezone.now())
        if waiting is not None:
            request.session["invitation"] = waiting.token_hash
    return reverse("accounts:invitation") if "invitation" in request.session else ""
