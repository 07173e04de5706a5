"""`/desk/calls/`: who is to be phoned, and who may be on file twice."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts import clock
from accounts.models import Role, User
from audit.actor import Actor
from booking import actions
from booking.models import Appointment, Practitioner, Service
from booking.rebooking import out_words
from patients.actions import withdraw_consent
from patients.models import ConsentRecord, MergeOffer, Patient
from tests.factories import next_weekday_at


@pytest.fixture
def to_call(appointment: Appointment) -> Appointment:
    """Maya could not get a code."""
    appointment.needs_call, appointment.call_reason = True, "Contact not checked"
    appointment.save()
    return appointment


@pytest.fixture
def offer(patient: Patient, make_patient: Any) -> MergeOffer:
    """Maya twice."""
    newer = make_patient("Maya", "Chowdhury", email="other@example.com")
    return MergeOffer.objects.create(patient=newer, candidate=patient, reason="x", created_at=clock.now())


def answer(client: Client, offer: MergeOffer, word: str) -> Any:
    return client.post(f"/desk/calls/{offer.patient.public_id}/{offer.candidate.public_id}/", {"answer": word})


def test_who_is_to_be_called_why_and_by_which_number(desk: Client, to_call: Appointment) -> None:
    page = desk.get("/desk/calls/").content.decode()
    for text in ("Maya Chowdhury", "519-555-0181", "Contact not checked", "no voicemail"):
        assert text in page


@pytest.mark.parametrize("status", ["booked", "fulfilled"])
@pytest.mark.parametrize(("reason", "stays"), [("Contact not checked", False), ("The physician asks you to call", True)])
def test_once_the_visit_is_over_only_what_is_to_be_said_anyhow_stays(
    desk: Client, patient: Patient, make_visit: Callable[..., Appointment], status: str, reason: str, stays: bool
) -> None:
    visit = make_visit(patient, clock.now() - timedelta(hours=3), status, needs_call=True, call_reason=f"Something; {reason}")
    assert (reason in desk.get("/desk/calls/").content.decode()) == stays
    day = desk.get(f"/desk/day/{clock.local(visit.starts_at).date()}/")
    assert day.context["board"].calls == (1 if stays else 0)
    assert ("To be called" in day.content.decode()) == stays
    assert visit.is_to_call(clock.now()) == stays


def test_every_reason_can_be_read_however_many_there_are(
    desk: Client, appointment: Appointment, practitioner: Practitioner
) -> None:
    Practitioner.objects.filter(pk=practitioner.pk).update(short_name="Dr. Maximiliane-Theodora Wolkenstein-Tro")
    practitioner.refresh_from_db()
    reasons = [out_words(practitioner), *(f"Reason number {n} of those to call about" for n in range(1, 7))]
    for reason in reasons:
        actions.ask_to_call(appointment, reason=reason, by=Actor.system(), now=clock.now())
    page = desk.get("/desk/calls/").content.decode()
    assert [reason for reason in reasons if reason not in page] == []
    actions.ask_no_call(appointment, reason=reasons[0], by=Actor.system(), now=clock.now())
    appointment.refresh_from_db()
    assert appointment.calls == set(reasons[1:])


def test_called_takes_the_visit_off_the_list(desk: Client, to_call: Appointment) -> None:
    data = {"do": f"called:{to_call.public_id}:{to_call.version}"}
    assert desk.post("/desk/calls/", data).status_code == 303
    assert b"Nobody to call" in desk.get("/desk/calls/").content


@pytest.mark.parametrize("page", ["/desk/calls/", "/desk/day/2027-02-13/", "/desk/visit/{}/"])
def test_who_was_said_to_be_called_by_a_slip_is_back_on_the_list_for_the_same(
    desk: Client, to_call: Appointment, page: str
) -> None:
    url = page.format(to_call.public_id)
    answer = desk.post(url, {"do": f"called:{to_call.public_id}:{to_call.version}"})
    said = desk.get(answer["Location"]).content.decode()
    assert "Maya Chowdhury was called" in said
    undo = re.search(r'class="toast".*?value="(uncall:[^"]+)"', said, re.DOTALL).group(1)  # type: ignore[union-attr]
    assert desk.post(url, {"do": undo}).status_code == 303
    to_call.refresh_from_db()
    assert (to_call.needs_call, to_call.call_reason) == (True, "Contact not checked")
    assert desk.post(url, {"do": undo}).status_code == 409, "there is nothing to take back twice"


def test_that_somebody_was_called_is_taken_back_by_whoever_said_it_alone(
    desk: Client, to_call: Appointment, lead_user: User, signed_in: Callable[[User], Client]
) -> None:
    desk.post("/desk/calls/", {"do": f"called:{to_call.public_id}:{to_call.version}"})
    assert signed_in(lead_user).post("/desk/calls/", {"do": f"uncall:{to_call.public_id}:0"}).status_code == 409
    to_call.refresh_from_db()
    assert not to_call.needs_call


def test_a_stale_call_says_so(desk: Client, to_call: Appointment) -> None:
    assert desk.post("/desk/calls/", {"do": f"called:{to_call.public_id}:99"}).status_code == 409


def test_the_same_person_becomes_one_record(desk: Client, offer: MergeOffer) -> None:
    assert b"other@example.com" in desk.get("/desk/calls/").content
    version = offer.patient.version
    assert answer(desk, offer, "same").status_code == 303
    offer.refresh_from_db()
    assert (offer.patient.merged_into, offer.patient.version, offer.same_person) == (offer.candidate, version + 1, True)


@pytest.mark.parametrize("names", [("email", "email_bounced_at"), ("mobile", "texts_stopped_at", "mobile_bounced_at")])
def test_an_address_that_one_record_gets_from_the_other_brings_what_is_known_of_it(
    desk: Client, offer: MergeOffer, names: tuple[str, ...]
) -> None:
    address, *known = names
    Patient.objects.filter(pk=offer.candidate_id).update(email="", mobile="")
    Patient.objects.filter(pk=offer.patient_id).update(
        mobile="+15195550144", reminder_by="text", **dict.fromkeys(known, clock.now())
    )
    answer(desk, offer, "same")
    kept = Patient.objects.get(pk=offer.candidate_id)
    assert getattr(kept, address)
    assert [name for name in known if getattr(kept, name) is None] == []
    assert kept.reminder_by == "text"


@pytest.mark.parametrize("who", ["patient", "candidate"])
def test_of_two_records_the_later_choice_of_messages_counts(desk: Client, offer: MergeOffer, who: str) -> None:
    then, by = clock.now() - timedelta(days=9), Actor.system()
    for days, row in enumerate((offer.candidate, offer.patient)):
        ConsentRecord.objects.create(
            patient=row, code="C2", text_version="x", text_sha256="x", decision=True, choice="text, email", given_by="self", how="web",
            given_at=then + timedelta(days=days),
        )  # fmt: skip
    withdraw_consent(getattr(offer, who), "C2", by=by, now=then + timedelta(days=5))
    answer(desk, offer, "same")
    assert Patient.objects.get(pk=offer.candidate_id).reminder_by == "phone"


def test_what_was_asked_about_a_merged_record_is_asked_about_the_one_that_stays(desk: Client, offer: MergeOffer) -> None:
    third, fourth = (
        Patient.objects.create(
            legal_first_name="Maya", legal_last_name=last, date_of_birth=offer.patient.date_of_birth, created_at=clock.now()
        )
        for last in ("Chowdhuri", "Chowdhary")
    )
    about = MergeOffer.objects.create(patient=third, candidate=offer.patient, reason="Same", created_at=clock.now())
    both = [
        MergeOffer.objects.create(patient=fourth, candidate=row, reason="Same", created_at=clock.now())
        for row in (offer.patient, offer.candidate)
    ]
    answer(desk, offer, "same")
    for row in (about, *both):
        row.refresh_from_db()
    assert (about.candidate, about.decided_at) == (offer.candidate, None)
    assert [row.decided_at is None for row in both] == [False, True], "one question of what was asked of both"


def test_what_is_asked_about_others_stays_and_what_the_merged_record_asked_is_over(
    desk: Client, offer: MergeOffer, make_patient: Any
) -> None:
    now = clock.now()
    one, two = make_patient("Ines", "Lee", email="ines@example.com"), make_patient("Ines", "Leigh", email="leigh@example.com")
    others = MergeOffer.objects.create(patient=one, candidate=two, reason="Same", created_at=now)
    own = MergeOffer.objects.create(patient=offer.patient, candidate=one, reason="Same", created_at=now)
    answer(desk, offer, "same")
    others.refresh_from_db()
    own.refresh_from_db()
    assert (others.candidate, others.decided_at) == (two, None)
    assert (own.decided_at is None, own.same_person) == (False, None)


@pytest.mark.parametrize("both", [False, True])
def test_an_account_goes_with_its_person_and_of_two_the_older_records_goes_on(
    desk: Client, offer: MergeOffer, both: bool
) -> None:
    newer, older = (User.objects.create_user(f"{n}@patient.invalid", None, role=Role.PATIENT) for n in ("newer", "older"))
    Patient.objects.filter(pk=offer.patient_id).update(user=newer)
    Patient.objects.filter(pk=offer.candidate_id).update(user=older if both else None)
    answer(desk, offer, "same")
    kept, moved = Patient.objects.get(pk=offer.candidate_id), Patient.objects.get(pk=offer.patient_id)
    assert (kept.user, moved.user) == (older if both else newer, None)


@pytest.mark.parametrize("who", ["patient", "candidate"])
def test_a_record_that_is_another_ones_by_now_is_not_merged_again(
    desk: Client, offer: MergeOffer, make_patient: Any, who: str
) -> None:
    third = make_patient("Ines", "Lee", email="ines@example.com")
    Patient.objects.filter(pk=getattr(offer, who).pk).update(merged_into=third)
    assert answer(desk, offer, "same").status_code == 409
    offer.refresh_from_db()
    assert offer.decided_at is None


def test_where_nobody_chose_messages_the_older_records_way_stays_and_its_open_forms_are_out_of_date(
    desk: Client, offer: MergeOffer
) -> None:
    Patient.objects.filter(pk=offer.patient_id).update(reminder_by="phone")
    answer(desk, offer, "same")
    kept = Patient.objects.get(pk=offer.candidate_id)
    assert (kept.reminder_by, kept.version) == (offer.candidate.reminder_by, offer.candidate.version + 1)


def test_what_was_taken_back_under_one_record_ends_what_the_other_had_agreed_to_before(desk: Client, offer: MergeOffer) -> None:
    now, said = clock.now(), {"text_version": "x", "text_sha256": "x", "given_by": "self", "how": "web"}
    for row, code, yes, days in [
        (offer.candidate, "C3", True, 9), (offer.patient, "C3", True, 8), (offer.candidate, "C1", False, 9),
        (offer.patient, "C1", True, 8), (offer.candidate, "C3", True, 1),
    ]:  # fmt: skip
        given = {"decision": yes, "given_at": now - timedelta(days=days)}
        ConsentRecord.objects.create(patient=row, code=code, **said, **given)
    for code in ("C3", "C1"):
        withdraw_consent(offer.patient, code, by=Actor.system(), now=now - timedelta(days=5))
    answer(desk, offer, "same")
    stand = ConsentRecord.objects.filter(patient=offer.candidate_id, withdrawn_at=None).order_by("code")
    assert [(c.code, c.decision, (now - c.given_at).days) for c in stand] == [("C1", False, 9), ("C3", True, 1)]


def test_a_page_that_shows_a_visit_as_the_merged_records_is_out_of_date(
    desk: Client, offer: MergeOffer, make_visit: Callable[..., Appointment]
) -> None:
    visit = make_visit(offer.patient, clock.now() + timedelta(days=3))
    before = f"confirm:{visit.public_id}:{visit.version}"
    answer(desk, offer, "same")
    assert desk.post(f"/desk/visit/{visit.public_id}/", {"do": before}).status_code == 409
    visit.refresh_from_db()
    assert (visit.patient, visit.status) == (offer.candidate, "booked")


def test_two_people_stay_two(desk: Client, offer: MergeOffer) -> None:
    answer(desk, offer, "different")
    offer.patient.refresh_from_db()
    assert offer.patient.merged_into is None
    assert b"No doubles" in desk.get("/desk/calls/").content


def test_an_offer_is_decided_once(desk: Client, offer: MergeOffer) -> None:
    answer(desk, offer, "different")
    refused = answer(desk, offer, "same")
    assert (refused.status_code, b"already decided" in refused.content) == (409, True)
    offer.patient.refresh_from_db()
    assert offer.patient.merged_into is None


@pytest.fixture
def files(patient: Patient, make_patient: Any) -> list[Patient]:
    """Maya, on file four times: each pair is a question."""
    found = [patient, *(make_patient("Maya", "Chowdhury", email=f"maya{n}@example.com") for n in range(3))]
    for n, newer in enumerate(found):
        for older in found[:n]:
            MergeOffer.objects.create(patient=newer, candidate=older, reason="x", created_at=clock.now())
    return found


def asked(desk: Client) -> list[list[tuple[str, str]]]:
    """Of each group the questions on the page: who, and the same as whom."""
    groups = desk.get("/desk/calls/").context["groups"]
    return [[(offer.patient.email, offer.candidate.email) for offer in group.offers] for group in groups]


def test_four_files_of_one_person_are_one_group_with_a_question_for_each_newer_one(desk: Client, files: list[Patient]) -> None:
    first = files[0].email
    assert asked(desk) == [[(f"maya{n}@example.com", first) for n in range(3)]]
    assert desk.get("/desk/calls/").content.decode().count("Same person") == 3
    for n in range(3):
        answer(desk, MergeOffer.objects.get(patient=files[n + 1], candidate=files[0]), "same")
    assert asked(desk) == []
    assert set(Patient.objects.exclude(pk=files[0].pk).values_list("merged_into", flat=True)) == {files[0].pk}


def test_a_file_that_is_somebody_elses_is_compared_with_the_next_one(desk: Client, files: list[Patient]) -> None:
    answer(desk, MergeOffer.objects.get(patient=files[3], candidate=files[0]), "different")
    first = files[0].email
    assert asked(desk) == [
        [("maya0@example.com", first), ("maya1@example.com", first), ("maya2@example.com", "maya0@example.com")]
    ]
    assert "Compare with Maya Chowdhury" in desk.get("/desk/calls/").content.decode()


def test_files_of_other_people_are_a_group_of_their_own(desk: Client, files: list[Patient], make_patient: Any) -> None:
    ines, again = (make_patient("Ines", "Lee", email=f"ines{n}@example.com") for n in range(2))
    MergeOffer.objects.create(patient=again, candidate=ines, reason="x", created_at=clock.now())
    assert [len(group) for group in asked(desk)] == [3, 1]


def test_an_answer_about_a_file_that_is_one_with_another_by_now_says_so(
    desk: Client, offer: MergeOffer, make_patient: Any
) -> None:
    third = make_patient("Maya", "Chowdhuri")
    seen = MergeOffer.objects.create(patient=third, candidate=offer.patient, reason="x", created_at=clock.now())
    answer(desk, offer, "same")
    late = answer(desk, seen, "same")
    assert (late.status_code, b"one with another by now" in late.content) == (409, True)
    third.refresh_from_db()
    assert third.merged_into is None


def test_nonsense_is_not_found(desk: Client, offer: MergeOffer) -> None:
    assert answer(desk, offer, "perhaps").status_code == 404


def test_an_offer_of_which_no_message_arrived_is_called_about_while_it_is_held(
    desk: Client, service: Service, practitioner: Practitioner, patient: Patient
) -> None:
    now = clock.now()
    entry = actions.join(service, actions.Wishes(), patient=patient, by=Actor.system(), now=now)
    made = actions.offer(entry, practitioner, next_weekday_at(10), by=Actor.system(), now=now)
    assert b"Nobody to call" in desk.get("/desk/calls/").content
    actions.call_with_offer(made, by=Actor.system(), now=now)
    page = desk.get("/desk/calls/").content.decode()
    assert "no message got there. Held until" in page
    assert desk.post("/desk/waiting-list/", {"do": f"take:{entry.offers.get().public_id}"}).status_code == 303
    assert Appointment.objects.get().status == "booked"
    assert "no message got there" not in desk.get("/desk/calls/").content.decode()
