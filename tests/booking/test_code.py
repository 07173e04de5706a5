"""/book/code/: six numbers show that a contact is theirs; without them the visit is booked all the same."""

from datetime import timedelta

from django.urls import reverse

from booking.views import step
from patients.actions import digits_of
from patients.models import ContactCode, Patient
from tests.booking.conftest import DETAILS, HOSTILE, on, rows, text_of, title_of
from tests.factories import WEDNESDAY


def latest() -> ContactCode:
    return ContactCode.objects.latest("pk")


def test_it_leads_to_the_details_first(walker):
    assert walker.with_time().get("code")["Location"] == reverse("booking:details")


def test_it_says_where_the_code_went_without_showing_the_address(walker):
    page = walker.with_details().get("code")
    assert "Enter the 6 numbers we sent to 519-555-••78" in text_of(page)
    assert "0178" not in page.content.decode()
    assert "daniel@" not in page.content.decode()


def test_phones_can_fill_it_in(walker):
    page = walker.with_details().get("code").content.decode()
    assert 'autocomplete="one-time-code"' in page
    assert 'inputmode="numeric"' in page


def test_the_right_code_leads_on(walker):
    walker.with_details()
    answer = walker.post("code", code=digits_of(latest()))
    assert (answer.status_code, answer["Location"]) == (303, reverse("booking:check"))
    assert latest().used_at == WEDNESDAY


def test_spaces_dashes_and_a_pasted_line_are_fine(walker):
    walker.with_details()
    digits = digits_of(latest())
    answer = walker.post("code", code=f"True North: your code is {digits[:3]} {digits[3:]}.")
    assert answer["Location"] == reverse("booking:check")


def test_a_wrong_code_says_so_and_keeps_what_was_typed(walker):
    walker.with_details()
    wrong = "000000" if digits_of(latest()) != "000000" else "111111"
    answer = walker.post("code", code=wrong)
    assert answer.status_code == 422
    assert title_of(answer).startswith("Error: ")
    assert "That code does not match. Check the newest text" in text_of(answer)
    assert f'value="{wrong}"' in answer.content.decode()


def test_five_wrong_tries_pause_in_words_and_the_right_code_is_refused_meanwhile(walker, at):
    walker.with_details()
    digits = digits_of(latest())
    wrong = "000000" if digits != "000000" else "111111"
    for _try in range(5):
        answer = walker.post("code", code=wrong)
    assert "Too many tries. Wait 10 minutes or call us" in text_of(answer)
    assert "Too many tries" in text_of(walker.post("code", code=digits))
    at.shift(timedelta(seconds=31))
    again = walker.post("code", do="again")
    assert (again.status_code, latest().generation) == (429, 1)
    at.shift(timedelta(minutes=10))
    walker.post("code", do="again")
    assert walker.post("code", code=digits_of(latest()))["Location"] == reverse("booking:check")


def test_after_fifteen_minutes_a_new_one_is_sent(walker, at):
    walker.with_details()
    old = digits_of(latest())
    at.shift(timedelta(minutes=15))
    answer = walker.post("code", code=old)
    assert answer.status_code == 422
    assert "That code is too old. We sent a new one" in text_of(answer)
    assert latest().generation == 2
    assert walker.post("code", code=digits_of(latest()))["Location"] == reverse("booking:check")


def test_a_new_code_can_be_sent_after_thirty_seconds_and_replaces_the_old(walker, at):
    walker.with_details()
    first = digits_of(latest())
    walker.post("code", do="again")
    assert latest().generation == 1
    at.shift(timedelta(seconds=31))
    assert walker.post("code", do="again")["Location"] == reverse("booking:code")
    assert latest().generation == 2
    assert ContactCode.objects.count() == 1
    if first != digits_of(latest()):
        assert walker.post("code", code=first).status_code == 422


def test_it_can_be_emailed_instead(walker):
    walker.with_details()
    assert walker.post("code", do="email")["Location"] == reverse("booking:code")
    assert (latest().channel, latest().address) == ("email", "daniel@example.com")
    assert "we sent to d•••••@example.com" in text_of(walker.get("code"))
    assert "Text it instead" in text_of(walker.get("code"))


def test_email_goes_first_for_people_who_chose_email(walker):
    walker.with_details(reminder_by="email")
    assert latest().channel == "email"


def test_without_an_email_address_it_is_not_offered(walker):
    walker.with_details(email="", reminder_by="text")
    assert "Email it instead" not in text_of(walker.get("code"))
    walker.post("code", do="email")
    assert ContactCode.objects.count() == 1


def test_the_number_can_be_changed(walker):
    assert 'href="/book/details/#id_mobile"' in walker.with_details().get("code").content.decode()


def test_i_cant_get_a_code_goes_on_and_we_call(walker):
    answer = walker.with_details().post("code", do="none")
    assert (answer.status_code, answer["Location"]) == (303, reverse("booking:check"))
    assert "we will call you before your visit" in text_of(walker.get("check"))


def test_nobody_is_asked_for_a_code_that_cannot_be_sent(walker):
    no_way = {"mobile": "+44 20 7946 0958", "email": "", "reminder_by": "phone"}
    answer = walker.with_time().post("details", **(DETAILS | no_way))
    assert answer["Location"] == reverse("booking:check")
    assert not ContactCode.objects.exists()


def test_known_and_unknown_contacts_get_the_same_page(walker, clinic):
    unknown = walker.with_details().get("code")
    Patient.objects.create(
        legal_first_name="Daniel", legal_last_name="Whitford", date_of_birth="1987-03-27", mobile="+15195550178",
        email="daniel@example.com", created_at=WEDNESDAY,
    )  # fmt: skip
    known = walker.another().with_details().get("code")
    assert text_of(known) == text_of(unknown)


def test_a_code_belongs_to_one_draft(walker):
    walker.with_details()
    mine = digits_of(latest())
    other = walker.another().with_details(mobile="519-555-0199")
    assert other.post("code", code=mine).status_code == 422


def test_six_codes_an_hour_for_one_address_are_too_many_however_it_is_written(walker, at):
    walker.with_details(reminder_by="email", email="d@example.com")
    for n, spelling in enumerate(["D@example.com", "d+1@example.com", "d+2@Example.com", "d@EXAMPLE.com"]):
        walker.another(on(12, 13 + n)).with_details(reminder_by="email", email=spelling)
    assert ContactCode.objects.count() == 5
    late = walker.another(on(12, 9))
    late.with_time().post("details", **(DETAILS | {"email": "d+9@example.com", "reminder_by": "email"}))
    assert ContactCode.objects.count() == 5
    answer = late.post("code", do="email")
    assert answer.status_code == 429
    assert "We have sent many codes in the last hour." in text_of(answer)
    assert late.post("code", do="none")["Location"] == reverse("booking:check")


def test_one_client_cannot_ask_for_codes_to_everybody(walker, monkeypatch):
    monkeypatch.setitem(step.MOST, "code", (5, 2))
    for n in range(4):
        walker.another(on(12, 13 + n)).with_details(mobile=f"519-555-010{n}")
    assert ContactCode.objects.count() == 2


def test_whatever_is_typed_is_answered(walker):
    walker.with_details()
    for text in HOSTILE:
        assert walker.post("code", code=text).status_code in {422, 429}, text
        assert walker.post("code", do=text).status_code in {422, 429}, text


def test_bytes_that_are_no_text_are_refused(walker):
    walker.with_details()
    assert walker.raw("/book/code/", "code") == {422}


def test_looking_sends_nothing(walker):
    walker.with_details()
    before = rows()
    walker.get("code")
    assert rows() == before


def test_back_after_the_code_leads_on_again(walker):
    walker.with_code()
    assert walker.get("code")["Location"] == reverse("booking:check")
