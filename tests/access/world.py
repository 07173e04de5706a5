"""A clinic with three patients who know nothing of each other, and everybody who may knock: built once, then rolled back.

Every field of a patient carries a canary (`CANARY-B-finish_other`), so that a leak is a search for bytes. Ada (A) has booked
and holds her private link, Bea (B) has booked too, Cy (C) is in the middle of booking. Wednesday, 9 a.m. at the clinic.
"""

import uuid
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client

from accounts import clock
from accounts.links import new_link
from accounts.models import User
from articles import demo
from audit.actor import Actor
from audit.models import AuditEvent
from booking import actions, calendar
from booking.links import token_of, waiting_token_of
from booking.models import Appointment, Practitioner, Service, Status
from booking.setup import DEMO_CLINIC, load_clinic
from intake import engine
from intake.actions import Upload, add_photo, ask_correction, asking_for, publish_all, save_contact, save_for_later, start_draft
from intake.actions.later import token_of as resume_token_of
from intake.document import decrypt, put
from intake.models import QuestionnaireResponse
from intake.photos import LABS
from notifications.models import CaughtMail, CaughtText
from patients.actions import Contact, ask_code, open_account
from patients.models import MergeOffer, Patient
from tests.factories import PASSWORD

WEB = Actor.anonymous()
AUDIENCES = ("anonymous", "drafting", "patient", "reception", "physician", "lead", "account")
STAFF = ("reception", "physician", "lead")
_HANDLERS: dict[bool, Any] = {}


def canary(who: str, name: str) -> str:
    """What patient `who` ("A", "B", "C") has in field `name`."""
    return f"CANARY-{who}-{name}"


@dataclass(frozen=True)
class Marks:
    """The bytes that give a patient away."""

    contact: list[bytes]
    answers: list[bytes]


@dataclass
class World:
    """What there is. Token and public ids are what somebody outside would hold."""

    now: datetime
    people: dict[str, Patient] = field(default_factory=dict)
    visits: dict[str, Appointment] = field(default_factory=dict)
    responses: dict[str, QuestionnaireResponse] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    marks: dict[str, Marks] = field(default_factory=dict)
    users: dict[str, User] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    photos: dict[str, Any] = field(default_factory=dict)
    corrections: dict[str, Any] = field(default_factory=dict)
    offer: Any = None
    held: Any = None
    place: Any = None
    code: Any = None
    service: Any = None
    physician: Any = None
    mail: Any = None
    text: Any = None
    off: Any = None
    batch: Any = None
    events: int = 0  # the newest in the trail

    def client(self, audience: str, *, csrf: bool = False, **extra: Any) -> Client:
        """A browser of that audience; each call is a new one with the same session."""
        client = Client(raise_request_exception=False, enforce_csrf_checks=csrf, **extra)
        client.handler = _HANDLERS.setdefault(csrf, client.handler)  # the middlewares are put together once
        if key := self.sessions.get(audience):
            client.cookies[settings.SESSION_COOKIE_NAME] = key
        return client

    @property
    def day(self) -> str:
        """The day of Ada's and Bea's visits."""
        return clock.local(self.visits["B"].starts_at).date().isoformat()

    @property
    def patient(self) -> str:
        """Bea's public id."""
        return str(self.people["B"].public_id)

    def slot(self, number: int = 0, *, practitioner: Any = None) -> Any:
        """An opening that nobody has taken, in the week after next."""
        since = clock.today(self.now) + timedelta(days=9)
        until = since + timedelta(days=6)
        return calendar.openings(self.service, since=since, until=until, now=self.now, practitioner=practitioner)[number]


def contact_of(who: str, born: date, digits: str) -> Contact:
    """Somebody's details, a canary in each."""
    return Contact(
        first_name=canary(who, "first"), last_name=canary(who, "last"), preferred_name=canary(who, "preferred"),
        date_of_birth=born, email=f"canary-{who}-mail@example.com".lower(), mobile=f"+1{digits}",
        reminder_by="text_email", voicemail_ok=True,
    )  # fmt: skip


def _marks(who: str, contact: Contact, response: QuestionnaireResponse) -> Marks:
    digits = contact.mobile[2:]
    spelled = [
        digits,
        f"{digits[:3]}-{digits[3:6]}-{digits[6:]}",
        f"{digits[:3]} {digits[3:6]} {digits[6:]}",
        f"{digits[3:6]}-{digits[6:]}",
    ]
    born = contact.date_of_birth
    names = [canary(who, n) for n in ("first", "last", "preferred")]
    spoken = clock.written_date(born)
    mine = [*names, contact.email, *spelled, born.isoformat(), spoken, spoken.replace("\xa0", " ")]
    texts = [m for m in _texts(decrypt(response).answers) if m.startswith("CANARY-")]
    return Marks([m.encode() for m in mine], [m.encode() for m in [*texts, canary(who, "file")]])


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [t for v in value.values() for t in _texts(v)]
    if isinstance(value, list):
        return [t for v in value for t in _texts(v)]
    return [value] if isinstance(value, str) else []


def answer_all(response: QuestionnaireResponse, who: str, *, pages: int = 120) -> None:
    """Answer question after question, opening as much as possible, with a canary in every free text."""
    definition, document = response.definition, decrypt(response)
    for _turn in range(pages):
        asking = asking_for(response, document)
        todo = [p for p in engine.pages(definition, document.answers, asking) if p.key not in document.done]
        again = [
            p for p in engine.pages(definition, document.answers, asking) if engine.page_problems(definition, p, document.answers)
        ]
        page = next(iter(todo or again), None)
        if page is None:
            break
        for question in page.questions:
            group = definition.groups.get(question.group)
            if group and group.repeats:
                columns = engine.row_questions(definition, group)
                document.answers[group.link_id] = [{q.link_id: canary(who, q.link_id) for q in columns}]
            elif question.type not in {"display", "attachment"}:
                document.answers[question.link_id] = _answer(question, who)
        document.answers = engine.calc(definition, document.answers, response.today)
        document.done.append(page.key)
    put(response, document)
    states = engine.progress(definition, document.answers, document.done, asking_for(response, document))
    response.sections_done = sum(state.state == "done" for state in states)
    response.save()


def file_of(who: str) -> bytes:
    """A file that somebody added, a canary in it."""
    return b"%PDF-1.4\n" + canary(who, "file").encode() + b"\n%%EOF"


def _answer(question: Any, who: str) -> Any:
    if question.type == "boolean":
        return True
    if question.type == "date":
        return "1984-04-04"
    if question.type == "integer":
        return question.min or 0
    if question.options:
        open_ones = [o.code for o in question.options if not o.staff_only and not o.exclusive]
        if not question.multiple:
            preferred = ("helper", "yes-copy", "yes", "now", *open_ones)
            return next(code for code in preferred if code in open_ones)
        chosen: list[Any] = open_ones[: (question.max_choices or 99) - (question.type == "open-choice")]
        return [*chosen, {"text": canary(who, question.link_id)}] if question.type == "open-choice" else chosen
    return canary(who, question.link_id)[: question.max_length or 200]


def _staff(world: World) -> None:
    for role, name in (("reception", "Joanne Miller"), ("physician", "Dr. Amara Osei"), ("lead", "Lena Holt")):
        world.users[role] = User.objects.create_user(f"{role}@tn.example", PASSWORD, name=name, role=role)
    world.physician = Practitioner.objects.get(slug="amara-osei")
    world.physician.user = world.users["physician"]
    world.physician.save()
    for role, user in world.users.items():
        # Signed in ten minutes ago: good for pages, too old for changing a factor.
        proof = [{"method": "password", "at": world.now.timestamp() - 600, "email": user.email}]
        world.sessions[role] = session(
            {
                SESSION_KEY: str(user.pk),
                BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
                HASH_SESSION_KEY: user.get_session_auth_hash(),
                "account_authentication_methods": proof,
                "signed_in_at": world.now.isoformat(),
                "seen_at": world.now.isoformat(),
            }
        )


def session(content: dict[str, Any]) -> str:
    """A browser session with that content; its key."""
    store = SessionStore()
    store.update(content)
    store.create()
    return str(store.session_key)


def _patient(world: World, who: str, born: date, digits: str, at: datetime) -> None:
    """Somebody who has answered everything and booked."""
    contact = contact_of(who, born, digits)
    response = start_draft("hair-loss-intake", by=WEB, now=world.now)
    save_contact(response, asdict(contact), by=WEB, now=world.now)
    answer_all(response, who)
    world.photos[who] = add_photo(response, LABS, Upload(file_of(who)), by=WEB, now=world.now)
    world.marks[who] = _marks(who, contact, response)
    visit = actions.book(
        world.service, world.physician, at, contact=contact, checked_channel="email", response=response,
        declared_at=world.now, signature=f"{contact.first_name} {contact.last_name}", by=WEB, now=world.now,
    )  # fmt: skip
    world.people[who], world.visits[who], world.responses[who] = visit.patient, visit, response
    world.tokens[who] = token_of(visit)


def _drafter(world: World, who: str) -> None:
    """Somebody in the middle of booking: details given, a code on its way, questions half answered."""
    contact = contact_of(who, date(1979, 9, 19), "5195550173")
    response = start_draft("hair-loss-intake", by=WEB, now=world.now)
    answer_all(response, who, pages=80)
    world.photos[who] = add_photo(response, LABS, Upload(file_of(who)), by=WEB, now=world.now)
    save_contact(response, asdict(contact), by=WEB, now=world.now)
    world.responses[who] = response
    world.marks[who] = _marks(who, contact, response)
    world.code = ask_code(
        channel="text", address=contact.mobile, purpose="booking", subject_key=str(response.public_id), by=WEB, now=world.now
    )
    link = save_for_later(response, channel="text", address=contact.mobile, by=WEB, now=world.now)
    world.tokens["resume"] = resume_token_of(link)
    start = world.slot(40)
    person = Practitioner.objects.get(pk=start.practitioner_id)
    world.sessions["drafting"] = session(
        {
            "draft": str(response.public_id),
            "code": str(world.code.public_id),
            "wanted": {"start": start.start.isoformat(), "practitioner": str(person.public_id)},
        }
    )


def _old_visits(world: World) -> None:
    """Links that do not open any more: one over for two days, one replaced by a newer one."""
    old = Appointment.objects.get(pk=world.visits["B"].pk)
    for name, shift in (("expired", timedelta(days=-12)), ("replaced", timedelta(days=1))):
        old.pk, old.public_id, old.status, old.response = None, uuid.uuid4(), Status.NOSHOW, None
        old.starts_at, old.ends_at = world.visits["B"].starts_at + shift, world.visits["B"].ends_at + shift
        world.tokens[name] = token_of(old)
        if name == "replaced":
            old.link_generation += 1
        old.link_sha256 = new_link("visit", old.public_id, old.link_generation).sha256
        old._state.adding = True
        old.save()


def _account(world: World) -> None:
    """Ada has an account and is signed in to it; she and Bea want something corrected."""
    ada = world.people["A"]
    code = ask_code(channel="email", address=ada.email, purpose="portal_sign_in", subject_key="", by=WEB, now=world.now)
    code.used_at = world.now
    code.save()
    user = open_account(ada, code, by=WEB, now=world.now)
    world.users["account"] = user
    world.sessions["account"] = session(
        {
            SESSION_KEY: str(user.pk),
            BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0],
            HASH_SESSION_KEY: user.get_session_auth_hash(),
            **{key: world.now.isoformat() for key in ("me_seen_at", "me_proved_at", "me_since")},
        }
    )
    for who, about in (("A", "details"), ("B", "answers")):
        person = world.people[who]
        world.corrections[who] = ask_correction(person, about=about, text=canary(who, "correction"), by=WEB, now=world.now)
        world.marks[who].answers.append(canary(who, "correction").encode())


def build() -> World:
    """Everything. The caller rolls it back."""
    world = World(now=clock.now())
    load_clinic(DEMO_CLINIC, now=world.now, by=Actor.system())
    demo.load(world.now)
    publish_all(by=Actor.system(), now=world.now)
    world.service = Service.objects.get(slug="first-assessment")
    _staff(world)
    monday = clock.today(world.now) + timedelta(days=5)
    at = [
        s.start for s in calendar.openings(world.service, since=monday, until=monday, now=world.now, practitioner=world.physician)
    ]
    _patient(world, "A", date(1984, 4, 4), "5195550171", at[0])
    _patient(world, "B", date(1977, 7, 7), "5195550199", at[3])
    answered = str(world.responses["A"].public_id)
    world.sessions["patient"] = session({"draft": answered, "shown": answered, "booked": str(world.visits["A"].public_id)})
    _drafter(world, "C")
    _old_visits(world)
    _account(world)
    for name in ("old feed", "feed"):
        world.tokens[name] = actions.open_feed(world.physician, by=Actor.system(), now=world.now).token
    twin = Patient.objects.create(
        legal_first_name=canary("B", "first"), legal_last_name=canary("B", "last"), date_of_birth=date(1977, 7, 7),
        email="canary-b-mail@example.com", created_at=world.now,
    )  # fmt: skip
    world.people["twin"] = twin
    world.offer = MergeOffer.objects.create(patient=twin, candidate=world.people["B"], reason="Same", created_at=world.now)
    start = world.slot(60)
    world.held = actions.hold(
        world.service, Practitioner.objects.get(pk=start.practitioner_id), start.start, hold_key="h" * 64, address="x",
        by=WEB, now=world.now,
    )  # fmt: skip
    # Ada would come sooner, and is offered a time right now.
    visit = world.visits["A"]
    entry = actions.join(world.service, actions.Wishes(), patient=visit.patient, visit=visit, by=WEB, now=world.now)
    start = world.slot(70)
    world.place = actions.offer(
        entry, Practitioner.objects.get(pk=start.practitioner_id), start.start, by=Actor.system(), now=world.now
    )
    world.tokens["place"] = waiting_token_of(entry)
    world.mail = CaughtMail.objects.create(
        received_at=world.now, sender="a@tn.example", recipient="canary-b-mail@example.com",
        raw=b"From: a@tn.example\r\nTo: canary-b-mail@example.com\r\nSubject: CANARY-B-first\r\n\r\nCANARY-B-first",
    )  # fmt: skip
    world.text = CaughtText.objects.create(
        received_at=world.now, recipient="+15195550199", body="CANARY-B-first", delivery_id=uuid.uuid4()
    )
    away = world.now + timedelta(days=300)
    world.off = actions.take_time_off(
        world.physician, "vacation", away, away + timedelta(days=3), by=Actor.system(), now=world.now
    )  # fmt: skip
    world.batch = actions.rebook_many(world.off, [], by=Actor.system(), now=world.now)
    world.events = AuditEvent.objects.latest("pk").pk
    return world
