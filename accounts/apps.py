from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "People and teams"

    def ready(self) -> None:
        from accounts import sign_in  # noqa: PLC0415, RUF100  # needs the models

        sign_in.connect()
