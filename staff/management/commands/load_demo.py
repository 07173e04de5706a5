"""manage.py load_demo: the demo clinic, its people, visits, answers and articles. Safe to run again."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

import articles.demo
import booking.demo
import intake.demo
import notifications.demo
from accounts import clock
from accounts.models import Role, User
from audit.actor import Actor
from booking.models import Appointment, Practitioner
from intake.actions import claim_review, publish_all

PASSWORD = "true north demo"  # noqa: S105
STAFF = [
    ("joanne@tn.example", "Joanne Miller", Role.RECEPTION, None),
    ("osei@tn.example", "Dr. Amara Osei", Role.PHYSICIAN, "amara-osei"),
    ("raman@tn.example", "Dr. Priya Raman", Role.PHYSICIAN, "priya-raman"),
    ("marchetti@tn.example", "Dr. Lena Marchetti", Role.PHYSICIAN, "lena-marchetti"),
    ("lead@tn.example", "Robin Lead", Role.LEAD, None),
]


class Command(BaseCommand):
    """Load the demo clinic once."""

    help = "Load the demo clinic: people, visits in every status, answers, articles. Only with DEMO=1; safe to run again."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        """Load what is missing and print the sign-ins."""
        if not (settings.DEMO or settings.DEBUG):
            raise CommandError("The demo clinic is loaded only with DEMO=1.")
        now = clock.now()
        made = booking.demo.load(now)
        publish_all(by=Actor.system(), now=now)
        for email, name, role, slug in STAFF:
            user = User.objects.filter(email=email).first()
            if user is None:
                user = User.objects.create_user(email, PASSWORD, name=name, role=role)
            if slug:
                Practitioner.objects.filter(slug=slug, user=None).update(user=user)
        if made.created:
            responses = intake.demo.load([visit.patient for visit in made.next_first_visits if visit.patient], now=now)
            returning = made.next_first_visits[0].patient if made.next_first_visits else None
            if returning:
                intake.demo.review(returning, User.objects.get(email="raman@tn.example"), now=now)
            physicians = [Practitioner.objects.get(pk=visit.practitioner_id).user for visit in made.next_first_visits]
            if len(responses) > 1 and responses[1] is not None:  # one of the queue is in its physician's hands
                claim_review(responses[1], by=Actor.staff(physicians[1]), now=now)
            intake.demo.decide(responses, physicians, now=now)
            for user in User.objects.filter(email__in=["osei@tn.example", "raman@tn.example"]):
                intake.demo.write_snippets(user, now=now)
            for visit, response in zip(made.next_first_visits, responses, strict=True):
                Appointment.objects.filter(pk=visit.pk).update(response=response)
            notifications.demo.load(made.told, now=now)
        articles.demo.load(now)
        if made.created:
            articles.demo.came_from()
        for email, name, role, _slug in STAFF:
            self.stdout.write(f"{Role(role).label:12} {email:24} {PASSWORD}   {name}")
