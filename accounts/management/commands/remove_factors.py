"""`manage.py remove_factors ADDRESS --reason "..."`: for somebody who lost phone, passkeys and recovery codes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import User
from accounts.services.second_factors import remove_factors


class Command(BaseCommand):
    help = "Remove all second factors from an account, end its sessions and e-mail its owner."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", help="the account's e-mail address")
        parser.add_argument(
            "--reason", required=True, help="who asked, and how you know that it was the owner"
        )

    def handle(self, *args: Any, address: str, reason: str, **options: Any) -> None:
        user = User.objects.filter(email__iexact=address).first()
        if user is None:
            raise CommandError(f"Nobody has the address {address}.")
        removed = remove_factors(user=user, reason=reason)
        self.stdout.write(f"{removed} removed. {user.email} signs in without a second factor now.")
