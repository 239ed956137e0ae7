"""Sign-up with a password: the same work for a known address as for a new one."""

from allauth.account.forms import SignupForm
from django.http import HttpRequest, HttpResponse

from accounts.models import User


class SignUpForm(SignupForm):
    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """For a known address nothing is made and its owner gets an e-mail; the clock must not tell."""
        password = self.cleaned_data.get("password1")
        if self.account_already_exists and password:
            User().set_password(password)
        return super().try_save(request)
