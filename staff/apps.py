"""The staff app."""

from django.apps import AppConfig


class StaffConfig(AppConfig):
    """Django's handle on the app."""

    name = "staff"
