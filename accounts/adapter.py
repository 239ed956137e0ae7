"""What django-allauth asks us: new people get a personal team at once, and letters tell the time by their clock."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.db import transaction
from django.http import HttpRequest

from accounts import services
from accounts.models import User
from accounts.moments import as_read_by


class AccountAdapter(DefaultAccountAdapter):
    @transaction.atomic
    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        user = super().save_user(request, user, form, commit)
        services.create_personal_team(user)
        return user

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        with as_read_by(user):
            super().send_notification_mail(template_prefix, user, context, email)
