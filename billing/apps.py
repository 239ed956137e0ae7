from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        # Models can be imported from here on only.
        from accounts import spending
        from billing.services.usage import spent_by_members

        spending.register(spent_by_members)
