"""`/clinic/`: people who sign in, and who looked at what."""

from collections.abc import Callable

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client

from accounts.models import User
from audit.models import AuditEvent
from booking.models import Appointment
from staff.history import WORDS
from staff.views.clinic import KINDS
from tests.factories import proven


@pytest.fixture
def lead(clinic: object, lead_user: User, signed_in: Callable[[User], Client]) -> Client:
    """The clinic lead's browser."""
    return signed_in(lead_user)


def test_people_are_listed_with_role_and_second_step(lead: Client, reception: User, physician: User) -> None:
    TOTP.activate(reception, "JBSWY3DPEHPK3PXP")
    for person in (reception, physician):
        person.set_password("a long and quiet river")
        person.save()
    page = lead.get("/clinic/people/").content.decode()
    assert "Reception · miller@tn.example · second step on" in page
    assert "Physician · osei@tn.example · no second step yet" in page


def test_access_ends_with_a_button(lead: Client, reception: User, signed_in: Callable[[User], Client], lead_user: User) -> None:
    theirs = signed_in(reception)
    assert lead.post(f"/clinic/people/{reception.pk}/", {"do": "end"}).status_code == 303
    assert theirs.get("/desk/")["Location"].startswith("/staff/login/")
    event = AuditEvent.objects.get(action="accounts.access_ended")
    assert (event.actor_id, event.object_id) == (lead_user.pk, reception.pk)
    assert lead.post(f"/clinic/people/{reception.pk}/", {"do": "end"}).status_code == 303


def test_a_lost_phone_is_reset_with_a_button(lead: Client, reception: User) -> None:
    TOTP.activate(reception, "JBSWY3DPEHPK3PXP")
    proven(lead).post(f"/clinic/people/{reception.pk}/", {"do": "reset"})
    assert not reception.authenticator_set.exists()


def test_the_log_says_who_opened_whose_record(
    lead: Client, reception: User, signed_in: Callable[[User], Client], appointment: Appointment
) -> None:
    signed_in(reception).get(f"/desk/patient/{appointment.patient.public_id}/")
    lines = lead.get(f"/clinic/access-log/?who={reception.pk}&kind=records").context["lines"]
    assert [(who, what, patient.full_name) for _at, who, what, patient in lines] == [
        ("Joanne Miller", "Record opened", "Maya Chowdhury")
    ]


def test_the_log_can_be_paged(lead: Client) -> None:
    for _n in range(101):
        lead.get("/clinic/access-log/")
    page = lead.get("/clinic/access-log/")
    assert len(page.context["lines"]) == 100
    assert len(lead.get("/clinic/access-log/?" + page.context["more"]).context["lines"]) == 2


@pytest.mark.parametrize("query", ["who=x", "kind=x", "date=x", "before=x", "who=99999999999999999999", "date=9999-12-31"])
def test_odd_filters_count_as_none(lead: Client, query: str) -> None:
    assert lead.get(f"/clinic/access-log/?{query}").status_code == 200


@pytest.mark.parametrize("path", ["/clinic/", "/clinic/people/", "/clinic/access-log/"])
def test_only_the_clinic_lead_sees_it(
    clinic: object, reception: User, physician: User, signed_in: Callable[[User], Client], lead: Client, path: str
) -> None:
    assert lead.get(path).status_code == 200
    assert signed_in(reception).get(path).status_code == 404
    assert signed_in(physician).get(path).status_code == 404


def test_every_look_of_somebody_who_works_here_is_under_one_of_the_filters_of_the_log() -> None:
    """Who asks for "Answers read" sees the photos that were looked at, too."""
    looks = {action for action in WORDS if action.endswith("_read") or action.startswith("accounts.") or action == "intake.read"}
    looks = {action for action in looks if not action.startswith("portal.")} - {"accounts.clinic_saved"}
    filtered = [action for actions in KINDS.values() for action in actions]
    assert looks - set(filtered) == set()
    assert len(filtered) == len(set(filtered))
    assert set(filtered) <= set(WORDS)
