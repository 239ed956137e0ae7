"""The staff site's door: sign-in happens on the site's own pages, with their rate limits."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin

# Django's own form would take any number of guesses.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.index_title = "Staff"
