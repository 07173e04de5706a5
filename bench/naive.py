"""The design that `make bench` compares the drain with: a Celery task for each message, as in most Django projects.

It reads its row and what the letter is about, writes the same words with the same templates, opens an SMTP connection of its own
as `EmailMessage.send()` does, and marks its row. It asks nothing again before it sends, and notes nothing while it does: what
that costs patients is shown by the controls of `make chaos`.
"""

from config.celery import app


@app.task(name="bench.send_one")
def send_one(pk: int) -> None:
    """One message."""
    from accounts import clock
    from booking.models import Appointment
    from notifications.channels import build_mail
    from notifications.letters import Facts, Letter, compose
    from notifications.models import Delivery

    delivery = Delivery.objects.select_related("message").get(pk=pk)
    visit = Appointment.objects.select_related("patient", "helper", "practitioner", "service", "response").get(
        pk=delivery.message.subject_id
    )
    now = clock.now()
    letter = compose(delivery, Facts(visits={visit.pk: visit}), texts_work=False, now=now)
    assert isinstance(letter, Letter)
    build_mail(delivery, letter).send()
    Delivery.objects.filter(pk=pk).update(state="accepted", sent_at=now, updated_at=now)
