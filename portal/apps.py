"""The portal app."""

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Django's handle on the app."""

    name = "portal"
