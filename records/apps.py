from django.apps import AppConfig


class RecordsConfig(AppConfig):
    """Records: verbs only."""

    name = "records"
