"""django-q2 entry points of billing: harmless when run twice or late."""

from django.utils import timezone

from billing import services


def end_what_is_over(**_: object) -> None:
    """Credit whose time is up, and quotes."""
    services.expire_overdue_lots(now=timezone.now())
    services.forget_quotes(now=timezone.now())
