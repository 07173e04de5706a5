"""What messages leave behind of a person: what was to be said to them, what they answered, what was asked for in their name."""

from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet
from django.db.models.functions import Lower

from booking.models import LinkRequest, WaitlistEntry, WaitlistOffer
from intake.models import ResumeLink
from notifications.models import ABOUT_VISITS, Inbound, Message, Subject
from patients.models import ContactCode, Helper, LeftAddress, Patient
from records.people import Person


def own_addresses(person: Person) -> list[str]:
    """Addresses that nobody else here has: neither another person nor their helper. Families share: it may be none."""
    helpers = Helper.objects.filter(patient__in=person.keys)
    links = ResumeLink.objects.filter(response__in=person.responses.values("pk"))
    known = {text for row in person.rows for text in (row.email.lower(), row.e164) if text}
    known |= {text for row in helpers for text in (row.email.lower(), row.e164) if text}
    known |= {text.lower() for text in links.values_list("address", flat=True)}
    others = Patient.objects.exclude(pk__in=person.keys)
    helped = Helper.objects.exclude(patient__in=person.keys)
    drafted = ResumeLink.objects.exclude(response__in=person.responses.values("pk"))
    taken = {
        found.lower()
        for rows in (others, helped)
        for field in ("email", "mobile")
        for found in map(str, rows.annotate(low=Lower(field)).filter(low__in=known).values_list(field, flat=True))
    }
    taken |= {text.lower() for text in drafted.annotate(low=Lower("address")).filter(low__in=known).values_list("low", flat=True)}
    return sorted(known - taken)


def _at(addresses: list[str], field: str) -> Q:
    return reduce(or_, (Q(**{f"{field}__iexact": text}) for text in addresses), Q(pk__in=[]))


def codes(person: Person) -> QuerySet[ContactCode]:
    """Codes that were asked for by them: for their draft or record, or sent where nobody else is reached."""
    keys = [str(row.public_id) for row in person.rows] + [
        str(key) for key in person.responses.values_list("public_id", flat=True)
    ]
    return ContactCode.objects.filter(Q(subject_key__in=keys) | _at(own_addresses(person), "address"))


def lost_links(person: Person) -> QuerySet[LinkRequest]:
    """Links that they had lost."""
    return LinkRequest.objects.filter(_at(own_addresses(person), "address"))


def inbound(person: Person) -> QuerySet[Inbound]:
    """Texts that came from them: about a visit of theirs, or from a number that is nobody else's."""
    visits = person.visits.values("pk")
    return Inbound.objects.filter(Q(visit_id__in=visits) | _at(own_addresses(person), "sender")).order_by("received_at", "pk")


def messages(person: Person) -> QuerySet[Message]:
    """Whatever was to be said to them, or to others about them, oldest first, with its tries."""
    offers = WaitlistOffer.objects.filter(entry__patient__in=person.keys)
    links = ResumeLink.objects.filter(response__in=person.responses.values("pk"))
    about = {
        Subject.CODE: codes(person), Subject.LINK: lost_links(person), Subject.RESPONSE: person.responses,
        Subject.WAIT: WaitlistEntry.objects.filter(patient__in=person.keys),
        Subject.LEFT: LeftAddress.objects.filter(patient__in=person.keys),
        Subject.RESUME: links, Subject.REPLY: inbound(person), Subject.OFFER: offers,
    }  # fmt: skip
    found = Q(subject_type__in=ABOUT_VISITS, subject_id__in=list(person.visits.values_list("pk", flat=True)))
    for kind, rows in about.items():
        found |= Q(subject_type=kind, subject_id__in=list(rows.values_list("pk", flat=True)))
    return Message.objects.filter(found).prefetch_related("deliveries").order_by("due_at", "pk")
