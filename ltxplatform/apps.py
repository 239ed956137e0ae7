"""Application configuration of the site itself."""

import gc
import os
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.contrib.staticfiles.apps import StaticFilesConfig as DjangoStaticFilesConfig
from django.core.checks import CheckMessage, Tags, register


class PlatformConfig(AppConfig):
    name = "ltxplatform"
    default = True  # without it Django finds two configurations here and silently uses none
    verbose_name = "Platform"

    def ready(self) -> None:
        # Imported for their registration with Django's check framework.
        from ltxplatform import checks  # noqa: F401

        os.register_at_fork(before=keep_memory_shared)


class AdminConfig(SimpleAdminConfig):
    """The staff site without its screens: they are loaded with the site's addresses (urls.py).

    They import nearly everything there is. Workers, the poller and the live process serve no pages, and start in
    half the time and with a third less memory without.
    """

    def ready(self) -> None:
        register(check_dependencies, Tags.admin)
        register(check_staff_screens, Tags.admin)


def check_staff_screens(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[CheckMessage]:
    """Django's own check of the screens, once they are there."""
    import_module(settings.ROOT_URLCONF)
    return check_admin_app(app_configs, **options)


class StaticFilesConfig(DjangoStaticFilesConfig):
    # htmx's unminified builds carry comments that look like module imports to the hashing storage.
    ignore_patterns = [*DjangoStaticFilesConfig.ignore_patterns, "hx-*-2.js"]


def keep_memory_shared() -> None:
    """Take everything there is out of the garbage collector's reach before a fork.

    Its walks write to the objects they visit, so that each worker would soon have a copy of its own.
    """
    gc.collect()
    gc.freeze()
