"""What a form carries beside its fields counts for nothing: ids, roles, other people's rows."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.forms.models import model_to_dict
from django.urls import reverse

from accounts.models import User
from audit.actor import Actor
from booking import actions
from booking.models import Appointment, Status
from booking.picker import value_of
from patients.models import MergeOffer, Patient
from tests.access.conftest import quiet
from tests.access.sweep import MATRIX, places
from tests.access.world import AUDIENCES, PASSWORD, World

RANK = {
    "is_staff": "1", "is_superuser": "1", "is_active": "1", "role": "lead", "groups": "1", "user_permissions": "1", "user": "1",
    "email_verified": "1", "works_here": "1", "id": "1", "pk": "1",
}  # fmt: skip


def people() -> str:
    """A digest of everything that says who may do what."""
    tables = (
        "accounts_user",
        "accounts_user_groups",
        "accounts_user_user_permissions",
        "auth_group",
        "auth_group_permissions",
        "mfa_authenticator",
    )
    with connection.cursor() as cursor:
        rows = []
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" t ORDER BY 1')
            rows += [table, *(row[0] for row in cursor.fetchall())]
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def rows_of(world: World, who: str) -> str:
    """A digest of everything that is somebody's."""
    pk, visit = world.people[who].pk, world.visits[who].pk
    with connection.cursor() as cursor:
        found = []
        for table, where, value in (
            ("patients_patient", "id", pk), ("booking_appointment", "id", visit), ("intake_questionnaireresponse", "patient_id", pk),
            ("patients_consentrecord", "patient_id", pk), ("patients_mergeoffer", "candidate_id", pk),
        ):  # fmt: skip
            cursor.execute(f'SELECT t::text FROM "{table}" t WHERE "{where}" = %s ORDER BY 1', [value])
            found += [table, *(row[0] for row in cursor.fetchall())]
    return hashlib.sha256("\n".join(found).encode()).hexdigest()


@pytest.mark.parametrize("audience", AUDIENCES)
def test_no_form_takes_a_role(world: World, audience: str) -> None:
    if audience == "lead":
        world.client("lead").get("/editor/")  # puts a lead among the editors, once
    before, changing = people(), []
    with quiet():
        for name, row in MATRIX.items():
            for which, url in places(world, name, row):
                if which == "own" and "?" not in url and row.get("POST", 405) != 405:
                    world.client(audience).post(url, RANK)
                    if people() != before:
                        changing.append(f"{url} as {audience}")
                        before = people()
    assert changing == []


def test_a_valid_form_takes_none_either(world: World) -> None:
    browser, visit = world.client("reception"), world.visits["A"]
    contact = {"mobile": "519-555-0171", "email": "new@example.com", "reminder_by": "email", "version": world.people["A"].version}
    assert browser.post(reverse("staff:visit_contact", args=[visit.public_id]), contact | RANK).status_code == 303
    new = {"oldpassword": PASSWORD, "password1": "another fine pass phrase", "password2": "another fine pass phrase"}
    assert browser.post("/staff/password/change/", new | RANK).status_code == 302
    user = User.objects.get(pk=world.users["reception"].pk)
    assert (user.role, user.is_superuser, user.groups.count()) == ("reception", False, 0)
    assert user.check_password("another fine pass phrase")


def test_another_password_ends_the_other_sessions(world: World) -> None:
    here, there = world.client("reception"), world.client("reception")
    new = {"oldpassword": PASSWORD, "password1": "another fine pass phrase", "password2": "another fine pass phrase"}
    here.post("/staff/password/change/", new)
    assert here.get("/desk/find/").status_code == 200
    there.cookies["session"] = world.sessions["reception"]
    assert there.get("/desk/find/").status_code == 302


FOREIGN_NAMES = [
    "id", "pk", "public_id", "patient", "patient_id", "appointment", "appointment_id", "visit", "visit_id", "response", "response_id",
    "hold", "booked", "draft", "code", "token", "link", "user", "practitioner", "version_id", "merged_into", "hold_key",
]  # fmt: skip


def forms(world: World) -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Valid forms about Ada, and the browser they come from."""
    visit, token = world.visits["A"], world.tokens["A"]
    slot = value_of(world.slot(2, practitioner=world.physician).start, world.physician)
    staff = {
        name: reverse(f"staff:{name}", args=[visit.public_id])
        for name in ("visit", "move", "visit_cancel", "visit_contact", "visit_link", "visit_text")
    }
    return {
        "confirm": ("patient", f"/v/{token}/confirm/", {}),
        "move": ("patient", f"/v/{token}/time/", {"slot": slot}),
        "cancel": ("patient", f"/v/{token}/cancel/", {"reason": "time"}),
        "messages": ("patient", f"/v/{token}/messages/", {"reminder_by": "email", "voicemail_ok": "no"}),
        "send again": ("patient", "/book/done/", {}),
        "details": ("drafting", "/book/details/", {
            "first_name": "Cy", "last_name": "Cyan", "mobile": "519-555-0173", "email": "cy@example.com", "reminder_by": "email",
            "voicemail_ok": "no", "date_of_birth_month": "9", "date_of_birth_day": "19", "date_of_birth_year": "1979",
        }),
        "code": ("drafting", "/book/code/", {"do": "email"}),
        "time": ("drafting", "/book/time/", {"slot": slot}),
        "question": ("drafting", "/book/questions/8/5/", {"shown": "finish_other", "finish_other": "x"}),
        "desk arrive": ("reception", staff["visit"], {"do": f"arrive:{visit.public_id}:{visit.version}"}),
        "desk move": ("reception", staff["move"], {"slot": slot, "version": visit.version}),
        "desk cancel": ("reception", staff["visit_cancel"], {"reason": "other", "version": visit.version}),
        "desk contact": ("reception", staff["visit_contact"], {
            "mobile": "519-555-0171", "email": "x@example.com", "reminder_by": "email", "version": world.people["A"].version,
        }),
        "desk link": ("reception", staff["visit_link"], {"how": "send"}),
        "desk text": ("reception", staff["visit_text"], {"text": "call_us"}),
    }  # fmt: skip


NAMES = ["confirm", "move", "cancel", "messages", "send again", "details", "code", "time", "question", "desk arrive", "desk move",
         "desk cancel", "desk contact", "desk link", "desk text"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_ids_of_others_in_a_form_do_not_reach_their_rows(world: World, name: str) -> None:
    audience, url, form = forms(world)[name]
    before, mine = rows_of(world, "B"), rows_of(world, "A")
    values = {
        "patient": world.patient, "appointment": str(world.visits["B"].public_id), "response": str(world.responses["B"].public_id),
        "token": world.tokens["B"], "hold": str(world.held.public_id),
    }  # fmt: skip
    alien = {n: values.get(n.removesuffix("_id"), str(world.visits["B"].public_id)) for n in FOREIGN_NAMES if n not in form}
    alien |= {"id": str(world.visits["B"].pk), "pk": str(world.people["B"].pk), "patient_id": str(world.people["B"].pk)}
    answer = world.client(audience).post(url, alien | form)
    # 409: a page of questions or details that was drawn for another draft is refused.
    assert answer.status_code in {200, 302, 303, 409}, answer.status_code
    assert rows_of(world, "B") == before
    if audience == "drafting":
        assert rows_of(world, "A") == mine


def test_a_button_on_one_visits_page_moves_no_other(world: World) -> None:
    """The page is not found, and nothing was done."""
    other = world.visits["B"]
    url = reverse("staff:visit", args=[world.visits["A"].public_id])
    answer = world.client("reception").post(url, {"do": f"arrive:{other.public_id}:{other.version}"})
    assert answer.status_code == 404
    other.refresh_from_db()
    assert other.status == Status.BOOKED


def test_a_held_time_is_nobody_elses(world: World) -> None:
    held = model_to_dict(world.held)
    taken = value_of(world.held.starts_at, world.held.practitioner)
    for browser, url, form in (
        ("drafting", "/book/time/", {"slot": taken}),
        ("drafting", "/book/", {"pick": taken}),
        ("patient", f"/v/{world.tokens['A']}/time/", {"slot": taken}),
    ):
        assert world.client(browser).post(url, form).status_code == 409, url
    world.held.refresh_from_db()
    assert model_to_dict(world.held) == held


def test_times_that_were_never_offered_are_refused(world: World) -> None:
    start = world.slot(5).start
    inactive = world.physician
    never = [
        value_of(start + timedelta(minutes=7), world.physician),
        value_of(start + timedelta(hours=12), world.physician),
        value_of(start - timedelta(days=60), world.physician),
        value_of(start + timedelta(days=3650), world.physician),
    ]
    for slot in never:
        assert world.client("drafting").post("/book/time/", {"slot": slot}).status_code == 409
        assert world.client("patient").post(f"/v/{world.tokens['A']}/time/", {"slot": slot}).status_code == 409
    type(inactive).objects.filter(pk=inactive.pk).update(active=False)
    offered = value_of(start, inactive)
    assert world.client("drafting").post("/book/time/", {"slot": offered}).status_code == 422
    assert world.client("patient").post(f"/v/{world.tokens['A']}/time/", {"slot": offered}).status_code == 422


def test_one_record_of_two_visits_at_one_time_is_refused_in_words(world: World) -> None:
    """Two records with visits at the same time cannot become one: the desk is told, nothing is half done."""
    offer, visit = world.offer, world.visits["B"]
    person = world.service.practitioners.exclude(pk=world.physician.pk).first()
    actions.book_for(
        world.service, person, visit.starts_at, patient=offer.patient, contact=None, overbook=True,
        by=Actor.staff(world.users["reception"]), now=world.now,
    )  # fmt: skip
    url = reverse("staff:merge", args=[offer.patient.public_id, offer.candidate.public_id])
    answer = world.client("reception").post(url, {"answer": "same"})
    assert answer.status_code in {302, 303, 409}
    assert MergeOffer.objects.get(pk=offer.pk).decided_at is None
    assert Patient.objects.get(pk=offer.patient_id).merged_into is None
    assert Appointment.objects.filter(patient=offer.patient).count() == 1


def test_a_decided_offer_is_decided(world: World) -> None:
    url = reverse("staff:merge", args=[world.offer.patient.public_id, world.offer.candidate.public_id])
    browser = world.client("reception")
    assert browser.post(url, {"answer": "different"}).status_code in {302, 303}
    assert browser.post(url, {"answer": "same"}).status_code in {302, 303, 404, 409}
    assert Patient.objects.get(pk=world.offer.patient_id).merged_into is None


def test_the_year_of_birth_is_not_to_be_guessed(world: World) -> None:
    """The second factor of a link: a few tries, then a wait, whoever asks and from wherever."""
    Appointment.objects.filter(pk=world.visits["A"].pk).update(response=None)
    url, seen = f"/v/{world.tokens['A']}/questions/", []
    for number, year in enumerate(range(1950, 1990)):
        browser = world.client("anonymous", REMOTE_ADDR=f"203.0.113.{number}")
        seen.append(browser.post(url, {"year": str(year)}).status_code)
    assert 302 not in seen and 303 not in seen
    assert seen.count(422) <= 10
    assert seen[-1] == 429
