"""The intake app."""

from django.apps import AppConfig


class IntakeConfig(AppConfig):
    """Django's handle on the app."""

    name = "intake"
