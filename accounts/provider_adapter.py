"""What django-allauth asks us about people who come from an OpenID provider."""

from typing import Any

from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.db import transaction
from django.http import HttpRequest

from accounts import services
from accounts.audit import record
from accounts.models import User


class ProviderAdapter(DefaultSocialAccountAdapter):
    def authenticate_by_email(self, sociallogin: SocialLogin) -> tuple[User, str] | None:
        """Only what is literally true counts as verified: some providers send the word "false"."""
        for address in sociallogin.email_addresses:
            address.verified = address.verified is True
        return super().authenticate_by_email(sociallogin)

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        user.name = (data.get("name") or "")[:150]
        return user

    @transaction.atomic
    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> User:
        """With a form, the account's own adapter makes the team."""
        user: User = super().save_user(request, sociallogin, form)
        if form is None:
            record("user.signed_up", by=user, about=user)
            services.create_personal_team(user)
        return user
