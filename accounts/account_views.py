"""Pages of django-allauth that need more than allauth asks for."""

from allauth.account.views import password_set as _password_set

from accounts.http import recent_sign_in

# Without this, whoever finds a browser open could give an account without a password one of their own.
password_set = recent_sign_in(_password_set)
