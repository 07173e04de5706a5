"""Create the pages every clinic needs."""

from typing import Any

from django.core.management.base import BaseCommand

from accounts import clock
from articles.actions import create_site
from audit.actor import Actor


class Command(BaseCommand):
    """`manage.py create_site`: home, articles, physicians, fees, contact, privacy, disclaimer, accessibility."""

    help = "Create the public pages that are missing. Pages that exist are left as they are."

    def handle(self, *args: Any, **options: Any) -> None:
        """Create what is missing."""
        made = create_site(by=Actor.system(), now=clock.now())
        for page in made:
            self.stdout.write(f"created  page {page.title}")
        if not made and options["verbosity"]:
            self.stdout.write("Nothing to change.")
