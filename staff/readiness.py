"""What a clinic needs before the first patient, point by point: whether it is there, and where it is put right."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import get_connection

from accounts import clock, health
from accounts.models import Clinic, Role, User
from accounts.signin import has_second_factor
from audit.models import AuditEvent
from booking import calendar
from booking.models import Practitioner, Room, Service
from intake.models import Questionnaire
from notifications import health as outbox

BACKUP_DUE = timedelta(hours=36)
LOOK_AHEAD = timedelta(days=28)
# What the example file invents, and a real clinic does not have.
INVENTED = ("519-555-0142", "100 Example Street")
INVENTED_NUMBERS = ("000101", "000102", "000103")


@dataclass(frozen=True, slots=True)
class Point:
    """One thing to have. `said` is what there is, or what is missing; `where` puts it right."""

    name: str
    ok: bool
    said: str
    where: str = ""


def points(*, now: datetime, connect: bool = True) -> list[Point]:
    """All of them, in the order in which a clinic is set up.

    Args:
        connect: also say hello to the mail server.
    """
    found = list(_settings())
    clinic = Clinic.objects.filter(pk=1).first()
    if clinic is None:
        return [*found, Point("clinic", False, "there is none yet", "manage.py set_up_clinic")]
    found += [*_clinic(clinic), *_people(), *_visit_types(now), *_mail(connect=connect), *_running(now)]
    return found


def _settings() -> Iterator[Point]:
    yield Point(
        "DEBUG, DEMO", not (settings.DEBUG or settings.DEMO), "off" if not (settings.DEBUG or settings.DEMO) else "on", ".env"
    )
    yield Point("SITE_URL", settings.HTTPS, settings.SITE_URL if settings.HTTPS else f"{settings.SITE_URL} is not https", ".env")
    shared = set(settings.ANSWER_KEYS.values()) & {*settings.LINK_KEYS.values(), settings.SECRET_KEY}
    said = "each of its own" if not shared else "one key is used for two things"
    yield Point("keys", not shared, f"{said}; keep ANSWER_KEYS apart from the backups", ".env")


def _clinic(clinic: Clinic) -> Iterator[Point]:
    where = "/clinic/details/"
    invented = [text for text in INVENTED if text in (clinic.phone, clinic.street)]
    yield Point(
        "address", not invented, f"still the example's: {', '.join(invented)}" if invented else clinic.address_line, where
    )
    yield Point("phone hours", bool(clinic.hours_text), clinic.hours_text or "not said", where)
    yield Point("late cancellation", True, clinic.late_fee or "costs nothing", where)
    paged = clinic.urgent_email or "the visit's physician"
    yield Point("urgent answers", True, f"page {paged}, the same day", where)


def _people() -> Iterator[Point]:
    users = list(User.objects.filter(is_active=True, role__in=[Role.RECEPTION, Role.PHYSICIAN, Role.LEAD]).order_by("pk"))
    led = any(user.role == Role.LEAD for user in users)  # only a lead can open the list of people
    for role, name in ((Role.LEAD, "clinic lead"), (Role.RECEPTION, "reception")):
        names = [user.name for user in users if user.role == role]
        where = "/clinic/people/" if led else f"manage.py create_staff --role {role.value}"
        yield Point(name, bool(names), ", ".join(names) or "nobody signs in", where)
    if settings.STAFF_MFA_REQUIRED:
        without = [user.name for user in users if not has_second_factor(user)]
        said = f"not yet: {', '.join(without)}" if without else "everybody has one"
        yield Point("second step of sign-in", not without, said, "at their first sign-in")
    else:
        yield Point("second step of sign-in", False, "STAFF_MFA_REQUIRED is off", ".env")
    booked = list(Practitioner.objects.filter(active=True).order_by("pk").prefetch_related("availability"))
    yield Point("who can be booked", bool(booked), ", ".join(p.short_name for p in booked) or "nobody", "/clinic/physicians/")
    for person in booked:
        missing = [] if person.availability.exists() else ["no weekly hours"]
        missing += [] if person.user_id or not person.registration_number else ["no sign-in"]
        missing += ["the example's register number"] if person.registration_number in INVENTED_NUMBERS else []
        where = "/desk/availability/, /clinic/people/"
        yield Point(person.short_name, not missing, ", ".join(missing) or "hours and sign-in", where)


def _visit_types(now: datetime) -> Iterator[Point]:
    services = list(Service.objects.filter(active=True).prefetch_related("practitioners"))
    online = [service for service in services if service.online]
    names = ", ".join(service.name for service in online)
    yield Point("bookable online", bool(online), names or "no visit type", "/clinic/services/")
    since = clock.today(now)
    kinds = set(Room.objects.filter(active=True).values_list("kind", flat=True))
    published = set(Questionnaire.objects.values_list("slug", flat=True))
    for service in services:
        missing = [] if any(p.active for p in service.practitioners.all()) else ["nobody performs it"]
        missing += [f"no room of kind {service.room_kind}"] if service.room_kind and service.room_kind not in kinds else []
        if service.questionnaire and service.questionnaire not in published:
            missing.append(f"questionnaire {service.questionnaire} is not published")
        if (
            service.online
            and not missing
            and not calendar.openings(service, since=since, until=since + LOOK_AHEAD, now=now, limit=1)
        ):
            missing.append("no opening in four weeks")
        said = ", ".join(missing) or f"{service.minutes} minutes{f', {service.price_text}' if service.price_text else ''}"
        yield Point(service.name, not missing, said, "/clinic/services/")
    for slug in sorted({service.questionnaire for service in services if service.questionnaire in published}):
        said = f"{Questionnaire.newest(slug)}; a physician of the clinic has to have signed it off, which nothing here knows"
        yield Point("questionnaire", True, said)


def _mail(*, connect: bool) -> Iterator[Point]:
    sender = settings.DEFAULT_FROM_EMAIL
    invented = any(text in f"{sender} {settings.MAIL_REPLY_TO}" for text in (".example", "@example."))
    yield Point("MAIL_FROM, MAIL_REPLY_TO", not invented, f"{sender}, {settings.MAIL_REPLY_TO}", ".env")
    if settings.MAIL_PROVIDER == "smtp":
        sealed = settings.EMAIL_USE_TLS or settings.EMAIL_USE_SSL
        yield Point("mail server", sealed, settings.EMAIL_HOST if sealed else f"{settings.EMAIL_HOST} without TLS", ".env")
    if connect:
        trouble = _hello()
        yield Point("mail server answers", not trouble, trouble or settings.MAIL_PROVIDER, ".env")
    yield Point(
        "MAIL_BOUNCES",
        bool(settings.MAIL_BOUNCES) or settings.MAIL_PROVIDER != "smtp",
        settings.MAIL_BOUNCES or "not set",
        ".env",
    )
    yield Point(
        "ALARM_MAIL", bool(settings.ALARM_MAIL), ", ".join(settings.ALARM_MAIL) or "nobody is told when mail is stuck", ".env"
    )
    said = {"off": "off: reminders go by email", "twilio": f"from {settings.TWILIO_FROM}"}.get(
        settings.SMS_CHANNEL, settings.SMS_CHANNEL
    )
    yield Point("texts", settings.SMS_CHANNEL != "catcher", said, ".env")


def _hello() -> str:
    """What is wrong with the mail server, if anything."""
    try:
        with get_connection(fail_silently=False):
            return ""
    except OSError as error:  # smtplib's and ssl's errors are among these
        return f"{type(error).__name__}: it was not let in" if "Auth" in type(error).__name__ else type(error).__name__


def _running(now: datetime) -> Iterator[Point]:
    trouble = outbox.check() or outbox.worker()
    yield Point("messages go out", trouble is None, trouble or "worker and sender do their rounds", "docs/operations.md")
    trouble = health.disk()
    yield Point("disk", trouble is None, trouble or "there is room", "")
    keys = len(settings.BACKUP_KEYS)
    yield Point("BACKUP_KEYS", keys >= 2, f"{keys} of the 2 people who can open a backup", "manage.py backup_key")
    last = AuditEvent.objects.filter(action="backups.make").order_by("-at").values_list("at", flat=True).first()
    fresh = last is not None and now - last < BACKUP_DUE
    said = f"last made {clock.long_when(last)}" if last else "never made"
    yield Point("backup", fresh, said, "docs/operations.md: Every night; restore one before the first patient")
