"""Every address of the site. New ones join the URL walk of the tests."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from accounts.account_views import password_set, provider_connections
from accounts.security_views import to_security
from ltxplatform import health, views

admin.autodiscover()  # here, so that only processes that serve pages load them

platform_urls = (
    [
        path("", views.home, name="home"),
        path("styleguide/", views.styleguide, name="styleguide"),
        path("styleguide/emails/", views.emails, name="emails"),
        path("styleguide/emails/<path:name>/", views.email_page, name="email"),
        path("health", health.health, name="health"),
        path("ready", health.ready, name="ready"),
    ],
    "platform",
)

# Pages of django-allauth that ours stand for, under its names, so that its own links lead here.
instead_of_allauth = [
    path("accounts/password/set/", password_set, name="account_set_password"),
    path("accounts/3rdparty/", provider_connections, name="socialaccount_connections"),
    path("accounts/2fa/", to_security, name="mfa_index"),
    path("accounts/2fa/webauthn/", to_security, name="mfa_list_webauthn"),
    path("accounts/sessions/", to_security, name="usersessions_list"),
]

# What "allauth.urls" holds, without the addresses of former versions.
allauth_urls = [
    path("", include("allauth.account.urls")),
    path("2fa/", include("allauth.mfa.urls")),
    path("3rdparty/", include("allauth.socialaccount.urls")),
    path("", include("allauth.socialaccount.providers.openid_connect.urls")),
]

handler429 = "ltxplatform.views.too_many"
handler500 = "ltxplatform.views.server_error"

urlpatterns = [
    path("", include(platform_urls)),
    path("", include("billing.urls")),
    path("", include("accounts.urls")),
    path("", include("generations.urls")),
    *instead_of_allauth,
    path("", include("ltxplatform.data_rights.urls")),
    path("accounts/", include(allauth_urls)),
    path("api/", include("ltxplatform.api_urls")),
    path(f"{settings.ADMIN_PATH}/", admin.site.urls),
]
