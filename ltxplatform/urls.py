"""Every address of the site. New ones join the URL walk of the tests."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from ltxplatform import health, views

admin.autodiscover()  # here, so that only processes that serve pages load them

platform_urls = (
    [
        path("", views.home, name="home"),
        path("styleguide/", views.styleguide, name="styleguide"),
        path("health", health.health, name="health"),
        path("ready", health.ready, name="ready"),
    ],
    "platform",
)

handler500 = "ltxplatform.views.server_error"

urlpatterns = [
    path("", include(platform_urls)),
    path("", include("billing.urls")),
    path("", include("accounts.urls")),
    path("", include("generations.urls")),
    path("", include("ltxplatform.data_rights.urls")),
    path("accounts/", include("allauth.urls")),
    path("api/", include("ltxplatform.api_urls")),
    path(f"{settings.ADMIN_PATH}/", admin.site.urls),
]
