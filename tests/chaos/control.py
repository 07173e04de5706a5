"""Two ways to send that lose or repeat messages: what `make chaos` must be able to see.

naive   a Celery task per message, acknowledged late, as in most Django projects: FLUSHALL loses it, kill -9 repeats it
bulk    claim a batch, send it, mark it all at the end: kill -9 in between repeats what was sent
"""

import os
import smtplib
import time
from email.message import EmailMessage

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


def mail(address: str, key: str) -> None:
    """One mail, on a connection of its own, to the chaos run's server."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"], message["Message-ID"] = "a@tn.example", address, "Your code", f"<{key}@x>"
    message.set_content("Your code is 481 207.")
    with smtplib.SMTP("127.0.0.1", int(os.environ["EMAIL_PORT"]), timeout=10) as smtp:
        smtp.send_message(message)


def bulk() -> None:
    """Forever: take fifty, send fifty, mark fifty."""
    import django

    django.setup()
    from django.db import DatabaseError, connection, transaction

    from patients.models import ContactCode

    while True:
        try:
            with transaction.atomic():
                due = ContactCode.objects.filter(announced=0, channel="email").select_for_update(skip_locked=True)[:50]
                codes = list(due)
                for code in codes:
                    mail(code.address, str(code.public_id))
                ContactCode.objects.filter(pk__in=[c.pk for c in codes]).update(announced=1)
            if not codes:
                time.sleep(0.5)
        except (DatabaseError, OSError):
            connection.close()
            time.sleep(0.5)


if __name__ == "__main__":
    bulk()
else:
    from celery import Celery

    app = Celery("control", broker=os.environ.get("REDIS_URL"))
    app.conf.update(
        task_acks_late=True, task_reject_on_worker_lost=True, worker_prefetch_multiplier=4,
        broker_transport_options={"visibility_timeout": 10},
    )  # fmt: skip

    @app.task(name="control.send", autoretry_for=(OSError,), retry_backoff=1, max_retries=20)
    def send(address: str, key: str) -> None:
        """One message, one task."""
        mail(address, key)
