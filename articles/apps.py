"""The articles app."""

from django.apps import AppConfig


class ArticlesConfig(AppConfig):
    """Django's handle on the app."""

    name = "articles"
