from django.apps import AppConfig


class BackupsConfig(AppConfig):
    """Backups: commands only."""

    name = "backups"
