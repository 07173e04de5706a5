"""What the messages say: one segment, no gaps, no reason, the same parts in each."""

import json
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings

from accounts import clock
from accounts.models import Clinic, SignInMail, User
from audit.actor import Actor
from booking import actions
from booking.desk_text import ShortText
from booking.models import Appointment, DeskText, LinkRequest, Practitioner, RunningLate, Service, WaitlistOffer
from booking.waitlist import OfferState
from intake.actions import publish_all, save_contact, save_for_later, start_draft
from intake.models import QuestionnaireResponse, ResumeLink
from notifications import planner, words
from notifications.channels import build_mail
from notifications.kinds import CANCELLATIONS, EMAIL, KINDS, OPT_OUT_ANSWERS, TEXT
from notifications.letters import Facts, Letter, clinic_words, compose, visit_words
from notifications.meaning import HELP, START, STOP
from notifications.models import ABOUT_VISITS, Delivery, Inbound, Message, Subject
from notifications.wordlist import says_why
from patients.actions import ask_code, choose_care
from patients.models import LeftAddress, Patient
from tests.factories import WEDNESDAY
from tests.notifications.conftest import Post, at

TEMPLATES = Path(django_settings.BASE_DIR) / "templates" / "notifications"
pytestmark = pytest.mark.django_db


def letter_of(
    kind: str, channel: str, visit: Appointment | None, *, subject_id: int = 0, now: datetime = WEDNESDAY, **fields: Any
) -> Letter:
    """The letter of a kind, composed for a message that has not been planned."""
    subject = KINDS[kind].subject
    if visit is not None:
        visit.save()
    start = visit.starts_at if visit else None
    message = Message(
        subject_type=subject, subject_id=subject_id or (visit.pk if visit else 0), kind=kind, channel=channel,
        sequence=sequence_of(kind, visit, now=now),
        recipient=f"visit:{visit.pk}" if subject in (Subject.LINK, Subject.REPLY) and visit else "patient",
        due_at=now, expires_at=now + timedelta(days=90), says_start=start,
        says_practitioner_id=visit.practitioner_id if visit else None, **fields,
    )  # fmt: skip
    delivery = Delivery(message=message, channel=channel)
    found = compose(delivery, Facts.of([message]), texts_work=True, now=now)
    assert isinstance(found, Letter), found
    return found


def sequence_of(kind: str, visit: Appointment | None, *, now: datetime) -> int:
    """The sequence of the fact that a kind is about, made here where it takes more than the visit."""
    subject = KINDS[kind].subject
    if visit is None or subject not in ABOUT_VISITS:
        return 1
    if subject == Subject.LATE:
        until = now + timedelta(hours=3)
        made = {"minutes": 60, "said_at": now, "until": until}
        return RunningLate.objects.get_or_create(practitioner=visit.practitioner, ended_at=None, defaults=made)[0].pk
    if subject == Subject.DESK_TEXT:
        return DeskText.objects.create(appointment=visit, code="call_us", asked_at=now).pk
    if subject == Subject.RECALL:
        Clinic.objects.update(recall_months=6)
        Clinic.forget_current()
        assert visit.patient
        choose_care(visit.patient, True, by=Actor.anonymous(), now=now)
        return 1
    if subject == Subject.ASKED:
        if visit.response is None:
            publish_all(by=Actor.system(), now=WEDNESDAY)
            visit.response = start_draft("hair-loss-intake", by=Actor.anonymous(), now=WEDNESDAY)
            visit.save()
        QuestionnaireResponse.objects.filter(pk=visit.response.pk).update(ask_sequence=1, asked_at=now)
        return 1
    return visit.ics_sequence


def flagged(visit: Appointment, clinic: Clinic) -> QuestionnaireResponse:
    """Sent answers that need somebody today, with a named person to page."""
    if visit.response is None:
        publish_all(by=Actor.system(), now=WEDNESDAY)
        visit.response = start_draft("hair-loss-intake", by=Actor.anonymous(), now=WEDNESDAY)
        visit.save()
    Clinic.objects.update(urgent_email="oncall@tn.example")
    Clinic.forget_current()
    return visit.response


def finish_later(channel: str, address: str, *, now: datetime) -> ResumeLink:
    """A draft that somebody wants to finish later."""
    publish_all(by=Actor.system(), now=WEDNESDAY)
    draft = start_draft("hair-loss-intake", by=Actor.anonymous(), now=now)
    save_contact(draft, {"date_of_birth": date(1991, 4, 2)}, by=Actor.anonymous(), now=now)
    return save_for_later(draft, channel=channel, address=address, by=Actor.anonymous(), now=now)


def time_offered(visit: Appointment, *, now: datetime) -> WaitlistOffer:
    """A time that the waiting list offers to the person of a visit."""
    assert visit.patient
    entry = actions.join(visit.service, actions.Wishes(), patient=visit.patient, by=Actor.anonymous(), now=now)
    made, _new = WaitlistOffer.objects.update_or_create(
        entry=entry,
        defaults={
            "practitioner": visit.practitioner, "starts_at": visit.starts_at, "ends_at": visit.ends_at,
            "offered_at": now, "expires_at": now + timedelta(minutes=45),
        },
    )  # fmt: skip
    return made


@pytest.fixture
def every_letter(
    post: Post, visit: Appointment, clinic: Clinic, lead_user: User
) -> Callable[..., Iterator[tuple[str, str, Letter]]]:
    """All kinds in all their channels (or one) and moods, for the visit as it is now."""

    def compose_all(only: str = "") -> Iterator[tuple[str, str, Letter]]:
        clock_now = visit.starts_at - timedelta(days=1, hours=2)
        for code, kind in KINDS.items():
            for channel in kind.channels:
                if only not in ("", channel):
                    continue
                subject_id, about = 0, visit
                if kind.subject == Subject.CODE:
                    by, address = Actor.anonymous(), "maya@example.com" if channel == EMAIL else "+15195550181"
                    subject_id = ask_code(
                        channel=channel, address=address, purpose="book", subject_key="x", by=by, now=clock_now
                    ).pk
                elif kind.subject == Subject.LINK:
                    patient = Patient.objects.get(pk=visit.patient_id)
                    address = patient.email if channel == EMAIL else patient.e164
                    subject_id = LinkRequest.objects.create(channel=channel, address=address, asked_at=clock_now).pk
                elif kind.subject == Subject.LEFT:
                    left = {"channel": channel, "address": f"former-{uuid.uuid4().hex}"[:20], "left_at": clock_now}
                    subject_id = LeftAddress.objects.create(patient=visit.patient, **left).pk
                elif kind.subject == Subject.SIGN_IN:
                    User.objects.filter(pk=lead_user.pk).update(password="!")  # an invitation is for who has none yet
                    subject_id = SignInMail.objects.create(user=lead_user, kind="totp_activated", asked_at=clock_now).pk
                elif kind.subject == Subject.RESPONSE:
                    subject_id = flagged(visit, clinic).pk
                elif kind.subject == Subject.OFFER:
                    made = time_offered(visit, now=clock_now)
                    made.state = OfferState.SKIPPED if code == "wait_gone" else OfferState.OPEN
                    made.save()
                    subject_id = made.pk
                elif kind.subject == Subject.WAIT:
                    subject_id = time_offered(visit, now=clock_now).entry_id
                elif kind.subject == Subject.RESUME:
                    address = "maya@example.com" if channel == EMAIL else "+15195550181"
                    subject_id = finish_later(channel, address, now=clock_now).pk
                elif kind.subject == Subject.REPLY:
                    inbound = Inbound.objects.create(
                        provider="x",
                        provider_id=uuid.uuid4().hex,
                        sender="+15195550181",
                        sealed=b"",
                        key_id="",
                        received_at=clock_now,
                    )
                    subject_id = inbound.pk
                Patient.objects.update(reminder_by={EMAIL: "email", TEXT: "text"}[channel])
                if kind.asks_questions:
                    Service.objects.update(questionnaire="hair-loss-intake")
                ends = {"missed": ("noshow",), "recall": ("fulfilled",)} | dict.fromkeys(CANCELLATIONS, ("cancelled",))
                said_at = ends.get(code, ("booked", "confirmed"))
                for status in said_at:
                    if kind.subject in ABOUT_VISITS and status not in kind.statuses:
                        continue
                    visit.status = "confirmed" if code == "confirmed" else status
                    for was in (None, visit.starts_at, visit.starts_at - timedelta(days=3)):
                        yield code, channel, letter_of(code, channel, about, subject_id=subject_id, now=clock_now, was_start=was)

    return compose_all


_usual: list[tuple[str, str, Letter]] = []


@pytest.fixture
def letters(request: pytest.FixtureRequest) -> list[tuple[str, str, Letter]]:
    """Those about Maya's visit as it was booked. Letters are values: written once, read by several tests."""
    if not _usual:
        _usual.extend(request.getfixturevalue("every_letter")())
    return _usual


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_kind_has_the_words_of_its_channels_and_no_others(kind: Any) -> None:
    wanted = ({"subject.txt", "email.txt", "email.html"} if EMAIL in kind.channels else set()) | (
        {"text.txt"} if TEXT in kind.channels else set()
    )
    assert {file.name for file in (TEMPLATES / kind.code).iterdir()} == wanted


def test_there_are_no_words_without_a_kind() -> None:
    assert {folder.name for folder in TEMPLATES.iterdir() if folder.is_dir()} == set(KINDS)


@pytest.mark.parametrize("escape", [True, False])
@pytest.mark.parametrize(
    "source",
    ["{{ nothing }}", "{% blocktranslate %}Hello {{ nothing }}{% endblocktranslate %}", "{{ nothing.inside }}",
     "{% blocktranslate with x=nothing.inside %}{{ x }}{% endblocktranslate %}", "{{ name.nothing }}"],
)  # fmt: skip
def test_a_variable_that_is_not_there_is_an_error(escape: bool, source: str) -> None:
    with pytest.raises(words.MissingVariableError):
        words._engine(escape).from_string(source).render({"name": "Maya"})


def test_every_letter_can_be_written(letters: list[tuple[str, str, Letter]]) -> None:
    seen = {(kind, channel) for kind, channel, _letter in letters}
    assert seen == {(code, channel) for code, kind in KINDS.items() for channel in kind.channels}


def test_every_text_is_one_segment_of_gsm7_and_says_from_whom_with_the_longest_names(
    every_letter: Any, visit: Appointment, practitioner: Practitioner, clinic: Clinic, settings: Any
) -> None:
    settings.SITE_URL = "https://" + "b" * 40 + ".ca"
    practitioner.short_name = "Dr. Marie-Françoise Côté-Ó Súilleabháin"
    practitioner.save()
    clinic.short_name, clinic.name = "Clinique Saint-Jérôme-du-Lac Ö", "Clinique Saint-Jérôme-du-Lac Ö Metabolic"
    clinic.street, clinic.unit = "12345 Boulevard Monseigneur-Ignace-Bourget Nord-Ouest", "Bureau 20000-B"
    clinic.phone = "1-800-555-0142 x12345"[:20]
    clinic.save()
    Clinic.forget_current()
    for start in ("2027-09-29 10:20", "2027-09-29 12:00", "2027-11-24 22:50"):
        visit.starts_at, visit.ends_at = at(start), at(start) + timedelta(minutes=30)
        for kind, _channel, letter in every_letter(TEXT):
            assert len(letter.text) <= 160, (kind, len(letter.text), letter.text)
            assert letter.text.startswith(words.to_gsm7(clinic.short_name)), (kind, "whoever gets it knows from whom")
            assert set(letter.text) <= words.GSM7, (kind, set(letter.text) - words.GSM7)


@pytest.mark.parametrize("code", ShortText.values)
def test_each_short_text_of_the_desk_is_one_segment_and_says_when_where_or_whom_to_call_only(
    code: str, visit: Appointment, practitioner: Practitioner, clinic: Clinic, settings: Any
) -> None:
    settings.SITE_URL = "https://" + "b" * 40 + ".ca"
    practitioner.short_name = "Dr. Marie-Françoise Côté-Ó Súilleabháin"
    clinic.short_name, clinic.street = "Clinique Saint-Jérôme-du-Lac Ö", "12345 Boulevard Monseigneur-Ignace-Bourget Nord-Ouest"
    clinic.arrival_text = "x" * 200
    clinic.save()
    Clinic.forget_current()
    visit.practitioner, visit.starts_at = practitioner, at("2027-11-24 22:50")
    message = Message(says_start=visit.starts_at)
    more = {"saying": code, "come_at": visit.starts_at + timedelta(minutes=20)}
    said = clinic_words() | visit_words(visit, message, now=WEDNESDAY) | more
    short = words.text("desk_text", said)
    assert len(short) <= 160, short
    assert set(short) <= words.GSM7
    assert short.startswith(words.to_gsm7(clinic.short_name))
    assert len(words.plain("desk_text", said | {"note": ""})) > 200
    assert not says_why(short)


def test_no_text_asks_for_a_reply_that_networks_take_for_an_opt_out(letters: list[tuple[str, str, Letter]]) -> None:
    """Only the answer to HELP says STOP, and means it."""
    asked: set[str] = set()
    for kind, channel, letter in letters:
        if channel == TEXT and kind not in OPT_OUT_ANSWERS:
            replies = {word.casefold() for word in re.findall(r"\b(?:reply|answer|text|send) ([A-Z]+)\b", letter.text, re.I)}
            assert not replies & (STOP | START | HELP), (kind, letter.text)
            asked |= replies & {"c", "n"}
    assert asked == {"c", "n"}, "or nothing was looked at"


@pytest.mark.parametrize(
    ("typed", "sent"),
    [("Côté", "Cote"), ("José", "José"), ("Siobhán", "Siobhan"), ("Zoë’s", "Zoe's"), ("10:20\u00a0am", "10:20 am"),
     ("Łukasz", "Lukasz"), ("“Œuvre” – 5 €", '"OEuvre" - 5 EUR'), ("李", "?"), ("a\nb", "a\nb"), ("naïve Éric", "naive Éric")],
)  # fmt: skip
def test_letters_outside_gsm7_are_written_with_those_inside(typed: str, sent: str) -> None:
    assert words.to_gsm7(typed) == sent


def test_no_message_says_why_the_patient_comes(every_letter: Any, visit: Appointment, patient: Patient) -> None:
    """Canaries in every place that knows the reason; then every word of every message is searched for them."""
    service = visit.service
    service.name, service.slug = "Canary scalp treatment", "canary-slug"
    service.price_text, service.questionnaire = "Canary price", "canary-questions"
    service.save()
    visit.cancel_reason, visit.call_reason = "Canary reason", "Canary call"
    visit.article = "ca9a4700-0000-4000-8000-00000000cafe"
    visit.practitioner.role_text = visit.practitioner.approach = "Canary dermatology"
    visit.practitioner.save()
    clinical = re.compile(
        r"canary|ca9a47|hair|scalp|shedding|alopecia|dutasteride|finasteride|minoxidil|mesotherapy|metaboli[sz]e|diagnos|symptom|"
        r"treatment|assessment|follow-?up|weight|libido|mood|depress|questionnaire|medication|dermatolog",
        re.I,
    )
    for kind, channel, letter in every_letter():
        html = re.sub(r' style="[^"]*"', "", letter.html)
        headers = str(build_mail(Delivery(), letter).message().items()) if channel == EMAIL else ""
        everything = " ".join([letter.text, letter.subject, html, letter.calendar.decode(), headers])
        assert not clinical.search(everything), (kind, channel, clinical.search(everything))


def test_a_subject_holds_a_date_or_a_code_and_nothing_of_the_patient(letters: list[tuple[str, str, Letter]]) -> None:
    for _kind, channel, letter in letters:
        if channel == EMAIL:
            assert "Maya" not in letter.subject
            assert "\n" not in letter.subject
            assert len(letter.subject) <= 78


def test_text_and_html_say_the_same_essentials(letters: list[tuple[str, str, Letter]]) -> None:
    for kind, channel, letter in letters:
        if channel != EMAIL:
            continue
        for link in set(re.findall(r"https://tn\.example/\S+?(?=[\s<\"]|$)", letter.text)):
            assert f'href="{link}"' in letter.html, (kind, link)
        for phrase in ("519-555-0142", "100 Example Street, Suite 200, Kitchener, ON"):
            assert phrase in letter.text
            assert phrase in letter.html


def test_html_letters_load_nothing_from_anywhere(letters: list[tuple[str, str, Letter]]) -> None:
    for kind, _channel, letter in letters:
        assert not re.search(r"<img|<script|<link|url\(|@import|src=", letter.html), kind


def test_names_are_escaped_in_html_and_not_in_text(visit: Appointment, patient: Patient, post: Post) -> None:
    Patient.objects.filter(pk=patient.pk).update(preferred_name="<b>D'Arcy & Co</b>")
    letter = letter_of("booked", EMAIL, visit)
    assert "Hello <b>D'Arcy & Co</b>," in letter.text
    assert "<b>D" not in letter.html
    assert "D&#x27;Arcy &amp; Co" in letter.html


def test_the_parts_of_the_questions_are_told_only_as_numbers(visit: Appointment, post: Post) -> None:
    visit.service.questionnaire = "hair-loss"
    visit.service.save()
    letter = letter_of("booked", EMAIL, visit)
    assert "Answer your questions, as many as you like" in letter.text
    assert "hair" not in letter.text + letter.html


@pytest.mark.parametrize("kind", ["booked", "moved"])
def test_a_close_visit_names_no_free_time_that_is_over(kind: str, visit: Appointment, post: Post) -> None:
    late = letter_of(kind, EMAIL, visit, now=visit.starts_at - timedelta(hours=3))
    for part in (late.text, late.html):
        assert "It is less than 24 hours away: changes are by phone and cancelling costs $50. Call us:" in part
        assert "without a fee" not in part
    early = letter_of(kind, EMAIL, visit)
    assert "less than 24 hours" not in early.text + early.html


def test_every_mail_has_the_headers_that_keep_it_out_of_loops(post: Post, visit: Appointment) -> None:
    delivery = Delivery()
    mail = build_mail(delivery, letter_of("booked", EMAIL, visit)).message()
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Reply-To"] == "hello@tn.example"
    assert mail["Message-ID"] == f"<{delivery.public_id}@tn.example>"
    assert mail["Message-ID"] == build_mail(delivery, letter_of("booked", EMAIL, visit)).message()["Message-ID"]


def test_one_click_unsubscribe_is_on_care_and_on_nothing_about_what_is_booked(letters: list[tuple[str, str, Letter]]) -> None:
    for kind, channel, letter in letters:
        if channel == EMAIL:
            mail = build_mail(Delivery(), letter).message()
            assert ("List-Unsubscribe" in mail) is KINDS[kind].care, kind
            assert ("List-Unsubscribe-Post" in mail) is KINDS[kind].care, kind


def test_the_footer_leads_to_the_choice_of_channels(post: Post, visit: Appointment) -> None:
    letter = letter_of("booked", EMAIL, visit)
    link = re.search(r"https://tn\.example/v/[0-9A-Za-z]{16}/messages/", letter.text)
    assert link
    assert f'href="{link.group()}"' in letter.html


def test_task_arguments_and_schedule_carry_no_data() -> None:
    from config.celery import app

    app.loader.import_default_modules()
    assert {name for name in app.tasks if name.startswith("notifications.")} == {
        "notifications.tick", "notifications.sweep", "notifications.reconcile", "notifications.forget"
    }  # fmt: skip
    for entry in app.conf.beat_schedule.values():
        assert "args" not in entry
        assert "kwargs" not in entry
        assert entry["options"]["expires"] == entry["schedule"]


def test_rows_of_the_outbox_hold_no_name_no_address_and_no_words(post: Post, visit: Appointment) -> None:
    planner.tick(now=WEDNESDAY)
    rows = [*Message.objects.values(), *Delivery.objects.values()]
    written = json.dumps(rows, default=str)
    assert rows
    assert not re.search(r"maya|chowdhury|example\.com|5195550181", written, re.I)
    assert clock.now()


def test_the_mail_about_missing_questions_opens_them(visit: Appointment, post: Post) -> None:
    visit.service.questionnaire = "hair-loss"
    visit.service.save()
    for channel, way in ((EMAIL, "email"), (TEXT, "text")):
        Patient.objects.update(reminder_by=way)
        letter = letter_of("questions_72h", channel, visit)
        assert re.search(r"https://tn\.example/v/\w{16}/questions/(?=\s|$)", letter.text)
        assert letter.text.count("/v/") == (2 if channel == EMAIL else 1), "beside the choice of channels"


def test_whoever_booked_for_somebody_is_not_the_one_we_look_forward_to(visit: Appointment, patient: Patient, post: Post) -> None:
    said = clinic_words() | visit_words(visit, Message(), now=WEDNESDAY) | {"note": "", "subject": "", "for_whom": "Rosa"}
    for part in (words.plain("booked", said), words.html("booked", said)):
        assert "We look forward to meeting Rosa." in part
        assert "meeting you" not in part


def test_each_button_keeps_its_colour_where_the_padding_of_links_is_dropped(letters: list[tuple[str, str, Letter]]) -> None:
    """Outlook on Windows writes with Word's engine: it colours cells and pads them, and leaves the padding of a link out."""
    for kind, channel, letter in letters:
        if channel == EMAIL:
            assert not re.search(r"<a (?![^>]*style=)", letter.html), f"{kind}: a link in the browser's own blue"
            if 'class="pad btn"' in letter.html:
                assert re.search(r'<td bgcolor="#17514A" style="[^"]*mso-padding-alt:[^"]*"><a ', letter.html), kind


def test_the_text_part_says_why_one_gets_it_as_the_html_does(letters: list[tuple[str, str, Letter]]) -> None:
    for kind, channel, letter in letters:
        if channel == EMAIL:
            why = re.search(r"You get this because [^.]*\.", letter.html)
            assert why, kind
            assert why.group() in letter.text, kind


def test_a_mail_with_a_calendar_file_says_what_it_does(letters: list[tuple[str, str, Letter]]) -> None:
    seen = set()
    for kind, channel, letter in letters:
        if channel == EMAIL and letter.calendar:
            seen.add(kind)
            for part in (letter.text, letter.html.partition('role="article"')[2]):
                assert re.search(r"attached", part), kind
                assert re.search(r"calendar", part), kind
    assert seen == {code for code, kind in KINDS.items() if kind.calendar}


def test_what_the_preview_of_a_mail_promises_is_in_its_body(letters: list[tuple[str, str, Letter]]) -> None:
    promised = {
        "calendar": "calendar", "to bring": "Bring photo ID", "change it": "Choose another time|change my",
        "call us": "519-555-0142", "about a minute": "It takes about a minute", "skip any": "skip any", "link works once": "works once",
        "No need to rush": "No need to rush", "next one": "next one", "yours until": "yours until", "book again": "Book again",
        "One tap": "Confirm my appointment", "Tell us if": "Confirm, or choose", "saved": "saved", "Nothing to do": "nothing else to do",
    }  # fmt: skip
    kept = set()
    for kind, channel, letter in letters:
        if channel == EMAIL:
            preview, _hidden, body = letter.html.partition('role="article"')
            said = preview.partition("display:none")[2]
            for word in (w for w in promised if w in said):
                kept.add(word)
                assert re.search(promised[word], body), (kind, word)
    assert kept == set(promised), set(promised) - kept
