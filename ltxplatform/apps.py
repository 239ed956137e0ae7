"""Application configuration of the site itself."""

import gc
import os

from django.apps import AppConfig
from django.contrib.staticfiles.apps import StaticFilesConfig as DjangoStaticFilesConfig


class PlatformConfig(AppConfig):
    name = "ltxplatform"
    default = True  # without it Django finds two configurations here and silently uses none
    verbose_name = "Platform"

    def ready(self) -> None:
        # Imported for their registration with Django's check framework.
        from ltxplatform import checks  # noqa: F401

        os.register_at_fork(before=keep_memory_shared)


class StaticFilesConfig(DjangoStaticFilesConfig):
    # htmx's unminified builds carry comments that look like module imports to the hashing storage.
    ignore_patterns = [*DjangoStaticFilesConfig.ignore_patterns, "hx-*-2.js"]


def keep_memory_shared() -> None:
    """Take everything there is out of the garbage collector's reach before a fork.

    Its walks write to the objects they visit, so that each worker would soon have a copy of its own.
    """
    gc.collect()
    gc.freeze()
