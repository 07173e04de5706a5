"""What the booking screens start from: Wednesday morning, a published questionnaire, and a browser that knows the way."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from html import unescape
from typing import Any

import pytest
import time_machine
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts import clock
from audit.actor import Actor
from booking import actions, picker
from booking.links import token_of
from booking.models import Appointment, Practitioner, Service
from intake import engine
from intake.actions import asking_for, publish, save_contact, save_page, start_draft
from intake.document import decrypt, put
from intake.loader import FOLDER, load
from intake.models import QuestionnaireResponse
from patients.actions import Contact, digits_of
from patients.models import ContactCode
from tests.factories import WEDNESDAY, contact_of

WEB = Actor.anonymous()
HAIR = load(FOLDER / "hair-loss-intake-1.0.2.yaml")  # read once: it takes longer than most tests
# What no form may fall over: nothing, too much, bytes and letters that mean nothing here, other types' spellings.
HOSTILE = [
    "", " ", "x" * 20_000, "a\x00b", "\x1b[2J", "\u202egnp.exe", "\u2028", "١٢٣٤٥٦", "NaN", "-1", "1e9", "[]", "{}", "null",
    "' OR 1=1 --", "<script>alert(1)</script>", "{{ 7*7 }}", "../../etc/passwd", "%00", "9" * 400, "2027-02-30",
    "2027-02-10T10:00", "9999-12-31T23:59Z 00000000-0000-0000-0000-000000000000", "0001-01-01T00:00Z x", "🙂" * 50,
]  # fmt: skip
# What a test client will not encode: halves of surrogate pairs and bytes that are not UTF-8.
RAW = [b"\xed\xa0\x80", b"\xff\xfe", b"%ED%A0%80", b"%FF", b"%00"]


@pytest.fixture
def at() -> Iterator[time_machine.Traveller]:
    """The clock stands at nine on a Wednesday morning, until a test moves it."""
    with time_machine.travel(WEDNESDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def assessment(at: Any, service: Service) -> Service:
    """The first assessment as it is booked online: with its questionnaire published."""
    service.questionnaire = "hair-loss-intake"
    service.save()
    publish(HAIR, by=Actor.system(), now=WEDNESDAY)
    return service


def on(day: int, hour: int, minute: int = 0, month: int = 2) -> datetime:
    """An instant in February 2027 on the clinic's clock. The 10th is a Wednesday."""
    return clock.instant(datetime(2027, month, day).date(), datetime(2027, 1, 1, hour, minute).time(), clock.clinic_zone())  # noqa: DTZ001


def text_of(response: HttpResponse) -> str:
    """What a page says, without its markup."""
    body = re.sub(r"<(script|style|svg|title|template).*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    body = re.sub(r"(?<![ >])<(b|strong|i|em|small|span|a|abbr)[ >]", r" <\1 ", body)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body))).replace(" .", ".").replace(" ,", ",")


def title_of(response: HttpResponse) -> str:
    """The page's title."""
    found = re.search(r"<title>(.*?)</title>", response.content.decode(), re.DOTALL)
    assert found
    return unescape(found[1]).strip()


def offered(response: HttpResponse, name: str = "slot") -> list[str]:
    """The times a page offers as buttons, in order."""
    return [unescape(v) for v in re.findall(rf'<button[^>]* name="{name}" value="([^"]+)"', response.content.decode())]


def anchors(response: HttpResponse) -> list[str]:
    """Where the page's links lead."""
    return [unescape(v) for v in re.findall(r'href="([^"]+)"', response.content.decode())]


DETAILS = {
    "first_name": "Daniel",
    "last_name": "Whitford",
    "preferred_name": "",
    "date_of_birth_month": "3",
    "date_of_birth_day": "27",
    "date_of_birth_year": "1987",
    "mobile": "519-555-0178",
    "email": "daniel@example.com",
    "reminder_by": "text_email",
    "voicemail_ok": "no",
}
# Somebody who knows Daniel's name, birthday and addresses, says that they help him, and has an address of their own.
POSING = {
    "for": "other", "helper_name": "Sam Lee", "helper_relation": "friend", "messages_to": "helper", "may_help": "on",
    "own_mobile": DETAILS["mobile"], "own_email": DETAILS["email"], "email": "sam@example.com", "mobile": "519-555-0166",
}  # fmt: skip


# The same as a draft keeps it.
TYPED = {
    "first_name": "Daniel", "last_name": "Whitford", "preferred_name": "", "date_of_birth": "1987-03-27", "mobile": "+15195550178",
    "email": "daniel@example.com", "reminder_by": "text_email", "voicemail_ok": False,
}  # fmt: skip


class Browser:
    """A patient's browser without scripts, on the booking path."""

    def __init__(self, service: Service, usual: datetime | None = None) -> None:
        self.service, self.client = service, Client(REMOTE_ADDR="203.0.113.7")
        self.usual = usual or on(11, 10)

    def another(self, usual: datetime | None = None) -> "Browser":
        """Somebody else's, who will want another time."""
        return Browser(self.service, usual or on(12, 14))

    def get(self, name: str, *args: Any, query: str = "") -> HttpResponse:
        """GET a page by its URL name."""
        return self.client.get(reverse(f"booking:{name}", args=args) + query)  # type: ignore[return-value]

    def post(self, name: str, *args: Any, query: str = "", **fields: Any) -> HttpResponse:
        """POST to a page by its URL name."""
        return self.client.post(reverse(f"booking:{name}", args=args) + query, fields)  # type: ignore[return-value]

    def raw(self, url: str, names: str, rest: str = "") -> set[int]:
        """How a page answers bytes that are no text, in each of the named fields."""
        kind = "application/x-www-form-urlencoded"
        bodies = [rest.encode() + b"".join(b"&%s=%s" % (name.encode(), bad) for name in names.split()) for bad in RAW]
        return {self.client.post(url, body, content_type=kind).status_code for body in bodies}

    @property
    def draft(self) -> QuestionnaireResponse:
        """The draft in this browser's session."""
        return QuestionnaireResponse.objects.get(public_id=self.client.session["draft"])

    def begun(self) -> "Browser":
        """After Start."""
        assert self.post("start").status_code == 303
        return self

    def with_time(self, start: datetime | None = None, practitioner: Practitioner | None = None) -> "Browser":
        """After a time was tapped; by default Thursday at ten."""
        practitioner = practitioner or self.service.practitioners.first()
        answer = self.begun().post("time", slot=picker.value_of(start or self.usual, practitioner))
        assert answer.status_code == 303, text_of(answer)
        return self

    def with_details(self, **changes: Any) -> "Browser":
        """After the details were given."""
        answer = self.with_time().post("details", **(DETAILS | changes))
        assert answer.status_code == 303, text_of(answer)
        return self

    def with_code(self, **changes: Any) -> "Browser":
        """After the code was typed."""
        answer = self.with_details(**changes).post("code", code=digits_of(ContactCode.objects.latest("pk")))
        assert answer["Location"] == reverse("booking:check"), text_of(answer)
        return self

    def answer_everything(self) -> None:
        """Give every required answer."""
        answer_everything(self.draft)

    def booked(self, **changes: Any) -> Appointment:
        """After Book my visit; the questions are not finished."""
        answer = self.with_code(**changes).post("check", do="book")
        assert answer["Location"] == reverse("booking:done"), text_of(answer)
        return Appointment.objects.latest("pk")


def answer_everything(response: QuestionnaireResponse) -> None:
    """Give every required answer, the first there is: consents and the last page through the action."""
    document = decrypt(response)
    last: tuple[engine.Page, dict[str, Any]] | None = None
    for _turn in range(200):
        asking = asking_for(response, document)
        states = engine.progress(response.definition, document.answers, document.done, asking)
        page = next((state.go for state in states if state.state != "done"), None)
        if page is None and last is None:
            return
        if page is None or any(question.consent for question in page.questions):
            put(response, document)
            response.save()
        if page is None:
            save_page(response, *last, by=WEB, now=clock.now())
            return
        given = {}
        for question in page.questions:
            group = response.definition.groups.get(question.group)
            if question.type == "display" or not question.required or (group and group.repeats):
                continue
            given[question.link_id] = plain_answer(question)
        last = page, given
        if any(question.consent for question in page.questions):
            save_page(response, page, given, by=WEB, now=clock.now())
            response = QuestionnaireResponse.objects.get(pk=response.pk)
            document = decrypt(response)
        else:
            document.answers = engine.calc(response.definition, document.answers | given, response.today)
            document.done.append(page.key)
    raise AssertionError("the questions do not end")


def plain_answer(question: Any) -> Any:
    """An answer that opens as little as possible."""
    if question.type == "boolean":
        return True
    if question.type == "date":
        return "1987-03-27"
    if question.type == "integer":
        return question.min or 0
    if question.options:
        codes = [option.code for option in question.options if not option.staff_only]
        for wanted in ("none", "no", "unsure", "self", "male"):
            if wanted in codes:
                return [wanted] if question.multiple else wanted
        return [codes[0]] if question.multiple else codes[0]
    return "Nothing to add"


@pytest.fixture
def walker(assessment: Service) -> Browser:
    """A patient's browser."""
    return Browser(assessment)


@pytest.fixture
def visit(walker: Browser) -> Appointment:
    """Daniel's visit, booked online for Thursday of next week at ten; nothing of the questions is answered."""
    return books(walker.service, on(18, 10))


def books(service: Service, start: datetime, *, answers: bool = False) -> Appointment:
    """Daniel books online, and sends his answers with it; by the verb, which takes a quarter of the browser's time."""
    now = clock.now()
    draft = start_draft(service.questionnaire, by=WEB, now=now)
    save_contact(draft, TYPED, by=WEB, now=now)
    signed: dict[str, Any] = {}
    if answers:
        answer_everything(draft)
        draft = QuestionnaireResponse.objects.get(pk=draft.pk)
        signed = {"declared_at": now, "signature": "Daniel Whitford"}
    who, contact = (
        service.practitioners.get(),
        Contact("Daniel", "Whitford", date(1987, 3, 27), email=TYPED["email"], mobile=TYPED["mobile"]),
    )
    actions.book(service, who, start, contact=contact, checked_channel="text", response=draft, by=WEB, now=now, **signed)
    return Appointment.objects.select_related("practitioner", "service", "patient", "response").latest("pk")


@pytest.fixture
def token(visit: Appointment) -> str:
    """The token of that visit's private link."""
    return token_of(visit)


@pytest.fixture
def link(visit: Appointment) -> Browser:
    """Another browser, that has only the private link."""
    return Browser(visit.service)


def somebody_books(service: Service, practitioner: Practitioner, start: datetime) -> Appointment:
    """Maya takes a time at the desk."""
    desk, now = Actor("staff", None, "reception"), clock.now()
    return actions.book_for(service, practitioner, start, patient=None, contact=contact_of(), overbook=True, by=desk, now=now)


def rows() -> tuple[int, ...]:
    """What a GET must leave alone."""
    from audit.models import AuditEvent
    from booking.models import LinkRequest
    from patients.models import Patient

    versions = sum(Appointment.objects.values_list("version", flat=True))
    tables = (Appointment, QuestionnaireResponse, ContactCode, Patient, LinkRequest, AuditEvent)
    return (versions, *(table.objects.count() for table in tables))
