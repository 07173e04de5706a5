"""/me/sign-in/: a code to the contact on file and the date of birth open the account; nothing less does."""

from datetime import date, timedelta

import pytest
from django.http import Http404
from django.test import Client

from accounts import limits
from accounts.models import User
from accounts.signin import end_sessions
from audit.models import AuditEvent
from booking.links import token_of
from booking.models import Appointment
from booking.views.step import TRIES_PER_CLIENT
from notifications import planner
from notifications.models import Delivery
from patients.models import ContactCode, Patient
from portal import access
from tests.factories import WEDNESDAY
from tests.portal.conftest import BORN, signs_in, typed


def signed_in(client):
    return client.get("/me/").status_code == 200


def test_a_code_and_the_date_of_birth_open_the_account(patient):
    client = signs_in()
    assert "Hello Maya" in client.get("/me/").content.decode()
    patient.refresh_from_db()
    assert (patient.user.role, patient.user.has_usable_password()) == ("patient", False)
    assert patient.email_checked_at == WEDNESDAY
    event = AuditEvent.objects.get(action="accounts.signed_in")
    assert (event.actor_kind, event.actor_id) == ("patient", patient.pk)


def test_by_text_too_and_it_is_the_same_account(patient):
    signs_in()
    signs_in("519-555-0181")
    assert User.objects.filter(role="patient").count() == 1
    patient.refresh_from_db()
    assert patient.mobile_checked_at == WEDNESDAY
    assert AuditEvent.objects.filter(action="patients.open_account", subject_id=patient.pk).count() == 1


def test_a_wrong_date_of_birth_opens_nothing_and_five_are_enough(patient):
    client = signs_in(born=BORN | {"date_of_birth_year": "1990"})
    assert not signed_in(client)
    seen = [client.post("/me/sign-in/who/", BORN | {"date_of_birth_year": str(y)}).status_code for y in range(1980, 1986)]
    assert seen == [422, 422, 422, 422, 429, 429]
    refused = client.post("/me/sign-in/who/", BORN)
    assert (refused.status_code, b"Too many tries. Wait 15 minutes" in refused.content) == (429, True)
    assert not signed_in(client)


def test_a_day_has_twenty_tries_of_a_date_of_birth(patient, at):
    years = iter(range(1960, 1990))
    for _quarter in range(4):
        client = signs_in(born=BORN | {"date_of_birth_year": str(next(years))})
        for _try in range(4):
            assert client.post("/me/sign-in/who/", BORN | {"date_of_birth_year": str(next(years))}).status_code == 422
        at.shift(timedelta(minutes=20))
    refused = signs_in().post("/me/sign-in/who/", BORN)
    assert (refused.status_code, b"Too many tries today. Call us" in refused.content) == (429, True)
    at.shift(timedelta(days=1))
    assert signed_in(signs_in())


def test_without_a_code_the_date_of_birth_page_is_not_there(patient):
    client = Client()
    assert client.get("/me/sign-in/code/")["Location"] == "/me/sign-in/"
    client.post("/me/sign-in/", {"address": "maya@example.com"})
    assert client.post("/me/sign-in/who/", BORN)["Location"] == "/me/sign-in/"
    wrong = client.post("/me/sign-in/code/", {"code": "000000"})
    assert (wrong.status_code, b"That code does not match" in wrong.content) == (422, True)
    assert not signed_in(client)


def test_another_code_after_half_a_minute_and_the_one_before_stops(patient, at):
    client = Client()
    client.post("/me/sign-in/", {"address": "maya@example.com"})
    first = typed()
    again = client.post("/me/sign-in/", {"address": "maya@example.com"})
    assert (again.status_code, b"less than 30 seconds ago" in again.content) == (429, True)
    at.shift(timedelta(seconds=31))
    sent = client.post("/me/sign-in/code/", {"do": "again"}, follow=True)
    assert b"A new code is on its way. The one before it does not work any more." in sent.content
    assert ContactCode.objects.count() == 1
    assert client.post("/me/sign-in/code/", first).status_code == 422
    assert client.post("/me/sign-in/code/", typed()).status_code == 303


def test_sixty_codes_an_hour_are_enough_for_one_network_address(patient):
    client = Client()
    client.post("/me/sign-in/", {"address": "maya@example.com"})
    for _n in range(TRIES_PER_CLIENT):
        limits.hit("code-try:127.0.0.1", limit=TRIES_PER_CLIENT, window=timedelta(hours=1), now=WEDNESDAY)
    assert client.post("/me/sign-in/code/", typed()).status_code == 429


def test_a_code_typed_long_ago_opens_nothing(patient, at):
    client = Client()
    client.post("/me/sign-in/", {"address": "maya@example.com"})
    client.post("/me/sign-in/code/", typed())
    at.shift(timedelta(minutes=16))
    assert client.post("/me/sign-in/who/", BORN)["Location"] == "/me/sign-in/"
    assert not signed_in(client)


def test_known_and_unknown_addresses_get_the_same_pages_and_only_known_ones_a_code(patient):
    pages = []
    for address in ("maya@example.com", "nobody@example.com"):
        client = Client()
        answer = client.post("/me/sign-in/", {"address": address})
        pages.append((answer.status_code, answer["Location"], client.get("/me/sign-in/code/").status_code))
    assert pages[0] == pages[1]
    planner.tick(now=WEDNESDAY)
    assert sorted(Delivery.objects.values_list("state", "reason")) == [("pending", ""), ("skipped", "unknown")]


def test_people_behind_one_address_are_told_apart_by_date_of_birth(patient):
    Patient.objects.create(
        legal_first_name="Ravi",
        legal_last_name="Chowdhury",
        date_of_birth=date(1960, 1, 5),
        email="MAYA@example.com",
        created_at=WEDNESDAY,
    )
    born = {"date_of_birth_month": "1", "date_of_birth_day": "5", "date_of_birth_year": "1960"}
    assert "Hello Ravi" in signs_in(born=born).get("/me/").content.decode()
    assert "Hello Maya" in signs_in(client=Client(REMOTE_ADDR="203.0.113.8")).get("/me/").content.decode()
    assert User.objects.filter(role="patient").count() == 2


def test_twins_are_told_apart_by_their_first_names(patient):
    Patient.objects.create(
        legal_first_name="Mina",
        legal_last_name="Chowdhury",
        date_of_birth=patient.date_of_birth,
        email=patient.email,
        created_at=WEDNESDAY,
    )
    client = signs_in()
    assert not signed_in(client)
    assert client.post("/me/sign-in/who/", BORN | {"first_name": "Rosa"}).status_code == 422
    assert client.post("/me/sign-in/who/", BORN | {"first_name": "mina"}).status_code == 303
    assert "Hello Mina" in client.get("/me/").content.decode()


def test_one_account_does_not_open_for_a_record_that_was_merged_away(patient):
    client = signs_in()
    older = Patient.objects.create(
        legal_first_name="Maya", legal_last_name="C", date_of_birth=patient.date_of_birth, created_at=WEDNESDAY
    )
    Patient.objects.filter(pk=patient.pk).update(merged_into=older)
    assert client.get("/me/")["Location"].startswith("/me/sign-in/")


def test_half_an_hour_without_a_click_ends_it_and_says_so(maya, at):
    at.shift(timedelta(minutes=29))
    assert signed_in(maya)
    at.shift(timedelta(minutes=31))
    there = maya.get("/me/details/")["Location"]
    assert there == "/me/sign-in/?next=%2Fme%2Fdetails%2F&closed=1"
    assert "We closed this page to keep your answers private." in maya.get(there).content.decode()


def test_whoever_goes_on_clicking_stays_for_twelve_hours_and_no_longer(maya, at):
    for _n in range(26):
        at.shift(timedelta(minutes=27))
        assert signed_in(maya)
    at.shift(timedelta(minutes=27))
    assert not signed_in(maya)


def test_signing_out_ends_it_and_empties_the_browser(maya):
    answer = maya.post("/me/sign-out/")
    assert (answer["Location"], answer["Clear-Site-Data"]) == ("/me/sign-in/", '"cache", "storage"')
    assert AuditEvent.objects.latest("pk").action == "accounts.signed_out"
    assert not signed_in(maya)


def test_it_leads_back_to_the_page_that_was_asked_for_and_nowhere_else(patient):
    for wanted, there in (
        ("/me/answers/", "/me/answers/"),
        ("https://evil.example/", "/me/"),
        ("/desk/", "/me/"),
        ("//me/", "/me/"),
    ):
        client = Client(REMOTE_ADDR="203.0.113." + str(len(wanted)))
        client.post(
            "/me/sign-in/", {"address": "519-555-0181" if wanted == "/me/answers/" else "maya@example.com", "next": wanted}
        )
        client.post("/me/sign-in/code/", typed())
        assert client.post("/me/sign-in/who/", BORN)["Location"] == there


def test_too_many_codes_are_refused_in_words(patient):
    for n in range(5):
        Client(REMOTE_ADDR=f"203.0.113.{n}").post("/me/sign-in/", {"address": "maya@example.com"})
    answer = Client().post("/me/sign-in/", {"address": "Maya+x@example.com"})
    assert answer.status_code == 429
    assert ContactCode.objects.count() == 5


@pytest.mark.parametrize(
    "path", ["/staff/", "/desk/", "/md/", "/clinic/", "/editor/", "/staff/2fa/", "/staff/password/change/", "/staff/sessions/"]
)
def test_staff_pages_are_not_there_for_a_patient(maya, path):
    assert maya.get(path).status_code == 404


def test_the_staffs_sign_in_page_leads_a_patient_home(maya):
    assert maya.get("/staff/login/")["Location"] == "/me/"


def test_somebody_who_works_here_has_no_account_page(signed_in, reception):
    client = signed_in(reception)
    assert client.get("/me/").status_code == 404
    assert client.get("/me/sign-in/")["Location"] == "/staff/"


def test_a_patients_account_has_no_password_to_reset(maya, patient):
    patient.refresh_from_db()
    Client().post("/staff/password/reset/", {"email": patient.user.email})
    assert not Client().login(email=patient.user.email, password="")
    from accounts.models import SignInMail

    assert not SignInMail.objects.exists()


def test_not_even_the_code_itself_signs_in_somebody_who_works_here(rf, reception):
    with pytest.raises(Http404):
        access.sign_in(rf.post("/"), reception, method="code", now=WEDNESDAY)


def test_a_session_that_went_on_to_a_visits_link_is_ended_with_the_others(
    maya: Client, visit: Appointment, patient: Patient
) -> None:
    """The year of birth there gives the session another key; the list of sign-ins follows it."""
    before = maya.session.session_key
    maya.post(f"/v/{token_of(visit)}/consents/", {"year": "1991"})
    assert maya.session.session_key != before
    patient.refresh_from_db()
    assert maya.get("/me/").status_code == 200
    end_sessions(patient.user)
    assert maya.get("/me/").status_code == 302
