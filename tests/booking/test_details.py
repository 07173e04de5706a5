"""/book/details/: who is coming and how to reach them."""

import hashlib
from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import Clinic
from booking.models import Appointment
from intake.document import decrypt
from intake.models import QuestionnaireResponse
from patients.models import ContactCode, Patient
from tests.booking.conftest import DETAILS, HOSTILE, rows, text_of, title_of


def test_it_leads_to_the_beginning_without_a_draft(walker):
    assert walker.get("details")["Location"] == reverse("booking:start")


def test_it_says_which_time_is_kept_and_offers_to_change_it(walker):
    page = walker.with_time().get("details")
    assert "Until 9:15 a.m. we keep Thursday, February 11 at 10:00 a.m. with Dr. Osei for you." in text_of(page)
    assert 'href="/book/time/?change=1"' in page.content.decode()


def test_fields_say_what_they_are_to_browsers_and_managers(walker):
    page = walker.with_time().get("details").content.decode()
    for token in ("given-name", "family-name", "nickname", "bday-month", "bday-day", "bday-year", "tel", "email"):
        assert f'autocomplete="{token}"' in page


def test_nobody_is_asked_for_a_health_card_or_an_address(walker):
    page = walker.with_time().get("details").content.decode()
    assert "street-address" not in page
    assert 'name="health' not in page


def test_details_are_kept_in_the_encrypted_draft_and_a_code_is_asked_for(walker):
    answer = walker.with_time().post("details", **DETAILS)
    assert (answer.status_code, answer["Location"]) == (303, reverse("booking:code"))
    kept = decrypt(walker.draft).contact
    assert kept == {
        "first_name": "Daniel",
        "last_name": "Whitford",
        "preferred_name": "",
        "date_of_birth": "1987-03-27",
        "mobile": "+15195550178",
        "email": "daniel@example.com",
        "reminder_by": "text_email",
        "voicemail_ok": False,
    }
    code = ContactCode.objects.get()
    assert (code.channel, code.address, code.subject_key) == ("text", "+15195550178", str(walker.draft.public_id))
    assert not Patient.objects.exists()


def test_what_is_hashed_for_messages_is_what_this_page_shows(walker):
    shown = text_of(walker.with_time().get("details"))
    walker.post("details", **DETAILS)
    consent = decrypt(walker.draft).consent("C2")
    assert all(line in shown for line in consent["text"].split("\n"))
    assert "Choose all that apply" not in shown + consent["text"]
    assert consent["sha256"] == hashlib.sha256(consent["text"].encode()).hexdigest()


def test_how_to_remind_is_kept_as_consent_to_messages(walker):
    walker.with_details(reminder_by="email")
    consent = decrypt(walker.draft).consent("C2")
    assert (consent["decision"], consent["choice"]) == (True, "email")


def test_calls_only_is_a_no_to_messages(walker):
    walker.with_details(reminder_by="phone")
    assert decrypt(walker.draft).consent("C2")["decision"] is False


def test_nothing_typed_gives_every_message_beside_its_field(walker):
    answer = walker.with_time().post("details")
    assert answer.status_code == 422
    assert title_of(answer).startswith("Error: ")
    said = text_of(answer)
    for message in (
        "Enter your first name",
        "Enter your last name",
        "Enter your date of birth, like March 27, 1987",
        "Enter a mobile number with area code, like 519-555-0178",
        "Choose how we may contact you",
        "Choose yes or no",
    ):
        assert said.count(message) == 2  # in the summary, and beside the field
    assert 'href="#id_date_of_birth_month"' in answer.content.decode()


def test_what_was_typed_comes_back_with_the_errors(walker):
    answer = walker.with_time().post("details", **(DETAILS | {"mobile": "12", "first_name": "Zoë", "date_of_birth_day": "31 "}))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="Zoë"' in page
    assert 'value="12"' in page
    assert 'value="daniel@example.com"' in page


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("mobile", "555", "Enter a mobile number with area code, like 519-555-0178"),
        ("mobile", "911", "Enter a mobile number with area code, like 519-555-0178"),
        ("mobile", "519-555-0178 ext. 4", "Enter a mobile number with area code, like 519-555-0178"),
        ("mobile", "+44 20 7946 0958", "This looks like a home phone. Choose “Phone call”, or give a mobile"),
        ("email", "daniel", "Enter an email address, like name@example.com"),
        ("email", "a@b@c.com", "Enter an email address, like name@example.com"),
        ("email", f"a@ex{60 * 'ü'}.com", "Enter an email address, like name@example.com"),
        ("email", "", "Enter an email address, like name@example.com"),
        ("date_of_birth_day", "31", "Your date of birth must be a real date, like March 27, 1987"),
        ("date_of_birth_month", "13", "Your date of birth must be a real date, like March 27, 1987"),
        ("date_of_birth_year", "87", "Your year of birth must have 4 numbers, like 1987"),
        ("date_of_birth_year", "1899", "Your date of birth must be a real date, like March 27, 1987"),
        ("date_of_birth_year", "2028", "Your date of birth must be a real date, like March 27, 1987"),
        ("first_name", "x" * 101, "Use 100 characters or fewer"),
        ("last_name", "Whit\u202eford", "This holds characters that we cannot keep. Type it again"),
        ("reminder_by", "pigeon", "Choose one of the answers shown"),
        ("voicemail_ok", "maybe", "Choose one of the answers shown"),
    ],
)
def test_each_mistake_has_its_words(walker, field, value, message):
    # February has 28 days in 1987.
    month = {"date_of_birth_month": "2"} if (field, value) == ("date_of_birth_day", "31") else {}
    answer = walker.with_time().post("details", **(DETAILS | month | {field: value}))
    assert answer.status_code == 422
    assert message in text_of(answer)
    assert not ContactCode.objects.exists()


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("(519) 555 0178", "+15195550178"),
        ("1.519.555.0178", "+15195550178"),
        ("+33 6 12 34 56 78", "+33612345678"),
        ("+91 98765 43210", "+919876543210"),
    ],
)
def test_numbers_are_taken_as_people_write_them_from_any_country(walker, typed, kept):
    walker.with_details(mobile=typed)
    assert decrypt(walker.draft).contact["mobile"] == kept


def test_a_landline_is_fine_for_phone_calls(walker):
    walker.with_details(mobile="+44 20 7946 0958", reminder_by="phone")
    assert ContactCode.objects.get().channel == "email"


def test_an_email_address_is_needed_only_where_it_is_used(walker):
    walker.with_details(email="", reminder_by="text")
    assert decrypt(walker.draft).contact["email"] == ""


def test_a_likely_slip_in_the_address_is_offered_not_refused(walker):
    answer = walker.with_time().post("details", **(DETAILS | {"email": "daniel@gmial.com"}))
    assert answer.status_code == 200
    assert not title_of(answer).startswith("Error")
    assert "Did you mean daniel@gmail.com? Yes, change it No, it is right" in text_of(answer)
    walker.post("details", **(DETAILS | {"email": "daniel@gmial.com", "meant": "daniel@gmail.com"}))
    assert decrypt(walker.draft).contact["email"] == "daniel@gmail.com"


def test_the_offer_can_be_declined(walker):
    walker.with_time().post("details", **(DETAILS | {"email": "daniel@gmial.com", "meant": "no"}))
    assert decrypt(walker.draft).contact["email"] == "daniel@gmial.com"


def test_an_offer_nobody_made_changes_nothing(walker):
    walker.with_time().post("details", **(DETAILS | {"meant": "evil@example.org"}))
    assert decrypt(walker.draft).contact["email"] == "daniel@example.com"


def test_the_date_of_birth_is_not_asked_again_after_the_questions_asked_it(walker):
    walker.with_time()
    walker.answer_everything()
    page = walker.get("details").content.decode()
    assert "date_of_birth" not in page
    fields = {k: v for k, v in DETAILS.items() if not k.startswith("date_of_birth")}
    assert walker.post("details", **fields)["Location"] == reverse("booking:code")


def test_the_questions_do_not_ask_a_date_of_birth_given_here(walker):
    walker.with_details()
    page = walker.client.get(reverse("intake:question", args=[2, 2]))
    assert page.status_code == 302


def test_a_date_under_age_is_said_back_with_all_that_was_typed(walker):
    page = walker.with_time().post("details", **(DETAILS | {"date_of_birth_year": "2010"}))
    assert page.status_code == 422
    assert "You typed March 27, 2010" in text_of(page)
    assert 'value="daniel@example.com"' in page.content.decode()
    assert decrypt(walker.draft).contact == {}


def test_said_to_be_right_nothing_is_kept_and_the_time_is_free_at_once(walker):
    walker.with_time().post("details", **(DETAILS | {"date_of_birth_year": "2010"}))
    answer = walker.post("too_young")
    assert answer["Location"] == reverse("intake:stop", args=["under-age"])
    assert not QuestionnaireResponse.objects.exists()
    assert not Appointment.objects.exists()
    assert "draft" not in walker.client.session


def test_the_clinics_own_minimum_age_counts(walker):
    Clinic.objects.update(minimum_age=21)
    Clinic.forget_current()
    page = walker.with_time().post("details", **(DETAILS | {"date_of_birth_year": "2007"}))
    assert "We see people 21 and older." in text_of(page)


def test_changing_another_detail_keeps_the_checked_number(walker):
    walker.with_code()
    answer = walker.post("details", **(DETAILS | {"first_name": "Dan"}))
    assert answer["Location"] == reverse("booking:check")
    assert ContactCode.objects.count() == 1


def test_another_number_wants_a_new_code(walker):
    walker.with_code()
    answer = walker.post("details", **(DETAILS | {"mobile": "519-555-0199"}))
    assert answer["Location"] == reverse("booking:code")
    assert ContactCode.objects.count() == 2


def test_a_page_sent_twice_leads_on(walker):
    walker.with_time()
    for _press in range(2):
        assert walker.post("details", **DETAILS)["Location"] == reverse("booking:code")
    assert ContactCode.objects.count() == 1


def test_whatever_is_typed_is_refused_and_kept(walker):
    walker.with_time()
    for text in HOSTILE:
        assert walker.post("details", **dict.fromkeys(DETAILS, text)).status_code == 422, text


def test_whatever_is_typed_into_one_field_is_answered(walker):
    walker.with_time()
    for text in HOSTILE[2:12]:
        for field in ("mobile", "email", "date_of_birth_month", "date_of_birth_year", "voicemail_ok"):
            assert walker.post("details", **(DETAILS | {field: text})).status_code == 422, (field, text)


def test_bytes_that_are_no_text_are_refused(walker):
    walker.with_time()
    assert walker.raw("/book/details/", "first_name last_name mobile email date_of_birth_day") == {422}


def test_looking_changes_nothing(walker):
    walker.with_details()
    before = rows()
    walker.get("details")
    assert rows() == before


def test_an_expired_hold_loses_nothing_that_was_typed(walker, at):
    walker.with_time()
    at.shift(timedelta(minutes=20))
    said = "We could not hold Thursday, February 11 at 10:00 a.m. with Dr. Osei any longer. Nothing you typed is lost"
    assert said in text_of(walker.get("details"))
    assert walker.post("details", **DETAILS)["Location"] == reverse("booking:code")
    assert decrypt(walker.draft).contact["first_name"] == "Daniel"
