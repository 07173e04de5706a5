"""The patients app."""

from django.apps import AppConfig


class PatientsConfig(AppConfig):
    """Django's handle on the app."""

    name = "patients"
