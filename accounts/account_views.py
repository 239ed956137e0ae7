"""Pages of django-allauth that need more than allauth asks for."""

from allauth.account.views import password_set as _password_set
from allauth.socialaccount.views import connections as _connections

from accounts.http import recent_sign_in

# Without this, whoever finds a browser open could give an account without a password one of their own.
password_set = recent_sign_in(_password_set)

# Connecting a provider adds a way in, and disconnecting takes one.
provider_connections = recent_sign_in(_connections)
