"""The booking app."""

from django.apps import AppConfig


class BookingConfig(AppConfig):
    """Django's handle on the app."""

    name = "booking"
