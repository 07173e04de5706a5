"""booking.actions.change_contact: who reads the old address cannot open the visit any more."""

from accounts import clock
from audit.actor import Actor
from booking import actions
from booking.links import find_visit, token_of


def change(visit, desk, **fields):
    now = {"email": visit.patient.email, "mobile": visit.patient.e164, "reminder_by": "email", "voicemail_ok": False}
    return actions.change_contact(visit.patient, **now | fields, by=Actor.staff(desk), now=clock.now())


def test_a_new_address_makes_a_new_link_and_the_old_one_is_dead(appointment, reception):
    old = token_of(appointment)
    change(appointment, reception, email="new@example.com")
    appointment.refresh_from_db()
    assert find_visit(old, now=clock.now()) is None
    assert find_visit(token_of(appointment), now=clock.now()) == appointment


def test_another_way_of_reminding_keeps_the_link(appointment, reception):
    old = token_of(appointment)
    change(appointment, reception, reminder_by="text")
    assert find_visit(old, now=clock.now()) == appointment
