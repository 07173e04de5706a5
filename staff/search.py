"""Finding a patient at the desk: exact phone, exact reference, beginning of a name, sounds like it; in this order."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Func, OuterRef, Q, Subquery, Value
from django.db.models.functions import Lower

from accounts import clock
from booking.fields import parse_phone
from booking.models import OPEN, Appointment, Status
from patients.models import Patient

MOST = 12
_SOUND_POOL = 2000
_FROM = "àáâãäåçèéêëìíîïñòóôõöùúûüýÿ"
_TO = "aaaaaaceeeeiiiinooooouuuuyy"


@dataclass(slots=True)
class Hit:
    """A patient and why they were found: phone, part (of a phone), reference, name or sound."""

    patient: Patient
    why: str
    last: Appointment | None = None
    next: Appointment | None = None


def fold(text: str) -> str:
    """Lower case without accents."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c))


def digits_of(text: str) -> str:
    """The digits of what was typed, if it can be a phone number; else an empty string."""
    digits = "".join(c for c in text if c.isdigit())
    return digits if digits and not any(c.isalpha() for c in text) and len(digits) >= 3 else ""


def soundex(name: str) -> str:
    """American Soundex of a name: Tremblay and Trombley are T651."""
    letters = [c for c in fold(name) if "a" <= c <= "z"]
    if not letters:
        return ""
    codes = {c: d for d, group in enumerate(("bfpv", "cgjkqsxz", "dt", "l", "mn", "r"), 1) for c in group}
    out, before = letters[0].upper(), codes.get(letters[0], 0)
    for letter in letters[1:]:
        code = codes.get(letter, 0)
        if code and code != before:
            out += str(code)
        if letter not in "hw":
            before = code
    return (out + "000")[:4]


def _plain(field: str) -> Func:
    """A name column in lower case without accents, without an extension."""
    return Func(Lower(F(field)), Value(_FROM), Value(_TO), function="translate")


def find(user: Any, text: str, *, now: datetime, limit: int = MOST) -> list[Hit]:
    """The patients that a few typed characters may mean, best first.

    A reference finds the patient of that visit. Names match from their beginning, in either order, without accents.
    """
    text = " ".join(text.replace("\x00", " ").split())[:80]  # PostgreSQL knows no such byte
    if len(text) < 2:
        return []
    base = Patient.objects.for_actor(user).current()
    found: dict[int, Hit] = {}

    def add(rows: Any, why: str) -> None:
        for patient in rows:
            if len(found) < limit:
                found.setdefault(patient.pk, Hit(patient, why))

    digits = digits_of(text)
    if digits:
        if number := parse_phone(text):
            add(base.filter(mobile=number).order_by("pk")[:limit], "phone")
        tail = digits[1:] if digits.startswith("1") and len(digits) > 3 else digits
        add(base.filter(mobile__startswith=f"+1{tail}").order_by("legal_last_name", "pk")[:limit], "part")
        if len(digits) >= 4:
            add(base.filter(mobile__contains=tail).order_by("legal_last_name", "pk")[:limit], "part")
    # Four letters may be a reference or the beginning of a name: the reference must say so, or exist and be open.
    pk = Appointment.id_of_reference(text)
    if pk is not None and pk < 2**62:
        visits = Appointment.objects.for_actor(user).visits().filter(pk=pk)
        add(base.filter(appointments__in=visits), "reference")
    if not digits:
        words = [fold(word) for word in text.split()][:3]
        named = base.annotate(first=_plain("legal_first_name"), last=_plain("legal_last_name"), called=_plain("preferred_name"))
        match = Q()
        for word in words:
            match &= (
                Q(first__startswith=word) | Q(last__startswith=word) | Q(called__startswith=word) | Q(last__contains=f" {word}")
            )
        add(named.filter(match).order_by("last", "first", "pk")[:limit], "name")
        heard = [word for word in words if len(word) >= 3]
        if len(found) < limit and heard:
            begins = Q()
            for word in heard:
                begins |= Q(last__startswith=word[0])
            pool = named.filter(begins).exclude(pk__in=list(found))[:_SOUND_POOL]
            add([p for p in pool if _sounds_like(words, p)], "sound")
    hits = list(found.values())
    with_visits(hits, now=now)
    return hits


def _sounds_like(words: list[str], patient: Patient) -> bool:
    """True if one of the words sounds like the last name, and each of the others begins or sounds like the first."""
    last, first = soundex(patient.legal_last_name), soundex(patient.legal_first_name)
    for at, word in enumerate(words):
        others = words[:at] + words[at + 1 :]
        if len(word) >= 3 and soundex(word) == last:
            return all(fold(patient.legal_first_name).startswith(w) or soundex(w) == first for w in others)
    return False


def with_visits(hits: list[Hit], *, now: datetime) -> None:
    """Add each patient's last and next visit, in two statements."""
    pks = [hit.patient.pk for hit in hits]
    mine = Appointment.objects.filter(patient=OuterRef("pk"))
    rows = Patient.objects.filter(pk__in=pks).annotate(
        next_pk=Subquery(mine.filter(status__in=OPEN, starts_at__gte=clock.day_bounds(clock.today(now), clock.clinic_zone())[0])
                         .order_by("starts_at").values("pk")[:1]),
        last_pk=Subquery(mine.filter(status=Status.FULFILLED, starts_at__lt=now).order_by("-starts_at").values("pk")[:1]),
    )  # fmt: skip
    ids = {row.pk: (row.last_pk, row.next_pk) for row in rows}
    wanted = {pk for pair in ids.values() for pk in pair if pk}
    visits = {v.pk: v for v in Appointment.objects.filter(pk__in=wanted).select_related("practitioner", "service")}
    for hit in hits:
        last, following = ids.get(hit.patient.pk, (None, None))
        hit.last, hit.next = visits.get(last), visits.get(following)


def same_person(user: Any, contact: Any) -> list[Patient]:
    """Patients on file who may be the caller: the same number or address, or the same last name and date of birth."""
    match = Q(
        legal_last_name__iexact=contact.last_name,
        date_of_birth=contact.date_of_birth,
    )
    if contact.mobile:
        match |= Q(mobile=contact.mobile)
    if contact.email:
        match |= Q(email__iexact=contact.email)
    return list(Patient.objects.for_actor(user).current().filter(match).order_by("pk")[:5])
