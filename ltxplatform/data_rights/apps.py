from django.apps import AppConfig


class DataRightsConfig(AppConfig):
    name = "ltxplatform.data_rights"
    label = "data_rights"
    default_auto_field = "django.db.models.BigAutoField"
    verbose_name = "Data rights"
