"""Application configuration of the site itself."""

from django.apps import AppConfig
from django.contrib.staticfiles.apps import StaticFilesConfig as DjangoStaticFilesConfig


class PlatformConfig(AppConfig):
    name = "ltxplatform"
    default = True  # without it Django finds two configurations here and silently uses none
    verbose_name = "Platform"

    def ready(self) -> None:
        # Imported for their registration with Django's check framework.
        from ltxplatform import checks  # noqa: F401


class StaticFilesConfig(DjangoStaticFilesConfig):
    # htmx's unminified builds carry comments that look like module imports to the hashing storage.
    ignore_patterns = [*DjangoStaticFilesConfig.ignore_patterns, "hx-*-2.js"]
