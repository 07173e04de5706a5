"""The intake app."""

from django.apps import AppConfig


class IntakeConfig(AppConfig):
    """Django's handle on the app."""

    name = "intake"

    def ready(self) -> None:
        """Register the checks."""
        from intake import checks  # noqa: F401
