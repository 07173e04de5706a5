"""The accounts app."""

from django.apps import AppConfig

from accounts import wording


class AccountsConfig(AppConfig):
    """Django's handle on the app."""

    name = "accounts"

    def ready(self) -> None:
        """Django's fields speak in our words."""
        wording.reword()
